"""One graph of each synthetic task of ``GSMTasks``."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.datasets.arrays import entries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.datasets.arrays import Ints

    Rng = np.random.Generator

__all__ = [
    "Drawn",
    "color_connectivity",
    "color_count",
    "connectivity",
    "cycle",
    "degree",
    "shortest_path",
    "triangles_of_random_graph",
    "triangles_of_regular_graph",
]

_FEATURES = 16
_COLOURS = 8
_SIDE = 16  # of the grid
_REGULAR = 4


@dataclass(frozen=True)
class Drawn:
    """A graph: sorted entries (2, m), features (n, F) float32, and its label."""

    index: Ints
    x: NDArray[np.float32]
    y: int


def degree(rng: Rng, number: int) -> Drawn:
    """Draw a random graph that asks for the neighbours of one node."""
    del number
    n = _between(rng, 5, 20)
    index = _random_graph(rng, n, rng.uniform())
    node = int(rng.integers(n))
    return Drawn(index, _features(rng, n, node), int((index[0] == node).sum()))


def cycle(rng: Rng, number: int) -> Drawn:
    """Draw a forest, or one with a cycle; both have as many edges."""
    wanted = number % 2
    n = _between(rng, 5, 20)
    count = _between(rng, 3, n - 1)
    while True:
        parent = (rng.random(n - 1) * np.arange(1, n)).astype(np.int64)  # of node i + 1
        child = 1 + rng.permutation(n - 1)[: count - wanted]
        ends = [child, parent[child - 1]]
        if wanted:
            closing = _closing_pair(rng, n, ends)
            if closing is None:
                continue
            ends = [np.append(side, node) for side, node in zip(ends, closing, strict=True)]
        name = rng.permutation(n)
        index = entries(name[ends[0]], name[ends[1]], n, both=True, loops=False)
        return Drawn(index, _features(rng, n), wanted)


def triangles_of_random_graph(rng: Rng, number: int) -> Drawn:
    """Draw a graph of density 0.3 that asks for its triangles."""
    del number
    n = _between(rng, 20, 40)
    return _with_triangles(rng, n, _random_graph(rng, n, 0.3))


def triangles_of_regular_graph(rng: Rng, number: int) -> Drawn:
    """Draw a graph in which all nodes have four neighbours; asks for its triangles.

    Four stubs a node are paired at random until neither a loop nor a double edge is left of what
    was paired: then every such graph is equally likely.
    """
    del number
    n = _between(rng, 20, 40)
    while True:
        stubs = rng.permutation(np.repeat(np.arange(n), _REGULAR)).reshape(-1, 2)
        low, high = stubs.min(axis=1), stubs.max(axis=1)
        if (low != high).all() and np.unique(low * n + high).size == low.size:
            return _with_triangles(rng, n, entries(low, high, n, both=True, loops=False))


def connectivity(rng: Rng, number: int) -> Drawn:
    """Draw a sparse graph that asks whether two nodes are connected; every other time they are."""
    wanted = number % 2
    while True:
        n, index = _sparse_graph(rng)
        part = _components(n, index)
        same = part[:, None] == part
        pairs = np.argwhere(np.triu(same if wanted else ~same, 1))
        if len(pairs):
            ends = pairs[rng.integers(len(pairs))]
            return Drawn(index, _features(rng, n, *ends), wanted)


def shortest_path(rng: Rng, number: int) -> Drawn:
    """Draw a sparse graph that asks for the hops between two connected nodes."""
    del number
    while True:
        n, index = _sparse_graph(rng)
        part = _components(n, index)
        pairs = np.argwhere(np.triu(part[:, None] == part, 1))
        if len(pairs):
            ends = pairs[rng.integers(len(pairs))]
            hops = _hops(n, index, int(ends[0]))
            return Drawn(index, _features(rng, n, *ends), int(hops[ends[1]]))


def color_count(rng: Rng, number: int) -> Drawn:
    """Draw a coloured graph that asks for the nodes of one colour; all nodes are told which."""
    del number
    n = _between(rng, 8, 40)
    index = _random_graph(rng, n, rng.uniform())
    colour = rng.choice(_COLOURS, n, p=rng.dirichlet(np.ones(_COLOURS)))
    asked = int(rng.integers(_COLOURS))
    x = np.zeros((n, 2 * _COLOURS), np.float32)
    x[np.arange(n), colour] = 1.0
    x[:, _COLOURS + asked] = 1.0
    return Drawn(index, x, int((colour == asked).sum()))


def color_connectivity(rng: Rng, number: int) -> Drawn:
    """Draw a grid of which half is coloured: by one walk, or by two that never touch."""
    wanted = number % 2
    n = _SIDE * _SIDE
    rows, columns = np.divmod(np.arange(n), _SIDE)
    right, down = np.flatnonzero(columns < _SIDE - 1), np.flatnonzero(rows < _SIDE - 1)
    source, target = np.concatenate([right, down]), np.concatenate([right + 1, down + _SIDE])
    coloured = None
    while coloured is None:
        coloured = _walks(rng, n // 2, parts=2 - wanted)
    name = rng.permutation(n)
    x = np.zeros((n, 1), np.float32)
    x[name, 0] = coloured
    return Drawn(entries(name[source], name[target], n, both=True, loops=False), x, wanted)


def _between(rng: Rng, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _features(rng: Rng, n: int, *asked: Any) -> NDArray[np.float32]:  # noqa: ANN401  (node ids)
    """Return normal numbers, and a column that flags the nodes asked about if there are some."""
    x = rng.standard_normal((n, _FEATURES + bool(asked))).astype(np.float32)
    if asked:
        x[:, -1] = 0.0
        x[list(asked), -1] = 1.0
    return x


def _random_graph(rng: Rng, n: int, p: float) -> Ints:
    """Draw G(n, p)."""
    source, target = np.triu_indices(n, 1)
    there = rng.random(source.size) < p
    return entries(source[there], target[there], n, both=True, loops=False)


def _sparse_graph(rng: Rng) -> tuple[int, Ints]:
    n = _between(rng, 20, 60)
    return n, _random_graph(rng, n, 1.2 / n)


def _with_triangles(rng: Rng, n: int, index: Ints) -> Drawn:
    matrix = np.zeros((n, n), np.int64)
    matrix[index[0], index[1]] = 1
    count = int(((matrix @ matrix) * matrix).sum()) // 6
    return Drawn(index, _features(rng, n), count)


def _components(n: int, index: Ints) -> Ints:
    """Return the least node of each node's component."""
    part = np.arange(n)
    while True:
        least = part.copy()
        np.minimum.at(least, index[0], part[index[1]])
        least = least[least]
        if (least == part).all():
            return part
        part = least


