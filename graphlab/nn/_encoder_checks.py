"""Checks of arguments and of node features that the encoders of link predictors share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from graphlab.errors import InputError
from graphlab.nn.sparse_linear import compressed

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["checked_features", "checked_ids", "rate", "size"]

_MOST_LAYERS = 10_000  # a slip of the hand would not come back


def size(name: str, value: int, *, least: int = 1) -> int:
    """Return ``value`` if it is an integer of at least ``least``; InputError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}, expected an integer >= {least}.")
    if name == "num_layers" and value > _MOST_LAYERS:
        raise InputError(f"num_layers is {value}, expected at most {_MOST_LAYERS}.")
    return value


def rate(name: str, value: float) -> float:
    """Return ``value`` as a float within [0, 1]; InputError otherwise."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 <= value <= 1:
        raise InputError(f"{name} is {value!r}, expected a number between 0 and 1.")
    return float(value)


def checked_ids(x: Tensor, num_ids: int) -> Tensor:
    """Return integer ids (n,) within 0..num_ids - 1; InputError for anything else."""
    if x.is_floating_point() or x.numel() != x.shape[0]:
        raise InputError(
            f"x is {x.dtype} of shape {tuple(x.shape)}; with num_ids it holds one integer id a "
            "node, or is None."
        )
    ids = x.reshape(-1).long()
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < num_ids:
        raise InputError(
            f"x holds ids {int(ids.min())} to {int(ids.max())}, but num_ids is {num_ids}."
        )
    return ids


def checked_features(x: Tensor | None, in_channels: int) -> Tensor:
    """Return features (n, in_channels), dense or CSR; InputError for None or another width."""
    if x is None:
        raise InputError("x is missing: this encoder was built for features (num_ids=None).")
    if x.dim() != 2 or x.shape[1] != in_channels:
        raise InputError(
            f"x has shape {tuple(x.shape)}, expected (n, {in_channels}): "
            f"the encoder was built with in_channels={in_channels}."
        )
    return compressed(x)
