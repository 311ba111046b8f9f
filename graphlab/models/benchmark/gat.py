"""GAT: attention over neighbours (Velickovic et al., ICLR 2018), as the benchmark has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Parameter

from graphlab.models._inputs import positive, probability
from graphlab.models.benchmark._head import ReadoutNet
from graphlab.models.benchmark._parts import (
    Edges,
    ReferenceWeights,
    Variant,
    aggregate,
    as_incoming,
    batch_norm,
    check_rows,
    choice,
)
from graphlab.models.benchmark.edge_attention import EdgeAttentionLayer
from graphlab.ops.dropout import dropout as drop
from graphlab.ops.segment import segment_softmax
from graphlab.registry import register_model

if TYPE_CHECKING:
    from graphlab.models.benchmark._net import Batch, EdgeInput, Level, NodeInput, PEMode, Sizes
    from graphlab.models.benchmark.readout import Pooling

__all__ = ["GAT", "GATLayer"]

_SLOPE = 0.2


class GATLayer(ReferenceWeights):
    r"""Attention of K heads [velickovic2018]_, with what [dwivedi2023]_ puts around it.

    For each head, with :math:`\mathbf z = \mathbf W \mathbf h`:

    .. math::
        \alpha_{ij} &= \operatorname{softmax}_{j \to i} \mathrm{LeakyReLU}_{0.2}(
            \mathbf a_s^\top \mathbf z_j + \mathbf a_t^\top \mathbf z_i), \\
        \mathbf h_i' &= \mathbf h_i + \mathrm{ELU}\Bigl(\mathrm{BN}\Bigl(
            \Vert_k \sum_{j \to i} \alpha_{ij} \mathbf z_j + \mathbf b\Bigr)\Bigr)

    Dropout acts on the input and on the attention, not on the result. Nodes without incoming edges
    get the bias. ``"isotropic"`` sums without attention and has no bias, ``"edge_feat"`` has
    attention and no bias: the two that the benchmark compares gates with.

    Args:
        in_channels: Width of the input.
        out_channels: Width of one head; the result has ``heads`` times as much.
        heads: Heads, K.
        dropout: Dropout rate of input and attention.
        batch_norm: Whether to normalise.
        residual: Whether to add the input, where the widths allow it.
        variant: ``"full"``, ``"edge_feat"`` or ``"isotropic"``.

    Shapes:
        - ``h``: (n, in); ``edges``: (2, m) integer, or prepared; returns (n, heads * out)

    Raises:
        InputError: A size below 1, a rate outside [0, 1], an unknown variant, rows of another
            width.

    Cost: time O(n in K out + m K out); K numbers an edge are written.

    Example:
        >>> GATLayer(4, 2, 3)(torch.ones(3, 4), torch.tensor([[0, 1], [1, 2]])).shape
        torch.Size([3, 6])
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
        variant: Variant = "full",
    ) -> None:
        super().__init__()
        self.in_channels = positive("in_channels", in_channels)
        self.out_channels = positive("out_channels", out_channels)
        self.heads = positive("heads", heads)
        self.dropout = probability("dropout", dropout)
        self.residual = residual and in_channels == heads * out_channels
        self.variant = choice("variant", variant, Variant)
        self.gatconv = _Attention(in_channels, out_channels, heads, variant)
        self.batchnorm_h = nn.BatchNorm1d(heads * out_channels) if batch_norm else None

    def forward(self, h: Tensor, edges: Edges) -> Tensor:
        """Return (n, heads * out)."""
        check_rows(h, self.in_channels)
        graph = as_incoming(edges, h.shape[0])
        conv, training = self.gatconv, self.training
        z = conv.fc(drop(h, self.dropout, training=training))
        if conv.attn_l is None or conv.attn_r is None:
            out = aggregate(graph, z, "sum")
        else:
            heads = z.view(-1, self.heads, self.out_channels)
            left, right = (heads * conv.attn_l).sum(2), (heads * conv.attn_r).sum(2)
            score = left.index_select(0, graph.src) + right.index_select(0, graph.dst)
            score = F.leaky_relu(score, _SLOPE)
            share = segment_softmax(score, graph.csr.indptr)
            share = drop(share, self.dropout, training=training)
            # a product of a sparse and a dense matrix for each head: no row an edge is written
            parts = zip(z.split(self.out_channels, 1), share.unbind(1), strict=True)
            out = torch.cat([aggregate(graph, part, "sum", a) for part, a in parts], 1)
        out = out if conv.bias is None else out + conv.bias
        out = F.elu(batch_norm(self.batchnorm_h, out))
        return h + out if self.residual else out

    def extra_repr(self) -> str:
        """Show what is no module."""
        return f"heads={self.heads}, residual={self.residual}, dropout={self.dropout}"


