"""Orbit adjacency: golden values, enumeration, closed families, identities, blocks, limits."""

from __future__ import annotations

import threading
import warnings
from math import comb

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.datasets import load
from graphlab.errors import GraphTooLarge, InputError, ResourceError
from graphlab.graphlets import (
    GRAPHLETS,
    ORBIT_PAIRS,
    SEEN_BY_WALKS,
    _build,
    _rows,
    graphlet_adjacency,
    iter_orbit_adjacency,
    orbit_adjacency,
    orbit_counts,
)
from graphlab.graphlets._keys import PER_NODE
from tests.graphlets import brute_force, graphs
from tests.graphlets.graphs import MESSY, PUBLIC, SMALL, check_form, same
from tests.graphlets.test_counts import FORMS, meeting

PAW = [[0, 0, 1, 2], [1, 2, 2, 3]]
KARATE, _ = graphs.golden_graph("karate")


@pytest.mark.parametrize("name", SMALL)
def test_golden_matrices(name, threads):
    edges, n = graphs.golden_graph(name)
    matrices = orbit_adjacency(edges, num_nodes=n, num_threads=threads)
    assert tuple(matrices) == ORBIT_PAIRS
    for key, matrix in matrices.items():
        check_form(matrix, (n, n))
        assert np.array_equal(matrix.toarray(), graphs.golden_matrix(name, key)), key


@pytest.mark.parametrize("name", PUBLIC)
def test_sums_on_golden_public_graphs(name, threads):
    edges, n = graphs.golden_graph(name)
    stored = graphs.read(name)
    matrices = orbit_adjacency(edges, num_nodes=n, num_threads=threads)
    stats = stored["adj_stats"].tolist()
    for column, (key, stat) in enumerate(zip(stored["keys"].tolist(), stats, strict=True)):
        matrix = matrices[tuple(key)]
        check_form(matrix, (n, n))
        data = matrix.data
        assert [data.size, int(data.sum(dtype=np.int64)), int(data.max())] == stat
        sums = matrix.astype(np.int64).sum(1)
        assert np.array_equal(sums, stored["adj_rowsums"][:, column])
    assert np.array_equal(matrices.counts(), stored["counts"])


@pytest.mark.parametrize("name", MESSY)
def test_loops_repeats_and_reversed_edges_change_nothing(name, threads):
    stored = graphs.read(name)
    with pytest.warns(UserWarning, match="left out"):
        found = orbit_adjacency(
            stored["raw_edges"].T, num_nodes=int(stored["n"]), num_threads=threads
        )
    same(found, orbit_adjacency(graphs.golden_graph(name)[0], num_nodes=int(stored["n"])))


