"""NCN: neural common neighbours (Wang et al., ICLR 2024); their completion is in ncnc.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from graphlab.models._completion import Rows
from graphlab.models._inputs import cap
from graphlab.models._link_model import LinkModel, join_mlp, pair_mlp, pool_mlp
from graphlab.models._pair_scores import Entries, pair_scores
from graphlab.ops.common_neighbors import adjacency
from graphlab.registry import register_model

if TYPE_CHECKING:
    from graphlab.nn.encoders import Conv

__all__ = ["NCN"]


# Presets: the commands of the authors' repository, one epoch budget and no early stopping each.
@register_model(
    "ncn",
    tasks=("link",),
    paper="Wang, Yang and Zhang 2024, arXiv 2302.00890",
    search={
        "hidden_channels": (64, 512, "log"),
        "dropout": (0.0, 0.7),
        "edge_dropout": (0.0, 0.5),
        "input_dropout": (0.0, 0.8),
        "encoder_dropout": (0.0, 0.8),
    },
    presets={
        "default": {
            "recipe": {"lr": 0.005, "epochs": 100, "monitor": "metric"},
        },
        "cora": {
            "options": {
                "hidden_channels": 256,
                "encoder": "puregcn",
                "num_layers": 1,
                "jk": True,
                "input_dropout": 0.7,
                "tail_dropout": 0.3,
                "encoder_dropout": 0.05,
                "edge_dropout": 0.4,
                "dropout": 0.05,
            },
            "recipe": {
                "lr": {"encoder": 0.0043, "predictor": 0.0024},
                "epochs": 100,
                "monitor": "hits@100",
            },
            "task": {"batch_size": 1152, "eval_batch_size": 8192},
        },
        "citeseer": {
            "options": {
                "hidden_channels": 256,
                "encoder": "puregcn",
                "num_layers": 1,
                "jk": True,
                "two_layer_lin": True,
                "input_dropout": 0.4,
                "encoder_dropout": 0.75,
                "dropout": 0.55,
            },
            "recipe": {
                "lr": {"encoder": 0.0085, "predictor": 0.0078},
                "epochs": 100,
                "monitor": "hits@100",
            },
            "task": {"batch_size": 384, "eval_batch_size": 4096},
        },
        "pubmed": {
            "options": {
                "hidden_channels": 256,
                "encoder": "puregcn",
                "num_layers": 1,
                "jk": True,
                "input_dropout": 0.3,
                "encoder_dropout": 0.1,
                "dropout": 0.05,
            },
            "recipe": {
                "lr": {"encoder": 0.0097, "predictor": 0.002},
                "epochs": 100,
                "monitor": "hits@100",
            },
            "task": {"batch_size": 2048, "eval_batch_size": 8192},
        },
        "ogbl-collab": {
            "options": {
                "hidden_channels": 64,
                "encoder": "gcn",
                "num_layers": 1,
                "residual": True,
                "input_dropout": 0.25,
                "tail_dropout": 0.05,
                "encoder_dropout": 0.1,
                "encoder_edge_dropout": 0.25,
                "dropout": 0.3,
            },
            "recipe": {
                "lr": {"encoder": 0.0082, "predictor": 0.0037},
                "epochs": 100,
                "monitor": "hits@50",
            },
            "task": {
                "batch_size": 65536,
                "eval_batch_size": 131072,
                "use_val_edges_as_input": True,
            },
        },
        "ogbl-ppa": {
            "options": {
                "hidden_channels": 64,
                "encoder": "gcn",
                "num_layers": 3,
                "residual": True,
                "use_xlin": False,
                "encoder_edge_dropout": 0.1,
                "dropout": 0.1,
                "one_hot_ids": True,
            },
            "recipe": {
                "lr": {"encoder": 0.0013, "predictor": 0.0013},
                "epochs": 25,
                "monitor": "hits@100",
            },
            "task": {"batch_size": 16384, "eval_batch_size": 65536},
        },
        "ogbl-citation2": {
            "options": {
                "hidden_channels": 64,
                "encoder": "puregcn",
                "num_layers": 3,
                "residual": True,
                "tail_dropout": 0.3,
                "encoder_dropout": 0.2,
                "dropout": 0.2,
            },
            "recipe": {
                "lr": {"encoder": 0.0088, "predictor": 0.0058},
                "epochs": 20,
                "clip_norm": 1.0,
                "monitor": "mrr",
            },
            "task": {
                "batch_size": 32768,
                "eval_batch_size": 65536,
                "target_link_removal": False,
                "negatives": "per-source",
            },
        },
        "ogbl-ddi": {
            "options": {
                "hidden_channels": 224,
                "encoder": "puresum",
                "num_layers": 1,
                "residual": True,
                "tail_act": False,
                "two_layer_lin": True,
                "input_dropout": 0.05,
                "encoder_dropout": 0.4,
                "dropout": 0.6,
            },
            "recipe": {
                "lr": {"encoder": 0.0021, "predictor": 0.0018},
                "epochs": 100,
                "monitor": "hits@20",
            },
            "task": {"batch_size": 24576, "eval_batch_size": 131072},
        },
    },
    sparse_input=True,
)
class NCN(LinkModel):
    r"""Neural common neighbour, *... with Completion for Link Prediction* [wang2024]_.

    .. math:: s_{ij} = \mathrm{lin}\Bigl(\beta\, \mathrm{xcnlin}\Bigl(
        \sum_{u \in N(i) \cap N(j)} \bar{\mathbf x}_u\Bigr)
        + \mathrm{xijlin}(\mathbf h_i \odot \mathbf h_j)\Bigr), \qquad
        \bar{\mathbf x} = \mathbf h + \mathrm{xlin}(\mathbf h)

    with :math:`\mathbf h` of :class:`graphlab.nn.LinkEncoder`. Symmetric in i and j. Weights carry
    the names of the authors' code (see :meth:`load_reference_state_dict`), and equal weights give
    equal scores. In evaluation, pairs without common neighbours share one row of ``xcnlin``, and
    ``xlin`` runs on nodes that are common neighbours alone.

    Args:
        in_channels: Features a node, D; 0 with ``num_ids``.
        hidden_channels: Width F of nodes and of all layers.
        encoder: Convolution of the encoder, see :class:`graphlab.nn.LinkEncoder`.
        num_layers: Convolutions.
        use_xlin: Add ``xlin`` to pooled rows; without, they are those of the encoder.
        tail_act: ``xcnlin`` and ``xijlin`` end with their activation, not with a linear layer.
        two_layer_lin: ``lin`` has two hidden layers.
        layer_norm: Layer normalisation in encoder and predictor.
        dropout: Dropout rate of the predictor.
        edge_dropout: Rate at which directed entries of the graph are hidden from the overlap.
        jk: Sum of all the encoder's layers, each times a free scalar.
        residual: Residual connections of the encoder.
        input_dropout: Dropout rate of the features.
        encoder_dropout: Dropout rate inside the encoder.
        tail_dropout: Dropout rate behind the encoder's last ``pure...`` layer.
        encoder_edge_dropout: Rate at which the encoder's entries of the graph are dropped.
        max_common: Pool at most this many common neighbours, drawn with replacement; -1: all.
        num_ids: Learn an embedding of this many node ids in place of features.
        one_hot_ids: Features are one-hot: learn an embedding of the position of the one.
        precompute: Propagate features once, see :class:`graphlab.nn.LinkEncoder`.

    Shapes:
        - ``encode(x, graph)``: (n, F); ``score(h, graph, pairs)``: (B,) logits
        - ``pairs``: (2, B) integers

    Raises:
        InputError: A size or rate out of range, features of another width, ids out of range.

    Cost: of :meth:`score`, time O(sum of degrees + L F + B F²) for lists of total length L, extra
    memory O(L + B F + t F) with t the nodes in some list; never L rows.

    Example:
        >>> edge_index = torch.tensor([[0, 1, 2], [1, 2, 3]])
        >>> model = NCN(3, 8).eval()
        >>> h = model.encode(torch.ones(5, 3), edge_index)
        >>> model.score(h, edge_index, torch.tensor([[0, 0], [2, 4]])).shape
        torch.Size([2])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 256,
        encoder: Conv = "puregcn",
        *,
        num_layers: int = 1,
        use_xlin: bool = True,
        tail_act: bool = True,
        two_layer_lin: bool = False,
        layer_norm: bool = True,
        dropout: float = 0.05,
        edge_dropout: float = 0.0,
        jk: bool = False,
        residual: bool = False,
        input_dropout: float = 0.0,
        encoder_dropout: float = 0.0,
        tail_dropout: float = 0.0,
        encoder_edge_dropout: float = 0.0,
        max_common: int = -1,
        num_ids: int | None = None,
        one_hot_ids: bool = False,
        precompute: bool = False,
    ) -> None:
        super().__init__(
            in_channels,
            hidden_channels,
            encoder,
            num_layers=num_layers,
            jk=jk,
            residual=residual,
            layer_norm=layer_norm,
            dropout=dropout,
            edge_dropout=edge_dropout,
            input_dropout=input_dropout,
            encoder_dropout=encoder_dropout,
            tail_dropout=tail_dropout,
            encoder_edge_dropout=encoder_edge_dropout,
            num_ids=num_ids,
            one_hot_ids=one_hot_ids,
            precompute=precompute,
        )
        self.max_common = cap("max_common", max_common)
        width, norm = hidden_channels, layer_norm
        self.beta = nn.Parameter(torch.ones(1))
        self.xlin = pool_mlp(width, dropout, layer_norm=norm) if use_xlin else None
        self.xcnlin = pool_mlp(width, dropout, layer_norm=norm, end=not tail_act)
        self.xijlin = pair_mlp(width, dropout, layer_norm=norm, end=not tail_act)
        self.lin = join_mlp(width, dropout, layer_norm=norm, two_layer=two_layer_lin)
        self._add_parts()

    def _add_parts(self) -> None:
        """Add what a variant has besides; called at the end of the constructor."""

    def reset_parameters(self) -> None:
        """Draw all weights anew from torch's global generator; beta is 1."""
        super().reset_parameters()
        nn.init.ones_(self.beta)

    def score(self, h: Tensor, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        """Return one logit a pair; see :meth:`LinkModel.score`."""
        structure, pairs = self._checked(h, graph, pairs)
        csr = adjacency(structure)
        near = Entries(csr.indptr, csr.indices)
        return pair_scores(self, Rows(h), near, (pairs[0], pairs[1]), self._depth())

    def residual_cap(self) -> int:
        """Return the largest number of neighbours of one end alone that are pooled; -1: all."""
        return -1

    def _depth(self) -> int:
        return 0
