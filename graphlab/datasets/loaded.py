"""``LoadedData``: graph, labels and split of a set, built from a reader's arrays."""

from __future__ import annotations

import itertools
import os
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphlab.datasets.splits import canonical_protocol, check_seed, make_split
from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.datasets.arrays import Array, Arrays
    from graphlab.datasets.card import DatasetCard

__all__ = ["LoadedData", "build_data", "counts", "split_choice"]

_STAGES = ("train", "val", "test")
PathLike = str | os.PathLike[str]


@dataclass(frozen=True, eq=False)
class LoadedData:
    """A data set in memory.

    Args:
        name: Canonical name.
        task: The task it was loaded for.
        graph: A :class:`graphlab.graph.Graph` with features and labels; for graph tasks a list of
            them. Features are as in the raw files, torch sparse CSR where under a quarter is
            nonzero (``graph.x`` makes them dense).
        metric: Id of the reported metric.
        num_classes: Number of classes; 0 when there are none.
        info: ``sha256``, ``folder``, ``unverified`` files, ``from_copy`` and counts.
        stored_splits: Protocol -> ``{"train", "val", "test"}`` masks (n, S), S stored splits.
        class_names: Names of the classes, where known.
        card: The card.
        root: The data root that was asked for.
        protocol: Protocol of :attr:`split`; None for tasks whose splits belong to the task.
        seed: Seed of :attr:`split`.
        fold: Stored split that was asked for, or None.
        targets: Labels of the graphs (G,), for graph tasks.
        edge_attr: Features of the entries of each graph, for graph sets that have some.
    """

    name: str
    task: str
    graph: Any  # Graph, or list[Graph] for graph tasks: callers know which they asked for
    metric: str
    num_classes: int
    info: dict[str, Any]  # plain values of several types
    card: DatasetCard
    stored_splits: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    class_names: tuple[str, ...] | None = None
    root: Path | None = None
    protocol: str | None = None
    seed: int = 0
    fold: int | None = None
    targets: Tensor | None = None
    edge_attr: list[Tensor] | None = None

    @cached_property
    def split(self) -> dict[str, Tensor]:
        """Masks ``train``, ``val``, ``test`` (n,) of the protocol; drawn at first use.

        Empty for tasks whose splits belong to the task (link, graph, temporal).
        """
        if self.protocol is None:
            return {}
        return make_split(self, self.protocol, self.seed, fold=self.fold)

    def __repr__(self) -> str:
        return f"LoadedData({self.name!r}, task={self.task!r}, graph={_short(self.graph)})"


def build_data(
    card: DatasetCard,
    task: str,
    arrays: Arrays,
    *,
    info: Mapping[str, Any],
    root: PathLike | None = None,
    seed: int = 0,
    split: int | str | None = None,
) -> LoadedData:
    """Build :class:`LoadedData` from arrays in the layout of :mod:`graphlab.datasets.arrays`.

    Args:
        card: The card.
        task: The task.
        arrays: What a reader returned.
        info: Goes into ``LoadedData.info``, beside counts.
        root: Data root that was asked for.
        seed: Seed of the split.
        split: See :func:`load`.

    Raises:
        InputError: The set has no such split, or the seed is none.
    """
    check_seed(seed)
    labels = arrays.get("graph_y", arrays.get("y"))
    names = arrays.get("class_names")
    by_graph = "node_ptr" in arrays
    stored = {}
    if "train_mask" in arrays:
        masks = {stage: torch.from_numpy(arrays[f"{stage}_mask"]) for stage in _STAGES}
        offered = card.protocols.get("node", ())
        stored["stored-10" if "stored-10" in offered else "public"] = masks
    protocol, fold = split_choice(card, task, split)
    data = LoadedData(
        name=card.name,
        task=task,
        graph=_graphs(arrays) if by_graph else _graph(arrays),
        metric=card.metric.get(task, "acc"),
        num_classes=_num_classes(labels, names),
        info={**info, **counts(arrays)},
        card=card,
        stored_splits=stored,
        class_names=None if names is None else tuple(map(str, names)),
        root=None if root is None else Path(root),
        protocol=protocol,
        seed=seed,
        fold=fold,
        targets=torch.from_numpy(labels) if by_graph and labels is not None else None,
        edge_attr=_edge_attributes(arrays) if by_graph else None,
    )
    if split is not None:
        _ = data.split  # what was asked for is checked now, a default at first use
    return data


