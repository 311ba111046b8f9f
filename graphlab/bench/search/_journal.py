"""The journal of a study, and locks that end with the process that holds them."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from typing import TYPE_CHECKING, Final

from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock, JournalStorage

from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["JOURNAL", "KernelLock", "hold", "locked", "open_journal", "readable"]

JOURNAL: Final = "journal.log"
_BUSY: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})


class KernelLock(JournalFileOpenLock):
    """Lock of the journal that the kernel releases when its holder is killed.

    Optuna's own is a file: of a killed process it blocks all others for half a minute. A line that
    a killed process or a full disk has left unfinished is cut off by the next writer.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._held: int | None = None

    def acquire(self) -> bool:
        """Wait for the lock; return ``True``."""
        lock = self._path.with_name(f"{self._path.name}.lock")
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            _cut_unfinished_line(self._path)
        except BaseException:
            os.close(handle)
            raise
        self._held = handle
        return True

    def release(self) -> None:
        """Let go of the lock."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


def open_journal(path: Path) -> JournalStorage:
    """Return Optuna's storage on a file, which is created when missing."""
    return JournalStorage(JournalFileBackend(str(path), lock_obj=KernelLock(path)))


@contextlib.contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Turn what Optuna raises at a damaged journal into a message for people.

    Raises:
        InputError: The journal cannot be read.
    """
    try:
        yield
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise InputError(
            f"{folder / JOURNAL} cannot be read as a study ({type(error).__name__}: {error}). Move "
            "it away, or name another study: --study NAME."
        ) from error


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, waiting as long as it takes.

    Raises:
        InputError: The file system has no locks, so processes could not share the study.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            raise InputError(
                f"{path}: the file system has no locks ({error.strerror}). Choose a local folder: "
                "--results DIR."
            ) from error
        yield
    finally:
        os.close(handle)


def hold(path: Path) -> int | None:
    """Take a trial's lock; ``None`` if a living process holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno in _BUSY:
            return None
        raise
    return handle


def _cut_unfinished_line(path: Path) -> None:
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        if not size:
            return
        file.seek(size - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
