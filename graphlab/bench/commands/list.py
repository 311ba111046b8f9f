"""``graphlab-bench list``: models, data sets, tasks, suites, protocols; read without torch."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import click

from graphlab.bench.commands import _flags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["command"]

Row = dict[str, object]
_PLAIN_WIDTH = 160


@click.command("list", short_help="List what there is.")
@click.argument("kind", required=False, metavar="[models|datasets|tasks|suites|protocols]")
@_flags.as_json
def command(kind: str | None, *, as_json: bool) -> None:
    """List models, data sets, tasks, suites and protocols; all five without a word."""
    from graphlab.bench.problems import printable, suggestion
    from graphlab.errors import InputError
    from graphlab.registry import normalise_name

    wanted = normalise_name(kind) if kind else None
    if wanted is not None and wanted not in _KINDS:
        raise InputError(f"{printable(kind)} cannot be listed.{suggestion(wanted, _KINDS)}")
    kinds = [wanted] if wanted else list(_KINDS)
    rows = {name: _KINDS[name]() for name in kinds}
    if as_json:
        import json

        click.echo(json.dumps(rows, allow_nan=False, indent=1))
        return
    for name in kinds:
        _print(name, rows[name])


def _models() -> list[Row]:
    from graphlab.registry import model_cards

    return [
        {
            "name": card.name,
            "tasks": list(card.tasks),
            "summary": card.summary,
            "presets": [name for name in card.presets if name != "default"],
            "paper": card.paper,
        }
        for _, card in sorted(model_cards().items())
    ]


def _datasets() -> list[Row]:
    from graphlab.datasets.catalog import cards, status

    return [
        {
            "name": card.name,
            "tasks": list(card.tasks),
            "nodes": card.num_nodes,
            "edges": card.num_edges,
            "features": card.num_features,
            "classes": card.num_classes,
            "protocols": list(dict.fromkeys(p for ids in card.protocols.values() for p in ids)),
            "files": status(card),
        }
        for card in cards().values()
    ]


def _tasks() -> list[Row]:
    from graphlab.registry import task_cards

    return [
        {
            "name": card.name,
            "summary": card.summary,
            "protocols": list(card.protocols),
            "options": list(card.options),
        }
        for _, card in sorted(task_cards().items())
    ]


def _suites() -> list[Row]:
    from graphlab.bench._parts import part_tables
    from graphlab.bench.document import suite_files

    rows: list[Row] = []
    for name, path in suite_files().items():
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        if "experiment" in raw:
            rows.append(_experiment(name, raw))
            continue
        parts = part_tables(raw)
        systems = [system for part in parts for system in _listed(part, "system")]
        rows.append(
            {
                "name": name,
                "title": raw.get("title", name),
                "tasks": _every(part.get("task") for part in parts),
                "datasets": _every(d for part in parts for d in _listed(part, "datasets")),
                "optional": _every(d for part in parts for d in _listed(part, "optional")),
                "systems": _every(s.get("name", s.get("model")) for s in systems),
                "seeds": max((_seeds(part.get("seeds")) for part in parts), default=0),
            }
        )
    return rows


def _experiment(name: str, raw: Mapping[str, Any]) -> Row:
    """Show an experiment of its own kind: what it trains on as systems, its tasks as data."""
    return {
        "name": name,
        "title": raw.get("title", name),
        "tasks": [raw["experiment"]],
        "datasets": _listed(raw, "tasks"),
        "optional": [],
        "systems": _listed(raw, "sources"),
        "seeds": _seeds(raw.get("seeds")),
    }


def _listed(part: Mapping[str, Any], key: str) -> list[Any]:
    return list(part.get(key, ()))


def _every(values: Iterable[object]) -> list[object]:
    """Return each value once, in order."""
    return list(dict.fromkeys(values))


def _seeds(seeds: object) -> int:
    if isinstance(seeds, list):
        return len(seeds)
    return seeds if isinstance(seeds, int) else 3


def _protocols() -> list[Row]:
    """Protocols of the tasks, each with the sets that offer it; its default sets are starred."""
    from graphlab.datasets.catalog import cards
    from graphlab.registry import task_cards

    rows: list[Row] = []
    for task in sorted(task_cards()):
        for protocol in task_cards()[task].protocols:
            offered = [c for c in cards().values() if protocol in c.protocols.get(task, ())]
            rows.append(
                {
                    "name": protocol,
                    "task": task,
                    "default_of": [c.name for c in offered if c.protocols[task][0] == protocol],
                    "also_for": [c.name for c in offered if c.protocols[task][0] != protocol],
                }
            )
    return rows


_KINDS: Mapping[str, Callable[[], list[Row]]] = {
    "models": _models,
    "datasets": _datasets,
    "tasks": _tasks,
    "suites": _suites,
    "protocols": _protocols,
}


def _print(name: str, rows: list[Row]) -> None:
    from rich.table import Table
    from rich.text import Text

    from graphlab.bench.report.display import plain
    from graphlab.bench.screen import show

    table = Table(title=name, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in rows[0] if rows else ():
        numeric = all(isinstance(row[column], int | None) for row in rows)
        table.add_column(column.replace("_", " "), justify="right" if numeric else "left")
    for row in rows:
        cells = [plain(_cell(value), 400) for value in row.values()]
        table.add_row(*(Text(cell) for cell in cells))
    show(table, Text(), width=_PLAIN_WIDTH)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
