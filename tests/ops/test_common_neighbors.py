"""Overlap of neighbourhoods against Python sets; golden lists; special pairs; hubs; threads."""

from __future__ import annotations

import importlib
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.ops import adjacency, common_neighbors, neighbor_overlap
from graphlab.ops._overlap_kernels import common_lists, overlap_lists
from graphlab.ops.common_neighbors import overlap_rows

module = importlib.import_module("graphlab.ops.common_neighbors")
BACKENDS = ["compiled", "torch"]
every_backend = pytest.mark.parametrize("backend", BACKENDS)


def neighbours(edges, n):
    """Return one set of neighbours a node: undirected, no loops."""
    found = [set() for _ in range(n)]
    for a, b in zip(*np.asarray(edges).tolist(), strict=True):
        if a != b:
            found[a].add(b)
            found[b].add(a)
    return found


def by_sets(rows, src, dst):
    """Return the three lists of each pair."""
    return [
        [sorted(x) for x in (rows[i] & rows[j], rows[i] - rows[j], rows[j] - rows[i])]
        for i, j in zip(src, dst, strict=True)
    ]


def split(ptr, nodes):
    return [nodes[a:b].tolist() for a, b in itertools.pairwise(ptr)]


def lists_of(found):
    three = (found[0:2], found[2:4], found[4:6])
    return [list(each) for each in zip(*(split(*lists) for lists in three), strict=True)]


def check(graph, n, src, dst, rows, backend):
    expected = by_sets(rows, src, dst)
    found = neighbor_overlap(as_graph(graph, n), src, dst, backend=backend)
    assert lists_of(found) == expected
    assert all(part.dtype == torch.int64 for part in found)
    common = common_neighbors(as_graph(graph, n), src, dst, backend=backend)
    assert split(*common) == [each[0] for each in expected]
    assert common.ptr.dtype == common.nodes.dtype == torch.int64


def golden_files():
    here = Path(__file__).parents[1] / "golden" / "link_prediction"
    files = [here / f"graph_{name}.npz" for name in ("toy", "plc", "dense")]
    root = os.environ.get("GRAPHLAB_DATA_MIRROR", "").split(os.pathsep)[0]
    public = Path(root).parent / "golden" / "link_prediction" / "graph_cora_ball500.npz"
    return [*files, public if root else None]


@every_backend
@pytest.mark.parametrize("file", golden_files(), ids=["toy", "plc", "dense", "cora"])
def test_golden_lists_are_equal(file, backend):
    if file is None or not file.exists():
        pytest.skip("public golden arrays lie beside GRAPHLAB_DATA_MIRROR")
    with np.load(file) as data:
        graph = as_graph(data["edge_index"], int(data["num_nodes"]))
        src, dst = data["pairs"]
        expected = [data[f"overlap/{name}"] for name in ("cn", "res_src", "res_dst")]
    found = neighbor_overlap(graph, src, dst, backend=backend)
    for number, lists in enumerate(expected):
        ptr, nodes = found[2 * number], found[2 * number + 1]
        pair = torch.arange(src.size).repeat_interleave(ptr.diff())
        assert torch.stack([pair, nodes]).tolist() == lists.tolist()
    common = common_neighbors(graph, src, dst, backend=backend)
    assert torch.equal(common.ptr, found.cn_ptr)
    assert torch.equal(common.nodes, found.cn)