def test_200_random_graphs_equal_their_enumeration(threads):
    for n, edges, expected in graphs.enumerated()[:: 1 if threads == 1 else 4]:
        found = orbit_adjacency(edges, num_nodes=n, num_threads=threads)
        for key, matrix in found.items():
            check_form(matrix, (n, n))
            assert np.array_equal(matrix.toarray(), expected[key]), (key, edges.tolist())


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11))))
def test_any_list_of_pairs_equals_its_enumeration(n, pairs):
    edges = np.array([(u % n, v % n) for u, v in pairs], np.int64).reshape(-1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = orbit_adjacency(edges.T, num_nodes=n)
    expected = brute_force.orbit_adjacency(n, edges)
    assert all(np.array_equal(matrix.toarray(), expected[key]) for key, matrix in found.items())


@pytest.fixture(scope="module")
def generated():
    """A clustered graph with hubs, its number of nodes, and its matrices."""
    edges = graphs.clustered()
    n = int(edges.max()) + 4  # some isolated nodes at the end
    return edges, n, orbit_adjacency(edges, num_nodes=n)


def test_a_clustered_graph_equals_products_of_matrices(generated):
    edges, n, matrices = generated
    for key, expected in graphs.by_products(edges, n):
        check_form(matrices[key], (n, n))
        assert np.array_equal(matrices[key].toarray(), expected), key


def test_products_of_matrices_equal_the_enumeration():
    for n, edges, expected in graphs.enumerated()[::7]:
        for key, matrix in graphs.by_products(edges, n):
            assert np.array_equal(matrix, expected[key]), key


def test_row_sums_and_transposes(generated):
    edges, n, matrices = generated
    counts = orbit_counts(edges, num_nodes=n)
    for (h, i, j), matrix in matrices.items():
        sums = matrix.astype(np.int64).sum(1)
        assert np.array_equal(sums, PER_NODE[h, i, j] * counts[:, i])
        assert (matrix.T.tocsr() != matrices[h, j, i]).nnz == 0
        assert not matrix.diagonal().any()
    assert np.array_equal(matrices.counts(), counts)


def test_pairs_one_step_apart_are_edges_and_others_are_not(generated):
    edges, n, matrices = generated
    near = graphs.adjacency(edges, n)
    for (h, _, _), matrix in matrices.items():
        rows, columns = matrix.nonzero()
        assert (near[rows, columns] == (h == 1)).all()


def check_walks(graph, matrices, n):
    """Check the two identities of walks of two and three steps."""
    W = matrices[1, 0, 0].astype(np.int64)
    A = {key: matrices[key].astype(np.int64) for key in SEEN_BY_WALKS}
    d = W.sum(1)
    triangles = orbit_counts(graph, num_nodes=n)[:, 3]
    degrees, closed = (sp.diags_array(x, dtype=np.int64) for x in (d, 2 * triangles))
    two = degrees + A[2, 1, 1] + A[1, 3, 3]
    assert ((W @ W) != two).nnz == 0
    rows, columns = W.nonzero()
    there = sp.csr_array((d[rows] + d[columns] - 1, (rows, columns)), shape=W.shape)
    three = closed + there + A[3, 4, 4] + A[1, 8, 8] + A[2, 9, 10] + A[2, 10, 9]
    three = three + 2 * A[2, 12, 12] + A[1, 12, 13] + A[1, 13, 12] + 2 * A[1, 14, 14]
    assert ((W @ W @ W) != three).nnz == 0


def test_walks_on_generated_graphs(generated, threads):
    edges, n, matrices = generated
    check_walks(edges, matrices, n)
    edges, n = graphs.random_edges(9000, 13_000), 9000  # more nodes than one group of bits holds
    check_walks(edges, orbit_adjacency(edges, num_nodes=n, num_threads=threads), n)


def test_walks_on_cora(mirror, tmp_path):
    if not (mirror / "planetoid").is_dir():
        pytest.skip("the mirror has no Cora")
    graph = load("cora", root=tmp_path).graph
    matrices = orbit_adjacency(graph)
    check_walks(graph, matrices, graph.num_nodes)
    assert matrices[1, 0, 0].nnz == 2 * 5278


@pytest.mark.parametrize("leaves", [2, 3, 40])
def test_stars(leaves):
    matrices = orbit_adjacency(graphs.star(leaves))
    d, leaf = leaves, slice(1, None)
    apart = 1 - np.eye(d, dtype=int)
    assert (matrices[1, 7, 6].toarray()[0, leaf] == comb(d - 1, 2)).all()
    assert (matrices[1, 6, 7].toarray()[leaf, 0] == comb(d - 1, 2)).all()
    assert (matrices[1, 2, 1].toarray()[0, leaf] == d - 1).all()
    assert (matrices[2, 1, 1].toarray()[leaf, leaf] == apart).all()
    assert (matrices[2, 6, 6].toarray()[leaf, leaf] == (d - 2) * apart).all()
    others = set(ORBIT_PAIRS) - set(GRAPHLETS[0]) - set(GRAPHLETS[1]) - set(GRAPHLETS[4])
    assert all(matrices[key].nnz == 0 for key in others)


def test_a_star_of_5000_leaves(threads):
    near = orbit_adjacency(graphs.star(5000), hop=1, num_threads=threads)
    counts = near.counts()
    assert counts[0, 7] == 20_820_835_000
    assert np.array_equal(counts, orbit_counts(graphs.star(5000)))
    far = iter_orbit_adjacency(graphs.star(5000), hop=2, block_rows=20, num_threads=threads)
    _, _, rows = next(far)
    assert (rows[2, 6, 6].data == 4998).all()
    assert np.diff(rows[2, 6, 6].indptr).tolist() == [0, *[4999] * 19]


@pytest.mark.parametrize("n", [4, 5, 40])
def test_cliques(n):
    matrices = orbit_adjacency(graphs.complete(n))
    apart = 1 - np.eye(n, dtype=int)
    values = {(1, 0, 0): 1, (1, 3, 3): n - 2, (1, 14, 14): comb(n - 2, 2)}
    for key, matrix in matrices.items():
        assert np.array_equal(matrix.toarray(), values.get(key, 0) * apart)


@pytest.mark.parametrize(("a", "b"), [(2, 2), (3, 4), (30, 20)])
def test_complete_bipartite_graphs(a, b):
    matrices = orbit_adjacency(graphs.bipartite(a, b))
    side = np.repeat([0, 1], [a, b])
    across = side[:, None] != side
    apart = ~across & ~np.eye(a + b, dtype=bool)
    own, other = np.array([a, b])[side], np.array([b, a])[side]
    expected = {
        (1, 0, 0): across,
        (1, 1, 2): across * (own[:, None] - 1),
        (1, 6, 7): across * ((own - 1) * (own - 2) // 2)[:, None],
        (1, 8, 8): across * (a - 1) * (b - 1),
        (2, 1, 1): apart * other,
        (2, 6, 6): apart * other * (own - 2),
        (2, 8, 8): apart * (other * (other - 1) // 2),
    }
    for h, i, j in ORBIT_PAIRS:
        one = expected.get((h, i, j), np.zeros(across.shape, int))
        other_way = expected.get((h, j, i), np.zeros(across.shape, int)).T
        found = matrices[h, i, j].toarray()
        assert np.array_equal(found, one if (h, i, j) in expected else other_way), (h, i, j)


@pytest.mark.parametrize("n", [7, 8, 5000])
def test_cycles(n, threads):
    matrices = orbit_adjacency(graphs.cycle(n), num_threads=threads)
    there = {1: [(0, 0), (1, 2), (2, 1), (4, 5), (5, 4), (5, 5)], 2: [(1, 1), (4, 5), (5, 4)]}
    there[3] = [(4, 4)]
    for (h, i, j), matrix in matrices.items():
        if (i, j) not in there[h]:
            assert matrix.nnz == 0
            continue
        rows, columns = matrix.nonzero()
        assert (matrix.data == 1).all()
        assert rows.size == 2 * n
        assert set(((columns - rows) % n).tolist()) == {h, n - h}


@pytest.mark.parametrize("n", [2, 3, 4, 60])
def test_paths(n):
    matrices = orbit_adjacency(graphs.path(n))
    for h, i, j in [(1, 0, 0), (2, 1, 1), (3, 4, 4)]:
        expected = np.eye(n, k=h, dtype=int) + np.eye(n, k=-h, dtype=int)
        assert np.array_equal(matrices[h, i, j].toarray(), expected)
    assert matrices[1, 5, 5].nnz == 2 * max(n - 3, 0)
    assert matrices[2, 6, 6].nnz == matrices[1, 8, 8].nnz == 0


def test_renamed_nodes_take_rows_and_columns_along(generated):
    edges, n, matrices = generated
    name = np.random.default_rng(1).permutation(n)
    renamed = orbit_adjacency(name[edges], num_nodes=n)
    for key, matrix in renamed.items():
        assert (matrix[name][:, name] != matrices[key]).nnz == 0


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.parametrize("form", FORMS)
def test_every_description_of_a_graph_gives_the_same(form):
    keys = [(1, 10, 11), (2, 9, 10)]
    found = orbit_adjacency(FORMS[form](KARATE, 34), keys)
    for key in keys:
        assert np.array_equal(found[key].toarray(), graphs.golden_matrix("karate", key))


def test_labels_and_directions_of_networkx():
    graph = nx.DiGraph([("c", "a"), ("a", "b")])
    with pytest.raises(InputError, match="to_undirected=True"):
        orbit_adjacency(graph)
    with pytest.raises(InputError, match="to_undirected=True"):
        iter_orbit_adjacency(graph)
    found = orbit_adjacency(graph, (2, 1, 1), to_undirected=True, nodelist=["a", "b", "c"])
    assert found[2, 1, 1].toarray().tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]]
    ((_, _, rows),) = iter_orbit_adjacency(graph, (2, 1, 1), to_undirected=True)
    assert rows[2, 1, 1].toarray().tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize("threads", [2, 3, None])
def test_every_number_of_threads_gives_the_same(generated, eager, threads):
    edges, n, matrices = generated
    torch.set_num_threads(2)
    same(orbit_adjacency(edges, num_nodes=n, num_threads=threads), matrices)


@pytest.mark.parametrize("name", ["sweep_rows", "two_step_rows", "push_rows"])
def test_two_threads_share_each_step(name, generated, eager, monkeypatch):
    edges, n, matrices = generated
    monkeypatch.setattr(_rows, "_PANEL_STEP", np.inf)
    monkeypatch.setattr(_build.Builder, "_estimate", lambda self: dict.fromkeys(self.keys, 9.0))
    barrier = threading.Barrier(2, timeout=60)
    monkeypatch.setattr(_rows, name, meeting(getattr(_rows, name), barrier))
    same(orbit_adjacency(edges, num_nodes=n, num_threads=2), matrices)
    assert not barrier.broken


@pytest.mark.parametrize(
    "asked",
    [
        {"orbits": [(1, 4, 5), (2, 6, 6)]},
        {"orbits": (3, 4, 4)},
        {"orbits": [(1, 0, 0)]},
        {"hop": 1},
        {"hop": 2},
        {"hop": 3},
        *({"graphlet": k} for k in GRAPHLETS),
        {"orbits": [(1, 8, 8), (2, 8, 8), (2, 6, 6)], "graphlet": 5},
        *({"orbits": [key]} for key in ORBIT_PAIRS),
    ],
    ids=str,
)
def test_what_is_asked_for_alone_equals_all(generated, asked):
    edges, n, matrices = generated
    found = orbit_adjacency(edges, num_nodes=n, **asked)
    assert len(found) < 28
    same(found, {key: matrices[key] for key in found})


def refuse(*arguments):
    raise AssertionError("this was not asked for")


@pytest.mark.parametrize(
    ("asked", "unneeded"),
    [
        ([(1, 0, 0), (1, 1, 2), (1, 2, 1), (1, 3, 3)], "sweep_rows two_step_rows push_rows"),
        ([key for key in ORBIT_PAIRS if key[0] == 1], "two_step_rows push_rows panel_rows"),
        ([key for key in ORBIT_PAIRS if key[0] == 2], "push_rows panel_rows edge_values"),
        ([(1, 8, 8), (2, 6, 6)], "push_rows panel_rows"),
        ([(3, 4, 4)], "two_step_rows edge_values"),
    ],
    ids=["degrees", "one step", "two steps", "both", "three steps"],
)
def test_what_is_not_asked_for_is_not_computed(generated, monkeypatch, asked, unneeded):
    edges, n, matrices = generated
    for name in unneeded.split():
        monkeypatch.setattr(_rows, name, refuse)
    same(orbit_adjacency(edges, asked, num_nodes=n), {key: matrices[key] for key in asked})


def test_counts_alone_make_no_matrix(generated, monkeypatch):
    edges, n, matrices = generated
    monkeypatch.setattr(_rows, "sweep_rows", refuse)
    assert np.array_equal(orbit_counts(edges, num_nodes=n), matrices.counts())


@pytest.mark.parametrize("block_rows", [1, 7, 32, 33, 500, 10_000])
def test_blocks_of_rows_below_each_other_are_the_matrices(generated, threads, block_rows):
    edges, n, matrices = generated
    keys = [(1, 0, 0), (2, 9, 10), (3, 4, 4)] if block_rows < 32 else None
    blocks = list(
        iter_orbit_adjacency(edges, keys, num_nodes=n, block_rows=block_rows, num_threads=threads)
    )
    bounds = [start for start, _, _ in blocks] + [n]
    assert bounds == [*range(0, n, block_rows), n]
    assert [stop for _, stop, _ in blocks] == bounds[1:]
    for key in keys or ORBIT_PAIRS:
        for start, stop, rows in blocks:
            check_form(rows[key], (stop - start, n))
        whole = sp.vstack([rows[key] for _, _, rows in blocks], format="csr")
        assert (whole != matrices[key]).nnz == 0
    assert all(tuple(rows) == tuple(keys or ORBIT_PAIRS) for _, _, rows in blocks)


def test_blocks_keep_to_the_memory_that_is_given(generated):
    edges, n, matrices = generated
    for share in (2, 20, 100):
        limit = matrices.nbytes // share
        blocks = list(iter_orbit_adjacency(edges, num_nodes=n, max_memory=limit))
        assert share <= len(blocks) <= 4 * share
        assert blocks[-1][1] == n
        for key in ((2, 1, 1), (3, 4, 4)):
            whole = sp.vstack([rows[key] for _, _, rows in blocks], format="csr")
            assert (whole != matrices[key]).nnz == 0
    assert len(list(iter_orbit_adjacency(KARATE, max_memory=1))) == 34


def test_blocks_are_made_one_at_a_time(generated, monkeypatch):
    edges, n, _ = generated
    made = []
    whole = _build.Builder.rows

    def rows(self, first, last):
        made.append((first, last))
        return whole(self, first, last)

    monkeypatch.setattr(_build.Builder, "rows", rows)
    blocks = iter_orbit_adjacency(edges, (3, 4, 4), num_nodes=n, block_rows=100)
    assert made == []
    next(blocks)
    assert made == [(0, 100)]
    next(blocks)
    assert made == [(0, 100), (100, 200)]


def kept(matrix, k):
    """Return the k largest entries of each row, of equal ones those of lower columns: slow."""
    dense = matrix.toarray()
    for row in dense:
        order = sorted(range(row.size), key=lambda v: (-row[v], v))
        row[order[k:]] = 0
    return dense


@pytest.mark.parametrize("k", [1, 2, 5, 40, 10**6])
@pytest.mark.parametrize("panel", [0, np.inf])
def test_the_largest_of_each_row_are_kept(k, panel, threads, monkeypatch):
    monkeypatch.setattr(_rows, "_PANEL_STEP", panel)
    edges = graphs.clustered(150, 3)
    n = int(edges.max()) + 1
    whole = orbit_adjacency(edges, num_threads=threads)
    found = orbit_adjacency(edges, top_k=k, num_threads=threads)
    assert found.top_k == k
    blocks = list(iter_orbit_adjacency(edges, top_k=k, block_rows=40, num_threads=threads))
    for key in ORBIT_PAIRS:
        expected = whole[key].toarray() if key[0] == 1 else kept(whole[key], k)
        check_form(found[key], (n, n))
        assert np.array_equal(found[key].toarray(), expected), key
        stacked = sp.vstack([rows[key] for _, _, rows in blocks])
        assert np.array_equal(stacked.toarray(), expected)


@pytest.mark.parametrize("k", [1, 3, 11, 12])
def test_of_equal_entries_those_of_lower_columns_are_kept(k):
    found = orbit_adjacency(graphs.star(12), (2, 1, 1), top_k=k)[2, 1, 1]
    for leaf in range(1, 13):
        others = [v for v in range(1, 13) if v != leaf]
        assert found.indices[found.indptr[leaf] : found.indptr[leaf + 1]].tolist() == others[:k]


@pytest.mark.parametrize("dtype", [np.int64, "uint32", np.float32, float, np.int16])
def test_entries_come_in_the_type_that_is_wanted(generated, threads, dtype):
    edges, n, matrices = generated
    keys = [(1, 5, 5), (2, 4, 5), (3, 4, 4)]
    found = orbit_adjacency(edges, keys, num_nodes=n, dtype=dtype, num_threads=threads)
    blocks = iter_orbit_adjacency(edges, keys, num_nodes=n, dtype=dtype, block_rows=300)
    for key in keys:
        check_form(found[key], (n, n), np.dtype(dtype))
        assert np.array_equal(found[key].toarray(), matrices[key].toarray())
    assert all(rows[key].dtype == dtype for _, _, rows in blocks for key in keys)
    assert np.array_equal(found.counts()[:, 4:6], matrices.counts()[:, 4:6])


@pytest.mark.parametrize(
    ("dtype", "largest"), [(np.int8, 127), (np.uint8, 255), (np.float16, 2048)]
)
def test_entries_that_a_type_cannot_hold_are_refused(dtype, largest, tmp_path):
    leaves = largest + 1  # entries of (1, 1, 2) are one less
    keys = [(1, 1, 2)]
    assert orbit_adjacency(graphs.star(leaves), keys, dtype=dtype)[1, 1, 2].data.max() == largest
    message = rf"An entry of {largest + 1} does not fit into {np.dtype(dtype)}.* to {largest}"
    with pytest.raises(GraphTooLarge, match=message) as caught:
        orbit_adjacency(graphs.star(leaves + 1), keys, dtype=dtype)
    assert isinstance(caught.value, OverflowError)
    with pytest.raises(GraphTooLarge):
        list(iter_orbit_adjacency(graphs.star(leaves + 1), keys, dtype=dtype))
    with pytest.raises(GraphTooLarge):
        orbit_adjacency(graphs.star(leaves + 1), keys, dtype=dtype, out=tmp_path)


@pytest.mark.parametrize("dtype", ["number", bool, complex, object, "U3", "datetime64[s]"])
def test_types_that_hold_no_counts_are_refused(dtype):
    with pytest.raises(InputError, match="dtype is"):
        orbit_adjacency(PAW, dtype=dtype)


def test_wide_entries_where_degrees_are_large(generated, threads, monkeypatch):
    edges, n, matrices = generated
    monkeypatch.setattr(_rows, "_SMALL_DEGREE", 2)
    for panel in (0, np.inf):
        monkeypatch.setattr(_rows, "_PANEL_STEP", panel)
        wide = orbit_adjacency(edges, num_nodes=n, num_threads=threads)
        for key, matrix in wide.items():
            check_form(matrix, (n, n), np.int64)
            assert np.array_equal(matrix.data, matrices[key].data)
            assert np.array_equal(matrix.indices, matrices[key].indices)
    narrow = orbit_adjacency(edges, num_nodes=n, num_threads=threads, dtype=np.int32)
    same(narrow, matrices)
    top = orbit_adjacency(edges, hop=2, num_nodes=n, top_k=3, dtype=np.int32)
    monkeypatch.undo()
    same(top, orbit_adjacency(edges, hop=2, num_nodes=n, top_k=3))


def test_entries_are_wide_from_the_degree_on_whose_square_is():
    assert _rows._SMALL_DEGREE == 46_341
    assert 46_340**2 < 2**31 <= 46_341**2
    for leaves, dtype in ((46_340, np.int32), (46_341, np.int64)):
        matrix = orbit_adjacency(graphs.star(leaves), (1, 1, 2))[1, 1, 2]
        check_form(matrix, (leaves + 1, leaves + 1), dtype)
        assert (matrix.data == leaves - 1).all()


def test_results_that_would_be_too_large_are_refused(generated):
    edges, n, matrices = generated
    with pytest.raises(ResourceError, match="28 wanted matrices take about") as caught:
        orbit_adjacency(edges, num_nodes=n, max_memory=1000)
    assert isinstance(caught.value, MemoryError)
    text = str(caught.value)
    remedies = ("orbits=", "hop=", "graphlet=", "iter_orbit_adjacency", "out=", "top_k=")
    assert all(remedy in text for remedy in remedies)
    assert "more than 1 KB, max_memory" in text
    assert "(3, 4, 4) alone about" in text
    stated = float(text.split("about ")[1].split(" MB")[0]) * 1e6
    assert stated == pytest.approx(matrices.nbytes, rel=0.25)
    assert len(orbit_adjacency(edges, num_nodes=n, max_memory=int(1.3 * matrices.nbytes))) == 28


def test_the_estimate_is_exact_where_all_rows_are_counted():
    nbytes = orbit_adjacency(KARATE, hop=2).nbytes
    assert len(orbit_adjacency(KARATE, hop=2, max_memory=nbytes + 8 * 78)) == 8
    with pytest.raises(ResourceError):
        orbit_adjacency(KARATE, hop=2, max_memory=nbytes // 3)


@pytest.mark.parametrize("call", [orbit_adjacency, graphlet_adjacency])
def test_half_of_the_free_memory_is_the_limit_where_nobody_says(call, monkeypatch):
    arguments = (KARATE, 3) if call is graphlet_adjacency else (KARATE,)
    monkeypatch.setattr(_build, "available_bytes", lambda: 5000)
    with pytest.raises(ResourceError, match=r"2.5 KB, half of the memory that is free"):
        call(*arguments)
    monkeypatch.setattr(_build, "available_bytes", lambda: None)  # a system that does not tell
    call(*arguments)


def test_remedies_of_the_refusal_are_remedies(generated, tmp_path):
    edges, n, matrices = generated
    limit = matrices.nbytes // 4
    with pytest.raises(ResourceError):
        orbit_adjacency(edges, num_nodes=n, max_memory=limit)
    orbit_adjacency(edges, hop=1, num_nodes=n, max_memory=limit)
    orbit_adjacency(edges, num_nodes=n, max_memory=limit, top_k=2)
    same(orbit_adjacency(edges, num_nodes=n, max_memory=limit, out=tmp_path), matrices)
    assert len(list(iter_orbit_adjacency(edges, num_nodes=n, max_memory=limit))) > 3


@pytest.mark.parametrize("k", GRAPHLETS)
def test_graphlet_adjacency_counts_common_occurrences(k, threads):
    nodes_of = {key[1]: g for g, keys in GRAPHLETS.items() for key in keys}
    for n, edges, _ in graphs.enumerated()[5::19]:
        expected = np.zeros((n, n), int)
        for nodes, orbit, _ in brute_force.occurrences(n, edges.T):
            if nodes_of[orbit[nodes[0]]] == k:
                expected[np.ix_(nodes, nodes)] += 1
        np.fill_diagonal(expected, 0)
        found = graphlet_adjacency(edges, k, num_nodes=n, num_threads=threads)
        assert found.dtype == np.int32
        assert np.array_equal(found.toarray(), expected)


@pytest.mark.parametrize("k", [9, -1, None, "3", 1.5, [1]])
def test_graphlets_that_do_not_exist_are_named(k):
    with pytest.raises(InputError, match=r"graphlet is .* from 0 \(edge\) to 8"):
        graphlet_adjacency(PAW, k)
    with pytest.raises(InputError, match=r"graphlet is .* from 0 \(edge\) to 8"):
        orbit_adjacency(PAW).graphlet(k)


@pytest.mark.parametrize("n", [0, 1, 6])
def test_graphs_without_edges_have_empty_matrices(n, threads, tmp_path):
    edges = np.empty((2, 0), np.int64)
    arguments = {"num_nodes": n, "num_threads": threads}
    for found in (
        orbit_adjacency(edges, **arguments),
        orbit_adjacency(edges, top_k=2, **arguments),
        orbit_adjacency(edges, out=tmp_path / "out", **arguments),
        orbit_adjacency(np.zeros((n, n)), num_threads=threads),
    ):
        assert tuple(found) == ORBIT_PAIRS
        for matrix in found.values():
            check_form(matrix, (n, n))
            assert matrix.nnz == 0
        assert found.counts().tolist() == [[0] * 15] * n
        assert found.graphlet(8).shape == (n, n)
    blocks = list(iter_orbit_adjacency(edges, block_rows=4, **arguments))
    assert [(start, stop) for start, stop, _ in blocks] == {0: [], 1: [(0, 1)]}.get(
        n, [(0, 4), (4, 6)]
    )
    assert graphlet_adjacency(edges, 8, **arguments).shape == (n, n)


def test_isolated_nodes_keep_their_place(threads):
    found = orbit_adjacency(np.array(PAW) + 2, num_nodes=9, num_threads=threads)
    clean = orbit_adjacency(PAW)
    for key in ORBIT_PAIRS:
        expected = np.zeros((9, 9), int)
        expected[2:6, 2:6] = clean[key].toarray()
        assert np.array_equal(found[key].toarray(), expected)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True, [1], float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("call", "names"),
    [
        (orbit_adjacency, ["num_threads", "top_k", "max_memory"]),
        (iter_orbit_adjacency, ["num_threads", "top_k", "max_memory", "block_rows"]),
    ],
)
def test_numbers_that_cannot_be_are_named_at_once(call, names, wrong):
    for name in names:
        with pytest.raises(InputError, match=f"{name} is .*expected a whole number >= 1, or None"):
            call(PAW, **{name: wrong})


@pytest.mark.parametrize("call", [orbit_adjacency, iter_orbit_adjacency])
def test_other_wrong_arguments_are_named_at_once(call):
    with pytest.raises(InputError, match="several distances"):
        call(PAW, [(4, 5)])
    with pytest.raises(InputError, match="hop is 4"):
        call(PAW, hop=4)
    with pytest.raises(TypeError):
        call(object())
    with pytest.raises(InputError, match="dtype is"):
        call(PAW, dtype="number")


def test_numbers_may_be_of_numpy(generated):
    edges, n, matrices = generated
    two = np.int64(2)
    found = orbit_adjacency(edges, num_nodes=n, num_threads=two, max_memory=1e9)
    same(found, matrices)
    assert orbit_adjacency(PAW, top_k=two).top_k == 2
    assert len(list(iter_orbit_adjacency(PAW, block_rows=two))) == 2


def test_the_input_is_left_as_it_was():
    given = KARATE[:, ::-1].copy()
    given.flags.writeable = False
    before = given.copy()
    found = orbit_adjacency(given)
    assert np.array_equal(given, before)
    for matrix in found.values():
        matrix.data[:] = 0  # no array of the result is another's, or the graph's
        assert not matrix.data.any()
    for key, matrix in orbit_adjacency(given).items():
        assert np.array_equal(matrix.toarray(), graphs.golden_matrix("karate", key))


def test_matrices_do_not_share_arrays_with_the_graph_or_each_other():
    graph = FORMS["graph"](KARATE, 34)
    before = graph.simple().edge_index.clone()
    for matrix in orbit_adjacency(graph).values():
        matrix.data[:] = 7
        matrix.indices[:] = 0
    assert torch.equal(graph.simple().edge_index, before)
    for key, matrix in orbit_adjacency(graph).items():
        assert np.array_equal(matrix.toarray(), graphs.golden_matrix("karate", key))
