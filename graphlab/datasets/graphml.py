"""Nodes and edges of a GraphML file; attributes are not read, and no entity is ever expanded."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, BinaryIO
from xml.parsers import expat

import numpy as np

from graphlab.datasets.edge_list_text import LONGEST_NAME, EdgeRows, shown
from graphlab.errors import InputError, UnsafeFileError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_graphml"]


def read_graphml(path: Path, file: BinaryIO) -> EdgeRows:
    """Read the graph of a GraphML file.

    Args:
        path: Name of the file, for messages.
        file: Its content, unpacked.

    Returns:
        Entries: undirected edges in both directions, directed ones in theirs. Nodes are numbered
        in the order of the file and have their ids as names; ids that are the numbers 0 to n-1
        are taken as such.

    Raises:
        InputError: No XML, no graph or several, an edge of an unknown node, a node twice, a
            hyperedge; with file and line.
        UnsafeFileError: The file has a document type definition, which could name other files.

    Cost: about 1 s a million edges.
    """
    reader = _Reader(path)
    try:
        reader.parser.ParseFile(file)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise InputError(f"{path}:{error.lineno}: not well-formed XML: {reason}.") from error
    return reader.rows()


class _Reader:
    """Takes the elements as the parser meets them; an edge may stand before its nodes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.nodes: dict[str, None] = {}  # in the order of the file
        self.met: dict[str, int] = {}  # ids of nodes and edges alike, in the order of the file
        self.waiting: dict[str, int] = {}  # an id that an edge names before its node does: line
        self.ends = (array("q"), array("q"))
        self.seen = self.directed = False
        self.depth = self.graph_depth = 0
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype  # comes before any entity
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end

    def rows(self) -> EdgeRows:
        """Return what was read."""
        if not self.seen:
            raise InputError(f"{self.path} holds no <graph>; expected GraphML.")
        for name, line in self.waiting.items():
            if name not in self.nodes:
                raise InputError(f"{self.path}:{line}: no node has the id {shown(name)}.")
        names = tuple(self.nodes)
        numbers = _plain_numbers(names)
        number = np.empty(len(names), np.int64)
        number[[self.met[name] for name in names]] = numbers or range(len(names))
        source, target = (number[np.asarray(column, dtype=np.int64)] for column in self.ends)
        stated = None if numbers or not names else names
        return EdgeRows(source, target, stated, len(names))

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        name = tag.rpartition(":")[2]
        if name == "graph":
            self._graph(attributes)
        elif self.graph_depth and self.depth == self.graph_depth + 1:
            if name == "node":
                self._node(self._attribute(name, attributes, "id"))
            elif name == "edge":
                self._edge(attributes)
            elif name == "hyperedge":
                raise self._wrong("a hyperedge; expected edges of two nodes")

    def _end(self, tag: str) -> None:
        del tag
        if self.depth == self.graph_depth:
            self.graph_depth = 0
        self.depth -= 1

    def _graph(self, attributes: dict[str, str]) -> None:
        if self.seen:
            raise self._wrong("a second graph; expected one, without graphs inside of nodes")
        self.seen, self.graph_depth = True, self.depth
        self.directed = attributes.get("edgedefault") == "directed"

    def _node(self, name: str) -> None:
        if name in self.nodes:
            raise self._wrong(f"a second node with the id {shown(name)}")
        if not name or len(name) > LONGEST_NAME:
            raise self._wrong(f"the id {shown(name)}; expected 1 to {LONGEST_NAME} letters")
        self.nodes[name] = None
        self.met.setdefault(name, len(self.met))

    def _edge(self, attributes: dict[str, str]) -> None:
        numbers = []
        for end in ("source", "target"):
            name = self._attribute("edge", attributes, end)
            if name not in self.met:
                self.waiting[name] = self.parser.CurrentLineNumber
            numbers.append(self.met.setdefault(name, len(self.met)))
        source, target = numbers
        given = attributes.get("directed")
        self.ends[0].append(source)
        self.ends[1].append(target)
        if not (self.directed if given is None else given in {"true", "1"}):
            self.ends[0].append(target)
            self.ends[1].append(source)

    def _attribute(self, tag: str, attributes: dict[str, str], name: str) -> str:
        if name not in attributes:
            raise self._wrong(f"<{tag}> without {name}")
        return attributes[name]

    def _wrong(self, what: str) -> InputError:
        return InputError(f"{self.path}:{self.parser.CurrentLineNumber}: {what}.")

    def _doctype(self, *_: object) -> None:
        raise UnsafeFileError(
            f"{self.path}:{self.parser.CurrentLineNumber}: the file has a document type "
            "definition (DOCTYPE), which could name other files; it was not read. Remove it, "
            "GraphML needs none."
        )


def _plain_numbers(names: tuple[str, ...]) -> list[int] | None:
    """Return the ids as numbers where they are 0 to n-1, each once, in whatever order."""
    largest = len(str(len(names)))
    if not all(name.isascii() and name.isdigit() and len(name) <= largest for name in names):
        return None
    numbers = [int(name) for name in names]
    return numbers if set(numbers) == set(range(len(numbers))) and numbers else None
