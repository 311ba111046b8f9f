"""Vectors of eight doubles made from rows of either width: exact products of float32 features.

What stands here is the meaning, and what runs when compilation is off; ``_simd_wide_lowering`` has
the machine code. The product of two float32 numbers is exact in float64, so sums of products lose
nothing that a wider copy of the features would have kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._simd import LANES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]  # float32 or float64, one-dimensional, contiguous

__all__ = ["add_wide", "copy_wide"]


def add_wide(total: Array, wide: Array, at: int, array: Array, start: int) -> Array:
    """Return a total (eight doubles) plus the products of ``wide`` and ``array`` at two places."""
    other = array[start : start + LANES].astype(np.float64)
    sums: Array = total + wide[at : at + LANES] * other
    return sums


def copy_wide(array: Array, start: int, wide: Array, at: int) -> None:
    """Write eight numbers as doubles."""
    wide[at : at + LANES] = array[start : start + LANES]
