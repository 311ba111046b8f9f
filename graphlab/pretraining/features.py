"""Eight statistics of each graph of a collection, by which graphs are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphlab.ops._threads import run_blocks
from graphlab.pretraining._packed import pack
from graphlab.ssl._kernels import distance_sums
from graphlab.topology._counts import triangles
from graphlab.topology._rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.pretraining._packed import Packed

    Floats = NDArray[np.float64]

__all__ = ["STATISTICS", "topological_features"]

STATISTICS = (
    "mean degree",
    "spread of degree",
    "density",
    "mean closeness",
    "degree correlation",
    "degree assortativity",
    "transitivity",
    "mean clustering",
)


def topological_features(graphs: Any) -> Floats:  # noqa: ANN401  (any collection of graphs)
    """Return eight statistics of each graph, by which the topological bases group graphs.

    In the order of the authors' code [cao2023]_: mean degree; its standard deviation (population);
    density; mean closeness (that of a node is scaled by the share of nodes it reaches); Pearson
    correlation of the degrees at both ends of an edge; degree assortativity, which is the same
    number; transitivity; mean local clustering. Weights do not enter. A correlation that is not
    defined (all degrees equal) is 0, and so is every statistic of a graph without edges.

    Args:
        graphs: As for :func:`estimate_graphon`.

    Shapes:
        - returns: (K, 8) float64

    Raises:
        InputError: No graphs, or one that cannot be read (with its number).

    Cost: O(n m) a graph for closeness, O(m^1.5) for triangles; all graphs in one call each.

    Example:
        >>> path, triangle = [[0, 1], [1, 2]], [[0, 1, 2], [1, 2, 0]]
        >>> topological_features([path, triangle]).round(2)[:, [0, 2, 3, 4, 6]].tolist()
        [[1.33, 0.67, 0.78, -1.0, 0.0], [2.0, 1.0, 1.0, 0.0, 1.0]]
    """
    packed = pack(graphs)
    degree = np.diff(packed.indptr).astype(np.float64)
    size = np.maximum(packed.sizes, 1).astype(np.float64)
    mean = _total(packed, degree) / size
    spread = _total(packed, (degree - mean[packed.graph_of]) ** 2) / size
    pairs = np.maximum(size - 1, 1)
    correlation = _correlation(packed, degree)
    found = _triangles(packed)
    wedges = degree * (degree - 1)  # ordered pairs of neighbours
    ratio = 2.0 * found / np.where(wedges > 0, wedges, 1)
    all_wedges = _total(packed, wedges)
    features: Floats = np.stack(
        [
            mean,
            np.sqrt(spread),
            mean / pairs,
            _total(packed, _closeness(packed)) / size,
            correlation,
            correlation,
            2.0 * _total(packed, found) / np.where(all_wedges > 0, all_wedges, 1),
            _total(packed, ratio) / size,
        ],
        axis=1,
    )
    return features


# -- private --------------------------------------------------------------------------------------


def _total(packed: Packed, values: Floats) -> Floats:
    """Sum a value of nodes over each graph."""
    total: Floats = np.bincount(packed.graph_of, values, len(packed)).astype(np.float64)
    return total


def _correlation(packed: Packed, degree: Floats) -> Floats:
    """Pearson's, over the entries of both directions: both ends have one mean and spread."""
    graph = packed.graph_of[packed.row]
    entries = np.maximum(np.bincount(graph, minlength=len(packed)), 1)
    mean = np.bincount(graph, degree[packed.row], len(packed)) / entries
    # exact where all degrees are equal: the spread is then 0 and not a rounding
    away = degree - mean[packed.graph_of]
    both = np.bincount(graph, away[packed.row] * away[packed.col], len(packed))
    spread = np.bincount(graph, away[packed.row] ** 2, len(packed))
    found: Floats = np.where(spread > 0, both / np.where(spread > 0, spread, 1), 0.0)
    return found


def _triangles(packed: Packed) -> Floats:
    rows = Rows(packed.indptr, packed.col.astype(np.int32), torch.device("cpu"))
    return triangles(rows, None).astype(np.float64)


def _closeness(packed: Packed) -> Floats:
    """(c - 1) / sum of distances, times (c - 1) / (n - 1), for the c nodes that are reached."""
    n = len(packed.indptr) - 1
    sums, others = np.zeros(n, np.int64), np.zeros(n, np.int64)

    def call(first: int, last: int) -> None:
        distance_sums(packed.indptr, packed.col, sums, others, first, last)

    work = int(packed.sizes @ np.bincount(packed.graph_of[packed.row], minlength=len(packed)))
    # a search marks an array of all nodes: few pieces
    run_blocks(call, n, work, step=max(1, n // 8))
    rest = np.maximum(packed.sizes - 1, 1)[packed.graph_of]
    found: Floats = others * (others / np.maximum(sums, 1)) / rest
    return found
