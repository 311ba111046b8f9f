"""Compiled sums over the common neighbours of one node with all others, row by row.

For nodes u and v with common neighbours w, five numbers give every entry of row u: how many w
there are, the sums of their degrees d(w), of the triangles t(w, v) and of t(u, w), and the edges
among them.
"""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd_ids import add_four, entry, lowest, ones, put, single

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["CHUNK", "list_nodes", "locate_entries", "sweep_rows"]

CHUNK = 512  # neighbours whose bits are held at once: eight words a node


@kernel
def locate_entries(
    indptr: Array,
    indices: Array,
    order: Array,
    rank: Array,
    ptr: Array,
    where: Array,
    fill: Array,
) -> None:
    """Find the place in ranked rows of the reverse of each entry; see ``rank_rows``."""
    for u in range(order.size):
        fill[u] = ptr[u]
    for u in range(order.size):
        old = order[u]
        for p in range(indptr[old], indptr[old + 1]):
            v = rank[indices[p]]
            where[p] = fill[v]
            fill[v] += 1


@kernel_part
def _count_inner(
    indptr: Array,
    indices: Array,
    triangles: Array,
    bits: Array,
    inner: Array,
    row: int,
    end: int,
) -> None:
    """Count, twice, the edges among the common neighbours of one node with every other node.

    Bit k of node v says whether neighbour k of the row's node is a neighbour of v too. An edge
    w - x among the common neighbours is a bit x that both w and v have. A neighbour on no triangle
    with the row's node has no part in that.
    """
    width = min((end - row + 63) >> 6, CHUNK >> 6)
    for low in range(row, end, CHUNK):
        high = min(low + CHUNK, end)
        for q in range(low, high):
            if triangles[q] > 0:
                w = indices[q]
                word, bit = (q - low) >> 6, single((q - low) & 63)
                for p in range(indptr[w], indptr[w + 1]):
                    at = width * entry(indices, p) + word
                    put(bits, at, entry(bits, at) | bit)
        for q in range(row, end):
            if triangles[q] > 0:
                _compare_bits(indptr, indices, bits, inner, indices[q], width)
        for q in range(low, high):
            if triangles[q] > 0:
                w = indices[q]
                for p in range(indptr[w], indptr[w + 1]):
                    put(bits, width * entry(indices, p) + ((q - low) >> 6), 0)


@kernel_part
def _compare_bits(
    indptr: Array, indices: Array, bits: Array, inner: Array, w: int, width: int
) -> None:
    """Add to each neighbour of w the bits that it shares with w."""
    if width == 1:
        mine = bits[w]
        for p in range(indptr[w], indptr[w + 1]):
            v = entry(indices, p)
            put(inner, v, entry(inner, v) + ones(mine & entry(bits, v)))
        return
    for p in range(indptr[w], indptr[w + 1]):
        v = entry(indices, p)
        found = 0
        for k in range(width):
            found += ones(entry(bits, width * w + k) & entry(bits, width * v + k))
        put(inner, v, entry(inner, v) + found)


@kernel_part
def _add_paths(
    indptr: Array,
    indices: Array,
    triangles: Array,
    sums: Array,
    words: Array,
    groups: Array,
    begin: int,
    end: int,
) -> None:
    """Add what each common neighbour gives to the nodes it leads to, and note these nodes."""
    for q in range(begin, end):
        w, t = indices[q], triangles[q]
        d = indptr[w + 1] - indptr[w]
        for p in range(indptr[w], indptr[w + 1]):
            v = entry(indices, p)
            add_four(sums, 4 * v, 1, d, entry(triangles, p), t)
            word = v >> 6
            before = entry(words, word)
            put(words, word, before | single(v & 63))
            if before == 0:
                groups[word >> 6] |= single(word & 63)


