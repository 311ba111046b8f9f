"""GraphSAGE with gates on edges: the variants that GatedGCN is compared with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphlab.models._inputs import positive, probability
from graphlab.models.benchmark._parts import (
    Edges,
    ReferenceWeights,
    as_incoming,
    batch_norm,
    check_rows,
    per_edge,
)
from graphlab.ops.dropout import dropout as drop
from graphlab.ops.incoming import Incoming
from graphlab.ops.segment import segment_reduce

__all__ = ["GatedSAGELayer"]


class GatedSAGELayer(ReferenceWeights):
    r"""Maximum over gated neighbours beside the node itself [dwivedi2023]_.

    .. math:: \mathbf c_i = \max_{j \to i} \mathrm{relu}\bigl(\sigma(\hat{\mathbf e}_{ij}) \odot
        \mathbf A \mathbf h_j\bigr), \qquad \hat{\mathbf e}_{ij} = \mathbf C \mathbf e_{ij} +
        \mathbf B \mathbf h_j + \mathbf B \mathbf h_i

    The rest is :class:`GraphSAGELayer` with the input as the node's own term. With
    ``edge_states``, edges become :math:`\mathbf e + \mathrm{BN}(\mathrm{relu}(\hat{\mathbf e}))`;
    without, C is left out and they stay as they are.

    Args:
        in_channels: Width of the input, nodes and edges.
        out_channels: Width of the output; residuals are left out where they differ.
        edge_states: Whether edges have states of their own.
        dropout: Dropout rate of the input.
        batch_norm: Whether to normalise.
        residual: Whether to add the input.

    Shapes:
        - ``h``: (n, in); ``edges``: (2, m) integer, or prepared; ``e``: (m, in)
        - returns: h (n, out) and e (m, out)

    Raises:
        InputError: A size below 1, a rate outside [0, 1], rows of another width.

    Example:
        >>> layer, edge_index = GatedSAGELayer(4, 4), torch.tensor([[0, 1], [1, 2]])
        >>> [part.shape[0] for part in layer(torch.ones(3, 4), edge_index, torch.ones(2, 4))]
        [3, 2]
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        edge_states: bool = True,
        dropout: float = 0.0,
        batch_norm: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels = positive("in_channels", in_channels)
        positive("out_channels", out_channels)
        self.dropout = probability("dropout", dropout)
        self.residual = residual and in_channels == out_channels
        self.A = nn.Linear(in_channels, out_channels)
        self.B = nn.Linear(in_channels, out_channels)
        self.C = nn.Linear(in_channels, out_channels) if edge_states else None
        self.nodeapply = nn.ModuleDict({"linear": nn.Linear(2 * in_channels, out_channels)})
        self.batchnorm_h = nn.BatchNorm1d(out_channels) if batch_norm else None
        self.batchnorm_e = nn.BatchNorm1d(out_channels) if batch_norm and edge_states else None

    def forward(self, h: Tensor, edges: Edges, e: Tensor) -> tuple[Tensor, Tensor]:
        """Return nodes and edges."""
        check_rows(h, self.in_channels)
        graph = as_incoming(edges, h.shape[0])
        prepared = isinstance(edges, Incoming)
        own = drop(h, self.dropout, training=self.training)
        ends = self.B(own)
        hat = per_edge(graph, ends, "src") + per_edge(graph, ends, "dst")
        if self.C is not None:
            check_rows(e, self.in_channels, "e")
            hat = hat + self.C(e if prepared else graph.sort(e))
        sent = torch.relu(torch.sigmoid(hat) * per_edge(graph, self.A(own), "src"))
        around = segment_reduce(sent, graph.csr.indptr, reduce="max")
        joined = self.nodeapply["linear"](torch.cat([own, around], 1))
        out = batch_norm(self.batchnorm_h, torch.relu(F.normalize(joined, dim=1)))
        out = h + out if self.residual else out
        if self.C is None:
            return out, e
        states = batch_norm(self.batchnorm_e, torch.relu(hat))
        states = states if prepared else graph.unsort(states)
        return out, e + states if self.residual else states
