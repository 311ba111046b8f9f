"""Orbit adjacency: golden values, enumeration, closed families, identities, every input."""

from __future__ import annotations

import warnings
from math import comb

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings

from graphlab.datasets import load
from graphlab.errors import InputError
from graphlab.graphlets import (
    GRAPHLETS,
    ORBIT_PAIRS,
    SEEN_BY_WALKS,
    graphlet_adjacency,
    iter_orbit_adjacency,
    orbit_adjacency,
    orbit_counts,
)
from graphlab.graphlets._keys import PER_NODE
from tests.graphlets import brute_force, graphs
from tests.graphlets.graphs import MESSY, PUBLIC, SMALL, check_form, same
from tests.graphlets.test_counts import FORMS

PAW = [[0, 0, 1, 2], [1, 2, 2, 3]]
KARATE, _ = graphs.golden_graph("karate")


@pytest.mark.parametrize("name", SMALL)
def test_golden_matrices(name, threads):
    edges, n = graphs.golden_graph(name)
    matrices = orbit_adjacency(edges, num_nodes=n, num_threads=threads)
    assert tuple(matrices) == ORBIT_PAIRS
    for key, matrix in matrices.items():
        check_form(matrix, (n, n))
        assert np.array_equal(matrix.toarray(), graphs.golden_matrix(name, key)), key


@pytest.mark.parametrize("name", PUBLIC)
def test_sums_on_golden_public_graphs(name, threads):
    edges, n = graphs.golden_graph(name)
    stored = graphs.read(name)
    matrices = orbit_adjacency(edges, num_nodes=n, num_threads=threads)
    stats = stored["adj_stats"].tolist()
    for column, (key, stat) in enumerate(zip(stored["keys"].tolist(), stats, strict=True)):
        matrix = matrices[tuple(key)]
        check_form(matrix, (n, n))
        data = matrix.data
        assert [data.size, int(data.sum(dtype=np.int64)), int(data.max())] == stat
        sums = matrix.astype(np.int64).sum(1)
        assert np.array_equal(sums, stored["adj_rowsums"][:, column])
    assert np.array_equal(matrices.counts(), stored["counts"])


@pytest.mark.parametrize("name", MESSY)
def test_loops_repeats_and_reversed_edges_change_nothing(name, threads):
    stored = graphs.read(name)
    with pytest.warns(UserWarning, match="left out"):
        found = orbit_adjacency(
            stored["raw_edges"].T, num_nodes=int(stored["n"]), num_threads=threads
        )
    same(found, orbit_adjacency(graphs.golden_graph(name)[0], num_nodes=int(stored["n"])))


def test_200_random_graphs_equal_their_enumeration(threads):
    for n, edges, expected in graphs.enumerated()[:: 1 if threads == 1 else 4]:
        found = orbit_adjacency(edges, num_nodes=n, num_threads=threads)
        for key, matrix in found.items():
            check_form(matrix, (n, n))
            assert np.array_equal(matrix.toarray(), expected[key]), (key, edges.tolist())


@settings(deadline=None, max_examples=20)
@given(graphs.lists_of_pairs())
def test_any_list_of_pairs_equals_its_enumeration(drawn):
    n, edges = drawn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = orbit_adjacency(edges.T, num_nodes=n)
    expected = brute_force.orbit_adjacency(n, edges)
    assert all(np.array_equal(matrix.toarray(), expected[key]) for key, matrix in found.items())


def test_a_clustered_graph_equals_products_of_matrices(generated):
    edges, n, matrices = generated
    for key, expected in graphs.by_products(edges, n):
        check_form(matrices[key], (n, n))
        assert np.array_equal(matrices[key].toarray(), expected), key


def test_products_of_matrices_equal_the_enumeration():
    for n, edges, expected in graphs.enumerated()[::7]:
        for key, matrix in graphs.by_products(edges, n):
            assert np.array_equal(matrix, expected[key]), key


def test_row_sums_and_transposes(generated):
    edges, n, matrices = generated
    counts = orbit_counts(edges, num_nodes=n)
    for (h, i, j), matrix in matrices.items():
        sums = matrix.astype(np.int64).sum(1)
        assert np.array_equal(sums, PER_NODE[h, i, j] * counts[:, i])
        assert (matrix.T.tocsr() != matrices[h, j, i]).nnz == 0
        assert not matrix.diagonal().any()
    assert np.array_equal(matrices.counts(), counts)


