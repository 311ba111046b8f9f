"""The files of a finished search: ``report.md`` and ``trials.csv`` in the study's folder."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from graphlab.bench.report.display import metric_style, plain
from graphlab.bench.report.formats import csv_field, escape_markdown
from graphlab.bench.search.tables import (
    best_lines,
    counts_line,
    importance_line,
    setting_text,
    value_text,
)
from graphlab.errors import InputError
from graphlab.io import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.bench.search.api import SweepResult

__all__ = ["REPORT", "TRIALS", "write_summary"]

REPORT: Final = "report.md"
TRIALS: Final = "trials.csv"
_MOST_SHOWN: Final = 10
_LONGEST: Final = 10_000


def write_summary(result: SweepResult) -> Path:
    """Write what was searched, the best settings and their test into the study's folder.

    Args:
        result: A search with at least one trial.

    Returns:
        Path of ``report.md``; ``trials.csv`` beside it has one line a trial.

    Raises:
        InputError: The folder cannot be written.
    """
    folder = result.plan.folder
    try:
        atomic_write(folder / TRIALS, _trials(result).encode())
        atomic_write(folder / REPORT, _report(result).encode())
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}.") from error
    return folder / REPORT


def _report(result: SweepResult) -> str:
    plan, base = result.plan, result.plan.base
    first, last = plan.seeds[0], plan.seeds[-1]
    seeds = f"seed {first}" if first == last else f"seeds {first} to {last}"
    parts = [
        f"# {escape_markdown(f'{base.system} on {base.dataset}: study {plan.study}')}",
        f"Protocol {escape_markdown(base.protocol)}. {counts_line(result)}. Selected by "
        f"validation {metric_style(result.metric).label} on {seeds}; no trial was tested.",
        "## Searched",
        "\n".join(f"- {_code(str(one))}" for one in plan.space) or "Nothing.",
        "## Best trials",
        _table(result),
        "A best trial's validation value is the largest of many noisy ones, and thus too good.",
    ]
    if result.best is not None:
        parts += ["## Best settings", "\n".join(f"- {_code(line)}" for line in best_lines(result))]
    if result.importance:
        parts.append(f"{importance_line(result)}.")
    if result.final is not None:
        markdown = result.final.table.to_markdown().replace("\n### ", "\n#### ")
        parts += ["## Tested on fresh seeds", f"#{markdown.strip()}"]
    if result.command is not None:
        parts += ["Repeat the final runs:", f"```console\n$ {plain(result.command, _LONGEST)}\n```"]
    return "\n\n".join(parts) + "\n"


def _code(text: str) -> str:
    return f"`{plain(text, _LONGEST).replace('`', chr(39))}`"


def _table(result: SweepResult) -> str:
    names = [one.name for one in result.plan.space]
    heads = ["trial", value_text(result), *map(escape_markdown, names)]
    lines = [heads, ["---:"] * len(heads)]
    for row in result.ranked()[:_MOST_SHOWN]:
        settings = [escape_markdown(setting_text(row.params.get(name))) for name in names]
        lines.append([str(row.number), value_text(result, row, named=False), *settings])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _trials(result: SweepResult) -> str:
    names = [one.name for one in result.plan.space]
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(["trial", "status", "value", "seconds", "retry_of", *names, "message"])
    for row in result.trials:
        facts = [row.number, row.status, row.value, row.seconds, row.retry_of]
        settings = [row.params.get(name) for name in names]
        writer.writerow([csv_field(value) for value in (*facts, *settings, row.message)])
    return target.getvalue()
