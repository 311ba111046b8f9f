"""Edge lists as text: one edge a line, the nodes numbered or named."""

from __future__ import annotations

import csv
import io
import re
import warnings
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphlab.datasets.matrix_file import opened
from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from graphlab.datasets.arrays import Ints

__all__ = ["LARGEST_ID", "LONGEST_NAME", "EdgeRows", "read_edge_rows", "shown"]

LARGEST_ID = 2**31 - 2  # compiled kernels keep ids in 32 bits
LONGEST_NAME = 256  # an array of names takes the longest one's width for each

_COMMENT = ("#", "%")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_HEADS = {"source", "src", "from", "fromnode", "node1", "id1", "head", "start"}
_TAILS = {"target", "dst", "to", "tonode", "node2", "id2", "tail", "end", "dest", "destination"}
_SHOWN = 40


@dataclass(frozen=True)
class EdgeRows:
    """Edges as a text file lists them.

    Args:
        source: (m,) int64.
        target: (m,) int64.
        names: Name of each node; None when the file numbers its nodes.
        num_nodes: Number of nodes, where the file states it.
        columns: Columns of the text.
    """

    source: Ints
    target: Ints
    names: tuple[str, ...] | None = None
    num_nodes: int | None = None
    columns: int = 2


def read_edge_rows(path: Path, content: bytes | None = None, *, named: bool = False) -> EdgeRows:
    r"""Read the first two columns of an edge list.

    Args:
        path: Lines of two node ids parted by commas, tabs, semicolons or blanks (what the first
            line has); empty lines and those that begin with ``#`` or ``%`` are skipped, further
            columns are not read. If the first line names its nodes by whole numbers, all
            lines must; else ids are names, numbered in the order in which they first appear. A
            first line of two words before lines of numbers is a header, and so is one such as
            ``source,target`` before names.
        content: The file's bytes where it was unpacked; ``path`` is then only for messages.
        named: Take whole numbers for names too.

    Raises:
        InputError: With file, line and value.

    Cost: 0.1 s a million lines of numbers, five times that with names.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "friends.csv"
        >>> _ = file.write_text("ann,bob\nbob,carl\n")
        >>> rows = read_edge_rows(file)
        >>> rows.source.tolist(), rows.target.tolist(), rows.names
        ([0, 1], [1, 2], ('ann', 'bob', 'carl'))
    """
    text = _Text(path, content)
    rows = None if named else _numbers(text)
    return _any_rows(text, named=named) if rows is None else rows


