"""How a search is shown: its best trials, its counts, what to call to repeat the final runs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from graphlab.bench.document import toml_text
from graphlab.bench.report.display import metric_style, plain
from graphlab.bench.search.space import settings_of

if TYPE_CHECKING:
    from graphlab.bench.search.api import SweepResult
    from graphlab.bench.search.study import TrialRow

__all__ = [
    "best_lines",
    "best_trials",
    "counts_line",
    "importance_line",
    "result_text",
    "result_values",
    "setting_text",
    "value_text",
]

_MOST_SHOWN = 5
_DIGITS = 4


def best_trials(result: SweepResult, most: int = _MOST_SHOWN) -> Table:
    """Return the trials with the best validation values, best first.

    Args:
        result: The search.
        most: How many to show.
    """
    title = f"Best trials of {plain(result.plan.study, 80)} by validation"
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("trial", justify="right")
    table.add_column(f"val {metric_style(result.metric).head}", justify="right")
    for one in result.plan.space:
        table.add_column(one.name.removeprefix("options.").removeprefix("recipe."), justify="right")
    for row in result.ranked()[:most]:
        values = [setting_text(row.params.get(one.name)) for one in result.plan.space]
        cells = [str(row.number), value_text(result, row, named=False), *values]
        table.add_row(*(Text(cell) for cell in cells))
    return table


def counts_line(result: SweepResult) -> str:
    """Return how many trials ended in which way."""
    counts = Counter(row.status for row in result.trials)
    words = [f"{result.finished} of {result.plan.trials} trials finished"]
    words += [f"{counts[name]} {name}" for name in sorted(counts) if name != "done"]
    return ", ".join(words)


def value_text(result: SweepResult, row: TrialRow | None = None, *, named: bool = True) -> str:
    """Return the name of the compared value, with that of a trial behind it, or this alone."""
    style = metric_style(result.metric)
    words = [f"validation {style.short}"] if named else []
    if row is not None and row.value is not None:
        words.append(style.number(row.value))
    words += [style.unit] if named and style.unit else []
    return " ".join(words) + (" (out of time)" if row and row.status == "timeout" else "")


def best_lines(result: SweepResult) -> list[str]:
    """Return the settings of the best trial, ``NAME=VALUE`` each, as ``--set`` takes them."""
    if result.best is None:
        return []
    settings = settings_of(result.plan.base, result.best.params)
    return [f"{name}={toml_text(value)}" for name, value in settings.items()]


def importance_line(result: SweepResult) -> str:
    """Say how much of the variance of the values each setting accounts for; "" when unknown."""
    shares = [f"{plain(name)} {share:.0%}" for name, share in result.importance.items()]
    return f"Importance (fANOVA): {', '.join(shares)}" if shares else ""


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
    if result.importance:
        target.print(Text(importance_line(result)), soft_wrap=True)
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
        "importance": result.importance or None,
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


def setting_text(value: object) -> str:
    """Write the value of a setting, numbers in four digits."""
    if isinstance(value, bool) or value is None:
        return "none" if value is None else str(value).lower()
    return f"{value:.{_DIGITS}g}" if isinstance(value, float) else plain(str(value))