class _Attention(nn.Module):
    """Weights under the names of the authors' code."""

    def __init__(self, in_channels: int, out_channels: int, heads: int, variant: Variant) -> None:
        super().__init__()
        self.fc = nn.Linear(in_channels, heads * out_channels, bias=False)
        shape = (1, heads, out_channels)
        attention = variant != "isotropic"
        self.attn_l = Parameter(torch.empty(shape)) if attention else None
        self.attn_r = Parameter(torch.empty(shape)) if attention else None
        self.bias = Parameter(torch.zeros(heads * out_channels)) if variant == "full" else None
        gain = nn.init.calculate_gain("relu")
        for weight in (self.fc.weight, self.attn_l, self.attn_r):
            if weight is not None:
                nn.init.xavier_normal_(weight, gain=gain)


@register_model(
    "bgnn-gat",
    tasks=("graph",),
    paper="Velickovic et al. 2018, arXiv 1710.10903; Dwivedi et al. 2023, JMLR 24(43)",
    search={"hidden_channels": (4, 32, "log"), "num_layers": (2, 16), "dropout": (0.0, 0.5)},
    # Widths, depths and recipes of the paper's configuration files, for budgets of about 100,000
    # and 500,000 parameters; the models they make are counted in tests/models/benchmark. A set's
    # own name is its smaller budget. The default is that of the SBM sets, and not sourced.
    presets={
        "default": {
            "options": {"hidden_channels": 19, "num_layers": 4},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 10,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 128},
        },
        "sbm-pattern, pattern-synth, sbm-cluster, cluster-synth, "
        "sbm-pattern-100k, pattern-synth-100k, sbm-cluster-100k, cluster-synth-100k": {
            "options": {"hidden_channels": 19, "num_layers": 4},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 128},
        },
        "sbm-pattern-500k, pattern-synth-500k, sbm-cluster-500k, cluster-synth-500k": {
            "options": {"hidden_channels": 22, "num_layers": 16},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 128},
        },
        "zinc, zinc-100k, aqsol, aqsol-100k": {
            "options": {"hidden_channels": 18, "num_layers": 4},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 10,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 128},
        },
        "zinc-500k, aqsol-500k": {
            "options": {"hidden_channels": 22, "num_layers": 16},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 10,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 128},
        },
        "csl, csl-100k": {
            "options": {"hidden_channels": 18, "num_layers": 4},
            "recipe": {
                "lr": 0.0005,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-06,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 5},
        },
        "tsp-synth, tsp-synth-100k": {
            "options": {"hidden_channels": 15, "num_layers": 4},
            "recipe": {
                "lr": 0.001,
                "epochs": 500,
                "schedule": "plateau",
                "schedule_patience": 10,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 64},
        },
        "mnist, mnist-100k, cifar10, cifar10-100k": {
            "options": {"hidden_channels": 19, "num_layers": 4},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 10,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 128},
        },
        "ogbl-collab, ogbl-collab-40k": {
            "options": {"hidden_channels": 19, "num_layers": 3, "heads": 4},
            "recipe": {
                "lr": 0.001,
                "epochs": 500,
                "schedule": "plateau",
                "schedule_patience": 10,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 32768},
        },
        "wikics, wikics-100k": {
            "options": {"hidden_channels": 15, "num_layers": 4},
            "recipe": {
                "lr": 0.01,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 25,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
        },
    },
)
class GAT(ReadoutNet):
    r"""Graph attention network of *Benchmarking Graph Neural Networks* [dwivedi2023]_.

    ``num_layers`` of :class:`GATLayer`, the last with one head as wide as all heads of the others,
    then :class:`MLPReadout`.

    Args:
        in_channels: As for :class:`GCN`.
        hidden_channels: Width of one head.
        out_channels: Scores: classes or targets.
        num_layers: Layers.
        heads: Heads of all layers but the last.
        variant: As for :class:`GATLayer`; ``"edge_repr"`` gives edges states of their own, which
            the attention reads.
        level: What is scored: nodes, graphs or edges.
        node_input: ``"embedding"`` for categories, ``"linear"`` for features.
        edge_input: For variants other than ``"full"``; as for :class:`GatedGCN`.
        edge_channels: Edge categories (one number a column of them) or features.
        pooling: How nodes make a graph.
        pe_dim: Columns of positional encodings ``data.pe``; 0: not read.
        pe_mode: They are added to the embedded nodes, or stand in their place.
        dropout: Dropout rate of the layers.
        input_dropout: Dropout rate of the embedded nodes.
        batch_norm: Whether layers normalise.
        residual: Whether layers add their input.

    Shapes:
        - ``data`` and result: as for :class:`GCN`

    Raises:
        InputError: A size below 1, an unknown choice, a batch that does not fit.

    Cost: time O(L (m K c + n (K c)^2)) for K heads of width c.

    Example:
        >>> from types import SimpleNamespace
        >>> data = SimpleNamespace(x=torch.tensor([0, 2, 1]), edge_index=torch.tensor([[0], [1]]))
        >>> GAT(3, 2, 5, 2, heads=4)(data).shape
        torch.Size([3, 5])
    """

    def __init__(
        self,
        in_channels: Sizes,
        hidden_channels: int = 19,
        out_channels: int = 1,
        num_layers: int = 4,
        *,
        heads: int = 8,
        variant: Variant = "full",
        level: Level = "node",
        node_input: NodeInput = "embedding",
        edge_input: EdgeInput = "ones",
        edge_channels: Sizes = 1,
        pooling: Pooling = "mean",
        pe_dim: int = 0,
        pe_mode: PEMode = "add",
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        batch_norm: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        c = positive("hidden_channels", hidden_channels)
        d = c * positive("heads", heads)
        self.variant = choice("variant", variant, Variant)
        self._build_inputs(
            in_channels,
            d,
            node_input=node_input,
            edge_input=None if variant == "full" else edge_input,
            edge_channels=edge_channels,
            pe_dim=pe_dim,
            pe_mode=pe_mode,
        )
        self.layers = nn.ModuleList()
        for k in range(positive("num_layers", num_layers)):
            last = k + 1 == num_layers
            sizes = (d, d, 1) if last else (d, c, heads)
            options = {"dropout": dropout, "batch_norm": batch_norm, "residual": residual}
            self.layers.append(
                EdgeAttentionLayer(*sizes, **options)  # type: ignore[arg-type]  # mixed values
                if variant == "edge_repr"
                else GATLayer(*sizes, variant=variant, **options)  # type: ignore[arg-type]
            )
        self._build_head(
            d,
            out_channels,
            level=level,
            pooling=pooling,
            input_dropout=input_dropout,
            dropout=dropout,
        )

    def _propagate(self, batch: Batch, h: Tensor) -> Tensor:
        if self.variant != "edge_repr":
            for layer in self.layers:
                h = layer(h, batch.edges)
            return h
        e = cast("Tensor", batch.e).expand(batch.edges.num_edges, -1)
        for layer in self.layers:
            h, e = layer(h, batch.edges, e)
        return h
