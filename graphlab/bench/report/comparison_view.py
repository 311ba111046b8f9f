"""A comparison in a terminal: one line a pair of systems, or one a published number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from graphlab.bench.comparison_rows import PairResult, PublishedResult
from graphlab.bench.report.display import MetricStyle, metric_style, plain, spread
from graphlab.bench.stats import ALPHA, CORRECTED_T, MIN_SEEDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from graphlab.bench.comparison import Comparison

__all__ = ["renderables"]

_SMALL = 0.001
_NAME = 20


def renderables(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    """Yield what rich prints for a comparison, made to fit a width in characters."""
    del width  # names are cut, numbers are narrow, rich folds the rest
    yield Text(f"{plain(comparison.a)} against {plain(comparison.b)}", style="bold")
    pairs = [row for row in comparison.rows if isinstance(row, PairResult)]
    papers = [row for row in comparison.rows if isinstance(row, PublishedResult)]
    yield Padding(_pairs(pairs) if pairs else _papers(papers), (1, 0, 0, 0))
    notes = [*(_pair_notes(pairs) if pairs else _paper_notes(papers)), *comparison.notes]
    yield Padding(
        Text("\n").join(Text(plain(note, 2000), style="dim") for note in notes), (1, 0, 0, 0)
    )


# -- two sides ------------------------------------------------------------------------------------


def _pairs(rows: Sequence[PairResult]) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    for head, justify in (
        ("data set", "left"),
        ("a", "left"),
        ("b", "left"),
        ("a - b, 95 %", "right"),
        ("a wins\nties, losses", "right"),
        ("p", "right"),
        ("verdict", "left"),
    ):
        made.add_column(Text(head), justify=justify, no_wrap=head != "verdict")  # type: ignore[arg-type]  # a literal
    for row in rows:
        style = metric_style(row.metric)
        made.add_row(
            Text(f"{plain(row.dataset, _NAME)}\n{row.protocol}\n{style.head}"),
            Text(f"{plain(row.a, _NAME)}\n{style.number(row.a_mean)}"),
            Text(f"{plain(row.b, _NAME)}\n{style.number(row.b_mean)}"),
            Text(f"{_signed(style, row.difference)}\n{_interval(style, row.low, row.high)}"),
            Text(f"{row.wins}, {row.ties}, {row.losses}\nof {row.n}"),
            Text(_p(row.p_holm)),
            Text(_words(row), style="bold" if row.verdict.endswith("better") else ""),
        )
    return made


def _words(row: PairResult) -> str:
    named = {
        "a better": f"{plain(row.a, _NAME)} better",
        "b better": f"{plain(row.b, _NAME)} better",
    }
    return named.get(row.verdict, row.verdict)


def _pair_notes(rows: Sequence[PairResult]) -> list[str]:
    notes = ["Means and differences are over the runs of equal seed and split that both have."]
    if any(row.low is not None for row in rows):
        notes.append("In brackets: 95 % bootstrap interval of the mean difference.")
    if any(row.low is not None and row.test == CORRECTED_T for row in rows):
        notes.append(
            "Over random splits the training sets overlap; the interval does not know that and is "
            "too narrow, the test corrects for it."
        )
    tests: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.p_value is not None:
            tests.setdefault(row.test, {})[row.remark] = None
    if tests:
        holm = " after Holm's correction for the number of rows" if len(rows) > 1 else ""
        names = [f"{name} ({'; '.join(how)})" for name, how in tests.items()]
        notes.append(f"p: {', '.join(names)}, two-sided{holm}; level {ALPHA}.")
    if any(row.verdict == "too few seeds" and row.n < MIN_SEEDS for row in rows):
        notes.append(f"No claim below {MIN_SEEDS} pairs: five out of five have p = 0.0625.")
    for row in rows:
        if row.p_value is None and row.remark:
            versus = f"{plain(row.a, _NAME)} against {plain(row.b, _NAME)}"
            notes.append(f"{versus} on {plain(row.dataset)}: {plain(row.remark, 200)}.")
    if any(row.verdict == "no test" and "/" in row.remark for row in rows):
        notes.append("With failed runs the means are over the others alone: no claim is made.")
    return notes


# -- published numbers ----------------------------------------------------------------------------


def _papers(rows: Sequence[PublishedResult]) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    sources = _sources(rows)
    for head, justify in (
        ("data set", "left"),
        ("system", "left"),
        ("ours, 95 %", "right"),
        ("n", "right"),
        ("published", "right"),
        ("difference", "right"),
        ("published mean is", "left"),
    ):
        made.add_column(Text(head), justify=justify, no_wrap=justify == "right")  # type: ignore[arg-type]  # a literal
    for row in rows:
        style = metric_style(row.metric)
        runs = "" if row.published_runs is None else f"\n{row.published_runs} runs"
        paper = spread(style, row.published_mean, row.published_std)
        made.add_row(
            Text(f"{plain(row.dataset, _NAME)}, {row.protocol}\n{style.head}"),
            Text(plain(row.system, _NAME)),
            Text(f"{spread(style, row.mean, row.std)}\n{_interval(style, row.low, row.high)}"),
            Text(str(row.n)),
            Text(f"{paper} [{sources[row.source, row.citation]}]{runs}"),
            Text(_signed(style, row.difference)),
            Text(row.verdict, style="bold" if row.verdict == "outside" else ""),
        )
    return made


def _paper_notes(rows: Sequence[PublishedResult]) -> list[str]:
    notes = []
    if any(row.contained is not None for row in rows):
        notes.append(
            "In brackets: 95 % bootstrap interval of our mean. The published mean lies inside or "
            "outside of it; the spread of the published number is not taken into account."
        )
    if any(row.verdict == "too few seeds" for row in rows):
        notes.append(f"No claim below {MIN_SEEDS} runs.")
    notes += [f"{plain(r.system)} on {plain(r.dataset)}: {r.remark}." for r in rows if r.remark]
    return notes + [f"[{n}] {text}" for (_, text), n in _sources(rows).items()]


def _sources(rows: Sequence[PublishedResult]) -> dict[tuple[str, str], int]:
    keys = dict.fromkeys((row.source, row.citation) for row in rows)
    return {key: number for number, key in enumerate(keys, 1)}


# -- numbers --------------------------------------------------------------------------------------


def _signed(style: MetricStyle, value: float) -> str:
    number = style.number(abs(value))
    if not number.strip("0."):
        return number
    return f"{'-' if value < 0 else '+'}{number}"


def _interval(style: MetricStyle, low: float | None, high: float | None) -> str:
    """The interval in the metric's unit; "" without one."""
    if low is None or high is None:
        return ""
    signed = low < 0
    write = _signed if signed else _unsigned
    return f"[{write(style, low)}, {write(style, high)}]"


def _unsigned(style: MetricStyle, value: float) -> str:
    return style.number(value)


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return f"< {_SMALL}" if value < _SMALL else f"{value:.3f}"
