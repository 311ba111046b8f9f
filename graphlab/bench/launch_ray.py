"""Cells as tasks of a Ray cluster: one of our own on this machine, or one that is up already.

A task executes its cell as a launch on one machine does, in a worker process beneath it, so a
record does not depend on the launcher. A lost worker is replaced once; runs with a record are not
executed again.
"""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import time
import uuid
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench import provenance
from graphlab.bench._death import death_record, write_death
from graphlab.bench._outcome import disk_message, event_of
from graphlab.bench._process import on_signals
from graphlab.bench._ray_cluster import connected, raise_flag
from graphlab.bench._ray_task import CellWork, execute_cell, pack, unpack
from graphlab.bench.launch import GRACE_SECONDS, LaunchSummary, marks_of, patience, still_to_run
from graphlab.bench.record import Failure
from graphlab.bench.store import RunLockedError, RunStore
from graphlab.errors import GraphlabError, InputError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from graphlab.bench.plan import Cell, RunSpec
    from graphlab.bench.store import Rerun

__all__ = ["execute", "require_ray"]

_POLL_SECONDS: Final = 0.2
_ENDED: Final = frozenset({"done", "failed", "skipped", "busy"})
_RETRIES: Final = 1
# What a stopped task may need beyond the grace of its worker, and what it needs at least.
_STOP_SECONDS: Final = 5.0
_LEAST_STOP_SECONDS: Final = 2.0
# What a cell's process has for its checkpoint once the worker above it has ended.
_FAREWELL_SECONDS: Final = 4.0


def require_ray() -> None:
    """Make sure that Ray is installed, without importing it.

    Raises:
        InputError: It is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError(
            'launcher is "ray", but Ray is not installed. Run: pip install "graphlab[ray]"'
        )


def execute(
    pending_cells: Sequence[Cell],
    *,
    results: str | os.PathLike[str],
    address: str | None = None,
    jobs: int = 1,
    threads: int | None = None,
    device: str = "cpu",
    keep: bool = False,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    rerun: Rerun | None = None,
    wait: bool = False,
    detect_anomaly: bool = False,
    shared: bool | None = None,
) -> LaunchSummary:
    """Execute the runs of cells as tasks of a Ray cluster and return when all have ended.

    As :func:`graphlab.bench.launch.execute`, signals included.

    Args:
        pending_cells: Cells with the runs to execute; those finished meanwhile are skipped.
        results: Folder of the suite, on this machine.
        address: A running cluster: ``HOST:PORT``, or ``"auto"`` for the one of this machine;
            ``None`` starts one on this machine alone and ends it afterwards.
        jobs: Most cells at a time; a cluster that is up takes as many as it has cores for.
        threads: Threads and cores a cell; ``None``: the usable cores shared among the jobs on
            this machine, one on a cluster.
        device: ``"cpu"``, or ``"cuda"`` for one GPU a cell, chosen by Ray.
        keep: Keep best states and predictions.
        on_event: Called with each event, also ``lost`` for a worker that is replaced.
        rerun: Which finished runs are executed again.
        wait: Wait for runs that another process executes.
        detect_anomaly: Check every gradient, and name the parameter of one that is not finite.
        shared: Whether workers write into ``results`` themselves; ``None``: each one looks
            whether it sees the folder, and sends files as bytes if not.

    Raises:
        InputError: Ray is missing, no cluster answers, none of its nodes is large enough, a node
            has another graphlab, or the results folder cannot be written.
        GraphlabError: The cluster was lost.
    """
    require_ray()
    store = RunStore(results)
    store.prepare()
    cells = still_to_run(pending_cells, store, rerun)
    if not cells:
        return LaunchSummary()
    if address is None:
        threads = threads or max(1, provenance.usable_cores() // jobs)
    job = {
        "threads": threads or 1,
        "device": device,
        "keep": keep,
        "known": provenance.collect(),
        "farewell": _FAREWELL_SECONDS,
        "detect_anomaly": detect_anomaly,
    }
    launch = _RayLaunch(store, cells, jobs=jobs, on_event=on_event, job=job)
    launch.patience, launch.shared = patience(wait=wait), shared
    with (
        on_signals(launch.stop),
        connected(address, jobs, threads or 1, device) as launch.folder,
        on_signals(launch.stop),  # again: Ray sets its own
        _probe(store) as launch.probe,
    ):
        return launch.run()


@dataclass
class _Task:
    """A cell that was handed to the cluster."""

    cell: Cell
    retries: int
    begun: bool = False
    current: RunSpec | None = None
    epoch: int | None = None
    started: datetime | None = None
    ended: set[str] = field(default_factory=set)

    def note(self, event: dict[str, Any]) -> None:
        """Keep what an event tells about the task's state."""
        kind = event["event"]
        if kind == "start":
            self.current = next(r for r in self.cell.runs if r.run_id == event["run_id"])
            self.started, self.epoch = datetime.now(UTC), None
        elif kind in _ENDED:
            self.ended.add(event["run_id"])
            self.current = None
        elif kind == "lost":
            self.retries = 0
        self.epoch = event.get("epoch", self.epoch)

    def left(self) -> tuple[RunSpec, ...]:
        """Return the runs that have not ended."""
        return tuple(run for run in self.cell.runs if run.run_id not in self.ended)


