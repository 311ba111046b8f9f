"""Attention with masks, windows and a bias; its linear form."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from graphlab.errors import InputError
from graphlab.nn import LinearAttentionBlock, TransformerBlock, TreeBias, attention

S, L, D, H = 3, 11, 8, 2


def tokens(seed=1, length=L):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(S, length, D, generator=generator, dtype=torch.float64)


def some(seed=2, length=L):
    return torch.rand(S, length, generator=torch.Generator().manual_seed(seed)) < 0.6


def block(cls=TransformerBlock, **options):
    torch.manual_seed(0)
    return cls(D, heads=H, **options).double().eval()


def bias(length=L, levels=4):
    generator = torch.Generator().manual_seed(3)
    level = torch.randint(0, 3, (S, length), generator=generator)
    clusters = torch.randint(0, 2, (S, length, levels), generator=generator)
    weight = torch.randn(levels + 1, H, generator=generator, dtype=torch.float64)
    return TreeBias(weight, level, clusters)


def by_hand(layer, h, visible, scores=None):
    """Pre-norm attention with a boolean table (S, L, L) of who sees whom."""
    query, key, value = layer.into(layer.norm(h)).unflatten(-1, (3, H, -1)).permute(2, 0, 3, 1, 4)
    logits = query @ key.transpose(-1, -2) / (D // H) ** 0.5
    logits = logits if scores is None else logits + scores
    power = torch.exp(logits) * visible[:, None]
    share = power / power.sum(-1, keepdim=True).clamp(min=1e-300)
    h = h + layer.out((share @ value).transpose(1, 2).flatten(2))
    return h + layer.rows(layer.norm_rows(h))


def band(length, window):
    """Who stands in the own block or the one before."""
    number = torch.arange(length) // window
    ahead = number[:, None] - number
    return (ahead == 0) | (ahead == 1)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("window", [None, 1, 3, 4, 11, 20])
def test_attention_is_the_softmax_over_what_is_visible(window, masked, biased):
    layer, h = block(window=window), tokens()
    mask = some() if masked else torch.ones(S, L, dtype=torch.bool)
    added = bias() if biased else None
    visible = mask[:, None].expand(S, L, L)
    if window is not None and window < L:
        visible = visible & band(L, window)
    scores = None if added is None else added.table()
    expected = by_hand(layer, h, visible, scores) * mask[..., None]
    torch.testing.assert_close(layer(h, mask if masked else None, added), expected)


@pytest.mark.parametrize("cls", [TransformerBlock, LinearAttentionBlock])
def test_a_row_that_sees_nothing_gets_nothing(cls):
    layer = block(cls)
    h = tokens().requires_grad_()
    mask = some()
    mask[1] = False
    seen = []
    layer.out.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    out = layer(h, mask)
    assert seen[0][1].abs().sum() == 0
    assert out[1].abs().sum() == 0
    out.square().sum().backward()
    assert torch.isfinite(h.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in layer.parameters())


def test_a_window_without_real_tokens_gets_nothing():
    layer, mask = block(window=2), torch.ones(S, L, dtype=torch.bool)
    mask[:, 2:8] = False
    h = tokens().requires_grad_()
    out = layer(h, mask)
    out.square().sum().backward()
    assert torch.isfinite(out).all()
    assert torch.isfinite(h.grad).all()
    assert h.grad[:, 2:8].abs().sum() == 0


def test_long_sequences_are_read_in_windows(monkeypatch):
    monkeypatch.setattr(attention, "_MOST", 10)
    monkeypatch.setattr(attention, "_MOST_BIASED", 5)
    monkeypatch.setattr(attention, "_WINDOW", 3)
    free, short, within = block(), block(window=100), block(window=3)
    h = tokens()
    torch.testing.assert_close(free(h), within(h))
    torch.testing.assert_close(free(h[:, :10]), short(h[:, :10]))
    assert not torch.allclose(free(h), short(h))
    added = bias(6)
    torch.testing.assert_close(free(h[:, :6], None, added), within(h[:, :6], None, added))
    torch.testing.assert_close(free(h[:, :6]), short(h[:, :6]))


def test_windows_of_a_long_sequence_hold_no_table_of_all_pairs():
    """All pairs of 40,000 tokens are 6 GB a head."""
    layer = TransformerBlock(4, heads=1)
    with torch.no_grad():
        assert layer(torch.randn(1, 40_000, 4)).shape == (1, 40_000, 4)


def test_linear_attention_is_its_formula():
    layer, h, mask = block(LinearAttentionBlock), tokens(), some()
    query, key, value = layer.into(layer.norm(h)).unflatten(-1, (3, H, -1)).permute(2, 0, 3, 1, 4)
    query, key = F.elu(query) + 1, F.elu(key) + 1
    share = (query @ key.transpose(-1, -2)) * mask[:, None, None]
    share = share / share.sum(-1, keepdim=True).clamp(min=1e-300)
    rows = h + layer.out((share @ value).transpose(1, 2).flatten(2))
    rows = rows + layer.rows(layer.norm_rows(rows))
    torch.testing.assert_close(layer(h, mask), rows * mask[..., None])


def test_wrong_sizes_are_named():
    with pytest.raises(InputError, match="heads is 3, expected a divisor of the width 8"):
        TransformerBlock(8, heads=3)
    with pytest.raises(InputError, match="window is 0"):
        TransformerBlock(8, heads=2, window=0)
    with pytest.raises(InputError, match=r"h has shape \(2, 8\)"):
        block()(torch.zeros(2, 8, dtype=torch.float64))
    with pytest.raises(InputError, match="mask has shape"):
        block()(tokens(), some(length=4))
