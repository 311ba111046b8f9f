"""What the performance of nodes goes along with: correlations, intervals, and which is larger."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from graphlab.analysis._intervals import Estimate, bootstrap_correlations, over_splits
from graphlab.analysis.topology import check_lengths
from graphlab.errors import InputError
from graphlab.metrics.correlation import topology_performance_correlation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

__all__ = ["Diagnosis", "SplitPerformance", "diagnose"]

_LEADER = "tc_test"
_PAIR = 2  # nodes that a correlation needs


@dataclass(frozen=True)
class SplitPerformance:
    """The test nodes of one split: their values and how well they fared, the mean over its runs.

    Args:
        values: Of :func:`node_values`, at the test nodes.
        metrics: Performance by name.

    Shapes:
        - each value and metric: (q,)
    """

    values: Mapping[str, Tensor]
    metrics: Mapping[str, Tensor]


@dataclass(frozen=True)
class Diagnosis:
    """What performance goes along with.

    Attributes:
        correlations: Pearson's correlation by value, then by metric.
        leads: By value, then by metric: how much larger the correlation of ``tc_test`` is than
            that of the value, both without their signs.
        over: What the intervals are over: ``"splits"``, or ``"nodes"`` of a single split.
        splits: Number of splits.
        nodes: Mean number of test nodes of a split.
    """

    correlations: dict[str, dict[str, Estimate]]
    leads: dict[str, dict[str, Estimate]]
    over: Literal["splits", "nodes"]
    splits: int
    nodes: float

    def verdict(self, value: str, metric: str) -> Literal["larger", "smaller", "undecided"]:
        """Say whether ``tc_test`` goes with a metric more than a value does, beyond the interval.

        Raises:
            KeyError: There is no such value or metric.
        """
        lead = self.leads[value][metric]
        if lead.low > 0:
            return "larger"
        return "smaller" if lead.high < 0 else "undecided"


def diagnose(
    splits: Sequence[SplitPerformance],
    *,
    level: float = 0.95,
    samples: int = 1000,
    seed: int = 0,
) -> Diagnosis:
    """Correlate each value of nodes with each metric, with intervals.

    Of one split, whose runs have been averaged, the interval is that of bootstrap samples of its
    nodes, as in [wang2024tc]_. Where each seed has a split of its own, nodes differ between them;
    then each split is correlated by itself, and the interval is Student's t interval of the mean
    over splits. Splits of one graph overlap, so it says how much a new split would change the
    number, not a new graph.

    A value leads another where the interval of the difference of their correlations, paired by
    split or by bootstrap sample and both without their signs, is above 0.

    Args:
        splits: One for each split.
        level: Of the intervals.
        samples: Bootstrap samples of a single split.
        seed: Of these.

    Raises:
        InputError: No split, splits of other values or metrics, less than two nodes.

    Cost: O(q) a pair of value and metric, a split and a bootstrap sample.

    Example:
        >>> import torch
        >>> tc, degree = torch.tensor([0.0, 0.2, 0.9]), torch.tensor([3.0, 1.0, 2.0])
        >>> values = {"tc_test": tc, "degree": degree}
        >>> split = SplitPerformance(values, {"mrr": torch.tensor([0.1, 0.3, 0.8])})
        >>> found = diagnose([split, split])
        >>> found.correlations["tc_test"]["mrr"].mean > 0.9, found.verdict("degree", "mrr")
        (True, 'larger')
    """
    names, metrics = _checked(splits)
    pearson = [
        {
            (value, metric): topology_performance_correlation(
                split.values[value], split.metrics[metric], samples=0
            ).pearson
            for value in names
            for metric in metrics
        }
        for split in splits
    ]
    alone = len(splits) == 1
    drawn = (
        bootstrap_correlations(splits[0].values, splits[0].metrics, samples=samples, seed=seed)
        if alone
        else {}
    )

    def estimate(value: str, metric: str) -> Estimate:
        key = (value, metric)
        if alone:
            return Estimate.of_samples(pearson[0][key], drawn[key], level)
        return over_splits([each[key] for each in pearson], level)

    def lead(value: str, metric: str) -> Estimate:
        first, other = (_LEADER, metric), (value, metric)
        found = [abs(each[first]) - abs(each[other]) for each in pearson]
        if alone:
            return Estimate.of_samples(found[0], drawn[first].abs() - drawn[other].abs(), level)
        return over_splits(found, level)

    others = [name for name in names if name != _LEADER] if _LEADER in names else []
    return Diagnosis(
        correlations={v: {m: estimate(v, m) for m in metrics} for v in names},
        leads={v: {m: lead(v, m) for m in metrics} for v in others},
        over="nodes" if alone else "splits",
        splits=len(splits),
        nodes=math.fsum(len(next(iter(s.metrics.values()))) for s in splits) / len(splits),
    )


# -- private --------------------------------------------------------------------------------------


def _checked(splits: Sequence[SplitPerformance]) -> tuple[list[str], list[str]]:
    if not splits:
        raise InputError("There is no split to diagnose.")
    names, metrics = list(splits[0].values), list(splits[0].metrics)
    for split in splits:
        if list(split.values) != names or list(split.metrics) != metrics:
            raise InputError(
                f"A split has {list(split.values)} and {list(split.metrics)}, another one {names} "
                f"and {metrics}; expected the same of all."
            )
        if not names or not metrics:
            raise InputError("A split has no values or no metrics; expected at least one of both.")
        first = split.values[names[0]]
        check_lengths(first, {**split.values, **split.metrics})
        if first.numel() < _PAIR:
            raise InputError(f"A split has {first.numel()} nodes, expected at least {_PAIR}.")
    return names, metrics
