"""Counts that several values need, computed on several threads."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._threads import run_blocks
from graphlab.topology._row_kernels import walk_numbers
from graphlab.topology._triangle_kernels import (
    count_common,
    count_triangles,
    higher_rows,
    sum_common,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.topology._rows import Rows

    Array = NDArray[Any]

__all__ = ["common_counts", "common_sums", "triangles", "walks"]


def triangles(rows: Rows, threads: int | None) -> NDArray[np.int64]:
    """Return the number of triangles at each node of a graph without loops.

    Cost: O(m a) for the largest number a of neighbours that have more neighbours than the node;
    a is at most the root of 2 m.
    """
    n = rows.num_nodes
    pointers, higher = np.empty(n + 1, np.int64), np.empty(rows.columns.size + 1, np.int32)
    higher_rows(rows.indptr, rows.columns, pointers, higher)
    total, lock = np.zeros(n, np.int64), threading.Lock()

    def call(first: int, last: int) -> None:
        found = np.zeros(n, np.int64)
        count_triangles(pointers, higher, np.zeros(n, np.uint8), found, first, last)
        with lock:  # whole numbers: the order of threads does not show
            np.add(total, found, out=total)

    run_blocks(call, n, rows.columns.size, threads)
    return total


def common_sums(rows: Rows, pairs: Rows, threads: int | None) -> NDArray[np.int64]:
    """Return at each node the sum over its pairs of the number of common neighbours.

    Cost: one intersection a pair of two nodes, given once or in both directions.
    """
    n, longest = rows.num_nodes, int(rows.degree.max(initial=0)) + 1
    total, lock = np.zeros(n, np.int64), threading.Lock()

    def call(first: int, last: int) -> None:
        found, scratch = np.zeros(n, np.int64), np.empty(longest, np.int32)
        sum_common(
            *(rows.indptr, rows.columns, pairs.indptr, pairs.columns, scratch, found, first, last)
        )
        with lock:
            np.add(total, found, out=total)

    run_blocks(call, n, 8 * pairs.columns.size, threads)
    return total


def common_counts(first: Rows, second: Rows, pair_ptr: Array, pair_ends: Array) -> Array:
    """Return the number of common entries of row i of one and row j of the other, float64.

    Args:
        first: Has rows i.
        second: Has rows j.
        pair_ptr: Pairs of i are ``pair_ends[pair_ptr[i]:pair_ptr[i + 1]]``.
        pair_ends: See there.
    """
    indptr = np.concatenate([first.indptr, first.indptr[-1] + second.indptr[1:]])
    columns = np.concatenate([first.columns, second.columns])
    count = np.zeros(pair_ends.size, np.float64)
    longest, shift = int(first.degree.max(initial=0)) + 1, first.num_nodes

    def call(low: int, high: int) -> None:
        scratch = np.empty(longest, np.int32)
        count_common(indptr, columns, pair_ptr, pair_ends, shift, scratch, count, low, high)

    run_blocks(call, pair_ptr.size - 1, 8 * pair_ends.size)
    return count


def walks(rows: Rows, hops: int) -> list[NDArray[np.float64]]:
    """Return the number of walks of 1 to ``hops`` steps from each node."""
    found = [rows.degree.astype(np.float64)]
    for _ in range(hops - 1):
        found.append(np.empty(rows.num_nodes))
        walk_numbers(rows.indptr, rows.columns, found[-2], found[-1])
    return found
