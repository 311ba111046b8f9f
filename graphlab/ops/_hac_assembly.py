"""Levels of a batch from the rounds of its union: roots, levels kept, clusters numbered anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["Levels", "assemble"]


@dataclass(frozen=True)
class Levels:
    """See :class:`graphlab.ops.hac.HACLevels`."""

    assign: Array
    num_clusters: Array
    levels_of_graph: Array
    rounds: Array
    virtual_root: Array


def assemble(
    rounds: list[Array], ptr: Array | None, *, max_levels: int | None, add_root: bool
) -> Levels:
    """Turn the clusters after each round of a union into levels of its graphs.

    A graph's root follows its own last round, and its levels are chosen among its own: each graph
    has the levels that it has alone, then carries its clusters up to the top of the batch.
    """
    n = rounds[0].size
    bounds = np.array([0, n]) if ptr is None else ptr
    count = _clusters(rounds, bounds)  # (R + 1, G)
    last = (count == count[-1]).argmax(axis=0)  # rounds until a graph changes no more
    root = (count[-1] > 1) & add_root
    own = last + 1 + root
    chosen = [_kept(int(levels), max_levels) for levels in own]
    height = max((len(each) for each in chosen), default=1)
    # level of each graph's own tree that stands on each level of the batch
    source = np.array([each + [each[-1]] * (height - len(each)) for each in chosen], np.int64)
    levels = np.array([len(each) for each in chosen], np.int64)
    graphs = np.arange(bounds.size - 1)
    rooted = root & (last < source.T)  # (T, G)
    at = np.minimum(source.T, last) if graphs.size else np.zeros((height, 0), np.int64)
    sizes = np.where(rooted, 1, count[at, graphs])
    start, base = _exclusive(sizes), _exclusive(count)
    assign = np.empty((height, n), np.int64)
    for level in range(height):
        if graphs.size == 1:
            assign[level] = 0 if rooted[level, 0] else rounds[at[level, 0]]
            continue
        for step in np.unique(at[level]):  # few: most graphs stand on the same round
            mine = np.repeat(at[level] == step, np.diff(bounds))
            shift = np.repeat(start[level] - base[step], np.diff(bounds))
            assign[level, mine] = rounds[step][mine] + shift[mine]
        one = np.repeat(rooted[level], np.diff(bounds))
        assign[level, one] = np.repeat(start[level], np.diff(bounds))[one]
    return Levels(assign, sizes.sum(axis=1), levels, last, root)


def _clusters(rounds: list[Array], bounds: Array) -> Array:
    """Return the number of clusters of each graph after each round, (R + 1, G)."""
    count = np.zeros((len(rounds), bounds.size - 1), np.int64)
    for r, assign in enumerate(rounds):
        # numbered by their smallest node, the clusters of a graph follow each other
        highest = np.maximum.accumulate(assign) if assign.size else assign
        ends = np.concatenate([[0], highest + 1])[bounds]
        count[r] = np.diff(ends)
    return count


def _kept(levels: int, most: int | None) -> list[int]:
    """Return the levels that are kept of a tree, from the nodes up."""
    if most is None:
        return list(range(levels))
    last, steps = levels - 1, most - 1
    return sorted({(2 * j * last + steps) // (2 * steps) for j in range(most)})


def _exclusive(sizes: Array) -> Array:
    """Return what stands before each entry of a row."""
    before: Array = np.cumsum(sizes, axis=1) - sizes
    return before
