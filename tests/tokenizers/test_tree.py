"""The tree of a clustering: golden parts, sequences, positions, features of clusters."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.tokenizers import HAC
from tests.tokenizers.samples import GOLDEN, golden_graph, parts, some_graph, union

FIELDS = "assign num_clusters offset parent order rank path path_mask bfs bfs_ptr lca_level seq_spd"


@pytest.mark.parametrize("name", GOLDEN)
def test_every_part_equals_the_golden_one(golden, name):
    z, graph = golden_graph(golden, name)
    tree = HAC(weight=torch.from_numpy(z["weight"])).fit(graph)
    for field in FIELDS.split():
        found = getattr(tree, field).numpy()
        assert found.dtype == z[field].dtype, field
        assert np.array_equal(found, z[field]), field
    assert np.array_equal(tree.edge_order.numpy(), z["edge_hac_order"])
    assert np.array_equal(tree.edges.numpy(), z["edges"])
    assert np.array_equal(tree.edge_weight.numpy(), z["edge_weight"])


def test_features_alone_give_the_golden_tree(golden):
    z, graph = golden_graph(golden, "karate_features")
    tree = HAC().fit(graph)
    assert np.array_equal(tree.edge_weight.numpy(), z["edge_weight"])
    assert np.array_equal(tree.assign.numpy(), z["assign"])


@pytest.mark.parametrize("name", GOLDEN)
def test_leaf_order_is_lexsort(golden, name):
    _, graph = golden_graph(golden, name)
    tree = HAC(weight="unit").fit(graph)
    assert np.array_equal(tree.order.numpy(), np.lexsort(tree.assign.numpy()))


def test_members_size_and_children_follow_from_the_clusters():
    tree = HAC().fit(some_graph(40, 60, seed=1))
    ptr, nodes = tree.members
    below = {t: set() for t in range(tree.num_tokens)}
    for child, above in enumerate(tree.parent.tolist()):
        if above >= 0:
            below[above].add(child)
    token = 0
    for row, count in zip(tree.assign.tolist(), tree.num_clusters.tolist(), strict=True):
        for c in range(count):
            inside = [v for v, a in enumerate(row) if a == c]
            assert nodes[ptr[token] : ptr[token + 1]].tolist() == inside
            assert int(tree.size[token]) == len(inside)
            assert int(tree.children[token]) == len(below[token])
            token += 1


@pytest.mark.parametrize("reduce", ["mean", "sum", "max"])
def test_features_of_clusters_are_those_of_their_nodes(reduce):
    graph = some_graph(30, 40, seed=2)
    tree = HAC(cluster_feature=reduce).fit(graph)
    h = torch.randn(30, 4, dtype=torch.float64, requires_grad=True)
    found = tree.cluster_features(h)
    ptr, nodes = tree.members
    of = {"mean": lambda r: r.mean(0), "sum": lambda r: r.sum(0), "max": lambda r: r.amax(0)}
    expected = torch.stack(
        [of[reduce](h[nodes[ptr[t] : ptr[t + 1]]]) for t in range(tree.num_tokens)]
    )
    assert torch.allclose(found, expected, rtol=1e-12)
    weight = torch.randn_like(found)
    (one,) = torch.autograd.grad((found * weight).sum(), h)
    (two,) = torch.autograd.grad((expected * weight).sum(), h)
    assert torch.allclose(one, two, rtol=1e-10)
    assert one.abs().max() > 0


def test_hops_of_a_sequence_are_those_of_the_quotient_graphs():
    """A long ring: more than 16 hops count as 17, and both ends of a search matter."""
    ring = nx.cycle_graph(90)
    ring.add_nodes_from([90, 91])
    ring.add_edges_from([(0, 45), (90, 91)])
    weight = torch.from_numpy(np.random.default_rng(0).random(2 * ring.number_of_edges()))
    tree = HAC(weight=weight).fit(ring)
    order = tree.order.tolist()
    distances = set()
    for r, row in enumerate(tree.assign.tolist()):
        quotient = nx.Graph()
        quotient.add_nodes_from(row)
        quotient.add_edges_from((row[u], row[v]) for u, v in ring.edges)
        for i in range(1, len(order)):
            a, b = row[order[i - 1]], row[order[i]]
            far = nx.has_path(quotient, a, b)
            hops = min(nx.shortest_path_length(quotient, a, b), 17) if far else 17
            assert int(tree.seq_spd[r, i]) == hops
            distances.add(hops)
    assert {0, 1, 2, 17} <= distances


def test_levels_of_pairs_beyond_the_table():
    n = 2100
    path = torch.stack([torch.arange(n - 1), torch.arange(1, n)])
    tree = HAC(weight="unit").fit(path)
    with pytest.raises(InputError, match=r"up to 2048 nodes, the graph has 2100.*lca\(u, v\)"):
        _ = tree.lca_level
    u, v = torch.arange(0, 50)[:, None], torch.arange(20, 60)
    found = tree.lca(u, v)
    assert found.shape == (50, 40)
    for i in (0, 7, 49):
        for j in (0, 11, 39):
            a, b = tree.assign[:, u[i, 0]], tree.assign[:, v[j]]
            assert int(found[i, j]) == int((a == b).int().argmax())


def test_without_a_root_nodes_of_different_parts_never_meet():
    tree = HAC(weight="unit", add_root=False).fit([[0, 2], [1, 3]])
    assert tree.num_levels == 2
    assert tree.lca_level.tolist() == [[0, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 1], [2, 2, 1, 0]]


def test_absolute_places_by_hand():
    tree = HAC(weight=torch.tensor([1.0, 3.0, 1.0])).fit([[0, 1, 2], [1, 2, 3]])
    size = np.log2([2, 2, 2, 2, 3, 3, 5])
    index = [0, 1, 0, 1, 0, 1, 0]
    depth = [2 / 3] * 4 + [1 / 3] * 2 + [0]
    expected = torch.tensor(np.stack([size, index, depth], axis=1), dtype=torch.float32)
    assert torch.allclose(tree.absolute, expected)


def test_paths_end_in_the_leaf_and_carried_clusters_are_holes(golden):
    _, graph = golden_graph(golden, "disconnected")
    tree = HAC(weight="unit").fit(graph)
    tokens = tree.sequences()
    assert len(tokens) == 10
    assert tokens.kind == "cluster"
    assert tokens.owner.tolist() == list(range(10))
    assert torch.equal(tokens.index[:, -1], torch.arange(10))
    assert tokens.mask[:, -1].all()
    assert not tokens.mask.all()
    assert (tokens.index[~tokens.mask] == 0).all()
    assert torch.equal(tokens.level[0], torch.arange(tree.num_levels - 1, -1, -1))
    some = tree.sequences([7, 2, 7])
    assert some.owner.tolist() == [7, 2, 7]
    assert torch.equal(some.index, tokens.index[[7, 2, 7]])


def test_levels_as_sequences():
    batch = union(parts())
    tree = HAC(traversal="bfs").fit(batch)
    tokens = tree.sequences()
    assert len(tokens) == int(tree.levels_of_graph.sum())
    assert (tokens.owner == -1).all()
    place = tokens.places(tree.num_tokens)
    flat = tokens.index.reshape(-1)
    for v in range(tree.num_nodes):
        ids = tree.path[v][tree.path_exists[v]]
        assert len(ids) == int(tree.levels_of_graph[batch.batch[v]])
        assert (place[ids] >= 0).all()
        assert torch.equal(flat[place[ids]], ids)
        rows = place[ids] // tokens.length
        assert (tokens.graph[rows] == batch.batch[v]).all()
        assert torch.equal(tokens.level[rows, 0], torch.arange(len(ids) - 1, -1, -1))
    carried = tree.path[~tree.path_exists]
    assert carried.numel()
    assert (place[carried] == -1).all()


def test_a_batch_has_no_distance_between_its_graphs():
    tree = HAC(weight="unit").fit(union(parts()))
    starts = tree._reading.ptr[:-1]
    starts = starts[starts < tree.num_nodes]
    assert (tree.seq_spd[:, starts] == 0).all()
    graph = tree._reading.batch
    across = graph[:, None] != graph
    assert (tree.lca_level[across] == tree.num_levels).all()
    assert (tree.lca_level[~across] < tree.num_levels).all()


@pytest.mark.parametrize("max_levels", [None, 3])
def test_parts_of_a_graph_of_a_batch_are_those_it_has_alone(max_levels):
    graphs = parts()
    batch = union(graphs)
    hac = HAC(max_levels=max_levels)
    whole = hac.fit(batch)
    for g, graph in enumerate(graphs):
        first, n = int(batch.ptr[g]), graph.num_nodes
        mine = slice(first, first + n)
        tree = hac.fit(graph)
        levels = tree.num_levels
        assert torch.equal(whole.order[mine] - first, tree.order)
        assert torch.equal(whole.path_mask[mine, -levels:], tree.path_mask)
        assert torch.equal(whole.path_exists[mine].sum(1), torch.full((n,), levels))
        assert not whole.path_mask[mine, :-levels].any()
        assert torch.equal(whole.seq_spd[:levels, mine], tree.seq_spd)
        assert torch.equal(whole.lca_level[mine, mine], tree.lca_level)
        ids = whole.path[mine, -levels:]
        assert torch.equal(whole.absolute[ids], tree.absolute[tree.path])
        assert torch.equal(whole.size[ids], tree.size[tree.path])


@pytest.mark.parametrize("traversal", ["dfs", "bfs", "order"])
def test_empty_and_single(traversal):
    none = some_graph(0, 0, seed=0)
    tokens = HAC(traversal=traversal).batch(none)
    assert not tokens.mask.any()
    tree = HAC(traversal=traversal).fit(none)
    assert tree.num_tokens == 0
    assert tree.cluster_features(torch.zeros(0, 3)).shape == (0, 3)
    assert tree.absolute.shape == (0, 3)
    assert tree.seq_spd.shape == (1, 0)
    one = HAC(traversal=traversal).batch(some_graph(1, 0, seed=0))
    assert one.index.tolist() == [[0]]
    assert one.mask.all()


def test_traversals_share_one_clustering():
    graph = some_graph(20, 30, seed=0)
    one, two = HAC().fit(graph), HAC(traversal="bfs").fit(graph)
    assert one.levels is two.levels
    assert HAC().fit(graph) is one
    assert (one.traversal, two.traversal) == ("dfs", "bfs")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"traversal": "depth"}, "traversal is 'depth', expected one of dfs, bfs, order"),
        ({"cluster_feature": "min"}, "cluster_feature is 'min'"),
        ({"agg": "max"}, "agg is 'max'"),
        ({"weight": "euclid"}, "weight is 'euclid'"),
        ({"max_levels": 0}, "max_levels is 0"),
    ],
)
def test_unknown_options(options, message):
    with pytest.raises(InputError, match=message):
        HAC(**options)
