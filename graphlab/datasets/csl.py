"""Circular skip link graphs from the files of their authors [murphy2019]_."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphlab.datasets.arrays import Arrays, reading

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.datasets.card import DatasetCard

__all__ = ["read_csl"]


def read_csl(folder: Path, card: DatasetCard) -> Arrays:
    """Read the 150 pickled adjacency matrices and their labels.

    The pickle goes through the restricted reader after its checksum; the labels through torch's
    weights-only reader. The matrices have ones on the diagonal, which are dropped.

    Args:
        folder: Folder with ``raw/``.
        card: The set.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`, with ``node_ptr``, ``edge_ptr``
        and ``graph_y``; no features.

    Raises:
        DatasetCorrupt: A file is damaged.
        UnsafeFileError: A file holds more than arrays.
    """
    from graphlab.errors import CheckpointError, DatasetCorrupt
    from graphlab.io import restricted_unpickle, safe_load

    graphs_path, labels_path = card.required_files
    matrices = restricted_unpickle(folder / graphs_path, sha256=card.files[graphs_path].sha256)
    try:
        labels = np.asarray(safe_load(folder / labels_path), dtype=np.int64)
    except CheckpointError as error:
        raise DatasetCorrupt(str(error)) from error
    with reading(folder / graphs_path):
        parts, node_ptr, edge_ptr = [], [0], [0]
        for matrix in matrices:
            row, col = matrix.row.astype(np.int64), matrix.col.astype(np.int64)
            keep = row != col
            order = np.lexsort((col[keep], row[keep]))
            parts.append(np.stack([row[keep], col[keep]])[:, order] + node_ptr[-1])
            node_ptr.append(node_ptr[-1] + matrix.shape[0])
            edge_ptr.append(edge_ptr[-1] + int(keep.sum()))
        if labels.shape != (len(parts),):
            raise ValueError("the number of labels is not that of the graphs")
    return {
        "edge_index": np.concatenate(parts, axis=1),
        "num_nodes": np.array(node_ptr[-1]),
        "node_ptr": np.array(node_ptr),
        "edge_ptr": np.array(edge_ptr),
        "graph_y": labels,
    }
