"""Sentences under a table on its marks: which test, over how many pairs, and where is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlab.bench.report.display import plain
from graphlab.bench.report.marks import NOT_WORSE, OFF
from graphlab.bench.stats import ALPHA, MIN_SEEDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphlab.bench.report.marks import Standing
    from graphlab.bench.report.tables import Cell, Column, Row

__all__ = ["claim_notes"]

_MOST_NAMED = 6
_Placed = tuple["Row", "Column", "Cell"]


def claim_notes(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    """Return the sentences on significance of one table.

    Args:
        columns: Its columns.
        rows: Its rows, marked.
    """
    placed = [
        (row, column, cell)
        for row in rows
        for column, cell in zip(columns, row.cells, strict=True)
        if cell is not None
    ]
    return [*_tested(placed), *_too_few(placed), *_untested(placed), *_published(placed)]


def _tested(placed: Sequence[_Placed]) -> list[str]:
    found = [
        (column, standing)
        for _, column, cell in placed
        if (standing := cell.standing) is not None and standing.kind in {"worse", "not-worse"}
    ]
    if not found:
        return []
    tests: dict[str, list[tuple[Column, Standing]]] = {}
    for column, standing in found:
        tests.setdefault(standing.test, []).append((column, standing))
    texts = []
    for name, uses in tests.items():
        pairs = _range(standing.pairs for _, standing in uses)
        where = f" on {_datasets(column for column, _ in uses)}" if len(tests) > 1 else ""
        texts.append(f"{name}{where} over {pairs} pairs of equal seed and split")
    alike = any(standing.kind == "not-worse" for _, standing in found)
    what = (
        f"{NOT_WORSE}: not significantly worse than the best"
        if alike
        else "Every other system that was tested is significantly worse than the best"
    )
    return [f"{what} (two-sided {'; '.join(texts)}; level {ALPHA} after Holm's correction)."]


def _too_few(placed: Sequence[_Placed]) -> list[str]:
    """Columns and cells without a claim because there are too few runs."""
    rivals = [
        (column, cell.standing.pairs)
        for _, column, cell in placed
        if cell.standing is not None and cell.standing.kind == "too-few"
    ]
    few = [(column, pairs) for column, pairs in rivals if pairs < MIN_SEEDS]
    many = [(column, pairs) for column, pairs in rivals if pairs >= MIN_SEEDS]
    alone = [
        (column, cell.n)
        for _, column, cell in placed
        if cell.published is not None and cell.whole and 0 < cell.n < MIN_SEEDS
    ]
    notes = []
    if few or alone:
        claims = ["which systems differ"] if few else []
        claims += ["whether a published mean is met"] if alone else []
        everywhere = len({c.place for c, _ in (*few, *alone)}) == len(
            {c.place for _, c, _ in placed}
        )
        where = "" if everywhere else f" on {_datasets(c for c, _ in (*few, *alone))}"
        counts = _range(n for _, n in (*few, *alone))
        notes.append(
            f"Too few seeds{where} to say {' or '.join(claims)}: "
            f"{counts} in common, at least {MIN_SEEDS} are needed."
        )
    if many:
        notes.append(
            f"Too few seeds on {_datasets(c for c, _ in many)} to tell so many systems apart: with "
            f"{_range(n for _, n in many)} pairs no result could pass Holm's correction."
        )
    return notes


def _untested(placed: Sequence[_Placed]) -> list[str]:
    named: dict[str, None] = {}
    for row, column, cell in placed:
        if cell.standing is not None and cell.standing.kind == "not-tested":
            named[f"{plain(row.system)} on {plain(column.dataset)} ({cell.standing.why})"] = None
    if not named:
        return []
    shown = [*named][:_MOST_NAMED]
    more = f", and {len(named) - len(shown)} more" if len(named) > len(shown) else ""
    return [f"Not tested against the best: {', '.join(shown)}{more}."]


def _published(placed: Sequence[_Placed]) -> list[str]:
    verdicts = {cell.misses_published for _, _, cell in placed if cell.published is not None}
    if True in verdicts:
        return [
            f"{OFF}: outside the 95 % bootstrap interval of our mean; the spread of the "
            "published number is not taken into account."
        ]
    if False in verdicts:
        return ["Published means lie inside the 95 % bootstrap intervals of ours where tested."]
    return []


def _datasets(columns: Iterable[Column]) -> str:
    return ", ".join(dict.fromkeys(plain(column.dataset) for column in columns))


def _range(counts: Iterable[int]) -> str:
    found = sorted(set(counts))
    return str(found[0]) if len(found) == 1 else f"{found[0]} to {found[-1]}"
