"""From a checked suite to cells and runs, each named by a hash of all that decides its result."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlab.bench.layers import resolve
from graphlab.bench.suite import SkippedDataset, Suite
from graphlab.errors import ConfigError
from graphlab.io import canonical_json, sha256_bytes, sha256_file
from graphlab.train.recipes import RESULT_VERSION, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphlab.bench.store import Rerun, RunStore
    from graphlab.bench.suite import Part, SuiteDataset, System
    from graphlab.registry import ModelCard

__all__ = ["LATER_OPTIONS", "Cell", "Plan", "RunSpec", "SkippedDataset", "make_plan"]

_ID_DIGITS = 16
LATER_OPTIONS: dict[str, object] = {
    "add_features": [],
    "batch_size": None,
    "feature_pca": None,
    "node_metrics": False,
}
"""Task options newer than the first records: at this value a run is the one it always was."""


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One run, complete: a worker process needs nothing else to execute it.

    Attributes:
        suite: Name of the suite.
        title: Its title.
        part: Title of the suite's part, empty where it has none.
        system: Row name.
        model: Registry name of the model.
        model_file: The user's file with the model, ``None`` for an installed model.
        model_sha256: Checksum of the source of a model from outside the package.
        dataset: Data set, or the name of the user's own graph.
        data_path: The user's own graph.
        data_root: Data root named by the user.
        dataset_sha256: Checksum over all raw files.
        task: Task name.
        protocol: Protocol id.
        seed: Seed of split, initial weights and dropout.
        fold: Fold, for protocols with folds.
        options: All constructor arguments but those filled in from the data.
        recipe: All fields of ``Recipe``.
        task_options: All options of the task.
        overridden: Names that a person set.
        evaluate_test: Whether the selected state is tested; the runs of a search are not.
        sweep: Study and trial whose settings these are, ``None`` for those of a person.
        cell_id: Hash without seed and fold.
        run_id: Hash of everything that decides the result.
    """

    suite: str
    title: str
    part: str = ""
    system: str
    model: str
    model_file: str | None = None
    model_sha256: str | None = None
    dataset: str
    data_path: str | None = None
    data_root: str | None = None
    dataset_sha256: str
    task: str
    protocol: str
    seed: int
    fold: int | None = None
    options: dict[str, Any]  # JSON values, here and below
    recipe: dict[str, Any]
    task_options: dict[str, Any]
    overridden: tuple[str, ...] = ()
    evaluate_test: bool = True
    sweep: dict[str, Any] | None = None
    cell_id: str = ""
    run_id: str = ""

    def __post_init__(self) -> None:
        identity = self.identity()
        object.__setattr__(self, "cell_id", _digest(identity))
        object.__setattr__(
            self, "run_id", _digest({**identity, "seed": self.seed, "fold": self.fold})
        )

    def identity(self) -> dict[str, Any]:
        """Return what decides the result of a cell; seed and fold make it that of a run.

        The names of row, suite and part, file places and the limits of time are not in it.
        """
        return {
            "result_version": RESULT_VERSION,
            "task": self.task,
            "protocol": self.protocol,
            "dataset_sha256": self.dataset_sha256,
            "system": [self.model, self.model_sha256],
            "options": self.options,
            "recipe": Recipe.from_dict(self.recipe).result_fields(),
            "task_options": {
                name: value
                for name, value in self.task_options.items()
                if name not in LATER_OPTIONS or value != LATER_OPTIONS[name]
            },
            **({} if self.evaluate_test else {"evaluate_test": False}),
        }

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**dataclasses.asdict(self), "overridden": list(self.overridden)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunSpec:
        """Build the run of :meth:`to_json`; its ids are computed again."""
        given = {key: value for key, value in values.items() if key not in ("cell_id", "run_id")}
        return cls(**{**given, "overridden": tuple(given.get("overridden", ()))})


@dataclass(frozen=True)
class Cell:
    """One system on one data set: a cell of the result table, one run a seed."""

    cell_id: str
    system: str
    model: str
    dataset: str
    task: str
    protocol: str
    runs: tuple[RunSpec, ...]
    part: str = ""


