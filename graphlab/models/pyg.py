"""PyG's own models as baselines: thin adapters, so that a baseline is the field's, not a copy.

``torch_geometric`` is imported when a model is built, not when this file is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graphlab.errors import InputError, MissingDependency
from graphlab.models._inputs import positive, probability
from graphlab.models._pyg_model import PyGModel, fill_degrees, first_given, norm_name, one_of, sizes
from graphlab.registry import register_model

if TYPE_CHECKING:
    from graphlab.graph import Graph

__all__ = ["PyGAPPNP", "PyGGAT", "PyGGCN", "PyGGIN", "PyGPNA", "PyGSAGE"]

# Sources of the presets; what has none says so. Left out: lr 0.01, 200 epochs, patience 100.
# [kipf2017]  arXiv 1609.02907, section 5.2; as in PyG's benchmark/citation, stopping is asked in
#     the second half of the epochs and the epoch of least validation loss is reported.
# [velickovic2018]  arXiv 1710.10903, section 3.3; at most 1000 epochs as in PyG's
#     benchmark/citation. The paper watches loss and accuracy, we the loss.
# [gasteiger2019]  arXiv 1810.05997, section 5, and the example of the authors' code, features as
#     stored; at most 1000 epochs here, 10000 there. Coauthor: alpha 0.2, as for MS Academic.
# [shchur2018]  arXiv 1811.05868, config/optimized of the authors' code; at most 500 epochs here,
#     100000 there. Their GAT drops 0.6 of the inputs and 0.3 of the attention, PyG's one rate.


@register_model(
    "pyg-gcn",
    tasks=("node",),
    paper="Kipf and Welling 2017, arXiv 1609.02907; torch_geometric.nn.models.GCN",
    search={"hidden_channels": (16, 256, "log"), "num_layers": (2, 4), "dropout": (0.0, 0.8)},
    presets={
        "default": {"recipe": {"weight_decay": 5e-4}},  # not sourced
        "cora, citeseer, pubmed": {  # [kipf2017]
            "options": {"hidden_channels": 16},
            "recipe": {
                "weight_decay": {"first": 5e-4, "rest": 0.0},
                "stop": "dagnn",
                "patience": 10,
            },
            "task": {"feature_norm": "row"},
        },
        "photo, computers, cs, physics": {  # [shchur2018]
            "options": {"dropout": 0.8},
            "recipe": {"weight_decay": 1e-3, "epochs": 500, "stop": "patience", "patience": 50},
        },
    },
)
class PyGGCN(PyGModel):
    """GCN of PyG: self-loops, symmetric normalisation.

    ``torch_geometric.nn.models.GCN`` [kipf2017]_; the normalised adjacency (PyG's ``gcn_norm``) is
    computed once a graph. The arguments are those of :class:`PyGModel`.
    """

    takes_edge_weight = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        *,
        num_layers: int = 2,
        dropout: float = 0.5,
        input_dropout: float | None = None,
        norm: Literal["none", "batch_norm", "layer_norm"] = "none",
    ) -> None:
        super().__init__(in_channels, out_channels, first_given(input_dropout, dropout))
        self.net = _pyg().models.GCN(
            *sizes(in_channels, hidden_channels, num_layers, out_channels),
            dropout=probability("dropout", dropout),
            norm=norm_name(norm),
            normalize=False,
        )

    def _run(self, x: Tensor, graph: Graph) -> Tensor:
        out: Tensor = self.net(x, *_normalised(graph, x.dtype))
        return out


@register_model(
    "pyg-gat",
    tasks=("node",),
    paper="Velickovic et al. 2018, arXiv 1710.10903; torch_geometric.nn.models.GAT",
    search={"hidden_channels": [16, 32, 64, 128], "heads": [1, 2, 4, 8], "dropout": (0.0, 0.8)},
    presets={
        "default": {  # [velickovic2018] with features as stored
            "recipe": {"lr": 0.005, "weight_decay": 5e-4, "epochs": 1000, "stop": "patience"},
        },
        "cora, citeseer": {  # [velickovic2018]
            "recipe": {"lr": 0.005, "weight_decay": 5e-4, "epochs": 1000, "stop": "patience"},
            "task": {"feature_norm": "row"},
        },
        "pubmed": {  # [velickovic2018]
            "options": {"output_heads": 8},
            "recipe": {"weight_decay": 1e-3, "epochs": 1000, "stop": "patience"},
            "task": {"feature_norm": "row"},
        },
        "photo, computers, cs, physics": {  # [shchur2018]
            "recipe": {"weight_decay": 0.01, "epochs": 500, "stop": "patience", "patience": 50},
        },
    },
)
class PyGGAT(PyGModel):
    """GAT of PyG: attention over neighbours and the node itself.

    ``torch_geometric.nn.models.GAT`` [velickovic2018]_; the last layer is a ``GATConv`` with a
    number of heads of its own, averaged, as in the paper (PyG's class alone uses ``heads`` there).
    Further arguments are those of :class:`PyGModel`.

    Args:
        hidden_channels: Width of the hidden layers, all heads together.
        heads: Attention heads of the hidden layers; divides ``hidden_channels``.
        output_heads: Attention heads of the last layer.
        dropout: Rate after each hidden layer and of the attention coefficients.
        v2: GATv2 (Brody et al. 2022) instead.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        *,
        num_layers: int = 2,
        heads: int = 8,
        output_heads: int = 1,
        dropout: float = 0.6,
        input_dropout: float | None = None,
        norm: Literal["none", "batch_norm", "layer_norm"] = "none",
        v2: bool = False,
    ) -> None:
        super().__init__(in_channels, out_channels, first_given(input_dropout, dropout))
        shape = sizes(in_channels, hidden_channels, num_layers, out_channels)
        if hidden_channels % positive("heads", heads):
            raise InputError(
                f"hidden_channels is {hidden_channels}, no multiple of heads = {heads}."
            )
        rate = probability("dropout", dropout)
        nets = _pyg()
        self.net = nets.models.GAT(
            *shape, dropout=rate, act="elu", norm=norm_name(norm), heads=heads, v2=v2
        )
        layer = nets.GATv2Conv if v2 else nets.GATConv
        self._layers("convs")[-1] = layer(
            in_channels if num_layers == 1 else hidden_channels,
            out_channels,
            heads=positive("output_heads", output_heads),
            concat=False,
            dropout=rate,
        )


@register_model(
    "pyg-sage",
    tasks=("node",),
    paper="Hamilton et al. 2017, arXiv 1706.02216; torch_geometric.nn.models.GraphSAGE",
    search={"hidden_channels": (16, 256, "log"), "num_layers": (2, 4), "dropout": (0.0, 0.8)},
    presets={"default": {"recipe": {"weight_decay": 5e-4}}},  # not sourced
)
class PyGSAGE(PyGModel):
    """GraphSAGE of PyG, over the whole neighbourhood.

    ``torch_geometric.nn.models.GraphSAGE``; further arguments are those of :class:`PyGModel`.

    Args:
        aggr: How neighbours are joined.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        *,
        num_layers: int = 2,
        dropout: float = 0.5,
        input_dropout: float = 0.0,
        norm: Literal["none", "batch_norm", "layer_norm"] = "none",
        aggr: Literal["mean", "max", "sum"] = "mean",
    ) -> None:
        super().__init__(in_channels, out_channels, input_dropout)
        self.net = _pyg().models.GraphSAGE(
            *sizes(in_channels, hidden_channels, num_layers, out_channels),
            dropout=probability("dropout", dropout),
            norm=norm_name(norm),
            aggr=one_of("aggr", aggr, ("mean", "max", "sum")),
        )


@register_model(
    "pyg-gin",
    tasks=("node",),
    paper="Xu et al. 2019, arXiv 1810.00826; torch_geometric.nn.models.GIN",
    search={"hidden_channels": (16, 256, "log"), "num_layers": (2, 4), "dropout": (0.0, 0.8)},
    presets={"default": {"recipe": {"weight_decay": 5e-4}}},  # not sourced
)
class PyGGIN(PyGModel):
    """GIN of PyG: sum of neighbours, then a two-layer MLP.

    ``torch_geometric.nn.models.GIN``; further arguments are those of :class:`PyGModel`.

    Args:
        norm: Normalisation inside each MLP and after each hidden convolution.
        train_eps: Learn the weight of a node's own features.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        *,
        num_layers: int = 2,
        dropout: float = 0.5,
        input_dropout: float = 0.0,
        norm: Literal["none", "batch_norm", "layer_norm"] = "none",
        train_eps: bool = False,
    ) -> None:
        super().__init__(in_channels, out_channels, input_dropout)
        self.net = _pyg().models.GIN(
            *sizes(in_channels, hidden_channels, num_layers, out_channels),
            dropout=probability("dropout", dropout),
            norm=norm_name(norm),
            train_eps=train_eps,
        )


