"""Mean matrices of a collection whose nodes are sorted by degree; graphs are never stacked."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from graphlab.errors import ResourceError
from graphlab.resources import available_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.pretraining._packed import Packed

    Floats = NDArray[np.float64]

__all__ = ["block_mean", "block_sizes", "padded_sum", "stretched_sum"]

_UNEVEN = 5  # times the median size, from which on padding decides
_DENSE = 1024  # nodes up to which one dense sum of all graphs of a size is faster


def block_sizes(num_nodes: int) -> tuple[int, int]:
    """Return h, the nodes of a block, and k, the number of blocks; the rest is dropped."""
    h = int(np.floor(np.log2(num_nodes) + 1))
    return h, num_nodes // h


def padded_sum(graphs: Packed) -> Floats:
    """Return the sum of all matrices, the smaller ones filled up with zeros; (N, N)."""
    n = largest(graphs)
    _check_room(n)
    place = graphs.rank[graphs.row] * n + graphs.rank[graphs.col]
    found: Floats = np.bincount(place, graphs.weight, n * n).reshape(n, n).astype(np.float64)
    return found


def block_mean(graphs: Packed) -> Floats:
    """Return means of h x h blocks of the padded mean, (k, k); straight from the edges."""
    h, k = block_sizes(largest(graphs))
    block = (graphs.rank // h).astype(np.int32)
    row, col = block[graphs.row], block[graphs.col]
    keep = slice(None) if int(block.max(initial=0)) < k else (row < k) & (col < k)
    weight = None if graphs.weight is None else graphs.weight[keep]
    total = np.bincount(row[keep] * k + col[keep], weight, k * k).reshape(k, k)
    mean: Floats = total / (h * h * len(graphs))
    return mean


def stretched_sum(graphs: Packed, r: int) -> Floats:
    """Return the sum of all matrices as functions on the unit square, (r, r) cell means.

    Graphs of one size are summed before they are stretched: both are linear.
    """
    total = np.zeros((r, r))
    if not len(graphs.row):
        return total
    size_of = graphs.sizes[graphs.graph_of[graphs.row]]
    order = np.argsort(size_of, kind="stable")
    sizes, starts = np.unique(size_of[order], return_index=True)
    for n, entries in zip(sizes.tolist(), np.split(order, starts[1:]), strict=True):
        i, j = graphs.rank[graphs.row[entries]], graphs.rank[graphs.col[entries]]
        weight = None if graphs.weight is None else graphs.weight[entries]
        total += _stretched(n, i, j, weight, r)
    return total


def largest(graphs: Packed) -> int:
    """Return the number of nodes N of the largest graph, at least 1."""
    return max(int(graphs.sizes.max()), 1)


def warn_if_uneven(graphs: Packed) -> None:
    """Say that zeros will dominate where one graph is much larger than the others."""
    n, median = largest(graphs), float(np.median(graphs.sizes))
    if n > _UNEVEN * median:
        warnings.warn(
            f"The largest graph has {n} nodes, the median one {median:g}: with align='pad' zeros "
            "fill most of the mean. align='stretch' does not depend on sizes.",
            UserWarning,
            stacklevel=4,
        )


# -- private --------------------------------------------------------------------------------------


def _stretched(
    n: int,
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    weight: Floats | None,
    r: int,
) -> Floats:
    share = _overlap(n, r)
    if n <= _DENSE:
        matrix = np.bincount(i * n + j, weight, n * n).reshape(n, n).astype(np.float64)
        dense: Floats = share @ matrix @ share.T
        return dense
    from scipy.sparse import csr_array

    sparse = csr_array(share)
    values = np.ones(len(i)) if weight is None else weight
    found: Floats = (sparse @ csr_array((values, (i, j)), shape=(n, n)) @ sparse.T).toarray()
    return found


def _overlap(n: int, r: int) -> Floats:
    """Return the share of each of r cells that lies in each of n nodes' intervals, (r, n)."""
    cells, nodes = np.arange(r + 1) / r, np.arange(n + 1) / n
    low = np.maximum(cells[:-1, None], nodes[None, :-1])
    high = np.minimum(cells[1:, None], nodes[None, 1:])
    share: Floats = np.clip(high - low, 0, None) * r
    return share


def _check_room(n: int) -> None:
    free = available_bytes()
    if free is not None and 16 * n * n > free:
        raise ResourceError(
            f"The padded mean of graphs of up to {n:,} nodes takes {16 * n * n / 1e9:.1f} GB, "
            f"{free / 1e9:.1f} GB are free. align='stretch', or method 'hist' or 'sas', needs no "
            "matrix of that size."
        )
