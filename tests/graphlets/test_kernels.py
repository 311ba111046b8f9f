"""Compiled steps: hubs, both ways of three steps, full scratch, top entries, threads, no output."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from math import comb
from pathlib import Path

import numpy as np
import pytest

from graphlab.errors import GraphTooLarge
from graphlab.graphlets import (
    ORBIT_PAIRS,
    _build,
    _ranked,
    _rows,
    edge_orbit_counts,
    graphlet_adjacency,
    iter_orbit_adjacency,
    orbit_adjacency,
    orbit_counts,
)
from graphlab.graphlets._emission_kernels import keep_largest
from graphlab.graphlets._input import read_graph
from graphlab.graphlets._keys import PER_NODE
from graphlab.graphlets._parts import Growing, InOrder, join
from graphlab.graphlets._sweep_kernels import CHUNK
from tests.graphlets import graphs
from tests.graphlets.graphs import same

INT32 = np.dtype(np.int32)


def compare(edges, n, **arguments):
    """Check matrices, counts of nodes and of edges against products of dense matrices."""
    matrices = orbit_adjacency(edges, num_nodes=n, **arguments)
    counts = orbit_counts(edges, num_nodes=n, **arguments)
    near = {}
    for key, expected in graphs.by_products(edges, n):
        graphs.check_form(matrices[key], (n, n))
        assert np.array_equal(matrices[key].toarray(), expected), key
        assert np.array_equal(expected.sum(1), PER_NODE[key] * counts[:, key[1]]), key
        if key[0] == 1:
            near[key] = expected
    _, of_edges = edge_orbit_counts(edges, num_nodes=n, **arguments)
    assert np.array_equal(of_edges, graphs.edge_columns(near, edges))


def with_hubs(degrees, n, seed=0):
    """Return a sparse random graph in which the first nodes have the given degrees."""
    generator = np.random.default_rng(seed)
    parts = [graphs.random_edges(n - len(degrees), 4 * n, seed) + len(degrees)]
    for hub, degree in enumerate(degrees):
        others = generator.choice(np.arange(len(degrees), n), degree, replace=False)
        parts.append(np.stack([np.full(degree, hub), others]))
    edges = np.concatenate(parts, 1)
    return edges[:, np.lexsort((edges[1], edges[0]))]


@pytest.mark.parametrize(
    "degrees",
    [
        [1, 2, 63, 64, 65, 127, 128, 129],
        [CHUNK - 1, CHUNK, CHUNK + 1, CHUNK + 63, CHUNK + 64, CHUNK + 65],
        [2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1],
    ],
    ids=["words", "chunk", "chunks"],
)
def test_hubs_whose_neighbours_fill_words_and_chunks_of_bits(degrees):
    n = max(degrees) + 30
    edges = with_hubs(degrees, n)
    assert np.bincount(edges.ravel(), minlength=n)[: len(degrees)].tolist() == degrees
    compare(edges, n)


@pytest.mark.parametrize(("n", "count"), [(60, 1700), (130, 5000), (200, 30_000)])
def test_dense_graphs_with_many_cliques(n, count, threads):
    compare(graphs.random_edges(n, count), n, num_threads=threads)


@pytest.mark.parametrize("n", [65, 66, 130])  # the longest row of upper neighbours is n - 1
def test_cliques_that_fill_words_of_bits(n, threads):
    counts = orbit_counts(graphs.complete(n), num_threads=threads)
    assert (counts[:, [0, 3, 14]] == [n - 1, comb(n - 1, 2), comb(n - 1, 3)]).all()
    assert not np.delete(counts, [0, 3, 14], 1).any()
    found = orbit_adjacency(graphs.complete(n), (1, 14, 14), num_threads=threads)
    assert (found[1, 14, 14].data == comb(n - 2, 2)).all()


def spy(monkeypatch, name):
    """Count the calls of a kernel."""
    calls, whole = [], getattr(_rows, name)
    monkeypatch.setattr(_rows, name, lambda *a: (calls.append(name), whole(*a)))
    return calls


@pytest.mark.parametrize("n", [33, 64, 900])
def test_both_ways_of_three_steps_are_equal(n, threads, monkeypatch):
    edges = graphs.clustered() if n == 900 else graphs.random_edges(n, 3 * n)
    size = int(edges.max()) + 2
    push, panel = spy(monkeypatch, "push_rows"), spy(monkeypatch, "panel_product")
    usual = orbit_adjacency(edges, num_nodes=size, num_threads=threads)
    push.clear()
    panel.clear()
    monkeypatch.setattr(_rows, "_PANEL_STEP", np.inf)
    pushed = orbit_adjacency(edges, num_nodes=size, num_threads=threads)
    assert push
    assert not panel
    monkeypatch.setattr(_rows, "_PANEL_STEP", 0)
    paneled = orbit_adjacency(edges, num_nodes=size, num_threads=threads)
    assert len(panel) >= size // 32 - 4
    same(pushed, usual)
    same(paneled, usual)


def test_both_ways_are_taken_where_they_are_cheaper(monkeypatch):
    push, panel = spy(monkeypatch, "push_rows"), spy(monkeypatch, "panel_product")
    edges = graphs.random_edges(3000, 3000)
    orbit_adjacency(edges)
    assert push
    assert not panel
    orbit_adjacency(graphs.random_edges(1000, 20_000))
    assert panel


@pytest.mark.parametrize("room", [1, 1000])
def test_rows_go_on_where_scratch_was_full(room, threads, monkeypatch):
    edges = graphs.clustered()
    expected = orbit_adjacency(edges)
    for module in (_rows, _build):
        monkeypatch.setattr(module, "ROOM", room)
    sweeps = spy(monkeypatch, "sweep_rows")
    for panel in (0, np.inf):
        monkeypatch.setattr(_rows, "_PANEL_STEP", panel)
        same(orbit_adjacency(edges, num_threads=threads), expected)
    assert len(sweeps) > 100


def test_estimates_that_are_far_off_cost_place_and_nothing_else(threads, monkeypatch):
    edges = graphs.clustered()
    expected = orbit_adjacency(edges)
    for guess in (0.0, 1.0, 1e6):
        monkeypatch.setattr(
            _build.Builder, "_estimate", lambda self, guess=guess: dict.fromkeys(self.keys, guess)
        )
        same(orbit_adjacency(edges, num_threads=threads), expected)


def test_scratch_is_clean_again_after_every_block():
    graph = read_graph(graphs.clustered())
    builder = _build.Builder(_rows.Prepared(graph), ORBIT_PAIRS, threads=1)
    whole = builder.rows(0, graph.num_nodes)
    for first, last in ((17, 90), (17, 90), (0, 5), (graph.num_nodes - 1, graph.num_nodes)):
        rows = builder.rows(first, last)
        for key in ORBIT_PAIRS:
            assert (rows[key] != whole[key][first:last]).nnz == 0
    (sweeper,) = builder._sweepers
    assert not any(scratch.any() for scratch in sweeper.scratch)
    assert not any(scratch.any() for scratch in sweeper.push_scratch)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_the_largest_entries_of_rows_anywhere_in_an_array(dtype):
    generator = np.random.default_rng(0)
    for case in range(200):
        lengths = generator.integers(0, 40, 6).astype(np.int32)
        begin, size = int(generator.integers(0, 9)), int(lengths.sum())
        values = generator.integers(1, 3 + case, begin + size + 3).astype(dtype)
        columns = np.concatenate(
            [np.full(begin, -1)]
            + [np.sort(generator.choice(99, count, replace=False)) for count in lengths]
            + [np.full(3, -1)]
        ).astype(np.int32)
        most = int(generator.integers(1, 12))
        expected, at = [], begin
        for count in lengths.tolist():
            row = list(zip(-values[at : at + count], columns[at : at + count], strict=True))
            expected += [(c, -v) for c, v in sorted((c, v) for v, c in sorted(row)[:most])]
            at += count
        outside = columns[:begin].tolist(), values[:begin].tolist(), values[begin + size :].tolist()
        limits, used = np.minimum(lengths, most), np.zeros(1, np.int64)
        scratch = np.empty(max(int(lengths.max()), 1), dtype)
        keep_largest(columns, values, lengths, most, begin, scratch, used)
        assert lengths.tolist() == limits.tolist()
        stop = begin + int(used[0])
        assert list(zip(columns[begin:stop], values[begin:stop], strict=True)) == expected
        assert columns[:begin].tolist() == outside[0]
        assert values[:begin].tolist() == outside[1]
        assert values[begin + size :].tolist() == outside[2]


def grown(rows, room):
    """Return a matrix into which the rows were written one by one."""
    growing = Growing(len(rows), INT32, room)
    for row in rows:
        append(growing, row)
    return growing


def append(growing, row):
    columns, values, at = growing.reserve(len(row))
    columns[at : at + len(row)] = row
    values[at : at + len(row)] = 10 * np.array(row, np.int32)
    growing.advance(len(row), np.array([len(row)], np.int32))


@pytest.mark.parametrize("room", [1, 3, 1000])
def test_a_matrix_grows_row_by_row(room):
    matrix = grown([[0, 3], [], [1, 2, 4], [], [], [0]], room)
    assert [part.tolist() for part in matrix.whole()] == [
        [0, 3, 1, 2, 4, 0],
        [0, 30, 10, 20, 40, 0],
    ]
    indptr, columns, values = join(matrix)
    assert indptr.tolist() == [0, 2, 2, 5, 5, 5, 6]
    assert columns.tolist() == [0, 3, 1, 2, 4, 0]
    assert values.tolist() == [0, 30, 10, 20, 40, 0]
    assert indptr.dtype == columns.dtype == values.dtype == np.int32
    assert not matrix.done  # emptied


@pytest.mark.parametrize("room", [1, 4, 1000])
def test_memory_serves_again(room):
    matrix = grown([[5, 6, 7], [8, 9]], room)
    for _ in range(3):
        matrix.restart(1)
        append(matrix, [1, 2, 3, 4])
        assert matrix.whole()[0].tolist() == [1, 2, 3, 4]
        assert matrix.lengths.tolist() == [4]
    assert len(matrix.done) == 0  # what did not fit at first does now


def test_rows_find_their_place_in_order_whoever_comes_first():
    matrix = Growing(40, INT32, 5)
    order, key = InOrder({(2, 1, 1): matrix}, 0), (2, 1, 1)

    def work(rows):
        for row in rows:
            time.sleep(0.001 * (row % 3))
            size = row % 4
            ((columns, values, at),) = order.place(
                row, row + 1, [(key, size, np.array([size], np.int32))]
            )
            columns[at : at + size] = row
            values[at : at + size] = row

    threads = [threading.Thread(target=work, args=(range(k, 40, 4),)) for k in range(4)]
    for thread in threads[::-1]:
        thread.start()
    for thread in threads:
        thread.join()
    indptr, columns, values = join(matrix)
    expected = np.repeat(np.arange(40), np.arange(40) % 4)
    assert np.array_equal(columns, expected)
    assert np.array_equal(values, expected)
    assert np.array_equal(np.diff(indptr), np.arange(40) % 4)


def test_a_thread_that_fails_lets_the_others_go(monkeypatch, eager):
    whole, calls = _rows.sweep_rows, []

    def sweep(*arguments):
        calls.append(1)
        if len(calls) == 40:
            raise MemoryError("no more")
        whole(*arguments)

    monkeypatch.setattr(_rows, "sweep_rows", sweep)
    monkeypatch.setattr(_build, "_PIECE_BYTES", 1)
    with pytest.raises(MemoryError, match="no more"):
        orbit_adjacency(graphs.clustered(), num_threads=2)


def test_joining_changes_the_type_where_that_is_exact():
    _, _, values = join(grown([[1, 12]], 5), np.dtype(np.int8))
    assert values.dtype == np.int8
    assert values.tolist() == [10, 120]
    with pytest.raises(GraphTooLarge, match="130 does not fit into int8, which counts exactly to"):
        join(grown([[1, 13]], 5), np.dtype(np.int8))
    assert join(grown([[]], 5), np.dtype(float))[2].shape == (0,)


def test_pointers_are_wide_where_entries_are_many(monkeypatch):
    monkeypatch.setattr("graphlab.graphlets._parts._INT32_MAX", 3)
    for row, dtype in (([0, 1, 2], np.int32), ([0, 1, 2, 3], np.int64)):
        indptr, columns, _ = join(grown([row], 9))
        assert indptr.dtype == columns.dtype == dtype


@pytest.mark.parametrize("step", ["count_cycles", "sweep_rows"])
def test_other_threads_go_on_while_a_step_runs(step, monkeypatch):
    """Without the lock released, no tick would fall between the start and the end of a step."""
    module = _ranked if step == "count_cycles" else _rows
    kernel = getattr(module, step)
    inside = [0]  # number of the running call, negative between calls

    def run(*arguments):
        inside[0] = abs(inside[0]) + 1
        kernel(*arguments)
        inside[0] = -inside[0]

    edges = graphs.random_edges(8000, 250_000)
    graph = read_graph(edges)
    orbit_adjacency([[0], [1]], (2, 1, 1))  # compiled before
    orbit_counts([[0], [1]])
    monkeypatch.setattr(module, step, run)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            if step == "count_cycles":
                orbit_counts(graph, num_threads=1)
            else:
                next(iter_orbit_adjacency(graph, (2, 1, 1), num_threads=1, block_rows=200))

    worker = threading.Thread(target=work)
    worker.start()
    ticks, call, most, deadline = 0, 0, 0, time.monotonic() + 60
    while most < 1000 and time.monotonic() < deadline:
        now = inside[0]
        ticks = ticks + 1 if now == call and now > 0 else 0
        call, most = now, max(most, ticks)
    stop.set()
    worker.join()
    assert most >= 1000


def test_nothing_is_printed(capfd, tmp_path, eager):
    edges = graphs.clustered(150, 2)
    for threads in (1, 2):
        orbit_counts(edges, num_threads=threads)
        edge_orbit_counts(edges, num_threads=threads)
        orbit_adjacency(edges, num_threads=threads, out=tmp_path)
        orbit_adjacency(edges, num_threads=threads, top_k=2).counts()
        list(iter_orbit_adjacency(edges, num_threads=threads, block_rows=50))
        graphlet_adjacency(edges, 6, num_threads=threads)
    assert capfd.readouterr() == ("", "")


def run(code, **environment):
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        cwd=Path(__file__).parents[2],
        check=True,
    )


IMPORT = """
import sys
import graphlab.graphlets
late = {"numba", "scipy", "networkx", "sklearn", "pandas", "torch_geometric", "accelerate"}
found = late & set(sys.modules)
assert not found, found
"""


def test_the_import_compiles_and_loads_nothing_large():
    run(IMPORT)


INTERPRETED = """
import gc
import numba
import numpy as np
from graphlab.graphlets import *
from graphlab.graphlets import _rows
from graphlab.ops._compile import Kernel
from tests.graphlets import graphs
from tests.graphlets.graphs import same

