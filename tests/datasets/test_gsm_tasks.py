"""Synthetic tasks of graph-sequence models: labels against networkx, balance, the stream."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from graphlab.datasets import GSM_TASKS, GSMTasks, load
from graphlab.errors import InputError

FEW = 150  # graphs of each task that are looked at


def sample(task, split="val"):
    graphs = GSMTasks(task, split, 20)
    return [(network(graphs[i]), graphs[i]) for i in range(FEW)]


def network(graph):
    found = nx.Graph()
    found.add_nodes_from(range(graph.num_nodes))
    found.add_edges_from(graph.edge_index.t().tolist())
    assert found.number_of_edges() * 2 == graph.num_edges  # simple, both directions
    assert nx.number_of_selfloops(found) == 0
    return found


def asked(graph):
    return graph.x[:, -1].nonzero()[:, 0].tolist()


@pytest.mark.parametrize("task", GSM_TASKS)
def test_parts_have_their_sizes_and_types(task):
    train = GSMTasks(task, "train", 20)
    assert len(train) == 20
    assert len(GSMTasks(task, "val", 20)) == 500
    assert len(GSMTasks(task, "test", 20)) == 1000
    assert train.x.dtype == torch.float32
    real = task.startswith("triangle") or task == "shortest_path"
    assert train.y.dtype == (torch.float32 if real else torch.int64)
    assert torch.isfinite(train.x).all()


@pytest.mark.parametrize("task", sorted(set(GSM_TASKS) - {"triangle_er", "triangle_reg"}))
def test_validation_and_test_do_not_depend_on_the_size(task):
    for split in ("val", "test"):
        one, other = GSMTasks(task, split, 5), GSMTasks(task, split, 30)
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.edge_index, other.edge_index)
        assert torch.equal(one.y, other.y)
    assert torch.equal(GSMTasks(task, "train", 5).x, GSMTasks(task, "train", 30)[:5].x)


def test_the_seed_decides():
    one, again, other = (GSMTasks("degree", "train", 10, seed=s) for s in (0, 0, 1))
    assert torch.equal(one.x, again.x)
    assert one.num_nodes != other.num_nodes or not torch.equal(one.x, other.x)


def test_degrees():
    for net, graph in sample("degree"):
        (node,) = asked(graph)
        assert graph.y.item() == net.degree[node]
        assert 5 <= graph.num_nodes <= 20


def test_cycles_are_balanced_and_edges_do_not_tell():
    found = sample("cycle")
    for net, graph in found:
        assert graph.y.item() == (not nx.is_forest(net))
        assert len(nx.cycle_basis(net)) == graph.y.item()
    labels = np.array([graph.y.item() for _, graph in found])
    edges = np.array([graph.num_edges // 2 for _, graph in found])
    assert labels.mean() == 0.5
    assert abs(edges[labels == 0].mean() - edges[labels == 1].mean()) < 2


@pytest.mark.parametrize("task", ["triangle_er", "triangle_reg"])
def test_triangles_in_units_of_their_deviation(task):
    found = sample(task)
    counts = [sum(nx.triangles(net).values()) // 3 for net, _ in found]
    train = GSMTasks(task, "train", 20)
    units = [sum(nx.triangles(network(g)).values()) // 3 for g in train]
    scale = np.std(units)
    np.testing.assert_allclose([g.y.item() for _, g in found], np.array(counts) / scale, rtol=1e-5)
    np.testing.assert_allclose(train.y.double().std(correction=0).item(), 1.0, rtol=1e-5)
    if task == "triangle_reg":
        assert all(set(dict(net.degree).values()) == {4} for net, _ in found)


def test_connections_are_balanced():
    found = sample("connectivity")
    for net, graph in found:
        one, other = asked(graph)
        assert graph.y.item() == nx.has_path(net, one, other)
    assert np.mean([graph.y.item() for _, graph in found]) == 0.5


def test_shortest_paths():
    for net, graph in sample("shortest_path"):
        one, other = asked(graph)
        assert graph.y.item() == nx.shortest_path_length(net, one, other)


def test_colours_are_counted():
    sizes = set()
    for _, graph in sample("color_count"):
        colour, question = graph.x[:, :8], graph.x[:, 8:]
        assert (colour.sum(1) == 1).all()
        assert (question == question[0]).all()
        assert question[0].sum() == 1
        assert graph.y.item() == (colour * question).sum()
        sizes.add(graph.num_nodes)
    assert min(sizes) >= 8
    assert max(sizes) <= 40
    assert len(sizes) > 20


def test_coloured_parts_of_a_grid():
    found = sample("color_connectivity")
    for net, graph in found:
        assert (graph.num_nodes, net.number_of_edges()) == (256, 480)
        coloured = graph.x[:, 0].nonzero()[:, 0].tolist()
        assert len(coloured) == 128
        parts = nx.number_connected_components(net.subgraph(coloured))
        assert parts == 2 - graph.y.item()
    assert np.mean([graph.y.item() for _, graph in found]) == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("degrees",), "task is 'degrees'; expected one of degree"),
        (("degree", "valid"), "split is 'valid'"),
        (("degree", "train", "2K"), "size is '2K'; expected '1K', '10K', '100K'"),
        (("degree", "train", 0), "size is 0"),
        (("degree", "train", 5, -1), "seed is -1"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        GSMTasks(*arguments)


@pytest.mark.parametrize("task", sorted(set(GSM_TASKS) - {"color_connectivity"}))
def test_sets_of_the_catalogue_are_the_tasks_of_one_thousand_graphs(task):
    data = load("gsm-" + task.replace("_", "-"))
    real = task.startswith("triangle") or task == "shortest_path"
    assert data.metric == ("rmse" if real else "acc")
    split = data.stored_splits["official"]
    assert [len(ids) for ids in split.values()] == [1000, 500, 1000]
    for stage, ids in split.items():
        part, drawn = data.collection[ids], GSMTasks(task, stage, "1K", seed=0)
        assert torch.equal(part.edge_index, drawn.edge_index)
        assert torch.equal(part.x, drawn.x)
        assert torch.equal(part.y, drawn.y)


def test_targets_of_triangles_have_the_deviation_of_the_training_graphs_as_their_unit():
    data = load("gsm-triangle-er")
    y, split = data.collection.y.double(), data.stored_splits["official"]
    np.testing.assert_allclose(y[split["train"]].std(correction=0).item(), 1.0, rtol=1e-6)
    assert abs(y[split["test"]].std(correction=0).item() - 1.0) > 1e-4
