"""Statistics of repeated runs: intervals, paired tests, corrections, ranks; on plain numbers.

Everything is computed by scipy where scipy has it; the corrected resampled t-test, Holm's
correction and the critical difference are the few lines that it lacks. scipy is imported in the
functions, so that a table without anything to test does not wait for it.
"""

from __future__ import annotations

import functools
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench._ranks import (
    FriedmanTest,
    average_ranks,
    critical_difference,
    finite,
    friedman_test,
)
from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ALPHA",
    "CORRECTED_T",
    "MIN_SEEDS",
    "WILCOXON",
    "FriedmanTest",
    "PairedTest",
    "average_ranks",
    "bootstrap_interval",
    "can_reject",
    "critical_difference",
    "friedman_test",
    "holm",
    "mean_std",
    "paired_differences",
    "paired_test",
]

#: Fewest pairs for a claim: with 5 even five wins in five have p = 0.0625.
MIN_SEEDS: Final = 6
#: Level of all tests.
ALPHA: Final = 0.05
#: Up to so many pairs scipy goes through all sign changes where differences are tied.
_EXACT_WITH_TIES: Final = 13
_EXACT: Final = 50
#: Differences of fractions such as 0.8 - 0.7 and 0.9 - 0.8 are equal up to rounding alone.
_DIGITS: Final = 12

WILCOXON: Final = "Wilcoxon signed-rank test"
CORRECTED_T: Final = "corrected resampled t-test"


@dataclass(frozen=True)
class PairedTest:
    """Outcome of a two-sided test of paired results.

    Attributes:
        statistic: W (the smaller of the two rank sums) or t; None where no test is possible.
        p_value: Two-sided p-value, None where no test is possible.
        name: Which test.
        n: Number of pairs.
        zeros: Pairs of equal results. Wilcoxon's test leaves them out, the t-test does not.
        note: How the p-value was got, or why there is none.
    """

    statistic: float | None
    p_value: float | None
    name: str
    n: int
    zeros: int = 0
    note: str = ""


# -- one sample -----------------------------------------------------------------------------------


def mean_std(values: Sequence[float]) -> tuple[float, float | None]:
    """Return mean and sample standard deviation (n - 1); a single value has no deviation.

    Raises:
        InputError: No value, or one that is not finite.

    Example:
        >>> mean_std([1.0, 2.0, 3.0]), mean_std([1.0])
        ((2.0, 1.0), (1.0, None))
    """
    found = finite("values", values, least=1)
    return statistics.fmean(found), statistics.stdev(found) if len(found) > 1 else None


@functools.lru_cache(maxsize=4096)
def _interval(values: tuple[float, ...], level: float, seed: int) -> tuple[float, float]:
    import warnings

    import numpy as np
    from scipy import stats

    for method in ("BCa", "percentile"):  # BCa is not defined for some very even samples
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = stats.bootstrap(
                (np.array(values),),
                np.mean,
                confidence_level=level,
                method=method,
                random_state=np.random.default_rng(seed),
            ).confidence_interval
        if math.isfinite(found.low) and math.isfinite(found.high):
            break
    # a mean of equal values may be rounded past them
    return max(float(found.low), values[0]), min(float(found.high), values[-1])


