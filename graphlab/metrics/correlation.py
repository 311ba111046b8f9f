"""How a value of nodes goes with their performance: Pearson's correlation with its uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.metrics._finite import ArrayLike, check_finite

__all__ = ["Correlation", "topology_performance_correlation"]

_BLOCK = 1 << 21  # draws at a time


@dataclass(frozen=True)
class Correlation:
    """Pearson's correlation, the bounds of its bootstrap interval, and the number of nodes.

    NaN where it is undefined: one of the two values is the same for all nodes.
    """

    pearson: float
    low: float
    high: float
    num_nodes: int

    def __float__(self) -> float:
        """Return the correlation alone."""
        return self.pearson


def topology_performance_correlation(
    value: ArrayLike,
    performance: ArrayLike,
    *,
    nodes: ArrayLike | None = None,
    level: float = 0.95,
    samples: int = 1000,
    seed: int = 0,
) -> Correlation:
    """Correlate a value of nodes, say their topological concentration, with how well they fare.

    Pearson's correlation over nodes, as in [wang2024tc]_: performance is averaged over runs first.
    The interval is that of the percentiles of bootstrap samples of nodes; it says nothing about
    other runs or other splits.

    Args:
        value: One number a node.
        performance: One number a node, or one a run and node.
        nodes: Correlate over these nodes alone: ids, or a mask; say those with test links.
        level: Share of the samples within the interval.
        samples: Number of bootstrap samples; 0 for none, the bounds are then NaN.
        seed: Seed of the samples.

    Shapes:
        - ``value``: (n,); ``performance``: (n,) or (runs, n); ``nodes``: (k,) integer or (n,) bool

    Raises:
        NonFiniteError: A value or a performance of these nodes is NaN or infinite.
        InputError: Shapes that do not fit, less than two nodes, an impossible option.

    Cost: O(n) for each sample.

    Example:
        >>> found = topology_performance_correlation([0.0, 0.2, 0.9, 1.0], [0.1, 0.0, 0.6, 0.9])
        >>> round(found.pearson, 3), found.num_nodes
        (0.944, 4)
    """
    x, y = _checked(value, performance, nodes)
    if not (isinstance(level, float) and 0 < level < 1):
        raise InputError(f"level is {level!r}, expected a number between 0 and 1.")
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 0:
        raise InputError(f"samples is {samples!r}, expected an integer >= 0.")
    n = x.numel()
    x, y = x - x.mean(), y - y.mean()  # so that sums of squares keep their digits
    pearson = float(_pearson(x[None], y[None])[0])
    if samples == 0 or math.isnan(pearson):
        return Correlation(pearson, math.nan, math.nan, n)
    generator = torch.Generator().manual_seed(seed)
    found = []
    step = max(1, _BLOCK // n)
    for first in range(0, samples, step):
        size = (min(step, samples - first), n)
        drawn = torch.randint(0, n, size, generator=generator).to(x.device)
        found.append(_pearson(x[drawn], y[drawn]))
    every = torch.cat(found)
    every = every[~every.isnan()]  # samples of equal values have no correlation
    if every.numel() == 0:
        return Correlation(pearson, math.nan, math.nan, n)
    bounds = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=every.dtype)
    low, high = torch.quantile(every, bounds.to(every.device)).tolist()
    return Correlation(pearson, low, high, n)


def _checked(
    value: ArrayLike, performance: ArrayLike, nodes: ArrayLike | None
) -> tuple[Tensor, Tensor]:
    x = torch.as_tensor(value).detach().to(torch.float64)
    y = torch.as_tensor(performance).detach().to(x.device, torch.float64)
    if x.dim() != 1 or y.dim() not in (1, 2) or y.shape[-1] != x.numel() or y.shape[0] == 0:
        raise InputError(
            f"value has shape {tuple(x.shape)} and performance {tuple(y.shape)}, expected (n,) and "
            "(n,) or (runs, n)."
        )
    if nodes is not None:
        chosen = torch.as_tensor(nodes, device=x.device)
        if chosen.dtype != torch.bool:
            chosen = chosen.to(torch.int64)
        try:
            x, y = x[chosen], y[..., chosen]
        except IndexError as error:
            raise InputError(
                f"nodes has shape {tuple(chosen.shape)}, expected ids 0..{x.numel() - 1} or a mask "
                f"({x.numel()},)."
            ) from error
    if x.numel() < 2:
        raise InputError(f"There are {x.numel()} nodes to correlate over, expected at least 2.")
    check_finite(x, "values")
    check_finite(y, "performances")
    return x, y if y.dim() == 1 else y.mean(0)


def _pearson(x: Tensor, y: Tensor) -> Tensor:
    """Return the correlation of each row; NaN where a row does not vary."""
    x = x - x.mean(1, keepdim=True)
    y = y - y.mean(1, keepdim=True)
    scale = (x.square().sum(1) * y.square().sum(1)).sqrt()
    varies = (x.amax(1) > x.amin(1)) & (y.amax(1) > y.amin(1))
    found = ((x * y).sum(1) / scale).clamp(-1, 1)
    return torch.where(varies & (scale > 0), found, torch.nan)
