"""Speed and memory of orbit counts and orbit adjacency matrices against other counters.

Guards the specification of graphlets, sections 6 and 7. Peers: orbit-count (ORCA), pyfglt (FGlT)
and gradco, each in a process of its own in its own environment (``graphlet_peers.py``), as gradco
needs numpy before 2 and none is a dependency. Each call of a peer follows one of ours; both sides
get one thread unless said. Of peers the binding alone is timed, without their reading of the graph
and without what they make of the result (printed beside it); ours includes reading an edge list
(2, m). Results are equal in each case. Compared are medians of CPU time.

``make perf``, or ``python -m benchmarks.perf.test_graphlets``. ``make perf-peers`` installs the
peers below ``build/peers``; ``GRAPHLAB_PEER_COUNTERS`` (orbit-count, pyfglt) and
``GRAPHLAB_PEER_GRADCO`` name the Python of other environments. Without them rows are skipped.
Cora is read by ``GRAPHLAB_DATA_MIRROR``; a file named by ``GRAPHLAB_PERF_GRAPH`` (``edges`` (m, 2)
and ``n``) is measured too, without a bar. Large graphs: ``growth_graphlets.py``.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.perf.dagnn_measure import in_turns
from benchmarks.perf.graphlet_children import child
from benchmarks.perf.graphlet_graphs import graph
from benchmarks.perf.graphlet_peers import Peer, digests_of, in_turns_with
from graphlab.graphlets import orbit_adjacency, orbit_counts

COUNT_BARS = {"orca": 8.0, "fglt": 3.0}
COUNT_GRAPHS = ("ba-20k", "er-20k", "plc-20k", "own")
BARS = {"cora": 30.0, "ba-5k": 8.0, "er-5k": 8.0, "plc-4k": 8.0, "chameleon-like": 4.5, "own": 0.0}
OUTPUTS, MEGABYTES = 2.5, 50  # peak: so many times the output, and so much more
ADJACENCY_THREADS, COUNT_THREADS = 1.5, 1.25
COLD_COUNTS, COLD_ALL = 7.0, 15.0  # CPU seconds
WARM = 5  # calls of each before any is timed: at first, memory is new to the machine
OTHERS = 0.1  # cores that others may take of the two that are needed
SPARSE_LIMIT, BLOCK_LIMIT = 1e9, 2e9  # bytes of the whole process
MIB = 2**20


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def row(title, found):
    """Print one line of the table."""
    ours, peer = found.ours, found.peer
    print(
        f"\n{title:<62} 1 thread | graphlab {ours.wall * 1e3:7.1f} ms, {ours.cpu * 1e3:7.1f} CPU | "
        f"peer {peer.wall * 1e3:8.1f} ms, {peer.cpu * 1e3:8.1f} CPU | "
        f"ratio {found.wall:4.1f} wall, {found.cpu:4.1f} CPU"
    )
    if whole := found.more.get("cpu_whole"):
        print(
            f"{'':<62} with all that its public functions do: {whole * 1e3:.1f} CPU ms, ratio "
            f"{whole / ours.cpu:.1f}"
        )


@pytest.mark.parametrize("name", COUNT_GRAPHS)
@pytest.mark.parametrize("other", COUNT_BARS)
def test_counts(name, other):
    edges, n = graph(name)

    def ours():
        return orbit_counts(edges, num_nodes=n, num_threads=1)

    with Peer(other) as peer:
        peer.load(edges, n)
        found = in_turns_with(peer, ours, 5, warm=2)
        theirs = peer.counts()
        row(f"counts, {name} (m={edges.shape[1]}), {peer.title}", found)
    mine = ours()
    # orbit-count has 32 bits: its numbers are compared as far as these go
    assert np.array_equal(mine.astype(theirs.dtype), theirs)
    if name != "own":
        assert found.cpu >= COUNT_BARS[other]


@pytest.mark.parametrize("name", BARS)
def test_adjacency(name):
    edges, n = graph(name)

    def ours():
        return orbit_adjacency(edges, num_nodes=n, num_threads=1)

    with Peer("gradco") as peer:
        peer.load(edges, n)
        found = in_turns_with(peer, ours, 5 if n < 4000 else 3)
        theirs = peer.digests()
        title = f"28 matrices, {name} (n={n}), {peer.title}"
    row(title, found)
    print(f"{'':<62} extra peak of gradco: {found.more['peak']:.0f} MiB")
    assert digests_of(ours()) == theirs
    assert found.cpu >= BARS[name]


@pytest.mark.parametrize("name", BARS)
def test_peak_memory(name):
    need_peaks()
    graph(name)
    found = child("peak", name)
    limit = OUTPUTS * found["output"] + MEGABYTES * 1e6 / MIB
    print(
        f"\n28 matrices, {name}: extra peak {found['peak']:.0f} MiB, output {found['output']:.0f}"
        f" MiB ({found['peak'] / found['output']:.2f}x), limit {limit:.0f} MiB"
    )
    assert found["peak"] <= limit


def test_sparse_graph_of_20000_nodes_within_a_gigabyte():
    need_peaks()
    found = child("peak", "sparse-20k")
    print(
        f"\n28 matrices, ER 20,000 mean degree 10: whole process {found['whole']:.0f} MiB, extra "
        f"{found['peak']:.0f} MiB, output {found['output']:.0f} MiB"
    )
    assert found["whole"] * MIB <= SPARSE_LIMIT


def test_dense_output_in_blocks_within_two_gigabytes():
    need_peaks()
    found = child("blocks", "ba-20k")
    print(
        f"\n28 matrices in {found['blocks']} blocks, BA 20,000 m=10: "
        f"{found['entries'] / 1e6:.0f} M entries, {found['wall']:.1f} s, {found['cpu']:.1f} CPU s; "
        f"largest block {found['largest']:.0f} MiB, whole process {found['whole']:.0f} MiB"
    )
    assert found["whole"] * MIB <= BLOCK_LIMIT


@pytest.mark.parametrize(
    ("name", "what", "function", "bar"),
    [
        *((name, "counts", orbit_counts, COUNT_THREADS) for name in COUNT_GRAPHS[:3]),
        *(
            (name, "28 matrices", orbit_adjacency, ADJACENCY_THREADS)
            for name in ("ba-5k", "er-5k", "sparse-20k")
        ),
    ],
)
def test_two_threads(name, what, function, bar):
    edges, n = graph(name)
    two_against_one(
        f"{what}, {name}",
        lambda threads: function(edges, num_nodes=n, num_threads=threads),
        bar,
    )


def two_against_one(title, call, bar):
    """Compare wall time in turns; a machine that is busy with something else says nothing."""
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core")
    for threads in (1, 2) * WARM:
        call(threads)
    found = []
    others = load_of_others(
        lambda: found.extend(in_turns([lambda: call(1), lambda: call(2)], 5, warm=0))
    )
    one, two = found
    ratio = one.wall / two.wall
    print(
        f"\n{title}, 2 threads against 1: {one.wall * 1e3:.1f} ms ({one.cpu * 1e3:.1f} CPU), "
        f"{two.wall * 1e3:.1f} ms ({two.cpu * 1e3:.1f} CPU): {ratio:.2f}x; "
        f"other processes took {others:.2f} cores"
    )
    if ratio < bar and others > os.cpu_count() - 2 + OTHERS:
        pytest.skip(f"the machine is busy: {ratio:.2f}x says nothing")
    assert ratio >= bar


def load_of_others(run):
    """Return how many cores other processes took while ``run`` ran."""
    if not Path("/proc/stat").exists():
        run()
        return os.getloadavg()[0] - 1.5  # of which about so much was ours
    wall, cpu, busy = time.perf_counter(), time.process_time(), busy_seconds()
    run()
    busy, cpu = busy_seconds() - busy, time.process_time() - cpu
    return max(busy - cpu, 0.0) / (time.perf_counter() - wall)


def busy_seconds():
    """Return the time that all cores have worked since the machine started."""
    user, nice, system, _, _, *interrupts = Path("/proc/stat").read_text().split()[1:9]
    return sum(map(int, (user, nice, system, *interrupts))) / os.sysconf("SC_CLK_TCK")


def test_first_call_with_a_cold_cache(tmp_path):
    """Best of three, as all bars in seconds are."""
    calls = ("counts", "edge counts", "adjacency")
    rounds = []
    for number in range(3):
        found = child("cold", NUMBA_CACHE_DIR=str(tmp_path / str(number)))
        assert not found["compiled at import"]
        found["all"] = sum(found[call] for call in calls)
        rounds.append(found)
        print(
            f"\nfirst calls, cold cache, CPU s: import {found['import']:.2f}, counts "
            f"{found['counts']:.2f} ({found['counts kernels']} kernels), edge counts "
            f"{found['edge counts']:.2f}, adjacency {found['adjacency']:.2f}; all "
            f"{found['all']:.2f} ({found['all kernels']} kernels)"
        )
    assert min(found["counts"] for found in rounds) <= COLD_COUNTS
    assert min(found["all"] for found in rounds) <= COLD_ALL


def need_peaks():
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peak memory is read from /proc")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-s", "-q", "-p", "no:randomly", *sys.argv[1:]]))
