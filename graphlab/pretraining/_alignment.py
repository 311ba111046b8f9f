"""Mean matrices of a collection whose nodes are sorted by degree; graphs are never stacked."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from graphlab.errors import ResourceError
from graphlab.pretraining._kernels import (
    add_blocks,
    spread_columns,
    spread_entries,
    spread_rows,
    sum_group,
)
from graphlab.resources import available_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.pretraining._packed import Packed

    Floats = NDArray[np.float64]

__all__ = ["block_mean", "block_sizes", "padded_sum", "stretched_sum"]

_UNEVEN = 5  # times the median size, from which on padding decides
_DENSE = 1024  # nodes up to which all graphs of a size are summed in one dense matrix


def block_sizes(num_nodes: int) -> tuple[int, int]:
    """Return h, the nodes of a block, and k, the number of blocks; the rest is dropped."""
    h = int(np.floor(np.log2(num_nodes) + 1))
    return h, num_nodes // h


def padded_sum(graphs: Packed) -> Floats:
    """Return the sum of all matrices, the smaller ones filled up with zeros; (N, N)."""
    n = largest(graphs)
    _check_room(n)
    return _block_sum(graphs, graphs.rank, n)


def block_mean(graphs: Packed) -> Floats:
    """Return means of h x h blocks of the padded mean, (k, k); straight from the edges."""
    h, k = block_sizes(largest(graphs))
    return _block_sum(graphs, graphs.rank // h, k) / (h * h * len(graphs))


def stretched_sum(graphs: Packed, r: int) -> Floats:
    """Return the sum of all matrices as functions on the unit square, (r, r) cell means.

    Graphs of one size are summed before they are stretched: both are linear.
    """
    total = np.zeros(r * r)
    sizes, kind = np.unique(graphs.sizes, return_inverse=True)
    order = np.argsort(kind, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(kind))[:-1])
    given = graphs.ptr, graphs.indptr, graphs.col, graphs.weight, graphs.rank
    for n, group in zip(sizes.tolist(), groups, strict=True):
        half = np.zeros(r * n)
        if n <= _DENSE:
            matrix = np.zeros(n * n)
            sum_group(group, *given, n, matrix)
            spread_rows(matrix, n, r, half)
        else:
            spread_entries(group, *given, n, r, half)
        spread_columns(half, n, r, total)
    return total.reshape(r, r)


def largest(graphs: Packed) -> int:
    """Return the number of nodes N of the largest graph, at least 1."""
    return max(int(graphs.sizes.max()), 1)


def warn_if_uneven(graphs: Packed) -> None:
    """Say that zeros will dominate where one graph is much larger than the others."""
    text = uneven_sizes(graphs)
    if text is not None:
        warnings.warn(text, UserWarning, stacklevel=4)


def uneven_sizes(graphs: Packed) -> str | None:
    """Return what :func:`warn_if_uneven` says, or None."""
    n, median = largest(graphs), float(np.median(graphs.sizes))
    if n <= _UNEVEN * median:
        return None
    return (
        f"The largest graph has {n} nodes, the median one {median:g}: with align='pad' zeros "
        "fill most of the mean. align='stretch' does not depend on sizes."
    )


# -- private --------------------------------------------------------------------------------------


def _block_sum(graphs: Packed, block: NDArray[np.int64], k: int) -> Floats:
    """Sum the entries by the blocks of their two nodes, (k, k); nodes beyond k are left out."""
    total = np.zeros(k * k)
    add_blocks(graphs.indptr, graphs.col, graphs.weight, block, k, total)
    return total.reshape(k, k)


def _check_room(n: int) -> None:
    free = available_bytes()
    if free is not None and 16 * n * n > free:
        raise ResourceError(
            f"The padded mean of graphs of up to {n:,} nodes takes {16 * n * n / 1e9:.1f} GB, "
            f"{free / 1e9:.1f} GB are free. align='stretch', or method 'hist' or 'sas', needs no "
            "matrix of that size."
        )
