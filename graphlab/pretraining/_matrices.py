"""Dense matrices as packed rows, without a list of edges for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.pretraining._kernels import fill_rows, scan_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Rows = tuple[
        NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None
    ]

__all__ = ["rows_of_matrices"]


def rows_of_matrices(items: Sequence[Any]) -> Rows | None:
    """Return first nodes, row pointers, columns and weights of square arrays of floats.

    None where an item is something else, or holds a value outside [0, 1]: :func:`as_graph` reads
    those, and says what is wrong. Weights are None where all are 1.

    Cost: twice through the matrices; as :func:`as_graph` of each it takes ten times as long.
    """
    if not items or not all(_is_matrix(item) for item in items):
        return None
    matrices = [np.ascontiguousarray(item).reshape(-1) for item in items]
    sizes = [len(item) for item in items]
    ptr = np.concatenate([[0], np.cumsum(sizes)])
    counts, found = np.zeros(ptr[-1], np.int64), np.zeros(2, np.bool_)
    for matrix, n, first in zip(matrices, sizes, ptr.tolist(), strict=False):
        scan_matrix(matrix, n, counts[first : first + n], found)
        if found[0]:
            return None
    indptr = np.concatenate([[0], np.cumsum(counts)])
    col = np.empty(indptr[-1] + 1, np.int64)
    weight = np.empty(indptr[-1] + 1) if found[1] else None
    for matrix, n, first in zip(matrices, sizes, ptr.tolist(), strict=False):
        fill_rows(matrix, n, first, int(indptr[first]), col, weight)
    return ptr, indptr, col[:-1], None if weight is None else weight[:-1]


# -- private --------------------------------------------------------------------------------------


def _is_matrix(item: Any) -> bool:  # noqa: ANN401  (any item of a list of graphs)
    if type(item) is not np.ndarray or item.dtype not in (np.float32, np.float64):
        return False
    return item.ndim == 2 and item.shape[0] == item.shape[1]
