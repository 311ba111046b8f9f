"""Pretext targets of shortest paths: to labelled nodes, to centres, between pairs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import torch

from graphlab.errors import InputError
from graphlab.ops._threads import run_blocks
from graphlab.seeding import torch_generator
from graphlab.ssl._input import ids_and_classes, structure
from graphlab.ssl._kernels import hop_classes, inverse_distances, near_at_ranks, near_counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.graph import Graph

__all__ = [
    "PairSampler",
    "distance2labeled_target",
    "distances_to",
    "pairwise_distance_classes",
]

_MOST_STORED = 4096  # nodes up to which the classes of all pairs are made once and kept


def distance2labeled_target(
    edge_index: Any,  # noqa: ANN401  (whatever as_graph accepts)
    n: int,
    train_idx: Any,  # noqa: ANN401  (list, array or tensor)
    y_train: Any,  # noqa: ANN401
    *,
    n_classes: int | None = None,
) -> NDArray[np.float32]:
    r"""Mean closeness of every node to the labelled nodes of each class [jin2020]_.

    .. math:: t_{ic} = \frac{1}{|V_c|} \sum_{v \in V_c} \frac{1}{d(i, v)}

    with :math:`1/d = 0` where there is no path, and for the node itself.

    Args:
        edge_index: The edges; undirected, loops and repeats change nothing.
        n: Number of nodes.
        train_idx: Labelled nodes.
        y_train: Their classes.
        n_classes: Columns; default: the largest class plus one.

    Shapes:
        - returns: (n, C) float32

    Raises:
        InputError: Ids outside the graph, a number of classes that does not fit.

    Cost: a breadth-first search a labelled node, O(m) each.

    Example:
        >>> path = [[0, 1, 1, 2], [1, 0, 2, 1]]
        >>> distance2labeled_target(path, 3, [0, 2], [0, 1]).tolist()
        [[0.0, 0.5], [1.0, 1.0], [0.5, 0.0]]
    """
    graph = structure(edge_index, n)
    ids, classes, width = ids_and_classes(train_idx, y_train, n, n_classes)
    sizes = np.bincount(classes, minlength=width)
    if (sizes == 0).any():
        empty = ", ".join(map(str, np.flatnonzero(sizes == 0)))
        warnings.warn(f"no labelled node is of class {empty}: that column is 0.", stacklevel=2)
    return (_closeness(graph, ids, classes, width) / np.maximum(sizes, 1)).astype(np.float32)


def distances_to(graph: Graph, nodes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return 1 / distance of every node to each of some nodes (n, C); 0 without a path, to itself.

    Args:
        graph: A simple graph.
        nodes: The centres.
    """
    slots = np.arange(nodes.size)
    return _closeness(graph, nodes, slots, nodes.size).astype(np.float32)


@overload
def pairwise_distance_classes(
    edge_index: Any,  # noqa: ANN401
    n: int,
    max_class: int = ...,
    *,
    sampled: Literal[False] = ...,
    compat: Literal["official"] | None = ...,
) -> NDArray[np.int64]: ...