class _Text:
    """The file: where its first edge is, and how its cells are parted."""

    def __init__(self, path: Path, content: bytes | None) -> None:
        self.path, self.content = path, content
        first = next(self.lines(), None)
        self.first, line = first if first is not None else (0, "")
        self.separator = _separator(line)
        cells = _cells(line, self.separator)
        self.columns = len(cells)
        self.words = sum(_NUMBER.fullmatch(cell) is None for cell in cells[:2])
        self.titled = (
            len(cells) > 1 and _squeezed(cells[0]) in _HEADS and _squeezed(cells[1]) in _TAILS
        )

    def open(self) -> io.TextIOWrapper:
        """Return the text from its beginning."""
        return io.TextIOWrapper(opened(self.path, self.content), encoding="utf-8-sig")

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield the number, from 1, and the text of each line that is no comment."""
        try:
            with self.open() as file:
                for number, line in enumerate(file, 1):
                    stripped = line.strip()
                    if stripped and not stripped.startswith(_COMMENT):
                        yield number, line
        except UnicodeDecodeError as error:
            place = f"{self.path}:{self._undecodable()}"
            raise InputError(f"{place}: the line is not UTF-8 text.") from error

    def _undecodable(self) -> int:
        """Find the line that is not UTF-8; the text above is decoded in larger pieces."""
        with opened(self.path, self.content) as file:
            for number, line in enumerate(file, 1):
                try:
                    line.decode()
                except UnicodeDecodeError:
                    return number
        return 0


def _numbers(text: _Text) -> EdgeRows | None:
    """Read a file of whole numbers at once; None when a line is something else."""
    if not text.first:
        return EdgeRows(np.empty(0, np.int64), np.empty(0, np.int64))
    source = str(text.path) if text.content is None else text.open()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a header without rows
            table = np.loadtxt(
                source,
                dtype=np.int64,
                comments=None,
                delimiter=text.separator,
                skiprows=text.first
                - 1
                + (text.words == 2),  # two words: a header, or all are names
                usecols=(0, 1) if text.columns > 2 else None,
                ndmin=2,
                encoding="utf-8-sig",
            )
    except ValueError:
        return None
    if table.shape[1] != 2 or not len(table) or not (0 <= table.min() <= table.max() <= LARGEST_ID):
        return None
    source_ids, target_ids = np.ascontiguousarray(table.T)
    return EdgeRows(source_ids, target_ids, columns=text.columns)


class _Tokens:
    """What stands in the first two columns: each text once, and the line where it came first."""

    def __init__(self, text: _Text) -> None:
        self.number: dict[str, int] = {}
        self.line: list[int] = []
        self.rows = (array("q"), array("q"))
        self.columns = 0
        for line, raw in text.lines():
            cells = _cells(raw, text.separator)
            self.columns = max(self.columns, len(cells))
            if len(cells) < 2 or not cells[0] or not cells[1]:
                raise InputError(
                    f"{text.path}:{line}: {shown(raw.strip())} is no edge; expected two nodes "
                    f"parted by {_in_words(text.separator)}, as in the first line."
                )
            for column, cell in zip(self.rows, cells, strict=False):
                at = self.number.setdefault(cell, len(self.line))
                if at == len(self.line):
                    self.line.append(line)
                column.append(at)
        self.texts = list(self.number)

    def row(self, at: int) -> tuple[str, str] | None:
        """Return the two cells of an edge, None behind the last one."""
        if at >= len(self.rows[0]):
            return None
        return self.texts[self.rows[0][at]], self.texts[self.rows[1][at]]

    def arrays(self, skip: int) -> tuple[Ints, Ints]:
        """Return the places in ``texts`` of sources and targets."""
        source, target = (np.asarray(column, dtype=np.int64)[skip:] for column in self.rows)
        return source, target


def _any_rows(text: _Text, *, named: bool) -> EdgeRows:
    """Read line by line, then decide from the first lines what is a header and what are names."""
    tokens = _Tokens(text)
    first, second = tokens.row(0), tokens.row(1)
    header = text.titled or (not named and _words(first) == 2 and _words(second) == 0)
    source, target = tokens.arrays(skip=int(header))
    lead = second if header else first
    numbered = not named and _words(lead) in {None, 0}
    if (
        lead is not None and not named and _words(lead) == 1
    ):  # a name, or a number with a typing error in it
        numbered = all(_NUMBER.fullmatch(cell) for cell in tokens.texts if cell not in lead)
    used = np.union1d(source, target)
    if numbered:
        values = _values(tokens, used, text)
        return EdgeRows(values[source], values[target], columns=tokens.columns)
    return _named(tokens, used, source, target, text)


def _words(cells: Sequence[str] | None) -> int | None:
    """Count those of an edge's two cells that are no numbers."""
    return None if cells is None else sum(_NUMBER.fullmatch(cell) is None for cell in cells)


def _values(tokens: _Tokens, used: Ints, text: _Text) -> Ints:
    """Turn the texts into node numbers."""
    values = np.full(len(tokens.texts), -1, np.int64)
    for i in used.tolist():
        cell = tokens.texts[i]
        value = float(cell) if _NUMBER.fullmatch(cell) else None
        if value is None or not value.is_integer() or not 0 <= value <= LARGEST_ID:
            wanted = f"a node number, 0 to {LARGEST_ID}"
            raise InputError(
                f"{text.path}:{tokens.line[i]}: {shown(cell)} is not {wanted}. Where ids are "
                "names, say so: named=True (--names)."
            )
        values[i] = int(value)
    return values


def _named(tokens: _Tokens, used: Ints, source: Ints, target: Ints, text: _Text) -> EdgeRows:
    """Number the names that are used, in the order in which they came."""
    number = np.full(len(tokens.texts), -1, np.int64)
    number[used] = np.arange(used.size)
    names = tuple(tokens.texts[i] for i in used.tolist())
    for i, name in zip(used.tolist(), names, strict=True):
        if len(name) > LONGEST_NAME:
            raise InputError(
                f"{text.path}:{tokens.line[i]}: the name {shown(name)} has {len(name)} letters, "
                f"at most {LONGEST_NAME} are read."
            )
    return EdgeRows(number[source], number[target], names, len(names), tokens.columns)


def _separator(line: str) -> str | None:
    plain = line.partition("{")[0]  # networkx writes a dictionary behind the nodes
    return next((mark for mark in (",", "\t", ";") if mark in plain), None)


def _cells(line: str, separator: str | None) -> list[str]:
    """Return the cells of a line; none for what ends it."""
    if separator is None:
        cells = line.split()
    elif '"' in line:
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]
        except csv.Error:
            cells = []
    else:
        cells = [cell.strip() for cell in line.split(separator)]
    while len(cells) > 2 and not cells[-1]:
        cells.pop()
    return cells


def _squeezed(cell: str) -> str:
    return re.sub(r"[\W_]", "", cell).lower()


def _in_words(separator: str | None) -> str:
    return {None: "blanks", ",": "a comma", "\t": "a tab", ";": "a semicolon"}[separator]


def shown(value: str) -> str:
    """Return a short text of a value that is safe on a terminal line."""
    text = repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}..."
    return text if text.isprintable() else ascii(text)