@st.composite
def graphs_and_pairs(draw):
    n = draw(st.integers(1, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    count = int(n * n * draw(st.sampled_from([0.0, 0.02, 0.1, 0.6])))
    pairs = draw(st.integers(0, 20))
    return n, rng.integers(0, n, (2, count)), rng.integers(0, n, (2, pairs))


@settings(max_examples=60, deadline=None)
@given(given=graphs_and_pairs())
def test_lists_are_those_of_sets(given):
    n, edges, (src, dst) = given
    rows = neighbours(edges, n)
    for backend in BACKENDS:
        check(torch.from_numpy(edges), n, src.tolist(), dst.tolist(), rows, backend)


@settings(max_examples=30, deadline=None)
@given(given=graphs_and_pairs(), seed=st.integers(0, 99))
def test_lists_have_the_properties_of_sets(given, seed):
    n, edges, (src, dst) = given
    graph = as_graph(torch.from_numpy(edges), n)
    found = neighbor_overlap(graph, src, dst)
    degree = adjacency(graph).indptr.diff()
    assert torch.equal(found.cn_ptr.diff() + found.src_ptr.diff(), degree[src])
    assert torch.equal(found.cn_ptr.diff() + found.dst_ptr.diff(), degree[dst])
    turned = neighbor_overlap(graph, dst, src)
    assert torch.equal(turned.cn, found.cn)
    assert torch.equal(turned.src_only, found.dst_only)
    assert torch.equal(turned.dst_only, found.src_only)
    # other names for the nodes give the same lists under these names
    name = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    renamed = neighbor_overlap(as_graph(name[torch.from_numpy(edges)], n), name[src], name[dst])
    assert torch.equal(renamed.cn_ptr, found.cn_ptr)
    for ours, theirs in zip(split(*found[:2]), split(*renamed[:2]), strict=True):
        assert sorted(name[ours].tolist()) == theirs
    # edges that are given twice or in the other direction change nothing
    twice = torch.from_numpy(np.concatenate([edges, edges[::-1]], 1))
    again = neighbor_overlap(as_graph(twice, n), src, dst)
    assert all(torch.equal(a, b) for a, b in zip(found, again, strict=True))


TRIANGLE = [[0, 0, 1, 2, 3], [1, 2, 2, 3, 3]]  # 2 - 3 hangs on it, 3 has a loop, 4 is alone


@every_backend
@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ((4, 0), [[], [], [1, 2]]),  # an end without neighbours
        ((4, 4), [[], [], []]),
        ((0, 0), [[1, 2], [], []]),  # both ends the same
        ((0, 1), [[2], [1], [0]]),  # the edge itself puts each end on the other's list
        ((0, 3), [[2], [1], []]),  # the loop at 3 is none of its neighbours
        ((3, 0), [[2], [], [1]]),
    ],
)
def test_special_pairs(pair, expected, backend):
    found = neighbor_overlap(as_graph(TRIANGLE, 5), [pair[0]], [pair[1]], backend=backend)
    assert lists_of(found) == [expected]


@every_backend
def test_repeated_and_turned_pairs_are_answered_one_by_one(backend):
    src, dst = [0, 0, 3, 0, 1], [3, 3, 0, 1, 0]
    check(torch.tensor(TRIANGLE), 5, src, dst, neighbours(TRIANGLE, 5), backend)


@every_backend
def test_no_pairs_and_only_empty_lists(backend):
    graph = as_graph(TRIANGLE, 5)
    found = neighbor_overlap(graph, [], [], backend=backend)
    assert [part.tolist() for part in found] == [[0], [], [0], [], [0], []]
    assert [p.tolist() for p in common_neighbors(graph, [], [], backend=backend)] == [[0], []]
    common = common_neighbors(graph, [4, 4], [0, 4], backend=backend)
    assert [part.tolist() for part in common] == [[0, 0, 0], []]
    nothing = as_graph(torch.zeros(2, 0, dtype=torch.int64), 3)
    found = neighbor_overlap(nothing, [0, 2], [1, 2], backend=backend)
    assert [part.tolist() for part in found] == [[0, 0, 0], []] * 3


