"""Compiled removal of entries from sparse rows."""
# ruff: noqa: ANN401, PLR0917  (kernels take arrays, scalars of the arrays' type, and many)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel
from graphlab.ops._dropout_kernels import draw
from graphlab.ops._simd_ids import WIDE, load_ids, lowest, matches, prefetch, store_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["drop_entries", "find_entries", "keep_unmarked", "mark_entries"]


@kernel
def find_entries(
    indptr: Array, columns: Array, row: Array, column: Array, place: Array, first: int, last: int
) -> None:
    """Write where entry (row, column) stands among all entries, or -1."""
    for p in range(first, last):
        far, near = min(p + 20, row.size - 1), min(p + 4, row.size - 1)
        prefetch(indptr, row[far])
        prefetch(columns, indptr[row[near]])
        begin, end = indptr[row[p]], indptr[row[p] + 1]
        at, left = begin, end - begin
        while left > WIDE:  # where an entry stands is not predictable: halve without a branch
            half = left >> 1
            at += half if columns[at + half - 1] < column[p] else 0
            left -= half
        if at + WIDE <= columns.size:
            equal = matches(load_ids(columns, at), column[p])
            at = at + lowest(equal) if equal != 0 else end
        else:
            while at < end and columns[at] != column[p]:
                at += 1
        place[p] = at if at < end else -1


@kernel
def mark_entries(place: Array, row: Array, gone: Array, fewer: Array) -> None:
    """Mark entries, and count in ``fewer[row + 1]`` those that were not marked before."""
    for p in range(place.size):
        e = place[p]
        if e >= 0:
            fewer[row[p] + 1] += gone[e] == 0
            gone[e] = 1


@kernel
def keep_unmarked(
    indptr: Array,
    columns: Array,
    gone: Array,  # uint8, one an entry
    words: Array,  # the same memory as uint64
    fewer: Array,
    out_indptr: Array,
    out: Array,  # with room for 32 more
) -> None:
    """Write the rows without the marked entries."""
    removed = 0
    for i in range(indptr.size):
        removed += fewer[i]
        out_indptr[i] = indptr[i] - removed
    k = 0
    whole = columns.size // WIDE
    for block in range(whole):
        e, word = block * WIDE, 4 * block
        if (words[word] | words[word + 1] | words[word + 2] | words[word + 3]) == 0:
            store_ids(out, k, load_ids(columns, e))
            k += WIDE
        else:
            for each in range(e, e + WIDE):
                out[k] = columns[each]
                k += gone[each] == 0
    for each in range(whole * WIDE, columns.size):
        out[k] = columns[each]
        k += gone[each] == 0


@kernel
def drop_entries(
    indptr: Array,
    columns: Array,
    threshold: Any,  # uint64: p in units of 2^-32
    key: Any,  # uint64
    step: int,
    out_indptr: Array,
    out: Array,
    began: Array,
    first_block: int,
    last_block: int,
) -> None:
    """Write the rows without the entries whose draw is below the threshold, from place to place."""
    k = indptr[first_block * step]
    for block in range(first_block, last_block):
        began[block] = k
        for i in range(block * step, min(block * step + step, indptr.size - 1)):
            for e in range(indptr[i], indptr[i + 1]):
                out[k] = columns[e]
                k += draw(e, key) >= threshold
            out_indptr[i + 1] = k
