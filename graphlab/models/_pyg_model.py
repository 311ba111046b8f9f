"""What the adapters of PyG's models share; PyG itself is imported in ``pyg.py`` alone."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph
from graphlab.models._inputs import check_features, positive, probability

if TYPE_CHECKING:
    from torch.nn import Parameter

__all__ = ["PyGModel", "fill_degrees", "first_given", "norm_name", "one_of", "sizes"]


class PyGModel(nn.Module):
    """A model of PyG behind our interface: any graph and feature layout in, logits out.

    The arguments that all adapters have, with the meaning they have in PyG:

    Args:
        in_channels: Features a node.
        out_channels: Classes.
        hidden_channels: Width of the hidden layers.
        num_layers: Layers; convolutions, except in APPNP.
        dropout: Dropout rate after each hidden layer.
        input_dropout: Dropout rate of the features, which PyG's classes do not have; where it may
            be None, that means the same as ``dropout``.
        norm: Normalisation after each hidden layer (APPNP: none).

    Shapes:
        - ``x``: (n, F) float, dense or torch sparse (made dense)
        - ``graph``: any graph of n nodes; ``edge_weight``: (m,), for GCN and APPNP alone
        - returns: logits (n, C)

    Raises:
        MissingDependency: torch_geometric is not installed.
        InputError: A size below 1, a rate outside [0, 1]; features of another width, a graph of
            another size, weights for a model that takes none.
    """

    net: nn.Module
    takes_edge_weight = False

    def __init__(self, in_channels: int, out_channels: int, input_dropout: float) -> None:
        super().__init__()
        self.in_channels = positive("in_channels", in_channels)
        self.out_channels = positive("out_channels", out_channels)
        self.input_dropout = probability("input_dropout", input_dropout)

    def reset_parameters(self) -> None:
        """Draw all weights anew from torch's global generator."""
        self.net.reset_parameters()  # type: ignore[operator]  # every PyG model has it

    def parameter_groups(self) -> dict[str, list[Parameter]]:
        """Return ``first`` (the first layer) and ``rest``, for decay on the first layer alone."""
        first = list(self._first_layer().parameters())
        known = {id(p) for p in first}
        return {"first": first, "rest": [p for p in self.parameters() if id(p) not in known]}

    def forward(self, x: Tensor, graph: Any, edge_weight: Tensor | None = None) -> Tensor:  # noqa: ANN401
        """Return logits (n, C).

        Args:
            x: Node features (n, F); sparse ones are made dense, as PyG's layers want them.
            graph: Whatever :func:`graphlab.graph.as_graph` takes.
            edge_weight: Weights of the entries, for the models that take them.

        Raises:
            InputError: A wrong graph or width, or weights for a model that takes none.
        """
        x = check_features(x, self.in_channels)
        if edge_weight is not None and not self.takes_edge_weight:
            raise InputError(f"{type(self).__name__} takes no edge weights; leave edge_weight out.")
        found = as_graph(graph, x.shape[0], edge_weight=edge_weight)
        if found.edge_weight is not None and not self.takes_edge_weight:
            warnings.warn(f"{type(self).__name__} ignores the weights of the graph.", stacklevel=2)
        if found.num_nodes == 0:  # some of PyG's layers cannot reduce over no nodes
            return x.new_zeros((0, self.out_channels))
        x = x if x.layout == torch.strided else x.to_dense()
        return self._run(F.dropout(x, self.input_dropout, self.training), found)

    def _first_layer(self) -> nn.Module:
        return self._layers("convs")[0]

    def _layers(self, name: str) -> nn.ModuleList:
        layers: nn.ModuleList = getattr(self.net, name)
        return layers

    def _run(self, x: Tensor, graph: Graph) -> Tensor:
        out: Tensor = self.net(x, graph.edge_index)
        return out


def fill_degrees(convs: nn.ModuleList, graph: Graph) -> None:
    """Give the scalers of PNA's convolutions the mean degree and log-degree of a graph."""
    degree = torch.bincount(graph.edge_index[1], minlength=graph.num_nodes).double()
    for conv in convs:
        scaler: Any = conv.aggr_module  # PyG's DegreeScalerAggregation
        # without any edge the means are 0 and would be divided by
        scaler.avg_deg_lin.fill_(float(degree.mean()) or 1.0)
        scaler.avg_deg_log.fill_(float((degree + 1).log().mean()) or 1.0)


def sizes(inner: int, hidden: int, layers: int, outer: int) -> tuple[int, int, int, int]:
    """Return the positional arguments that PyG's models share, checked."""
    return inner, positive("hidden_channels", hidden), positive("num_layers", layers), outer


def first_given(rate: float | None, default: float) -> float:
    """Return a rate, or the default where it is None."""
    return default if rate is None else rate


def norm_name(name: str) -> str | None:
    """Return PyG's name of a normalisation; None for ``"none"``."""
    return None if one_of("norm", name, ("none", "batch_norm", "layer_norm")) == "none" else name


def one_of(argument: str, value: str, choices: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``choices``; InputError names them otherwise."""
    if value not in choices:
        raise InputError(f"{argument} is {value!r}, expected one of {', '.join(choices)}.")
    return value
