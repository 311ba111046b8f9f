"""Nets of the benchmark that belong to one data set: several targets at once, plain factors."""

from __future__ import annotations

from typing import Any, Literal, cast

from torch import Tensor, nn

from graphlab.models._inputs import positive, probability
from graphlab.models.benchmark._net import NetInputs, NodeInput, Sizes, scored_pairs
from graphlab.models.benchmark._parts import ReferenceWeights, choice
from graphlab.models.benchmark.gatedgcn import GatedGCNLayer
from graphlab.models.benchmark.gin import GINLayer
from graphlab.models.benchmark.readout import MLPReadout, SetToSet

__all__ = ["MatrixFactorization", "MultiTaskNet"]

Conv = Literal["gatedgcn", "gin"]


class MultiTaskNet(NetInputs):
    r"""Targets of nodes and of graphs from one net, as for GraphTheoryProp [dwivedi2023]_.

    After each layer a gated recurrent unit fuses what went in (as its input) with what came out (as
    its state). Graphs are read out by set-to-set attention, one step. ``"gatedgcn"`` scores the
    last layer by :class:`MLPReadout`; ``"gin"`` adds one linear layer's scores of every layer.

    Args:
        in_channels: Node features, or categories with ``node_input="embedding"``.
        hidden_channels: Width of all layers.
        out_channels: Targets of a node, and as many of a graph.
        num_layers: Layers.
        conv: ``"gatedgcn"`` or ``"gin"``.
        node_input: ``"linear"`` for features, ``"embedding"`` for categories.
        gru: Whether layers are fused; else each layer's result replaces its input.
        pe_dim: Columns of positional encodings ``data.pe``; 0: not read.
        dropout: Dropout rate of each layer's result.
        batch_norm: Whether layers normalise.
        residual: Whether layers add their input.

    Shapes:
        - ``data``: as for :class:`GCN`; returns scores of nodes (n, C) and of graphs (B, C)

    Raises:
        InputError: A size below 1, an unknown choice, a batch that does not fit.

    Example:
        >>> import torch
        >>> from types import SimpleNamespace
        >>> data = SimpleNamespace(x=torch.ones(3, 2), edge_index=torch.tensor([[0], [1]]))
        >>> [part.shape for part in MultiTaskNet(2, 8, 3, 2)(data)]
        [torch.Size([3, 3]), torch.Size([1, 3])]
    """

    def __init__(
        self,
        in_channels: Sizes,
        hidden_channels: int = 40,
        out_channels: int = 3,
        num_layers: int = 8,
        *,
        conv: Conv = "gatedgcn",
        node_input: NodeInput = "linear",
        gru: bool = True,
        pe_dim: int = 0,
        dropout: float = 0.0,
        batch_norm: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        d = positive("hidden_channels", hidden_channels)
        probability("dropout", dropout)
        self.conv = choice("conv", conv, Conv)
        gated = conv == "gatedgcn"
        self._build_inputs(
            in_channels,
            d,
            node_input=node_input,
            edge_input="ones" if gated else None,
            pe_dim=pe_dim,
        )
        kind: Any = GatedGCNLayer if gated else GINLayer
        layers = positive("num_layers", num_layers)
        self.layers = nn.ModuleList(
            kind(d, d, dropout=dropout, batch_norm=batch_norm, residual=residual)
            for _ in range(layers)
        )
        self.gru = nn.GRU(d, d) if gru else None
        self.pool = SetToSet(d)
        out = positive("out_channels", out_channels)
        heads: Any = MLPReadout if gated else nn.Linear
        scored = 1 if gated else layers + 1
        self.node_heads = nn.ModuleList(heads(d, out) for _ in range(scored))
        self.graph_heads = nn.ModuleList(heads(2 * d, out) for _ in range(scored))

    def forward(self, data: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        """Return scores of nodes and of graphs."""
        batch = self._read(data)
        h, e = batch.h, batch.e
        found = [h]
        for layer in self.layers:
            if self.conv == "gatedgcn":
                out, e = layer(h, batch.edges, e)
            else:
                out = layer(h, batch.edges)
            fused = self.gru is not None and h.shape[0] > 0
            h = cast("nn.GRU", self.gru)(h[None], out[None])[1][0] if fused else out
            found.append(h)
        scored = found if self.conv == "gin" else found[-1:]
        nodes: list[Tensor] = []
        graphs: list[Tensor] = []
        for rows, node_head, graph_head in zip(
            scored, self.node_heads, self.graph_heads, strict=True
        ):
            nodes.append(node_head(rows))
            graphs.append(graph_head(self.pool(rows, batch.graph, batch.num_graphs)))
        return _total(nodes), _total(graphs)


class MatrixFactorization(ReferenceWeights):
    """A free vector for each node, pairs scored by :class:`MLPReadout` [dwivedi2023]_.

    What the benchmark's nets are compared with on COLLAB; knows neither features nor new nodes.

    Args:
        num_nodes: Nodes n.
        hidden_channels: Width of the vectors.
        out_channels: Scores a pair.

    Shapes:
        - ``data.edge_label_index`` or ``data.edge_index``: (2, P); returns (P, C)

    Example:
        >>> import torch
        >>> from types import SimpleNamespace
        >>> pairs = torch.tensor([[0, 1], [1, 4]])
        >>> MatrixFactorization(5, 8)(SimpleNamespace(edge_index=pairs)).shape
        torch.Size([2, 1])
    """

    def __init__(self, num_nodes: int, hidden_channels: int = 256, out_channels: int = 1) -> None:
        super().__init__()
        d = positive("hidden_channels", hidden_channels)
        self.emb = nn.Embedding(positive("num_nodes", num_nodes), d)
        self.readout_mlp = MLPReadout(2 * d, positive("out_channels", out_channels))

    def forward(self, data: Any) -> Tensor:  # noqa: ANN401
        """Return scores of pairs."""
        return self.readout_mlp.of_pairs(self.emb.weight, scored_pairs(data))


def _total(parts: list[Tensor]) -> Tensor:
    first, *others = parts
    for part in others:
        first = first + part
    return first
