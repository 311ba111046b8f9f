"""Topological concentration in a graph of the size of ogbl-collab, against its approximation.

``python -m benchmarks.perf.large_topology [--nodes 235868] [--edges 1100000] [--threads 1]`` prints
the time of each step and the peak of resident memory. Exits with 1 if exact values of three splits
with one hop take longer than one approximation (64 features, two hops), or if two hops in blocks
pass 2 GB. Takes about a minute, so it is no part of ``make perf``.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections import Counter

import numpy as np
import torch

from benchmarks.perf.dagnn_measure import resident
from benchmarks.perf.topology_plain import hop_lists, neighbor_sets
from graphlab.topology import atc_by_split, subgraph_density, tc_by_split

LIMIT = 2e9
CHECKED = 300  # nodes, about, whose values are computed once more, by sets


def clustered_graph(n, m, seed=0):
    """Return about m links in which groups of a few nodes are linked among themselves.

    As in a network of co-authors: papers of two to six authors, who are drawn near each other.
    """
    rng = np.random.default_rng(seed)
    found, links = np.empty(0, np.int64), 0
    while links < m:
        count = (m - links) // 5 + 100
        size = rng.integers(2, 7, count)
        center = rng.integers(0, n, count)
        spread = np.rint(rng.laplace(0, 6, (count, 6))).astype(np.int64)
        authors = (center[:, None] + spread) % n
        pairs = [authors[np.ix_(size > b, [a, b])] for a in range(6) for b in range(a + 1, 6)]
        pairs = np.sort(np.concatenate(pairs), axis=1)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        found = np.unique(np.concatenate([found, pairs[:, 0] * n + pairs[:, 1]]))
        links = found.size
    keys = rng.permutation(found)[:m]
    return np.stack([keys // n, keys % n], 1)


def main() -> int:
    """Run and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=235_868)
    parser.add_argument("--edges", type=int, default=1_074_000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    n = given.nodes
    edges = timed("generate the edges", lambda: clustered_graph(n, given.edges))[0]
    train, val, test = np.split(edges, [int(0.9 * len(edges)), int(0.955 * len(edges))])
    split = {"train": train, "val": val, "test": test}
    degree = np.bincount(train.reshape(-1), minlength=n)
    print(f"{len(train)} / {len(val)} / {len(test)} links, largest degree {degree.max()}")
    small = {name: np.array([[0, 1], [1, 2], [2, 0]]) for name in split}
    for hops in (1, 2):  # compiles
        tc_by_split(small, 40, hops)
        atc_by_split(small, 40, hops)
    rounds = range(given.rounds)
    one = split | {"val": [], "test": []}
    runs = {
        "exact, K = 1, three splits": lambda: tc_by_split(split, n),
        "ATC, d = 64, K = 2, three splits": lambda: atc_by_split(split, n, 2),
        "ATC, d = 64, K = 2, one target": lambda: atc_by_split(one, n, 2),
    }
    cpu = {name: min(timed(name, run)[1] for _ in rounds) for name, run in runs.items()}
    exact, _, approximate = cpu.values()
    print(f"exact takes {exact / approximate:.2f} of the time of one approximation")
    before = resident("VmHWM")
    print(f"peak of resident memory so far: {before / 953.67:.2f} GB")
    found = {}
    for hops in (1, 2):
        found[hops] = timed(
            f"exact, K = {hops}, three splits, in blocks of 4096 nodes",
            lambda hops=hops: tc_by_split(split, n, hops, block=4096),
        )[0]
    peak = resident("VmHWM") * 2**20
    for hops in (1, 2):
        timed(f"density within {hops} hops", lambda hops=hops: subgraph_density(train, n, hops))
    check(split, n, found)
    print("values of some nodes are those of sets and counters")
    print(f"peak of resident memory up to K = 2: {peak / 1e9:.2f} GB")
    return int(peak > LIMIT or exact > approximate)


def timed(name, run):
    """Run, print wall and CPU seconds; return the result and the latter."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{name:<58} {wall:8.2f} s, {cpu:8.2f} CPU s", flush=True)
    return result, cpu


def check(split, n, found):
    """Compare the values of some nodes with sets and counters, see ``topology_plain.py``."""
    near = neighbor_sets(split["train"].tolist(), n)
    beta = n / sum(map(len, near))
    for name, edges in split.items():
        own = name == "train"
        ends = near if own else neighbor_sets(edges.tolist(), n)
        for i in np.unique(edges)[:: max(1, n // CHECKED)].tolist():
            if len(near[i]) <= own:
                continue
            mine = [Counter(hop) for hop in hop_lists(near, i, 2)]
            for hops, values in found.items():
                total = norm = 0.0
                for a, b in itertools.product(range(hops), range(hops)):
                    others = [set(hop_lists(near, j, hops)[b]) for j in ends[i]]
                    shared = sum(mine[a][v] for other in others for v in mine[a].keys() & other)
                    total += beta ** (a + b) * shared
                    norm += beta ** (a + b) * sum(mine[a].values())
                expected = total / (norm - own) / len(ends[i])
                np.testing.assert_allclose(float(values[name][i]), expected, rtol=1e-10)


if __name__ == "__main__":
    sys.exit(main())
