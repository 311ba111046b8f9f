"""Many PyG graphs seen as one disjoint union, and results of the union given back to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError, UnsupportedGraph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Computed", "DisjointUnion", "attach", "attach_to_each", "union_of", "union_of_many"]


@dataclass(frozen=True)
class DisjointUnion:
    """Graphs side by side; nodes and edges of a graph follow each other.

    Shapes:
        - ``first_node``, ``first_edge``: (number of graphs + 1,) int64
    """

    graph: dict[str, Any]  # as functions of graphlab.graphlets take it
    first_node: NDArray[np.int64]
    first_edge: NDArray[np.int64]


@dataclass(frozen=True)
class Computed:
    """Values to be written to an attribute; those of a graph follow each other.

    Shapes:
        - ``value``: (m, ...), or (2, m) where ``ids``
        - ``first``: (number of graphs + 1,) int64, where the values of each graph begin
    """

    name: str
    value: Tensor
    first: NDArray[np.int64]
    append: bool = False  # as further columns to what is there
    ids: bool = False  # numbers of nodes, counted from 0 in each graph


def union_of(data: Any) -> DisjointUnion:  # noqa: ANN401  (PyG's Data, by attribute)
    """Return a graph, or the graphs of a PyG ``Batch``, as a union."""
    index, n = _edges(data), _nodes(data)
    graph = {"edge_index": index, "num_nodes": n, "edge_weight": getattr(data, "edge_weight", None)}
    first_node, first_edge = np.array([0, n]), np.array([0, index.shape[1]])
    ptr = getattr(data, "ptr", None)
    if isinstance(ptr, Tensor):
        first_node = ptr.cpu().numpy()
        owner = np.searchsorted(first_node[1:], index[0].detach().cpu().numpy(), side="right")
        first_edge = _starts(np.bincount(owner, minlength=first_node.size)[: first_node.size - 1])
    return DisjointUnion(graph, first_node, first_edge)


def union_of_many(graphs: Sequence[Any]) -> DisjointUnion:
    """Return the disjoint union of graphs, on the CPU."""
    indices = [_edges(data).cpu() for data in graphs]
    # the type of an empty list would be that of all
    indices = [index if index.numel() else index.long() for index in indices]
    first_node = _starts([_nodes(data) for data in graphs])
    first_edge = _starts([index.shape[1] for index in indices])
    owner = torch.from_numpy(np.repeat(np.arange(len(graphs)), np.diff(first_edge)))
    index = torch.cat([torch.empty((2, 0), dtype=torch.int64), *indices], 1)
    _check_range(index, owner, torch.from_numpy(np.diff(first_node)))
    index = index + torch.from_numpy(first_node)[owner]
    graph: dict[str, Any] = {"edge_index": index, "num_nodes": int(first_node[-1])}
    weights = [getattr(data, "edge_weight", None) for data in graphs]
    if any(weight is not None for weight in weights):
        graph["edge_weight"] = torch.cat(
            [
                torch.ones(part.shape[1]) if weight is None else weight.detach().cpu().reshape(-1)
                for weight, part in zip(weights, indices, strict=True)
            ]
        )
    return DisjointUnion(graph, first_node, first_edge)


def attach(data: Any, union: DisjointUnion, computed: Computed) -> None:  # noqa: ANN401
    """Write values of a whole union to the graph or batch that it was made of."""
    _write(data, computed, computed.value)
    slices = getattr(data, "_slice_dict", None)
    if isinstance(slices, dict):  # a PyG Batch: what it is taken apart by
        steps = union.first_node[:-1] if computed.ids else np.zeros_like(union.first_node[:-1])
        first = torch.from_numpy(computed.first)
        data._slice_dict = {**slices, computed.name: first}
        data._inc_dict = {**data._inc_dict, computed.name: torch.from_numpy(steps)}


def attach_to_each(graphs: Sequence[Any], union: DisjointUnion, computed: Computed) -> None:
    """Write the values of each graph of a union to it."""
    sizes = np.diff(computed.first).tolist()
    parts = torch.split(computed.value, sizes, 1 if computed.ids else 0)
    for data, part, start in zip(graphs, parts, union.first_node.tolist(), strict=False):
        # a copy: a part would keep the values of all graphs alive, and be saved with them
        _write(data, computed, part - start if computed.ids else part.clone())


def _write(data: Any, computed: Computed, value: Tensor) -> None:  # noqa: ANN401
    value = value.to(data.edge_index.device)
    there = getattr(data, computed.name, None) if computed.append else None
    if there is not None:
        if there.layout != torch.strided:
            raise InputError(
                f"{computed.name} has layout {there.layout}; columns are appended to dense "
                "tensors alone. Give attr_name= to keep them apart."
            )
        there = there.reshape(-1, 1) if there.dim() == 1 else there
        value = torch.cat([there, value.to(there.dtype) if there.is_floating_point() else value], 1)
    setattr(data, computed.name, value)


def _check_range(index: Tensor, owner: Tensor, sizes: Tensor) -> None:
    """Refuse ids that would be nodes of another graph in a union."""
    wrong = ((index < 0) | (index >= sizes[owner])).any(0)
    if wrong.any():
        at = int(wrong.long().argmax())
        graph = int(owner[at])
        raise InputError(
            f"edge_index of graph {graph} holds the edge {tuple(index[:, at].tolist())}, but its "
            f"num_nodes is {int(sizes[graph])} (ids must be 0..{int(sizes[graph]) - 1})."
        )


def _edges(data: Any) -> Tensor:  # noqa: ANN401
    index = getattr(data, "edge_index", None)
    if not isinstance(index, Tensor) or index.dim() != 2 or index.shape[0] != 2:
        given = f"of shape {tuple(index.shape)}" if isinstance(index, Tensor) else f"{index!r:.40}"
        raise UnsupportedGraph(
            f"{type(data).__name__}.edge_index is {given}, expected a tensor (2, m); (2, 0) for a "
            "graph without edges."
        )
    return index


def _nodes(data: Any) -> int:  # noqa: ANN401
    x = getattr(data, "x", None)
    return int(data.num_nodes if x is None else x.shape[0])


def _starts(sizes: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    starts = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    return starts
