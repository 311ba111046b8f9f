"""Average ranks of systems over data sets, and which of them no test can tell apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphlab.bench.report.display import TASKS, plain
from graphlab.bench.report.tables import first_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.bench.report.tables import Cell, Column, ResultTable, Row

__all__ = ["Ranking", "rankings"]

_LEAST_SYSTEMS = 3


@dataclass(frozen=True)
class Ranking:
    """Systems by their average rank over data sets.

    Args:
        title: Task, and what else tells this ranking from others of the page.
        systems: (position in the table, name, average rank), the best first.
        datasets: Names of the data sets.
        difference: Critical difference: ranks nearer than that are not told apart.
        p_value: Of Friedman's test, whether the systems differ at all.
        left_out: Systems without a comparable result everywhere, with the reason.
    """

    title: str
    systems: tuple[tuple[int, str, float], ...]
    datasets: tuple[str, ...]
    difference: float
    p_value: float = 0.0
    left_out: tuple[str, ...] = ()

    @property
    def undecided(self) -> bool:
        """Whether Friedman's test finds no difference between any systems."""
        from graphlab.bench.stats import ALPHA

        return self.p_value > ALPHA

    @property
    def groups(self) -> tuple[tuple[int, int], ...]:
        """First and last place of each largest group of systems that are not told apart.

        Where Friedman's test finds no difference at all, no two of them are: one group of all.

        Example:
            >>> ranks = [(0, "A", 1.0), (1, "B", 2.0), (2, "C", 3.0)]
            >>> Ranking("", tuple(ranks), (), 1.5).groups
            ((0, 1), (1, 2))
        """
        if self.undecided:
            return ((0, len(self.systems) - 1),)
        found: list[tuple[int, int]] = []
        for first, (_, _, rank) in enumerate(self.systems):
            near = [r - rank < self.difference for _, _, r in self.systems[first:]]
            last = first + sum(near) - 1
            if last > first and (not found or last > found[-1][1]):
                found.append((first, last))
        return tuple(found)


def rankings(table: ResultTable) -> list[Ranking]:
    """Return a ranking of each task that has enough systems and data sets for one.

    Enough are three systems and so many data sets that the critical difference is below the
    largest possible difference of two average ranks; with fewer no result could tell any two
    apart. A data set counts once: where it stands under several protocols of a task, each
    protocol has a ranking of its own. A system without a result on one of the data sets, or with
    failed runs there, has no rank and is named instead.

    Args:
        table: The result table; of every data set its main metric counts.

    Cost: imports scipy where there are three systems and two data sets.
    """
    found = []
    for place, columns in _blocks(table).items():
        made = _ranking(table, place, columns)
        if made is not None:
            found.append(made)
    return found


def _blocks(table: ResultTable) -> dict[tuple[str, str, str], list[tuple[int, Column]]]:
    """(Part, task, protocol or "") -> columns of different data sets."""
    tasks: dict[tuple[str, str], list[tuple[int, Column]]] = {}
    for index, column in first_columns(table.columns):
        tasks.setdefault((column.part, column.task), []).append((index, column))
    blocks: dict[tuple[str, str, str], list[tuple[int, Column]]] = {}
    for (part, task), columns in tasks.items():
        repeated = max(Counter(c.dataset for _, c in columns).values()) > 1
        for index, column in columns:
            key = (part, task, column.protocol if repeated else "")
            blocks.setdefault(key, []).append((index, column))
    return blocks


def _ranking(
    table: ResultTable, place: tuple[str, str, str], columns: Sequence[tuple[int, Column]]
) -> Ranking | None:
    if len(columns) < 2:
        return None
    part, task, protocol = place
    ranked: list[tuple[int, Row]] = []
    left_out = []
    for position, row in enumerate(table.rows):
        if (row.part, row.task) != (part, task):
            continue
        lacking = [c.dataset for i, c in columns if not _comparable(row.cells[i])]
        if lacking:
            left_out.append(f"{_name(row)} ({', '.join(plain(name, 26) for name in lacking)})")
        else:
            ranked.append((position, row))
    if len(ranked) < _LEAST_SYSTEMS:
        return None

    from graphlab.bench.stats import average_ranks, critical_difference, friedman_test

    difference = critical_difference(len(ranked), len(columns))
    if difference >= len(ranked) - 1:
        return None
    scores = [[_score(row.cells[i], c) for _, row in ranked] for i, c in columns]
    ranks = average_ranks(scores)
    systems = [(p, _name(row), r) for (p, row), r in zip(ranked, ranks, strict=True)]
    title = plain(part) or TASKS.get(task, plain(task))
    return Ranking(
        title=f"{title}, {plain(protocol)}" if protocol else title,
        systems=tuple(sorted(systems, key=lambda s: (s[2], s[0]))),
        datasets=tuple(plain(c.dataset, 26) for _, c in columns),
        difference=difference,
        p_value=friedman_test(scores).p_value,
        left_out=tuple(left_out),
    )


def _comparable(cell: Cell | None) -> bool:
    """Whether a cell has a mean over all that was run: one without its failed runs flatters."""
    return cell is not None and cell.mean is not None and cell.whole


def _score(cell: Cell | None, column: Column) -> float:
    """Mean of a cell, turned so that more is better."""
    assert cell is not None  # noqa: S101  (comparable cells alone come here)
    assert cell.mean is not None  # noqa: S101
    return cell.mean if column.style.higher_is_better else -cell.mean


def _name(row: Row) -> str:
    return plain(f"{row.system} ({row.note})" if row.note else row.system, 26)