@every_backend
def test_long_rows_of_all_proportions(backend):
    """Rows of one to thousands: the vector, the scan of blocks and the search for blocks."""
    rng = np.random.default_rng(0)
    n, sizes = 5000, [1, 2, 31, 32, 33, 64, 100, 257, 1000, 4000]
    ends = [rng.choice(np.arange(10, n), size, replace=False) for size in sizes]
    edges = np.concatenate([np.stack([np.full(e.size, k), e]) for k, e in enumerate(ends)], 1)
    src, dst = (each.ravel().tolist() for each in np.meshgrid(range(10), range(10)))
    check(torch.from_numpy(edges), n, src, dst, neighbours(edges, n), backend)


@every_backend
def test_ids_whose_products_pass_32_bits(backend):
    n = 70_000
    edges = np.array([[n - 1, n - 2, n - 1, 0], [n - 3, n - 3, 5, n - 1]])
    src, dst = [n - 1, n - 2, 0], [n - 2, n - 1, n - 3]
    check(torch.from_numpy(edges), n, src, dst, neighbours(edges, n), backend)


class Counting(np.ndarray):
    """An array that counts how often it is read."""

    reads = 0

    def __getitem__(self, key):
        Counting.reads += 1
        return super().__getitem__(key)


def test_a_hub_against_a_leaf_is_searched_and_not_scanned():
    """Counted in reads, with the kernel as it stands: the hub has 100,000 neighbours."""
    hub = 100_000
    indptr = np.array([0, hub, hub + 2, hub + 2 + 40])
    columns = np.concatenate([np.arange(hub) * 2, [4, 199_998], np.arange(40)]).astype(np.int32)
    counted = columns.view(Counting)
    for dst, common, most in ((1, [4, 199_998], 60), (2, list(range(0, 40, 2)), 1200)):
        offset, began = np.zeros(2, np.int64), np.zeros(1, np.int64)
        ptr, nodes = np.zeros(2, np.int64), np.zeros(40, np.int32)
        Counting.reads = 0
        src = np.zeros(1, np.int64)
        args = (indptr, counted, src, src + dst, 1, offset, began, ptr, nodes, 0, 1)
        common_lists.function(*args)
        assert nodes[: ptr[1]].tolist() == common
        assert Counting.reads <= most
    graph = as_graph(np.stack([np.zeros(hub, int), np.arange(1, hub + 1)]))
    for backend in BACKENDS:
        found = common_neighbors(graph, [0, 1], [1, 2], backend=backend)
        assert split(*found) == [[], [0]]


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
@every_backend
def test_rows_may_be_asymmetric_and_nodes_keep_their_type(dtype, backend):
    rng = np.random.default_rng(1)
    full = rng.random((60, 60)) < 0.3
    indptr = torch.from_numpy(np.concatenate([[0], full.sum(1).cumsum()]))
    indices = torch.from_numpy(full.nonzero()[1]).to(dtype)
    src, dst = (torch.from_numpy(rng.integers(0, 60, 50)) for _ in range(2))
    rows = [set(row.nonzero()[0].tolist()) for row in full]
    found = overlap_rows(indptr, indices, src, dst, residuals=True, backend=backend)
    assert lists_of(found) == by_sets(rows, src.tolist(), dst.tolist())
    assert {part.dtype for part in found[1::2]} == {dtype}
    assert {part.dtype for part in found[0::2]} == {torch.int64}
    common = overlap_rows(indptr, indices, src, dst, residuals=False, backend=backend)
    assert torch.equal(common.cn, found.cn)
    assert common[2:] == (None,) * 4
    # columns that are not beside each other in memory are read all the same
    gaps = torch.stack([indices, indices], 1)[:, 0]
    again = overlap_rows(indptr, gaps, src, dst, residuals=True, backend=backend)
    assert all(torch.equal(a, b) for a, b in zip(found, again, strict=True))


@pytest.fixture(scope="module")
def large():
    rng = np.random.default_rng(2)
    n = 2000
    ends = (n * rng.random((2, 30_000)) ** 2).astype(np.int64)  # hubs at low ids
    return as_graph(torch.from_numpy(ends), n), torch.from_numpy(rng.integers(0, n, (2, 9000)))


