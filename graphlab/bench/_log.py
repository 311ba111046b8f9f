"""``log.txt`` of a run: messages of the library, each warning once, the traceback of an error."""

from __future__ import annotations

import contextlib
import logging
import traceback
import warnings
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["LOG", "RunLog", "log_tail"]

LOG: Final = "log.txt"
_TAIL_LINES: Final = 50
_TAIL_BYTES: Final = 6000
_KEPT_TEXTS: Final = 50
_TEXT_LENGTH: Final = 500
# Meant for the authors of a library, not for the reader of its results.
_FOR_AUTHORS: Final = (DeprecationWarning, PendingDeprecationWarning, ImportWarning)


class RunLog:
    """Appends to a run's log and counts the warnings seen while it is open.

    Args:
        path: ``log.txt``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.warnings: Counter[str] = Counter()

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Collect log messages of graphlab and warnings of everything within the block."""
        handler = _Counting(self)
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        logger = logging.getLogger("graphlab")
        level = logger.level
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            for category in _FOR_AUTHORS:
                warnings.simplefilter("ignore", category)
            warnings.showwarning = self._show  # type: ignore[assignment]  # called by position
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            try:
                yield
            finally:
                logger.setLevel(level)
                logger.removeHandler(handler)

    def write(self, text: str) -> None:
        """Append text with the time (UTC); a full disk is no reason to stop here."""
        now = datetime.now(UTC).isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")
        with contextlib.suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(f"{now} {text.rstrip()}\n")

    def write_error(self, error: BaseException) -> None:
        """Append the traceback of an error."""
        self.write("".join(traceback.format_exception(error)))

    def count(self, text: str) -> bool:
        """Count a warning; return whether its text is new."""
        key = text[:_TEXT_LENGTH]
        if key not in self.warnings and len(self.warnings) >= _KEPT_TEXTS:
            key = "(further texts)"
        self.warnings[key] += 1
        return self.warnings[key] == 1

    def _show(self, message: Warning | str, category: type[Warning], *place: object) -> None:
        del place  # file and line of the warning: inside a library, of no use to the reader
        text = f"{category.__name__}: {message}"
        if self.count(text):
            self.write(f"WARNING {text}")


class _Counting(logging.Handler):
    """Writes log messages to the run's log; a warning is counted, and written once."""

    def __init__(self, log: RunLog) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if record.levelno < logging.WARNING or self._log.count(record.getMessage()):
            self._log.write(text)


def log_tail(path: Path) -> str:
    """Return the last lines of a log, for the record of a run that failed."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-_TAIL_LINES:])
