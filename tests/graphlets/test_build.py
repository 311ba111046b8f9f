"""How matrices are made: threads, what is asked for, blocks, top entries, types, memory."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphlab.errors import GraphTooLarge, InputError, ResourceError
from graphlab.graphlets import (
    GRAPHLETS,
    ORBIT_PAIRS,
    _build,
    _ranked,
    _rows,
    graphlet_adjacency,
    iter_orbit_adjacency,
    orbit_adjacency,
    orbit_counts,
)
from tests.graphlets import graphs
from tests.graphlets.graphs import check_form, same
from tests.graphlets.test_counts import meeting

PAW = [[0, 0, 1, 2], [1, 2, 2, 3]]
KARATE, _ = graphs.golden_graph("karate")


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
        ([key for key in ORBIT_PAIRS if key[0] == 1], "two_step_rows push_rows panel_product"),
        ([key for key in ORBIT_PAIRS if key[0] == 2], "push_rows panel_product edge_values"),
        ([(1, 8, 8), (2, 6, 6)], "push_rows panel_product"),
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


@pytest.mark.parametrize("block_rows", [3, 33, 500, 10_000])
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
    for share in (2, 30):
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


@pytest.mark.parametrize("k", [1, 5, 10**6])
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
    monkeypatch.setattr(_ranked, "_SMALL_DEGREE", 2)
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
    assert _ranked._SMALL_DEGREE == 46_341
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
    stated = float(text.split("about ", 1)[1].split(" MB", 1)[0]) * 1e6
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
