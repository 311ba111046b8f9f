"""Exact topological concentration: golden values, identities, definitions, edge cases, limits."""

from __future__ import annotations

import os
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError, ResourceError
from graphlab.graph import as_graph
from graphlab.topology import tc_by_split, topological_concentration
from tests.topology.golden import GRAPHS, random_split, read, targets
from tests.topology.slow_values import concentration, neighbors

every_hops = pytest.mark.parametrize("hops", [1, 2, 3, 4])


def tc(edges, n, target=None, **options) -> np.ndarray:
    return topological_concentration(edges, n, target, **options).numpy()


@pytest.mark.parametrize("hops", [1, 2, 3])
@pytest.mark.parametrize("name", [*GRAPHS, "self_loops"])
def test_golden_values(name, hops):
    data = read(name)
    loops = "keep" if name == "self_loops" else "remove"
    n, train = int(data["num_nodes"]), data["train"]
    together = topological_concentration(train, n, targets(data), hops=hops, self_loops=loops)
    for split, edges in targets(data).items():
        expected = data[f"tc{hops}.train_{split}"]
        np.testing.assert_allclose(together[split], expected, rtol=0, atol=1e-10)
        alone = tc(train, n, edges, hops=hops, self_loops=loops)
        np.testing.assert_allclose(alone, expected, rtol=0, atol=1e-10)
    assert name != "self_loops" or float(data["tc1.train_train"].max()) > 1


def test_the_discount_is_one_over_the_mean_degree_of_all_nodes():
    data = read("powerlaw_cluster_isolated")
    n, train = int(data["num_nodes"]), data["train"]
    assert float(data["beta"]) == pytest.approx(n / (2 * len(train)))
    given_beta = tc(train, n, hops=2, beta=float(data["beta"]))
    np.testing.assert_allclose(given_beta, tc(train, n, hops=2), rtol=1e-13)
    assert not np.allclose(tc(train, n, hops=2, beta=0.9), given_beta)


@pytest.mark.parametrize("seed", range(3))
@every_hops
def test_values_equal_their_definition(hops, seed):
    train, target = random_split(seed)
    for edges in (None, target):
        found = tc(train, 30, edges, hops=hops)
        slow = None if edges is None else edges.tolist()
        expected = concentration(train.tolist(), 30, slow, hops=hops)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
        kept = tc(train, 30, edges, hops=hops, self_loops="keep", beta=0.3)
        expected = concentration(train.tolist(), 30, slow, hops=hops, beta=0.3, loops=True)
        np.testing.assert_allclose(kept, expected, rtol=1e-12, atol=1e-13)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_small_graph(data):
    n = data.draw(st.integers(1, 8))
    node = st.integers(0, n - 1)
    links = st.lists(st.tuples(node, node), max_size=16)
    train, target = data.draw(links), data.draw(links)
    hops, loops = data.draw(st.integers(1, 3)), data.draw(st.booleans())
    for edges in (None, target):
        arrays = [np.array(e, np.int64).reshape(-1, 2) for e in (train, edges or [])]
        options = {"hops": hops, "self_loops": "keep" if loops else "remove"}
        given_target = None if edges is None else arrays[1]
        found = tc(arrays[0], n, given_target, layout="(E, 2)", **options)
        expected = concentration(train, n, edges, hops=hops, loops=loops)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_identity_1_one_hop_is_the_clustering_coefficient():
    for graph in (nx.karate_club_graph(), nx.gnm_random_graph(60, 300, seed=0)):
        n = graph.number_of_nodes()
        expected = nx.clustering(graph)
        found = tc(np.array(graph.edges), n)
        assert found.tolist() == pytest.approx([expected[i] for i in range(n)], abs=1e-15)
        assert 0 < found.max() <= 1


def test_identity_2_one_hop_of_new_links_is_the_mean_share_of_common_neighbors():
    train, target = random_split(5)
    near, ends = neighbors(train.tolist(), 30), neighbors(target.tolist(), 30)
    expected = [
        np.mean([len(near[i] & near[j]) / len(near[i]) for j in ends[i]])
        if ends[i] and near[i]
        else 0.0
        for i in range(30)
    ]
    found = tc(train, 30, target)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert found.min() >= 0
    assert found.max() <= 1


