"""Cora, CiteSeer and PubMed from the raw files of Planetoid [yang2016]_."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.datasets.arrays import (
    Array,
    Arrays,
    entries,
    mask_arrays,
    reading,
    sparse_feature_arrays,
)

if TYPE_CHECKING:
    from graphlab.datasets.card import DatasetCard

__all__ = ["read_planetoid"]

_NUM_VAL = 500  # the public split validates on the 500 nodes behind the training nodes


def read_planetoid(folder: Path, card: DatasetCard) -> Arrays:
    """Read the eight ``ind.<name>.*`` files.

    The graph is taken as stored, without self-loops and duplicates. Test nodes that the feature
    file leaves out (15 isolated nodes of CiteSeer) get zero features and class 0, and belong to no
    part of the split; this is what the field's loaders do.

    Args:
        folder: Folder with ``raw/``.
        card: The set; gives file names and checksums.

    Returns:
        Arrays in the layout of :mod:`graphlab.datasets.arrays`; one stored split.

    Raises:
        DatasetCorrupt: A file is damaged, or the parts do not fit together.
        UnsafeFileError: A pickle holds more than arrays.
    """
    from scipy import sparse

    files = {Path(path).name.split(".", 2)[2]: path for path in card.files}
    part = {key: _unpickle(folder, card, files[key]) for key in files if key != "test.index"}
    index_file = folder / files["test.index"]
    with reading(index_file):
        test = np.loadtxt(index_file, dtype=np.int64, ndmin=1)
    with reading(folder / files["allx"]):
        if int(test.min()) != part["allx"].shape[0]:
            raise ValueError("test nodes do not follow the others")
        place = _places(test)
        x = sparse.vstack([sparse.csr_matrix(part["allx"]), place @ sparse.csr_matrix(part["tx"])])
        one_hot = np.concatenate([part["ally"], place @ part["ty"]])
        num_nodes = one_hot.shape[0]
        order = np.arange(num_nodes)
        order[test] = np.sort(test)  # the test part is stored in the index's order
    with reading(folder / files["graph"]):
        edge_index = _edges(part["graph"], num_nodes)
    masks = np.zeros((3, num_nodes), bool)
    num_train = len(part["y"])
    masks[0, :num_train] = True
    masks[1, num_train : num_train + _NUM_VAL] = True
    masks[2, test] = True
    return {
        "edge_index": edge_index,
        "num_nodes": np.array(num_nodes),
        "y": one_hot.argmax(1)[order].astype(np.int64),
        **sparse_feature_arrays(x.tocsr()[order]),
        **mask_arrays(*masks),
    }


def _places(test: Array) -> Any:  # noqa: ANN401  (scipy matrix)
    """Matrix that moves the rows of the test part to their ids; ids left out get empty rows."""
    from scipy import sparse

    ids = np.sort(test)
    row = ids - ids[0]
    ones = np.ones(ids.size, np.float32)
    return sparse.csr_matrix((ones, (row, np.arange(ids.size))), shape=(row[-1] + 1, ids.size))


def _unpickle(folder: Path, card: DatasetCard, path: str) -> Any:  # noqa: ANN401  (matrix, array or dict)
    from graphlab.io import restricted_unpickle

    return restricted_unpickle(folder / path, sha256=card.files[path].sha256)


def _edges(graph: dict[int, list[int]], num_nodes: int) -> Array:
    """Turn lists of neighbours into entries."""
    counts = [len(neighbours) for neighbours in graph.values()]
    source = np.repeat(np.fromiter(graph.keys(), np.int64, len(graph)), counts)
    target = np.fromiter((v for row in graph.values() for v in row), np.int64, sum(counts))
    return entries(source, target, num_nodes, both=False, loops=False)
