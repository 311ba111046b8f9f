"""Compiled sums of each edge over the triangles, four-cliques and four-cycles that hold it."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.graphlets._cycle_kernels import count_ends
from graphlab.ops._compile import kernel
from graphlab.ops._simd_ids import entry, put

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["sum_cliques", "sum_cycles"]


@kernel
def sum_cliques(
    ptr: Array,
    columns: Array,
    split: Array,
    triangles: Array,
    sums: Array,  # (8 m,) added to at up entries, see EdgeSums: degrees, toward, back; four-cliques
    mark: Array,  # (n,) scratch of one thread, which sees ascending nodes; zero before the first
    place: Array,  # (n,) scratch; zero before the first
    common: Array,  # (n,) scratch
    first: int,
    last: int,
) -> None:
    """Add up what each triangle whose lowest node is in the range gives its three edges."""
    for u in range(first, last):
        start, end = split[u], ptr[u + 1]
        du = end - ptr[u]
        for q in range(start, end):
            mark[columns[q]] = q + 1
        for q in range(start, end):
            if triangles[q] == 0:
                continue
            v = columns[q]
            low, high = split[v], ptr[v + 1]
            dv = high - ptr[v]
            count = 0
            for p in range(low, high):
                w = entry(columns, p)
                place[w] = p + 1
                g = entry(mark, w) - 1
                if g >= start:
                    sums[4 * q] += ptr[w + 1] - ptr[w]
                    sums[4 * q + 1] += triangles[p]
                    sums[4 * q + 2] += triangles[g]
                    sums[4 * g] += dv
                    sums[4 * g + 1] += triangles[p]
                    sums[4 * g + 2] += triangles[q]
                    sums[4 * p] += du
                    sums[4 * p + 1] += triangles[g]
                    sums[4 * p + 2] += triangles[q]
                    common[count] = w
                    count += 1
            for i in range(count - 1):
                x = common[i]
                found = 0
                for h in range(split[x], ptr[x + 1]):
                    y = entry(columns, h)
                    g, p = entry(mark, y) - 1, entry(place, y) - 1
                    # a place that an earlier node left behind lies outside the row of v
                    if g >= start and low <= p < high:
                        sums[4 * h + 3] += 1
                        sums[4 * g + 3] += 1
                        sums[4 * p + 3] += 1
                        found += 1
                sums[4 * q + 3] += found
                sums[4 * mark[x] - 1] += found
                sums[4 * place[x] - 1] += found


@kernel
def sum_cycles(
    ptr: Array,
    columns: Array,
    split: Array,
    twin: Array,
    cycles: Array,  # (2 m,) added to: four-cycles through each entry of the ranked rows
    count: Array,  # (n,) scratch of one thread
    base: Array,
    first: int,
    last: int,
) -> None:
    """Add up the four-cycles whose highest node is in the range; see ``count_cycles``."""
    level = base[0]
    for u in range(first, last):
        begin, end = ptr[u], split[u]
        top = level
        level += end - begin
        if not count_ends(ptr, columns, twin, count, begin, end, top):
            continue
        for q in range(begin, end):
            through = 0
            for p in range(ptr[columns[q]], twin[q]):
                others = entry(count, entry(columns, p)) - top - 1
                put(cycles, p, entry(cycles, p) + others)
                through += others
            cycles[q] += through
    base[0] = level
