"""What a person sees while runs are executed: one bar in a terminal, one line a cell elsewhere."""

from __future__ import annotations

from collections import Counter
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from graphlab.bench.report.display import metric_style, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from rich.console import Console

    from graphlab.bench.plan import Cell

__all__ = ["Lines", "LiveBar", "values_in_words"]

_REFRESH_A_SECOND = 4.0
_MOST_VALUES = 3
_BAR_WIDTH = 12


class Lines:
    """Writes a line when a cell has ended, and one for each failed run.

    Args:
        console: Where to write.
        pending: Cells that are executed.
    """

    def __init__(self, console: Console, pending: Sequence[Cell]) -> None:
        self.console = console
        self.left = Counter({cell.cell_id: len(cell.runs) for cell in pending})
        self.total = len(self.left)
        several = len({cell.protocol for cell in pending}) > 1
        self.rules = {c.cell_id: f" ({c.protocol})" if several else "" for c in pending}
        self.ended = 0
        self.values: dict[str, list[Mapping[str, float]]] = {}

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del kind, error, trace

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take an event of the launcher."""
        note = remark(event)
        if note:
            self.write(note)
        if event["event"] in {"done", "failed", "busy", "skipped"}:
            self._end_run(event)

    def write(self, text: str) -> None:
        """Write one line."""
        self.console.print(Text(text), soft_wrap=True)

    def _end_run(self, event: Mapping[str, Any]) -> None:
        cell = event["cell_id"]
        if event["event"] == "done":
            self.values.setdefault(cell, []).append(event.get("values") or {})
        self.left[cell] -= 1
        if self.left[cell]:
            return
        self.ended += 1
        found = self.values.get(cell, [])
        means = {name: fmean(v[name] for v in found) for name in (found[0] if found else ())}
        outcome = f", test {values_in_words(means)}" if means else ""
        self.write(
            f"[{self.ended}/{self.total}] {plain(event['system'])} on {plain(event['dataset'])}"
            f"{self.rules[cell]}: {len(found)} run{'s' * (len(found) != 1)}{outcome}"
        )


class LiveBar(Lines):
    """One bar: runs done of all, and what the last heard of run is doing.

    Args:
        console: A terminal.
        pending: Cells that are executed.
    """

    def __init__(self, console: Console, pending: Sequence[Cell]) -> None:
        super().__init__(console, pending)
        total = sum(self.left.values())
        count = Column(no_wrap=True, min_width=len(f"{total}/{total} runs"))
        rest = Column(no_wrap=True, overflow="ellipsis", ratio=1)  # this one gives way
        self.progress = Progress(
            TextColumn("{task.completed:.0f}/{task.total:.0f} runs", table_column=count),
            BarColumn(_BAR_WIDTH, table_column=Column(no_wrap=True, min_width=_BAR_WIDTH)),
            TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7)),
            TextColumn("{task.fields[now]}", markup=False, table_column=rest),
            console=console,
            expand=True,
            refresh_per_second=_REFRESH_A_SECOND,
            transient=True,
        )
        self.task = self.progress.add_task("runs", total=total, now="starting")

    def __enter__(self) -> LiveBar:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        del kind, error, trace
        self.progress.stop()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Take an event of the launcher."""
        super().__call__(event)
        ended = event["event"] in {"done", "failed", "busy", "skipped"}
        self.progress.update(self.task, advance=float(ended), now=_now(event))


def remark(event: Mapping[str, Any]) -> str | None:
    """Return what is worth a line of its own: a failure, a resumed or a waiting run."""
    run = f"{plain(event['system'])} on {plain(event['dataset'])}, seed {event['seed']}"
    kind = event["event"]
    if kind == "failed":
        text = f"{run}: {event.get('status', 'failed')}: {plain(str(event.get('message')), 300)}"
        values = event.get("values")
        return f"{text} Test: {values_in_words(values)}." if values else text
    if kind == "lost":
        return f"{run}: its worker was lost; another one goes on with it"
    if kind == "resumed":
        return f"{run}: resumed at epoch {event.get('epoch')}"
    if kind == "waiting":
        return f"{run}: waiting for another process that executes it"
    if kind == "busy":
        return f"{run}: left to another process that executes it"
    return None


def values_in_words(values: Mapping[str, Any]) -> str:
    """Return metrics as a reader expects them, the loss last.

    Example:
        >>> values_in_words({"loss": 0.5123, "acc": 0.8123})
        'acc 81.2 %, loss 0.5123'
    """
    ordered = sorted(values.items(), key=lambda item: item[0] == "loss")
    words = []
    for name, value in ordered[:_MOST_VALUES]:
        style = metric_style(name)
        words.append(f"{plain(name)} {style.number(value)} {style.unit}".rstrip())
    return ", ".join(words)


def _now(event: Mapping[str, Any]) -> str:
    parts = [plain(event["system"], 24), plain(event["dataset"], 24), f"seed {event['seed']}"]
    if event.get("epoch") is not None and event.get("epochs") is not None:
        parts.append(f"epoch {event['epoch']}/{event['epochs']}")
    seen = {
        name.removeprefix("val_"): value
        for name, value in (event.get("values") or {}).items()
        if name.startswith("val_") and isinstance(value, int | float)
    }
    if seen:
        parts.append(f"val {values_in_words(seen)}")
    return " · ".join(parts)
