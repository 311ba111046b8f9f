"""Compiled search for the surroundings of nodes, and the edges within them."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel
from graphlab.ops._frontier_kernels import widen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["ball_sizes", "fill_balls"]

_ALONE = -2  # no second search to be met


@kernel
def ball_sizes(
    indptr: Array,
    columns: Array,
    centers: Array,
    hops: int,
    most: int,
    nodes: Array,  # (g,): size of each ball; where it passes ``most``, some number above
    entries: Array,  # (g,): its entries of the adjacency
    first: int,
    last: int,
) -> None:
    """Count nodes within some hops of each center, and the entries between them."""
    n = indptr.size - 1
    seen, queue = np.full(n, -1, np.int64), np.empty(n, np.int32)
    for k in range(first, last):
        queue[0] = centers[k]
        seen[centers[k]] = k
        begin, end, hop = 0, 1, 0
        while hop < hops and begin < end <= most:
            begin, end, hop = (
                end,
                widen(indptr, columns, queue, begin, end, seen, k, _ALONE),
                hop + 1,
            )
        nodes[k] = end
        entries[k] = 0
        if end <= most:
            for q in range(end):
                for e in range(indptr[queue[q]], indptr[queue[q] + 1]):
                    entries[k] += seen[columns[e]] == k


@kernel
def fill_balls(
    indptr: Array,
    columns: Array,
    centers: Array,
    hops: int,
    node_ptr: Array,  # (g + 1,)
    entry_ptr: Array,  # (g + 1,)
    nodes: Array,  # ids: the center, then ascending
    rows: Array,  # (nodes + g,): row pointers of each ball, one more than its nodes
    ends: Array,  # places in the ball, ascending in each row
    first: int,
    last: int,
) -> None:
    """Write the balls that :func:`ball_sizes` counted."""
    n = indptr.size - 1
    seen, queue, place = np.full(n, -1, np.int64), np.empty(n, np.int32), np.empty(n, np.int32)
    for k in range(first, last):
        queue[0] = centers[k]
        seen[centers[k]] = k
        begin, end, hop = 0, 1, 0
        while hop < hops and begin < end:
            begin, end, hop = (
                end,
                widen(indptr, columns, queue, begin, end, seen, k, _ALONE),
                hop + 1,
            )
        queue[1:end].sort()
        start, row, entry = node_ptr[k], node_ptr[k] + k, entry_ptr[k]
        for q in range(end):
            nodes[start + q] = queue[q]
            place[queue[q]] = q
        written = 0
        for q in range(end):
            rows[row + q] = written
            u = queue[q]
            for e in range(indptr[u], indptr[u + 1]):
                if columns[e] == centers[k]:  # its place is the smallest, whatever its id
                    ends[entry + written] = 0
                    written += 1
            for e in range(indptr[u], indptr[u + 1]):
                v = columns[e]
                if seen[v] == k and v != centers[k]:
                    ends[entry + written] = place[v]
                    written += 1
        rows[row + end] = written
