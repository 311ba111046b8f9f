"""Compiled counts of triangles, four-cycles and four-cliques on rows ordered by degree.

Nodes are renamed by ascending degree. A row then holds its *down* entries (lower nodes) and after
them its *up* entries; ``split`` is where the latter begin. Up entries number the edges: edge e of
node u stands at ``split[u] + e - up[u]`` of the row. No node has more than sqrt(2 m) of them.
"""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd_ids import entry, put

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = [
    "count_cliques",
    "count_cycles",
    "count_triangles",
    "orbit_rows",
    "rank_rows",
    "spread_triangles",
]


@kernel_part
def _third(a: int, b: int) -> int:
    """Return a b / 3, one of which 3 divides, without the product."""
    return a // 3 * b if a % 3 == 0 else b // 3 * a


@kernel
def rank_rows(
    indptr: Array,
    indices: Array,
    order: Array,  # (n,) out: old name of each new node
    rank: Array,  # (n,) out: new name of each old node
    ptr: Array,
    columns: Array,
    split: Array,
    up: Array,
    twin: Array,  # (m,) out: edge of each down entry; those of node u begin at ptr[u] - up[u]
    fill: Array,  # (n,) scratch
    fan: Array,  # (n,) out: steps of count_triangles at each node
    reach: Array,  # (n,) out: steps of count_cycles
) -> None:
    """Rename nodes by ascending degree; rows come out sorted without a comparison."""
    n = order.size
    places = np.zeros(n + 1, np.int64)
    for u in range(n):
        places[indptr[u + 1] - indptr[u] + 1] += 1
    for d in range(n):
        places[d + 1] += places[d]
    for u in range(n):
        d = indptr[u + 1] - indptr[u]
        rank[u] = places[d]
        order[places[d]] = u
        places[d] += 1
    ptr[0] = 0
    for u in range(n):
        ptr[u + 1] = ptr[u] + indptr[order[u] + 1] - indptr[order[u]]
        fill[u] = ptr[u]
    for u in range(n):
        split[u] = fill[u]  # what stands in the row by now is lower than u
        old = order[u]
        for p in range(indptr[old], indptr[old + 1]):
            v = rank[indices[p]]
            columns[fill[v]] = u
            fill[v] += 1
    up[0] = 0
    for u in range(n):
        up[u + 1] = up[u] + ptr[u + 1] - split[u]
        fill[u] = up[u]
        fan[u], reach[u] = 1, 1
    for u in range(n):
        for q in range(ptr[u], split[u]):
            v = columns[q]
            twin[q - up[u]] = fill[v]
            reach[u] += split[v] - ptr[v] + fill[v] - up[v]
            fan[v] += ptr[u + 1] - split[u]
            fill[v] += 1


@kernel
def count_triangles(
    ptr: Array,
    columns: Array,
    split: Array,
    up: Array,
    triangles: Array,  # (m,) added to: triangles on each edge
    mark: Array,  # (n,) scratch of one thread, which sees ascending nodes; zero before the first
    first: int,
    last: int,
) -> None:
    """Add up the triangles whose lowest node is in ``first`` to ``last - 1``."""
    for u in range(first, last):
        start = up[u]
        for e in range(start, up[u + 1]):
            mark[columns[split[u] + e - start]] = e + 1
        for e in range(start, up[u + 1]):
            v = columns[split[u] + e - start]
            shift = split[v] - up[v]
            found = 0
            for f in range(up[v], up[v + 1]):
                g = entry(mark, entry(columns, f + shift))
                if g > start:  # marks of earlier nodes are at most that: nothing is cleared
                    triangles[f] += 1
                    triangles[g - 1] += 1
                    found += 1
            triangles[e] += found


@kernel
def count_cliques(
    ptr: Array,
    columns: Array,
    split: Array,
    up: Array,
    triangles: Array,
    opposite: Array,  # (n,) added to: over triangles at a node, t - 1 of the opposite edge
    cliques: Array,  # (n,) added to: four-cliques at a node
    mark: Array,
    stamp: Array,
    common: Array,  # (n,) scratch
    first: int,
    last: int,
) -> None:
    """Add up opposite edges and four-cliques of the triangles whose lowest node is in the range."""
    for u in range(first, last):
        start = up[u]
        for e in range(start, up[u + 1]):
            mark[columns[split[u] + e - start]] = e + 1
        for e in range(start, up[u + 1]):
            if triangles[e] == 0:
                continue
            v = columns[split[u] + e - start]
            shift = split[v] - up[v]
            count, across = 0, 0
            for f in range(up[v], up[v + 1]):
                w = entry(columns, f + shift)
                g = entry(mark, w)
                if g > start:
                    across += triangles[f] - 1
                    opposite[v] += triangles[g - 1] - 1
                    opposite[w] += triangles[e] - 1
                    stamp[w] = e + 1
                    common[count] = w
                    count += 1
            opposite[u] += across
            all_of_edge = 0
            for i in range(count - 1):
                x = common[i]
                found = 0
                for q in range(split[x], ptr[x + 1]):
                    y = entry(columns, q)
                    if entry(stamp, y) == e + 1:
                        cliques[y] += 1
                        found += 1
                cliques[x] += found
                all_of_edge += found
            cliques[u] += all_of_edge
            cliques[v] += all_of_edge


