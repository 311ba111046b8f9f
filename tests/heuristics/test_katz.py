"""Katz index: lengths, the closed form near its limit, simple paths."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.heuristics import katz_scores
from graphlab.heuristics._pairs import structure
from graphlab.heuristics.katz import largest_eigenvalue
from tests.heuristics.slow_scores import katz, katz_closed

BACKENDS = ["compiled", "torch"]
every_backend = pytest.mark.parametrize("backend", BACKENDS)


def every_pair(n: int) -> torch.Tensor:
    return torch.cartesian_prod(torch.arange(n), torch.arange(n)).t()


@every_backend
@pytest.mark.parametrize("length", [1, 2, 3, 4, 7])
def test_walks_of_any_length(length, backend):
    graph = nx.gnm_random_graph(18, 40, seed=3)
    found = katz_scores(graph, every_pair(18), b=0.1, L=length, backend=backend)
    np.testing.assert_allclose(found.reshape(18, 18), katz(graph, 0.1, length), rtol=1e-12)


@every_backend
@pytest.mark.parametrize("share", [1e-3, 0.2, 0.85, 0.95, 0.999])
def test_the_closed_form_up_to_its_limit(share, backend):
    graph = nx.gnm_random_graph(80, 200, seed=1)
    b = share / float(np.linalg.eigvalsh(nx.to_numpy_array(graph))[-1])
    found = katz_scores(graph, every_pair(80), kind="closed", b=b, backend=backend).reshape(80, 80)
    expected = torch.from_numpy(katz_closed(graph, b))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11 * float(expected.max()))


def test_far_pairs_keep_their_digits_in_the_closed_form():
    path = nx.path_graph(20)
    found = katz_scores(path, [[0], [8]], kind="closed", b=0.005)
    expected = katz(path, 0.005, 30)[0, 8]  # about 4e-19
    assert float(found) == pytest.approx(expected, rel=1e-3)


@every_backend
def test_b_at_or_above_the_limit_is_refused(backend):
    star = nx.star_graph(9)  # lambda_max 3
    for b in (1 / 3, 0.4):
        with pytest.raises(InputError, match=r"b is .*lambda_max = 0\.333"):
            katz_scores(star, [[1], [2]], kind="closed", b=b, backend=backend)
    assert float(katz_scores(star, [[1], [2]], kind="closed", b=0.333, backend=backend)) > 0


@pytest.mark.parametrize("n", [1, 2, 64, 65, 300])
def test_the_largest_eigenvalue(n):
    path = nx.path_graph(n)
    found = largest_eigenvalue(structure(as_graph(path), None, "auto"))
    assert found == pytest.approx(2 * np.cos(np.pi / (n + 1)) if n > 1 else 0.0, abs=1e-9)


def test_the_largest_eigenvalue_lies_in_any_component():
    both = nx.disjoint_union(nx.path_graph(90), nx.complete_graph(12))
    assert largest_eigenvalue(structure(as_graph(both), None, "auto")) == pytest.approx(11.0)


def test_an_unknown_kind_is_named():
    with pytest.raises(InputError, match=r"kind is 'infinite'.*truncated, closed, simple"):
        katz_scores([[0], [1]], [[0], [1]], kind="infinite")
    with pytest.raises(InputError, match=r"tolerance is 0"):
        katz_scores([[0], [1]], [[0], [1]], kind="closed", tolerance=0)


def test_counts_beyond_32_bits_are_exact():
    n = 3000
    hubs = nx.complete_bipartite_graph(2, n)
    found = katz_scores(hubs, [[0], [1]], b=1.0, L=6)
    assert float(found) == n + 2 * n**2 + 4 * n**3
