"""Encoders whose sparse product takes weights that a training may add to: GCN, SAGE, LightGCN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.nn._encoder_checks import checked_features, checked_ids, rate, size
from graphlab.nn.added_weights import AddedWeights, Entries, Normalization, entries_of
from graphlab.nn.sparse_linear import input_linear
from graphlab.ops.dropout import relu_dropout
from graphlab.ops.spmm import spmm

if TYPE_CHECKING:
    from graphlab.ops.csr import Csr

__all__ = ["LightGCNEncoder", "WeightedEncoder"]


class _Weighted(nn.Module):
    """What encoders with added weights share.

    Args:
        in_channels: Features a node; 0 with ``num_ids``.
        hidden_channels: Width of the result.
        num_ids: Number of learnt node ids, in place of features.
    """

    loops = True
    """Whether the matrix has an entry at each node."""
    normalization: Normalization = "gcn"
    """How its base weights are made."""

    def __init__(self, in_channels: int, hidden_channels: int, num_ids: int | None) -> None:
        super().__init__()
        self.in_channels = size("in_channels", in_channels, least=0 if num_ids else 1)
        self.hidden_channels = size("hidden_channels", hidden_channels)
        self.num_ids = None if num_ids is None else size("num_ids", num_ids)
        self.added = AddedWeights()

    def entries(self, graph: Any, dtype: torch.dtype = torch.float32) -> Entries:  # noqa: ANN401
        """Return the entries that :meth:`forward` multiplies with, of any graph."""
        return entries_of(as_graph(graph), dtype, loops=self.loops)

    def base_weight(self, entries: Entries) -> Tensor:
        """Return the weights of these entries to which nothing is added, (m,)."""
        return entries.normalized(self.normalization)

    def _matrix(self, x: Tensor | None, graph: Any, dtype: torch.dtype) -> tuple[Csr, Tensor]:  # noqa: ANN401
        structure = as_graph(graph, self.num_ids if x is None else x.shape[0])
        entries = entries_of(structure, dtype, loops=self.loops)
        key = f"nn.base.{dtype}.{self.loops}.{self.normalization}"
        base = structure.cached(key, lambda: self.base_weight(entries))
        weight: Tensor = self.added(entries.csr, base)
        return entries.csr, weight

    def _given(self, x: Tensor | None, table: nn.Embedding) -> Tensor:
        """Return the learnt rows of some ids, or of all."""
        if x is None:
            return table.weight
        return table.weight.index_select(0, checked_ids(x, table.num_embeddings))


class WeightedEncoder(_Weighted):
    r"""GCN or SAGE of *A Topological Perspective ...* [wang2024tc]_, base of edge re-weighting.

    With :math:`\mathbf W` over the edges and a loop at every node, :math:`\tilde d` counting the
    loop, layers are

    .. math:: \text{gcn}: \; \mathbf W \mathbf X \mathbf \Theta + \mathbf b, \quad
        W_{uv} = (\tilde d_u \tilde d_v)^{-1/2}; \qquad
        \text{sage}: \; \mathbf W \mathbf X \mathbf \Theta + \mathbf b + \mathbf X \mathbf \Phi,
        \quad W_{uv} = \tilde d_u^{-1}

    with relu and dropout between them. What ``added`` holds is added to :math:`\mathbf W`.

    Args:
        in_channels: Features a node, D; 0 with ``num_ids``.
        hidden_channels: Width F of all layers.
        conv: Kind of layer.
        num_layers: Layers, really: 1 in the authors' settings builds two.
        l2_rows: Divide each row by its Euclidean norm, after every layer.
        dropout: Dropout rate between layers.
        num_ids: Learn an embedding of this many node ids in place of features.

    Shapes:
        - ``x``: (n, D) float, dense or torch sparse; with ``num_ids`` (n,) integers, or None
        - ``graph``: any graph of n nodes; taken as undirected, without loops, each edge once
        - returns: (n, F)

    Raises:
        InputError: A size or rate out of range, an unknown ``conv``, features of another width.

    Cost: time O(nnz(x) F + L (m F + n F²)); no tensor with a row an edge.

    Example:
        >>> encoder = WeightedEncoder(3, 8, "sage")
        >>> encoder(torch.ones(5, 3), torch.tensor([[0, 1], [1, 2]])).shape
        torch.Size([5, 8])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        conv: Normalization = "gcn",
        num_layers: int = 2,
        *,
        l2_rows: bool = False,
        dropout: float = 0.0,
        num_ids: int | None = None,
    ) -> None:
        super().__init__(in_channels, hidden_channels, num_ids)
        if conv not in ("gcn", "sage"):
            raise InputError(f"conv is {conv!r}, expected 'gcn' or 'sage'.")
        self.conv = self.normalization = conv
        self.num_layers = size("num_layers", num_layers)
        self.l2_rows, self.dropout = l2_rows, rate("dropout", dropout)
        width = in_channels
        self.table: nn.Embedding | None = None
        if self.num_ids is not None:
            self.table, width = nn.Embedding(self.num_ids, hidden_channels), hidden_channels
        widths = [width] + [hidden_channels] * (num_layers - 1)
        self.lins = nn.ModuleList(nn.Linear(w, hidden_channels) for w in widths)
        self.roots = nn.ModuleList(
            nn.Linear(w, hidden_channels, bias=False) for w in (widths if conv == "sage" else [])
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew from torch's global generator; forget what was added."""
        self.added.clear()
        if self.table is not None:
            nn.init.xavier_uniform_(self.table.weight)
        for lin in self.lins:
            if self.conv == "gcn":
                nn.init.xavier_uniform_(lin.weight)  # type: ignore[arg-type]
                nn.init.zeros_(lin.bias)  # type: ignore[arg-type]
            else:
                lin.reset_parameters()  # type: ignore[operator]
        for root in self.roots:
            root.reset_parameters()  # type: ignore[operator]

    def forward(self, x: Tensor | None, graph: Any) -> Tensor:  # noqa: ANN401  (what as_graph takes)
        """Return one row a node."""
        h = (
            checked_features(x, self.in_channels)
            if self.table is None
            else self._given(x, self.table)
        )
        csr, weight = self._matrix(x, graph, self.lins[0].weight.dtype)  # type: ignore[arg-type]
        for layer, lin in enumerate(self.lins):
            if layer:
                h = relu_dropout(h, self.dropout, training=self.training)
            h = self._layer(h, lin, layer, csr, weight)  # type: ignore[arg-type]
            if self.l2_rows:
                h = normalize(h, dim=1)
        return h

    def _layer(self, h: Tensor, lin: nn.Linear, layer: int, csr: Csr, weight: Tensor) -> Tensor:
        """Multiply by weights first, then propagate: rows are narrower and inputs stay sparse."""
        if self.conv == "gcn":
            return spmm(csr, input_linear(h, lin.weight), edge_weight=weight) + lin.bias
        root = self.roots[layer].weight
        both = input_linear(h, torch.cat([lin.weight, root]))  # type: ignore[list-item]
        near, own = torch.split(both, self.hidden_channels, 1)
        moved = spmm(csr, near.contiguous(), edge_weight=weight)
        return moved + lin.bias + own

    def extra_repr(self) -> str:
        """Return what the representation shows."""
        return (
            f"{self.in_channels}, {self.hidden_channels}, {self.conv!r}, "
            f"num_layers={self.num_layers}, l2_rows={self.l2_rows}"
        )


class LightGCNEncoder(_Weighted):
    r"""LightGCN [he2020]_: an embedding, smoothed; nothing is learnt in between.

    .. math:: \mathbf E^{(k+1)} = \mathbf D^{-1/2} \mathbf A \mathbf D^{-1/2} \mathbf E^{(k)},
        \qquad \mathbf H = \frac{1}{L+1} \sum_{k=0}^{L} \mathbf E^{(k)}

    without loops: a node without neighbours keeps its embedding over L + 1. Made for users and
    items; here any graph will do. What ``added`` holds is added to the matrix.

    Args:
        in_channels: Features a node, D, from which a linear map makes the embedding; 0 with
            ``num_ids``.
        hidden_channels: Width F.
        num_layers: Layers L; 0 is the embedding itself.
        num_ids: Learn an embedding of this many node ids in place of features, as the paper does.

    Shapes:
        - ``x``: (n, D) float, dense or torch sparse; with ``num_ids`` (n,) integers, or None
        - ``graph``: any graph of n nodes; taken as undirected, without loops, each edge once
        - returns: (n, F)

    Raises:
        InputError: A size out of range, features of another width.

    Cost: time O(nnz(x) F + L m F), memory O(n F).

    Example:
        >>> encoder = LightGCNEncoder(0, 8, num_ids=5)
        >>> encoder(None, torch.tensor([[0, 1], [1, 2]])).shape
        torch.Size([5, 8])
    """

    loops = False

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        num_layers: int = 2,
        *,
        num_ids: int | None = None,
    ) -> None:
        super().__init__(in_channels, hidden_channels, num_ids)
        self.num_layers = size("num_layers", num_layers, least=0)
        self.start: nn.Embedding | nn.Linear
        if self.num_ids is not None:
            self.start = nn.Embedding(self.num_ids, hidden_channels)
        else:
            self.start = nn.Linear(in_channels, hidden_channels, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew from torch's global generator; forget what was added."""
        self.added.clear()
        nn.init.xavier_uniform_(self.start.weight)

    def forward(self, x: Tensor | None, graph: Any) -> Tensor:  # noqa: ANN401  (what as_graph takes)
        """Return one row a node."""
        if isinstance(self.start, nn.Embedding):
            h = self._given(x, self.start)
        else:
            h = input_linear(checked_features(x, self.in_channels), self.start.weight)
        csr, weight = self._matrix(x, graph, h.dtype)
        total = h
        for _ in range(self.num_layers):
            h = spmm(csr, h, edge_weight=weight)
            total = total + h
        return total / (self.num_layers + 1)

    def extra_repr(self) -> str:
        """Return what the representation shows."""
        return f"{self.in_channels}, {self.hidden_channels}, num_layers={self.num_layers}"
