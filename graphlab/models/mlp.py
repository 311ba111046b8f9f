"""MLP: a multilayer perceptron that never looks at the edges; what a graph must improve on."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, cast

from torch import Tensor, nn

from graphlab.models._inputs import check_features, positive, probability
from graphlab.nn.sparse_linear import input_linear
from graphlab.ops.dropout import relu_dropout
from graphlab.registry import register_model

if TYPE_CHECKING:
    from torch.nn import Parameter

__all__ = ["MLP"]


@register_model(
    "mlp",
    tasks=("node",),
    paper="Baseline of Kipf and Welling 2017, arXiv 1609.02907",
    search={"hidden_channels": (16, 256, "log"), "num_layers": (1, 4), "dropout": (0.0, 0.9)},
    # Citation sets: width, dropout, rate, decay of the first layer, epochs and window of Kipf and
    # Welling 2017, section 5.2, whose code runs its MLP with them; see ``gcn.py``. Amazon and
    # Coauthor: Shchur et al. 2018, arXiv 1811.05868, config/optimized of the authors' code,
    # patience 50; at most 500 epochs here, 100000 there. The default is not sourced.
    presets={
        "default": {"recipe": {"weight_decay": {"first": 5e-4, "rest": 0.0}}},
        "cora, citeseer, pubmed": {
            "options": {"hidden_channels": 16, "dropout": 0.5},
            "recipe": {
                "lr": 0.01,
                "weight_decay": {"first": 5e-4, "rest": 0.0},
                "epochs": 200,
                "stop": "dagnn",
                "patience": 10,
            },
            "task": {"feature_norm": "row"},
        },
        "photo, computers, cs, physics": {
            "options": {"hidden_channels": 64, "dropout": 0.8},
            "recipe": {
                "lr": 0.005,
                "weight_decay": 0.01,
                "epochs": 500,
                "stop": "patience",
                "patience": 50,
            },
        },
        "debdeps": {  # chosen by validation loss, see benchmarks/suites/quick.toml
            "options": {"hidden_channels": 64, "dropout": 0.5},
            "recipe": {
                "lr": 0.01,
                "weight_decay": {"first": 5e-4, "rest": 0.0},
                "epochs": 400,
                "stop": "dagnn",
                "patience": 100,
            },
        },
    },
    sparse_input=True,
)
class MLP(nn.Module):
    r"""Multilayer perceptron on node features; edges are ignored.

    .. math:: \mathbf{H}^{(l+1)} = \mathrm{relu}\bigl(\mathrm{drop}(\mathbf{H}^{(l)})
        \mathbf{W}_l^\top + \mathbf{b}_l\bigr), \qquad \mathbf{H}^{(0)} = \mathbf{X}

    The last layer has no activation. Weights start as in :class:`torch.nn.Linear`. The state
    dictionary has the names of ``torch_geometric.nn.models.MLP`` without normalisation
    (``lins.0.weight`` ...).

    Args:
        in_channels: Features a node, :math:`F`.
        out_channels: Classes, :math:`C`.
        hidden_channels: Width of the hidden layers.
        num_layers: Linear layers; 1 is logistic regression.
        dropout: Dropout rate before every layer but the first.
        input_dropout: Dropout rate of the features; None: the same as ``dropout``.
        bias: Whether layers have a bias.

    Shapes:
        - ``x``: (n, F) float, dense or torch sparse (CSR, COO)
        - ``graph``: anything; not read
        - returns: logits (n, C)

    Raises:
        InputError: A size below 1, a rate outside [0, 1], features of another width.

    Cost: time O(nnz(x) h + n h^2), with sparse ``x`` in both directions.

    Example:
        >>> import torch
        >>> MLP(3, 2, hidden_channels=4)(torch.ones(5, 3)).shape
        torch.Size([5, 2])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        *,
        num_layers: int = 2,
        dropout: float = 0.5,
        input_dropout: float | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        widths = [positive("in_channels", in_channels)]
        hidden = positive("hidden_channels", hidden_channels)
        widths += [hidden] * (positive("num_layers", num_layers) - 1)
        widths.append(positive("out_channels", out_channels))
        self.in_channels, self.out_channels = in_channels, out_channels
        self.dropout = probability("dropout", dropout)
        self.input_dropout = (
            self.dropout if input_dropout is None else probability("input_dropout", input_dropout)
        )
        self.lins = nn.ModuleList(nn.Linear(a, b, bias=bias) for a, b in pairwise(widths))

    def reset_parameters(self) -> None:
        """Draw all weights anew, layer by layer, from torch's global generator."""
        for lin in self._layers():
            lin.reset_parameters()

    def parameter_groups(self) -> dict[str, list[Parameter]]:
        """Return ``first`` (the first layer) and ``rest``, for decay on the first layer alone."""
        return {
            "first": list(self.lins[0].parameters()),
            "rest": list(self.lins[1:].parameters()),
        }

    def forward(self, x: Tensor, graph: object = None, edge_weight: object = None) -> Tensor:
        """Return logits (n, C); ``graph`` and ``edge_weight`` are accepted and not read."""
        x = check_features(x, self.in_channels)
        first, *others = self._layers()
        h = input_linear(
            x, first.weight, first.bias, dropout=self.input_dropout, training=self.training
        )
        for lin in others:
            h = lin(relu_dropout(h, self.dropout, training=self.training))
        return h

    def _layers(self) -> list[nn.Linear]:
        return cast("list[nn.Linear]", list(self.lins))

    def extra_repr(self) -> str:
        """Show the rates beside the layers."""
        return f"dropout={self.dropout}, input_dropout={self.input_dropout}"
