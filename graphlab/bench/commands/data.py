"""``graphlab-bench data``: list, inspect, fetch and verify data sets; needs no torch."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.datasets.card import DatasetCard
    from graphlab.datasets.verifying import FileState

__all__ = ["command"]

_BAD = 2
_ROOT = click.option(
    "--root", metavar="DIR", help="Data root (default: GRAPHLAB_DATA, else cache)."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
_COLUMNS = ("name", "tasks", "nodes", "edges", "features", "classes", "protocols", "status")


@click.group(name="data", help="List, inspect, fetch and verify data sets.")
def command() -> None:
    """Group of the sub-commands below."""


@command.command("list")
@_ROOT
@_JSON
def list_sets(root: str | None, as_json: bool) -> None:
    """List all data sets: what they hold, and whether their files are here."""
    from graphlab.datasets.catalog import cards

    rows = [_summary(card, root) for card in cards().values()]
    if as_json:
        _print_json(rows)
        return
    lines = [[_cell(row, column) for column in _COLUMNS] for row in rows]
    _table(_COLUMNS, lines, right={"nodes", "edges", "features", "classes"})
    _note(
        "edges: undirected ones once, d: directed ones; G: a set of graphs, counts of all together."
    )


@command.command("info")
@click.argument("name")
@_ROOT
@_JSON
def info(name: str, root: str | None, as_json: bool) -> None:
    """Show the card of data set NAME: counts, protocols, licence, citation, files."""
    from graphlab.datasets.catalog import find_dataset

    card = find_dataset(name)
    facts = _facts(card, root)
    if as_json:
        _print_json(facts)
        return
    files = facts.pop("files")
    width = max(map(len, facts))
    for key, value in facts.items():
        click.echo(f"{key.replace('_', ' '):<{width}}  {_readable(value)}")
    if files:
        click.echo()
        shown = ("file", "bytes", "sha256", "state")
        _table(shown, [[str(file[key] or "not stated") for key in shown] for file in files])


@command.command("fetch")
@click.argument("name")
@click.option("--force", is_flag=True, help="Download again what is there.")
@_ROOT
@_JSON
def fetch(name: str, force: bool, root: str | None, as_json: bool) -> None:
    """Download the missing files of data set NAME into the data root."""
    from graphlab.datasets.catalog import find_dataset
    from graphlab.datasets.fetching import fetch as fetch_files

    card = find_dataset(name)
    announce = None if as_json else _note
    fetched = fetch_files(card, root, force=force, announce=announce)
    rows = [
        {
            "file": str(file.path),
            "url": file.url,
            "bytes": file.size,
            "sha256": file.sha256,
            "verified": file.verified,
        }
        for file in fetched
    ]
    if as_json:
        _print_json({"name": card.name, "fetched": rows})
        return
    for row in rows:
        word = "verified" if row["verified"] else "unverified: the card states no checksum"
        click.echo(f"{row['file']}  {row['bytes']} bytes  sha256 {row['sha256']}  ({word})")
    if not rows:
        why = "is shipped with graphlab" if card.embedded else "was there already"
        click.echo(f"{card.name} {why}; nothing was fetched.")


@command.command("verify")
@click.argument("name", required=False)
@_ROOT
@_JSON
def verify(name: str | None, root: str | None, as_json: bool) -> int:
    """Check the files of data set NAME, or of all that are here, against their checksums."""
    from graphlab.datasets.catalog import cards, find_dataset, locate
    from graphlab.datasets.verifying import verify as verify_files

    chosen = [find_dataset(name)] if name is not None else list(cards().values())
    states = {card.name: verify_files(card, root) for card in chosen}
    if name is not None and any(s.state == "missing" for s in states[chosen[0].name]):
        locate(chosen[0], root)  # says what is missing and what to do
    here = {key: found for key, found in states.items() if _is_here(found)}
    damaged = [state for found in here.values() for state in found if state.state == "damaged"]
    if as_json:
        _print_json({key: [_state_json(s) for s in found] for key, found in here.items()})
        return _BAD if damaged else 0
    for key, found in here.items():
        click.echo(f"{key:<20}  {_verdict(found)}")
    if name is None:
        click.echo(f"{len(chosen) - len(here)} sets have no file here.")
    for state in damaged:
        click.echo(f"error: {state.problem}", err=True)
    return _BAD if damaged else 0


@command.command("path")
@_ROOT
@_JSON
def path(root: str | None, as_json: bool) -> None:
    """Print the data root, where files are looked for first and downloads go."""
    from graphlab.datasets.catalog import data_root, mirrors

    if as_json:
        _print_json({"root": str(data_root(root)), "mirrors": [str(p) for p in mirrors()]})
        return
    click.echo(str(data_root(root)))
    for mirror in mirrors():
        _note(f"mirror (read only): {mirror}")


def _summary(card: DatasetCard, root: str | None) -> dict[str, Any]:
    from graphlab.datasets.catalog import status

    return {
        "name": card.name,
        "tasks": list(card.tasks),
        "graphs": card.num_graphs,
        "nodes": card.num_nodes,
        "edges": card.num_edges,
        "directed": card.directed,
        "features": card.num_features,
        "classes": card.num_classes,
        "protocols": {task: list(ids) for task, ids in card.protocols.items()},
        "status": status(card, root),
    }


def _facts(card: DatasetCard, root: str | None) -> dict[str, Any]:
    from graphlab.datasets.files import places
    from graphlab.datasets.readers import has_reader

    embedded = str(card.folder) if card.files else "generated"
    return {
        **_summary(card, root),
        "readable": has_reader(card),
        "title": card.title,
        "aliases": list(card.aliases),
        "metrics": {task: list(ids) for task, ids in card.metrics.items()},
        "folder": embedded if card.embedded else str(places(card, card.subdir, root)[0]),
        "licence": card.licence,
        "source": card.source,
        "homepage": card.homepage,
        "citation": card.citation,
        "notes": card.notes,
        "bytes_download": card.bytes_download,
        "bytes_memory": card.bytes_memory,
        "files": _file_facts(card, root),
    }


def _file_facts(card: DatasetCard, root: str | None) -> list[dict[str, Any]]:
    from graphlab.datasets.files import missing_files

    missing = set(missing_files(card, root))
    return [
        {
            "file": file.path,
            "bytes": file.bytes,
            "sha256": file.sha256,
            "also": list(file.also),
            "url": file.url or (card.download.archive if card.download else None),
            "required": file.path in card.files,
            "state": _presence(card, file.path, missing),
        }
        for file in (*card.files.values(), *card.optional.values())
    ]


def _presence(card: DatasetCard, file: str, missing: set[str]) -> str:
    if file not in card.files:
        return "optional"
    return "missing" if file in missing else "present"


def _cell(row: dict[str, Any], column: str) -> str:
    value = row[column]
    if column == "protocols":
        return ", ".join(dict.fromkeys(protocol for ids in value.values() for protocol in ids))
    if column == "tasks":
        return ", ".join(value)
    if value is None:
        return "?"
    if column == "edges" and row["directed"]:
        return f"{value:,}d"
    if column == "nodes" and row["graphs"] > 1:
        return f"{value:,}G"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _is_here(found: Sequence[FileState]) -> bool:
    return not found or any(state.state != "missing" for state in found)


def _verdict(found: Sequence[FileState]) -> str:
    if not found:
        return "generated, no files"
    counts = {
        word: sum(state.state == word for state in found)
        for word in ("ok", "unverified", "damaged", "missing")
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _state_json(state: FileState) -> dict[str, Any]:
    place = None if state.place is None else str(state.place)
    return {"file": state.path, "state": state.state, "place": place, "problem": state.problem}


def _readable(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {', '.join(ids)}" for key, ids in value.items())
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return "unknown" if value is None else str(value) or "none"


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


def _note(text: str) -> None:
    """A line that is no result goes to the error stream."""
    click.echo(text, err=True)


def _table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: frozenset[str] | set[str] = frozenset(),
) -> None:
    """Print a table: by rich on a terminal, aligned plain text elsewhere."""
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False)
        for column in columns:
            table.add_column(column, justify="right" if column in right else "left")
        for row in rows:
            table.add_row(*map(Text, row))
        Console().print(table)
        return
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        cells = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for cell, width, name in zip(row, widths, columns, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())
