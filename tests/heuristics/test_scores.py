"""All scores: golden values, definitions on random graphs, and the edge cases they share."""

from __future__ import annotations

import os
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.heuristics import LINK_METHODS, link_scores
from tests.heuristics.slow_scores import every_score
from tests.models.link_golden import GRAPHS, close, read

BACKENDS = ["compiled", "torch"]
GOLDEN = {
    "cn": "CN",
    "aa": "AA",
    "ra": "RA",
    "jaccard": "Jaccard",
    "pa": "PA",
    "katz": "Katz3",
    "katz_closed": "KatzInf",
    "katz_simple": "KatzSimple3",
    "ppr": "PPR",
    "ppr_sym": "PPRsym",
    "sp": "SP",
    "sp_removed": "SPremoved",
}
every_backend = pytest.mark.parametrize("backend", BACKENDS)


def edges_of(graph: nx.Graph) -> torch.Tensor:
    return torch.tensor(list(graph.edges), dtype=torch.int64).reshape(-1, 2).t()


def random_case(seed: int, n: int = 25, m: int = 40) -> tuple[nx.Graph, torch.Tensor, torch.Tensor]:
    """A sparse graph with isolated nodes, and pairs of every kind."""
    network = nx.gnm_random_graph(n - 2, m, seed=seed)
    network.add_nodes_from([n - 2, n - 1])
    edges = edges_of(network)
    generator = torch.Generator().manual_seed(seed)
    pairs = torch.randint(0, n, (2, 40), generator=generator)
    special = torch.tensor([[0, n - 1, n - 1, n - 1, 3], [0, n - 1, 0, n - 2, n - 1]])
    return network, edges, torch.cat([pairs, edges, edges.flip(0), pairs, special], 1)


@every_backend
@pytest.mark.parametrize("name", GRAPHS)
def test_golden_values(name, backend):
    data = read(name)
    graph = as_graph(data["edge_index"], int(data["num_nodes"]))
    found = link_scores(graph, data["pairs"], LINK_METHODS, backend=backend)
    assert list(found) == list(LINK_METHODS)
    for method, key in GOLDEN.items():
        expected = data[f"heur/{key}"].astype(np.float64)
        if key in {"SP", "SPremoved"}:
            expected = np.where(expected > 0, 1 / np.maximum(expected, 1), 0.0)
        assert found[method].dtype == torch.float64
        close(found[method], expected, 1e-9)


@every_backend
@pytest.mark.parametrize("seed", range(4))
def test_all_scores_equal_their_definitions(seed, backend):
    network, edges, pairs = random_case(seed)
    options = {"b": 0.03, "L": 3, "restart": 0.3}
    found = link_scores(edges, pairs, LINK_METHODS, num_nodes=25, backend=backend, **options)
    expected = every_score(network, pairs, b=0.03, length=3, restart=0.3)
    for name in LINK_METHODS:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-10, atol=1e-13)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_small_graph_any_pairs(data):
    n = data.draw(st.integers(1, 9))
    node = st.integers(0, n - 1)
    edges = data.draw(st.lists(st.tuples(node, node), max_size=20))
    pairs = data.draw(st.lists(st.tuples(node, node), max_size=12))
    network = nx.Graph([(i, j) for i, j in edges if i != j])
    network.add_nodes_from(range(n))
    edge_index = torch.tensor(edges, dtype=torch.int64).reshape(-1, 2).t()
    ends = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).t()
    expected = every_score(network, ends)
    for backend in BACKENDS:
        found = link_scores(edge_index, ends, LINK_METHODS, num_nodes=n, backend=backend)
        for name in LINK_METHODS:
            wanted = expected.get(name, [])
            np.testing.assert_allclose(found[name], wanted, rtol=1e-10, atol=1e-13, err_msg=name)


@every_backend
def test_no_pairs_give_no_scores(backend):
    for pairs in ([], [[], []], torch.empty(2, 0, dtype=torch.int64), np.empty((2, 0))):
        found = link_scores([[0, 1], [1, 2]], pairs, LINK_METHODS, backend=backend)
        assert {(v.shape, v.dtype) for v in found.values()} == {((0,), torch.float64)}


@every_backend
@pytest.mark.parametrize("n", [1, 5])
def test_a_graph_without_edges(n, backend):
    graph = as_graph(torch.empty(2, 0, dtype=torch.int64), n)
    pairs = torch.tensor([[0, 0], [0, n - 1]])
    found = link_scores(graph, pairs, LINK_METHODS, backend=backend)
    for name, values in found.items():
        itself = {"ppr": 1.0, "ppr_sym": 2.0}.get(name, 0.0)
        assert values.tolist() == [itself, itself if n == 1 else 0.0], name


@every_backend
def test_both_directions_are_equal_to_the_last_bit(backend):
    _, edges, pairs = random_case(7)
    both = torch.cat([pairs, pairs.flip(0)], 1)
    found = link_scores(edges, both, LINK_METHODS, num_nodes=25, backend=backend)
    for name, values in found.items():
        first, second = values.chunk(2)
        if name != "ppr":
            assert torch.equal(first, second), name


@every_backend
def test_repeated_pairs_are_scored_alike(backend):
    _, edges, pairs = random_case(8)
    found = link_scores(edges, pairs.repeat(1, 3), LINK_METHODS, num_nodes=25, backend=backend)
    for name, values in found.items():
        first, second, third = values.chunk(3)
        assert torch.equal(first, second), name
        assert torch.equal(first, third), name


def test_loops_repeats_and_directions_of_the_input_change_nothing():
    _, edges, pairs = random_case(9)
    loops = torch.arange(0, 25, 4).expand(2, -1)
    other = torch.cat([loops, edges.flip(0), edges, edges[:, ::2]], 1)
    expected = link_scores(edges, pairs, LINK_METHODS, num_nodes=25)
    found = link_scores(other, pairs, LINK_METHODS, num_nodes=25)
    assert all(torch.equal(found[name], expected[name]) for name in LINK_METHODS)


