"""How long the pending runs of a plan may take, from the records of earlier runs."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphlab.bench.plan import Cell
    from graphlab.bench.record import RunRecord

__all__ = ["Estimate", "estimate", "in_words"]

_MINUTE, _HOUR = 60.0, 3600.0


@dataclass(frozen=True)
class Estimate:
    """Expected duration of the pending runs.

    Attributes:
        seconds: Sum over the runs that are like an earlier one, shared among the jobs.
        unknown: Runs without an earlier one like them.
    """

    seconds: float
    unknown: int

    def __str__(self) -> str:
        if self.unknown and not self.seconds:
            return "unknown time"
        words = in_words(self.seconds)
        return f"at least {words}" if self.unknown else f"about {words}"


def estimate(pending: Sequence[Cell], records: Iterable[RunRecord], *, jobs: int = 1) -> Estimate:
    """Add up what the pending runs took before: the same cell, else the model on the data set.

    Args:
        pending: Cells with the runs to execute.
        records: Earlier records.
        jobs: Worker processes at a time.

    Example:
        >>> str(estimate([], []))
        'about 0 s'
    """
    by_cell: dict[str, list[float]] = {}
    by_model: dict[tuple[str, str, str], list[float]] = {}
    for record in records:
        seconds = record.cost.seconds.get("total", sum(record.cost.seconds.values()))
        by_cell.setdefault(record.identity.cell_id, []).append(seconds)
        alike = (record.config.model, record.identity.dataset, record.identity.task)
        by_model.setdefault(alike, []).append(seconds)
    total, unknown = 0.0, 0
    for cell in pending:
        alike = (cell.model, cell.dataset, cell.task)
        before = by_cell.get(cell.cell_id) or by_model.get(alike)
        if before:
            total += fmean(before) * len(cell.runs)
        else:
            unknown += len(cell.runs)
    return Estimate(total / max(1, min(jobs, len(pending))), unknown)


def in_words(seconds: float) -> str:
    """Return a duration as people say it.

    Example:
        >>> in_words(42), in_words(200), in_words(9000)
        ('42 s', '3 min', '2.5 h')
    """
    if seconds < 1.5 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 1.5 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"
