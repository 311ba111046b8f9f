"""MoNet: Gaussian mixtures over pseudo-coordinates of edges, as the benchmark has it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from graphlab.models._inputs import positive, probability
from graphlab.models.benchmark._head import ReadoutNet
from graphlab.models.benchmark._parts import (
    Edges,
    ReferenceWeights,
    aggregate,
    as_incoming,
    batch_norm,
    check_rows,
    finish,
)
from graphlab.ops.incoming import Incoming
from graphlab.registry import register_model

if TYPE_CHECKING:
    from graphlab.models.benchmark._net import Batch, Level, NodeInput, PEMode, Sizes
    from graphlab.models.benchmark.readout import Pooling

__all__ = ["MoNet", "MoNetLayer", "degree_coordinates"]


class MoNetLayer(ReferenceWeights):
    r"""Gaussian mixture convolution [monti2017]_, with what [dwivedi2023]_ puts around it.

    .. math::
        w_r(\mathbf u) &= \exp\Bigl(-\tfrac12 \sum_q (u_q - \mu_{rq})^2 s_{rq}^2\Bigr), \\
        \mathbf h_i' &= \mathbf h_i + \mathrm{relu}\Bigl(\mathrm{BN}\Bigl(\sum_r \sum_{j \to i}
            w_r(\mathbf u_{ij})\, \mathbf W_r \mathbf h_j\Bigr)\Bigr) + \mathbf b

    The bias stands behind the residual.

    Args:
        in_channels: Width of the input.
        out_channels: Width of the output; the residual is left out where they differ.
        pseudo: Pseudo-coordinates an edge.
        kernels: Gaussians, R.
        dropout: Dropout rate of the result.
        batch_norm: Whether to normalise.
        residual: Whether to add the input.

    Shapes:
        - ``h``: (n, in); ``edges``: (2, m) integer, or prepared
        - ``pseudo``: (m, pseudo) in the order of the edges; returns (n, out)

    Raises:
        InputError: A size below 1, a rate outside [0, 1], shapes that do not fit.

    Example:
        >>> edge_index = torch.tensor([[0, 1], [1, 2]])
        >>> MoNetLayer(4, 4)(torch.ones(3, 4), edge_index, torch.ones(2, 2)).shape
        torch.Size([3, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        pseudo: int = 2,
        *,
        kernels: int = 3,
        dropout: float = 0.0,
        batch_norm: bool = True,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.in_channels = positive("in_channels", in_channels)
        self.out_channels = positive("out_channels", out_channels)
        self.kernels = positive("kernels", kernels)
        self.dropout = probability("dropout", dropout)
        self.residual = residual and in_channels == out_channels
        self.mu = Parameter(torch.empty(kernels, positive("pseudo", pseudo)))
        self.inv_sigma = Parameter(torch.ones(kernels, pseudo))
        self.bias = Parameter(torch.zeros(out_channels))
        self.fc = nn.Linear(in_channels, kernels * out_channels, bias=False)
        self.bn_node_h = nn.BatchNorm1d(out_channels) if batch_norm else None
        nn.init.xavier_normal_(self.fc.weight, gain=math.sqrt(2))
        nn.init.normal_(self.mu, 0.0, 0.1)

    def forward(self, h: Tensor, edges: Edges, pseudo: Tensor) -> Tensor:
        """Return (n, out)."""
        check_rows(h, self.in_channels)
        graph = as_incoming(edges, h.shape[0])
        check_rows(pseudo, self.mu.shape[1], "pseudo")
        if not isinstance(edges, Incoming):
            pseudo = graph.sort(pseudo)
        distance = (pseudo[:, None] - self.mu) * self.inv_sigma
        weight = torch.exp(-0.5 * distance.square().sum(2))
        sent = self.fc(h).split(self.out_channels, 1)
        got = [
            aggregate(graph, part, "sum", w) for part, w in zip(sent, weight.unbind(1), strict=True)
        ]
        out = torch.relu(batch_norm(self.bn_node_h, torch.stack(got).sum(0)))
        out = (h + out if self.residual else out) + self.bias
        return finish(self, out, h, rate=self.dropout, residual=False)


def degree_coordinates(edges: Incoming, dtype: torch.dtype) -> Tensor:
    r"""Return :math:`(1/\sqrt{d_j + 1}, 1/\sqrt{d_i + 1})` of each edge j -> i, by in-degrees."""
    rate = (edges.in_degree() + 1).to(dtype).rsqrt()
    return torch.stack([rate[edges.src.long()], rate[edges.dst]], 1)


@register_model(
    "bgnn-monet",
    tasks=("graph",),
    paper="Monti et al. 2017, arXiv 1611.08402; Dwivedi et al. 2023, JMLR 24(43)",
    search={"hidden_channels": (32, 256, "log"), "num_layers": (2, 16), "dropout": (0.0, 0.5)},
    # Widths, depths and recipes of the paper's configuration files, for budgets of about 100,000
    # and 500,000 parameters; the models they make are counted in tests/models/benchmark. A set's
    # own name is its smaller budget. The default is that of the SBM sets, and not sourced.
    presets={
        "default": {
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
        "sbm-pattern, pattern-synth, sbm-cluster, cluster-synth, "
        "sbm-pattern-100k, pattern-synth-100k, sbm-cluster-100k, cluster-synth-100k": {
            "options": {"hidden_channels": 90, "num_layers": 4},
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
            "options": {"hidden_channels": 102, "num_layers": 16},
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
        "zinc-500k": {
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
        "aqsol, aqsol-100k": {
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
        "aqsol-500k": {
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
            "options": {"hidden_channels": 80, "num_layers": 4},
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
class MoNet(ReadoutNet):
    r"""Mixture model network of *Benchmarking Graph Neural Networks* [dwivedi2023]_.

    Pseudo-coordinates are :math:`\mathbf u_{ij} = \tanh(\mathbf A_l (1/\sqrt{d_j+1},
    1/\sqrt{d_i+1}) + \mathbf b_l)` with in-degrees, for each layer its own; then
    :class:`MoNetLayer` and :class:`MLPReadout`.

    Args:
        in_channels: As for :class:`GCN`.
        hidden_channels: Width of all layers.
        out_channels: Scores: classes or targets.
        num_layers: Layers.
        kernels: Gaussians a layer.
        pseudo_dim: Pseudo-coordinates an edge.
        level: What is scored: nodes, graphs or edges.
        node_input: ``"embedding"`` for categories, ``"linear"`` for features.
        pooling: How nodes make a graph.
        pe_dim: Columns of positional encodings ``data.pe``; 0: not read.
        pe_mode: They are added to the embedded nodes, or stand in their place.
        dropout: Dropout rate of each layer's result.
        input_dropout: Dropout rate of the embedded nodes.
        batch_norm: Whether layers normalise.
        residual: Whether layers add their input.

    Shapes:
        - ``data`` and result: as for :class:`GCN`

    Raises:
        InputError: A size below 1, an unknown choice, a batch that does not fit.

    Cost: time O(L R (m d + n d^2)); R numbers an edge are written.

    Example:
        >>> from types import SimpleNamespace
        >>> data = SimpleNamespace(x=torch.tensor([0, 2, 1]), edge_index=torch.tensor([[0], [1]]))
        >>> MoNet(3, 8, 2, 2)(data).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: Sizes,
        hidden_channels: int = 90,
        out_channels: int = 1,
        num_layers: int = 4,
        *,
        kernels: int = 3,
        pseudo_dim: int = 2,
        level: Level = "node",
        node_input: NodeInput = "embedding",
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
        self._build_inputs(in_channels, d, node_input=node_input, pe_dim=pe_dim, pe_mode=pe_mode)
        self.layers, self.pseudo_proj = nn.ModuleList(), nn.ModuleList()
        for _ in range(positive("num_layers", num_layers)):
            layer = MoNetLayer(
                d,
                d,
                pseudo_dim,
                kernels=kernels,
                dropout=dropout,
                batch_norm=batch_norm,
                residual=residual,
            )
            self.layers.append(layer)
            self.pseudo_proj.append(nn.Sequential(nn.Linear(2, pseudo_dim), nn.Tanh()))
        self._build_head(
            d,
            out_channels,
            level=level,
            pooling=pooling,
            input_dropout=input_dropout,
            dropout=dropout,
        )

    def _propagate(self, batch: Batch, h: Tensor) -> Tensor:
        coordinates = degree_coordinates(batch.edges, h.dtype)
        for layer, project in zip(self.layers, self.pseudo_proj, strict=True):
            h = layer(h, batch.edges, project(coordinates))
        return h
