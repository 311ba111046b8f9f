"""Orbit counts on power-law graphs of 10,000 to 1,000,000 nodes with five edges a node.

``python -m benchmarks.perf.growth_graphlets [--nodes 10000 100000] [--csv FILE] [--plot FILE]``
prints a table in Markdown and draws it: seconds (median of the calls) on one and on two threads,
reading of the edge list (2, m) included, and by how much the largest call raised the peak of
resident memory. Each size has a process of its own. Takes about a minute, so it is no part of
``make perf``.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from benchmarks.perf.dagnn_measure import extra_peak, in_turns
from benchmarks.perf.graphlet_children import trim
from benchmarks.perf.large_graph import large_graph
from graphlab.graphlets import orbit_counts

ROOT = Path(__file__).resolve().parents[2]
SIZES = (10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
EDGES = 5  # a node
HEAD = {
    "nodes": "nodes",
    "edges": "edges",
    "largest_degree": "largest degree",
    "triangles": "triangles",
    "cycles": "induced 4-cycles",
    "cliques": "4-cliques",
    "seconds_1_thread": "s, 1 thread",
    "seconds_2_threads": "s, 2 threads",
    "cpu_seconds": "CPU s, 1 thread",
    "peak_mib": "extra peak, MiB",
    "bytes_an_edge": "bytes an edge",
}


def main() -> int:
    """Measure all sizes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--csv", type=Path, help="file to write the numbers to")
    parser.add_argument("--plot", type=Path, help="picture to draw, .svg or .png")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one)))
        return 0
    print("| " + " | ".join(HEAD.values()) + " |")
    print("|" + " ---: |" * len(HEAD))
    found = []
    for n in given.nodes:
        found.append(in_own_process(n))
        print("| " + " | ".join(shown(found[-1][key]) for key in HEAD) + " |", flush=True)
    if given.csv:
        with given.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(HEAD))
            writer.writeheader()
            writer.writerows(found)
    if given.plot:
        plot(found, given.plot)
    return 0


def plot(found: list[dict], file: Path) -> None:
    """Draw CPU time and memory against the number of edges, with a line of linear growth."""
    import matplotlib.pyplot as plt

    plt.style.use(ROOT / "docs" / "graphlab.mplstyle")
    figure, axes = plt.subplots(1, 2)
    edges = [row["edges"] for row in found]
    panels = (("cpu_seconds", "CPU time, 1 thread (s)"), ("peak_mib", "extra peak memory (MiB)"))
    for axis, (key, label) in zip(axes, panels, strict=True):
        values = [row[key] for row in found]
        linear = [values[0] * m / edges[0] for m in edges]
        axis.loglog(edges, values, "o-", label="measured")
        axis.loglog(edges, linear, "--", color="#777777", label="linear")
        axis.set_xlabel("edges")
        axis.set_ylabel(label)
    axes[0].legend()
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def in_own_process(n: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.perf.growth_graphlets", "--one", str(n)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return json.loads(done.stdout)


def measure(n: int) -> dict:
    """Count on one graph."""
    torch.set_num_threads(1)
    edges = large_graph(n, EDGES * n).numpy()
    orbit_counts(np.array([[0, 1, 2], [1, 2, 0]]))  # compiles
    trim()
    kept = []
    peak = extra_peak(lambda: kept.append(orbit_counts(edges, num_nodes=n, num_threads=1)))
    counts = kept.pop()
    rounds = 5 if n <= 200_000 else 3
    one, two = in_turns(
        [
            lambda: orbit_counts(edges, num_nodes=n, num_threads=1),
            lambda: orbit_counts(edges, num_nodes=n, num_threads=2),
        ],
        rounds,
    )
    assert np.array_equal(orbit_counts(edges, num_nodes=n, num_threads=2), counts)
    return {
        "nodes": n,
        "edges": edges.shape[1],
        "largest_degree": int(counts[:, 0].max()),
        "triangles": int(counts[:, 3].sum()) // 3,
        "cycles": int(counts[:, 8].sum()) // 4,
        "cliques": int(counts[:, 14].sum()) // 4,
        "seconds_1_thread": round(one.wall, 4),
        "seconds_2_threads": round(two.wall, 4),
        "cpu_seconds": round(one.cpu, 4),
        "peak_mib": round(peak, 1),
        "bytes_an_edge": round(peak * 2**20 / edges.shape[1], 1),
    }


def shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
