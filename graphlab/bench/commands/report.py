"""``graphlab-bench report``: tables and the page of results that lie in a folder."""

from __future__ import annotations

from pathlib import Path

import click

from graphlab.bench.commands import _flags

__all__ = ["command", "holds_runs", "suite_folders"]


@click.command("report", short_help="Write tables and a page from run folders.")
@click.argument("suite", required=False)
@_flags.results
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder for the files.  [default: the suite's folder in the results]",
)
@click.option("--no-time", is_flag=True, help="Leave times out of table.md, table.csv, table.tex.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as one JSON object.")
def command(
    suite: str | None, *, results: Path, out: Path | None, no_time: bool, as_json: bool
) -> None:
    """Write report.html, table.md, table.csv and table.tex for SUITE.

    Everything is read from the run folders in DIR/SUITE; nothing is executed. Without SUITE every
    suite in DIR gets its files.
    """
    from graphlab.bench.report.outline import load_outline
    from graphlab.bench.report.page import write_report
    from graphlab.bench.report.tables import result_table
    from graphlab.bench.screen import show
    from graphlab.bench.store import RunStore

    folders = suite_folders(results, suite)
    printed = []
    for folder in folders:
        target = out if out is None or len(folders) == 1 else out / folder.name
        page = write_report(folder, out=target, times=not no_time)
        scan = RunStore(folder).scan()
        table = result_table(scan.records, load_outline(folder), altered=scan.altered)
        if as_json:
            printed.append({"report": str(page), **table.to_json(times=not no_time)})
            continue
        show(table)
        click.echo(f"\n{page}\n")
    if as_json:
        import json

        click.echo(json.dumps(printed[0] if len(printed) == 1 else printed, indent=1))


def suite_folders(results: Path, suite: str | None) -> list[Path]:
    """Return the results folder of a suite, or of all suites.

    Args:
        results: Folder of all results; the folder of one suite is taken too.
        suite: Name of a suite, or the path of its file.

    Raises:
        InputError: There is no such folder; the message names the nearest ones.
    """
    from graphlab.bench.problems import printable, suggestion
    from graphlab.errors import InputError

    if not results.is_dir():
        raise InputError(
            f"{results} is not a folder. Run a suite first, or name its place: --results DIR."
        )
    if suite is None and holds_runs(results):
        return [results]
    found = {folder.name: folder for folder in sorted(results.iterdir()) if holds_runs(folder)}
    if suite is None:
        if not found:
            raise InputError(f"{results} holds no runs. Run a suite first: graphlab-bench run.")
        return list(found.values())
    name = Path(suite).stem if suite.endswith(".toml") else suite
    folder = found.get(name) or next(
        (f for n, f in found.items() if n.lower().replace("_", "-") == name.lower()), None
    )
    if folder is None:
        near = suggestion(name, found) if found else " No suite has run there."
        raise InputError(f"{results} holds no runs of {printable(name)}.{near}")
    return [folder]


def holds_runs(folder: Path) -> bool:
    """Tell whether a folder is that of a suite: cells with run folders, finished or not."""
    return folder.is_dir() and (
        next(folder.glob("*/*/run.json"), None) is not None
        or next(folder.glob("*/*/config.json"), None) is not None
    )
