"""A step of a breadth-first search, which kernels of other folders are made of."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["widen"]


@kernel_part
def widen(
    indptr: Array,
    columns: Array,
    queue: Array,
    first: int,
    last: int,
    seen: Array,  # marks of nodes; never cleared where each search has a mark of its own
    mine: int,
    other: int,  # -2 where there is no second search
) -> int:
    """Put the unseen neighbours of a frontier behind it; -1 if one carries the other mark."""
    end = last
    for k in range(first, last):
        node = queue[k]
        for e in range(indptr[node], indptr[node + 1]):
            near = columns[e]
            if seen[near] == other:
                return -1
            if seen[near] != mine:
                seen[near] = mine
                queue[end] = near
                end += 1
    return end
