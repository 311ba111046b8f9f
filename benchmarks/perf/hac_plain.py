"""Rounds of affinity clustering by NumPy and SciPy, written as one would without kernels."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from graphlab.ops._hac_rounds import edge_hashes


def scipy_rounds(n: int, src: np.ndarray, dst: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """Return the cluster of each node on every level, numbered by the smallest node."""
    hashes = edge_hashes(src, dst, np.empty(0, np.int32), 0, compiled=False)
    rank = np.empty(src.size, np.int64)
    rank[np.lexsort((hashes, weight))] = np.arange(src.size)
    edge_of = np.argsort(rank)
    levels, u, v, place = [np.arange(n)], src, dst, np.arange(src.size)
    count = n
    while u.size:
        best = np.full(count, src.size)
        np.minimum.at(best, u, rank[place])
        np.minimum.at(best, v, rank[place])
        taken = edge_of[best[best < src.size]]
        assign = levels[-1]
        a, b = assign[src[taken]], assign[dst[taken]]
        links = coo_array((np.ones(a.size), (a, b)), shape=(count, count))
        count, label = connected_components(links, directed=False)
        _, first = np.unique(label, return_index=True)
        number = np.empty(count, np.int64)
        number[np.argsort(first)] = np.arange(count)
        new = number[label]
        levels.append(new[assign])
        u, v = new[u], new[v]
        apart = u != v
        u, v, place = u[apart], v[apart], place[apart]
    return levels
