"""Compiled passes over packed graphs: equal to plain operations, compiled or not."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.collection import GraphCollection
from graphlab.graph import as_graph
from graphlab.pretraining import _alignment, _kernels, estimate_graphon, total_variation
from graphlab.pretraining._matrices import rows_of_matrices
from graphlab.pretraining._packed import _is_simple, pack

KERNELS = [name for name in _kernels.__all__ if hasattr(getattr(_kernels, name), "function")]


def drawn(sizes, seed=0, *, weighted=False):
    """Symmetric matrices with zero diagonal."""
    rng, found = np.random.default_rng(seed), []
    for n in sizes:
        upper = np.triu(rng.random((n, n)) < 0.4, 1).astype(float)
        if weighted:
            upper *= rng.random((n, n))
        found.append(upper + upper.T)
    return found


def as_edges(matrix):
    row, col = matrix.nonzero()
    weight = matrix[row, col]
    options = {} if (weight == 1).all() else {"edge_weight": weight}
    return as_graph(np.stack([row, col]), len(matrix), **options)


def plain_stretch(matrices, r):
    total = np.zeros((r, r))
    cells = np.arange(r + 1) / r
    for matrix in matrices:
        nodes = np.arange(len(matrix) + 1) / len(matrix)
        order = np.argsort(-matrix.sum(1), kind="stable")
        low = np.maximum(cells[:-1, None], nodes[None, :-1])
        share = r * np.clip(np.minimum(cells[1:, None], nodes[None, 1:]) - low, 0, None)
        total += share @ matrix[np.ix_(order, order)] @ share.T
    return total


def interpreted(monkeypatch):
    """Take the bodies of the kernels for the kernels."""
    for name in KERNELS:
        kernel = getattr(_kernels, name)
        monkeypatch.setattr(kernel, "_run", kernel.function)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrices_are_read_like_edge_lists(weighted, dtype):
    matrices = [m.astype(dtype) for m in drawn([1, 7, 2, 12, 0, 5], weighted=weighted)]
    rows = rows_of_matrices(matrices)
    assert rows is not None
    found, expected = pack(matrices), pack([as_edges(m) for m in matrices])
    for name in ("ptr", "indptr", "row", "col", "rank"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    if weighted:
        np.testing.assert_array_equal(found.weight, expected.weight)
    else:
        assert found.weight is None


@pytest.mark.parametrize("value", [np.nan, -0.5, 1.5])
def test_matrices_with_odd_values_are_left_to_the_checks(value):
    matrices = drawn([4, 5])
    matrices[1][0, 1] = matrices[1][1, 0] = value
    assert rows_of_matrices(matrices) is None
    assert rows_of_matrices([*drawn([4]), as_graph([[0], [1]])]) is None
    assert rows_of_matrices([matrices[0].astype(int)]) is None


def test_matrices_with_loops_and_one_direction_are_made_simple():
    one = np.zeros((3, 3))
    one[0, 1], one[2, 2] = 1.0, 1.0
    with pytest.warns(UserWarning, match=r"graphs\[0\] is directed"):
        found = pack([one])
    assert found.row.tolist() == [0, 1]
    assert found.col.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("edges", "simple"),
    [
        ([[0, 1], [1, 0]], True),
        ([[0, 0, 1, 2], [1, 2, 0, 0]], True),
        ([[0], [1]], False),  # no reverse
        ([[1], [0]], False),
        ([[0, 1, 1], [1, 0, 2]], False),  # the last row lacks one
        ([[0, 0, 1], [1, 1, 0]], False),  # twice
        ([[0, 1, 1], [1, 0, 1]], False),  # a loop
        ([[0, 1, 2], [1, 2, 0]], False),  # a directed ring
    ],
)
def test_check_of_rows(edges, simple):
    collection = GraphCollection(
        as_graph(edges, 3).edge_index, [0, 3], [0, len(edges[0])], check=False
    )
    from graphlab.pretraining._packed import _of_collection

    assert _is_simple(_of_collection(collection)) is simple


def test_unsorted_collections_are_packed_like_lists():
    import torch

    index = torch.tensor([[2, 0, 1, 0, 1], [0, 2, 0, 1, 1]])
    found = pack(GraphCollection(index, [0, 3], [0, 5]))
    expected = pack([as_graph(index, 3)])
    for name in ("indptr", "row", "col"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("limit", [1024, 5])  # 5: larger graphs without a dense matrix
@pytest.mark.parametrize("r", [2, 7, 24])
def test_stretched_sum_is_that_of_overlaps(monkeypatch, weighted, limit, r):
    monkeypatch.setattr(_alignment, "_DENSE", limit)
    matrices = drawn([3, 9, 24, 9, 1, 30], weighted=weighted)
    found = _alignment.stretched_sum(pack(matrices), r)
    np.testing.assert_allclose(found, plain_stretch(matrices, r), rtol=0, atol=1e-12)


def test_order_of_graphs_does_not_change_a_bit():
    matrices = drawn([3, 9, 24, 9, 9, 30, 24])
    one = estimate_graphon(matrices, r=11).step
    assert np.array_equal(one, estimate_graphon(matrices[::-1], r=11).step)


@pytest.mark.parametrize("method", ["hist", "sas", "lg"])
@pytest.mark.parametrize("align", ["pad", "stretch"])
def test_kernels_mean_the_same_without_compilation(monkeypatch, method, align):
    matrices = drawn([3, 9, 14, 9], weighted=True)

    def both():
        graphs = [as_edges(m) for m in matrices]
        options = {"r": 6, "method": method, "align": align}
        return estimate_graphon(graphs, **options).step, estimate_graphon(matrices, **options).step

    compiled = both()
    interpreted(monkeypatch)
    plain = both()
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def test_total_variation_without_compilation(monkeypatch):
    x = np.random.default_rng(0).random((9, 9))
    compiled = total_variation(x, 1.5)
    interpreted(monkeypatch)
    np.testing.assert_allclose(total_variation(x, 1.5), compiled, rtol=0, atol=1e-12)
