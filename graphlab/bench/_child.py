"""A Python process that gets its job on standard input and reports events through a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Child", "worker_environment"]

_PACKAGE_PARENT: Final = Path(__file__).resolve().parents[2]
_THREAD_VARIABLES: Final = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
_TAIL_BYTES: Final = 4000


class Child:
    """A process that executes a module of this package.

    The job also gets the numbers of two pipes, for events and for the sign that this process still
    lives, and this process's id: see :func:`~graphlab.bench._process.die_with_parent`.

    Args:
        module: Name of the module.
        job: What it is told.
        environment: Its variables.
    """

    def __init__(self, module: str, job: Mapping[str, Any], environment: dict[str, str]) -> None:
        self._partial = b""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the process)
        self.events, writing = os.pipe()
        lifeline, self._lifeline = os.pipe()
        os.set_blocking(self.events, False)
        content = {**job, "events": writing, "lifeline": lifeline, "parent": os.getpid()}
        try:
            with tempfile.TemporaryFile() as stdin:
                stdin.write(json.dumps(content).encode())
                stdin.seek(0)
                self.process = subprocess.Popen(  # noqa: S603  (a module of this package)
                    [sys.executable, "-P", "-m", module],
                    stdin=stdin,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    pass_fds=(writing, lifeline),
                    env=environment,
                )
        finally:
            os.close(writing)
            os.close(lifeline)

    def read(self) -> list[dict[str, Any]] | None:
        """Return the events that have come; ``None`` when no more can come."""
        content = b""
        closed = False
        with contextlib.suppress(BlockingIOError):
            while not closed:
                part = os.read(self.events, 65536)
                content += part
                closed = not part
        *lines, self._partial = (self._partial + content).split(b"\n")
        if closed and not lines:
            return None
        return [json.loads(line) for line in lines]

    def signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def close(self) -> str:
        """Wait for the end and release the pipes; return the end of what the process printed."""
        self.process.wait()
        os.close(self.events)
        os.close(self._lifeline)
        with self._errors as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read().decode("utf-8", errors="replace")


def worker_environment(threads: int, devices: int = 1) -> dict[str, str]:
    """Return the environment of a worker process that computes with this many threads."""
    environment = dict(os.environ)
    environment |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    # A thread that waits by spinning keeps the core from the one it waits for: where another
    # process wants the cores too, epochs of small graphs were 20 to 60 times longer.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment["PYTHONHASHSEED"] = "0"  # models of users may iterate over sets
    environment["PYTHONUTF8"] = "1"
    if devices > 1:  # else torch warns in every log that no parameter of a model is unused
        environment.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    environment.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    if str(_PACKAGE_PARENT) not in installed:  # a checkout that may not be installed
        paths = [environment.get("PYTHONPATH", ""), str(_PACKAGE_PARENT)]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return environment