@overload
def pairwise_distance_classes(
    edge_index: Any,  # noqa: ANN401
    n: int,
    max_class: int = ...,
    *,
    sampled: Literal[True],
    per_class: int = ...,
    seed: int = ...,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...


def pairwise_distance_classes(
    edge_index: Any,
    n: int,
    max_class: int = 4,
    *,
    sampled: bool = False,
    per_class: int = 4000,
    seed: int = 0,
    compat: Literal["official"] | None = None,
) -> Any:
    """Distance classes of pairs i < j: 1, 2, ... hops are 0, 1, ...; more, or no path, the last.

    Args:
        edge_index: The edges; undirected, loops and repeats change nothing.
        n: Number of nodes.
        max_class: Number of classes; distances of ``max_class`` or more share the last.
        sampled: Draw pairs instead of making the whole matrix; memory O(n + m).
        per_class: With ``sampled``, pairs drawn of each class, all where there are fewer.
        seed: Of the draw.
        compat: ``"official"``: a pair without a path counts as one more than the longest distance
            of the graph, which on small graphs is a class of its real distances.

    Shapes:
        - returns: (n, n) int64, -1 on and below the diagonal; with ``sampled`` pairs (2, P) and
          their classes (P,)

    Raises:
        InputError: ``max_class`` below 2.

    Cost: a search of ``max_class - 1`` hops a node, and n x n numbers unless ``sampled``.

    Example:
        >>> path = [[0, 1, 1, 2], [1, 0, 2, 1]]
        >>> pairwise_distance_classes(path, 4).tolist()[0]
        [-1, 0, 1, 3]
        >>> pairs, classes = pairwise_distance_classes(path, 4, sampled=True)
        >>> pairs[:, classes == 1].T.tolist()
        [[0, 2]]
    """
    if max_class < 2:
        raise InputError(f"max_class is {max_class}; expected 2 or more classes.")
    graph = structure(edge_index, n)
    if sampled:
        sampler = PairSampler(graph, max_class, compat=compat)
        return sampler.sample(per_class, torch_generator(seed, "ssl-pairs"))
    return _all_classes(graph, max_class, compat)


class PairSampler:
    """Draws pairs i < j of every distance class with equal chances, without an (n, n) matrix.

    A first pass counts the pairs of each node and class. A draw names pairs by their place in
    that count, and a search from the named nodes alone finds them. Graphs of few nodes keep the
    classes of all pairs instead, which costs less an epoch.

    Args:
        graph: A simple graph.
        max_class: Number of classes.
        compat: See :func:`pairwise_distance_classes`.
        store: Whether to keep all pairs; None: up to 4096 nodes.

    Attributes:
        sizes: Pairs of each class, (max_class,).

    Cost: O(sum of the nodes within max_class - 1 hops); memory O(n).

    Example:
        >>> from graphlab.graph import as_graph
        >>> PairSampler(as_graph([[0, 1], [1, 2]], num_nodes=4).simple()).sizes.tolist()
        [2, 1, 0, 3]
    """

    def __init__(
        self,
        graph: Graph,
        max_class: int = 4,
        *,
        compat: Literal["official"] | None = None,
        store: bool | None = None,
    ) -> None:
        self._graph, self._hops = graph, max_class - 1
        n = graph.num_nodes
        self._stored: list[NDArray[np.int64]] | None = None
        if store or compat == "official" or (store is None and n <= _MOST_STORED):
            classes = _all_classes(graph, max_class, compat).reshape(-1)
            self._stored = [np.flatnonzero(classes == c) for c in range(max_class)]
            self.sizes = np.array([keys.size for keys in self._stored])
            return
        counts = np.zeros((n, max_class), np.int64)
        indptr, columns = _rows(graph)
        hops = self._hops

        def call(first: int, last: int) -> None:
            near_counts(indptr, columns, hops, counts, first, last)

        run_blocks(call, n, n * n)
        self._ends = counts.cumsum(0)  # pairs of a class up to and with each node
        self.sizes = self._ends[-1] if n else np.zeros(max_class, np.int64)

    def sample(
        self, per_class: int, generator: torch.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return distinct pairs (2, P) and their classes (P,), by class.

        Args:
            per_class: Pairs of each class; all of them where there are fewer.
            generator: Decides the draw.
        """
        ranks = [_distinct(int(size), per_class, generator) for size in self.sizes]
        classes = np.repeat(np.arange(len(ranks)), [r.size for r in ranks])
        if self._stored is not None:
            keys = np.concatenate([k[r] for k, r in zip(self._stored, ranks, strict=True)])
            return np.stack(np.divmod(keys, max(self._graph.num_nodes, 1))), classes
        return self._search(np.concatenate(ranks), classes), classes

    def _search(self, ranks: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Find the pairs that places within each class name."""
        nodes, inner = np.empty_like(ranks), np.empty_like(ranks)
        for c in range(self._hops + 1):
            mine, ends = classes == c, self._ends[:, c]
            node = np.searchsorted(ends, ranks[mine], side="right")
            nodes[mine] = node
            inner[mine] = ranks[mine] - np.where(node > 0, ends[node - 1], 0)
        order = np.lexsort((inner, classes, nodes))
        sources, start = np.unique(nodes[order], return_index=True)
        ptr = np.append(start, nodes.size).astype(np.int64)
        wanted, places = classes[order], inner[order]
        found = np.empty_like(ranks)
        indptr, columns = _rows(self._graph)
        hops = self._hops

        def call(first: int, last: int) -> None:
            near_at_ranks(indptr, columns, hops, sources, ptr, wanted, places, found, first, last)

        run_blocks(call, sources.size, sources.size * self._graph.num_nodes)
        pairs = np.empty((2, ranks.size), np.int64)
        pairs[0, order], pairs[1, order] = nodes[order], found
        return pairs


def _closeness(
    graph: Graph, nodes: NDArray[np.int64], slots: NDArray[np.int64], width: int
) -> NDArray[np.float64]:
    totals = np.zeros((graph.num_nodes, width), np.float64)
    indptr, columns = _rows(graph)
    inverse_distances(indptr, columns, nodes.astype(np.int64), slots.astype(np.int64), totals)
    return totals


def _all_classes(graph: Graph, max_class: int, compat: str | None) -> NDArray[np.int64]:
    n, hops = graph.num_nodes, max_class - 1
    out = np.empty((n, n), np.int64)
    indptr, columns = _rows(graph)

    def call(first: int, last: int) -> None:
        hop_classes(indptr, columns, hops, out, first, last)

    run_blocks(call, n, n * n)
    if compat == "official":
        _share_unreachable(graph, out, hops)
    return out


def _share_unreachable(graph: Graph, out: NDArray[np.int64], hops: int) -> None:
    """Move pairs without a path to one more than the longest distance, as the authors' code does.

    It shows only where all distances are short: else the last class holds both.
    """
    from scipy.sparse.csgraph import connected_components

    _, part = connected_components(graph.to_scipy(), directed=False)
    upper = np.triu(np.ones(out.shape, bool), 1)
    apart = upper & (part[:, None] != part[None, :])
    reached = out[upper & ~apart]
    longest = int(reached.max()) + 1 if reached.size else 0
    out[apart] = min(longest, hops)


def _rows(graph: Graph) -> tuple[NDArray[Any], NDArray[Any]]:
    return graph.indptr.numpy(), graph.indices.numpy()


def _distinct(size: int, wanted: int, generator: torch.Generator) -> NDArray[np.int64]:
    """Draw ``wanted`` different numbers below ``size``; all of them where there are fewer."""
    if size <= wanted:
        return np.arange(size)
    if size <= 8 * wanted:
        return torch.randperm(size, generator=generator)[:wanted].numpy()
    drawn = torch.empty(0, dtype=torch.int64)
    while drawn.numel() < wanted:
        more = torch.randint(size, (2 * wanted,), generator=generator)
        drawn = torch.unique(torch.cat([drawn, more]))
    return drawn[torch.randperm(drawn.numel(), generator=generator)[:wanted]].numpy()
