"""How far one number a source and task tells of another, with p-values by permutation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graphlab.errors import InputError

if TYPE_CHECKING:
    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Kind = Literal["pearson", "spearman"]

__all__ = ["Correlation", "correlate", "without"]

_LEAST = 3  # sources: two are always on a line
_ROUNDING = 1e-12
_CHUNK = 1000  # shuffles in memory at a time


@dataclass(frozen=True)
class Correlation:
    """Correlation over sources within tasks, and of all tasks together.

    Attributes:
        pooled: Pearson correlation of all points after standardising within each task, which is
            the mean of ``by_task``; of ranks with ``kind="spearman"``.
        by_task: Correlation over the sources of each task, (T,); NaN where one side is constant.
            Such tasks are left out of the pool.
        p_within: Two-sided p-value; the null shuffles sources in each task by itself.
        p_sources: Two-sided p-value; the null gives whole sources the gains of others, alike in
            all tasks. What one source has in common over tasks is then no evidence.
        p_by_task: Two-sided p-value of each task, (T,), by the same shuffles.
        points: Pairs of source and task.
    """

    pooled: float
    by_task: Floats
    p_within: float
    p_sources: float
    p_by_task: Floats
    points: int


def correlate(
    predictor: Floats,
    gain: Floats,
    *,
    kind: Kind = "pearson",
    permutations: int = 9999,
    seed: int = 0,
) -> Correlation:
    """Correlate two tables of sources and tasks, within the tasks.

    Args:
        predictor: (S, T).
        gain: (S, T).
        kind: Of values, or of their ranks within a task (ties share a rank).
        permutations: Shuffles; the smallest p-value is 1 / (permutations + 1).
        seed: Of the shuffles.

    Raises:
        InputError: Shapes that differ, fewer than three sources, values that are not finite.

    Cost: O(permutations S T).

    Example:
        >>> values = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [5.0, 4.5]])
        >>> found = correlate(values, 2 * values)
        >>> round(found.pooled, 6), found.points
        (1.0, 8)
    """
    if predictor.shape != gain.shape or predictor.ndim != 2 or len(gain) < _LEAST:
        raise InputError(
            f"predictor has shape {predictor.shape}, gain {gain.shape}; expected two tables "
            f"(sources, tasks) of at least {_LEAST} sources."
        )
    if not (np.isfinite(predictor).all() and np.isfinite(gain).all()):
        raise InputError("predictor or gain holds a value that is not finite.")
    one, two = (_standardised(_ranks(a) if kind == "spearman" else a) for a in (predictor, gain))
    usable = np.isfinite(one).all(0) & np.isfinite(two).all(0)
    sources, tasks = gain.shape
    found = np.where(usable, (one * two).sum(0) / sources, np.nan)
    if not usable.any():
        nan = np.full(tasks, np.nan)
        return Correlation(np.nan, nan, np.nan, np.nan, nan, 0)
    one, two = one[:, usable], two[:, usable]
    within, joint = _shuffled(one, two, permutations, np.random.default_rng(seed))
    pooled = float(found[usable].mean())
    by_task = np.full(tasks, np.nan)
    by_task[usable] = _p_value(within, found[usable])
    return Correlation(
        pooled=pooled,
        by_task=found,
        p_within=float(_p_value(within.mean(1), pooled)),
        p_sources=float(_p_value(joint, pooled)),
        p_by_task=by_task,
        points=int(sources * usable.sum()),
    )


def without(values: Floats, control: Floats) -> Floats:
    """Return what a line through ``control`` leaves of values within each task, (S, T).

    The correlation of two such remainders is the partial correlation; p-values by shuffling
    remainders are approximate.

    Args:
        values: (S, T).
        control: (S, T); where it is constant, the task's mean is taken off.

    Example:
        >>> line = np.array([[1.0], [2.0], [4.0]])
        >>> without(3 * line + 1, line).round(9).tolist()
        [[0.0], [0.0], [0.0]]
    """
    x = control - control.mean(0)
    y: Floats = values - values.mean(0)
    square = (x * x).sum(0)
    slope = (x * y).sum(0) / np.where(square > 0, square, 1)
    rest: Floats = y - slope * x
    # a remainder of rounding is none
    rest[:, np.abs(rest).max(0) <= _ROUNDING * np.abs(values).max(0)] = 0
    return rest


# -- private --------------------------------------------------------------------------------------


def _standardised(values: Floats) -> Floats:
    """Return columns of mean 0 and deviation 1; constant ones are NaN."""
    centered = values - values.mean(0)
    spread = centered.std(0)
    scale = np.abs(values).max(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = np.where(spread > _ROUNDING * scale, centered / spread, np.nan)
    return found


def _ranks(values: Floats) -> Floats:
    from scipy.stats import rankdata

    found: Floats = rankdata(values, axis=0).astype(np.float64)
    return found


def _shuffled(
    one: Floats, two: Floats, permutations: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return correlations by task (P, T) and pooled ones of whole sources (P,) under shuffles."""
    sources, tasks = one.shape
    within, joint = np.empty((permutations, tasks)), np.empty(permutations)
    for start in range(0, permutations, _CHUNK):
        part = slice(start, min(start + _CHUNK, permutations))
        count = part.stop - start
        order = rng.random((count, sources, tasks)).argsort(1)
        within[part] = (np.take_along_axis(one[None], order, 1) * two).sum(1) / sources
        order = rng.random((count, sources)).argsort(1)
        joint[part] = (one[order] * two).mean((1, 2))
    return within, joint


def _p_value(null: Floats, found: Floats | float) -> Floats:
    """Return the share of shuffles, the data itself among them, that are at least as far from 0."""
    least = np.abs(found) - _ROUNDING
    share: Floats = np.asarray((1 + (np.abs(null) >= least).sum(0)) / (1 + len(null)))
    return share
