"""Vectors of eight numbers: the sigmoid, and what networks ask of the sign of a number.

What stands here is the meaning, and what runs when compilation is off; ``_simd_gate_lowering`` has
the machine code. numba calls the C library for each exponential of a loop, 5 to 10 ns a number; a
polynomial for eight at a time needs 0.5 ns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]  # eight of float32 or float64

__all__ = ["divide", "relu", "sigmoid", "step"]


def sigmoid(vector: Array) -> Array:
    """Return 1 / (1 + exp(-v)), to two units in the last place; NaN stays NaN.

    Arguments beyond what an exponential can hold count as the last one that it can.
    """
    limit = vector.dtype.type(87 if vector.dtype == np.float32 else 708)
    one = vector.dtype.type(1)
    held: Array = one / (one + np.exp(-np.clip(vector, -limit, limit)))
    return held


def relu(vector: Array) -> Array:
    """Return the numbers, 0 for negative ones; NaN stays NaN."""
    passed: Array = np.where(vector <= 0, vector.dtype.type(0), vector)
    return passed


def step(vector: Array) -> Array:
    """Return 1 where :func:`relu` lets a number through and 0 elsewhere."""
    passed: Array = np.where(vector <= 0, vector.dtype.type(0), vector.dtype.type(1))
    return passed


def divide(vector: Array, by: Array) -> Array:
    """Return the quotients."""
    quotient: Array = vector / by
    return quotient
