"""Measurements of graphlets that need a process of their own; started by ``test_graphlets.py``.

``python -m benchmarks.perf.graphlet_children WHAT [GRAPH]`` prints one line of JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.perf.dagnn_measure import extra_peak, resident

ROOT = Path(__file__).resolve().parents[2]
# sums of rows of a matrix are so many times the count of an orbit
ROW_SUMS = {(1, 3, 3): (2, 3), (2, 1, 1): (1, 1), (2, 6, 6): (2, 6), (3, 4, 4): (1, 4)}
SMALL = np.stack(np.triu_indices(40, 1))


def child(what: str, *names: str, **variables: str) -> dict:
    """Run ``what`` in a process of its own and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.perf.graphlet_children", what, *names],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def peak(name: str) -> dict:
    """Extra peak of all matrices, the result included; imports and compilation apart."""
    from benchmarks.perf.graphlet_graphs import graph
    from graphlab.graphlets import orbit_adjacency

    torch.set_num_threads(1)
    edges, n = graph(name)
    warm_up()
    kept = []
    trim()
    extra = extra_peak(lambda: kept.append(orbit_adjacency(edges, num_nodes=n, num_threads=1)))
    return {"peak": extra, "whole": resident("VmHWM"), "output": kept[0].nbytes / 2**20}


def blocks(name: str) -> dict:
    """Peak of the whole process while it goes through all matrices in blocks of rows."""
    from benchmarks.perf.graphlet_graphs import graph
    from graphlab.graphlets import iter_orbit_adjacency, orbit_counts

    torch.set_num_threads(1)
    edges, n = graph(name)
    warm_up()
    counts = orbit_counts(edges, num_nodes=n, num_threads=1)
    entries, largest, number = 0, 0, 0
    start_wall, start_cpu = time.perf_counter(), time.process_time()
    for start, stop, rows in iter_orbit_adjacency(edges, num_nodes=n, num_threads=1):
        for key, (times, orbit) in ROW_SUMS.items():
            sums = rows[key].sum(1, dtype=np.int64)
            assert np.array_equal(sums, times * counts[start:stop, orbit]), key
        size = sum(m.data.nbytes + m.indices.nbytes + m.indptr.nbytes for m in rows.values())
        entries += sum(matrix.nnz for matrix in rows.values())
        largest, number = max(largest, size), number + 1
    return {
        "wall": time.perf_counter() - start_wall,
        "cpu": time.process_time() - start_cpu,
        "entries": entries,
        "blocks": number,
        "largest": largest / 2**20,
        "whole": resident("VmHWM"),
    }


def cold() -> dict:
    """CPU seconds of first calls; the caller gives an empty folder as ``NUMBA_CACHE_DIR``."""
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    found = {"import": cpu_of(lambda: __import__("graphlab.graphlets"))}
    found["compiled at import"] = "numba" in sys.modules or len(list(folder.rglob("*.nbc")))
    import graphlab.graphlets as package

    found["counts"] = cpu_of(lambda: package.orbit_counts(SMALL))
    found["counts kernels"] = len(list(folder.rglob("*.nbc")))
    found["edge counts"] = cpu_of(lambda: package.edge_orbit_counts(SMALL))
    found["adjacency"] = cpu_of(warm_up)
    found["all kernels"] = len(list(folder.rglob("*.nbc")))
    return found


def warm_up() -> None:
    """Call what has kernels: a graph of few and one of many entries in a row, top entries."""
    from graphlab.graphlets import orbit_adjacency

    rng = np.random.default_rng(0)
    few = np.stack([np.arange(2999), np.arange(1, 3000)])
    many = rng.integers(0, 300, (2, 3000))
    many = many[:, many[0] != many[1]]
    for edges in (few, many, SMALL):
        orbit_adjacency(edges, num_threads=1)
    orbit_adjacency(many, top_k=2, num_threads=1)


def cpu_of(run) -> float:
    """Return the CPU seconds of a call."""
    start = time.process_time()
    run()
    return time.process_time() - start


def trim() -> None:
    """Give free memory back: what was freed before would be used again, unseen."""
    ctypes.CDLL(None).malloc_trim(0)


if __name__ == "__main__":
    print(json.dumps({"peak": peak, "blocks": blocks, "cold": cold}[sys.argv[1]](*sys.argv[2:])))
