"""Mixture of tokenizations: every node takes the best few, by a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.tokenizers.names import make_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.tokenizers.base import Nodes, Tokenizer, Tokens, TokenSequences

__all__ = [
    "Mixed",
    "MixtureOfTokenization",
    "balance_loss",
    "mix_encodings",
    "pick_tokenizations",
]


class Mixed(NamedTuple):
    """Tokenizations picked by each node (n, k), and its mixed encoding (n, k d)."""

    pick: Tensor
    out: Tensor


def pick_tokenizations(scores: Tensor, k: int) -> Tensor:
    """Return the k tokenizations of highest score, best first; of equal ones the lower index.

    Args:
        scores: Scores of all tokenizations.
        k: How many to take.

    Shapes:
        - ``scores``: (n, M); returns: (n, k) int64

    Raises:
        InputError: k below 1 or above M.

    Example:
        >>> pick_tokenizations(torch.tensor([[0.2, 0.5, 0.2], [0.3, 0.3, 0.3]]), 2).tolist()
        [[1, 0], [0, 1]]
    """
    if scores.dim() != 2 or not 1 <= k <= scores.shape[1]:
        raise InputError(
            f"k is {k} and scores have shape {tuple(scores.shape)}, expected (n, M) and k from 1 "
            "to M."
        )
    return torch.sort(scores.detach(), dim=1, descending=True, stable=True).indices[:, :k]


def mix_encodings(scores: Tensor, encodings: Tensor, k: int) -> Mixed:
    r"""Return the picked encodings times their scores, side by side [behrouz2025]_.

    The paper concatenates the best two; the factor is ours, since it carries the gradient to the
    router.

    Args:
        scores: Scores of all tokenizations, softmax over M.
        encodings: Encodings by each tokenization.
        k: How many each node takes.

    Shapes:
        - ``scores``: (n, M); ``encodings``: (n, M, d)
        - returns: ``pick`` (n, k) int64, ``out`` (n, k d)

    Raises:
        InputError: Shapes that do not fit; k below 1 or above M.

    Example:
        >>> mixed = mix_encodings(torch.tensor([[0.25, 0.75]]), torch.tensor([[[1.0], [2.0]]]), 2)
        >>> mixed.pick.tolist(), mixed.out.tolist()
        ([[1, 0]], [[1.5, 0.25]])
    """
    pick = pick_tokenizations(scores, k)
    if encodings.dim() != 3 or encodings.shape[:2] != scores.shape:
        raise InputError(
            f"encodings have shape {tuple(encodings.shape)}, expected "
            f"({scores.shape[0]}, {scores.shape[1]}, d) beside scores {tuple(scores.shape)}."
        )
    factor = scores.gather(1, pick)[..., None]
    taken = encodings.gather(1, pick[..., None].expand(-1, -1, encodings.shape[2]))
    return Mixed(pick, (factor * taken).flatten(1))


def balance_loss(scores: Tensor, pick: Tensor, alpha: float = 0.01) -> Tensor:
    r"""Return :math:`\alpha M \sum_i f_i P_i`, lowest where tokenizations are used alike.

    :math:`f_i` is the share of nodes whose first pick is i, :math:`P_i` the mean score of i.

    Args:
        scores: Scores of all tokenizations, softmax over M.
        pick: Picks of all nodes.
        alpha: Factor of the loss.

    Shapes:
        - ``scores``: (n, M); ``pick``: (n, k); returns: a scalar

    Example:
        >>> scores = torch.tensor([[0.75, 0.25], [0.25, 0.75]])
        >>> round(float(balance_loss(scores, torch.tensor([[0], [1]]), alpha=1.0)), 6)
        1.0
    """
    n, count = scores.shape
    share = torch.bincount(pick[:, 0], minlength=count).to(scores.dtype) / max(n, 1)
    return alpha * count * (share * scores.sum(0) / max(n, 1)).sum()


@dataclass(frozen=True, eq=False)
class MixtureOfTokenization:
    """Several tokenizers, of which every node takes the best few [behrouz2025]_.

    The tokenizers and the rule stand here; the router that makes the scores is learned, and belongs
    to a model.

    Args:
        tokenizers: Names or tokenizers.
        k: How many each node takes.
        alpha: Factor of :func:`balance_loss`.

    Raises:
        InputError: ``k`` below 1 or above the number of tokenizers, an unknown name.

    Example:
        >>> mixture = MixtureOfTokenization(("hac_dfs", "random_walk"), k=1)
        >>> [tokens.kind for tokens in mixture.batch([[0, 1], [1, 2]])]
        ['cluster', 'subgraph']
    """

    tokenizers: Sequence[str | Tokenizer] = ("hac_dfs", "hac_bfs", "khop", "random_walk")
    k: int = 2
    alpha: float = 0.01

    def __post_init__(self) -> None:
        made = tuple(make_tokenizer(each) for each in self.tokenizers)
        if not 1 <= self.k <= len(made):
            raise InputError(f"k is {self.k}, expected 1 to {len(made)}, the number of tokenizers.")
        object.__setattr__(self, "tokenizers", made)

    @property
    def _made(self) -> tuple[Tokenizer, ...]:
        return cast("tuple[Tokenizer, ...]", self.tokenizers)

    def __len__(self) -> int:
        """Return the number of tokenizers M."""
        return len(self.tokenizers)

    def fit(self, data: Any) -> tuple[Tokens, ...]:  # noqa: ANN401
        """Return the tokens of each tokenizer."""
        return tuple(each.fit(data) for each in self._made)

    def batch(self, data: Any, nodes: Nodes | None = None) -> tuple[TokenSequences, ...]:  # noqa: ANN401
        """Return the sequences of each tokenizer."""
        return tuple(each.batch(data, nodes) for each in self._made)
