"""``LoadedData``: graph, labels and split of a set, built from a reader's arrays."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab.datasets.arrays import row_pointers
from graphlab.datasets.graph_sets import collection_of, packed_collection
from graphlab.datasets.splits import canonical_protocol, check_seed, make_split
from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphlab.collection import GraphCollection
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
            them, for the large generated sets a :class:`graphlab.collection.GraphCollection`.
            Features are as in the raw files, torch sparse CSR where under a quarter is nonzero
            (``graph.x`` makes them dense).
        metric: Id of the reported metric.
        num_classes: Number of classes; 0 when there are none.
        info: ``sha256``, ``folder``, ``unverified`` files, ``from_copy`` and counts.
        stored_splits: Protocol -> ``{"train", "val", "test"}`` masks (n, S), S stored splits; of
            generated graph sets ``official`` holds ids of graphs (k,).
        class_names: Names of the classes, where known.
        card: The card.
        root: The data root that was asked for.
        protocol: Protocol of :attr:`split`; None for tasks whose splits belong to the task.
        seed: Seed of :attr:`split`.
        fold: Stored split that was asked for, or None.
        targets: Labels (G,) or targets (G, T) of the graphs, for graph tasks; NaN is unknown.
        edge_attr: Features of the entries, in the order of ``graph.edge_index``: a tensor (m, D),
            for graph tasks one for each graph; None where the set has none.
        attributes: Further columns by name: ``node_year`` (n, 1), ``edge_year`` (m, 1) ...
    """

    name: str
    task: str
    graph: Any  # Graph, list[Graph] or GraphCollection: callers know which they asked for
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
    edge_attr: Tensor | list[Tensor] | None = None
    attributes: dict[str, Tensor] = field(default_factory=dict)

    @cached_property
    def split(self) -> dict[str, Tensor]:
        """Masks ``train``, ``val``, ``test`` (n,) of the protocol; drawn at first use.

        Empty for tasks whose splits belong to the task (link, graph, temporal).
        """
        if self.protocol is None:
            return {}
        return make_split(self, self.protocol, self.seed, fold=self.fold)

    @cached_property
    def collection(self) -> GraphCollection:
        """The graphs of a graph set, packed; see :func:`graph_sets.collection_of`.

        Raises:
            InputError: A single graph.
        """
        return collection_of(self)

    @cached_property
    def official_split(self) -> dict[str, Any]:
        """The split that the set's authors publish, read at first use; OGB sets have one.

        Link sets: ``train``, ``val`` and ``test``, each a dictionary of tensors: ``edge`` (k, 2),
        for val and test ``edge_neg`` (l, 2), where stated ``weight`` and ``year`` (k,); or
        ``source_node`` and ``target_node`` (k,) with ``target_node_neg`` (k, 1000). Node and graph
        sets: ids (k,) int64 of each part.

        Raises:
            InputError: The set has none.
            DatasetCorrupt: A file of it is damaged, or names nodes that do not exist.
            UnsafeFileError: A file of it holds more than arrays.
        """
        from graphlab.datasets.ogb_splits import read_official_split

        return read_official_split(self)

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
    labels = _labels(arrays)
    names = arrays.get("class_names")
    by_graph = "node_ptr" in arrays
    packed = "packed_index" in arrays
    stored = {}
    if "train_mask" in arrays:
        masks = {stage: torch.from_numpy(arrays[f"{stage}_mask"]) for stage in _STAGES}
        offered = card.protocols.get("node", ())
        stored["stored-10" if "stored-10" in offered else "public"] = masks
    if "train_graphs" in arrays:
        stored["official"] = {s: torch.from_numpy(arrays[f"{s}_graphs"]) for s in _STAGES}
    protocol, fold = split_choice(card, task, split)
    data = LoadedData(
        name=card.name,
        task=task,
        graph=packed_collection(arrays) if packed else (_graphs if by_graph else _graph)(arrays),
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
        targets=_targets(arrays),
        edge_attr=_edge_attributes(arrays),
        attributes={
            name.removeprefix("extra_"): torch.from_numpy(column)
            for name, column in arrays.items()
            if name.startswith("extra_")
        },
    )
    if split is not None:
        _ = data.split  # what was asked for is checked now, a default at first use
    return data


