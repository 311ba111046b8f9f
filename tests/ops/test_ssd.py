"""State-space duality: the reference arrays, the sequential recurrence, resets, masks, types."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.ops import ssd_chunked, ssd_sequential

NAMES = ("x", "dt", "A", "B", "C")
FILES = ("base", "groups", "long", "one")


def load(golden, name):
    with np.load(golden / "gsm" / f"ssd_{name}.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files}


def draw(length=50, *, b=2, heads=4, groups=2, width=3, states=5, seed=0, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=g, dtype=dtype)

    dt = torch.rand(b, length, heads, generator=g, dtype=dtype)
    rates = -0.1 - torch.rand(heads, generator=g, dtype=dtype)
    inner = (b, length, groups, states)
    return [normal(b, length, heads, width), dt, rates, normal(*inner), normal(*inner)]


def same(found, expected, *, tolerance=1e-10):
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("chunk_size", [1, 7, 64, None])
def test_values_states_and_gradients_are_those_of_the_reference(golden, name, chunk_size):
    d = load(golden, name)
    inputs = [d[key].requires_grad_() for key in NAMES]
    run, sizes = (ssd_sequential, {}) if chunk_size is None else (ssd_chunked, {})
    if chunk_size is not None:
        sizes = {"chunk_size": chunk_size}
    y, h = run(*inputs, D=d["D"], h0=d["h0"], **sizes)
    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(y.detach(), d["y"], **close)
    np.testing.assert_allclose(h.detach(), d["h"], **close)
    ((y * d["loss_weight"]).sum() + h.sum()).backward()
    for key, value in zip(NAMES, inputs, strict=True):
        np.testing.assert_allclose(value.grad, d[f"grad_{key}"], rtol=1e-9, atol=1e-11)
    with torch.no_grad():
        y, h = run(*inputs, D=d["D"], h0=d["h0"], reset=d["reset"], **sizes)
    np.testing.assert_allclose(y, d["y_reset"], **close)
    np.testing.assert_allclose(h, d["h_reset"], **close)


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 130])
@pytest.mark.parametrize("resets", [False, True])
def test_chunks_change_nothing(length, resets):
    inputs = draw(length)
    reset = torch.rand(2, length, generator=torch.Generator().manual_seed(1)) < 0.2
    extra = {"reset": reset if resets else None, "h0": torch.ones(2, 4, 3, 5).double()}
    expected = ssd_sequential(*inputs, **extra)
    for size in (1, 5, 64, 1000):
        same(ssd_chunked(*inputs, chunk_size=size, **extra), expected)


def test_gradients_with_resets_are_those_of_the_steps():
    reset = torch.rand(2, 40, generator=torch.Generator().manual_seed(1)) < 0.1
    grads = []
    for run, sizes in ((ssd_sequential, {}), (ssd_chunked, {"chunk_size": 8})):
        inputs = [value.requires_grad_() for value in draw(40)]
        y, h = run(*inputs, reset=reset, **sizes)
        (y.square().sum() + h.sum()).backward()
        grads.append([value.grad for value in inputs])
    same(grads[1], grads[0])


def test_gradients_are_those_of_finite_differences():
    inputs = [v.requires_grad_() for v in draw(6, b=1, heads=2, groups=1, width=2, states=2)]
    assert torch.autograd.gradcheck(lambda *a: ssd_chunked(*a, chunk_size=4), inputs)


def test_a_step_of_length_zero_passes_the_state_on():
    x, dt, rates, into, out = draw(20)
    keep = torch.rand(20, generator=torch.Generator().manual_seed(2)) < 0.5
    masked = dt * keep[:, None]
    y, h = ssd_chunked(x, masked, rates, into, out, chunk_size=6)
    short = [x[:, keep], dt[:, keep], rates, into[:, keep], out[:, keep]]
    expected_y, expected_h = ssd_chunked(*short, chunk_size=6)
    same([y[:, keep], h], [expected_y, expected_h])


def test_resets_part_packed_sequences():
    first, second = draw(9, seed=1), draw(13, seed=2)
    second[2] = first[2]
    packed = [
        a if k == 2 else torch.cat([a, b], 1)
        for k, (a, b) in enumerate(zip(first, second, strict=True))
    ]
    reset = torch.zeros(2, 22, dtype=torch.bool)
    reset[:, 9] = True
    y, h = ssd_chunked(*packed, reset=reset, chunk_size=8)
    one, two = (ssd_chunked(*part) for part in (first, second))
    same([y[:, :9], y[:, 9:], h], [one[0], two[0], two[1]])


def test_states_are_handed_on_from_piece_to_piece():
    x, dt, rates, into, out = draw(30)
    whole = ssd_chunked(x, dt, rates, into, out, chunk_size=7)
    y1, h1 = ssd_chunked(x[:, :11], dt[:, :11], rates, into[:, :11], out[:, :11])
    y2, h2 = ssd_chunked(x[:, 11:], dt[:, 11:], rates, into[:, 11:], out[:, 11:], h0=h1)
    same([torch.cat([y1, y2], 1), h2], whole)


@pytest.mark.parametrize("step", [1e-3, 1.0, 1e4])
def test_single_precision_is_near_double_and_finite(step):
    double = draw(300, dtype=torch.float64)
    double[1] = double[1] * step
    inputs = [v.float().requires_grad_() for v in double]
    y, h = ssd_chunked(*inputs)
    expected = ssd_sequential(*(v.detach().double() for v in inputs))[0]
    scale = expected.abs().max()
    assert ((y.double() - expected).abs().max() / scale) < 1e-5
    (y.sum() + h.sum()).backward()
    assert all(torch.isfinite(v.grad).all() for v in inputs)
    assert y.dtype == h.dtype == torch.float32


def test_under_autocast_and_in_half_precision_sums_are_single():
    inputs = draw(100, dtype=torch.float32)
    expected = ssd_chunked(*inputs)[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ssd_chunked(*inputs)[0], expected)
    half = [v.bfloat16() for v in inputs]
    y, h = ssd_chunked(*half)
    assert y.dtype == h.dtype == torch.bfloat16
    scale = expected.abs().max()
    assert (y.float() - expected).abs().max() / scale < 0.05


def test_empty_inputs():
    for length, b in ((0, 2), (3, 0)):
        inputs = draw(max(length, 1), b=max(b, 1))
        inputs = [v[:b, :length] if v.dim() > 1 else v for v in inputs]
        state = torch.ones(b, 4, 3, 5).double()
        for run in (ssd_chunked, ssd_sequential):
            y, h = run(*inputs, h0=state)
            assert y.shape == (b, length, 4, 3)
            if length == 0:
                assert torch.equal(h, state)


def test_inputs_are_not_changed_and_second_derivatives_refuse():
    inputs = draw(10)
    before = copy.deepcopy(inputs)
    ssd_chunked(*inputs, h0=torch.ones(2, 4, 3, 5).double(), chunk_size=4)
    assert all(map(torch.equal, inputs, before))
    x = inputs[0].requires_grad_()
    with pytest.raises(NotImplementedError, match="ssd_sequential has them"):
        torch.autograd.grad(ssd_chunked(*inputs)[0].square().sum(), x, create_graph=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": torch.ones(2, 10, 4)}, r"x has shape \(2, 10, 4\).*\(b, L, H, P\)"),
        ({"x": torch.ones(2, 10, 4, 3, dtype=torch.int64)}, "type torch.int64"),
        ({"dt": torch.ones(2, 9, 4)}, r"dt has shape \(2, 9, 4\), expected \(2, 10, 4\)"),
        ({"A": torch.ones(3)}, r"A has shape \(3,\), expected \(4,\)"),
        ({"B": torch.ones(2, 9, 2, 5)}, r"B has shape.*expected \(2, 10, G, N\)"),
        ({"B": torch.ones(2, 10, 3, 5)}, "3 groups, which do not divide the 4 heads"),
        ({"C": torch.ones(2, 10, 2, 6)}, "C has shape"),
        ({"D": torch.ones(3)}, "D has shape"),
        ({"h0": torch.ones(2, 4, 3, 6)}, "h0 has shape"),
        ({"reset": torch.ones(2, 9, dtype=torch.bool)}, "reset has shape"),
        ({"reset": torch.ones(2, 10)}, "reset has type torch.float32"),
        ({"chunk_size": 0}, "chunk_size is 0"),
    ],
)
def test_wrong_inputs_are_named(change, message):
    given = dict(zip(NAMES, draw(10, dtype=torch.float32), strict=True)) | change
    with pytest.raises(InputError, match=message):
        ssd_chunked(**given)


def test_a_compiled_function_breaks_its_graph_around_the_products():
    inputs = [value.requires_grad_() for value in draw(20, dtype=torch.float32)]
    expected = ssd_chunked(*inputs, chunk_size=8)

    def total(*values):
        y, h = ssd_chunked(*values, chunk_size=8)
        return y.sum() + h.sum()

    compiled = torch.compile(total, backend="eager")
    found = compiled(*inputs)
    torch.testing.assert_close(found, expected[0].sum() + expected[1].sum())
    found.backward()
    assert all(torch.isfinite(value.grad).all() for value in inputs)


def test_gradients_of_the_first_state_and_of_the_input_weight():
    extra = [torch.rand(2, 4, 3, 5).double(), torch.rand(4).double()]
    grads = []
    for run in (ssd_sequential, ssd_chunked):
        h0, weight = (value.clone().requires_grad_() for value in extra)
        y, h = run(*draw(30), h0=h0, D=weight)
        (y.square().sum() + h.square().sum()).backward()
        grads.append([h0.grad, weight.grad])
    same(grads[1], grads[0])
