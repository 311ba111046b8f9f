"""Removal of given edges and of random entries, against dense matrices."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.ops import adjacency, common_neighbors, remove_edges, spmm
from graphlab.ops.csr import csr_of_graph
from graphlab.ops.edges import drop_rows

module = importlib.import_module("graphlab.ops.edges")
BACKENDS = ["compiled", "torch"]
every_backend = pytest.mark.parametrize("backend", BACKENDS)
TRIANGLE = [[0, 0, 1, 2, 3], [1, 2, 2, 3, 3]]  # 2 - 3 hangs on it, 3 has a loop, 4 is alone


def dense(n, edges):
    full = np.zeros((n, n), bool)
    full[edges[0], edges[1]] = full[edges[1], edges[0]] = True
    np.fill_diagonal(full, val=False)
    return full


def edges_of(graph):
    return set(zip(*graph.edge_index.tolist(), strict=True))


@settings(max_examples=50, deadline=None)
@given(
    n=st.integers(1, 120),
    share=st.sampled_from([0.0, 0.02, 0.2, 0.8]),
    count=st.integers(0, 60),
    seed=st.integers(0, 2**16),
)
def test_what_is_left_is_what_was_not_named(n, share, count, seed):
    rng = np.random.default_rng(seed)
    edges, pairs = rng.integers(0, n, (2, int(n * n * share))), rng.integers(0, n, (2, count))
    expected = dense(n, edges)
    expected[pairs[0], pairs[1]] = expected[pairs[1], pairs[0]] = False
    for backend in BACKENDS:
        left = remove_edges(as_graph(torch.from_numpy(edges), n), pairs, backend=backend)
        assert left.num_nodes == n
        assert left.edge_index.tolist() == np.stack(expected.nonzero()).tolist()
        assert left.indptr.tolist() == [0, *expected.sum(1).cumsum().tolist()]
        # what it says of itself holds
        full = as_graph(left.edge_index, n)
        assert left.is_undirected()
        assert full.is_undirected()
        assert left.simple() is left
        assert full.simple().edge_index.tolist() == left.edge_index.tolist()
        rows, weight = csr_of_graph(left)
        assert weight is None
        assert rows.indices.tolist() == left.indices.tolist()
        assert adjacency(left) is rows


@every_backend
def test_turned_repeated_absent_and_self_pairs(backend):
    graph = as_graph(TRIANGLE, 5)
    left = remove_edges(graph, [[1, 0, 1, 4, 0, 3, 2], [0, 1, 0, 0, 0, 3, 4]], backend=backend)
    assert edges_of(left) == {(0, 2), (2, 0), (1, 2), (2, 1), (2, 3), (3, 2)}
    again = remove_edges(left, [[0, 2], [1, 0]], backend=backend)
    assert edges_of(again) == {(1, 2), (2, 1), (2, 3), (3, 2)}
    assert edges_of(graph.simple()) == edges_of(left) | {(0, 1), (1, 0)}  # nothing was changed


@every_backend
def test_no_pairs_no_edges_and_everything_removed(backend):
    graph = as_graph(TRIANGLE, 5)
    none = torch.zeros(2, 0, dtype=torch.int64)
    assert edges_of(remove_edges(graph, none, backend=backend)) == edges_of(graph.simple())
    left = remove_edges(graph, TRIANGLE, backend=backend)
    assert left.num_edges == 0
    assert left.edge_index.shape == (2, 0)
    assert remove_edges(left, [[0], [1]], backend=backend).indptr.tolist() == [0] * 6


@every_backend
def test_the_link_to_predict_is_gone_from_both_ends(backend):
    before, after = as_graph(TRIANGLE, 5), remove_edges(TRIANGLE, [[0], [1]], backend=backend)
    assert common_neighbors(before, [0], [2]).nodes.tolist() == [1]
    assert common_neighbors(after, [0], [2]).nodes.tolist() == []
    assert common_neighbors(after, [0], [1]).nodes.tolist() == [2]
    assert spmm(after, torch.arange(4.0)).tolist() == [2.0, 2.0, 4.0, 2.0]


def test_features_and_labels_stay_and_the_graph_travels():
    x, y = torch.ones(5, 2), torch.arange(5)
    graph = as_graph(TRIANGLE, 5).with_features(x).with_labels(y)
    left = remove_edges(graph, [[0], [1]])
    assert left.features is x
    assert left.y is y
    assert left.to_scipy().nnz == left.num_edges == 6
    assert left.reverse().edge_index.tolist() == left.edge_index.tolist()
    assert left.with_features(None).num_edges == 6
    assert left.to("meta").device.type == "meta"


@every_backend
def test_a_hub_and_ids_whose_products_pass_32_bits(backend):
    n, hub = 200_000, 70_000
    edges = np.stack([np.full(hub, n - 1), np.arange(hub)])
    gone = np.arange(0, hub, 7)
    left = remove_edges(as_graph(edges, n), np.stack([gone, np.full(gone.size, n - 1)]))
    kept = np.setdiff1d(np.arange(hub), gone)
    assert left.indices[left.indptr[n - 1] :].tolist() == kept.tolist()
    assert left.num_edges == 2 * kept.size


@pytest.fixture(scope="module")
def large():
    rng = np.random.default_rng(0)
    n = 20_000
    graph = as_graph(torch.from_numpy(rng.integers(0, n, (2, 150_000))), n).simple()
    return graph, graph.edge_index[:, torch.from_numpy(rng.integers(0, graph.num_edges, 30_000))]


def test_the_number_of_threads_changes_nothing(large):
    graph, pairs = large
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        left = remove_edges(graph, pairs)
        rows = adjacency(graph)
        results.append((left.indptr, left.indices, *drop_rows(rows.indptr, rows.indices, 0.3, 7)))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_kernels_mean_the_same_without_compilation(large, monkeypatch):
    graph, pairs = large[0], large[1][:, :500]
    part = as_graph(graph.edge_index[:, ::40], graph.num_nodes)
    rows = adjacency(part)
    expected = remove_edges(part, pairs), drop_rows(rows.indptr, rows.indices, 0.5, 2**64 - 1)
    names = ("find_entries", "mark_entries", "keep_unmarked", "drop_entries", "close_gaps")
    for name in names:
        monkeypatch.setattr(module, name, getattr(module, name).function)
    with np.errstate(over="ignore"):  # the hash means to pass 64 bits
        left = remove_edges(part, pairs)
        dropped = drop_rows(rows.indptr, rows.indices, 0.5, 2**64 - 1)
    assert torch.equal(left.edge_index, expected[0].edge_index)
    assert all(torch.equal(a, b) for a, b in zip(dropped, expected[1], strict=True))


@pytest.mark.parametrize("key", [0, 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("p", [0.0, 0.4, 1.0])
def test_backends_drop_the_same_entries(large, p, key):
    rows = adjacency(large[0])
    ours, plain = (
        drop_rows(rows.indptr, rows.indices, p, key, backend=backend) for backend in BACKENDS
    )
    assert torch.equal(ours[0], plain[0])
    assert torch.equal(ours[1], plain[1])
    assert ours[1].dtype == plain[1].dtype == torch.int32
    assert ours[1].untyped_storage().nbytes() == 4 * ours[1].numel()
    if p == 0:
        assert torch.equal(ours[1], rows.indices)


def test_each_entry_is_dropped_for_itself_at_the_right_rate(large):
    rows, p = adjacency(large[0]), 0.4
    m, n = rows.num_entries, rows.num_cols
    whole = rows.rows * n + rows.indices
    counts, both = [], []
    for key in range(12):
        indptr, indices = drop_rows(rows.indptr, rows.indices, p, key)
        row = torch.arange(n).repeat_interleave(indptr.diff())
        kept, turned = row * n + indices, indices * n + row
        assert bool(torch.isin(kept, whole).all())
        counts.append(kept.numel())
        both.append(int(torch.isin(turned, kept).sum()))
    spread = math.sqrt(12 * m * p * (1 - p))
    assert abs(sum(counts) - 12 * m * (1 - p)) < 5 * spread
    # the two directions of an edge are dropped independently: both stay with (1 - p)²
    assert abs(sum(both) - 12 * m * (1 - p) ** 2) < 5 * 2 * spread
    assert len(set(counts)) > 6


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        ([0, 1], r"pairs has shape \(2,\), expected \(2, B\)"),
        ([[0, 1]], r"pairs has shape \(1, 2\)"),
        ([[0], [5]], r"pairs holds node 5, but the graph has 5 nodes"),
        ([[-1], [0]], "pairs holds node -1"),
        ([[0.5], [1.0]], "pairs is torch.float32"),
        ([["a"], ["b"]], "expected node ids"),
    ],
)
def test_bad_pairs_are_named(pairs, text):
    with pytest.raises(InputError, match=text):
        remove_edges(as_graph(TRIANGLE, 5), pairs)


def test_bad_rates_and_backends_are_named(large):
    rows = adjacency(large[0])
    with pytest.raises(InputError, match=r"p is 1\.5"):
        drop_rows(rows.indptr, rows.indices, 1.5, 0)
    with pytest.raises(InputError, match="backend is 'gpu'"):
        remove_edges(large[0], large[1], backend="gpu")
