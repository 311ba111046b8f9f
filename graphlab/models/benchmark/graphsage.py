"""GraphSAGE: pooled neighbourhoods (Hamilton et al. 2017), as the benchmark has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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
from graphlab.models.benchmark.gated_sage import GatedSAGELayer
from graphlab.ops.dropout import dropout as drop
from graphlab.registry import register_model

if TYPE_CHECKING:
    from graphlab.models.benchmark._net import Batch, EdgeInput, Level, NodeInput, PEMode, Sizes
    from graphlab.models.benchmark.readout import Pooling

__all__ = ["Aggregator", "GraphSAGE", "GraphSAGELayer", "NodeApply", "SelfTerm"]

Aggregator = Literal["maxpool", "mean"]
SelfTerm = Literal["pooled", "input"]


class NodeApply(nn.Module):
    """Linear layer of ``[own || neighbours]``, rows scaled to length 1, relu."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * in_channels, out_channels)

    def forward(self, own: Tensor, around: Tensor) -> Tensor:
        """Return (n, out)."""
        return torch.relu(F.normalize(self.linear(torch.cat([own, around], 1)), dim=1))


class GraphSAGELayer(ReferenceWeights):
    r"""Pooled neighbours beside the node itself [hamilton2017]_, as [dwivedi2023]_ runs it.

    .. math:: \mathbf h_i' = \mathbf h_i + \mathrm{BN}\Bigl(\mathrm{relu}\Bigl(
        \frac{\mathbf q_i}{\lVert \mathbf q_i \rVert}\Bigr)\Bigr), \qquad
        \mathbf q_i = \mathbf W [\mathbf g_i \Vert \mathbf c_i] + \mathbf b

    With ``"maxpool"``, :math:`\mathbf c_i = \max_{j \to i} \mathbf p_j` for
    :math:`\mathbf p = \mathrm{relu}(\mathbf W_p \mathbf h + \mathbf b_p)`, 0 where no edge enters;
    with ``"mean"`` the mean of :math:`\mathbf h_j`. The authors' code overwrites the node's own
    state by :math:`\mathbf p` before it is joined: ``self_term="pooled"`` keeps to that, and
    ``"input"`` has :math:`\mathbf g = \mathbf h` as the textbooks do. Rows are scaled to length 1
    and normalisation follows the relu; dropout acts on the input alone, the residual adds what came
    before it.

    Args:
        in_channels: Width of the input.
        out_channels: Width of the output; the residual is left out where they differ.
        aggregator: ``"maxpool"`` or ``"mean"``.
        self_term: ``"pooled"`` or ``"input"``; of ``"maxpool"`` alone.
        dropout: Dropout rate of the input.
        batch_norm: Whether to normalise.
        residual: Whether to add the input.

    Shapes:
        - ``h``: (n, in); ``edges``: (2, m) integer, or prepared; returns (n, out)

    Raises:
        InputError: A size below 1, an unknown choice, rows of another width.

    Example:
        >>> GraphSAGELayer(4, 4, "mean")(torch.ones(3, 4), torch.tensor([[0, 1], [1, 2]])).shape
        torch.Size([3, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        aggregator: Aggregator = "maxpool",
        self_term: SelfTerm = "pooled",
        *,
        dropout: float = 0.0,
        batch_norm: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels = positive("in_channels", in_channels)
        self.out_channels = positive("out_channels", out_channels)
        self.dropout = probability("dropout", dropout)
        self.residual = residual and in_channels == out_channels
        self.aggregator_type = choice("aggregator", aggregator, Aggregator)
        self.self_term = choice("self_term", self_term, SelfTerm)
        self.nodeapply = NodeApply(in_channels, out_channels)
        pools = aggregator == "maxpool"
        self.aggregator = _Pool(in_channels) if pools else None
        self.batchnorm_h = nn.BatchNorm1d(out_channels) if batch_norm else None

    def forward(self, h: Tensor, edges: Edges) -> Tensor:
        """Return (n, out)."""
        check_rows(h, self.in_channels)
        graph = as_incoming(edges, h.shape[0])
        own = drop(h, self.dropout, training=self.training)
        if self.aggregator is None:
            around = aggregate(graph, own, "mean")
        else:
            pooled = torch.relu(self.aggregator.linear(own))
            around = aggregate(graph, pooled, "max")
            own = pooled if self.self_term == "pooled" else own
        out = batch_norm(self.batchnorm_h, self.nodeapply(own, around))
        return h + out if self.residual else out

    def extra_repr(self) -> str:
        """Show what is no module."""
        kind = f"aggregator={self.aggregator_type!r}, self_term={self.self_term!r}"
        return f"{kind}, residual={self.residual}, dropout={self.dropout}"


class _Pool(nn.Module):
    """The linear layer before the maximum, under the name of the authors' code."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels, channels)


