from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.ops import Csr, spmm

BACKENDS = ["compiled", "torch"]
REDUCTIONS = ["sum", "mean", "max", "min"]


def random_graph(n: int, m: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, n, (2, m), generator=torch.Generator().manual_seed(seed))


def by_hand(edge_index, x, weight, reduce):
    """Loop over target nodes and their entries, in numpy."""
    out = np.zeros((x.shape[0], x.shape[1]))
    weight = np.ones(edge_index.shape[1]) if weight is None else weight
    for i in range(x.shape[0]):
        rows = [weight[e] * x[edge_index[0, e]] for e in np.flatnonzero(edge_index[1] == i)]
        if rows:
            out[i] = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}[reduce](
                rows, axis=0
            )
    return out


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("width", [1, 7, 8, 45])
def test_equals_the_loop_by_hand(backend, reduce, weighted, width):
    edge_index = random_graph(20, 70)
    x = torch.randn(20, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weight = torch.rand(70, generator=torch.Generator().manual_seed(2)).double()
    weight = weight if weighted else None
    out = spmm(as_graph(edge_index, 20), x, edge_weight=weight, reduce=reduce, backend=backend)
    expected = by_hand(
        edge_index.numpy(), x.numpy(), None if weight is None else weight.numpy(), reduce
    )
    np.testing.assert_allclose(out.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_messages_flow_from_source_to_target(backend):
    x = torch.tensor([[1.0], [10.0], [100.0]])
    out = spmm(torch.tensor([[0, 0], [1, 2]]), x, backend=backend)
    assert out.tolist() == [[0.0], [1.0], [1.0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_follow_the_input_whatever_its_order(backend):
    edge_index = torch.tensor([[2, 0, 1, 1, 0], [0, 1, 0, 2, 1]])
    weight = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0])
    x = torch.tensor([[1.0], [10.0], [100.0]])
    out = spmm(edge_index, x, edge_weight=weight, backend=backend)
    assert out.flatten().tolist() == [140.0, 18.0, 80.0]
    # the same through a symmetric graph, whose rows could be taken for columns
    both = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    out = spmm(as_graph(both, 3), x, edge_weight=torch.tensor([1.0, 2, 3, 4]), backend=backend)
    assert out.flatten().tolist() == [20.0, 401.0, 30.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_of_the_graph_are_used(backend):
    graph = as_graph(torch.tensor([[0, 1], [1, 0]]), 2, edge_weight=torch.tensor([2.0, 3.0]))
    out = spmm(graph, torch.tensor([[1.0], [10.0]]), backend=backend)
    assert out.flatten().tolist() == [30.0, 2.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_sparse_matrix_is_taken_as_it_is(backend):
    matrix = torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]])
    x = torch.randn(3, 5)
    out = spmm(matrix.to_sparse_csr(), x, backend=backend)
    torch.testing.assert_close(out, matrix @ x)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_rows_without_entries_are_zero_and_duplicates_count(backend, reduce):
    edge_index = torch.tensor([[1, 1], [0, 0]])
    x = torch.tensor([[5.0], [3.0], [7.0]], requires_grad=True)
    out = spmm(as_graph(edge_index, 3), x, reduce=reduce, backend=backend)
    assert out.flatten().tolist() == [6.0 if reduce == "sum" else 3.0, 0.0, 0.0]
    out.sum().backward()
    assert x.grad.flatten().tolist() == [0.0, 2.0 if reduce == "sum" else 1.0, 0.0]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize(("n", "m", "width"), [(0, 0, 3), (4, 0, 3), (4, 6, 0), (1, 1, 1)])
def test_empty_and_tiny_inputs(backend, reduce, n, m, width):
    x = torch.randn(n, width, requires_grad=True)
    edge_index = torch.zeros((2, m), dtype=torch.int64)
    out = spmm(as_graph(edge_index, n), x, reduce=reduce, backend=backend)
    assert out.shape == (n, width)
    out.sum().backward()
    assert x.grad.shape == x.shape


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_gradients_are_those_of_finite_differences(backend, reduce):
    edge_index = random_graph(6, 15)
    x = torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(15, dtype=torch.float64).add(0.5).requires_grad_()
    graph = as_graph(edge_index, 6)

    def function(x, weight):
        return spmm(graph, x, edge_weight=weight, reduce=reduce, backend=backend)

    assert torch.autograd.gradcheck(function, (x, weight))


@pytest.mark.parametrize("backend", BACKENDS)
def test_of_equal_maxima_the_first_gets_the_gradient(backend):
    x = torch.ones(3, 1, requires_grad=True)
    out = spmm(torch.tensor([[1, 2], [0, 0]]), x, reduce="max", backend=backend)
    out.sum().backward()
    assert x.grad.flatten().tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_nan_is_not_lost(backend):
    x = torch.tensor([[1.0], [torch.nan], [3.0]])
    edge_index = torch.tensor([[0, 1, 2], [0, 0, 0]])
    for reduce in REDUCTIONS:
        out = spmm(as_graph(edge_index, 3), x, reduce=reduce, backend=backend)
        assert bool(out[0].isnan())


def test_one_dimension_in_one_dimension_out():
    assert spmm(torch.tensor([[0], [1]]), torch.tensor([3.0, 0.0])).tolist() == [0.0, 3.0]


def test_second_derivative_of_the_compiled_sum_is_refused():
    x = torch.randn(3, 2, requires_grad=True)
    out = spmm(torch.tensor([[0, 1], [1, 2]]), x, backend="compiled")
    with pytest.raises(NotImplementedError, match="Second derivatives"):
        torch.autograd.grad(out.square().sum(), x, create_graph=True)


@pytest.mark.parametrize("reduce", ["sum", "max"])
@pytest.mark.parametrize("weighted", [False, True])
def test_results_do_not_depend_on_the_number_of_threads(reduce, weighted):
    n, m = 4000, 60000
    graph = as_graph(random_graph(n, m), n)
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        x = torch.randn(n, 40, generator=torch.Generator().manual_seed(1)).requires_grad_()
        weight = torch.rand(m, generator=torch.Generator().manual_seed(2))
        weight = weight.requires_grad_() if weighted else None
        out = spmm(graph, x, edge_weight=weight, reduce=reduce)
        if reduce == "sum":  # torch's own indexing is behind the gradient of the maximum
            (out * x.detach().cos()).sum().backward()
        results.append((out, x.grad, None if weight is None else weight.grad))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert (a is None and b is None) or torch.equal(a, b)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 12),
    m=st.integers(0, 40),
    width=st.integers(1, 20),
    seed=st.integers(0, 2**16),
    reduce=st.sampled_from(REDUCTIONS),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_backends_agree_and_relabelling_permutes(n, m, width, seed, reduce, dtype):
    generator = torch.Generator().manual_seed(seed)
    edge_index = random_graph(n, m, seed)
    x = torch.randn(n, width, generator=generator, dtype=dtype)
    out = spmm(as_graph(edge_index, n), x, reduce=reduce, backend="compiled")
    other = spmm(as_graph(edge_index, n), x, reduce=reduce, backend="torch")
    torch.testing.assert_close(out, other)
    name = torch.randperm(n, generator=generator)
    moved = torch.empty_like(x)
    moved[name] = x
    renamed = spmm(as_graph(name[edge_index], n), moved, reduce=reduce, backend="compiled")
    torch.testing.assert_close(renamed[name], out)


def test_half_precision_goes_to_torch():
    x = torch.ones(2, 3, dtype=torch.bfloat16)
    assert spmm(torch.tensor([[0], [1]]), x).dtype == torch.bfloat16
    with pytest.raises(InputError, match=r"float32 and float64 on the CPU, not torch\.bfloat16"):
        spmm(torch.tensor([[0], [1]]), x, backend="compiled")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reduce": "prod"}, "reduce is 'prod'"),
        ({"backend": "cuda"}, "backend is 'cuda'"),
        ({"edge_weight": torch.ones(3)}, r"edge_weight has shape \(3,\), expected \(2,\)"),
        ({"x": torch.ones(2, 2, 2)}, "x has shape"),
        ({"graph": Csr(torch.tensor([0, 1]), torch.tensor([0]), 5)}, r"expected \(5, C\)"),
    ],
)
def test_bad_arguments_are_named(change, message):
    given = {"graph": torch.tensor([[0, 1], [1, 0]]), "x": torch.ones(2, 3), **change}
    with pytest.raises(InputError, match=message):
        spmm(given.pop("graph"), given.pop("x"), **given)