def test_pairs_one_step_apart_are_edges_and_others_are_not(generated):
    edges, n, matrices = generated
    near = graphs.adjacency(edges, n)
    for (h, _, _), matrix in matrices.items():
        rows, columns = matrix.nonzero()
        assert (near[rows, columns] == (h == 1)).all()


def check_walks(graph, matrices, n):
    """Check the two identities of walks of two and three steps."""
    W = matrices[1, 0, 0].astype(np.int64)
    A = {key: matrices[key].astype(np.int64) for key in SEEN_BY_WALKS}
    d = W.sum(1)
    triangles = orbit_counts(graph, num_nodes=n)[:, 3]
    degrees, closed = (sp.diags_array(x, dtype=np.int64) for x in (d, 2 * triangles))
    two = degrees + A[2, 1, 1] + A[1, 3, 3]
    assert (two != W @ W).nnz == 0
    rows, columns = W.nonzero()
    there = sp.csr_array((d[rows] + d[columns] - 1, (rows, columns)), shape=W.shape)
    three = closed + there + A[3, 4, 4] + A[1, 8, 8] + A[2, 9, 10] + A[2, 10, 9]
    three = three + 2 * A[2, 12, 12] + A[1, 12, 13] + A[1, 13, 12] + 2 * A[1, 14, 14]
    assert (three != W @ W @ W).nnz == 0


def test_walks_on_generated_graphs(generated, threads):
    edges, n, matrices = generated
    check_walks(edges, matrices, n)
    edges, n = graphs.random_edges(9000, 13_000), 9000  # more nodes than one group of bits holds
    check_walks(edges, orbit_adjacency(edges, num_nodes=n, num_threads=threads), n)


def test_walks_on_cora(mirror, tmp_path):
    if not (mirror / "planetoid").is_dir():
        pytest.skip("the mirror has no Cora")
    graph = load("cora", root=tmp_path).graph
    matrices = orbit_adjacency(graph)
    check_walks(graph, matrices, graph.num_nodes)
    assert matrices[1, 0, 0].nnz == 2 * 5278


@pytest.mark.parametrize("leaves", [2, 3, 40])
def test_stars(leaves):
    matrices = orbit_adjacency(graphs.star(leaves))
    d, leaf = leaves, slice(1, None)
    apart = 1 - np.eye(d, dtype=int)
    assert (matrices[1, 7, 6].toarray()[0, leaf] == comb(d - 1, 2)).all()
    assert (matrices[1, 6, 7].toarray()[leaf, 0] == comb(d - 1, 2)).all()
    assert (matrices[1, 2, 1].toarray()[0, leaf] == d - 1).all()
    assert (matrices[2, 1, 1].toarray()[leaf, leaf] == apart).all()
    assert (matrices[2, 6, 6].toarray()[leaf, leaf] == (d - 2) * apart).all()
    others = set(ORBIT_PAIRS) - set(GRAPHLETS[0]) - set(GRAPHLETS[1]) - set(GRAPHLETS[4])
    assert all(matrices[key].nnz == 0 for key in others)


def test_a_star_of_5000_leaves(threads):
    near = orbit_adjacency(graphs.star(5000), hop=1, num_threads=threads)
    counts = near.counts()
    assert counts[0, 7] == 20_820_835_000
    assert np.array_equal(counts, orbit_counts(graphs.star(5000)))
    far = iter_orbit_adjacency(graphs.star(5000), hop=2, block_rows=20, num_threads=threads)
    _, _, rows = next(far)
    assert (rows[2, 6, 6].data == 4998).all()
    assert np.diff(rows[2, 6, 6].indptr).tolist() == [0, *[4999] * 19]


@pytest.mark.parametrize("n", [4, 5, 40])
def test_cliques(n):
    matrices = orbit_adjacency(graphs.complete(n))
    apart = 1 - np.eye(n, dtype=int)
    values = {(1, 0, 0): 1, (1, 3, 3): n - 2, (1, 14, 14): comb(n - 2, 2)}
    for key, matrix in matrices.items():
        assert np.array_equal(matrix.toarray(), values.get(key, 0) * apart)


