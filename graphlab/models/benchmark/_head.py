"""The head that most nets share: one MLPReadout on nodes, graphs or pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.models._inputs import positive, probability
from graphlab.models.benchmark._net import Batch, Level, NetInputs
from graphlab.models.benchmark._parts import choice
from graphlab.models.benchmark.readout import MLPReadout, Pooling, pool_graphs
from graphlab.ops.dropout import dropout

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ReadoutNet"]


class ReadoutNet(NetInputs):
    """Input embeddings, the layers of a subclass, then MLPReadout.

    Subclasses call the two ``_build`` methods and implement :meth:`_propagate`.
    """

    def _build_head(
        self,
        channels: int,
        out_channels: int,
        *,
        level: Level,
        pooling: Pooling,
        input_dropout: float,
        dropout: float,
    ) -> None:
        self.level = choice("level", level, Level)
        self.pooling = choice("pooling", pooling, Pooling)
        self.out_channels = positive("out_channels", out_channels)
        self.input_dropout = probability("input_dropout", input_dropout)
        self.dropout = probability("dropout", dropout)
        self.MLP_layer = MLPReadout(2 * channels if level == "edge" else channels, out_channels)

    def forward(self, data: Any) -> Tensor:  # noqa: ANN401  (our batches, PyG's, any such object)
        """Return scores of nodes, graphs or pairs; see the class."""
        batch = self._read(data)
        h = dropout(batch.h, self.input_dropout, training=self.training)
        h = self._propagate(batch, h)
        if self.level == "edge":
            return self.MLP_layer.of_pairs(h, batch.pairs)
        if self.level == "graph":
            h = pool_graphs(h, batch.graph, batch.num_graphs, self.pooling)
        out: Tensor = self.MLP_layer(h)
        return out

    def _propagate(self, batch: Batch, h: Tensor) -> Tensor:
        """Return nodes after all layers."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """Show what is scored beside the layers."""
        return f"level={self.level!r}, dropout={self.dropout}"