def test_renumbering_nodes_changes_rounding_at_most():
    _, edges, pairs = random_case(10)
    new = torch.randperm(25, generator=torch.Generator().manual_seed(0))
    expected = link_scores(edges, pairs, LINK_METHODS, num_nodes=25)
    found = link_scores(new[edges], new[pairs], LINK_METHODS, num_nodes=25)
    for name in LINK_METHODS:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-11, atol=1e-13)


def test_components_do_not_meet():
    _, edges, pairs = random_case(11)
    two = torch.cat([edges, edges + 25], 1)
    across = torch.stack([pairs[0], pairs[1] + 25])
    found = link_scores(two, across, [m for m in LINK_METHODS if m != "pa"], num_nodes=50)
    assert {float(v.abs().max()) for v in found.values()} == {0.0}


def test_the_number_of_threads_changes_nothing():
    graph = as_graph(edges_of(nx.barabasi_albert_graph(400, 4, seed=0)), 400)
    pairs = torch.randint(0, 400, (2, 6000), generator=torch.Generator().manual_seed(0))
    options = {"ppr_tolerance": 1e-6}
    one = link_scores(graph, pairs, LINK_METHODS, **options)
    torch.set_num_threads(3)
    three = link_scores(graph, pairs, LINK_METHODS, **options)
    assert all(torch.equal(one[name], three[name]) for name in LINK_METHODS)


def test_methods_come_in_the_order_asked_for_and_one_may_be_a_word():
    path = [[0, 1], [1, 2]]
    assert list(link_scores(path, [[0], [2]], ("sp", "cn"))) == ["sp", "cn"]
    assert list(link_scores(path, [[0], [2]], "ra")) == ["ra"]
    assert list(link_scores(path, [[0], [2]]))[:5] == ["cn", "aa", "ra", "jaccard", "pa"]


def test_pairs_of_any_integer_type_and_kind():
    path = [[0, 1], [1, 2]]
    for pairs in (
        [[0], [2]],
        np.array([[0], [2]], np.int32),
        torch.tensor([[0], [2]], dtype=torch.int16),
        torch.tensor([[0, 2]]).t(),
    ):
        assert link_scores(path, pairs, ("cn", "katz", "sp"))["sp"].tolist() == [0.5]


@pytest.mark.parametrize(
    ("pairs", "options", "message"),
    [
        ([[0], [3]], {}, r"node 3.*3 nodes.*num_nodes"),
        ([[-1], [0]], {}, r"node -1"),
        ([[0, 1, 2]], {}, r"pairs .*\(1, 3\).*\(2, B\)"),
        ([[0.5], [1.0]], {}, r"pairs is torch.float32"),
        ([[0], [1]], {"methods": ("cn", "kats")}, r"'kats'.*Did you mean katz"),
        ([[0], [1]], {"b": 0.0}, r"b is 0.0"),
        ([[0], [1]], {"L": 0}, r"L is 0"),
        ([[0], [1]], {"L": 4, "methods": "katz_simple"}, r"L is 4.*3 edges"),
        ([[0], [1]], {"restart": 0.0}, r"restart is 0.0"),
        ([[0], [1]], {"restart": 1.2}, r"restart is 1.2"),
        ([[0], [1]], {"ppr_tolerance": 0.0}, r"tolerance is 0.0"),
        ([[0], [1]], {"backend": "fast"}, r"backend is 'fast'"),
    ],
)
def test_wrong_arguments_are_named(pairs, options, message):
    with pytest.raises(InputError, match=message):
        link_scores([[0, 1], [1, 2]], pairs, **options)


def test_inputs_are_not_changed():
    _, edges, pairs = random_case(12)
    graph = as_graph(edges, 25)
    kept = graph.edge_index.clone(), edges.clone(), pairs.clone()
    link_scores(graph, pairs, LINK_METHODS)
    assert torch.equal(graph.edge_index, kept[0])
    assert torch.equal(edges, kept[1])
    assert torch.equal(pairs, kept[2])


INTERPRETED = """
import numba, torch
from graphlab.heuristics import LINK_METHODS, link_scores, ppr_rows, ra_rows
assert numba.config.DISABLE_JIT
torch.manual_seed(0)
edges = torch.randint(0, 14, (2, 30))
hub = torch.stack([torch.zeros(40, dtype=torch.int64), torch.arange(14, 54)])
edges = torch.cat([edges, hub], 1)
pairs = torch.cat([torch.randint(0, 16, (2, 60)), torch.tensor([[0, 0], [14, 0]]), edges[:, :9]], 1)
many = torch.stack([torch.full((54,), 2), torch.arange(54)])
for given in (pairs, many):
    found, expected = (
        link_scores(edges, given, LINK_METHODS, num_nodes=54, backend=backend)
        for backend in ("compiled", "torch")
    )
    for name in LINK_METHODS:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-11, atol=1e-13)
exact = link_scores(edges, many, ("ppr", "ra"), num_nodes=54)
pushed = link_scores(edges, many, "ppr", num_nodes=54, ppr_tolerance=1e-9)["ppr"]
torch.testing.assert_close(pushed, exact["ppr"], rtol=0, atol=1e-7)
torch.testing.assert_close(ppr_rows(edges, [2], tolerance=1e-9)[0], pushed)
assert torch.equal(ra_rows(edges, [2])[0], exact["ra"])
"""


def test_kernels_mean_the_same_when_they_are_not_compiled():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-W", "error", "-c", INTERPRETED], env=environment, check=True)
