"""Sets of small graphs in the text format of the TU Dortmund collection [morris2020]_."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphlab.datasets.arrays import Array, Arrays, Ints, reading

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.datasets.card import DatasetCard

__all__ = ["read_tu"]


def read_tu(folder: Path, card: DatasetCard, *, use_node_attr: bool = False) -> Arrays:
    """Read ``<NAME>_A.txt``, ``_graph_indicator`` and whatever else is there.

    Node labels become one-hot columns, shifted to start at 0; edge labels likewise. Self-loops go;
    the edge features of duplicates are added. This is PyG's reading of the format.

    Args:
        folder: Folder with ``raw/``.
        card: The set.
        use_node_attr: Put the real-valued node attributes before the label columns.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`, with ``node_ptr``, ``edge_ptr``,
        ``graph_y``; ``x`` only if there are node labels (or attributes, when asked for).

    Raises:
        DatasetCorrupt: A file is damaged, or nodes are not grouped by graph.
    """
    prefix = folder / card.required_files[0].removesuffix("_A.txt")

    def path(part: str) -> Path:
        return prefix.with_name(f"{prefix.name}_{part}.txt")

    graph_of = _ints(path("graph_indicator")) - 1
    with reading(path("graph_indicator")):
        if graph_of.min() != 0 or (np.diff(graph_of) < 0).any():
            raise ValueError("nodes are not grouped by graph")
        node_ptr = _pointers(np.bincount(graph_of))
    pairs = _table(path("A"), np.int64) - 1
    edge_parts = (
        [_one_hot(_table(path("edge_labels"), np.int64))] if path("edge_labels").exists() else []
    )
    with reading(path("A")):
        attributes = np.concatenate(edge_parts, axis=1) if edge_parts else None
        edge_index, edge_attr = _coalesce(pairs, attributes, graph_of.size)
        if (graph_of[edge_index[0]] != graph_of[edge_index[1]]).any():
            raise ValueError("an edge joins two graphs")
    arrays: Arrays = {
        "edge_index": edge_index,
        "num_nodes": np.array(graph_of.size),
        "node_ptr": node_ptr,
        "edge_ptr": np.searchsorted(edge_index[0], node_ptr).astype(np.int64),
    }
    if edge_attr is not None:
        arrays["edge_attr"] = edge_attr
    features = []
    if use_node_attr and path("node_attributes").exists():
        features.append(_table(path("node_attributes"), np.float32))
    if path("node_labels").exists():
        features.append(_one_hot(_table(path("node_labels"), np.int64)))
    if features:
        with reading(path("node_labels")):
            arrays["x"] = np.concatenate(features, axis=1)
            if len(arrays["x"]) != graph_of.size:
                raise ValueError("nodes and their labels differ in number")
    if path("graph_labels").exists():
        labels = _ints(path("graph_labels"))
        with reading(path("graph_labels")):
            if labels.size != node_ptr.size - 1:
                raise ValueError("graphs and their labels differ in number")
        arrays["graph_y"] = np.unique(labels, return_inverse=True)[1].astype(np.int64).reshape(-1)
    return arrays


def _table(path: Path, dtype: type) -> Array:
    with reading(path):
        return np.loadtxt(path, dtype=dtype, delimiter=",", ndmin=2)


def _ints(path: Path) -> Ints:
    return _table(path, np.int64)[:, 0]


def _one_hot(labels: Array) -> Array:
    """One block of columns for each label column, starting at its smallest label."""
    shifted = labels - labels.min(axis=0)
    return np.concatenate([np.eye(c.max() + 1, dtype=np.float32)[c] for c in shifted.T], axis=1)


def _pointers(sizes: Array) -> Ints:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])


def _coalesce(pairs: Array, attributes: Array | None, num_nodes: int) -> tuple[Ints, Array | None]:
    """Sort entries, drop loops and duplicates, add the attributes of duplicates."""
    if pairs.min() < 0 or pairs.max() >= num_nodes:
        raise ValueError("an edge names a node that does not exist")
    keep = pairs[:, 0] != pairs[:, 1]
    key, inverse = np.unique(pairs[keep] @ np.array([num_nodes, 1]), return_inverse=True)
    edge_index = np.stack([key // num_nodes, key % num_nodes])
    if attributes is None:
        return edge_index, None
    total = np.zeros((key.size, attributes.shape[1]), np.float32)
    np.add.at(total, inverse.reshape(-1), attributes[keep])
    return edge_index, total
