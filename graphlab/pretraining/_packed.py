"""Collections of graphs as one edge list: what every estimator reads."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphlab.collection import GraphCollection
from graphlab.errors import GraphlabError, InputError
from graphlab.graph import Graph, as_graph
from graphlab.pretraining._kernels import check_simple, join_rows, rank_by_degree
from graphlab.pretraining._matrices import rows_of_matrices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = ["Packed", "pack"]


@dataclass(frozen=True)
class Packed:
    """Simple graphs behind each other; ids count through, entries are sorted by row.

    Shapes:
        - ``ptr``: (G + 1,) first node of each graph; ``indptr``: (n + 1,)
        - ``row``, ``col``: (m,) both directions of each edge, ascending, no loops
        - ``weight``: (m,) in [0, 1], or None where all are 1
    """

    ptr: Ints
    indptr: Ints
    col: Ints
    weight: Floats | None

    def __len__(self) -> int:
        return len(self.ptr) - 1

    @cached_property
    def row(self) -> Ints:
        """Source of each entry, (m,)."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))

    @cached_property
    def sizes(self) -> Ints:
        """Nodes of each graph, (G,)."""
        return np.diff(self.ptr)

    @cached_property
    def graph_of(self) -> Ints:
        """Graph of each node, (n,)."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @cached_property
    def degree(self) -> Floats:
        """Sum of the weights at each node, (n,)."""
        if self.weight is None:
            return np.diff(self.indptr).astype(np.float64)
        total: Floats = np.bincount(self.row, self.weight, len(self.indptr) - 1).astype(np.float64)
        return total

    @cached_property
    def rank(self) -> Ints:
        """Place of each node in its graph by descending degree; ties keep the input's order."""
        found = np.empty(len(self.indptr) - 1, np.int64)
        if self.weight is None:
            most = int(np.diff(self.indptr).max(initial=0))
            rank_by_degree(self.ptr, self.indptr, np.empty(most + 1, np.int64), found)
            return found
        order: Ints = np.lexsort((-self.degree, self.graph_of))
        found[order] = np.arange(len(order)) - self.ptr[self.graph_of]
        return found

    def select(self, chosen: Ints) -> Packed:
        """Return some of the graphs, in the order given; O(what is kept)."""
        sizes = self.sizes[chosen]
        ptr = np.concatenate([[0], np.cumsum(sizes)])
        nodes = _ranges(self.ptr[chosen], sizes)
        counts = np.diff(self.indptr)[nodes]
        indptr = np.concatenate([[0], np.cumsum(counts)])
        entries = _ranges(self.indptr[nodes], counts)
        moved = np.repeat(np.repeat(ptr[:-1] - self.ptr[chosen], sizes), counts)
        weight = None if self.weight is None else self.weight[entries]
        return Packed(ptr, indptr, self.col[entries] + moved, weight)

    def joined(self, other: Packed) -> Packed:
        """Return these graphs and those of another collection behind them."""
        n, m = self.ptr[-1], len(self.col)
        weight = None
        if self.weight is not None or other.weight is not None:
            parts = [
                p.weight if p.weight is not None else np.ones(len(p.col)) for p in (self, other)
            ]
            weight = np.concatenate(parts)
        return Packed(
            np.concatenate([self.ptr, other.ptr[1:] + n]),
            np.concatenate([self.indptr, other.indptr[1:] + m]),
            np.concatenate([self.col, other.col + n]),
            weight,
        )


def pack(graphs: Any, name: str = "graphs") -> Packed:  # noqa: ANN401  (any kind of graph)
    """Read a collection: undirected by the larger weight, without loops and repeats.

    Args:
        graphs: A :class:`GraphCollection`, a loaded data set of graphs, or a list of graphs of any
            kind that ``as_graph`` reads.
        name: Argument's name for messages.

    Raises:
        InputError: No graphs, or one that is none, or weights outside [0, 1]: names its number.
    """
    if isinstance(graphs, Packed):
        return graphs
    inner = getattr(graphs, "graph", None)  # of a loaded data set
    if isinstance(inner, list | GraphCollection):
        graphs = inner
    if isinstance(graphs, GraphCollection):
        found = _of_collection(graphs)
    else:
        rows = rows_of_matrices(graphs) if isinstance(graphs, list | tuple) else None
        if rows is not None and _is_simple(Packed(*rows)):
            return Packed(*rows)
        found = _of_list(_listed(graphs, name))
    if not len(found):
        raise InputError(f"{name} is empty, expected at least one graph.")
    weight = found.weight
    if weight is not None:
        wrong = np.flatnonzero(~((weight >= 0) & (weight <= 1)))
        if wrong.size:
            graph = found.graph_of[found.row[wrong[0]]]
            raise InputError(
                f"{name}[{graph}] has an edge of weight {weight[wrong[0]]:g}; weights are chances "
                "and must lie in [0, 1]. Divide by the largest one, or leave them out."
            )
    return found if _is_simple(found) else _simple(found)


