"""Ranking metrics of two groups of scores: Hits@K, MRR, area under the ROC curve, precision.

Ties are counted exactly: by the rules of OGB for Hits@K and MRR [hu2020]_, as scikit-learn does
for the areas. All take positives first, then negatives.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.metrics._finite import ArrayLike, check_finite

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "RANKING_METRICS",
    "RankingMetric",
    "average_precision",
    "hits_at_k",
    "mrr",
    "positive_ranks",
    "roc_auc",
]

_KEPT = (torch.float32, torch.float64, torch.int64)  # compared as they are, without a copy
_TIED_SHARE = 0.99
_TIED_MINIMUM = 100
_SAMPLE, _SAMPLE_SHARE = 256, 0.8
_GOLDEN = (5**0.5 - 1) / 2


def hits_at_k(pos: ArrayLike, neg: ArrayLike, k: int) -> float:
    """Share of positives among the best K, against shared negatives or against their own.

    Negatives (N,) are shared by all positives: a positive counts when its score is strictly above
    the K-th largest negative; with fewer than K negatives all count, as in OGB. Negatives (P, N)
    are each positive's own: it counts when its rank (see :func:`positive_ranks`) is at most K.
    Without any negative there is no ranking, where OGB says 1.

    Args:
        pos: Scores of the positives.
        neg: Scores of the negatives.
        k: How many count as best.

    Shapes:
        - ``pos``: (P,), ``neg``: (N,) or (P, N), float or integer
        - returns: fraction in [0, 1]

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: No positive, no negative, ``k`` below 1, or the shapes do not fit.

    Cost: time O(P + N log k), or O(P N) for own negatives.

    Example:
        >>> hits_at_k([0.9, 0.4], [0.4, 0.1, 0.0], 1)
        0.5
        >>> hits_at_k([0.9, 0.4], [[0.1, 0.0], [0.6, 0.5]], 1)
        0.5
    """
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise InputError(f"k is {k!r}; expected an integer >= 1.")
    positive, negative = _checked(pos, neg)
    if negative.dim() == 2:
        return float((_own_ranks(positive, negative) <= k).double().mean())
    if negative.numel() < k:
        return 1.0
    threshold = torch.topk(negative, k).values[-1]
    return float((positive > threshold).double().mean())


def mrr(pos: ArrayLike, neg: ArrayLike) -> float:
    """Mean reciprocal rank of the positives, see :func:`positive_ranks`.

    Args:
        pos: Scores of the positives.
        neg: Scores of the negatives: each positive's own (P, N), or (N,) shared by all.

    Shapes:
        - ``pos``: (P,), ``neg``: (P, N) or (N,), float or integer
        - returns: fraction in (0, 1]

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: No positive, no negative, or the shapes do not fit.

    Cost: time O(P N), or O((P + N) log N) for shared negatives.

    Example:
        >>> mrr([0.9, 0.4], [[0.1, 0.0], [0.6, 0.1]])
        0.75
    """
    return float(positive_ranks(pos, neg).reciprocal().mean())


def positive_ranks(pos: ArrayLike, neg: ArrayLike) -> Tensor:
    r"""Rank of every positive among its negatives; of equal scores it takes the middle place.

    .. math:: r = 1 + \tfrac12 \bigl(|\{n : s_n > s\}| + |\{n : s_n \ge s\}|\bigr)

    Args:
        pos: Scores of the positives.
        neg: Scores of the negatives: each positive's own (P, N), or (N,) shared by all.

    Shapes:
        - ``pos``: (P,), ``neg``: (P, N) or (N,), float or integer
        - returns: (P,) float64, multiples of one half from 1 on

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: No positive, no negative, or the shapes do not fit.

    Example:
        >>> positive_ranks([0.5, 0.5], [[0.1, 0.0], [0.5, 0.9]]).tolist()
        [1.0, 2.5]
    """
    positive, negative = _checked(pos, neg)
    if negative.dim() == 2:
        return _own_ranks(positive, negative)
    ordered = negative.sort().values
    below = torch.searchsorted(ordered, positive)
    upto = torch.searchsorted(ordered, positive, right=True)
    return 1 + (2 * negative.numel() - below - upto).double() / 2


def roc_auc(pos: ArrayLike, neg: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a positive outranks a negative, a tie being half.

    Args:
        pos: Scores of the positives.
        neg: Scores of the negatives.

    Shapes:
        - ``pos``: (P,), ``neg``: (N,) float or integer
        - returns: fraction in [0, 1], exact for P N < 2^62

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: One side is empty; the message gives both sizes.

    Cost: time O((P + N) log N), memory O(P + N).

    Example:
        >>> roc_auc([0.9, 0.4], [0.4, 0.1])
        0.875
    """
    positive, negative = _ranked(pos, neg)
    ordered = negative.sort().values
    below = torch.searchsorted(ordered, positive)
    upto = torch.searchsorted(ordered, positive, right=True)
    wins = int(below.sum()) + int(upto.sum())
    return wins / (2 * positive.numel() * negative.numel())


def average_precision(pos: ArrayLike, neg: ArrayLike) -> float:
    """Average precision without interpolation; equal scores enter the ranking together.

    Args:
        pos: Scores of the positives.
        neg: Scores of the negatives.

    Shapes:
        - ``pos``: (P,), ``neg``: (N,) float or integer
        - returns: fraction in (0, 1]

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: One side is empty; the message gives both sizes.

    Cost: time O((P + N) log(P + N)), memory O(P + N).

    Example:
        >>> average_precision([0.9, 0.4], [0.4, 0.1])
        0.8333333333333333
    """
    positive, negative = _ranked(pos, neg)
    # precision at each positive's own threshold: all scores not below it are accepted
    count = positive.numel()
    true = count - torch.searchsorted(positive.sort().values, positive)
    false = negative.numel() - torch.searchsorted(negative.sort().values, positive)
    return float((true.double() / (true + false)).sum()) / count


