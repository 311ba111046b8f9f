"""The one layout in which every reader hands over a data set: plain numpy arrays by name.

==================  =====================  =========================================================
name                shape, type            content
==================  =====================  =========================================================
``edge_index``      (2, m) int64           entries sorted by (source, target)
``edge_indptr``     (n + 1,) int64         their row pointers
``edge_perm``       (m,) int64             position of each entry in the files' own order
``num_nodes``       () int64               of all graphs together
``x``               (n, F) float32, int64  dense node features (int64: categories), or the next four
``x_indptr``        (n + 1,) int64         sparse node features, CSR
``x_indices``       (k,) int64
``x_values``        (k,) float32
``x_shape``         (2,) int64
``y``               (n,) int64             node labels, -1 is unlabelled; or targets (n, T)
``edge_weight``     (m,) float32           weights of the entries
``train_mask`` ...  (n, S) bool            stored splits: also ``val_mask``, ``test_mask``
``train_graphs``    (k,) int64             stored split of graphs: ids; also ``val_``, ``test_``
``class_names``     (C,) str
``node_ptr``        (G + 1,) int64         graph sets: first node of each graph
``edge_ptr``        (G + 1,) int64         graph sets: first entry of each graph
``graph_y``         (G,) int64             graph sets: label of each graph, or targets (G, T)
``edge_attr``       (m, D) float32, int64  features of the entries
``extra_node_...``  (n, ...)               further columns of the nodes: ``extra_node_year``
``extra_edge_...``  (m, ...)               further columns of the entries
``packed_index``    (2, m) integer         large graph sets, for ``edge_index``: local ids
``packed_...``      (n, ...), (m, ...)     their fields: ``packed_node_x``, ``packed_graph_y`` ...
==================  =====================  =========================================================

All but ``edge_index`` (or ``packed_index``) and ``num_nodes`` may be absent. Targets are float32
where some are NaN (unknown) or not whole numbers. In graph sets node ids run through all graphs. A
reader is a function ``(folder, card) -> dict`` of such arrays; whole numbers may have any width,
they are widened to int64 (packed ones stay as they are).
"""

from __future__ import annotations

import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphlab.errors import DatasetCorrupt, GraphlabError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = [
    "Array",
    "Arrays",
    "Ints",
    "entries",
    "feature_arrays",
    "mask_arrays",
    "narrowed",
    "read_npz",
    "reading",
    "row_pointers",
    "sparse_feature_arrays",
    "widened",
]

Array = NDArray[Any]  # of whatever type the column of the layout has
Arrays = dict[str, Array]
Ints = NDArray[np.int64]

SPARSE_BELOW = 0.25  # share of nonzeros below which features are kept sparse


