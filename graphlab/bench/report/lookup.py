"""Finds what a person names: a run, a cell, a suite, a model or a data set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlab.bench.problems import printable
from graphlab.bench.store import RunStore
from graphlab.errors import InputError
from graphlab.io import read_json
from graphlab.registry import find_model, model_cards, nearest, normalise_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from graphlab.bench.record import RunRecord

__all__ = ["Found", "Unfinished", "find"]

_HEX = re.compile(r"[0-9a-f]{1,64}")
_MOST = 12


@dataclass(frozen=True)
class Found:
    """Something that can be shown.

    Args:
        values: Makes the plain values for JSON.
        parts: Makes what rich prints.
    """

    values: Callable[[], dict[str, Any]]
    parts: Callable[[], list[RenderableType]]


@dataclass(frozen=True)
class Unfinished:
    """A run that has no record yet: its plan as written when it was started.

    Args:
        folder: Its folder.
        spec: Content of its ``config.json``.
    """

    folder: Path
    spec: dict[str, Any]


@dataclass(frozen=True)
class _Match:
    """A run or a cell whose id begins as asked for."""

    kind: str
    identity: str
    where: str
    found: Found


def find(name: str, results: Path, files: Sequence[Path] = ()) -> Found:
    """Find what ``name`` names.

    Args:
        name: ``model/NAME``, ``dataset/NAME``, ``suite/NAME``; the first letters of the id of a
            run or a cell; the path of its folder; or a bare name of a suite with results, a model
            or a data set.
        results: Folder of all results.
        files: Python files with the user's own models.

    Raises:
        InputError: Nothing is named so, or several things are; the message lists them.
        UnknownModel: ``model/NAME`` without such a model.
        UnknownDataset: ``dataset/NAME`` without such a data set.
    """
    kind, slash, rest = name.partition("/")
    makers = {"model": _model, "dataset": _dataset, "suite": _suite}
    if slash and kind.lower() in makers:
        return makers[kind.lower()](rest, results, files)
    try:
        by_path = _by_path(Path(name))
    except OSError:  # too long for a path, say
        by_path = None
    if by_path is not None:
        return by_path
    matches = _by_id(name.lower(), results)
    if len(matches) == 1:
        return matches[0].found
    if matches:
        listed = "; ".join(f"{m.kind} {m.identity} ({m.where})" for m in matches[:_MOST])
        more = f"; and {len(matches) - _MOST} more" if len(matches) > _MOST else ""
        raise InputError(
            f"{printable(name)} is the beginning of {len(matches)} ids: {listed}{more}. "
            "Type more letters of one."
        )
    return _by_name(name, results, files)


# -- runs and cells -------------------------------------------------------------------------------


def _by_path(path: Path) -> Found | None:
    if path.name == "run.json":
        path = path.parent
    if not path.is_dir():
        return None
    store = RunStore(path.parent.parent)
    record = store.read(path)
    if record is not None:
        return _run(record, path)
    if (path / "config.json").is_file():
        return _unfinished(path)
    runs = {folder: store.read(folder) for folder in sorted(path.iterdir()) if folder.is_dir()}
    known = [(record, folder) for folder, record in runs.items() if record is not None]
    return _cell(known) if known else None


def _by_id(prefix: str, results: Path) -> list[_Match]:
    """Cells and runs, finished or not, of all suites; an id that several suites have counts once.

    Of a cell in several suites the one with the most runs is taken.
    """
    if not _HEX.fullmatch(prefix) or not results.is_dir():
        return []
    cells: dict[str, list[tuple[RunRecord, Path]]] = {}
    runs: dict[str, _Match] = {}
    for suite in sorted(folder for folder in results.iterdir() if folder.is_dir()):
        store = RunStore(suite)
        here: dict[str, list[tuple[RunRecord, Path]]] = {}
        for record in store.records():
            i = record.identity
            folder = store.run_dir(i.cell_id, i.seed, i.fold)
            if i.cell_id.startswith(prefix):
                here.setdefault(i.cell_id, []).append((record, folder))
            if i.run_id.startswith(prefix):
                runs.setdefault(
                    i.run_id, _Match("run", i.run_id, _where(record), _run(record, folder))
                )
        for cell_id, found in here.items():
            if len(found) > len(cells.get(cell_id, ())):
                cells[cell_id] = found
        for config in sorted(suite.glob("*/*/config.json")):
            if not (config.parent / "run.json").exists():
                spec = _spec(config)
                run_id = str(spec.get("run_id", ""))
                if run_id.startswith(prefix):
                    text = f"{spec.get('system')} on {spec.get('dataset')}, not finished"
                    runs.setdefault(
                        run_id, _Match("run", run_id, printable(text), _unfinished(config.parent))
                    )
    matches = [
        _Match("cell", key, _where(found[0][0], seed=False), _cell(found))
        for key, found in cells.items()
    ]
    matches += runs.values()
    exact = [match for match in matches if match.identity == prefix]
    return exact or matches


def _where(record: RunRecord, *, seed: bool = True) -> str:
    i = record.identity
    text = f"{printable(i.system)} on {printable(i.dataset)}"
    return f"{text}, seed {i.seed}" if seed else text


def _spec(config: Path) -> dict[str, Any]:
    try:
        found = read_json(config)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _run(record: RunRecord, folder: Path) -> Found:
    def parts() -> list[RenderableType]:
        from graphlab.bench.report.run_view import run_parts

        return run_parts(record, folder)

    return Found(record.to_json, parts)


def _unfinished(folder: Path) -> Found:
    run = Unfinished(folder, _spec(folder / "config.json"))

    def parts() -> list[RenderableType]:
        from graphlab.bench.report.run_view import unfinished_parts

        return unfinished_parts(run)

    return Found(lambda: {"finished": False, **run.spec}, parts)


def _cell(runs: Sequence[tuple[RunRecord, Path]]) -> Found:
    def parts() -> list[RenderableType]:
        from graphlab.bench.report.run_view import cell_parts

        return cell_parts(runs)

    return Found(
        lambda: {
            "cell_id": runs[0][0].identity.cell_id,
            "runs": [record.to_json() for record, _ in runs],
        },
        parts,
    )


# -- names ----------------------------------------------------------------------------------------


def _by_name(name: str, results: Path, files: Sequence[Path]) -> Found:
    from graphlab.datasets.catalog import cards

    wanted = normalise_name(name)
    suites = _suites(results)
    models, datasets = model_cards(files), cards()
    hits = [
        f"{kind}/{name}"
        for kind, names in (("suite", suites), ("model", models), ("dataset", datasets))
        if wanted in names
    ]
    if len(hits) == 1:
        return find(hits[0], results, files)
    if hits:
        raise InputError(f"{printable(name)} has several meanings: {', '.join(hits)}.")
    known = [
        *(f"suite/{key}" for key in suites),
        *(f"model/{key}" for key in models),
        *(f"dataset/{key}" for key in datasets),
    ]
    by_last = {entry.partition("/")[2]: entry for entry in reversed(known)}
    near = [by_last[close] for close in nearest(wanted, list(by_last))]
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise InputError(
        f"{printable(name)} is no run, cell or suite in {results}, no model and no data set.{hint}"
    )


def _suites(results: Path) -> dict[str, Path]:
    from graphlab.bench.commands.report import suite_folders

    try:
        return {normalise_name(folder.name): folder for folder in suite_folders(results, None)}
    except InputError:
        return {}


def _suite(name: str, results: Path, files: Sequence[Path]) -> Found:
    del files
    from graphlab.bench.commands.report import suite_folders
    from graphlab.bench.report.outline import load_outline
    from graphlab.bench.report.tables import result_table

    folder = suite_folders(results, name)[0]
    scan = RunStore(folder).scan()
    table = result_table(scan.records, load_outline(folder), altered=scan.altered)
    return Found(table.to_json, lambda: [table])


def _model(name: str, results: Path, files: Sequence[Path]) -> Found:
    del results
    card = find_model(name, files)

    def parts() -> list[RenderableType]:
        from graphlab.bench.report.card_view import model_parts

        return model_parts(card)

    def values() -> dict[str, Any]:
        from graphlab.bench.report.card_view import model_values

        return model_values(card)

    return Found(values, parts)


def _dataset(name: str, results: Path, files: Sequence[Path]) -> Found:
    del results, files
    from graphlab.datasets.catalog import find_dataset

    card = find_dataset(name)

    def parts() -> list[RenderableType]:
        from graphlab.bench.report.card_view import dataset_parts

        return dataset_parts(card)

    def values() -> dict[str, Any]:
        from graphlab.bench.report.card_view import dataset_values

        return dataset_values(card)

    return Found(values, parts)
