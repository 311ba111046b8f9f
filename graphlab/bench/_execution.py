"""One run from its plan to its record, inside the present process."""

from __future__ import annotations

import gc
import io
import os
import signal
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

import torch

from graphlab.bench import provenance
from graphlab.bench._breakdown import broken_down
from graphlab.bench._inputs import (
    CellData,
    make_model,
    make_problem,
    model_card,
    sizes,
    split_facts,
)
from graphlab.bench._log import LOG, RunLog
from graphlab.bench._node_metrics import FILE as NODE_METRICS
from graphlab.bench._node_metrics import ranked
from graphlab.bench._outcome import config_of, disk_message, event_of, failure_of, identity_of
from graphlab.bench._process import Interrupted, peak_rss_bytes, reset_peak_rss
from graphlab.bench._team import ALONE, Team
from graphlab.bench.journal import EVENTS, Journal
from graphlab.bench.record import (
    Code,
    Cost,
    Data,
    Failure,
    Lineage,
    Machine,
    Predictions,
    Result,
    RunRecord,
    SeenWarnings,
    Status,
    Sweep,
    finite_metrics,
)
from graphlab.io import atomic_write, sha256_bytes, write_json
from graphlab.seeding import derive_seed, deterministic, preserve_rng

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from graphlab.bench.plan import RunSpec
    from graphlab.bench.store import RunStore
    from graphlab.datasets import LoadedData
    from graphlab.train.trainer import FitResult

__all__ = ["Execution", "computing", "seeded"]

_EMIT_SECONDS: Final = 0.1


