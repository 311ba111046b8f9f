"""``events.jsonl``: what happened in a run, one JSON object a line, in the order of time."""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from graphlab.io import atomic_write, canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["EVENTS", "Journal", "history_digest", "read_events", "read_history"]

EVENTS: Final = "events.jsonl"
_EVALUATION: Final = "evaluation"
_FLUSH_SECONDS: Final = 1.0


class Journal:
    """Appends events to a run's file; lines are gathered and written at most once a second.

    A line cut short by a killed process is closed first, so it spoils no other.

    Args:
        run_dir: Folder of the run.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / EVENTS
        self._lines: list[str] = []
        self._flushed = time.monotonic()
        if self._path.exists():
            content = self._path.read_bytes()
            if content and not content.endswith(b"\n"):
                self._lines.append("\n")

    def evaluation(self, event: Mapping[str, Any]) -> None:
        """Note an evaluation; cheap, since the disk is touched at most once a second."""
        self._lines.append(_line(event))
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def note(self, event: str, **values: object) -> None:
        """Note an event with its time (UTC), on the disk when the call returns."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._lines.append(_line({"event": event, "time": now, **values}))
        self.flush()

    def notes(self, event: str) -> list[dict[str, Any]]:
        """Return the events of one kind that earlier executions noted."""
        return [entry for entry in _read(self._path) if entry.get("event") == event]

    def flush(self) -> None:
        """Write what is waiting."""
        self._flushed = time.monotonic()
        if not self._lines:
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(self._lines))
        self._lines.clear()

    def digest(self) -> str:
        """Return the checksum of the history, with everything noted so far."""
        self.flush()
        return history_digest(self._path.parent)

    def complete(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write the epochs anew, from the whole history that a checkpoint carries.

        After ``kill -9`` the file may lack its last second, or hold epochs twice; a resumed run
        ends with one line an epoch, as any other.
        """
        self.flush()
        events = _read(self._path)
        noted = {event.get("epoch"): event for event in events if event.get("event") == _EVALUATION}
        lines = [_line(event) for event in events if event.get("event") != _EVALUATION]
        lines += [
            _line({"event": _EVALUATION, **noted.get(row["epoch"], {}), **row}) for row in history
        ]
        atomic_write(self._path, "".join(lines).encode())


def read_events(run_dir: Path) -> list[dict[str, Any]]:
    """Return every event of a run; damaged lines are left out."""
    return _read(run_dir / EVENTS)


def read_history(run_dir: Path) -> list[dict[str, Any]]:
    """Return the epochs of a run in order, as noted; of an epoch noted twice the later line.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> journal = Journal(folder)
        >>> journal.evaluation({"event": "evaluation", "epoch": 1, "val_acc": 0.5})
        >>> journal.flush()
        >>> read_history(folder)
        [{'epoch': 1, 'val_acc': 0.5}]
    """
    by_epoch: dict[int, dict[str, Any]] = {}
    for event in read_events(run_dir):
        epoch = event.get("epoch")
        if event.get("event") == _EVALUATION and isinstance(epoch, int):
            by_epoch[epoch] = {key: value for key, value in event.items() if key != "event"}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def history_digest(run_dir: Path) -> str:
    """Return the SHA-256 of the epochs of a run; two equal trainings have the same.

    Other events of the file tell when and by which process, and are no part of it.
    """
    return sha256_bytes(canonical_json(read_history(run_dir)).encode())


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return []
    events = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events


def _line(event: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(event, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(event), allow_nan=False)
    return text + "\n"


def _finite(value: object) -> object:
    """Return the value with NaN and infinity, which JSON has not, as ``None``."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
