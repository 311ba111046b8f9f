"""What functions of this package accept as a graph, and how it becomes a simple one."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import torch

from graphlab.errors import InputError
from graphlab.graph import Graph
from graphlab.graphlets._clean import Entries, simple_rows
from graphlab.graphlets._entries import read_entries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["read_edges", "read_graph", "warn_of_loops"]


def read_graph(
    graph: Any,  # noqa: ANN401  (accepting anything is the point)
    *,
    num_nodes: int | None = None,
    to_undirected: bool = False,
    nodelist: Sequence[Any] | None = None,
) -> Graph:
    """Return the simple undirected graph on the CPU that orbits are counted in.

    Accepted is what :func:`graphlab.graph.as_graph` accepts, and integer arrays (m, 2). An integer
    array of shape (2, 2) is read as an ``edge_index``. The input is never changed.

    - Self loops are left out, with one ``UserWarning`` that tells their number.
    - Repeated and reversed edges count once. An edge list is undirected, whatever its order.
    - Weights are ignored, with a ``UserWarning`` if one is not 0 or 1; an entry of weight 0 is not
      an edge.
    - A directed networkx graph and a matrix that is not symmetric are errors.

    Args:
        graph: The description of a graph.
        num_nodes: Number of nodes; needed for isolated nodes behind the largest id of an edge list.
        to_undirected: Take every entry of a directed graph or matrix both ways.
        nodelist: Order of the nodes of a networkx graph; all of them, each once. Default:
            ``list(graph.nodes)``.

    Returns:
        A graph that is its own :meth:`~graphlab.graph.Graph.simple`, with int32 columns; a given
        Graph of this kind itself.

    Raises:
        InputError: Directed, ids out of range or not whole, a wrong shape, a weight that is NaN, a
            ``nodelist`` with labels missing or repeated: names the argument and the value.
        UnsupportedGraph: (a ``TypeError`` too) ``graph`` is something else.

    Cost: O(n + m), no sorting; two passes over an edge list that is sorted and has both directions,
    four over an unsorted one.

    Example:
        >>> read_graph([[2, 1, 0], [1, 2, 1]], num_nodes=4).edge_index.tolist()
        [[0, 1, 1, 2], [1, 0, 2, 1]]
    """
    entries = read_entries(graph, num_nodes, nodelist, to_undirected)
    if isinstance(entries, Graph):
        return entries
    return _sorted(_without_weights(entries), to_undirected)


def read_edges(
    graph: Any,  # noqa: ANN401
    *,
    num_nodes: int | None = None,
    to_undirected: bool = False,
    nodelist: Sequence[Any] | None = None,
) -> Graph | Entries:
    """Read as :func:`read_graph` does, but leave edges as they come where no order is needed.

    What is returned as ``Entries`` may hold loops and repeats, and tells no directions apart.
    """
    entries = read_entries(graph, num_nodes, nodelist, to_undirected)
    if isinstance(entries, Graph):
        return entries
    entries = _without_weights(entries)
    return _sorted(entries, False) if entries.matrix and not to_undirected else entries


def warn_of_loops(number: int) -> None:
    """Warn that loops were left out, if there were any."""
    if number:
        loops = "1 self loop was" if number == 1 else f"{number} self loops were"
        _warn(f"{loops} left out: orbits are counted in graphs without loops.")


def _sorted(entries: Entries, to_undirected: bool) -> Graph:
    rows = simple_rows(entries, to_undirected=to_undirected)
    warn_of_loops(rows.loops)
    return Graph.from_simple_rows(torch.from_numpy(rows.indptr), torch.from_numpy(rows.columns))


def _without_weights(entries: Entries) -> Entries:
    """Drop entries of weight 0; warn of weights that are lost, refuse NaN."""
    weight = entries.weight
    if weight is None or (weight == 1).all():
        return entries
    if weight.dtype.kind == "f":
        _refuse_nan(entries, weight)
    kept = weight != 0
    lost = weight[kept & (weight != 1)]
    if lost.size:
        _warn(
            f"Weights are ignored ({lost[0]} among them): orbits are counted in graphs without "
            "weights."
        )
    if kept.all():
        return entries
    source, target = entries.source[kept], entries.target[kept]
    return Entries(source, target, entries.num_nodes, matrix=entries.matrix)


def _refuse_nan(entries: Entries, weight: NDArray[Any]) -> None:
    wrong = weight != weight  # noqa: PLR0124  (NaN alone is not equal to itself)
    if wrong.any():
        at = int(wrong.argmax())
        pair = (int(entries.source[at]), int(entries.target[at]))
        raise InputError(
            f"graph holds the weight NaN at {pair}; whether that is an edge cannot be told. "
            "Give 0 or leave it out where there is none."
        )


def _warn(message: str) -> None:
    """Warn at the line outside this library that asked for the count."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("graphlab."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)
