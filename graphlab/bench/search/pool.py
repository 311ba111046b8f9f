"""Worker processes of a search: started, heard, replaced when they die, stopped by a signal."""

from __future__ import annotations

import selectors
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench import provenance
from graphlab.bench._child import Child, worker_environment
from graphlab.bench._process import on_signals
from graphlab.errors import ConfigError, GraphlabError

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphlab.bench.search.plan import SearchPlan

__all__ = ["SearchSummary", "search"]

_POLL_SECONDS: Final = 0.2
_GRACE_SECONDS: Final = 30.0
# A training with a time limit that says nothing for so much longer hangs inside a step.
_HUNG_SECONDS: Final = 30.0
_DUMP_SECONDS: Final = 1.0
_STOPPED_SECONDS: Final = 5.0
# Deaths in a row of workers that had not begun a trial: then something is wrong with all of them.
_MOST_STILLBORN: Final = 3


@dataclass(frozen=True)
class SearchSummary:
    """What one call of :func:`search` did.

    Attributes:
        executed: Trials that ended in it.
        deaths: Worker processes that were ended from outside or crashed.
        signal: The signal that stopped it, ``None`` when the study has all its trials.
    """

    executed: int = 0
    deaths: int = 0
    signal: int | None = None


def search(
    plan: SearchPlan,
    *,
    workers: int = 1,
    threads: int | None = None,
    device: str = "cpu",
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> SearchSummary:
    """Execute trials in worker processes until the study has as many as it shall.

    The first SIGINT or SIGTERM lets workers finish their step and write a checkpoint; a second one
    ends them at once. A worker that dies is replaced; its trial is repeated, once.

    Args:
        plan: The search.
        workers: Processes at a time.
        threads: Threads a worker; ``None`` shares the usable cores among the workers.
        device: Such as ``"cpu"`` or ``"cuda:0"``.
        on_event: Called with each event: ``start``, ``trial``, ``death``.

    Raises:
        ConfigError: The study cannot be continued with this space.
        GraphlabError: Workers die before they begin a trial.
        OSError: The study cannot be written.
    """
    job = {
        "folder": str(plan.folder.absolute()),
        "study": plan.study,
        "fingerprint": plan.fingerprint,
        "base": plan.base.to_json(),
        "space": [one.to_json() for one in plan.space],
        "seeds": list(plan.seeds),
        "objective": plan.objective,
        "trials": plan.trials,
        "device": device,
        "threads": threads or max(1, provenance.usable_cores() // workers),
        "known": provenance.collect(),
    }
    return _Pool(job, workers, on_event).run()


@dataclass(eq=False)
class _Worker:
    """One worker: its trial, and the time of the last word of a training."""

    child: Child
    trial: int | None = None
    begun: int = 0
    heard: float | None = None
    deadline: float | None = None


class _Pool:
    def __init__(
        self,
        job: dict[str, Any],
        size: int,
        on_event: Callable[[dict[str, Any]], None] | None,
    ) -> None:
        self.job, self.size, self.on_event = job, size, on_event
        self.workers: list[_Worker] = []
        self.selector = selectors.DefaultSelector()
        self.stop_signal: int | None = None
        self.executed = self.deaths = self.stillborn = 0
        self.finished = False
        self.error: Exception | None = None
        limit = job["base"]["recipe"].get("max_seconds")
        self.limit = None if limit is None else limit + _HUNG_SECONDS
        self.looked = time.monotonic()

    def run(self) -> SearchSummary:
        with on_signals(self._stop):
            try:
                while not self._ending() or self.workers:
                    while len(self.workers) < self.size and not self._ending():
                        self._start()
                    for key, _ in self.selector.select(_POLL_SECONDS):
                        self._take(key.data)
                    self._reap()
            finally:
                for worker in self.workers:  # left over only after an exception
                    worker.child.signal(signal.SIGKILL)
                    worker.child.close()
                self.selector.close()
        if self.error is not None:
            raise self.error
        return SearchSummary(self.executed, self.deaths, self.stop_signal)

    # -- private --------------------------------------------------------------------------------

    def _ending(self) -> bool:
        return self.finished or self.error is not None or self.stop_signal is not None

    def _start(self) -> None:
        environment = worker_environment(self.job["threads"])
        worker = _Worker(Child("graphlab.bench.search.worker", self.job, environment))
        self.workers.append(worker)
        self.selector.register(worker.child.events, selectors.EVENT_READ, worker)
        if self.stop_signal is not None:  # it came while the process was being started
            worker.child.signal(self.stop_signal)

    def _take(self, worker: _Worker) -> None:
        for event in worker.child.read() or ():
            kind = event["event"]
            if kind == "refused":
                problems = event["problems"]
                self._fail(ConfigError(problems))
            elif kind == "disk":
                self._fail(OSError(event["errno"], event["text"], event["file"]))
            elif kind == "start":
                worker.trial = event["trial"]
                worker.begun += 1
                self.stillborn = 0
                self._tell(event)
            elif kind == "alive":
                worker.heard = time.monotonic() if event["training"] else None
            elif kind == "trial":
                worker.trial = worker.heard = None
                self.executed += event["status"] != "interrupted"
                self._tell(event)

    def _reap(self) -> None:
        now = time.monotonic()
        stopped = now - self.looked > _STOPPED_SECONDS  # by Ctrl-Z, and the workers too
        self.looked = now
        for worker in list(self.workers):
            if stopped and worker.heard is not None:
                worker.heard = now
            self._end_if_hung(worker, now)
            if worker.deadline is not None and now > worker.deadline:
                worker.child.signal(signal.SIGKILL)
            if worker.child.process.poll() is None:
                continue
            self._take(worker)
            self.workers.remove(worker)
            self.selector.unregister(worker.child.events)
            tail = worker.child.close().strip()
            code = worker.child.process.returncode
            if code == 0:
                self.finished = True  # the study has all its trials
            elif code in {128 + signal.SIGINT, 128 + signal.SIGTERM}:
                if self.stop_signal is None:  # somebody stopped the worker itself: as if it were us
                    self._stop(code - 128)
            elif not self._ending():
                self._mourn(worker, code, tail)

    def _end_if_hung(self, worker: _Worker, now: float) -> None:
        """End a worker whose trial hangs; the stack of its threads goes into the trial's log."""
        if self.limit is None or worker.heard is None or worker.deadline is not None:
            return
        if now - worker.heard > self.limit:
            worker.child.signal(signal.SIGUSR1)
            worker.deadline = now + _DUMP_SECONDS

    def _mourn(self, worker: _Worker, code: int, tail: str) -> None:
        self.deaths += 1
        self.stillborn += worker.begun == 0
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        if self.stillborn >= _MOST_STILLBORN:
            last = tail.splitlines()[-1] if tail else "It printed nothing."
            self._fail(
                GraphlabError(
                    f"{_MOST_STILLBORN} worker processes in a row ended before their first trial: "
                    f"the last one {how}. {last}"
                )
            )
            return
        self._tell(
            {"event": "death", "pid": worker.child.process.pid, "trial": worker.trial, "how": how}
        )

    def _fail(self, error: Exception) -> None:
        if self.error is None:
            self.error = error
            self._forward(signal.SIGTERM)

    def _tell(self, event: dict[str, Any]) -> None:
        if self.on_event is not None:
            self.on_event(event)

    def _stop(self, number: int) -> None:
        """First signal: ask the workers to stop; second: end them."""
        if self.stop_signal is None:
            self.stop_signal = number
            self._forward(number)
        else:
            self._forward(signal.SIGKILL)

    def _forward(self, number: int) -> None:
        for worker in self.workers:
            worker.deadline = time.monotonic() + _GRACE_SECONDS
            worker.child.signal(number)
