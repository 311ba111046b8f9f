"""GIN: sums that tell multisets apart (Xu et al., ICLR 2019), as the benchmark has it."""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from graphlab.models._inputs import positive, probability
from graphlab.models.benchmark._net import Batch, Level, NetInputs, NodeInput, PEMode, Sizes
from graphlab.models.benchmark._parts import (
    Edges,
    ReferenceWeights,
    aggregate,
    as_incoming,
    batch_norm,
    check_rows,
    choice,
    finish,
)
from graphlab.models.benchmark.readout import MLPReadout, Pooling, pair_scores, pool_graphs
from graphlab.ops.dropout import dropout as drop
from graphlab.registry import register_model

__all__ = ["GIN", "GINLayer"]

Reduce = Literal["sum", "mean", "max"]
Head = Literal["layers", "readout"]


class GINLayer(ReferenceWeights):
    r"""Sum of neighbours through a perceptron [xu2019]_, with what [dwivedi2023]_ puts around it.

    .. math:: \mathbf h_i' = \mathbf h_i + \mathrm{relu}\Bigl(\mathrm{BN}\Bigl(\mathrm{MLP}\Bigl(
        (1 + \epsilon)\, \mathbf h_i + \sum_{j \to i} \mathbf h_j\Bigr)\Bigr)\Bigr)

    MLP is linear, batch normalisation, relu, linear; :math:`\epsilon` starts at 0 and is learnt.

    Args:
        in_channels: Width of the input.
        out_channels: Width of the output; the residual is left out where they differ.
        reduce: How neighbours are combined.
        dropout: Dropout rate of the result.
        batch_norm: Whether to normalise behind the MLP.
        residual: Whether to add the input.
        learn_eps: Whether :math:`\epsilon` is learnt.

    Shapes:
        - ``h``: (n, in); ``edges``: (2, m) integer, or prepared; returns (n, out)

    Raises:
        InputError: A size below 1, an unknown choice, rows of another width.

    Cost: time O(m d + n d^2); no row an edge is written.

    Example:
        >>> GINLayer(4, 4)(torch.ones(3, 4), torch.tensor([[0, 1], [1, 2]])).shape
        torch.Size([3, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        reduce: Reduce = "sum",
        dropout: float = 0.0,
        batch_norm: bool = True,
        residual: bool = True,
        learn_eps: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels = positive("in_channels", in_channels)
        self.out_channels = positive("out_channels", out_channels)
        self.reduce = choice("reduce", reduce, Reduce)
        self.dropout = probability("dropout", dropout)
        self.residual = residual and in_channels == out_channels
        if learn_eps:
            self.eps = Parameter(torch.zeros(1))
        else:
            self.register_buffer("eps", torch.zeros(1))
        self.apply_func = nn.ModuleDict({"mlp": _Perceptron(in_channels, out_channels)})
        self.bn_node_h = nn.BatchNorm1d(out_channels) if batch_norm else None

    def forward(self, h: Tensor, edges: Edges) -> Tensor:
        """Return (n, out)."""
        check_rows(h, self.in_channels)
        graph = as_incoming(edges, h.shape[0])
        out = (1 + self.eps) * h + aggregate(graph, h, self.reduce)
        out = self.apply_func["mlp"](out)
        out = torch.relu(batch_norm(self.bn_node_h, out))
        return finish(self, out, h, rate=self.dropout, residual=self.residual)

    def extra_repr(self) -> str:
        """Show what is no module."""
        return f"reduce={self.reduce!r}, residual={self.residual}, dropout={self.dropout}"


class _Perceptron(nn.Module):
    """Linear, batch normalisation, relu, linear."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        hidden = out_channels
        self.linears = nn.ModuleList(
            [nn.Linear(in_channels, hidden), nn.Linear(hidden, out_channels)]
        )
        self.batch_norms = nn.ModuleList([nn.BatchNorm1d(hidden)])

    def forward(self, h: Tensor) -> Tensor:
        first, last = self.linears
        norm = cast("nn.BatchNorm1d", self.batch_norms[0])
        out: Tensor = last(torch.relu(batch_norm(norm, first(h))))
        return out


