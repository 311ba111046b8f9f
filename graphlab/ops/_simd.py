"""Vectors of eight numbers for compiled kernels, written once as plain numpy.

LLVM's automatic vectoriser does not keep a row's running sum in registers when the width of the
rows is only known at run time; with these few operations a kernel says so itself. What stands here
is the meaning, and what runs when compilation is off; ``_simd_lowering`` gives the machine code.
Measured on rows of 40 float32: 1.5 times faster than the plain loop, 3 times than MKL's product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]  # float32 or float64, one-dimensional, contiguous

__all__ = ["LANES", "load", "load_part", "store", "store_part", "total", "zeros"]

LANES = 8


def zeros(array: Array) -> Array:
    """Return a vector of zeros of the array's type."""
    return np.zeros(LANES, array.dtype)


def load(array: Array, at: int) -> Array:
    """Return the eight numbers from position ``at``."""
    return array[at : at + LANES].copy()


def load_part(array: Array, at: int, count: int) -> Array:
    """Return ``count`` numbers from position ``at``, followed by zeros; reads no further."""
    vector = np.zeros(LANES, array.dtype)
    vector[:count] = array[at : at + count]
    return vector


def store(array: Array, at: int, vector: Array) -> None:
    """Write the eight numbers to position ``at``."""
    array[at : at + LANES] = vector


def store_part(array: Array, at: int, vector: Array, count: int) -> None:
    """Write the first ``count`` numbers to position ``at``, and nothing behind them."""
    array[at : at + count] = vector[:count]


def total(vector: Array) -> Any:  # noqa: ANN401  (a scalar of the vector's type)
    """Return the sum of the eight numbers, halves first."""
    four = vector[:4] + vector[4:]
    two = four[:2] + four[2:]
    return two[0] + two[1]