@every_hops
def test_identity_3_one_product_of_two_polynomials(hops):
    train, target = random_split(6)
    near = neighbors(train.tolist(), 30)
    A = np.zeros((30, 30))
    for i, ends in enumerate(near):
        A[i, list(ends)] = 1
    beta = 30 / A.sum()
    powers = [np.linalg.matrix_power(A, a) for a in range(1, hops + 1)]
    P = sum(beta**a * power for a, power in enumerate(powers))
    Q = sum(beta**b * (power > 0) for b, power in enumerate(powers))
    norm = P.sum(1) * sum(beta**b for b in range(hops))
    overlap = P @ Q.T
    for edges, own in ((None, 1), (target, 0)):
        found = tc(train, 30, edges, hops=hops)
        ends = near if own else neighbors(target.tolist(), 30)
        for i in range(30):
            if len(near[i]) > own and ends[i]:
                expected = np.mean([overlap[i, j] for j in ends[i]]) / (norm[i] - own)
                assert found[i] == pytest.approx(expected, rel=1e-13)
            else:
                assert found[i] == 0


def test_complete_and_bipartite_graphs():
    complete = np.array(nx.complete_graph(8).edges)
    for hops, expected in ((1, 1.0), (2, 0.942857), (3, 0.925958)):
        assert tc(complete, 8, hops=hops) == pytest.approx(expected, abs=1e-6)
    bipartite = np.array(nx.complete_bipartite_graph(3, 5).edges)
    assert not tc(bipartite, 8).any()
    assert tc(bipartite, 8, hops=2).all()


def test_several_targets_are_computed_as_one_by_one():
    train, target = random_split(1)
    for hops in (1, 2, 3):
        both = topological_concentration(train, 30, {"a": target, "b": None}, hops=hops)
        assert list(both) == ["a", "b"]
        assert torch.equal(both["a"], topological_concentration(train, 30, target, hops=hops))
        assert torch.equal(both["b"], topological_concentration(train, 30, hops=hops))


def test_splits_of_ogb_and_of_tasks():
    train, target = random_split(2)
    expected = topological_concentration(train, 30, {"train": None, "val": target, "test": []})
    ogb = {
        "train": {"edge": torch.from_numpy(train)},
        "valid": {"edge": torch.from_numpy(target), "edge_neg": torch.zeros(3, 2)},
        "test": {"edge": torch.empty(0, 2, dtype=torch.int64)},
    }
    for split in (ogb, {"train": train, "val": target, "test": []}):
        found = tc_by_split(split, 30)
        assert list(found) == ["train", "val", "test"]
        assert all(torch.equal(found[name], expected[name]) for name in found)
    more = tc_by_split(ogb, 30, 2, beta=0.2)
    assert torch.equal(more["val"], topological_concentration(train, 30, target, hops=2, beta=0.2))


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ({"train": [], "val": []}, r"keys train, val, expected train, val"),
        ({"train": [], "val": [], "valid": [], "test": []}, r"each once"),
        ({"train": [], "val": {"edges": []}, "test": []}, r"split_edge\['val'\].*edges.*edge"),
        ([], r"split_edge is a list"),
    ],
)
def test_wrong_splits_are_named(split, message):
    with pytest.raises(InputError, match=message):
        tc_by_split(split, 3)


def test_every_form_of_the_same_edges():
    train, target = random_split(3)
    expected = tc(train, 30, target, hops=2)
    simple = as_graph(torch.from_numpy(train.T), 30).simple()
    matrix = scipy.sparse.coo_array((np.ones(len(train)), train.T), (30, 30))
    network = nx.empty_graph(30)
    network.add_edges_from(train.tolist())
    forms = [
        train.T,
        train.astype(np.int32),
        train.tolist(),
        torch.from_numpy(train),
        torch.from_numpy(train).t(),
        torch.from_numpy(train)[:, [1, 0]],
        torch.cat([torch.from_numpy(train), torch.from_numpy(train).flip(1)]),
        simple,
        matrix,
        network,
    ]
    for edges in forms:
        np.testing.assert_array_equal(tc(edges, 30, target, hops=2), expected)
        np.testing.assert_array_equal(tc(train, 30, target.T, hops=2), expected)
    np.testing.assert_array_equal(tc(simple, None, target, hops=2), expected)


def test_four_numbers_need_a_layout():
    edges = [[0, 1], [1, 2]]
    with pytest.raises(InputError, match=r"shape \(2, 2\).*layout="):
        topological_concentration(edges, 3, [[0, 2]])
    target = [[0, 2]]  # one link, (1, 2)
    rows = topological_concentration(edges, 3, target, layout="(E, 2)")
    assert rows.tolist() == [1.0, 0.0, 1.0]
    columns = topological_concentration(edges, 3, [[0], [2]], layout="(2, E)")
    assert columns.tolist() == [1.0, 0.0, 1.0]  # 0-1 and 1-2 either way
    with pytest.raises(InputError, match=r"shape \(1, 2\), but layout"):
        topological_concentration(edges, 3, target, layout="(2, E)")


