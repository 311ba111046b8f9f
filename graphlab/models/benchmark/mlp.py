"""MLP: what the nets of the benchmark must improve on, since it sees no edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from graphlab.models._inputs import positive
from graphlab.models.benchmark._head import ReadoutNet
from graphlab.registry import register_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.models.benchmark._net import Batch, Level, NodeInput, PEMode, Sizes
    from graphlab.models.benchmark.readout import Pooling

__all__ = ["MLP"]


@register_model(
    "bgnn-mlp",
    tasks=("graph",),
    paper="Dwivedi et al. 2023, JMLR 24(43), arXiv 2003.00982",
    search={"hidden_channels": (32, 256, "log"), "num_layers": (2, 16), "dropout": (0.0, 0.5)},
    # Widths, depths and recipes of the paper's configuration files, for budgets of about 100,000
    # and 500,000 parameters; the models they make are counted in tests/models/benchmark. A set's
    # own name is its smaller budget. The default is that of the SBM sets, and not sourced.
    presets={
        "default": {
            "options": {"hidden_channels": 150, "num_layers": 4},
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
            "options": {"hidden_channels": 150, "num_layers": 4},
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
            "options": {"hidden_channels": 174, "num_layers": 16},
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
        "zinc, zinc-100k": {
            "options": {"hidden_channels": 150, "num_layers": 4},
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
            "options": {"hidden_channels": 173, "num_layers": 16},
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
            "options": {"hidden_channels": 145, "num_layers": 4},
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
            "options": {"hidden_channels": 132, "num_layers": 4},
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
        "aqsol, aqsol-100k": {
            "options": {"hidden_channels": 150, "num_layers": 4},
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
            "options": {"hidden_channels": 173, "num_layers": 16},
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
            "options": {"hidden_channels": 168, "num_layers": 4},
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
            "options": {"hidden_channels": 80, "num_layers": 3},
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
            "options": {"hidden_channels": 125, "num_layers": 4, "embed_features": True},
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
class MLP(ReadoutNet):
    r"""Multilayer perceptron of *Benchmarking Graph Neural Networks* [dwivedi2023]_.

    ``num_layers`` of linear, relu, dropout for each node on its own, then :class:`MLPReadout`. With
    features the first of these layers reads them; categories and positional encodings are embedded
    before, and so are features with ``embed_features``.

    Args:
        in_channels: As for :class:`GCN`.
        hidden_channels: Width of all layers.
        out_channels: Scores: classes or targets.
        num_layers: Layers.
        level: What is scored: nodes, graphs or edges.
        node_input: ``"embedding"`` for categories, ``"linear"`` for features.
        embed_features: Whether a linear layer without activation stands before the others, where
            features are read.
        pooling: How nodes make a graph.
        pe_dim: Columns of positional encodings ``data.pe``; 0: not read.
        pe_mode: They are added to the embedded nodes, or stand in their place.
        dropout: Dropout rate of each layer's result.
        input_dropout: Dropout rate of the embedded nodes.

    Shapes:
        - ``data`` and result: as for :class:`GCN`

    Raises:
        InputError: A size below 1, an unknown choice, a batch that does not fit.

    Example:
        >>> import torch
        >>> from types import SimpleNamespace
        >>> data = SimpleNamespace(x=torch.tensor([0, 2, 1]), edge_index=torch.tensor([[0], [1]]))
        >>> MLP(3, 8, 2, 2)(data).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: Sizes,
        hidden_channels: int = 150,
        out_channels: int = 1,
        num_layers: int = 4,
        *,
        level: Level = "node",
        node_input: NodeInput = "embedding",
        embed_features: bool = False,
        pooling: Pooling = "mean",
        pe_dim: int = 0,
        pe_mode: PEMode = "add",
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        d = positive("hidden_channels", hidden_channels)
        self._build_inputs(in_channels, d, node_input=node_input, pe_dim=pe_dim, pe_mode=pe_mode)
        blocks: list[nn.Module] = []
        for _ in range(positive("num_layers", num_layers)):
            blocks += [nn.Linear(d, d), nn.ReLU(), nn.Dropout(dropout)]
        if node_input == "linear" and not (self.pe_replaces or embed_features):
            blocks[0] = nn.Identity()  # the embedding is the first layer
        self.feat_mlp = nn.Sequential(*blocks)
        self._build_head(
            d,
            out_channels,
            level=level,
            pooling=pooling,
            input_dropout=input_dropout,
            dropout=dropout,
        )

    def load_reference_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load weights under the names of the authors' code; see the layers."""
        names = {"readout_mlp.": "MLP_layer."}
        if isinstance(self.feat_mlp[0], nn.Identity):
            names["feat_mlp.0."] = "embedding_h."
        renamed = {}
        for name, value in state.items():
            old = next((start for start in names if name.startswith(start)), "")
            renamed[names.get(old, "") + name[len(old) :]] = value
        super().load_reference_state_dict(renamed)

    def _propagate(self, batch: Batch, h: Tensor) -> Tensor:
        out: Tensor = self.feat_mlp(h)
        return out