class _RayLaunch:
    """One launch: cells that wait, tasks that run, what has ended."""

    patience: float = 0.0
    shared: bool | None = None
    probe: str = ""
    folder: Path | None = None  # of a cluster that was started for this launch
    _flag: object = None

    def __init__(
        self,
        store: RunStore,
        cells: Sequence[Cell],
        *,
        jobs: int,
        on_event: Callable[[dict[str, Any]], None] | None,
        job: dict[str, Any],
    ) -> None:
        self.store, self.jobs, self.on_event, self.job = store, jobs, on_event, job
        self.queue = deque(_Task(cell, _RETRIES) for cell in cells)
        self.marks = marks_of(cells, store)
        self.tasks: dict[Any, _Task] = {}  # by the generator of a task's batches of events
        self.executed = self.failed = self.busy = 0
        self.signal: int | None = None
        self.at_once = False
        self._stop_name = f"graphlab-stop-{uuid.uuid4().hex}"
        self._told: float | None = None

    def run(self) -> LaunchSummary:
        """Work until all has ended, and return what was done."""
        import ray

        try:
            while (self.tasks or (self.queue and self.signal is None)) and not self.at_once:
                self._submit()
                ready, _ = ray.wait(
                    list(self.tasks),
                    num_returns=len(self.tasks),
                    timeout=_POLL_SECONDS,
                    fetch_local=False,
                )
                for generator in ready:
                    self._take(generator)
                self._pass_the_stop_on()
        except (ray.exceptions.RaySystemError, ConnectionError) as error:
            if self.signal is None:
                raise GraphlabError(
                    f"The Ray cluster was lost ({_first_line(error)}). Finished runs are kept; "
                    "the same command goes on where this one stopped."
                ) from error
        finally:
            for generator in self.tasks:  # left over after an exception or a second signal
                with contextlib.suppress(Exception):
                    ray.cancel(generator, force=True)
        return LaunchSummary(
            executed=self.executed,
            failed=self.failed,
            interrupted=self.signal is not None,
            signal=self.signal,
            busy=self.busy,
        )

    def stop(self, number: int) -> None:
        """First signal: ask the tasks to stop; second: leave at once."""
        if self.signal is None:
            self.signal = number
        else:
            self.at_once = True

    # -- private --------------------------------------------------------------------------------

    def _submit(self) -> None:
        import ray

        remote = ray.remote(
            num_cpus=self.job["threads"],
            num_gpus=int(self.job["device"] != "cpu"),
            max_retries=0,  # the launcher decides: it knows which runs are left
            num_returns="streaming",
        )(execute_cell)
        while self.queue and self.signal is None and len(self.tasks) < self.jobs:
            task = self.queue.popleft()
            first = task.retries == _RETRIES
            work = CellWork(
                cell=task.cell,
                results=str(self.store.results.absolute()),
                probe=self.probe,
                shared=self.shared,
                marks={run.run_id: self.marks[run.run_id] for run in task.cell.runs},
                job=self.job,
                # the process of a lost worker may be writing its checkpoint still
                patience=self.patience if first else max(self.patience, GRACE_SECONDS),
                retries=task.retries,
                stop=self._stop_name if self.folder is None else self.folder / self._stop_name,
                host=socket.gethostname(),
                source=provenance.source_digest(),
                begun={r.run_id: ray.put(f) for r in task.cell.runs if (f := self._checkpoint(r))},
            )
            self.tasks[remote.remote(work)] = task

    def _checkpoint(self, run: RunSpec) -> dict[str, bytes]:
        """Return the files of a run that was interrupted, for a worker that cannot see them."""
        folder = self.store.folder(run)
        return pack(folder) if self.shared is not True and (folder / "last.ckpt").exists() else {}

    def _take(self, generator: Any) -> None:  # noqa: ANN401  (Ray's own class)
        """Take the next batch of events of a task, or its end."""
        import ray

        task = self.tasks[generator]
        try:
            batch = ray.get(next(generator))
        except StopIteration:
            self._end(generator)
        except ray.exceptions.RayTaskError as error:
            del self.tasks[generator]
            if self.signal is None and not isinstance(error, ray.exceptions.TaskCancelledError):
                raise error.cause from None
        except ray.exceptions.RayError as error:
            self._lose(generator, error)
        else:
            task.begun = True
            for run_id, files in batch.get("files", {}).items():
                self._receive(task, run_id, files)
            for event in batch.get("events", ()):
                self._count(task, event)
            if batch.get("signal") and self.signal is None:
                self.signal = batch["signal"]  # somebody stopped the worker: as if it were us

    def _count(self, task: _Task, event: dict[str, Any]) -> None:
        task.note(event)
        kind = event["event"]
        self.executed += kind in {"done", "failed"}
        self.failed += kind == "failed"
        self.busy += kind == "busy"
        if self.on_event is not None:
            self.on_event(event)

    def _receive(self, task: _Task, run_id: str, files: dict[str, bytes]) -> None:
        """Write a run folder that came as bytes, unless another process wrote its record."""
        run = next(run for run in task.cell.runs if run.run_id == run_id)
        folder = self.store.folder(run)
        try:
            with self.store.lock(folder, wait=1.0):
                if self.store.mark(folder) == self.marks[run_id]:
                    unpack(folder, files)
        except RunLockedError:
            return
        except OSError as error:
            message = disk_message(error, folder / "run.json")
            event = event_of("failed", run, status="failed", message=message, written=False)
            self._count(task, event)

    def _end(self, generator: Any) -> None:  # noqa: ANN401
        task = self.tasks.pop(generator)
        left = task.left()
        if left and self.signal is None:  # others executed them, and gave up
            self.queue.append(_Task(replace(task.cell, runs=left), task.retries))

    def _lose(self, generator: Any, error: BaseException) -> None:  # noqa: ANN401
        """Send what a lost worker left to another one, once; the second time record its death."""
        task = self.tasks.pop(generator)
        for run in task.left():
            self._count_silent_end(task, run)
        left = task.left()
        if self.signal is not None or not left:
            return
        victim = task.current or left[0]
        if task.retries:
            self._count(task, event_of("lost", victim))
        else:
            self._record_death(task, victim, error)
            left = tuple(run for run in left if run is not victim)
        if left:
            self.queue.appendleft(_Task(replace(task.cell, runs=left), 0))

    def _count_silent_end(self, task: _Task, run: RunSpec) -> None:
        """Count a run whose record was written, but whose last event was lost with its worker."""
        folder = self.store.folder(run)
        record = self.store.read(folder)
        if record is None or self.store.mark(folder) == self.marks[run.run_id]:
            return
        values = {k: v for k, v in record.result.metrics.get("test", {}).items() if v is not None}
        message = record.result.error.message if record.result.error else ""
        facts = {"status": record.result.status, "message": message, "values": values}
        self._count(task, event_of("done" if record.done else "failed", run, **facts))

    def _record_death(self, task: _Task, run: RunSpec, error: BaseException) -> None:
        reason = Failure(
            type="WorkerDied",
            message=f"The Ray worker of this run was lost twice: {_first_line(error)}",
            epoch=task.epoch,
        )
        record = death_record(run, self.store.folder(run), self.job, reason, started=task.started)
        message = write_death(self.store, run, record, self.marks[run.run_id])
        if message is not None:
            event = event_of("failed", run, status=record.result.status, message=message)
            self._count(task, event)

    def _pass_the_stop_on(self) -> None:
        """After a signal: cancel what has not begun, tell the others, and wait for them."""
        if self.signal is None:
            return
        import ray

        if self._told is None:
            self._told = time.monotonic()
            if self.folder is not None:
                (self.folder / self._stop_name).touch()
            else:
                self._flag = raise_flag(self._stop_name)
            for generator, task in self.tasks.items():
                if not task.begun:
                    ray.cancel(generator)
        waited = time.monotonic() - self._told
        # The signal may have met the cluster too, which then brings no last word of its tasks.
        seen = self.folder is not None and self.shared is not False
        silent = seen and waited > _LEAST_STOP_SECONDS and self._all_let_go()
        self.at_once |= silent or waited > GRACE_SECONDS + _STOP_SECONDS

    def _all_let_go(self) -> bool:
        """Whether no process of this launch executes a run any more."""
        runs = (run for task in self.tasks.values() for run in task.left())
        return all(self.store.holder(self.store.folder(run)) is None for run in runs)


@contextlib.contextmanager
def _probe(store: RunStore) -> Iterator[str]:
    """A file by which a worker sees whether it has the results folder before it."""
    probe = store.results / f".probe.{uuid.uuid4().hex}.tmp"
    probe.write_text(probe.name, encoding="ascii")
    try:
        yield probe.name
    finally:
        probe.unlink(missing_ok=True)


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
