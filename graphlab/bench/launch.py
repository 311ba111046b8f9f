"""Local worker processes: at most ``jobs`` at a time, one cell each, started, never forked.

A cell's process imports torch and reads the data once for all its seeds. One that dies takes its
own run with it and no other: the rest of its cell goes on in a new process.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import signal
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench import provenance
from graphlab.bench._death import death_record
from graphlab.bench._outcome import disk_message, event_of
from graphlab.bench._worker import Worker
from graphlab.bench.store import RunLockedError, RunStore

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from graphlab.bench.plan import Cell, RunSpec
    from graphlab.bench.store import Rerun

__all__ = ["LaunchSummary", "execute"]

_POLL_SECONDS: Final = 0.2
# A run whose lock another process holds is looked at again after this time. A process killed
# together with its launcher may live for a moment, so even without ``wait`` there is some patience.
_LOOK_SECONDS: Final = 0.2
_PATIENCE_SECONDS: Final = 3.0
# How long a stopped worker may finish its step and write its checkpoint.
_GRACE_SECONDS: Final = 30.0


@dataclass(frozen=True)
class LaunchSummary:
    """What a launch did.

    Attributes:
        executed: Runs that ended in this launch, with a result or without.
        failed: Those without a result.
        interrupted: Whether a signal ended the launch before all runs were done.
        signal: That signal.
        busy: Runs left to another process that executes them now.

    Example:
        >>> LaunchSummary(executed=3, failed=1).exit_code
        1
    """

    executed: int = 0
    failed: int = 0
    interrupted: bool = False
    signal: int | None = None
    busy: int = 0

    @property
    def exit_code(self) -> int:
        """130 or 143 after a signal, 1 when a run failed, else 0."""
        if self.interrupted:
            return 128 + (self.signal or signal.SIGINT)
        return 1 if self.failed else 0


def execute(
    pending_cells: Sequence[Cell],
    *,
    results: str | os.PathLike[str],
    jobs: int = 1,
    threads: int | None = None,
    device: str = "cpu",
    keep: bool = False,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    rerun: Rerun | None = None,
    wait: bool = False,
) -> LaunchSummary:
    """Execute the runs of cells in worker processes and return when all have ended.

    The first SIGINT or SIGTERM lets the workers finish their step and write a checkpoint; the
    second one ends them at once.

    Args:
        pending_cells: Cells with the runs to execute; those finished meanwhile are skipped.
        results: Folder of the suite.
        jobs: Worker processes at a time.
        threads: Threads a worker; ``None`` shares the usable cores among the jobs.
        device: Such as ``"cpu"`` or ``"cuda:0"``.
        keep: Keep best states and predictions.
        on_event: Called with each event of the workers: ``start``, ``epoch``, ``resumed``,
            ``done``, ``failed``, ``waiting``, ``skipped``, ``busy``.
        rerun: Which finished runs are executed again.
        wait: Wait for runs that another process executes, instead of leaving them to it.

    Raises:
        InputError: The results folder cannot be written.
    """
    store = RunStore(results)
    store.prepare()
    cells = [
        replace(cell, runs=tuple(run for run in cell.runs if not store.is_finished(run, rerun)))
        for cell in pending_cells
    ]
    launch = _Launch(
        store,
        deque(cell for cell in cells if cell.runs),
        jobs=max(1, jobs),
        patience=math.inf if wait else _PATIENCE_SECONDS,
        on_event=on_event,
        job={
            "results": str(store.results.absolute()),
            "threads": threads or max(1, provenance.usable_cores() // max(1, jobs)),
            "device": device,
            "keep": keep,
            "known": provenance.collect() if any(cell.runs for cell in cells) else {},
        },
    )
    return launch.run()


class _Launch:
    """The state of one launch: cells that wait, workers that run, what has ended."""

    def __init__(
        self,
        store: RunStore,
        queue: deque[Cell],
        *,
        jobs: int,
        patience: float,
        on_event: Callable[[dict[str, Any]], None] | None,
        job: dict[str, Any],
    ) -> None:
        self.store, self.queue, self.jobs, self.job = store, queue, jobs, job
        self.patience, self.on_event = patience, on_event
        self._look_at = 0.0
        self._idle_since: float | None = None
        self._waiting: set[str] = set()
        self.marks = {
            run.run_id: store.mark(store.folder(run)) for cell in queue for run in cell.runs
        }
        self.workers: list[Worker] = []
        self.selector = selectors.DefaultSelector()
        self.executed = self.failed = self.busy = 0
        self.signal: int | None = None

    def run(self) -> LaunchSummary:
        with _signals(self._stop):
            try:
                while self.workers or (self.queue and not self._stopping()):
                    self._start_workers()
                    self._listen()
                    for worker in [worker for worker in self.workers if worker.ended()]:
                        self._reap(worker)
            finally:
                for worker in self.workers:  # left over only after an exception
                    worker.kill()
                    worker.close(self.selector)
                self.selector.close()
        return LaunchSummary(
            executed=self.executed,
            failed=self.failed,
            interrupted=self.signal is not None,
            signal=self.signal,
            busy=self.busy,
        )

    # -- private --------------------------------------------------------------------------------

    def _start_workers(self) -> None:
        while len(self.workers) < self.jobs and not self._stopping():
            cell = self._next_cell()
            if cell is None:
                return
            worker = Worker(cell, self.marks, self.job)
            self.workers.append(worker)
            self.selector.register(worker.events, selectors.EVENT_READ, worker)
            if self._stopping():  # a signal came while the process was being started
                self._forward()

    def _next_cell(self) -> Cell | None:
        """Return the first cell of which a run is neither finished nor executed by others."""
        if not self.queue or time.monotonic() < self._look_at:
            return None
        for _ in range(len(self.queue)):
            cell = self._without_finished(self.queue.popleft())
            if not cell.runs:
                continue
            if any(self.store.holder(self.store.folder(run)) is None for run in cell.runs):
                self._idle_since = None
                return cell
            self.queue.append(cell)
            for run in cell.runs:
                if run.run_id not in self._waiting:
                    self._waiting.add(run.run_id)
                    self._tell("waiting", run)
        self._look_at = time.monotonic() + _LOOK_SECONDS
        self._lose_patience()
        return None

    def _without_finished(self, cell: Cell) -> Cell:
        """Return a cell without the runs that another process has finished since the launch."""
        left = []
        for run in cell.runs:
            folder = self.store.folder(run)
            if self.store.mark(folder) != self.marks[run.run_id] and self.store.is_finished(run):
                self._tell("skipped", run)
            else:
                left.append(run)
        return replace(cell, runs=tuple(left))

    def _lose_patience(self) -> None:
        """Leave the last runs to the processes that execute them."""
        if self.workers or not self.queue:
            return
        now = time.monotonic()
        self._idle_since = now if self._idle_since is None else self._idle_since
        if now - self._idle_since < self.patience:
            return
        for cell in self.queue:
            for run in cell.runs:
                self.busy += 1
                self._tell("busy", run)
        self.queue.clear()

    def _listen(self) -> None:
        for key, _ in self.selector.select(_POLL_SECONDS):
            self._take(key.data)
        for worker in self.workers:
            worker.end_if_hung()

    def _take(self, worker: Worker) -> None:
        events = worker.read()
        if events is None:  # the pipe is closed; the process ends
            with contextlib.suppress(KeyError):
                self.selector.unregister(worker.events)
            return
        for event in events:
            worker.note(event)
            kind = event["event"]
            self.executed += kind in {"done", "failed"}
            self.failed += kind == "failed"
            if self.on_event is not None:
                self.on_event(event)

    def _reap(self, worker: Worker) -> None:
        """Take the last events of an ended worker; record its death; requeue what is left."""
        self._take(worker)
        self.workers.remove(worker)
        tail = worker.close(self.selector)
        code = worker.returncode
        left = worker.left()
        if not left or self._stopping():
            return
        if code == 0:  # the rest is executed by others
            self.queue.append(replace(worker.cell, runs=left))
            return
        if code in {128 + signal.SIGINT, 128 + signal.SIGTERM}:
            self.signal = code - 128  # somebody stopped the worker itself: as if it were us
            self._forward()
            return
        victim = worker.current or left[0]
        self._record_death(worker, victim, tail)
        rest = tuple(run for run in left if run is not victim)
        if rest:
            self.queue.appendleft(replace(worker.cell, runs=rest))

    def _record_death(self, worker: Worker, spec: RunSpec, tail: str) -> None:
        """Write the record of a run whose process died, unless another process took it over."""
        run_dir = self.store.folder(spec)
        record = death_record(worker, spec, run_dir, self.job, tail)
        message = record.result.error.message if record.result.error else ""
        try:
            with self.store.lock(run_dir, wait=1.0):
                if self.store.mark(run_dir) != self.marks[spec.run_id]:
                    return
                self.store.write(run_dir, record)
        except RunLockedError:
            return
        except OSError as error:
            message = disk_message(error, run_dir / "run.json")
        self.executed += 1
        self.failed += 1
        self._tell("failed", spec, status=record.result.status, message=message)

    def _tell(self, event: str, spec: RunSpec, **values: object) -> None:
        if self.on_event is not None:
            self.on_event(event_of(event, spec, **values))

    def _stop(self, number: int) -> None:
        """First signal: ask the workers to stop; second: end them."""
        if self.signal is None:
            self.signal = number
            self._forward()
        else:
            for worker in self.workers:
                worker.kill()

    def _stopping(self) -> bool:
        return self.signal is not None

    def _forward(self) -> None:
        for worker in self.workers:
            worker.stop(self.signal or signal.SIGTERM, _GRACE_SECONDS)


@contextlib.contextmanager
def _signals(stop: Callable[[int], None]) -> Iterator[None]:
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
            signal.signal(number, handler)
