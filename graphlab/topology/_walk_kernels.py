"""Compiled overlaps of walks, one end of the pairs at a time.

With P the discounted walks from i and q the weights of the nodes that j reaches, the overlap of
(i, j) is row i of P times q. P = A + bAA + ... is a polynomial in A, so the product needs neither
a row of P nor a stored q: by Horner's rule it is A (q + b A (q + ...)), and each of these vectors
is wanted only near the other ends. Memory is a few vectors a thread for any number of nodes.
"""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd_ids import entry, put

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["add_to_ends", "walk_overlaps"]


@kernel_part
def row_total(columns: Array, begin: int, end: int, values: Array, offset: int) -> float:
    """Return the sum of the values of a row's columns; four sums, so that none waits long."""
    one, two, three, four = 0.0, 0.0, 0.0, 0.0
    e = begin
    while e + 3 < end:
        one += entry(values, offset + entry(columns, e))
        two += entry(values, offset + entry(columns, e + 1))
        three += entry(values, offset + entry(columns, e + 2))
        four += entry(values, offset + entry(columns, e + 3))
        e += 4
    while e < end:
        one += entry(values, offset + entry(columns, e))
        e += 1
    return (one + two) + (three + four)


@kernel_part
def grow(
    indptr: Array,
    columns: Array,
    nodes: Array,
    begin: int,
    end: int,
    out: Array,
    at: int,
    seen: Array,
    mark: int,
) -> int:
    """Write the neighbours of some nodes from place ``at`` on, each once; return their end.

    The place behind the end is written to as well.
    """
    for k in range(begin, end):
        u = nodes[k]
        for e in range(indptr[u], indptr[u + 1]):
            v = entry(columns, e)
            put(out, at, v)  # where an end has been seen is not predictable: write, then count
            at += entry(seen, v) != mark
            put(seen, v, mark)
    return at


@kernel_part
def horner_step(
    indptr: Array,
    columns: Array,
    nodes: Array,
    begin: int,
    end: int,
    beta: float,
    q: Array,
    source: Array,
    offset: int,
    out: Array,
    to: int,
) -> None:
    """Write q + beta A source for some nodes, from ``offset`` to ``to``."""
    for k in range(begin, end):
        w = nodes[k]
        total = row_total(columns, indptr[w], indptr[w + 1], source, offset)
        out[to + w] = q[w] + beta * total


@kernel_part
def last_step(
    indptr: Array,
    columns: Array,
    pair_ends: Array,
    begin: int,
    end: int,
    source: Array,
    offset: int,
    overlap: Array,
) -> None:
    """Write A source for the other ends of the pairs."""
    for e in range(begin, end):
        i = pair_ends[e]
        overlap[e] = row_total(columns, indptr[i], indptr[i + 1], source, offset)


@kernel_part
def number_of_pairs(pair_ptr: Array, targets: int, n: int, j: int) -> int:
    """Return the number of pairs of j in all targets; row t * n + j has those of target t."""
    pairs = 0
    for t in range(targets):
        pairs += pair_ptr[t * n + j + 1] - pair_ptr[t * n + j]
    return pairs


@kernel_part
def reach(
    indptr: Array,
    columns: Array,
    j: int,
    hops: int,
    beta: float,
    reached: Array,
    q: Array,
    seen: Array,
    mark: int,
) -> int:
    """Write what j reaches in exactly b = 1 to K steps, list behind list; return the last end.

    Adds beta^(b - 1) to ``q`` of each. Uses K marks.
    """
    reached[0] = j
    begin = 0
    end = grow(indptr, columns, reached, 0, 1, reached, 0, seen, mark)
    for k in range(end):
        q[reached[k]] = 1.0
    weight = 1.0
    for b in range(1, hops):
        weight *= beta
        stop = grow(indptr, columns, reached, begin, end, reached, end, seen, mark + b)
        for k in range(end, stop):
            q[reached[k]] += weight
        begin, end = end, stop
    return end


@kernel_part
def plan(
    indptr: Array,
    columns: Array,
    j: int,
    hops: int,
    pair_ptr: Array,
    pair_ends: Array,
    wanted: Array,
    bounds: Array,
    seen: Array,
    mark: int,
) -> None:
    """Write where the vectors of Horner's rule are wanted, the last one first; K - 1 marks.

    Level l is ``wanted[bounds[l - 1]:bounds[l]]``, l = 1 to K - 1.
    """
    n = indptr.size - 1
    at = 0
    for t in range((pair_ptr.size - 1) // n):
        low, high = pair_ptr[t * n + j], pair_ptr[t * n + j + 1]
        at = grow(indptr, columns, pair_ends, low, high, wanted, at, seen, mark)
    bounds[0], bounds[1] = 0, at
    for level in range(2, hops):
        low, high = bounds[level - 2], bounds[level - 1]
        last = mark + level - 1
        bounds[level] = grow(indptr, columns, wanted, low, high, wanted, high, seen, last)


@kernel
def walk_overlaps(
    indptr: Array,
    columns: Array,
    hops: int,  # at least 2
    beta: float,
    pair_ptr: Array,  # (targets * n + 1,)
    pair_ends: Array,
    overlap: Array,  # one a pair
    seen: Array,  # (n,) zeros, int64
    q: Array,  # (n,) zeros
    z: Array,  # (2 n,)
    reached: Array,  # (hops * n + 1,)
    wanted: Array,  # (hops * n + 1,)
    bounds: Array,  # (hops,)
    first: int,
    last: int,
) -> None:
    """Write the overlap of (i, j) for the pairs of j = ``first`` to ``last - 1``.

    Marks in ``seen`` are unique to j and to a set, so nothing is cleared but ``q``.
    """
    n = indptr.size - 1
    targets = (pair_ptr.size - 1) // n
    for j in range(first, last):
        alone = indptr[j] == indptr[j + 1]
        if alone or number_of_pairs(pair_ptr, targets, n, j) == 0:
            continue
        mark = 2 * hops * j + 1
        end = reach(indptr, columns, j, hops, beta, reached, q, seen, mark)
        plan(indptr, columns, j, hops, pair_ptr, pair_ends, wanted, bounds, seen, mark + hops)
        low, high = bounds[hops - 2], bounds[hops - 1]
        horner_step(indptr, columns, wanted, low, high, beta, q, q, 0, z, 0)
        old, new = 0, n
        for level in range(hops - 2, 0, -1):
            low, high = bounds[level - 1], bounds[level]
            horner_step(indptr, columns, wanted, low, high, beta, q, z, old, z, new)
            old, new = new, old
        for t in range(targets):
            low, high = pair_ptr[t * n + j], pair_ptr[t * n + j + 1]
            last_step(indptr, columns, pair_ends, low, high, z, old, overlap)
        for k in range(end):
            q[reached[k]] = 0.0


@kernel
def add_to_ends(
    pair_ends: Array, values: Array, sums: Array, offset: int, first: int, last: int
) -> None:
    """Add the value of each pair to its other end, always in the same order."""
    for e in range(first, last):
        sums[offset + pair_ends[e]] += values[e]
