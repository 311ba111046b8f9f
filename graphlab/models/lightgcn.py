"""LightGCN: embeddings smoothed over the graph, links scored by inner products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from graphlab.errors import InputError
from graphlab.models._inputs import positive
from graphlab.models._weighted_link import InnerProduct, WeightedLinkModel, product_mlp
from graphlab.nn.weighted_encoders import LightGCNEncoder
from graphlab.registry import register_model

if TYPE_CHECKING:
    from torch import nn

__all__ = ["LightGCN"]


# Recipe: that of tc-gcn, so that the two differ by the model alone. The paper's own (pairwise
# loss, learnt ids of users and items) is another task.
@register_model(
    "lightgcn",
    tasks=("link",),
    paper="He et al. 2020, arXiv 2002.02126",
    search={"hidden_channels": (64, 512, "log"), "num_layers": (1, 4)},
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
class LightGCN(WeightedLinkModel):
    r"""LightGCN [he2020]_ for links of any graph.

    .. math:: s_{ij} = \mathbf h_i^\top \mathbf h_j

    with :math:`\mathbf h` of :class:`graphlab.nn.LightGCNEncoder`: node ids have embeddings of
    their own, or a linear map makes them of features. Trained as every model of the link task, not
    by the paper's pairwise loss. Entries may be re-weighted,
    see :class:`graphlab.train.EdgeReweighter`.

    Args:
        in_channels: Features a node, D; 0 with ``num_ids``.
        hidden_channels: Width F of the embedding.
        num_layers: How often it is smoothed.
        predictor: ``"dot"``, the inner product, or ``"mlp"``, the network of :class:`TCGCN`.
        num_ids: Learn an embedding of this many node ids in place of features.

    Shapes:
        - ``encode(x, graph)``: (n, F); ``score(h, graph, pairs)``: (B,) logits

    Raises:
        InputError: A size out of range, an unknown predictor.

    Cost: see the encoder; of :meth:`score`, time and memory O(B F) with ``"dot"``.

    Example:
        >>> import torch
        >>> edge_index = torch.tensor([[0, 1, 2], [1, 2, 3]])
        >>> LightGCN(0, 8, num_ids=5)(None, edge_index, torch.tensor([[0, 0], [2, 4]])).shape
        torch.Size([2])
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int = 64,
        *,
        num_layers: int = 2,
        predictor: Literal["dot", "mlp"] = "dot",
        num_ids: int | None = None,
    ) -> None:
        if predictor not in ("dot", "mlp"):
            raise InputError(f"predictor is {predictor!r}, expected 'dot' or 'mlp'.")
        layers = positive("num_layers", num_layers, least=0)
        encoder = LightGCNEncoder(in_channels, hidden_channels, layers, num_ids=num_ids)
        network: nn.Module = InnerProduct()
        if predictor == "mlp":
            network = product_mlp(hidden_channels, 2, 0.0)
        super().__init__(encoder, network)
