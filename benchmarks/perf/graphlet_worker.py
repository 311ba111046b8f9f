"""What ``graphlet_peers.py`` starts in the environment of another counter: it needs no graphlab.

Reads a request as one line of JSON from standard input, writes one line of JSON for each:
``load`` a graph (not timed: each counter gets the form of graph that it works on), ``run`` and
time the call alone, ``save`` what the last call gave, ``digest`` it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

_CHUNK = 1 << 22  # entries hashed at once
_ROW, _COLUMN = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_MIX, _SHIFT = np.uint64(0xD6E8FEB86659FD93), np.uint64(32)
# columns of FGlT (the first holds ones) in the order of ORCA's orbits
_FGLT = [1, 2, 3, 4, 5, 6, 7, 8, 12, 9, 10, 11, 13, 14, 15]


def digest(rows, columns, values) -> list[int]:
    """Return the number of entries that are not zero, and a hash that no order of them changes."""
    entries, total = 0, 0
    for start in range(0, len(values), _CHUNK):
        part = slice(start, start + _CHUNK)
        value = np.asarray(values[part]).astype(np.int64).view(np.uint64)
        place = rows[part].astype(np.uint64) * _ROW + columns[part].astype(np.uint64) * _COLUMN
        place = (place ^ (place >> _SHIFT)) * _MIX
        total += int((value * (place ^ (place >> _SHIFT))).sum(dtype=np.uint64))
        entries += int(np.count_nonzero(value))
    return [entries, total % 2**64]


class Orca:
    """orbit-count: the binding itself, whose Python wrapper only renames nodes before."""

    package, module = "orbit-count", "orbit_count._orca"

    def __init__(self) -> None:
        self.count = importlib.import_module(self.module).motif_counts

    def load(self, edges, n) -> None:
        self.edges, self.n = np.ascontiguousarray(edges.T).astype(int), n

    def run(self) -> dict:
        times, self.found = timed(lambda: self.count("node", 4, self.n, self.edges))
        return times

    def save(self, path) -> dict:
        np.save(path, np.asarray(self.found))
        return {}


class Fglt:
    """pyfglt: the binding itself, and its public function: checks before, data frames after it."""

    package, module = "pyfglt", "pyfglt.fglt"

    def __init__(self) -> None:
        self.public = importlib.import_module(self.module).compute
        self.count = importlib.import_module("pyfglt._fglt_c").count

    def load(self, edges, n) -> None:
        self.matrix = both_ways(edges, n).tocsc()

    def run(self) -> dict:
        times, self.found = timed(lambda: self.count(self.matrix))
        whole, _ = timed(lambda: self.public(self.matrix))
        return {**times, "cpu_whole": whole["cpu"]}

    def save(self, path) -> dict:
        np.save(path, np.asarray(self.found[1]).T[:, _FGLT].astype(np.int64))
        return {}


class Gradco:
    """gradco: ``count``, and then all 28 matrices.

    It never frees what it counted, so each call is made in a forked child.
    """

    package, module = "gradco", "gradco"

    def __init__(self) -> None:
        self.counter = importlib.import_module(self.module).Counter

    def load(self, edges, n) -> None:
        self.matrix = both_ways(edges, n).tocsr()

    def _matrices(self):
        counter = self.counter(self.matrix)
        times, _ = timed(counter.count)
        more, found = timed(lambda: list(counter.generate_orbit_adjacencies()))
        return times, more, found

    def run(self) -> dict:
        def measure():
            start_peak()
            before = resident("VmRSS")
            times, more, _ = self._matrices()
            whole = times["cpu"] + more["cpu"]
            return {**times, "cpu_whole": whole, "peak": resident("VmHWM") - before}

        return in_child(measure)

    def digest(self) -> dict:
        def measure():
            found = {}
            for h, i, j, matrix in self._matrices()[2]:
                entries = matrix.tocoo()
                found[f"{h},{i},{j}"] = digest(entries.row, entries.col, entries.data)
            return found

        return in_child(measure)


PEERS = {"orca": Orca, "fglt": Fglt, "gradco": Gradco}


def both_ways(edges, n):
    """Return a symmetric scipy matrix of ones."""
    from scipy.sparse import coo_array, csc_matrix

    u, v = edges
    rows, columns = np.concatenate([u, v]), np.concatenate([v, u])
    return csc_matrix(coo_array((np.ones(rows.size, np.int64), (rows, columns)), shape=(n, n)))


def timed(run):
    """Return the times of a call, and its result."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = run()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}, found


def start_peak() -> None:
    """Let the peak of resident memory start anew from here."""
    Path("/proc/self/clear_refs").write_text("5")


def resident(key: str) -> float:
    """Return ``VmRSS`` (now) or ``VmHWM`` (peak) of this process in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {key}")


def in_child(run) -> dict:
    """Run in a forked process; all memory it took is free afterwards."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.write(write, json.dumps(run()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as answer:
        text = answer.read()
    if os.waitpid(child, 0)[1] or not text:
        raise RuntimeError("the call failed in its process")
    return json.loads(text)


def main() -> None:
    """Answer requests until the input ends."""
    # counters print to standard output, some of them not through Python
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(value) -> None:
        print(json.dumps(value), file=answers, flush=True)

    try:
        kind = PEERS[sys.argv[1]]
        peer = kind()
    except ImportError as error:
        answer({"missing": str(error)})
        return
    answer({"package": f"{kind.package} {version(kind.package)}", "numpy": np.__version__})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "load":
                peer.load(np.load(request["path"]), request["nodes"])
                answer({})
            elif request["do"] == "save":
                answer(peer.save(request["path"]))
            else:
                answer(getattr(peer, request["do"])())
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
