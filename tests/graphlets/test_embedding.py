"""PMI, walk matrix and embeddings: golden values, dense references, hard spectra, wrong input."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

from graphlab.errors import InputError
from graphlab.graphlets import ORBIT_PAIRS, OrbitEmbedding, WalkEmbedding, orbit_pmi, walk_matrix
from graphlab.graphlets import _factorise as factorise
from graphlab.graphlets._factorise import left_factor
from tests.graphlets.brute_force import orbit_adjacency as brute_force

KARATE = nx.Graph()
KARATE.add_nodes_from(range(34))
KARATE.add_edges_from(nx.karate_club_graph().edges)


def read(golden, name):
    with np.load(golden / "graphlets" / f"{name}.npz") as stored:
        return dict(stored)


def golden_matrix(golden, key):
    stored = read(golden, "karate")
    rows, columns, values = stored["adj_{}_{}_{}".format(*key)].T
    n = int(stored["n"])
    return sp.csr_array((values, (rows, columns)), shape=(n, n))


def dense_pmi(counts, shift=1.0):
    counts = np.asarray(counts, float)
    outer = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        pmi = np.log(counts * counts.sum() / outer) - np.log(shift)
    return np.where(counts > 0, np.maximum(pmi, 0), 0)


def gram(matrix, dim):
    """U Sigma U': what an embedding determines whatever the basis of equal singular values."""
    left, values, _ = np.linalg.svd(matrix)
    return left[:, :dim] * values[:dim] @ left[:, :dim].T


# -- PMI ------------------------------------------------------------------------------------------


def test_pmi_equals_the_golden_values(golden):
    stored = read(golden, "karate_ppmi")
    names = [name for name in stored if name.startswith("ppmi_")]
    assert names
    for name in names:
        *key, shift = (int(part.removeprefix("shift")) for part in name.split("_")[1:])
        found = orbit_pmi(golden_matrix(golden, key), shift=float(shift))
        assert isinstance(found, sp.csr_array)
        np.testing.assert_allclose(found.toarray(), stored[name], rtol=1e-12, atol=0)


def test_pmi_without_the_cut_keeps_negative_values():
    counts = np.array([[4, 1, 0], [1, 4, 2], [0, 0, 0]])
    found = orbit_pmi(counts, positive=False).toarray()
    assert (found < 0).any()
    np.testing.assert_allclose(np.maximum(found, 0), dense_pmi(counts), rtol=1e-14)
    assert not found[2].any()
    np.testing.assert_allclose(
        orbit_pmi(counts, 5.0, positive=False).toarray()[counts > 0],
        found[counts > 0] - np.log(5),
        rtol=1e-12,
    )


def test_pmi_changes_nothing_and_stores_no_zero():
    counts = sp.csr_array(([2, 0, 1, 3], [1, 0, 2, 0], [0, 2, 3, 4]), shape=(3, 3))
    before = counts.copy()
    found = orbit_pmi(counts)
    assert (found.data != 0).all()
    assert found.has_sorted_indices
    assert np.array_equal(counts.data, before.data)
    assert np.array_equal(counts.indices, before.indices)


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.coo_array, sp.csc_array, np.asarray, list])
def test_pmi_takes_every_form_of_a_matrix(make):
    counts = np.array([[0, 3], [1, 0]])
    np.testing.assert_array_equal(orbit_pmi(make(counts)).toarray(), dense_pmi(counts))


def test_sums_past_32_bits_do_not_wrap():
    counts = np.full((3, 3), 2**31 - 1, np.int32)
    counts[0, 0] = 1
    np.testing.assert_allclose(orbit_pmi(counts).toarray(), dense_pmi(counts), atol=1e-15)


def test_pmi_of_nothing_is_nothing():
    for shape in ((0, 0), (3, 3)):
        found = orbit_pmi(sp.csr_array(shape, dtype=np.int32))
        assert found.shape == shape
        assert found.dtype == np.float64
        assert found.nnz == 0


@pytest.mark.parametrize(
    ("counts", "shift", "message"),
    [
        ([[1, -2], [0, 0]], 1.0, r"M holds -2\.0, expected counts"),
        ([[1, np.nan], [0, 0]], 1.0, "M holds nan"),
        ([1, 2], 1.0, r"M has shape \(2,\)"),
        ("text", 1.0, "M is a str"),
        ([[1]], 0, "shift is 0, expected a number above 0"),
        ([[1]], float("inf"), "shift is inf"),
    ],
)
def test_wrong_arguments_of_pmi_are_named(counts, shift, message):
    with pytest.raises(InputError, match=message):
        orbit_pmi(counts, shift)


