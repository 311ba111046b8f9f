"""A checked suite as plain values: what to run, on what, with which settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from graphlab.registry import ModelCard

__all__ = ["Overrides", "Part", "Settings", "SkippedDataset", "Suite", "SuiteDataset", "System"]


@dataclass(frozen=True)
class Settings:
    """What one place sets: model options, recipe fields, task options; values as JSON has them."""

    options: Mapping[str, object] = field(default_factory=dict)
    recipe: Mapping[str, object] = field(default_factory=dict)
    task_options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """One ``[[system]]`` table: a model with its settings, a row of the result table.

    Attributes:
        name: Row name in tables.
        card: The model.
        preset: ``"auto"`` (the card's preset for the data set), ``"none"`` or a preset's name.
        settings: The table's own settings.
        on: Settings for single data sets, by data set name.
        flags: Settings of ``--set``, the strongest.
    """

    name: str
    card: ModelCard
    preset: str = "auto"
    settings: Settings = field(default_factory=Settings)
    on: Mapping[str, Settings] = field(default_factory=dict)
    flags: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class SuiteDataset:
    """A data set of a suite with the protocol it is used under.

    Attributes:
        name: Canonical name, or the name of the user's own graph.
        protocol: Protocol id.
        data_path: Folder or file of the user's own graph, ``None`` for catalogued sets.
    """

    name: str
    protocol: str
    data_path: str | None = None


@dataclass(frozen=True)
class SkippedDataset:
    """A data set of the suite that will not run, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Part:
    """Systems on data sets under one task: a whole suite, or one ``[[part]]`` of it.

    Attributes:
        title: One line for people; empty in a suite of one part, which has a title itself.
        task: Task name.
        seeds: Seeds of every cell.
        datasets: Sets that will run.
        skipped: Optional sets that will not.
        systems: Rows.
        settings: ``[recipe]`` and ``[task_options]``.
    """

    title: str
    task: str
    seeds: tuple[int, ...]
    datasets: tuple[SuiteDataset, ...]
    skipped: tuple[SkippedDataset, ...]
    systems: tuple[System, ...]
    settings: Settings


@dataclass(frozen=True)
class Suite:
    """A suite in which every name, type and range has been checked.

    Attributes:
        name: Folder name under the results folder.
        title: One line for people.
        parts: One, or those of the ``[[part]]`` tables that the flags leave.
        source: File, ``"command line"`` or ``"suite"`` for a dictionary.
        root: Data root named by the user.
        files: Python files with the user's own models.
    """

    name: str
    title: str
    parts: tuple[Part, ...]
    source: str
    root: str | None = None
    files: tuple[Path, ...] = ()

    @property
    def skipped(self) -> tuple[SkippedDataset, ...]:
        """Optional sets of any part that will not run, each once."""
        return tuple(dict.fromkeys(skip for part in self.parts for skip in part.skipped))


@dataclass(frozen=True)
class Overrides:
    """What flags, or keyword arguments of ``graphlab.bench.run``, change in a suite.

    Attributes:
        task: Task of a suite made from flags; narrows a suite of several parts.
        protocol: Replaces the suite's protocol; narrows a suite of several parts.
        models: Narrow a suite to these models or systems, or make a suite of them.
        datasets: Narrow a suite to these sets, or make a suite of them.
        files: Python files with the user's own models.
        data: The user's own graph; replaces the data sets.
        seeds: Number of seeds, from 0.
        seed: One seed; wins over ``seeds``.
        settings: Pairs of a dotted name and a value, e.g. ``("recipe.lr", 0.01)``.
        root: Data root.
        optional: Run the optional sets of a suite that leaves them out.
        max_seconds: Longest time of a run; decides no result.
        node_metrics: Keep how each node of the test edges ranks all nodes.
        ssl: A pretext task that is trained as well; in a suite of flags beside the plain model.
    """

    task: str | None = None
    protocol: str | None = None
    models: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    data: Path | None = None
    seeds: int | None = None
    seed: int | None = None
    settings: tuple[tuple[str, object], ...] = ()
    root: str | None = None
    optional: bool = False
    max_seconds: float | None = None
    node_metrics: bool = False
    ssl: str | None = None

    def make_suite(self) -> bool:
        """Whether these flags, without a named suite, make a suite of their own."""
        return bool(
            self.task or self.protocol or self.models or self.datasets or self.files or self.data
        )
