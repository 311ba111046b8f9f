"""Families of random graphs that share nothing but their size: what is transferred between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np

from graphlab.graph import Graph, as_graph

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Random = np.random.Generator
    Matrix = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["FAMILIES", "densified", "draw_family", "thinned"]

_SMALLEST, _LARGEST = 24, 59  # nodes


def draw_family(name: str, count: int, rng: Random) -> list[Graph]:
    """Return ``count`` graphs of 24 to 59 nodes of one family of :data:`FAMILIES`."""
    sizes = rng.integers(_SMALLEST, _LARGEST + 1, count)
    return [as_graph(FAMILIES[name](int(n), rng)) for n in sizes]


def thinned(graph: Graph, rng: Random, *, share: float = 0.5) -> Graph:
    """Return the graph with each edge kept by chance."""
    pairs = _pairs(graph)
    return _graph(pairs[:, rng.random(pairs.shape[1]) < share], graph.num_nodes)


def densified(graph: Graph, rng: Random, *, share: float = 0.5) -> Graph:
    """Return the graph with ``share`` times as many edges again, put anywhere."""
    n, pairs = graph.num_nodes, _pairs(graph)
    free = np.ones((n, n), bool)
    free[pairs[0], pairs[1]] = False
    places = np.argwhere(np.triu(free, 1))
    more = min(round(share * pairs.shape[1]), len(places))
    chosen = places[rng.choice(len(places), more, replace=False)].T
    return _graph(np.concatenate([pairs, chosen], axis=1), n)


# -- private --------------------------------------------------------------------------------------


def _pairs(graph: Graph) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return each edge once, the smaller end first, (2, e)."""
    index: np.ndarray[Any, np.dtype[np.int64]] = graph.edge_index.numpy()
    return index[:, index[0] < index[1]]


def _graph(pairs: np.ndarray[Any, np.dtype[np.int64]], num_nodes: int) -> Graph:
    return as_graph(np.concatenate([pairs, pairs[::-1]], axis=1), num_nodes)


def _seed(rng: Random) -> int:
    return int(rng.integers(2**31))


def _uniform(degree: float) -> Callable[[int, Random], Any]:
    return lambda n, rng: nx.gnp_random_graph(n, degree / (n - 1), seed=_seed(rng))


def _preferential(m: int) -> Callable[[int, Random], Any]:
    return lambda n, rng: nx.barabasi_albert_graph(n, m, seed=_seed(rng))


def _small_world(rewired: float) -> Callable[[int, Random], Any]:
    return lambda n, rng: nx.watts_strogatz_graph(n, 6, rewired, seed=_seed(rng))


def _clustered(m: int, chance: float) -> Callable[[int, Random], Any]:
    return lambda n, rng: nx.powerlaw_cluster_graph(n, m, chance, seed=_seed(rng))


def _blocks(count: int) -> Callable[[int, Random], Any]:
    """4.5 of 6 expected neighbours in the own block, whatever the number of blocks."""

    def draw(n: int, rng: Random) -> Matrix:
        block = np.arange(n) * count // n
        same = block[:, None] == block
        size = n / count
        chance = np.where(same, 4.5 / (size - 1), 1.5 / (n - size))
        upper = np.triu(rng.random((n, n)) < chance, 1)
        found: Matrix = (upper | upper.T).astype(np.float64)
        return found

    return draw


def _geometric(degree: float) -> Callable[[int, Random], Any]:
    """Points of the unit square, joined below the distance that gives the degree but for rims."""

    def draw(n: int, rng: Random) -> Matrix:
        points = rng.random((n, 2))
        apart = ((points[:, None] - points) ** 2).sum(2)
        near = apart < degree / (np.pi * (n - 1))
        np.fill_diagonal(near, val=False)
        found: Matrix = near.astype(np.float64)
        return found

    return draw


def _uniform_tree(n: int, rng: Random) -> Any:  # noqa: ANN401  (networkx)
    return nx.from_prufer_sequence(rng.integers(0, n, n - 2).tolist())


FAMILIES: Mapping[str, Callable[[int, Random], Any]] = {
    "gnp-6": _uniform(6),
    "gnp-12": _uniform(12),
    "ba-2": _preferential(2),
    "ba-3": _preferential(3),
    "ba-tree": _preferential(1),
    "uniform-tree": _uniform_tree,
    "ws-05": _small_world(0.05),
    "ws-10": _small_world(0.1),
    "ws-25": _small_world(0.25),
    "sbm-2": _blocks(2),
    "sbm-4": _blocks(4),
    "geometric-6": _geometric(6),
    "geometric-9": _geometric(9),
    "plc-2": _clustered(2, 0.9),
    "plc-4": _clustered(4, 0.8),
}
"""Draw of one graph of n nodes, by name; what networkx or a dense matrix gives."""
