"""Attention that reads states of edges: the variant of GAT that GatedGCN is compared with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphlab.models._inputs import positive, probability
from graphlab.models.benchmark._parts import (
    Edges,
    ReferenceWeights,
    aggregate,
    as_incoming,
    batch_norm,
    check_rows,
    per_edge,
)
from graphlab.ops.dropout import dropout as drop
from graphlab.ops.incoming import Incoming
from graphlab.ops.segment import segment_softmax

__all__ = ["EdgeAttentionLayer"]


class EdgeAttentionLayer(ReferenceWeights):
    r"""Attention of K heads over neighbours and their edges [dwivedi2023]_.

    For each head, with :math:`\mathbf z = \mathbf W \mathbf h`, :math:`\mathbf y = \mathbf V
    \mathbf e` and :math:`\mathbf c_{ij} = [\mathbf y_{ij} \Vert \mathbf z_j \Vert \mathbf z_i]`:
    attention is the softmax of :math:`\mathrm{LeakyReLU}_{0.01}(\mathbf a^\top \mathbf c_{ij})`,
    and the edge becomes :math:`\mathbf P \mathbf c_{ij} + \mathbf p`; then batch normalisation,
    ELU, dropout and residual, for nodes and edges.

    Args:
        in_channels: Width of the input, nodes and edges.
        out_channels: Width of one head.
        heads: Heads, K.
        dropout: Dropout rate of attention and results.
        batch_norm: Whether to normalise.
        residual: Whether to add the input, where the widths allow it.

    Shapes:
        - ``h``: (n, in); ``edges``: (2, m) integer, or prepared; ``e``: (m, in)
        - returns: h (n, heads * out) and e (m, heads * out)

    Raises:
        InputError: A size below 1, a rate outside [0, 1], rows of another width.

    Example:
        >>> layer, edge_index = EdgeAttentionLayer(4, 2, 2), torch.tensor([[0, 1], [1, 2]])
        >>> [part.shape[1] for part in layer(torch.ones(3, 4), edge_index, torch.ones(2, 4))]
        [4, 4]
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        heads: int = 8,
        *,
        dropout: float = 0.0,
        batch_norm: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels = positive("in_channels", in_channels)
        self.dropout = probability("dropout", dropout)
        self.residual = residual and in_channels == heads * positive("out_channels", out_channels)
        self.heads = nn.ModuleList(
            _Head(in_channels, out_channels, batch_norm=batch_norm)
            for _ in range(positive("heads", heads))
        )

    def forward(self, h: Tensor, edges: Edges, e: Tensor) -> tuple[Tensor, Tensor]:
        """Return nodes and edges."""
        check_rows(h, self.in_channels)
        check_rows(e, self.in_channels, "e")
        graph = as_incoming(edges, h.shape[0])
        prepared = isinstance(edges, Incoming)
        sorted_e = e if prepared else graph.sort(e)
        found = [head(h, graph, sorted_e, self.dropout) for head in self.heads]
        nodes, states = (torch.cat(parts, 1) for parts in zip(*found, strict=True))
        states = states if prepared else graph.unsort(states)
        return (h + nodes, e + states) if self.residual else (nodes, states)


class _Head(nn.Module):
    """One head."""

    def __init__(self, in_channels: int, out_channels: int, *, batch_norm: bool) -> None:
        super().__init__()
        self.fc_h = nn.Linear(in_channels, out_channels, bias=False)
        self.fc_e = nn.Linear(in_channels, out_channels, bias=False)
        self.fc_proj = nn.Linear(3 * out_channels, out_channels)
        self.attn_fc = nn.Linear(3 * out_channels, 1, bias=False)
        self.batchnorm_h = nn.BatchNorm1d(out_channels) if batch_norm else None
        self.batchnorm_e = nn.BatchNorm1d(out_channels) if batch_norm else None

    def forward(self, h: Tensor, graph: Incoming, e: Tensor, rate: float) -> tuple[Tensor, Tensor]:
        z, training = self.fc_h(h), self.training
        ends = [self.fc_e(e), per_edge(graph, z, "src"), per_edge(graph, z, "dst")]
        whole = torch.cat(ends, 1)
        score = F.leaky_relu(self.attn_fc(whole))
        share = drop(segment_softmax(score, graph.csr.indptr), rate, training=training)
        nodes = F.elu(batch_norm(self.batchnorm_h, aggregate(graph, z, "sum", share[:, 0])))
        states = F.elu(batch_norm(self.batchnorm_e, self.fc_proj(whole)))
        return drop(nodes, rate, training=training), drop(states, rate, training=training)