# -- walks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_the_walk_matrix_is_its_formula(length):
    graph = nx.disjoint_union(KARATE, nx.empty_graph(2))
    adjacency = nx.to_numpy_array(graph)
    degree = adjacency.sum(1)
    step = adjacency / np.maximum(degree, 1)[:, None]
    powers = [np.linalg.matrix_power(step, power) for power in range(1, length + 1)]
    found = walk_matrix(graph, length)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.toarray(), degree[:, None] * sum(powers) / length, rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), degree)


def test_the_walk_matrix_of_length_1_leaves_the_adjacency_alone():
    found = walk_matrix(KARATE, 1)
    assert np.array_equal(found.toarray(), nx.to_numpy_array(KARATE))


@pytest.mark.parametrize("length", [0, 1.5, True, 1001, 10**9])
def test_a_wrong_length_is_named(length):
    for make in (lambda: walk_matrix(KARATE, length), lambda: WalkEmbedding(length)):
        with pytest.raises(InputError, match=f"length is {length}"):
            make()


# -- decomposition --------------------------------------------------------------------------------


def spectra():
    star = nx.star_graph(699)
    copies = nx.disjoint_union_all([nx.barabasi_albert_graph(12, 3, seed=1)] * 60)
    blocks = nx.disjoint_union_all([nx.complete_graph(6)] * 110)
    return {
        "random": nx.gnp_random_graph(650, 0.01, seed=3),
        "bipartite": nx.complete_bipartite_graph(30, 620),
        "rank two": star,
        "many copies": copies,
        "equal values": blocks,
        "one edge": nx.disjoint_union(nx.path_graph(2), nx.empty_graph(640)),
    }


@pytest.mark.parametrize("name", list(spectra()))
@pytest.mark.parametrize("dim", [3, 40])
def test_large_matrices_are_decomposed_as_exactly_as_small_ones(name, dim):
    matrix = orbit_pmi(nx.to_scipy_sparse_array(spectra()[name], dtype=float))
    exact = np.linalg.svd(matrix.toarray(), compute_uv=False)[:dim]
    found = left_factor(matrix, dim)
    assert found.shape == (matrix.shape[0], dim)
    np.testing.assert_allclose((found**2).sum(0), exact, atol=1e-8 * exact[0])
    overlap = found.T @ found
    np.testing.assert_allclose(overlap, np.diag(np.diag(overlap)), atol=1e-7 * exact[0])


def test_copies_that_arpack_misses_are_found():
    graph = nx.disjoint_union_all([nx.barabasi_albert_graph(16, 3, seed=1)] * 40)
    matrix = orbit_pmi(nx.to_scipy_sparse_array(graph, dtype=float))
    assert factorise._lanczos(matrix, 24, np.random.default_rng(0)) is None
    exact = np.linalg.svd(matrix.toarray(), compute_uv=False)[:24]
    np.testing.assert_allclose((left_factor(matrix, 24) ** 2).sum(0), exact, rtol=1e-8)


def test_block_iteration_equals_the_dense_decomposition():
    rng = np.random.default_rng(1)
    matrix = sp.random_array((300, 300), density=0.03, rng=rng, format="csr")
    left, values = factorise._block_krylov(matrix, 10, 26, rng)
    exact = np.linalg.svd(matrix.toarray(), compute_uv=False)
    np.testing.assert_allclose(values[:10], exact[:10], rtol=1e-10)
    left = left[:, :10]
    np.testing.assert_allclose(left * values[:10] @ left.T, gram(matrix.toarray(), 10), atol=1e-6)


def test_what_does_not_converge_is_said(monkeypatch, caplog):
    monkeypatch.setattr(factorise, "_MOST_CYCLES", 1)
    matrix = nx.to_scipy_sparse_array(nx.cycle_graph(600), dtype=float)
    factorise._block_krylov(sp.csr_array(matrix), 10, 12, np.random.default_rng(0))
    assert "stopped after 1 cycles" in caplog.text


# -- embeddings -----------------------------------------------------------------------------------


def test_an_embedding_is_the_decomposition_of_the_summed_counts(golden):
    keys = [(2, 1, 1), (1, 4, 5), (1, 12, 13)]
    matrices = [golden_matrix(golden, key).toarray() for key in keys]
    found = OrbitEmbedding(keys, dim=6).fit_transform(KARATE)
    assert found.shape == (34, 6)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found @ found.T, gram(dense_pmi(sum(matrices)), 6), atol=1e-10)


