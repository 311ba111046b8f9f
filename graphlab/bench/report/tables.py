"""The result table: systems by data sets, from records alone, without torch or pandas."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from graphlab.bench.report.display import FAILURE_WORDS, TASKS, MetricStyle, metric_style, spread
from graphlab.bench.report.marks import NOT_WORSE, Standing, mark_cells
from graphlab.bench.report.notes import (
    altered_notes,
    altered_runs,
    remainder_notes,
    table_notes,
)
from graphlab.bench.report.outline import Outline
from graphlab.bench.report.reference import Published, References, Source, load_references
from graphlab.bench.stats import MIN_SEEDS, bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import Any

    from rich.console import Console, ConsoleOptions, RenderResult

    from graphlab.bench.plan import Plan
    from graphlab.bench.record import RunRecord

__all__ = ["Cell", "Column", "ResultTable", "Row", "first_columns", "result_table"]

N = TypeVar("N", int, float)


@dataclass(frozen=True)
class Column:
    """What a column holds: one metric on one data set under one protocol, never two protocols.

    Args:
        part: Title of the suite's part, "" where it has none.
        dataset: Data set.
        task: Task name.
        protocol: Protocol id.
        metric: Metric name.
        published: Whether any row has a published number here.
        negatives: How many negatives a link was ranked against, in words; "" for other tasks.
    """

    part: str
    dataset: str
    task: str
    protocol: str
    metric: str
    published: bool = False
    negatives: str = ""

    @property
    def place(self) -> tuple[str, str, str, str]:
        """All but the metric: columns of one place are of the same runs."""
        return (self.part, self.dataset, self.task, self.protocol)

    @property
    def rules(self) -> str:
        """Protocol, with the number of negatives where there are some."""
        return f"{self.protocol}, {self.negatives}" if self.negatives else self.protocol

    @property
    def style(self) -> MetricStyle:
        """How the metric is shown."""
        return metric_style(self.metric)


@dataclass(frozen=True)
class Cell:
    """All runs of one system in one column.

    A mean is over the runs with a value, and is always shown with their number when that is below
    the plan, and with what became of the others. Runs that their time limit ended have one, that
    of their best epoch until then: they are in the mean, and counted beside it.

    Args:
        values: (seed, fold, value) of the runs with a result, by seed.
        planned: Number of planned runs.
        failures: Status -> number of runs that ended so without a value, or ``"missing"`` for a
            finished run without this metric.
        train_seconds: Median training time of a run.
        epoch_seconds: Median time of an epoch.
        parameters: Learnable parameters; None when unknown, or when the runs differ.
        published: Published number for the same model, data set, protocol and metric.
        best: Whether it is the column's best mean among cells that are :attr:`whole`.
        standing: How it stands against the best; None in a column with one mean.
        grounds: Checksums of data and split, one a value: runs that differ in them are no pair.
        test_fraction: n_test / (n_train + n_test) of the split, None when it is not recorded.
        cut: Number of runs among the values that their time limit ended.
        altered: Number of runs whose record is not what was written.
    """

    values: tuple[tuple[int, int | None, float], ...]
    planned: int
    failures: dict[str, int] = field(default_factory=dict)
    train_seconds: float | None = None
    epoch_seconds: float | None = None
    parameters: int | None = None
    published: Published | None = None
    best: bool = False
    standing: Standing | None = None
    grounds: tuple[str, ...] = ()
    test_fraction: float | None = None
    cut: int = 0
    altered: int = 0

    @property
    def whole(self) -> bool:
        """Whether all runs ended by themselves and are as written: no other cell is compared."""
        return not self.failures and not self.cut and not self.altered

    @property
    def n(self) -> int:
        """Number of runs behind the mean."""
        return len(self.values)

    @property
    def mean(self) -> float | None:
        """Mean over the runs with a result."""
        return statistics.fmean(v for _, _, v in self.values) if self.values else None

    @property
    def std(self) -> float | None:
        """Sample standard deviation (ddof 1); None below two runs."""
        return statistics.stdev(v for _, _, v in self.values) if self.n > 1 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % bootstrap interval of the mean; None with too few runs, or not :attr:`whole`."""
        if self.n < MIN_SEEDS or not self.whole:
            return None
        return bootstrap_interval([v for _, _, v in self.values])

    @property
    def misses_published(self) -> bool | None:
        """Whether the interval excludes the published mean; None when that cannot be said."""
        interval = None if self.published is None else self.interval
        if self.published is None or interval is None:
            return None
        return not interval[0] <= self.published.mean <= interval[1]

    def number(self, style: MetricStyle) -> str:
        """Write the mean and its spread, or a dash."""
        return "\N{EN DASH}" if self.mean is None else spread(style, self.mean, self.std)

    def marked(self, style: MetricStyle) -> str:
        """Write the number with the sign of a mean not significantly worse than the best."""
        alike = self.standing is not None and self.standing.kind == "not-worse"
        return f"{NOT_WORSE if alike else ''}{self.number(style)}"

    def remark(self) -> str:
        """Say what is not as planned: runs missing, failed, out of time; "" when all is."""
        counted = [f"n={self.n} of {self.total}"] if self.n < self.total else []
        return ", ".join([*counted, *self._failed()])

    def failed(self) -> str:
        """Say how many runs failed, diverged and so on, such as ``"div. 2/10"``; "" when none."""
        return ", ".join(self._failed())

    @property
    def total(self) -> int:
        """Number of runs that a count is out of: those planned, or more if there are more."""
        return max(self.planned, self.n + sum(self.failures.values()))

    def _failed(self) -> list[str]:
        counts = {**self.failures, "altered": self.altered}
        counts["timeout"] = self.cut + self.failures.get("timeout", 0)
        return [
            f"{word} {counts[status]}/{self.total}"
            for status, word in FAILURE_WORDS.items()
            if counts.get(status)
        ]