assert numba.config.DISABLE_JIT
known = {k.__name__: k for k in gc.get_objects() if type(k) is Kernel}

def used():
    return {name for name, kernel in known.items() if kernel._run is not None}

paw = np.array([[0, 0, 1, 2], [1, 2, 2, 3]])
orbit_counts(paw)
counting = used()
assert "count_cycles" in counting and "sweep_rows" not in counting and "sum_cycles" not in counting
orbit_adjacency(paw, hop=1)
assert "sweep_rows" in used() and "push_rows" not in used() and "two_step_rows" not in used()
orbit_adjacency(paw, hop=2)
assert not {"push_rows", "panel_product", "keep_largest", "sum_cliques"} & used()
for name in graphs.SMALL:
    stored = graphs.read(name)
    edges, n = graphs.golden_graph(name)
    if edges.shape[1] > 30:
        continue
    assert np.array_equal(orbit_counts(edges, num_nodes=n), stored["counts"])
    pairs, counts = edge_orbit_counts(edges, num_nodes=n)
    assert np.array_equal(counts, stored["edge_counts"])
    for step in (0, np.inf):
        _rows._PANEL_STEP = step
        matrices = orbit_adjacency(edges, num_nodes=n, top_k=n or None)
        for key, matrix in matrices.items():
            assert np.array_equal(matrix.toarray(), graphs.golden_matrix(name, key)), (name, key)
top = orbit_adjacency(graphs.star(6), (2, 1, 1), top_k=2)[2, 1, 1]
assert top.indices.tolist() == [2, 3, 1, 3, 1, 2, 1, 2, 1, 2, 1, 2]
assert {"push_rows", "panel_product", "keep_largest", "sum_cliques", "sum_cycles"} <= used()
"""


def test_kernels_mean_the_same_when_they_are_not_compiled():
    run(INTERPRETED, NUMBA_DISABLE_JIT="1")
