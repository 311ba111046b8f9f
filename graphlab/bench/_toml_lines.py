"""Line of every key and array element of a TOML document, for error messages."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

__all__ = ["KeyPath", "key_lines", "nearest_line"]

KeyPath = tuple[str | int, ...]
"""Keys from the root to a value; array elements and tables of an array by index."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # multi-line basic
    r"|'''.*?'{3,5}"  # multi-line literal
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


def key_lines(text: str) -> dict[KeyPath, int]:
    r"""Map each key path of a document to its line, counted from 1.

    Args:
        text: A document that :func:`tomllib.loads` accepts; anything else gives no useful lines.

    Example:
        >>> key_lines('a = 1\n[[b]]\nc = [\n  2,\n]\n')[("b", 0, "c", 0)]
        4
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


def nearest_line(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """Return the line of a path, or of its nearest ancestor that is written in the document.

    Example:
        >>> nearest_line({("recipe",): 7}, ("recipe", "lr"))
        7
    """
    for size in range(len(path), 0, -1):
        if path[:size] in lines:
            return lines[path[:size]]
    return 1


class _Scanner:
    """One pass over the text; knows where things are, not what they mean."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.lines: dict[KeyPath, int] = {}
        self.tables: dict[KeyPath, int] = {}  # array of tables -> number of tables so far
        self.newlines = [i for i, character in enumerate(text) if character == "\n"]

    def document(self) -> None:
        table: KeyPath = ()
        while True:
            self._skip(_BLANK)
            if self.position >= len(self.text):
                return
            if self.text[self.position] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.position)
        if match is None:  # not TOML: step on, so that the scan ends in any case
            self.position += 1
            return ""
        self.position = match.end()
        return match.group()

    def _at(self, character: str) -> bool:
        return self.text.startswith(character, self.position)

    def _note(self, path: KeyPath) -> None:
        self.lines.setdefault(path, bisect_right(self.newlines, self.position - 1) + 1)

    def _header(self) -> KeyPath:
        many = self._at("[[")
        self.position += 2 if many else 1
        self._skip(_SPACE)
        start = self.position
        keys = self._key()
        end = self.position + (2 if many else 1)
        self.position = start
        path: KeyPath = ()
        for depth, key in enumerate(keys):
            path = (*path, key)
            self._note(path)
            if many and depth == len(keys) - 1:
                self.tables[path] = self.tables.get(path, 0) + 1
            if path in self.tables:
                path = (*path, self.tables[path] - 1)
                self._note(path)
        self.position = end
        return path

    def _key(self) -> list[str]:
        keys = []
        while self.position < len(self.text):
            if self._at('"') or self._at("'"):
                keys.append(str(tomllib.loads(f"key = {self._skip(_STRING)}")["key"]))
            else:
                keys.append(self._skip(_BARE_KEY))
            self._skip(_SPACE)
            if not self._at("."):
                break
            self.position += 1
            self._skip(_SPACE)
        return keys

    def _pair(self, table: KeyPath) -> None:
        start = self.position
        keys = self._key()
        after = self.position
        self.position = start
        path = table
        for key in keys:
            path = (*path, key)
            self._note(path)
        self.position = after + 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._at('"') or self._at("'"):
            self._skip(_STRING)
        elif self._at("["):
            self._sequence(path, "]")
        elif self._at("{"):
            self._sequence(path, "}")
        else:
            self._skip(_SCALAR)

    def _sequence(self, path: KeyPath, close: str) -> None:
        self.position += 1
        index = 0
        while self.position < len(self.text):
            self._skip(_BLANK)
            if self._at(close):
                self.position += 1
                return
            if self._at(","):
                self.position += 1
            elif close == "}":
                self._pair(path)
            else:
                self._note((*path, index))
                self._value((*path, index))
                index += 1
