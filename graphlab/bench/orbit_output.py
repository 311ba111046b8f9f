"""Orbit counts as tables for people, values for programs, and files."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.bench.orbit_keys import as_typed
from graphlab.io import atomic_open

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from rich.console import RenderableType
    from rich.table import Table

    Key = tuple[int, int, int]
    Ints = NDArray[np.int64]

__all__ = ["PLACES", "BlockSums", "statistics", "tables", "total", "write_counts"]

PLACES = (
    "end of an edge",
    "end of a path of 3",
    "middle of a path of 3",
    "corner of a triangle",
    "end of a path of 4",
    "inside of a path of 4",
    "leaf of a star of 4",
    "centre of a star of 4",
    "corner of a 4-cycle",
    "tail of a paw (triangle with a tail)",
    "paw, corner off the tail",
    "paw, corner at the tail",
    "diamond (4-cycle with a chord), off it",
    "diamond, end of the chord",
    "corner of a 4-clique",
)
"""What each of the 15 orbits is, in words."""

_LOW = 2**32 - 1
_PIECE = 1 << 20
_ROWS = 10_000  # of a table made into text at a time


def total(values: NDArray[Any]) -> int:
    """Sum whole numbers exactly: a sum of 64-bit counts can pass 64 bits.

    Example:
        >>> total(np.full(4, 2**62)) == 2**64
        True
    """
    if values.dtype.itemsize < 8:
        return int(values.sum(dtype=np.int64))
    summed = 0
    for start in range(0, len(values), _PIECE):  # the values may lie on disk, and pass the memory
        piece = values[start : start + _PIECE]
        summed += (int((piece >> 32).sum()) << 32) + int((piece & _LOW).sum())
    return summed


def statistics(counts: Ints) -> list[dict[str, int]]:
    """Return total, largest value, and number of rows above zero, for each column."""
    return [
        {
            "total": total(column),
            "largest": int(column.max(initial=0)),
            "present": int(np.count_nonzero(column)),
        }
        for column in counts.T
    ]


class BlockSums:
    """Sums of orbit adjacency matrices that come whole or in blocks of rows.

    Args:
        keys: Keys of the matrices.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self._sums = {key: {"total": 0, "largest": 0, "present": 0} for key in keys}

    def add(self, matrices: Mapping[Key, Any]) -> None:
        """Add matrices (scipy CSR) by key."""
        for key, matrix in matrices.items():
            sums = self._sums[key]
            sums["total"] += total(matrix.data)
            sums["largest"] = max(sums["largest"], int(matrix.data.max(initial=0)))
            sums["present"] += int(matrix.nnz)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a key, as :func:`statistics` gives one a column."""
        return [{"pair": key, **sums} for key, sums in self._sums.items()]


def tables(values: Mapping[str, Any]) -> list[RenderableType]:
    """Return what is shown of the values that ``graphlab-bench orbits --json`` prints."""
    from rich.text import Text

    from graphlab.bench.report.display import plain

    nodes, edges = values["nodes"], values["edges"]
    isolated = f" ({values['isolated_nodes']:,} without edges)" if values["isolated_nodes"] else ""
    sizes = f"{_number(nodes, 'node')}{isolated}, {_number(edges, 'edge')}"
    triangles = _number(values["triangles"], "triangle")
    parts: list[RenderableType] = [
        Text(f"{plain(Path(values['graph']).name)}: {sizes}, {triangles}\n"),
        _table(
            [("orbit", "right"), ("place", "left"), *_SUMS, ("nodes", "right")],
            [
                [str(row["orbit"]), row["place"], *_sums(row), _share(row["present"], nodes)]
                for row in values["orbits"]
            ],
        ),
    ]
    if "edge_orbits" in values:
        shown = [
            [as_typed(row["pair"]), *_sums(row), _share(row["present"], edges)]
            for row in values["edge_orbits"]
        ]
        parts += ["", _table([("edge joins", "left"), *_SUMS, ("edges", "right")], shown)]
    if "adjacency" in values:
        shown = [
            [as_typed(row["pair"]), *_sums(row), f"{row['present']:,}"]
            for row in values["adjacency"]
        ]
        parts += ["", _table([("matrix", "left"), *_SUMS, ("entries", "right")], shown)]
    return parts


def write_counts(
    folder: Path,
    stem: str,
    index: dict[str, Ints],
    columns: dict[str, Ints],
    *,
    names: Sequence[str] | None,
    arrays: dict[str, NDArray[Any]],
) -> list[Path]:
    """Write a table of whole numbers as ``.csv`` and ``.npz``, each whole or not at all.

    Args:
        folder: Target; must exist.
        stem: Name without ending.
        index: Node columns (k,), first in the table; with ``names``, a column of names follows
            each.
        columns: Columns of counts (k,).
        names: Name of each node.
        arrays: Content of the ``.npz``, to which ``names`` (n,) is added.
    """
    table, container = folder / f"{stem}.csv", folder / f"{stem}.npz"
    with atomic_open(table) as file:
        for part in _csv(index, columns, names):
            file.write(part)
    if names is not None:
        arrays = {**arrays, "names": np.array(names, dtype=np.str_)}
    with atomic_open(container) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stubs take a name for a flag
    return [table, container]


_SUMS = (("total", "right"), ("largest", "right"))


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _sums(row: dict[str, Any]) -> list[str]:
    return [f"{row['total']:,}", f"{row['largest']:,}"]


def _share(part: int, whole: int) -> str:
    """A share in percent that reads as 0 or 100 only when it is exactly that."""
    if not whole:
        return "-"
    tenths = round(1000 * part / whole)
    if part and not tenths:
        return "<0.1 %"
    return f"{min(tenths, 999 + (part == whole)) / 10:.1f} %"


def _table(columns: Sequence[tuple[str, Any]], rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name, side in columns:
        table.add_column(name, justify=side, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _csv(
    index: dict[str, Ints], columns: dict[str, Ints], names: Sequence[str] | None
) -> Iterator[bytes]:
    head = list(index)
    if names is not None:
        head = [part for name in index for part in (name, f"{name}_name")]
    yield (",".join([*head, *columns]) + "\n").encode()
    parts = [*index.values(), *columns.values()]
    count = len(parts[0]) if parts else 0
    for start in range(0, count, _ROWS):
        block = np.stack([part[start : start + _ROWS] for part in parts], axis=1)
        if names is None:
            line = ",".join(["%d"] * block.shape[1]) + "\n"
            yield ((line * len(block)) % tuple(block.ravel().tolist())).encode()
        else:
            yield _named_lines(block.tolist(), len(index), names)


def _named_lines(rows: list[list[int]], width: int, names: Sequence[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        nodes = [part for node in row[:width] for part in (node, names[node])]
        writer.writerow([*nodes, *row[width:]])
    return text.getvalue().encode("utf-8", "surrogatepass")
