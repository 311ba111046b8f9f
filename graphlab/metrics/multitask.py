"""Metrics of several two-class tasks at once, of which labels may be missing [hu2020]_."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.metrics._finite import ArrayLike, check_finite
from graphlab.metrics.ranking import average_precision, roc_auc

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["multitask_average_precision", "multitask_roc_auc"]


def multitask_roc_auc(scores: ArrayLike, y: ArrayLike) -> float:
    """Area under the ROC curve of each task, averaged over the tasks that have both classes.

    Args:
        scores: One score a sample and task.
        y: 1 or 0; NaN is an unknown label, which is left out.

    Shapes:
        - ``scores``, ``y``: (n, T), or (n,) for one task
        - returns: fraction in [0, 1]

    Raises:
        NonFiniteError: A score is NaN or infinite.
        InputError: The shapes differ, a label is neither 0 nor 1 nor NaN, or no task has both
            classes.

    Example:
        >>> y = torch.tensor([[1.0, 1.0], [0.0, float("nan")], [0.0, 1.0]])
        >>> multitask_roc_auc(torch.tensor([[0.9, 0.1], [0.2, 0.1], [0.4, 0.1]]), y)
        1.0
    """
    return _mean_over_tasks("ROC AUC", roc_auc, scores, y)


def multitask_average_precision(scores: ArrayLike, y: ArrayLike) -> float:
    """Average precision of each task, averaged over the tasks that have both classes.

    Arguments, shapes and errors as of :func:`multitask_roc_auc`.

    Example:
        >>> multitask_average_precision(torch.tensor([0.9, 0.2]), torch.tensor([1.0, 0.0]))
        1.0
    """
    return _mean_over_tasks("average precision", average_precision, scores, y)


def _mean_over_tasks(
    what: str, metric: Callable[[Tensor, Tensor], float], scores: ArrayLike, y: ArrayLike
) -> float:
    scores, y = torch.as_tensor(scores), torch.as_tensor(y)
    if scores.dim() == 1:
        scores = scores.unsqueeze(1)
    if y.dim() == 1:
        y = y.unsqueeze(1)
    if scores.shape != y.shape or scores.dim() != 2:
        raise InputError(
            f"scores has shape {tuple(scores.shape)} and y {tuple(y.shape)}; expected both (n, T)."
        )
    check_finite(scores)
    positive, negative = y == 1, y == 0
    odd = ~(positive | negative | (y != y))  # noqa: PLR0124  (true for NaN, any type)
    if bool(odd.any()):
        raise InputError(
            f"y holds the label {y[odd][0].item():g}; two-class tasks take 0, 1, and NaN for "
            "unknown."
        )
    values = [
        metric(scores[positive[:, t], t], scores[negative[:, t], t])
        for t in range(y.shape[1])
        if bool(positive[:, t].any()) and bool(negative[:, t].any())
    ]
    if not values:
        raise InputError(
            f"{what} is undefined: of {y.shape[1]} tasks none has samples of both classes."
        )
    return sum(values) / len(values)
