"""Vectors of thirty-two node ids for compiled kernels: one id is compared with all of them at once.

What stands here is the meaning, and what runs when compilation is off; ``_simd_ids_lowering`` gives
the machine code. Measured on rows of a citation graph: finding an id this way costs as much as two
steps of a merge, and mispredicts no branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]  # int32 or int64, one-dimensional, contiguous

__all__ = ["WIDE", "load_ids", "lowest", "matches", "prefetch", "store_ids"]

WIDE = 32


def load_ids(array: Array, at: int) -> Array:
    """Return the thirty-two ids from position ``at``; all of them must lie in the array."""
    return array[at : at + WIDE].copy()


def store_ids(array: Array, at: int, ids: Array) -> None:
    """Write the thirty-two ids to position ``at``."""
    array[at : at + WIDE] = ids


def matches(ids: Array, wanted: Any) -> int:  # noqa: ANN401  (an id of the vector's type)
    """Return a number whose bit k says whether id k is the wanted one."""
    return sum(1 << int(k) for k in (ids == wanted).nonzero()[0])


def lowest(bits: int) -> int:
    """Return the position of the lowest bit that is set; 64 if there is none."""
    bits = int(bits)
    return (bits & -bits).bit_length() - 1 if bits else 64


def prefetch(array: Array, at: int) -> None:
    """Ask the memory for the cache line of an entry that will be read soon; may lie outside."""
    del array, at
