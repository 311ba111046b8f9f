"""Flags that several sub-commands have, written once: equal name, type, default and help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "as_json",
    "data",
    "device",
    "echo_json",
    "files",
    "max_seconds",
    "parsed",
    "results",
    "root",
]

T = TypeVar("T")
_PATH = click.Path(path_type=Path)

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
data = click.option("--data", metavar="PATH", type=_PATH, help="A graph of your own.")
device = click.option(
    "--device", default="cpu", show_default=True, help="cpu, cuda, cuda:N or mps."
)
files = click.option(
    "--file",
    "files",
    multiple=True,
    metavar="FILE.py",
    type=_PATH,
    help="File with models of your own (@register_model).",
)
max_seconds = click.option(
    "--max-seconds", type=float, metavar="S", help="Longest time of one training."
)
results = click.option(
    "--results",
    metavar="DIR",
    default="results",
    show_default=True,
    type=_PATH,
    help="Folder of all results.",
)
root = click.option("--root", metavar="DIR", help="Folder of the data sets.")


def parsed(texts: Iterable[str], parse: Callable[[str], T], problems: list[str]) -> list[T]:
    """Parse the values of a flag that may be given many times; add what is wrong to ``problems``.

    Args:
        texts: Values as they were typed.
        parse: Raises ConfigError for one that it cannot read.
        problems: All problems of the command so far.
    """
    from graphlab.errors import ConfigError

    found = []
    for text in texts:
        try:
            found.append(parse(text))
        except ConfigError as error:
            problems += error.problems
    return found


def echo_json(values: object) -> None:
    """Print the one object of ``--json``."""
    click.echo(json.dumps(values, allow_nan=False, indent=1, sort_keys=True))
