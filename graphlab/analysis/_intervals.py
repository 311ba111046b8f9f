"""Intervals of correlations: of bootstrap samples of nodes, or of the mean over splits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Self

import torch

from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

__all__ = ["Estimate", "bootstrap_correlations", "over_splits"]

_BLOCK = 1 << 21  # numbers that are drawn at a time


@dataclass(frozen=True)
class Estimate:
    """A number with the bounds of its interval; NaN where undefined.

    Attributes:
        mean: The number, of several splits their mean.
        low: Lower bound.
        high: Upper bound.
        count: Splits in which it is defined, or bootstrap samples.
    """

    mean: float
    low: float
    high: float
    count: int

    @classmethod
    def of_samples(cls, value: float, samples: Tensor, level: float) -> Self:
        """Take the percentiles of samples as bounds; those that are NaN do not count."""
        _check_level(level)
        whole = samples[~samples.isnan()]
        if math.isnan(value) or not whole.numel():
            return cls(value, math.nan, math.nan, 0)
        bounds = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=whole.dtype)
        low, high = torch.quantile(whole, bounds.to(whole.device)).tolist()
        return cls(value, low, high, whole.numel())


def over_splits(values: Sequence[float], level: float) -> Estimate:
    """Return mean and t interval of a value of splits; those in which it is NaN do not count.

    Example:
        >>> found = over_splits([0.4, 0.5, 0.6], 0.95)
        >>> round(found.mean, 3), round(found.low, 3), round(found.high, 3)
        (0.5, 0.252, 0.748)
    """
    _check_level(level)
    whole = [value for value in values if not math.isnan(value)]
    n = len(whole)
    if not n:
        return Estimate(math.nan, math.nan, math.nan, 0)
    mean = math.fsum(whole) / n
    if n == 1:
        return Estimate(mean, math.nan, math.nan, 1)
    from scipy.stats import t

    std = math.sqrt(math.fsum((value - mean) ** 2 for value in whole) / (n - 1))
    half = float(t.ppf((1 + level) / 2, n - 1)) * std / math.sqrt(n)
    return Estimate(mean, mean - half, mean + half, n)


def bootstrap_correlations(
    values: Mapping[str, Tensor], metrics: Mapping[str, Tensor], *, samples: int, seed: int
) -> dict[tuple[str, str], Tensor]:
    """Return Pearson's correlation of every value and metric in each bootstrap sample of nodes.

    All pairs see the same samples, so that differences between them are paired.

    Args:
        values: By name, (q,) each.
        metrics: By name, (q,) each.
        samples: Number of samples.
        seed: Of these.

    Shapes:
        - returns: (samples,) a pair; NaN where one of both does not vary
    """
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise InputError(f"samples is {samples!r}, expected an integer >= 1.")
    x, y = (
        torch.stack([each.detach().cpu().double() for each in given.values()])
        for given in (values, metrics)
    )
    x, y = (each - each.mean(1, keepdim=True) for each in (x, y))  # sums of squares keep digits
    q = x.shape[1]
    generator = torch.Generator().manual_seed(seed)
    parts = []
    step = max(1, _BLOCK // (q * (len(x) + len(y))))
    for first in range(0, samples, step):
        drawn = torch.randint(0, q, (min(step, samples - first), q), generator=generator)
        parts.append(_correlations(x[:, drawn], y[:, drawn]))
    every = torch.cat(parts, 2)
    keys = product(enumerate(values), enumerate(metrics))
    return {(value, metric): every[i, j] for (i, value), (j, metric) in keys}


def _correlations(x: Tensor, y: Tensor) -> Tensor:
    """Return the correlations (v, m, s) of values (v, s, q) and metrics (m, s, q)."""
    varies = [each.amax(2) > each.amin(2) for each in (x, y)]
    x, y = (each - each.mean(2, keepdim=True) for each in (x, y))
    norms = [each.square().sum(2).sqrt() for each in (x, y)]
    scale = norms[0].unsqueeze(1) * norms[1].unsqueeze(0)
    found = torch.einsum("vsq,msq->vms", x, y) / scale
    defined = varies[0].unsqueeze(1) & varies[1].unsqueeze(0) & (scale > 0)
    return torch.where(defined, found.clamp(-1, 1), torch.nan)


def _check_level(level: float) -> None:
    if not (isinstance(level, float) and 0 < level < 1):
        raise InputError(f"level is {level!r}, expected a number between 0 and 1.")
