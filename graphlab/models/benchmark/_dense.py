"""Graphs as dense tensors, one a graph, for nets that work on pairs of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.models._inputs import positive
from graphlab.models.benchmark._net import (
    Level,
    NodeInput,
    field,
    graph_of_nodes,
    scored_pairs,
)
from graphlab.models.benchmark._parts import ReferenceWeights, choice

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DenseEdgeInput", "DenseNet", "of_entries"]

DenseEdgeInput = Literal["none", "embedding", "linear"]


class DenseNet(ReferenceWeights):
    """Reads batches graph by graph: channels of an n x n matrix.

    Channel 0 is the symmetrically normalised adjacency; then nodes stand on the diagonal (one-hot
    categories, or features; positional encodings in their place if there are some), then edges at
    their place (the same).
    """

    def _build_input(
        self,
        in_channels: int,
        *,
        level: Level,
        node_input: NodeInput,
        edge_input: DenseEdgeInput,
        edge_channels: int,
        pe_dim: int,
    ) -> int:
        """Note the options and return the number of channels."""
        self.level = choice("level", level, Level)
        self.node_input = choice("node_input", node_input, NodeInput)
        self.edge_input = choice("edge_input", edge_input, DenseEdgeInput)
        self.in_channels = positive("in_channels", in_channels)
        self.edge_channels = positive("edge_channels", edge_channels)
        self.pe_dim = positive("pe_dim", pe_dim, least=0)
        nodes = pe_dim or in_channels
        return 1 + nodes + (edge_channels if edge_input != "none" else 0)

    def forward(self, data: Any) -> Tensor:  # noqa: ANN401  (our batches, PyG's, any such object)
        """Return scores of nodes, graphs or pairs; see the class."""
        nodes = self._nodes(data)
        n, edge_index = nodes.shape[0], field(data, "edge_index").long()
        if edge_index.numel() and not 0 <= int(edge_index.min()) <= int(edge_index.max()) < n:
            raise InputError(
                f"edge_index holds node {int(edge_index.max())}, but there are {n} nodes."
            )
        graph, count = graph_of_nodes(data, n, nodes.device)
        edges = self._edges(data, edge_index.shape[1], nodes)
        rows = [
            self._one(matrix) if self.level == "graph" else self._node_rows(matrix)
            for matrix in self._matrices(nodes, edge_index, edges, graph, count)
        ]
        joined = torch.cat(rows) if rows else self._one(nodes.new_zeros(1, self._channels(), 0, 0))
        if self.level == "graph":
            return joined if rows else joined[:0]
        if self.level == "node":
            return self._score(joined)
        pairs = scored_pairs(data).long()
        return self._score_pairs(joined, pairs)

    def _channels(self) -> int:
        edges = self.edge_channels if self.edge_input != "none" else 0
        return 1 + (self.pe_dim or self.in_channels) + edges

    def _matrices(
        self, nodes: Tensor, edge_index: Tensor, edges: Tensor | None, graph: Tensor, count: int
    ) -> Iterator[Tensor]:
        """Yield (1, C, n, n) of each graph."""
        if graph.numel() and bool((graph[1:] < graph[:-1]).any()):
            raise InputError("data.batch must ascend: nodes of one graph behind each other.")
        sizes = torch.bincount(graph, minlength=count).tolist()
        owner = graph[edge_index[0]] if edge_index.numel() else edge_index[0]
        first = 0
        for number, size in enumerate(sizes):
            mine = owner == number
            src, dst = (edge_index[:, mine] - first).unbind(0)
            rows = nodes[first : first + size]
            matrix = nodes.new_zeros((self._channels(), size, size))
            ones = nodes.new_ones(src.numel())
            adjacency = matrix[0].index_put((src, dst), ones, accumulate=True)
            degree = adjacency.sum(0)
            rate = torch.where(degree > 0, degree.clamp(min=1e-12).rsqrt(), 0)
            matrix[0] = rate[:, None] * adjacency * rate
            diagonal = torch.arange(size, device=nodes.device)
            matrix[1 : 1 + rows.shape[1], diagonal, diagonal] = rows.t()
            if edges is not None:
                matrix[1 + rows.shape[1] :, src, dst] = edges[mine].t()
            yield matrix[None]
            first += size

    def _nodes(self, data: Any) -> Tensor:  # noqa: ANN401
        kind = next(self.parameters()).dtype
        if self.pe_dim:
            pe = field(data, "pe")
            if pe.dim() != 2 or pe.shape[1] != self.pe_dim:
                raise InputError(f"pe has shape {tuple(pe.shape)}, expected (n, {self.pe_dim}).")
            return pe.to(kind)
        x = field(data, "x")
        return _spread("x", x, self.in_channels, self.node_input, kind)

    def _edges(self, data: Any, m: int, nodes: Tensor) -> Tensor | None:  # noqa: ANN401
        if self.edge_input == "none":
            return None
        given = field(data, "edge_attr")
        edges = _spread("edge_attr", given, self.edge_channels, self.edge_input, nodes.dtype)
        if edges.shape[0] != m:
            raise InputError(f"edge_attr has {edges.shape[0]} rows, but there are {m} edges.")
        return edges

    def _one(self, matrix: Tensor) -> Tensor:
        """Return scores (1, C) of a graph."""
        raise NotImplementedError

    def _node_rows(self, matrix: Tensor) -> Tensor:
        """Return what nodes are scored by, (n, ...)."""
        raise NotImplementedError

    def _score(self, rows: Tensor) -> Tensor:
        """Return scores of nodes."""
        raise NotImplementedError

    def _score_pairs(self, rows: Tensor, pairs: Tensor) -> Tensor:
        """Return scores of pairs."""
        raise NotImplementedError


def of_entries(linear: nn.Module, x: Tensor) -> Tensor:
    """Apply a linear layer to the channels of each entry of (B, C, n, n)."""
    out: Tensor = linear(x.movedim(1, 3)).movedim(3, 1)
    return out


def _spread(name: str, given: Tensor, columns: int, kind: str, dtype: torch.dtype) -> Tensor:
    """Return one-hot categories, or features as they are, (rows, columns)."""
    if kind == "embedding":
        flat = given[:, 0] if given.dim() == 2 and given.shape[1] == 1 else given
        if flat.dim() != 1 or flat.is_floating_point():
            raise InputError(
                f"{name} is {given.dtype} of shape {tuple(given.shape)}, expected (rows,) integer "
                "categories."
            )
        if flat.numel() and not 0 <= int(flat.min()) <= int(flat.max()) < columns:
            wrong = int(flat.min()) if int(flat.min()) < 0 else int(flat.max())
            raise InputError(f"{name} holds the category {wrong}, expected 0..{columns - 1}.")
        return nn.functional.one_hot(flat.long(), columns).to(dtype)
    given = given[:, None] if given.dim() == 1 else given
    if given.dim() != 2 or given.shape[1] != columns:
        raise InputError(f"{name} has shape {tuple(given.shape)}, expected (rows, {columns}).")
    return given.to(dtype)