def counts(arrays: Arrays) -> dict[str, int]:
    """Return counts as the card states them; classes are the largest label plus one."""
    features = arrays["x_shape"][1] if "x_shape" in arrays else 0
    labels = arrays.get("graph_y", arrays.get("y"))
    return {
        "num_graphs": arrays["node_ptr"].size - 1 if "node_ptr" in arrays else 1,
        "num_nodes": int(arrays["num_nodes"]),
        "num_edges": arrays["edge_index"].shape[1],
        "num_features": int(arrays["x"].shape[1] if "x" in arrays else features),
        "num_classes": _num_classes(labels, arrays.get("class_names")),
    }


def _num_classes(labels: Array | None, names: Array | None) -> int:
    if names is not None:
        return len(names)
    return int(labels.max()) + 1 if labels is not None and labels.size else 0


def _graph(arrays: Arrays) -> Graph:
    parts: dict[str, Any] = {
        "edge_index": torch.from_numpy(arrays["edge_index"]),
        "num_nodes": int(arrays["num_nodes"]),
    }
    if "edge_weight" in arrays:
        parts["edge_weight"] = torch.from_numpy(arrays["edge_weight"])
    graph = as_graph(parts).with_features(_features(arrays))
    return graph.with_labels(torch.from_numpy(arrays["y"])) if "y" in arrays else graph


def _features(arrays: Arrays) -> Tensor | None:
    if "x" in arrays:
        return torch.from_numpy(arrays["x"])
    if "x_indptr" not in arrays:
        return None
    indptr, indices, values = (
        torch.from_numpy(arrays[name]) for name in ("x_indptr", "x_indices", "x_values")
    )
    size = tuple(int(v) for v in arrays["x_shape"])
    with warnings.catch_warnings():  # torch calls its sparse CSR layout a beta feature
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(indptr, indices, values, size=size)


def _graphs(arrays: Arrays) -> list[Graph]:
    """Cut a graph set into graphs; node ids start at 0 in each. Features stay dense."""
    edge_index = torch.from_numpy(arrays["edge_index"])
    x = torch.from_numpy(arrays["x"]) if "x" in arrays else None
    nodes, edges = arrays["node_ptr"].tolist(), arrays["edge_ptr"].tolist()
    graphs = []
    for first, last, start, stop in zip(nodes, nodes[1:], edges, edges[1:], strict=False):
        graph = as_graph(
            {"edge_index": edge_index[:, start:stop] - first, "num_nodes": last - first}
        )
        graphs.append(graph if x is None else graph.with_features(x[first:last]))
    return graphs


def _edge_attributes(arrays: Arrays) -> list[Tensor] | None:
    if "edge_attr" not in arrays:
        return None
    rows, edges = torch.from_numpy(arrays["edge_attr"]), arrays["edge_ptr"].tolist()
    return [rows[a:b] for a, b in itertools.pairwise(edges)]


def split_choice(
    card: DatasetCard, task: str, split: int | str | None
) -> tuple[str | None, int | None]:
    """Return protocol and stored split that ``split`` of :func:`load` stands for.

    Raises:
        InputError: Neither a node protocol nor a number, or the task makes its own splits.
    """
    if task != "node":
        if split is not None:
            raise InputError(
                f"split is {split!r}, but splits of the task {task!r} are made by its task class."
            )
        return None, None
    if isinstance(split, str):
        return canonical_protocol(split), None
    if split is not None and (isinstance(split, bool) or not hasattr(split, "__index__")):
        raise InputError(f"split is {split!r}; expected a protocol id or a number.")
    return card.protocols[task][0], split


def _short(graph: Any) -> str:  # noqa: ANN401  (a graph or a list of them)
    return f"{len(graph)} graphs" if isinstance(graph, list) else repr(graph)
