"""Pairs of nodes that are no edge, drawn uniformly by their number: nothing is ever rejected.

Pairs are counted row by row. Below the r-th non-edge lie r non-edges and some edges, whose number
one binary search finds; so a draw costs the same whether a graph is sparse or nearly complete.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch

from graphlab.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from graphlab.graph import Graph

    Ints: TypeAlias = NDArray[np.int64]

__all__ = ["NonEdges", "ordered_non_edges", "unordered_keys", "unordered_non_edges"]


class NonEdges:
    """All pairs of different nodes of a graph that are no edge.

    Args:
        num_nodes: Number of nodes n.
        edges: Numbers of the edges among all pairs, ascending, each once.
        ordered: Whether (i, j) and (j, i) are two pairs; else a pair has i < j.

    Example:
        >>> from graphlab.graph import as_graph
        >>> path = as_graph([[0, 1], [1, 2]], num_nodes=3).simple()
        >>> unordered_non_edges(path).distinct(1, np.random.default_rng(0)).tolist()
        [[0, 2]]
    """

    def __init__(self, num_nodes: int, edges: Ints, *, ordered: bool) -> None:
        self.num_nodes, self.ordered = num_nodes, ordered
        # number of non-edges below each edge: ascending, as numbers of edges are distinct
        self._below = edges - np.arange(edges.size)
        pairs = num_nodes * (num_nodes - 1)
        self.count = (pairs if ordered else pairs // 2) - edges.size

    def uniform(self, size: int, rng: np.random.Generator) -> Tensor:
        """Return independent uniform draws, (size, 2) int64.

        Raises:
            InputError: The graph is complete.

        Cost: O(size log size + size + m) time, sequential in memory: 0.1 s for a million.
        """
        if self.count < 1:
            raise self._too_few(1)
        # sorted, so that the search goes through the edges once instead of jumping; then shuffled
        keys = self._key(np.sort(rng.integers(0, self.count, size)))
        rng.shuffle(keys)
        return self._pairs(keys)

    def distinct(self, size: int, rng: np.random.Generator) -> Tensor:
        """Return different pairs in random order, (size, 2) int64.

        Raises:
            InputError: There are fewer than ``size``.
        """
        if self.count < size:
            raise self._too_few(size)
        return self._pairs(self._key(rng.choice(self.count, size, replace=False)))

    def _key(self, number: Ints) -> Ints:
        """Return the number among all pairs of the r-th non-edge."""
        return number + np.searchsorted(self._below, number, side="right")

    def _pairs(self, keys: Ints) -> Tensor:
        n = self.num_nodes
        pairs = np.empty((keys.size, 2), np.int64)
        row, col = (pairs[:, 0], pairs[:, 1])
        if self.ordered:
            np.divmod(keys, n - 1, out=(row, col))
            col += col >= row
        else:
            # row r begins at r (2n - r - 1) / 2; the root is right but for rounding
            row[:] = (2 * n - 1 - np.sqrt(np.maximum((2.0 * n - 1) ** 2 - 8.0 * keys, 1))) / 2
            while (above := _first(row, n) > keys).any():
                row -= above
            while (below := _first(row + 1, n) <= keys).any():
                row += below
            col[:] = keys - _first(row, n) + row + 1
        return torch.from_numpy(pairs)

    def _too_few(self, size: int) -> InputError:
        kind = "ordered" if self.ordered else "unordered"
        return InputError(
            f"{size} negative pairs are needed, but the graph of {self.num_nodes} nodes has "
            f"{self.count} {kind} pairs that are no edge. Use a sparser graph or another split."
        )


def ordered_non_edges(graph: Graph) -> NonEdges:
    """Return the non-edges (i, j), i != j, of a simple graph; kept with the graph.

    Cost: O(m), once.
    """

    def build() -> NonEdges:
        row, col = graph.edge_index.cpu().numpy()
        # without the diagonal a row holds n - 1 pairs; entries of the graph are sorted already
        return NonEdges(
            graph.num_nodes, row * (graph.num_nodes - 1) + col - (col > row), ordered=True
        )

    return graph.cached("link.non-edges", build)


def unordered_non_edges(graph: Graph) -> NonEdges:
    """Return the non-edges {i, j} of a simple graph. Cost: O(m)."""
    row, col = graph.edge_index.cpu().numpy()
    upper = row < col
    return NonEdges(
        graph.num_nodes, _number(row[upper], col[upper], graph.num_nodes), ordered=False
    )


def unordered_keys(pairs: Tensor, num_nodes: int) -> Ints:
    """Return one number a pair {i, j}, whatever the order of its nodes; -1 for a self pair."""
    array = pairs.reshape(-1, 2).cpu().numpy()
    low, high = np.minimum(*array.T), np.maximum(*array.T)
    return np.where(low == high, -1, _number(low, high, num_nodes))


def _first(row: Ints, n: int) -> Ints:
    """Number of the first pair of a row, counting pairs i < j row by row."""
    return row * (2 * n - row - 1) // 2


def _number(row: Ints, col: Ints, n: int) -> Ints:
    return _first(row, n) + col - row - 1
