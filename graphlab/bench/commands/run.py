"""``graphlab-bench run``: plan, run what is missing, show the table."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from graphlab.bench.commands import _flags

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.bench.api import BenchResult
    from graphlab.bench.progress import Lines
    from graphlab.bench.session import Session
    from graphlab.bench.suite import Part

__all__ = ["command"]


@click.command("run", short_help="Run or continue a suite.")
@click.argument("suite", required=False)
@click.option("--task", metavar="TASK", help="Only this task; or the task of a suite of flags.")
@click.option(
    "--protocol",
    metavar="ID",
    help="Protocol, in place of the suite's; of several parts, those it fits.",
)
@click.option("--model", "models", multiple=True, metavar="NAME", help="Only these models.")
@click.option("--dataset", "datasets", multiple=True, metavar="NAME", help="Only these data sets.")
@_flags.files
@_flags.data
@click.option("--seeds", type=int, metavar="N", help="Number of seeds, from 0.")
@click.option("--seed", type=int, metavar="N", help="One seed.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change a setting: recipe.lr=0.01, options.K=5, system.NAME.options.K=5.",
)
@click.option(
    "--ssl",
    metavar="TASK",
    help="Train on a pretext task as well: recipe.ssl.task; without SUITE, beside the plain model.",
)
@click.option(
    "--launcher",
    metavar="local|ray",
    default="local",
    show_default=True,
    help="Processes on this machine, or tasks of a Ray cluster.",
)
@click.option(
    "--address",
    metavar="ADDR",
    help="Ray cluster: HOST:PORT, or auto.  [default: one on this machine alone]",
)
@click.option(
    "--jobs",
    type=int,
    metavar="N",
    help="Cells at a time.  [default: 1; with --address as many as the cluster takes]",
)
@click.option(
    "--threads",
    type=int,
    help="Threads a process.  [default: usable cores / jobs; with --address 1]",
)
@_flags.device
@click.option(
    "--devices",
    type=int,
    metavar="N",
    help="Devices, or processes, that share one training.  [default: 1]",
)
@_flags.results
@click.option("--rerun", metavar="failed|stale|all", help="Execute finished runs again.")
@click.option("--keep", is_flag=True, help="Keep best states and predictions.")
@click.option(
    "--node-metrics",
    is_flag=True,
    help="Of link runs, keep how each test node ranks all nodes; runs without it run again.",
)
@click.option("--optional", is_flag=True, help="Run the optional data sets too.")
@click.option("--wait", is_flag=True, help="Wait for runs that another process executes.")
@click.option(
    "--detect-anomaly",
    is_flag=True,
    help="Check every gradient; name the parameter of one that is not finite.",
)
@_flags.max_seconds
@_flags.root
@click.option("--dry-run", is_flag=True, help="Show what would run, and stop.")
@click.option("--quiet", is_flag=True, help="Print the table alone.")
@_flags.as_json
@click.pass_context
def command(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401  (values of the flags)
    """Run or continue SUITE: the name of a shipped suite, or FILE.toml; 'quick' without it.

    Runs that are finished are skipped, so the same command continues after an interruption.
    Without SUITE, --task --protocol --model --dataset --file --data make a suite of their own,
    with results in DIR/adhoc.

    Exit codes: 0 all done, 1 some run failed, 2 bad input, 130 interrupted, 143 terminated.
    """
    from graphlab.bench.document import experiment_file

    path = experiment_file(flags["suite"])
    if path is not None:
        from graphlab.bench.transfer.command import run_transfer

        run_transfer(path, flags)
        return
    from graphlab.bench.api import BenchResult

    team = None
    if _started_together(flags):
        from graphlab.bench.launch_together import meet

        team = meet(flags["device"])
        if team is None:  # not the first process: the work is done
            return
        ctx.call_on_close(team.close)
    session = _session(flags)
    shown = _Output(quiet=flags["quiet"], as_json=flags["as_json"])
    if flags["dry_run"]:
        shown.dry_run(session)
        return
    summary = None
    warnings = session.check() if session.pending else []
    shown.plan(session)
    for warning in warnings:
        shown.warn(warning)
    if session.pending:
        with shown.progress(session) as on_event:
            summary = session.execute(on_event, team=team)
    result = BenchResult.of(session, summary)
    shown.result(result, shown.report(result), interrupted=bool(summary and summary.interrupted))
    ctx.exit(result.exit_code)


def _started_together(flags: dict[str, Any]) -> bool:
    """Whether torch.distributed.run has started this process beside others; sets ``devices``."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    together = size > 1 and "RANK" in os.environ
    if together and flags["devices"] not in {None, size}:
        from graphlab.errors import InputError

        raise InputError(
            f"devices is {flags['devices']}, but {size} processes were started. "
            "Leave --devices out, or start the command alone."
        )
    if together or flags["devices"] is None:
        flags["devices"] = size if together else 1
    return together


