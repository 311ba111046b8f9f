"""Checks of constructor arguments and node features that the models of this package share."""

from __future__ import annotations

import math

from torch import Tensor

from graphlab.errors import InputError

__all__ = ["cap", "check_features", "number", "positive", "probability"]

_REPETITIONS = frozenset({"K", "num_layers", "depth", "length"})
_MOST = 10_000


def positive(name: str, value: int, *, least: int = 1) -> int:
    """Return ``value`` if it is an integer of at least ``least``; InputError names it otherwise.

    What is done ``value`` times has an upper end too: a slip of the hand would not come back.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}, expected an integer >= {least}.")
    if name in _REPETITIONS and value > _MOST:
        raise InputError(f"{name} is {value!r}, expected at most {_MOST}.")
    return value


def probability(name: str, value: float) -> float:
    """Return ``value`` as a float within [0, 1]; InputError names it otherwise."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0.0 <= value <= 1.0:
        raise InputError(f"{name} is {value!r}, expected a number between 0 and 1.")
    return float(value)


def check_features(x: Tensor, in_channels: int) -> Tensor:
    """Return node features if they have the width and type that a model was built for.

    Args:
        x: Node features (n, F), dense or torch sparse (CSR, COO).
        in_channels: The width F that the model expects.

    Raises:
        InputError: Not a floating tensor of shape (n, in_channels).
    """
    if not isinstance(x, Tensor):
        raise InputError(f"x is a {type(x).__name__}, expected a torch.Tensor of shape (n, F).")
    if x.dim() != 2 or x.shape[1] != in_channels:
        raise InputError(
            f"x has shape {tuple(x.shape)}, expected (n, {in_channels}): "
            f"the model was built with in_channels={in_channels}."
        )
    if not x.is_floating_point():
        raise InputError(f"x has type {x.dtype}, expected a floating type; call x.float() first.")
    return x


def cap(name: str, value: int) -> int:
    """Return ``value`` if it is -1 (no limit) or a positive integer; InputError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or (value < 1 and value != -1):
        raise InputError(f"{name} is {value!r}, expected an integer >= 1, or -1 for no limit.")
    return value


def number(name: str, value: float, *, least: float = -math.inf) -> float:
    """Return ``value`` as a float if it is finite and not below ``least``; InputError otherwise."""
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or value < least:
        bound = "" if least == -math.inf else f" >= {least:g}"
        raise InputError(f"{name} is {value!r}, expected a number{bound}.")
    return float(value)
