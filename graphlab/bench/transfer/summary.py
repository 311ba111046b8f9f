"""What a transfer experiment found, as plain values: accuracies, correlations, choices."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.bench.stats import holm
from graphlab.bench.transfer.correlation import correlate, without
from graphlab.bench.transfer.experiment import MEASURES, PREDICTORS

if TYPE_CHECKING:
    from graphlab.bench.transfer.correlation import Correlation
    from graphlab.bench.transfer.experiment import Experiment

    Floats = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["summarise"]

_CONTROL = "mean degree"


def summarise(experiment: Experiment, *, permutations: int = 9999) -> dict[str, Any]:
    """Return all tables of a finished experiment, as they are written to JSON.

    Gains are accuracies minus those without pre-training, means over seeds. ``p_holm`` adjusts the
    p-values of whole sources for all predictors and both measures.

    Args:
        experiment: With nothing pending.
        permutations: Shuffles of each p-value.
    """
    plan = experiment.plan
    predictors = {name: experiment.predictor(name) for name in PREDICTORS}
    measured = {}
    for kind in MEASURES:
        accuracy, untrained = experiment.accuracies(kind)
        gain = (accuracy - untrained).mean(2)
        measured[kind] = {
            "tasks": _tasks(plan.tasks, accuracy.mean(2), untrained.mean(1)),
            "reliability": _reliability(accuracy),
            "gains": gain.tolist(),
            "predictors": [
                _row(name, values, gain, predictors[_CONTROL], permutations)
                for name, values in predictors.items()
            ],
        }
    rows = [row for kind in measured.values() for row in kind["predictors"]]
    for row, p in zip(rows, _adjusted([row["pearson"]["p_sources"] for row in rows]), strict=True):
        row["pearson"]["p_holm"] = p
    return {
        "title": plan.title,
        "seeds": list(plan.seeds),
        "sources": list(plan.sources),
        "tasks": list(plan.tasks),
        "points": plan.num_points,
        "permutations": permutations,
        "measures": measured,
        "predictors": {name: values.tolist() for name, values in predictors.items()},
    }


# -- private --------------------------------------------------------------------------------------


def _tasks(tasks: tuple[str, ...], accuracy: Floats, untrained: Floats) -> list[dict[str, Any]]:
    return [
        {
            "task": task,
            "untrained": float(alone),
            "worst": float(column.min()),
            "mean": float(column.mean()),
            "best": float(column.max()),
            "helped": float((column > alone).mean()),
        }
        for task, column, alone in zip(tasks, accuracy.T, untrained, strict=True)
    ]


def _reliability(accuracy: Floats) -> float | None:
    """Return how far another set of seeds would give the same order: a ceiling of correlations.

    Mean correlation of two seeds within tasks, stepped up to that of their mean (Spearman-Brown).
    """
    seeds = accuracy.shape[2]
    if seeds < 2:
        return None
    found = [
        correlate(accuracy[:, :, a], accuracy[:, :, b], permutations=0).pooled
        for a, b in combinations(range(seeds), 2)
    ]
    mean = max(float(np.mean(found)), 0.0)  # below 0 the formula means nothing
    return seeds * mean / (1 + (seeds - 1) * mean) if np.isfinite(mean) else None


def _row(
    name: str, values: Floats, gain: Floats, control: Floats, permutations: int
) -> dict[str, Any]:
    chosen = gain[values.argmax(0), np.arange(gain.shape[1])]
    return {
        "predictor": name,
        "pearson": _told(correlate(values, gain, permutations=permutations)),
        "spearman": _told(correlate(values, gain, kind="spearman", permutations=permutations)),
        # what it tells beyond the plainest statistic
        "partial": None
        if name == _CONTROL
        else _told(
            correlate(without(values, control), without(gain, control), permutations=permutations)
        ),
        # in accuracy: the source it puts first, against one at random and against the best
        "chosen_gain": float(chosen.mean()),
        "random_gain": float(gain.mean()),
        "best_gain": float(gain.max(0).mean()),
    }


def _told(found: Correlation) -> dict[str, Any]:
    return {
        "pooled": _number(found.pooled),
        "p_within": _number(found.p_within),
        "p_sources": _number(found.p_sources),
        "points": found.points,
        "by_task": [_number(value) for value in found.by_task],
        "p_by_task": [_number(value) for value in found.p_by_task],
    }


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _adjusted(p_values: list[float | None]) -> list[float | None]:
    known = [p for p in p_values if p is not None]
    adjusted = iter(holm(known))
    return [None if p is None else next(adjusted) for p in p_values]
