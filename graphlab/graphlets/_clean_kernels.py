"""Compiled steps from an edge list to the sorted rows of a simple graph, without sorting.

Two transpositions sort: the first collects the sources of each target, the second walks the
targets in ascending order and appends each to the rows of its sources.
"""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["append_transposed", "collect_sources", "survey", "unite_rows", "walk_mirrored"]

_at = np.uint64  # an unsigned index is not asked whether it counts from the end: a fifth faster


@kernel
def survey(source: Array, target: Array, out: Array, into: Array, found: Array) -> None:
    """Count the entries of each row and column, loops left out.

    Args:
        source: (m,) node of each entry.
        target: (m,) the other node.
        out: (n + 1,) zeros; entries from node u are counted at u + 1.
        into: (n + 1,) zeros; entries to node v are counted at v + 1.
        found: Number of loops; 1 if the other entries are not in strictly ascending order.
    """
    loops, mixed = 0, 0
    last_u, last_v = -1, -1
    for e in range(source.size):
        u, v = source[e], target[e]
        if u == v:
            loops += 1
            continue
        if u < last_u or (u == last_u and v <= last_v):
            mixed = 1
        last_u, last_v = u, v
        out[_at(u + 1)] += 1
        into[_at(v + 1)] += 1
    found[0], found[1] = loops, mixed


@kernel
def collect_sources(source: Array, target: Array, place: Array, lists: Array) -> None:
    """Write the sources of each target, in any order; ``place`` moves from begin to end."""
    for e in range(source.size):
        u, v = source[e], target[e]
        if u != v:
            p = place[_at(v)]
            lists[_at(p)] = u
            place[_at(v)] = p + 1


@kernel
def append_transposed(
    begin: Array, end: Array, columns: Array, place: Array, last: Array, out: Array
) -> None:
    """Write the rows of the transposed matrix, ascending and without repeats.

    Args:
        begin: (n,) where each row begins in ``columns``.
        end: (n,) where it ends.
        columns: Columns in any order, repeats included.
        place: (n,) where each row of ``out`` begins; moves to where it ends.
        last: (n,) filled with -1.
        out: The rows are written here; repeats leave gaps at the ends of rows.
    """
    for v in range(begin.size):
        for e in range(begin[v], end[v]):
            u = _at(columns[_at(e)])
            if last[u] != v:
                last[u] = v
                p = place[u]
                out[_at(p)] = v
                place[u] = p + 1


@kernel
def walk_mirrored(begin: Array, end: Array, columns: Array, place: Array, found: Array) -> None:
    """Test whether a matrix with sorted rows is symmetric.

    While rows are walked in ascending order, each row is met in its own order: the next unread
    entry of row v has to be u. Symmetric is what passes, and moves ``place`` to ``end`` exactly.

    Args:
        begin: (n,) where each row begins.
        end: (n,) where it ends.
        columns: Columns, ascending in each row.
        place: (n,) a copy of ``begin``; moved by one for each entry met.
        found: 1 if an entry did not match, in the first number.
    """
    final = columns.size - 1
    for u in range(begin.size):
        wrong = 0
        for e in range(begin[u], end[u]):
            v = _at(columns[_at(e)])
            p = place[v]
            # without a branch; a row read to its end may show the next one's entry, and overruns
            wrong |= columns[_at(min(p, final))] ^ u
            place[v] = p + 1
        if wrong != 0:
            found[0] = 1
            return
    found[0] = 0


@kernel
def unite_rows(
    begin: Array,
    end: Array,
    columns: Array,
    other_begin: Array,
    other_end: Array,
    other: Array,
    indptr: Array,
    out: Array,
) -> None:
    """Write the union of two matrices with sorted rows, without gaps; ``indptr`` (n + 1,) too."""
    at = 0
    for u in range(begin.size):
        indptr[u] = at
        a, b = begin[u], other_begin[u]
        while a < end[u] or b < other_end[u]:
            if b == other_end[u] or (a < end[u] and columns[a] <= other[b]):
                v = columns[a]
                if b < other_end[u] and other[b] == v:
                    b += 1
                a += 1
            else:
                v = other[b]
                b += 1
            out[at] = v
            at += 1
    indptr[begin.size] = at