@dataclass(frozen=True)
class Plan:
    """What a suite comes to.

    Attributes:
        suite: The suite.
        cells: In the order of parts, then data sets, then systems.
        skipped: Optional data sets that do not run, with the reason.
        results: Folder of the suite's run folders.
    """

    suite: Suite
    cells: tuple[Cell, ...]
    skipped: tuple[SkippedDataset, ...]
    results: Path

    @property
    def runs(self) -> tuple[RunSpec, ...]:
        """All runs, cell by cell."""
        return tuple(run for cell in self.cells for run in cell.runs)

    def pending(self, store: RunStore, rerun: Rerun | None = None) -> tuple[Cell, ...]:
        """Return the cells with runs that have no record yet, narrowed to those runs.

        Args:
            store: Where records are.
            rerun: Which finished runs count as pending again.
        """
        left = (
            (cell, tuple(run for run in cell.runs if not store.is_finished(run, rerun)))
            for cell in self.cells
        )
        return tuple(dataclasses.replace(cell, runs=runs) for cell, runs in left if runs)


def make_plan(suite: Suite, results: str | Path = "results") -> Plan:
    """Resolve every cell and name every run.

    Args:
        suite: A checked suite.
        results: Folder of all results; the suite's own folder lies in it.

    Raises:
        ConfigError: Two systems come to the same configuration on a data set.
        DatasetError: Files of a data set cannot be read.

    Cost: reads each data set's files once, to name runs by their content.
    """
    cells: list[Cell] = []
    seen: dict[str, str] = {}
    problems: list[str] = []
    places = [(part, dataset) for part in suite.parts for dataset in part.datasets]
    systems = {s.card.name: s for part in suite.parts for s in part.systems}
    sources = {name: _model_sha256(system.card) for name, system in systems.items()}
    sets = {dataset.name: dataset for _, dataset in places}
    checksums = {name: _data_sha256(suite, dataset) for name, dataset in sets.items()}
    for part, dataset in places:
        for system in part.systems:
            known = {
                "dataset_sha256": checksums[dataset.name],
                "model_sha256": sources[system.card.name],
            }
            cell = _cell(tuple(_runs(suite, part, system, dataset, known)))
            if cell.cell_id in seen:
                problems.append(
                    f"{suite.source}: {system.name} and {seen[cell.cell_id]} are the same "
                    f"configuration on {dataset.name}. Remove one, or change its settings."
                )
            seen[cell.cell_id] = system.name
            cells.append(cell)
    if problems:
        raise ConfigError(problems)
    return Plan(suite, tuple(cells), suite.skipped, Path(results) / suite.name)


def _cell(runs: tuple[RunSpec, ...]) -> Cell:
    one = runs[0]
    place = (one.system, one.model, one.dataset, one.task, one.protocol)
    return Cell(one.cell_id, *place, runs, one.part)


def _runs(
    suite: Suite,
    part: Part,
    system: System,
    dataset: SuiteDataset,
    known: Mapping[str, Any],
) -> Iterator[RunSpec]:
    resolved = resolve(part, system, dataset)
    for seed in part.seeds:
        yield RunSpec(
            suite=suite.name,
            title=suite.title,
            part=part.title,
            system=system.name,
            model=system.card.name,
            model_file=str(system.card.file) if system.card.module is None else None,
            dataset=dataset.name,
            data_path=dataset.data_path,
            data_root=suite.root,
            **known,
            task=part.task,
            protocol=dataset.protocol,
            seed=seed,
            options=resolved.options,
            recipe=resolved.recipe,
            task_options=resolved.task_options,
            overridden=resolved.overridden,
        )


def _data_sha256(suite: Suite, dataset: SuiteDataset) -> str:
    if dataset.data_path is not None:
        from graphlab.datasets.local import local_sha256

        return local_sha256(dataset.data_path)
    from graphlab.datasets.catalog import dataset_sha256, find_dataset

    return dataset_sha256(find_dataset(dataset.name), suite.root)


def _model_sha256(card: ModelCard) -> str | None:
    """Checksum of a model from outside; the package itself is versioned by RESULT_VERSION."""
    if card.module is not None and card.module.partition(".")[0] == "graphlab":
        return None
    return sha256_file(card.file)


def _digest(identity: Mapping[str, Any]) -> str:
    return sha256_bytes(canonical_json(identity).encode("ascii"))[:_ID_DIGITS]