@dataclass(frozen=True)
class Row:
    """One system.

    Args:
        system: Row name.
        model: Registry name of its model.
        cells: One a column; None where the system was not planned.
        note: What tells it from another row of the same name, "" when nothing needs to.
        task: Its task.
        part: Title of its part of the suite.
    """

    system: str
    model: str
    cells: tuple[Cell | None, ...]
    note: str = ""
    task: str = ""
    part: str = ""

    @property
    def train_seconds(self) -> tuple[float, float] | None:
        """Least and largest of the medians over data sets of a run's training seconds."""
        return _extent(c.train_seconds for c in self.cells if c)

    @property
    def parameters(self) -> tuple[int, int] | None:
        """Least and largest number of parameters over data sets."""
        return _extent(c.parameters for c in self.cells if c)


@dataclass(frozen=True)
class ResultTable:
    """Systems by data sets: mean, spread, number of runs, failures, published numbers, costs.

    Args:
        name: Suite name.
        title: One line for people.
        columns: Data set x metric; of each data set and protocol the main metric first.
        rows: Systems in suite order.
        notes: Sentences that belong under the table.
        sources: Sources of the published numbers, numbered from 1 in the table.
        outline: The shape it was made from.
        parts: One table a task (and titled part of the suite) where there are several; together
            they have the rows and columns of this one.

    Example:
        >>> from graphlab.bench.record import Config, Identity, Result, RunRecord
        >>> runs = [RunRecord(
        ...     identity=Identity(run_id=str(seed), cell_id="c", suite="demo", system="GCN",
        ...         dataset="debdeps", task="node", protocol="public", seed=seed),
        ...     config=Config(model="gcn"),
        ...     result=Result(status="done", metrics={"test": {"acc": 0.7 + seed / 100}}))
        ...     for seed in range(3)]
        >>> print(result_table(runs).to_markdown().splitlines()[4])
        | GCN | 71.0 ± 1.0 | | |
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    outline: Outline = field(default_factory=lambda: Outline("", "", ()), repr=False)
    parts: tuple[ResultTable, ...] = field(default=(), repr=False)

    @property
    def sections(self) -> tuple[ResultTable, ...]:
        """The tables to show: systems of two tasks never stand in one."""
        return self.parts or (self,)

    @property
    def main(self) -> ResultTable:
        """The table with the main metric of each data set and protocol alone."""
        return self._only([i for i, _ in first_columns(self.columns)])

    @property
    def further(self) -> ResultTable | None:
        """The table of all other metrics; None when there are none."""
        shown = {i for i, _ in first_columns(self.columns)}
        left = [i for i in range(len(self.columns)) if i not in shown]
        return self._only(left) if left else None

    def _only(self, indices: Sequence[int]) -> ResultTable:
        rows = tuple(replace(row, cells=tuple(row.cells[i] for i in indices)) for row in self.rows)
        return replace(self, columns=tuple(self.columns[i] for i in indices), rows=rows, parts=())

    def source_number(self, published: Published) -> int:
        """Return the number under which a published value's source is listed."""
        return self.sources.index(published.source) + 1

    def to_text(self, width: int = 100) -> str:
        """Return plain text for a terminal of this many characters.

        A table too wide for it is shown as one table a data set.
        """
        from graphlab.bench.report.terminal import plain_text

        return plain_text(self, width)

    def to_markdown(self, *, times: bool = True) -> str:
        """Return a Markdown table with its notes."""
        from graphlab.bench.report.formats import markdown

        return markdown(self, times=times)

    def to_csv(self, *, times: bool = True) -> str:
        """Return one line a system x data set x metric, in full precision.

        Args:
            times: Add the columns of seconds, which come last. Without them two executions of a
                suite give equal bytes.
        """
        from graphlab.bench.report.formats import comma_separated

        return comma_separated(self, times=times)

    def to_latex(self, *, times: bool = True) -> str:
        """Return a table for the LaTeX package booktabs."""
        from graphlab.bench.report.formats import latex

        return latex(self, times=times)

    def to_json(self, *, times: bool = True) -> dict[str, Any]:
        """Return the table as plain values."""
        from graphlab.bench.report.formats import plain_values

        return plain_values(self, times=times)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from graphlab.bench.report.terminal import renderables

        yield from renderables(self, console, options.max_width)


