"""Compiled removal of entries from sparse rows."""
# ruff: noqa: ANN401, PLR0917  (kernels take arrays, scalars of the arrays' type, and many)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel
from graphlab.ops._dropout_kernels import _FIRST, _SECOND, _STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["drop_entries", "find_entries", "keep_unmarked", "mark_entries"]


@kernel
def find_entries(
    indptr: Array, columns: Array, src: Array, dst: Array, place: Array, first: int, last: int
) -> None:
    """Write the place of entry (src, dst), or -1."""
    for p in range(first, last):
        low, high = indptr[src[p]], indptr[src[p] + 1]
        end, wanted = high, dst[p]
        while low < high:
            middle = (low + high) >> 1
            if columns[middle] < wanted:
                low = middle + 1
            else:
                high = middle
        place[p] = low if low < end and columns[low] == wanted else -1


@kernel
def mark_entries(place: Array, src: Array, gone: Array, fewer: Array) -> None:
    """Mark entries, and count in ``fewer[row + 1]`` those that were not marked before."""
    for p in range(place.size):
        e = place[p]
        if e >= 0:
            fewer[src[p] + 1] += 1 - gone[e]
            gone[e] = 1


@kernel
def keep_unmarked(
    indptr: Array, columns: Array, gone: Array, fewer: Array, out_indptr: Array, out: Array
) -> None:
    """Write the rows without the marked entries."""
    removed = 0
    for i in range(indptr.size):
        removed += fewer[i]
        out_indptr[i] = indptr[i] - removed
    k = 0
    for e in range(columns.size):
        if gone[e] == 0:
            out[k] = columns[e]
            k += 1


@kernel
def drop_entries(
    indptr: Array,
    columns: Array,
    threshold: Any,
    key: Any,
    bounds: Array,
    out_indptr: Array,
    out: Array,
    began: Array,
    first_block: int,
    last_block: int,
) -> None:
    """Write the rows without the entries whose draw is below the threshold."""
    k = indptr[bounds[first_block]]
    for block in range(first_block, last_block):
        began[block] = k
        for i in range(bounds[block], bounds[block + 1]):
            for e in range(indptr[i], indptr[i + 1]):
                draw = np.uint64(e) * _STEP + key
                draw = (draw ^ (draw >> np.uint64(30))) * _FIRST
                draw = (draw ^ (draw >> np.uint64(27))) * _SECOND
                draw = (draw ^ (draw >> np.uint64(31))) >> np.uint64(32)
                out[k] = columns[e]
                k += draw >= threshold
            out_indptr[i + 1] = k