@pytest.mark.parametrize(("a", "b"), [(2, 2), (3, 4), (30, 20)])
def test_complete_bipartite_graphs(a, b):
    matrices = orbit_adjacency(graphs.bipartite(a, b))
    side = np.repeat([0, 1], [a, b])
    across = side[:, None] != side
    apart = ~across & ~np.eye(a + b, dtype=bool)
    own, other = np.array([a, b])[side], np.array([b, a])[side]
    expected = {
        (1, 0, 0): across,
        (1, 1, 2): across * (own[:, None] - 1),
        (1, 6, 7): across * ((own - 1) * (own - 2) // 2)[:, None],
        (1, 8, 8): across * (a - 1) * (b - 1),
        (2, 1, 1): apart * other,
        (2, 6, 6): apart * other * (own - 2),
        (2, 8, 8): apart * (other * (other - 1) // 2),
    }
    for h, i, j in ORBIT_PAIRS:
        one = expected.get((h, i, j), np.zeros(across.shape, int))
        other_way = expected.get((h, j, i), np.zeros(across.shape, int)).T
        found = matrices[h, i, j].toarray()
        assert np.array_equal(found, one if (h, i, j) in expected else other_way), (h, i, j)


@pytest.mark.parametrize("n", [7, 8, 5000])
def test_cycles(n, threads):
    matrices = orbit_adjacency(graphs.cycle(n), num_threads=threads)
    there = {1: [(0, 0), (1, 2), (2, 1), (4, 5), (5, 4), (5, 5)], 2: [(1, 1), (4, 5), (5, 4)]}
    there[3] = [(4, 4)]
    for (h, i, j), matrix in matrices.items():
        if (i, j) not in there[h]:
            assert matrix.nnz == 0
            continue
        rows, columns = matrix.nonzero()
        assert (matrix.data == 1).all()
        assert rows.size == 2 * n
        assert set(((columns - rows) % n).tolist()) == {h, n - h}


@pytest.mark.parametrize("n", [2, 3, 4, 60])
def test_paths(n):
    matrices = orbit_adjacency(graphs.path(n))
    for h, i, j in [(1, 0, 0), (2, 1, 1), (3, 4, 4)]:
        expected = np.eye(n, k=h, dtype=int) + np.eye(n, k=-h, dtype=int)
        assert np.array_equal(matrices[h, i, j].toarray(), expected)
    assert matrices[1, 5, 5].nnz == 2 * max(n - 3, 0)
    assert matrices[2, 6, 6].nnz == matrices[1, 8, 8].nnz == 0


def test_renamed_nodes_take_rows_and_columns_along(generated):
    edges, n, matrices = generated
    name = np.random.default_rng(1).permutation(n)
    renamed = orbit_adjacency(name[edges], num_nodes=n)
    for key, matrix in renamed.items():
        assert (matrix[name][:, name] != matrices[key]).nnz == 0


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.parametrize("form", FORMS)
def test_every_description_of_a_graph_gives_the_same(form):
    keys = [(1, 10, 11), (2, 9, 10)]
    found = orbit_adjacency(FORMS[form](KARATE, 34), keys)
    for key in keys:
        assert np.array_equal(found[key].toarray(), graphs.golden_matrix("karate", key))


def test_labels_and_directions_of_networkx():
    graph = nx.DiGraph([("c", "a"), ("a", "b")])
    with pytest.raises(InputError, match="to_undirected=True"):
        orbit_adjacency(graph)
    with pytest.raises(InputError, match="to_undirected=True"):
        iter_orbit_adjacency(graph)
    found = orbit_adjacency(graph, (2, 1, 1), to_undirected=True, nodelist=["a", "b", "c"])
    assert found[2, 1, 1].toarray().tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]]
    ((_, _, rows),) = iter_orbit_adjacency(graph, (2, 1, 1), to_undirected=True)
    assert rows[2, 1, 1].toarray().tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("k", GRAPHLETS)
def test_graphlet_adjacency_counts_common_occurrences(k, threads):
    nodes_of = {key[1]: g for g, keys in GRAPHLETS.items() for key in keys}
    for n, edges, _ in graphs.enumerated()[5::19]:
        expected = np.zeros((n, n), int)
        for nodes, orbit, _ in brute_force.occurrences(n, edges.T):
            if nodes_of[orbit[nodes[0]]] == k:
                expected[np.ix_(nodes, nodes)] += 1
        np.fill_diagonal(expected, 0)
        found = graphlet_adjacency(edges, k, num_nodes=n, num_threads=threads)
        assert found.dtype == np.int32
        assert np.array_equal(found.toarray(), expected)


