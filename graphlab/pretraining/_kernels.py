"""Compiled passes over packed graphs, and the sweeps of total variation."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = [
    "add_blocks",
    "check_simple",
    "denoise",
    "fill_rows",
    "join_rows",
    "rank_by_degree",
    "scan_matrix",
    "spread_columns",
    "spread_entries",
    "spread_rows",
    "sum_group",
]


@kernel
def join_rows(
    ptr: Array,  # (G + 1,) first node of each graph
    pointers: Array,  # row pointers of all graphs behind each other, (n + G,)
    columns: Array,  # (m,) ids within each graph
    indptr: Array,  # (n + 1,), filled
    col: Array,  # (m,), filled
) -> None:
    """Turn the rows of single graphs into rows of their disjoint union."""
    at = 0
    indptr[0] = 0
    for g in range(ptr.size - 1):
        first = ptr[g]
        begin = at
        for v in range(first, ptr[g + 1]):
            at += pointers[v + g + 1] - pointers[v + g]
            indptr[v + 1] = at
        for e in range(begin, at):
            col[e] = columns[e] + first


@kernel
def check_simple(
    indptr: Array,
    col: Array,
    weight: Array | None,
    cursor: Array,  # (n,), starts as indptr[:-1]: next entry of a row that has to be met
    simple: Array,  # (1,) bool, filled
) -> None:
    """Tell whether rows ascend without repeats and loops, and each entry has its reverse.

    Rows are read from the first on, so the entries of a row are called for in their own order.
    """
    simple[0] = False
    for i in range(indptr.size - 1):
        before = -1
        for e in range(indptr[i], indptr[i + 1]):
            j = col[e]
            if j <= before or j == i:
                return
            before = j
            at = cursor[j]
            if at >= indptr[j + 1] or col[at] != i:
                return
            if weight is not None and weight[at] != weight[e]:
                return
            cursor[j] = at + 1
    simple[0] = True


@kernel
def rank_by_degree(
    ptr: Array,
    indptr: Array,
    place: Array,  # (largest degree + 1,), scratch
    rank: Array,  # (n,), filled
) -> None:
    """Sort the nodes of each graph by descending degree, by counting; ties keep their order."""
    for g in range(ptr.size - 1):
        top = 0
        for v in range(ptr[g], ptr[g + 1]):
            top = max(top, indptr[v + 1] - indptr[v])
        place[: top + 1] = 0
        for v in range(ptr[g], ptr[g + 1]):
            place[indptr[v + 1] - indptr[v]] += 1
        before = 0
        for d in range(top, -1, -1):
            before, place[d] = before + place[d], before
        for v in range(ptr[g], ptr[g + 1]):
            d = indptr[v + 1] - indptr[v]
            rank[v] = place[d]
            place[d] += 1


@kernel
def add_blocks(
    indptr: Array,
    col: Array,
    weight: Array | None,
    block: Array,  # (n,): block of each node
    k: int,  # blocks on a side; entries outside are left out
    total: Array,  # (k * k,), added to
) -> None:
    """Sum the entries of all graphs by pairs of blocks."""
    for i in range(indptr.size - 1):
        row = block[i]
        if row >= k:
            continue
        for e in range(indptr[i], indptr[i + 1]):
            other = block[col[e]]
            if other < k:
                total[row * k + other] += 1.0 if weight is None else weight[e]


@kernel
def sum_group(
    graphs: Array,  # numbers of graphs of one size n
    ptr: Array,
    indptr: Array,
    col: Array,
    weight: Array | None,
    rank: Array,
    n: int,
    total: Array,  # (n * n,), starts at 0
) -> None:
    """Sum the matrices of some graphs, nodes by rank: whole numbers, so that no order matters."""
    for g in graphs:
        for v in range(ptr[g], ptr[g + 1]):
            row = rank[v] * n
            for e in range(indptr[v], indptr[v + 1]):
                total[row + rank[col[e]]] += 1.0 if weight is None else weight[e]


@kernel
def spread_rows(
    matrix: Array,  # (n * n,)
    n: int,
    r: int,
    half: Array,  # (r * n,), added to
) -> None:
    """Spread each of n rows over those of r cells that its share of [0, 1] overlaps."""
    for i in range(n):
        c = i * r // n
        while c * n < (i + 1) * r:
            share = (min((c + 1) * n, (i + 1) * r) - max(c * n, i * r)) / n
            for j in range(n):
                half[c * n + j] += share * matrix[i * n + j]
            c += 1


@kernel
def spread_entries(
    graphs: Array,
    ptr: Array,
    indptr: Array,
    col: Array,
    weight: Array | None,
    rank: Array,
    n: int,
    r: int,
    half: Array,  # (r * n,), added to
) -> None:
    """Do both of the above from the entries, where n x n is too much."""
    for g in graphs:
        for v in range(ptr[g], ptr[g + 1]):
            i = rank[v]
            c = i * r // n
            while c * n < (i + 1) * r:
                share = (min((c + 1) * n, (i + 1) * r) - max(c * n, i * r)) / n
                for e in range(indptr[v], indptr[v + 1]):
                    value = share if weight is None else share * weight[e]
                    half[c * n + rank[col[e]]] += value
                c += 1


@kernel
def spread_columns(
    half: Array,  # (r * n,)
    n: int,
    r: int,
    total: Array,  # (r * r,), added to
) -> None:
    """Spread each of n columns over r cells."""
    for j in range(n):
        c = j * r // n
        while c * n < (j + 1) * r:
            share = (min((c + 1) * n, (j + 1) * r) - max(c * n, j * r)) / n
            for row in range(r):
                total[row * r + c] += share * half[row * n + j]
            c += 1


@kernel
def denoise(
    x: Array,  # (k * k,)
    k: int,
    weight: float,
    rate: float,
    tolerance: float,
    sweeps: int,
    down: Array,  # (k * k,) dual variables, start at 0
    right: Array,
    out: Array,  # (k * k,), filled
) -> None:
    """Chambolle's dual iteration, as :func:`graphlab.pretraining.total_variation` tells."""
    first, before = 0.0, 0.0
    for sweep in range(sweeps):
        fit = 0.0
        for i in range(k):
            for j in range(k):
                at = i * k + j
                change = -(down[at] + right[at])
                if i > 0:
                    change += down[at - k]
                if j > 0:
                    change += right[at - 1]
                out[at] = x[at] + change
                fit += change * change
        length = 0.0
        for i in range(k):
            for j in range(k):
                at = i * k + j
                fall = out[at + k] - out[at] if i + 1 < k else 0.0
                side = out[at + 1] - out[at] if j + 1 < k else 0.0
                norm = math.sqrt(fall * fall + side * side)
                length += norm
                shrink = 1.0 + norm * (rate / weight)
                down[at] = (down[at] - rate * fall) / shrink
                right[at] = (right[at] - rate * side) / shrink
        energy = (fit + weight * length) / (k * k)
        if sweep == 0:
            first = energy
        elif abs(before - energy) < tolerance * first:
            return
        before = energy


@kernel
def scan_matrix(
    matrix: Array,  # (n * n,)
    n: int,
    count: Array,  # (n,), filled: entries of each row
    found: Array,  # (2,) bool, set: a value outside [0, 1] or NaN; one that is neither 0 nor 1
) -> None:
    """Look through a matrix once."""
    outside, between = False, False
    for i in range(n):
        entries = 0
        for j in range(n):
            value = matrix[i * n + j]
            entries += value != 0
            outside |= (value < 0) | (value > 1) | (value != value)  # noqa: PLR0124  (NaN)
            between |= (value != 0) & (value != 1)
        count[i] = entries
    found[0] |= outside
    found[1] |= between


@kernel
def fill_rows(
    matrix: Array,  # (n * n,)
    n: int,
    first: int,  # number of the matrix's first node
    at: int,  # where its entries go
    col: Array,  # (entries + 1,), filled from there on
    weight: Array | None,
) -> None:
    """Write the entries of a matrix; without a branch, which would be guessed wrongly."""
    for i in range(n):
        for j in range(n):
            value = matrix[i * n + j]
            col[at] = first + j
            if weight is not None:
                weight[at] = value
            at += value != 0