def _session(flags: dict[str, Any]) -> Session:
    from graphlab.bench.document import parse_setting
    from graphlab.bench.session import ExecutionOptions, Session, default_jobs
    from graphlab.bench.suite import Overrides
    from graphlab.errors import ConfigError

    problems: list[str] = []
    settings = _flags.parsed(flags["settings"], parse_setting, problems)
    if problems:
        raise ConfigError(problems)
    same = ("task", "protocol", "models", "datasets", "files", "data", "seeds", "seed", "root")
    overrides = Overrides(
        **{name: flags[name] for name in same},
        settings=tuple(settings),
        optional=flags["optional"],
        max_seconds=flags["max_seconds"],
        node_metrics=flags["node_metrics"],
        ssl=flags["ssl"],
    )
    names = ("threads", "device", "devices", "rerun", "keep", "wait", "launcher", "address")
    how = {name: flags[name] for name in (*names, "detect_anomaly")}
    jobs = flags["jobs"]
    how["jobs"] = default_jobs(how["launcher"], how["address"]) if jobs is None else jobs
    return Session(
        flags["suite"],
        overrides=overrides,
        results=flags["results"],
        execution=ExecutionOptions(**how),
    )


class _Output:
    """What is written where: table, plan and lines to the output, warnings to the error stream."""

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        self.quiet, self.as_json = quiet, as_json

    def plan(self, session: Session) -> None:
        """Write what will run, in a few lines."""
        if self.quiet or self.as_json:
            return
        for line in _plan_lines(session):
            self._line(line)

    def dry_run(self, session: Session) -> None:
        """Write the plan in full."""
        left = {cell.cell_id: len(cell.runs) for cell in session.pending}
        if self.as_json:
            _flags.echo_json(_plan_values(session, left))
            return
        self.plan(session)
        from graphlab.bench.report.display import plain

        for cell in session.plan.cells:
            pending = left.get(cell.cell_id, 0)
            self._line(
                f"  {cell.cell_id}  {plain(cell.system)} on {plain(cell.dataset)} "
                f"({cell.protocol}): {len(cell.runs) - pending} finished, {pending} to run"
            )

    def progress(self, session: Session) -> Lines:
        """Return the bar or the lines that take the events of the launcher."""
        from rich.console import Console

        from graphlab.bench.progress import Lines, LiveBar
        from graphlab.bench.screen import console

        if self.quiet or self.as_json:
            return Lines(Console(quiet=True), session.pending)
        bar = console(stderr=True)
        if sys.stdout.isatty() and bar.is_terminal and not bar.is_dumb_terminal:
            return LiveBar(bar, session.pending)
        return Lines(console(), session.pending)

    def report(self, result: BenchResult) -> Path | None:
        """Write the report when there is something new in it; return its path if there is one."""
        from graphlab.bench.report.page import PAGE, write_report
        from graphlab.errors import InputError

        page = result.results / PAGE
        if result.executed and result.exit_code in (0, 1):
            try:
                return write_report(result.results, plan=result.plan)
            except InputError as error:
                self.warn(str(error))
        return page if page.is_file() else None

    def result(self, result: BenchResult, report: Path | None, *, interrupted: bool) -> None:
        """Write the table and where everything is."""
        from graphlab.bench.screen import show

        if self.as_json:
            _flags.echo_json(_result_values(result, report))
            return
        if not self.quiet:
            self._line("")
        show(result.table)
        if self.quiet:
            return
        self._line("")
        if interrupted:
            self._line("Interrupted. The same command continues where this one stopped.")
        place = f", report: {report}" if report else ""
        self._line(f"Executed {_count(result.executed, 'run')}. Results: {result.results}{place}")

    def warn(self, text: str) -> None:
        """Write a warning to the error stream."""
        click.echo(f"warning: {text}", err=True)

    def _line(self, text: str) -> None:
        click.echo(text)


