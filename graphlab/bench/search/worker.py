"""Executes trials: a process that loads the data once and takes trial after trial of a study.

``python -m graphlab.bench.search.worker``, started by :mod:`graphlab.bench.search.pool`, reads
what to do from its standard input and reports events, one JSON line each, through a pipe.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
import time
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench._inputs import CellData
from graphlab.bench._log import LOG
from graphlab.bench._process import Interrupted, StopSwitch, die_with_parent, output_to
from graphlab.bench.plan import RunSpec
from graphlab.bench.runner import run_spec
from graphlab.bench.search.plan import trial_spec
from graphlab.bench.search.space import Range, start_of
from graphlab.bench.search.study import Claim, Outcome, Study
from graphlab.bench.store import RunStore
from graphlab.errors import ConfigError, GraphlabError
from graphlab.registry import find_task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphlab.bench.record import RunRecord

__all__ = ["TRIALS", "SearchWorker", "main"]

TRIALS: Final = "trials"
"""Folder of the trials' run folders, inside the study's."""

_WAIT_SECONDS: Final = 0.2


class SearchWorker:
    """Executes trials of one study in this process.

    Args:
        job: ``folder``, ``study``, ``fingerprint``, ``base`` (a run), ``space``, ``seeds``,
            ``objective``, ``trials``, ``device``, ``threads``, ``known``.
        emit: Called with each event.
        switch: Tells whether to stop.
    """

    def __init__(
        self,
        job: Mapping[str, Any],
        emit: Callable[[dict[str, Any]], None],
        switch: StopSwitch,
    ) -> None:
        self.job, self.emit, self.switch = job, emit, switch
        self.base = RunSpec.from_json(job["base"])
        self.space = tuple(Range.from_json(one) for one in job["space"])
        self.folder = Path(job["folder"])
        self.store = RunStore(self.folder / TRIALS)
        self.data = CellData()

    def run(self) -> None:
        """Take trials until the study has as many as it shall, or a stop is asked for."""
        self.store.prepare()
        self.store.sweep_temporaries()
        study = Study.open(
            self.folder,
            self.job["study"],
            fingerprint=self.job["fingerprint"],
            make=self._make,
        )
        while not self.switch():
            claim = study.claim(self.job["trials"], self.space)
            if claim == "finished":
                return
            if not isinstance(claim, Claim):
                with self.switch.abortable():
                    time.sleep(_WAIT_SECONDS)
                continue
            self.emit({"event": "start", "trial": claim.number})
            outcome = self._outcome(claim, study.metric)
            study.finish(claim, outcome)
            self.emit(
                {
                    "event": "trial",
                    "trial": claim.number,
                    "status": outcome.status,
                    "value": outcome.value,
                    "message": outcome.message,
                    "params": claim.params,
                }
            )

    # -- private --------------------------------------------------------------------------------

    def _make(self) -> tuple[str, bool, Mapping[str, Any]]:
        """Return the compared value, its direction, and the settings that the search begins with.

        Raises:
            ConfigError: The objective is no value that the problem reports.
        """
        from graphlab.tasks.base import reported

        spec, wanted = self.base, self.job["objective"]
        task = find_task(spec.task).load()(**{**spec.task_options, "protocol": spec.protocol})
        problem = task.prepare(self.data.get(spec), self.job["seeds"][0], fold=spec.fold)
        lower = {metric.name: not metric.higher_is_better for metric in reported(task, problem)}
        names = list(lower)
        name = names[0] if wanted == "metric" else wanted
        if name not in (*names, "loss"):
            listed = ", ".join(["metric", "loss", *names])
            raise ConfigError(f"--objective {wanted}: expected one of {listed}.")
        return name, lower.get(name, True), start_of(self.base, self.space)

    def _outcome(self, claim: Claim, metric: str) -> Outcome:
        """Train under every seed; the first seed without a value decides."""
        began = time.perf_counter()
        values: list[float] = []
        status = "done"
        for seed in self.job["seeds"]:
            try:
                record = self._train(trial_spec(self.base, claim.params, seed))
            except ConfigError as error:  # values that contradict each other
                return Outcome("failed", message=str(error))
            except Interrupted:
                record = None
            seconds = time.perf_counter() - began
            if record is None:
                return Outcome("interrupted", seconds=seconds)
            result = record.result
            value = result.metrics.get("val", {}).get(metric)
            if value is None:
                reason = result.error.message if result.error else f"there is no {metric}"
                failed = "failed" if result.status == "done" else result.status
                return Outcome(failed, message=f"seed {seed}: {reason}", seconds=seconds)
            if result.status == "timeout":
                status = "timeout"
            values.append(value)
        seconds = time.perf_counter() - began
        return Outcome("timeout" if status == "timeout" else "done", fmean(values), "", seconds)

    def _train(self, spec: RunSpec) -> RunRecord | None:
        """Execute one run, or return the record of the same settings in an earlier trial."""
        folder = self.store.folder(spec)
        folder.mkdir(parents=True, exist_ok=True)
        with output_to(folder / LOG):
            return run_spec(
                spec,
                self.store,
                device=self.job["device"],
                threads=self.job["threads"],
                emit=self._alive,
                stop_requested=self.switch,
                abortable=self.switch.abortable,
                cell=self.data,
                known=self.job["known"],
                seen="",
                wait=math.inf,
            )

    def _alive(self, event: dict[str, Any]) -> None:
        """Let the pool know that a training makes progress; loading may take its time."""
        if event["event"] in {"start", "train", "epoch"}:
            self.emit({"event": "alive", "training": event["event"] != "start"})


def main() -> int:
    """Execute trials of the study described on standard input; return the exit code."""
    switch = StopSwitch()
    switch.install()
    job = json.load(sys.stdin)
    os.set_inheritable(job["events"], False)
    die_with_parent(job["parent"], job["lifeline"])
    emit = _sender(job["events"])
    try:
        SearchWorker(job, emit, switch).run()
    except Interrupted:
        pass
    except GraphlabError as error:
        problems = list(error.problems) if isinstance(error, ConfigError) else [str(error)]
        emit({"event": "refused", "problems": problems})
    except OSError as error:  # a full disk, say
        values = {"errno": error.errno, "text": error.strerror, "file": str(error.filename or "")}
        emit({"event": "disk", **values})
    return switch.exit_code


def _sender(pipe: int) -> Callable[[dict[str, Any]], None]:
    def send(event: dict[str, Any]) -> None:
        line = memoryview((json.dumps(event) + "\n").encode())
        with contextlib.suppress(OSError):
            while line:
                line = line[os.write(pipe, line) :]

    return send


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # taking the interpreter apart costs a quarter of a second
