"""Graphs drawn from mixtures: simple, of the right chances, the same by seed."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.pretraining import estimate_graphon, feasibility, sample_from_generator

BLOCKS = np.array([[0.9, 0.1], [0.1, 0.4]])


def test_graphs_are_simple_and_undirected():
    for graph in sample_from_generator([BLOCKS], n_graphs=4, n_nodes=30):
        again = as_graph(graph.edge_index.clone(), 30).simple()
        assert torch.equal(graph.edge_index, again.edge_index)
        assert not graph.has_self_loops() and graph.is_undirected()


def test_chances_are_those_of_the_graphon():
    graphs = sample_from_generator([BLOCKS], n_graphs=60, n_nodes=80)
    density = np.mean([g.num_edges / (80 * 79) for g in graphs])
    assert density == pytest.approx(BLOCKS.mean(), abs=0.02)
    # sorted by degree the blocks come out again; their border differs from graph to graph, and
    # within a block those with few edges by chance come last
    step = estimate_graphon(graphs, r=20).step
    found = [
        [part.mean() for part in (rows[:, :6], rows[:, -6:])] for rows in (step[:6], step[-6:])
    ]
    np.testing.assert_allclose(found, BLOCKS, atol=0.12)


def test_certain_edges_are_certain():
    full, none = np.ones((3, 3)), np.zeros((3, 3))
    assert all(g.num_edges == 7 * 6 for g in sample_from_generator([full], n_nodes=7))
    assert all(g.num_edges == 0 for g in sample_from_generator([none], n_nodes=7))


def test_weights_mix_the_bases():
    full, none = np.ones((2, 2)), np.zeros((2, 2))
    graphs = sample_from_generator([full, none], [0.25, 0.75], n_graphs=40, n_nodes=50)
    assert np.mean([g.num_edges / (50 * 49) for g in graphs]) == pytest.approx(0.25, abs=0.02)


def test_without_weights_every_graph_has_its_own():
    graphs = sample_from_generator([np.ones((2, 2)), np.zeros((2, 2))], n_graphs=200, n_nodes=40)
    density = np.array([g.num_edges / (40 * 39) for g in graphs])
    # of two bases the weight is uniform in [0, 1]
    assert density.mean() == pytest.approx(0.5, abs=0.08)
    assert density.std() == pytest.approx(np.sqrt(1 / 12), abs=0.04)


def test_draws_follow_the_seed():
    def entries(**options):
        return [g.edge_index.tolist() for g in sample_from_generator([BLOCKS], **options)]

    assert entries(n_graphs=3) == entries(n_graphs=3)
    assert entries(n_graphs=3) == entries(n_graphs=5)[:3]
    assert entries(n_graphs=3) != entries(n_graphs=3, seed=1)


def test_reports_are_taken_by_name():
    sets = {"a": [nx.complete_graph(5)], "b": [nx.star_graph(6)]}
    report = feasibility(sets, [nx.star_graph(8)], r=6)
    assert report.best_weights
    graphs = sample_from_generator(report.bases, report.best_weights, 3, n_nodes=12)
    assert [g.num_nodes for g in graphs] == [12] * 3
    only_a = sample_from_generator(report.bases, {"domain:a": 1.0}, 30, n_nodes=40)
    assert np.mean([g.num_edges / (40 * 39) for g in only_a]) > 0.7
    assert len(sample_from_generator(report.bases, n_graphs=2)) == 2
    assert len(sample_from_generator(report.target, n_graphs=2)) == 2


def test_resolutions_are_brought_together():
    bases = [np.full((2, 2), 0.5), np.full((5, 5), 0.5)]
    graphs = sample_from_generator(bases, n_graphs=20, n_nodes=40)
    assert np.mean([g.num_edges / (40 * 39) for g in graphs]) == pytest.approx(0.5, abs=0.03)


def test_small_numbers():
    assert sample_from_generator([BLOCKS], n_graphs=0) == []
    assert sample_from_generator([BLOCKS], n_graphs=1, n_nodes=1)[0].num_edges == 0


@pytest.mark.parametrize(
    ("arguments", "options", "told"),
    [
        (([],), {}, "bases is empty"),
        (([[[0.5, 2.0], [2.0, 0.5]]],), {}, r"bases\[0\] has values from 0.5 to 2"),
        (({"x": [[0.5, 0.0], [1.0, 0.5]]},), {}, r"bases\[x\] .* symmetric"),
        (([np.zeros((2, 3))],), {}, r"bases\[0\] has shape"),
        (([BLOCKS], [0.5, 0.5]), {}, "weights has shape"),
        (([BLOCKS, BLOCKS], [0.5, 0.4]), {}, "sum 1"),
        (([BLOCKS, BLOCKS], [1.5, -0.5]), {}, "sum 1"),
        (([BLOCKS], {"a": 1.0}), {}, "weights name 'a'; bases are 0"),
        (([BLOCKS],), {"n_graphs": -1}, "n_graphs is -1"),
        (([BLOCKS],), {"n_nodes": 0}, "n_nodes is 0"),
        (([BLOCKS],), {"n_nodes": 2.5}, "n_nodes is 2.5"),
    ],
)
def test_wrong_arguments_are_named(arguments, options, told):
    with pytest.raises(InputError, match=told):
        sample_from_generator(*arguments, **options)
