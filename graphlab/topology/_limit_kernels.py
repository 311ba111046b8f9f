"""Compiled inner products of mean walk distributions, and counts within balls of some hops."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel, kernel_part
from graphlab.topology._walk_kernels import grow, number_of_pairs, row_total

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["ball_edges", "walk_products"]


@kernel_part
def spread(
    indptr: Array,
    columns: Array,
    inverse: Array,
    nodes: Array,
    begin: int,
    end: int,
    mass: Array,
    old: int,
    new: int,
    mark: int,
    seen: Array,
) -> int:
    """Move the mass at some nodes one lazy step on; return the end of the nodes that have some."""
    at = end
    for k in range(begin, end):
        u = nodes[k]
        share = mass[old + u] * inverse[u]
        mass[old + u] = 0.0
        mass[new + u] += share
        for e in range(indptr[u], indptr[u + 1]):
            v = columns[e]
            if seen[v] != mark:
                seen[v] = mark
                nodes[at] = v
                at += 1
            mass[new + v] += share
    return at


@kernel_part
def mean_walk(
    indptr: Array,
    columns: Array,
    inverse: Array,
    j: int,
    hops: int,
    reached: Array,
    mass: Array,
    q: Array,
    seen: Array,
    mark: int,
) -> int:
    """Add row j of M to ``q``; return the end of the nodes it reaches."""
    reached[0] = j
    seen[j] = mark
    mass[j] = 1.0
    old, new, end = 0, indptr.size - 1, 1
    for _ in range(hops):
        end = spread(indptr, columns, inverse, reached, 0, end, mass, old, new, mark, seen)
        for k in range(end):
            q[reached[k]] += mass[new + reached[k]]
        old, new = new, old
    for k in range(end):
        mass[old + reached[k]] = 0.0
        q[reached[k]] /= hops
    return end


@kernel_part
def ends_above(
    pair_ptr: Array,
    pair_ends: Array,
    targets: int,
    n: int,
    j: int,
    wanted: Array,
    seen: Array,
    mark: int,
) -> int:
    """Write the ends i >= j of the pairs of j, each once; return their end."""
    at = 0
    for t in range(targets):
        for e in range(pair_ptr[t * n + j], pair_ptr[t * n + j + 1]):
            i = pair_ends[e]
            if i >= j and seen[i] != mark:
                seen[i] = mark
                wanted[at] = i
                at += 1
    return at


@kernel_part
def lazy_step(
    indptr: Array,
    columns: Array,
    inverse: Array,
    nodes: Array,
    end: int,
    plus: Array,
    share: float,
    source: Array,
    offset: int,
    out: Array,
    to: int,
) -> None:
    """Write S source + share * plus for some nodes, from ``offset`` to ``to``."""
    for k in range(end):
        w = nodes[k]
        moved = source[offset + w] + row_total(columns, indptr[w], indptr[w + 1], source, offset)
        out[to + w] = moved * inverse[w] + share * plus[w]


@kernel
def walk_products(
    indptr: Array,
    columns: Array,
    inverse: Array,  # 1 / (degree + 1)
    hops: int,
    pair_ptr: Array,  # as in walk_overlaps; only pairs with i >= j are taken
    pair_ends: Array,
    product: Array,  # one a pair
    square: Array,  # (n,)
    seen: Array,  # (n,) zeros
    mass: Array,  # (2 n,) zeros
    q: Array,  # (n,) zeros
    z: Array,  # (2 n,)
    reached: Array,  # (n,)
    wanted: Array,  # (n + 1,)
    bounds: Array,  # (hops,)
    first: int,
    last: int,
) -> None:
    """Write inner products of rows j and i of M = (S + SS + ...) / K, and squares of rows j.

    S is the lazy walk (A + I) / (degree + 1). Row j is written out as ``q``; its product with row i
    is row i of S (q + S (q + ...)) / K, by Horner's rule. Lazy walks stay in place too, so the
    nodes at which one of these vectors is wanted are among those of the vector before.
    """
    n = indptr.size - 1
    targets = (pair_ptr.size - 1) // n
    for j in range(first, last):
        if number_of_pairs(pair_ptr, targets, n, j) == 0:
            continue
        mark = 2 * j + 1
        end = mean_walk(indptr, columns, inverse, j, hops, reached, mass, q, seen, mark)
        total = 0.0
        for k in range(end):
            total += q[reached[k]] * q[reached[k]]
        square[j] = total
        at = ends_above(pair_ptr, pair_ends, targets, n, j, wanted, seen, mark + 1)
        bounds[0] = at
        for level in range(1, hops):
            at = grow(indptr, columns, wanted, 0, at, wanted, at, seen, mark + 1)
            bounds[level] = at
        old, new = n, 0
        share = 1.0 if hops > 1 else 0.0
        lazy_step(indptr, columns, inverse, wanted, at, q, share, q, 0, z, 0)
        for level in range(hops - 2, -1, -1):
            old, new = new, old
            share = 1.0 if level > 0 else 0.0
            at = bounds[level]
            lazy_step(indptr, columns, inverse, wanted, at, q, share, z, old, z, new)
        for t in range(targets):
            for e in range(pair_ptr[t * n + j], pair_ptr[t * n + j + 1]):
                if pair_ends[e] >= j:
                    product[e] = z[new + pair_ends[e]] / hops
        for k in range(end):
            q[reached[k]] = 0.0


@kernel
def ball_edges(
    indptr: Array,
    columns: Array,
    hops: int,
    nodes: Array,  # (n,) number of nodes in each ball
    edges: Array,  # (n,) number of entries between them, loops counted twice
    seen: Array,  # (n,) zeros
    ball: Array,  # (n + 1,)
    first: int,
    last: int,
) -> None:
    """Count nodes within some hops of each node, and the edges among them."""
    for i in range(first, last):
        mark = i + 1
        seen[i] = mark
        ball[0] = i
        begin, end = 0, 1
        for _ in range(hops):
            stop = grow(indptr, columns, ball, begin, end, ball, end, seen, mark)
            begin, end = end, stop
        total = 0
        for k in range(end):
            u = ball[k]
            for e in range(indptr[u], indptr[u + 1]):
                v = columns[e]
                total += seen[v] == mark
                total += v == u
        nodes[i] = end
        edges[i] = total
