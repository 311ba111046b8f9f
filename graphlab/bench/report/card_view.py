"""The card of a model or a data set on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from graphlab.bench.report.display import metric_style, plain
from graphlab.bench.report.run_view import facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

    from graphlab.datasets.card import DatasetCard
    from graphlab.registry import ModelCard

__all__ = ["dataset_parts", "dataset_values", "model_parts", "model_values"]

_UNKNOWN = "not stated"


def model_parts(card: ModelCard) -> list[RenderableType]:
    """Return what is printed for a model: paper, options with defaults, presets, search space."""
    options = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for head in ("option", "type", "default", "search"):
        options.add_column(head, overflow="fold")
    for option in card.options.values():
        options.add_row(
            Text(option.name),
            Text(option.annotation),
            Text("required" if option.required else str(option.default)),
            Text(_search(card.search.get(option.name))),
        )
    parts: list[RenderableType] = [
        Text(f"model/{plain(card.name)}", style="bold"),
        facts(
            {
                "what": plain(card.summary, 300),
                "paper": plain(card.paper, 300),
                "tasks": ", ".join(card.tasks),
                "class": f"{card.module}.{card.cls}" if card.module else card.cls,
                "file": str(card.file),
                "features": "dense or sparse" if card.sparse_input else "dense",
            }
        ),
        Text("\nOptions", style="bold"),
        options if card.options else Text("none", style="dim"),
    ]
    if card.presets:
        parts.append(Text("\nPresets (used by default on their data set)", style="bold"))
        alike: dict[str, list[str]] = {}  # many names share their settings
        for name, preset in card.presets.items():
            alike.setdefault(_preset(preset), []).append(name)
        parts.append(facts({"\n".join(names): text for text, names in alike.items()}))
    return parts


def model_values(card: ModelCard) -> dict[str, Any]:
    """Return a model's card as plain values."""
    return {
        "name": card.name,
        "summary": card.summary,
        "paper": card.paper,
        "tasks": list(card.tasks),
        "class": card.cls,
        "module": card.module,
        "file": str(card.file),
        "options": {
            option.name: {
                "annotation": option.annotation,
                "default": option.default,
                "required": option.required,
            }
            for option in card.options.values()
        },
        "presets": {name: dict(preset) for name, preset in card.presets.items()},
        "search": dict(card.search),
    }


def dataset_parts(card: DatasetCard) -> list[RenderableType]:
    """Return what is printed for a data set: counts, protocols, licence, files."""
    from graphlab.datasets.catalog import status

    kind = "directed edges" if card.directed else "undirected edges"
    entries: dict[str, str] = {
        "what": plain(card.title, 300),
        "graphs": f"{card.num_graphs:,}" if card.num_graphs != 1 else "",
        "nodes": _count(card.num_nodes),
        kind: _count(card.num_edges),
        "features": _count(card.num_features),
        "classes": _count(card.num_classes),
    }
    for task in card.tasks:
        first, *others = card.protocols.get(task, ("",))
        text = f"{first} (default)" + "".join(f", {other}" for other in others) if first else ""
        metrics = ", ".join(metric_style(m).short for m in card.metrics.get(task, ()))
        entries[f"{task} protocols"] = text
        entries[f"{task} metrics"] = metrics
    entries |= {
        "files": status(card),
        "download": _bytes(card.bytes_download),
        "in memory": _bytes(card.bytes_memory),
        "licence": _stated(card.licence),
        "source": _stated(card.source),
        "homepage": _stated(card.homepage),
        "citation": _stated(card.citation),
        "aliases": ", ".join(card.aliases),
        "notes": plain(card.notes, 1000),
    }
    return [Text(f"dataset/{plain(card.name)}", style="bold"), facts(entries)]


def dataset_values(card: DatasetCard) -> dict[str, Any]:
    """Return a data set's card as plain values."""
    same = (
        "name",
        "title",
        "num_graphs",
        "num_nodes",
        "num_edges",
        "directed",
        "num_features",
        "num_classes",
        "bytes_download",
        "bytes_memory",
        "licence",
        "source",
        "homepage",
        "citation",
        "notes",
        "embedded",
    )
    from graphlab.datasets.catalog import status

    return {
        **{name: getattr(card, name) for name in same},
        "aliases": list(card.aliases),
        "tasks": list(card.tasks),
        "protocols": {task: list(ids) for task, ids in card.protocols.items()},
        "metrics": {task: list(ids) for task, ids in card.metrics.items()},
        "files": list(card.required_files),
        "status": status(card),
    }


def _preset(preset: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{part}.{name}={value}"
        for part, values in preset.items()
        for name, value in values.items()
    )


def _search(space: Any) -> str:  # noqa: ANN401  (a literal of the decorator)
    if space is None:
        return ""
    if isinstance(space, tuple):
        low, high, *how = space
        return f"{low} to {high}" + (f", {how[0]}" if how else "")
    return ", ".join(map(str, space)) if isinstance(space, list) else str(space)


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _bytes(number: int | None) -> str:
    return "" if number is None else f"{number / 1e6:,.1f} MB"


def _stated(text: str) -> str:
    return "" if text == _UNKNOWN else plain(text, 1000)
