"""Run folders: where results live, who may write them, and how they are read back.

The folders are the truth: ``results/<suite>/<cell_id>/<seed>/run.json``. Reading them needs
neither torch nor numpy.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import shutil
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from graphlab.bench._index import RecordIndex
from graphlab.bench.record import (
    NewerRecordError,
    RunRecord,
    decode_record,
    parse_record,
    seal_holds,
    sealed,
)
from graphlab.errors import GraphlabError, InputError
from graphlab.io import write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from graphlab.bench.plan import RunSpec
    from graphlab.bench.record import Seal

__all__ = ["RERUN", "Rerun", "RunLockedError", "RunStore", "StoreScan"]

Rerun = Literal["failed", "stale", "all"]
RERUN: Final[tuple[str, ...]] = ("failed", "stale", "all")
_RECORD: Final = "run.json"
_LOCK: Final = "run.lock"
_POLL_SECONDS: Final = 0.1
_BUSY: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})
_log = logging.getLogger(__name__)


class RunLockedError(GraphlabError):
    """Another process executes this run; ``holder`` says which, as far as it is known."""

    def __init__(self, folder: Path, holder: dict[str, Any]) -> None:
        self.holder = holder
        who = f"process {holder.get('pid', '?')} on {holder.get('host', 'an unknown host')}"
        super().__init__(f"{folder} is being executed by {who}.")


@dataclass(frozen=True)
class StoreScan:
    """What reading a results folder gave: records, and what had to be left out.

    Attributes:
        records: The valid records.
        newer: How many were skipped because a newer graphlab wrote them.
        garbage: Files that hold no record.
        altered: Files whose content is not what was written (their seal does not fit). Their
            records are among ``records`` and must be shown with a mark.
        files: The file of each record.
    """

    records: tuple[RunRecord, ...]
    newer: int = 0
    garbage: tuple[Path, ...] = ()
    altered: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()


class RunStore:
    """The run folders of one suite.

    Args:
        results: Folder of the suite, such as ``results/quick``; it need not exist yet.

    Example:
        >>> RunStore("results/quick").run_dir("3c5d", seed=2).as_posix()
        'results/quick/3c5d/2'
    """

    def __init__(self, results: str | os.PathLike[str]) -> None:
        self.results = Path(results)

    def __repr__(self) -> str:
        return f"RunStore({str(self.results)!r})"

    # -- places ---------------------------------------------------------------------------------

    def run_dir(self, cell_id: str, seed: int, fold: int | None = None) -> Path:
        """Return the folder of one run."""
        return self.results / cell_id / (str(seed) if fold is None else f"{seed}-f{fold}")

    def folder(self, spec: RunSpec) -> Path:
        """Return the folder of a planned run."""
        return self.run_dir(spec.cell_id, spec.seed, spec.fold)

    def prepare(self) -> None:
        """Create the results folder and try to write in it, before any training.

        Raises:
            InputError: It cannot be created or written, or a file stands in its place.
        """
        probe = self.results / f".probe.{os.getpid()}.tmp"
        try:
            self.results.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"graphlab")
            probe.unlink()
        except OSError as error:
            with contextlib.suppress(OSError):
                probe.unlink(missing_ok=True)
            raise InputError(
                f"Results cannot be written to {self.results} ({error.strerror or error}). "
                "Choose another folder: --results DIR."
            ) from error

    def free_bytes(self) -> int:
        """Return the free bytes of the disk that holds, or will hold, the results."""
        place = self.results.absolute()
        while not place.is_dir() and place != place.parent:
            place = place.parent
        return shutil.disk_usage(place).free

    def sweep_temporaries(self, older_than: float = 3600.0) -> int:
        """Delete temporary files that a killed process left behind; return how many.

        Args:
            older_than: Age in seconds that shows that no living process writes the file.
        """
        limit = time.time() - older_than
        swept = 0
        for pattern in (".*.tmp", "*/.*.tmp", "*/*/.*.tmp"):
            for file in self.results.glob(pattern):
                with contextlib.suppress(OSError):
                    if file.stat().st_mtime < limit:
                        file.unlink()
                        swept += 1
        return swept

    # -- reading --------------------------------------------------------------------------------

    def read(self, run_dir: Path) -> RunRecord | None:
        """Return the record of one folder; ``None`` if there is none that can be read."""
        try:
            return parse_record(decode_record((run_dir / _RECORD).read_bytes())[0])
        except (OSError, ValueError):
            return None

    def seal(self, run_dir: Path) -> Seal:
        """Tell whether the record of a folder is as it was written.

        Raises:
            OSError: There is none.
            ValueError: The file is no JSON.
        """
        return decode_record((run_dir / _RECORD).read_bytes())[1]

    def mark(self, run_dir: Path) -> str:
        """Return what tells two versions of a folder's record apart; empty without a record."""
        try:
            stat = (run_dir / _RECORD).stat()
        except OSError:
            return ""
        return f"{stat.st_mtime_ns}-{stat.st_size}-{stat.st_ino}"

    def records(self, specs: Iterable[RunSpec] | None = None) -> list[RunRecord]:
        """Return the records of planned runs (in their order), or of every run there is."""
        return list(self.scan(specs).records)

    def scan(self, specs: Iterable[RunSpec] | None = None) -> StoreScan:
        """Read records through the cache ``index.json``.

        Args:
            specs: Read the folders of these runs alone, in this order; all folders if ``None``.

        Cost: one ``stat`` a run; a changed file is read and validated again.
        """
        index = RecordIndex(self.results / "index.json")
        wanted: dict[str, str | None] = {}
        if specs is None:
            wanted = dict.fromkeys(self._keys())
            index.keep_only(set(wanted))
        else:
            wanted = {self._key(self.folder(spec)): spec.run_id for spec in specs}
        records: list[RunRecord] = []
        garbage: list[Path] = []
        altered: list[Path] = []
        files: list[Path] = []
        newer = 0
        for key, run_id in wanted.items():
            path = self.results / key / _RECORD
            try:
                record, intact = self._cached(index, key, path)
            except FileNotFoundError:
                continue
            except NewerRecordError:
                newer += 1
            except (OSError, ValueError):
                garbage.append(path)
            else:
                if run_id is None or record.identity.run_id == run_id:
                    records.append(record)
                    files.append(path)
                    if not intact:
                        altered.append(path)
        index.save()
        if newer:
            _log.warning("%d records of a newer graphlab were skipped.", newer)
        for path in garbage:
            _log.warning("%s holds no record and was skipped.", path)
        for path in altered:
            _log.warning("%s was altered after it was written; its numbers may be wrong.", path)
        return StoreScan(tuple(records), newer, tuple(garbage), tuple(altered), tuple(files))

    def is_finished(self, spec: RunSpec, rerun: Rerun | None = None) -> bool:
        """Tell whether a run has a record and need not be executed.

        Args:
            spec: The planned run.
            rerun: ``None``: any record finishes a run, a failed one too. ``"failed"``: only a
                result does. ``"stale"``: only a record of the present source code does.
                ``"all"``: nothing does. With any of them an altered record does not.
        """
        folder = self.folder(spec)
        record = None if rerun == "all" else self.read(folder)
        if record is None or record.identity.run_id != spec.run_id:
            return False
        if rerun is not None and self.seal(folder) == "altered":
            return False
        if rerun == "failed":
            return record.done
        if rerun == "stale":
            from graphlab.bench.provenance import source_digest

            return record.code.source_sha256 == source_digest()
        return True

    def history(self, run_dir: Path) -> list[dict[str, Any]]:
        """Return the rows of a run's ``events.jsonl``, one an epoch, in order."""
        from graphlab.bench.journal import read_history

        return read_history(run_dir)

    # -- writing --------------------------------------------------------------------------------

    def write(self, run_dir: Path, record: RunRecord) -> None:
        """Write a record and its seal atomically; then delete the checkpoint it makes useless.

        Raises:
            OSError: The disk is full or the folder is not writable; nothing is changed then.
        """
        write_json(run_dir / _RECORD, sealed(record.to_json()), point="record")
        self.discard(run_dir, "last.ckpt*")

    def discard(self, run_dir: Path, *patterns: str) -> None:
        """Delete files of a run folder by name pattern; those that cannot be stay."""
        for pattern in patterns:
            for file in run_dir.glob(pattern):
                with contextlib.suppress(OSError):
                    file.unlink()

    @contextlib.contextmanager
    def lock(self, run_dir: Path, *, wait: float = 0.0) -> Iterator[None]:
        """Hold the run's lock, which the kernel releases even after ``kill -9``.

        Args:
            run_dir: Folder of the run; created when missing.
            wait: Seconds to try for; ``math.inf`` for as long as it takes.

        Raises:
            RunLockedError: Another process still holds it.
        """
        run_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(run_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _acquire(handle, run_dir, time.monotonic() + wait)
            with contextlib.suppress(OSError):  # a full disk; the lock is held nevertheless
                os.ftruncate(handle, 0)
                os.pwrite(handle, json.dumps(_myself()).encode(), 0)
            yield
        finally:
            os.close(handle)

    def holder(self, run_dir: Path) -> dict[str, Any] | None:
        """Return host, pid and start of the process that executes a run; ``None`` if none does."""
        try:
            handle = os.open(run_dir / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return _holder(handle) if error.errno in _BUSY else None
        finally:
            os.close(handle)
        return None

    # -- private --------------------------------------------------------------------------------

    def _key(self, run_dir: Path) -> str:
        return run_dir.relative_to(self.results).as_posix()

    def _keys(self) -> list[str]:
        folders = [path.parent for path in self.results.glob(f"*/*/{_RECORD}")]
        return sorted((self._key(folder) for folder in folders), key=_run_order)

    def _cached(self, index: RecordIndex, key: str, path: Path) -> tuple[RunRecord, bool]:
        """Return a folder's record and whether it is as written; an altered one is not cached."""
        stat = path.stat()
        payload = index.get(key, stat)
        if payload is not None and seal_holds(payload):
            with contextlib.suppress(ValueError):
                return parse_record(payload), True
        payload, seal = decode_record(path.read_bytes())
        record = parse_record(payload)
        if seal != "altered":
            index.put(key, stat, payload)
        return record, seal != "altered"

    @staticmethod
    def to_frame(records: Sequence[RunRecord]) -> pd.DataFrame:
        """Return one row a run: identity, status, metrics (``test.acc``), costs."""
        import pandas as pd

        return pd.DataFrame([_row(record) for record in records])


def _acquire(handle: int, run_dir: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _BUSY:
                _log.warning(
                    "%s: the file system has no locks (%s); start one process alone on it.",
                    run_dir,
                    error.strerror,
                )
                return
        else:
            return
        if time.monotonic() >= deadline:
            raise RunLockedError(run_dir, _holder(handle))
        time.sleep(_POLL_SECONDS)


def _myself() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": now}


def _holder(handle: int) -> dict[str, Any]:
    try:
        content = json.loads(os.pread(handle, 4096, 0))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _run_order(key: str) -> tuple[str, int, int]:
    cell, _, name = key.partition("/")
    seed, _, fold = name.partition("-f")
    numeric = seed.lstrip("-").isdigit() and (not fold or fold.isdigit())
    return (cell, int(seed), int(fold or 0)) if numeric else (cell, 0, 0)


def _row(record: RunRecord) -> dict[str, Any]:
    row: dict[str, Any] = record.identity.model_dump(exclude={"schema_version"})
    row["status"] = record.result.status
    for split, values in record.result.metrics.items():
        row |= {f"{split}.{name}": value for name, value in values.items()}
    row["best_epoch"], row["epochs_run"] = record.result.best_epoch, record.result.epochs_run
    row |= {f"seconds.{part}": value for part, value in record.cost.seconds.items()}
    row["seconds_per_epoch"] = record.cost.seconds_per_epoch
    row["parameters"] = record.cost.parameters
    return row