def counts(arrays: Arrays) -> dict[str, int]:
    """Return counts as the card states them; classes are the largest label plus one."""
    features = arrays["x_shape"][1] if "x_shape" in arrays else 0
    x = arrays.get("x", arrays.get("packed_node_x"))
    if x is not None:
        features = x.shape[1] if x.ndim > 1 else 1
    labels = _labels(arrays)
    return {
        "num_graphs": arrays["node_ptr"].size - 1 if "node_ptr" in arrays else 1,
        "num_nodes": int(arrays["num_nodes"]),
        "num_edges": arrays["edge_index" if "edge_index" in arrays else "packed_index"].shape[1],
        "num_features": int(features),
        "num_classes": _num_classes(labels, arrays.get("class_names")),
    }


def _labels(arrays: Arrays) -> Array | None:
    """Return labels or targets, of whatever they are."""
    names = ("graph_y", "y", "packed_graph_y", "packed_node_y", "packed_edge_y")
    return next((arrays[name] for name in names if name in arrays), None)


def _targets(arrays: Arrays) -> Tensor | None:
    """Return labels or targets of graphs."""
    labels = arrays.get("packed_graph_y")
    if "packed_index" not in arrays and "node_ptr" in arrays:
        labels = _labels(arrays)
    return None if labels is None else torch.from_numpy(labels)


def _num_classes(labels: Array | None, names: Array | None) -> int:
    """Largest label plus one; 0 where targets are not classes. NaN is an unknown label."""
    if names is not None:
        return len(names)
    if labels is None:
        return 0
    known = labels[~np.isnan(labels)] if labels.dtype.kind == "f" else labels
    if not known.size or (known.dtype.kind == "f" and (known % 1 != 0).any()):
        return 0
    return int(known.max()) + 1


def _graph(arrays: Arrays) -> Graph:
    num_nodes = int(arrays["num_nodes"])
    labels = torch.from_numpy(arrays["y"]) if "y" in arrays else None
    weight = torch.from_numpy(arrays["edge_weight"]) if "edge_weight" in arrays else None
    index = torch.from_numpy(arrays["edge_index"])
    if "edge_indptr" not in arrays:
        parts = {"edge_index": index, "num_nodes": num_nodes, "edge_weight": weight}
        graph = as_graph({name: part for name, part in parts.items() if part is not None})
        return graph.with_features(_features(arrays)).with_labels(labels)
    return Graph.from_sorted(
        index,
        torch.from_numpy(arrays["edge_indptr"]),
        weight=weight,
        perm=torch.from_numpy(arrays["edge_perm"]) if "edge_perm" in arrays else None,
        x=_features(arrays),
        y=labels,
    )


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
    """Cut a graph set into graphs, which are views; node ids start at 0 in each.

    Features stay dense.
    """
    nodes, edges = arrays["node_ptr"], arrays["edge_ptr"]
    sizes, counts = np.diff(nodes), np.diff(edges)
    index = arrays["edge_index"] - np.repeat(nodes[:-1], counts)
    columns = _cut(index, counts, 1)
    features = _cut(arrays["x"], sizes) if "x" in arrays else [None] * sizes.size
    indptr = row_pointers(arrays["edge_index"], int(arrays["num_nodes"]))
    inside = (index >= 0).all() and (index < np.repeat(sizes, counts)).all()
    if indptr is None or not inside:  # not sorted, or wrong: the entrance for graphs says which
        return [
            as_graph({"edge_index": column, "num_nodes": size}).with_features(x)
            for column, size, x in zip(columns, sizes.tolist(), features, strict=True)
        ]
    # a graph has one row pointer more than nodes: the last of one is the first of the next
    of_graph = np.repeat(np.arange(sizes.size), sizes + 1)
    places = np.arange(of_graph.size) - of_graph
    pointers = _cut(indptr[places] - edges[of_graph], sizes + 1)
    perms: Sequence[Tensor | None] = [None] * sizes.size
    if "edge_perm" in arrays:
        perms = _cut(arrays["edge_perm"] - np.repeat(edges[:-1], counts), counts)
    return [
        Graph.from_sorted(column, pointer, perm=perm, x=x)
        for column, pointer, perm, x in zip(columns, pointers, perms, features, strict=True)
    ]


def _edge_attributes(arrays: Arrays) -> Tensor | list[Tensor] | None:
    if "edge_attr" not in arrays:
        return None
    if "edge_ptr" not in arrays:
        return torch.from_numpy(arrays["edge_attr"])
    return list(_cut(arrays["edge_attr"], np.diff(arrays["edge_ptr"])))


def _cut(array: Array, sizes: Array, dim: int = 0) -> Sequence[Tensor]:
    return torch.split_with_sizes(torch.from_numpy(array), sizes.tolist(), dim)


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
    return repr(graph) if isinstance(graph, Graph) else f"{len(graph)} graphs"
