"""Ego-graphs: equal to those of networkx, drawn by seed, sizes kept to."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.pretraining import ego_graphs, feasibility


@pytest.fixture(scope="module")
def network():
    return nx.gnp_random_graph(150, 0.02, seed=5)


@pytest.mark.parametrize("hops", [0, 1, 2, 5])
def test_they_are_those_of_networkx(network, hops):
    centers = [7, 0, 149, 33, 7]
    found = ego_graphs(network, hops, nodes=centers, min_nodes=1)
    for center, graph in zip(centers, found, strict=True):
        expected = nx.ego_graph(network, center, hops)
        order = [center, *sorted(set(expected) - {center})]
        np.testing.assert_array_equal(
            graph.to_scipy().toarray(), nx.to_numpy_array(expected, nodelist=order)
        )
        index = graph.edge_index
        again = as_graph(index.clone(), graph.num_nodes).simple()
        assert torch.equal(index, again.edge_index)  # simple, as it says, and sorted


def test_labels_go_along_and_the_center_is_first(network):
    graph = as_graph(network).with_labels(torch.arange(150) * 10)
    for ego, center in zip(ego_graphs(graph, nodes=[3, 90], min_nodes=1), [3, 90], strict=True):
        assert ego.y[0] == 10 * center
        assert set((ego.y // 10).tolist()) == set(nx.ego_graph(network, center, 2))


def test_direction_loops_repeats_and_weights_do_not_matter():
    plain = ego_graphs(as_graph([[0, 1, 1, 2], [1, 0, 2, 1]]), 1, nodes=[1])[0]
    odd = as_graph([[1, 1, 1, 2], [0, 0, 1, 1]], edge_weight=[0.5, 0.5, 1.0, 0.0])
    assert torch.equal(ego_graphs(odd, 1, nodes=[1])[0].edge_index, plain.edge_index)


def test_a_share_or_a_number_is_drawn_by_seed(network):
    def degrees(**options):
        return [g.edge_index.shape[1] for g in ego_graphs(network, min_nodes=1, **options)]

    assert len(degrees(num=0.1)) == 15
    assert len(degrees(num=0.001)) == 1  # the authors' share gives none here
    assert len(degrees(num=40)) == 40
    assert len(degrees(num=1.0)) == len(degrees(num=1000)) == 150
    assert degrees(num=40) == degrees(num=40) != degrees(num=40, seed=1)
    whole = as_graph(network).with_labels(torch.arange(150))
    centers = [int(g.y[0]) for g in ego_graphs(whole, num=60, min_nodes=1)]
    assert len(set(centers)) == 60


def test_small_and_large_ones_are_left_out(network):
    everything = [g.num_nodes for g in ego_graphs(network, num=1.0, min_nodes=1)]
    assert min(everything) == 1 and max(everything) > 20
    kept = [g.num_nodes for g in ego_graphs(network, num=1.0, min_nodes=5, max_nodes=20)]
    # the draw is the same, so is the order
    assert kept == [n for n in everything if 5 <= n <= 20]
    with pytest.warns(UserWarning, match="None of the 150 ego-graphs has 140 to 150 nodes"):
        assert not ego_graphs(network, num=1.0, min_nodes=140, max_nodes=150)


def test_isolated_nodes_have_no_surroundings():
    with pytest.warns(UserWarning, match="the smallest has 1"):
        assert ego_graphs(nx.empty_graph(5), num=1.0) == []
    assert [g.num_edges for g in ego_graphs(nx.empty_graph(3), num=1.0, min_nodes=1)] == [0] * 3
    with pytest.warns(UserWarning, match="None of the 0"):
        assert ego_graphs(nx.empty_graph(0)) == []


def test_a_loaded_data_set_is_taken():
    from graphlab.datasets import load

    data = load("debdeps")
    graphs = ego_graphs(data, num=20)
    assert graphs and all(g.y is not None for g in graphs)
    assert feasibility(graphs, graphs, r=8).score == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"hops": -1}, "hops is -1"),
        ({"hops": 1.5}, "hops is 1.5"),
        ({"num": 0.0}, "num is 0.0"),
        ({"num": 1.5}, "num is 1.5"),
        ({"num": 0}, "num is 0"),
        ({"num": True}, "num is True"),
        ({"num": "all"}, "num is 'all'"),
        ({"min_nodes": 5, "max_nodes": 4}, "min_nodes is 5 and max_nodes 4"),
        ({"nodes": [0, 150]}, "nodes holds 150, but the graph has 150 nodes"),
        ({"nodes": [-1]}, "nodes holds -1"),
        ({"nodes": []}, "nodes has shape"),
        ({"nodes": [0.5]}, "nodes has shape"),
    ],
)
def test_impossible_options_are_refused(network, options, told):
    with pytest.raises(InputError, match=told):
        ego_graphs(network, **options)


def test_what_is_no_graph_is_refused():
    with pytest.raises(InputError, match="not a graph"):
        ego_graphs("cora")
