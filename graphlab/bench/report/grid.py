"""Places the cells of a result table: which run belongs in which row and column."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from graphlab.bench.report.display import metric_order
from graphlab.bench.report.marks import ground, share_of_test
from graphlab.bench.report.notes import run_place
from graphlab.bench.report.tables import Cell, Column, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.outline import Outline, OutlineCell
    from graphlab.bench.report.reference import Published, References

__all__ = ["Grid", "Outcomes", "main_metric", "outcomes", "primary_metric", "runs_by_cell"]


_Place = tuple[str, str, str, str]
_Row = tuple[str, str, str, int]


class Grid:
    """Rows and columns of a table, filled from runs.

    Args:
        outline: Cells in the suite's order.
        by_cell: Runs by cell.
        references: Published numbers.
        altered: Places, as of :func:`~graphlab.bench.report.notes.run_place`, of runs whose record
            is not what was written.
    """

    def __init__(
        self,
        outline: Outline,
        by_cell: dict[str, list[RunRecord]],
        references: References,
        altered: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self._by_cell = by_cell
        self._altered = altered
        self._references = references
        self._at: dict[_Row, dict[_Place, OutlineCell]] = {}
        placed: dict[_Place, list[OutlineCell]] = {}
        variants: Counter[tuple[str, str, str, str]] = Counter()
        for cell in outline.cells:
            key = (cell.part, cell.task, cell.system, variants[cell.place])
            variants[cell.place] += 1
            self._at.setdefault(key, {})[_where(cell)] = cell
            placed.setdefault(_where(cell), []).append(cell)
        self._rivals = Counter((cell.model, cell.dataset, cell.protocol) for cell in outline.cells)
        self._doubled = {place[0] for place, count in variants.items() if count > 1}
        self.row_keys = sorted(self._at, key=self._order(outline))
        bare = [
            Column(*where, metric, negatives=self._negatives(cells))
            for where, cells in placed.items()
            for metric in self._metrics(cells)
        ]
        self.columns = [replace(c, published=self._any_published(c)) for c in bare]

    def row(self, key: _Row) -> Row:
        """Return one row; ``key`` is one of ``row_keys``."""
        part, task, system, _ = key
        placed = self._at[key]
        cells = tuple(self._cell(placed, column) for column in self.columns)
        first = next(iter(placed.values()))
        note = f"cell {first.cell_id[:8]}" if system in self._doubled else ""
        return Row(system, first.model, cells, note, task, part)

    @staticmethod
    def _order(outline: Outline) -> Any:  # noqa: ANN401  (a key function)
        position: dict[tuple[str, str, str], int] = {}
        for cell in outline.cells:
            position.setdefault((cell.part, cell.task, cell.system), len(position))
        return lambda key: (position[key[:3]], key[3])

    def _runs(self, cells: Iterable[OutlineCell]) -> list[RunRecord]:
        return [run for cell in cells for run in self._by_cell.get(cell.cell_id, ())]

    def _metrics(self, cells: Sequence[OutlineCell]) -> list[str]:
        """Metrics of one place: the main one first, then the others in the usual order."""
        runs = self._runs(cells)
        every = list(dict.fromkeys(_test_metrics(runs)))
        names = [name for name in every if name != "loss"] or every
        first = main_metric(cells, runs, names)
        return [first, *sorted((n for n in names if n != first), key=metric_order)]

    def _negatives(self, cells: Sequence[OutlineCell]) -> str:
        """Number of test negatives as a reader needs it; "" where there are none."""
        data = [run.data for run in self._runs(cells)]
        counts = sorted({d.sizes["test_neg"] for d in data if "test_neg" in d.sizes})
        if not counts:
            return ""
        each = " each" if any(d.own_negatives for d in data) else ""
        ends = counts if len(counts) == 1 else (counts[0], counts[-1])
        return f"{' to '.join(f'{count:,}' for count in ends)} negatives{each}"

    def _cell(self, placed: dict[_Place, OutlineCell], column: Column) -> Cell | None:
        cell = placed.get(column.place)
        if cell is None:
            return None
        runs = self._by_cell.get(cell.cell_id, [])
        found = outcomes(runs, column.metric)
        done = [run for run in runs if run.done]
        # heuristics learn nothing; what is fitted at once has seconds, but no epochs
        trained = [run for run in done if run.result.epochs_run or run.cost.parameters]
        sizes = {run.cost.parameters for run in runs if run.cost.parameters is not None}
        return Cell(
            values=found.values,
            planned=cell.planned,
            failures=found.failures,
            train_seconds=_median(run.cost.seconds.get("train") for run in trained),
            epoch_seconds=_median(run.cost.seconds_per_epoch for run in trained),
            parameters=sizes.pop() if len(sizes) == 1 else None,
            published=self._published(cell, column.metric, runs),
            grounds=found.grounds,
            test_fraction=share_of_test(done),
            cut=found.cut,
            altered=sum(run_place(run) in self._altered for run in runs) if self._altered else 0,
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
        return any(
            self._published(cell, column.metric, self._by_cell.get(cell.cell_id, ())) is not None
            for placed in self._at.values()
            if (cell := placed.get(column.place)) is not None
        )


def _where(cell: OutlineCell) -> _Place:
    return (cell.part, cell.dataset, cell.task, cell.protocol)


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


def _test_metrics(runs: Iterable[RunRecord]) -> list[str]:
    return [name for run in runs for name in run.result.metrics.get("test", {})]


@dataclass(frozen=True)
class Outcomes:
    """What a cell of a table is made from.

    Attributes:
        values: (seed, fold, value) of the runs with a value.
        grounds: What each of them stands on, see :func:`~graphlab.bench.report.marks.ground`.
        failures: Status -> number of the other runs.
        cut: Number of runs among the values that their time limit ended.
    """

    values: tuple[tuple[int, int | None, float], ...]
    grounds: tuple[str, ...]
    failures: dict[str, int]
    cut: int


def outcomes(runs: Sequence[RunRecord], metric: str, *, cut: bool = True) -> Outcomes:
    """Sort runs by whether they have a value.

    Args:
        runs: Records of one cell.
        metric: Test metric.
        cut: Take the values of runs that their time limit ended; else these are failures.
    """
    kept = ("done", "timeout") if cut else ("done",)
    with_value, failures = [], Counter[str]()
    for run in runs:
        status = run.result.status
        if run.metric(metric) is not None and status in kept:
            with_value.append(run)
        else:
            failures["missing" if run.done else status] += 1
    return Outcomes(
        values=tuple((r.identity.seed, r.identity.fold, _value(r, metric)) for r in with_value),
        grounds=tuple(map(ground, with_value)),
        failures=dict(failures),
        cut=sum(not run.done for run in with_value),
    )


def _value(run: RunRecord, metric: str) -> float:
    value = run.metric(metric)
    assert value is not None  # noqa: S101  (asked before)
    return value


def main_metric(
    cells: Sequence[OutlineCell], runs: Iterable[RunRecord], metrics: Sequence[str]
) -> str:
    """Return the metric that comes first: that which selects epochs, else the task's or the set's.

    Args:
        cells: Cells of one data set, task and protocol; at least one.
        runs: Their runs.
        metrics: Metrics that were computed; empty when nothing has run yet.
    """
    for wished in ({c.metric for c in cells}, {r.result.metric or "" for r in runs if r.done}):
        wished.discard("")
        if len(wished) == 1 and (not metrics or wished <= set(metrics)):
            return wished.pop()
    return primary_metric(cells[0].dataset, cells[0].task, metrics)


def primary_metric(dataset: str, task: str, metrics: Sequence[str]) -> str:
    """Return the metric that a data set's card names for a task, if it was computed.

    Args:
        dataset: Name of the data set; it need not be catalogued.
        task: Task name.
        metrics: Metrics that were computed, the loss aside; empty when nothing has run yet.
    """
    from graphlab.datasets.catalog import find_dataset
    from graphlab.errors import DatasetError

    try:
        named = find_dataset(dataset).metric.get(task, "")
    except DatasetError:
        named = ""
    if not metrics:
        return named or "acc"
    return named if named in metrics else metrics[0]


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
