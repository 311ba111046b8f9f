"""RingGNN: products of equivariant matrices (Chen et al. 2019), as the benchmark has it."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from graphlab.errors import InputError
from graphlab.models._inputs import number, positive
from graphlab.models.benchmark._dense import DenseEdgeInput, DenseNet, of_entries
from graphlab.models.benchmark._parts import ReferenceWeights
from graphlab.models.benchmark.readout import MLPReadout
from graphlab.registry import register_model

if TYPE_CHECKING:
    from graphlab.models.benchmark._net import Level, NodeInput

__all__ = ["RingGNN", "RingGNNLayer", "equivariant_ops_2_to_2"]

_OPERATIONS = 15


def equivariant_ops_2_to_2(x: Tensor) -> Tensor:
    """Return the fifteen linear maps from matrices to matrices that commute with relabelling nodes.

    In this order: the diagonal; on the diagonal: mean of the diagonal, means of rows, means of
    columns, mean of all; constant along rows: means of columns, means of rows; constant along
    columns: means of columns, means of rows; the matrix; its transpose; diagonal entries along
    rows, along columns; everywhere: mean of the diagonal, mean of all [chen2019]_.

    Args:
        x: Matrices.

    Shapes:
        - ``x``: (B, C, n, n); returns (B, C, 15, n, n)

    Raises:
        InputError: No square matrices.

    Example:
        >>> equivariant_ops_2_to_2(torch.ones(1, 2, 3, 3)).shape
        torch.Size([1, 2, 15, 3, 3])
    """
    if x.dim() != 4 or x.shape[2] != x.shape[3]:
        raise InputError(f"x has shape {tuple(x.shape)}, expected (B, C, n, n).")
    n = max(x.shape[3], 1)
    diagonal = torch.diagonal(x, dim1=2, dim2=3)
    rows, columns = x.sum(3) / n, x.sum(2) / n
    middle = (diagonal.sum(2, keepdim=True) / n).expand_as(rows)
    total = (rows.sum(2, keepdim=True) / n).expand_as(rows)
    found = [torch.diag_embed(v) for v in (diagonal, middle, rows, columns, total)]
    found += [v[..., None].expand_as(x) for v in (columns, rows)]
    found += [v[:, :, None].expand_as(x) for v in (columns, rows)]
    found += [x, x.transpose(2, 3)]
    found += [diagonal[..., None].expand_as(x), diagonal[:, :, None].expand_as(x)]
    found += [v[..., None].expand_as(x) for v in (middle, total)]
    return torch.stack(found, 2)


class RingGNNLayer(ReferenceWeights):
    r"""A sum of equivariant maps and a product of two, weighted by two switches [chen2019]_.

    .. math:: \mathrm{relu}\bigl(s_0 (O_0 + b_0 \mathbf I) + s_1\, O_2 (O_1 + b_1 \mathbf I)
        + b\bigr), \qquad O_k = \sum_{d, t} c_{k, d, \cdot, t} \operatorname{op}_t(\mathbf X_d)

    as [dwivedi2023]_ runs it; the product is that of matrices, channel by channel. A third bias of
    the diagonal stands unused among the weights, as in the authors' code.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        avg_nodes: Mean number of nodes of the data's graphs: :math:`s_1` starts at 0.5 over it.
        residual: Add a linear map of the input, entry by entry.

    Shapes:
        - ``x``: (B, in, n, n); returns (B, out, n, n)

    Raises:
        InputError: A size below 1, another number of channels.

    Cost: time O(15 in out n^2 + out n^3), memory O(15 in n^2).

    Example:
        >>> RingGNNLayer(2, 3)(torch.ones(1, 2, 4, 4)).shape
        torch.Size([1, 3, 4, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        avg_nodes: float = 50.0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.in_channels = positive("in_channels", in_channels)
        out = positive("out_channels", out_channels)
        shape = (in_channels, out, _OPERATIONS)
        start = 0.5 / number("avg_nodes", avg_nodes, least=1e-9)
        scale = math.sqrt(2 / (in_channels + out))
        self.all_bias = Parameter(torch.zeros(1, out, 1, 1))
        self.diag_bias_list = nn.ParameterList(torch.zeros(1, out, 1, 1) for _ in range(3))
        self.coeffs_list = nn.ParameterList(torch.randn(shape) * scale for _ in range(3))
        self.switch = nn.ParameterList([torch.ones(1), torch.full((1,), start)])
        self.res_x = nn.Linear(in_channels, out) if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out, n, n)."""
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise InputError(
                f"x has shape {tuple(x.shape)}, expected (B, {self.in_channels}, n, n)."
            )
        maps = equivariant_ops_2_to_2(x)
        eye = torch.eye(x.shape[3], dtype=x.dtype, device=x.device)
        first, left, right = (
            torch.einsum("dst,ndtij->nsij", weight, maps) for weight in self.coeffs_list
        )
        first = first + self.diag_bias_list[0] * eye
        left = left + self.diag_bias_list[1] * eye
        out = self.switch[0] * first + self.switch[1] * (right @ left)
        out = torch.relu(out + self.all_bias)
        return out if self.res_x is None else of_entries(self.res_x, x) + out


@register_model(
    "bgnn-ringgnn",
    tasks=("graph",),
    paper="Chen et al. 2019, arXiv 1905.12560; Dwivedi et al. 2023, JMLR 24(43)",
    search={"hidden_channels": (16, 128, "log"), "num_layers": (1, 8)},
    # Widths, depths and recipes of the paper's configuration files, for budgets of about 100,000
    # and 500,000 parameters; the models they make are counted in tests/models/benchmark. A set's
    # own name is its smaller budget. The default is that of the SBM sets, and not sourced.
    presets={
        "default": {
            "options": {"hidden_channels": 45, "num_layers": 2},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "sbm-pattern, pattern-synth, sbm-pattern-100k, pattern-synth-100k": {
            "options": {"hidden_channels": 45, "num_layers": 2},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "sbm-cluster, cluster-synth, sbm-cluster-100k, cluster-synth-100k": {
            "options": {"hidden_channels": 43, "num_layers": 2},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "sbm-pattern-500k, pattern-synth-500k, sbm-cluster-500k, cluster-synth-500k": {
            "options": {"hidden_channels": 101, "num_layers": 2},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "zinc, zinc-100k": {
            "options": {"hidden_channels": 34, "num_layers": 2},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "zinc-500k": {
            "options": {"hidden_channels": 90, "num_layers": 2},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "csl, csl-100k": {
            "options": {"hidden_channels": 45, "num_layers": 2},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "tsp-synth, tsp-synth-100k": {
            "options": {"hidden_channels": 42, "num_layers": 2},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 10,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "aqsol, aqsol-100k": {
            "options": {"hidden_channels": 26, "num_layers": 2},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "aqsol-500k": {
            "options": {"hidden_channels": 75, "num_layers": 2},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "aqsol-l8-500k": {
            "options": {"hidden_channels": 32, "num_layers": 8, "residual": True},
            "recipe": {
                "lr": 0.001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-05,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "mnist, mnist-100k": {
            "options": {"hidden_channels": 45, "num_layers": 2},
            "recipe": {
                "lr": 0.0001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-06,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
        "cifar10, cifar10-100k": {
            "options": {"hidden_channels": 44, "num_layers": 2},
            "recipe": {
                "lr": 0.0001,
                "epochs": 1000,
                "schedule": "plateau",
                "schedule_patience": 5,
                "schedule_min_lr": 1e-06,
                "stop": "min_lr",
                "select": "last",
            },
            "task": {"batch_size": 4},
        },
    },
)
class RingGNN(DenseNet):
    r"""RingGNN of *Benchmarking Graph Neural Networks* [dwivedi2023]_.

    Input and every layer's result are summed over rows (for graphs over columns too), joined, and
    scored by :class:`MLPReadout`. A batch is done graph by graph, on dense matrices.

    Args:
        in_channels: Node categories, or features with ``node_input="linear"``.
        hidden_channels: Channels of all layers.
        out_channels: Scores: classes or targets.
        num_layers: Layers.
        avg_nodes: Mean number of nodes of the data's graphs.
        level: What is scored: nodes, graphs or edges.
        node_input: ``"embedding"``: categories stand one-hot on the diagonal; ``"linear"``:
            features do.
        edge_input: ``"none"``, or the same of ``edge_attr`` at the place of each edge.
        edge_channels: Edge categories or features.
        pe_dim: Columns of positional encodings ``data.pe``, which stand in place of the nodes.
        residual: Whether layers add a linear map of their input.

    Shapes:
        - ``data`` and result: as for :class:`GCN`, nodes of a graph behind each other

    Raises:
        InputError: A size below 1, an unknown choice, a batch that does not fit.

    Cost: for each graph time O(L d (15 d n^2 + n^3)), memory O(15 L d n^2).

    Example:
        >>> from types import SimpleNamespace
        >>> data = SimpleNamespace(x=torch.tensor([0, 2, 1]), edge_index=torch.tensor([[0], [1]]))
        >>> RingGNN(3, 8, 2)(data).shape
        torch.Size([3, 2])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 45,
        out_channels: int = 1,
        num_layers: int = 2,
        *,
        avg_nodes: float = 50.0,
        level: Level = "node",
        node_input: NodeInput = "embedding",
        edge_input: DenseEdgeInput = "none",
        edge_channels: int = 1,
        pe_dim: int = 0,
        residual: bool = False,
    ) -> None:
        super().__init__()
        width = self._build_input(
            in_channels,
            level=level,
            node_input=node_input,
            edge_input=edge_input,
            edge_channels=edge_channels,
            pe_dim=pe_dim,
        )
        d, layers = positive("hidden_channels", hidden_channels), positive("num_layers", num_layers)
        widths = [width] + [d] * layers
        self.equi_modulelist = nn.ModuleList(
            RingGNNLayer(a, b, avg_nodes=avg_nodes, residual=residual) for a, b in pairwise(widths)
        )
        joined = sum(widths) * (2 if level == "edge" else 1)
        self.prediction = MLPReadout(joined, positive("out_channels", out_channels))

    def _node_rows(self, matrix: Tensor) -> Tensor:
        found = [matrix.sum(2)]
        for layer in self.equi_modulelist:
            matrix = layer(matrix)
            found.append(matrix.sum(2))
        return torch.cat(found, 1)[0].t()

    def _one(self, matrix: Tensor) -> Tensor:
        return self._score(self._node_rows(matrix).sum(0, keepdim=True))

    def _score(self, rows: Tensor) -> Tensor:
        out: Tensor = self.prediction(rows)
        return out

    def _score_pairs(self, rows: Tensor, pairs: Tensor) -> Tensor:
        return self.prediction.of_pairs(rows, pairs)
