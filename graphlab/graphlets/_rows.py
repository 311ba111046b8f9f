"""Rows of orbit adjacency matrices, swept block by block into growing matrices."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.graphlets._edge_values import EdgeSums, edge_values
from graphlab.graphlets._emission_kernels import (
    TWO_STEPS,
    keep_largest,
    panel_product,
    push_rows,
    two_step_rows,
    write_product,
)
from graphlab.graphlets._parts import Growing
from graphlab.graphlets._ranked import Ranked
from graphlab.graphlets._sweep_kernels import locate_entries, sweep_rows
from graphlab.ops._simd_ids import WIDE
from graphlab.ops.csr import csr_of_graph

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from graphlab.graph import Graph
    from graphlab.graphlets._keys import Key
    from graphlab.graphlets._parts import InOrder, Place

    Array = NDArray[Any]
    Made = tuple[Key, Array, Array, Array]  # columns and values of rows, and length of each row

__all__ = ["ROOM", "Prepared", "RowSweeper", "one_step_rows", "write"]

ROOM = 3 << 15  # pairs of nodes in a block: their sums stay in the second cache
_PANEL_STEP = 1.2  # cost of one entry in a product with a panel, in steps of a push
_PLACE = 0.4  # cost of one place of the panel
_LOCAL = 1 << 18  # entries that are pushed before they find their place
_FREE = 4  # times cheaper than a panel a push must be for blocks of more than WIDE rows


class Prepared:
    """A simple graph, the triangles on its entries, and sums at its nodes.

    Args:
        graph: A simple graph.
        threads: Largest number of threads for the triangles.
    """

    def __init__(self, graph: Graph, threads: int | None = None) -> None:
        ranked = Ranked(graph, threads)
        self.indptr, self.indices, _ = csr_of_graph(graph)[0].arrays
        n = ranked.num_nodes
        spread, nodes = ranked.spread()
        where, fill = np.empty(self.indices.size, np.int64), np.empty(n, np.int64)
        rows = (self.indptr, self.indices, ranked.order, ranked.rank, ranked.ptr)
        locate_entries(*rows, where, fill)
        self.triangles = spread[where]
        sums = nodes[ranked.rank].T.astype(np.int64, order="C")
        _, self.closed, self.beyond, _ = sums
        self.degree = np.diff(self.indptr)
        self.kind = np.dtype(ranked.kind)

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return self.degree.size

    @cached_property
    def sources(self) -> Array:
        """Row of each entry."""
        return np.repeat(np.arange(self.num_nodes, dtype=np.int32), self.degree)

    @cached_property
    def reach(self) -> Array:
        """Steps of length two from each node, an upper bound of the pairs there."""
        steps = np.zeros(self.indices.size + 1, np.int64)
        np.cumsum(self.degree[self.indices], out=steps[1:])
        reach: Array = steps[self.indptr[1:]] - steps[self.indptr[:-1]]
        return reach


class RowSweeper:
    """Scratch memory of one thread, and the way from rows of a graph to rows of matrices.

    Args:
        prepared: The graph.
        keys: Wanted keys.
        top_k: Entries to keep of each row of pairs two and three steps apart.
    """

    def __init__(self, prepared: Prepared, keys: tuple[Key, ...], top_k: int | None) -> None:
        self.graph, self.top_k = prepared, top_k
        n, kind = prepared.num_nodes, prepared.kind
        self.two = tuple(key for key in keys if key[0] == 2)
        self.three = tuple(key for key in keys if key[0] == 3)
        words = (n >> 6) + 1
        self.keep = bool(self.two or self.three)
        self.state = np.zeros(2, np.int64)
        self.room = max(ROOM, n) if self.keep else n
        self.scratch = (
            np.zeros(4 * n, kind),
            np.zeros(n, kind),
            np.zeros(words, np.int64),
            np.zeros((words >> 6) + 1, np.int64),
            np.zeros(8 * n, np.int64),
        )
        self.start = np.zeros(n + 1, np.int64)
        self.columns = np.empty(self.room, np.int32)
        self.values = np.empty(5 * self.room if self.keep else 0, kind)
        self.wanted = np.array([TWO_STEPS.index(key[1:]) for key in self.two], np.int64)
        self.lengths = np.empty(len(self.two) * n, np.int32)
        self.far_lengths = np.empty(n if self.three else 0, np.int32)
        self.limit = WIDE
        self.local = Growing(0, kind, _LOCAL + 2 * n)
        self.two_columns = np.empty(len(self.two) * self.room, np.int32)
        self.two_values = np.empty(len(self.two) * self.room, kind)

    @cached_property
    def push_scratch(self) -> tuple[Array, ...]:
        """Arrays for :func:`push_rows`."""
        n = self.graph.num_nodes
        words = (n >> 6) + 1
        bits = (np.zeros(words, np.int64), np.zeros((words >> 6) + 1, np.int64))
        return (np.zeros(n, self.graph.kind), *bits)

    @cached_property
    def panel_scratch(self) -> tuple[Array, Array]:
        """Arrays for :func:`panel_product`."""
        size, kind = WIDE * self.graph.num_nodes, self.graph.kind
        return np.zeros(size, kind), np.empty(size, kind)

    @property
    def pushes(self) -> int:
        """Steps of a push over all rows that were swept last."""
        return int(self.state[1])

    def takes_panel(self, pushes: float) -> bool:
        """Whether a panel makes rows three steps apart sooner than so many steps of a push.

        It costs a product with all rows of the graph, and a look at each of its places.
        """
        graph = self.graph
        panel = _PANEL_STEP * (graph.indices.size + _PLACE * WIDE * graph.num_nodes)
        return bool(self.three) and pushes > panel

    def count(self, row: int) -> dict[Key, int]:
        """Return the entries of one row of every wanted matrix two and three steps apart."""
        self._sweep(np.empty(0, self.graph.kind), 0, row, row + 1)
        counts: dict[Key, int] = {}
        if self.two:
            counts = {made[0]: int(made[3][0]) for made in self._two_steps(row, row + 1)}
        if self.three:
            counts[self.three[0]] = int(self._push(row, row + 1)[3][0])
        return counts

    def run(self, first: int, last: int, order: InOrder, edges: Array, origin: int) -> None:
        """Append rows ``first`` to ``last - 1`` of every matrix two and three steps apart.

        What :func:`one_step_rows` needs of the entries from ``origin`` on is left in ``edges``,
        unless that is empty.
        """
        graph = self.graph
        row = first
        while row < last:
            stop, pushes = self._sweep(edges, origin, row, min(row + self.limit, last))
            made = self._two_steps(row, stop) if self.two else []
            dense = stop - row <= WIDE and self.takes_panel(pushes)
            if dense:
                lengths = self._multiply(row, stop)
                if self.top_k is not None:
                    made.append(self._cut_product(lengths))
            elif self.three:
                made.append(self._push(row, stop))
            wanted = [(key, columns.size, lengths) for key, columns, _, lengths in made]
            if dense and self.top_k is None:
                wanted.append((self.three[0], int(lengths.sum(dtype=np.int64)), lengths))
            places = order.place(row, stop, wanted)
            write(made, places)
            if dense and self.top_k is None:
                product = self.panel_scratch[1]
                write_product(product, lengths, graph.num_nodes, *places[-1])
            share = pushes * WIDE / (stop - row)
            free = not self.takes_panel(share * _FREE)
            self.limit = graph.num_nodes if free else WIDE  # of the next block
            row = stop

    def _sweep(self, edges: Array, origin: int, row: int, stop: int) -> tuple[int, int]:
        """Sweep rows; return the row that did not fit, and the steps of a push over all."""
        graph = self.graph
        sweep_rows(
            *(graph.indptr, graph.indices, graph.triangles, *self.scratch, edges),
            *(self.start, self.columns, self.values, self.state, origin, row, stop, self.keep),
        )
        return int(self.state[0]), self.pushes

    def _write_two(self, first: int, last: int) -> NDArray[np.int64]:
        """Write the rows two steps apart to scratch; return the entries of each matrix."""
        lengths = self.lengths[: (last - first) * len(self.two)]
        two_step_rows(
            *(self.graph.indptr, self.start, self.columns, self.values, self.wanted),
            *(self.two_columns, self.two_values, lengths, first, last),
        )
        sizes: NDArray[np.int64] = lengths.reshape(len(self.two), -1).sum(1, dtype=np.int64)
        return sizes

    def _two_steps(self, first: int, last: int) -> list[Made]:
        rows = last - first
        made = []
        for s, size in enumerate(self._write_two(first, last).tolist()):
            lengths = self.lengths[s * rows : (s + 1) * rows]
            begin = s * self.room
            kept = self._trim(self.two_columns, self.two_values, lengths, begin, size)
            place = slice(begin, begin + kept)
            made.append((self.two[s], self.two_columns[place], self.two_values[place], lengths))
        return made

    def _push(self, first: int, last: int) -> Made:
        """Write rows three steps apart to memory of this thread."""
        graph, row, out = self.graph, first, self.local
        out.restart(last - first)
        while row < last:
            columns, values, at = out.reserve(graph.num_nodes)
            push_rows(
                *(graph.indptr, graph.indices, self.start, self.columns, self.values),
                *(*self.push_scratch, columns, values, self.far_lengths, self.state),
                *(at, first, row, last),
            )
            stop = int(self.state[0])
            lengths = self.far_lengths[: stop - row]
            out.advance(self._trim(columns, values, lengths, at), lengths)
            row = stop
        return (self.three[0], *out.whole(), out.lengths)

    def _multiply(self, first: int, last: int) -> Array:
        """Leave rows three steps apart in the product; return the entries of each."""
        graph, lengths = self.graph, self.far_lengths[: last - first]
        panel_product(
            *(graph.indptr, graph.indices, self.start, self.columns, self.values),
            *(*self.panel_scratch, lengths, first, last),
        )
        return lengths

    def _cut_product(self, lengths: Array) -> Made:
        size, out = int(lengths.sum(dtype=np.int64)), self.local
        out.restart(lengths.size)
        columns, values, at = out.reserve(size)
        write_product(self.panel_scratch[1], lengths, self.graph.num_nodes, columns, values, at)
        kept = self._trim(columns, values, lengths, at, size)
        return self.three[0], columns[:kept], values[:kept], lengths

    def _trim(
        self, columns: Array, values: Array, lengths: Array, begin: int, size: int | None = None
    ) -> int:
        """Cut rows to their largest entries where that is wanted; return what is left."""
        if size is None:
            size = int(lengths.sum(dtype=np.int64))
        if self.top_k is None or size <= self.top_k:
            return size
        longest, used = np.empty(int(lengths.max()), values.dtype), np.empty(1, np.int64)
        keep_largest(columns, values, lengths, self.top_k, begin, longest, used)
        return int(used[0])


def write(made: Iterable[Made], places: Iterable[Place]) -> None:
    """Copy rows to their places."""
    for (_, columns, values, _), (to_columns, to_values, at) in zip(made, places, strict=False):
        to_columns[at : at + columns.size] = columns
        to_values[at : at + columns.size] = values


def one_step_rows(  # noqa: PLR0917
    graph: Prepared, keys: Iterable[Key], first: int, last: int, edges: Array, origin: int
) -> list[Made]:
    """Return rows of the matrices one step apart.

    Args:
        graph: The graph.
        keys: Keys with h = 1.
        first: First row.
        last: Last row, plus one.
        edges: What :meth:`RowSweeper.run` left, or an empty array where no key needs it.
        origin: First entry in ``edges``.
    """
    indptr = graph.indptr[first : last + 1]
    cut = slice(int(indptr[0]), int(indptr[-1]))
    u, v = graph.sources[cut], graph.indices[cut]
    swept = np.zeros((5, u.size), np.int64)
    if edges.size:
        swept[:] = edges.reshape(5, -1)[:, cut.start - origin : cut.stop - origin]
    D, toward, back, cliques, through = swept
    sums = EdgeSums(
        graph.triangles[cut].astype(np.int64),
        *(toward, back, D, cliques),
        through=through,
        degree=(graph.degree[u], graph.degree[v]),
        closed=(graph.closed[u], graph.closed[v]),
        beyond=(graph.beyond[u], graph.beyond[v]),
    )
    starts = indptr - indptr[0]
    made = []
    for key, value in edge_values(sums, keys).items():
        there = value != 0
        before = np.zeros(there.size + 1, np.int64)
        np.cumsum(there, out=before[1:])
        made.append((key, v[there], value[there], np.diff(before[starts])))
    return made
