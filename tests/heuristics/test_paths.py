"""Shortest paths: both searches, bridges, parts without a path, many targets of one source."""

from __future__ import annotations

import networkx as nx
import pytest
import torch

import graphlab.heuristics.paths
from graphlab.graph import as_graph
from graphlab.heuristics import shortest_path_scores
from graphlab.heuristics._pairs import grouped, read, structure
from graphlab.heuristics.paths import _from_sources, _meeting, hops
from tests.heuristics.slow_scores import path

BACKENDS = ["compiled", "torch"]
every_backend = pytest.mark.parametrize("backend", BACKENDS)


def every_pair(n: int) -> torch.Tensor:
    return torch.cartesian_prod(torch.arange(n), torch.arange(n)).t()


GRAPHS = {
    "path": nx.path_graph(30),
    "cycle": nx.cycle_graph(25),
    "grid": nx.convert_node_labels_to_integers(nx.grid_2d_graph(5, 6)),
    "tree": nx.balanced_tree(2, 4),
    "hubs": nx.barabasi_albert_graph(40, 1, seed=0),
    "sparse": nx.gnm_random_graph(40, 38, seed=2),
}


@every_backend
@pytest.mark.parametrize("name", sorted(GRAPHS))
@pytest.mark.parametrize("remove", [False, True])
def test_every_pair_of_small_graphs(name, remove, backend):
    graph = GRAPHS[name]
    n = graph.number_of_nodes()
    pairs = every_pair(n)
    found = shortest_path_scores(graph, pairs, remove_target_edge=remove, backend=backend)
    expected = [path(graph, i, j, without_edge=remove) for i, j in pairs.t().tolist()]
    assert found.tolist() == pytest.approx(expected, rel=1e-15)


def test_both_searches_agree():
    given = structure(as_graph(nx.gnm_random_graph(300, 420, seed=0)), 300, "auto")
    pairs = read(torch.randint(0, 300, (2, 3000)), given)
    groups = grouped(pairs, given)
    one = groups.in_given_order(_from_sources(given, groups))
    assert torch.equal(one, _meeting(given, pairs, without_edge=False))
    assert torch.equal(one, hops(given, pairs, without_edge=False))
    assert int(one.min()) == -1


def test_sources_with_many_targets_and_with_few_in_one_call():
    graph = nx.barabasi_albert_graph(400, 2, seed=1)
    many = torch.stack([torch.full((400,), 7), torch.arange(400)])
    few = torch.randint(0, 400, (2, 50), generator=torch.Generator().manual_seed(0))
    pairs = torch.cat([few, many, few.flip(0)], 1)
    found = shortest_path_scores(graph, pairs)
    lengths = dict(nx.all_pairs_shortest_path_length(graph))
    expected = [1 / lengths[i][j] if i != j else 0.0 for i, j in pairs.t().tolist()]
    assert found.tolist() == pytest.approx(expected, rel=1e-15)


def test_without_its_edge_a_bridge_has_no_path_and_others_are_as_before():
    graph = nx.barbell_graph(4, 0)  # two cliques joined by 3-4
    found = shortest_path_scores(graph, [[3, 0, 0], [4, 1, 5]], remove_target_edge=True)
    assert found.tolist() == [0.0, 0.5, 1 / 3]


def test_a_search_in_small_parts_does_not_visit_large_ones():
    """A pair in different components ends when the smaller one is used up."""
    n = 200_000
    ring = torch.stack([torch.arange(n), (torch.arange(n) + 1) % n])
    edges = torch.cat([ring, torch.tensor([[n], [n + 1]])], 1)
    graph = as_graph(edges, n + 2).simple()
    nodes = torch.randint(0, n, (20_000,), generator=torch.Generator().manual_seed(0))
    given = structure(graph, None, "auto")
    pairs = torch.stack([nodes, torch.full_like(nodes, n)])
    # by searches from both ends, also where the one node has that many partners
    assert bool((_meeting(given, pairs, without_edge=False) == -1).all())


def test_the_torch_backend_gives_the_same_in_blocks_of_any_width(monkeypatch):
    graph, pairs = GRAPHS["sparse"], every_pair(40)
    expected = shortest_path_scores(graph, pairs, remove_target_edge=True)
    monkeypatch.setattr(graphlab.heuristics.paths, "_WIDTH", 3)
    found = shortest_path_scores(graph, pairs, remove_target_edge=True, backend="torch")
    assert torch.equal(found, expected)
