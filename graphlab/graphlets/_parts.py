"""Matrices that grow row by row, each in a few long arrays."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import GraphTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from graphlab.graphlets._keys import Key

    Array = NDArray[Any]
    Place = tuple[Array, Array, int]  # columns, values, where in both

__all__ = ["Growing", "InOrder", "join"]

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
    done: list[tuple[Array, Array, int]] = field(default_factory=list)
    used: int = 0
    row: int = 0

    def __post_init__(self) -> None:
        self.lengths = np.zeros(self.rows, np.int32)
        self.columns, self.values = np.empty(0, np.int32), np.empty(0, self.kind)

    def reserve(self, count: int) -> tuple[Array, Array, int]:
        """Return arrays with place for ``count`` entries, and where it begins."""
        if self.used + count > self.columns.size:
            self._close()
            size = max(count, self.room)
            self.columns, self.values = np.empty(size, np.int32), np.empty(size, self.kind)
            self.room = max(self.room // 4, 1 << 16)
        return self.columns, self.values, self.used

    def advance(self, count: int, lengths: Array) -> None:
        """Count the entries that were written to the reserved place."""
        self.lengths[self.row : self.row + lengths.size] = lengths
        self.row += lengths.size
        self.used += count

    def restart(self, rows: int) -> None:
        """Forget the entries; keep the memory for ``rows`` others."""
        if self.done:  # the guess was too small: have it all in one piece from now on
            self.room = 2 * (sum(part[2] for part in self.done) + self.used)
            self.columns, self.values = np.empty(0, np.int32), np.empty(0, self.kind)
        self.done, self.used, self.row, self.rows = [], 0, 0, rows
        self.lengths = np.zeros(rows, np.int32)

    def whole(self) -> tuple[Array, Array]:
        """Return all columns and all values so far."""
        parts = [*self.done, (self.columns, self.values, self.used)]
        if len(parts) == 1:
            return self.columns[: self.used], self.values[: self.used]
        return (
            np.concatenate([columns[:used] for columns, _, used in parts]),
            np.concatenate([values[:used] for _, values, used in parts]),
        )

    def take(self) -> tuple[list[Array], list[Array]]:
        """Return all columns and all values, and hold them no longer."""
        self._close()
        columns: list[Array] = []
        values: list[Array] = []
        for some_columns, some_values, used in self.done:
            for array, out in ((some_columns, columns), (some_values, values)):
                array.resize(used, refcheck=False)  # in place; no view of it is alive
                out.append(array)
        self.done = []
        return columns, values

    def _close(self) -> None:
        if self.used:
            self.done.append((self.columns, self.values, self.used))
        self.columns, self.values = np.empty(0, np.int32), np.empty(0, self.kind)
        self.used = 0


class InOrder:
    """Gives blocks of rows their place in matrices, in order, whichever thread makes them.

    A thread waits until all rows before its own have their place; what it then writes, it writes
    beside the others.

    Args:
        targets: The matrices.
        row: Their first row.
    """

    def __init__(self, targets: Mapping[Key, Growing], row: int) -> None:
        self._targets, self._row = targets, row
        self._error: BaseException | None = None
        self._turn = threading.Condition()

    def place(self, first: int, last: int, made: Iterable[tuple[Key, int, Array]]) -> list[Place]:
        """Return for each (key, entries, length of each row) where these are to be written.

        Args:
            first: First row; all before it are placed by others.
            last: Last row, plus one.
            made: What the rows hold.
        """
        with self._turn:
            self._turn.wait_for(lambda: self._row == first or self._error is not None)
            if self._error is not None:
                raise self._error
            places = []
            for key, size, lengths in made:
                places.append(self._targets[key].reserve(size))
                self._targets[key].advance(size, lengths)
            self._row = last
            self._turn.notify_all()
        return places

    def fail(self, error: BaseException) -> None:
        """Let go of those that wait, with the same error: rows will never come."""
        with self._turn:
            self._error = error
            self._turn.notify_all()


def join(matrix: Growing, kind: np.dtype[Any] | None = None) -> tuple[Array, Array, Array]:
    """Return ``indptr``, ``columns`` and ``values`` of a matrix, which is empty then.

    Args:
        matrix: The matrix.
        kind: Type of the values; None for its own.

    Raises:
        GraphTooLarge: A value does not fit into ``kind``.
    """
    indptr = np.zeros(matrix.lengths.size + 1, np.int64)
    np.cumsum(matrix.lengths, out=indptr[1:])
    parts = matrix.take()
    columns, values = _one(parts[0], np.dtype(np.int32)), _one(parts[1], matrix.kind)
    if kind is not None and kind != values.dtype:
        _check_fit(values, kind)
        values = values.astype(kind)
    if indptr[-1] <= _INT32_MAX:
        return indptr.astype(np.int32), columns, values
    return indptr, columns.astype(np.int64), values


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
