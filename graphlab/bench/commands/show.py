"""``graphlab-bench show``: one run, cell, suite, model or data set, on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from graphlab.bench.report.lookup import Found

__all__ = ["command"]


@click.command("show", short_help="Show one run, cell, suite, model or data set.")
@click.argument("name")
@click.option(
    "--results",
    metavar="DIR",
    default="results",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of all results.",
)
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="FILE.py",
    type=click.Path(path_type=Path),
    help="File with models of your own.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
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
