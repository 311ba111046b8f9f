"""What a transfer experiment prints and writes: tables in Markdown, JSON, a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.io import atomic_write, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["markdown", "write_results"]

_REMARKABLE = 0.05
_TITLES = {"probe": "Probe on frozen embeddings", "tuned": "Fine-tuning"}


def write_results(folder: Path, found: Mapping[str, Any]) -> list[Path]:
    """Write ``summary.json``, ``table.md`` and ``scatter.svg``; return their paths."""
    from graphlab.bench.report.plots_transfer import draw_transfer

    paths = [folder / name for name in ("summary.json", "table.md", "scatter.svg")]
    write_json(paths[0], found)
    atomic_write(paths[1], markdown(found).encode())
    draw_transfer(found, paths[2])
    return paths


def markdown(found: Mapping[str, Any]) -> str:
    """Return the tables of :func:`graphlab.bench.transfer.summary.summarise`."""
    lines = [
        f"# {found['title']}",
        "",
        f"{found['points']} points: {len(found['sources'])} sources, {len(found['tasks'])} tasks; "
        f"gains are means over {_count(len(found['seeds']), 'seed')}. r and Spearman: over the "
        "sources of a task, then averaged over tasks. p: whole sources shuffled, "
        f"{found['permutations']} times; p Holm: adjusted for all rows of both measures; p within: "
        "sources shuffled in each task by itself; beyond degree: Pearson r after the nearness of "
        "mean degrees was taken out of both sides. chosen, random, best: gain in points of "
        "accuracy by the source that the predictor puts first, by one at random, by the best. "
        "helped: sources above no pre-training. * p < 0.05 in that task alone, not adjusted.",
    ]
    for kind, values in found["measures"].items():
        lines += ["", f"## {_TITLES[kind]}", "", *_predictors(values), "", *_accuracies(values)]
    return "\n".join([*lines, ""])


# -- private --------------------------------------------------------------------------------------


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _predictors(values: Mapping[str, Any]) -> list[str]:
    heads = ["predictor", "Pearson r", "p", "p Holm", "p within"]
    heads += ["Spearman", "p", "beyond degree", "p", "chosen", "random", "best"]
    rows = [
        [
            row["predictor"],
            _signed(row["pearson"]["pooled"]),
            _p(row["pearson"]["p_sources"]),
            _p(row["pearson"]["p_holm"]),
            _p(row["pearson"]["p_within"]),
            _signed(row["spearman"]["pooled"]),
            _p(row["spearman"]["p_sources"]),
            *_partial(row["partial"]),
            *(_points(row[f"{which}_gain"]) for which in ("chosen", "random", "best")),
        ]
        for row in values["predictors"]
    ]
    known = values["reliability"]
    told = "not known from one seed" if known is None else f"{known:.2f}"
    return [*_table(heads, rows), "", f"Reliability of the gains (1: no noise): {told}."]


def _accuracies(values: Mapping[str, Any]) -> list[str]:
    names = [row["predictor"] for row in values["predictors"]]
    heads = ["task", "no pre-training", "worst", "mean", "best", "helped"]
    heads += [f"r: {name}" for name in names]
    rows = []
    for number, task in enumerate(values["tasks"]):
        accuracies = (100 * task[key] for key in ("untrained", "worst", "mean", "best"))
        rows.append(
            [
                task["task"],
                *(f"{value:.1f}" for value in accuracies),
                f"{100 * task['helped']:.0f} %",
                *(_of_task(row["pearson"], number) for row in values["predictors"]),
            ]
        )
    return _table(heads, rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return [f"| {' | '.join(row)} |" for row in (heads, rule, *rows)]


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"


def _partial(told: Mapping[str, Any] | None) -> tuple[str, str]:
    return ("", "") if told is None else (_signed(told["pooled"]), _p(told["p_sources"]))


def _of_task(told: Mapping[str, Any], number: int) -> str:
    p = told["p_by_task"][number]
    mark = "*" if p is not None and p < _REMARKABLE else ""
    return _signed(told["by_task"][number]) + mark


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"  # noqa: PLR2004  (digits that matter)
