"""Matrices that grow row by row, each in a few long arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import GraphTooLarge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["Growing", "join"]

_INT32_MAX = 2**31 - 1


@dataclass
class Growing:
    """Columns, values and row lengths of one matrix, appended in order.

    Args:
        rows: Number of rows it will have.
        kind: Type of the values.
        room: Entries to make place for at once. Pages of memory that are never written cost
            nothing, so that a generous guess does no harm.
    """

    rows: int
    kind: np.dtype[Any]
    room: int
    done: list[tuple[Array, Array]] = field(default_factory=list)
    used: int = 0
    row: int = 0

    def __post_init__(self) -> None:
        self.lengths = np.zeros(self.rows, np.int32)
        self.columns, self.values = np.empty(0, np.int32), np.empty(0, self.kind)

    def append(self, columns: Array, values: Array, lengths: Array) -> None:
        """Add the entries of the next rows."""
        to_columns, to_values, at = self.reserve(columns.size)
        to_columns[at : at + columns.size] = columns
        to_values[at : at + columns.size] = values
        self.advance(columns.size, lengths)

    def reserve(self, count: int) -> tuple[Array, Array, int]:
        """Return arrays with place for ``count`` entries, and where it begins."""
        if self.used + count > self.columns.size:
            self.close()
            size = max(count, self.room)
            self.columns, self.values = np.empty(size, np.int32), np.empty(size, self.kind)
            self.room = max(self.room // 4, 1 << 16)
        return self.columns, self.values, self.used

    def advance(self, count: int, lengths: Array) -> None:
        """Count the entries that were written to the reserved place."""
        self.lengths[self.row : self.row + lengths.size] = lengths
        self.row += lengths.size
        self.used += count

    def close(self) -> None:
        """End the open arrays; their unused end goes back to the system, in place."""
        columns, values = self.columns, self.values
        self.columns, self.values = np.empty(0, np.int32), np.empty(0, self.kind)
        if self.used:
            columns.resize(self.used, refcheck=False)  # no view of them is alive
            values.resize(self.used, refcheck=False)
            self.done.append((columns, values))
        self.used = 0


def join(pieces: list[Growing], kind: np.dtype[Any] | None = None) -> tuple[Array, Array, Array]:
    """Return ``indptr``, ``columns`` and ``values`` of matrices one below the other.

    The pieces are emptied, so that never more than one matrix is held twice.

    Args:
        pieces: Rows of one matrix, in order.
        kind: Type of the values; None for theirs.

    Raises:
        GraphTooLarge: A value does not fit into ``kind``.
    """
    lengths = np.concatenate([piece.lengths for piece in pieces])
    indptr = np.zeros(lengths.size + 1, np.int64)
    np.cumsum(lengths, out=indptr[1:])
    small = indptr[-1] <= _INT32_MAX
    columns: list[Array] = []
    values: list[Array] = []
    for piece in pieces:
        piece.close()
        columns += [part[0] for part in piece.done]
        values += [part[1] for part in piece.done]
        piece.done = []
    one_columns = _one(columns, np.dtype(np.int32))
    one_values = _one(values, pieces[0].kind)
    if kind is not None and kind != one_values.dtype:
        _check_fit(one_values, kind)
        one_values = one_values.astype(kind)
    if small:
        return indptr.astype(np.int32), one_columns, one_values
    return indptr, one_columns.astype(np.int64), one_values


def _one(parts: list[Array], kind: np.dtype[Any]) -> Array:
    whole = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, kind), *parts])
    parts.clear()
    return whole


def _check_fit(values: Array, kind: np.dtype[Any]) -> None:
    largest = int(values.max(initial=0))
    whole = kind.kind in "iu"
    limit = np.iinfo(kind).max if whole else 2 ** (np.finfo(kind).nmant + 1)
    if largest > limit:
        raise GraphTooLarge(
            f"An entry of {largest} does not fit into {kind}, which counts exactly to {limit}; "
            "use a wider dtype, or none."
        )
