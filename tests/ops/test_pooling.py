"""Reductions over lists of nodes against a loop, their gradients, threads, memory."""

from __future__ import annotations

import copy
import importlib

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError
from graphlab.ops import pool_lists

module = importlib.import_module("graphlab.ops.pooling")
BACKENDS = ["compiled", "torch"]
REDUCTIONS = ["sum", "mean", "max"]
every_backend = pytest.mark.parametrize("backend", BACKENDS)
every_reduction = pytest.mark.parametrize("reduce", REDUCTIONS)


def by_loop(x, ptr, nodes, weight, reduce):
    rows = []
    for first, last in zip(ptr[:-1].tolist(), ptr[1:].tolist(), strict=True):
        chosen = x[nodes[first:last].long()]
        if weight is not None:
            chosen = chosen * weight[first:last, None]
        if first == last:
            rows.append(x.new_zeros(x.shape[1]))
        else:
            rows.append(chosen.amax(0) if reduce == "max" else getattr(chosen, reduce)(0))
    return torch.stack(rows) + 0 * x.sum() if rows else x[:0]


def some_lists(n, count, seed, longest=6, dtype=torch.int32):
    generator = torch.Generator().manual_seed(seed)
    length = torch.randint(0, longest + 1, (count,), generator=generator)
    ptr = torch.cat([torch.zeros(1, dtype=torch.int64), length.cumsum(0)])
    nodes = torch.randint(0, n, (int(ptr[-1]),), generator=generator)
    return ptr, nodes.to(dtype), generator


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 50),
    count=st.integers(0, 40),
    width=st.sampled_from([0, 1, 3, 8, 33, 64, 77, 136]),
    weighted=st.booleans(),
    reduce=st.sampled_from(REDUCTIONS),
    seed=st.integers(0, 2**16),
)
def test_lists_and_gradients_equal_the_loop(n, count, width, weighted, reduce, seed):
    ptr, nodes, generator = some_lists(n, count, seed)
    x = torch.randn(n, width, generator=generator, dtype=torch.float64)
    weight = torch.rand(nodes.numel(), generator=generator, dtype=torch.float64)
    above = torch.randn(count, width, generator=generator, dtype=torch.float64)
    results = []
    for backend in (None, *BACKENDS):
        given = x.clone().requires_grad_()
        factor = weight.clone().requires_grad_() if weighted else None
        if backend is None:
            out = by_loop(given, ptr, nodes, factor, reduce)
        else:
            out = pool_lists(given, ptr, nodes, factor, reduce=reduce, backend=backend)
        inputs = [given, factor] if weighted else [given]
        grads = torch.autograd.grad(out, inputs, above, allow_unused=True)
        results.append((out, *(torch.zeros((), dtype=x.dtype) if g is None else g for g in grads)))
    for other in results[1:]:
        for ours, expected in zip(other, results[0], strict=True):
            torch.testing.assert_close(ours, expected.expand_as(ours))


