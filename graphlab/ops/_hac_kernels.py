"""Compiled rounds of affinity clustering: every cluster takes its first edge, components merge."""
# ruff: noqa: ANN401, PLR0917  (kernels take arrays, scalars of the arrays' type, and many)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._dropout_kernels import FIRST, SECOND, STEP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = [
    "first_edges",
    "merge",
    "mix",
    "next_edges",
    "pack_keys",
    "sort_leaves",
    "tie",
    "tie_hashes",
    "upper_entries",
    "write_paths",
]


@kernel_part
def mix(z: Any) -> Any:  # uint64
    """Return the scrambled number of splitmix64."""
    z = z + STEP
    z = (z ^ (z >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    return z ^ (z >> np.uint64(31))


@kernel_part
def tie(seed: Any, u: Any, v: Any) -> Any:  # uint64, of a mixed seed
    """Return the hash that decides between edges of equal weight."""
    return mix(mix(seed ^ np.uint64(u)) ^ np.uint64(v))


@kernel
def upper_entries(indptr: Array, columns: Array, src: Array, dst: Array) -> None:
    """Write the entries (u, v) with u < v of simple rows, in their order."""
    k = 0
    for u in range(indptr.size - 1):
        for e in range(indptr[u], indptr[u + 1]):
            v = columns[e]
            if v > u:
                src[k] = u
                dst[k] = v
                k += 1


@kernel
def tie_hashes(
    src: Array, dst: Array, local: Array, seed: Any, out: Array, first: int, last: int
) -> None:
    """Write the hash of each edge; ``local`` are node ids within their graph, or empty."""
    for e in range(first, last):
        u, v = src[e], dst[e]
        if local.size > 0:
            u, v = local[u], local[v]
        out[e] = tie(seed, u, v)


@kernel
def pack_keys(
    weight: Array,  # integers below 2 ** (64 - bits)
    src: Array,
    dst: Array,
    local: Array,
    seed: Any,
    bits: Any,  # uint64: bits of the hash that stand behind the weight
    key: Array,
    first: int,
    last: int,
) -> None:
    """Write weights with the upper bits of their hashes behind them: most ties end here."""
    for e in range(first, last):
        u, v = src[e], dst[e]
        if local.size > 0:
            u, v = local[u], local[v]
        hashed = tie(seed, u, v) >> (np.uint64(64) - bits)
        key[e] = (np.uint64(weight[e]) << bits) | hashed


@kernel
def first_edges(
    u: Array,
    v: Array,
    key: Array,
    edge: Array,
    src: Array,
    dst: Array,
    local: Array,
    seed: Any,
    best_key: Array,
    best: Array,
) -> None:
    """Find the first edge of every node.

    Of equal keys the whole hashes decide; of equal hashes the earlier edge, which is the lower
    pair. (What stands here twice is no part of its own: calls with arrays count their references,
    which costs five times as much as the comparison.)
    """
    for p in range(u.size):
        value = key[p]
        for side in range(2):
            c = u[p] if side == 0 else v[p]
            held = best_key[c]
            if value < held:
                best_key[c] = value
                best[c] = p
            elif value == held:
                e, f = edge[p], best[c]
                if f < 0:
                    best[c] = p
                    continue
                f = edge[f]
                i, j, s, t = src[e], dst[e], src[f], dst[f]
                if local.size > 0:
                    i, j, s, t = local[i], local[j], local[s], local[t]
                if tie(seed, i, j) < tie(seed, s, t):
                    best[c] = p


@kernel
def merge(
    u: Array, v: Array, best: Array, edge: Array, up: Array, new: Array, taken: Array
) -> None:
    """Join clusters along the edges taken; number the components by their lowest cluster.

    ``new[c]`` is the component of cluster c, ``new[-1]`` the number of components; ``taken`` marks
    the edges. The order of edges is strict: only two clusters that take the same edge form a ring.
    """
    n = best.size
    for c in range(n):
        b = best[c]
        other = c
        if b >= 0:
            other = v[b] if u[b] == c else u[b]
            taken[edge[b]] = 1
            if best[other] == b and c < other:
                other = c
        up[c] = other
        new[c] = -1
    count = 0
    for c in range(n):
        root = c
        while up[root] != root:
            up[root] = up[up[root]]
            root = up[root]
        if new[root] < 0:
            # the root may come later: its number is kept there, and read again when c gets there
            new[root] = count
            count += 1
        new[c] = new[root]
    new[n] = count


@kernel
def next_edges(
    u: Array,
    v: Array,
    key: Array,
    edge: Array,
    new: Array,
    src: Array,
    dst: Array,
    local: Array,
    seed: Any,
    best_key: Array,
    best: Array,
    left: Array,
) -> None:
    """Keep the edges between different components, and find the first of each component.

    Works in place; the number of edges kept is written to ``left``.
    """
    k = 0
    for p in range(u.size):
        a, b = new[u[p]], new[v[p]]
        if a != b:
            value = key[p]
            u[k] = a
            v[k] = b
            key[k] = value
            edge[k] = edge[p]
            for side in range(2):
                c = a if side == 0 else b
                held = best_key[c]
                if value < held:
                    best_key[c] = value
                    best[c] = k
                elif value == held:
                    e, f = edge[p], best[c]
                    if f < 0:
                        best[c] = k
                        continue
                    f = edge[f]
                    i, j, s, t = src[e], dst[e], src[f], dst[f]
                    if local.size > 0:
                        i, j, s, t = local[i], local[j], local[s], local[t]
                    if tie(seed, i, j) < tie(seed, s, t):
                        best[c] = k
            k += 1
    left[0] = k


@kernel
def sort_leaves(assign: Array, order: Array, start: Array, out: Array) -> None:
    """Sort nodes by their cluster, keeping the order within: ``start`` holds the first places."""
    for k in range(order.size):
        node = order[k]
        c = assign[node]
        out[start[c]] = node
        start[c] += 1


@kernel
def write_paths(
    assign: Array,  # (T n), one level after the other
    offset: Array,
    children: Array,  # of each token
    path: Array,
    mask: Array,
    n: int,
    first: int,
    last: int,
) -> None:
    """Write the clusters of each node from the root down, and which of them have several parts."""
    levels = offset.size
    for node in range(first, last):
        for j in range(levels):
            level = levels - 1 - j
            token = offset[level] + assign[level * n + node]
            path[node * levels + j] = token
            mask[node * levels + j] = level == 0 or children[token] != 1
