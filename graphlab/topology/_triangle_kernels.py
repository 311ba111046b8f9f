"""Compiled counts of triangles and of common neighbours."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel
from graphlab.ops._overlap_kernels import intersect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["add_both_ends", "count_common", "count_triangles", "higher_rows", "sum_common"]


@kernel
def higher_rows(indptr: Array, columns: Array, higher_ptr: Array, higher: Array) -> None:
    """Write the neighbours of each node that have more neighbours; of equal ones, a higher id."""
    k = 0
    for u in range(indptr.size - 1):
        higher_ptr[u] = k
        degree = indptr[u + 1] - indptr[u]
        for e in range(indptr[u], indptr[u + 1]):
            v = columns[e]
            other = indptr[v + 1] - indptr[v]
            higher[k] = v
            k += other > degree or (other == degree and v > u)
    higher_ptr[indptr.size - 1] = k


@kernel
def count_triangles(
    higher_ptr: Array, higher: Array, mark: Array, triangles: Array, first: int, last: int
) -> None:
    """Add each triangle whose lowest node is among ``first`` to ``last - 1`` to its three nodes.

    Args:
        higher_ptr: Boundaries of the rows of :func:`higher_rows`.
        higher: Their entries.
        mark: Zeros, one a node; zeros again afterwards.
        triangles: One number a node.
        first: First row.
        last: Behind the last row.
    """
    for u in range(first, last):
        begin, end = higher_ptr[u], higher_ptr[u + 1]
        if end - begin < 2:
            continue
        for e in range(begin, end):
            mark[higher[e]] = 1
        mine = 0
        for e in range(begin, end):
            v = higher[e]
            found = 0
            for f in range(higher_ptr[v], higher_ptr[v + 1]):
                w = higher[f]
                hit = mark[w]
                triangles[w] += hit
                found += hit
            triangles[v] += found
            mine += found
        triangles[u] += mine
        for e in range(begin, end):
            mark[higher[e]] = 0


@kernel
def sum_common(
    indptr: Array,
    columns: Array,
    pair_ptr: Array,
    pair_ends: Array,
    scratch: Array,
    sums: Array,
    first: int,
    last: int,
) -> None:
    """Add the number of common neighbours of pairs to both of their ends, to one end of (i, i).

    Pairs of row i are ``pair_ends[pair_ptr[i]:pair_ptr[i + 1]]``, and those of the other end too;
    the ones with j >= i are taken.
    """
    for i in range(first, last):
        a, a_end = indptr[i], indptr[i + 1]
        mine = 0
        for e in range(pair_ptr[i], pair_ptr[i + 1]):
            j = pair_ends[e]
            if j >= i:
                found = intersect(columns, a, a_end, indptr[j], indptr[j + 1], scratch, 0)
                mine += found
                sums[j] += found if j > i else 0
        sums[i] += mine


@kernel
def count_common(
    indptr: Array,
    columns: Array,
    pair_ptr: Array,
    pair_ends: Array,
    shift: int,
    scratch: Array,
    count: Array,
    first: int,
    last: int,
) -> None:
    """Count the common entries of row i and row j + ``shift`` for pairs given as rows."""
    for i in range(first, last):
        a, a_end = indptr[i], indptr[i + 1]
        for e in range(pair_ptr[i], pair_ptr[i + 1]):
            j = pair_ends[e] + shift
            count[e] = intersect(columns, a, a_end, indptr[j], indptr[j + 1], scratch, 0)


@kernel
def add_both_ends(pair_ptr: Array, pair_ends: Array, values: Array, sums: Array) -> None:
    """Add the values of pairs with j >= i to both of their ends, to a node with itself once."""
    for i in range(pair_ptr.size - 1):
        for e in range(pair_ptr[i], pair_ptr[i + 1]):
            j = pair_ends[e]
            if j >= i:
                sums[i] += values[e]
                if j > i:
                    sums[j] += values[e]
