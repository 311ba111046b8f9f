"""What the nets share: reading a batch, embedding its inputs, scoring what is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.models._inputs import positive
from graphlab.models.benchmark._parts import ReferenceWeights, choice
from graphlab.ops.incoming import Incoming, incoming_edges

__all__ = [
    "Batch",
    "EdgeInput",
    "Level",
    "NetInputs",
    "NodeInput",
    "PEMode",
    "Sizes",
    "field",
    "graph_of_nodes",
    "scored_pairs",
]

Level = Literal["node", "graph", "edge"]
NodeInput = Literal["embedding", "linear"]
EdgeInput = Literal["ones", "embedding", "linear"]
PEMode = Literal["add", "replace"]
Sizes: TypeAlias = int | Sequence[int]


@dataclass(frozen=True)
class Batch:
    """What layers and heads see of a batch.

    Args:
        h: Embedded nodes, (n, d).
        edges: The edges by target.
        e: Embedded edges in that order, (m, d), or one row for all; None for nets without.
        graph: Graph of each node, (n,) int64.
        num_graphs: Number of graphs.
        pairs: Ends of the pairs that a head on edges scores, (2, B).
    """

    h: Tensor
    edges: Incoming
    e: Tensor | None
    graph: Tensor
    num_graphs: int
    pairs: Tensor


class CategoryEncoder(nn.Module):
    """Sum of one embedding for each column of categories.

    Args:
        sizes: Number of categories of each column.
        channels: Width of the embeddings.
    """

    def __init__(self, sizes: Sequence[int], channels: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, channels) for size in sizes)

    def forward(self, categories: Tensor) -> Tensor:
        """Return (n, d) for categories (n, columns)."""
        first, *others = (
            table(column) for table, column in zip(self.tables, categories.unbind(1), strict=True)
        )
        return cast("Tensor", sum(others, start=first))


class NetInputs(ReferenceWeights):
    """Embeddings of nodes, positional encodings and edges.

    Args:
        in_channels: Node categories, or one number a column of them; features with ``"linear"``.
        channels: Width d.
        node_input: ``"embedding"`` looks categories up, ``"linear"`` multiplies features.
        edge_input: The same for edges; ``"ones"`` has one learnt row for all; None: no edges.
        edge_channels: Edge categories or features.
        pe_dim: Columns of positional encodings, 0 for none.
        pe_mode: They are added to the nodes, or replace them.
    """

    def _build_inputs(
        self,
        in_channels: Sizes,
        channels: int,
        *,
        node_input: NodeInput,
        edge_input: EdgeInput | None = None,
        edge_channels: Sizes = 1,
        pe_dim: int = 0,
        pe_mode: PEMode = "add",
    ) -> None:
        self.in_channels, self.edge_channels = in_channels, edge_channels
        self.node_input = choice("node_input", node_input, NodeInput)
        self.edge_input = edge_input and choice("edge_input", edge_input, EdgeInput)
        self.pe_dim = positive("pe_dim", pe_dim, least=0)
        self.pe_mode = choice("pe_mode", pe_mode, PEMode)
        self.pe_replaces = pe_mode == "replace" and pe_dim > 0
        if self.pe_replaces:
            self.embedding_h: nn.Module = nn.Linear(pe_dim, channels)
        else:
            self.embedding_h = _embedding("in_channels", in_channels, channels, node_input)
            if pe_dim:
                self.embedding_pos_enc = nn.Linear(pe_dim, channels)
        if edge_input == "ones":
            self.embedding_e: nn.Module = nn.Linear(1, channels)
        elif edge_input is not None:
            self.embedding_e = _embedding("edge_channels", edge_channels, channels, edge_input)

    def _read(self, data: Any) -> Batch:  # noqa: ANN401  (any batch with these attributes)
        """Embed a batch."""
        edge_index = field(data, "edge_index")
        n = _num_nodes(data, without_x=self.pe_replaces)
        edges = incoming_edges(edge_index, n)
        h = self._nodes(data, n)
        e = self._edges(data, edges, h) if self.edge_input is not None else None
        graph, num_graphs = graph_of_nodes(data, n, h.device)
        return Batch(h, edges, e, graph, num_graphs, scored_pairs(data))

    def _nodes(self, data: Any, n: int) -> Tensor:  # noqa: ANN401
        kind = next(self.embedding_h.parameters()).dtype
        if self.pe_replaces:
            h: Tensor = self.embedding_h(_encodings(data, n, self.pe_dim, kind))
            return h
        x = field(data, "x")
        h = self.embedding_h(_rows("x", x, self.in_channels, n, self.node_input, kind))
        if self.pe_dim:
            h = h + self.embedding_pos_enc(_encodings(data, n, self.pe_dim, kind))
        return h

    def _edges(self, data: Any, edges: Incoming, h: Tensor) -> Tensor:  # noqa: ANN401
        kind = next(self.embedding_e.parameters()).dtype
        if self.edge_input == "ones":
            row: Tensor = self.embedding_e(torch.ones(1, 1, dtype=kind, device=h.device))
            return row
        given = field(data, "edge_attr")
        m, assumed = edges.num_edges, cast("NodeInput", self.edge_input)
        given = _rows("edge_attr", given, self.edge_channels, m, assumed, kind)
        e: Tensor = self.embedding_e(edges.sort(given))
        return e


def field(data: Any, name: str) -> Tensor:  # noqa: ANN401
    """Return a field of a batch that must be there."""
    value = getattr(data, name, None)
    if not isinstance(value, Tensor):
        raise InputError(
            f"data.{name} is {type(value).__name__}, expected a tensor: the net was built for "
            f"batches that have {name}."
        )
    return value


def graph_of_nodes(data: Any, n: int, device: torch.device) -> tuple[Tensor, int]:  # noqa: ANN401
    """Return the graph of each node and the number of graphs; without ``batch`` there is one."""
    batch = getattr(data, "batch", None)
    if batch is None:
        return torch.zeros(n, dtype=torch.int64, device=device), 1
    if batch.shape != (n,):
        raise InputError(f"data.batch has shape {tuple(batch.shape)}, expected ({n},).")
    known = getattr(data, "num_graphs", None)
    if isinstance(known, int):
        return batch, known
    ptr = getattr(data, "ptr", None)
    if isinstance(ptr, Tensor):
        return batch, ptr.numel() - 1
    return batch, int(batch.max()) + 1 if n else 0


def scored_pairs(data: Any) -> Tensor:  # noqa: ANN401
    """Return the pairs that a head on edges scores: ``edge_label_index`` if given, else edges."""
    pairs = getattr(data, "edge_label_index", None)
    return pairs if isinstance(pairs, Tensor) else field(data, "edge_index")


def _num_nodes(data: Any, *, without_x: bool) -> int:  # noqa: ANN401
    x = None if without_x else getattr(data, "x", None)
    if not isinstance(x, Tensor):
        x = field(data, "pe" if without_x else "x")
    return int(x.shape[0])


def _embedding(name: str, sizes: Sizes, channels: int, kind: NodeInput) -> nn.Module:
    if isinstance(sizes, int):
        positive(name, sizes)
        return nn.Embedding(sizes, channels) if kind == "embedding" else nn.Linear(sizes, channels)
    if kind != "embedding" or not sizes:
        raise InputError(
            f"{name} is {sizes!r}: several numbers are categories of columns, which "
            "'embedding' looks up; 'linear' takes one number of features."
        )
    return CategoryEncoder([positive(name, size) for size in sizes], channels)


def _encodings(data: Any, n: int, pe_dim: int, kind: torch.dtype) -> Tensor:  # noqa: ANN401
    """Return the positional encodings; a batch without them is refused, never trained without."""
    pe = getattr(data, "pe", None)
    if not isinstance(pe, Tensor) or pe.shape != (n, pe_dim):
        shape = tuple(pe.shape) if isinstance(pe, Tensor) else pe
        raise InputError(
            f"data.pe is {shape}, expected a tensor of shape ({n}, {pe_dim}): the net was built "
            f"with pe_dim={pe_dim}. graphlab.transforms.LaplacianPE({pe_dim}) makes them."
        )
    return pe.to(kind)


def _rows(  # noqa: PLR0917  (private)
    name: str, given: Tensor, sizes: Sizes, rows: int, kind: NodeInput, dtype: torch.dtype
) -> Tensor:
    """Return inputs as their embedding takes them, or say what does not fit."""
    columns = 1 if isinstance(sizes, int) and kind == "embedding" else _count(sizes)
    given = given[:, None] if given.dim() == 1 and columns == 1 else given
    if given.shape != (rows, columns):
        raise InputError(f"{name} has shape {tuple(given.shape)}, expected ({rows}, {columns}).")
    if kind == "linear":
        return given.to(dtype)
    if given.is_floating_point():
        raise InputError(
            f"{name} has type {given.dtype}, expected integer categories; for features use "
            f"{'node' if name == 'x' else 'edge'}_input='linear'."
        )
    given = given.long()
    if rows:
        limits = (sizes,) if isinstance(sizes, int) else tuple(sizes)
        for column, size in zip(given.unbind(1), limits, strict=True):
            low, high = (int(v) for v in column.aminmax())
            if low < 0 or high >= size:
                wrong = low if low < 0 else high
                raise InputError(f"{name} holds the category {wrong}, expected 0..{size - 1}.")
    return given[:, 0] if isinstance(sizes, int) else given


def _count(sizes: Sizes) -> int:
    return sizes if isinstance(sizes, int) else len(sizes)