@register_model(
    "pyg-pna",
    tasks=("node",),
    paper="Corso et al. 2020, arXiv 2004.05718; torch_geometric.nn.models.PNA",
    search={"hidden_channels": (16, 128, "log"), "num_layers": (2, 4), "dropout": (0.0, 0.8)},
    presets={"default": {"recipe": {"weight_decay": 5e-4}}},  # not sourced
)
class PyGPNA(PyGModel):
    """PNA of PyG: mean, max, min and deviation of neighbours under degree scalers.

    ``torch_geometric.nn.models.PNA``; arguments are those of :class:`PyGModel`. The scalers need
    the mean (log-)degree of the training graph: it is taken from the first graph that the model
    sees and kept in the state dictionary, so a trained model brings it along. Features are first
    mapped to ``hidden_channels``, because PNA's messages have the width of its input for every
    edge, which bags of words do not allow.
    """

    degrees_known: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 32,
        *,
        num_layers: int = 2,
        dropout: float = 0.5,
        input_dropout: float = 0.0,
        norm: Literal["none", "batch_norm", "layer_norm"] = "none",
    ) -> None:
        super().__init__(in_channels, out_channels, input_dropout)
        shape = sizes(hidden_channels, hidden_channels, num_layers, out_channels)
        nets = _pyg()
        self.lin = nn.Linear(in_channels, hidden_channels)
        self.net = nets.models.PNA(
            *shape,
            dropout=probability("dropout", dropout),
            norm=norm_name(norm),
            aggregators=["mean", "min", "max", "std"],
            scalers=["identity", "amplification", "attenuation"],
            deg=torch.tensor([0, 1]),  # stands in until a graph is seen
        )
        self.register_buffer("degrees_known", torch.tensor(False))

    def reset_parameters(self) -> None:
        """Draw all weights anew and forget the degrees."""
        self.lin.reset_parameters()
        super().reset_parameters()
        self.degrees_known.fill_(False)

    def _first_layer(self) -> nn.Module:
        return self.lin

    def _run(self, x: Tensor, graph: Graph) -> Tensor:
        if not bool(self.degrees_known):
            fill_degrees(self._layers("convs"), graph)
            self.degrees_known.fill_(True)
        return super()._run(F.relu(self.lin(x)), graph)


