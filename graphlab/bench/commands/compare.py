"""``graphlab-bench compare``: paired differences between two sides, or to published numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from graphlab.bench.commands import _flags

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.command("compare", short_help="Compare two systems or suites, or one with papers.")
@click.argument("a")
@click.argument("b", required=False)
@click.option(
    "--metric", metavar="M", help="Test metric.  [default: the main one of each data set]"
)
@click.option("--published", is_flag=True, help="Compare A with published numbers; no B then.")
@_flags.results
@_flags.as_json
def command(
    a: str, b: str | None, *, metric: str | None, published: bool, results: Path, as_json: bool
) -> None:
    """Compare A with B, run by run: equal seeds, equal splits, equal data.

    A and B are each the path of a folder (all results, a suite, a cell), the name of a suite with
    results, of a system or of a model, or the first letters of a cell's id. Of two suites or
    folders, systems of the same name are compared; else every system of A with every one of B.

    Printed are the mean difference with its 95 % bootstrap interval, wins, ties and losses, and
    the p-value of a paired test: Wilcoxon's on a fixed split, the corrected resampled t-test over
    random splits, after Holm's correction over all rows. Below 6 pairs no claim is made. Different
    protocols, data or splits are refused.
    """
    from graphlab.bench.comparison import compare
    from graphlab.bench.screen import show

    if published and b is not None:
        raise click.UsageError("--published takes one side; leave B out.")
    if not published and b is None:
        raise click.UsageError("Name the other side B, or compare with --published numbers.")
    found = compare(a, b, metric=metric, results=results, published=published)
    if as_json:
        import json

        click.echo(json.dumps(found.to_json(), indent=1, allow_nan=False))
        return
    show(found)
