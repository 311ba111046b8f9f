"""Sentences under a table: what its numbers are, how the epoch was chosen, what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlab.bench.report.claims import claim_notes
from graphlab.bench.report.display import metric_style, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.tables import Column, Row

__all__ = [
    "altered_notes",
    "altered_runs",
    "remainder_notes",
    "run_place",
    "selection",
    "table_notes",
]


def table_notes(
    columns: Sequence[Column],
    rows: Sequence[Row],
    records: Sequence[RunRecord],
) -> tuple[str, ...]:
    """Return the sentences of one table.

    Args:
        columns: Its columns.
        rows: Its rows.
        records: The records behind it.
    """
    cells = [cell for row in rows for cell in row.cells if cell is not None]
    notes = []
    if any(cell.n for cell in cells):
        notes.append(_spread_note([cell.n for cell in cells if cell.n], rows))
        notes.extend(_selection_note(records))
        if len({column.place for column in columns}) < len(columns):
            notes.append(
                "All metrics of a run are of one state of the model, "
                "that of the epoch chosen as above."
            )
        notes.extend(_split_notes(records))
    if any(cell.best for cell in cells):
        kinds = {
            "failed": any(cell.failures for cell in cells),
            "unfinished": any(cell.cut for cell in cells),
            "altered": any(cell.altered for cell in cells),
        }
        excluded = " or ".join(kind for kind, there in kinds.items() if there)
        notes.append(
            "Bold: best mean of a column"
            + (f", cells with {excluded} runs not considered." if excluded else ".")
        )
    notes.extend(claim_notes(columns, rows))
    if any(cell.failures for cell in cells):
        notes.append(
            "Runs that diverged or failed are counted beside the number and are in no mean; "
            "that mean is over the other runs alone."
        )
    if any(cell.cut for cell in cells):
        notes.append(
            "timeout: runs that their time limit ended before they were done; their values are "
            "those of the best epoch until then, and are in the mean."
        )
    if any(row.note for row in rows):
        notes.append(
            "Rows of one name differ in their settings; "
            "graphlab-bench show CELL prints what was set."
        )
    return tuple(notes)


def remainder_notes(skipped: Sequence[tuple[str, str]], left_out: int) -> tuple[str, ...]:
    """Return the sentences on what is in no table.

    Args:
        skipped: (data set, reason) of sets that did not run.
        left_out: Number of records of other settings in the same folder.
    """
    notes = [f"Skipped: {plain(name)}: {plain(why, 200)}." for name, why in skipped]
    if left_out:
        runs = "1 run" if left_out == 1 else f"{left_out} runs"
        notes.append(f"{runs} with other settings in this folder are not in the table.")
    return tuple(notes)


def altered_notes(altered: Iterable[Path], records: Iterable[RunRecord]) -> tuple[str, ...]:
    """Return a sentence for each record that was changed after it was written.

    Args:
        altered: Their files, of ``StoreScan.altered``.
        records: All records, which give the names.
    """
    files = list(altered)
    if not files:
        return ()
    names = {}
    for record in records:
        i = record.identity
        names[run_place(record)] = f"{plain(i.system)} on {plain(i.dataset)}, seed {i.seed}"
    found = []
    for file in files:
        (key,) = altered_runs([file])
        place = plain("/".join(file.parts[-3:]), 200)
        found.append(
            f"Altered after it was written: {names.get(key, 'a run')} ({place}). Its "
            "numbers may be wrong; run with --rerun failed executes it again."
        )
    return tuple(found)


def altered_runs(altered: Iterable[Path]) -> frozenset[tuple[str, str]]:
    """Return the places, as of :func:`run_place`, of altered records.

    Example:
        >>> from pathlib import Path
        >>> altered_runs([Path("results/quick/3c5d/0/run.json")])
        frozenset({('3c5d', '0')})
    """
    return frozenset((file.parts[-3], file.parts[-2]) for file in altered)


def run_place(record: RunRecord) -> tuple[str, str]:
    """Return the names of the folders of a run's cell and of the run in it."""
    i = record.identity
    return i.cell_id, str(i.seed) if i.fold is None else f"{i.seed}-f{i.fold}"


def selection(record: RunRecord) -> str:
    """Say of which epoch a run's test value is.

    Example:
        >>> from graphlab.bench.record import Config, Identity, Result, RunRecord
        >>> run = RunRecord(
        ...     identity=Identity(run_id="1", cell_id="c", suite="s", system="GCN", dataset="cora",
        ...                       task="node", protocol="public", seed=0),
        ...     config=Config(model="gcn", recipe={"monitor": "acc", "select": "best"}),
        ...     result=Result(status="done", epochs_run=9))
        >>> selection(run)
        'at the epoch of best validation accuracy'
    """
    recipe = record.config.recipe
    if record.done and not record.result.epochs_run:
        return "after a fit without epochs" if record.cost.parameters else "without training"
    if recipe.get("select", "best") == "last":
        return "at the last epoch"
    monitor = record.result.monitor or str(recipe.get("monitor", "loss"))
    return f"at the epoch of best validation {metric_style(monitor.removeprefix('val_')).label}"


def _spread_note(counts: Sequence[int], rows: Sequence[Row]) -> str:
    if max(counts) == 1:
        return "Test values of single runs: no spread can be given."
    what = "mean ± sample standard deviation"
    folds = any(fold is not None for row in rows for c in row.cells if c for _, fold, _ in c.values)
    over = "folds and seeds" if folds else "seeds"
    low, high = min(counts), max(counts)
    number = str(low) if low == high else f"{low} to {high}"
    return f"Test values: {what} over {number} {over}."


def _selection_note(records: Iterable[RunRecord]) -> list[str]:
    """One sentence when all runs are selected alike, else one that names the systems."""
    systems: dict[str, dict[str, None]] = {}
    for record in records:
        if record.done:
            systems.setdefault(selection(record), {})[plain(record.identity.system)] = None
    if len(systems) < 2:
        return [f"Test is computed once, {phrase}." for phrase in systems]
    parts = [f"{phrase} ({', '.join(names)})" for phrase, names in systems.items()]
    return [f"Test is computed once, {'; '.join(parts)}."]


def _split_notes(records: Iterable[RunRecord]) -> list[str]:
    """What the task says of its splits, with the data sets that each sentence is true of."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for note in record.data.notes:
            found.setdefault(plain(note, 400), {})[plain(record.identity.dataset)] = None
    return [f"{', '.join(names)}: {note}." for note, names in found.items()]
