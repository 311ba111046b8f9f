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
def combine(
    ranks: Array, lowest: Array, anchors: int, anchor: int, other: int, combined: Array
) -> None:
    """Write the smallest rank of each node; -1 if filtered, n + 1 if zero in all criteria.

    Without ``other``, ranks behind its own move up by one. A zero stands one behind the last rank
    of its criterion; as that is behind all other ranks of it, the foremost such place bounds the
    ranks of all nodes alike.
    """
    nodes = combined.size
    combined[:] = nodes + 1
    bound = nodes
    for c in range(ranks.size // (anchors * nodes)):
        at = c * anchors + anchor
        last, removed = lowest[3 * at], ranks[at * nodes + other]
        if removed > 0 and removed < last:
            last -= 1
        elif removed > 0 and lowest[3 * at + 1] == 1:
            last = lowest[3 * at + 2]
        bound = min(bound, last + 1)
        for v in range(nodes):
            rank = ranks[at * nodes + v]
            if rank != 0:
                rank -= removed > 0 and rank > removed
                combined[v] = min(combined[v], rank)
    for v in range(nodes):
        if combined[v] <= nodes:
            combined[v] = min(combined[v], bound)
    combined[other] = -1


@kernel
def pick_best(
    ranks: Array,  # (criteria * anchors * n,): 1 and up; 0 for a score of zero; -1 filtered
    lowest: Array,  # (criteria * anchors * 3,): last rank, how many share it, the rank before it
    anchors: int,
    nodes: int,
    anchor: Array,  # (rows,)
    other: Array,  # (rows,): one more node to leave out
    need: Array,  # (rows,)
    uniform: Array,  # (rows * width,): random numbers, one a candidate at most
    chosen: Array,  # (rows * width,)
    first_row: int,
    last_row: int,
) -> None:
    """Write the ``need`` candidates of each row with the best combined ranks, best first.

    Of equal ones a random subset is taken. If there are too few candidates, those without a score
    are drawn again and again, or all if each has a score; -1 where there is none at all.
    """
    width = chosen.size // anchor.size
    combined, tied = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    place = np.zeros(nodes + 3, np.int64)  # how many have a rank, then where the next one goes
    for row in range(first_row, last_row):
        combine(ranks, lowest, anchors, anchor[row], other[row], combined)
        for v in range(nodes):
            if combined[v] > 0:
                place[combined[v]] += 1
        without_score = place[nodes + 1]
        taken, rank = 0, 1
        while rank < nodes + 2 and taken + place[rank] <= need[row]:  # ranks that are taken whole
            place[rank], taken = taken, taken + place[rank]
            rank += 1
        short = rank == nodes + 2
        least = (nodes + 1 if without_score > 0 else 1) if short else rank
        out, count = row * width, 0
        for v in range(nodes):
            if combined[v] > 0 and combined[v] < rank:
                chosen[out + place[combined[v]]] = v
                place[combined[v]] += 1
            if combined[v] >= least and (short or combined[v] == rank):
                tied[count] = v
                count += 1
        place[:] = 0
        for q in range(taken, need[row]):
            if count == 0:
                chosen[out + q] = -1
                continue
            fixed = 0 if short else q - taken  # these are taken already
            pick = fixed + int(uniform[out + q] * (count - fixed))
            chosen[out + q] = tied[pick]
            if not short:
                tied[pick] = tied[fixed]
