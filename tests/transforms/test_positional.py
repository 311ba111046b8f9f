"""Laplacian eigenvectors and return probabilities: golden spaces, sparse against dense, batches."""

from __future__ import annotations

import networkx
import numpy as np
import pytest
import torch

from graphlab.collection import GraphCollection
from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.transforms.positional import LaplacianPE, RandomWalkSE, flip_signs

GRAPHS = ("path9", "er20", "csl_41_3", "two_comp", "isolated")


def edges_of(matrix):
    return torch.from_numpy(np.stack(np.nonzero(matrix)))


def laplacian(graph):
    matrix = np.zeros((graph.num_nodes, graph.num_nodes))
    matrix[tuple(graph.edge_index.numpy())] = 1
    root = 1 / np.sqrt(np.maximum(matrix.sum(0), 1))
    return np.eye(len(matrix)) - root[:, None] * matrix * root


def residual(pe, matrix):
    """Largest distance of the columns from being eigenvectors, and their eigenvalues."""
    vectors = pe.double().numpy()
    values = (vectors * (matrix @ vectors)).sum(0)
    return np.abs(matrix @ vectors - vectors * values).max(), values


@pytest.mark.parametrize("name", GRAPHS)
def test_spaces_equal_the_golden_ones(name, golden):
    data = np.load(golden / "benchmarking_gnns" / "lap_pe.npz")
    matrix, values, vectors = (data[f"{name}/{part}"] for part in ("A", "eigval", "eigvec"))
    n = len(matrix)
    pe = LaplacianPE(n - 1).encode(edges_of(matrix), n).double().numpy()
    assert np.abs(pe.T @ pe - np.eye(n - 1)).max() < 1e-5
    kept = values[1:]
    groups = np.split(np.arange(n - 1), np.flatnonzero(np.diff(kept) > 1e-6) + 1)
    for group in groups:
        if kept[group[0]] < 1e-8:  # any of the zero vectors may be the dropped one
            inside = vectors[:, values < 1e-8]
            found = pe[:, group]
            assert np.abs(inside @ (inside.T @ found) - found).max() < 1e-5
            continue
        expected = vectors[:, 1:][:, group]
        assert np.abs(pe[:, group] @ pe[:, group].T - expected @ expected.T).max() < 1e-5


@pytest.mark.parametrize("name", GRAPHS)
def test_all_trivial_vectors_can_be_dropped(name, golden):
    data = np.load(golden / "benchmarking_gnns" / "lap_pe.npz")
    matrix, values = data[f"{name}/A"], data[f"{name}/eigval"]
    positive = values[values > 1e-8][:3]
    pe = LaplacianPE(3, drop_trivial="all").encode(edges_of(matrix), len(matrix))
    wrong, found = residual(pe[:, : len(positive)], data[f"{name}/L"])
    assert wrong < 1e-5
    np.testing.assert_allclose(found, positive, atol=1e-5)


def test_missing_columns_are_zero():
    pe = LaplacianPE(5).encode([[0, 1], [1, 0]], num_nodes=2)
    assert pe.shape == (2, 5) and not pe[:, 1:].any() and pe[:, 0].abs().sum() > 1
    assert not LaplacianPE(2).encode(torch.zeros(2, 0, dtype=torch.int64), 1).any()
    assert LaplacianPE(2).encode(torch.zeros(2, 0, dtype=torch.int64), 0).shape == (0, 2)
    lonely = LaplacianPE(3, drop_trivial="all").encode(torch.zeros(2, 0, dtype=torch.int64), 4)
    assert lonely.shape == (4, 3)


def test_one_direction_loops_and_duplicates_change_nothing():
    path = [[0, 1, 1, 2, 2, 3], [1, 0, 2, 1, 3, 2]]
    other = [[0, 1, 2, 2, 3], [1, 2, 3, 2, 2]]
    expected = LaplacianPE(2).encode(path, 4)
    assert torch.allclose(LaplacianPE(2).encode(other, 4), expected)
    data = as_graph(other, 4).to_pyg()
    assert torch.allclose(LaplacianPE(2)(data).pe, expected)


