"""GCN and SAGE link predictors of the paper on topological concentration, to be re-weighted."""

from __future__ import annotations

from graphlab.models._inputs import positive, probability
from graphlab.models._weighted_link import WeightedLinkModel, product_mlp
from graphlab.nn.weighted_encoders import WeightedEncoder
from graphlab.registry import register_model

__all__ = ["TCGCN", "TCSAGE"]


# The authors' recipe: Adam at 0.001, 1000 epochs, evaluated after each, gradient norms clipped at 1
# for encoder and predictor apart. The task's loss is twice theirs, so the bound is 2 here. Presets
# take ten times the rate for a tenth of the epochs, evaluated every fifth: at 0.001, plain GCN on
# Cora is not yet at its best after 300 epochs. For the authors' own, set lr = 0.001, epochs = 1000
# and eval_every = 1.
@register_model(
    "tc-gcn",
    tasks=("link",),
    paper="Wang et al. 2024, arXiv 2310.04612; Kipf and Welling 2017, arXiv 1609.02907",
    search={"hidden_channels": (64, 512, "log"), "dropout": (0.0, 0.7)},
    presets={
        "default": {
            "recipe": {
                "lr": 0.01,
                "epochs": 100,
                "eval_every": 5,
                "clip_norm": 2.0,
                "monitor": "metric",
            },
            "task": {"batch_size": 1152, "target_link_removal": False},
        },
        "cora, citeseer": {
            "options": {"hidden_channels": 256},
            "recipe": {
                "lr": 0.01,
                "epochs": 100,
                "eval_every": 5,
                "clip_norm": 2.0,
                "monitor": "hits@100",
            },
            "task": {"batch_size": 1152, "target_link_removal": False, "feature_norm": "row"},
        },
    },
    sparse_input=True,
)
class TCGCN(WeightedLinkModel):
    r"""GCN and a network of products, base pipeline of *A Topological Perspective* [wang2024tc]_.

    .. math:: s_{ij} = \mathrm{MLP}(\mathbf h_i \odot \mathbf h_j)

    with :math:`\mathbf h` of :class:`graphlab.nn.WeightedEncoder`, whose entries
    :class:`graphlab.train.EdgeReweighter` may re-weight. Training links stay visible while they
    are learnt, as in the authors' code: the presets set ``target_link_removal`` to false.

    Args:
        in_channels: Features a node, D; 0 with ``num_ids``.
        hidden_channels: Width F of nodes and of all layers.
        num_layers: Layers of the encoder.
        predictor_layers: Linear layers of the predictor.
        l2_rows: Divide rows by their Euclidean norms, after every layer of the encoder.
        dropout: Dropout rate between layers, in encoder and predictor.
        num_ids: Learn an embedding of this many node ids in place of features.

    Shapes:
        - ``encode(x, graph)``: (n, F); ``score(h, graph, pairs)``: (B,) logits

    Raises:
        InputError: A size or rate out of range.

    Cost: see the encoder; of :meth:`score`, time O(B F²), memory O(B F).

    Example:
        >>> import torch
        >>> edge_index = torch.tensor([[0, 1, 2], [1, 2, 3]])
        >>> TCGCN(3, 8)(torch.ones(5, 3), edge_index, torch.tensor([[0, 0], [2, 4]])).shape
        torch.Size([2])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 256,
        *,
        num_layers: int = 2,
        predictor_layers: int = 2,
        l2_rows: bool = False,
        dropout: float = 0.0,
        num_ids: int | None = None,
    ) -> None:
        encoder = WeightedEncoder(
            in_channels,
            hidden_channels,
            "gcn",
            num_layers,
            l2_rows=l2_rows,
            dropout=dropout,
            num_ids=num_ids,
        )
        depth = positive("predictor_layers", predictor_layers)
        rate = probability("dropout", dropout)
        super().__init__(encoder, product_mlp(hidden_channels, depth, rate))


@register_model(
    "tc-sage",
    tasks=("link",),
    paper="Wang et al. 2024, arXiv 2310.04612; Hamilton et al. 2017, arXiv 1706.02216",
    search={"hidden_channels": (64, 512, "log"), "dropout": (0.0, 0.7)},
    presets={
        "default": {
            "recipe": {
                "lr": 0.01,
                "epochs": 100,
                "eval_every": 5,
                "clip_norm": 2.0,
                "monitor": "metric",
            },
            "task": {"batch_size": 1152, "target_link_removal": False},
        },
        "cora": {
            "options": {"hidden_channels": 256, "l2_rows": True},
            "recipe": {
                "lr": 0.01,
                "epochs": 100,
                "eval_every": 5,
                "clip_norm": 2.0,
                "monitor": "hits@100",
            },
            "task": {"batch_size": 1152, "target_link_removal": False, "feature_norm": "row"},
        },
        "citeseer": {
            "options": {"hidden_channels": 256},
            "recipe": {
                "lr": 0.01,
                "epochs": 100,
                "eval_every": 5,
                "clip_norm": 2.0,
                "monitor": "hits@100",
            },
            "task": {"batch_size": 1152, "target_link_removal": False, "feature_norm": "row"},
        },
    },
    sparse_input=True,
)
class TCSAGE(WeightedLinkModel):
    r"""SAGE and a network of products, base pipeline of *A Topological Perspective* [wang2024tc]_.

    As :class:`TCGCN`, with means over a node and its neighbours and a linear layer of the node
    itself. See there for arguments, shapes and errors.

    Example:
        >>> import torch
        >>> edge_index = torch.tensor([[0, 1, 2], [1, 2, 3]])
        >>> TCSAGE(3, 8)(torch.ones(5, 3), edge_index, torch.tensor([[0, 0], [2, 4]])).shape
        torch.Size([2])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 256,
        *,
        num_layers: int = 2,
        predictor_layers: int = 2,
        l2_rows: bool = False,
        dropout: float = 0.0,
        num_ids: int | None = None,
    ) -> None:
        encoder = WeightedEncoder(
            in_channels,
            hidden_channels,
            "sage",
            num_layers,
            l2_rows=l2_rows,
            dropout=dropout,
            num_ids=num_ids,
        )
        depth = positive("predictor_layers", predictor_layers)
        rate = probability("dropout", dropout)
        super().__init__(encoder, product_mlp(hidden_channels, depth, rate))
