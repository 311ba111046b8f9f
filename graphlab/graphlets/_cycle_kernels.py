"""Compiled counts of four-cycles on rows ordered by degree; see ``_count_kernels`` for the rows.

A four-cycle is two paths u, v, w over lower nodes with the same ends, u being its highest node.
Where many paths end alike, they are walked twice: first the ends are counted, then the cycles are
given to the nodes. Where few do, as in random graphs, one walk notes those ends, and while it is
at it the triangles, as neighbours of u are marked as if a path had ended there already.
"""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd_ids import entry, prefetch, put

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["RARE", "count_cycles", "count_ends", "count_sparse"]

RARE = 16  # paths of which one may end as another did, before walking twice is faster
_CROWDED = 4  # nodes a path: with fewer, paths are not walked to find out


@kernel_part
def count_ends(
    ptr: Array, columns: Array, twin: Array, count: Array, begin: int, end: int, top: int
) -> bool:
    """Count in ``count[w]``, from ``top`` on, how often node w ends a path over lower nodes.

    Returns whether there is a node that does so twice.
    """
    for q in range(begin, end):
        prefetch(columns, entry(ptr, entry(columns, q)))
    met = top
    for q in range(begin, end):
        for p in range(entry(ptr, entry(columns, q)), entry(twin, q)):
            w = entry(columns, p)
            times = max(entry(count, w), top)
            met |= times
            put(count, w, times + 1)
    return met != top


@kernel
def count_cycles(
    ptr: Array,
    columns: Array,
    split: Array,
    twin: Array,
    sums: Array,  # (n,) added to: twice the four-cycles at a node, chords allowed
    count: Array,  # (n,) scratch of one thread; zero before the first
    base: Array,  # (1,) scratch: larger than all counts, or equal
    first: int,
    last: int,
) -> None:
    """Add up the four-cycles whose highest node is in the range."""
    level = base[0]
    for u in range(first, last):
        begin, end = ptr[u], split[u]
        if end - begin < 2:
            continue
        top = level
        level += end - begin
        if not count_ends(ptr, columns, twin, count, begin, end, top):
            continue
        of_top = 0
        for q in range(begin, end):
            v = entry(columns, q)
            of_side = 0
            for p in range(entry(ptr, v), entry(twin, q)):
                w = entry(columns, p)
                others = np.int64(entry(count, w)) - top - 1
                put(sums, w, entry(sums, w) + others)
                of_side += others
            sums[v] += 2 * of_side
            of_top += of_side
        sums[u] += of_top
    base[0] = level


@kernel
def count_sparse(
    ptr: Array,
    columns: Array,
    split: Array,
    twin: Array,
    triangles: Array,  # (2 m,) added to, at up entries
    sums: Array,  # (n,) added to: twice the four-cycles at a node, chords allowed
    count: Array,  # (n,) scratch of one thread; zero before the first
    mark: Array,  # (n,) likewise: above the level, where in the row of u the node stands
    met: Array,  # (n,) scratch
    state: Array,  # (3,) of one thread: level of all counts; paths walked, ends listed
    first: int,
    last: int,
) -> None:
    """Add up triangles and four-cycles whose highest node is in the range, in one walk.

    Gives up, with more than one end in RARE listed, where the graph is not of that kind.
    """
    level, walked, listed = state
    for u in range(first, last):
        begin, end = ptr[u], split[u]
        if end - begin < 2:
            continue
        top = level
        level += end - begin + 1
        paths = 0
        for q in range(begin, end):
            v = entry(columns, q)
            put(mark, v, top + 1 + q - begin)
            put(count, v, top + 1)
            at = entry(ptr, v)
            prefetch(columns, at)
            paths += entry(twin, q) - at
        walked += paths
        if paths * _CROWDED > u:
            listed = walked
        if listed * RARE > walked:
            break
        found = 0
        for q in range(begin, end):
            v = entry(columns, q)
            for p in range(entry(ptr, v), entry(twin, q)):
                w = entry(columns, p)
                times = entry(count, w)
                if times > top:
                    if times == top + 1:
                        put(met, found, w)
                        found += 1
                    if w < v and entry(mark, w) > top:
                        triangles[twin[q]] += 1
                        triangles[twin[begin + mark[w] - top - 1]] += 1
                        triangles[twin[p]] += 1
                else:
                    times = top
                put(count, w, times + 1)
        listed += found
        sums[u] += _give_cycles(ptr, columns, sums, count, mark, met, found, top)
    state[0], state[1], state[2] = level, walked, listed


@kernel_part
def _give_cycles(
    ptr: Array,
    columns: Array,
    sums: Array,
    count: Array,
    mark: Array,
    met: Array,
    found: int,
    top: int,
) -> Any:  # noqa: ANN401  (a number of 64 bits)
    """Give the cycles at the listed ends to all nodes but the highest; return those of that one."""
    of_top = np.int64(0)
    for k in range(found):
        w = entry(met, k)
        marked = entry(mark, w) > top  # as if one more path ended there
        others = np.int64(entry(count, w)) - top - (2 if marked else 1)
        if others <= 0:
            continue
        put(sums, w, entry(sums, w) + others * (others + 1))
        of_top += others * (others + 1)
        for p in range(entry(ptr, w), entry(ptr, w + 1)):
            v = entry(columns, p)
            if entry(mark, v) > top:  # a neighbour of both
                put(sums, v, entry(sums, v) + 2 * others)
    return of_top
