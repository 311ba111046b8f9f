"""Hops between neighbours of a sequence, in the graph of each level of a clustering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.tokenizers._hop_kernels import hops_between

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["HOP_LIMIT", "sequence_hops"]

HOP_LIMIT = 16


def sequence_hops(assign: Array, order: Array, edges: Array, starts: Array) -> Array:
    """Return hops between clusters of consecutive nodes, on every level; (T, n) int64.

    Args:
        assign: Cluster of each node on each level (T, n).
        order: The sequence (n,).
        edges: Undirected edges (m, 2).
        starts: Places where a graph begins: 0 there.
    """
    out = np.zeros(assign.shape, np.int64)
    links = edges.astype(np.int64)
    for level, clusters in enumerate(assign):
        if level:
            step = np.empty(int(assign[level - 1].max(initial=-1)) + 1, np.int64)
            step[assign[level - 1]] = clusters
            links = np.sort(step[links], axis=1)
        count = int(clusters.max(initial=-1)) + 1
        links = _distinct(links, count)
        along = clusters[order]
        apart = np.zeros(order.size, bool)
        apart[1:] = along[1:] != along[:-1]
        apart[starts[starts < order.size]] = False
        at = apart.nonzero()[0]
        out[level, at] = _hops(links, count, along[at - 1], along[at])
    return out


def _distinct(links: Array, count: int) -> Array:
    links = links[links[:, 0] != links[:, 1]]
    key = np.unique(links[:, 0] * count + links[:, 1])
    return np.stack([key // max(count, 1), key % max(count, 1)], axis=1)


def _hops(links: Array, count: int, source: Array, target: Array) -> Array:
    both = np.concatenate([links, links[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    indptr = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(both[:, 0], minlength=count), out=indptr[1:])
    columns, out = np.ascontiguousarray(both[:, 1]), np.empty(source.size, np.int64)
    seen, near, far = (np.zeros(count, np.int64) for _ in range(3))
    hops_between(indptr, columns, source, target, HOP_LIMIT, seen, near, far, out)
    return out
