"""Compiled sums of each edge over the triangles, four-cliques and four-cycles that hold it."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    up: Array,
    triangles: Array,
    sums: Array,  # (4 m,) added to, see EdgeSums: degrees, toward, back; and four-cliques
    mark: Array,  # (n,) scratch of one thread, which sees ascending nodes; zero before the first
    place: Array,  # (n,) scratch
    common: Array,  # (n,) scratch
    first: int,
    last: int,
) -> None:
    """Add up what each triangle whose lowest node is in the range gives its three edges."""
    for u in range(first, last):
        start = up[u]
        du = ptr[u + 1] - ptr[u]
        for e in range(start, up[u + 1]):
            mark[columns[split[u] + e - start]] = e + 1
        for e in range(start, up[u + 1]):
            if triangles[e] == 0:
                continue
            v = columns[split[u] + e - start]
            shift = split[v] - up[v]
            dv = ptr[v + 1] - ptr[v]
            count = 0
            for f in range(up[v], up[v + 1]):
                w = entry(columns, f + shift)
                place[w] = f
                g = entry(mark, w) - 1
                if g >= start:
                    sums[4 * e] += ptr[w + 1] - ptr[w]
                    sums[4 * e + 1] += triangles[f]
                    sums[4 * e + 2] += triangles[g]
                    sums[4 * g] += dv
                    sums[4 * g + 1] += triangles[f]
                    sums[4 * g + 2] += triangles[e]
                    sums[4 * f] += du
                    sums[4 * f + 1] += triangles[g]
                    sums[4 * f + 2] += triangles[e]
                    common[count] = w
                    count += 1
            for i in range(count - 1):
                x = common[i]
                found = 0
                to_x = mark[x] - 1
                for h in range(up[x], up[x + 1]):
                    y = entry(columns, split[x] - up[x] + h)
                    g, f = entry(mark, y) - 1, entry(place, y)
                    # a place that an earlier node left behind lies outside the row of v
                    if g >= start and f >= up[v] and f < up[v + 1]:
                        sums[4 * h + 3] += 1
                        sums[4 * g + 3] += 1
                        sums[4 * f + 3] += 1
                        found += 1
                sums[4 * e + 3] += found
                sums[4 * to_x + 3] += found
                sums[4 * place[x] + 3] += found


@kernel
def sum_cycles(
    ptr: Array,
    columns: Array,
    split: Array,
    up: Array,
    twin: Array,
    cycles: Array,  # (2 m,) added to: four-cycles through each entry of the ranked rows
    seen: Array,
    base: Array,
    first: int,
    last: int,
) -> None:
    """Add up the four-cycles whose highest node is in the range; see ``count_cycles``."""
    level = base[0]
    for u in range(first, last):
        top = level
        level += split[u] - ptr[u]
        for q in range(ptr[u], split[u]):
            v = columns[q]
            for p in range(ptr[v], split[v] + twin[q - up[u]] - up[v]):
                w = entry(columns, p)
                put(seen, w, max(entry(seen, w), top) + 1)
        for q in range(ptr[u], split[u]):
            v = columns[q]
            through = 0
            for p in range(ptr[v], split[v] + twin[q - up[u]] - up[v]):
                others = entry(seen, entry(columns, p)) - top - 1
                put(cycles, p, entry(cycles, p) + others)
                through += others
            cycles[q] += through
    base[0] = level