@register_model(
    "bgnn-gin",
    tasks=("graph",),
    paper="Xu et al. 2019, arXiv 1810.00826; Dwivedi et al. 2023, JMLR 24(43)",
    search={"hidden_channels": (32, 256, "log"), "num_layers": (2, 16), "dropout": (0.0, 0.5)},
    # Widths, depths and recipes of the paper's configuration files, for budgets of about 100,000
    # and 500,000 parameters; the models they make are counted in tests/models/benchmark. A set's
    # own name is its smaller budget. The default is that of the SBM sets, and not sourced.
    presets={
        "default": {
            "options": {"hidden_channels": 110, "num_layers": 4},
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
            "options": {"hidden_channels": 110, "num_layers": 4},
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
            "options": {"hidden_channels": 124, "num_layers": 16},
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
            "options": {"hidden_channels": 110, "num_layers": 4},
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
            "options": {"hidden_channels": 124, "num_layers": 16},
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
            "options": {"hidden_channels": 110, "num_layers": 4},
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
            "options": {"hidden_channels": 73, "num_layers": 4},
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
            "options": {"hidden_channels": 110, "num_layers": 4},
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
        "mnist, mnist-100k, cifar10, cifar10-100k": {
            "options": {"hidden_channels": 110, "num_layers": 4},
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
            "options": {"hidden_channels": 60, "num_layers": 3, "head": "readout"},
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
            "options": {"hidden_channels": 96, "num_layers": 4},
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
class GIN(NetInputs):
    r"""Graph isomorphism network of *Benchmarking Graph Neural Networks* [dwivedi2023]_.

    ``num_layers`` of :class:`GINLayer`. Every layer's nodes are scored, the embedded input's too,
    and the scores are added: by one linear layer each for nodes and for the summed nodes of
    graphs, by two for pairs. With ``head="readout"`` the last layer alone is scored, by
    :class:`MLPReadout`.

    Args:
        in_channels: As for :class:`GCN`.
        hidden_channels: Width of all layers.
        out_channels: Scores: classes or targets.
        num_layers: Layers.
        reduce: How neighbours are combined.
        head: ``"layers"`` or ``"readout"``.
        level: What is scored: nodes, graphs or edges.
        node_input: ``"embedding"`` for categories, ``"linear"`` for features.
        pooling: How nodes make a graph.
        pe_dim: Columns of positional encodings ``data.pe``; 0: not read.
        pe_mode: They are added to the embedded nodes, or stand in their place.
        dropout: Dropout rate of each layer's result.
        input_dropout: Dropout rate of the embedded nodes.
        batch_norm: Whether layers normalise behind their MLP.
        residual: Whether layers add their input.
        learn_eps: Whether the weight of a node itself is learnt.

    Shapes:
        - ``data`` and result: as for :class:`GCN`

    Raises:
        InputError: A size below 1, an unknown choice, a batch that does not fit.

    Cost: time O(L (m d + n d^2)); no row an edge is written.

    Example:
        >>> from types import SimpleNamespace
        >>> data = SimpleNamespace(x=torch.tensor([0, 2, 1]), edge_index=torch.tensor([[0], [1]]))
        >>> GIN(3, 8, 2, 2)(data).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: Sizes,
        hidden_channels: int = 110,
        out_channels: int = 1,
        num_layers: int = 4,
        *,
        reduce: Reduce = "sum",
        head: Head = "layers",
        level: Level = "node",
        node_input: NodeInput = "embedding",
        pooling: Pooling = "sum",
        pe_dim: int = 0,
        pe_mode: PEMode = "add",
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        batch_norm: bool = True,
        residual: bool = True,
        learn_eps: bool = True,
    ) -> None:
        super().__init__()
        d = positive("hidden_channels", hidden_channels)
        self.level = choice("level", level, Level)
        self.pooling = choice("pooling", pooling, Pooling)
        self.input_dropout = probability("input_dropout", input_dropout)
        self._build_inputs(in_channels, d, node_input=node_input, pe_dim=pe_dim, pe_mode=pe_mode)
        layers = positive("num_layers", num_layers)
        self.ginlayers = nn.ModuleList(
            GINLayer(
                d,
                d,
                reduce=reduce,
                dropout=dropout,
                batch_norm=batch_norm,
                residual=residual,
                learn_eps=learn_eps,
            )
            for _ in range(layers)
        )
        out = positive("out_channels", out_channels)
        self.head = choice("head", head, Head)
        if head == "readout":
            self.MLP_layer = MLPReadout(2 * d if level == "edge" else d, out)
        elif level == "edge":
            self.prediction = nn.ModuleList(
                nn.Sequential(nn.Linear(2 * d, d), nn.ReLU(), nn.Linear(d, out))
                for _ in range(layers + 1)
            )
        else:
            self.linears_prediction = nn.ModuleList(nn.Linear(d, out) for _ in range(layers + 1))

    def forward(self, data: Any) -> Tensor:  # noqa: ANN401  (our batches, PyG's, any such object)
        """Return scores of nodes, graphs or pairs."""
        batch = self._read(data)
        h = drop(batch.h, self.input_dropout, training=self.training)
        every = self.head == "layers"
        found = [self._scores(0, h, batch)] if every else []
        for k, layer in enumerate(self.ginlayers, 1):
            h = layer(h, batch.edges)
            if every or k == len(self.ginlayers):
                found.append(self._scores(k, h, batch))
        return torch.stack(found).sum(0)

    def _scores(self, k: int, h: Tensor, batch: Batch) -> Tensor:
        if self.head == "readout" and self.level == "edge":
            return self.MLP_layer.of_pairs(h, batch.pairs)
        if self.level == "edge":
            first, relu, last = cast("nn.Sequential", self.prediction[k])
            found: Tensor = last(relu(pair_scores(cast("nn.Linear", first), h, batch.pairs)))
            return found
        if self.level == "graph":
            h = pool_graphs(h, batch.graph, batch.num_graphs, self.pooling)
        scorer = self.MLP_layer if self.head == "readout" else self.linears_prediction[k]
        scores: Tensor = scorer(h)
        return scores

    def extra_repr(self) -> str:
        """Show what is scored beside the layers."""
        return f"level={self.level!r}"
