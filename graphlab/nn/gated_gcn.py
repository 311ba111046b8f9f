"""GatedGCN's layer: gates and states on edges (Bresson and Laurent 2018)."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.nn._encoder_checks import rate, size
from graphlab.nn._layer_parts import (
    Edges,
    ReferenceWeights,
    aggregate,
    as_incoming,
    batch_norm,
    check_rows,
    choice,
    finish,
)
from graphlab.ops.dropout import dropout as drop
from graphlab.ops.gating import EdgeNorm, gated_mean
from graphlab.ops.incoming import Incoming

__all__ = ["GatedGCNLayer", "GatedVariant"]

GatedVariant = Literal["full", "edge_feat_only", "isotropic"]


class GatedGCNLayer(ReferenceWeights):
    r"""Convolution with a gate for each edge and channel, which has a state [bresson2018]_.

    With what [dwivedi2023]_ puts around it:

    .. math::
        \hat{\mathbf e}_{ij} &= \mathbf C \mathbf e_{ij} + \mathbf D \mathbf h_j + \mathbf E
            \mathbf h_i, \qquad \hat{\mathbf h}_i = \mathbf A \mathbf h_i +
            \frac{\sum_{j \to i} \sigma(\hat{\mathbf e}_{ij}) \odot \mathbf B \mathbf h_j}
            {\sum_{j \to i} \sigma(\hat{\mathbf e}_{ij}) + 10^{-6}}, \\
        \mathbf h_i' &= \mathbf h_i + \mathrm{relu}(\mathrm{BN}(\hat{\mathbf h}_i)), \qquad
        \mathbf e_{ij}' = \mathbf e_{ij} + \mathrm{relu}(\mathrm{BN}(\hat{\mathbf e}_{ij}))

    with biases; sums and quotient run channel by channel. D multiplies the source of an edge, E
    its target. ``"edge_feat_only"`` leaves C out and returns the edges unchanged; ``"isotropic"``
    is :math:`\mathbf A \mathbf h_i + \sum_j \mathbf B \mathbf h_j`.

    Args:
        in_channels: Width of the input, nodes and edges.
        out_channels: Width of the output; residuals are left out where they differ.
        dropout: Dropout rate of both results.
        batch_norm: Whether to normalise.
        residual: Whether to add the input.
        variant: ``"full"``, ``"edge_feat_only"`` or ``"isotropic"``.

    Shapes:
        - ``h``: (n, in); ``edges``: (2, m) integer, or prepared
        - ``e``: (m, in) in the order of the edges, or (1, in): the same for all
        - returns: h (n, out) and e (m, out)

    Raises:
        InputError: A size below 1, an unknown variant, shapes that do not fit.

    Cost: time O(m d^2) for C, O(m d) for the rest; see :func:`graphlab.ops.gated_mean`.

    Example:
        >>> layer, edge_index = GatedGCNLayer(4, 4), torch.tensor([[0, 1], [1, 2]])
        >>> h, e = layer(torch.ones(3, 4), edge_index, torch.ones(2, 4))
        >>> h.shape, e.shape
        (torch.Size([3, 4]), torch.Size([2, 4]))
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        dropout: float = 0.0,
        batch_norm: bool = True,
        residual: bool = True,
        variant: GatedVariant = "full",
    ) -> None:
        super().__init__()
        self.in_channels = size("in_channels", in_channels)
        self.out_channels = size("out_channels", out_channels)
        self.dropout = rate("dropout", dropout)
        self.residual = residual and in_channels == out_channels
        self.variant = choice("variant", variant, GatedVariant)
        names = {"full": "ABCDE", "edge_feat_only": "ABDE", "isotropic": "AB"}[variant]
        for name in names:
            self.add_module(name, nn.Linear(in_channels, out_channels))
        self.bn_node_h = nn.BatchNorm1d(out_channels) if batch_norm else None
        wanted = batch_norm and variant == "full"
        self.bn_node_e = nn.BatchNorm1d(out_channels) if wanted else None

    def forward(
        self, h: Tensor, edges: Edges, e: Tensor, *, want_edge: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Return nodes and edges; without ``want_edge`` the edges come back as they were."""
        check_rows(h, self.in_channels)
        graph = as_incoming(edges, h.shape[0])
        if self.variant == "full":
            check_rows(e, self.in_channels, "e")
            if e.shape[0] not in (1, graph.num_edges):
                raise InputError(f"e has {e.shape[0]} rows, but there are {graph.num_edges} edges.")
        given = not isinstance(edges, Incoming) and e.shape[0] == graph.num_edges
        around, new_e = self._sums(h, graph, graph.sort(e) if given else e, want_edge=want_edge)
        out = torch.relu(batch_norm(self.bn_node_h, self._linear("A", h) + around))
        out = finish(self, out, h, rate=self.dropout, residual=self.residual)
        if new_e is None:
            return out, e
        new_e = new_e if isinstance(edges, Incoming) else graph.unsort(new_e)
        return out, drop(new_e, self.dropout, training=self.training)

    def _sums(
        self, h: Tensor, graph: Incoming, e: Tensor, *, want_edge: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Return what neighbours add, and the new edges in the order of ``graph``."""
        sent = self._linear("B", h)
        if self.variant == "isotropic":
            return aggregate(graph, sent, "sum"), None
        full = self.variant == "full"
        given = self._linear("C", e) if full else sent.new_zeros(1, self.out_channels)
        found = gated_mean(
            graph,
            given,
            self._linear("D", h),
            self._linear("E", h),
            sent,
            norm=self._edge_norm(graph.num_edges) if full and want_edge else None,
            residual=e if full and self.residual else None,
            want_edge=full and want_edge,
        )
        if found.mean is not None and found.var is not None and self.bn_node_e is not None:
            _count(self.bn_node_e, found.mean, found.var, graph.num_edges)
        return found.out, found.edge

    def _edge_norm(self, edges: int) -> EdgeNorm | None:
        """Return the normalisation of edges: by their own statistics in training."""
        norm = self.bn_node_e
        if norm is None:
            return None
        own = norm.training and edges > 1
        mean, var = (None, None) if own else (norm.running_mean, norm.running_var)
        return EdgeNorm(norm.weight, norm.bias, mean, var, norm.eps)

    def _linear(self, name: str, rows: Tensor) -> Tensor:
        out: Tensor = cast("nn.Linear", getattr(self, name))(rows)
        return out

    def extra_repr(self) -> str:
        """Show what is no module."""
        return f"variant={self.variant!r}, residual={self.residual}, dropout={self.dropout}"


@torch.no_grad()
def _count(norm: nn.BatchNorm1d, mean: Tensor, var: Tensor, rows: int) -> None:
    """Let running statistics follow a batch, as ``BatchNorm1d`` does in training."""
    assert norm.running_mean is not None and norm.running_var is not None  # noqa: S101
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked += 1
    rate = 0.1 if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), rate)
    norm.running_var.lerp_(var.to(norm.running_var.dtype) * (rows / (rows - 1)), rate)
