"""How alike the rows of node representations have become: the smoothness metric value."""

from __future__ import annotations

import math
from typing import Any, Literal, overload

import torch
from torch import Tensor

from graphlab.errors import InputError, NonFiniteError

__all__ = ["SmoothnessEstimate", "smoothness"]


class SmoothnessEstimate(float):
    """A smoothness value estimated from random pairs: a float with its uncertainty.

    Args:
        value: Mean over the pairs.
        standard_error: Standard error of that mean.
        pairs: Number of pairs drawn.
    """

    standard_error: float
    pairs: int

    def __new__(cls, value: float, standard_error: float, pairs: int) -> SmoothnessEstimate:
        """Make the float and attach the other two."""
        made = super().__new__(cls, value)
        made.standard_error, made.pairs = standard_error, pairs
        return made

    def __repr__(self) -> str:
        return f"{float(self):.6g} +- {self.standard_error:.2g} ({self.pairs} pairs)"


@overload
def smoothness(
    x: Any,  # noqa: ANN401
    *,
    sample: int | None = ...,
    block: int = ...,
    generator: torch.Generator | None = ...,
    per_node: Literal[False] = ...,
) -> float: ...


@overload
def smoothness(
    x: Any,  # noqa: ANN401
    *,
    sample: int | None = ...,
    block: int = ...,
    generator: torch.Generator | None = ...,
    per_node: Literal[True],
) -> Tensor: ...


def smoothness(
    x: Any,
    *,
    sample: int | None = None,
    block: int = 2048,
    generator: torch.Generator | None = None,
    per_node: bool = False,
) -> float | Tensor:
    r"""Return the smoothness metric value of *Towards Deeper Graph Neural Networks* [liu2020]_.

    .. math:: D(\mathbf x_i, \mathbf x_j) = \tfrac12 \left\| \frac{\mathbf x_i}{\|\mathbf x_i\|} -
        \frac{\mathbf x_j}{\|\mathbf x_j\|} \right\|, \quad
        \mathrm{SMV}_i = \frac{1}{n-1} \sum_{j \ne i} D(\mathbf x_i, \mathbf x_j), \quad
        \mathrm{SMV} = \frac1n \sum_i \mathrm{SMV}_i

    Between 0 (all rows parallel: over-smoothed) and 1. A zero row stays the zero vector: ½ from
    any other row, 0 from another zero row. A single node gives 0.

    Args:
        x: Node representations.
        sample: Number of random pairs of different nodes to estimate the value from; for more
            than about 20,000 nodes. None: all pairs.
        block: Rows of a tile of the table of pairs; memory is 8 block² bytes.
        generator: Source of the pairs. Default: a new one with seed 0.
        per_node: Return every node's value instead of their mean; not with ``sample``.

    Shapes:
        - ``x``: (n, d), tensor or array
        - returns: a float, with ``sample`` a :class:`SmoothnessEstimate`; with ``per_node``
          (n,) float64

    Raises:
        InputError: ``x`` not (n, d), ``sample`` or ``block`` below 1, ``sample`` with ``per_node``.
        NonFiniteError: NaN or inf in ``x``.

    Cost: time O(n² d), or O(sample d).

    Example:
        >>> smoothness([[1.0, 0.0], [-2.0, 0.0]])
        1.0
    """
    rows = _unit_rows(x)
    n = rows.shape[0]
    if block < 1:
        raise InputError(f"block is {block}, expected an integer >= 1.")
    if sample is not None:
        if per_node:
            raise InputError("per_node needs all pairs: leave sample out.")
        return _sampled(rows, sample, generator)
    if n < 2:
        return torch.zeros(n, dtype=torch.float64) if per_node else 0.0
    total = torch.zeros(n, dtype=torch.float64, device=rows.device)
    for i in range(0, n, block):
        for j in range(i, n, block):
            # differences taken one by one: the product formula loses half the digits of a small
            # distance, which is what over-smoothed rows have
            distance = torch.cdist(
                rows[i : i + block],
                rows[j : j + block],
                compute_mode="donot_use_mm_for_euclid_dist",
            )
            total[i : i + block] += distance.sum(1)
            if j > i:
                total[j : j + block] += distance.sum(0)
    value = total / (2 * (n - 1))
    return value if per_node else float(value.mean())


def _unit_rows(x: Any) -> Tensor:  # noqa: ANN401
    """Return rows of length 1 in double precision; zero rows stay zero."""
    rows = torch.as_tensor(x).detach().to(torch.float64)
    if rows.dim() != 2:
        raise InputError(f"x has shape {tuple(rows.shape)}, expected (n, d).")
    if not bool(torch.isfinite(rows).all()):
        raise NonFiniteError("x holds NaN or inf, for which smoothness is not defined.")
    if rows.numel() == 0:
        return rows
    # first by the largest entry, so that squares neither overflow nor vanish
    for size in (rows.abs().amax(1, keepdim=True), None):
        length = rows.norm(dim=1, keepdim=True) if size is None else size
        rows = rows / torch.where(length > 0, length, 1)
    return rows


def _sampled(rows: Tensor, sample: int, generator: torch.Generator | None) -> SmoothnessEstimate:
    if isinstance(sample, bool) or sample < 1:
        raise InputError(f"sample is {sample!r}, expected an integer >= 1.")
    n = rows.shape[0]
    if n < 2:
        return SmoothnessEstimate(0.0, 0.0, 0)
    source = torch.Generator().manual_seed(0) if generator is None else generator
    i = torch.randint(n, (sample,), generator=source)
    j = (i + torch.randint(1, n, (sample,), generator=source)) % n
    parts = [
        (rows[a] - rows[b]).norm(dim=1) / 2
        for a, b in zip(torch.split(i, 1 << 16), torch.split(j, 1 << 16), strict=True)
    ]
    values = torch.cat(parts)
    spread = float(values.std()) if sample > 1 else math.nan
    return SmoothnessEstimate(float(values.mean()), spread / math.sqrt(sample), sample)
