"""Places the cells of a result table: which run belongs in which row and column."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphlab.bench.report.tables import Cell, Column, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.outline import Outline, OutlineCell
    from graphlab.bench.report.reference import Published, References

__all__ = ["Grid", "mark_best", "primary_metric", "runs_by_cell"]


class Grid:
    """Rows and columns of a table, filled from runs.

    Args:
        outline: Cells in the suite's order.
        by_cell: Runs by cell.
        references: Published numbers.
    """

    def __init__(
        self, outline: Outline, by_cell: dict[str, list[RunRecord]], references: References
    ) -> None:
        self._by_cell = by_cell
        self._references = references
        self._at: dict[tuple[str, int], dict[tuple[str, str, str], OutlineCell]] = {}
        metrics: dict[tuple[str, str, str], dict[str, None]] = {}
        variants: Counter[tuple[str, str, str, str]] = Counter()
        for cell in outline.cells:
            where = (cell.dataset, cell.task, cell.protocol)
            key = (cell.system, variants[cell.place])
            variants[cell.place] += 1
            self._at.setdefault(key, {})[where] = cell
            names = metrics.setdefault(where, {})
            names.update(dict.fromkeys(_test_metrics(by_cell.get(cell.cell_id, ()))))
        self._rivals = Counter((cell.model, cell.dataset, cell.protocol) for cell in outline.cells)
        self._doubled = {place[0] for place, count in variants.items() if count > 1}
        self.row_keys = sorted(self._at, key=self._order(outline))
        bare = [
            Column(*where, metric)
            for where, names in metrics.items()
            for metric in _ordered(where[0], where[1], list(names))
        ]
        self.columns = [replace(c, published=self._any_published(c)) for c in bare]

    def row(self, key: tuple[str, int]) -> Row:
        """Return one row; ``key`` is one of ``row_keys``."""
        placed = self._at[key]
        cells = tuple(self._cell(placed, column) for column in self.columns)
        first = next(iter(placed.values()))
        note = f"cell {first.cell_id[:8]}" if key[0] in self._doubled else ""
        return Row(key[0], first.model, cells, note)

    @staticmethod
    def _order(outline: Outline) -> Any:  # noqa: ANN401  (a key function)
        position: dict[str, int] = {}
        for cell in outline.cells:
            position.setdefault(cell.system, len(position))
        return lambda key: (position[key[0]], key[1])

    def _cell(self, placed: dict[tuple[str, str, str], OutlineCell], column: Column) -> Cell | None:
        cell = placed.get((column.dataset, column.task, column.protocol))
        if cell is None:
            return None
        runs = self._by_cell.get(cell.cell_id, [])
        values, failures = _outcomes(runs, column.metric)
        done = [run for run in runs if run.done]
        sizes = {run.cost.parameters for run in runs if run.cost.parameters is not None}
        return Cell(
            values=values,
            planned=cell.planned,
            failures=failures,
            train_seconds=_median(run.cost.seconds.get("train") for run in done),
            epoch_seconds=_median(run.cost.seconds_per_epoch for run in done),
            parameters=sizes.pop() if len(sizes) == 1 else None,
            published=self._published(cell, column.metric, runs),
        )

    def _published(
        self, cell: OutlineCell, metric: str, runs: Sequence[RunRecord]
    ) -> Published | None:
        """Published numbers belong to the model as published, not to its variants beside it."""
        changed = any(name.startswith("options.") for r in runs for name in r.config.overridden)
        if changed and self._rivals[cell.model, cell.dataset, cell.protocol] > 1:
            return None
        return self._references.find(cell.model, cell.dataset, cell.protocol, metric)

    def _any_published(self, column: Column) -> bool:
        where = (column.dataset, column.task, column.protocol)
        return any(
            self._published(cell, column.metric, self._by_cell.get(cell.cell_id, ())) is not None
            for placed in self._at.values()
            if (cell := placed.get(where)) is not None
        )


def runs_by_cell(records: Sequence[RunRecord]) -> dict[str, list[RunRecord]]:
    """Return records by cell, in order of seeds; of two records of one run the later."""
    runs: dict[tuple[str, int, int], RunRecord] = {}
    for record in records:
        i = record.identity
        key = (i.cell_id, i.seed, -1 if i.fold is None else i.fold)
        old = runs.get(key)
        if old is None or _ended(record) >= _ended(old):
            runs[key] = record
    found: dict[str, list[RunRecord]] = {}
    for key in sorted(runs):
        found.setdefault(key[0], []).append(runs[key])
    return found


def _ended(record: RunRecord) -> float:
    ended = record.lineage.ended
    return ended.timestamp() if ended is not None else 0.0


def _outcomes(
    runs: Sequence[RunRecord], metric: str
) -> tuple[tuple[tuple[int, int | None, float], ...], dict[str, int]]:
    values = []
    failures: Counter[str] = Counter()
    for run in runs:
        value = run.metric(metric)
        if not run.done:
            failures[run.result.status] += 1
        elif value is None:
            failures["missing"] += 1
        else:
            values.append((run.identity.seed, run.identity.fold, value))
    return tuple(values), dict(failures)


def _test_metrics(runs: Iterable[RunRecord]) -> list[str]:
    return [name for run in runs for name in run.result.metrics.get("test", {})]


def primary_metric(dataset: str, task: str, metrics: Sequence[str]) -> str:
    """Return the metric that a data set's card names for a task, if it was computed.

    Args:
        dataset: Name of the data set; it need not be catalogued.
        task: Task name.
        metrics: Metrics that were computed; empty when nothing has run yet.
    """
    from graphlab.datasets.catalog import find_dataset
    from graphlab.errors import DatasetError

    try:
        named = find_dataset(dataset).metric.get(task, "")
    except DatasetError:
        named = ""
    if not metrics:
        return named or "acc"
    return named if named in metrics else next((m for m in metrics if m != "loss"), metrics[0])


def mark_best(rows: tuple[Row, ...], columns: tuple[Column, ...]) -> tuple[Row, ...]:
    """Mark the best mean of every column that has two or more, failed cells aside."""
    best: list[float | None] = []
    for index, column in enumerate(columns):
        means = [
            cell.mean
            for row in rows
            if (cell := row.cells[index]) is not None
            and cell.mean is not None
            and not cell.failures
        ]
        pick = max if column.style.higher_is_better else min
        best.append(pick(means) if len(means) > 1 else None)
    return tuple(
        replace(
            row,
            cells=tuple(
                cell
                if cell is None or cell.failures or cell.mean is None
                else replace(cell, best=cell.mean == best[index])
                for index, cell in enumerate(row.cells)
            ),
        )
        for row in rows
    )


def _ordered(dataset: str, task: str, metrics: list[str]) -> list[str]:
    """The data set's own metric first, the loss nowhere unless there is nothing else."""
    first = primary_metric(dataset, task, metrics)
    return [first, *(name for name in metrics if name not in {first, "loss"})]


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
