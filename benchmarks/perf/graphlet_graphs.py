"""Graphs of the benchmarks of graphlets, as edges (2, m) int64, each once, and a number of nodes.

``GRAPHLAB_PERF_GRAPH`` may name an ``.npz`` file with ``edges`` (m, 2) and ``n``: it is measured
too, under the name ``own``.
"""

from __future__ import annotations

import functools
import os

import networkx as nx
import numpy as np
import pytest

from graphlab.datasets import load


@functools.cache
def graph(name: str) -> tuple[np.ndarray, int]:
    """Return the edges and the number of nodes of a graph, or skip where its file is not here."""
    edges, n = _made(name)
    edges.flags.writeable = False
    return edges, n


def _made(name: str) -> tuple[np.ndarray, int]:
    match name:
        case "cora":
            return _cora()
        case "own":
            return _own()
        case "chameleon-like":
            return dense_graph(), 2277
    kind, _, size = name.partition("-")
    n = int(size.rstrip("k")) * 1000
    makers = {
        "ba": lambda: nx.barabasi_albert_graph(n, 10, seed=1),
        "er": lambda: nx.fast_gnp_random_graph(n, 20 / n, seed=1),
        "sparse": lambda: nx.fast_gnp_random_graph(n, 10 / n, seed=1),
        "plc": lambda: nx.powerlaw_cluster_graph(n, 10, 0.7, seed=1),
    }
    return np.array(makers[kind]().edges, np.int64).T.copy(), n


def _cora() -> tuple[np.ndarray, int]:
    if not os.environ.get("GRAPHLAB_DATA_MIRROR"):
        pytest.skip("GRAPHLAB_DATA_MIRROR does not name a folder of raw data sets")
    found = load("cora").graph.simple()
    edges = found.edge_index.numpy()
    return edges[:, edges[0] < edges[1]].copy(), found.num_nodes


def _own() -> tuple[np.ndarray, int]:
    path = os.environ.get("GRAPHLAB_PERF_GRAPH")
    if not path:
        pytest.skip("GRAPHLAB_PERF_GRAPH does not name a file")
    with np.load(path) as file:
        return file["edges"].T.astype(np.int64), int(file["n"])


def dense_graph(n: int = 2277, m: int = 31371, seed: int = 0) -> np.ndarray:
    """Return a graph like MUSAE chameleon: small, dense, clustered, of heavy-tailed degrees.

    Three quarters of the edges are in groups of 130 nodes and less with four fifths of all possible
    edges, the rest go from hubs to nodes nearby. It has 354,000 triangles (chameleon 343,000), 4.7
    million four-cliques (4.8), a largest degree of 463 (732), a median of 9 (11), and 10.6 million
    entries in the 28 matrices (10.6).
    """
    rng = np.random.default_rng(seed)
    parts, total, number = [], 0, 0
    while total < 0.75 * m:
        number += 1
        size = max(int(130 * number**-0.7), 5)
        members = (rng.integers(n) + rng.permutation(int(size * 1.5))[:size]) % n
        i, j = np.triu_indices(size, 1)
        kept = rng.random(i.size) < 0.8
        parts.append(_keys(members[i[kept]], members[j[kept]], n))
        total += int(kept.sum())
    keys = np.unique(np.concatenate(parts))
    chance = np.cumsum((np.arange(n) + 3.0) ** -1.4)
    name = rng.permutation(n)
    while keys.size < m:
        missing = m - keys.size
        drawn = np.searchsorted(chance / chance[-1], rng.random(missing)).clip(max=n - 1)
        u, step = name[drawn], np.round(rng.laplace(0, 0.03 * n, missing)).astype(np.int64)
        v = (u + step) % n
        keys = np.unique(np.concatenate([keys, _keys(u, v, n)[u != v]]))
    keys = rng.permutation(keys)[:m]
    return np.stack([keys // n, keys % n])


def _keys(u: np.ndarray, v: np.ndarray, n: int) -> np.ndarray:
    return np.minimum(u, v) * n + np.maximum(u, v)
