"""Sources and tasks: sizes, structure, balance, and that a seed decides them."""

from __future__ import annotations

import numpy as np
import pytest

from graphlab.bench.transfer.collections import SOURCES, TASKS, draw_source, draw_task
from graphlab.bench.transfer.families import FAMILIES, densified, draw_family, thinned
from graphlab.datasets import load
from graphlab.errors import InputError
from graphlab.pretraining import ego_graphs

OFFLINE = [s for s in SOURCES if s.split()[0] in FAMILIES] + ["debdeps egos"]


def mean_degree(graphs):
    return sum(g.num_edges for g in graphs) / sum(g.num_nodes for g in graphs)


@pytest.mark.parametrize("name", FAMILIES)
def test_families_are_simple_graphs_of_the_stated_size(name):
    graphs = draw_family(name, 20, np.random.default_rng(0))
    assert all(24 <= g.num_nodes <= 59 for g in graphs)
    assert all(g.is_undirected() for g in graphs)
    assert not any((g.edge_index[0] == g.edge_index[1]).any() for g in graphs)


@pytest.mark.parametrize(
    ("name", "degree"),
    [("gnp-6", 6), ("gnp-12", 12), ("ws-10", 6), ("sbm-2", 6), ("sbm-4", 6)],
)
def test_families_have_the_degree_of_their_name(name, degree):
    found = mean_degree(draw_family(name, 100, np.random.default_rng(1)))
    assert found == pytest.approx(degree, rel=0.05)


def test_trees_have_one_edge_less_than_nodes():
    for name in ("ba-tree", "uniform-tree"):
        for graph in draw_family(name, 10, np.random.default_rng(2)):
            assert graph.num_edges == 2 * (graph.num_nodes - 1)


def test_thinned_and_densified_change_the_edges_and_keep_the_rest():
    rng = np.random.default_rng(3)
    graphs = draw_family("ws-10", 60, rng)
    thin, dense = ([change(g, rng) for g in graphs] for change in (thinned, densified))
    assert mean_degree(thin) == pytest.approx(3, rel=0.05)
    assert mean_degree(dense) == pytest.approx(9, rel=0.01)
    for graph, less, more in zip(graphs, thin, dense, strict=True):
        edges, fewer, others = (
            set(zip(*g.edge_index.tolist(), strict=True)) for g in (graph, less, more)
        )
        assert fewer <= edges <= others
        assert others == {(b, a) for a, b in others}
        assert graph.num_nodes == less.num_nodes == more.num_nodes


def test_a_full_graph_cannot_be_made_denser():
    full = draw_family("gnp-12", 1, np.random.default_rng(0))[0]
    for _ in range(8):
        full = densified(full, np.random.default_rng(0), share=5.0)
    assert full.num_edges == full.num_nodes * (full.num_nodes - 1)


@pytest.mark.parametrize("name", OFFLINE)
def test_a_seed_decides_a_source(name):
    one, two, other = (draw_source(name, seed, count=4) for seed in (0, 0, 1))
    assert len(one) == 4
    same = [a.edge_index.equal(b.edge_index) for a, b in zip(one, two, strict=True)]
    assert all(same)
    assert not all(a.edge_index.equal(b.edge_index) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("name", [*TASKS[:5], "debdeps egos, classes 1, 2"])
def test_classes_of_a_task_are_equally_large(name):
    task = draw_task(name, 0)
    assert np.bincount(task.labels).tolist() == [120, 120]
    assert len(task.graphs) == 240
    assert task.num_classes == 2


def test_node_tasks_hold_surroundings_of_nodes_of_the_two_largest_classes():
    graph = load("debdeps").graph
    labels = graph.y.numpy()
    task = draw_task("debdeps egos, classes 1, 2", 0)
    assert all(2 <= ego.num_nodes <= 250 for ego in task.graphs)
    largest = np.argsort(-np.bincount(labels), kind="stable")[:2]
    for place, label in enumerate(largest):
        egos = ego_graphs(graph, hops=2, nodes=np.flatnonzero(labels == label), max_nodes=250)
        known = {(ego.num_nodes, ego.edge_index.numpy().tobytes()) for ego in egos}
        drawn = [task.graphs[i] for i in np.flatnonzero(task.labels == place)]
        assert {(ego.num_nodes, ego.edge_index.numpy().tobytes()) for ego in drawn} <= known


def test_unknown_names_are_told_with_those_there_are():
    with pytest.raises(InputError, match="'ba-7' is no source"):
        draw_source("ba-7", 0)
    with pytest.raises(InputError, match="'cora' is no downstream task"):
        draw_task("cora", 0)
