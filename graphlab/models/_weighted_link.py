"""What link models share whose encoder takes weights on its entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from graphlab.models._link_model import PairModel, ReluDropout
from graphlab.ops.pair_product import pair_product

if TYPE_CHECKING:
    from graphlab.nn.weighted_encoders import LightGCNEncoder, WeightedEncoder

__all__ = ["InnerProduct", "WeightedLinkModel", "product_mlp"]


class WeightedLinkModel(PairModel):
    """An encoder with added weights, and a network ``predictor`` of products of two nodes.

    :class:`graphlab.train.EdgeReweighter` serves every model that has these two.

    Args:
        encoder: Takes weights, in ``encoder.added``.
        predictor: From products (b, F) to logits (b, 1).
    """

    def __init__(self, encoder: WeightedEncoder | LightGCNEncoder, predictor: nn.Module) -> None:
        super().__init__(encoder, encoder.hidden_channels, encoder.num_ids)
        self.in_channels = encoder.in_channels
        self.predictor = predictor

    def score(self, h: Tensor, graph: Any, pairs: Tensor) -> Tensor:  # noqa: ANN401
        """Return one logit a pair; ``graph`` tells the number of nodes alone."""
        src, dst = self._checked(h, graph, pairs)[1].unbind()
        logits: Tensor = self.predictor(pair_product(h, src, dst))
        return logits.squeeze(-1)


class InnerProduct(nn.Module):
    """The sum of a product of two rows: their inner product."""

    def forward(self, product: Tensor) -> Tensor:
        """Return the sum of each row, (b, 1)."""
        return product.sum(-1, keepdim=True)


def product_mlp(width: int, num_layers: int, dropout: float) -> nn.Sequential:
    """Return linear layers with relu and dropout between them, the last one to one number."""
    layers: list[nn.Module] = []
    for _ in range(num_layers - 1):
        layers += [nn.Linear(width, width), ReluDropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(width, 1))
