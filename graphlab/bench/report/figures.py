"""Which figures the page has: one a data set in each section, and one ranking a task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from graphlab.bench.report.display import plain
from graphlab.bench.report.tables import first_columns

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.series import Series
    from graphlab.bench.report.tables import Column, ResultTable, Row

__all__ = ["figure_sections"]

_MOST_FIGURES = 12
_SECTIONS = (
    (
        "seeds",
        "Every seed",
        "One dot a run. The bar is the mean, the line its 95 % t interval.",
    ),
    (
        "curves",
        "Learning curves",
        "Validation values by epoch: the median over seeds, with the band from the 10 % to the "
        "90 % quantile. A line ends where fewer than half of the seeds were still training.",
    ),
    (
        "time",
        "Quality against training time",
        "Mean over seeds, one standard deviation up and down, against the median training time "
        "of a run on the machine named below. Marks of almost the same time stand side by side.",
    ),
    (
        "parameters",
        "Quality against size",
        "Mean over seeds, one standard deviation up and down, against the number of learnable "
        "parameters. Marks of the same number stand side by side.",
    ),
    (
        "degree",
        "Quality by degree",
        "Mean over seeds with one standard deviation, in ranges of degrees that hold test samples; "
        "below, their number. Marks are hollow where a range has fewer than 10. Degrees are those "
        "of the graph that training sees; a link counts where the smaller degree of its two nodes "
        "is.",
    ),
)
_RANKS = (
    "Of the mean test values on each data set; 1 is the best. A bar at the right joins systems "
    "that the Nemenyi test (5 %) does not tell apart, as their ranks are nearer than the critical "
    "difference. Data sets are what is repeated here, not seeds: with few of them only large "
    "differences show."
)
_RunsOf = Callable[["Row", "Column"], "list[RunRecord]"]


def figure_sections(
    table: ResultTable, runs_of: _RunsOf, folder_of: Callable[[RunRecord], Path]
) -> list[dict[str, Any]]:
    """Return the sections with their figures as SVG, in the order of the table's columns.

    Args:
        table: The table.
        runs_of: Gives the runs of a row in a column.
        folder_of: Gives a run's folder.

    Cost: imports matplotlib, unless there is nothing to draw; 0.1 s a figure.
    """
    if not any(cell and cell.n for row in table.rows for cell in row.cells):
        return []
    from markupsafe import Markup

    places = first_columns(table.columns)
    sections: list[dict[str, Any]] = []
    for kind, title, caption in _SECTIONS:
        drawn = []
        for index, column in places[:_MOST_FIGURES]:
            series = _series(table, index, runs_of, kind, folder_of)
            where = f"{plain(column.dataset)}, {plain(column.protocol)}"
            where += f" ({plain(column.task)})" if table.parts else ""
            svg = _draw(kind, f"{kind}{index}", where, series, column)
            if svg is not None:
                # drawn by us from numbers; every name in it is escaped there
                drawn.append({"head": where, "svg": Markup(svg), "caption": ""})  # noqa: S704
        if kind == "seeds" and any(column.published for _, column in places):
            note = f"{caption} The diamond is the published mean."
        else:
            note = caption
        if drawn:
            sections.append({"kind": kind, "title": title, "caption": note, "drawn": drawn})
    if len(places) > _MOST_FIGURES:
        for section in sections:
            section["caption"] += f" Drawn for the first {_MOST_FIGURES} data sets."
    sections = [*_rank_section(table), *sections]
    return _side_by_side(sections) if len(places) == 1 else sections


def _rank_section(table: ResultTable) -> list[dict[str, Any]]:
    """The critical-difference diagrams, where there are enough systems and data sets."""
    from graphlab.bench.report.ranks import rankings

    found = rankings(table)
    if not found:
        return []
    from markupsafe import Markup

    from graphlab.bench.report.plots_ranks import rank_diagram

    drawn = []
    for number, ranking in enumerate(found):
        caption = f"{len(ranking.datasets)} data sets: {', '.join(ranking.datasets)}. "
        caption += f"Friedman's test: p = {ranking.p_value:.2g}"
        caption += ", no two are told apart." if ranking.undecided else "."
        if ranking.left_out:
            caption += (
                " Not ranked, for lack of a result, or with failed runs: "
                f"{'; '.join(ranking.left_out)}."
            )
        svg = Markup(rank_diagram(f"ranks{number}", ranking))  # noqa: S704  (names are escaped)
        drawn.append({"head": ranking.title, "svg": svg, "caption": caption})
    return [{"kind": "ranks", "title": "Average ranks", "caption": _RANKS, "drawn": drawn}]


def _side_by_side(sections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With one data set alone, put the figures of all sections into one."""
    drawn = [
        {"head": section["title"], "svg": figure["svg"], "caption": section["caption"]}
        for section in sections
        for figure in section["drawn"]
    ]
    return [{"kind": "figures", "title": "Figures", "caption": "", "drawn": drawn}]


def _draw(kind: str, key: str, where: str, series: Sequence[Series], column: Column) -> str | None:
    from graphlab.bench.report import plots

    style = column.style
    if kind == "seeds":
        return plots.seed_scatter(key, where, series, style)
    if kind == "curves":
        return plots.learning_curves(key, where, series, column.metric, style)
    if kind == "time":
        return plots.against_time(key, where, series, style)
    if kind == "degree":
        from graphlab.bench.report.plots_degree import by_degree

        return by_degree(key, where, series, style, column.task)
    return plots.against_parameters(key, where, series, style)


def _series(
    table: ResultTable,
    index: int,
    runs_of: _RunsOf,
    kind: str,
    folder_of: Callable[[RunRecord], Path],
) -> list[Series]:
    """What a figure shows of each system; files are read, and bins gathered, where it is due."""
    from graphlab.bench.report.curves import read_curves
    from graphlab.bench.report.series import Series, degree_values

    column = table.columns[index]
    made = []
    for position, row in enumerate(table.rows):
        cell = row.cells[index]
        if cell is None:
            continue
        deep = kind in {"curves", "degree"}
        runs = [run for run in runs_of(row, column) if run.done] if deep else []
        curves = [read_curves(folder_of(run)) for run in runs if kind == "curves"]
        degrees = [degree_values(run, column.metric) for run in runs if kind == "degree"]
        made.append(
            Series(
                name=f"{row.system} ({row.note})" if row.note else row.system,
                index=position,
                values=tuple((seed, value) for seed, _, value in cell.values),
                remark=cell.failed(),
                published=cell.published,
                train_seconds=cell.train_seconds,
                parameters=cell.parameters,
                curves=tuple(curve for curve in curves if curve),
                by_degree=tuple(values for values in degrees if values),
            )
        )
    return made
