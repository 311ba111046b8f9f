"""Measures gains and predictors of every source and task; what is on disk is not done again."""

from __future__ import annotations

import re
import time
import warnings
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.bench.transfer.collections import SOURCES, draw_source, draw_task
from graphlab.bench.transfer.measure import measure, prepare
from graphlab.io import read_json, write_json
from graphlab.pretraining import pretrain_contrastive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from graphlab.bench.transfer.measure import PreparedTask
    from graphlab.bench.transfer.plan import TransferPlan
    from graphlab.graph import Graph
    from graphlab.pretraining.graphon import Align, Method

    Floats = np.ndarray[Any, np.dtype[np.float64]]

__all__ = ["MEASURES", "PREDICTORS", "UNTRAINED", "Experiment"]

VERSION = 1  # raised when a change moves what is stored
UNTRAINED = "no pre-training"
MEASURES = ("probe", "tuned")
_FEASIBILITY: Mapping[str, tuple[Method, Align]] = {
    "feasibility, hist + stretch": ("hist", "stretch"),
    "feasibility, hist + pad": ("hist", "pad"),
    "feasibility, sas + pad": ("sas", "pad"),
}
_BASELINES: Mapping[str, str] = {
    "density": "density",
    "mean degree": "mean_degree",
    "degree distribution": "degree_distribution",
    "number of nodes": "size",
}
PREDICTORS = (*_FEASIBILITY, *_BASELINES)
"""Nearness of a source to a task by several accounts: minus a distance each."""


class Experiment:
    """Gains and predictors of a plan, kept in one file a source and seed.

    Gains are measured for every seed. Predictors are of the graphs of the first seed: they are
    means over more than a hundred graphs; how far other draws move them was not measured.

    Args:
        plan: Sources, tasks, seeds.
        folder: Where files are kept: ``gains/SEED/SOURCE.json``, ``predictors/SEED/SOURCE.json``.
        root: Data root.
    """

    def __init__(self, plan: TransferPlan, folder: Path, root: str | None = None) -> None:
        self.plan, self.folder, self.root = plan, folder, root
        self._task = cache(self._drawn_task)

    def pending(self) -> int:
        """Return how many files are missing."""
        return len(list(self._missing()))

    def run(self, tell: Callable[[str], None] = lambda _: None) -> int:
        """Make what is missing, one file after the other; return how many were made."""
        missing = list(self._missing())
        for number, (kind, seed, source) in enumerate(missing, 1):
            start = time.perf_counter()
            content = self._gains(seed, source) if kind == "gains" else self._nearness(seed, source)
            seconds = time.perf_counter() - start
            path = self._path(kind, seed, source)
            path.parent.mkdir(parents=True, exist_ok=True)
            head = {"source": source, "seed": seed, "seconds": seconds}
            write_json(path, {**self._settings(), **head, **content})
            tell(f"[{number}/{len(missing)}] {kind}, seed {seed}: {source} ({seconds:.1f} s)")
        return len(missing)

    def accuracies(self, kind: str) -> tuple[Floats, Floats]:
        """Return accuracies (sources, tasks, seeds) and without pre-training (tasks, seeds)."""
        plan = self.plan
        return (
            self._array("gains", plan.sources, kind, plan.seeds),
            self._array("gains", (UNTRAINED,), kind, plan.seeds)[0],
        )

    def predictor(self, name: str) -> Floats:
        """Return one of :data:`PREDICTORS`, (sources, tasks)."""
        return self._array("predictors", self.plan.sources, name, self.plan.seeds[:1])[:, :, 0]

    # -- private ----------------------------------------------------------------------------------

    def _missing(self) -> Iterator[tuple[str, int, str]]:
        plan = self.plan
        for kind, sources, seeds in (
            ("gains", (UNTRAINED, *plan.sources), plan.seeds),
            ("predictors", plan.sources, plan.seeds[:1]),
        ):
            for seed in seeds:
                for source in sources:
                    path = self._path(kind, seed, source)
                    if not path.is_file() or not self._complete(read_json(path)):
                        yield kind, seed, source

    def _complete(self, content: Mapping[str, Any]) -> bool:
        same = all(content.get(key) == value for key, value in self._settings().items())
        return same and set(self.plan.tasks) <= set(content["tasks"])

    def _settings(self) -> dict[str, int]:
        return {"version": VERSION, "graphs": self.plan.graphs, "epochs": self.plan.epochs}

    def _path(self, kind: str, seed: int, source: str) -> Path:
        return self.folder / kind / str(seed) / f"{re.sub(r'[^a-z0-9]+', '-', source)}.json"

    def _array(
        self, kind: str, sources: tuple[str, ...], value: str, seeds: tuple[int, ...]
    ) -> Floats:
        """Return one number of each file and task, (sources, tasks, seeds)."""
        found = []
        for source in sources:
            files = [read_json(self._path(kind, seed, source))["tasks"] for seed in seeds]
            found.append([[tasks[task][value] for tasks in files] for task in self.plan.tasks])
        return np.array(found, np.float64)

    def _drawn_task(self, name: str, seed: int) -> PreparedTask:
        return prepare(draw_task(name, seed, root=self.root), seed)

    def _source(self, name: str, seed: int) -> list[Graph]:
        return draw_source(name, seed, count=self.plan.graphs, root=self.root)

    def _gains(self, seed: int, source: str) -> dict[str, Any]:
        untrained = source == UNTRAINED
        graphs = self._source(SOURCES[0] if untrained else source, seed)
        # all encoders of a seed begin with the same weights
        found = pretrain_contrastive(graphs, epochs=0 if untrained else self.plan.epochs, seed=seed)
        tasks = {
            task: asdict(measure(found.encoder, self._task(task, seed))) for task in self.plan.tasks
        }
        return {"settings": found.settings, "history": found.history, "tasks": tasks}

    def _nearness(self, seed: int, source: str) -> dict[str, Any]:
        graphs = self._source(source, seed)
        return {
            "tasks": {
                task: nearness(graphs, self._task(task, seed).task.graphs, seed)
                for task in self.plan.tasks
            }
        }


def nearness(source: list[Graph], target: list[Graph], seed: int) -> dict[str, float]:
    """Return all of :data:`PREDICTORS` for two collections; labels are not read."""
    from graphlab.pretraining import feasibility

    found: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that padding suits uneven sizes badly is the point
        for name, (method, align) in _FEASIBILITY.items():
            report = feasibility(
                source,
                target,
                families=("integrated", "topological"),
                method=method,
                align=align,
                seed=seed,
            )
            found[name] = float(report.score)
    # plain statistics do not depend on the estimator: those of the last report
    return found | {name: -float(report.baselines[key]) for name, key in _BASELINES.items()}
