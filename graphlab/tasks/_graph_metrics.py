"""What a graph task can be measured by, and the loss that goes with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from graphlab.errors import InputError
from graphlab.metrics import (
    accuracy,
    class_f1,
    class_weights,
    mean_absolute_error,
    multitask_average_precision,
    multitask_roc_auc,
    root_mean_squared_error,
    sbm_accuracy,
)
from graphlab.metrics._finite import check_finite
from graphlab.registry import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from graphlab.tasks.base import Predictions

__all__ = ["METRICS", "GraphMetric", "find_metric"]

Kind = Literal["classes", "two-class tasks", "numbers"]
Loss = Literal["cross-entropy", "weighted-cross-entropy", "binary-cross-entropy", "mse", "mae"]


@dataclass(frozen=True)
class GraphMetric:
    """A metric of a graph task, with the loss and the kind of target that belong to it.

    Args:
        name: Key in results and column in tables.
        function: From scores and targets to a number.
        target: What targets are.
        loss: What is minimised.
        higher_is_better: Direction.
        bounds: Smallest and largest possible value.
        unit: What the number counts.
        by_batch: Computed batch by batch and averaged with equal weights, as the benchmark that
            it is from does; else over all samples at once.
        rows: Where the rows of each batch begin, and the number of rows; empty: one batch.
    """

    name: str
    function: Callable[[Tensor, Tensor], float]
    target: Kind
    loss: Loss
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    unit: str = "fraction"
    by_batch: bool = False
    rows: tuple[int, ...] = ()

    def over(self, rows: Sequence[int]) -> GraphMetric:
        """Return the metric for predictions whose batches begin at these rows."""
        return replace(self, rows=tuple(rows)) if self.by_batch else self

    def __call__(self, predictions: Predictions) -> float:
        """Return the metric of these predictions, whose rows are in order."""
        scores, target = predictions.scores, predictions.target
        check_finite(scores)
        parts = self._parts(scores, target)
        return sum(self.function(*part) for part in parts) / len(parts)

    def loss_of(self, scores: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the loss of a batch; targets that are NaN are unknown and left out.

        Args:
            scores: (B, C) of classes, (B, T) of tasks or numbers.
            target: (B,) classes, or (B, T).
            weights: Of the classes (C,), where the loss has some; None: those of this batch.
        """
        if self.loss == "cross-entropy":
            return cross_entropy(scores, target)
        if self.loss == "weighted-cross-entropy":
            given = class_weights(target, scores.shape[1]) if weights is None else weights
            return cross_entropy(scores, target, weight=given.to(scores.dtype))
        known = ~target.isnan()
        if not bool(known.any()):
            return scores.sum() * 0.0  # a batch without a known label teaches nothing
        scores, target = scores[known], target[known].to(scores.dtype)
        if self.loss == "binary-cross-entropy":
            return binary_cross_entropy_with_logits(scores, target)
        error = scores - target
        return error.square().mean() if self.loss == "mse" else error.abs().mean()

    def amount(self, target: Tensor, weights: Tensor | None = None) -> float:
        """Return what the mean of :meth:`loss_of` divides by, for these targets."""
        if self.loss == "weighted-cross-entropy":
            assert weights is not None  # noqa: S101  (set by those that share a batch)
            return float(weights.double()[target].sum())
        if self.target == "classes":
            return float(target.numel())
        return float((~target.isnan()).sum())

    def mean_loss(self, scores: Tensor, target: Tensor) -> float:
        """Return the loss of predictions, averaged over batches where the metric is."""
        parts = self._parts(scores, target)
        return sum(float(self.loss_of(*part)) for part in parts) / len(parts)

    def _parts(self, scores: Tensor, target: Tensor) -> list[tuple[Tensor, Tensor]]:
        if not self.rows:
            return [(scores, target)]
        sizes = [end - start for start, end in pairwise(self.rows)]
        return list(zip(torch.split(scores, sizes), torch.split(target, sizes), strict=True))


def find_metric(name: str) -> GraphMetric:
    """Return a metric by name.

    Raises:
        InputError: No such metric; suggests the nearest.
    """
    if name not in METRICS:
        near = nearest(name, list(METRICS), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise InputError(f"metric is {name!r}; expected one of {', '.join(METRICS)}.{hint}")
    return METRICS[name]


def _error(
    name: str, function: Callable[[Tensor, Tensor], float], loss: Literal["mse", "mae"]
) -> GraphMetric:
    return GraphMetric(
        *(name, function, "numbers", loss),
        higher_is_better=False,
        bounds=(0.0, math.inf),
        unit="of the target",
    )


METRICS: dict[str, GraphMetric] = {
    metric.name: metric
    for metric in (
        GraphMetric("acc", accuracy, "classes", "cross-entropy"),
        GraphMetric(
            *("sbm_acc", sbm_accuracy, "classes", "weighted-cross-entropy"),
            bounds=(0.0, 100.0),
            unit="percent",
            by_batch=True,
        ),
        GraphMetric("f1", class_f1, "classes", "cross-entropy", by_batch=True),
        GraphMetric("rocauc", multitask_roc_auc, "two-class tasks", "binary-cross-entropy"),
        GraphMetric("ap", multitask_average_precision, "two-class tasks", "binary-cross-entropy"),
        _error("rmse", root_mean_squared_error, "mse"),
        _error("mae", mean_absolute_error, "mae"),
    )
}
