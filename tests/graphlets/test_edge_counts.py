"""Orbit counts of edges: golden values, enumeration, closed families, aligned columns."""

from __future__ import annotations

import threading
import warnings
from math import comb

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from torch_geometric.data import Data

from graphlab.errors import InputError
from graphlab.graphlets import EDGE_ORBITS, edge_counts, edge_orbit_counts, orbit_counts
from tests.graphlets import brute_force, graphs
from tests.graphlets.graphs import MESSY, PUBLIC, SMALL
from tests.graphlets.test_counts import meeting

PAW = [[0, 0, 1, 2], [1, 2, 2, 3]]


@pytest.mark.parametrize("name", SMALL)
def test_golden_counts(name, threads):
    stored = graphs.read(name)
    edges, n = graphs.golden_graph(name)
    found, counts = edge_orbit_counts(edges[::-1], num_nodes=n, num_threads=threads)
    assert found.dtype == counts.dtype == np.int64
    assert counts.shape == (edges.shape[1], 12)
    assert np.array_equal(found, stored["edges"])
    assert np.array_equal(counts, stored["edge_counts"])


@pytest.mark.parametrize("name", PUBLIC)
def test_sums_on_golden_public_graphs(name, threads):
    edges, n = graphs.golden_graph(name)
    _, counts = edge_orbit_counts(edges, num_nodes=n, num_threads=threads)
    stored = graphs.read(name)
    keys = map(tuple, stored["keys"].tolist())
    total = dict(zip(keys, stored["adj_stats"][:, 1].tolist(), strict=True))
    for column, key in enumerate(EDGE_ORBITS):
        assert counts[:, column].sum() == total[key] / (1 if key[1] != key[2] else 2)


@pytest.mark.parametrize("name", MESSY)
def test_columns_follow_a_messy_edge_list(name, threads):
    stored = graphs.read(name)
    raw = stored["raw_edges"].T
    assert (raw[0] == raw[1]).any()
    with pytest.warns(UserWarning, match="left out"):
        rows = edge_orbit_counts(raw, num_nodes=int(stored["n"]), aligned=True, num_threads=threads)
    pairs = map(tuple, stored["edges"].tolist())
    known = dict(zip(pairs, stored["edge_counts"], strict=True))
    expected = [known.get((min(u, v), max(u, v)), np.zeros(12, int)) for u, v in raw.T.tolist()]
    assert rows.dtype == np.int64
    assert np.array_equal(rows, expected)


def test_200_random_graphs_equal_their_enumeration(threads):
    for n, edges, matrices in graphs.enumerated():
        found, counts = edge_orbit_counts(edges, num_nodes=n, num_threads=threads)
        assert np.array_equal(found, edges.T)
        assert np.array_equal(counts, graphs.edge_columns(matrices, edges))


@settings(deadline=None, max_examples=20)
@given(graphs.lists_of_pairs())
def test_any_list_of_pairs_equals_its_enumeration(drawn):
    n, edges = drawn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = edge_orbit_counts(edges.T, num_nodes=n)
    for ours, theirs in zip(found, brute_force.edge_orbit_counts(n, edges), strict=True):
        assert np.array_equal(ours, theirs)


def test_a_clustered_graph_equals_products_of_matrices(threads):
    edges = graphs.clustered(600, 1)
    n = int(edges.max()) + 1
    _, counts = edge_orbit_counts(edges, num_threads=threads)
    matrices = {k: matrix for k, matrix in graphs.by_products(edges, n) if k[0] == 1}
    assert np.array_equal(counts, graphs.edge_columns(matrices, edges))


@pytest.mark.parametrize("leaves", [1, 4, 5000])
def test_stars(leaves):
    edges, counts = edge_orbit_counts(graphs.star(leaves))
    assert np.array_equal(edges.T, graphs.star(leaves))
    expected = [0] * 12
    expected[0], expected[4] = leaves - 1, comb(leaves - 1, 2)
    assert (counts == expected).all()


@pytest.mark.parametrize("n", [3, 4, 60])
def test_cliques(n):
    _, counts = edge_orbit_counts(graphs.complete(n))
    assert (counts == [0, n - 2, *[0] * 9, comb(n - 2, 2)]).all()


@pytest.mark.parametrize(("a", "b"), [(2, 2), (3, 5), (30, 20)])
def test_complete_bipartite_graphs(a, b):
    _, counts = edge_orbit_counts(graphs.bipartite(a, b))
    expected = [0] * 12
    expected[0] = a + b - 2
    expected[4] = comb(a - 1, 2) + comb(b - 1, 2)
    expected[5] = (a - 1) * (b - 1)
    assert (counts == expected).all()


def test_cycles_and_paths():
    _, counts = edge_orbit_counts(graphs.cycle(50))
    assert (counts == [2, 0, 2, 1, *[0] * 8]).all()
    _, counts = edge_orbit_counts(graphs.path(50))
    assert (counts[2:-2] == [2, 0, 2, 1, *[0] * 8]).all()
    assert counts[0].tolist() == [1, 0, 1, 0, *[0] * 8]


