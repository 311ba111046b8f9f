"""Encoders of link predictors: node features and a graph in, one row a node out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.nn._encoder_checks import checked_features, checked_ids, rate, size
from graphlab.nn._link_convs import CONVS, LINEAR, neighbors_of
from graphlab.nn.sparse_linear import input_linear
from graphlab.ops.csr import WeakCache
from graphlab.ops.dropout import dropout, relu_dropout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.graph import Graph

__all__ = ["Conv", "LinkEncoder", "load_reference"]

Conv = Literal["puregcn", "puresum", "puremean", "puremax", "gcn", "sage", "gin", "max"]


class LinkEncoder(nn.Module):
    r"""Encoder of *Neural Common Neighbor with Completion for Link Prediction* [wang2024]_.

    Convolutions named ``pure...`` have no weights: a linear layer comes first, then sums over
    neighbours, without activation. With :math:`s_i = (1 + \sum_j w_{ij})^{-1/2}`:

    .. math:: \text{puregcn}: \quad \mathbf{o}_i = s_i \Bigl(\sum_j w_{ij} s_j \mathbf{x}_j
        + s_i \mathbf{x}_i\Bigr)

    ``puresum``, ``puremean`` and ``puremax`` take neighbours alone; a node without neighbours gets
    0. ``gcn`` is a linear layer, then the sum of ``puregcn``, then a bias; ``sage``, ``gin`` and
    ``max`` are a linear layer, the mean, sum or maximum over neighbours alone, then a bias (names
    of the authors' code; none is the layer of the paper of that name). After these come layer
    normalisation, dropout and relu, except behind the last of several layers.

    Edge dropout keeps each stored direction of an edge on its own, anew in every layer.

    Args:
        in_channels: Features a node, D; 0 with ``num_ids``.
        hidden_channels: Width F of the result.
        conv: Kind of convolution.
        num_layers: Convolutions; 0 is a linear layer alone.
        jk: Return the sum of all layers' results, each times a free scalar, instead of the last.
        residual: Add a layer's input to its result, where they are equally wide.
        layer_norm: Layer normalisation; without effect on ``pure...``.
        input_dropout: Dropout rate of the features.
        dropout: Dropout rate behind the linear layer or the embedding, and behind layers.
        tail_dropout: Dropout rate behind the last ``pure...`` layer.
        edge_dropout: Dropout rate of edge entries.
        num_ids: Learn an embedding of this many node ids in place of features.
        precompute: Propagate the features once and keep the result, for ``puregcn``, ``puresum``
            and ``puremean`` without edge dropout: the linear layer then comes last. Equal in
            evaluation; in training, dropout acts behind the propagation instead of before it.

    Shapes:
        - ``x``: (n, D) float, dense or torch sparse (CSR, COO); with ``num_ids`` (n,) integers,
          or None for the ids 0 to n - 1
        - ``graph``: any graph of n nodes; taken as undirected, without loops, each edge once
        - returns: (n, F)

    Raises:
        InputError: A size or rate out of range, an unknown ``conv``, features of another width.

    Cost: time O(nnz(x) F + L m F), plus O(L n F²) for convolutions with weights; no tensor with a
    row an edge.

    Example:
        >>> encoder = LinkEncoder(3, 8, "puregcn", num_layers=2)
        >>> encoder(torch.ones(5, 3), torch.tensor([[0, 1], [1, 2]])).shape
        torch.Size([5, 8])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        conv: Conv = "puregcn",
        num_layers: int = 1,
        *,
        jk: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
        input_dropout: float = 0.0,
        dropout: float = 0.0,
        tail_dropout: float = 0.0,
        edge_dropout: float = 0.0,
        num_ids: int | None = None,
        precompute: bool = False,
    ) -> None:
        super().__init__()
        if conv not in CONVS:
            raise InputError(f"conv is {conv!r}, expected one of {', '.join(CONVS)}.")
        self.in_channels = size("in_channels", in_channels, least=0 if num_ids else 1)
        self.hidden_channels = size("hidden_channels", hidden_channels)
        self.num_layers = size("num_layers", num_layers, least=0)
        self.num_ids = None if num_ids is None else size("num_ids", num_ids)
        self.conv, self.residual, self.precompute = conv, residual, precompute
        self.pure = conv.startswith("pure")
        self.input_dropout = rate("input_dropout", input_dropout)
        self.dropout = rate("dropout", dropout)
        self.tail_dropout = rate("tail_dropout", tail_dropout)
        self.edge_dropout = rate("edge_dropout", edge_dropout)
        if precompute and (conv not in LINEAR or edge_dropout > 0 or num_ids is not None):
            raise InputError(
                f"precompute=True needs features, conv of {', '.join(LINEAR)} and edge_dropout=0 "
                f"(got conv={conv!r}, edge_dropout={edge_dropout}, num_ids={num_ids})."
            )
        width = hidden_channels
        # positions of the learnable parts are those of the authors' code, so that weights load
        if self.num_ids is not None:
            self.xemb = nn.Sequential(nn.Embedding(self.num_ids, width))
        elif self.pure or num_layers == 0:
            self.xemb = nn.Sequential(nn.Identity(), nn.Linear(in_channels, width))
        else:
            self.xemb, width = nn.Sequential(nn.Identity()), in_channels
        self.convs, self.lins = nn.ModuleList(), nn.ModuleList()
        for layer in range(0 if self.pure else num_layers):
            self.convs.append(_Weights(width, hidden_channels))
            width = hidden_channels
            norm = layer_norm and (layer + 1 < num_layers or num_layers == 1)
            self.lins.append(nn.Sequential(nn.LayerNorm(width)) if norm else nn.Sequential())
        self.jkparams = nn.Parameter(torch.randn(num_layers)) if jk and num_layers else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew from torch's global generator."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.LayerNorm | _Weights):
                module.reset_parameters()
            elif isinstance(module, nn.Embedding):
                nn.init.orthogonal_(module.weight)
        if self.jkparams is not None:
            nn.init.normal_(self.jkparams)

    def load_reference_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load weights under the names of the authors' code.

        Names that this module does not have, and buffers, are passed over.

        Raises:
            InputError: A parameter of this module is missing, or has another shape.
        """
        load_reference(self, state)

    def forward(self, x: Tensor | None, graph: Any) -> Tensor:  # noqa: ANN401  (what as_graph takes)
        """Return one row a node."""
        rows = None if x is None else x.shape[0]
        structure = as_graph(graph, self.num_ids if rows is None else rows)
        if self.precompute and x is not None:
            return self._late_weights(checked_features(x, self.in_channels), structure)
        h, first = self._start(x)
        found: list[Tensor] = []
        for layer in range(self.num_layers):
            near = neighbors_of(structure, h.dtype, self._edge_rate())
            z = first if first is not None else self._weighted(layer, h)
            first = None
            z = self._tail(layer, CONVS[self.conv](z, near))
            h = z + h if self.residual and h.shape == z.shape and h.layout == z.layout else z
            found.append(h)
        if self.jkparams is None:
            return h
        if len(found) == 1:
            return found[0] * self.jkparams
        return torch.stack(found, -1) @ self.jkparams

    def _edge_rate(self) -> float:
        return self.edge_dropout if self.training else 0.0

    def _start(self, x: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return what the first layer starts from, and its product with weights if it has some.

        Sparse features are multiplied where they enter, never made dense.
        """
        if self.num_ids is not None:
            table = cast("Tensor", self.xemb[0].weight)
            given = table if x is None else table.index_select(0, checked_ids(x, table.shape[0]))
            return dropout(given, self.dropout, training=self.training), None
        x = checked_features(x, self.in_channels)
        if self.pure or self.num_layers == 0:
            linear = cast("nn.Linear", self.xemb[1])
            h = self._enter(x, linear.weight, linear.bias)
            return dropout(h, self.dropout, training=self.training), None
        weight = self._conv(0).lin.weight
        if x.layout == torch.strided:
            x = dropout(x, self.input_dropout, training=self.training)
            return x, x @ weight.t()
        if self.residual and self.in_channels == self.hidden_channels:
            return self._start(x.to_dense())
        return x, self._enter(x, weight, None)

    def _enter(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        rate = self.input_dropout
        return input_linear(x, weight, bias, dropout=rate, training=self.training)

    def _weighted(self, layer: int, h: Tensor) -> Tensor:
        if self.pure:
            return h
        weighted: Tensor = self._conv(layer).lin(h)
        return weighted

    def _conv(self, layer: int) -> _Weights:
        return cast("_Weights", self.convs[layer])

    def _tail(self, layer: int, z: Tensor) -> Tensor:
        last = layer + 1 == self.num_layers
        if self.pure:
            rate = self.tail_dropout if last else 0.0
            return dropout(z, rate, training=self.training)
        z = z + self._conv(layer).bias
        if last and self.num_layers > 1:
            return z
        return relu_dropout(self.lins[layer](z), self.dropout, training=self.training)

    def _late_weights(self, x: Tensor, graph: Graph) -> Tensor:
        """Propagate features once, then apply the linear layer: everything is linear in it."""
        linear = cast("nn.Linear", self.xemb[1])
        layers = self._propagated(x, graph)
        if self.jkparams is None:
            signal, ones = layers[-1]
        else:
            weights = self.jkparams.unbind()
            pairs = list(zip(weights, layers[1:], strict=True))
            signal = sum((w * z for w, (z, _) in pairs), layers[0][0].new_zeros(()))
            ones = sum((w * t for w, (_, t) in pairs), layers[0][0].new_zeros(()))
        signal = dropout(signal, self.input_dropout, training=self.training)
        h = signal @ linear.weight.t() + ones[:, None] * linear.bias
        rate = 1 - (1 - self.dropout) * (1 - self.tail_dropout)
        return dropout(h, rate, training=self.training)

    def _propagated(self, x: Tensor, graph: Graph) -> list[tuple[Tensor, Tensor]]:
        def build() -> list[tuple[Tensor, Tensor]]:
            with torch.no_grad():
                z = x if x.layout == torch.strided else x.to_dense()
                both = torch.cat([z, z.new_ones((z.shape[0], 1))], 1)
                near = neighbors_of(graph, z.dtype, 0.0)
                result = [both]
                for _ in range(self.num_layers):
                    moved = CONVS[self.conv](result[-1], near)
                    result.append(moved + result[-1] if self.residual else moved)
                return [(both[:, :-1], both[:, -1]) for both in result]

        key = f"link.propagated.{self.conv}.{self.num_layers}.{self.residual}"
        return graph.cached(key, WeakCache).get(x, build)

    def extra_repr(self) -> str:
        """Return what the representation shows."""
        return (
            f"{self.in_channels}, {self.hidden_channels}, {self.conv!r}, "
            f"num_layers={self.num_layers}"
        )


class _Weights(nn.Module):
    """Weights of a convolution: a linear layer without bias, and a bias that comes later."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.lin = nn.Linear(in_channels, out_channels, bias=False)
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def reset_parameters(self) -> None:
        """Draw Glorot-uniform weights; the bias is 0."""
        nn.init.xavier_uniform_(self.lin.weight)
        nn.init.zeros_(self.bias)


def load_reference(module: nn.Module, state: Mapping[str, Any], *, skip: str | None = None) -> None:
    """Load weights by name; names that the module does not have are passed over.

    Args:
        module: Its parameters are overwritten.
        state: Tensors or arrays by name.
        skip: Parameters whose names start so are left alone.

    Raises:
        InputError: A parameter of the module is missing, or has another shape.
    """
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if skip is not None and name.startswith(skip):
                continue
            if name not in state:
                raise InputError(f"the state dictionary has no {name!r}.")
            value = torch.as_tensor(state[name])
            if value.shape != parameter.shape:
                raise InputError(
                    f"{name} has shape {tuple(value.shape)} in the state dictionary, expected "
                    f"{tuple(parameter.shape)}: the options differ from those of the weights."
                )
            parameter.copy_(value)
