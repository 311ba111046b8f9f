"""``cycles-synth``: does a graph contain a cycle of six nodes? Our own generator.

The published CYCLES files are not available; numbers on this set are not comparable with theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from graphlab.collection import GraphCollection
from graphlab.datasets.arrays import entries
from graphlab.errors import InputError
from graphlab.seeding import numpy_generator

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.datasets.arrays import Arrays, Ints
    from graphlab.datasets.card import DatasetCard

__all__ = ["cycle_graphs", "read_cycles_synth"]

_LEAST, _MOST = 37, 65
_WANTED = 6
_NEAR = (5, 7)  # what stands in its place in a graph without one
_OTHERS = (4, 5, 7, 8, 9)
_NUM_OTHERS = 3
_SPLIT = (9_000, 1_000, 10_000)


def cycle_graphs(num_graphs: int, seed: int) -> GraphCollection:
    """Draw graphs of 37 to 65 nodes, half with exactly one 6-cycle, half with none.

    Four cycles and single nodes are joined by bridges into one connected graph, each new part to
    a random node of those before: no further cycle arises. One cycle has 6 nodes in class 1, and 5
    or 7 in class 0; the others have 4, 5, 7, 8 or 9. Numbers of nodes and edges do not depend on
    the class.

    Args:
        num_graphs: How many; graph i has class i mod 2.
        seed: Of the stream.

    Returns:
        Undirected connected graphs with ``x`` (n, 1) of ones and ``y`` (G,) int64.

    Raises:
        InputError: ``num_graphs`` or ``seed`` is no whole number >= 0.

    Cost: 3 s for 20,000 graphs.

    Example:
        >>> graphs = cycle_graphs(2, seed=0)
        >>> graphs.y.tolist(), (graphs[0].num_edges // 2 - graphs[0].num_nodes)
        ([0, 1], 3)
    """
    for name, value in (("num_graphs", num_graphs), ("seed", seed)):
        if isinstance(value, bool) or not hasattr(value, "__index__") or value < 0:
            raise InputError(f"{name} is {value!r}; expected a whole number >= 0.")
    rng = numpy_generator(seed, "cycles")
    parts = [_graph(rng, with_cycle=number % 2 == 1) for number in range(num_graphs)]
    nodes = torch.tensor([0, *(n for n, _ in parts)])
    edges = torch.tensor([0, *(index.shape[1] for _, index in parts)])
    index = np.concatenate([index for _, index in parts] or [np.zeros((2, 0), np.int64)], axis=1)
    return GraphCollection(
        torch.from_numpy(index.astype(np.uint8)),
        nodes.cumsum(0),
        edges.cumsum(0),
        node={"x": torch.ones(int(nodes.sum()), 1)},
        graph={"y": torch.arange(num_graphs) % 2},
        check=False,
    )


def read_cycles_synth(folder: Path, card: DatasetCard) -> Arrays:
    """Return ``cycles-synth``: 20,000 graphs of seed 0.

    Args:
        folder: Not used.
        card: Not used.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`.
    """
    from graphlab.datasets.graph_sets import collection_arrays, fixed_split

    return {**collection_arrays(cycle_graphs(sum(_SPLIT), 0)), **fixed_split(*_SPLIT)}


def _graph(rng: np.random.Generator, *, with_cycle: bool) -> tuple[int, Ints]:
    """Return the number of nodes and the sorted entries of one graph."""
    n = int(rng.integers(_LEAST, _MOST + 1))
    special = _WANTED if with_cycle else int(rng.choice(_NEAR))
    cycles = [special, *rng.choice(_OTHERS, _NUM_OTHERS).tolist()]
    sizes = np.array(cycles + [1] * (n - sum(cycles)))
    rng.shuffle(sizes)
    first = np.cumsum(sizes) - sizes
    after = np.arange(1, n + 1)
    rings = sizes > 1
    after[(first + sizes - 1)[rings]] = first[rings]
    ring_nodes = np.flatnonzero(np.repeat(rings, sizes))
    inside = first[1:] + rng.integers(sizes[1:])
    earlier = rng.integers(first[1:])  # any node of the parts before
    name = rng.permutation(n)
    source = name[np.concatenate([ring_nodes, inside])]
    target = name[np.concatenate([after[ring_nodes], earlier])]
    return n, entries(source, target, n, both=True, loops=False)
