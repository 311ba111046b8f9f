"""Text tables of the user's own files: separators and a header line are found out."""

from __future__ import annotations

import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

import numpy as np

from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from graphlab.datasets.arrays import Array

__all__ = ["Labels", "label_classes", "read_labels", "read_table"]

_UNLABELLED = {"", "-1", "nan", "na", "none", "?"}
_AT_ROW = re.compile(r"row (\d+)")


@dataclass(frozen=True)
class Labels:
    """Node labels of a text file.

    Args:
        classes: (n,) int64, -1 where unlabelled.
        names: Names of the classes, unless they are the numbers 0..C-1.
        some_nodes: The file names nodes; those it leaves out may lie behind its last one.
    """

    classes: Array
    names: tuple[str, ...] | None
    some_nodes: bool = False


def read_table(path: Path) -> Array:
    r"""Read a table of numbers, (rows, columns) float64.

    Args:
        path: ``.csv``, ``.tsv`` or ``.txt``: cells parted by commas, tabs, semicolons or spaces;
            ``#`` starts a comment; a first line that holds a word is a header. Or ``.npy``.

    Raises:
        InputError: A cell is not a number, or lines differ in length; names file and line.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "edges.csv"
        >>> _ = file.write_text("source,target\n0,1\n1,2\n")
        >>> read_table(file).tolist()
        [[0.0, 1.0], [1.0, 2.0]]
    """
    if path.suffix.lower() == ".npy":
        return _array(path)
    first, separator, line = _start(path)
    header = any(not _is_number(cell) for cell in _cells(line, separator))
    skip = first + 1 if header else first
    try:
        with warnings.catch_warnings(), path.open(encoding="utf-8-sig") as file:
            warnings.simplefilter("ignore", UserWarning)  # of a header without rows
            table = np.loadtxt(file, delimiter=separator, skiprows=skip, ndmin=2, comments="#")
    except ValueError as error:
        row = _AT_ROW.search(str(error))
        where = f"line {int(row.group(1)) + skip + 1}" if row else "a line"
        raise InputError(
            f"{path}: near {where}: a cell is not a number, or the line has another length."
        ) from error
    if not table.size:
        raise InputError(f"{path} holds no data.")
    return table


def read_labels(path: Path) -> Labels:
    """Read one label a line (the line's number is the node), or lines of node and label.

    Args:
        path: As for :func:`read_table`; labels may be words. Empty, ``-1``, ``nan`` and ``?``
            mean unlabelled.

    Raises:
        InputError: More than two columns, a node that is not a number, a node labelled twice.
    """
    if path.suffix.lower() == ".npy":
        return Labels(*label_classes([str(v) for v in _array(path)[:, 0].tolist()]))
    with _text(path) as file:
        text = file.read()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    while lines and not lines[-1].strip():
        lines.pop()
    separator = next((_separator(line) for line in lines if line.strip()), None)
    rows = [_cells(line, separator) if line.strip() else [""] for line in lines]
    if rows and rows[0][-1].lower() in {"label", "labels", "class", "y", "target"}:
        rows = rows[1:]
    if {len(row) for row in rows} <= {1}:
        return Labels(*label_classes([row[0] for row in rows]))
    if any(len(row) != 2 for row in rows):
        raise InputError(f"{path}: expected one label a line, or node and label.")
    try:
        nodes = [int(row[0]) for row in rows]
    except ValueError as error:
        raise InputError(f"{path}: the first column must hold node numbers.") from error
    if len(set(nodes)) != len(nodes) or min(nodes) < 0:
        raise InputError(f"{path}: a node is negative or labelled twice.")
    labels = [""] * (max(nodes) + 1)
    for node, row in zip(nodes, rows, strict=True):
        labels[node] = row[1]
    return Labels(*label_classes(labels), some_nodes=True)


def label_classes(labels: list[str]) -> tuple[Array, tuple[str, ...] | None]:
    """Number labels 0..C-1; numbers that are 0..C-1 already stay and have no names.

    Example:
        >>> label_classes(["red", "blue", "?", "red"])
        (array([ 1,  0, -1,  1]), ('blue', 'red'))
    """
    cleaned = ["" if label.strip().lower() in _UNLABELLED else label.strip() for label in labels]
    known = sorted({label for label in cleaned if label}, key=_order)
    number = {label: index for index, label in enumerate(known)}
    classes = np.array([number.get(label, -1) for label in cleaned], dtype=np.int64)
    plain = all(_is_number(label) and float(label) == i for i, label in enumerate(known))
    return classes, None if plain else tuple(known)


def _order(label: str) -> tuple[bool, float, str]:
    """Numbers by value, then words by alphabet."""
    number = _is_number(label)
    return (not number, float(label) if number else 0.0, label)


def _array(path: Path) -> Array:
    from graphlab.io import safe_load

    array: Array = np.asarray(safe_load(path))
    return array[:, None] if array.ndim == 1 else array


def _start(path: Path) -> tuple[int, str | None, str]:
    """Number of the first line with cells, the separator, the line itself."""
    with _text(path) as file:
        for number, line in enumerate(file):
            if line.strip() and not line.startswith("#"):
                return number, _separator(line), line
    raise InputError(f"{path} holds no data.")


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            yield file
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text.") from error


def _separator(line: str) -> str | None:
    return next((mark for mark in (",", "\t", ";") if mark in line), None)


def _cells(line: str, separator: str | None) -> list[str]:
    return [cell.strip() for cell in line.strip("\r\n").split(separator)]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
