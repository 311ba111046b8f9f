"""The state-space layer: masks, padding, resets, directions, initial weights."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch.nn import functional as F

from graphlab.errors import InputError
from graphlab.nn import SSDMixer
from graphlab.ops import ssd_sequential


def layer(channels=8, **options):
    torch.manual_seed(0)
    options = {"state": 4, "head_dim": 4, "chunk_size": 4, **options}
    return SSDMixer(channels, **options).double().eval()


def tokens(s=3, length=11, channels=8, seed=1):
    return torch.randn(
        s, length, channels, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def some(s=3, length=11, seed=2):
    return torch.rand(s, length, generator=torch.Generator().manual_seed(seed)) < 0.6


def by_hand(block, h, mask):
    """The block of the docstring, token by token."""
    s, length, _ = h.shape
    width = block.groups * block.state
    z, mixed, step = block.into(block.norm(h)).split(
        [block.inner, block.inner + 2 * width, block.heads], -1
    )
    mixed = mixed * mask[..., None]
    rows = []
    for t in range(length):
        row = block.kernel_bias.clone().expand(s, -1)
        for back in range(block.kernel.shape[0]):
            if t - back >= 0:
                row = row + block.kernel[-1 - back] * mixed[:, t - back]
        rows.append(F.silu(row))
    x, into, out = torch.stack(rows, 1).split([block.inner, width, width], -1)
    step = F.softplus(step + block.step_bias) * mask[..., None]
    y, _ = ssd_sequential(
        x.reshape(s, length, block.heads, -1),
        step,
        -block.log_rate.exp(),
        into.reshape(s, length, block.groups, -1),
        out.reshape(s, length, block.groups, -1),
        D=block.skip,
    )
    y = block.out(block.out_norm(y.flatten(2) * F.silu(z)))
    return (h + y) * mask[..., None]


@pytest.mark.parametrize("options", [{}, {"groups": 2}, {"expand": 2}, {"kernel_size": 1}])
def test_the_block_is_what_its_formula_says(options):
    block, h, mask = layer(**options), tokens(), some()
    torch.testing.assert_close(block(h, mask), by_hand(block, h, mask))


def test_padding_changes_nothing_in_either_direction():
    h = tokens()
    longer = torch.cat([h, tokens(length=6, seed=5)], 1)
    mask = torch.ones(3, 17, dtype=torch.bool)
    mask[:, 11:] = False
    for both in (False, True):
        block = layer(bidirectional=both)
        out = block(longer, mask)
        torch.testing.assert_close(out[:, :11], block(h))
        assert out[:, 11:].abs().sum() == 0


def test_masked_tokens_say_nothing():
    block, h, mask = layer(bidirectional=True), tokens(), some()
    other = torch.where(mask[..., None], h, tokens(seed=9))
    torch.testing.assert_close(block(h, mask), block(other, mask))
    assert block(h, mask)[~mask].abs().sum() == 0


def test_the_state_passes_a_masked_token_unchanged():
    """Without the convolution, a hole is as good as no token."""
    block, h = layer(kernel_size=1), tokens(s=1)
    keep = some(s=1)
    short = block(h[:, keep[0]])
    torch.testing.assert_close(block(h, keep)[:, keep[0]], short)


def test_no_token_sees_what_follows():
    block, h = layer(), tokens()
    other = h.clone()
    other[:, 6:] += 1
    torch.testing.assert_close(block(h)[:, :6], block(other)[:, :6])
    assert not torch.allclose(block(h)[:, 6:], block(other)[:, 6:])
    assert not torch.allclose(
        layer(bidirectional=True)(h)[:, :6], layer(bidirectional=True)(other)[:, :6]
    )


@pytest.mark.parametrize("both", [False, True])
def test_packed_sequences_do_not_meet(both):
    block = layer(bidirectional=both)
    parts = [tokens(s=2, length=n, seed=n) for n in (3, 1, 7)]
    reset = torch.zeros(2, 11, dtype=torch.bool)
    reset[:, [0, 3, 4]] = True
    packed = block(torch.cat(parts, 1), reset=reset)
    torch.testing.assert_close(packed, torch.cat([block(part) for part in parts], 1))


def test_both_directions_share_their_weights():
    one, both = layer(), layer(bidirectional=True)
    assert set(one.state_dict()) == set(both.state_dict())
    h = tokens()
    torch.testing.assert_close(both(h), both(h.flip(1)).flip(1))


def test_weights_start_as_described():
    block = SSDMixer(256)
    assert (block.heads, block.head_dim, block.state, block.chunk_size) == (16, 16, 16, 64)
    rates = block.log_rate.exp()
    assert rates.min() >= 1
    assert rates.max() <= 16
    steps = F.softplus(block.step_bias)
    assert steps.min() > 0.99e-3
    assert steps.max() < 0.101
    assert torch.equal(block.skip, torch.ones(16))
    assert not torch.equal(rates, SSDMixer(256).log_rate.exp())


def test_where_heads_do_not_divide_the_width():
    assert SSDMixer(24).head_dim == math.gcd(24, 16)
    assert SSDMixer(7)(torch.ones(1, 2, 7)).shape == (1, 2, 7)


def test_empty_tables():
    block = layer()
    for shape in ((0, 5, 8), (3, 0, 8)):
        assert block(torch.zeros(shape, dtype=torch.float64)).shape == shape


def test_gradients_with_masks_are_finite_for_long_steps():
    block = layer().train()
    with torch.no_grad():
        block.step_bias.fill_(1e4)
    h = tokens().requires_grad_()
    mask = some()
    mask[0] = False
    block(h, mask).square().sum().backward()
    assert torch.isfinite(h.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in block.parameters())
    assert h.grad[~mask].abs().sum() == 0


def test_copies_and_lower_precision():
    block = layer().float()
    h = tokens().float()
    expected = block(h)
    assert torch.equal(copy.deepcopy(block)(h), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = block(h)
    assert (low.float() - expected).abs().max() < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 0}, "channels is 0"),
        ({"state": 0}, "state is 0"),
        ({"groups": 3}, "groups is 3, expected a divisor of the 2 heads"),
        ({"chunk_size": 0}, "chunk_size is 0"),
        ({"dropout": 1.5}, "dropout is 1.5"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        SSDMixer(**{"channels": 8, "head_dim": 4, **options})


def test_wrong_inputs_are_named():
    block = layer()
    with pytest.raises(InputError, match=r"h has shape \(3, 8\), expected \(S, L, 8\)"):
        block(torch.zeros(3, 8))
    with pytest.raises(InputError, match=r"mask has shape \(3, 10\), expected \(3, 11\)"):
        block(tokens(), some(length=10))
    with pytest.raises(InputError, match="reset has shape"):
        block(tokens(), reset=some(length=10))
