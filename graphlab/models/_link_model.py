"""What link predictors of this package share: an encoder, small networks, loading, groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.models._inputs import positive, probability
from graphlab.nn.encoders import Conv, LinkEncoder, load_reference
from graphlab.ops.dropout import relu_dropout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.graph import Graph

__all__ = ["LinkModel", "PairModel", "ReluDropout", "join_mlp", "pair_mlp", "pool_mlp"]

_ENCODER_NAMES = ("xemb.", "convs.", "lins.", "jkparams")
# Features of the sets that presets are named after; a negative number counts node ids instead.
_WIDTHS = {
    "cora": 1433,
    "citeseer": 3703,
    "pubmed": 500,
    "ogbl-collab": 128,
    "ogbl-ppa": 58,
    "ogbl-citation2": 128,
    "ogbl-ddi": -4267,
    "debdeps": 1500,
}


class PairModel(nn.Module):
    """An encoder of nodes, and a predictor of node pairs that subclasses define.

    Args:
        encoder: Called with features and a graph.
        hidden_channels: Width of its rows.
        num_ids: Number of node ids that it learns, in place of features.
    """

    def __init__(self, encoder: nn.Module, hidden_channels: int, num_ids: int | None) -> None:
        super().__init__()
        self.hidden_channels, self.num_ids = hidden_channels, num_ids
        self.encoder = encoder

    @classmethod
    def from_preset(cls, name: str, in_channels: int | None = None, **options: Any) -> Self:  # noqa: ANN401
        """Build the model with the hyper-parameters of a data set.

        Args:
            name: Data set, such as ``"cora"``; see ``graphlab-bench show model/NAME``.
            in_channels: Features a node; default: those of the data set.
            options: Constructor arguments that replace the preset's.

        Raises:
            InputError: There is no preset of this name.
        """
        from graphlab.registry import find_model, nearest, normalise_name

        card = find_model(cls.graphlab_name)  # type: ignore[attr-defined]
        key = normalise_name(name)
        if key not in card.presets or key not in _WIDTHS:
            known = [preset for preset in card.presets if preset in _WIDTHS]
            near = nearest(key, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise InputError(
                f"{name!r} is not a preset of {cls.__name__} ({', '.join(known)}).{hint}"
            )
        width = _WIDTHS[key] if in_channels is None else in_channels
        sizes = {"in_channels": max(width, 0)} | ({"num_ids": -width} if width < 0 else {})
        return cls(**{**sizes, **card.preset(key)["options"], **options})

    def reset_parameters(self) -> None:
        """Draw all weights anew from torch's global generator: encoder, then predictor."""
        cast("Any", self.encoder).reset_parameters()
        for name, child in self.named_children():
            if name != "encoder":
                for module in child.modules():
                    if isinstance(module, nn.Linear | nn.LayerNorm):
                        module.reset_parameters()

    def encode(self, x: Tensor | None, graph: Any) -> Tensor:  # noqa: ANN401  (what as_graph takes)
        """Return one row a node.

        Args:
            x: Features (n, D), dense or torch sparse; with ``num_ids`` integer ids, or None.
            graph: Any graph of n nodes.

        Shapes:
            - returns: (n, F)
        """
        out: Tensor = self.encoder(x, graph)
        return out

    def score(self, h: Tensor, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        """Return one logit a pair.

        Args:
            h: Rows of all nodes, from :meth:`encode`.
            graph: The graph that common neighbours are taken from.
            pairs: Nodes i and j of each candidate link.

        Shapes:
            - ``h``: (n, F); ``pairs``: (2, B) int64; returns: (B,)
        """
        raise NotImplementedError

    def forward(self, x: Tensor | None, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        """Encode all nodes and return one logit a pair, (B,)."""
        structure = as_graph(graph, self.num_ids if x is None else x.shape[0])
        return self.score(self.encode(x, structure), structure, pairs)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters that have learning rates of their own."""
        groups: dict[str, list[nn.Parameter]] = {"encoder": [], "predictor": []}
        for name, parameter in self.named_parameters():
            if parameter.requires_grad:
                groups["encoder" if name.startswith("encoder.") else "predictor"].append(parameter)
        return groups

    def _checked(self, h: Tensor, graph: Any, pairs: Any) -> tuple[Graph, Tensor]:  # noqa: ANN401
        """Return graph and pairs as the predictors want them."""
        if h.dim() != 2 or h.shape[1] != self.hidden_channels:
            raise InputError(f"h has shape {tuple(h.shape)}, expected (n, {self.hidden_channels}).")
        if not isinstance(pairs, Tensor):
            pairs = torch.as_tensor(pairs)
        if pairs.numel() == 0:
            pairs = pairs.reshape(2, -1).long()
        if pairs.dim() != 2 or pairs.shape[0] != 2 or pairs.is_floating_point():
            raise InputError(
                f"pairs is {pairs.dtype} of shape {tuple(pairs.shape)}, expected integers (2, B)."
            )
        n = h.shape[0]
        if pairs.numel() and not 0 <= int(pairs.min()) <= int(pairs.max()) < n:
            worst = int(pairs.max()) if int(pairs.max()) >= n else int(pairs.min())
            raise InputError(f"pairs holds node {worst}, but h has {n} rows (ids 0..{n - 1}).")
        return as_graph(graph, n), pairs.to(h.device).long()


class LinkModel(PairModel):
    """A :class:`PairModel` with the encoder of NCN.

    Args:
        in_channels: Features a node; 0 with ``num_ids``.
        hidden_channels: Width of nodes and of all layers.
        conv: Convolution of the encoder.
        num_layers: Convolutions.
        jk: See :class:`graphlab.nn.LinkEncoder`, also for what follows.
        residual: Likewise.
        layer_norm: Layer normalisation in encoder and predictor.
        dropout: Dropout rate of the predictor.
        edge_dropout: Rate at which the predictor's entries of the graph are dropped.
        input_dropout: Dropout rate of the features.
        encoder_dropout: Dropout rate inside the encoder.
        tail_dropout: Dropout rate behind the encoder's last ``pure...`` layer.
        encoder_edge_dropout: Rate at which the encoder's entries of the graph are dropped.
        num_ids: Number of learnt node ids, in place of features.
        one_hot_ids: Features are one-hot: learn an embedding of the position of the one.
        precompute: Propagate features once.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        conv: Conv,
        *,
        num_layers: int,
        jk: bool,
        residual: bool,
        layer_norm: bool,
        dropout: float,
        edge_dropout: float,
        input_dropout: float,
        encoder_dropout: float,
        tail_dropout: float,
        encoder_edge_dropout: float,
        num_ids: int | None,
        one_hot_ids: bool,
        precompute: bool,
    ) -> None:
        if one_hot_ids:
            num_ids = positive("in_channels", in_channels)
        encoder = LinkEncoder(
            in_channels,
            hidden_channels,
            conv,
            num_layers,
            jk=jk,
            residual=residual,
            layer_norm=layer_norm,
            input_dropout=input_dropout,
            dropout=encoder_dropout,
            tail_dropout=tail_dropout,
            edge_dropout=encoder_edge_dropout,
            num_ids=num_ids,
            precompute=precompute,
        )
        super().__init__(encoder, hidden_channels, num_ids)
        self.in_channels, self.one_hot_ids = in_channels, one_hot_ids
        self.dropout = probability("dropout", dropout)
        self.edge_dropout = probability("edge_dropout", edge_dropout)

    def encode(self, x: Tensor | None, graph: Any) -> Tensor:  # noqa: ANN401  (what as_graph takes)
        """Return one row a node, (n, F); see :meth:`PairModel.encode`."""
        if self.one_hot_ids and x is not None and x.is_floating_point():
            x = (x if x.layout == torch.strided else x.to_dense()).argmax(1)
        return super().encode(x, graph)

    def load_reference_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load weights under the names of the authors' code: of a predictor, an encoder, or both.

        Names that this model does not have, and buffers, are passed over.

        Raises:
            InputError: A parameter of the model is missing, or has another shape.
        """
        encoder = {name: v for name, v in state.items() if name.startswith(_ENCODER_NAMES)}
        if encoder:
            load_reference(self.encoder, encoder)
        rest = {name: v for name, v in state.items() if not name.startswith(_ENCODER_NAMES)}
        if not rest and encoder:
            return
        load_reference(self, rest, skip="encoder.")


class ReluDropout(nn.Module):
    """Relu and dropout in one pass; in which order makes no difference."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Return x, negative numbers set to 0, the others dropped at rate p in training."""
        return relu_dropout(x, self.p, training=self.training)

    def extra_repr(self) -> str:
        """Return what the representation shows."""
        return f"p={self.p}"


# The authors' code builds these three with modules for dropout and activation in between; the
# identities keep the positions, so that weights load under their names.


def pool_mlp(
    width: int, dropout: float, *, layer_norm: bool, end: bool = False, first: int | None = None
) -> nn.Sequential:
    """Return the network of pooled or single nodes; ``end`` adds a last linear layer."""
    return nn.Sequential(
        nn.Linear(width if first is None else first, width),
        nn.Identity(),
        ReluDropout(dropout),
        nn.Linear(width, width),
        _norm(width, layer_norm=layer_norm),
        nn.Identity(),
        ReluDropout(dropout),
        nn.Linear(width, width) if end else nn.Identity(),
    )


def pair_mlp(width: int, dropout: float, *, layer_norm: bool, end: bool = False) -> nn.Sequential:
    """Return the network of products of two nodes."""
    return nn.Sequential(
        nn.Linear(width, width),
        _norm(width, layer_norm=layer_norm),
        nn.Identity(),
        ReluDropout(dropout),
        nn.Linear(width, width) if end else nn.Identity(),
    )


def join_mlp(width: int, dropout: float, *, layer_norm: bool, two_layer: bool) -> nn.Sequential:
    """Return the network from the sum of all parts to one logit."""
    more: list[nn.Module] = [nn.Identity() for _ in range(4)]
    if two_layer:
        more = [
            nn.Linear(width, width),
            _norm(width, layer_norm=layer_norm),
            nn.Identity(),
            ReluDropout(dropout),
        ]
    return nn.Sequential(
        nn.Linear(width, width),
        _norm(width, layer_norm=layer_norm),
        nn.Identity(),
        ReluDropout(dropout),
        *more,
        nn.Linear(width, 1),
    )


def _norm(width: int, *, layer_norm: bool) -> nn.Module:
    return nn.LayerNorm(width) if layer_norm else nn.Identity()
