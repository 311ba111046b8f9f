"""Finds the two sides of a comparison: folders, suites, systems, models, cells; by name or id."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from graphlab.bench.commands.report import holds_runs
from graphlab.bench.problems import printable, suggestion
from graphlab.bench.report.display import plain
from graphlab.bench.report.grid import main_metric, outcomes, runs_by_cell
from graphlab.bench.report.marks import share_of_test
from graphlab.bench.report.outline import Outline, load_outline
from graphlab.bench.report.tables import Cell
from graphlab.bench.store import RunStore
from graphlab.errors import InputError
from graphlab.registry import normalise_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.outline import OutlineCell

__all__ = [
    "Side",
    "SideCell",
    "altered_notes",
    "cell_of",
    "listed",
    "metric_of",
    "side_of_name",
    "side_of_records",
]

_HEX = re.compile(r"[0-9a-f]{1,64}")
_MOST = 6


@dataclass(frozen=True)
class SideCell:
    """One system on one data set under one protocol, with its runs.

    Args:
        shape: What it is.
        runs: Its records, by seed.
        home: Folder of its suite, "" for records that were handed over.
        current: Whether the suite still plans it; others are found by their id alone.
    """

    shape: OutlineCell
    runs: tuple[RunRecord, ...]
    home: str = ""
    current: bool = True

    @property
    def place(self) -> tuple[str, str, str]:
        """Data set, task and protocol: cells of one place can be compared."""
        return (self.shape.dataset, self.shape.task, self.shape.protocol)


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    Args:
        label: As it was named.
        cells: Its cells.
        by_system: Whether it is a suite or a folder, of which systems are taken by their names.
        altered: Records in it that were altered after they were written.
    """

    label: str
    cells: tuple[SideCell, ...]
    by_system: bool = False
    altered: tuple[Path, ...] = ()

    def only(self, kept: Sequence[SideCell], *, by_system: bool = False) -> Side:
        """Return the side with fewer cells and the altered records of those alone."""
        ids = {cell.shape.cell_id for cell in kept}
        altered = tuple(path for path in self.altered if path.parent.parent.name in ids)
        return replace(self, cells=tuple(kept), by_system=by_system, altered=altered)


def side_of_records(records: Iterable[RunRecord], label: str) -> Side:
    """Return a side from records at hand, such as a result of ``graphlab.bench.run``.

    Raises:
        InputError: There are none.
    """
    runs = list(records)
    if not runs:
        raise InputError(f"{label} holds no runs; expected records of at least one cell.")
    cells = tuple(_cells(runs, Outline.from_records(runs), ""))
    systems = {cell.shape.system for cell in cells}
    return Side(label, cells, by_system=len(systems) > 1)


def side_of_name(name: str, results: Path) -> Side:
    """Find what a name stands for.

    Args:
        name: Path of a folder (all results, a suite, a cell), ``suite/NAME``, ``system/NAME``,
            ``model/NAME``, the first letters of a cell's id, or a bare name of a suite with
            results, a system or a model.
        results: Folder of all results.

    Raises:
        InputError: Nothing is named so, or several things are; the message lists them.
    """
    at_path = _by_path(name)
    if at_path is not None:
        return at_path
    everything = _folder(results, name) if results.is_dir() else None
    if everything is None:
        raise InputError(
            f"{results} holds no runs. Run a suite first, or name its place: --results DIR."
        )
    kind, slash, rest = name.partition("/")
    kinds = {"suite": _suite, "system": _system, "model": _model, "cell": _id}
    if slash and kind.lower() in kinds:
        kept = kinds[kind.lower()](rest, everything.cells)
        if kept:
            return everything.only(kept, by_system=kind.lower() == "suite")
        raise _unknown(rest, everything, results, kind.lower())
    return _bare(name, everything, results)


def _bare(name: str, everything: Side, results: Path) -> Side:
    found: dict[str, list[SideCell]] = {}
    for kind, search in (("suite", _suite), ("system", _system)):
        kept = search(name, everything.cells)
        if kept:
            found[kind] = kept
    for kind, search in (("model", _model), ("cell", _id)):  # weaker: where no name is meant
        kept = [] if found else search(name, everything.cells)
        if kept:
            found[kind] = kept
    if len(found) > 1:
        listed = " and ".join(f"{kind}/{printable(name)}" for kind in found)
        raise InputError(f"{printable(name)} has several meanings: {listed}. Write one of these.")
    if not found:
        raise _unknown(name, everything, results, "suite, system, model or cell")
    kind, kept = found.popitem()
    if kind == "cell" and len(kept) > 1:
        listed = "; ".join(
            f"{c.shape.cell_id} ({printable(c.shape.system)} on {printable(c.shape.dataset)})"
            for c in kept[:_MOST]
        )
        more = f"; and {len(kept) - _MOST} more" if len(kept) > _MOST else ""
        raise InputError(
            f"{printable(name)} is the beginning of {len(kept)} ids: {listed}{more}. "
            "Type more letters of one."
        )
    return everything.only(kept, by_system=kind == "suite")


def _unknown(name: str, everything: Side, results: Path, kind: str) -> InputError:
    names = {Path(c.home).name for c in everything.cells}
    names |= {c.shape.system for c in everything.cells}
    hint = suggestion(name, [printable(n) for n in names])
    return InputError(f"{printable(name)} is no {kind} with runs in {results}.{hint}")


# -- searches -------------------------------------------------------------------------------------


def _suite(name: str, cells: Sequence[SideCell]) -> list[SideCell]:
    return _named(name, cells, lambda cell: Path(cell.home).name)


