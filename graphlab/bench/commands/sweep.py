"""``graphlab-bench sweep``: search settings by validation, then test the best on fresh seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from graphlab.bench.commands import _flags

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.bench.search.api import SweepResult
    from graphlab.bench.search.plan import SearchPlan

__all__ = ["command"]


@click.command("sweep", short_help="Search settings by validation.")
@click.argument("suite", required=False)
@click.option("--model", metavar="NAME", help="Model, or system of the suite, to search.")
@click.option("--dataset", metavar="NAME", help="Data set.")
@click.option("--task", metavar="TASK", help="Task; by default the first of the model.")
@click.option("--protocol", metavar="ID", help="Protocol; by default the data set's.")
@_flags.files
@_flags.data
@click.option("--trials", type=int, default=60, show_default=True, help="Trials of the study.")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes at a time.")
@click.option(
    "--search-seeds", type=int, default=1, show_default=True, help="Seeds of every trial."
)
@click.option(
    "--final-seeds",
    type=int,
    default=10,
    show_default=True,
    help="Seeds of the runs under the best settings, others than those of the search; 0: none.",
)
@click.option(
    "--space",
    "spaces",
    multiple=True,
    metavar="NAME=RANGE",
    help="Search LOW:HIGH, LOW:HIGH:log or A,B,C; in place of the model's own range.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Give a setting one value; it is not searched.",
)
@click.option(
    "--objective",
    default="metric",
    show_default=True,
    metavar="NAME",
    help="Validation value to compare: the task's metric, loss, or a metric's name.",
)
@click.option("--study", metavar="NAME", help="Name of the study.")
@_flags.results
@click.option("--threads", type=int, help="Threads a process.  [default: usable cores / workers]")
@_flags.device
@_flags.max_seconds
@_flags.root
@click.option("--dry-run", is_flag=True, help="Show what would be searched, and stop.")
@click.option("--quiet", is_flag=True, help="Print the tables alone.")
@_flags.as_json
@click.pass_context
def command(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401  (values of the flags)
    """Search the settings of one model on one data set.

    A trial is an ordinary training that is never tested: validation alone decides. The best
    settings are then run on fresh seeds, as 'run' would do it. Trials are kept, so the same command
    continues after an interruption; called in several terminals at once, they share the work.

    Without --space, the ranges of the model's card, recipe.lr and recipe.weight_decay are searched.

    Exit codes: 0 all done, 1 no trial has a value or some final run failed, 2 bad input,
    130 interrupted, 143 terminated.
    """
    from graphlab.bench.search.api import execute, trials_of

    plan = _plan(flags)
    shown = _Output(plan, quiet=flags["quiet"], as_json=flags["as_json"])
    before = trials_of(plan)
    if flags["dry_run"]:
        shown.dry_run(before)
        return
    shown.plan_lines(before)
    result = execute(plan, shown.event)
    shown.result(result, shown.files(result))
    ctx.exit(result.exit_code)


def _plan(flags: dict[str, Any]) -> SearchPlan:
    from graphlab.bench.document import parse_setting
    from graphlab.bench.search.plan import make_search_plan
    from graphlab.bench.search.space import parse_range
    from graphlab.bench.suite import Overrides
    from graphlab.errors import ConfigError

    problems: list[str] = []
    settings = _flags.parsed(flags["settings"], parse_setting, problems)
    spaces = _flags.parsed(flags["spaces"], parse_range, problems)
    if problems:
        raise ConfigError(problems)
    return make_search_plan(
        flags["suite"],
        Overrides(
            models=() if flags["model"] is None else (flags["model"],),
            datasets=() if flags["dataset"] is None else (flags["dataset"],),
            **{name: flags[name] for name in ("task", "protocol", "files", "data", "root")},
            settings=tuple(settings),
            max_seconds=flags["max_seconds"],
        ),
        space=dict(spaces),
        **{
            name: flags[name]
            for name in (
                "results",
                "trials",
                "workers",
                "search_seeds",
                "final_seeds",
                "objective",
                "study",
                "threads",
                "device",
            )
        },
    )


class _Output:
    """What is written where."""

    def __init__(self, plan: SearchPlan, *, quiet: bool, as_json: bool) -> None:
        self.plan, self.silent, self.as_json = plan, quiet or as_json, as_json

    def plan_lines(self, before: SweepResult) -> None:
        """Write what is searched."""
        from graphlab.bench.report.display import plain

        plan, base = self.plan, self.plan.base
        self._line(
            f"{plain(base.system)} on {plain(base.dataset)} ({base.protocol}): study "
            f"{plain(plan.study, 80)}, {before.finished} of {plan.trials} trials finished"
        )
        for one in plan.space:
            self._line(f"  {plain(str(one), 100)}")
        seeds = f"{len(plan.seeds)} search seed{'s' * (len(plan.seeds) != 1)}"
        self._line(
            f"Selected by validation on {seeds} (from {plan.seeds[0]}); tested once, on "
            f"{plan.num_final_seeds} other seeds (from 0)."
        )

    def dry_run(self, before: SweepResult) -> None:
        """Write the plan alone."""
        if self.as_json:
            from graphlab.bench.search.tables import result_values

            _flags.echo_json(result_values(before))
            return
        self.plan_lines(before)

    def event(self, event: dict[str, Any]) -> None:
        """Write a line for a trial that ended, a worker that died, a final run that failed."""
        from graphlab.bench.report.display import plain

        kind = event["event"]
        if kind == "trial":
            value = event["value"]
            outcome = event["status"] if value is None else f"validation {value:.4g}"
            message = f": {plain(event['message'], 200)}" if event["message"] else ""
            self._line(f"trial {event['trial']}: {outcome}{message}")
        elif kind == "death":
            trial = event["trial"]
            rest = "" if trial is None else f"; trial {trial} is repeated"
            self._line(f"worker {event['pid']} {event['how']}{rest}")
        elif kind == "final":
            runs = f"{event['runs']} run{'s' * (event['runs'] != 1)}"
            self._line(f"trial {event['trial']} is the best: {runs} on fresh seeds")
        elif "run_id" in event:
            from graphlab.bench.progress import remark

            note = remark(event)
            if note:
                self._line(note)

    def files(self, result: SweepResult) -> dict[str, Path]:
        """Write the summary of the study and the page of the final runs; return what there is."""
        from graphlab.bench.report.page import PAGE, write_report
        from graphlab.bench.search.summary import TRIALS, write_summary
        from graphlab.errors import InputError

        if not result.trials or result.exit_code > 1:
            return {}
        found: dict[str, Path] = {}
        try:
            found["report"] = write_summary(result)
            found["trials"] = result.plan.folder / TRIALS
            final = result.final
            if final is not None:
                found["page"] = final.results / PAGE
                if final.executed or not found["page"].is_file():
                    write_report(final.results, plan=final.plan)
        except InputError as error:
            click.echo(f"warning: {error}", err=True)
        return found

    def result(self, result: SweepResult, files: dict[str, Path]) -> None:
        """Write the best trials and settings, the final table, how to repeat it, and the files."""
        from graphlab.bench.screen import show
        from graphlab.bench.search.tables import (
            best_lines,
            best_trials,
            counts_line,
            importance_line,
            result_values,
            value_text,
        )

        if self.as_json:
            places = {name: str(path) for name, path in files.items()}
            _flags.echo_json(result_values(result) | {"files": places})
            return
        self._line("")
        if result.best is not None:
            show(best_trials(result))
        click.echo(counts_line(result))
        if result.best is not None:
            click.echo(f"Best: trial {result.best.number}, {value_text(result, result.best)}")
            for line in best_lines(result):
                click.echo(f"  {line}")
        if result.importance:
            click.echo(importance_line(result))
        if result.final is not None:
            click.echo("")
            show(result.final.table)
        if result.best is None and result.finished:
            click.echo("No trial has a value; the reasons are in the lines above and in the logs.")
        self._line("")
        if result.exit_code > 1:
            self._line("Interrupted. The same command continues where this one stopped.")
        elif result.command is not None:
            self._line(f"Repeat the final runs: {result.command}")
        self._line(f"Study: {result.plan.folder}")
        for name, path in files.items():
            self._line(f"  {name}: {path}")

    def _line(self, text: str) -> None:
        if not self.silent:
            click.echo(text)
