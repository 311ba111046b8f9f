"""Splits of the edges of a graph by protocol, and the checks that nothing leaks from one part.

A split is ``{"train": {"edge"}, "val": {"edge", "edge_neg"}, "test": {"edge", "edge_neg"}}`` of
int64 tensors (n, 2); negatives that are each positive's own have shape (P, K, 2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from graphlab.datasets.splits import check_seed
from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph
from graphlab.io import canonical_json, sha256_bytes
from graphlab.seeding import numpy_generator
from graphlab.tasks._features import digest_of
from graphlab.tasks._link_negatives import unordered_keys, unordered_non_edges

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from numpy.typing import NDArray

__all__ = [
    "HeartSplit85_5_10",
    "LinkSplit",
    "RandomLinkSplit70_10_20",
    "RandomLinkSplit85_5_10",
    "edge_digest",
    "split_digest",
    "training_graph",
    "undirected_edges",
]

LinkSplit: TypeAlias = dict[str, dict[str, Tensor]]


class RandomLinkSplit70_10_20:  # noqa: N801  (the protocol's name)
    """The split of the NCN paper [wang2024]_: 70 % train, 10 % validate, 20 % are tested.

    Two blocks of a fifth are drawn; half of the first one returns to training. There are as many
    negatives as a block has edges for validation and for test each: uniform pairs that are no
    edge of the graph, all different. Of Cora's 5278 edges 3696 train, 527 validate and 1055 are
    tested, with 1055 negatives each.

    Args:
        seed: Every seed is another split.

    Example:
        >>> from graphlab.datasets import load
        >>> split = RandomLinkSplit70_10_20(0)(load("karate").graph)
        >>> [len(split[stage]["edge"]) for stage in ("train", "val", "test")]
        [56, 7, 15]
    """

    def __init__(self, seed: int) -> None:
        check_seed(seed)
        self.seed = seed

    def __call__(self, graph: Any) -> LinkSplit:  # noqa: ANN401  (whatever as_graph accepts)
        """Return the split of a graph, taken as undirected and simple.

        Raises:
            InputError: Too few edges for three parts, or too few pairs that are no edge.
        """
        simple = as_graph(graph).simple()
        edges = undirected_edges(simple)
        rng = numpy_generator(self.seed, "link ncn-70-10-20")
        order = rng.permutation(len(edges))
        held = len(edges) // 5
        block, test, train = np.split(order, [held, 2 * held])
        block = rng.permutation(block)
        val = block[held - held // 2 :]
        parts = {"train": np.concatenate([train, block[: held - held // 2]])}
        return _drawn(simple, edges, {**parts, "val": val, "test": test}, (held, held), rng)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.seed})"


class RandomLinkSplit85_5_10:  # noqa: N801  (the protocol's name)
    """Random split: 85 % train, 5 % validate, 10 % are tested.

    The permutation is that of ``numpy.random.default_rng(seed)``, so that a seed gives the same
    parts on every platform. There are as many negatives as positives: uniform pairs that are no
    edge of the graph, all different.

    Args:
        seed: Every seed is another split.

    Example:
        >>> from graphlab.datasets import load
        >>> split = RandomLinkSplit85_5_10(0)(load("debdeps").graph)
        >>> [len(split[stage]["edge"]) for stage in ("train", "val", "test")]
        [8003, 470, 941]
    """

    def __init__(self, seed: int) -> None:
        check_seed(seed)
        self.seed = seed

    def __call__(self, graph: Any) -> LinkSplit:  # noqa: ANN401  (whatever as_graph accepts)
        """Return the split of a graph, taken as undirected and simple.

        Raises:
            InputError: Too few edges for three parts, or too few pairs that are no edge.
        """
        simple = as_graph(graph).simple()
        edges = undirected_edges(simple)
        parts = _parts_85_5_10(len(edges), self.seed)
        sizes = (parts["val"].size, parts["test"].size)
        rng = numpy_generator(self.seed, "link-negatives random-85-5-10")
        return _drawn(simple, edges, parts, sizes, rng)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.seed})"


class HeartSplit85_5_10:  # noqa: N801  (the protocol's name)
    """HeaRT: each positive against hard negatives of its own that share a node with it [li2023]_.

    The parts are those of ``RandomLinkSplit85_5_10(0)`` for every seed; this is not the published
    split, whose files are not at hand. How negatives are chosen is told in
    ``graphlab.tasks._hard_negatives``: those of validation avoid training edges, those of test
    also validation edges.

    Args:
        num_negatives: Negatives a positive, K.
        root: Data root below which chosen negatives are kept; None: the default one.

    Example:
        >>> HeartSplit85_5_10()
        HeartSplit85_5_10(num_negatives=500)
    """

    def __init__(
        self, num_negatives: int = 500, *, root: str | PathLike[str] | None = None
    ) -> None:
        if isinstance(num_negatives, bool) or num_negatives < 1:
            raise InputError(f"num_negatives is {num_negatives!r}; expected an integer >= 1.")
        self.num_negatives = num_negatives
        self.root = root

    def __call__(self, graph: Any) -> LinkSplit:  # noqa: ANN401  (whatever as_graph accepts)
        """Return the split of a graph, taken as undirected and simple.

        ``edge_neg`` has shape (P, K, 2). Features of the graph, where there are some, take part
        in choosing negatives.

        Raises:
            InputError: Too few edges for three parts.
        """
        from graphlab.tasks._hard_negatives import hard_negatives

        given = as_graph(graph)
        edges = undirected_edges(given)
        parts = _parts_85_5_10(len(edges), 0)
        split: LinkSplit = {stage: {"edge": edges[index]} for stage, index in parts.items()}
        _check_sizes(split)
        train = training_graph(split["train"]["edge"], given.num_nodes)
        known = split["train"]["edge"]
        for stage in ("val", "test"):
            positives = split[stage]["edge"]
            split[stage]["edge_neg"] = hard_negatives(
                train,
                positives,
                known=known,
                x=given.features,
                k=self.num_negatives,
                root=self.root,
            )
            known = torch.cat([known, positives])
        return split

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_negatives={self.num_negatives})"


def undirected_edges(graph: Graph) -> Tensor:
    """Return each edge {i, j} of a graph once as (i, j), i < j, in ascending order, (E, 2)."""
    index = graph.simple().edge_index.cpu()
    return index[:, index[0] < index[1]].t().contiguous()


def training_graph(edges: Tensor, num_nodes: int) -> Graph:
    """Return the simple graph of some edges, with all nodes and without features or labels."""
    return as_graph(edges.t().contiguous(), num_nodes).simple()


def edge_digest(edges: Any, graph: Any) -> str:  # noqa: ANN401  (arrays, whatever as_graph accepts)
    """Return the SHA-256 of the sorted numbers of some edges within a graph's sorted edge list.

    Numbers are hashed as little-endian int64; with this the published digests of parts of
    ``debdeps`` can be compared.

    Raises:
        InputError: A pair is no edge of the graph.

    Example:
        >>> from graphlab.datasets import load
        >>> graph = load("debdeps").graph
        >>> edge_digest(RandomLinkSplit85_5_10(0)(graph)["test"]["edge"], graph)[:16]
        '5615d989d08f4bfc'
    """
    whole = as_graph(graph).simple()
    every = unordered_keys(undirected_edges(whole), whole.num_nodes)
    keys = np.sort(unordered_keys(torch.as_tensor(edges), whole.num_nodes))
    numbers = np.searchsorted(every, keys)
    found = every[np.minimum(numbers, every.size - 1)] == keys if every.size else keys == keys + 1
    if not bool(np.all(found)):
        raise InputError(f"{int((~found).sum())} of {keys.size} pairs are no edge of the graph.")
    return sha256_bytes(numbers.astype("<i8").tobytes())


def split_digest(split: Mapping[str, Mapping[str, Tensor]]) -> str:
    """Return one SHA-256 for a split: over the digests of its arrays."""
    parts = {
        stage: {key: digest_of(value) for key, value in arrays.items()}
        for stage, arrays in split.items()
    }
    return sha256_bytes(canonical_json(parts).encode())


def _parts_85_5_10(count: int, seed: int) -> dict[str, NDArray[np.int64]]:
    order = np.random.default_rng(seed).permutation(count)
    test, val, train = np.split(order, [count // 10, count // 10 + count // 20])
    return {"train": train, "val": val, "test": test}


def _drawn(
    graph: Graph,
    edges: Tensor,
    parts: Mapping[str, NDArray[np.int64]],
    sizes: tuple[int, int],
    rng: np.random.Generator,
) -> LinkSplit:
    """Look up the edges of each part and draw shared negatives of validation and test."""
    split: LinkSplit = {stage: {"edge": edges[index]} for stage, index in parts.items()}
    _check_sizes(split)
    negatives = unordered_non_edges(graph).distinct(sum(sizes), rng)
    split["val"]["edge_neg"] = negatives[: sizes[0]]
    split["test"]["edge_neg"] = negatives[sizes[0] :]
    return split


def _check_sizes(split: LinkSplit) -> None:
    sizes = {stage: len(arrays["edge"]) for stage, arrays in split.items()}
    if min(sizes.values()) == 0:
        listed = ", ".join(f"{stage} {size}" for stage, size in sizes.items())
        raise InputError(
            f"{sum(sizes.values())} edges are too few for a split ({listed}); 20 suffice."
        )
