"""One worker process as its launcher sees it: how it is started, heard, stopped and judged."""

from __future__ import annotations

import contextlib
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench._child import Child, worker_environment

if TYPE_CHECKING:
    import selectors
    from collections.abc import Mapping

    from graphlab.bench.plan import Cell, RunSpec

__all__ = ["Worker"]

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
        self._heard = self._looked = time.monotonic()
        self._training = False
        self._deadline: float | None = None
        self._killed_for_memory = _memory_kills()
        runs = [{"spec": run.to_json(), "seen": marks[run.run_id]} for run in cell.runs]
        environment = worker_environment(job["threads"], job.get("devices", 1))
        self._child = Child("graphlab.bench.runner", {**job, "runs": runs}, environment)
        self.events = self._child.events

    @property
    def returncode(self) -> int:
        """Exit code; negative: the signal that ended the process."""
        return self._child.process.wait()

    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._child.process.poll() is not None

    def read(self) -> list[dict[str, Any]] | None:
        """Return the events that have come; ``None`` when no more can come."""
        return self._child.read()

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
        self._child.signal(number)

    def kill(self) -> None:
        """End the process at once."""
        self._child.signal(signal.SIGKILL)

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
        self._child.process.wait()
        with contextlib.suppress(KeyError):
            selector.unregister(self.events)
        return self._child.close()


def _memory_kills() -> int:
    """Return how often Linux ended a process for lack of memory since it was started."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