# -- private --------------------------------------------------------------------------------------


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """Concatenate the ranges [start, start + count)."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    found: Ints = np.arange(total) + np.repeat(starts - (ends - counts), counts)
    return found


def _listed(graphs: Any, name: str) -> list[Graph]:  # noqa: ANN401
    if isinstance(graphs, Graph) or hasattr(graphs, "edge_index") or hasattr(graphs, "is_directed"):
        raise InputError(
            f"{name} is one graph ({type(graphs).__name__}), expected a list. Wrap it in a list, "
            "or cut a large graph into pieces with ego_graphs."
        )
    try:
        items: list[Any] = list(graphs)
    except TypeError as error:
        raise InputError(
            f"{name} is {type(graphs).__name__}, expected a list of graphs."
        ) from error
    found: list[Graph] = items
    if all(type(item) is Graph for item in items):
        return found
    found, directed = [], []
    for number, item in enumerate(items):
        try:
            graph = as_graph(item)
        except GraphlabError as error:
            raise InputError(f"{name}[{number}] cannot be read: {error}") from error
        if _has_direction(item) and not graph.is_undirected():
            directed.append(number)
        found.append(graph)
    if directed:
        warnings.warn(
            f"{name}[{directed[0]}] is directed ({len(directed)} of {len(items)} graphs): made "
            "undirected by the larger weight of both directions.",
            UserWarning,
            stacklevel=4,
        )
    return found


def _has_direction(item: Any) -> bool:  # noqa: ANN401
    """Tell matrices and networkx graphs from edge lists, where one direction is usual."""
    if hasattr(item, "is_directed") and not hasattr(item, "edge_index"):
        return bool(item.is_directed())
    shape: tuple[int, ...] = tuple(getattr(item, "shape", ()))
    if len(shape) != 2 or shape[0] != shape[1] or hasattr(item, "edge_index"):
        return False
    # two edges look like a matrix of two nodes; integers are read as edges
    return shape[0] != 2 or "int" not in str(item.dtype) or hasattr(item, "tocsr")


def _of_list(graphs: Sequence[Graph]) -> Packed:
    """Rows of all graphs behind each other, as they are stored."""
    sizes = np.fromiter((g.num_nodes for g in graphs), np.int64, len(graphs))
    ptr = np.concatenate([[0], np.cumsum(sizes)])
    if not len(graphs):
        return Packed(ptr, ptr, ptr, None)
    pointers = _joined([g.indptr for g in graphs])
    columns = _joined([g.columns for g in graphs])
    indptr, col = np.empty(ptr[-1] + 1, np.int64), np.empty(len(columns), np.int64)
    join_rows(ptr, pointers, columns, indptr, col)
    weight = None
    if any(g.edge_weight is not None for g in graphs):
        parts = [
            torch.ones(g.num_edges, dtype=torch.float64)
            if g.edge_weight is None
            else g.edge_weight.detach().cpu().double()
            for g in graphs
        ]
        weight = torch.cat(parts).numpy()
    return Packed(ptr, indptr, col, weight)


def _joined(tensors: list[torch.Tensor]) -> Ints:
    joined: Ints = torch.cat(tensors).cpu().numpy()
    return joined


def _of_collection(graphs: GraphCollection) -> Packed:
    ptr = graphs.node_ptr.cpu().numpy()
    counts = np.diff(graphs.edge_ptr.cpu().numpy())
    row, col = graphs.edge_index.to("cpu", torch.int64).numpy() + np.repeat(ptr[:-1], counts)
    if (np.diff(row) < 0).any():
        order = np.argsort(row, kind="stable")
        row, col = row[order], col[order]
    return Packed(ptr, _pointers(row, int(ptr[-1])), np.ascontiguousarray(col), None)


def _pointers(row: Ints, n: int) -> Ints:
    return np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])


def _is_simple(found: Packed) -> bool:
    """Rows ascend, without repeats, loops and edges of weight 0, alike in both directions."""
    if found.weight is not None and not found.weight.all():
        return False
    simple = np.empty(1, np.bool_)
    check_simple(found.indptr, found.col, found.weight, found.indptr[:-1].copy(), simple)
    return bool(simple[0])


def _simple(found: Packed) -> Packed:
    n = int(found.ptr[-1])
    row, col, weight = found.row, found.col, found.weight
    keep = row != col if weight is None else (row != col) & (weight > 0)
    row, col = row[keep], col[keep]
    key = np.concatenate([row, col]) * max(n, 1) + np.concatenate([col, row])
    if weight is None:
        key = np.unique(key)
    else:
        order = np.argsort(key, kind="stable")
        weight = np.concatenate([weight[keep]] * 2)[order]
        key, first = np.unique(key[order], return_index=True)
        weight = np.maximum.reduceat(weight, first) if len(first) else weight
    row, col = key // max(n, 1), key % max(n, 1)
    return Packed(found.ptr, _pointers(row, n), col, weight)
