"""Checks one part of a suite: task, seeds, data sets, systems and their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlab.bench.dataset_checks import DatasetReader, monitored
from graphlab.bench.layers import resolve
from graphlab.bench.problems import Problems, printable
from graphlab.bench.suite import Overrides, Part, Settings
from graphlab.bench.system_checks import SystemReader
from graphlab.errors import ConfigError
from graphlab.registry import TaskCard, find_task, task_cards

if TYPE_CHECKING:
    from graphlab.bench._parts import PartDocument

__all__ = ["PartReader"]

_KEYS = (
    "title",
    "task",
    "protocol",
    "seeds",
    "datasets",
    "optional",
    "run_optional",
    "recipe",
    "task_options",
    "features",
    "system",
)
_MOST_SEEDS = 10_000
_LARGEST_SEED = 2**32 - 1


class PartReader:
    """Turns one part as written into a :class:`~graphlab.bench.suite.Part`, noting all problems.

    Args:
        written: The part.
        source: How the suite is called in messages.
        overrides: The flags.
    """

    def __init__(self, written: PartDocument, source: str, overrides: Overrides) -> None:
        self.raw, self.settings = written.raw, written.settings
        self.source, self.overrides = source, overrides
        self.problems = Problems(written.where)
        for flag in ("--file", "--model", "--dataset", "--data"):
            written.where.flags[flag,] = flag
        self.task = self._task()
        self.sets = DatasetReader(self.problems, self.task, overrides)
        names = self.sets.read(self.raw)
        self.systems = SystemReader(self.problems, self.task, names, overrides.files)
        self.part = self._read()

    @property
    def applies(self) -> bool:
        """Whether the part has what the flags name: their systems, data sets, graph."""
        found = bool(self.part.datasets) or not self.overrides.datasets
        return bool(self.part.systems) and found and not self.sets.local_problems

    def check_merged(self) -> None:
        """Note contradictions that show only when the settings of all places are joined."""
        for system in self.part.systems:
            place = self.systems.place(system)
            for dataset in self.part.datasets:
                try:
                    resolved = resolve(self.part, system, dataset)
                except ConfigError as error:
                    for problem in error.problems:
                        self.problems.add(place, problem)
                    continue
                monitor = resolved.recipe["monitor"]
                known = monitored(dataset, self.part.task, resolved.task_options.get("metric"))
                if known is not None and monitor not in known:
                    what = f"a validation value of {dataset.name}"
                    self.problems.unknown(place, f"monitor {monitor}", what, known)

    # -- private ----------------------------------------------------------------------------------

    def _read(self) -> Part:
        for key in self.raw:
            if key not in _KEYS:
                self.problems.unknown((key,), key, "a key of a suite", _KEYS)
        title = self.raw.get("title", "")
        if not isinstance(title, str):
            got = printable(title, quote=True)
            self.problems.add(("title",), f"title must be a text (got {got}).")
        seeds = self._seeds(self.raw.get("seeds", 3))
        systems = self.systems.read(self.raw.get("system"))
        if self.source != "command line":
            systems = self.systems.choose(systems, self.overrides.models)
        datasets, skipped = self.sets.choose(self.source)
        if datasets or not self.overrides.datasets:  # else the part is left out as a whole
            systems = self.systems.with_flags(systems, self.settings)
        return Part(
            title=str(title),
            task="" if self.task is None else self.task.name,
            seeds=seeds,
            datasets=datasets,
            skipped=skipped,
            systems=tuple(systems),
            settings=Settings(
                recipe=self.systems.recipe((), self.raw),
                task_options=self.systems.task_options((), self.raw),
            ),
        )

    def _task(self) -> TaskCard | None:
        task = self.raw.get("task")
        if task is None:
            known = ", ".join(task_cards())
            self.problems.add(("task",), f"the suite names no task: add task = NAME ({known}).")
        elif not isinstance(task, str):
            got = printable(task, quote=True)
            self.problems.add(("task",), f"task must be a text (got {got}).")
        else:
            try:
                return find_task(task)
            except ConfigError:
                self.problems.unknown(("task",), task, "a task", task_cards())
        return None

    def _seeds(self, seeds: object) -> tuple[int, ...]:
        if isinstance(seeds, int) and not isinstance(seeds, bool):
            if 1 <= seeds <= _MOST_SEEDS:
                return tuple(range(seeds))
            text = f"seeds must lie in 1..{_MOST_SEEDS:,}, or be a list (got {printable(seeds)})."
        elif not isinstance(seeds, list | tuple):
            text = f"seeds must be a number or a list (got {printable(seeds, quote=True)})."
        elif not seeds or len(seeds) > _MOST_SEEDS:
            text = f"seeds must hold 1 to {_MOST_SEEDS:,} seeds (got {len(seeds)})."
        else:
            return self._seed_list(seeds)
        self.problems.add(("seeds",), text)
        return ()

    def _seed_list(self, seeds: list[object] | tuple[object, ...]) -> tuple[int, ...]:
        kept: list[int] = []
        for index, seed in enumerate(seeds):
            place = ("seeds", index)
            if isinstance(seed, bool) or not isinstance(seed, int):
                got = printable(seed, quote=True)
                self.problems.add(place, f"a seed must be an integer (got {got}).")
            elif not 0 <= seed <= _LARGEST_SEED:
                self.problems.add(place, f"a seed must lie in 0..{_LARGEST_SEED} (got {seed}).")
            elif seed in kept:
                self.problems.add(place, f"seed {seed} is listed twice.")
            else:
                kept.append(seed)
        return tuple(kept)
