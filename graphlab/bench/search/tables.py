"""How a search is shown: its best trials, its counts, what to call to repeat the final runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from graphlab.bench.report.display import metric_style, plain
from graphlab.bench.search.space import settings_of

if TYPE_CHECKING:
    from graphlab.bench.search.api import SweepResult
    from graphlab.bench.search.study import TrialRow

__all__ = ["best_trials", "counts_line", "result_text", "result_values", "value_text"]

_MOST_SHOWN = 5
_DIGITS = 4


def best_trials(result: SweepResult, most: int = _MOST_SHOWN) -> Table:
    """Return the trials with the best validation values, best first.

    Args:
        result: The search.
        most: How many to show.
    """
    found = [row for row in result.trials if row.counted and row.value is not None]
    sign = 1 if result.lower_is_better else -1
    found.sort(key=lambda row: (sign * (row.value or 0.0), row.number))
    title = f"Best trials of {plain(result.plan.study, 80)} by validation"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("trial", justify="right")
    table.add_column(f"val {metric_style(result.metric).head}", justify="right")
    for one in result.plan.space:
        table.add_column(one.name.removeprefix("options.").removeprefix("recipe."), justify="right")
    for row in found[:most]:
        values = [_setting(row.params.get(one.name)) for one in result.plan.space]
        cells = [str(row.number), _number(result, row), *values]
        table.add_row(*(Text(cell) for cell in cells))
    return table


def counts_line(result: SweepResult) -> str:
    """Return how many trials ended in which way."""
    counts = Counter(row.status for row in result.trials)
    words = [f"{result.finished} of {result.plan.trials} trials finished"]
    words += [f"{counts[name]} {name}" for name in sorted(counts) if name != "done"]
    return ", ".join(words)


def value_text(result: SweepResult, value: float) -> str:
    """Return a validation value with its name and unit."""
    style = metric_style(result.metric)
    return f"validation {style.short} {style.number(value)} {style.unit}".rstrip()


def result_text(result: SweepResult, width: int = 100) -> str:
    """Return a whole result as plain text.

    Args:
        result: The search.
        width: Width in characters.
    """
    import io

    from rich.console import Console

    target = Console(file=io.StringIO(), width=width, highlight=False)
    if result.best is not None:
        target.print(best_trials(result))
    target.print(Text(counts_line(result)), soft_wrap=True)
    if result.final is not None:
        target.print(Text(f"\n{result.final!r}"), soft_wrap=True)
    if result.command is not None:
        target.print(Text(f"\nRepeat: {result.command}"), soft_wrap=True)
    written: str = target.file.getvalue()  # type: ignore[attr-defined]  # the StringIO above
    return "\n".join(line.rstrip() for line in written.splitlines())


def result_values(result: SweepResult) -> dict[str, Any]:
    """Return plain values for ``--json``."""
    counts = Counter(row.status for row in result.trials)
    best, final = result.best, result.final
    return {
        "study": result.plan.study,
        "folder": str(result.plan.folder),
        "model": result.plan.base.model,
        "dataset": result.plan.base.dataset,
        "protocol": result.plan.base.protocol,
        "metric": result.metric or None,
        "space": [str(one) for one in result.plan.space],
        "search_seeds": list(result.plan.seeds),
        "trials": {
            "wanted": result.plan.trials,
            "finished": result.finished,
            "executed": result.executed,
            "by_status": dict(sorted(counts.items())),
        },
        "best": None
        if best is None
        else {
            "trial": best.number,
            "value": best.value,
            "settings": settings_of(result.plan.base, best.params),
        },
        "final": None
        if final is None
        else {
            "results": str(final.results),
            "executed": final.executed,
            "table": final.table.to_json(),
            "runs": [
                {
                    "run_id": record.identity.run_id,
                    "seed": record.identity.seed,
                    "status": record.result.status,
                    "metrics": record.result.metrics,
                }
                for record in final.records
            ],
        },
        "command": result.command,
        "exit_code": result.exit_code,
    }


def _number(result: SweepResult, row: TrialRow) -> str:
    mark = " (out of time)" if row.status == "timeout" else ""
    return f"{metric_style(result.metric).number(row.value or 0.0)}{mark}"


def _setting(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "none" if value is None else str(value).lower()
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else plain(str(value))
