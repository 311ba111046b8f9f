"""Personalized PageRank: exact values, rows, and what pushing promises."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.heuristics import ppr_rows, ppr_scores
from tests.heuristics.slow_scores import pagerank

BACKENDS = ["compiled", "torch"]
every_backend = pytest.mark.parametrize("backend", BACKENDS)


def every_pair(n: int) -> torch.Tensor:
    return torch.cartesian_prod(torch.arange(n), torch.arange(n)).t()


def some_graph(n=60, seed=0) -> nx.Graph:
    """Hubs, leaves, a bipartite component and an isolated node."""
    parts = [nx.barabasi_albert_graph(n - 9, 2, seed=seed), nx.complete_bipartite_graph(3, 5)]
    graph = nx.disjoint_union(*parts)
    graph.add_node(n - 1)
    return graph


@every_backend
@pytest.mark.parametrize("restart", [0.01, 0.15, 0.5, 0.99, 1.0])
def test_exact_values(restart, backend):
    graph = some_graph()
    found = ppr_scores(graph, every_pair(60), restart=restart, backend=backend).reshape(60, 60)
    expected = torch.from_numpy(pagerank(graph, restart))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(found.sum(1), torch.ones(60, dtype=torch.float64))


def test_agrees_with_networkx():
    graph = some_graph()
    expected = nx.pagerank(graph, alpha=0.85, personalization={4: 1.0}, tol=1e-14, max_iter=500)
    found = ppr_scores(graph, torch.stack([torch.full((51,), 4), torch.arange(51)]))
    np.testing.assert_allclose(found, [expected[j] for j in range(51)], atol=1e-11)


@every_backend
def test_the_symmetric_score_is_the_sum_of_both_directions(backend):
    graph, pairs = some_graph(), every_pair(60)
    forth = ppr_scores(graph, pairs, backend=backend)
    back = ppr_scores(graph, pairs.flip(0), backend=backend)
    both = ppr_scores(graph, pairs, symmetric=True, backend=backend)
    torch.testing.assert_close(both, forth + back, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-7])
def test_pushed_values_are_too_low_by_the_tolerance_times_the_degree_at_most(tolerance):
    graph = some_graph()
    degree = torch.tensor([d for _, d in sorted(graph.degree)])
    exact = torch.from_numpy(pagerank(graph, 0.15))
    rows = ppr_rows(graph, torch.arange(60), tolerance=tolerance)
    missing = exact - rows
    assert float(missing.min()) > -1e-15
    assert bool((missing <= tolerance * degree + 1e-15).all())
    pairs = every_pair(60)
    pushed = ppr_scores(graph, pairs, tolerance=tolerance).reshape(60, 60)
    # from the other end: the same bound
    assert bool((exact - pushed <= tolerance * degree + 1e-15).all())


def test_rows_are_those_of_the_nodes_asked_for_and_leave_nothing_behind():
    graph = some_graph()
    once = ppr_rows(graph, [5, 59, 5, 0])
    assert once.shape == (4, 60)
    assert torch.equal(once[0], once[2])
    assert once[1].nonzero().flatten().tolist() == [59]
    assert torch.equal(once[3], ppr_rows(graph, [0])[0])
    assert ppr_rows(graph, []).shape == (0, 60)


def test_a_loose_tolerance_stays_near_the_source():
    path = as_graph(nx.path_graph(5000))
    row = ppr_rows(path, [2500], tolerance=1e-3)[0]
    reached = row.nonzero().flatten()
    assert 3 < len(reached) < 60
    assert int(reached.min()) > 2400


def test_wrong_nodes_are_named():
    with pytest.raises(InputError, match="node 7"):
        ppr_rows([[0], [1]], [7])
    with pytest.raises(InputError, match=r"pairs is torch\.float32"):
        ppr_rows([[0], [1]], [0.5])