@kernel_part
def _take_edges(
    indptr: Array,
    indices: Array,
    sums: Array,
    inner: Array,
    words: Array,
    edges: Array,
    origin: int,
    u: int,
) -> None:
    """Move the sums of the neighbours of u to ``edges``; forget u itself."""
    half = edges.size // 5  # 0: no entry one step away is wanted
    begin, end = indptr[u], indptr[u + 1]
    for q in range(begin - 1, end):
        v = indices[q] if q >= begin else u
        at = 4 * v
        if half > 0 and q >= begin:
            to = q - origin
            edges[to] = sums[at + 1]
            edges[half + to] = sums[at + 2]
            edges[2 * half + to] = sums[at + 3]
            edges[3 * half + to] = inner[v] >> 1
        sums[at], sums[at + 1], sums[at + 2], sums[at + 3] = 0, 0, 0, 0
        inner[v] = 0
        words[v >> 6] &= ~single(v & 63)
    if half == 0:
        return
    for q in range(begin, end):  # what is left in ``sums`` are nodes two steps away
        v = indices[q]
        through = 0
        for p in range(indptr[v], indptr[v + 1]):
            through += entry(sums, 4 * entry(indices, p))
        edges[4 * half + q - origin] = through


@kernel_part
def list_nodes(words: Array, groups: Array, nodes: Array, at: int) -> int:
    """Write the nodes whose bits are set from ``at`` on, ascending; clear the bits.

    ``groups`` has a bit for each word that may not be zero. Returns where the nodes end.
    """
    for group in range(groups.size):
        open_words = groups[group]
        groups[group] = 0
        while open_words != 0:
            word = (group << 6) + lowest(open_words)
            open_words ^= single(lowest(open_words))
            open_nodes = words[word]
            words[word] = 0
            while open_nodes != 0:
                put(nodes, at, (word << 6) + lowest(open_nodes))
                open_nodes ^= single(lowest(open_nodes))
                at += 1
    return at


@kernel_part
def _take_rest(
    sums: Array, inner: Array, columns: Array, values: Array, first: int, last: int, keep: bool
) -> None:
    """Move the sums of the listed nodes, two steps away, to ``values``."""
    room = columns.size
    for i in range(first, last):
        v = entry(columns, i)
        at = 4 * v
        if keep:
            put(values, i, entry(sums, at))
            put(values, i + room, entry(sums, at + 1))
            put(values, i + 2 * room, entry(sums, at + 2))
            put(values, i + 3 * room, entry(sums, at + 3))
            put(values, i + 4 * room, entry(inner, v) >> 1)
        put(sums, at, 0)
        put(sums, at + 1, 0)
        put(sums, at + 2, 0)
        put(sums, at + 3, 0)
        put(inner, v, 0)


@kernel
def sweep_rows(
    indptr: Array,
    indices: Array,
    triangles: Array,  # of each entry
    sums: Array,  # (4 n,) scratch, zero between calls, as are the next four
    inner: Array,  # (n,)
    words: Array,  # one bit a node that was reached
    groups: Array,  # one bit a word
    bits: Array,  # (8 n,)
    edges: Array,  # (5, each entry from ``origin``) out: D, R(u,v), R(v,u), k, B; or empty
    start: Array,  # out: where each row of this call begins in the two next
    columns: Array,  # out: nodes two steps away, ascending
    values: Array,  # (5, size of columns) out: the five sums
    state: Array,  # out: the row that did not fit; steps of a push over all rows
    origin: int,
    first: int,
    last: int,
    keep: bool,  # want pairs two steps apart, not edges alone
) -> None:
    """Sweep rows until ``columns`` could overflow."""
    size, steps = 0, 0
    for u in range(first, last):
        begin, end = indptr[u], indptr[u + 1]
        start[u - first] = size
        state[0] = u
        reached, closed = 0, 0
        for q in range(begin, end):
            w = indices[q]
            reached += indptr[w + 1] - indptr[w]
            closed += triangles[q]
        if keep and size + min(reached, inner.size) > columns.size:
            break
        _add_paths(indptr, indices, triangles, sums, words, groups, begin, end)
        if closed > 0:
            _count_inner(indptr, indices, triangles, bits, inner, begin, end)
        _take_edges(indptr, indices, sums, inner, words, edges, origin, u)
        after = list_nodes(words, groups, columns, size)
        _take_rest(sums, inner, columns, values, size, after, keep)
        if keep:
            for i in range(size, after):
                v = columns[i]
                steps += indptr[v + 1] - indptr[v]
            size = after
        state[0] = u + 1
    start[state[0] - first] = size
    state[1] = steps
