"""Generators of the graph benchmark: definitions, statistics, the same graphs for ever."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from graphlab.datasets import load
from graphlab.datasets.catalog import find_dataset
from graphlab.datasets.synthetic import (
    cluster_graphs,
    csl_graphs,
    cycle_graphs,
    pattern_graphs,
    superpixel_adjacency,
    superpixel_neighbors,
    tsp_graph,
)
from graphlab.datasets.synthetic_tsp import (
    labelled,
    read_tsp_synth,
    synth_points,
    tsp_graphs,
    tsp_points,
    tsp_tour,
)
from graphlab.errors import DatasetCorrupt, InputError

COUNT = 2000


@pytest.fixture(scope="module")
def pattern():
    return pattern_graphs(COUNT, seed=0)


@pytest.fixture(scope="module")
def cluster():
    return cluster_graphs(COUNT, seed=0)


def digest(graphs):
    found = hashlib.sha256()
    for values in (graphs.edge_index, graphs.node_ptr, graphs.x, graphs.y):
        found.update(values.numpy().astype("<i8").tobytes())
    return found.hexdigest()[:16]


def rates(graphs):
    """Return the share of joined pairs by classes of both ends."""
    batch = graphs.batch(range(len(graphs)))
    classes = int(batch.y.max()) + 1
    row, col = batch.edge_index
    joined = torch.bincount(batch.y[row] * classes + batch.y[col], minlength=classes**2)
    key = batch.batch * classes + batch.y
    sizes = torch.bincount(key, minlength=len(graphs) * classes).view(-1, classes).double()
    pairs = sizes.T @ sizes - torch.diag(sizes.sum(0))
    return joined.view(classes, classes).double(), pairs


@pytest.mark.parametrize("draw", [pattern_graphs, cluster_graphs, cycle_graphs])
def test_a_seed_gives_the_same_graphs_and_a_prefix_of_more(draw):
    few, more = draw(30, seed=3), draw(60, seed=3)
    assert digest(few) == digest(more[:30])
    assert digest(few) != digest(draw(30, seed=4))


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (pattern_graphs, "e432fec87eb15013"),
        (cluster_graphs, "f328e5527a7a1392"),
        (cycle_graphs, "943ed08b7486de22"),
    ],
)
def test_graphs_never_change(draw, expected):
    assert digest(draw(20, seed=0)) == expected


@pytest.mark.parametrize("draw", [pattern_graphs, cluster_graphs, cycle_graphs])
def test_graphs_are_undirected_sorted_and_without_loops(draw):
    for graph in draw(20, seed=1):
        assert graph.graph.is_undirected() and not graph.graph.has_self_loops()
        assert torch.equal(graph.graph.perm, torch.arange(graph.num_edges))
        assert (graph.edge_index[:, 1:] != graph.edge_index[:, :-1]).any(0).all()


@pytest.mark.parametrize("draw", [pattern_graphs, cluster_graphs, cycle_graphs])
def test_wrong_numbers_are_named(draw):
    with pytest.raises(InputError, match="num_graphs is -1"):
        draw(-1, seed=0)
    with pytest.raises(InputError, match=r"seed is 0\.5"):
        draw(1, seed=0.5)
    assert len(draw(0, seed=0)) == 0


def test_cluster_has_the_rates_of_its_definition(cluster):
    joined, pairs = rates(cluster)
    inside, across = joined.diag().sum() / pairs.diag().sum(), None
    across = (joined.sum() - joined.diag().sum()) / (pairs.sum() - pairs.diag().sum())
    assert abs(float(inside) - 0.55) < 0.005
    assert abs(float(across) - 0.25) < 0.005


def test_cluster_has_the_statistics_of_the_specification(cluster):
    nodes, edges = cluster.node_ptr.diff().double(), cluster.edge_ptr.diff().double()
    assert abs(float(nodes.mean()) - 117.0) < 4 * 20.97 / COUNT**0.5
    assert abs(float(nodes.std()) - 20.97) < 1.5
    assert abs(float(edges.mean()) - 4299) < 4 * 1479 / COUNT**0.5
    assert int(nodes.min()) >= 30 and int(nodes.max()) <= 204


def test_cluster_marks_one_node_of_each_community(cluster):
    for graph in cluster[:50]:
        marked = graph.x > 0
        assert torch.equal(graph.x[marked].sort().values, torch.arange(1, 7))
        assert torch.equal(graph.y[marked] + 1, graph.x[marked])
        sizes = torch.bincount(graph.y, minlength=6)
        assert int(sizes.min()) >= 5 and int(sizes.max()) <= 34


def test_pattern_has_the_rates_of_its_definition(pattern):
    joined, pairs = rates(pattern)
    share = joined / pairs
    assert abs(float(share[0, 1]) - 0.5) < 0.005
    assert float(share[0, 1]) == float(share[1, 0])
    # 100 patterns are drawn once, with about 25,000 pairs: a standard error of 0.003
    assert abs(float(share[1, 1]) - 0.5) < 4 * 0.5 / 25_000**0.5
    # among the five communities both 0.5 and 0.35 occur; a pair shares one with chance 0.222
    assert abs(float(share[0, 0]) - (0.35 + 0.15 * 0.222)) < 0.005


def test_pattern_has_the_statistics_of_the_specification(pattern):
    nodes, edges = pattern.node_ptr.diff().double(), pattern.edge_ptr.diff().double()
    # a mean size of 100 patterns has a standard error of 0.87 on top of that of the graphs
    assert abs(float(nodes.mean()) - 117.0) < 4 * (0.87**2 + 21.4**2 / COUNT) ** 0.5
    assert abs(float(nodes.std()) - 21.42) < 1.5
    assert abs(float(edges.mean()) - 5850) < 4 * (100**2 + 2096**2 / COUNT) ** 0.5
    assert abs(float(pattern.y.double().mean()) - 0.166) < 0.025
    assert abs(float((pattern.x == 1).double().mean()) - 1 / 3) < 0.005


def test_a_pattern_is_the_same_in_each_of_its_graphs(pattern):
    first, second = pattern[7], pattern[107]
    sizes = [int(graph.y.sum()) for graph in (first, second)]
    assert sizes[0] == sizes[1]

    def inside(graph):
        keep = (graph.y[graph.edge_index] == 1).all(0)
        degree = torch.bincount(graph.edge_index[0, keep], minlength=graph.num_nodes)
        rows = torch.stack([graph.x[graph.y == 1], degree[graph.y == 1]], 1)
        return sorted(rows.tolist())

    assert inside(first) == inside(second)
    assert inside(first) != inside(pattern[8])


def test_half_of_the_cycle_graphs_have_one_cycle_of_six_nodes():
    networkx = pytest.importorskip("networkx")
    for graph in cycle_graphs(60, seed=5):
        found = networkx.Graph(graph.edge_index.t().tolist())
        assert networkx.is_connected(found) and len(found) == graph.num_nodes
        assert 37 <= graph.num_nodes <= 65
        sizes = [len(cycle) for cycle in networkx.simple_cycles(found, length_bound=6)]
        assert sizes.count(6) == int(graph.y)


def test_csl_graphs_have_one_node_type_and_their_class():
    graphs = csl_graphs()
    assert not graphs.x.any()
    assert torch.equal(graphs.y, torch.arange(150) // 15)


def test_superpixels_equal_the_golden_arrays(golden):
    data = np.load(golden / "benchmarking_gnns" / "geometry.npz")
    for feat, expected in ((data["feat"], data["A_feat"]), (None, data["A_coord"])):
        np.testing.assert_allclose(superpixel_adjacency(data["coord"], feat), expected, rtol=1e-6)
    found = superpixel_adjacency(data["small_coord"])
    np.testing.assert_allclose(found, data["small_A"], rtol=1e-6, atol=1e-7)
    # the reference keeps 8 of the 9 most similar, in the order of a partition
    neighbors, values = superpixel_neighbors(data["A_feat"])
    order = np.argsort(-data["A_feat"], axis=1, kind="stable")
    for row, golden_row in enumerate(data["knn_sorted"]):
        assert set(golden_row) <= set(order[row, :9].tolist())
        assert set(neighbors[row].tolist()) == set(order[row, :8].tolist())
    taken = np.take_along_axis(data["A_feat"], neighbors.numpy(), axis=1)
    assert np.array_equal(values.numpy(), taken)
    small, small_values = superpixel_neighbors(data["small_A"])
    assert np.array_equal(small.numpy(), data["small_knn"])
    np.testing.assert_allclose(small_values.numpy(), data["small_val"])


def test_tsp_neighbors_equal_the_golden_arrays(golden):
    data = np.load(golden / "benchmarking_gnns" / "geometry.npz")
    edge_index, distance = tsp_graph(data["tsp_coord"], 25)
    assert np.array_equal(edge_index.numpy().T, data["tsp_edges"])
    np.testing.assert_allclose(distance.numpy(), data["tsp_dist"], rtol=1e-12)


def test_tour_labels_mark_neighbours_of_the_tour_in_both_directions():
    square = np.array([[0.0, 0], [0, 1], [1, 1], [1, 0]])
    graphs = labelled([square], [np.array([0, 1, 2, 3])], k=3)
    graph = graphs[0]
    diagonal = (graph.edge_index[0] - graph.edge_index[1]).abs() == 2
    assert torch.equal(graph.y == 0, diagonal)
    assert torch.allclose(graph.edge_attr[diagonal], torch.tensor(2.0).sqrt())


def test_tours_are_short_and_the_same_for_a_seed():
    pytest.importorskip("elkai")
    points = tsp_points(1, seed=2, least=12, most=12)[0]
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    order = np.random.default_rng(0).permutation(12)
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)[order]
    steps = np.diff(order[tsp_tour(circle)]) % 12
    assert set(steps.tolist()) in ({1}, {11})
    assert np.array_equal(tsp_tour(points), tsp_tour(points))
    graphs = tsp_graphs(2, seed=1, least=8, most=12)
    assert graphs.levels == {"x": "node", "edge_attr": "edge", "y": "edge"}
    for graph in graphs:
        assert int(graph.y.sum()) == 2 * graph.num_nodes


def test_wrong_points_are_named():
    with pytest.raises(InputError, match="coord has shape"):
        tsp_graph([[0.0, 1.0, 2.0]])
    with pytest.raises(InputError, match="k is 0"):
        tsp_graph([[0.0, 1.0]], k=0)
    with pytest.raises(InputError, match="feat has 1 rows"):
        superpixel_adjacency([[0.0, 1.0], [0.0, 2.0]], [[1.0]])


def test_cycles_synth_is_loaded_as_a_collection_with_its_split():
    data = load("cycles-synth")
    assert data.collection is data.graph
    assert len(data.graph) == data.info["num_graphs"] == 20_000
    assert data.num_classes == 2 and torch.equal(data.targets, torch.arange(20_000) % 2)
    assert repr(data) == "LoadedData('cycles-synth', task='graph', graph=20000 graphs)"
    split = data.stored_splits["official"]
    assert [len(ids) for ids in split.values()] == [9000, 1000, 10_000]
    assert torch.equal(torch.cat(list(split.values())), torch.arange(20_000))


@pytest.fixture(scope="module")
def tsp_synth():
    return load("tsp-synth")


def test_tsp_synth_is_loaded_with_its_tours(tsp_synth):
    graphs = tsp_synth.collection
    assert graphs.levels == {"x": "node", "edge_attr": "edge", "y": "edge"}
    assert len(graphs) == 1000 and tsp_synth.num_classes == 2
    assert [len(ids) for ids in tsp_synth.stored_splits["official"].values()] == [800, 100, 100]
    sizes = graphs.node_ptr.diff()
    assert int(sizes.min()) >= 50 and int(sizes.max()) <= 100
    # nearly all tours go to near neighbours alone; each entry has its distance
    outside = 2 * graphs.num_nodes - int(graphs.y.sum())
    assert 0 <= outside < 20
    graph = graphs[17]
    row, col = graph.edge_index
    torch.testing.assert_close((graph.x[row] - graph.x[col]).norm(dim=1), graph.edge_attr[:, 0])


def test_shipped_tours_are_as_short_as_those_of_the_solver(tsp_synth):
    pytest.importorskip("elkai")
    graphs = tsp_synth.collection
    for number in (0, 999):
        points = synth_points()[number]
        tour = tsp_tour(points, seed=0)
        length = np.linalg.norm(points[tour] - points[np.roll(tour, -1)], axis=1).sum()
        graph = graphs[number]
        shipped = float(graph.edge_attr[graph.y == 1].sum()) / 2
        assert int(graph.y.sum()) == 2 * graph.num_nodes
        assert abs(shipped - length) < 0.01 * length


def test_tours_of_other_points_are_refused(tmp_path):
    card = find_dataset("tsp-synth")
    np.savez(tmp_path / "tours.npz", tours=np.zeros(75359, np.uint8))
    with pytest.raises(DatasetCorrupt, match="tour 0 does not visit"):
        read_tsp_synth(tmp_path, card)


def test_csl_has_five_folds_that_test_every_graph_once(in_shared_root):
    from graphlab.tasks._graph_splits import graph_split

    data = load("csl")
    splits = [graph_split(data, "bgnn-5", seed=5 + fold) for fold in range(5)]
    for split in splits:
        assert [len(ids) for ids in split.values()] == [90, 30, 30]
        for ids in split.values():  # as many of every class
            assert torch.bincount(data.targets[ids]).unique().numel() == 1
    assert torch.equal(torch.cat([s["test"] for s in splits]).sort().values, torch.arange(150))


@pytest.mark.parametrize("name", ["tu-mutag", "ogbg-molesol", "ogbg-molbace"])
def test_read_sets_pack_into_collections(name, in_shared_root):
    data = load(name)
    graphs = data.collection
    assert len(graphs) == data.info["num_graphs"] and graphs.num_nodes == data.info["num_nodes"]
    assert torch.equal(graphs.y, data.targets) and graphs.levels["y"] == "graph"
    for number in (0, 7, len(graphs) - 1):
        graph, expected = graphs[number], data.graph[number]
        assert torch.equal(graph.edge_index, expected.edge_index)
        assert torch.equal(graph.x, expected.x)
        assert torch.equal(graph.edge_attr, data.edge_attr[number])


def test_a_single_graph_is_no_collection():
    with pytest.raises(InputError, match="karate is a single graph"):
        _ = load("karate").collection
