"""A simple graph with its nodes renamed by degree, and the counts that follow from it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphlab.errors import InputError
from graphlab.graphlets._clean import Entries
from graphlab.graphlets._count_kernels import count_cliques, count_triangles, spread_triangles
from graphlab.graphlets._cycle_kernels import RARE, count_cycles, count_sparse
from graphlab.graphlets._rank_kernels import list_upper_of_edges, list_upper_of_rows, place_rows
from graphlab.ops._memory import Arena
from graphlab.ops._threads import run_blocks, stays_serial
from graphlab.ops.csr import csr_of_graph

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from graphlab.graph import Graph

    _Spread = tuple[NDArray[np.int32], NDArray[Any]]

__all__ = ["Private", "Ranked", "check_limit"]

_ROUNDED = 4096  # bytes by which places in the arena are rounded up, all together
_PIECES = 96  # of a job; threads take several at a time
_ALONE = 8  # of the highest pieces, which tell the most, are taken one by one
_SMALL_DEGREE = 46_341  # its square passes 31 bits


def check_limit(name: str, value: float | None) -> int | None:
    """Return a whole number >= 1 or None as it is, InputError for anything else."""
    if value is None:
        return None
    number = isinstance(value, int | float | np.integer) and not isinstance(value, bool)
    if not number or not value >= 1 or value % 1 != 0:
        raise InputError(f"{name} is {value!r}, expected a whole number >= 1, or None.")
    return int(value)


class Private:
    """Arrays of each thread's own, made on first use; what was added to them is summed up.

    Sums of integers do not depend on who added what, so results are equal for any threads.
    """

    def __init__(self, make: Callable[[], tuple[NDArray[Any], ...]]) -> None:
        self._make = make
        self._of: dict[int, tuple[NDArray[Any], ...]] = {}

    def get(self) -> tuple[NDArray[Any], ...]:
        """Return the arrays of this thread."""
        me = threading.get_ident()
        if me not in self._of:
            self._of[me] = self._make()
        return self._of[me]

    def all(self, which: int) -> list[NDArray[Any]]:
        """Return one of the arrays of every thread that has any."""
        return [arrays[which] for arrays in self._of.values()]

    def total(self, which: int) -> NDArray[Any]:
        """Return the sum over threads of one of the arrays."""
        parts = self.all(which) or [self._make()[which]]
        for part in parts[1:]:
            parts[0] += part
        return parts[0]


class Ranked:
    """Rows of a simple graph, nodes renamed by ascending degree; see ``_count_kernels``.

    Args:
        graph: A simple graph, see :meth:`graphlab.graph.Graph.simple`; or edges in any order and
            any direction, of which repeats and loops are left out.
        threads: Largest number of threads, None for as many as torch uses.
    """

    def __init__(self, graph: Graph | Entries, threads: int | None = None) -> None:
        self.threads, self.loops = threads, 0
        n = self.num_nodes = graph.num_nodes
        entries = 2 * graph.source.size if isinstance(graph, Entries) else graph.num_edges
        # for places of entries
        self.small: type[np.signedinteger[Any]] = np.int32 if entries + n < 2**31 else np.int64
        # entries: lists, columns, twin, triangles and spread; nodes: all that follows
        width = np.dtype(self.small).itemsize
        self.arena = Arena(entries * (16 + width) + n * (80 + 15 * width) + _ROUNDED)
        empty, small = self.arena.empty, self.small
        self.order, self.rank = empty(n, np.int32), empty(n, np.int32)
        scratch = self.arena.zeros(n, small)
        upper = (empty(n + 1, small), empty(n, small), empty(n, small), empty(entries, np.int32))
        self.ptr, self.split = empty(n + 1, small), empty(n, small)
        if isinstance(graph, Entries):
            found = np.zeros(2, np.int64)
            both = (graph.source, graph.target)
            list_upper_of_edges(
                *both, scratch, self.order, self.rank, *upper, self.ptr, self.split, found
            )
            self.loops, entries = int(found[0]), 2 * int(found[1])
        else:
            rows = csr_of_graph(graph)[0].arrays[:2]
            list_upper_of_rows(*rows, scratch, self.order, self.rank, *upper, self.ptr, self.split)
        self.columns, self.twin = empty(entries, np.int32), empty(entries, small)
        first, end, _, lists = upper
        # as many ranges of nodes as threads, each with its share of entries
        parts = 1 if stays_serial(2, entries, threads) else threads or torch.get_num_threads()
        bounds = [0, *np.searchsorted(self.ptr, np.arange(1, parts) * (entries / parts)), n]

        def place(one: int, _: int) -> None:
            rows = (self.columns, self.split, self.twin, scratch)
            place_rows(first, end, lists, *rows, int(bounds[one]), int(bounds[one + 1]))

        run_blocks(place, parts, entries, threads, step=1)
        self.degree: NDArray[Any] = np.diff(self.ptr)
        # A step from a node leads to rows of about the same length wherever it is.
        length = entries / max(n, 1)
        self.fan = _cut(self.ptr[1:] - self.split, length)
        self.reach = _cut(self.split - self.ptr[:-1], length)
        self._triangles: NDArray[np.int32] | None = None
        self._spread: _Spread | None = None
        self._cycles: NDArray[np.int64] | None = None

    @property
    def rows(self) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[Any]]:
        """Row pointers, columns, and where the up entries of each row begin."""
        return self.ptr, self.columns, self.split

    @property
    def num_edges(self) -> int:
        """Number of undirected edges."""
        return self.twin.size // 2

    @property
    def kind(self) -> type[np.signedinteger[Any]]:
        """Integers that hold the square of every degree, and every number of entries."""
        return self.small if self.degree.max(initial=0) < _SMALL_DEGREE else np.int64

    def run(
        self,
        call: Callable[[int, int], None],
        pieces: tuple[NDArray[np.int64], int],
        *,
        downwards: bool = False,
    ) -> None:
        """Call ``call(first, last)`` over all nodes, cut into pieces of like work.

        Each thread sees pieces in ascending order, or from the highest nodes ``downwards``.
        """
        bounds, work = pieces
        if not downwards:

            def block(first: int, last: int) -> None:
                call(int(bounds[first]), int(bounds[last]))

        else:

            def block(first: int, last: int) -> None:
                alone = range(first, min(last, _ALONE))
                for piece in alone:
                    call(int(bounds[-2 - piece]), int(bounds[-1 - piece]))
                rest = first + len(alone)
                if rest < last:
                    call(int(bounds[-1 - last]), int(bounds[-1 - rest]))

        run_blocks(block, bounds.size - 1, work, self.threads)

    @property
    def triangles(self) -> NDArray[np.int32]:
        """Triangles on each edge, at its up entry, (2 m,); elsewhere zero."""
        if self._triangles is None:
            entries, n = self.columns.size, self.num_nodes
            zeros = self.arena.zeros
            own = Private(lambda: (zeros(entries, np.int32), zeros(n, self.small)))

            def call(first: int, last: int) -> None:
                count_triangles(*self.rows, *own.get(), first, last)

            self.run(call, self.fan)
            self._triangles = own.total(0)
        return self._triangles

    def spread(self) -> _Spread:
        """Return triangles of each entry (2 m,), and degree, triangles, S2, 0 of nodes (n, 4)."""
        if self._spread is None:
            spread, call = self._spreading()
            self.run(call, self.reach)
            self._spread = spread
        return self._spread

    def _spreading(self) -> tuple[_Spread, Callable[[int, int], None]]:
        entry = self.arena.empty(self.columns.size, np.int32)
        nodes = self.arena.zeros(4 * self.num_nodes, self.kind).reshape(-1, 4)
        rows = (*self.rows, self.twin, self.triangles, entry, nodes.reshape(-1))
        return (entry, nodes), lambda first, last: spread_triangles(*rows, first, last)

    def cliques(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each node: t - 1 of opposite edges, summed over triangles; four-cliques.

        What :meth:`spread` returns is made along with them: threads are woken once.
        """
        triangles, n = self.triangles, self.num_nodes
        spread, call_spread = self._spreading()
        longest = int((self.ptr[1:] - self.split).max(initial=0))
        square = np.int64(longest) * ((longest + 63) >> 6)

        def make() -> tuple[NDArray[Any], ...]:
            zeros = self.arena.zeros
            nodes = (zeros(n, np.int64), zeros(n, np.int64), zeros(n, self.small))
            return *nodes, np.empty(square, np.int64)

        own = Private(make)

        def call(first: int, last: int) -> None:
            count_cliques(*self.rows, triangles, *own.get(), first, last)
            call_spread(first, last)

        self.run(call, self.fan)
        self._spread = spread
        return own.total(0), own.total(1)

    def counters(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return scratch of one thread for paths: counts of nodes, and what they all are below."""
        return self.arena.zeros(self.num_nodes, self.small), np.zeros(1, np.int64)

    def cycles(self) -> NDArray[np.int64]:
        """Return twice the four-cycles at each node, chords allowed."""
        if self._cycles is None:
            own = Private(lambda: (self.arena.zeros(self.num_nodes, np.int64), *self.counters()))

            def call(first: int, last: int) -> None:
                count_cycles(*self.rows, self.twin, *own.get(), first, last)

            self.run(call, self.reach, downwards=True)  # the largest pieces first
            self._cycles = own.total(0)
        return self._cycles

    def count_if_sparse(self) -> None:
        """Count triangles and cycles at once where that is faster: hardly any paths meet.

        The highest nodes, at which paths meet most, come first: other graphs are given up early.
        """
        n, entries, arena = self.num_nodes, self.columns.size, self.arena

        def make() -> tuple[NDArray[Any], ...]:
            sums = (arena.zeros(entries, np.int32), arena.zeros(n, np.int64))
            marks = (arena.zeros(n, self.small), arena.zeros(n, self.small))
            return *sums, *marks, arena.empty(n, np.int32), np.zeros(3, np.int64)

        own = Private(make)

        def call(first: int, last: int) -> None:
            arrays = own.get()
            _, walked, listed = arrays[-1]
            if listed * RARE <= walked:
                count_sparse(*self.rows, self.twin, *arrays, first, last)

        self.run(call, self.reach, downwards=True)
        if all(listed * RARE <= walked for _, walked, listed in own.all(-1)):
            self._triangles, self._cycles = own.total(0), own.total(1)


def _cut(steps: NDArray[Any], each: float) -> tuple[NDArray[np.int64], int]:
    """Cut nodes into pieces of like work; return their bounds and the whole work.

    Args:
        steps: (n,) steps from each node to others.
        each: Work that a step costs.
    """
    # nodes without a step take part, with little
    done = np.cumsum(steps + 1.0 / (1.0 + each))
    whole = done[-1] if done.size else 0.0
    inner = np.searchsorted(done, np.arange(1, _PIECES) * (whole / _PIECES))
    bounds = np.unique(np.concatenate([[0], inner, [steps.size]]))
    return bounds, int(whole * (1.0 + each))
