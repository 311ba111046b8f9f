"""Accuracy, area under the ROC curve and average precision, with exact ties."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import torch
from torch import Tensor

from graphlab.errors import InputError, NonFiniteError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ACCURACY",
    "ROC_AUC",
    "LabelMetric",
    "accuracy",
    "average_precision",
    "binary_roc_auc",
    "check_finite",
    "per_class_accuracy",
    "roc_auc",
]

# A tensor, a numpy array or a list of numbers: whatever torch.as_tensor takes.
ArrayLike: TypeAlias = Any

_TIED_SHARE = 0.99
_TIED_MINIMUM = 100


def check_finite(scores: Tensor, name: str = "scores") -> None:
    """Refuse NaN and infinity: a ranking metric would turn them into a number that looks real.

    Args:
        scores: Any shape, any dtype; integers pass.
        name: What the message calls them.

    Raises:
        NonFiniteError: Says how many values are NaN or infinite, and where the first one is.

    Cost: one pass and one synchronisation with the device.

    Example:
        >>> check_finite(torch.tensor([0.5, float("nan")]))
        Traceback (most recent call last):
        ...
        graphlab.errors.NonFiniteError: 1 of 2 scores is not finite (1 NaN, 0 infinite); at [1].
    """
    if scores.numel() == 0 or not scores.is_floating_point():
        return
    # one kernel instead of the four of isfinite().all(): NaN passes through both ends
    low, high = torch.aminmax(scores)
    if math.isfinite(low.item()) and math.isfinite(high.item()):
        return
    bad = ~torch.isfinite(scores)
    nan, count = int(torch.isnan(scores).sum()), int(bad.sum())
    first = bad.nonzero()[0].tolist()
    raise NonFiniteError(
        f"{count} of {scores.numel()} {name} {'is' if count == 1 else 'are'} not finite "
        f"({nan} NaN, {count - nan} infinite); {'at' if count == 1 else 'the first at'} {first}."
    )


def accuracy(scores: ArrayLike, y: ArrayLike) -> float:
    """Share of rows whose largest score belongs to the true class; of equal scores the first wins.

    Args:
        scores: Logits, log-probabilities or probabilities.
        y: True classes.

    Shapes:
        - ``scores``: (n, C) float
        - ``y``: (n,) integer in 0..C-1
        - returns: fraction in [0, 1]

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: No row, the shapes do not fit, or a label has no column.

    Example:
        >>> accuracy(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1]))
        0.5
    """
    scores, y = _class_scores(scores, y)
    check_finite(scores)
    hits = int((scores.argmax(1) == y).sum())
    return hits / len(y)


def per_class_accuracy(scores: ArrayLike, y: ArrayLike) -> Tensor:
    """Share of rows of each class that are put into it (recall); NaN for a class without rows.

    Args:
        scores: Logits, log-probabilities or probabilities.
        y: True classes.

    Shapes:
        - ``scores``: (n, C) float
        - ``y``: (n,) integer in 0..C-1
        - returns: (C,) float64, fractions

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: No row, the shapes do not fit, or a label has no column.
    """
    scores, y = _class_scores(scores, y)
    check_finite(scores)
    classes = scores.shape[1]
    hit = torch.bincount(y[scores.argmax(1) == y], minlength=classes).double()
    return hit / torch.bincount(y, minlength=classes).double()


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


def binary_roc_auc(scores: ArrayLike, y: ArrayLike) -> float:
    """Area under the ROC curve of a two-class problem, given labels instead of two groups.

    Args:
        scores: One score a row, or the two scores of the classes (their difference ranks).
        y: 1 (or True) for positives, 0 for negatives.

    Shapes:
        - ``scores``: (n,), (n, 1) or (n, 2)
        - ``y``: (n,)
        - returns: fraction in [0, 1]

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: No row, one class only, more than two columns, labels besides 0 and 1.

    Example:
        >>> binary_roc_auc(torch.tensor([0.2, 0.7, 0.4]), torch.tensor([0, 1, 1]))
        1.0
    """
    scores, y = torch.as_tensor(scores), torch.as_tensor(y).reshape(-1)
    if scores.dim() not in {1, 2} or (scores.dim() == 2 and scores.shape[1] not in {1, 2}):
        raise InputError(
            f"scores has shape {tuple(scores.shape)}; a two-class metric takes (n,), (n, 1) or "
            "(n, 2)."
        )
    if scores.shape[0] != y.numel():
        raise InputError(f"scores has {scores.shape[0]} rows, but y has {y.numel()}.")
    if y.dtype != torch.bool and bool(((y != 0) & (y != 1)).any()):
        raise InputError(f"y holds {y.unique().tolist()[:5]}; a two-class metric takes 0 and 1.")
    check_finite(scores)
    if scores.dim() == 2:
        columns = scores.double()
        scores = columns[:, -1] - columns[:, 0] if columns.shape[1] > 1 else columns[:, 0]
    positive = y.bool()
    return roc_auc(scores[positive], scores[~positive])


class ScoredLabels(Protocol):
    """What a metric of labels reads: scores and targets, one row a sample."""

    @property
    def scores(self) -> Tensor:
        """Scores, first dimension n."""

    @property
    def target(self) -> Tensor:
        """Targets (n,)."""


@dataclass(frozen=True)
class LabelMetric:
    """A metric that knows its name, direction and range.

    Args:
        name: Key in results and column in tables.
        function: From scores and targets to a number.
        higher_is_better: Direction.
        bounds: Smallest and largest possible value.
        unit: What the number counts: ``"fraction"``, ``"percent"`` ...

    Example:
        >>> ACCURACY.name, ACCURACY.higher_is_better, ACCURACY.bounds
        ('acc', True, (0.0, 1.0))
    """

    name: str
    function: Callable[[Tensor, Tensor], float]
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    unit: str = "fraction"

    def __call__(self, predictions: ScoredLabels) -> float:
        """Return the metric of these predictions."""
        return self.function(predictions.scores, predictions.target)


ACCURACY = LabelMetric("acc", accuracy)
ROC_AUC = LabelMetric("rocauc", binary_roc_auc)


def _class_scores(scores: ArrayLike, y: ArrayLike) -> tuple[Tensor, Tensor]:
    scores, y = torch.as_tensor(scores), torch.as_tensor(y)
    if scores.dim() != 2 or y.dim() != 1 or scores.shape[0] != y.shape[0]:
        raise InputError(
            f"scores has shape {tuple(scores.shape)} and y {tuple(y.shape)}; "
            "expected (n, C) and (n,)."
        )
    if y.numel() == 0 or scores.shape[1] == 0:
        raise InputError(
            f"accuracy of {y.numel()} rows and {scores.shape[1]} classes is undefined."
        )
    outside = (y < 0) | (y >= scores.shape[1])
    if bool(outside.any()):
        raise InputError(
            f"y holds the label {y[outside][0].item()}, but scores have columns for the classes "
            f"0..{scores.shape[1] - 1}."
        )
    return scores, y


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
    if positive.is_floating_point() or negative.is_floating_point():
        positive, negative = positive.double(), negative.double()
    else:
        positive, negative = positive.long(), negative.long()
    _warn_if_constant(positive, negative)
    return positive, negative


def _warn_if_constant(positive: Tensor, negative: Tensor) -> None:
    total = positive.numel() + negative.numel()
    if total < _TIED_MINIMUM:
        return
    # over half of the scores being equal, the median is that value
    every = torch.cat([positive, negative])
    share = int((every == every.median()).sum()) / total
    if share > _TIED_SHARE:
        warnings.warn(
            f"{share:.1%} of {total} scores are equal: the ranking says next to nothing.",
            UserWarning,
            stacklevel=4,
        )
