"""``graphlab-bench show``: one run, cell, suite, model or data set, on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from graphlab.bench.commands import _flags

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.bench.report.lookup import Found

__all__ = ["command"]


@click.command("show", short_help="Show one run, cell, suite, model or data set.")
@click.argument("name")
@_flags.results
@_flags.files
@_flags.as_json
def command(name: str, *, results: Path, files: tuple[Path, ...], as_json: bool) -> None:
    """Show a run, cell, suite, model or data set.

    NAME is the beginning of the id of a run or a cell, the path of its folder, the name of a suite
    with results, model/NAME or dataset/NAME.

    A run is shown with its settings against the model's defaults, its result, its learning
    curves as text, and the warnings seen in it.
    """
    from graphlab.bench.report.lookup import find
    from graphlab.bench.screen import show

    found: Found = find(name, results, files)
    if as_json:
        import json

        click.echo(json.dumps(found.values(), indent=1, sort_keys=True, allow_nan=False))
        return
    show(*found.parts())
