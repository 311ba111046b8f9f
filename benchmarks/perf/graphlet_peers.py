"""Other counters of orbits, each in a process of its own that is fed graphs.

Their environments are made by ``make perf-peers`` below ``build/peers``, or are those of the Python
interpreters that ``GRAPHLAB_PEER_COUNTERS`` (with orbit-count and pyfglt) and
``GRAPHLAB_PEER_GRADCO`` (with gradco, which needs numpy before 2) name.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks.perf.dagnn_measure import Times
from benchmarks.perf.graphlet_worker import digest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = {"orca": "counters", "fglt": "counters", "gradco": "gradco"}
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "CILK_NWORKERS"), "1"
)


class Peer:
    """A counter in its process, on one thread; skips the test where there is none."""

    def __init__(self, name: str) -> None:
        python = interpreter(ENVIRONMENTS[name])
        worker = Path(__file__).with_name("graphlet_worker.py")
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [str(python), str(worker), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **_ONE_THREAD, "PYTHONPATH": ""},
        )
        hello = self._answer()
        if "missing" in hello:
            self.close()
            pytest.skip(f"no {name} for {python}: {hello['missing']}")
        self.title = f"{hello['package']} (numpy {hello['numpy']})"

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, edges: np.ndarray, nodes: int) -> None:
        """Hand over a graph, edges (2, m)."""
        path = Path(self._folder.name) / "edges.npy"
        np.save(path, edges)
        self._ask("load", path=str(path), nodes=nodes)

    def run(self) -> dict[str, float]:
        """Count; return seconds of wall and CPU time of the call alone."""
        return self._ask("run")

    def counts(self) -> np.ndarray:
        """Return the counts (n, 15) that the last call gave."""
        path = Path(self._folder.name) / "counts.npy"
        self._ask("save", path=str(path))
        return np.load(path)

    def digests(self) -> dict[str, list[int]]:
        """Return the digest of each matrix."""
        return self._ask("digest")

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._folder.cleanup()

    def _ask(self, do: str, **more: object) -> dict:
        self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        found = json.loads(line) if line else {"error": "the process ended"}
        if "error" in found:
            raise RuntimeError(found["error"])
        return found


def interpreter(environment: str) -> Path:
    """Return the Python of an environment, or skip."""
    variable = f"GRAPHLAB_PEER_{environment.upper()}"
    default = ROOT / "build" / "peers" / environment / "bin" / "python"
    python = Path(os.environ.get(variable) or default)
    if not python.exists():
        pytest.skip(f"no {python}: run make perf-peers, or name a Python in {variable}")
    return python


@dataclass(frozen=True)
class Compared:
    """Medians of ours and of the peer, seconds; of the peer also other numbers of its answers."""

    ours: Times
    peer: Times
    more: dict[str, float]

    @property
    def wall(self) -> float:
        """How many times longer the peer takes."""
        return self.peer.wall / self.ours.wall

    @property
    def cpu(self) -> float:
        """How many times more CPU time the peer takes."""
        return self.peer.cpu / self.ours.cpu


def in_turns_with(peer: Peer, ours, rounds: int, warm: int = 1) -> Compared:
    """Time a function of ours and a peer's call in turns, so that other load meets both."""
    walls, cpus, answers = [], [], []
    for number in range(rounds + warm):
        wall, cpu = time.perf_counter(), time.process_time()
        ours()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        answer = peer.run()
        if number >= warm:
            walls.append(wall)
            cpus.append(cpu)
            answers.append(answer)
    median = {key: statistics.median(answer[key] for answer in answers) for key in answers[0]}
    ours_median = Times(statistics.median(walls), statistics.median(cpus))
    return Compared(ours_median, Times(median.pop("wall"), median.pop("cpu")), median)


def digests_of(matrices) -> dict[str, list[int]]:
    """Return what :meth:`Peer.digests` should give for these orbit adjacency matrices."""
    found = {}
    for (h, i, j), matrix in matrices.items():
        rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int32), np.diff(matrix.indptr))
        found[f"{h},{i},{j}"] = digest(rows, matrix.indices, matrix.data)
    return found