def _hops(n: int, index: Ints, start: int) -> Ints:
    """Return the hops from one node to all, -1 where there is no path."""
    ptr = np.searchsorted(index[0], np.arange(n + 1))
    hops = np.full(n, -1, np.int64)
    hops[start] = 0
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for other in index[1, ptr[node] : ptr[node + 1]]:
            if hops[other] < 0:
                hops[other] = hops[node] + 1
                queue.append(int(other))
    return hops


def _closing_pair(rng: Rng, n: int, ends: list[Ints]) -> Ints | None:
    """Return two nodes of one tree of a forest that no edge joins, or None."""
    index = entries(ends[0], ends[1], n, both=True, loops=False)
    part = _components(n, index)
    possible = part[:, None] == part
    possible[index[0], index[1]] = False
    pairs = np.argwhere(np.triu(possible, 1))
    found: Ints | None = pairs[rng.integers(len(pairs))] if len(pairs) else None
    return found


def _walks(rng: Rng, count: int, *, parts: int) -> NDArray[np.bool_] | None:
    """Colour cells of the grid by walks that do not touch; None if one had no room."""
    coloured = np.zeros((_SIDE, _SIDE), bool)
    free = np.ones((_SIDE, _SIDE), bool)
    for part in range(parts):
        mine = np.zeros_like(coloured)
        wanted = count // parts if part + 1 < parts else count - int(coloured.sum())
        cells = np.argwhere(free)
        if len(cells) < wanted:
            return None
        row, column = (int(v) for v in cells[rng.integers(len(cells))])
        left = wanted
        steps = rng.integers(4, size=100 * count)
        for step in steps.tolist():
            if not mine[row, column]:
                mine[row, column] = True
                left -= 1
                if left == 0:
                    break
            down, across = ((0, 1), (1, 0), (0, -1), (-1, 0))[step]
            other_row, other_column = row + down, column + across
            inside = 0 <= other_row < _SIDE and 0 <= other_column < _SIDE
            if inside and free[other_row, other_column]:
                row, column = other_row, other_column
        if left:
            return None
        coloured |= mine
        free &= ~mine
        free[1:] &= ~mine[:-1]
        free[:-1] &= ~mine[1:]
        free[:, 1:] &= ~mine[:, :-1]
        free[:, :-1] &= ~mine[:, 1:]
    return coloured.reshape(-1)
