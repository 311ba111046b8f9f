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

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = ["Packed", "pack"]


@dataclass(frozen=True)
class Packed:
    """Simple graphs behind each other; ids count through, entries are sorted by row.

    Shapes:
        - ``ptr``: (G + 1,) first node of each graph; ``indptr``: (n + 1,)
        - ``row``, ``col``: (m,) both directions of each edge, no loops
        - ``weight``: (m,) in [0, 1], or None where all are 1
    """

    ptr: Ints
    indptr: Ints
    row: Ints
    col: Ints
    weight: Floats | None

    def __len__(self) -> int:
        return len(self.ptr) - 1

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
        order: Ints = np.lexsort((-self.degree, self.graph_of))
        found = np.empty(len(order), np.int64)
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
        row = np.repeat(np.arange(len(nodes)), counts)
        weight = None if self.weight is None else self.weight[entries]
        return Packed(ptr, indptr, row, self.col[entries] + moved, weight)

    def joined(self, other: Packed) -> Packed:
        """Return these graphs and those of another collection behind them."""
        n, m = self.ptr[-1], len(self.row)
        weight = None
        if self.weight is not None or other.weight is not None:
            parts = [
                p.weight if p.weight is not None else np.ones(len(p.row)) for p in (self, other)
            ]
            weight = np.concatenate(parts)
        return Packed(
            np.concatenate([self.ptr, other.ptr[1:] + n]),
            np.concatenate([self.indptr, other.indptr[1:] + m]),
            np.concatenate([self.row, other.row + n]),
            np.concatenate([self.col, other.col + n]),
            weight,
        )


def pack(graphs: Any, name: str = "graphs") -> Packed:  # noqa: ANN401  (any kind of graph)
    """Read a collection: undirected by the larger weight, without loops and repeats.

    Args:
        graphs: A :class:`GraphCollection`, or graphs of any kind that ``as_graph`` reads.
        name: Argument's name for messages.

    Raises:
        InputError: No graphs, or one that is none, or weights outside [0, 1]: names its number.
    """
    if isinstance(graphs, Packed):
        return graphs
    if isinstance(graphs, GraphCollection):
        found = _of_collection(graphs)
    else:
        found = _of_list(_listed(graphs, name))
    ptr, row, col, weight = found
    if len(ptr) == 1:
        raise InputError(f"{name} is empty, expected at least one graph.")
    if weight is not None:
        wrong = np.flatnonzero(~((weight >= 0) & (weight <= 1)))
        if wrong.size:
            graph = int(np.searchsorted(ptr, row[wrong[0]], side="right")) - 1
            raise InputError(
                f"{name}[{graph}] has an edge of weight {weight[wrong[0]]:g}; weights are chances "
                "and must lie in [0, 1]. Divide by the largest one, or leave them out."
            )
        if not (weight > 0).all():
            row, col, weight = row[weight > 0], col[weight > 0], weight[weight > 0]
    return _simple(ptr, row, col, weight)


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


def _of_list(graphs: Sequence[Graph]) -> tuple[Ints, Ints, Ints, Floats | None]:
    sizes = np.fromiter((g.num_nodes for g in graphs), np.int64, len(graphs))
    entries = np.fromiter((g.num_edges for g in graphs), np.int64, len(graphs))
    ptr = np.concatenate([[0], np.cumsum(sizes)])
    if not len(graphs):
        return ptr, ptr, ptr, None
    col = _numpy(g.columns for g in graphs) + np.repeat(ptr[:-1], entries)
    # the pointers of all graphs behind each other; steps between two graphs are no degrees
    degree = np.delete(np.diff(_numpy(g.indptr for g in graphs)), np.cumsum(sizes + 1)[:-1] - 1)
    row = np.repeat(np.arange(ptr[-1]), degree)
    weight = None
    if any(g.edge_weight is not None for g in graphs):
        parts = [
            torch.ones(g.num_edges, dtype=torch.float64)
            if g.edge_weight is None
            else g.edge_weight.detach().cpu().double()
            for g in graphs
        ]
        weight = torch.cat(parts).numpy()
    return ptr, row, col, weight


def _numpy(tensors: Iterable[torch.Tensor]) -> Ints:
    joined: Ints = np.asarray(torch.cat(list(tensors)).cpu().numpy(), dtype=np.int64)
    return joined


def _of_collection(graphs: GraphCollection) -> tuple[Ints, Ints, Ints, Floats | None]:
    ptr = graphs.node_ptr.cpu().numpy()
    counts = np.diff(graphs.edge_ptr.cpu().numpy())
    row, col = graphs.edge_index.to("cpu", torch.int64).numpy() + np.repeat(ptr[:-1], counts)
    return ptr, row, col, None


def _simple(ptr: Ints, row: Ints, col: Ints, weight: Floats | None) -> Packed:
    n = int(ptr[-1])
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])
    if _is_simple(indptr, row, col, weight):
        return Packed(ptr, indptr, row, col, weight)
    keep = row != col
    row, col = row[keep], col[keep]
    ends, other = np.concatenate([row, col]), np.concatenate([col, row])
    if weight is None:
        key = np.unique(ends * max(n, 1) + other)
    else:
        key = ends * max(n, 1) + other
        order = np.argsort(key, kind="stable")
        weight = np.concatenate([weight[keep]] * 2)[order]
        key, first = np.unique(key[order], return_index=True)
        weight = np.maximum.reduceat(weight, first) if len(first) else weight
    row, col = key // max(n, 1), key % max(n, 1)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n))])
    return Packed(ptr, indptr, row, col, weight)


def _is_simple(indptr: Ints, row: Ints, col: Ints, weight: Floats | None) -> bool:
    """Sorted, no repeats, no loops, symmetric; linear, since transposing sorts by counting."""
    from scipy.sparse import csr_array

    n, m = len(indptr) - 1, len(row)
    step = np.diff(row)
    if (step < 0).any() or ((step == 0) & (np.diff(col) <= 0)).any() or (row == col).any():
        return False
    kind = np.int32 if max(n, m) < 2**31 else np.int64
    parts = (np.arange(m, dtype=kind), col.astype(kind), indptr.astype(kind))
    turned = csr_array(parts, shape=(n, n)).tocsc()
    if not np.array_equal(turned.indptr, indptr) or not np.array_equal(turned.indices, col):
        return False
    return weight is None or bool((weight[turned.data] == weight).all())