def result_table(
    records: Iterable[RunRecord],
    plan: Plan | Outline | None = None,
    *,
    references: References | None = None,
    altered: Iterable[Path] = (),
) -> ResultTable:
    """Build the result table of a suite.

    Args:
        records: Records of runs, in any order; of two records of one run the later counts.
        plan: Gives the order of rows and columns, the planned seeds and the skipped sets, and
            leaves out records of other settings. Without it every cell in the records is shown,
            in the order of their start.
        references: Published numbers; the shipped ones by default.
        altered: Files of records that were changed by hand (``StoreScan.altered``); their cells
            are marked and never the best, and the notes under the table name them.

    Cost: no torch or pandas is imported; about 10 microseconds a record. Where cells have the six
    runs that a claim needs, scipy is imported (about a second) for tests and intervals.
    """
    from graphlab.bench.report.grid import Grid, runs_by_cell

    runs, altered = list(records), tuple(altered)
    references = load_references() if references is None else references
    if isinstance(plan, Outline):
        outline = plan
    else:
        outline = Outline.from_records(runs) if plan is None else Outline.of(plan)
    by_cell = runs_by_cell(runs)
    grid = Grid(outline, by_cell, references, altered_runs(altered))
    columns = tuple(grid.columns)
    rows = mark_cells([grid.row(key) for key in grid.row_keys], columns)
    used = _sources(rows, columns)
    known = {cell.cell_id for cell in outline.cells}
    shown = [record for cell in outline.cells for record in by_cell.get(cell.cell_id, ())]
    left_out = sum(len(found) for cell_id, found in by_cell.items() if cell_id not in known)
    under = (*altered_notes(altered, runs), *remainder_notes(outline.skipped, left_out))
    whole = ResultTable(outline.name, outline.title, columns, rows, (), used, outline)
    kinds = list(dict.fromkeys((column.part, column.task) for column in columns))
    if len(kinds) < 2:
        part = next((part for part, _ in kinds if part), "")  # one part alone keeps its title
        title = f"{outline.title}: {part}" if part else outline.title
        return replace(whole, title=title, notes=(*table_notes(columns, rows, shown), *under))
    parts = tuple(_part(whole, kind, shown) for kind in kinds)
    return replace(whole, notes=under, parts=parts)


def _part(whole: ResultTable, kind: tuple[str, str], shown: Sequence[RunRecord]) -> ResultTable:
    """Return the rows and columns of one task and titled part of the suite."""
    columns = [i for i, c in enumerate(whole.columns) if (c.part, c.task) == kind]
    part, task = kind
    found = whole._only(columns)
    rows = tuple(row for row in found.rows if (row.part, row.task) == kind)
    ids = {c.cell_id for c in whole.outline.cells if (c.part, c.task) == kind}
    records = [record for record in shown if record.identity.cell_id in ids]
    usual = TASKS.get(task, f"Task {task}")
    title = part if part.startswith(usual) else f"{usual}: {part}" if part else usual
    return replace(found, title=title, rows=rows, notes=table_notes(found.columns, rows, records))


def first_columns(columns: Sequence[Column]) -> list[tuple[int, Column]]:
    """Return the first column of each data set and protocol, that of its main metric."""
    found: dict[tuple[str, str, str, str], tuple[int, Column]] = {}
    for index, column in enumerate(columns):
        found.setdefault(column.place, (index, column))
    return list(found.values())


def _sources(rows: Sequence[Row], columns: Sequence[Column]) -> tuple[Source, ...]:
    """Sources in the order in which a reader meets them."""
    found = {
        cell.published.source: None
        for row in rows
        for cell in row.cells[: len(columns)]
        if cell is not None and cell.published is not None
    }
    return tuple(found)


def _extent(values: Iterable[N | None]) -> tuple[N, N] | None:
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else None