@every_hops
def test_renumbering_and_disjoint_parts(hops):
    train, target = random_split(7)
    new = np.random.default_rng(0).permutation(30)
    expected = tc(train, 30, target, hops=hops)
    found = tc(new[train], 30, new[target], hops=hops)
    np.testing.assert_allclose(found[new], expected, rtol=1e-12)
    two = np.concatenate([train, train + 30])
    both = tc(two, 60, np.concatenate([target, target + 30]), hops=hops)
    np.testing.assert_allclose(both, np.tile(expected, 2), rtol=1e-12)


@every_hops
def test_the_number_of_threads_and_blocks_changes_nothing(hops):
    graph = nx.barabasi_albert_graph(2000, 6, seed=0)
    edges = np.array(graph.edges)
    split = {"train": edges[::2], "val": edges[1::4], "test": edges[3::4]}
    one = tc_by_split(split, 2000, hops, num_threads=1)
    for options in ({"num_threads": 3}, {"block": 7}, {"num_threads": 4, "block": 100}):
        found = tc_by_split(split, 2000, hops, **options)
        assert all(torch.equal(found[name], one[name]) for name in one)


def test_without_edges_and_without_nodes():
    none = torch.empty(0, 2, dtype=torch.int64)
    for hops in (1, 2):
        assert tc(none, 4, hops=hops).tolist() == [0.0] * 4
        assert tc(none, 4, [[0, 1]], hops=hops).tolist() == [0.0] * 4
        assert tc([[0, 1]], 4, none, hops=hops).tolist() == [0.0] * 4
        assert tc(none, 0, hops=hops).tolist() == []


def test_a_discount_of_zero_or_nearly_so():
    train, target = random_split(8)
    for edges in (None, target):
        expected = tc(train, 30, edges)
        np.testing.assert_array_equal(tc(train, 30, edges, hops=3, beta=0.0), expected)
        np.testing.assert_allclose(tc(train, 30, edges, hops=3, beta=1e-200), expected, atol=1e-100)


def test_directed_edges_are_refused_where_asked_for():
    once, both = [[0, 1], [1, 2], [2, 0]], [[0, 1], [1, 0]]
    mixed = [[0, 1], [1, 0], [1, 2]]
    options = {"directed": "error"}
    assert tc(once, 3, **options).tolist() == [1.0] * 3
    assert tc(both, 3, layout="(E, 2)", **options).tolist() == [0.0] * 3
    with pytest.raises(InputError, match=r"train_edges.*one direction.*symmetrize"):
        topological_concentration(mixed, 3, **options)
    with pytest.raises(InputError, match="target"):
        topological_concentration(once, 3, mixed, **options)
    with pytest.raises(InputError, match="directed"):
        topological_concentration(nx.DiGraph(once), None, **options)
    assert tc(nx.DiGraph(once), None).tolist() == [1.0] * 3


@pytest.mark.parametrize(
    ("edges", "n", "options", "message"),
    [
        ([[0, 1]], 2, {"hops": 0}, r"hops is 0"),
        ([[0, 1]], 2, {"hops": 1.5}, r"hops is 1.5"),
        ([[0, 1]], 2, {"hops": True}, r"hops is True"),
        ([[0, 1]], 2, {"beta": -0.1}, r"beta is -0.1"),
        ([[0, 1]], 2, {"beta": float("nan")}, r"beta is nan"),
        ([[0, 1]], 2, {"beta": "x"}, r"beta is 'x'"),
        ([[0, 1]], 2, {"num_threads": 0}, r"num_threads is 0"),
        ([[0, 1]], 2, {"block": 0}, r"block is 0"),
        ([[0, 1]], 2, {"self_loops": "drop"}, r"self_loops is 'drop'"),
        ([[0, 1]], 2, {"directed": "yes"}, r"directed is 'yes'"),
        ([[0, 1]], 2, {"layout": "pairs"}, r"layout is 'pairs'"),
        ([[0, 2]], 2, {}, r"train_edges holds nodes 0 to 2, but num_nodes is 2"),
        ([[-1, 1]], 2, {}, r"train_edges holds nodes -1 to 1"),
        ([[0.0, 1.0]], 2, {}, r"train_edges has type torch.float32"),
        ([[0, 1, 2]], 3, {}, r"train_edges has shape \(1, 3\)"),
        ([0, 1], 3, {}, r"train_edges has shape \(2,\)"),
        ([[0, 1], [1]], 3, {}, r"train_edges is a list"),
        ([[0, 1]], None, {}, r"num_nodes is None"),
        ([[0, 1]], -1, {}, r"num_nodes is -1"),
        ([[0, 1]], 2, {"target": [[0, 5]]}, r"target holds nodes 0 to 5"),
        ([[0, 1]], 2, {"target": {"x": [[0, 5]]}}, r"target\['x'\] holds"),
        ([[0, 1]], 2, {"target": as_graph([[0], [1]], 2), "hops": 0}, r"hops is 0"),
    ],
)
def test_wrong_arguments_are_named(edges, n, options, message):
    with pytest.raises(InputError, match=message):
        topological_concentration(edges, n, **options)