@kernel
def count_cycles(
    ptr: Array,
    columns: Array,
    split: Array,
    up: Array,
    twin: Array,
    cycles: Array,  # (n,) added to: twice the four-cycles at a node, chords allowed
    seen: Array,  # (n,) scratch of one thread
    base: Array,  # (1,) scratch: larger than all that is in ``seen``, or equal
    first: int,
    last: int,
) -> None:
    """Add up the four-cycles whose highest node is in the range: paths u, v, w over lower nodes."""
    level = base[0]
    for u in range(first, last):
        if split[u] - ptr[u] < 2:
            continue
        met, top = level, level
        level += split[u] - ptr[u]
        for q in range(ptr[u], split[u]):
            v = columns[q]
            for p in range(ptr[v], split[v] + twin[q - up[u]] - up[v]):
                w = entry(columns, p)
                times = max(entry(seen, w), top)
                met |= times
                put(seen, w, times + 1)
        if met == top:  # no lower node was met twice
            continue
        of_top = 0
        for q in range(ptr[u], split[u]):
            v = columns[q]
            of_side = 0
            for p in range(ptr[v], split[v] + twin[q - up[u]] - up[v]):
                w = entry(columns, p)
                others = entry(seen, w) - top - 1
                if others > 0:
                    cycles[w] += others
                    of_side += others
            cycles[v] += 2 * of_side
            of_top += of_side
        cycles[u] += of_top
    base[0] = level


@kernel
def spread_triangles(
    ptr: Array,
    columns: Array,
    split: Array,
    up: Array,
    twin: Array,
    triangles: Array,
    spread: Array,  # (2 m,) out: triangles of each entry
    at_node: Array,  # (n,) out: triangles at a node
    second: Array,  # (n,) out: sum over neighbours w of d(w) - 1 - t
    first: int,
    last: int,
) -> None:
    """Give both entries of an edge its triangles, and sum over each row."""
    for u in range(first, last):
        total, beyond = 0, 0
        for q in range(ptr[u], ptr[u + 1]):
            v = columns[q]
            edge = twin[q - up[u]] if q < split[u] else q - split[u] + up[u]
            t = triangles[edge]
            spread[q] = t
            total += t
            beyond += ptr[v + 1] - ptr[v] - 1 - t
        at_node[u] = total // 2
        second[u] = beyond


@kernel
def orbit_rows(
    ptr: Array,
    columns: Array,
    order: Array,
    spread: Array,
    at_node: Array,
    second: Array,
    opposite: Array,
    cliques: Array,
    cycles: Array,
    counts: Array,  # (15 n,) out, rows under the old names
    first: int,
    last: int,
) -> None:
    """Write the fifteen counts of each node by closed forms."""
    for u in range(first, last):
        d, T, k4, c4 = ptr[u + 1] - ptr[u], at_node[u], cliques[u], cycles[u] // 2
        a12 = opposite[u]
        paths, pairs, tails, kites, stars, chains, far, back = 0, 0, 0, 0, 0, 0, 0, 0
        for q in range(ptr[u], ptr[u + 1]):
            v = columns[q]
            t = spread[q]
            dv = ptr[v + 1] - ptr[v]
            P, Q = dv - 1 - t, d - 1 - t
            paths += P
            pairs += t * (t - 1) // 2
            tails += at_node[v] - t
            kites += t * P
            stars += P * (P - 1) // 2
            chains += P * Q
            far += second[v]
            back += t * dv
        row = 15 * order[u]
        o2 = d * (d - 1) // 2 - T
        o12, o13 = a12 - 3 * k4, pairs - 3 * k4
        o8 = c4 - o12 - o13 - 3 * k4
        o11 = T * (d - 2) - 2 * o13 - 3 * k4
        o9 = tails - 2 * o12 - 3 * k4
        counts[row] = d
        counts[row + 1] = paths
        counts[row + 2] = o2
        counts[row + 3] = T
        counts[row + 4] = far - 2 * o2 - (back - 2 * T - 2 * (a12 + T)) - 2 * o8
        counts[row + 5] = chains - 2 * o8
        counts[row + 6] = stars - o9
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
