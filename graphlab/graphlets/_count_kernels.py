"""Compiled counts of triangles, four-cycles and four-cliques on rows ordered by degree.

Nodes are renamed by ascending degree. A row then holds its *down* entries (lower nodes) and after
them its *up* entries; ``split`` is where the latter begin. No node has more than sqrt(2 m) of them.
An edge is named by the place of its up entry; ``twin`` leads from a down entry to it. What stands
before the twin in its row are the nodes that are lower than the row the down entry is in.
"""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd_ids import entry, lowest, ones, prefetch, put, single

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = [
    "count_cliques",
    "count_triangles",
    "orbit_rows",
    "spread_triangles",
]


@kernel_part
def _third(a: Any, b: Any) -> Any:  # noqa: ANN401  (numbers of 64 bits)
    """Return a b / 3, one of which 3 divides, without the product."""
    return a // 3 * b if a % 3 == 0 else b // 3 * a


@kernel
def count_triangles(
    ptr: Array,
    columns: Array,
    split: Array,
    triangles: Array,  # (2 m,) added to, at up entries
    mark: Array,  # (n,) scratch of one thread, which sees ascending nodes; zero before the first
    first: int,
    last: int,
) -> None:
    """Add up the triangles whose lowest node is in ``first`` to ``last - 1``."""
    for u in range(first, last):
        start, end = split[u], ptr[u + 1]
        for q in range(start, end):
            v = entry(columns, q)
            put(mark, v, q + 1)
            prefetch(columns, entry(split, v))
        for q in range(start, end):
            v = entry(columns, q)
            found = 0
            for p in range(entry(split, v), entry(ptr, v + 1)):
                g = entry(mark, entry(columns, p))
                if g > start:  # marks of earlier nodes are at most that: nothing is cleared
                    triangles[p] += 1
                    triangles[g - 1] += 1
                    found += 1
            triangles[q] += found


@kernel
def count_cliques(
    ptr: Array,
    columns: Array,
    split: Array,
    triangles: Array,
    opposite: Array,  # (n,) added to: over triangles at a node, t - 1 of the opposite edge
    cliques: Array,  # (n,) added to: four-cliques at a node
    mark: Array,  # (n,) scratch of one thread, as in count_triangles
    bits: Array,  # scratch: a square of bits for the longest row of up entries
    first: int,
    last: int,
) -> None:
    """Add up opposite edges and four-cliques of the triangles whose lowest node is in the range.

    Row a of the bits says which upper neighbours of u are upper neighbours of its neighbour a too.
    """
    for u in range(first, last):
        start, size = split[u], ptr[u + 1] - split[u]
        width = (size + 63) >> 6
        closed = 0
        for q in range(start, start + size):
            put(mark, entry(columns, q), q + 1)
            closed += entry(triangles, q)
        if closed == 0:
            continue
        for k in range(size * width):
            bits[k] = 0
        for a in range(size):
            q = start + a
            if triangles[q] == 0:
                continue
            v = columns[q]
            inside = triangles[q] - 1
            across, beside = 0, 0
            for p in range(split[v], ptr[v + 1]):
                w = entry(columns, p)
                g = entry(mark, w)
                if g > start:
                    across += triangles[p] - 1
                    beside += triangles[g - 1] - 1
                    put(opposite, w, entry(opposite, w) + inside)
                    b = g - 1 - start
                    bits[a * width + (b >> 6)] |= single(b & 63)
            opposite[u] += across
            opposite[v] += beside
        _pair_rows(columns, start, bits, cliques, u, size, width)


@kernel_part
def _pair_rows(
    columns: Array, begin: int, bits: Array, cliques: Array, u: int, size: int, width: int
) -> None:
    """Add up the four-cliques over u: two rows of bits, one named in the other, share a bit."""
    for a in range(size):
        of_edge = 0
        for word in range(width):
            partners = bits[a * width + word]
            while partners != 0:
                b = (word << 6) + lowest(partners)
                partners ^= single(lowest(partners))
                found = 0
                for k in range(b >> 6, width):
                    both = bits[a * width + k] & bits[b * width + k]
                    found += ones(both)
                    while both != 0:
                        cliques[columns[begin + (k << 6) + lowest(both)]] += 1
                        both ^= single(lowest(both))
                if found > 0:
                    cliques[columns[begin + b]] += found
                    of_edge += found
        if of_edge > 0:
            cliques[columns[begin + a]] += of_edge
            cliques[u] += of_edge


@kernel
def spread_triangles(
    ptr: Array,
    columns: Array,
    split: Array,
    twin: Array,
    triangles: Array,
    spread: Array,  # (2 m,) out: triangles of each entry
    nodes: Array,  # (4 n,) out: degree, triangles, sum over neighbours w of d(w) - 1 - t; 0
    first: int,
    last: int,
) -> None:
    """Give both entries of an edge its triangles, and sum over each row."""
    for u in range(first, last):
        total, beyond = 0, 0
        for q in range(ptr[u], ptr[u + 1]):
            v = entry(columns, q)
            t = entry(triangles, entry(twin, q) if q < split[u] else q)
            put(spread, q, t)
            total += t
            beyond += entry(ptr, v + 1) - entry(ptr, v) - 1 - t
        nodes[4 * u], nodes[4 * u + 1] = ptr[u + 1] - ptr[u], total >> 1
        nodes[4 * u + 2] = beyond


@kernel
def orbit_rows(
    ptr: Array,
    columns: Array,
    order: Array,
    spread: Array,
    nodes: Array,
    opposite: Array,
    cliques: Array,
    cycles: Array,
    counts: Array,  # (15 n,) out, rows under the old names
    first: int,
    last: int,
) -> None:
    """Write the fifteen counts of each node by closed forms."""
    for u in range(first, last):
        d, T = np.int64(nodes[4 * u]), np.int64(nodes[4 * u + 1])
        k4, c4 = cliques[u], cycles[u] >> 1
        a12 = opposite[u]
        paths, pairs, tails, kites, stars, chains, far, back = 0, 0, 0, 0, 0, 0, 0, 0
        for q in range(ptr[u], ptr[u + 1]):
            at = 4 * entry(columns, q)
            t = entry(spread, q)
            dv = entry(nodes, at)
            P, Q = dv - 1 - t, d - 1 - t
            paths += P
            pairs += t * (t - 1)
            tails += entry(nodes, at + 1) - t
            kites += t * P
            stars += P * (P - 1)
            chains += P * Q
            far += entry(nodes, at + 2)
            back += t * dv
        row = 15 * order[u]
        o2 = d * (d - 1) // 2 - T
        o12, o13 = a12 - 3 * k4, (pairs >> 1) - 3 * k4
        o8 = c4 - o12 - o13 - 3 * k4
        o11 = T * (d - 2) - 2 * o13 - 3 * k4
        o9 = tails - 2 * o12 - 3 * k4
        counts[row] = d
        counts[row + 1] = paths
        counts[row + 2] = o2
        counts[row + 3] = T
        counts[row + 4] = far - 2 * o2 - (back - 2 * T - 2 * (a12 + T)) - 2 * o8
        counts[row + 5] = chains - 2 * o8
        counts[row + 6] = (stars >> 1) - o9
        # d(d-1)(d-2) alone would pass 64 bits at a third of the degree that the orbit does
        half = d * (d - 1) // 2
        counts[row + 7] = _third(half, d - 2) - o11 - o13 - k4
        counts[row + 8] = o8
        counts[row + 9] = o9
        counts[row + 10] = kites - 2 * o12
        counts[row + 11] = o11
        counts[row + 12] = o12
        counts[row + 13] = o13
        counts[row + 14] = k4
