"""The record of a run whose process died or hung, written by its launcher."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from graphlab.bench._log import LOG, log_tail
from graphlab.bench._outcome import config_of, identity_of
from graphlab.bench.journal import EVENTS, read_events, read_history
from graphlab.bench.record import Code, Data, Failure, Lineage, Machine, Result, RunRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphlab.bench._worker import Worker
    from graphlab.bench.plan import RunSpec

__all__ = ["death_record"]


def death_record(
    worker: Worker, spec: RunSpec, run_dir: Path, job: Mapping[str, Any], tail: str
) -> RunRecord:
    """Return the record of the run that a process was executing when it ended.

    Args:
        worker: The process, which has ended.
        spec: The run.
        run_dir: Its folder; the last validation values are read from its events.
        job: What the worker was told.
        tail: The end of what the process printed outside its runs.
    """
    history = read_history(run_dir)
    values = history[-1] if history else {}
    last = {k.removeprefix("val_"): v for k, v in values.items() if k.startswith("val_")}
    resumed = tuple(
        int(event["epoch"]) for event in read_events(run_dir) if event.get("event") == "resumed"
    )
    return RunRecord(
        identity=identity_of(spec),
        config=config_of(spec),
        result=Result(
            status="timeout" if worker.hung else "failed",
            metrics={"val": last} if last else {},
            monitor=spec.recipe.get("monitor"),
            epochs_run=worker.epoch or 0,
            history=EVENTS,
            error=_reason(worker, spec, log_tail(run_dir / LOG) or tail),
        ),
        code=Code(**job["known"]["code"]),
        data=Data(dataset_sha256=spec.dataset_sha256),
        machine=Machine(**job["known"]["machine"], threads=job["threads"], device=job["device"]),
        lineage=Lineage(
            started=worker.started,
            ended=datetime.now(UTC),
            resumed_times=len(resumed),
            resumed_epochs=resumed,
        ),
    )


def _reason(worker: Worker, spec: RunSpec, tail: str) -> Failure:
    code = worker.returncode
    kind, number = "WorkerDied", None
    if worker.hung:
        kind = "Timeout"
        limit = spec.recipe.get("max_seconds")
        message = f"The run hung in a step beyond its {limit:g} seconds and was ended."
    elif code < 0:
        number = -code
        name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
        hint = " The system was out of memory." if worker.memory_was_short() else ""
        message = f"The process of this run was ended by signal {number} ({name}).{hint}"
    else:
        message = f"The process of this run ended with code {code} before the run did."
    return Failure(type=kind, message=message, log_tail=tail, epoch=worker.epoch, signal=number)
