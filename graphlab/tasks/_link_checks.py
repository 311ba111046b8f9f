"""Checks of a link split before it is used: what is to be predicted must not be visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.tasks._link_negatives import unordered_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from graphlab.graph import Graph
    from graphlab.tasks._link_splits import LinkSplit

__all__ = ["check_hidden", "check_ids", "check_own_negatives", "check_shared_negatives"]

_CALLED = {"train": "training", "val": "validation", "test": "test"}


def check_ids(split: LinkSplit, num_nodes: int, name: str) -> None:
    """Refuse node ids out of range and self pairs among positives.

    Raises:
        InputError: Names part, pair and range.
    """
    for stage, arrays in split.items():
        for key, pairs in arrays.items():
            flat = pairs.reshape(-1, 2)
            if flat.numel() == 0:
                raise InputError(f"{name}: {key} of the {_CALLED[stage]} part is empty.")
            low, high = (int(v) for v in torch.aminmax(flat))
            if low < 0 or high >= num_nodes:
                raise InputError(
                    f"{name}: {key} of the {_CALLED[stage]} part holds node "
                    f"{low if low < 0 else high}, but ids must be 0..{num_nodes - 1}."
                )
        edges = arrays["edge"]
        loops = edges[edges[:, 0] == edges[:, 1]]
        if len(loops):
            raise InputError(
                f"{name}: {len(loops)} {_CALLED[stage]} edges join a node with itself, the first "
                f"at node {int(loops[0, 0])}; remove them."
            )


def check_hidden(split: LinkSplit, visible: Mapping[str, Graph], name: str) -> None:
    """Refuse a split whose parts share an edge, or whose edges to predict are in the input graph.

    Args:
        split: The split.
        visible: The graph that is the input when validation and when test edges are predicted.
        name: Of the data set.

    Raises:
        InputError: Says how many edges leak, where, and the first of them.

    Cost: O((E + m) log(E + m)).
    """
    n = visible["val"].num_nodes
    keys = {stage: unordered_keys(arrays["edge"], n) for stage, arrays in split.items()}
    ordered = {stage: np.sort(keys[stage]) for stage in ("train", "val")}
    for one, other in (("val", "train"), ("test", "train"), ("test", "val")):
        shared = _among(keys[one], ordered[other])
        _refuse(shared, split[one]["edge"], f"{name}: {{}} are also {_CALLED[other]} edges")
    for stage in ("val", "test"):
        inside = _among(keys[stage], _edge_keys(visible[stage]))
        text = f"{name}: {{}} of the {_CALLED[stage]} part are in the graph they are predicted from"
        _refuse(inside, split[stage]["edge"], text)


def check_shared_negatives(split: LinkSplit, full: Graph, name: str) -> None:
    """Refuse negatives that are edges of the full graph, self pairs or repeats.

    Raises:
        InputError: Says how many, and the first of them.
    """
    every = _edge_keys(full)
    for stage in ("val", "test"):
        pairs = split[stage]["edge_neg"]
        keys = unordered_keys(pairs, full.num_nodes)
        part = f"negatives of the {_CALLED[stage]} part"
        _refuse(keys < 0, pairs, f"{name}: {{}} among the {part} join a node with itself")
        _refuse(_among(keys, every), pairs, f"{name}: {{}} among the {part} are edges")
        order = np.argsort(keys, kind="stable")
        repeated = np.zeros(keys.size, bool)
        repeated[order[1:]] = keys[order[1:]] == keys[order[:-1]]
        _refuse(repeated, pairs, f"{name}: {{}} among the {part} are repeats")


def check_own_negatives(split: LinkSplit, num_nodes: int, name: str) -> None:
    """Refuse negatives of a positive that do not share a node with it, or are known edges.

    Known are training edges, for test also validation edges: an edge that is only to be found
    later may be a negative, as in the published benchmark.

    Raises:
        InputError: Says how many, and the first of them.
    """
    known = np.sort(unordered_keys(split["train"]["edge"], num_nodes))
    for stage in ("val", "test"):
        positives, negatives = split[stage]["edge"], split[stage]["edge_neg"]
        ends = positives.unsqueeze(1)
        apart = (negatives != ends).all(2) & (negatives != ends.flip(2)).all(2)
        pairs = negatives.reshape(-1, 2)
        part = f"negatives of the {_CALLED[stage]} part"
        text = f"{name}: {{}} among the {part} share no node with their positive"
        _refuse(apart.reshape(-1).numpy(), pairs, text)
        keys = unordered_keys(pairs, num_nodes)
        _refuse(keys < 0, pairs, f"{name}: {{}} among the {part} join a node with itself")
        _refuse(_among(keys, known), pairs, f"{name}: {{}} among the {part} are known edges")
        known = np.sort(np.concatenate([known, unordered_keys(positives, num_nodes)]))


def _among(keys: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which keys occur among others, which ascend."""
    if others.size == 0:
        return np.zeros(keys.size, bool)
    place = np.minimum(np.searchsorted(others, keys), others.size - 1)
    found: NDArray[np.bool_] = others[place] == keys
    return found


def _edge_keys(graph: Graph) -> NDArray[np.int64]:
    """Numbers of the edges of a simple graph; they ascend, as its entries do."""
    index = graph.edge_index
    return unordered_keys(index[:, index[0] < index[1]].t(), graph.num_nodes)


def _refuse(wrong: NDArray[np.bool_], pairs: Tensor, text: str) -> None:
    if wrong.any():
        first = tuple(pairs.reshape(-1, 2)[int(np.flatnonzero(wrong)[0])].tolist())
        count = int(wrong.sum())
        told = f"{count} pair{'s' if count > 1 else ''} (the first: {first})"
        raise InputError(text.format(told) + "; the result would not be a prediction.")
