"""Local worker processes: at most ``jobs`` at a time, one cell each, started, never forked.

A cell's process imports torch and reads the data once for all its seeds. One that dies takes its
own run with it and no other: the rest of its cell goes on in a new process.
"""

from __future__ import annotations

import contextlib
import math
import selectors
import signal
import time
from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench import provenance
from graphlab.bench._death import death_of, death_record, write_death
from graphlab.bench._outcome import event_of
from graphlab.bench._process import on_signals
from graphlab.bench._worker import Worker
from graphlab.bench.store import RunStore

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from graphlab.bench.plan import Cell, RunSpec
    from graphlab.bench.store import Rerun

__all__ = [
    "GRACE_SECONDS",
    "Launch",
    "LaunchSummary",
    "execute",
    "marks_of",
    "patience",
    "still_to_run",
]

_POLL_SECONDS: Final = 0.2
# A run whose lock another process holds is looked at again after this time. A process killed
# together with its launcher may live for a moment, so even without ``wait`` there is some patience.
_LOOK_SECONDS: Final = 0.2
_PATIENCE_SECONDS: Final = 3.0
GRACE_SECONDS: Final = 30.0
"""How long a stopped worker may finish its step and write its checkpoint."""


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
    devices: int = 1,
    detect_anomaly: bool = False,
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
            ``done``, ``failed``, ``waiting``, ``skipped``, ``busy``, ``lost``.
        rerun: Which finished runs are executed again.
        wait: Wait for runs that another process executes, instead of leaving them to it.
        devices: Processes that train one model together, each on a device of its own.
        detect_anomaly: Check every gradient, and name the parameter of one that is not finite.

    Raises:
        InputError: The results folder cannot be written.
    """
    store = RunStore(results)
    store.prepare()
    cells = still_to_run(pending_cells, store, rerun)
    launch = Launch(
        store,
        cells,
        jobs=max(1, jobs),
        patience=patience(wait=wait),
        on_event=on_event,
        job={
            "results": str(store.results.absolute()),
            "threads": threads or max(1, provenance.usable_cores() // max(1, jobs * devices)),
            "device": device,
            "keep": keep,
            "known": provenance.collect() if cells else {},
            "devices": devices,
            "detect_anomaly": detect_anomaly,
        },
    )
    return launch.run()


def still_to_run(
    cells: Sequence[Cell], store: RunStore, rerun: Rerun | None = None
) -> tuple[Cell, ...]:
    """Return the cells without their finished runs, and none that is finished as a whole."""
    left = [
        replace(cell, runs=tuple(run for run in cell.runs if not store.is_finished(run, rerun)))
        for cell in cells
    ]
    return tuple(cell for cell in left if cell.runs)


def patience(*, wait: bool) -> float:
    """Return how many seconds a launch waits for runs that others execute."""
    return math.inf if wait else _PATIENCE_SECONDS


class Launch:
    """One launch: cells that wait, workers that run, what has ended.

    Args:
        store: Where the run folders are.
        cells: With the runs to execute.
        jobs: Worker processes at a time.
        patience: Seconds to wait for runs that another process executes.
        on_event: Called with each event.
        job: What every worker is told: results, threads, device, keep, known.
        marks: Mark of each run's record when the work began; by default as it is now.
        retries: How often a cell whose process died is executed again before the death becomes
            the run's record.
        asked: Asked at every pass of the loop; a signal's number stops the launch.
    """

    def __init__(
        self,
        store: RunStore,
        cells: Sequence[Cell],
        *,
        jobs: int,
        patience: float,
        on_event: Callable[[dict[str, Any]], None] | None,
        job: dict[str, Any],
        marks: Mapping[str, str] | None = None,
        retries: int = 0,
        asked: Callable[[], int | None] | None = None,
    ) -> None:
        self.store, self.queue, self.jobs, self.job = store, deque(cells), jobs, job
        self.patience, self.on_event, self.retries, self.asked = patience, on_event, retries, asked
        self._deaths: Counter[str] = Counter()
        self._look_at = 0.0
        self._idle_since: float | None = None
        self._waiting: set[str] = set()
        self.marks: Mapping[str, str] = marks_of(cells, store) if marks is None else marks
        self.workers: list[Worker] = []
        self.selector = selectors.DefaultSelector()
        self.executed = self.failed = self.busy = 0
        self.signal: int | None = None

    def run(self) -> LaunchSummary:
        """Work until all has ended, and return what was done."""
        for _ in self.passes():
            pass
        return self.summary()

    def passes(self) -> Iterator[None]:
        """Work until all has ended; give the caller the word several times a second."""
        with on_signals(self._stop):
            try:
                while self.workers or (self.queue and not self._stopping()):
                    self._start_workers()
                    self._listen()
                    for worker in [worker for worker in self.workers if worker.ended()]:
                        self._reap(worker)
                    number = None if self.asked is None else self.asked()
                    if number is not None and not self._stopping():
                        self._stop(number)
                    yield
            finally:
                for worker in self.workers:  # left over only after an exception
                    worker.kill()
                    worker.close(self.selector)
                self.selector.close()

    def summary(self) -> LaunchSummary:
        """Return what was done so far."""
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
        if not worker.hung and self._deaths[worker.cell.cell_id] < self.retries:
            self._deaths[worker.cell.cell_id] += 1
            self._tell("lost", victim)
            self.queue.appendleft(replace(worker.cell, runs=left))
            return
        self._record_death(worker, victim, tail)
        rest = tuple(run for run in left if run is not victim)
        if rest:
            self.queue.appendleft(replace(worker.cell, runs=rest))

    def _record_death(self, worker: Worker, spec: RunSpec, tail: str) -> None:
        """Write the record of a run whose process died, unless another process took it over."""
        run_dir = self.store.folder(spec)
        record = death_record(
            spec,
            run_dir,
            self.job,
            death_of(worker, spec, run_dir, tail),
            hung=worker.hung,
            started=worker.started,
            heard=worker.values,
        )
        message = write_death(self.store, spec, record, self.marks[spec.run_id])
        if message is None:
            return
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
            worker.stop(self.signal or signal.SIGTERM, GRACE_SECONDS)


def marks_of(cells: Sequence[Cell], store: RunStore) -> dict[str, str]:
    """Return the mark of each run's record as it is now, by run id."""
    return {run.run_id: store.mark(store.folder(run)) for cell in cells for run in cell.runs}
