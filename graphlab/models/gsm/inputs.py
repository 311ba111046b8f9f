"""What a graph-sequence model reads: a batch of graphs, or features and a graph."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph
from graphlab.models._inputs import check_features
from graphlab.models.benchmark._net import Sizes, graph_of_nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Inputs", "feature_width", "read_inputs"]


@dataclass(frozen=True)
class Inputs:
    """One graph or batch.

    Args:
        data: With ``x``, ``edge_index`` and whatever else the caller's object has.
        tokens: What tokenizers read: the same structure, and features that are numbers.
        num_nodes: Number of nodes n.
        graph: Graph of each node (n,).
        num_graphs: Number of graphs.
    """

    data: Any
    tokens: Any
    num_nodes: int
    graph: Tensor
    num_graphs: int


def read_inputs(data: Any, graph: Any, in_channels: Sizes, *, categories: bool) -> Inputs:  # noqa: ANN401
    """Read a batch, or features with their graph.

    Args:
        data: A batch or graph with ``x``; features (n, F) where ``graph`` is given.
        graph: A graph of n nodes as :func:`graphlab.graph.as_graph` takes it.
        in_channels: Features or categories.
        categories: Whether ``x`` holds categories.

    Raises:
        InputError: No features, or such as do not fit.
    """
    if isinstance(data, Tensor):
        data = _of_features(data, graph, in_channels)
    elif graph is not None:
        raise InputError(
            f"a {type(data).__name__} was given beside a graph; give a batch alone, or features "
            "and a graph."
        )
    elif isinstance(data, Graph):
        data = SimpleNamespace(x=data.x, edge_index=data.edge_index, num_nodes=data.num_nodes)
    x = getattr(data, "x", None)
    if not isinstance(x, Tensor):
        raise InputError(f"data.x is {type(x).__name__}, expected a tensor of node features.")
    n = x.shape[0]
    of_node, count = graph_of_nodes(data, n, x.device)
    tokens = SimpleNamespace(edge_index=data.edge_index, num_nodes=n)
    tokens.x = _one_hot(x, in_channels) if categories else x
    for name in ("edge_attr", "batch", "ptr", "pe"):
        if isinstance(getattr(data, name, None), Tensor):
            setattr(tokens, name, getattr(data, name))
    if hasattr(tokens, "batch"):
        tokens.num_graphs = count
    return Inputs(data, tokens, n, of_node, count)


def feature_width(in_channels: Sizes) -> int:
    """Return the columns of the features that tokenizers see."""
    return in_channels if isinstance(in_channels, int) else sum(in_channels)


def _of_features(x: Tensor, graph: Any, in_channels: Sizes) -> Any:  # noqa: ANN401
    if not isinstance(in_channels, int):
        raise InputError("the model was built for categories; give a batch with data.x.")
    x = check_features(x, in_channels)
    known = as_graph(graph, x.shape[0])
    if known.num_nodes != x.shape[0]:
        raise InputError(f"x has {x.shape[0]} rows, but the graph has {known.num_nodes} nodes.")
    x = x if x.layout == torch.strided else x.to_dense()
    return SimpleNamespace(x=x, edge_index=known.edge_index, num_nodes=x.shape[0])


def _one_hot(x: Tensor, in_channels: Sizes) -> Tensor:
    """Return categories as columns of 0 and 1, those of several columns side by side."""
    sizes: Sequence[int] = (in_channels,) if isinstance(in_channels, int) else in_channels
    columns = x.reshape(x.shape[0], -1).long()
    kind = torch.get_default_dtype()
    if columns.shape[1] != len(sizes):
        raise InputError(f"x has shape {tuple(x.shape)}, expected (n, {len(sizes)}).")
    rows = torch.zeros(x.shape[0], sum(sizes), dtype=kind, device=x.device)
    start = 0
    for column, size in zip(columns.unbind(1), sizes, strict=True):
        if column.numel() and not 0 <= int(column.min()) <= int(column.max()) < size:
            raise InputError(f"x holds the category {int(column.max())}, expected 0..{size - 1}.")
        rows.scatter_(1, start + column[:, None], 1.0)
        start += size
    return rows
