"""The one reader of what tokenizers are given, and where their results are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from graphlab.collection import GraphBatch
from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Reading", "check_nodes", "read"]

T = TypeVar("T")


@dataclass(frozen=True)
class Reading:
    """A graph or batch: structure, features, and where graphs begin.

    Shapes:
        - ``x``: (n, F) or None; ``edge_attr``: (m, D) in the order of the input, or None
        - ``ptr``: (G + 1,) int64 on the CPU; ``batch``: (n,) int64
    """

    graph: Graph
    x: Tensor | None
    edge_attr: Tensor | None
    ptr: Tensor
    batch: Tensor

    @property
    def num_nodes(self) -> int:
        """Number of nodes of all graphs."""
        return self.graph.num_nodes

    @property
    def num_graphs(self) -> int:
        """Number of graphs."""
        return self.ptr.numel() - 1

    @property
    def local(self) -> Tensor:
        """Ids of nodes within their graphs, (n,) int64."""
        start = self.ptr.to(self.batch.device)[self.batch]
        return torch.arange(self.num_nodes, device=self.batch.device) - start

    def keep(self, name: tuple[Any, ...], held: tuple[Any, ...], build: Callable[[], T]) -> T:
        """Return ``build()``, made once for this graph, its features and the options ``name``.

        Structures never change; of features and of the tensors in ``held`` the very objects are
        remembered, with the versions they had.
        """
        kept: dict[Any, tuple[Any, Any]] = self.graph.cached("tokens", dict)
        parts = (self.x, self.edge_attr, *held)
        now = (tuple(map(_version, parts)), tuple(self.ptr.tolist()))
        known = kept.get(name)
        if known is not None and known[0][2] == now:
            before = known[0][1]
            if len(before) == len(parts) and all(
                a is b for a, b in zip(before, parts, strict=True)
            ):
                value: T = known[1]
                return value
        value = build()
        kept[name] = ((name, parts, now), value)
        return value


def read(data: Any) -> Reading:  # noqa: ANN401  (anything that describes a graph)
    """Read a graph, a batch, or an object with ``edge_index``.

    Raises:
        InputError: Not a graph; ``batch`` that does not ascend, or of another length.
    """
    if isinstance(data, Graph):
        return _of_graph(data, data.x, None, None)
    if isinstance(data, GraphBatch):
        return _of_graph(data.graph, data.x, data.edge_attr, data.batch, ptr=data.ptr)
    if not hasattr(data, "edge_index"):
        graph = as_graph(data)
        return _of_graph(graph, graph.x, None, None)
    x, batch = getattr(data, "x", None), getattr(data, "batch", None)
    index = data.edge_index
    n = _count(data, x, batch)
    graph = as_graph(index, n) if isinstance(index, Tensor) else as_graph(data)
    x = graph.x if x is None else torch.as_tensor(x)
    edge_attr = getattr(data, "edge_attr", None)
    known = getattr(data, "num_graphs", None)
    count = known if isinstance(known, int) and batch is not None else None
    return _of_graph(graph, x, edge_attr, batch, ptr=getattr(data, "ptr", None), count=count)


def check_nodes(nodes: Any, num_nodes: int, device: torch.device) -> Tensor:  # noqa: ANN401
    """Return node ids as (B,) int64; InputError where they are none."""
    ids = torch.as_tensor(nodes, device=device)
    if ids.dtype == torch.bool:
        ids = ids.nonzero()[:, 0]
    if ids.dim() != 1 or (ids.numel() and (ids.is_floating_point() or ids.is_complex())):
        raise InputError(
            f"nodes has shape {tuple(ids.shape)} and type {ids.dtype}, expected node ids (B,)."
        )
    ids = ids.to(torch.int64)
    if ids.numel() and (int(ids.min()) < 0 or int(ids.max()) >= num_nodes):
        wrong = int(ids.min()) if int(ids.min()) < 0 else int(ids.max())
        raise InputError(f"nodes holds {wrong}, but ids must be 0..{num_nodes - 1}.")
    return ids


def _version(value: Any) -> int:  # noqa: ANN401
    if not isinstance(value, Tensor):
        return 0
    return -1 if value.is_inference() else value._version


def _count(data: Any, x: Any, batch: Any) -> int | None:  # noqa: ANN401
    if x is not None and len(x.shape):
        return int(x.shape[0])
    if getattr(data, "num_nodes", None) is not None:
        return int(data.num_nodes)
    return None if batch is None else int(batch.shape[0])


def _of_graph(
    graph: Graph,
    x: Tensor | None,
    edge_attr: Tensor | None,
    batch: Tensor | None,
    *,
    ptr: Tensor | None = None,
    count: int | None = None,
) -> Reading:
    n = graph.num_nodes
    if x is not None and (x.dim() == 0 or x.shape[0] != n):
        raise InputError(f"x has shape {tuple(x.shape)}, but the graph has {n} nodes.")
    if edge_attr is not None and (edge_attr.dim() == 0 or edge_attr.shape[0] != graph.num_edges):
        raise InputError(
            f"edge_attr has shape {tuple(edge_attr.shape)}, expected one row for each of the "
            f"{graph.num_edges} columns of edge_index."
        )
    if batch is None:
        batch = torch.zeros(n, dtype=torch.int64, device=graph.device)
        return Reading(graph, x, edge_attr, torch.tensor([0, n]), batch)
    if batch.shape != (n,):
        raise InputError(f"data.batch has shape {tuple(batch.shape)}, expected ({n},).")
    batch = batch.to(torch.int64)
    if n and (int(batch[0]) < 0 or bool((batch[1:] < batch[:-1]).any())):
        raise InputError("data.batch must ascend from 0: nodes of one graph behind each other.")
    if isinstance(ptr, Tensor):
        return Reading(graph, x, edge_attr, ptr.to("cpu", torch.int64), batch)
    least = int(batch[-1]) + 1 if n else 0
    count = least if count is None else count
    if count < least:
        raise InputError(f"data.num_graphs is {count}, but data.batch holds graph {least - 1}.")
    sizes = torch.bincount(batch, minlength=count).cpu()
    return Reading(graph, x, edge_attr, torch.cat([sizes.new_zeros(1), sizes.cumsum(0)]), batch)