def _system(name: str, cells: Sequence[SideCell]) -> list[SideCell]:
    return _largest(_named(name, cells, lambda cell: cell.shape.system))


def _model(name: str, cells: Sequence[SideCell]) -> list[SideCell]:
    return _largest(_named(name, cells, lambda cell: cell.shape.model))


def _id(name: str, cells: Sequence[SideCell]) -> list[SideCell]:
    """Cells by the beginning of their id, those of settings of the past included."""
    prefix = name.lower()
    if not _HEX.fullmatch(prefix):
        return []
    return _largest([cell for cell in cells if cell.shape.cell_id.startswith(prefix)])


def _named(name: str, cells: Sequence[SideCell], read: Callable[[SideCell], str]) -> list[SideCell]:
    """Cells of exactly this name, else of this name but for case, ``-`` and ``_``."""
    planned = [cell for cell in cells if cell.current]
    wanted = normalise_name(name)
    exact = [cell for cell in planned if read(cell) == name]
    return exact or [cell for cell in planned if normalise_name(read(cell)) == wanted]


def _largest(cells: Iterable[SideCell]) -> list[SideCell]:
    """Of a cell that lies in several suites, the one with the most runs."""
    found: dict[str, SideCell] = {}
    for cell in cells:
        old = found.get(cell.shape.cell_id)
        if old is None or len(cell.runs) > len(old.runs):
            found[cell.shape.cell_id] = cell
    return list(found.values())


# -- folders --------------------------------------------------------------------------------------


def _by_path(name: str) -> Side | None:
    path = Path(name)
    try:
        if not path.is_dir():
            return None
        if (path / "run.json").is_file():
            raise InputError(
                f"{path} is one run, that is one seed; a comparison needs the seeds of a cell. "
                f"Name the cell: {path.parent}."
            )
        if next(path.glob("*/run.json"), None) is not None:
            suite = _folder(path.parent, name)
            kept = [c for c in suite.cells if c.shape.cell_id == path.name] if suite else []
            return suite.only(kept) if suite and kept else None
        found = _folder(path, name)
        planned = [cell for cell in found.cells if cell.current] if found else []
        return found.only(planned, by_system=True) if found and planned else None
    except OSError:  # too long for a path, say
        return None


def _folder(path: Path, label: str) -> Side | None:
    """All cells of a suite's folder, or of all suites in a folder."""
    suites = [path] if holds_runs(path) else [f for f in sorted(path.iterdir()) if holds_runs(f)]
    cells: list[SideCell] = []
    altered: list[Path] = []
    for suite in suites:
        scan = RunStore(suite).scan()
        altered += scan.altered
        outline = load_outline(suite) or Outline.from_records(scan.records)
        cells += _cells(scan.records, outline, str(suite))
    return Side(label, tuple(cells), by_system=True, altered=tuple(altered)) if cells else None


def _cells(records: Iterable[RunRecord], outline: Outline, home: str) -> list[SideCell]:
    """Cells with runs: those of the outline, then those of other settings."""
    by_cell = runs_by_cell(list(records))
    shapes = {shape.cell_id: shape for shape in outline.cells}
    left = [run for key, runs in by_cell.items() if key not in shapes for run in runs]
    others = Outline.from_records(left).cells if left else ()
    return [
        SideCell(shape, tuple(by_cell[shape.cell_id]), home, shape.cell_id in shapes)
        for shape in (*outline.cells, *others)
        if shape.cell_id in by_cell
    ]


# -- what both kinds of comparison need ------------------------------------------------------------


def metric_of(cells: Sequence[SideCell], wished: str | None) -> str:
    """Return the metric asked for, else the main one.

    Raises:
        InputError: It was not computed in all cells; the message names those that were.
    """
    runs = [run for cell in cells for run in cell.runs]
    computed = [
        {name for run in cell.runs for name in run.result.metrics.get("test", {})} for cell in cells
    ]
    names = sorted(set.union(*computed))
    shared = sorted(set.intersection(*computed))
    first = cells[0].shape
    if wished is None:
        useful = [name for name in shared if name != "loss"] or shared
        return main_metric([cell.shape for cell in cells], runs, useful or names)
    for name in shared:
        if name.lower() == wished.lower():
            return name
    raise InputError(
        f"{printable(wished)} is no test metric of {printable(first.system)} on "
        f"{printable(first.dataset)}.{suggestion(wished, shared)}"
    )


def cell_of(cell: SideCell, metric: str) -> Cell:
    """Return the cell of a result table for one metric; runs out of time are in no pair."""
    found = outcomes(cell.runs, metric, cut=False)
    share = share_of_test(run for run in cell.runs if run.done)
    return Cell(
        found.values,
        cell.shape.planned,
        found.failures,
        grounds=found.grounds,
        test_fraction=share,
    )


def altered_notes(*sides: Side) -> list[str]:
    """Return a sentence that names records altered after they were written, if there are any."""
    paths = [*dict.fromkeys(plain(str(path), 400) for side in sides for path in side.altered)]
    if not paths:
        return []
    more = f" and {len(paths) - _MOST} more" if len(paths) > _MOST else ""
    return [
        "Altered after they were written, so that these numbers may be wrong: "
        f"{', '.join(paths[:_MOST])}{more}."
    ]


def listed(names: Iterable[str]) -> str:
    """Write the first few of some names, each once, and the number of the others."""
    found = [*dict.fromkeys(printable(name) for name in names)]
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return ", ".join(found[:_MOST]) + more
