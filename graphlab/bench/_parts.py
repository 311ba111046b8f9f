"""Splits a suite as written into its ``[[part]]`` tables; a suite without them is one part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphlab.bench.problems import Problems, Where, printable

if TYPE_CHECKING:
    from graphlab.bench._toml_lines import KeyPath

__all__ = ["PartDocument", "part_tables", "split"]

_MERGED = ("recipe", "task_options", "features")  # a part changes single values of these tables
_OF_THE_SUITE = ("title", "part")


@dataclass(frozen=True)
class PartDocument:
    """One part as written, with what it takes over from the top of the suite.

    Attributes:
        raw: The tables.
        where: Names the place of a key, wherever it was written.
        settings: Values of ``--set`` for all systems, as one more table.
    """

    raw: dict[str, object]
    where: Where
    settings: dict[str, object] = field(default_factory=dict)


class _PartWhere(Where):
    """Places of one part's keys: in its own table, or at the top of the suite.

    Args:
        root: Places of the whole document.
        index: Which part.
        own: The part's own table.
        shared: What stands at the top for all parts.
    """

    def __init__(
        self, root: Where, index: int, own: Mapping[str, object], shared: Mapping[str, object]
    ) -> None:
        super().__init__(root.label, root.lines)
        self._index, self._own, self._shared = index, own, shared

    def written(self, path: KeyPath) -> KeyPath:
        """Return the path under which a key of the part stands in the document."""
        here: KeyPath = ("part", self._index, *path)
        if not path or path[0] not in self._shared:
            return here
        key = str(path[0])
        own = self._own.get(key)
        if key in _MERGED and isinstance(own, Mapping) and len(path) > 1:
            return here if path[1] in own else path
        return here if key in self._own else path


def split(raw: Mapping[str, object], where: Where) -> tuple[list[PartDocument], list[str]]:
    """Return the parts of a suite, and what is wrong with their tables.

    What stands at the top serves every part that does not say otherwise; ``recipe``,
    ``task_options`` and ``features`` are joined value by value, all else is replaced as a whole.

    Args:
        raw: The suite as written.
        where: Names the places in it.
    """
    if "part" not in raw:
        return [PartDocument({k: v for k, v in raw.items() if k != "title"}, where)], []
    problems = Problems(where)
    tables = raw["part"]
    if not isinstance(tables, list | tuple) or not tables:
        got = printable(tables, quote=True)
        problems.add(("part",), f"part must be a list of tables, each [[part]] (got {got}).")
        return [], problems.messages()
    shared = {key: value for key, value in raw.items() if key not in _OF_THE_SUITE}
    own = [problems.table(("part", i), "part", table) for i, table in enumerate(tables)]
    for key in shared:
        if key not in _MERGED and all(key in table for table in own):
            problems.add((key,), f"every part has its own {printable(key)}; leave this one out.")
    parts = [
        PartDocument(_joined(shared, table), _PartWhere(where, i, table, shared))
        for i, table in enumerate(own)
    ]
    return parts, problems.messages()


def part_tables(raw: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the parts of a suite as complete tables.

    Example:
        >>> part_tables({"seeds": 3, "part": [{"task": "node"}, {"task": "link", "seeds": 1}]})
        [{'seeds': 3, 'task': 'node'}, {'seeds': 1, 'task': 'link'}]
    """
    return [part.raw for part in split(raw, Where(""))[0]]


def _joined(shared: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    joined = {**shared, **own}
    for key in _MERGED:
        below, above = shared.get(key), own.get(key)
        if isinstance(below, Mapping) and isinstance(above, Mapping):
            joined[key] = {**below, **above}
    return joined
