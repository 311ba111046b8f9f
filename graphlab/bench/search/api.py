"""The search from Python: ``graphlab.bench.sweep(...)`` and its result."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlab.bench.search.plan import SearchPlan, make_search_plan
from graphlab.bench.store import RunStore
from graphlab.bench.suite import Overrides

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from graphlab.bench.api import BenchResult
    from graphlab.bench.search.pool import SearchSummary
    from graphlab.bench.search.study import TrialRow

__all__ = ["SweepResult", "execute", "sweep", "trials_of"]

_log = logging.getLogger("graphlab")
_FAILED = 1
_SIGNAL = 128


@dataclass(frozen=True, repr=False)
class SweepResult:
    """What there is of a search; printed, it is the best trials and the final table.

    Attributes:
        plan: The search.
        metric: Name of the validation value that was compared; empty before the first trial.
        lower_is_better: Its direction.
        trials: All trials that were begun, in order.
        best: The one with the best value, ``None`` if there is none with a value.
        final: The runs under the best settings, with fresh seeds; ``None`` if there are none yet.
        executed: Trials that this call executed.
        deaths: Worker processes that died in this call and were replaced.
        exit_code: As the command's: 0 all done, 1 no trial has a value or some final run failed,
            130 or 143 interrupted.
    """

    plan: SearchPlan
    metric: str = ""
    lower_is_better: bool = False
    trials: tuple[TrialRow, ...] = ()
    best: TrialRow | None = None
    final: BenchResult | None = None
    executed: int = 0
    deaths: int = 0
    exit_code: int = 0

    @property
    def finished(self) -> int:
        """Trials with a value, diverged or failed; lost and interrupted ones are repeated."""
        return sum(row.counted for row in self.trials)

    def ranked(self) -> list[TrialRow]:
        """Return the finished trials with a value, the best first."""
        found = [row for row in self.trials if row.counted and row.value is not None]
        sign = 1 if self.lower_is_better else -1
        return sorted(found, key=lambda row: (sign * (row.value or 0.0), row.number))

    @cached_property
    def importance(self) -> dict[str, float]:
        """Setting -> its share in the variance of the values, by Optuna's fANOVA.

        Empty with fewer than ten trials that have a value.
        """
        from graphlab.bench.search.study import TRIALS_TO_JUDGE, Study

        if len(self.ranked()) < TRIALS_TO_JUDGE:
            return {}
        return Study(self.plan.folder, self.plan.study).importance()

    @property
    def command(self) -> str | None:
        """Command line that repeats the final runs."""
        return None if self.best is None else self.plan.command(self.best.params)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a trial: number, status, value, seconds, and its settings."""
        import pandas as pd

        rows = []
        for row in self.trials:
            values = dataclasses.asdict(row)
            rows.append({**values, **values.pop("params")})
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        from graphlab.bench.search.tables import result_text

        return result_text(self)


