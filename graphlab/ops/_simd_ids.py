"""Vectors of thirty-two node ids for compiled kernels: one id is compared with all of them at once.

What stands here is the meaning, and what runs when compilation is off; ``_simd_ids_lowering`` gives
the machine code. Measured on rows of a citation graph: finding an id this way costs as much as two
steps of a merge, and mispredicts no branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]  # int32 or int64, one-dimensional, contiguous

__all__ = [
    "WIDE",
    "add_four",
    "contains",
    "entry",
    "load_ids",
    "lowest",
    "matches",
    "ones",
    "only",
    "plus",
    "prefetch",
    "put",
    "single",
    "store_ids",
]

WIDE = 32


def load_ids(array: Array, at: int) -> Array:
    """Return the thirty-two ids from position ``at``; all of them must lie in the array."""
    return array[at : at + WIDE].copy()


def store_ids(array: Array, at: int, ids: Array) -> None:
    """Write the thirty-two ids to position ``at``."""
    array[at : at + WIDE] = ids


def entry(array: Array, at: int) -> Any:  # noqa: ANN401  (a scalar of the array's type)
    """Return the entry at ``at`` >= 0: compiled without the test for negative positions."""
    return array[at]


def put(array: Array, at: int, value: Any) -> None:  # noqa: ANN401  (likewise)
    """Write an entry at ``at`` >= 0."""
    array[at] = value


def add_four(array: Array, at: int, a: int, b: int, c: int, d: int) -> None:  # noqa: PLR0917
    """Add four numbers to the entries from position ``at`` >= 0."""
    array[at : at + 4] += np.array([a, b, c, d], array.dtype)


def only(ids: Array, first: int, last: int) -> Array:
    """Return the ids ``first`` to ``last - 1`` in their places, and -1 in the others."""
    kept = np.full_like(ids, -1)
    kept[first:last] = ids[first:last]
    return kept


def contains(ids: Array, wanted: Any) -> bool:  # noqa: ANN401  (an id of the vector's type)
    """Return whether one of the ids is the wanted one; cheaper than :func:`matches`."""
    return bool((ids == wanted).any())


def matches(ids: Array, wanted: Any) -> int:  # noqa: ANN401  (an id of the vector's type)
    """Return a number whose bit k says whether id k is the wanted one."""
    return sum(1 << int(k) for k in (ids == wanted).nonzero()[0])


def lowest(bits: int) -> int:
    """Return the position of the lowest bit that is set; 64 if there is none."""
    bits = int(bits)
    return (bits & -bits).bit_length() - 1 if bits else 64


def ones(bits: int) -> int:
    """Return how many of the 64 bits are set."""
    return (int(bits) & (2**64 - 1)).bit_count()


def single(bit: int) -> Any:  # noqa: ANN401  (a signed number of 64 bits)
    """Return the number with one bit set, 0 to 63."""
    return np.uint64(1 << int(bit)).astype(np.int64)


def plus(ids: Array, others: Array) -> Array:
    """Return the sums of the numbers in each place."""
    return ids + others


def prefetch(array: Array, at: int) -> None:
    """Ask the memory for the cache line of an entry that will be read soon; may lie outside."""
    del array, at
