"""Gated means: kernels against plain operations, gradients, what is refused, threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from graphlab.errors import InputError
from graphlab.ops.gating import EdgeNorm, gated_mean
from graphlab.ops.incoming import incoming_edges

N, M = 9, 30


def graph(n=N, m=M, seed=0):
    """Random edges, some given twice; the last node is isolated."""
    generator = torch.Generator().manual_seed(seed)
    return incoming_edges(torch.randint(0, n - 1, (2, m), generator=generator), n)


def leaves(edges, d, dtype, *, rows=None, residual=True):
    m = edges.num_edges if rows is None else rows
    shapes = {"given": m, "source": N, "target": N, "value": N, "weight": 1, "bias": 1}
    if residual:
        shapes["residual"] = m
    return {k: torch.randn(s, d, dtype=dtype).requires_grad_() for k, s in shapes.items()}


def call(edges, parts, norm, backend, **options):
    parts = dict(parts)
    weight, bias = parts.pop("weight")[0], parts.pop("bias")[0]
    if norm == "own":
        norm = EdgeNorm(weight, bias)
    elif norm == "given":
        mean = torch.linspace(-1, 1, weight.numel(), dtype=weight.dtype)
        norm = EdgeNorm(weight, bias, mean, mean.square() + 0.5)
    return gated_mean(edges, **parts, norm=norm, backend=backend, **options)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("d", [1, 7, 8, 19])
@pytest.mark.parametrize("norm", [None, "own", "given"])
@pytest.mark.parametrize(("rows", "residual"), [(None, True), (None, False), (1, True)])
def test_kernels_equal_plain_operations(dtype, d, norm, rows, residual):
    torch.manual_seed(0)
    edges = graph()
    parts = leaves(edges, d, dtype, rows=rows, residual=residual)
    to_out, to_edge = torch.randn(N, d, dtype=dtype), torch.randn(M, d, dtype=dtype)
    found = []
    for backend in ("torch", "compiled"):
        got = call(edges, parts, norm, backend)
        value = (got.out * to_out).sum() + (got.edge * to_edge).sum()
        grads = torch.autograd.grad(value, list(parts.values()), allow_unused=True)
        statistics = [] if norm != "own" else [got.mean, got.var]
        found.append([got.out, got.edge, *statistics, *(g for g in grads if g is not None)])
    tolerance = 1e-10 if dtype == torch.float64 else 5e-5
    assert len(found[0]) == len(found[1])
    for plain, compiled in zip(*found, strict=True):
        torch.testing.assert_close(compiled, plain, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("rows", [None, 1])
@pytest.mark.parametrize("norm", [None, "own", "given"])
def test_gradients_are_right(norm, rows):
    torch.manual_seed(1)
    edges = graph(m=12)
    parts = leaves(edges, 3, torch.float64, rows=rows)
    names = list(parts)

    def function(*tensors):
        got = call(edges, dict(zip(names, tensors, strict=True)), norm, "compiled")
        return got.out, got.edge

    assert torch.autograd.gradcheck(function, tuple(parts.values()))


def test_one_of_two_results_may_go_unused():
    torch.manual_seed(2)
    edges = graph()
    parts = leaves(edges, 5, torch.float64)
    for use in ("out", "edge"):
        grads = []
        for backend in ("torch", "compiled"):
            got = getattr(call(edges, parts, "own", backend), use)
            every = torch.autograd.grad(got.square().sum(), list(parts.values()), allow_unused=True)
            grads.append([torch.zeros(()) if g is None else g for g in every])
        for plain, compiled in zip(*grads, strict=True):
            torch.testing.assert_close(compiled + 0 * plain, plain + 0 * compiled)


def test_edges_are_left_out_when_nobody_wants_them():
    edges = graph()
    parts = leaves(edges, 5, torch.float32)
    got = call(edges, parts, "own", "compiled", want_edge=False)
    assert (got.edge, got.mean, got.var) == (None, None, None)
    torch.testing.assert_close(got.out, call(edges, parts, "own", "compiled").out)


def test_nodes_without_incoming_edges_get_zero_and_empty_graphs_work():
    edges = graph()
    parts = leaves(edges, 4, torch.float32)
    got = call(edges, parts, None, "compiled")
    alone = edges.in_degree() == 0
    assert alone.any()
    assert torch.equal(got.out[alone], torch.zeros(int(alone.sum()), 4))
    empty = incoming_edges(torch.zeros(2, 0, dtype=torch.int64), N)
    parts = leaves(empty, 4, torch.float32)
    got = call(empty, parts, "given", "auto")
    assert torch.equal(got.out, torch.zeros(N, 4))
    assert got.edge.shape == (0, 4)
    got.out.sum().backward()


def test_large_arguments_saturate_and_nan_stays():
    edges = incoming_edges(torch.tensor([[0], [1]]), 2)
    zero = torch.zeros(2, 1)
    value = torch.tensor([[3.0], [0.0]])
    for argument, expected in ((1e30, 3.0), (-1e30, 0.0), (-120.0, 0.0)):
        got = gated_mean(edges, torch.tensor([[argument]]), zero, zero, value, backend="compiled")
        assert got.out[1].item() == pytest.approx(expected, abs=1e-5)
    for backend in ("compiled", "torch"):
        given = torch.tensor([[float("nan")]])
        got = gated_mean(edges, given, zero, zero, value, backend=backend)
        assert got.out[1].isnan().all()
        assert got.edge.isnan().all()


def test_results_do_not_depend_on_the_number_of_threads():
    torch.manual_seed(3)
    n, m, d = 400, 20_000, 37
    edges = incoming_edges(torch.randint(0, n, (2, m)), n)
    parts = [torch.randn(k, d, requires_grad=True) for k in (m, n, n, n)]
    weight, bias = torch.randn(d, requires_grad=True), torch.randn(d, requires_grad=True)
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        got = gated_mean(edges, *parts, norm=EdgeNorm(weight, bias), backend="compiled")
        value = got.out.square().sum() + got.edge.square().sum()
        found.append([got.out, got.edge, *torch.autograd.grad(value, [*parts, weight, bias])])
    torch.set_num_threads(1)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


def test_halves_are_computed_in_single_precision():
    edges = graph()
    parts = leaves(edges, 4, torch.float32)
    wide = call(edges, parts, "own", "auto")
    narrow = {k: v.detach().bfloat16() for k, v in parts.items()}
    got = call(edges, narrow, "own", "auto")
    assert got.out.dtype == torch.bfloat16
    torch.testing.assert_close(got.out.float(), wide.out, rtol=0.05, atol=0.05)


def test_wrong_shapes_are_named_and_second_derivatives_refused():
    edges = graph()
    parts = leaves(edges, 4, torch.float32)
    with pytest.raises(InputError, match="source"):
        call(edges, {**parts, "source": torch.zeros(N, 3)}, None, "auto")
    with pytest.raises(InputError, match=r"given has shape \(2, 4\)"):
        call(edges, {**parts, "given": torch.zeros(2, 4)}, None, "auto")
    with pytest.raises(InputError, match="value"):
        call(edges, {**parts, "value": torch.zeros(N + 1, 4)}, None, "auto")
    with pytest.raises(InputError, match="backend"):
        call(edges, parts, None, "fast")
    out = call(edges, parts, None, "compiled").out
    with pytest.raises(NotImplementedError, match="backend='torch'"):
        torch.autograd.grad(out.square().sum(), parts["value"], create_graph=True)


INTERPRETED = """
import numba, torch
assert numba.config.DISABLE_JIT
from graphlab.ops.gating import EdgeNorm, gated_mean
from graphlab.ops.incoming import incoming_edges
torch.manual_seed(0)
edges = incoming_edges(torch.randint(0, 4, (2, 9)), 5)
for dtype in (torch.float32, torch.float64):
    parts = [torch.randn(k, 11, dtype=dtype, requires_grad=True) for k in (9, 5, 5, 5)]
    weight, bias = torch.rand(2, 11, dtype=dtype)
    found = []
    for backend in ("torch", "compiled"):
        norm = EdgeNorm(weight, bias)
        got = gated_mean(edges, *parts, norm=norm, residual=parts[0], backend=backend)
        grads = torch.autograd.grad(got.out.square().sum() + got.edge.square().sum(), parts)
        found.append([got.out, got.edge, *grads])
    for a, b in zip(*found):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
"""


def test_kernels_mean_the_same_without_compilation():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