def _plan_lines(session: Session) -> list[str]:
    from graphlab.bench.report.display import plain

    plan = session.plan
    suite = plan.suite
    total, pending = len(plan.runs), session.num_pending
    state = f"{total - pending} finished, {pending} to run"
    failed = sum(not record.done for record in session.records())
    if failed and session.execution.rerun is None:
        state += f"; --rerun failed repeats {failed}"
    if pending:
        state += f", {session.estimate()}"
    lines = [f"{plain(suite.name)}: {plain(suite.title, 200)}"]
    if len(suite.parts) == 1:
        lines.append(f"{_size(suite.parts[0])}: {_count(total, 'run')} ({state})")
    else:
        lines += [f"{_name(part)}: {_size(part)}" for part in suite.parts]
        lines.append(f"{_count(total, 'run')} ({state})")
    return lines + [f"skipped: {skip.name} ({skip.reason})" for skip in plan.skipped]


def _name(part: Part) -> str:
    from graphlab.bench.report.display import plain

    protocols = ", ".join(dict.fromkeys(dataset.protocol for dataset in part.datasets))
    return f"{plain(part.title, 200) or part.task} ({protocols or 'no data set'})"


def _size(part: Part) -> str:
    counts = [
        _count(len(part.datasets), "data set"),
        _count(len(part.systems), "system"),
        _count(len(part.seeds), "seed"),
    ]
    return ", ".join(counts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _plan_values(session: Session, left: dict[str, int]) -> dict[str, object]:
    plan = session.plan
    estimate = session.estimate()
    return {
        "suite": plan.suite.name,
        "title": plan.suite.title,
        "results": str(plan.results),
        "runs": len(plan.runs),
        "pending": session.num_pending,
        "estimate": {"seconds": estimate.seconds, "unknown_runs": estimate.unknown},
        "skipped": [{"dataset": skip.name, "reason": skip.reason} for skip in plan.skipped],
        "cells": [
            {
                "cell_id": cell.cell_id,
                "system": cell.system,
                "model": cell.model,
                "dataset": cell.dataset,
                "task": cell.task,
                "protocol": cell.protocol,
                "seeds": [run.seed for run in cell.runs],
                "pending": left.get(cell.cell_id, 0),
                "options": cell.runs[0].options,
                "recipe": cell.runs[0].recipe,
                "task_options": cell.runs[0].task_options,
                "overridden": list(cell.runs[0].overridden),
            }
            for cell in plan.cells
        ],
    }


def _result_values(result: BenchResult, report: Path | None) -> dict[str, object]:
    return {
        "suite": result.plan.suite.name,
        "results": str(result.results),
        "report": None if report is None else str(report),
        "executed": result.executed,
        "exit_code": result.exit_code,
        "skipped": [{"dataset": s.name, "reason": s.reason} for s in result.plan.skipped],
        "table": result.table.to_json(),
        "runs": [
            {
                "run_id": record.identity.run_id,
                "cell_id": record.identity.cell_id,
                "system": record.identity.system,
                "dataset": record.identity.dataset,
                "seed": record.identity.seed,
                "status": record.result.status,
                "metrics": record.result.metrics,
            }
            for record in result.records
        ],
    }
