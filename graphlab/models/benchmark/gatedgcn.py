"""GatedGCN: gates and states on edges (Bresson and Laurent 2018), as the benchmark has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from torch import Tensor, nn

from graphlab.models._inputs import positive
from graphlab.models.benchmark._head import ReadoutNet
from graphlab.nn.gated_gcn import GatedGCNLayer, GatedVariant
from graphlab.registry import register_model

if TYPE_CHECKING:
    from graphlab.models.benchmark._net import Batch, EdgeInput, Level, NodeInput, PEMode, Sizes
    from graphlab.models.benchmark.readout import Pooling

__all__ = ["GatedGCN", "GatedGCNLayer", "GatedVariant"]


@register_model(
    "bgnn-gatedgcn",
    tasks=("graph",),
    paper="Bresson and Laurent 2018, arXiv 1711.07553; Dwivedi et al. 2023, JMLR 24(43)",
    search={"hidden_channels": (32, 256, "log"), "num_layers": (2, 16), "dropout": (0.0, 0.5)},
    # Widths, depths and recipes of the paper's configuration files, for budgets of about 100,000
    # and 500,000 parameters; the models they make are counted in tests/models/benchmark. A set's
    # own name is its smaller budget. The default is that of the SBM sets, and not sourced.
    presets={
        "default": {
            "options": {"hidden_channels": 70, "num_layers": 4},
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
            "options": {"hidden_channels": 70, "num_layers": 4},
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
            "options": {"hidden_channels": 78, "num_layers": 16},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 32},
        },
        "zinc, zinc-100k": {
            "options": {"hidden_channels": 70, "num_layers": 4},
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
        "zinc-500k": {
            "options": {"hidden_channels": 78, "num_layers": 16},
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
            "options": {"hidden_channels": 70, "num_layers": 4},
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
            "options": {"hidden_channels": 65, "num_layers": 4},
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
        "cycles-synth, cycles-synth-100k": {
            "options": {"hidden_channels": 70, "num_layers": 4},
            "recipe": {
                "lr": 0.0001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 10,
                "schedule_min_lr": 1e-06,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 25},
        },
        "aqsol, aqsol-100k": {
            "options": {"hidden_channels": 70, "num_layers": 4},
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
        "aqsol-500k": {
            "options": {"hidden_channels": 78, "num_layers": 16},
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
        "mnist, mnist-100k, cifar10, cifar10-100k": {
            "options": {"hidden_channels": 70, "num_layers": 4},
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
            "options": {"hidden_channels": 44, "num_layers": 3},
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
            "options": {"hidden_channels": 65, "num_layers": 4},
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
class GatedGCN(ReadoutNet):
    r"""Gated graph network of *Benchmarking Graph Neural Networks* [dwivedi2023]_.

    Embeddings of nodes, edges and, with ``pe_dim``, positional encodings; ``num_layers`` of
    :class:`GatedGCNLayer`; :class:`MLPReadout`. The last layer leaves out the new state of its
    edges, which nothing reads.

    Args:
        in_channels: As for :class:`GCN`.
        hidden_channels: Width of all layers, nodes and edges.
        out_channels: Scores: classes or targets.
        num_layers: Layers.
        variant: As for :class:`GatedGCNLayer`.
        level: What is scored: nodes, graphs or edges.
        node_input: ``"embedding"`` for categories, ``"linear"`` for features.
        edge_input: ``"ones"`` reads no ``edge_attr``: all edges start from one learnt row;
            ``"embedding"`` for categories, ``"linear"`` for features.
        edge_channels: Edge categories (one number a column of them) or features.
        pooling: How nodes make a graph.
        pe_dim: Columns of positional encodings ``data.pe``; 0: not read.
        pe_mode: They are added to the embedded nodes, or stand in their place.
        dropout: Dropout rate of each layer's results.
        input_dropout: Dropout rate of the embedded nodes.
        batch_norm: Whether layers normalise.
        residual: Whether layers add their input.

    Shapes:
        - ``data`` and result: as for :class:`GCN`; ``data.edge_attr`` (m,) integer or (m, K) float
          where ``edge_input`` reads it

    Raises:
        InputError: A size below 1, an unknown choice, a batch that does not fit.

    Cost: time O(L (m + n) d^2), memory O(L m d) in training: three rows an edge and layer.

    Example:
        >>> import torch
        >>> from types import SimpleNamespace
        >>> data = SimpleNamespace(x=torch.tensor([0, 2, 1]), edge_index=torch.tensor([[0], [1]]))
        >>> GatedGCN(3, 8, 2, 2)(data).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: Sizes,
        hidden_channels: int = 70,
        out_channels: int = 1,
        num_layers: int = 4,
        *,
        variant: GatedVariant = "full",
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
        self._build_inputs(
            in_channels,
            d,
            node_input=node_input,
            edge_input=edge_input,
            edge_channels=edge_channels,
            pe_dim=pe_dim,
            pe_mode=pe_mode,
        )
        self.layers = nn.ModuleList(
            GatedGCNLayer(
                d,
                d,
                dropout=dropout,
                batch_norm=batch_norm,
                residual=residual,
                variant=variant,
            )
            for _ in range(positive("num_layers", num_layers))
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
        e = cast("Tensor", batch.e)
        for k, layer in enumerate(self.layers):
            h, e = layer(h, batch.edges, e, want_edge=k + 1 < len(self.layers))
        return h
