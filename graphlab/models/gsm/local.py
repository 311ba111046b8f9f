"""Local encoders: each node from its neighbourhood, before any sequence is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from torch import Tensor, nn

from graphlab.models._inputs import positive, probability
from graphlab.models.benchmark._parts import choice
from graphlab.models.benchmark.gcn import GCNLayer
from graphlab.models.benchmark.gin import GINLayer
from graphlab.nn.gated_gcn import GatedGCNLayer

if TYPE_CHECKING:
    from graphlab.ops.incoming import Incoming

__all__ = ["LOCAL_ENCODERS", "LocalEncoder", "LocalName"]

LocalName = Literal["identity", "mlp", "gcn", "gatedgcn", "gin"]
LOCAL_ENCODERS: tuple[LocalName, ...] = ("identity", "mlp", "gcn", "gatedgcn", "gin")
"""Names of the local encoders."""


_MOMENTUM = 0.1  # of running statistics, once there are enough batches


class LocalEncoder(nn.Module):
    """Encodes nodes by themselves or with their neighbours.

    Convolutions are those of :mod:`graphlab.models.benchmark`, with batch normalisation and
    residual. Nodes are encoded rather than tokens, so that several tokenizations share the result.

    Args:
        channels: Width d.
        name: ``"identity"``; ``"mlp"``, a perceptron with a residual; or a convolution.
        num_layers: Layers, not used by ``"identity"``.
        dropout: Dropout rate of each layer's result.

    Shapes:
        - ``h``: (n, d); ``edges``: prepared; ``e``: (m, d) in their order or (1, d), read by
          ``"gatedgcn"``; returns (n, d)

    Raises:
        InputError: An unknown name, a size below 1.
    """

    def __init__(
        self, channels: int, name: LocalName, *, num_layers: int = 2, dropout: float = 0.0
    ) -> None:
        super().__init__()
        d = positive("channels", channels)
        self.name = choice("local", name, LocalName)
        self.dropout = probability("dropout", dropout)
        count = 0 if name == "identity" else positive("local_layers", num_layers)
        self.layers = nn.ModuleList(self._layer(d) for _ in range(count))
        if name == "gatedgcn":  # what the last layer would tell its edges, nobody reads
            cast("GatedGCNLayer", self.layers[-1]).bn_node_e = None
        for norm in self.modules():
            if isinstance(norm, nn.BatchNorm1d):
                norm.momentum = 1.0  # see _settle

    def _layer(self, d: int) -> nn.Module:
        if self.name == "gcn":
            return GCNLayer(d, d, dropout=self.dropout, add_self_loops=True)
        if self.name == "gin":
            return GINLayer(d, d, dropout=self.dropout)
        if self.name == "gatedgcn":
            return GatedGCNLayer(d, d, dropout=self.dropout)
        return nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Dropout(self.dropout), nn.Linear(d, d))

    def _settle(self) -> None:
        """Let running statistics be plain means of the first ten batches.

        From 0 and 1 they take dozens of steps to reach the spread of small features, of rows that
        sum to 1 for instance; an early evaluation would see next to nothing but the biases.
        """
        for norm in self.modules():
            if isinstance(norm, nn.BatchNorm1d) and (norm.momentum or 1.0) > _MOMENTUM:
                seen = 0 if norm.num_batches_tracked is None else int(norm.num_batches_tracked)
                norm.momentum = max(_MOMENTUM, 1 / (1 + seen))

    @property
    def reads_edges(self) -> bool:
        """Whether features of edges are used."""
        return bool(self.name == "gatedgcn")

    def forward(self, h: Tensor, edges: Incoming, e: Tensor | None = None) -> Tensor:
        """Return the encoded nodes."""
        if self.training:
            self._settle()
        for k, layer in enumerate(self.layers):
            if self.name == "gatedgcn":
                h, e = layer(h, edges, e, want_edge=k + 1 < len(self.layers))
            else:
                h = h + layer(h) if self.name == "mlp" else layer(h, edges)
        return h

    def extra_repr(self) -> str:
        """Show the name."""
        return repr(self.name)
