"""Reads a transfer experiment: which sources, which downstream tasks, how many seeds."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphlab.bench._toml_lines import key_lines
from graphlab.bench.problems import Problems, Where, printable
from graphlab.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["EXPERIMENT", "TransferPlan", "read_plan"]

EXPERIMENT = "transfer"
_KEYS = ("title", "experiment", "seeds", "graphs", "epochs", "sources", "tasks")
_LEAST = {"graphs": 2, "epochs": 0}
_FEWEST = 3  # sources: correlations are over them


@dataclass(frozen=True)
class TransferPlan:
    """What a transfer experiment consists of; each pair of source and task is one point.

    Attributes:
        name: Folder name under the results folder.
        title: One line for people.
        seeds: Seeds of graphs, weights and splits.
        sources: Collections to pre-train on.
        tasks: Downstream tasks.
        graphs: Graphs of a source.
        epochs: Of pre-training.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    sources: tuple[str, ...]
    tasks: tuple[str, ...]
    graphs: int = 150
    epochs: int = 25

    @property
    def num_points(self) -> int:
        """Pairs of a source and a task."""
        return len(self.sources) * len(self.tasks)


def read_plan(path: Path, seeds: Sequence[int] | None = None) -> TransferPlan:
    """Read and check the file of a transfer experiment.

    Args:
        path: TOML with ``title``, ``experiment = "transfer"``, ``seeds`` (a number, or a list),
            ``graphs`` (of a source), ``epochs``, ``sources`` and ``tasks``; names as in
            :mod:`graphlab.bench.transfer.collections`.
        seeds: In place of the file's.

    Raises:
        ConfigError: All problems with file, line and the nearest valid name.
    """
    from graphlab.bench.transfer.collections import SOURCES, TASKS

    text = path.read_text(encoding="utf-8")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path.name}: no TOML: {error}.") from error
    problems = Problems(Where(path.name, key_lines(text)))
    for key in raw:
        if key not in _KEYS:
            problems.unknown((key,), key, "a key of a transfer experiment", _KEYS)
    if raw.get("experiment") != EXPERIMENT:
        got = printable(raw.get("experiment"), quote=True)
        problems.add(("experiment",), f'experiment must be "{EXPERIMENT}" (got {got}).')
    sources = _names(problems, raw, "sources", SOURCES)
    tasks = _names(problems, raw, "tasks", TASKS)
    if 0 < len(sources) < _FEWEST:
        text = f"expected at least {_FEWEST} sources, correlations are over them"
        problems.add(("sources",), f"{text} (got {len(sources)}).")
    given = _seeds(raw.get("seeds", 3))
    if given is None:
        problems.add(("seeds",), "seeds must be a number above 0, or a list of whole numbers.")
    sizes = {key: raw.get(key, default) for key, default in (("graphs", 150), ("epochs", 25))}
    for key, value in sizes.items():
        if type(value) is not int or value < _LEAST[key]:
            got = printable(str(value))
            problems.add((key,), f"{key} must be a whole number >= {_LEAST[key]} (got {got}).")
    problems.raise_any()
    title = str(raw.get("title", path.stem))
    return TransferPlan(path.stem, title, tuple(seeds or given or ()), sources, tasks, **sizes)


# -- private --------------------------------------------------------------------------------------


def _names(
    problems: Problems, raw: Mapping[str, Any], key: str, known: Iterable[str]
) -> tuple[str, ...]:
    names = raw.get(key, list(known))
    if not isinstance(names, list) or not names:
        problems.add((key,), f"{key} must be a list of names.")
        return ()
    for number, name in enumerate(names):
        if name not in known:
            problems.unknown((key, number), str(name), f"one of the {key}", known)
        elif name in names[:number]:
            problems.add((key, number), f"{printable(name)} is listed twice.")
    return tuple(map(str, names))


def _seeds(value: object) -> tuple[int, ...] | None:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return tuple(range(value))
    whole = isinstance(value, list) and all(type(seed) is int and seed >= 0 for seed in value)
    return tuple(value) if whole and isinstance(value, list) and value else None
