"""The record of a run whose process died or hung, written by its launcher."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from graphlab.bench._log import LOG, log_tail
from graphlab.bench._outcome import config_of, disk_message, identity_of
from graphlab.bench.journal import EVENTS, read_events, read_history
from graphlab.bench.record import (
    Code,
    Data,
    Failure,
    Lineage,
    Machine,
    Result,
    RunRecord,
    Sweep,
    finite_metrics,
)
from graphlab.bench.report.display import metric_style
from graphlab.bench.store import RunLockedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from graphlab.bench._worker import Worker
    from graphlab.bench.plan import RunSpec
    from graphlab.bench.store import RunStore

__all__ = ["death_of", "death_record", "write_death"]


def death_record(
    spec: RunSpec,
    run_dir: Path,
    job: Mapping[str, Any],
    reason: Failure,
    *,
    hung: bool = False,
    started: datetime | None = None,
    heard: Mapping[str, Any] | None = None,
) -> RunRecord:
    """Return the record of the run that a process was executing when it ended.

    Its validation values are those of the epoch that the recipe would have selected by then; the
    test values died with the process.

    Args:
        spec: The run.
        run_dir: Its folder; the history is read from its events.
        job: What the worker was told.
        reason: What happened.
        hung: Whether it was ended because it hung.
        started: When the run began.
        heard: The last row of the history that the worker told; not all reach the file.
    """
    rows: dict[int, Mapping[str, Any]] = {row["epoch"]: row for row in read_history(run_dir)}
    if heard and "epoch" in heard:
        rows.setdefault(heard["epoch"], heard)
    chosen = _selected([rows[epoch] for epoch in sorted(rows)], spec.recipe)
    values = {k.removeprefix("val_"): v for k, v in chosen.items() if k.startswith("val_")}
    metrics, missing = finite_metrics({"val": values} if values else {})
    resumed = tuple(
        int(event["epoch"]) for event in read_events(run_dir) if event.get("event") == "resumed"
    )
    return RunRecord(
        identity=identity_of(spec),
        config=config_of(spec),
        result=Result(
            status="timeout" if hung else "failed",
            metrics=metrics,
            missing=missing,
            monitor=spec.recipe.get("monitor"),
            best_epoch=chosen.get("epoch"),
            epochs_run=max(rows, default=reason.epoch or 0),
            history=EVENTS,
            error=reason,
        ),
        code=Code(**job["known"]["code"]),
        data=Data(dataset_sha256=spec.dataset_sha256),
        machine=Machine(**job["known"]["machine"], threads=job["threads"], device=job["device"]),
        lineage=Lineage(
            started=started,
            ended=datetime.now(UTC),
            resumed_times=len(resumed),
            resumed_epochs=resumed,
            sweep=None if spec.sweep is None else Sweep(**spec.sweep),
        ),
    )


def write_death(store: RunStore, spec: RunSpec, record: RunRecord, seen: str) -> str | None:
    """Write the record of a run whose process died, unless another process took the run over.

    Args:
        store: Where its folder is.
        spec: The run.
        record: Of :func:`death_record`.
        seen: Mark of the folder's record when the launch began.

    Returns:
        What to tell of it; ``None`` when the run is another's now.
    """
    run_dir = store.folder(spec)
    try:
        with store.lock(run_dir, wait=1.0):
            if store.mark(run_dir) != seen:
                return None
            store.write(run_dir, record)
    except RunLockedError:
        return None
    except OSError as error:
        return disk_message(error, run_dir / "run.json")
    return record.result.error.message if record.result.error else ""


def death_of(worker: Worker, spec: RunSpec, run_dir: Path, tail: str) -> Failure:
    """Return why a worker process ended before its run did.

    Args:
        worker: The process, which has ended.
        spec: The run.
        run_dir: Its folder, with its log.
        tail: The end of what the process printed outside its runs.
    """
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
    log = log_tail(run_dir / LOG) or tail
    return Failure(type=kind, message=message, log_tail=log, epoch=worker.epoch, signal=number)


def _selected(rows: Sequence[Mapping[str, Any]], recipe: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the row of the epoch that the recipe selects; empty without any evaluation."""
    rows = [row for row in rows if any(key.startswith("val_") for key in row)]
    if not rows or recipe.get("select") == "last":
        return rows[-1] if rows else {}
    names = [key.removeprefix("val_") for key in rows[-1] if key.startswith("val_")]
    monitor = recipe.get("monitor", "loss")
    if monitor == "metric":
        monitor = next((name for name in names if name != "loss"), "loss")
    known = [row for row in rows if row.get(f"val_{monitor}") is not None]
    if not known:
        return rows[-1]
    lower = monitor == "loss" or not metric_style(monitor).higher_is_better
    best = (min if lower else max)(row[f"val_{monitor}"] for row in known)
    tied = [row for row in known if row[f"val_{monitor}"] == best]
    return tied[-1 if recipe.get("ties") == "last" else 0]
