"""Overlap scores of a million pairs in a graph of 3 million nodes and 30 million edges.

``python -m benchmarks.perf.large_heuristics [--pairs 1000000] [--threads 1]`` prints the time of
each step and the peak of resident memory; exits with 1 if that passes 16 GB. Takes a minute or two,
most of it to generate the graph and to sort its edges, so it is no part of ``make perf``.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import torch

from benchmarks.perf.dagnn_measure import resident
from benchmarks.perf.large_graph import large_graph
from benchmarks.perf.test_heuristics import METHODS, pairs_of
from graphlab.graph import as_graph
from graphlab.heuristics import link_scores, overlap_scores

LIMIT = 16e9
CHECKED = 200  # pairs that are scored once more, by sets


def main() -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=3_000_000)
    parser.add_argument("--edges", type=int, default=30_000_000)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    overlap_scores([[0], [1]], [[0], [1]], METHODS)  # compiles
    edges = timed("generate the edges", lambda: large_graph(given.nodes, given.edges))
    graph = timed("rows of the simple graph", as_graph(edges, given.nodes).simple)
    del edges
    wedges = pairs_of(graph, given.pairs)
    generator = torch.Generator().manual_seed(1)
    uniform = torch.randint(0, given.nodes, (2, given.pairs), generator=generator)
    first = timed("CN, AA, RA: the first pair", lambda: overlap_scores(graph, [[0], [1]], METHODS))
    assert len(first) == len(METHODS)
    for name, pairs in (("uniform", uniform), ("half two hops apart", wedges)):
        text = f"CN, AA, RA of {given.pairs} pairs, {name}"
        found = timed(text, lambda pairs=pairs: overlap_scores(graph, pairs, METHODS))
        check(graph, pairs, found)
    few = wedges[:, -1000:]
    for method, options in (
        ("katz", {}),
        ("sp", {}),
        ("sp_removed", {}),
        ("ppr", {"ppr_tolerance": 1e-5}),
    ):
        name = f"{method} of {few.shape[1]} pairs two hops apart {options or ''}"
        timed(name, lambda m=method, o=options: link_scores(graph, few, m, **o))
    peak = resident("VmHWM") * 2**20
    print(f"peak of resident memory: {peak / 1e9:.2f} GB")
    return int(peak > LIMIT)


def timed(name, run):
    """Run, print wall and CPU seconds, and return the result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:<62} {wall:8.2f} s, {cpu:8.2f} CPU s", flush=True)
    return result


def check(graph, pairs, found):
    """Compare some scores with sets of neighbours."""
    columns = graph.indices
    for p in np.linspace(0, pairs.shape[1] - 1, CHECKED).astype(int):
        i, j = pairs[:, p].tolist()
        rows = (columns[graph.indptr[v] : graph.indptr[v + 1]].tolist() for v in (i, j))
        common = set.intersection(*map(set, rows))
        degrees = [int(graph.indptr[u + 1] - graph.indptr[u]) for u in common]
        assert found["cn"][p] == len(common)
        np.testing.assert_allclose(float(found["ra"][p]), sum(1 / d for d in degrees), rtol=1e-12)
        logs = sum(1 / np.log(d) for d in degrees if d > 1)
        np.testing.assert_allclose(float(found["aa"][p]), logs, rtol=1e-12)


if __name__ == "__main__":
    sys.exit(main())
