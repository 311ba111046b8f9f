"""Sets one side against the published numbers of ``benchmarks/reference``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from graphlab.bench._sides import altered_notes, cell_of, listed, metric_of
from graphlab.bench.comparison_rows import PublishedResult
from graphlab.bench.report.reference import load_references
from graphlab.bench.stats import mean_std
from graphlab.errors import InputError

if TYPE_CHECKING:
    from graphlab.bench._sides import Side
    from graphlab.bench.report.tables import Cell

__all__ = ["published_results"]


def published_results(
    side: Side, metric: str | None
) -> tuple[tuple[PublishedResult, ...], tuple[str, ...]]:
    """Return one row a cell that has a published number, and the sentences under them.

    Args:
        side: Our results.
        metric: Test metric; None for the main one of each data set.

    Raises:
        InputError: No cell has a published number.
    """
    references = load_references()
    rows, left = [], []
    for cell in side.cells:
        name = metric_of([cell], metric)
        changed = any(o.startswith("options.") for r in cell.runs for o in r.config.overridden)
        found = references.find(cell.shape.model, cell.shape.dataset, cell.shape.protocol, name)
        ours = replace(cell_of(cell, name), published=found)
        if found is None or ours.mean is None:
            left.append(f"{cell.shape.system} on {cell.shape.dataset} ({name})")
            continue
        mean, std = mean_std([value for _, _, value in ours.values])
        interval = ours.interval
        missed = ours.misses_published
        remarks = [ours.remark()] if ours.remark() else []
        remarks += ["model options differ from the defaults"] if changed else []
        rows.append(
            PublishedResult(
                *cell.place,
                metric=name,
                system=cell.shape.system,
                cell=cell.shape.cell_id,
                n=ours.n,
                mean=mean,
                std=std,
                low=interval[0] if interval else None,
                high=interval[1] if interval else None,
                published_mean=found.mean,
                published_std=found.std,
                published_runs=found.runs,
                source=found.source.key,
                citation=found.source.short or found.source.text,
                difference=mean - found.mean,
                contained=None if missed is None else not missed,
                verdict=_published_verdict(ours, missed),
                remark="; ".join(remarks),
            )
        )
    if not rows:
        raise InputError(
            f"benchmarks/reference has no number for {listed(left)} under the same protocol, "
            "so there is nothing to compare with."
        )
    notes = [f"Without a published number: {listed(left)}."] if left else []
    return tuple(rows), (*notes, *altered_notes(side))


def _published_verdict(cell: Cell, missed: bool | None) -> str:
    if missed is not None:
        return "outside" if missed else "inside"
    return "failed runs" if cell.failures else "too few seeds"
