"""Compiled breadth-first searches and walks of tokenizers."""
# ruff: noqa: ANN401, PLR0917  (kernels take arrays, scalars of the arrays' type, and many)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel
from graphlab.ops._frontier_kernels import widen
from graphlab.ops._hac_kernels import mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["draw_walks", "hops_between", "ring_sums", "write_unions"]


@kernel
def hops_between(
    indptr: Array,
    columns: Array,
    source: Array,
    target: Array,
    limit: int,
    seen: Array,  # (n,) zeros; marks are never cleared
    near: Array,  # (n,) room for a queue
    far: Array,
    out: Array,
) -> None:
    """Write the hops between pairs of different nodes, ``limit + 1`` where there are more.

    Both ends search in turn, the one with the smaller frontier first: most pairs of a leaf order
    are close, and the few distant ones would else flood the graph.
    """
    for p in range(source.size):
        mine, other = 2 * p + 1, 2 * p + 2
        near[0], far[0] = source[p], target[p]
        seen[source[p]], seen[target[p]] = mine, other
        a, b, c, d = 0, 1, 0, 1  # frontiers of both queues
        hops = 0
        met = False
        while not met and hops < limit and b > a and d > c:
            hops += 1
            if b - a <= d - c:
                end = widen(indptr, columns, near, a, b, seen, mine, other)
                a, b, met = b, end, end < 0
            else:
                end = widen(indptr, columns, far, c, d, seen, other, mine)
                c, d, met = d, end, end < 0
        out[p] = hops if met else limit + 1


@kernel
def ring_sums(
    indptr: Array,
    columns: Array,
    x: Array,
    width: int,
    hops: int,
    seen: Array,  # (n,) of -1
    queue: Array,
    count: Array,
    sums: Array,
    first: int,
    last: int,
) -> None:
    """Write, for each node and distance, how many nodes are there and the sum of their rows."""
    for node in range(first, last):
        queue[0] = node
        seen[node] = node
        begin, end = 0, 1
        for k in range(hops + 1):
            place = node * (hops + 1) + k
            count[place] = end - begin
            for q in range(begin, end):
                for c in range(width):
                    sums[place * width + c] += x[np.int64(queue[q]) * width + c]
            if k < hops:
                found = widen(indptr, columns, queue, begin, end, seen, node, -2)
                begin, end = end, found


@kernel
def draw_walks(
    indptr: Array,
    columns: Array,
    local: Array,
    seed: Any,  # uint64, mixed
    walks: int,
    length: int,
    out: Array,
    first: int,
    last: int,
) -> None:
    """Write walks from each node; a step depends on seed, node, walk and step alone."""
    for node in range(first, last):
        of_node = mix(seed ^ np.uint64(local[node]))
        for w in range(walks):
            of_walk = mix(of_node ^ np.uint64(w))
            place = (node * walks + w) * (length + 1)
            at = node
            out[place] = at
            for t in range(1, length + 1):
                begin = indptr[at]
                degree = indptr[at + 1] - begin
                if degree > 0:
                    high = mix(of_walk ^ np.uint64(t)) >> np.uint64(32)
                    at = columns[begin + np.int64((high * np.uint64(degree)) >> np.uint64(32))]
                out[place + t] = at


@kernel
def write_unions(
    walks: Array,
    count: int,  # walks a node
    length: int,
    held: Array,  # room for the nodes of one union
    ptr: Array,  # sizes behind a 0 in the first pass, row pointers in the second
    out: Array,  # empty in the first pass
    first: int,
    last: int,
) -> None:
    """Write the sorted nodes of all walks of a node up to each length, longest first."""
    steps = length + 1
    for node in range(first, last):
        size = 0
        for s in range(steps):
            for w in range(count):
                new = walks[(node * count + w) * steps + s]
                k = size
                while k > 0 and held[k - 1] >= new:  # the list is short: insert in place
                    k -= 1
                if k == size or held[k] != new:
                    for q in range(size, k, -1):
                        held[q] = held[q - 1]
                    held[k] = new
                    size += 1
            token = node * steps + length - s
            if out.size == 0:
                ptr[token + 1] = size
            else:
                for q in range(size):
                    out[ptr[token] + q] = held[q]
