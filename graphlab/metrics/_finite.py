"""What every metric refuses: scores that are NaN or infinite."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import torch
from torch import Tensor

from graphlab.errors import NonFiniteError

__all__ = ["ArrayLike", "check_finite"]

# A tensor, a numpy array or a list of numbers: whatever torch.as_tensor takes.
ArrayLike: TypeAlias = Any


def check_finite(scores: Tensor, name: str = "scores") -> None:
    """Refuse NaN and infinity: a ranking metric would turn them into a number that looks real.

    Args:
        scores: Any shape, any dtype; integers pass.
        name: What the message calls them.

    Raises:
        NonFiniteError: Says how many values are NaN or infinite, and where the first one is.

    Cost: one pass and one synchronisation with the device.

    Example:
        >>> check_finite(torch.tensor([0.5, float("nan")]))
        Traceback (most recent call last):
        ...
        graphlab.errors.NonFiniteError: 1 of 2 scores is not finite (1 NaN, 0 infinite); at [1].
    """
    if scores.numel() == 0 or not scores.is_floating_point():
        return
    # one kernel instead of the four of isfinite().all(): NaN passes through both ends
    low, high = torch.aminmax(scores)
    if math.isfinite(low.item()) and math.isfinite(high.item()):
        return
    bad = ~torch.isfinite(scores)
    nan, count = int(torch.isnan(scores).sum()), int(bad.sum())
    first = bad.nonzero()[0].tolist()
    raise NonFiniteError(
        f"{count} of {scores.numel()} {name} {'is' if count == 1 else 'are'} not finite "
        f"({nan} NaN, {count - nan} infinite); {'at' if count == 1 else 'the first at'} {first}."
    )
