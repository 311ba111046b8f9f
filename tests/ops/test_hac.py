"""Levels of affinity clustering: golden values, its spanning forest, weights, batches, extremes."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.ops import hac_levels
from graphlab.ops._hac_rounds import edge_hashes
from tests.tokenizers.samples import GOLDEN

BACKENDS = ("compiled", "numpy")
MASK = 2**64 - 1


def mix(z):
    z = (z + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def tie(seed, u, v):
    return mix(mix(mix(seed & MASK) ^ u) ^ v)


def kruskal(n, edges):
    """Minimum spanning forest of edges (weight, u, v), by the order that the levels obey."""
    root = list(range(n))

    def find(a):
        while root[a] != a:
            a = root[a]
        return a

    taken = []
    for _, u, v in sorted(edges, key=lambda e: (e[0], tie(0, e[1], e[2]), e[1], e[2])):
        a, b = find(u), find(v)
        if a != b:
            root[a] = b
            taken.append([u, v])
    return sorted(taken)


def plain_levels(n, edges):
    """Rounds as the text has them: sets of nodes, and the first edge that leaves each."""
    clusters = [frozenset([v]) for v in range(n)]
    levels = [clusters]
    rank = sorted(edges, key=lambda e: (e[0], tie(0, e[1], e[2]), e[1], e[2]))
    while True:
        of = {v: c for c in clusters for v in c}
        picked = []
        for c in clusters:
            leaving = [e for e in rank if (e[1] in c) != (e[2] in c)]
            picked += leaving[:1]
        if not picked:
            break
        merged = {c: {c} for c in clusters}
        for _, u, v in picked:
            both = merged[of[u]] | merged[of[v]]
            for c in both:
                merged[c] = both
        clusters = sorted({frozenset().union(*group) for group in merged.values()}, key=min)
        levels.append(clusters)
    if len(clusters) > 1:
        levels.append([frozenset(range(n))])
    out = np.zeros((len(levels), n), int)
    for r, level in enumerate(levels):
        for number, c in enumerate(level):
            out[r, list(c)] = number
    return out


def random_graph(seed, n, m, kinds=3):
    rng = np.random.default_rng(seed)
    index = rng.integers(0, n, (2, m))
    index = index[:, index[0] != index[1]]
    weight = rng.integers(-kinds, kinds, index.shape[1]) * 0.5
    return torch.from_numpy(index), torch.from_numpy(weight)


def smallest(index, weight):
    best = {}
    for (u, v), w in zip(index.t().tolist(), weight.tolist(), strict=True):
        key = (min(u, v), max(u, v))
        best[key] = min(w, best.get(key, w))
    return [(w, u, v) for (u, v), w in best.items()]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", GOLDEN)
def test_levels_equal_the_golden_ones(golden, name, backend):
    z = np.load(golden / "gsm" / f"hac_{name}.npz")
    found = hac_levels(
        torch.from_numpy(z["edge_index"]),
        torch.from_numpy(z["weight"]),
        num_nodes=int(z["num_nodes"]),
        backend=backend,
    )
    for field in ("assign", "num_clusters", "edges", "edge_weight", "tree_edges"):
        assert np.array_equal(getattr(found, field).numpy(), z[field]), field
    assert int(found.rounds) == z["rounds"]
    assert bool(found.virtual_root) == z["virtual_root"]
    ends = found.edges.numpy()
    hashes = edge_hashes(
        ends[:, 0], ends[:, 1], np.empty(0, np.int32), 0, compiled=backend == "compiled"
    )
    assert np.array_equal(hashes, z["edge_tie"])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(0, 80), st.integers(1, 6), st.integers(0, 10**6))
def test_levels_are_those_of_the_definition_and_the_edges_those_of_kruskal(n, m, kinds, seed):
    index, weight = random_graph(seed, n, m, kinds)
    edges = smallest(index, weight)
    expected = plain_levels(n, edges)
    for backend in BACKENDS:
        found = hac_levels(index, weight, num_nodes=n, backend=backend)
        assert found.assign.tolist() == expected.tolist()
        assert found.tree_edges.tolist() == kruskal(n, edges)


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("scale", [1.0, 0.1, -2.0])
def test_weights_that_do_and_do_not_fit_into_a_key_give_equal_levels(seed, scale):
    """Packed keys (whole weights), ordered bits of doubles, and a sort agree."""
    rng = np.random.default_rng(seed)
    index = torch.from_numpy(rng.integers(0, 300, (2, 2000)))
    weight = torch.from_numpy(rng.integers(0, 4, 2000).astype(float) * scale)
    one = hac_levels(index, weight, num_nodes=300, tie_seed=seed, backend="compiled")
    two = hac_levels(index, weight, num_nodes=300, tie_seed=seed, backend="numpy")
    assert torch.equal(one.assign, two.assign)
    assert torch.equal(one.taken, two.taken)


def test_affinity_clusters_need_not_be_threshold_cuts():
    found = hac_levels([[0, 1, 2, 3], [1, 2, 3, 4]], torch.tensor([10.0, 5.0, 7.0, 1.0]))
    assert found.assign[1].tolist() == [0, 0, 0, 1, 1]


def test_the_hash_keeps_equal_weights_from_collapsing():
    grid = torch.arange(30).view(5, 6)
    across = torch.stack([grid[:, :-1].reshape(-1), grid[:, 1:].reshape(-1)])
    down = torch.stack([grid[:-1].reshape(-1), grid[1:].reshape(-1)])
    found = hac_levels(torch.cat([across, down], dim=1), "unit")
    assert found.num_clusters.tolist() == [30, 8, 3, 1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_negative_zero_is_zero(backend):
    index = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
    zero = hac_levels(index, torch.zeros(4), backend=backend)
    minus = hac_levels(index, torch.tensor([-0.0, 0.0, -0.0, 0.0]), backend=backend)
    assert torch.equal(zero.assign, minus.assign)


def test_direction_loops_and_duplicates_change_nothing():
    index = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])
    weight = torch.tensor([2.0, 1.0, 3.0, 1.5])
    messy = torch.tensor([[1, 2, 3, 2, 4, 3, 0], [0, 1, 2, 2, 3, 4, 1]])
    other = torch.tensor([2.0, 1.0, 3.0, -9.0, 8.0, 1.5, 7.0])
    one, two = hac_levels(index, weight), hac_levels(messy, other)
    assert torch.equal(one.assign, two.assign)
    assert torch.equal(one.edge_weight, two.edge_weight)


def test_weights_belong_to_the_columns_of_the_input_even_of_a_graph():
    index = torch.tensor([[3, 0, 2], [2, 1, 1]])
    weight = torch.tensor([3.0, 1.0, 2.0])
    direct = hac_levels(index, weight, num_nodes=4)
    assert direct.edge_weight.tolist() == [1.0, 2.0, 3.0]
    assert torch.equal(hac_levels(as_graph(index, 4), weight).edge_weight, direct.edge_weight)


def test_sets_of_nodes_do_not_depend_on_node_ids_when_weights_differ():
    rng = np.random.default_rng(0)
    index = rng.integers(0, 60, (2, 200))
    index = index[:, index[0] != index[1]]
    index = np.unique(np.sort(index, axis=0), axis=1)
    weight = torch.from_numpy(rng.permutation(index.shape[1]).astype(float))
    name = rng.permutation(60)
    one = hac_levels(torch.from_numpy(index), weight, num_nodes=60).assign
    two = hac_levels(torch.from_numpy(name[index]), weight, num_nodes=60).assign[:, name]
    assert one.shape == two.shape
    for a, b in zip(one, two, strict=True):
        assert torch.equal(a[:, None] == a, b[:, None] == b)


def steps(value):
    return np.floor(value * 2**20 + 0.5).astype(int)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.float16, torch.int64])
@pytest.mark.parametrize("width", [1, 7, 8, 21, 64])
def test_weights_of_features(kind, width, backend):
    index, _ = random_graph(width, 40, 150)
    x = (torch.randn(40, width, generator=torch.Generator().manual_seed(0)) * 3).to(kind)
    x[5] = 0
    wide = x.double().numpy()
    found = hac_levels(index, "cosine", num_nodes=40, x=x, backend=backend)
    u, v = found.edges.numpy().T
    norm = np.maximum(np.sqrt((wide**2).sum(1)), 1e-12)
    cos = (wide[u] * wide[v]).sum(1) / (norm[u] * norm[v])
    assert np.array_equal(found.edge_weight.numpy(), steps(1 - cos))
    zero = (u == 5) | (v == 5)
    assert zero.any()
    assert (found.edge_weight.numpy()[zero] == 2**20).all()
    found = hac_levels(index, "l2", num_nodes=40, x=x, backend=backend)
    far = ((wide[u] - wide[v]) ** 2).sum(1) / (4 * (wide**2).sum(1).max())
    assert np.array_equal(found.edge_weight.numpy(), steps(far))


@pytest.mark.parametrize("backend", BACKENDS)
def test_l2_of_zero_rows_is_zero(backend):
    found = hac_levels([[0, 1], [1, 2]], "l2", x=torch.zeros(3, 4), backend=backend)
    assert found.edge_weight.tolist() == [0, 0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_of_neighbourhoods(backend):
    index, _ = random_graph(4, 30, 120)
    graph = as_graph(index, 30).simple()
    near = [set(graph.indices[a:b].tolist()) for a, b in graph.indptr.unfold(0, 2, 1).tolist()]
    found = hac_levels(index, "jaccard", num_nodes=30, backend=backend)
    share = [len(near[u] & near[v]) / len(near[u] | near[v]) for u, v in found.edges.tolist()]
    assert np.array_equal(found.edge_weight.numpy(), steps(1 - np.array(share)))


def test_the_default_weights_follow_features():
    index = [[0, 1, 2], [1, 2, 3]]
    x = torch.tensor([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    cosine = hac_levels(index, "cosine", x=x).edge_weight
    assert torch.equal(hac_levels(index, x=x).edge_weight, cosine)
    plain = hac_levels(index, "jaccard").edge_weight
    assert torch.equal(hac_levels(index).edge_weight, plain)
    assert not torch.equal(cosine, plain)


def test_many_edges_through_several_blocks_and_threads():
    index, _ = random_graph(1, 3000, 20_000)
    x = torch.randn(3000, 24, generator=torch.Generator().manual_seed(1))
    plain = hac_levels(index, num_nodes=3000, x=x, backend="numpy")
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found = hac_levels(index, num_nodes=3000, x=x, backend="compiled")
        assert torch.equal(found.edge_weight, plain.edge_weight)
        assert torch.equal(found.assign, plain.assign)


def small_graphs():
    rng = np.random.default_rng(5)
    parts = []
    for n, m in ((6, 9), (1, 0), (0, 0), (5, 0), (30, 40), (12, 8), (2, 1), (9, 30), (0, 0)):
        index = rng.integers(0, max(n, 1), (2, m))
        parts.append((n, torch.from_numpy(index), torch.from_numpy(rng.standard_normal((n, 3)))))
    return parts


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("weight", ["cosine", "l2", "jaccard", "unit", "given"])
@pytest.mark.parametrize("add_root", [True, False])
@pytest.mark.parametrize("max_levels", [None, 2, 3])
def test_graphs_of_a_batch_have_the_levels_they_have_alone(backend, weight, add_root, max_levels):
    parts = small_graphs()
    ptr = np.cumsum([0] + [n for n, _, _ in parts])
    index = torch.cat([i + int(p) for (_, i, _), p in zip(parts, ptr, strict=False)], dim=1)
    x = torch.cat([x for _, _, x in parts])
    rng = np.random.default_rng(0)
    given = [torch.from_numpy(rng.integers(0, 3, i.shape[1]) * 0.5) for _, i, _ in parts]
    options = {"add_root": add_root, "max_levels": max_levels, "backend": backend}

    def of(alone, total):
        if weight == "given":
            return alone if total is None else torch.cat(total)
        return weight

    union = hac_levels(
        index, of(None, given), num_nodes=int(ptr[-1]), x=x, ptr=torch.from_numpy(ptr), **options
    )
    height = len(union.assign)
    before = torch.zeros(height, dtype=torch.int64)
    for g, (n, edges, rows) in enumerate(parts):
        one = hac_levels(edges, of(given[g], None), num_nodes=n, x=rows, **options)
        levels = len(one.assign)
        assert int(union.levels_of_graph[g]) == levels
        assert int(union.rounds[g]) == int(one.rounds)
        assert bool(union.virtual_root[g]) == bool(one.virtual_root)
        mine = union.assign[:, ptr[g] : ptr[g + 1]] - before[:, None]
        for r in range(height):
            assert torch.equal(mine[r], one.assign[min(r, levels - 1)])
            before[r] += one.num_clusters[min(r, levels - 1)]
    assert torch.equal(union.num_clusters, before)


def test_extremes():
    empty = hac_levels(torch.zeros(2, 0, dtype=torch.int64), num_nodes=0)
    assert empty.assign.shape == (1, 0)
    assert empty.num_clusters.tolist() == [0]
    single = hac_levels(torch.zeros(2, 0, dtype=torch.int64), num_nodes=1)
    assert single.assign.tolist() == [[0]]
    assert not single.virtual_root
    apart = hac_levels(torch.zeros(2, 0, dtype=torch.int64), num_nodes=3)
    assert apart.assign.tolist() == [[0, 1, 2], [0, 0, 0]]
    assert bool(apart.virtual_root)
    loose = hac_levels(torch.zeros(2, 0, dtype=torch.int64), num_nodes=3, add_root=False)
    assert loose.num_clusters.tolist() == [3]


def test_levels_are_kept_evenly_from_nodes_to_root(golden):
    z = np.load(golden / "gsm" / "hac_path16_binary.npz")
    index, weight = torch.from_numpy(z["edge_index"]), torch.from_numpy(z["weight"])
    for most, kept in ((2, [0, 4]), (3, [0, 2, 4]), (4, [0, 1, 3, 4]), (9, [0, 1, 2, 3, 4])):
        found = hac_levels(index, weight, max_levels=most)
        assert np.array_equal(found.assign.numpy(), z["assign"][kept])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": torch.tensor([1.0, np.nan])}, "nan at position 1; weights must be finite"),
        ({"weight": torch.tensor([np.inf, 1.0])}, "inf at position 0"),
        ({"weight": torch.ones(3)}, r"shape \(3,\), expected \(2,\)"),
        ({"weight": torch.ones(2, dtype=torch.complex64)}, "expected real numbers"),
        ({"weight": "cosin"}, "weight is 'cosin', expected one of auto, cosine"),
        ({"weight": "cosine"}, "needs node features"),
        ({"x": torch.ones(4, 2)}, "the graph has 3 nodes"),
        ({"x": torch.tensor([[1.0], [np.nan], [1.0]])}, "x of node 1 holds NaN"),
        ({"x": torch.full((3, 1), 1e200, dtype=torch.float64)}, "squares overflow"),
        ({"max_levels": 1}, "max_levels is 1"),
        ({"backend": "gpu"}, "backend is 'gpu'"),
        ({"ptr": [0, 1, 3]}, r"edge \(0, 1\) joins graph 0 with graph 1"),
        ({"ptr": [0, 2]}, "ptr is"),
        ({"ptr": [0, 2, 1, 3]}, "ptr is"),
    ],
)
def test_what_cannot_be_clustered_is_said(options, message):
    with pytest.raises(InputError, match=message):
        hac_levels([[0, 1], [1, 2]], **options)


PLAIN = """
import numba, numpy as np, torch
assert numba.config.DISABLE_JIT
from graphlab.ops import hac_levels
rng = np.random.default_rng(0)
index = torch.from_numpy(rng.integers(0, 25, (2, 60)))
x = torch.from_numpy(rng.standard_normal((25, 11))).float()
ptr = [0, 25]
for weight in ("cosine", "l2", "jaccard", "unit", torch.from_numpy(rng.integers(0, 3, 60) * .5)):
    one = hac_levels(index, weight, num_nodes=25, x=x, backend="compiled")
    two = hac_levels(index, weight, num_nodes=25, x=x, backend="numpy")
    assert torch.equal(one.assign, two.assign), weight
    assert torch.equal(one.edge_weight, two.edge_weight), weight
"""


def test_kernels_as_plain_python():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-W", "ignore::RuntimeWarning", "-c", PLAIN]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
