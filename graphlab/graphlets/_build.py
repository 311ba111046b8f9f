"""From a prepared graph to matrices: how large they get, on how many threads they are made."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphlab.errors import InputError, ResourceError
from graphlab.graphlets._parts import Growing, InOrder, join
from graphlab.graphlets._rows import ROOM, Prepared, RowSweeper, one_step_rows, write
from graphlab.ops._simd_ids import WIDE
from graphlab.ops._threads import run_blocks, stays_serial
from graphlab.resources import available_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    from graphlab.graphlets._keys import Key

    Make = Callable[[RowSweeper, int, int, InOrder], None]

__all__ = ["Builder"]

_UNSWEPT = {(1, 0, 0), (1, 1, 2), (1, 2, 1), (1, 3, 3)}  # degrees and triangles give them
_SAMPLE = 32  # rows whose entries are counted for an estimate
_GUESS = 1.25  # times the estimate that place is made for
_SHARE = 0.5  # of the memory that is free
_PIECE_BYTES = 1 << 22  # of what a thread makes before it is appended


class Builder:
    """Makes rows of the wanted matrices of a graph.

    Args:
        prepared: The graph.
        keys: Wanted keys.
        top_k: Entries to keep of each row of pairs two and three steps apart.
        dtype: Type of the values; None for the narrowest that holds all.
        threads: Largest number of threads.
    """

    def __init__(
        self,
        prepared: Prepared,
        keys: tuple[Key, ...],
        *,
        top_k: int | None = None,
        dtype: Any = None,  # noqa: ANN401  (whatever numpy takes)
        threads: int | None = None,
    ) -> None:
        self.graph, self.keys, self.top_k = prepared, keys, top_k
        self.threads = threads or torch.get_num_threads()
        self.kind = prepared.kind if dtype is None else _number_type(dtype)
        self._sweepers: list[RowSweeper] = []
        self._panels = False
        self.entries = self._estimate()

    @property
    def bytes(self) -> int:
        """Bytes of all rows of the wanted matrices, as estimated."""
        each = 4 + self.kind.itemsize
        pointers = 4 * (self.graph.num_nodes + 1) * len(self.keys)
        return int(sum(self.entries.values()) * each) + pointers

    def check_memory(self, max_memory: int | None) -> None:
        """Refuse to make matrices that would take more than is allowed.

        Raises:
            ResourceError: With the estimate, the limit, and what would lower it.
        """
        limit, whose = max_memory, "max_memory"
        if limit is None:
            free = available_bytes()
            if free is None:
                return
            limit, whose = int(free * _SHARE), "half of the memory that is free"
        if self.bytes <= limit:
            return
        largest = max(self.entries, key=lambda key: self.entries[key])
        raise ResourceError(
            f"The {len(self.keys)} wanted matrices take about {_size(self.bytes)} (by a sample of "
            f"rows; {largest} alone about {self.entries[largest]:.3g} entries), more than "
            f"{_size(limit)}, {whose}. Ask for fewer orbits (orbits=, hop=, graphlet=); or take "
            "blocks of rows with iter_orbit_adjacency, or write them to a folder with out=; or "
            "keep the largest entries of each row with top_k=."
        )

    def rows(self, first: int, last: int) -> dict[Key, csr_array]:
        """Return rows ``first`` to ``last - 1`` of each wanted matrix."""
        if last <= first:
            return {key: self._matrix(*_no_rows(self.kind)) for key in self.keys}
        graph, targets = self.graph, self._growing(first, last)
        near = tuple(key for key in self.keys if key[0] == 1)
        far = {key: matrix for key, matrix in targets.items() if key[0] > 1}
        origin = int(graph.indptr[first])
        size = int(graph.indptr[last]) - origin if set(near) - _UNSWEPT else 0
        edges = np.zeros(5 * size, graph.kind)

        def sweep(sweeper: RowSweeper, start: int, stop: int, order: InOrder) -> None:
            sweeper.run(start, stop, order, edges, origin)

        def close(_: RowSweeper, start: int, stop: int, order: InOrder) -> None:
            made = one_step_rows(graph, near, start, stop, edges, origin)
            write(made, order.place(start, stop, [(m[0], m[1].size, m[3]) for m in made]))

        if far or size:
            self._run(sweep, self._pieces(first, last), far)
        if near:
            ends = np.linspace(origin, int(graph.indptr[last]), self.threads + 1)[1:-1]
            inner = np.searchsorted(graph.indptr, ends).clip(first, last)
            bounds = [first, *inner.tolist(), last]
            pieces = [(start, stop) for start, stop in pairwise(bounds) if start < stop]
            self._run(close, pieces, {key: targets[key] for key in near})
        return {key: self._matrix(*join(targets[key], self.kind)) for key in self.keys}

    def _run(
        self, make: Make, pieces: list[tuple[int, int]], targets: Mapping[Key, Growing]
    ) -> None:
        """Append all pieces to the matrices, on several threads where that pays."""
        first, last = pieces[0][0], pieces[-1][1]
        work = int(self.graph.reach[first:last].sum())
        order = InOrder(targets, first)
        if stays_serial(len(pieces), work, self.threads):
            pieces = [(first, last)]

        def call(begin: int, end: int) -> None:
            sweeper = self._take()
            try:
                for start, stop in pieces[begin:end]:
                    make(sweeper, start, stop, order)
            except BaseException as error:
                order.fail(error)
                raise
            self._sweepers.append(sweeper)

        run_blocks(call, len(pieces), work, self.threads, step=1)

    def _matrix(
        self, indptr: NDArray[Any], columns: NDArray[Any], values: NDArray[Any]
    ) -> csr_array:
        from scipy.sparse import csr_array

        shape = (indptr.size - 1, self.graph.num_nodes)
        matrix = csr_array((values, columns, indptr), shape=shape)
        matrix.has_canonical_format = True
        return matrix

    def _take(self) -> RowSweeper:
        try:
            return self._sweepers.pop()
        except IndexError:
            return RowSweeper(self.graph, self.keys, self.top_k)

    def _pieces(self, first: int, last: int) -> list[tuple[int, int]]:
        """Cut rows into pieces that a sweep takes at once: what they hold stays in the cache.

        Of several panels in a piece the first would wait until the piece before had placed its
        last, and so the threads for each other: a thread places rows when all before them are.
        """
        if self._panels:
            return [(start, min(start + WIDE, last)) for start in range(first, last, WIDE)]
        n = self.graph.num_nodes
        pairs = int(np.minimum(self.graph.reach, n).sum()) / max(n, 1)  # of a row, at most
        rows = min(_PIECE_BYTES * n / max(self.bytes, 1), ROOM / max(pairs, 1))
        rows = max(1, int(rows / WIDE)) * WIDE
        return [(start, min(start + rows, last)) for start in range(first, last, rows)]

    def _growing(self, first: int, last: int) -> dict[Key, Growing]:
        share = (last - first) / max(self.graph.num_nodes, 1)
        return {
            key: Growing(last - first, self.graph.kind, int(_GUESS * share * count) + 1024)
            for key, count in self.entries.items()
        }

    def _estimate(self) -> dict[Key, float]:
        """Estimate the entries of each matrix from rows that are spread over the graph."""
        n = self.graph.num_nodes
        far = tuple(key for key in self.keys if key[0] > 1)
        entries = {key: float(self.graph.indices.size) for key in self.keys}
        if not far or not n:
            return entries
        sweeper = RowSweeper(self.graph, far, self.top_k)
        rows = np.arange(n)
        if n > _SAMPLE:
            # every so many of the rows ordered by reach: the few rows that hold most are there
            spread = (np.arange(_SAMPLE) + 0.5) * (n / _SAMPLE)
            rows = np.argsort(self.graph.reach, kind="stable")[spread.astype(np.int64)]
        counted, pushes = dict.fromkeys(far, 0), 0
        for u in rows.tolist():
            for key, count in sweeper.count(u).items():
                counted[key] += count
            pushes += sweeper.pushes
        self._panels = sweeper.takes_panel(pushes * WIDE / rows.size)
        self._sweepers = [sweeper] if far == self.keys else []
        return entries | {key: counted[key] * n / rows.size for key in far}


def _no_rows(kind: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    return np.zeros(1, np.int32), np.empty(0, np.int32), np.empty(0, kind)


def _number_type(dtype: Any) -> np.dtype[Any]:  # noqa: ANN401
    try:
        kind: np.dtype[Any] = np.dtype(dtype)
    except TypeError as error:
        raise InputError(f"dtype is {dtype!r}, expected a numpy number type.") from error
    if kind.kind not in "iuf":
        raise InputError(f"dtype is {kind}, expected integers or floating numbers.")
    return kind


def _size(count: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
