"""From a suite as written to a checked :class:`~graphlab.bench.suite.Suite`; all problems at once.

A suite is TOML (or a dictionary of the same keys)::

    title    = "Citation graphs"
    task     = "node"
    protocol = "public"            # left out: each data set's default
    seeds    = 5                   # 0..4, or a list
    datasets = ["cora", "citeseer"]
    optional = ["pubmed"]          # run when present, else skipped and named
    run_optional = false           # leave them out until --optional or --dataset NAME

    [recipe]                       # fields of graphlab.train.Recipe, for all systems
    epochs = 100
    [task_options]
    feature_norm = "row"

    [[system]]                     # one row of the table
    model  = "dagnn"
    name   = "DAGNN, 5 hops"
    preset = "auto"                # the model's preset for the data set; "none"; a preset's name
    [system.options]
    K = 5
    [system.recipe]
    lr = 0.005
    [system.on.citeseer.options]   # per data set: options, recipe, task_options
    K = 10

Which place wins is told in :mod:`graphlab.bench.layers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphlab.bench.dataset_checks import DatasetReader, monitored
from graphlab.bench.document import Document, read_document
from graphlab.bench.layers import resolve
from graphlab.bench.problems import Problems, printable
from graphlab.bench.suite import Overrides, Settings, Suite
from graphlab.bench.system_checks import SystemReader
from graphlab.errors import ConfigError
from graphlab.registry import TaskCard, find_task, task_cards

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["load_suite"]

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
    "system",
)
_MOST_SEEDS = 10_000
_LARGEST_SEED = 2**32 - 1


def load_suite(
    source: str | Path | Mapping[str, object] | None = None,
    *,
    overrides: Overrides | None = None,
) -> Suite:
    """Read and check a suite completely, before anything is started.

    Args:
        source: Name of a shipped suite, path of a TOML file, a dictionary of the same keys, or
            ``None``: a suite made from the flags, or ``quick`` without any.
        overrides: What flags change.

    Raises:
        ConfigError: Every problem with its place and the nearest valid name.

    Example:
        >>> suite = {"task": "node", "datasets": ["debdeps"], "systems": [{"model": "gcn"}]}
        >>> load_suite(suite)
        Traceback (most recent call last):
        ...
        graphlab.errors.ConfigError: suite['systems']: systems is not a key of a suite. Did you \
mean system?
        suite['system']: there is no system: add [[system]] with model = NAME.
    """
    overrides = overrides or Overrides()
    return _SuiteReader(read_document(source, overrides), overrides).read()


@dataclass
class _SuiteReader:
    document: Document
    overrides: Overrides

    def __post_init__(self) -> None:
        self.problems = Problems(self.document.where)
        for flag in ("--file", "--model", "--dataset", "--data"):
            self.document.where.flags[flag,] = flag
        for problem in self.document.problems:
            self.problems.note(problem)

    def read(self) -> Suite:
        raw, settings, problems = self.document.raw, self.document.settings, self.problems
        for key in raw:
            if key not in _KEYS:
                problems.unknown((key,), key, "a key of a suite", _KEYS)
        title = self._title(raw.get("title", self.document.name))
        task = self._task(raw)
        seeds = self._seeds(raw.get("seeds", 3))
        sets = DatasetReader(problems, task, self.overrides)
        names = sets.read(raw)
        reader = SystemReader(problems, task, names, self.overrides.files)
        systems = reader.read(raw.get("system"))
        if self.document.source != "command line":
            systems = reader.choose(systems, self.overrides.models)
        systems = reader.with_flags(systems, settings)
        shared = Settings(recipe=reader.recipe((), raw), task_options=reader.task_options((), raw))
        datasets, skipped = sets.choose(self.document.source)
        problems.raise_any()
        if task is None:
            raise ConfigError("The suite names no task.")
        root = self.overrides.root
        suite = Suite(
            name=self.document.name,
            title=title,
            task=task.name,
            seeds=seeds,
            datasets=datasets,
            skipped=skipped,
            systems=tuple(systems),
            settings=shared,
            source=self.document.source,
            root=None if root is None else str(Path(root).expanduser().absolute()),
            files=self.overrides.files,
        )
        self._merged(suite, reader)
        problems.raise_any()
        return suite

    def _title(self, title: object) -> str:
        if not isinstance(title, str):
            got = printable(title, quote=True)
            self.problems.add(("title",), f"title must be a text (got {got}).")
        return str(title)

    def _task(self, raw: Mapping[str, object]) -> TaskCard | None:
        task = raw.get("task")
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

    def _merged(self, suite: Suite, reader: SystemReader) -> None:
        """Note contradictions that show only when all places are put together."""
        for system in suite.systems:
            for dataset in suite.datasets:
                try:
                    resolved = resolve(suite, system, dataset)
                except ConfigError as error:
                    for problem in error.problems:
                        self.problems.add(reader.place(system), problem)
                    continue
                monitor = resolved.recipe["monitor"]
                known = monitored(dataset, suite.task, resolved.task_options.get("metric"))
                if known is not None and monitor not in known:
                    what = f"a validation value of {dataset.name}"
                    self.problems.unknown(reader.place(system), f"monitor {monitor}", what, known)
