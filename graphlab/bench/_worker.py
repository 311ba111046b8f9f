"""One worker process as its launcher sees it: how it is started, heard, stopped and judged."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import selectors
    from collections.abc import Mapping

    from graphlab.bench.plan import Cell, RunSpec

__all__ = ["Worker", "worker_environment"]

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
# A run with a time limit that says nothing for this long beyond it hangs inside a step.
_HUNG_SECONDS: Final = 10.0
_DUMP_SECONDS: Final = 1.0
_STOPPED_SECONDS: Final = 5.0


class Worker:
    """A process that executes the runs of one cell.

    Args:
        cell: The cell with its pending runs.
        marks: Mark of each run's record when the launch began, by run id.
        job: What all workers of the launch are told.
    """

    def __init__(self, cell: Cell, marks: Mapping[str, str], job: dict[str, Any]) -> None:
        self.cell = cell
        self.current: RunSpec | None = None
        self.epoch: int | None = None
        self.started: datetime | None = None
        self.values: dict[str, Any] = {}
        self.hung = False
        self._ended: set[str] = set()
        self._partial = b""
        self._heard = self._looked = time.monotonic()
        self._training = False
        self._deadline: float | None = None
        self._killed_for_memory = _memory_kills()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the worker)
        self.events, writing = os.pipe()
        lifeline, self._lifeline = os.pipe()
        os.set_blocking(self.events, False)
        content = {
            **job,
            "runs": [{"spec": run.to_json(), "seen": marks[run.run_id]} for run in cell.runs],
            "events": writing,
            "lifeline": lifeline,
            "parent": os.getpid(),
        }
        try:
            with tempfile.TemporaryFile() as stdin:
                stdin.write(json.dumps(content).encode())
                stdin.seek(0)
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "graphlab.bench.runner"],
                    stdin=stdin,
                    stdout=subprocess.DEVNULL,
                    stderr=self._errors,
                    pass_fds=(writing, lifeline),
                    env=worker_environment(job["threads"], job.get("devices", 1)),
                )
        finally:
            os.close(writing)
            os.close(lifeline)

    @property
    def returncode(self) -> int:
        """Exit code; negative: the signal that ended the process."""
        return self._process.wait()

    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

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

    def note(self, event: dict[str, Any]) -> None:
        """Keep what an event tells about the worker's state."""
        self._heard = time.monotonic()
        kind, run_id = event["event"], event["run_id"]
        if kind == "start":
            self.current = next(run for run in self.cell.runs if run.run_id == run_id)
            self.started, self.epoch, self._training = datetime.now(UTC), None, False
            self.values = {}
        elif kind in {"train", "epoch", "resumed"}:
            self._training = True
            self.epoch = event.get("epoch", self.epoch)
            self.values = event.get("values", self.values)
        elif kind in {"done", "failed", "skipped"}:
            self._ended.add(run_id)
            self.current, self._training = None, False

    def left(self) -> tuple[RunSpec, ...]:
        """Return the runs that have not ended."""
        return tuple(run for run in self.cell.runs if run.run_id not in self._ended)

    def stop(self, number: int, grace: float) -> None:
        """Pass a signal on; the process that ignores it is ended after ``grace`` seconds."""
        self._deadline = time.monotonic() + grace
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def kill(self) -> None:
        """End the process at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def end_if_hung(self) -> None:
        """End a process that outlived its grace, or a run that hangs beyond its time limit."""
        now = time.monotonic()
        if now - self._looked > _STOPPED_SECONDS:
            self._heard = now  # launcher and worker were stopped (Ctrl-Z) and go on now
        self._looked = now
        if self._deadline is not None and now > self._deadline:
            self.kill()
        if self.hung or not self._training or self.current is None:
            return
        limit = self.current.recipe.get("max_seconds")
        if limit is not None and now - self._heard > limit + _HUNG_SECONDS:
            self.hung = True
            self.stop(signal.SIGUSR1, _DUMP_SECONDS)  # writes the stack of every thread

    def memory_was_short(self) -> bool:
        """Whether the system has ended processes for lack of memory since the worker began."""
        return _memory_kills() > self._killed_for_memory

    def close(self, selector: selectors.BaseSelector) -> str:
        """Release the pipes; return the end of what the process printed outside its runs."""
        self._process.wait()
        with contextlib.suppress(KeyError):
            selector.unregister(self.events)
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


def _memory_kills() -> int:
    """Return how often Linux ended a process for lack of memory since it was started."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