class Execution:
    """Executes one run in its (locked) folder.

    Args:
        spec: The planned run.
        store: Where its folder is.
        cell: Data shared by the runs of a cell.
        device: Such as ``"cpu"`` or ``"cuda:0"``.
        keep: Keep ``best.ckpt`` and ``predictions.npz``.
        emit: Called with each event.
        stop_requested: Asked by the trainer after each step.
        abortable: Context in which a signal may break off what is being done.
        known: Groups ``code`` and ``machine`` as far as the launcher knows them.
        detect_anomaly: Check every gradient, and name the parameter of one that is not finite.
        team: Processes that train together with this one.
    """

    def __init__(
        self,
        spec: RunSpec,
        store: RunStore,
        *,
        cell: CellData,
        device: str,
        keep: bool,
        emit: Callable[[dict[str, Any]], None],
        stop_requested: Callable[[], bool],
        abortable: Callable[[], AbstractContextManager[None]],
        known: Mapping[str, Mapping[str, Any]],
        detect_anomaly: bool = False,
        team: Team = ALONE,
    ) -> None:
        self.detect_anomaly, self.team = detect_anomaly, team
        self.spec, self.store, self.cell = spec, store, cell
        self.run_dir = store.folder(spec)
        self.device, self.keep = device, keep
        self.stop_requested, self.abortable, self.known = stop_requested, abortable, known
        self._emit = emit
        self._epoch: int | None = None
        self._emitted = 0.0
        self._resumed: list[int] = []
        # what is known so far: a run that fails half way records it too
        self._seconds = dict.fromkeys(("load", "prepare", "train", "evaluate"), 0.0)
        self._data: dict[str, Any] = {"dataset_sha256": spec.dataset_sha256}
        self._parameters: int | None = None
        self._epoch_seconds: float | None = None
        self._files: dict[str, Any] = {}
        self._peak: int | None = None
        self._breakdowns: dict[str, Any] = {}
        self._missing: dict[str, str] = {}

    def run(self) -> RunRecord | None:
        """Execute the run and write its record; ``None`` if it was stopped and can be resumed."""
        self._start_afresh_if_finished()
        write_json(self.run_dir / "config.json", self.spec.to_json())
        started, clock = datetime.now(UTC), time.perf_counter()
        self.journal = Journal(self.run_dir)
        self.log = RunLog(self.run_dir / LOG)
        self._resumed = [
            int(event["epoch"]) for event in self.journal.notes("resumed") if "epoch" in event
        ]
        self.journal.note("started", pid=os.getpid())
        self.emit("start")
        reset_peak_rss()
        with self.log.open(), seeded(self.spec.seed):
            result = self._result()
        if result is None:
            self.journal.note("interrupted", epoch=self._epoch)
            return None
        # training and evaluation include executions that were cut short
        self._seconds["total"] = max(time.perf_counter() - clock, sum(self._seconds.values()))
        record = self._record(result, started)
        return self._write(record)

    def emit(self, event: str, **values: object) -> None:
        """Report an event of this run."""
        self._emit(event_of(event, self.spec, **values))

    def update(self, epoch: int, epochs: int, values: Mapping[str, Any]) -> None:
        """Note the end of an epoch (called by the trainer); reported ten times a second."""
        now = time.perf_counter()
        self._epoch = epoch
        if now - self._emitted >= _EMIT_SECONDS:
            self._emitted = now
            self.emit("epoch", epoch=epoch, epochs=epochs, values=dict(values))

    # -- private --------------------------------------------------------------------------------

    def _start_afresh_if_finished(self) -> None:
        """A run with a record is executed again from its beginning, not from a checkpoint."""
        if self.store.mark(self.run_dir):
            self.store.discard(self.run_dir, "*.ckpt*", "predictions.npz", NODE_METRICS, EVENTS)
            with suppress(OSError):  # emptied, not deleted: the output may go there already
                os.truncate(self.run_dir / LOG, 0)

    def _result(self) -> Result | None:
        """Train and evaluate; every exception becomes a result with a status and a reason."""
        try:
            fit = self._fit()
        except Interrupted:
            return None
        except KeyboardInterrupt:
            self.journal.note("interrupted", epoch=self._epoch)
            raise
        except Exception as error:  # whatever a model raises ends its run alone
            self.log.write_error(error)
            status, reason = failure_of(error, self.run_dir, self._epoch)
            self._release_memory(error)
            return self._failed(status, reason)
        if fit is None or fit.status == "interrupted":
            return None
        metrics, missing = finite_metrics(fit.metrics)
        measured = fit.metrics.get("test", fit.metrics.get("val", {}))
        return Result(
            status=fit.status,
            metric=next((name for name in measured if name != "loss"), None),
            metrics=metrics,
            missing=missing | self._missing,
            monitor=fit.monitor,
            best_epoch=fit.best_epoch,
            epochs_run=fit.epochs_run,
            history=EVENTS,
            history_sha256=self.journal.digest(),
            breakdowns=self._breakdowns,
            error=self._timeout(fit) if fit.status == "timeout" else None,
            warnings=self._warnings(),
            **self._files,
        )

    def _timeout(self, fit: FitResult) -> Failure:
        message = (
            f"The {self.spec.recipe['max_seconds']:g} seconds of this run were over in epoch "
            f"{fit.epochs_run}; the metrics are those of epoch {fit.best_epoch}."
        )
        return Failure(type="Timeout", message=message, epoch=fit.epochs_run)

    def _failed(self, status: Status, reason: Failure) -> Result:
        return Result(
            status=status,
            epochs_run=self._epoch or 0,
            history=EVENTS,
            history_sha256=self.journal.digest(),
            error=reason,
            warnings=self._warnings(),
        )

    def _fit(self) -> FitResult | None:
        from graphlab.train import Recipe, Trainer

        spec = self.spec
        how = {"device": self.device, "threads": torch.get_num_threads()}
        self.team.begin(spec, self.run_dir, **how, detect_anomaly=self.detect_anomaly)
        with self.team.preparing(), self.abortable():
            with self._timed("load"):
                data = self.cell.get(spec)
            self._data |= sizes(data.graph)
            with self._timed("prepare"):
                task, problem, model = self._prepare(data)
            self._parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
            if self.stop_requested():
                raise Interrupted(signal.SIGTERM)
        self.emit("train")
        trainer = Trainer(
            device=self.device,
            progress=self,
            log=self._note,
            detect_anomaly=self.detect_anomaly,
        )
        with self.team.training():
            fit: FitResult = trainer.fit(
                model,
                task,
                problem,
                recipe=Recipe.from_dict(spec.recipe),
                run_dir=self.run_dir,
                seed=spec.seed,
                stop_requested=self.stop_requested,
                evaluate_test=spec.evaluate_test,
            )
        self.journal.flush()
        if fit.status == "interrupted":
            return fit
        self._seconds |= {part: fit.seconds[part] for part in ("train", "evaluate")}
        self._epoch_seconds = fit.seconds["epoch_median"] if fit.epochs_run else None
        if fit.resumed_epoch is not None:
            self.journal.complete(fit.history)
        self._breakdowns = broken_down(task, problem, fit.predictions, self.log)
        if self.keep:
            self._keep(fit)
        if getattr(task, "node_metrics", False) and spec.evaluate_test:
            self._rank_nodes(task, problem, model)
        return fit

    def _rank_nodes(self, task: Any, problem: Any, model: torch.nn.Module) -> None:  # noqa: ANN401
        """Let the test nodes rank all nodes; the last that a run does, with its numbers settled."""
        self._peak = peak_rss_bytes()  # of the training: what follows is another question
        with self._timed("node_metrics"):
            stop = self.stop_requested
            found = ranked(task, problem, model, self.run_dir, self.log, stop=stop)
        if isinstance(found, str):
            self._missing["node_metrics"] = found
        else:
            self._files["node_metrics"] = found

    def _prepare(self, data: LoadedData) -> tuple[Any, Any, torch.nn.Module]:
        """Return task, problem and a freshly initialised model."""
        spec = self.spec
        card = model_card(spec)
        task, problem = make_problem(spec, card, data, self.device)
        self._data |= split_facts(problem)
        return task, problem, make_model(spec, card, task, problem, self.device)

    def _note(self, event: Mapping[str, Any]) -> None:
        """Take an event of the trainer: an evaluation, the epoch it resumed at, or a warning."""
        values = dict(event)
        kind = values.pop("event")
        if kind == "evaluation":
            self.journal.evaluation(event)
            return
        if kind == "resumed":
            self._resumed.append(values["epoch"])
            self.emit("resumed", **values)
        self.journal.note(kind, **values)

    def _keep(self, fit: FitResult) -> None:
        """Write the test predictions of the selected state, and that state."""
        import numpy as np

        from graphlab.train.checkpoint import save_checkpoint

        parts = ("scores", "target", "index")
        arrays = {f"test_{part}": getattr(fit.predictions, part).cpu().numpy() for part in parts}
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)
        atomic_write(self.run_dir / "predictions.npz", packed.getvalue())
        save_checkpoint(self.run_dir / "best.ckpt", {"model": fit.best_state})
        digest = sha256_bytes(packed.getvalue())
        self._files |= {
            "predictions": Predictions(file="predictions.npz", sha256=digest),
            "checkpoint": "best.ckpt",
        }

    def _record(self, result: Result, started: datetime) -> RunRecord:
        here = provenance.runtime(self.device)
        size = self.team.size
        here["machine"] |= {"processes": size, "devices": 1 if self.device == "cpu" else size}
        on_gpu = self.device.startswith("cuda")
        return RunRecord(
            identity=identity_of(self.spec),
            config=config_of(self.spec),
            result=result,
            cost=Cost(
                seconds=self._seconds,
                seconds_per_epoch=self._epoch_seconds,
                peak_rss_bytes=self._peak if self._peak is not None else peak_rss_bytes(),
                peak_gpu_bytes=torch.cuda.max_memory_allocated() if on_gpu else None,
                parameters=self._parameters,
            ),
            code=Code(**{**self.known.get("code", {}), **here["code"]}),
            data=Data(**self._data),
            machine=Machine(**{**self.known.get("machine", {}), **here["machine"]}),
            lineage=Lineage(
                started=started,
                ended=datetime.now(UTC),
                resumed_times=len(self._resumed),
                resumed_epochs=tuple(self._resumed),
                sweep=None if self.spec.sweep is None else Sweep(**self.spec.sweep),
            ),
        )

    def _write(self, record: RunRecord) -> RunRecord:
        """Write the record and report the end of the run; a full disk leaves it unfinished."""
        result, written = record.result, True
        message = result.error.message if result.error else ""
        try:
            self.store.write(self.run_dir, record)
        except OSError as error:
            written, message = False, disk_message(error, self.run_dir / "run.json")
            self.log.write(message)
        event = "done" if written and record.done else "failed"
        status = result.status if written else "failed"
        found = result.metrics.get("test", {}).items()
        metrics = {name: value for name, value in found if value is not None}
        self.emit(event, status=status, message=message, values=metrics, written=written)
        return record

    def _warnings(self) -> SeenWarnings:
        seen = self.log.warnings
        return SeenWarnings(count=seen.total(), texts=dict(seen))

    def _release_memory(self, error: BaseException) -> None:
        """Let go of what the failed run holds, so that the next one finds the memory free."""
        error.__traceback__ = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[part] = self._seconds.get(part, 0.0) + time.perf_counter() - begin


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global generators within the block: models of users may draw from them."""
    import random

    import numpy as np

    with preserve_rng():
        random.seed(derive_seed(seed, "python"))
        np.random.seed(derive_seed(seed, "numpy") % 2**32)  # noqa: NPY002  (the global one)
        torch.default_generator.manual_seed(derive_seed(seed, "torch"))
        yield


@contextmanager
def computing(device: str, threads: int | None) -> Iterator[None]:
    """Set threads and, on the CPU, deterministic algorithms within the block."""
    before = torch.get_num_threads()
    filling = cast("Any", torch.utils.deterministic)  # a property that torch does not declare
    filled = filling.fill_uninitialized_memory
    if threads is not None:
        torch.set_num_threads(threads)
    # Filling fresh memory finds reads of uninitialised values; it makes nothing reproducible.
    filling.fill_uninitialized_memory = False
    try:
        with deterministic(enabled=device == "cpu"):
            yield
    finally:
        filling.fill_uninitialized_memory = filled
        torch.set_num_threads(before)
