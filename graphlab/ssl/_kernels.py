"""Compiled searches and sweeps behind the pretext targets."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel
from graphlab.ops._frontier_kernels import widen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = [
    "context_counts",
    "distance_sums",
    "hop_classes",
    "inverse_distances",
    "near_at_ranks",
    "near_counts",
    "relational_sweeps",
]


_ALONE = -2  # no second search to be met


@kernel
def inverse_distances(
    indptr: Array,
    columns: Array,
    sources: Array,
    slots: Array,  # (sources,): the column that a source adds to
    totals: Array,  # (n, C), starts at 0
) -> None:
    """Add 1 / distance from each source to every node it reaches, 0 to itself."""
    n = indptr.size - 1
    seen, queue = np.full(n, -1, np.int32), np.empty(n, np.int32)
    for s in range(sources.size):
        queue[0] = sources[s]
        seen[sources[s]] = s
        begin, end, hop = 0, 1, 0
        while begin < end:
            begin, end, hop = (
                end,
                widen(indptr, columns, queue, begin, end, seen, s, _ALONE),
                hop + 1,
            )
            share = 1.0 / hop
            for q in range(begin, end):
                totals[queue[q], slots[s]] += share


@kernel
def hop_classes(
    indptr: Array,
    columns: Array,
    hops: int,
    out: Array,  # (n, n): -1 on and below the diagonal
    first: int,
    last: int,
) -> None:
    """Write, for j > i, the distance minus 1 where it is at most ``hops``, else ``hops``."""
    n = indptr.size - 1
    seen, queue = np.full(n, -1, np.int32), np.empty(n, np.int32)
    for i in range(first, last):
        for j in range(i + 1):
            out[i, j] = -1
        for j in range(i + 1, n):
            out[i, j] = hops
        queue[0] = i
        seen[i] = i
        begin, end = 0, 1
        for hop in range(hops):
            begin, end = end, widen(indptr, columns, queue, begin, end, seen, i, _ALONE)
            for q in range(begin, end):
                if queue[q] > i:
                    out[i, queue[q]] = hop


@kernel
def near_counts(
    indptr: Array, columns: Array, hops: int, counts: Array, first: int, last: int
) -> None:
    """Count, for each node, the nodes of a higher id at 1, 2, ... hops, and at more or none."""
    n = indptr.size - 1
    seen, queue = np.full(n, -1, np.int32), np.empty(n, np.int32)
    for i in range(first, last):
        queue[0] = i
        seen[i] = i
        begin, end, left = 0, 1, n - 1 - i
        for hop in range(hops):
            begin, end = end, widen(indptr, columns, queue, begin, end, seen, i, _ALONE)
            found = 0
            for q in range(begin, end):
                found += queue[q] > i
            counts[i, hop] = found
            left -= found
        counts[i, hops] = left


@kernel
def near_at_ranks(
    indptr: Array,
    columns: Array,
    hops: int,
    nodes: Array,  # (g,): each once
    ptr: Array,  # (g + 1,): wanted are the places ptr[k] to ptr[k + 1] - 1 of node k
    classes: Array,  # ascending within a node
    ranks: Array,  # ascending within a node and class
    found: Array,  # same size: the other ends
    first: int,
    last: int,
) -> None:
    """Find the r-th node of a higher id in a distance class of a node, in order of the search."""
    n = indptr.size - 1
    seen, queue = np.full(n, -1, np.int32), np.empty(n, np.int32)
    for k in range(first, last):
        i, place, stop = nodes[k], ptr[k], ptr[k + 1]
        queue[0] = i
        seen[i] = k
        begin, end = 0, 1
        for hop in range(hops):
            begin, end = end, widen(indptr, columns, queue, begin, end, seen, k, _ALONE)
            count = 0
            for q in range(begin, end):
                if queue[q] > i:
                    if place < stop and classes[place] == hop and ranks[place] == count:
                        found[place] = queue[q]
                        place += 1
                    count += 1
        count = 0
        for v in range(i + 1, n):
            if place == stop:
                break
            if seen[v] != k:
                if ranks[place] == count:
                    found[place] = v
                    place += 1
                count += 1


@kernel
def context_counts(
    indptr: Array,
    columns: Array,
    labels: Array,  # (n,): -1 is not counted
    hops: int,
    counts: Array,  # (n, C)
    first: int,
    last: int,
) -> None:
    """Count the labels of the neighbours, and with 2 hops once more of those two steps away.

    A neighbour that is two steps away as well, in a triangle, counts twice; the node never.
    """
    n = indptr.size - 1
    seen = np.full(n, -1, np.int32)
    for i in range(first, last):
        seen[i] = i
        for e in range(indptr[i], indptr[i + 1]):
            u = columns[e]
            if labels[u] >= 0:
                counts[i, labels[u]] += 1.0
            if hops > 1:
                for f in range(indptr[u], indptr[u + 1]):
                    v = columns[f]
                    if seen[v] != i:
                        seen[v] = i
                        if labels[v] >= 0:
                            counts[i, labels[v]] += 1.0


@kernel
def relational_sweeps(
    indptr: Array,
    columns: Array,
    order: Array,  # the nodes that are predicted anew, in this order
    base: Array,  # (n, K): what the features say, intercept included
    weight: Array,  # (K, K): row k is what a neighbour of each class adds to class k
    labels: Array,  # (n,): changed in place
    logits: Array,  # (n, K): of the last sweep
    sweeps: int,
) -> None:
    """Predict node after node with the labels of the time; the smallest class wins a tie."""
    width = base.shape[1]
    counts = np.zeros(width, np.float64)
    for _ in range(sweeps):
        for k in range(order.size):
            i = order[k]
            for c in range(width):
                counts[c] = 0.0
            for e in range(indptr[i], indptr[i + 1]):
                counts[labels[columns[e]]] += 1.0
            best = 0
            for c in range(width):
                value = base[i, c]
                for d in range(width):
                    value += weight[c, d] * counts[d]
                logits[i, c] = value
                if value > logits[i, best]:
                    best = c
            labels[i] = best


@kernel
def distance_sums(
    indptr: Array, columns: Array, sums: Array, reached: Array, first: int, last: int
) -> None:
    """Sum the distances from each node to all that it reaches, and count them."""
    n = indptr.size - 1
    seen, queue = np.full(n, -1, np.int32), np.empty(n, np.int32)
    for i in range(first, last):
        queue[0] = i
        seen[i] = i
        begin, end, hop, total = 0, 1, 0, 0
        while begin < end:
            begin, end, hop = (
                end,
                widen(indptr, columns, queue, begin, end, seen, i, _ALONE),
                hop + 1,
            )
            total += hop * (end - begin)
        sums[i] = total
        reached[i] = end - 1
