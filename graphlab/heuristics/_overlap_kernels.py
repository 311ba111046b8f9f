"""Compiled sums over the common entries of two sorted rows."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel, kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["STAGE", "overlap_sums"]

STAGE = 32  # pairs whose rows are looked up together, so that their cache misses overlap
_RATIO = 8  # a row this much longer than the other is searched, not read


@kernel_part
def first_not_below(columns: Array, at: int, end: int, node: int) -> int:
    """Return the first position from ``at`` on whose column is at least ``node``, or ``end``.

    Strides double until they pass the node; then the last stride is halved.
    """
    high, stride = at, 1
    while high < end and columns[high] < node:
        at = high + 1
        high += stride
        stride *= 2
    high = min(high, end)
    while at < high:
        middle = (at + high) >> 1
        if columns[middle] < node:
            at = middle + 1
        else:
            high = middle
    return at


@kernel
def overlap_sums(
    indptr: Array,
    columns: Array,
    weight: Array | None,  # (2 n,): 1/ln d and 1/d of each node, side by side
    src: Array,
    dst: Array,
    count: Array,
    adamic: Array,
    resource: Array,
    first_block: int,
    last_block: int,
) -> None:
    """Count the common neighbours of each pair and sum both weights of them; no list is made.

    Blocks hold STAGE pairs. Sums run over ascending nodes, so they are equal for (j, i).
    """
    row = np.empty(4 * STAGE, np.int64)
    for block in range(first_block, last_block):
        start = block * STAGE
        pairs = min(STAGE, src.size - start)
        for q in range(pairs):
            i, j = src[start + q], dst[start + q]
            row[4 * q], row[4 * q + 1] = indptr[i], indptr[i + 1]
            row[4 * q + 2], row[4 * q + 3] = indptr[j], indptr[j + 1]
        for q in range(pairs):
            a, a_end, b, b_end = row[4 * q], row[4 * q + 1], row[4 * q + 2], row[4 * q + 3]
            if a_end - a > b_end - b:
                a, a_end, b, b_end = b, b_end, a, a_end
            search = b_end - b > _RATIO * (a_end - a)
            common, by_log, by_degree = 0, 0.0, 0.0
            while a < a_end and b < b_end:
                u = columns[a]
                if search:
                    b = first_not_below(columns, b, b_end, u)
                    if b == b_end:
                        break
                v = columns[b]
                if u == v:
                    common += 1
                    if weight is not None:
                        by_log += weight[2 * u]
                        by_degree += weight[2 * u + 1]
                a += search or u <= v
                b += v <= u
            count[start + q] = common
            if weight is not None:
                adamic[start + q] = by_log
                resource[start + q] = by_degree
