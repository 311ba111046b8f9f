"""Compiled choice of the best candidates of each row by the smallest of several ranks."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel, kernel_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["pick_best"]


@kernel_part
def combined_ranks(
    ranks: Array, lowest: Array, nodes: int, anchors: int, anchor: int, other: int, combined: Array
) -> None:
    """Write the smallest rank of each node; 0 if filtered, nodes + 1 if zero in all criteria.

    Without ``other``, ranks behind its own move up by one, and zero scores stand one behind the
    last rank that is left.
    """
    for v in range(nodes):
        combined[v] = nodes + 1
    for c in range(ranks.size // max(anchors * nodes, 1)):
        at = c * anchors + anchor
        last, removed = lowest[3 * at], ranks[at * nodes + other]
        if removed > 0 and removed < last:
            last -= 1
        elif removed > 0 and lowest[3 * at + 1] == 1:
            last = lowest[3 * at + 2]
        for v in range(nodes):
            rank = ranks[at * nodes + v]
            if rank > 0:
                if removed > 0 and rank > removed:
                    rank -= 1
                combined[v] = min(combined[v], rank)
        # a zero here is one behind the last, for nodes that have a score elsewhere
        for v in range(nodes):
            if ranks[at * nodes + v] == 0:
                combined[v] = combined[v]
    combined[other] = 0
