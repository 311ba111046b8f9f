"""Compiled steps from a list of edges, or the rows of a simple graph, to rows ordered by degree.

Both begin by listing for each node its upper neighbours, ascending: nodes are walked in ascending
order and each is appended to the lists of its lower neighbours, so nothing is compared. One step
that is common to both then writes the rows; see ``_count_kernels`` for what stands where.
"""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd_ids import entry, put

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["list_upper_of_edges", "list_upper_of_rows", "place_rows"]


@kernel_part
def _rank_nodes(degree: Array, order: Array, rank: Array, begin: Array) -> None:
    """Rename nodes by ascending degree; ``begin`` (n + 1,) sums the degrees up."""
    n = order.size
    places = np.zeros(n + 1, np.int64)
    longest = 0
    for u in range(n):
        longest = max(longest, degree[u])
    if longest >= n:  # repeats
        places = np.zeros(longest + 1, np.int64)
    for u in range(n):
        put(places, degree[u], entry(places, degree[u]) + 1)
    total = 0
    for d in range(longest + 1):
        here = places[d]
        places[d] = total
        total += here
    for u in range(n):
        d = degree[u]
        at = entry(places, d)
        put(places, d, at + 1)
        put(rank, u, at)
        put(order, at, u)
    begin[0] = 0
    for u in range(n):
        begin[u + 1] = begin[u] + entry(degree, order[u])


@kernel
def list_upper_of_edges(
    source: Array,
    target: Array,
    degree: Array,  # (n,) zeros
    order: Array,  # (n,) out: old name of each new node
    rank: Array,  # (n,) out: new name of each old node
    first: Array,  # (n + 1,) out: upper neighbours stand in lists[first[u] : end[u]]
    end: Array,  # (n,) out
    down: Array,  # (n,) out: number of lower neighbours
    lists: Array,  # (2 m,) out
    ptr: Array,  # (n + 1,) out: where the row of each new node begins; so does ``degree`` at last
    split: Array,  # (n,) out: where the upper neighbours begin in the row
    found: Array,  # (2,) out: number of loops; of edges
) -> None:
    """List upper neighbours for edges in any order, each one or more times; loops are left out."""
    n, loops = order.size, 0
    for e in range(source.size):
        u, v = source[e], target[e]
        if u == v:
            loops += 1
            continue
        put(degree, u, entry(degree, u) + 1)
        put(degree, v, entry(degree, v) + 1)
    _rank_nodes(degree, order, rank, first)
    for u in range(n):
        end[u] = first[u]
        degree[u] = -1
    for e in range(source.size):
        u, v = source[e], target[e]
        if u != v:
            a, b = entry(rank, u), entry(rank, v)
            high = max(a, b)
            p = entry(end, high)
            put(lists, p, min(a, b))
            put(end, high, p + 1)
    edges = 0
    for u in range(n):
        begin, lower = first[u], 0
        first[u] = end[u]  # the upper neighbours come behind the lower ones
        for p in range(begin, first[u]):
            v = entry(lists, p)
            if entry(degree, v) != u:
                put(degree, v, u)
                at = entry(end, v)
                put(lists, at, u)
                put(end, v, at + 1)
                lower += 1
        down[u] = lower
        edges += lower
    found[0], found[1] = loops, edges
    _set_rows(first, end, down, ptr, split, degree)


@kernel
def list_upper_of_rows(
    indptr: Array,
    indices: Array,
    degree: Array,  # (n,) scratch
    order: Array,
    rank: Array,
    first: Array,
    end: Array,
    down: Array,
    lists: Array,
    ptr: Array,
    split: Array,
) -> None:
    """List upper neighbours for the rows of a simple graph; see ``list_upper_of_edges``."""
    n = order.size
    for u in range(n):
        degree[u] = indptr[u + 1] - indptr[u]
    _rank_nodes(degree, order, rank, first)
    for u in range(n):
        end[u] = first[u]
    for u in range(n):
        old, lower = order[u], 0
        for p in range(indptr[old], indptr[old + 1]):
            v = entry(rank, entry(indices, p))
            if v < u:
                at = entry(end, v)
                put(lists, at, u)
                put(end, v, at + 1)
                lower += 1
        down[u] = lower
    _set_rows(first, end, down, ptr, split, degree)


@kernel_part
def _set_rows(first: Array, end: Array, down: Array, ptr: Array, split: Array, fill: Array) -> None:
    """Sum up where rows begin, and where their upper neighbours do."""
    ptr[0] = 0
    for u in range(split.size):
        fill[u] = ptr[u]
        split[u] = ptr[u] + down[u]
        ptr[u + 1] = split[u] + end[u] - first[u]


@kernel
def place_rows(
    first: Array,
    end: Array,
    lists: Array,
    columns: Array,  # (2 m,) out
    split: Array,
    twin: Array,  # (2 m,) out, at down entries
    fill: Array,  # (n,) where rows begin; scratch
    low: int,
    high: int,
) -> None:
    """Write the rows of nodes ``low`` to ``high - 1``, and their entries in rows of others.

    Lower neighbours stand first, then upper ones, both ascending.
    """
    for u in range(high):
        p, stop = first[u], end[u]
        while p < stop and entry(lists, p) < low:
            p += 1
        q = split[u] + p - first[u]
        while p < stop:
            v = entry(lists, p)
            if v >= high:
                break
            put(columns, q, v)
            at = entry(fill, v)
            put(columns, at, u)
            put(twin, at, q)
            put(fill, v, at + 1)
            p += 1
            q += 1