def sweep(
    suite: str | Path | Mapping[str, object] | None = None,
    *,
    model: str | None = None,
    dataset: str | None = None,
    task: str | None = None,
    protocol: str | None = None,
    files: str | Path | Sequence[str | Path] = (),
    data: str | Path | None = None,
    space: Mapping[str, object] | None = None,
    settings: Mapping[str, object] | None = None,
    trials: int = 60,
    workers: int = 1,
    search_seeds: int = 1,
    final_seeds: int = 10,
    objective: str = "metric",
    study: str | None = None,
    root: str | Path | None = None,
    results: str | Path = "results",
    threads: int | None = None,
    device: str = "cpu",
    max_seconds: float | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> SweepResult:
    """Search settings by validation alone, then test the best ones on fresh seeds.

    Called again, it continues: until the study has ``trials`` finished trials, and its best
    settings their final runs. Several processes may call it at once on one results folder.

    Args:
        suite: As for :func:`graphlab.bench.run`; it must come to one system on one data set.
        model: Model or system to search.
        dataset: Data set.
        task: Task.
        protocol: Protocol id.
        files: Python files with models of your own.
        data: A graph of your own.
        space: Setting -> ``(low, high)``, ``(low, high, "log")`` or a list of choices, in place of
            or besides the ranges of the model's card, ``recipe.lr`` and ``recipe.weight_decay``.
        settings: Setting -> value; these are not searched.
        trials: Finished trials that the study shall have, those of earlier calls included.
        workers: Processes.
        search_seeds: Seeds of every trial, from 10,000; the compared value is their mean.
        final_seeds: Seeds of the final runs, from 0; 0 for none.
        objective: Validation value that is compared: ``"metric"`` (the one that the task reports
            first), ``"loss"``, or a metric's name.
        study: Name; by default made of model, data set and a hash of what is searched.
        root: Data root.
        results: Folder of all results; the study is in ``<suite>/sweep-<study>``.
        threads: Threads a worker; by default the usable cores shared among the workers.
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        max_seconds: Longest time of one training.
        on_event: Called with each event of workers and launcher.

    Raises:
        ConfigError: Every problem of suite, space and study, before anything is started.
        DatasetError: Files of a data set cannot be read.
        InputError: The results folder cannot be written, or an argument is out of range.

    Example:
        >>> found = sweep(model="gcn", dataset="debdeps", trials=40)  # doctest: +SKIP
        >>> found.best.params, found.final.to_frame()["test.acc"].mean()  # doctest: +SKIP
    """
    listed = (files,) if isinstance(files, str | Path) else files
    plan = make_search_plan(
        str(suite) if isinstance(suite, Path) and not suite.suffix else suite,
        Overrides(
            task=task,
            protocol=protocol,
            models=() if model is None else (model,),
            datasets=() if dataset is None else (dataset,),
            files=tuple(Path(file) for file in listed),
            data=None if data is None else Path(data),
            settings=tuple((settings or {}).items()),
            root=None if root is None else str(root),
            max_seconds=max_seconds,
        ),
        space=space or {},
        results=results,
        trials=trials,
        workers=workers,
        search_seeds=search_seeds,
        final_seeds=final_seeds,
        objective=objective,
        study=study,
        threads=threads,
        device=device,
    )
    return execute(plan, on_event)


def execute(
    plan: SearchPlan, on_event: Callable[[dict[str, Any]], None] | None = None
) -> SweepResult:
    """Execute what is missing of a search: trials, then the final runs.

    Args:
        plan: The search.
        on_event: Called with each event.
    """
    how = plan.session.execution
    result = trials_of(plan)
    summary: SearchSummary | None = None
    if result.finished < plan.trials:
        from graphlab.bench.search.pool import search

        RunStore(plan.folder).prepare()
        how.check_device()
        summary = search(
            plan, workers=how.jobs, threads=how.threads, device=how.device, on_event=on_event
        )
        result = trials_of(plan, summary)
    if summary is not None and summary.signal is not None:
        return dataclasses.replace(result, exit_code=_SIGNAL + summary.signal)
    if result.best is None:
        return dataclasses.replace(result, exit_code=_FAILED)
    if not plan.num_final_seeds:
        return result
    final = _final_runs(plan, result.best, on_event)
    return dataclasses.replace(result, final=final, exit_code=final.exit_code)


def trials_of(plan: SearchPlan, summary: SearchSummary | None = None) -> SweepResult:
    """Return what there is of a study, without executing anything.

    Args:
        plan: The search.
        summary: What has just been executed.

    Raises:
        ConfigError: The study was begun with another space, data set or setting.
        InputError: Its journal cannot be read.
    """
    executed = 0 if summary is None else summary.executed
    deaths = 0 if summary is None else summary.deaths
    if not (plan.folder / "journal.log").is_file():
        return SweepResult(plan, executed=executed, deaths=deaths)
    from graphlab.bench.search.study import Study

    if not Study.exists(plan.folder, plan.study):
        return SweepResult(plan, executed=executed, deaths=deaths)
    study = Study(plan.folder, plan.study)
    study.check(plan.fingerprint)
    return SweepResult(
        plan,
        metric=study.metric,
        lower_is_better=study.lower_is_better,
        trials=tuple(study.rows()),
        best=study.best(),
        executed=executed,
        deaths=deaths,
    )


def _final_runs(
    plan: SearchPlan, best: TrialRow, on_event: Callable[[dict[str, Any]], None] | None
) -> BenchResult:
    from graphlab.bench.api import BenchResult

    session = plan.final(best.params, best.number)
    summary = None
    if session.pending:
        for warning in session.check():
            _log.warning(warning)
        if on_event is not None:
            on_event({"event": "final", "trial": best.number, "runs": session.num_pending})
        summary = session.execute(on_event)
    return BenchResult.of(session, summary)
