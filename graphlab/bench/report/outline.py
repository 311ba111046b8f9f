"""What a report is to show: cells in the suite's order, planned seeds, sets left out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from graphlab.io import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from graphlab.bench.plan import Plan
    from graphlab.bench.record import RunRecord

__all__ = ["Outline", "OutlineCell", "load_outline", "merge_outlines", "save_outline"]

PLAN_FILE = "plan.json"
#: Suite name of runs made from flags alone: they share no plan, so every cell is shown.
_ADHOC = "adhoc"
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class OutlineCell:
    """One system on one data set under one protocol: a cell of the result table.

    Args:
        cell_id: Hash of all settings but the seed.
        system: Row name.
        model: Registry name of the model.
        dataset: Data set.
        task: Task name.
        protocol: Protocol id.
        planned: Number of planned runs.
        part: Title of the suite's part; parts of different titles have tables of their own.
        metric: The metric by which epochs are selected, "" when that is the loss or unknown.
    """

    cell_id: str
    system: str
    model: str
    dataset: str
    task: str
    protocol: str
    planned: int
    part: str = ""
    metric: str = ""

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Row and column: two cells of one place differ in their settings only."""
        return (self.system, self.dataset, self.task, self.protocol)


@dataclass(frozen=True)
class Outline:
    """The shape of a report, from a plan, from its saved copy, or from records alone.

    Args:
        name: Suite name.
        title: One line for people.
        cells: In the suite's order.
        skipped: (data set, reason) of sets that do not run.
        saved: Whether it stems from a plan; else every cell found in the records is in it.
    """

    name: str
    title: str
    cells: tuple[OutlineCell, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    saved: bool = False

    @classmethod
    def of(cls, plan: Plan) -> Outline:
        """Take the shape of a plan."""
        cells = tuple(
            OutlineCell(
                cell_id=c.cell_id,
                system=c.system,
                model=c.model,
                dataset=c.dataset,
                task=c.task,
                protocol=c.protocol,
                planned=len(c.runs),
                part=c.part,
                metric=_metric(c.runs[0].recipe.get("monitor")),
            )
            for c in plan.cells
        )
        skipped = tuple((s.name, s.reason) for s in plan.skipped)
        return cls(plan.suite.name, plan.suite.title, cells, skipped, saved=True)

    @classmethod
    def from_records(cls, records: Iterable[RunRecord]) -> Outline:
        """Take the shape of what has run, in order of the first start.

        All cells of a suite have as many runs, so the largest number found is taken for planned;
        runs of flags alone have no common plan, and each cell counts for itself.
        """
        ordered = sorted(records, key=_started)
        seeds: dict[str, set[tuple[int, int | None]]] = {}
        for record in ordered:
            identity = record.identity
            seeds.setdefault(identity.cell_id, set()).add((identity.seed, identity.fold))
        most = max(map(len, seeds.values()), default=0)
        first = {record.identity.cell_id: record for record in reversed(ordered)}
        cells = tuple(
            OutlineCell(
                cell_id,
                (i := first[cell_id].identity).system,
                first[cell_id].config.model,
                i.dataset,
                i.task,
                i.protocol,
                len(runs) if i.suite == _ADHOC else most,
                first[cell_id].config.part,
                _metric(first[cell_id].config.recipe.get("monitor")),
            )
            for cell_id, runs in seeds.items()
        )
        name = ordered[0].identity.suite if ordered else ""
        title = next((r.config.title for r in ordered if r.config.title), name)
        return cls(name, title, cells)

    def to_json(self) -> dict[str, Any]:
        """Return the form that is saved beside the run folders."""
        return {
            "name": self.name,
            "title": self.title,
            "cells": [asdict(cell) for cell in self.cells],
            "skipped": [list(pair) for pair in self.skipped],
        }


def load_outline(results: Path) -> Outline | None:
    """Read the saved outline of a results folder, or None when there is none that can be read."""
    try:
        found = read_json(results / PLAN_FILE)
        cells = tuple(OutlineCell(**cell) for cell in found["cells"])
        skipped = tuple((str(name), str(reason)) for name, reason in found["skipped"])
        return Outline(str(found["name"]), str(found["title"]), cells, skipped, saved=True)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def save_outline(
    results: Path, plan: Plan, records: Iterable[RunRecord] | None = None
) -> Outline | None:
    """Save the shape of a plan beside the run folders, joined with what is saved there.

    A folder that cannot be written is no error: the report can be made without the file.

    Args:
        results: Folder of the suite.
        plan: The plan.
        records: Records in the folder; read when not given.

    Returns:
        The joined outline; None for runs of flags alone, which have no common plan.
    """
    if plan.suite.name == _ADHOC:
        return None
    if records is None:
        from graphlab.bench.store import RunStore

        records = RunStore(results).records()
    recorded = {record.identity.cell_id for record in records}
    old = load_outline(results)
    outline = merge_outlines(old, Outline.of(plan), recorded)
    if outline != old:
        try:
            results.mkdir(parents=True, exist_ok=True)
            write_json(results / PLAN_FILE, outline.to_json())
        except OSError:
            return outline
    return outline


def merge_outlines(old: Outline | None, new: Outline, recorded: Collection[str]) -> Outline:
    """Join a plan with the saved one, so that a narrowed run does not narrow the report.

    Cells of the old outline stay when they have records and the new plan has no cell in their
    place; the new plan's settings win.

    Args:
        old: The saved outline.
        new: The plan of this call.
        recorded: Ids of cells that have records.
    """
    if old is None:
        return new
    places = {cell.place for cell in new.cells}
    kept = [c for c in old.cells if c.place not in places and c.cell_id in recorded]
    if not kept:
        return new
    by_place = {cell.place: cell for cell in new.cells}
    cells = [by_place.pop(c.place, c) for c in old.cells if c.place in places or c in kept]
    ran = {cell.dataset for cell in (*cells, *by_place.values())}
    skipped = dict(old.skipped) | dict(new.skipped)
    return Outline(
        new.name,
        new.title,
        (*cells, *by_place.values()),
        tuple((name, why) for name, why in skipped.items() if name not in ran),
        saved=True,
    )


def _metric(monitor: object) -> str:
    """Name of a monitored metric; "metric" stands for one that only the data set tells."""
    return "" if monitor in {None, "loss", "metric"} else str(monitor)


def _started(record: RunRecord) -> tuple[datetime, str, int]:
    identity = record.identity
    return (record.lineage.started or _NEVER, identity.cell_id, identity.seed)