LARGE = {
    "grid": networkx.grid_2d_graph(13, 17),
    "random": networkx.gnm_random_graph(220, 700, seed=0),
    "scale-free": networkx.barabasi_albert_graph(220, 3, seed=0),
    "parts": networkx.disjoint_union_all(
        [
            networkx.cycle_graph(60),
            networkx.gnm_random_graph(90, 300, seed=1),
            networkx.empty_graph(4),
        ]
    ),
}


@pytest.mark.parametrize("drop", ["first", "all"])
@pytest.mark.parametrize("envelope", [0, 1 << 25], ids=["lanczos", "factorised"])
@pytest.mark.parametrize("name", LARGE)
def test_sparse_solvers_find_the_dense_spaces(name, envelope, drop, monkeypatch):
    monkeypatch.setattr("graphlab.transforms._eigenvectors._ENVELOPE", envelope)
    graph = as_graph(networkx.convert_node_labels_to_integers(LARGE[name]))
    matrix = laplacian(graph)
    values = np.linalg.eigvalsh(matrix)
    first = int((values < 1e-8).sum()) if drop == "all" else 1
    pe = LaplacianPE(6, drop_trivial=drop, dense_up_to=10).encode(graph)
    wrong, found = residual(pe, matrix)
    assert wrong < 1e-4
    np.testing.assert_allclose(found, values[first : first + 6], atol=1e-5)
    assert np.abs((pe.T @ pe).numpy() - np.eye(6)).max() < 1e-4
    assert torch.equal(pe, LaplacianPE(6, drop_trivial=drop, dense_up_to=10).encode(graph))


def sunflower(petals, size):
    """Equal cliques that hang on one node by paths of two edges: values of high multiplicity."""
    graph = networkx.star_graph(petals)
    for petal in range(petals):
        clique = networkx.complete_graph(size)
        graph = networkx.disjoint_union(graph, clique)
        graph.add_edge(1 + petal, len(graph) - 1)
    return graph


REPEATED = {
    "hypercube": networkx.hypercube_graph(8),  # 1/4 occurs 8 times, 1/2 28 times
    "components": networkx.disjoint_union_all(
        [networkx.gnm_random_graph(30, 60, seed=2) for _ in range(12)]
    ),
    "sunflower": sunflower(15, 6),
    "torus": networkx.grid_2d_graph(12, 12, periodic=True),
    "tree": networkx.balanced_tree(3, 4),
    "star": networkx.star_graph(60),
    "complete": networkx.complete_graph(40),
    "bipartite": networkx.complete_bipartite_graph(5, 40),
}


@pytest.mark.parametrize("k", [3, 7, 20])
@pytest.mark.parametrize("envelope", [0, 1 << 25], ids=["filtered", "factorised"])
@pytest.mark.parametrize("name", REPEATED)
def test_a_value_is_found_as_often_as_it_occurs(name, envelope, k, monkeypatch):
    monkeypatch.setattr("graphlab.transforms._eigenvectors._ENVELOPE", envelope)
    graph = as_graph(networkx.convert_node_labels_to_integers(REPEATED[name]))
    matrix = laplacian(graph)
    values = np.linalg.eigvalsh(matrix)
    for drop in ("first", "all"):
        first = int((values < 1e-8).sum()) if drop == "all" else 1
        pe = LaplacianPE(k, drop_trivial=drop, dense_up_to=10).encode(graph)
        wrong, found = residual(pe, matrix)
        assert wrong < 1e-4
        np.testing.assert_allclose(found, values[first : first + k], atol=1e-5)
        assert np.abs((pe.T @ pe).numpy() - np.eye(k)).max() < 1e-4