def bootstrap_interval(
    values: Sequence[float], level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Return the bootstrap interval of the mean: BCa, 9,999 resamples [efron1987]_.

    Of a few runs it is somewhat too narrow: of ten, about 90 % of such intervals hold the mean.

    Args:
        values: At least two numbers.
        level: Confidence level, between 0 and 1.
        seed: Seed of the resampling; equal values and seed give equal bounds.

    Raises:
        InputError: Fewer than two values, one that is not finite, or a level outside (0, 1).

    Cost: about 10 ms; the same values a second time cost nothing.

    Example:
        >>> low, high = bootstrap_interval([0.81, 0.82, 0.80, 0.83, 0.82, 0.81])
        >>> 0.80 < low < 0.815 < high < 0.83
        True
    """
    found = finite("values", values, least=2)
    if not 0 < level < 1:
        raise InputError(f"level is {level!r}; expected a number between 0 and 1, such as 0.95.")
    if min(found) == max(found):
        return found[0], found[0]
    # sorted, so that the order in which runs are listed moves nothing
    return _interval(tuple(sorted(found)), level, seed)


# -- two samples ----------------------------------------------------------------------------------


def paired_differences(a: Sequence[float], b: Sequence[float]) -> list[float]:
    """Return a - b pair by pair, rounded where only floating point tells two of them apart.

    Example:
        >>> paired_differences([0.8, 0.9], [0.7, 0.8])
        [0.1, 0.1]
    """
    first, second = finite("a", a, least=1), finite("b", b, least=1)
    if len(first) != len(second):
        raise InputError(f"a has {len(first)} values, b has {len(second)}; pairs need as many.")
    scale = max(map(abs, (*first, *second)))
    if scale == 0:
        return [0.0] * len(first)
    digits = _DIGITS - math.ceil(math.log10(scale))
    return [round(x - y, digits) for x, y in zip(first, second, strict=True)]


def paired_test(
    a: Sequence[float],
    b: Sequence[float],
    *,
    random_splits: bool,
    test_fraction: float | None = None,
) -> PairedTest:
    """Test whether two systems differ, from their results on equal seeds and splits.

    On one fixed split the runs differ by the seed alone and the differences are independent:
    Wilcoxon's signed-rank test [wilcoxon1945]_, exact up to 50 pairs (13 where differences are
    tied), pairs without a difference left out. Over random splits of one data set the training
    sets overlap and the results depend on each other: the corrected resampled t-test
    [nadeau2003]_, whose variance is multiplied by 1/n + n_test/n_train instead of 1/n.

    Args:
        a: Results of the first system, one a pair.
        b: Results of the second one, in the same order.
        random_splits: Whether the split differs from run to run.
        test_fraction: n_test / (n_train + n_test), needed with random splits.

    Returns:
        The test; without a p-value if there is one pair alone, or if all differences are the same
        but not zero: two systems without randomness on one split have been compared once,
        however often the comparison is repeated.

    Raises:
        InputError: Not as many values, values that are not finite, or a fraction outside (0, 1).

    Example:
        >>> test = paired_test([0.82, 0.84, 0.81, 0.85, 0.83, 0.86], [0.80, 0.81, 0.80, 0.81,
        ...                    0.78, 0.80], random_splits=False)
        >>> test.p_value, test.n
        (0.03125, 6)
    """
    differences = paired_differences(a, b)
    name = CORRECTED_T if random_splits else WILCOXON
    if random_splits and (test_fraction is None or not 0 < test_fraction < 1):
        raise InputError(
            f"test_fraction is {test_fraction!r}; with random splits the test needs "
            "n_test / (n_train + n_test), between 0 and 1."
        )
    n, zeros = len(differences), differences.count(0.0)
    if zeros == n:
        return PairedTest(0.0, 1.0, name, n, zeros, "all results are equal")
    if n == 1:
        return PairedTest(None, None, name, n, zeros, "one pair alone")
    if len(set(differences)) == 1:
        return PairedTest(None, None, name, n, zeros, "the difference is the same in every pair")
    if random_splits:
        assert test_fraction is not None  # noqa: S101  (checked above)
        return _corrected_t(differences, test_fraction)
    return _wilcoxon([d for d in differences if d], zeros)


def _wilcoxon(differences: Sequence[float], zeros: int) -> PairedTest:
    from scipy import stats

    n = len(differences)
    tied = len({abs(d) for d in differences}) < n
    exact = n <= (_EXACT_WITH_TIES if tied else _EXACT)
    if n == 1:  # the one difference has either sign as easily
        found = (0.0, 1.0)
    else:
        ranks = stats.rankdata([abs(d) for d in differences])
        plus = sum(float(r) for r, d in zip(ranks, differences, strict=True) if d > 0)
        p = _tied(differences, ranks) if tied and exact else stats.wilcoxon(differences).pvalue
        found = (min(plus, n * (n + 1) / 2 - plus), float(p))
    how = "exact" if exact else "normal approximation"
    left_out = f", {_pairs(zeros)} without a difference left out" if zeros else ""
    return PairedTest(*found, WILCOXON, n + zeros, zeros, how + left_out)


def _tied(differences: Sequence[float], ranks: Any) -> float:  # noqa: ANN401  (array of scipy)
    """p-value over all changes of sign; scipy.stats.wilcoxon gives it too, 50 times slower."""
    import numpy as np
    from scipy import stats

    made: Any = stats.permutation_test(
        (np.array(differences),),
        lambda x, axis: (np.sign(x) * ranks).sum(axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=2 ** len(differences),
    )
    return float(made.pvalue)


def _corrected_t(differences: Sequence[float], test_fraction: float) -> PairedTest:
    """Equation 13 of Nadeau and Bengio (2003): t with n - 1 degrees of freedom."""
    from scipy import stats

    n = len(differences)
    ratio = test_fraction / (1 - test_fraction)  # n_test / n_train
    variance = statistics.variance(differences) * (1 / n + ratio)
    t = statistics.fmean(differences) / math.sqrt(variance)
    p = 2 * float(stats.t.sf(abs(t), n - 1))
    return PairedTest(t, p, CORRECTED_T, n, differences.count(0.0), f"n_test/n_train {ratio:.3g}")


def _pairs(count: int) -> str:
    return "1 pair" if count == 1 else f"{count} pairs"


# -- several systems ------------------------------------------------------------------------------


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number by Holm's step-down method [holm1979]_.

    Args:
        p_values: One a comparison, in any order.

    Raises:
        InputError: A value outside [0, 1].

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    for p in p_values:
        if not 0 <= p <= 1:
            raise InputError(f"p_values holds {p!r}; expected numbers from 0 to 1.")
    count = len(p_values)
    adjusted = [0.0] * count
    largest = 0.0
    for rank, index in enumerate(sorted(range(count), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def can_reject(pairs: int, comparisons: int, alpha: float = ALPHA) -> bool:
    """Tell whether Wilcoxon's test can find anything: all pairs agree, Holm over comparisons.

    The least two-sided p-value of n pairs is 2 / 2**n.

    Example:
        >>> can_reject(6, 1), can_reject(6, 2), can_reject(10, 20)
        (True, False, True)
    """
    return comparisons * 2.0 ** (1 - pairs) <= alpha