@pytest.mark.parametrize("function", [common_neighbors, neighbor_overlap])
def test_the_number_of_threads_changes_nothing(large, function):
    graph, pairs = large
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(function(graph, *pairs, backend="compiled"))
    torch.set_num_threads(1)
    by_torch = function(graph, *pairs, backend="torch")
    for other in (*results[1:], by_torch):
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_kernels_mean_the_same_without_compilation(large, monkeypatch):
    graph, pairs = large
    pairs = pairs[:, :700]  # two blocks
    compiled = neighbor_overlap(graph, *pairs)
    common = common_neighbors(graph, *pairs)
    for name in ("common_lists", "overlap_lists", "list_limits", "close_gaps"):
        monkeypatch.setattr(module, name, getattr(module, name).function)
    plain = neighbor_overlap(graph, *pairs)
    assert all(torch.equal(a, b) for a, b in zip(compiled, plain, strict=True))
    plain = common_neighbors(graph, *pairs)
    assert all(torch.equal(a, b) for a, b in zip(common, plain, strict=True))
    assert overlap_lists.function is module.overlap_lists


def test_results_own_their_memory_and_take_no_more_than_they_need(large):
    graph, pairs = large
    for part in neighbor_overlap(graph, *pairs):
        assert part.is_contiguous()
        assert part.untyped_storage().nbytes() <= part.numel() * 8 * 8 / 7


def test_rows_are_made_once_and_pairs_of_any_kind_are_read():
    graph = as_graph(TRIANGLE, 5)
    assert adjacency(graph) is adjacency(graph)
    assert adjacency(graph).indices.dtype == torch.int32
    expected = [[2]]
    for src in ([0], np.array([0], np.int32), torch.tensor([0], dtype=torch.uint8)):
        assert split(*common_neighbors(graph, src, [1])) == expected
    pairs = torch.tensor([[0, 1], [2, 3]]).t()  # columns of pairs, not contiguous
    assert split(*common_neighbors(graph, pairs[0], pairs[1])) == [[2], []]
    scipy = pytest.importorskip("scipy.sparse")
    matrix = scipy.coo_array((np.ones(5), TRIANGLE), shape=(5, 5))
    assert split(*common_neighbors(matrix, [0], [1])) == expected


@pytest.mark.parametrize("function", [common_neighbors, neighbor_overlap])
@pytest.mark.parametrize(
    ("src", "dst", "text"),
    [
        ([0, 5], [0, 0], r"src holds node 5, but the graph has 5 nodes \(ids must be 0\.\.4\)"),
        ([0], [-1], "dst holds node -1"),
        ([0, 1], [0], "src has 2 nodes and dst has 1"),
        ([0.0], [1], "src is torch.float32"),
        ([[0]], [1], r"src is torch.int64 of shape \(1, 1\)"),
        (["a"], [1], r"src is \['a'\], expected node ids"),
    ],
)
def test_bad_pairs_are_named(function, src, dst, text):
    with pytest.raises(InputError, match=text):
        function(as_graph(TRIANGLE, 5), src, dst)


def test_an_unknown_backend_is_named():
    with pytest.raises(InputError, match="backend is 'fast'"):
        common_neighbors(TRIANGLE, [0], [1], backend="fast")


def test_other_boundaries_of_the_same_columns_are_seen():
    """The torch backend keeps a table of the rows; it must not serve other rows."""
    indices = torch.tensor([0, 0, 1], dtype=torch.int32)
    first, second = torch.tensor([0, 1, 3]), torch.tensor([0, 1, 1, 3])
    for backend in BACKENDS:
        for indptr, other, expected in ((first, 1, [0]), (second, 2, [0]), (second, 1, [])):
            ends = torch.tensor([0]), torch.tensor([other])
            found = overlap_rows(indptr, indices, *ends, residuals=False, backend=backend)
            assert found.cn.tolist() == expected
