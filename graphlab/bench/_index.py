"""A disposable cache of decoded records, so that a folder of thousands of runs opens at once."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from graphlab.io import atomic_write

if TYPE_CHECKING:
    import os
    from pathlib import Path

__all__ = ["RecordIndex"]

_VERSION: Final = 1
# A file changed within this span of the moment the cache was written may have been changed again
# within the clock tick of the file system: such an entry is in doubt, and its file is read.
_DOUBT_NS: Final = 2_000_000_000


class RecordIndex:
    """Decoded ``run.json`` payloads by folder, each tied to its file's time, size and inode.

    Args:
        path: ``index.json``; missing, damaged or foreign content is the same as none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {}
        self._changed = False
        try:
            content = json.loads(path.read_bytes())
            entries = content["entries"] if content["version"] == _VERSION else {}
            certain = int(content["written_ns"]) - _DOUBT_NS
            self._entries = {
                key: entry for key, entry in entries.items() if entry["mark"][0] < certain
            }
            self._changed = len(self._entries) < len(entries)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
            self._entries, self._changed = {}, True

    def get(self, key: str, stat: os.stat_result) -> Any:  # noqa: ANN401  (decoded JSON)
        """Return the payload of a folder, or ``None`` when the file is not the one cached."""
        entry = self._entries.get(key)
        if entry is None or entry.get("mark") != _mark(stat):
            return None
        return entry.get("record")

    def put(self, key: str, stat: os.stat_result, payload: object) -> None:
        """Keep a payload that was just read."""
        self._entries[key] = {"mark": _mark(stat), "record": payload}
        self._changed = True

    def keep_only(self, keys: set[str]) -> None:
        """Forget the folders that are gone."""
        gone = self._entries.keys() - keys
        for key in gone:
            del self._entries[key]
        self._changed |= bool(gone)

    def save(self) -> None:
        """Write the cache if it changed; a folder that cannot be written is no error."""
        if not self._changed:
            return
        content = {"version": _VERSION, "written_ns": time.time_ns(), "entries": self._entries}
        try:
            atomic_write(self._path, json.dumps(content, separators=(",", ":")).encode())
        except OSError:
            return
        self._changed = False


def _mark(stat: os.stat_result) -> list[int]:
    return [stat.st_mtime_ns, stat.st_size, stat.st_ino]