def test_all_28_keys_are_the_default():
    graph = nx.gnp_random_graph(14, 0.4, seed=2)
    matrices = brute_force(14, list(graph.edges))
    found = OrbitEmbedding(dim=5, shift=2.0).fit_transform(graph)
    whole = dense_pmi(sum(matrices.values()), 2.0)
    np.testing.assert_allclose(found @ found.T, gram(whole, 5), atol=1e-10)
    assert OrbitEmbedding().keys == ORBIT_PAIRS


def test_concatenation_embeds_each_key_and_fills_up():
    keys = [(2, 1, 1), (1, 0, 0), (1, 3, 3)]
    found = OrbitEmbedding(keys, dim=11, combine="concat").fit_transform(KARATE)
    assert found.shape == (34, 11)
    for place, key in enumerate([(1, 0, 0), (1, 3, 3), (2, 1, 1)]):
        alone = OrbitEmbedding([key], dim=3).fit_transform(KARATE)
        np.testing.assert_array_equal(found[:, 3 * place : 3 * place + 3], alone)
    assert not found[:, 9:].any()


def test_the_largest_entry_of_each_component_is_positive():
    for made in (OrbitEmbedding(dim=20), WalkEmbedding(dim=20)):
        found = made.fit_transform(KARATE)
        assert (found[np.abs(found).argmax(0), range(20)] > 0).all()
        assert (np.diff(np.linalg.norm(found, axis=0)) <= 1e-12).all()


def test_seeds_repeat_and_agree():
    graph = nx.gnp_random_graph(600, 0.01, seed=5)
    found = [WalkEmbedding(dim=8, random_state=seed).fit_transform(graph) for seed in (0, 0, 1)]
    assert np.array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], found[2], atol=1e-8)


def test_renumbering_nodes_permutes_the_embedding():
    order = np.random.default_rng(0).permutation(34)
    moved = nx.relabel_nodes(KARATE, dict(enumerate(order.tolist())))
    network = nx.Graph()
    network.add_nodes_from(range(34))
    network.add_edges_from(moved.edges)
    for made in (OrbitEmbedding(dim=5), WalkEmbedding(dim=5)):
        one, other = made.fit_transform(KARATE), made.fit_transform(network)
        np.testing.assert_allclose(one @ one.T, (other @ other.T)[np.ix_(order, order)], atol=1e-9)


def test_walks_of_one_step_see_the_adjacency():
    one = WalkEmbedding(1, dim=4).fit_transform(KARATE)
    other = OrbitEmbedding([(1, 0, 0)], dim=4).fit_transform(KARATE)
    np.testing.assert_allclose(one, other, atol=1e-12)


@pytest.mark.parametrize("n", [2, 5])
def test_tiny_graphs_and_graphs_without_edges_work(n):
    for graph in (nx.empty_graph(n), nx.path_graph(n)):
        for made in (OrbitEmbedding(dim=n - 1), WalkEmbedding(dim=n - 1)):
            found = made.fit_transform(graph)
            assert found.shape == (n, n - 1)
            assert np.isfinite(found).all()
            assert found.any() == (graph.number_of_edges() > 0)


def test_a_key_that_never_occurs_gives_zeros():
    found = OrbitEmbedding([(1, 14, 14)], dim=3).fit_transform(nx.path_graph(9))
    assert found.shape == (9, 3)
    assert not found.any()


@pytest.mark.parametrize("n", [0, 1, 4])
def test_fewer_columns_than_nodes_are_asked_for(n):
    for made in (OrbitEmbedding(dim=4), WalkEmbedding(dim=4)):
        with pytest.raises(InputError, match=f"dim is 4, but the graph has {n} nodes"):
            made.fit_transform(nx.empty_graph(n))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"keys": [(1, 4, 6)]}, r"\(1, 4, 6\) is no orbit pair"),
        ({"keys": []}, "No orbit adjacency is left"),
        ({"dim": 0}, "dim is 0, expected an integer"),
        ({"dim": 2.5}, "dim is 2.5"),
        ({"method": "nmf"}, "method is 'nmf', expected 'svd'"),
        ({"combine": "mean"}, "combine is 'mean', expected 'sum' or 'concat'"),
        ({"dim": 27, "combine": "concat"}, "each of the 28 keys"),
        ({"shift": 0.0}, "shift is 0.0"),
    ],
)
def test_wrong_arguments_of_an_embedding_are_named(given, message):
    with pytest.raises(InputError, match=message):
        OrbitEmbedding(**given)
