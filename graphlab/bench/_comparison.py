"""Two executions of one run, compared number by number at the level that is promised."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.bench._environment import Level
    from graphlab.bench.record import RunRecord

__all__ = ["TOLERANCE", "Comparison", "compare_executions", "seed_interval"]

#: Of ``close``: of a metric in fractions, absolute; of one in percent a hundred times that.
TOLERANCE: Final = 1e-3
_LEAST_SEEDS: Final = 3
_LEVEL: Final = 0.95


@dataclass(frozen=True)
class Comparison:
    """One fact of a run, as recorded and as it came out now.

    Attributes:
        name: Such as ``"test acc"``.
        recorded: What the record says.
        again: What the new execution gave.
        holds: Whether that is as promised; None where nothing is promised of it.
    """

    name: str
    recorded: Any  # numbers, texts, None
    again: Any
    holds: bool | None

    @property
    def equal(self) -> bool:
        """Whether both are the same, to the last bit."""
        return bool(self.recorded == self.again)


def compare_executions(
    recorded: RunRecord,
    again: RunRecord,
    level: Level,
    *,
    interval: tuple[float, float] | None = None,
) -> tuple[Comparison, ...]:
    """Compare what two executions of a run gave.

    Data and split must be the same at every level. ``exact``: everything must. ``close``: each
    metric within :data:`TOLERANCE`, times the metric's range where it has one, times the value
    where it is larger than 1. ``statistical``: the main test metric within ``interval``.

    Args:
        recorded: The record in question.
        again: The new one.
        level: What is promised.
        interval: Where a new value may lie, of :func:`seed_interval`; None: nothing is promised.
    """
    exact = level == "exact"
    old, new = recorded.result, again.result
    found = [
        _same("status", old.status, new.status, binding=True),
        _same(
            "data checksum", recorded.data.dataset_sha256, again.data.dataset_sha256, binding=True
        ),
        _same("split checksum", recorded.data.split_sha256, again.data.split_sha256, binding=True),
        _same("parameters", recorded.cost.parameters, again.cost.parameters, binding=True),
        _same("best epoch", old.best_epoch, new.best_epoch, binding=exact),
        _same("epochs run", old.epochs_run, new.epochs_run, binding=exact),
    ]
    scales = _scales(recorded.identity.task) if level == "close" else {}
    for split in dict.fromkeys((*old.metrics, *new.metrics)):
        before, after = old.metrics.get(split, {}), new.metrics.get(split, {})
        for name in dict.fromkeys((*before, *after)):
            value, other = before.get(name), after.get(name)
            holds: bool | None = value == other
            if level == "close":
                holds = holds or _close(value, other, scales.get(name, 1.0))
            elif level == "statistical":
                main = split == "test" and name == old.metric
                holds = _inside(other, interval) if main else None
            found.append(Comparison(f"{split} {name}", value, other, holds))
    if exact and old.breakdowns:
        equal = old.breakdowns == new.breakdowns
        words = ("as recorded", "as recorded" if equal else "others")
        found.append(Comparison("breakdowns", *words, equal))
    if exact and old.predictions is not None and new.predictions is not None:
        pair = old.predictions.sha256, new.predictions.sha256
        found.append(_same("predictions", *pair, binding=True))
    if exact and old.node_metrics is not None:
        again_sha = None if new.node_metrics is None else new.node_metrics.sha256
        found.append(_same("node metrics", old.node_metrics.sha256, again_sha, binding=True))
    if exact and old.error is not None and new.error is not None:
        found.append(_same("error", old.error.type, new.error.type, binding=True))
        found.append(_same("at epoch", old.error.epoch, new.error.epoch, binding=True))
    return tuple(found)


def seed_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % prediction interval of one more run of a cell, from the runs there are.

    Normal theory: mean plus and minus t times the standard deviation times sqrt(1 + 1/n).

    Returns:
        None with fewer than 3 values: nothing can be said then.

    Example:
        >>> low, high = seed_interval([0.70, 0.72, 0.74])
        >>> round(low, 3), round(high, 3)
        (0.621, 0.819)
    """
    n = len(values)
    if n < _LEAST_SEEDS:
        return None
    from scipy.stats import t

    mean, std = statistics.fmean(values), statistics.stdev(values)
    half = float(t.ppf((1 + _LEVEL) / 2, n - 1)) * std * math.sqrt(1 + 1 / n)
    return mean - half, mean + half


# -- private --------------------------------------------------------------------------------------


def _same(name: str, recorded: object, again: object, *, binding: bool) -> Comparison:
    return Comparison(name, recorded, again, recorded == again if binding else None)


def _close(value: float | None, other: float | None, scale: float) -> bool:
    if value is None or other is None:
        return False
    return abs(value - other) <= TOLERANCE * max(scale, abs(value))


def _inside(value: float | None, interval: tuple[float, float] | None) -> bool | None:
    if interval is None:
        return None
    return value is not None and interval[0] <= value <= interval[1]


def _scales(task: str) -> dict[str, float]:
    """Range of each metric of a task, where it is finite: 1 of a fraction, 100 of percent."""
    from graphlab.errors import GraphlabError
    from graphlab.registry import find_task

    try:
        metrics = find_task(task).load()().metrics
    except (GraphlabError, TypeError):  # a task of the user's own, or one that needs arguments
        return {}
    ranges = {metric.name: metric.bounds[1] - metric.bounds[0] for metric in metrics}
    return {name: size for name, size in ranges.items() if math.isfinite(size)}