def test_a_target_of_another_size_is_refused():
    target = as_graph([[0], [1]], 4)
    for train, n in (([[0, 1], [1, 2], [0, 2]], 3), (as_graph([[0], [1]], 3), None)):
        with pytest.raises(InputError, match="4 nodes, but 3 were expected"):
            topological_concentration(train, n, target)


def test_too_many_walks_are_refused_with_the_estimate_and_what_helps():
    star = np.stack([np.zeros(999, np.int64), np.arange(1, 1000)])
    # walks of two steps: 999^2 through the hub and 999 between it and each leaf
    with pytest.raises(ResourceError, match=r"9.99e\+05 walks of 2 steps.*1e\+05.*approximate_"):
        topological_concentration(star, 1000, hops=2, max_walks=1e5)
    assert issubclass(ResourceError, MemoryError)
    free = topological_concentration(star, 1000, hops=2)
    in_blocks = topological_concentration(star, 1000, hops=2, max_walks=1e5, block=64)
    assert torch.equal(free, in_blocks)
    assert topological_concentration(star, 1000, max_walks=1).tolist() == [0.0] * 1000


def test_too_little_memory_is_refused_before_anything_is_made(monkeypatch):
    from graphlab.topology import _limits

    monkeypatch.setattr(_limits, "_ASK", 0)
    monkeypatch.setattr(_limits, "available_bytes", lambda: 4000)
    with pytest.raises(ResourceError, match=r"6 vectors of 100 nodes.*2 threads.*num_threads="):
        topological_concentration([[0, 1]], 100, hops=2, num_threads=2)


def test_inputs_are_not_changed():
    train, target = (torch.from_numpy(e) for e in random_split(9))
    kept = train.clone(), target.clone()
    graph = as_graph(train.t(), 30)
    before = graph.edge_index.clone()
    for hops in (1, 2):
        topological_concentration(train, 30, target, hops=hops)
        topological_concentration(graph, 30, target, hops=hops)
    assert torch.equal(train, kept[0])
    assert torch.equal(target, kept[1])
    assert torch.equal(graph.edge_index, before)


INTERPRETED = """
import numba, numpy as np
from graphlab.topology import approximate_topological_concentration, subgraph_density, tc_by_split
from tests.topology.golden import random_split
from tests.topology.slow_values import approximation, concentration, density
assert numba.config.DISABLE_JIT
train, target = random_split(0, n=45, m=60)
hub = np.stack([np.zeros(40, np.int64), np.arange(1, 41)], 1)
train = np.concatenate([train, hub])
split = {"train": train, "val": target, "test": []}
for hops in (1, 2, 3):
    found = tc_by_split(split, 45, hops)
    limit = approximate_topological_concentration(train, 45, target, hops=hops, dim=None)
    for name, edges in (("train", None), ("val", target.tolist())):
        slow = concentration(train.tolist(), 45, edges, hops=hops)
        np.testing.assert_allclose(found[name], slow, rtol=1e-12)
    slow = approximation(train.tolist(), 45, target.tolist(), hops=hops)
    np.testing.assert_allclose(limit, slow, rtol=1e-12)
    near = subgraph_density(train, 45, hops, self_loops="keep")
    np.testing.assert_allclose(near, density(train.tolist(), 45, hops, loops=True), rtol=1e-12)
"""


def test_kernels_mean_the_same_when_they_are_not_compiled():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-W", "error", "-c", INTERPRETED], env=environment, check=True)
