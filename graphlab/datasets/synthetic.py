"""Generated sets: karate club, circular skip links, a small block model, a small scale-free graph.

Everything here is a function of constants and of numpy's PCG64 stream, with integer or comparison
results only, so the arrays are the same on every platform. The larger generators of the benchmark
of [dwivedi2023]_ live in ``synthetic_blocks``, ``synthetic_cycles``, ``synthetic_tsp`` and
``superpixels``, and are offered here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphlab.datasets.arrays import Arrays, Ints, entries, feature_arrays
from graphlab.datasets.superpixels import superpixel_adjacency, superpixel_neighbors
from graphlab.datasets.synthetic_blocks import cluster_graphs, pattern_graphs
from graphlab.datasets.synthetic_cycles import cycle_graphs
from graphlab.datasets.synthetic_tsp import tsp_graph, tsp_graphs

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.collection import GraphCollection
    from graphlab.datasets.card import DatasetCard

__all__ = [
    "CSL_SKIPS",
    "ba_tiny",
    "cluster_graphs",
    "csl_generated",
    "csl_graphs",
    "cycle_graphs",
    "karate",
    "pattern_graphs",
    "sbm_tiny",
    "superpixel_adjacency",
    "superpixel_neighbors",
    "tsp_graph",
    "tsp_graphs",
]

CSL_SKIPS = (2, 3, 4, 5, 6, 9, 11, 12, 13, 16)
_CSL_NODES = 41
_CSL_COPIES = 15

# Zachary's 78 ties: for each member, those with a larger number
_KARATE_TIES = {
    0: (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31),
    1: (2, 3, 7, 13, 17, 19, 21, 30),
    2: (3, 7, 8, 9, 13, 27, 28, 32),
    3: (7, 12, 13),
    4: (6, 10),
    5: (6, 10, 16),
    6: (16,),
    8: (30, 32, 33),
    9: (33,),
    13: (33,),
    14: (32, 33),
    15: (32, 33),
    18: (32, 33),
    19: (33,),
    20: (32, 33),
    22: (32, 33),
    23: (25, 27, 29, 32, 33),
    24: (25, 27, 31),
    25: (31,),
    26: (29, 33),
    27: (33,),
    28: (31, 33),
    29: (32, 33),
    30: (32, 33),
    31: (32, 33),
    32: (33,),
}
_KARATE_COMMUNITIES = (
    (8, 14, 15, 18, 20, 22, 23, 26, 27, 29, 30, 32, 33),
    (0, 1, 2, 3, 7, 9, 11, 12, 13, 17, 19, 21),
    (24, 25, 28, 31),
    (4, 5, 6, 10, 16),
)


def karate(folder: Path, card: DatasetCard) -> Arrays:
    """Zachary's karate club [zachary1977]_ with the four communities of [kipf2017]_.

    Features are the identity matrix. The stored split trains on the first node of each community,
    as in [kipf2017]_; validating on the next one and testing on the rest is our choice.

    Args:
        folder: Not used.
        card: Not used.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`.
    """
    pairs = np.array([(u, v) for u, ties in _KARATE_TIES.items() for v in ties])
    num_nodes = sum(map(len, _KARATE_COMMUNITIES))
    labels = np.empty(num_nodes, np.int64)
    masks = np.zeros((num_nodes, 3), bool)
    masks[:, 2] = True
    for community, members in enumerate(_KARATE_COMMUNITIES):
        labels[list(members)] = community
        masks[members[0]] = (True, False, False)
        masks[members[1]] = (False, True, False)
    return {
        "edge_index": entries(pairs[:, 0], pairs[:, 1], num_nodes, both=True, loops=False),
        "num_nodes": np.array(num_nodes),
        "y": labels,
        **feature_arrays(np.eye(num_nodes, dtype=np.float32)),
        "train_mask": masks[:, :1],
        "val_mask": masks[:, 1:2],
        "test_mask": masks[:, 2:],
    }


def csl_generated(folder: Path, card: DatasetCard) -> Arrays:
    """Circular skip link graphs [murphy2019]_: 41 nodes, i ~ i +- 1 and i ~ i +- R (mod 41).

    Ten skip lengths R (:data:`CSL_SKIPS`) are the classes; each has 15 relabellings drawn from one
    stream. All graphs are 4-regular, so message passing without positions cannot tell them apart.

    Args:
        folder: Not used.
        card: Not used.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`; graph i has class i // 15.
    """
    rng = np.random.default_rng(0)
    n = _CSL_NODES
    ring = np.arange(n)
    parts: list[Ints] = []
    for skip in CSL_SKIPS:
        source = np.concatenate([ring, ring])
        target = np.concatenate([(ring + 1) % n, (ring + skip) % n])
        for _ in range(_CSL_COPIES):
            name = rng.permutation(n)
            edges = entries(name[source], name[target], n, both=True, loops=False)
            parts.append(edges + n * len(parts))
    count = len(parts)
    return {
        "edge_index": np.concatenate(parts, axis=1),
        "num_nodes": np.array(n * count),
        "node_ptr": np.arange(count + 1) * n,
        "edge_ptr": np.concatenate([[0], np.cumsum([part.shape[1] for part in parts])]),
        "graph_y": np.repeat(np.arange(len(CSL_SKIPS)), _CSL_COPIES),
    }


def csl_graphs() -> GraphCollection:
    """Return the 150 circular skip link graphs; graph i has class i // 15.

    Features ``x`` (n,) are zeros: nodes have one type.

    Example:
        >>> graphs = csl_graphs()
        >>> len(graphs), graphs[20]
        (150, GraphBatch(num_graphs=1, num_nodes=41, num_edges=164, y=(1,), x=(41,)))
        >>> graphs[20].y.tolist()
        [1]
    """
    import torch

    from graphlab.datasets.loading import load

    graphs = load("csl").collection
    return graphs.with_field("x", torch.zeros(graphs.num_nodes, dtype=torch.int64), "node")


def sbm_tiny(folder: Path, card: DatasetCard) -> Arrays:
    """Stochastic block model [holland1983]_: 4 blocks of 100 nodes, 0/1 features of 64 words.

    Pairs inside a block are joined with probability 0.05, others with 0.005. Each block prefers 16
    words: a node has each of them with probability 0.2, every other word with 0.08.

    Args:
        folder: Not used.
        card: Not used.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`.
    """
    rng = np.random.default_rng(0)
    blocks, size, words = 4, 100, 16
    n = blocks * size
    labels = np.repeat(np.arange(blocks), size)
    chance = np.where(labels[:, None] == labels[None, :], 0.05, 0.005)
    source, target = np.nonzero(np.triu(rng.random((n, n)) < chance, k=1))
    prefers = labels[:, None] == np.repeat(np.arange(blocks), words)[None, :]
    x = rng.random((n, blocks * words)) < np.where(prefers, 0.2, 0.08)
    order = rng.permutation(n)  # ids say nothing about blocks
    place = np.argsort(order)
    return {
        "edge_index": entries(place[source], place[target], n, both=True, loops=False),
        "num_nodes": np.array(n),
        "y": labels[order],
        **feature_arrays(x[order]),
    }


def ba_tiny(folder: Path, card: DatasetCard) -> Arrays:
    """Barabási-Albert graph [barabasi1999]_: 300 nodes, each new one joins 3 by degree.

    Labels are thirds of the degree order (ties by id), features 32 random bits that say nothing:
    only the structure can tell the classes.

    Args:
        folder: Not used.
        card: Not used.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`.
    """
    rng = np.random.default_rng(0)
    n, joins, classes, bits = 300, 3, 3, 32
    ends: list[int] = list(range(joins))  # every edge puts both ends here: drawing is by degree
    pairs: list[tuple[int, int]] = []
    for new in range(joins, n):
        chosen: list[int] = []
        while len(chosen) < joins:
            pick = ends[int(rng.integers(len(ends)))]
            if pick not in chosen:
                chosen.append(pick)
        pairs += [(new, old) for old in chosen]
        ends += [*chosen, *[new] * joins]
    source, target = np.array(pairs).T
    edge_index = entries(source, target, n, both=True, loops=False)
    by_degree = np.argsort(np.bincount(edge_index[0], minlength=n), kind="stable")
    labels = np.empty(n, np.int64)
    labels[by_degree] = np.arange(n) * classes // n
    return {
        "edge_index": edge_index,
        "num_nodes": np.array(n),
        "y": labels,
        **feature_arrays(rng.integers(2, size=(n, bits))),
    }
