"""Compiled intersection of sorted rows.

A merge of two rows takes one hardly predictable branch an entry. Here thirty-two ids of the longer
row stand in vector registers, and each id of the shorter one is compared with all of them at once;
results are written before it is known whether they count. Ten times faster than the merge on a
power-law graph (``benchmarks/perf/test_overlap.py``).
"""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd_ids import (
    WIDE,
    contains,
    entry,
    load_ids,
    lowest,
    matches,
    only,
    prefetch,
    put,
    store_ids,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["close_gaps", "common_lists", "list_limits", "overlap_lists"]

_SPARSE = 8  # blocks of the longer row an id of the shorter one: beyond, blocks are searched for


@kernel_part
def fetch_ahead(indptr: Array, columns: Array, src: Array, dst: Array, p: int) -> None:
    """Have the memory send what pairs behind pair p will read."""
    far, near = min(p + 28, src.size - 1), min(p + 6, src.size - 1)
    prefetch(indptr, src[far])
    prefetch(indptr, dst[far])
    for ahead in range(0, 64, 16):  # four cache lines of each row; the machine guesses the rest
        prefetch(columns, indptr[src[near]] + ahead)
        prefetch(columns, indptr[dst[near]] + ahead)


@kernel_part
def intersect(columns: Array, i: int, i_end: int, j: int, j_end: int, nodes: Array, k: int) -> int:
    """Write the ids that stand in both ranges of ``columns`` from place k on; return their end."""
    if j_end - j < i_end - i:
        i, i_end, j, j_end = j, j_end, i, i_end
    count = j_end - j
    if columns.size < WIDE:
        while i < i_end and j < j_end:
            a, b = columns[i], columns[j]
            nodes[k] = a
            k += a == b
            i += a <= b
            j += a >= b
    elif count <= WIDE:
        at = min(j, columns.size - WIDE)
        ids = only(load_ids(columns, at), j - at, j_end - at)  # not those of rows beside
        for e in range(i, i_end):
            a = entry(columns, e)
            put(nodes, k, a)
            k += contains(ids, a)
    elif count <= _SPARSE * WIDE * (i_end - i):
        while i < i_end and j < j_end:
            at = min(j, j_end - WIDE)
            ids = load_ids(columns, at)
            last = columns[at + WIDE - 1]
            while i < i_end and entry(columns, i) <= last:
                a = entry(columns, i)
                put(nodes, k, a)
                k += contains(ids, a)
                i += 1
            j += WIDE
    else:
        for e in range(i, i_end):
            a = entry(columns, e)
            at, blocks = j, (count - 1) // WIDE  # the last block needs no look
            while blocks > 0:
                half = (blocks + 1) >> 1
                at += half * WIDE if entry(columns, at + half * WIDE - 1) < a else 0
                blocks -= half
            put(nodes, k, a)
            k += contains(load_ids(columns, min(at, j_end - WIDE)), a)
    return k


@kernel_part
def copy_others(
    columns: Array, i: int, i_end: int, common: Array, first: int, last: int, out: Array, m: int
) -> int:
    """Write the range of ``columns`` without the common ids; up to 31 more places are overwritten.

    Args:
        columns: Ids.
        i: First of the range.
        i_end: Its end.
        common: Ids of the range, ascending, from ``first`` to ``last - 1``.
        first: See there.
        last: See there.
        out: Written from place ``m`` on.
        m: See there.

    Returns:
        The end of what was written.
    """
    end = m + (i_end - i) - (last - first)
    bound = columns.size - WIDE
    while first < last and i <= bound:
        ids = load_ids(columns, i)
        store_ids(out, m, ids)
        place = min(lowest(matches(ids, common[first])), WIDE)
        found = place < WIDE
        first += found
        i += place + found
        m += place
    while i < i_end and i <= bound:
        store_ids(out, m, load_ids(columns, i))
        i += WIDE
        m += WIDE
    while m < end:  # at the end of the array
        out[m] = columns[i]
        hit = first < last and columns[i] == common[first]
        first += hit
        m += not hit
        i += 1
    return end


@kernel
def list_limits(
    indptr: Array,
    src: Array,
    dst: Array,
    step: int,
    limits: Array,  # (3 * blocks,)
    first_block: int,
    last_block: int,
) -> None:
    """Write for each block of pairs the most entries that its three lists can have."""
    for block in range(first_block, last_block):
        common = left = right = 0
        for p in range(block * step, min(block * step + step, src.size)):
            a = indptr[src[p] + 1] - indptr[src[p]]
            b = indptr[dst[p] + 1] - indptr[dst[p]]
            common += min(a, b)
            left += a
            right += b
        limits[3 * block] = common
        limits[3 * block + 1] = left
        limits[3 * block + 2] = right


@kernel
def common_lists(
    indptr: Array,
    columns: Array,
    src: Array,
    dst: Array,
    step: int,
    offset: Array,
    began: Array,
    ptr: Array,
    nodes: Array,
    first_block: int,
    last_block: int,
) -> None:
    """Write the common entries of the two rows of each pair, one list behind the other."""
    k = offset[first_block]
    for block in range(first_block, last_block):
        began[block] = k
        for p in range(block * step, min(block * step + step, src.size)):
            fetch_ahead(indptr, columns, src, dst, p)
            i, j = src[p], dst[p]
            k = intersect(columns, indptr[i], indptr[i + 1], indptr[j], indptr[j + 1], nodes, k)
            ptr[p + 1] = k


@kernel
def overlap_lists(
    indptr: Array,
    columns: Array,
    src: Array,
    dst: Array,
    step: int,
    offset: Array,
    began: Array,
    ptr: Array,
    nodes: Array,
    left_offset: Array,
    left_began: Array,
    left_ptr: Array,
    left: Array,
    right_offset: Array,
    right_began: Array,
    right_ptr: Array,
    right: Array,
    first_block: int,
    last_block: int,
) -> None:
    """Write common entries, entries of the first row alone, and of the second row alone."""
    k, m, n = offset[first_block], left_offset[first_block], right_offset[first_block]
    for block in range(first_block, last_block):
        began[block], left_began[block], right_began[block] = k, m, n
        for p in range(block * step, min(block * step + step, src.size)):
            fetch_ahead(indptr, columns, src, dst, p)
            i, i_end = indptr[src[p]], indptr[src[p] + 1]
            j, j_end = indptr[dst[p]], indptr[dst[p] + 1]
            before = k
            k = intersect(columns, i, i_end, j, j_end, nodes, k)
            m = copy_others(columns, i, i_end, nodes, before, k, left, m)
            n = copy_others(columns, j, j_end, nodes, before, k, right, n)
            ptr[p + 1], left_ptr[p + 1], right_ptr[p + 1] = k, m, n


@kernel
def close_gaps(began: Array, ptr: Array, nodes: Array, step: int) -> None:
    """Move the lists of each block up to those of the block before, and their ends in ``ptr``."""
    end = 0
    pairs = ptr.size - 1
    ptr[0] = 0
    for block in range(began.size):
        first, last = block * step, min(block * step + step, pairs)
        start, stop = began[block], ptr[last]
        gap = start - end
        if gap > 0:
            for e in range(start, stop):
                nodes[e - gap] = nodes[e]
            for p in range(first, last):
                ptr[p + 1] -= gap
        end = stop - gap
