"""Compiled dropout with a counter-based generator: no state, no mask, any number of threads."""
# ruff: noqa: ANN401, PLR0917  (kernels take arrays, scalars of the arrays' type, and many)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel, kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["FIRST", "SECOND", "STEP", "draw", "drop", "let_through"]

# Constants of splitmix64 (Steele, Lea, Flood 2014).
STEP = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)


@kernel_part
def draw(place: int, key: Any) -> Any:  # uint64
    """Return the random number of a place, 0 to 2^32 - 1."""
    word = np.uint64(place) * STEP + key
    word = (word ^ (word >> np.uint64(30))) * FIRST
    word = (word ^ (word >> np.uint64(27))) * SECOND
    return (word ^ (word >> np.uint64(31))) >> np.uint64(32)


@kernel
def drop(
    x: Array,
    out: Array,
    floor: Any,  # a scalar of x's type
    scale: Any,
    threshold: Any,  # uint64: p in units of 2^-32
    key: Any,  # uint64
    first: int,
    last: int,
) -> None:
    """Write ``max(x, floor) * scale``, and 0 where the element's draw is below the threshold."""
    for i in range(first, last):
        value = x[i]
        value = floor if value < floor else value  # NaN stays NaN
        # a product with 0, as torch has it: NaN and inf do not disappear
        out[i] = value * (scale if draw(i, key) >= threshold else x.dtype.type(0))


@kernel
def let_through(
    grad: Array,
    result: Array,
    out: Array,
    scale: Any,  # a scalar of grad's type
    first: int,
    last: int,
) -> None:
    """Write ``grad * scale`` where the result is positive (or NaN), 0 elsewhere."""
    zero = grad.dtype.type(0)
    for i in range(first, last):
        # chosen is the factor, not the result: with a product on one side alone the compiler
        # branches, and on random signs every other branch is mispredicted (10 times slower)
        out[i] = grad[i] * (zero if result[i] <= zero else scale)
