"""Leaf order and paths of a tree, from its clusters on every level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._hac_kernels import sort_leaves, write_paths
from graphlab.ops._threads import run_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["leaf_order", "paths"]

_NODES = 2048  # in a block


def leaf_order(assign: Array, num_clusters: list[int]) -> Array:
    """Return ``np.lexsort(assign)``: one counting sort a level, the coarsest last."""
    n = assign.shape[1]
    order = np.arange(n)
    for clusters, count in zip(assign[1:], num_clusters[1:], strict=True):
        if count > 1:
            size = np.bincount(clusters, minlength=count)
            out = np.empty(n, np.int64)
            sort_leaves(clusters, order, np.cumsum(size) - size, out)
            order = out
    return order


def paths(assign: Array, offset: Array, children: Array) -> tuple[Array, Array]:
    """Return the clusters of each node from the top down, (n, T), and which were not carried."""
    levels, n = assign.shape
    path, mask = np.empty((n, levels), np.int64), np.empty((n, levels), np.bool_)
    flat, places, marks = (
        np.ascontiguousarray(assign).reshape(-1),
        path.reshape(-1),
        mask.reshape(-1),
    )

    def call(first: int, last: int) -> None:
        end = min(last * _NODES, n)
        write_paths(flat, offset, children, places, marks, n, first * _NODES, end)

    run_blocks(call, -(-n // _NODES), n * levels)
    return path, mask
