"""GAE+CN: GAE with the number of common neighbours, an ablation of NCN (Wang et al., ICLR 2024)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from graphlab.models._link_model import pool_mlp
from graphlab.models._pair_scores import spread
from graphlab.models.gae import GAE
from graphlab.ops.common_neighbors import adjacency, overlap_rows
from graphlab.ops.pair_product import pair_product
from graphlab.registry import register_model

if TYPE_CHECKING:
    from graphlab.nn.encoders import Conv

__all__ = ["GAECN"]


# Presets: those of GAE.
@register_model(
    "gae-cn",
    tasks=("link",),
    paper="Kipf and Welling 2016, arXiv 1611.07308; Wang et al. 2024, arXiv 2302.00890",
    search={
        "hidden_channels": (64, 512, "log"),
        "dropout": (0.0, 0.7),
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
    },
    sparse_input=True,
)
class GAECN(GAE):
    r"""GAE with the number of common neighbours, an ablation of NCN [wang2024]_.

    .. math:: s_{ij} = \mathrm{lin}\bigl(\beta\, \mathrm{xcnlin}(|N(i) \cap N(j)|)
        + \mathrm{xijlin}(\mathbf h_i \odot \mathbf h_j)\bigr)

    Args:
        in_channels: See :class:`GAE`, also for what follows.
        hidden_channels: Likewise.
        encoder: Likewise.
        num_layers: Likewise.
        tail_act: Likewise; of ``xcnlin`` too.
        two_layer_lin: Likewise.
        layer_norm: Likewise.
        dropout: Likewise.
        jk: Likewise.
        residual: Likewise.
        input_dropout: Likewise.
        encoder_dropout: Likewise.
        tail_dropout: Likewise.
        encoder_edge_dropout: Likewise.
        num_ids: Likewise.
        one_hot_ids: Likewise.
        precompute: Likewise.

    Cost: of :meth:`score`, time O(sum of degrees + B F²), memory O(B F).

    Example:
        >>> edge_index = torch.tensor([[0, 1, 2], [1, 2, 3]])
        >>> GAECN(3, 8).eval()(torch.ones(5, 3), edge_index, torch.tensor([[0, 0], [2, 4]])).shape
        torch.Size([2])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 256,
        encoder: Conv = "puregcn",
        *,
        num_layers: int = 1,
        tail_act: bool = True,
        two_layer_lin: bool = False,
        layer_norm: bool = True,
        dropout: float = 0.05,
        jk: bool = False,
        residual: bool = False,
        input_dropout: float = 0.0,
        encoder_dropout: float = 0.0,
        tail_dropout: float = 0.0,
        encoder_edge_dropout: float = 0.0,
        num_ids: int | None = None,
        one_hot_ids: bool = False,
        precompute: bool = False,
    ) -> None:
        super().__init__(
            in_channels,
            hidden_channels,
            encoder,
            num_layers=num_layers,
            tail_act=tail_act,
            two_layer_lin=two_layer_lin,
            layer_norm=layer_norm,
            dropout=dropout,
            jk=jk,
            residual=residual,
            input_dropout=input_dropout,
            encoder_dropout=encoder_dropout,
            tail_dropout=tail_dropout,
            encoder_edge_dropout=encoder_edge_dropout,
            num_ids=num_ids,
            one_hot_ids=one_hot_ids,
            precompute=precompute,
        )
        width, norm = hidden_channels, layer_norm
        self.beta = nn.Parameter(torch.ones(1))
        self.xcnlin = pool_mlp(width, dropout, layer_norm=norm, end=not tail_act, first=1)

    def reset_parameters(self) -> None:
        """Draw all weights anew from torch's global generator; beta is 1."""
        super().reset_parameters()
        nn.init.ones_(self.beta)

    def score(self, h: Tensor, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        """Return one logit a pair; see :meth:`LinkModel.score`."""
        structure, pairs = self._checked(h, graph, pairs)
        src, dst = pairs.unbind()
        csr = adjacency(structure)
        found = overlap_rows(csr.indptr, csr.indices, src, dst, residuals=False)
        count = found.cn_ptr.diff()
        filled = count > 0
        given = count[filled].to(h.dtype)[:, None]
        common = spread(self.xcnlin, given, filled, training=self.training)
        product = pair_product(h, src, dst)
        logits: Tensor = self.lin(torch.addcmul(self.xijlin(product), self.beta, common))
        return logits.squeeze(-1)
