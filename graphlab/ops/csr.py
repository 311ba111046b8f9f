"""Structure of a sparse matrix, prepared once for the kernels."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from graphlab.graph import Graph

__all__ = ["Csr", "WeakCache", "csr_of_graph", "csr_of_tensor", "incoming_entries"]

T = TypeVar("T")
_BLOCK = 1 << 14  # rows plus entries in a block
_INT32_MAX = 2**31 - 1


class Csr:
    """Rows of a sparse matrix without its values. Immutable; derived parts are made once.

    Row i holds the entries ``indptr[i]`` to ``indptr[i + 1] - 1``; entry e stands in column
    ``indices[e]``. Columns of a row may come in any order and more than once.

    Args:
        indptr: Row pointers, (rows + 1,) int64.
        indices: Columns, (m,) integer; kept as int32 where the number of columns allows.
        num_cols: Number of columns.
        symmetric: The matrix, values included, is known to be its own transpose entry by entry.

    Example:
        >>> matrix = Csr(torch.tensor([0, 2, 2]), torch.tensor([0, 2]), num_cols=3)
        >>> matrix.num_rows, matrix.num_cols, matrix.num_entries
        (2, 3, 2)
    """

    def __init__(
        self, indptr: Tensor, indices: Tensor, num_cols: int, *, symmetric: bool = False
    ) -> None:
        small = max(num_cols, indices.numel()) <= _INT32_MAX
        self.indptr = indptr.to(torch.int64).contiguous()
        self.indices = indices.to(torch.int32 if small else torch.int64).contiguous()
        self.num_rows, self.num_cols = indptr.numel() - 1, num_cols
        self.symmetric = symmetric
        self._rows: Tensor | None = None
        self._counts: dict[torch.dtype, Tensor] = {}
        self._arrays: tuple[NDArray[Any], ...] | None = None
        self._transposed: tuple[Csr, Tensor | None] | None = None

    @property
    def num_entries(self) -> int:
        """Number of stored entries."""
        return self.indices.numel()

    @property
    def device(self) -> torch.device:
        """Device of the structure."""
        return self.indices.device

    @property
    def rows(self) -> Tensor:
        """Row of each entry, (m,) int64."""
        if self._rows is None:
            row = torch.arange(self.num_rows, device=self.device)
            self._rows = row.repeat_interleave(self.indptr.diff(), output_size=self.num_entries)
        return self._rows

    @property
    def arrays(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """``indptr``, ``indices`` and the bounds of the row blocks, as numpy arrays.

        Blocks hold about as many entries each. They follow from the matrix alone, never from the
        number of threads, so that sums over blocks do not either.
        """
        if self._arrays is None:
            indptr = self.indptr.numpy()
            done = indptr + np.arange(indptr.size)
            count = max(1, round(int(done[-1]) / _BLOCK))
            inner = np.searchsorted(done, np.arange(1, count) * (done[-1] / count))
            bounds = np.unique(np.concatenate([[0], inner, [self.num_rows]]))
            self._arrays = (indptr, self.indices.numpy(), bounds.astype(np.int64))
        return self._arrays  # type: ignore[return-value]  # three of them

    def inverse_counts(self, dtype: torch.dtype) -> Tensor:
        """Return one over the number of entries of each row, 0 for empty rows; (rows,)."""
        if dtype not in self._counts:
            self._counts[dtype] = 1 / self.indptr.diff().clamp(min=1).to(dtype)
        return self._counts[dtype]

    def transposed(self) -> tuple[Csr, Tensor | None]:
        """Return the transposed structure and the position here of each of its entries.

        The positions are None when the matrix is its own transpose entry by entry. Rows keep the
        order of entries here. Cost: O(m log m) once.
        """
        if self.symmetric:
            return self, None
        if self._transposed is None:
            position = torch.argsort(self.indices, stable=True)
            indptr = torch.zeros(self.num_cols + 1, dtype=torch.int64, device=self.device)
            counts = torch.bincount(self.indices, minlength=self.num_cols)
            torch.cumsum(counts, 0, out=indptr[1:])
            row = torch.arange(self.num_rows, device=self.device)
            rows = row.repeat_interleave(self.indptr.diff(), output_size=self.num_entries)
            other = Csr(indptr, rows.index_select(0, position), self.num_rows)
            self._transposed = (other, position)
        return self._transposed

    @classmethod
    def of_groups(cls, indptr: Tensor, order: Tensor) -> Csr:
        """Return the matrix that sums rows in groups: row g holds ``order[indptr[g]]`` and on.

        Args:
            indptr: Boundaries of the groups within ``order``, (g + 1,).
            order: Each row number once, (m,).
        """
        groups = cls(indptr, order, order.numel())
        group = torch.empty(order.numel(), dtype=torch.int64, device=order.device)
        group[order] = groups.rows
        one_each = torch.arange(order.numel() + 1, device=order.device)
        groups._transposed = (cls(one_each, group, groups.num_rows), order)
        return groups

    def to(self, device: torch.device) -> Csr:
        """Return the structure on another device."""
        if device == self.device:
            return self
        parts = (self.indptr.to(device), self.indices.to(device), self.num_cols)
        return Csr(*parts, symmetric=self.symmetric)

    def __repr__(self) -> str:
        return f"Csr({self.num_rows}, {self.num_cols}, entries={self.num_entries})"


class WeakCache:
    """Values derived from tensors, kept as long as these live and are not changed in place.

    Tensors without a version counter (made in inference mode) are not kept.
    """

    def __init__(self) -> None:
        self._known: dict[Any, tuple[weakref.ref[Tensor], int, Any]] = {}

    def get(self, tensor: Tensor, build: Callable[[], T], *, extra: object = None) -> T:
        """Return ``build()``, or what it returned for the same unchanged tensor and ``extra``."""
        version = _version(tensor)
        if version is None:
            return build()
        key = (id(tensor), extra)
        found = self._known.get(key)
        if found is not None and found[0]() is tensor and found[1] == version:
            value: T = found[2]
            return value
        value = build()
        gone = weakref.ref(tensor, lambda _: self._known.pop(key, None))
        self._known[key] = (gone, version, value)
        return value


def _version(tensor: Tensor) -> int | None:
    """Return the version counter, which the parts of a sparse tensor share."""
    return None if tensor.is_inference() else tensor._version


_TENSORS = WeakCache()


def csr_of_tensor(matrix: Tensor) -> Csr:
    """Return the structure of a torch sparse CSR matrix; its values are not kept."""

    def build() -> Csr:
        return Csr(matrix.crow_indices(), matrix.col_indices(), matrix.shape[1])

    return _TENSORS.get(matrix, build)


def csr_of_graph(graph: Graph) -> tuple[Csr, Tensor | None]:
    """Return the incoming entries of a graph as rows (row i: entries j -> i), and their weights."""

    def build() -> tuple[Csr, Tensor | None]:
        undirected = graph.is_undirected()
        other = graph if undirected else graph.reverse()
        csr = Csr(other.indptr, other.columns, other.num_nodes, symmetric=undirected)
        return csr, other.edge_weight

    return graph.cached("ops.csr", build)


def incoming_entries(graph: Graph) -> tuple[Csr, Tensor]:
    """Return the incoming entries as rows, and the position of each in the graph's input."""

    def build() -> tuple[Csr, Tensor]:
        other = graph.reverse()
        csr = Csr(other.indptr, other.indices, other.num_nodes)
        return csr, graph.perm.index_select(0, other.perm)

    return graph.cached("ops.incoming", build)
