"""Speed of topological concentration against its definition in Python: sets and loops.

Guards the specification of topological concentration, section 7. One thread, in turns in one
process; compared are medians of CPU seconds, all three splits in one call, from the edges on: both
sides make their neighbourhoods anew each time. Values are equal in each case. The definition is
written as it reads and as the authors run it: hops of both ends are made for each link. A second
formulation, which makes those of a node once, is printed beside it and has no bar.

``make perf``, or ``python -m benchmarks.perf.test_topology``. The graph of ogbl-collab's size has a
file of its own, ``large_topology.py``.
"""

from __future__ import annotations

import os
import sys

import networkx as nx
import numpy as np
import pytest
import torch

from benchmarks.perf import topology_plain as plain
from benchmarks.perf.dagnn_measure import in_turns
from graphlab.datasets import load
from graphlab.topology import atc_by_split, tc_by_split

EXACT = {  # (graph, hops): bar, rounds
    ("cora", 1): (60.0, 9),
    ("cora", 2): (35.0, 5),
    ("power law", 1): (150.0, 5),
    ("power law", 2): (35.0, 3),
}
APPROXIMATE = {("power law", 1): (40.0, 3), ("power law", 2): (40.0, 3), ("cora", 1): (40.0, 5)}
CALLS = 5  # of ours in a turn, which would else be too short for the clock


def split_of(name):
    """Return lists of pairs of a 70/10/20 split, and the number of nodes."""
    if name == "power law":
        graph = nx.powerlaw_cluster_graph(5000, 5, 0.5, seed=0)
        edges, n = np.array(list(graph.edges)), 5000
    else:
        if not os.environ.get("GRAPHLAB_DATA_MIRROR"):
            pytest.skip("GRAPHLAB_DATA_MIRROR does not name a folder of raw data sets")
        graph = load(name).graph.simple()
        edges = graph.edge_index.t()[graph.edge_index[0] < graph.edge_index[1]].numpy()
        n = graph.num_nodes
    edges = edges[np.random.default_rng(0).permutation(len(edges))]
    train, val, test = np.split(edges, [int(0.7 * len(edges)), int(0.8 * len(edges))])
    return {"train": train, "val": val, "test": test}, n


@pytest.fixture(scope="module")
def splits():
    torch.set_num_threads(1)
    kept = {}

    def get(name):
        if name not in kept:
            kept[name] = split_of(name)
        return kept[name]

    return get


def ratio_of(ours, theirs, rounds, text, *, beside=()):
    """Time all in turns; print and return how many times faster ours is than theirs."""

    def several():
        for _ in range(CALLS):
            ours()

    mine, other, *more = in_turns([several, theirs, *beside], rounds, warm=1)
    cpu, wall = mine.cpu / CALLS, mine.wall / CALLS
    print(
        f"\n{text} | graphlab {cpu * 1e3:8.2f} ms CPU, plain {other.cpu * 1e3:8.1f} ms, "
        f"ratio {other.cpu / cpu:6.1f}x (wall {other.wall / wall:6.1f}x)"
        + "".join(f", with what repeats kept {each.cpu / cpu:6.1f}x" for each in more)
    )
    return other.cpu / cpu


@pytest.mark.parametrize(("name", "hops"), sorted(EXACT))
def test_exact(splits, name, hops):
    split, n = splits(name)
    lists = {key: edges.tolist() for key, edges in split.items()}

    def ours():
        return tc_by_split(split, n, hops)

    def theirs():
        return plain.direct(lists, n, hops)

    def kept():
        return plain.kept(lists, n, hops)

    for expected in (theirs(), kept()):
        for key, values in ours().items():
            np.testing.assert_allclose(values, expected[key], rtol=0, atol=1e-10)
    bar, rounds = EXACT[name, hops]
    text = f"exact TC, {name}, K = {hops}"
    assert ratio_of(ours, theirs, rounds, text, beside=[kept]) >= bar


@pytest.mark.parametrize(("name", "hops"), sorted(APPROXIMATE))
def test_approximate(splits, name, hops):
    split, n = splits(name)
    lists = {key: edges.tolist() for key, edges in split.items()}
    features = torch.randn(n, 64, generator=torch.Generator().manual_seed(0)) / 64

    def ours():
        return atc_by_split(split, n, hops, features=features)

    def theirs():
        return plain.approximation(lists, n, hops, features)

    expected = theirs()
    for key, values in ours().items():
        np.testing.assert_allclose(values, expected[key], rtol=0, atol=1e-5)
    bar, rounds = APPROXIMATE[name, hops]
    assert ratio_of(ours, theirs, rounds, f"ATC, d = 64, {name}, K = {hops}") >= bar


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, "-s", "-q", "-p", "no:randomly", *sys.argv[1:]]))
