"""Compiled reading of edge lists into sorted symmetric rows, and plain counts over rows."""
# ruff: noqa: PLR0912, PLR0917  (kernels take arrays and many numbers, and write loops out)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["build_rows", "divide_sums", "walk_numbers"]


@kernel
def build_rows(
    ends: Array,  # both ends of edge e: ends[e * step] and ends[e * step + other]
    step: int,
    other: int,
    keep_loops: int,
    indptr: Array,  # (n + 1,) zeros; the first is -1 - e if edge e has an end out of range
    cursor: Array,  # (n,) scratch
    scratch: Array,  # (2 E,) of the columns' type
    columns: Array,  # likewise
) -> None:
    """Write the rows of the symmetric matrix: each neighbour once, ascending; nothing is compared.

    Entries are put into rows in the order of the edges; then the rows are read from the first to
    the last and every entry is put into the row of its other end. As the matrix is symmetric, that
    is the same matrix, with sorted rows in which repeats are neighbours. ``columns`` is filled up
    to the last pointer.
    """
    n = indptr.size - 1
    for e in range(ends.size // 2):
        u, v = ends[e * step], ends[e * step + other]
        if min(u, v) < 0 or max(u, v) >= n:
            indptr[0] = -1 - e
            return
        if u != v:
            indptr[u + 1] += 1
            indptr[v + 1] += 1
        elif keep_loops:
            indptr[u + 1] += 1
    for i in range(n):
        cursor[i] = indptr[i]
        indptr[i + 1] += indptr[i]
    for e in range(ends.size // 2):
        u, v = ends[e * step], ends[e * step + other]
        if u != v:
            scratch[cursor[u]] = v
            cursor[u] += 1
            scratch[cursor[v]] = u
            cursor[v] += 1
        elif keep_loops:
            scratch[cursor[u]] = u
            cursor[u] += 1
    for i in range(n):
        cursor[i] = indptr[i]
    for u in range(n):
        for e in range(indptr[u], indptr[u + 1]):
            v = scratch[e]
            at = cursor[v]
            if at == indptr[v] or columns[at - 1] != u:
                columns[at] = u
                cursor[v] = at + 1
    k = 0
    for i in range(n):
        begin, end = indptr[i], cursor[i]
        indptr[i] = k
        for e in range(begin, end):
            columns[k] = columns[e]
            k += 1
    indptr[n] = k


@kernel
def walk_numbers(indptr: Array, columns: Array, before: Array, after: Array) -> None:
    """Multiply the matrix of ones and zeros with a vector."""
    for i in range(indptr.size - 1):
        total = 0.0
        for e in range(indptr[i], indptr[i + 1]):
            total += before[columns[e]]
        after[i] = total


@kernel
def divide_sums(
    indptr: Array,
    pair_ptr: Array,
    own: int,  # 1 where the pairs are the training edges
    norm: Array | None,  # by default the degree
    sums: Array,
    out: Array,
) -> None:
    """Divide sums over pairs by their number and by the norm; 0 where one of them is nothing."""
    for i in range(out.size):
        degree, number = indptr[i + 1] - indptr[i], pair_ptr[i + 1] - pair_ptr[i]
        out[i] = 0.0
        if degree > own and number > 0:
            scale = float(degree) if norm is None else norm[i]
            out[i] = sums[i] / (number * (scale - own))
