"""Properties of nodes that a model may be asked for: PageRank and closeness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphlab.ops._threads import run_blocks
from graphlab.ssl._kernels import distance_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.graph import Graph

__all__ = ["closeness", "pagerank"]

_STEPS = 1000


def pagerank(graph: Graph, alpha: float = 0.85, *, tol: float = 1e-6) -> NDArray[np.float64]:
    """Return the PageRank of every node of a simple graph (n,); values sum to 1.

    A node without neighbours gives its share to all. Steps end once all values together change by
    less than ``n tol``: networkx's rule and default, which the authors' targets have too, so the
    last digits are of that step and not of the limit. Cost: O(m) a step.

    Example:
        >>> from graphlab.graph import as_graph
        >>> pagerank(as_graph([[0], [1]]).simple()).round(6).tolist()
        [0.5, 0.5]
    """
    n = graph.num_nodes
    if n == 0:
        return np.zeros(0)
    degree = graph.degree().numpy()
    matrix = graph.to_scipy().astype(np.float64)
    value = np.full(n, 1.0 / n)
    for _ in range(_STEPS):
        lost = value[degree == 0].sum()
        after = alpha * (matrix @ (value / np.maximum(degree, 1)) + lost / n) + (1 - alpha) / n
        change = np.abs(after - value).sum()
        value = after
        if change < n * tol:
            break
    return value


def closeness(graph: Graph) -> NDArray[np.float64]:
    r"""Return the closeness of every node of a simple graph (n,).

    .. math:: \frac{r}{n - 1} \cdot \frac{r}{\sum_j d(i, j)}

    with r nodes reached from i, and the distances of these alone. Cost: O(n m).

    Example:
        >>> from graphlab.graph import as_graph
        >>> closeness(as_graph([[0, 1], [1, 2]]).simple()).round(3).tolist()
        [0.667, 1.0, 0.667]
    """
    n = graph.num_nodes
    sums, reached = np.zeros(n), np.zeros(n)
    indptr, columns = graph.indptr.numpy(), graph.indices.numpy()

    def call(first: int, last: int) -> None:
        distance_sums(indptr, columns, sums, reached, first, last)

    run_blocks(call, n, n * graph.num_edges)
    return reached / max(n - 1, 1) * reached / np.where(sums > 0, sums, 1.0)