class ScoredLinks(Protocol):
    """What a ranking metric reads: scores and targets."""

    @property
    def scores(self) -> Tensor:
        """Scores (B,), or (P, 1 + N) with the positive first."""

    @property
    def target(self) -> Tensor:
        """1 for positives, 0 for negatives (B,); read for scores (B,) alone."""


@dataclass(frozen=True)
class RankingMetric:
    """A metric of positives against negatives that knows its name, direction and range.

    Scores (B,) hold positives and negatives, told apart by ``target``. Scores (P, 1 + N) hold one
    positive a row, before the negatives that are its own.

    Args:
        name: Key in results and column in tables.
        function: From scores of positives and of negatives to a number.
        own_negatives: Whether it is defined for negatives that are each positive's own.
        higher_is_better: Direction.
        bounds: Smallest and largest possible value.
        unit: What the number counts.

    Example:
        >>> metric = RANKING_METRICS["hits@20"]
        >>> metric.name, metric.higher_is_better, metric.bounds
        ('hits@20', True, (0.0, 1.0))
    """

    name: str
    function: Callable[[Tensor, Tensor], float]
    own_negatives: bool = True
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    unit: str = "fraction"

    def __call__(self, predictions: ScoredLinks) -> float:
        """Return the metric of these predictions."""
        scores = predictions.scores
        if scores.dim() == 2:
            return self.function(scores[:, 0], scores[:, 1:])
        positive = predictions.target.bool()
        return self.function(scores[positive], scores[~positive])


RANKING_METRICS: dict[str, RankingMetric] = {
    **{f"hits@{k}": RankingMetric(f"hits@{k}", partial(hits_at_k, k=k)) for k in (10, 20, 50, 100)},
    "mrr": RankingMetric("mrr", mrr),
    "auc": RankingMetric("auc", roc_auc, own_negatives=False),
    "ap": RankingMetric("ap", average_precision, own_negatives=False),
}
"""Metrics of link prediction by name."""


def _checked(pos: ArrayLike, neg: ArrayLike) -> tuple[Tensor, Tensor]:
    """Check shapes and values; bring both groups to one dtype that keeps every order and tie."""
    positive, negative = torch.as_tensor(pos), torch.as_tensor(neg)
    if positive.dim() != 1 or positive.numel() == 0:
        raise InputError(f"pos has shape {tuple(positive.shape)}; expected (P,) with P >= 1.")
    if negative.dim() not in {1, 2} or (
        negative.dim() == 2 and negative.shape[0] != positive.numel()
    ):
        raise InputError(
            f"neg has shape {tuple(negative.shape)}; expected (N,) for shared negatives, or "
            f"({positive.numel()}, N) for negatives of each positive."
        )
    if negative.numel() == 0:
        raise InputError(
            f"a rank needs negatives, but there are {positive.numel()} positives and neg has "
            f"shape {tuple(negative.shape)}."
        )
    check_finite(positive, "scores of positives")
    check_finite(negative, "scores of negatives")
    positive, negative = _one_type(positive, negative)
    _warn_if_constant(positive, negative)
    return positive, negative


def _one_type(positive: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    if positive.dtype == negative.dtype and positive.dtype in _KEPT:
        return positive, negative
    if positive.is_floating_point() or negative.is_floating_point():
        return positive.double(), negative.double()
    return positive.long(), negative.long()


def _own_ranks(positive: Tensor, negative: Tensor) -> Tensor:
    score = positive.unsqueeze(1)
    above = (negative > score).sum(1)
    upto = (negative >= score).sum(1)
    return 1 + (above + upto).double() / 2


def _ranked(pos: ArrayLike, neg: ArrayLike) -> tuple[Tensor, Tensor]:
    """Check two groups of scores and bring them to one dtype that keeps every order and tie."""
    positive, negative = torch.as_tensor(pos).reshape(-1), torch.as_tensor(neg).reshape(-1)
    if positive.numel() == 0 or negative.numel() == 0:
        raise InputError(
            f"a ranking needs both classes, but there are {positive.numel()} positives and "
            f"{negative.numel()} negatives."
        )
    check_finite(positive, "scores of positives")
    check_finite(negative, "scores of negatives")
    positive, negative = _one_type(positive, negative)
    _warn_if_constant(positive, negative)
    return positive, negative


def _warn_if_constant(positive: Tensor, negative: Tensor) -> None:
    total = positive.numel() + negative.numel()
    if total < _TIED_MINIMUM or not _looks_constant(max(positive, negative, key=Tensor.numel)):
        return
    # over half of the scores being equal, the median is that value
    every = torch.cat([positive, negative.reshape(-1)])
    share = int((every == every.median()).sum()) / total
    if share > _TIED_SHARE:
        warnings.warn(
            f"{share:.1%} of {total} scores are equal: the ranking says next to nothing.",
            UserWarning,
            stacklevel=4,
        )


def _looks_constant(scores: Tensor) -> bool:
    """Ask a sample, so that varied scores pay for no full median."""
    flat = scores.reshape(-1)
    # multiples of the golden ratio spread evenly and follow no row length
    parts = torch.arange(_SAMPLE, dtype=torch.float64, device=flat.device) * _GOLDEN % 1
    sample = flat[(parts * flat.numel()).long()]
    return float((sample == sample.median()).double().mean()) > _SAMPLE_SHARE
