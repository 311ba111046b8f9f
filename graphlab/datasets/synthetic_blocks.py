"""Stochastic block model graphs of [dwivedi2023]_: PATTERN and CLUSTER, by their definition.

Specification of the benchmark, section 7. All randomness is one PCG64 stream of comparisons and
whole numbers, drawn graph by graph: a seed gives the same graphs on every platform, and the first
graphs of a seed do not depend on how many are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphlab.collection import GraphCollection
from graphlab.datasets._block_kernels import draw_pairs, write_entries
from graphlab.errors import InputError
from graphlab.seeding import numpy_generator

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.datasets.arrays import Arrays
    from graphlab.datasets.card import DatasetCard

__all__ = [
    "cluster_graphs",
    "pattern_graphs",
    "read_cluster_synth",
    "read_pattern_synth",
]

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

_SMALLEST, _LARGEST = 5, 34  # nodes of a community, both included
_LARGE = 6 * _LARGEST  # nodes of the largest graph: ids fit into a byte
_FEATURES = 3
_CLUSTERS, _CLUSTER_INSIDE, _CLUSTER_ACROSS = 6, 0.55, 0.25
_PATTERNS, _COMMUNITIES = 100, 5
_PATTERN_INSIDE, _PATTERN_ACROSS, _PATTERN_EDGES = 0.5, 0.35, 0.5
_PATTERN_SPLIT, _CLUSTER_SPLIT = (10_000, 2_000, 2_000), (10_000, 1_000, 1_000)


def cluster_graphs(num_graphs: int, seed: int) -> GraphCollection:
    """Draw CLUSTER graphs [dwivedi2023]_: find six communities from one labelled node of each.

    Each community has 5 to 34 nodes; pairs inside one are joined with probability 0.55, others
    with 0.25. One node of community r has the feature r + 1, all others 0.

    Args:
        num_graphs: How many.
        seed: Of the stream.

    Returns:
        Undirected graphs with ``x`` (n,) int64 in 0..6 and ``y`` (n,) int64 in 0..5; ids in bytes.

    Raises:
        InputError: ``num_graphs`` or ``seed`` is no whole number >= 0.

    Cost: 1 s and 90 MB for 10,000 graphs.

    Example:
        >>> graphs = cluster_graphs(2, seed=0)
        >>> len(graphs), int(graphs[0].y.max()), int((graphs[0].x > 0).sum())
        (2, 5, 6)
    """
    rng = _stream(num_graphs, seed, "cluster")
    chance = np.full((_CLUSTERS, _CLUSTERS), _CLUSTER_ACROSS)
    np.fill_diagonal(chance, _CLUSTER_INSIDE)
    writer = _Writer(rng, chance)
    for _ in range(num_graphs):
        sizes = rng.integers(_SMALLEST, _LARGEST + 1, _CLUSTERS)
        block = np.repeat(np.arange(_CLUSTERS), sizes)
        x = np.zeros(block.size, np.int64)
        first = np.cumsum(sizes) - sizes
        x[first + rng.integers(sizes)] = np.arange(1, _CLUSTERS + 1)
        writer.add(block, x, block)
    return writer.collection()


def pattern_graphs(num_graphs: int, seed: int) -> GraphCollection:
    """Draw PATTERN graphs [dwivedi2023]_: find the nodes of a pattern planted into communities.

    There are 100 patterns of 5 to 34 nodes, pairs joined with probability 0.5, features fixed;
    graph i holds pattern i mod 100. Around it are five communities of 5 to 34 nodes; pairs inside
    one are joined with probability 0.5, across with 0.35, those of pattern and rest with 0.5.
    Features are uniform in 0..2.

    Args:
        num_graphs: How many.
        seed: Of the stream.

    Returns:
        Undirected graphs with ``x`` (n,) int64 and ``y`` (n,) int64, 1 on the pattern; ids in
        bytes.

    Raises:
        InputError: ``num_graphs`` or ``seed`` is no whole number >= 0.

    Cost: 1 s and 120 MB for 10,000 graphs.

    Example:
        >>> graphs = pattern_graphs(3, seed=0)
        >>> len(graphs), graphs.levels["y"], sorted(graphs[0].y.unique().tolist())
        (3, 'node', [0, 1])
    """
    rng = _stream(num_graphs, seed, "pattern")
    patterns = [_pattern(rng) for _ in range(_PATTERNS)]
    chance = np.full((_COMMUNITIES + 1, _COMMUNITIES + 1), _PATTERN_ACROSS)
    np.fill_diagonal(chance, _PATTERN_INSIDE)
    chance[0] = chance[:, 0] = _PATTERN_EDGES  # block 0 is the pattern
    writer = _Writer(rng, chance)
    for number in range(num_graphs):
        size, features, draws = patterns[number % _PATTERNS]
        sizes = rng.integers(_SMALLEST, _LARGEST + 1, _COMMUNITIES)
        block = np.repeat(np.arange(_COMMUNITIES + 1), [size, *sizes])
        rest = rng.integers(_FEATURES, size=block.size - size)
        fixed = (size, draws)
        writer.add(block, np.concatenate([features, rest]), (block == 0).astype(np.int64), fixed)
    return writer.collection()


def read_pattern_synth(folder: Path, card: DatasetCard) -> Arrays:
    """Return ``pattern-synth``: 14,000 graphs of seed 0, of each pattern 100, 20 and 20.

    Args:
        folder: Not used.
        card: Not used.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`.
    """
    from graphlab.datasets.graph_sets import collection_arrays, fixed_split

    graphs = pattern_graphs(sum(_PATTERN_SPLIT), 0)
    return {**collection_arrays(graphs), **fixed_split(*_PATTERN_SPLIT)}


def read_cluster_synth(folder: Path, card: DatasetCard) -> Arrays:
    """Return ``cluster-synth``: 12,000 graphs of seed 0.

    Args:
        folder: Not used.
        card: Not used.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`.
    """
    from graphlab.datasets.graph_sets import collection_arrays, fixed_split

    graphs = cluster_graphs(sum(_CLUSTER_SPLIT), 0)
    return {**collection_arrays(graphs), **fixed_split(*_CLUSTER_SPLIT)}


def _stream(num_graphs: int, seed: int, purpose: str) -> np.random.Generator:
    for name, value in (("num_graphs", num_graphs), ("seed", seed)):
        if isinstance(value, bool) or not hasattr(value, "__index__") or value < 0:
            raise InputError(f"{name} is {value!r}; expected a whole number >= 0.")
    return numpy_generator(seed, purpose)


def _pattern(rng: np.random.Generator) -> tuple[int, Ints, NDArray[np.float64]]:
    """Draw size, features, and a number for each pair, which decides as a graph's own would."""
    size = int(rng.integers(_SMALLEST, _LARGEST + 1))
    return size, rng.integers(_FEATURES, size=size), rng.random(size * (size - 1) // 2)


class _Writer:
    """Draws the pairs of one graph after the other and puts them behind each other."""

    def __init__(self, rng: np.random.Generator, chance: NDArray[np.float64]) -> None:
        self.rng, self.chance, self.blocks = rng, chance.reshape(-1).copy(), len(chance)
        self.draws = np.empty(_LARGE * (_LARGE - 1) // 2)
        self.joined = np.empty(_LARGE * _LARGE, np.uint8)
        self.row, self.col = (np.empty(_LARGE * _LARGE + 1, np.uint8) for _ in range(2))
        self.count = np.zeros(1, np.int64)
        self.parts: list[tuple[Bytes, Bytes, Ints, Ints]] = []

    def add(
        self, block: Ints, x: Ints, y: Ints, fixed: tuple[int, NDArray[np.float64]] | None = None
    ) -> None:
        """Add a graph; the draws among the first nodes can be given."""
        n = block.size
        draws = self.draws[: n * (n - 1) // 2]
        self.rng.random(out=draws)
        if fixed is not None:
            size, known = fixed
            first, second = np.triu_indices(size, 1)
            draws[first * (2 * n - first - 1) // 2 + second - first - 1] = known
        name = self.rng.permutation(n)
        draw_pairs(draws, block, self.chance, self.blocks, name, self.joined)
        write_entries(self.joined, n, self.row, self.col, self.count)
        m = int(self.count[0])
        at = np.argsort(name)
        self.parts.append((self.row[:m].copy(), self.col[:m].copy(), x[at], y[at]))

    def collection(self) -> GraphCollection:
        """Return the graphs."""
        parts: Any = self.parts or [(self.row[:0], self.col[:0], self.count[:0], self.count[:0])]
        rows, cols, x, y = zip(*parts, strict=True)
        nodes, edges = [len(a) for a in x], [len(a) for a in rows]
        index = np.empty((2, sum(edges)), np.uint8)
        np.concatenate(rows, out=index[0])
        np.concatenate(cols, out=index[1])
        count = len(self.parts)
        return GraphCollection(
            torch.from_numpy(index),
            torch.tensor([0, *nodes[:count]]).cumsum(0),
            torch.tensor([0, *edges[:count]]).cumsum(0),
            node={
                "x": torch.from_numpy(np.concatenate(x)),
                "y": torch.from_numpy(np.concatenate(y)),
            },
            check=False,
        )