def entries(source: Array, target: Array, num_nodes: int, *, both: bool, loops: bool) -> Ints:
    """Return the distinct entries (2, m), sorted by (source, target).

    Args:
        source: Source ids (k,).
        target: Target ids (k,).
        num_nodes: Ids must lie in 0..num_nodes-1.
        both: Add the reverse of each entry.
        loops: Keep self-loops.

    Raises:
        ValueError: An id is out of range.

    Example:
        >>> entries(np.array([1, 0, 2]), np.array([0, 1, 2]), 3, both=False, loops=False).tolist()
        [[0, 1], [1, 0]]
    """
    row, col = source.astype(np.int64), target.astype(np.int64)
    if row.size and (min(row.min(), col.min()) < 0 or max(row.max(), col.max()) >= num_nodes):
        raise ValueError(f"an edge names a node outside 0..{num_nodes - 1}")
    if not loops:
        keep = row != col
        row, col = row[keep], col[keep]
    if both:
        row, col = np.concatenate([row, col]), np.concatenate([col, row])
    key = np.sort(row * max(num_nodes, 1) + col)  # np.unique takes four times as long
    key = key[np.concatenate([[True], key[1:] != key[:-1]])] if key.size else key
    return np.stack([key // max(num_nodes, 1), key % max(num_nodes, 1)])


def feature_arrays(x: Array) -> Arrays:
    """Return dense features in the layout: sparse where under a quarter is nonzero."""
    x = np.ascontiguousarray(x, dtype=np.float32)
    if x.ndim != 2:
        raise ValueError(f"features have {x.ndim} axes, expected 2")
    nonzero = x != 0
    if not x.size or nonzero.sum() >= SPARSE_BELOW * x.size:
        return {"x": x}
    rows, columns = np.nonzero(nonzero)
    indptr = np.zeros(x.shape[0] + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=x.shape[0]), out=indptr[1:])
    return _csr(indptr, columns, x[rows, columns], x.shape)


def sparse_feature_arrays(matrix: Any) -> Arrays:  # noqa: ANN401  (any scipy sparse matrix)
    """Return sparse features in the layout: dense where a quarter or more is nonzero."""
    csr = matrix.tocsr().astype(np.float32)
    csr.sum_duplicates()
    csr.eliminate_zeros()
    rows, columns = csr.shape
    if csr.nnz >= SPARSE_BELOW * rows * columns:
        return {"x": csr.toarray()}
    return _csr(csr.indptr, csr.indices, csr.data, (rows, columns))


def _csr(indptr: Array, indices: Array, values: Array, shape: tuple[int, ...]) -> Arrays:
    return {
        "x_indptr": indptr.astype(np.int64),
        "x_indices": indices.astype(np.int64),
        "x_values": values.astype(np.float32),
        "x_shape": np.array(shape, np.int64),
    }


def mask_arrays(train: Array, val: Array, test: Array) -> Arrays:
    """Return stored splits in the layout, from masks (n,) or (n, S)."""
    found = {"train_mask": train, "val_mask": val, "test_mask": test}
    return {name: mask.reshape(len(mask), -1).astype(bool) for name, mask in found.items()}


def row_pointers(edge_index: Array, num_nodes: int) -> Ints | None:
    """Return the row pointers (n + 1,) of sorted entries; None if unsorted or out of range.

    Example:
        >>> row_pointers(np.array([[0, 0, 2], [1, 2, 0]]), 3).tolist()
        [0, 2, 2, 3]
    """
    row, col = edge_index
    if row.size:
        if row[0] < 0 or row[-1] >= num_nodes or col.min() < 0 or col.max() >= num_nodes:
            return None
        same = row[1:] == row[:-1]
        if not (same & (col[1:] >= col[:-1]) | (row[1:] > row[:-1])).all():
            return None
    indptr = np.zeros(num_nodes + 1, np.int64)
    np.cumsum(np.bincount(row, minlength=num_nodes), out=indptr[1:])
    return indptr


def narrowed(arrays: Arrays) -> Arrays:
    """Return what a converted copy holds: CSR instead of pairs, whole numbers in few bytes.

    ``edge_targets`` (m,) stands for ``edge_index``, unless entries are not sorted.
    """
    kept = dict(arrays)
    indptr = kept.get("edge_indptr")
    if indptr is None:
        indptr = row_pointers(kept["edge_index"], int(kept["num_nodes"]))
    if indptr is not None:
        kept["edge_indptr"] = indptr
        kept["edge_targets"] = kept.pop("edge_index")[1]
    return {name: _fewest_bytes(array) for name, array in kept.items()}


def widened(arrays: Arrays) -> Arrays:
    """Undo :func:`narrowed`; any array that lacks nothing is passed on as it is."""
    wide = {
        name: array.astype(np.int64, copy=False)
        if array.dtype.kind in "iu" and not name.startswith("packed_")
        else array
        for name, array in arrays.items()
    }
    if "edge_targets" in wide:
        targets, indptr = wide.pop("edge_targets"), wide["edge_indptr"]
        edge_index = np.empty((2, targets.size), np.int64)
        edge_index[0] = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
        edge_index[1] = targets
        wide["edge_index"] = edge_index
    return wide


def _fewest_bytes(array: Array) -> Array:
    """Return whole numbers in the narrowest type that holds them; other arrays as they are."""
    if array.dtype.kind not in "iu" or not array.size:
        return array
    low, high = int(array.min()), int(array.max())
    for kind in (np.uint8, np.int16, np.int32):
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return array.astype(kind)
    return array


@contextmanager
def reading(path: Path, expected_bytes: int | None = None) -> Iterator[None]:
    """Turn whatever a reader raises on a damaged file into :class:`DatasetCorrupt`.

    The message names the file and its size, never its content; the cause is kept.
    """
    try:
        yield
    except GraphlabError:
        raise
    except MemoryError:
        raise
    except Exception as error:
        size = path.stat().st_size if path.exists() else 0
        wanted = f", expected {expected_bytes}" if expected_bytes is not None else ""
        raise DatasetCorrupt(
            f"{path} ({size} bytes{wanted}) cannot be read: {type(error).__name__}. "
            "It is damaged or not the expected file."
        ) from error


def read_npz(path: Path, keys: Sequence[str] | None = None) -> Arrays:
    """Read arrays of an ``.npz`` without pickles.

    Args:
        path: The file.
        keys: Only these; object arrays beside them are then never opened.

    Raises:
        DatasetCorrupt: Damaged, or it lacks a key, or an array is pickled.
    """
    with reading(path):
        try:
            with np.load(path, allow_pickle=False) as content:
                return {key: content[key] for key in (keys if keys is not None else content.files)}
        except zipfile.BadZipFile as error:
            raise DatasetCorrupt(
                f"{path} ({path.stat().st_size} bytes) is damaged: not a whole zip archive."
            ) from error
