"""``graphlab-bench doctor``: is this machine fit for runs, and if not, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from graphlab.bench.commands import _flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.bench.checkup import Finding

__all__ = ["command"]

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}
_PLAIN_WIDTH = 160


@click.command("doctor", short_help="Check this machine.")
@click.option(
    "--results", metavar="DIR", default="results", show_default=True, help="Folder of results."
)
@_flags.root
@_flags.as_json
@click.pass_context
def command(ctx: click.Context, /, *, results: str, root: str | None, as_json: bool) -> None:
    """Check versions, threads, GPU, memory, disks, caches, clock and write access.

    Each line is ok, warn or fail, with the remedy. Exit code 1 when a check fails.
    """
    from graphlab.bench.checkup import examine

    findings = examine(results, root)
    failed = sum(finding.state == "fail" for finding in findings)
    if as_json:
        import json

        values = {"fit": not failed, "findings": [finding.to_json() for finding in findings]}
        click.echo(json.dumps(values, indent=1))
    else:
        _print(findings)
    ctx.exit(1 if failed else 0)


def _print(findings: Sequence[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    from graphlab.bench.report.display import plain
    from graphlab.bench.screen import show

    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        table.add_row(
            Text(finding.state, style=_COLOURS[finding.state]),
            Text(finding.name),
            Text(plain(finding.value, 300)),
            Text(finding.remedy),
        )
    counts = {state: sum(f.state == state for f in findings) for state in _COLOURS}
    summary = Text(", ".join(f"{number} {state}" for state, number in counts.items()))
    show(table, summary, width=_PLAIN_WIDTH)
