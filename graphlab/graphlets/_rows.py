"""Rows of orbit adjacency matrices, swept block by block into growing matrices."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.graphlets._edge_values import EdgeSums, edge_values
from graphlab.graphlets._emission_kernels import (
    TWO_STEPS,
    gather_rows,
    keep_largest,
    panel_rows,
    push_rows,
    two_step_rows,
)
from graphlab.graphlets._ranked import Ranked
from graphlab.graphlets._sweep_kernels import locate_entries, sweep_rows
from graphlab.ops._simd_ids import WIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.graph import Graph
    from graphlab.graphlets._keys import Key
    from graphlab.graphlets._parts import Growing

    Array = NDArray[Any]

__all__ = ["Prepared", "RowSweeper"]

_ROOM = 3 << 15  # pairs of nodes in a block: their sums stay in the second cache
_PUSHED = 1 << 20  # entries three steps apart that are written before they are copied
_PANEL_STEP = 1.2  # cost of one entry in a product with a panel, in steps of a push
_FREE = 4  # times cheaper than a panel a push must be for blocks of more than WIDE rows
_SMALL_DEGREE = 46_341  # its square passes 31 bits


class Prepared:
    """A simple graph, the triangles on its entries, and sums at its nodes.

    Args:
        graph: A simple graph.
        threads: Largest number of threads for the triangles.
    """

    def __init__(self, graph: Graph, threads: int | None = None) -> None:
        ranked = Ranked(graph, threads)
        self.indptr, self.indices = ranked.indptr, ranked.indices
        n = ranked.num_nodes
        spread, at_node, second = ranked.spread()
        where, fill = np.empty(self.indices.size, np.int64), np.empty(n, np.int64)
        rows = (self.indptr, self.indices, ranked.order, ranked.rank, ranked.ptr)
        locate_entries(*rows, where, fill)
        self.triangles = spread[where]
        self.closed, self.beyond = at_node[ranked.rank], second[ranked.rank]
        self.degree = np.diff(self.indptr)
        largest = int(self.degree.max(initial=0))
        narrow = largest < _SMALL_DEGREE and self.indices.size <= 2**31 - 1
        self.kind = np.dtype(np.int32 if narrow else np.int64)

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
        return steps[self.indptr[1:]] - steps[self.indptr[:-1]]


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
        self.one = tuple(key for key in keys if key[0] == 1)
        self.two = tuple(key for key in keys if key[0] == 2)
        self.three = tuple(key for key in keys if key[0] == 3)
        words = (n >> 6) + 1
        self.keep = bool(self.two or self.three)
        self.state = np.zeros(2, np.int64)
        self.room = max(_ROOM, n) if self.keep else 1
        self.scratch = (
            np.zeros(4 * n, kind),
            np.zeros(n, kind),
            np.zeros(words, np.int64),
            np.zeros((words >> 6) + 1, np.int64),
            np.zeros(8 * n, np.int64),
        )
        self.start = np.zeros(n + 1, np.int64)
        self.columns = np.empty(self.room, np.int32)
        self.values = np.empty(5 * self.room, kind)
        self.wanted = np.array([TWO_STEPS.index(key[1:]) for key in self.two], np.int64)
        self.lengths = np.empty(max(len(self.two), 1) * n, np.int32)
        self.two_columns = np.empty(len(self.two) * self.room, np.int32)
        self.two_values = np.empty(len(self.two) * self.room, kind)

    @cached_property
    def push_scratch(self) -> tuple[Array, ...]:
        """Arrays for :func:`push_rows`."""
        n, kind = self.graph.num_nodes, self.graph.kind
        words = (n >> 6) + 1
        room = max(_PUSHED, n)
        bits = (np.zeros(words, np.int64), np.zeros((words >> 6) + 1, np.int64))
        return (np.zeros(n, kind), *bits, np.empty(room, np.int32), np.empty(room, kind))

    @cached_property
    def panel_scratch(self) -> tuple[Array, ...]:
        """Arrays for :func:`panel_rows`."""
        n, kind = self.graph.num_nodes, self.graph.kind
        panels = (np.zeros(WIDE * n, kind), np.zeros(WIDE * n, kind), np.zeros(n, np.int64))
        return (*panels, np.empty(WIDE * n, np.int32), np.empty(WIDE * n, kind))

    def run(self, first: int, last: int, out: dict[Key, Growing]) -> None:
        """Append rows ``first`` to ``last - 1`` of every wanted matrix."""
        graph = self.graph
        origin, end = int(graph.indptr[first]), int(graph.indptr[last])
        wants = bool(set(self.one) - {(1, 0, 0), (1, 3, 3), (1, 1, 2), (1, 2, 1)})
        edges = np.zeros(5 * (end - origin), graph.kind)
        limit = WIDE
        row = first
        while row < last and (self.keep or wants):
            stop = min(row + limit, last)
            sweep_rows(
                *(graph.indptr, graph.indices, graph.triangles, *self.scratch, edges),
                *(self.start, self.columns, self.values, self.state, origin, row, stop, self.keep),
            )
            stop, pushes = (int(number) for number in self.state)
            if self.two:
                self._two_steps(row, stop, out)
            panel = _PANEL_STEP * graph.indices.size
            if self.three:
                dense = stop - row <= WIDE and pushes > panel
                (self._panel if dense else self._push)(row, stop, out)
            share = pushes * WIDE / (stop - row)
            limit = last if not self.three or share * _FREE < panel else WIDE
            row = stop
        if self.one:
            self._one_step(first, last, edges, out)

    def _one_step(self, first: int, last: int, edges: Array, out: dict[Key, Growing]) -> None:
        graph = self.graph
        indptr = graph.indptr[first : last + 1]
        cut = slice(int(indptr[0]), int(indptr[-1]))
        u, v = graph.sources[cut], graph.indices[cut]
        D, toward, back, cliques, through = edges.reshape(5, -1).astype(np.int64, copy=False)
        sums = EdgeSums(
            graph.triangles[cut].astype(np.int64),
            *(toward, back, D, cliques),
            through=through,
            degree=(graph.degree[u], graph.degree[v]),
            closed=(graph.closed[u], graph.closed[v]),
            beyond=(graph.beyond[u], graph.beyond[v]),
        )
        starts = indptr - indptr[0]
        for key, value in edge_values(sums, self.one).items():
            there = value != 0
            before = np.zeros(there.size + 1, np.int64)
            np.cumsum(there, out=before[1:])
            out[key].append(v[there], value[there], np.diff(before[starts]))

    def _two_steps(self, first: int, last: int, out: dict[Key, Growing]) -> None:
        rows = last - first
        lengths = self.lengths[: rows * len(self.two)]
        two_step_rows(
            *(self.graph.indptr, self.start, self.columns, self.values, self.wanted),
            *(self.two_columns, self.two_values, lengths, first, last),
        )
        for s, key in enumerate(self.two):
            of_key = lengths[s * rows : (s + 1) * rows]
            self._flush(
                out[key], self.two_columns, self.two_values, of_key, s * self.room
            )

    def _push(self, first: int, last: int, out: dict[Key, Growing]) -> None:
        graph = self.graph
        *scratch, columns, values = self.push_scratch
        row = first
        while row < last:
            push_rows(
                *(graph.indptr, graph.indices, self.start, self.columns, self.values, *scratch),
                *(columns, values, self.lengths, self.state, first, row, last),
            )
            stop = int(self.state[0])
            lengths = self.lengths[row - first : stop - first]
            self._flush(out[self.three[0]], columns, values, lengths, 0)
            row = stop

    def _panel(self, first: int, last: int, out: dict[Key, Growing]) -> None:
        graph = self.graph
        *scratch, columns, values = self.panel_scratch
        lengths = self.lengths[: last - first]
        panel_rows(
            *(graph.indptr, graph.indices, self.start, self.columns, self.values, *scratch),
            *(columns, values, lengths, first, last),
        )
        target, size = out[self.three[0]], int(lengths.sum())
        if self.top_k is not None:
            for r in range(last - first):
                self._flush(target, columns, values, lengths[r : r + 1], r * graph.num_nodes)
            return
        to_columns, to_values, at = target.reserve(size)
        gather_rows(columns, values, lengths, graph.num_nodes, to_columns, to_values, at)
        target.advance(size, lengths)

    def _flush(
        self, out: Growing, columns: Array, values: Array, lengths: Array, begin: int
    ) -> None:
        size = int(lengths.sum())
        if self.top_k is not None and size > self.top_k:
            longest, used = np.empty(int(lengths.max()), values.dtype), np.empty(1, np.int64)
            keep_largest(columns, values, lengths, self.top_k, begin, longest, used)
            size = int(used[0])
        out.append(columns[begin : begin + size], values[begin : begin + size], lengths)
