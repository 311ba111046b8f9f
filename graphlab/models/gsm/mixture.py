"""Mixture of tokenizations: a learnt router sends each node to the best few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from graphlab.models._inputs import positive
from graphlab.tokenizers import balance_loss, pick_tokenizations

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TokenRouter", "mix_picked"]

Encode = "Callable[[int, Tensor], Tensor]"


class TokenRouter(nn.Module):
    r"""Mixes the encodings of the best tokenizations of each node [behrouz2025]_.

    .. math:: \mathbf S = \mathrm{softmax}(\mathbf H \mathbf W), \qquad \mathbf o_v =
        \mathbf W' \bigl[ S_{v, i_1} \mathbf t_v^{(i_1)}; \dots; S_{v, i_k} \mathbf t_v^{(i_k)}
        \bigr]

    over the k largest scores, ties to the lower index. The paper has a sigmoid-like score, the best
    two and a concatenation; the softmax, the factor, which carries the gradient to the router, and
    the last product are ours.

    Args:
        channels: Width d.
        count: Number of tokenizations M.
        k: How many a node takes.
        alpha: Factor of :func:`graphlab.tokenizers.balance_loss`.

    Shapes:
        - ``h``: (n, d); returns (n, d) and the loss, a scalar

    Example:
        >>> router = TokenRouter(4, 3, k=2)
        >>> rows, loss = router(torch.ones(5, 4), lambda i, nodes: torch.ones(len(nodes), 4))
        >>> rows.shape, loss.shape
        (torch.Size([5, 4]), torch.Size([]))
    """

    def __init__(self, channels: int, count: int, *, k: int = 2, alpha: float = 0.01) -> None:
        super().__init__()
        d = positive("channels", channels)
        self.count, self.k, self.alpha = positive("count", count), positive("k", k), alpha
        self.scores = nn.Linear(d, count, bias=False)
        self.out = nn.Linear(k * d, d)

    def forward(self, h: Tensor, encode: Callable[[int, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """Return the mixed encodings, and the loss that keeps tokenizations in use.

        Args:
            h: Nodes by the local encoder.
            encode: Encodings by tokenization i of some nodes; called for those that picked it.
        """
        scores = torch.softmax(self.scores(h), 1)
        pick, mixed = mix_picked(scores, self.k, encode, h.shape[1])
        return self.out(mixed), balance_loss(scores, pick, self.alpha)


def mix_picked(
    scores: Tensor, k: int, encode: Callable[[int, Tensor], Tensor], channels: int
) -> tuple[Tensor, Tensor]:
    """Return what :func:`graphlab.tokenizers.mix_encodings` does, encoding only what is picked.

    Args:
        scores: Scores of all tokenizations.
        k: How many each node takes.
        encode: Encodings by tokenization i of some nodes.
        channels: Width d of the encodings.

    Shapes:
        - ``scores``: (n, M); returns: picks (n, k), mixed encodings (n, k d)
    """
    pick = pick_tokenizations(scores, k)
    mixed = scores.new_zeros(pick.numel(), channels)
    for number in range(scores.shape[1]):
        node, slot = (pick == number).nonzero(as_tuple=True)
        if node.numel():
            rows = scores[node, number][:, None] * encode(number, node)
            mixed = mixed.index_put((node * k + slot,), rows)
    return pick, mixed.view(scores.shape[0], k * channels)
