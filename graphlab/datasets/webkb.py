"""Texas, Cornell, Wisconsin (WebKB) and Actor from the files of Geom-GCN [pei2020]_."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphlab.datasets.arrays import (
    Array,
    Arrays,
    entries,
    feature_arrays,
    mask_arrays,
    read_npz,
    reading,
)

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.datasets.card import DatasetCard

__all__ = ["read_webkb"]

_STAGES = ("train_mask", "val_mask", "test_mask")


def read_webkb(folder: Path, card: DatasetCard) -> Arrays:
    """Read node and edge tables and the ten stored splits.

    Edges keep their direction; duplicates are dropped, self-loops are kept, as in PyG's loaders.

    Args:
        folder: Folder of the set.
        card: The set; its first two files are the node and the edge table, then ten splits.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`.

    Raises:
        DatasetCorrupt: A file is damaged.
    """
    nodes, edges, *splits = (folder / path for path in card.required_files)
    with reading(nodes):
        ids, features, labels = _node_table(nodes, indices=card.name == "actor")
        if not np.array_equal(np.sort(ids), np.arange(ids.size)):
            raise ValueError("node ids are not 0..n-1")
        x, y = np.empty_like(features), np.empty_like(labels)
        x[ids], y[ids] = features, labels
    with reading(edges):
        pairs = np.loadtxt(edges, dtype=np.int64, delimiter="\t", skiprows=1, ndmin=2)
        edge_index = entries(pairs[:, 0], pairs[:, 1], ids.size, both=False, loops=True)
    masks = [read_npz(path, _STAGES) for path in splits]
    with reading(splits[0]):
        stacked = [np.stack([mask[stage] for mask in masks], axis=1) for stage in _STAGES]
        if stacked[0].shape[0] != ids.size:
            raise ValueError("the masks are of another graph")
    return {
        "edge_index": edge_index,
        "num_nodes": np.array(ids.size),
        "y": y,
        **feature_arrays(x),
        **mask_arrays(*stacked),
    }


def _node_table(path: Path, *, indices: bool) -> tuple[Array, Array, Array]:
    """Read ``id <tab> features <tab> label``; features are 0/1 values, or indices of the ones."""
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    cells = [line.split("\t") for line in lines if line]
    ids = np.array([cell[0] for cell in cells]).astype(np.int64)
    labels = np.array([cell[2] for cell in cells]).astype(np.int64)
    rows = [np.array(cell[1].split(",")).astype(np.float32) for cell in cells]
    if not indices:
        return ids, np.stack(rows), labels
    columns = np.concatenate(rows).astype(np.int64)
    x = np.zeros((len(rows), int(columns.max()) + 1), np.float32)
    x[np.repeat(np.arange(len(rows)), [row.size for row in rows]), columns] = 1
    return ids, x, labels