@register_model(
    "bgnn-graphsage",
    tasks=("graph",),
    paper="Hamilton et al. 2017, arXiv 1706.02216; Dwivedi et al. 2023, JMLR 24(43)",
    search={"hidden_channels": (32, 256, "log"), "num_layers": (2, 16), "dropout": (0.0, 0.5)},
    # Widths, depths and recipes of the paper's configuration files, for budgets of about 100,000
    # and 500,000 parameters; the models they make are counted in tests/models/benchmark. A set's
    # own name is its smaller budget. The default is that of the SBM sets, and not sourced.
    presets={
        "default": {
            "options": {"hidden_channels": 89, "num_layers": 4},
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
            "options": {"hidden_channels": 89, "num_layers": 4},
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
            "options": {"hidden_channels": 101, "num_layers": 16},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 64},
        },
        "zinc, zinc-100k, aqsol, aqsol-100k": {
            "options": {"hidden_channels": 90, "num_layers": 4},
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
            "options": {"hidden_channels": 101, "num_layers": 16},
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
            "options": {"hidden_channels": 90, "num_layers": 4},
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
            "options": {"hidden_channels": 82, "num_layers": 4},
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
            "options": {"hidden_channels": 90, "num_layers": 4},
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
            "options": {"hidden_channels": 53, "num_layers": 3},
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
            "options": {"hidden_channels": 78, "num_layers": 4},
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
class GraphSAGE(ReadoutNet):
    r"""GraphSAGE of *Benchmarking Graph Neural Networks* [dwivedi2023]_.

    ``num_layers`` of :class:`GraphSAGELayer`, then :class:`MLPReadout`. With the defaults it
    learns next to nothing on SBM-PATTERN, in the publication too: a maximum cannot count, and rows
    of length 1 forget what little it saw.

    Args:
        in_channels: As for :class:`GCN`.
        hidden_channels: Width of all layers.
        out_channels: Scores: classes or targets.
        num_layers: Layers.
        aggregator: As for :class:`GraphSAGELayer`.
        self_term: As for :class:`GraphSAGELayer`.
        variant: ``"edge_feat"`` gates each neighbour by the two ends, ``"edge_repr"`` by a state
            of the edge as well; ``"full"`` and ``"isotropic"`` are the plain layer.
        level: What is scored: nodes, graphs or edges.
        node_input: ``"embedding"`` for categories, ``"linear"`` for features.
        edge_input: For the variant ``"edge_repr"``; as for :class:`GatedGCN`.
        edge_channels: Edge categories (one number a column of them) or features.
        pooling: How nodes make a graph.
        pe_dim: Columns of positional encodings ``data.pe``; 0: not read.
        pe_mode: They are added to the embedded nodes, or stand in their place.
        dropout: Dropout rate of each layer's input.
        input_dropout: Dropout rate of the embedded nodes.
        batch_norm: Whether layers normalise.
        residual: Whether layers add their input.

    Shapes:
        - ``data`` and result: as for :class:`GCN`

    Raises:
        InputError: A size below 1, an unknown choice, a batch that does not fit.

    Cost: time O(L (m d + n d^2)); no row an edge is written.

    Example:
        >>> from types import SimpleNamespace
        >>> data = SimpleNamespace(x=torch.tensor([0, 2, 1]), edge_index=torch.tensor([[0], [1]]))
        >>> GraphSAGE(3, 8, 2, 2)(data).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: Sizes,
        hidden_channels: int = 89,
        out_channels: int = 1,
        num_layers: int = 4,
        *,
        aggregator: Aggregator = "maxpool",
        self_term: SelfTerm = "pooled",
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
        d = positive("hidden_channels", hidden_channels)
        self.variant = choice("variant", variant, Variant)
        self._build_inputs(
            in_channels,
            d,
            node_input=node_input,
            edge_input=edge_input if variant == "edge_repr" else None,
            edge_channels=edge_channels,
            pe_dim=pe_dim,
            pe_mode=pe_mode,
        )
        self.layers = nn.ModuleList()
        for _ in range(positive("num_layers", num_layers)):
            options = {"dropout": dropout, "batch_norm": batch_norm, "residual": residual}
            plain = variant in {"full", "isotropic"}
            self.layers.append(
                GraphSAGELayer(d, d, aggregator, self_term, **options)  # type: ignore[arg-type]
                if plain
                else GatedSAGELayer(d, d, edge_states=variant == "edge_repr", **options)  # type: ignore[arg-type]
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
        if self.variant in {"full", "isotropic"}:
            for layer in self.layers:
                h = layer(h, batch.edges)
            return h
        e = h[:0] if batch.e is None else batch.e.expand(batch.edges.num_edges, -1)
        for layer in self.layers:
            h, e = layer(h, batch.edges, e)
        return h
