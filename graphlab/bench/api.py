"""The harness from Python: ``graphlab.bench.run(...)`` and its result."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlab.bench.session import ExecutionOptions, Session, default_jobs, exit_code
from graphlab.bench.suite import Overrides

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pandas as pd

    from graphlab.bench.launch import LaunchSummary
    from graphlab.bench.plan import Plan
    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.tables import ResultTable
    from graphlab.bench.store import Rerun

__all__ = ["BenchResult", "run"]

_TEXT_WIDTH = 100
_log = logging.getLogger("graphlab")


@dataclass(frozen=True, repr=False)
class BenchResult:
    """What there is of a suite after a call of :func:`run`; printed, it is the result table.

    Attributes:
        plan: Cells and runs of the suite.
        records: Records of the planned runs that have one, in the plan's order.
        table: The result table.
        executed: Runs executed by this call; the others had a record before.
        exit_code: As the command's: 0 all done, 1 some run failed, 130 or 143 interrupted.
    """

    plan: Plan
    records: tuple[RunRecord, ...]
    table: ResultTable
    executed: int
    exit_code: int

    @classmethod
    def of(cls, session: Session, summary: LaunchSummary | None = None) -> BenchResult:
        """Collect what there is of a session's plan.

        Args:
            session: The session.
            summary: What was executed; ``None`` for nothing.
        """
        scan = session.scan()
        return cls(
            plan=session.plan,
            records=scan.records,
            table=session.table(scan),
            executed=0 if summary is None else summary.executed,
            exit_code=exit_code(list(scan.records), summary),
        )

    @property
    def results(self) -> Path:
        """Folder of the run folders."""
        return self.plan.results

    def to_frame(self) -> pd.DataFrame:
        """Return one row a run: identity, status, metrics such as ``test.acc``, costs."""
        from graphlab.bench.store import RunStore

        return RunStore.to_frame(list(self.records))

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[RunRecord]:
        return iter(self.records)

    def __repr__(self) -> str:
        return self.table.to_text(_TEXT_WIDTH).rstrip("\n")

    def _repr_html_(self) -> str:
        """Return the table for notebooks, with names from outside escaped."""
        import io

        from rich.console import Console

        console = Console(record=True, file=io.StringIO(), width=_TEXT_WIDTH, force_jupyter=False)
        console.print(self.table)
        return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def run(
    suite: str | Path | Mapping[str, object] | None = None,
    *,
    task: str | None = None,
    protocol: str | None = None,
    models: str | Sequence[str] = (),
    datasets: str | Sequence[str] = (),
    files: str | Path | Sequence[str | Path] = (),
    data: str | Path | None = None,
    seeds: int | None = None,
    seed: int | None = None,
    settings: Mapping[str, object] | None = None,
    optional: bool = False,
    root: str | Path | None = None,
    results: str | Path = "results",
    jobs: int | None = None,
    threads: int | None = None,
    device: str = "cpu",
    rerun: Rerun | None = None,
    keep: bool = False,
    wait: bool = False,
    launcher: str = "local",
    address: str | None = None,
    devices: int = 1,
    detect_anomaly: bool = False,
    max_seconds: float | None = None,
    node_metrics: bool = False,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> BenchResult:
    """Run or continue a suite; runs that have a record are not executed again.

    Args:
        suite: Name of a shipped suite, path of a TOML file, a dictionary with the same keys
            (``graphlab.bench.config`` shows them), or None: a suite made of ``models``,
            ``datasets`` and so on, or ``"quick"`` without any.
        task: Narrow a suite of several parts to this task; or the task of a suite made from
            arguments, by default the first of its model.
        protocol: Replaces the suite's protocol; narrows a suite of several parts.
        models: Narrow a suite to these models or systems, or make one of them.
        datasets: Narrow a suite to these sets, or make one of them.
        files: Python files with models of your own (``@register_model``).
        data: A graph of your own: folder or file; replaces the data sets.
        seeds: Number of seeds, from 0.
        seed: One seed.
        settings: Dotted name -> value, such as ``{"recipe.lr": 0.01, "options.K": 5,
            "system.DAGNN.options.K": 5}``; stronger than everything in the suite.
        optional: Run the optional data sets of a suite that leaves them out.
        root: Data root.
        results: Folder of all results; this suite's folder lies in it.
        jobs: Cells at a time: by default one, with ``address`` as many as the cluster takes.
        threads: Threads a worker; by default the usable cores shared among the jobs.
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        rerun: Execute again: ``"failed"`` runs, ``"stale"`` ones of other source code, ``"all"``.
        keep: Keep best states and predictions.
        wait: Wait for runs that another process executes now.
        launcher: ``"local"``: processes on this machine; ``"ray"``: tasks of a Ray cluster.
        address: The cluster, ``HOST:PORT`` or ``"auto"``; by default one is started here.
        devices: Processes that train one model together, each on a device of its own.
        detect_anomaly: Check every gradient, and name the parameter of one that is not finite.
        max_seconds: Longest time of a run.
        node_metrics: Keep how each node of the test edges ranks all nodes, of link runs. A run
            without is another run, and is executed.
        on_event: Called with each event of the workers.

    Raises:
        ConfigError: Every problem of the suite, before anything is started.
        DatasetError: Files of a data set cannot be read.
        InputError: The results folder cannot be written, or an argument is out of range.

    Cost: with nothing left to execute, neither torch nor numpy is imported.

    Example:
        >>> result = run("quick", datasets="debdeps", seeds=3)  # doctest: +SKIP
        >>> result.to_frame().groupby("system")["test.acc"].mean()  # doctest: +SKIP
    """
    session = Session(
        str(suite) if isinstance(suite, Path) and not suite.suffix else suite,
        overrides=Overrides(
            task=task,
            protocol=protocol,
            models=_listed(models),
            datasets=_listed(datasets),
            files=tuple(Path(file) for file in _listed(files)),
            data=None if data is None else Path(data),
            seeds=seeds,
            seed=seed,
            settings=tuple((settings or {}).items()),
            root=None if root is None else str(root),
            optional=optional,
            max_seconds=max_seconds,
            node_metrics=node_metrics,
        ),
        results=results,
        execution=ExecutionOptions(
            jobs=default_jobs(launcher, address) if jobs is None else jobs,
            threads=threads,
            device=device,
            rerun=rerun,
            keep=keep,
            wait=wait,
            launcher=launcher,
            address=address,
            devices=devices,
            detect_anomaly=detect_anomaly,
        ),
    )
    summary = None
    if session.pending:
        for warning in session.check():
            _log.warning(warning)
        summary = session.execute(on_event)
    return BenchResult.of(session, summary)


def _listed(value: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    """Return one name as a list of one."""
    return (str(value),) if isinstance(value, str | Path) else tuple(map(str, value))
