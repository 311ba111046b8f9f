"""Finds the stored runs that a person names: one run, a cell, a system, a suite."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphlab.bench.problems import printable, suggestion
from graphlab.bench.store import RunStore
from graphlab.errors import InputError
from graphlab.registry import normalise_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphlab.bench.record import RunRecord

__all__ = ["Selection", "StoredRun", "select_runs"]

_HEX = re.compile(r"[0-9a-f]{1,64}")
_MOST = 12


@dataclass(frozen=True)
class StoredRun:
    """A record and the folder it lies in."""

    record: RunRecord
    folder: Path


@dataclass(frozen=True)
class Selection:
    """The runs that a name means.

    Attributes:
        runs: By suite, cell, seed and fold.
        cells: All finished runs of the cells that these are of, by cell id.
        garbage: Files in the same place that hold no record; of a whole suite only.
        newer: Records that a newer graphlab wrote; of a whole suite only.
    """

    runs: tuple[StoredRun, ...]
    cells: dict[str, tuple[RunRecord, ...]]
    garbage: tuple[Path, ...] = ()
    newer: int = 0


@dataclass(frozen=True)
class _Suite:
    runs: tuple[StoredRun, ...]
    garbage: tuple[Path, ...]
    newer: int


def select_runs(name: str, results: Path) -> Selection:
    """Find the finished runs that ``name`` means.

    Args:
        name: Folder of a run, a cell or a suite; the first letters of the id of one run or one
            cell; the name of a suite; the name of a system, or its first letters. ``SUITE/SYSTEM``
            narrows a system to a suite.
        results: Folder of all results.

    Raises:
        InputError: Nothing is named so, or ids of several cells begin so.
    """
    place = _folder(name)
    if place is not None:
        return _of_folder(place)
    suites = _read_suites(results)
    whole = {normalise_name(suite.name): found for suite, found in suites.items()}
    key = normalise_name(name)
    if key in whole:
        found = whole[key]
        return _selection(found.runs, suites, found.garbage, found.newer)
    stored = [run for found in suites.values() for run in found.runs]
    chosen = _by_id(name.lower(), stored)
    if not chosen:
        suite, slash, system = name.partition("/")
        pool = whole[normalise_name(suite)].runs if slash and normalise_name(suite) in whole else ()
        chosen = _by_system(system, pool) if slash else _by_system(name, stored)
    if not chosen:
        known = {*whole, *(normalise_name(run.record.identity.system) for run in stored)}
        near = suggestion(name, known) if known else " No suite has run there."
        raise InputError(
            f"{printable(name)} is no finished run, cell, system or suite in {results}.{near}"
        )
    return _selection(chosen, suites)


def _folder(name: str) -> Path | None:
    """The folder that a name is the path of, if it is one."""
    if not name:  # which pathlib takes for the present folder
        return None
    try:
        path = Path(name)
        path = path.parent if path.name == "run.json" else path
        return path if path.is_dir() else None
    except (OSError, ValueError):  # too long for a path, or with a zero byte
        return None


def _of_folder(place: Path) -> Selection:
    """The runs of a folder: that of a run, a cell or a suite."""
    if (place / "run.json").exists():
        suite, kept = place.parent.parent, [place]
    elif next(place.glob("*/run.json"), None) is not None:
        suite, kept = place.parent, [path.parent for path in place.glob("*/run.json")]
    elif next(place.glob("*/*/run.json"), None) is not None:
        suite, kept = place, []
    else:
        raise InputError(
            f"{place} holds no finished run (run.json), and no cell or suite with any."
        )
    found = _read(suite)
    runs = tuple(run for run in found.runs if not kept or run.folder in kept)
    garbage = tuple(path for path in found.garbage if not kept or path.parent in kept)
    if not runs and not garbage:
        raise InputError(
            f"{place}: the record was written by a newer graphlab; upgrade to read it."
        )
    return _selection(runs, {suite: found}, garbage, 0 if kept else found.newer)


def _read_suites(results: Path) -> dict[Path, _Suite]:
    if not results.is_dir():
        raise InputError(
            f"{results} is not a folder. Run a suite first, or name its place: --results DIR."
        )
    if next(results.glob("*/*/run.json"), None) is not None:  # the folder of one suite
        return {results: _read(results)}
    folders = sorted(folder for folder in results.iterdir() if folder.is_dir())
    found = {folder: _read(folder) for folder in folders if next(folder.glob("*/*/run.json"), None)}
    return {folder: suite for folder, suite in found.items() if suite.runs or suite.garbage}


def _read(suite: Path) -> _Suite:
    scan = RunStore(suite).scan()
    pairs = zip(scan.records, scan.files, strict=True)
    runs = tuple(StoredRun(record, file.parent) for record, file in pairs)
    return _Suite(runs, scan.garbage, scan.newer)


def _by_id(prefix: str, stored: Iterable[StoredRun]) -> list[StoredRun]:
    """The runs of the one cell, or the one run, whose id begins so."""
    if not _HEX.fullmatch(prefix):
        return []
    stored = list(stored)
    runs = [run for run in stored if run.record.identity.run_id.startswith(prefix)]
    cells = [run for run in stored if run.record.identity.cell_id.startswith(prefix)]
    ids = {run.record.identity.run_id for run in runs}
    cell_ids = {run.record.identity.cell_id for run in cells}
    if prefix in ids:
        return [run for run in runs if run.record.identity.run_id == prefix]
    if len(ids) + len(cell_ids) > 1:
        listed = sorted(ids | cell_ids)
        more = f" and {len(listed) - _MOST} more" if len(listed) > _MOST else ""
        raise InputError(
            f"{prefix} is the beginning of {len(listed)} ids: {', '.join(listed[:_MOST])}{more}. "
            "Type more letters of one."
        )
    return runs or cells


def _by_system(name: str, stored: Iterable[StoredRun]) -> list[StoredRun]:
    """The runs of systems that are called so, or else whose names begin so."""
    key = normalise_name(name)
    names = [(normalise_name(run.record.identity.system), run) for run in stored]
    exact = [run for system, run in names if system == key]
    return exact or [run for system, run in names if key and system.startswith(key)]


def _selection(
    runs: Iterable[StoredRun],
    suites: dict[Path, _Suite],
    garbage: tuple[Path, ...] = (),
    newer: int = 0,
) -> Selection:
    chosen = tuple(runs)
    cells: dict[str, dict[str, RunRecord]] = {}
    for found in suites.values():
        for run in found.runs:
            i = run.record.identity
            cells.setdefault(i.cell_id, {}).setdefault(i.run_id, run.record)
    wanted = {run.record.identity.cell_id for run in chosen}
    of_cell = {cell: tuple(found.values()) for cell, found in cells.items() if cell in wanted}
    return Selection(chosen, of_cell, garbage, newer)