def test_all_vectors_but_the_first_can_be_asked_for_of_a_sparse_solver(monkeypatch):
    monkeypatch.setattr("graphlab.transforms._eigenvectors._ENVELOPE", 0)
    for graph in (networkx.path_graph(15), networkx.complete_graph(12), networkx.star_graph(13)):
        matrix = laplacian(as_graph(graph))
        n = len(matrix)
        wrong, found = residual(LaplacianPE(n, dense_up_to=10).encode(as_graph(graph)), matrix)
        assert wrong < 1e-5
        np.testing.assert_allclose(found, [*np.linalg.eigvalsh(matrix)[1:], 0][:n], atol=1e-5)


def collection():
    graphs = [networkx.gnm_random_graph(n, 2 * n, seed=n) for n in (5, 30, 2, 12)]
    return GraphCollection.from_pyg([as_graph(g) for g in graphs])


@pytest.mark.parametrize("transform", [LaplacianPE(4), RandomWalkSE(4)], ids=repr)
def test_each_graph_of_a_batch_has_its_own(transform):
    graphs = collection()
    packed = transform(graphs)
    assert packed is not graphs and graphs.pe is None and packed.levels["pe"] == "node"
    expected = torch.cat([transform.encode(graph) for graph in graphs])
    assert torch.allclose(packed.pe, expected, atol=1e-6)
    batch = transform(graphs.batch([3, 1]))
    assert torch.allclose(batch.pe, torch.cat([packed[3].pe, packed[1].pe]), atol=1e-6)
    one = transform(graphs[1])
    assert torch.allclose(one.pe, packed[1].pe, atol=1e-6)
    data = pytest.importorskip("torch_geometric.data")
    theirs = data.Batch.from_data_list([graph.to_pyg() for graph in graphs.to_graphs()])
    assert torch.allclose(transform(theirs).pe, packed.pe, atol=1e-6)


def test_return_probabilities_are_powers_of_the_walk(monkeypatch):
    graph = as_graph(networkx.gnm_random_graph(23, 40, seed=3))
    walk = np.zeros((23, 23))
    walk[tuple(graph.edge_index.numpy())] = 1
    walk /= np.maximum(walk.sum(1, keepdims=True), 1)
    expected = [np.diag(np.linalg.matrix_power(walk, t)) for t in range(1, 8)]
    found = RandomWalkSE(7).encode(graph)
    np.testing.assert_allclose(found.numpy(), np.stack(expected, 1), atol=1e-6)
    monkeypatch.setattr("graphlab.transforms.positional._BLOCK_BYTES", 8 * 23 * 5)
    assert torch.allclose(RandomWalkSE(7).encode(graph), found)


def test_signs_are_drawn_for_columns_and_by_the_generator():
    pe = torch.randn(50, 16)
    flipped = flip_signs(pe, torch.Generator().manual_seed(1))
    ratio = flipped / pe
    assert torch.equal(ratio, ratio[:1].expand_as(ratio))
    assert set(ratio[0].tolist()) == {1.0, -1.0}
    assert torch.equal(flipped, flip_signs(pe, torch.Generator().manual_seed(1)))
    assert not torch.equal(flipped, flip_signs(pe, torch.Generator().manual_seed(2)))


def test_wrong_arguments_are_named():
    for cls in (LaplacianPE, RandomWalkSE):
        with pytest.raises(InputError, match="k is 0"):
            cls(0)
    with pytest.raises(InputError, match="drop_trivial is 'none'"):
        LaplacianPE(2, drop_trivial="none")
    with pytest.raises(InputError, match="data is a list"):
        LaplacianPE(2)([[0], [1]])
    with pytest.raises(InputError, match="cannot be set"):
        RandomWalkSE(2)(frozen())


def frozen():
    class Frozen:
        __slots__ = ("edge_index", "num_nodes")

    data = Frozen()
    data.edge_index, data.num_nodes = torch.tensor([[0], [1]]), 2
    return data
