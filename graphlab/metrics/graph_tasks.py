"""Losses and metrics of the tasks of *Benchmarking Graph Neural Networks*."""

from __future__ import annotations

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.metrics._finite import ArrayLike, check_finite
from graphlab.metrics.classification import LabelMetric, _class_scores

__all__ = [
    "F1",
    "MAE",
    "RMSE",
    "SBM_ACCURACY",
    "class_f1",
    "class_weights",
    "mean_absolute_error",
    "root_mean_squared_error",
    "sbm_accuracy",
    "weighted_cross_entropy",
]


def class_weights(y: Tensor, num_classes: int) -> Tensor:
    """Share of the rows that are of other classes, for each class; 0 for one without any row.

    Args:
        y: Classes.
        num_classes: Number of classes C.

    Shapes:
        - ``y``: (V,) integer; returns (C,) float

    Example:
        >>> class_weights(torch.tensor([0, 0, 0, 2]), 3).tolist()
        [0.25, 0.0, 0.75]
    """
    counts = torch.bincount(y, minlength=num_classes)
    return torch.where(counts > 0, (y.numel() - counts) / max(y.numel(), 1), 0.0)


def weighted_cross_entropy(scores: Tensor, y: Tensor) -> Tensor:
    r"""Cross entropy in which classes weigh the less the more rows they have [dwivedi2023]_.

    With :math:`n_c` of V rows in class c, its weight is :math:`(V - n_c) / V`, or 0 where it has
    none; the loss is the weighted mean over rows. Where a single class is left, all weights are 0
    and so is the loss.

    Args:
        scores: Logits.
        y: True classes.

    Shapes:
        - ``scores``: (V, C) float; ``y``: (V,) integer in 0..C-1; returns a scalar, differentiable

    Raises:
        InputError: No row, the shapes do not fit, or a label has no column.

    Example:
        >>> weighted_cross_entropy(torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])).round(decimals=3)
        tensor(0.6930)
    """
    scores, y = _class_scores(scores, y)
    each = class_weights(y, scores.shape[1]).to(scores.dtype)[y]
    loss = torch.nn.functional.cross_entropy(scores, y, reduction="none")
    return (each * loss).sum() / each.sum().clamp(min=torch.finfo(scores.dtype).tiny)


def sbm_accuracy(scores: ArrayLike, y: ArrayLike) -> float:
    """Mean over classes of the share of their rows that are put into them, in percent.

    As for the SBM sets of [dwivedi2023]_: the mean runs over classes that occur among labels or
    among predictions, and those without labels count 0. It is computed for a batch and averaged
    over batches with equal weight, so the size of batches moves it a little.

    Args:
        scores: Logits or probabilities.
        y: True classes.

    Shapes:
        - ``scores``: (n, C) float; ``y``: (n,) integer in 0..C-1; returns percent in [0, 100]

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: No row, the shapes do not fit, or a label has no column.

    Example:
        >>> scores = torch.tensor([[2.0, 1.0], [2.0, 1.0], [0.0, 1.0]])
        >>> sbm_accuracy(scores, torch.tensor([0, 1, 1]))
        75.0
    """
    scores, y = _class_scores(scores, y)
    check_finite(scores)
    guess = scores.argmax(1)
    classes = scores.shape[1]
    counts = torch.bincount(y, minlength=classes)
    seen = (counts > 0) | (torch.bincount(guess, minlength=classes) > 0)
    hits = torch.bincount(y[guess == y], minlength=classes)
    recall = hits.double() / counts.clamp(min=1).double()
    return 100 * float(recall.sum()) / int(seen.sum())


def class_f1(scores: ArrayLike, y: ArrayLike) -> float:
    """F1 of class 1: the harmonic mean of its precision and its recall; 0 where neither exists.

    As for TSP in [dwivedi2023]_, where class 1 are the edges of the tour.

    Args:
        scores: Logits or probabilities of two classes; equal ones count for class 0.
        y: True classes, 0 or 1.

    Shapes:
        - ``scores``: (n, 2) float; ``y``: (n,) integer; returns a fraction

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: No row, the shapes do not fit, not two classes.

    Example:
        >>> class_f1(torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), torch.tensor([1, 1, 0]))
        0.5
    """
    scores, y = _class_scores(scores, y)
    if scores.shape[1] != 2:
        raise InputError(f"scores has {scores.shape[1]} columns; F1 of class 1 takes two.")
    check_finite(scores)
    guess = scores.argmax(1)
    both = int((guess & y).sum())
    either = int(guess.sum()) + int(y.sum())
    return 2 * both / either if either else 0.0


def mean_absolute_error(scores: ArrayLike, y: ArrayLike) -> float:
    """Mean of the absolute differences; targets that are NaN are missing and left out.

    Args:
        scores: Predictions.
        y: Targets.

    Shapes:
        - both (n,), or (n, 1), or (n, T); returns a number in the unit of the targets

    Raises:
        NonFiniteError: A prediction is NaN or infinite.
        InputError: Shapes that differ, no target.

    Example:
        >>> mean_absolute_error(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
        1.0
    """
    return float(_differences(scores, y).abs().mean())


def root_mean_squared_error(scores: ArrayLike, y: ArrayLike) -> float:
    """Root of the mean squared difference; arguments as of :func:`mean_absolute_error`.

    Example:
        >>> root_mean_squared_error(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0]))
        1.0
    """
    return float(_differences(scores, y).square().mean().sqrt())


def _differences(scores: ArrayLike, y: ArrayLike) -> Tensor:
    scores, y = torch.as_tensor(scores), torch.as_tensor(y)
    scores, y = (t[:, 0] if t.dim() == 2 and t.shape[1] == 1 else t for t in (scores, y))
    if scores.shape != y.shape or scores.dim() not in (1, 2):
        raise InputError(
            f"scores has shape {tuple(scores.shape)} and y {tuple(y.shape)}; expected the same, "
            "(n,) or (n, T)."
        )
    check_finite(scores)
    known = ~torch.isnan(y) if y.is_floating_point() else torch.ones_like(y, dtype=torch.bool)
    if not bool(known.any()):
        raise InputError("y has no target that is not NaN: an error of nothing is undefined.")
    found: Tensor = scores.double()[known] - y.double()[known]
    return found


SBM_ACCURACY = LabelMetric("sbm_acc", sbm_accuracy, bounds=(0.0, 100.0), unit="percent")
F1 = LabelMetric("f1", class_f1)
MAE = LabelMetric(
    "mae",
    mean_absolute_error,
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    unit="unit of the target",
)
RMSE = LabelMetric(
    "rmse",
    root_mean_squared_error,
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    unit="unit of the target",
)
