"""Statistics of ranks over data sets: average ranks, Friedman's test, the critical difference."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FriedmanTest", "average_ranks", "critical_difference", "finite", "friedman_test"]

_LEAST_SYSTEMS: Final = 3


@dataclass(frozen=True)
class FriedmanTest:
    """Outcome of Friedman's test: whether any systems differ over the data sets.

    Attributes:
        statistic: Chi-square statistic with (systems - 1) degrees of freedom.
        p_value: Its p-value.
    """

    statistic: float
    p_value: float


def average_ranks(
    scores: Sequence[Sequence[float]], *, higher_is_better: bool = True
) -> list[float]:
    """Return each system's rank, averaged over data sets; 1 is best, ties share their ranks.

    Args:
        scores: (datasets, systems).
        higher_is_better: Direction of the metric.

    Raises:
        InputError: No data set, rows of different lengths, or a value that is not finite.

    Example:
        >>> average_ranks([[0.9, 0.8, 0.8], [0.7, 0.8, 0.6]])
        [1.5, 1.75, 2.75]
    """
    from scipy import stats

    rows = _matrix(scores)
    sign = -1.0 if higher_is_better else 1.0
    ranks = [stats.rankdata([sign * value for value in row]) for row in rows]
    return [float(statistics.fmean(column)) for column in zip(*ranks, strict=True)]


def friedman_test(scores: Sequence[Sequence[float]]) -> FriedmanTest:
    """Test whether the systems differ at all, over data sets [friedman1937]_.

    Args:
        scores: (datasets, systems), at least two data sets and three systems.

    Raises:
        InputError: Fewer, or values as in :func:`average_ranks`.
    """
    from scipy import stats

    rows = _matrix(scores)
    if len(rows) < 2 or len(rows[0]) < _LEAST_SYSTEMS:
        raise InputError(
            f"scores holds {len(rows)} data sets and {len(rows[0])} systems; Friedman's test "
            "needs 2 data sets and 3 systems at least."
        )
    if all(len(set(row)) == 1 for row in rows):
        return FriedmanTest(0.0, 1.0)
    found: Any = stats.friedmanchisquare(*zip(*rows, strict=True))
    return FriedmanTest(float(found.statistic), float(found.pvalue))


def critical_difference(num_systems: int, num_datasets: int, alpha: float = 0.05) -> float:
    """Return by how much two average ranks must differ, by Nemenyi's test [demsar2006]_.

    Args:
        num_systems: Number of systems, at least 2.
        num_datasets: Number of data sets, at least 1.
        alpha: Level.

    Raises:
        InputError: A number below its least, or a level outside (0, 1).

    Example:
        >>> round(critical_difference(5, 30), 3)  # Demsar gives q = 2.728 for 5 systems
        1.114
    """
    from scipy import stats

    for name, value, least in (("systems", num_systems, 2), ("datasets", num_datasets, 1)):
        if value < least:
            raise InputError(f"num_{name} is {value!r}; expected {least} or more.")
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha!r}; expected a number between 0 and 1, such as 0.05.")
    q = float(stats.studentized_range.ppf(1 - alpha, num_systems, math.inf)) / math.sqrt(2)
    return q * math.sqrt(num_systems * (num_systems + 1) / (6 * num_datasets))


def finite(name: str, values: Sequence[float], *, least: int) -> list[float]:
    """Return values as floats.

    Raises:
        InputError: Fewer than ``least``, or one that is not finite.
    """
    found = [float(value) for value in values]
    if len(found) < least:
        raise InputError(f"{name} holds {len(found)} numbers; expected {least} or more.")
    for value in found:
        if not math.isfinite(value):
            raise InputError(f"{name} holds {value!r}; expected finite numbers.")
    return found


def _matrix(scores: Sequence[Sequence[float]]) -> list[list[float]]:
    rows = [finite("scores", row, least=1) for row in scores]
    lengths = Counter(map(len, rows))
    if len(lengths) != 1:
        raise InputError(
            f"scores has rows of {sorted(lengths) or 'no'} values; expected one row a data set, "
            "each with one value a system."
        )
    return rows