@pytest.mark.parametrize("seed", range(3))
def test_sums_at_nodes_are_orbit_counts(seed):
    edges = graphs.clustered(seed=seed)
    found, counts = edge_orbit_counts(edges)
    node = orbit_counts(edges)
    at_node = np.zeros((len(node), 12), np.int64)
    np.add.at(at_node, found[:, 0], counts)
    np.add.at(at_node, found[:, 1], counts)
    both = [node[:, 1] + 2 * node[:, 2], 2 * node[:, 3], node[:, 4] + node[:, 5], node[:, 5]]
    both += [node[:, 6] + 3 * node[:, 7], 2 * node[:, 8], node[:, 9] + node[:, 11], node[:, 10]]
    both += [node[:, 10] + 2 * node[:, 11], 2 * node[:, 12] + 2 * node[:, 13], node[:, 13]]
    both += [3 * node[:, 14]]
    assert np.array_equal(at_node, np.stack(both, 1))


def test_every_number_of_threads_gives_the_same(eager):
    edges = graphs.clustered()
    one = edge_orbit_counts(edges, num_threads=1)
    for threads in (2, 3, None):
        other = edge_orbit_counts(edges, num_threads=threads)
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", ["sum_cliques", "sum_cycles"])
def test_two_threads_share_each_step(name, eager, monkeypatch):
    edges = graphs.clustered()
    _, expected = edge_orbit_counts(edges, num_threads=1)
    barrier = threading.Barrier(2, timeout=60)
    monkeypatch.setattr(edge_counts, name, meeting(getattr(edge_counts, name), barrier))
    assert np.array_equal(edge_orbit_counts(edges, num_threads=2)[1], expected)
    assert not barrier.broken


def test_renamed_nodes_take_their_counts_along():
    edges = graphs.clustered()
    name = np.random.default_rng(0).permutation(edges.max() + 1)
    expected = edge_orbit_counts(edges, aligned=True)
    assert np.array_equal(edge_orbit_counts(name[edges], aligned=True), expected)
    assert np.array_equal(edge_orbit_counts(edges)[1], expected)


@pytest.mark.parametrize(
    "form",
    [
        lambda e: e,
        lambda e: e.T,
        lambda e: e.tolist(),
        lambda e: e.astype(np.int32),
        lambda e: e.astype(float),
        torch.from_numpy,
        lambda e: Data(edge_index=torch.from_numpy(e), num_nodes=34),
        lambda e: {"edge_index": e, "num_nodes": 34, "node_feat": None, "edge_feat": None},
    ],
    ids=["array", "pairs", "list", "int32", "whole floats", "tensor", "pyg", "ogb"],
)
def test_columns_follow_every_form_of_edge_list(form):
    stored = graphs.read("karate")
    order = np.random.default_rng(0).permutation(78)
    edges = stored["edges"].astype(np.int64)[order]
    edges[::2] = edges[::2, ::-1].copy()
    rows = edge_orbit_counts(form(np.ascontiguousarray(edges.T)), aligned=True)
    assert np.array_equal(rows, stored["edge_counts"][order])


@pytest.mark.parametrize(
    "graph",
    [
        nx.path_graph(4),
        sp.csr_array(np.ones((3, 3)) - np.eye(3)),
        np.ones((3, 3)) - np.eye(3),
        np.array([[0.0, 1.0], [1.0, 0.0]]),
        torch.ones(3, 3).sub(torch.eye(3)).to_sparse(),
    ],
    ids=["networkx", "scipy", "dense", "two nodes", "torch sparse"],
)
def test_what_has_no_columns_cannot_be_aligned(graph):
    with pytest.raises(InputError, match="aligned=True needs an edge list"):
        edge_orbit_counts(graph, aligned=True)
    assert edge_orbit_counts(graph)[1].shape[1] == 12


def test_aligned_columns_of_lists_without_edges():
    empty = np.empty((2, 0), np.int64)
    assert edge_orbit_counts(empty, num_nodes=3, aligned=True).shape == (0, 12)
    with pytest.warns(UserWarning, match="2 self loops"):
        rows = edge_orbit_counts([[1, 0], [1, 0]], aligned=True)
    assert not rows.any()


@pytest.mark.parametrize("n", [0, 1, 6])
def test_graphs_without_edges_have_no_rows(n, threads):
    edges, counts = edge_orbit_counts(np.empty((2, 0), np.int64), num_nodes=n, num_threads=threads)
    assert (edges.shape, counts.shape) == ((0, 2), (0, 12))
    assert edges.dtype == counts.dtype == np.int64


def test_rows_follow_the_order_of_networkx():
    graph = nx.Graph([("c", "a"), ("a", "b")])
    assert edge_orbit_counts(graph)[0].tolist() == [[0, 1], [1, 2]]
    assert edge_orbit_counts(graph, nodelist=["a", "b", "c"])[0].tolist() == [[0, 1], [0, 2]]


def test_wrong_arguments_are_named():
    with pytest.raises(InputError, match="num_threads is 0"):
        edge_orbit_counts(PAW, num_threads=0)
    with pytest.raises(InputError, match="to_undirected=True"):
        edge_orbit_counts(nx.DiGraph([(0, 1), (1, 2)]))
    assert len(edge_orbit_counts(nx.DiGraph([(0, 1), (1, 2)]), to_undirected=True)[0]) == 2


def test_the_input_is_left_as_it_was():
    edges, n = graphs.golden_graph("lesmis")
    given = edges[:, ::-1].copy()
    given.flags.writeable = False
    rows = edge_orbit_counts(given, num_nodes=n, aligned=True)
    assert np.array_equal(rows[::-1], graphs.read("lesmis")["edge_counts"])
    rows[:] = 0  # ours to change