@pytest.mark.parametrize("k", [9, -1, None, "3", 1.5, [1]])
def test_graphlets_that_do_not_exist_are_named(k):
    with pytest.raises(InputError, match=r"graphlet is .* from 0 \(edge\) to 8"):
        graphlet_adjacency(PAW, k)
    with pytest.raises(InputError, match=r"graphlet is .* from 0 \(edge\) to 8"):
        orbit_adjacency(PAW).graphlet(k)


@pytest.mark.parametrize("n", [0, 1, 6])
def test_graphs_without_edges_have_empty_matrices(n, threads, tmp_path):
    edges = np.empty((2, 0), np.int64)
    arguments = {"num_nodes": n, "num_threads": threads}
    for found in (
        orbit_adjacency(edges, **arguments),
        orbit_adjacency(edges, top_k=2, **arguments),
        orbit_adjacency(edges, out=tmp_path / "out", **arguments),
        orbit_adjacency(np.zeros((n, n)), num_threads=threads),
    ):
        assert tuple(found) == ORBIT_PAIRS
        for matrix in found.values():
            check_form(matrix, (n, n))
            assert matrix.nnz == 0
        assert found.counts().tolist() == [[0] * 15] * n
        assert found.graphlet(8).shape == (n, n)
    blocks = list(iter_orbit_adjacency(edges, block_rows=4, **arguments))
    assert [(start, stop) for start, stop, _ in blocks] == {0: [], 1: [(0, 1)]}.get(
        n, [(0, 4), (4, 6)]
    )
    assert graphlet_adjacency(edges, 8, **arguments).shape == (n, n)


def test_isolated_nodes_keep_their_place(threads):
    found = orbit_adjacency(np.array(PAW) + 2, num_nodes=9, num_threads=threads)
    clean = orbit_adjacency(PAW)
    for key in ORBIT_PAIRS:
        expected = np.zeros((9, 9), int)
        expected[2:6, 2:6] = clean[key].toarray()
        assert np.array_equal(found[key].toarray(), expected)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True, [1], float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("call", "names"),
    [
        (orbit_adjacency, ["num_threads", "top_k", "max_memory"]),
        (iter_orbit_adjacency, ["num_threads", "top_k", "max_memory", "block_rows"]),
    ],
)
def test_numbers_that_cannot_be_are_named_at_once(call, names, wrong):
    for name in names:
        with pytest.raises(InputError, match=f"{name} is .*expected a whole number >= 1, or None"):
            call(PAW, **{name: wrong})


@pytest.mark.parametrize("call", [orbit_adjacency, iter_orbit_adjacency])
def test_other_wrong_arguments_are_named_at_once(call):
    with pytest.raises(InputError, match="several distances"):
        call(PAW, [(4, 5)])
    with pytest.raises(InputError, match="hop is 4"):
        call(PAW, hop=4)
    with pytest.raises(TypeError):
        call(object())
    with pytest.raises(InputError, match="dtype is"):
        call(PAW, dtype="number")


def test_numbers_may_be_of_numpy(generated):
    edges, n, matrices = generated
    two = np.int64(2)
    found = orbit_adjacency(edges, num_nodes=n, num_threads=two, max_memory=1e9)
    same(found, matrices)
    assert orbit_adjacency(PAW, top_k=two).top_k == 2
    assert len(list(iter_orbit_adjacency(PAW, block_rows=two))) == 2


def test_the_input_is_left_as_it_was():
    given = KARATE[:, ::-1].copy()
    given.flags.writeable = False
    before = given.copy()
    found = orbit_adjacency(given)
    assert np.array_equal(given, before)
    for matrix in found.values():
        matrix.data[:] = 0  # no array of the result is another's, or the graph's
        assert not matrix.data.any()
    for key, matrix in orbit_adjacency(given).items():
        assert np.array_equal(matrix.toarray(), graphs.golden_matrix("karate", key))


def test_matrices_do_not_share_arrays_with_the_graph_or_each_other():
    graph = FORMS["graph"](KARATE, 34)
    before = graph.simple().edge_index.clone()
    for matrix in orbit_adjacency(graph).values():
        matrix.data[:] = 7
        matrix.indices[:] = 0
    assert torch.equal(graph.simple().edge_index, before)
    for key, matrix in orbit_adjacency(graph).items():
        assert np.array_equal(matrix.toarray(), graphs.golden_matrix("karate", key))
