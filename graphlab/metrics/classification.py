"""Accuracy and the area under the ROC curve of labelled rows, with exact ties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.metrics._finite import ArrayLike, check_finite
from graphlab.metrics.ranking import roc_auc

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ACCURACY",
    "ROC_AUC",
    "LabelMetric",
    "accuracy",
    "binary_roc_auc",
    "per_class_accuracy",
]


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