@every_backend
@every_reduction
@pytest.mark.parametrize("n", [3, 12])  # fewer and more nodes than lists
def test_gradients_are_those_of_finite_differences(n, reduce, backend):
    ptr, nodes, _ = some_lists(n, 6, seed=1)
    x = torch.randn(n, 9, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(nodes.numel(), dtype=torch.float64, requires_grad=True)

    def call(x, weight):
        return pool_lists(x, ptr, nodes, weight, reduce=reduce, backend=backend)

    assert torch.autograd.gradcheck(call, (x, weight))
    assert torch.autograd.gradcheck(lambda x: call(x, None), (x,))


@every_backend
def test_a_node_of_several_lists_gets_the_gradient_of_each(backend):
    x = torch.ones(4, 2, requires_grad=True)
    ptr, nodes = torch.tensor([0, 2, 2, 5]), torch.tensor([1, 3, 3, 0, 3])
    out = pool_lists(x, ptr, nodes, backend=backend)
    assert out.tolist() == [[2.0, 2.0], [0.0, 0.0], [3.0, 3.0]]
    (grad,) = torch.autograd.grad(out, x, torch.tensor([[1.0, 2.0], [50.0, 50.0], [10.0, 20.0]]))
    assert grad.tolist() == [[10.0, 20.0], [1.0, 2.0], [0.0, 0.0], [21.0, 42.0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_both_ways_of_the_gradient_and_any_threads_give_the_same_bits(dtype, weighted):
    n, count, width = 700, 900, 200
    ptr, nodes, generator = some_lists(n, count, seed=3, longest=40)
    rows = torch.randn(count, width, generator=generator, dtype=dtype)
    weight = torch.rand(nodes.numel(), generator=generator, dtype=dtype) if weighted else None
    results = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        for columns in (n, 4 * n):  # fewer nodes than lists: added in place; more: turned round
            lists = module.Csr(ptr, nodes, columns)
            assert (lists.num_rows < columns < 2 * nodes.numel()) == (columns > n)
            results.append(module._spread(lists, rows, weight)[:n])
    for other in results[1:]:
        assert torch.equal(other, results[0])
    expected = torch.zeros(n, width, dtype=dtype)
    pair = torch.arange(count).repeat_interleave(ptr.diff())
    messages = rows[pair] if weight is None else rows[pair] * weight[:, None]
    torch.testing.assert_close(results[0], expected.index_add_(0, nodes.long(), messages))


@every_reduction
def test_the_number_of_threads_changes_nothing(reduce):
    ptr, nodes, generator = some_lists(500, 3000, seed=2, longest=30)
    x = torch.randn(500, 96, generator=generator, requires_grad=True)
    weight = torch.rand(nodes.numel(), generator=generator, requires_grad=True)
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        out = pool_lists(x, ptr, nodes, weight, reduce=reduce)
        results.append((out, *torch.autograd.grad((out * out).sum(), (x, weight))))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_kernels_mean_the_same_without_compilation(monkeypatch):
    def run(n):
        ptr, nodes, generator = some_lists(n, 12, seed=4)
        x = torch.randn(n, 75, generator=generator, dtype=torch.float64, requires_grad=True)
        weight = torch.rand(nodes.numel(), generator=generator, dtype=torch.float64)
        return torch.autograd.grad(pool_lists(x, ptr, nodes, weight).square().sum(), x)[0]

    expected = [run(n) for n in (5, 20)]
    for name in ("add_to_rows", "turn_lists"):
        monkeypatch.setattr(module, name, getattr(module, name).function)
    for n, compiled in zip((5, 20), expected, strict=True):
        torch.testing.assert_close(run(n), compiled)


@every_backend
@every_reduction
def test_nothing_to_pool(reduce, backend):
    none = torch.zeros(0, dtype=torch.int32)
    x = torch.ones(3, 4, requires_grad=True)
    out = pool_lists(x, torch.tensor([0, 0, 0]), none, reduce=reduce, backend=backend)
    assert out.tolist() == [[0.0] * 4] * 2
    (grad,) = torch.autograd.grad(out.sum(), x)
    assert grad.abs().sum() == 0
    assert pool_lists(x, torch.tensor([0]), none, reduce=reduce, backend=backend).shape == (0, 4)
    nobody = torch.zeros(0, 4)
    out = pool_lists(nobody, torch.tensor([0, 0]), none, reduce=reduce, backend=backend)
    assert out.tolist() == [[0.0] * 4]


def test_half_precision_sums_in_full_and_other_layouts_are_read():
    ptr, nodes = torch.tensor([0, 2048]), torch.arange(2048, dtype=torch.int32)
    x = torch.ones(2048, 1, dtype=torch.bfloat16, requires_grad=True)
    out = pool_lists(x, ptr, nodes)
    assert out.dtype == torch.bfloat16
    assert out.item() == 2048  # a running sum in eight digits stops at 256
    out.sum().backward()
    assert x.grad.dtype == torch.bfloat16
    wide = torch.arange(12.0).view(3, 4).t()  # not contiguous
    assert pool_lists(wide, torch.tensor([0, 2]), torch.tensor([0, 3])).tolist() == [[3, 11, 19]]
    with torch.autocast("cpu"):
        assert pool_lists(wide, torch.tensor([0, 1]), torch.tensor([3])).dtype == torch.float32


def test_second_derivatives_are_refused():
    x = torch.ones(3, 2, requires_grad=True)
    out = pool_lists(x, torch.tensor([0, 2]), torch.tensor([0, 1]))
    with pytest.raises(NotImplementedError, match="Second derivatives"):
        torch.autograd.grad(out.sum(), x, create_graph=True)
    assert copy.deepcopy(out.detach()).tolist() == [[2.0, 2.0]]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"reduce": "min"}, "reduce is 'min', expected one of sum, mean, max"),
        ({"backend": "fast"}, "backend is 'fast'"),
        ({"x": torch.ones(3)}, r"x is torch.float32 of shape \(3,\)"),
        ({"x": torch.ones(3, 2, dtype=torch.int64)}, "x is torch.int64"),
        ({"ptr": torch.tensor([0, 1])}, r"ptr must ascend from 0 to 2.* it is \[0, 1\]"),
        ({"ptr": torch.tensor([0, 3, 2])}, "ptr must ascend"),
        ({"ptr": torch.zeros(0, dtype=torch.int64)}, "ptr must ascend"),
        ({"ptr": torch.tensor([0.0, 2.0])}, "ptr is torch.float32"),
        ({"nodes": torch.tensor([0, 3])}, r"nodes hold 3, but x has 3 rows \(ids must be 0\.\.2\)"),
        ({"nodes": torch.tensor([-1, 0])}, "nodes hold -1"),
        ({"weight": torch.ones(3)}, r"weight has shape \(3,\), expected \(2,\)"),
    ],
)
def test_bad_arguments_are_named(change, text):
    given = {"x": torch.ones(3, 2), "ptr": torch.tensor([0, 2]), "nodes": torch.tensor([0, 1])}
    with pytest.raises(InputError, match=text):
        pool_lists(**(given | change))
