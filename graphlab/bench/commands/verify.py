"""``graphlab-bench verify``: check what runs left, execute them again, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from graphlab.bench.commands import _flags

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from graphlab.bench.verification import RunCheck, Verification

__all__ = ["command"]


@click.command("verify", short_help="Check finished runs and execute them again.")
@click.argument("run")
@_flags.results
@click.option("--all", "every", is_flag=True, help="Execute every run, not one of each cell.")
@click.option("--no-run", is_flag=True, help="Check the files alone; execute nothing.")
@click.option("--threads", type=int, metavar="N", help="Threads.  [default: as recorded]")
@_flags.as_json
@click.pass_context
def command(
    ctx: click.Context,
    /,
    run: str,
    *,
    results: Path,
    every: bool,
    no_run: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Check finished runs and execute them again.

    RUN is the beginning of the id of a run or a cell, the path of its folder, the name of a system
    or of a suite, or SUITE/SYSTEM.

    Of all these runs the files are checked: the record's seal, the checksums of history, kept
    predictions and kept state, and the metrics recomputed from the predictions. Then the first run
    of each cell is executed again in a temporary folder and compared: bit for bit where versions,
    processor and threads are as recorded, else within a tolerance that is named.

    Exit codes: 0 as recorded, 1 something is not, 2 bad input, 130 interrupted.
    """
    from graphlab.bench.verification import verify

    lines = None if as_json else _say_event
    found = verify(
        run, results=results, every=every, execute=not no_run, threads=threads, on_event=lines
    )
    if as_json:
        import json

        click.echo(json.dumps(found.to_json(), indent=1, allow_nan=False))
    else:
        for check in found.checks:
            for line in _check_lines(check, executed=not no_run):
                click.echo(line)
        for line in _summary(found):
            click.echo(line)
    ctx.exit(found.exit_code)


def _say_event(event: dict[str, Any]) -> None:
    """Say on the error stream what is being executed."""
    if event["event"] == "start":
        from graphlab.bench.report.display import plain

        name = f"{plain(event['system'])} on {plain(event['dataset'])}, seed {event['seed']}"
        click.echo(f"executing {name} ...", err=True)


def _check_lines(check: RunCheck, *, executed: bool) -> Iterator[str]:
    from graphlab.bench.report.display import plain

    i = check.run.record.identity
    fold = "" if i.fold is None else f", fold {i.fold}"
    yield (
        f"{plain(i.system)} on {plain(i.dataset)}, {plain(i.protocol)}, seed {i.seed}{fold} "
        f"({i.run_id})"
    )
    for text in check.good:
        yield f"  ok       {plain(text, 300)}"
    for text in check.problems:
        yield f"  PROBLEM  {plain(text, 600)}"
    if check.level is not None:
        yield from _execution_lines(check)
    elif check.outcome == "not comparable" or check.reason:
        yield f"  not executed again: {plain(check.reason, 600)}"
    elif executed:
        yield "  not executed again (--all executes every run)"
    yield f"  {check.outcome.upper() if check.outcome == 'mismatch' else check.outcome}"


def _execution_lines(check: RunCheck) -> Iterator[str]:
    equal = sum(pair.equal for pair in check.comparisons)
    total = len(check.comparisons)
    if check.bitwise:
        yield f"  executed again: all {total} facts equal, bit for bit"
    else:
        yield f"  executed again: {equal} of {total} facts equal, bit for bit"
    yield f"  promised: {check.level} ({check.reason})"
    rows = [pair for pair in check.comparisons if not pair.equal]
    if rows:
        width = max(len(pair.name) for pair in rows)
        for pair in rows:
            word = {True: "within", False: "DIFFERS", None: "not compared"}[pair.holds]
            old, new = _short(pair.recorded), _short(pair.again)
            yield f"    {pair.name:{width}}  recorded {old}, again {new}{_gap(pair)}  {word}"
    for difference in check.differences:
        yield f"  environment  {difference}"


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."


def _gap(pair: Any) -> str:  # noqa: ANN401  (a Comparison of any values)
    numbers = [pair.recorded, pair.again]
    if not all(isinstance(number, int | float) for number in numbers):
        return ""
    return f" ({pair.again - pair.recorded:+.2g})"


def _summary(found: Verification) -> Iterator[str]:
    for path in found.garbage:
        yield f"PROBLEM  {path} holds no record."
    if found.newer:
        yield f"{found.newer} records of a newer graphlab were left out."
    counts = ", ".join(f"{number} {outcome}" for outcome, number in found.counts().items())
    runs = len(found.checks)
    yield f"{runs} run{'s' * (runs != 1)}: {counts or 'none readable'}."
