"""What launcher and workers need of the system: signals, the parent's life, output, memory."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import faulthandler
import os
import platform
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = [
    "Interrupted",
    "StopSwitch",
    "die_with_parent",
    "end_on_close",
    "leave",
    "on_signals",
    "output_to",
    "peak_rss_bytes",
    "reset_peak_rss",
]

# A terminal sends Ctrl-C to the whole group and the launcher passes it on: within this span two
# signals are one wish.
_SAME_WISH_SECONDS: Final = 2.0
_PR_SET_PDEATHSIG: Final = 1


class Interrupted(BaseException):
    """A stop was asked for while nothing was being trained; like ``KeyboardInterrupt``."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class StopSwitch:
    """Remembers that a stop was asked for: the first signal asks, a second one ends at once.

    Called, it tells whether to stop; the trainer asks it after every step.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._asked = 0.0
        self._abortable = False

    def __call__(self) -> bool:
        return self.number is not None

    @property
    def exit_code(self) -> int:
        """130 after SIGINT, 143 after SIGTERM, 0 when no stop was asked for."""
        return 0 if self.number is None else 128 + self.number

    def install(self) -> None:
        """Handle SIGINT and SIGTERM from now on (main thread only)."""
        signal.signal(signal.SIGINT, self._handle)
        signal.signal(signal.SIGTERM, self._handle)
        # a parent may have left them blocked, as Ray does with SIGINT
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})

    @contextlib.contextmanager
    def abortable(self) -> Iterator[None]:
        """Let a signal break the block off: for loading and waiting, where nothing is lost.

        Raises:
            Interrupted: A stop was or is asked for.
        """
        self._abortable = True
        try:
            if self.number is not None:
                raise Interrupted(self.number)
            yield
        finally:
            self._abortable = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.number is None:
            self.number, self._asked = number, time.monotonic()
            if self._abortable:
                raise Interrupted(number)
        elif time.monotonic() - self._asked > _SAME_WISH_SECONDS:
            os._exit(128 + number)


@contextlib.contextmanager
def on_signals(stop: Callable[[int], None]) -> Iterator[None]:
    """Hand SIGINT and SIGTERM to ``stop`` within the block (in the main thread only)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        del frame
        stop(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # one that Python did not set cannot be set again
                signal.signal(number, handler)


def die_with_parent(parent: int, lifeline: int, farewell: float = 0.0) -> None:
    """See to it that this process ends when its parent does, however that one ends.

    Linux kills it by itself; elsewhere a thread waits for the end of a pipe.

    Args:
        parent: Process id of the parent.
        lifeline: Reading end of a pipe whose writing end only the parent holds.
        farewell: Seconds in which the process may write a checkpoint first, as after SIGTERM.
    """
    if platform.system() == "Linux":
        number = signal.SIGTERM if farewell else signal.SIGKILL
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)
        if not farewell:
            return
    end_on_close(lifeline, farewell)


def end_on_close(lifeline: int, farewell: float = 0.0) -> None:
    """Start a thread that ends this process as soon as the pipe's other end is closed.

    With ``farewell`` it is asked by SIGTERM first and ended so many seconds later.
    """

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(lifeline, 1):
                pass
        if farewell:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(farewell)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, name="lifeline", daemon=True).start()


@contextlib.contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Send everything this process prints, C code and crash dumps too, to the end of a file.

    SIGUSR1 appends the stack of every thread.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    before = [os.dup(stream) for stream in (1, 2)]
    try:
        with path.open("ab", buffering=0) as file:
            for stream in (1, 2):
                os.dup2(file.fileno(), stream)
        faulthandler.enable(file=2)
        faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)
        yield
    finally:
        with contextlib.suppress(OSError):  # a full disk
            sys.stdout.flush()
            sys.stderr.flush()
        for stream, saved in zip((1, 2), before, strict=True):
            os.dup2(saved, stream)
            os.close(saved)


def reset_peak_rss() -> None:
    """Start a new measurement of the peak memory, where the system allows it (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_rss_bytes() -> int:
    """Return the largest resident memory since ``reset_peak_rss``, else of the process's life."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if platform.system() == "Darwin" else used * 1024


def leave(code: int) -> NoReturn:
    """End the process without taking the interpreter apart.

    That costs a quarter of a second, and where processes have trained together their connections
    may still have threads, which abort a process that is being taken apart.

    Args:
        code: Its exit code.
    """
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    os._exit(code)
