"""From entries of any order to the sorted rows of a simple undirected graph, in linear time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import InputError
from graphlab.graphlets._clean_kernels import (
    append_transposed,
    collect_sources,
    survey,
    unite_rows,
    walk_mirrored,
)
from graphlab.ops._memory import Arena

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Entries", "SimpleRows", "simple_rows"]


@dataclass(frozen=True)
class Entries:
    """Entries of a graph: ids are in range, nothing else is known of them.

    Shapes:
        - ``source``, ``target``: (m,) int64, contiguous, never written to
        - ``weight``: (m,) numbers, or None
    """

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    num_nodes: int
    weight: NDArray[Any] | None = None
    matrix: bool = False  # an entry without its mirror image makes a matrix directed


@dataclass(frozen=True)
class SimpleRows:
    """Rows of a simple graph, and the number of loops that were left out.

    Shapes:
        - ``indptr``: (n + 1,) int64; ``columns``: (m,) int32, ascending in each row
    """

    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    loops: int


def simple_rows(entries: Entries, *, to_undirected: bool = False) -> SimpleRows:
    """Drop loops and repeats, add the missing directions; weights are not looked at.

    Raises:
        InputError: A matrix is not symmetric, and ``to_undirected`` does not allow that.

    Cost: O(n + m): two passes over entries that are sorted and symmetric, four over symmetric
    ones, six over others; up to 16 bytes an entry and 40 a node of working memory.
    """
    source, target, n = entries.source, entries.target, entries.num_nodes
    out, into = np.zeros((2, n + 1), np.int64)
    found = np.zeros(2, np.int64)
    survey(source, target, out, into, found)
    loops, mixed = found.tolist()
    np.cumsum(out, out=out)
    np.cumsum(into, out=into)
    begin, kept = out[:-1], source.size - loops
    arena = Arena(20 * kept)
    if mixed:
        lists, columns = arena.empty(kept, np.int32), arena.empty(kept, np.int32)
        end = into[:-1].copy()
        collect_sources(source, target, end, lists)
        columns, end = _transposed((into[:-1], end, lists), begin, columns)
    else:
        columns, end = arena.empty(kept, np.int32), out[1:]
        columns[:] = target if not loops else target[source != target]
    rows = (begin, end, columns)
    if _symmetric(*rows):
        if columns.size == (end - begin).sum():
            return SimpleRows(out, columns, loops)
        other = (begin, begin, columns)  # empty rows
    elif entries.matrix and not to_undirected:
        u, v = _one_way(*rows)
        raise InputError(
            f"graph is directed: the matrix has an entry at ({u}, {v}) and none at ({v}, {u}). "
            "Orbits are counted in undirected graphs; to_undirected=True takes every entry both "
            "ways."
        )
    else:
        mirrored, stop = _transposed(rows, into[:-1], arena.empty(kept, np.int32))
        other = (into[:-1], stop, mirrored)
    bound = int((end - begin).sum() + (other[1] - other[0]).sum())
    indptr, united = np.empty(n + 1, np.int64), arena.empty(bound, np.int32)
    unite_rows(*rows, *other, indptr, united)
    return SimpleRows(indptr, united[: indptr[n]], loops)


def _symmetric(
    begin: NDArray[np.int64], end: NDArray[np.int64], columns: NDArray[np.int32]
) -> bool:
    place, found = begin.copy(), np.zeros(1, np.int64)
    walk_mirrored(begin, end, columns, place, found)
    return not found[0] and np.array_equal(place, end)


def _one_way(
    begin: NDArray[np.int64], end: NDArray[np.int64], columns: NDArray[np.int32]
) -> tuple[int, int]:
    """Return the first entry that has no mirror image."""
    n = begin.size
    row = np.repeat(np.arange(n), end - begin)
    column = np.concatenate([columns[a:b] for a, b in zip(begin, end, strict=True)])
    at = int(np.isin(row * n + column, column * n + row, invert=True).argmax())
    return int(row[at]), int(column[at])


def _transposed(
    rows: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]],
    begin: NDArray[np.int64],
    out: NDArray[np.int32],
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the columns of the transposed matrix and where its rows end."""
    end = begin.copy()
    append_transposed(*rows, end, np.full(begin.size, -1, np.int32), out)
    return out, end