@register_model(
    "pyg-appnp",
    tasks=("node",),
    paper="Gasteiger et al. 2019, arXiv 1810.05997; torch_geometric.nn.APPNP",
    search={"hidden_channels": (16, 256, "log"), "alpha": (0.05, 0.3), "dropout": (0.0, 0.8)},
    presets={
        "default": {  # [gasteiger2019]
            "recipe": {
                "weight_decay": {"first": 5e-3, "rest": 0.0},
                "epochs": 1000,
                "stop": "patience",
            },
        },
        "cs, physics": {  # [gasteiger2019]
            "options": {"alpha": 0.2},
            "recipe": {
                "weight_decay": {"first": 5e-3, "rest": 0.0},
                "epochs": 1000,
                "stop": "patience",
            },
        },
    },
)
class PyGAPPNP(PyGModel):
    """APPNP of PyG: an MLP, then personalised PageRank in K steps.

    ``torch_geometric.nn.models.MLP`` and ``torch_geometric.nn.APPNP`` [gasteiger2019]_. The
    normalised adjacency (PyG's ``gcn_norm``) is computed once a graph. Edges are not dropped, as
    in the authors' example. Further arguments are those of :class:`PyGModel`.

    Args:
        K: Propagation steps.
        alpha: Probability of teleporting back.
        bias: Whether the layers have a bias; the authors' have none.
    """

    takes_edge_weight = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        *,
        num_layers: int = 2,
        K: int = 10,
        alpha: float = 0.1,
        dropout: float = 0.5,
        input_dropout: float | None = None,
        bias: bool = False,
    ) -> None:
        super().__init__(in_channels, out_channels, first_given(input_dropout, dropout))
        nets = _pyg()
        inner, hidden, layers, outer = sizes(in_channels, hidden_channels, num_layers, out_channels)
        self.net = nets.models.MLP(
            [inner, *[hidden] * (layers - 1), outer],
            dropout=probability("dropout", dropout),
            norm=None,
            bias=bias,
        )
        self.propagate = nets.APPNP(
            positive("K", K, least=0), probability("alpha", alpha), normalize=False
        )

    def _first_layer(self) -> nn.Module:
        return self._layers("lins")[0]

    def _run(self, x: Tensor, graph: Graph) -> Tensor:
        out: Tensor = self.propagate(self.net(x), *_normalised(graph, x.dtype))
        return out


def _pyg() -> Any:  # noqa: ANN401  (the module torch_geometric.nn, with its untyped classes)
    try:
        import torch_geometric.nn
    except ImportError as error:
        raise MissingDependency(
            f"PyG's models need torch_geometric ({error}). Run: pip install torch-geometric"
        ) from error
    return torch_geometric.nn


def _normalised(graph: Graph, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return PyG's GCN normalisation of a graph, computed once (weights that learn: each time)."""
    from torch_geometric.nn.conv.gcn_conv import gcn_norm

    weight = None if graph.edge_weight is None else graph.edge_weight.to(dtype)

    def build() -> tuple[Tensor, Tensor]:
        result: tuple[Tensor, Tensor] = gcn_norm(
            graph.edge_index, weight, graph.num_nodes, dtype=dtype
        )
        return result

    if weight is not None and weight.requires_grad:
        return build()
    return graph.cached(f"pyg gcn_norm {dtype}", build)
