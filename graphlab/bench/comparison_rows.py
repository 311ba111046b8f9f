"""Rows of a comparison: two systems over the runs they share, or one and a published number."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PairResult", "PublishedResult"]


@dataclass(frozen=True)
class PairResult:
    """Two systems on one data set under one protocol, over the runs that both have.

    Differences are a - b in the unit of the records (accuracy is a fraction).

    Attributes:
        dataset: Data set.
        task: Task name.
        protocol: Protocol id.
        metric: Metric name.
        a: System of the first side.
        b: System of the second side.
        a_cell: Its cell's id.
        b_cell: Its cell's id.
        n: Number of pairs: runs of equal seed and fold, on equal data and split.
        a_mean: Mean of the first over the pairs.
        b_mean: Mean of the second over the pairs.
        difference: Mean difference.
        low: Lower end of its 95 % bootstrap interval, None with fewer than six pairs.
        high: Upper end.
        wins: Pairs in which the first is better.
        ties: Pairs with equal results.
        losses: Pairs in which the second is better.
        test: Name of the test, "" for none.
        p_value: Two-sided p-value, None without a claim.
        p_holm: The same adjusted for the number of pairs of systems.
        verdict: ``"a better"``, ``"b better"``, ``"not shown to differ"``, ``"too few seeds"``,
            ``"no test"``.
        remark: What is not as planned, why there is no test, how the p-value was got.
    """

    dataset: str
    task: str
    protocol: str
    metric: str
    a: str
    b: str
    a_cell: str
    b_cell: str
    n: int
    a_mean: float
    b_mean: float
    difference: float
    low: float | None
    high: float | None
    wins: int
    ties: int
    losses: int
    test: str = ""
    p_value: float | None = None
    p_holm: float | None = None
    verdict: str = ""
    remark: str = ""


@dataclass(frozen=True)
class PublishedResult:
    """One system against the published number for its model, data set, protocol and metric.

    Attributes:
        dataset: Data set.
        task: Task name.
        protocol: Protocol id.
        metric: Metric name.
        system: Row name of ours.
        cell: Its cell's id.
        n: Number of our runs with a result.
        mean: Our mean.
        std: Our sample standard deviation, None for a single run.
        low: Lower end of the 95 % bootstrap interval of our mean, None without a claim.
        high: Upper end.
        published_mean: Published mean.
        published_std: Published deviation, None where none is given.
        published_runs: Runs behind it, None where it is not said.
        source: Key of the source in ``benchmarks/reference/sources.toml``.
        citation: The source in a few words.
        difference: Ours minus published.
        contained: Whether the interval contains the published mean; None without a claim.
        verdict: ``"inside"``, ``"outside"``, ``"too few seeds"``, ``"failed runs"``.
        remark: What is not as planned.
    """

    dataset: str
    task: str
    protocol: str
    metric: str
    system: str
    cell: str
    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None
    published_mean: float
    published_std: float | None
    published_runs: int | None
    source: str
    citation: str
    difference: float
    contained: bool | None
    verdict: str
    remark: str = ""
