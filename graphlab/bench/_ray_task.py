"""What a Ray task does: one cell, executed as on one machine, told in batches of events."""

from __future__ import annotations

import contextlib
import signal
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench import provenance
from graphlab.bench.launch import Launch
from graphlab.bench.store import RunStore
from graphlab.errors import InputError
from graphlab.io import atomic_write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from graphlab.bench.plan import Cell

__all__ = ["CellWork", "execute_cell", "pack", "unpack"]

_TELL_SECONDS: Final = 0.5
_ASK_SECONDS: Final = 1.0
_URGENT: Final = frozenset({"start", "done", "failed", "skipped", "busy", "lost"})
_RECORD: Final = "run.json"
_NOT_SENT: Final = ("run.lock",)
# Only the launcher knows the repository and the command; the rest is that of the node.
_OF_THE_LAUNCHER: Final = ("command", "git_commit", "git_dirty", "git_diff_sha256")


@dataclass(frozen=True)
class CellWork:
    """What a task is told.

    Attributes:
        cell: With the runs to execute.
        results: The launcher's results folder.
        probe: Name of a file in it that holds its own name.
        shared: Whether the folder is seen here too; ``None`` to look for the probe.
        marks: Mark of each run's record when the launch began.
        job: What the worker process is told.
        patience: Seconds to wait for runs that others execute.
        retries: How often the worker process may be replaced.
        stop: What tells to stop when it is there: a file of a cluster on the launcher's machine,
            or the name of an actor.
        host: The launcher's machine.
        source: Checksum of the launcher's graphlab; another machine must have the same.
        begun: By run id, files of interrupted runs (references to Ray objects).
    """

    cell: Cell
    results: str
    probe: str
    shared: bool | None
    marks: dict[str, str]
    job: dict[str, Any]
    patience: float
    retries: int
    stop: Path | str
    host: str
    source: str
    begun: dict[str, Any] = field(default_factory=dict)


def execute_cell(work: CellWork) -> Iterator[dict[str, Any]]:
    """Execute a cell and yield batches: ``events``, and ``files`` where the folder is not seen.

    The last batch has the ``signal`` that ended the work early, if one did.

    Raises:
        InputError: This node has another graphlab.
    """
    yield {}  # the task has begun
    if socket.gethostname() != work.host and provenance.source_digest() != work.source:
        from graphlab import __version__

        raise InputError(
            f"graphlab on {socket.gethostname()} (version {__version__}) is not the one that was "
            "started here. Install the same one on every node of the cluster."
        )
    with _place(work) as (store, marks):
        events: list[dict[str, Any]] = []
        launch = Launch(
            store,
            [work.cell],
            jobs=1,
            patience=work.patience,
            on_event=events.append,
            job={
                **work.job,
                "results": str(store.results.absolute()),
                "known": _known(work.job["known"]),
            },
            marks=marks,
            retries=work.retries,
            asked=_stop_reader(work.stop),
        )
        told = time.monotonic()
        for _ in launch.passes():
            late = time.monotonic() - told >= _TELL_SECONDS
            if events and (late or any(event["event"] in _URGENT for event in events)):
                yield _batch(work, store, events)
                events.clear()
                told = time.monotonic()
        last = _batch(work, store, events)
        if marks is None and launch.signal is not None:  # checkpoints of what was stopped
            last["files"] |= _files(store, work.cell, {run.run_id for run in work.cell.runs})
        yield {**last, "signal": launch.signal}


def pack(folder: Path) -> dict[str, bytes]:
    """Return the files of a run folder."""
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file() and path.name not in _NOT_SENT and not path.name.startswith("."):
            found[path.name] = path.read_bytes()
    return found


def unpack(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a run folder, the record last; without one the run can be resumed.

    Raises:
        InputError: A name is no plain file name.
        OSError: The disk is full or the folder is not writable; there is no record then.
    """
    wrong = [name for name in files if Path(name).name != name or name.startswith(".")]
    if wrong:
        raise InputError(f"{wrong[0]!r} is no name of a file in a run folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(files, key=lambda name: name == _RECORD):
        atomic_write(folder / name, files[name], point="record" if name == _RECORD else "file")
    if _RECORD in files:
        for stale in folder.glob("last.ckpt*"):
            stale.unlink(missing_ok=True)


@contextlib.contextmanager
def _place(work: CellWork) -> Iterator[tuple[RunStore, dict[str, str] | None]]:
    """Give the launcher's folder if it is seen here, else one of this node, without marks."""
    if work.shared or (work.shared is None and _sees(work)):
        yield RunStore(work.results), work.marks
        return
    import ray

    with tempfile.TemporaryDirectory(prefix="graphlab-") as folder:
        store = RunStore(folder)
        for run in work.cell.runs:
            if run.run_id in work.begun:
                unpack(store.folder(run), ray.get(work.begun[run.run_id]))
        yield store, None


def _sees(work: CellWork) -> bool:
    try:
        return (Path(work.results) / work.probe).read_text(encoding="ascii") == work.probe
    except (OSError, ValueError):
        return False


def _batch(work: CellWork, store: RunStore, events: list[dict[str, Any]]) -> dict[str, Any]:
    ended = {event["run_id"] for event in events if event["event"] in {"done", "failed"}}
    seen = str(store.results) == work.results
    return {"events": list(events), "files": {} if seen else _files(store, work.cell, ended)}


def _files(store: RunStore, cell: Cell, run_ids: set[str]) -> dict[str, dict[str, bytes]]:
    found = {run.run_id: pack(store.folder(run)) for run in cell.runs if run.run_id in run_ids}
    return {run_id: files for run_id, files in found.items() if files}


def _known(launcher: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return versions and hardware of this node with commit and command of the launcher."""
    here = provenance.collect()
    code = {k: v for k, v in here["code"].items() if k not in _OF_THE_LAUNCHER}
    code |= {k: v for k, v in launcher["code"].items() if k in _OF_THE_LAUNCHER}
    return {**here, "code": code}


def _stop_reader(stop: Path | str) -> Callable[[], int | None]:
    """Return a function that tells whether the launcher asked to stop."""
    import ray

    looked = time.monotonic()

    def asked() -> int | None:
        nonlocal looked
        if isinstance(stop, Path):
            return int(signal.SIGTERM) if stop.exists() else None
        if time.monotonic() - looked < _ASK_SECONDS:
            return None
        looked = time.monotonic()
        try:
            ray.get_actor(stop)
        except ValueError:
            return None
        return int(signal.SIGTERM)

    return asked
