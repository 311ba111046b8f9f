"""Marks in a result table: the best of a column, and what is not shown to be worse than it.

scipy is imported only where a column has enough runs for a test.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from graphlab.bench.stats import (
    ALPHA,
    MIN_SEEDS,
    PairedTest,
    can_reject,
    holm,
    paired_test,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.tables import Cell, Column, Row

__all__ = [
    "NOT_WORSE",
    "OFF",
    "Pairs",
    "Standing",
    "ground",
    "mark_cells",
    "pair_up",
    "share_of_test",
]

#: In front of a mean that is not significantly worse than the best.
NOT_WORSE: Final = "≈"
#: In front of a published mean that the interval of ours excludes.
OFF: Final = "≠"

Kind = Literal["best", "not-worse", "worse", "too-few", "not-tested"]


@dataclass(frozen=True)
class Standing:
    """How a cell stands against the best of its column.

    Args:
        kind: ``"best"``; ``"not-worse"`` or ``"worse"`` by a test; ``"too-few"`` runs for one;
            ``"not-tested"`` for another reason.
        test: Name of the test.
        pairs: Number of pairs, runs of equal seed, fold and split.
        p_value: Two-sided, adjusted by Holm over the systems of the column.
        why: Why there was no test.
    """

    kind: Kind
    test: str = ""
    pairs: int = 0
    p_value: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Pairs:
    """Results of two systems on equal seeds and folds, in order.

    Args:
        keys: (seed, fold).
        a: Results of the first.
        b: Results of the second.
        random_splits: Whether the split differs from pair to pair.
        test_fraction: n_test / (n_train + n_test); None when the sizes are not recorded.
        differing: Keys at which the two had other data or another split; they are in no pair.
    """

    keys: tuple[tuple[int, int | None], ...]
    a: tuple[float, ...]
    b: tuple[float, ...]
    random_splits: bool
    test_fraction: float | None
    differing: tuple[tuple[int, int | None], ...] = ()

    @property
    def n(self) -> int:
        """Number of pairs."""
        return len(self.keys)

    def test(self) -> PairedTest:
        """Run the test that fits the splits; the same pairs a second time cost nothing."""
        if self.random_splits and self.test_fraction is None:
            why = "the sizes of the splits are not recorded"
            return PairedTest(None, None, "", self.n, note=why)
        return _test(self.a, self.b, self.random_splits, self.test_fraction)


@functools.lru_cache(maxsize=4096)
def _test(
    a: tuple[float, ...], b: tuple[float, ...], random_splits: bool, test_fraction: float | None
) -> PairedTest:
    return paired_test(a, b, random_splits=random_splits, test_fraction=test_fraction)


def ground(run: RunRecord) -> str:
    """Return what two runs must share to be compared: checksums of the data and of the split."""
    return f"{run.data.dataset_sha256 or ''} {run.data.split_sha256 or ''}"


def share_of_test(runs: Iterable[RunRecord]) -> float | None:
    """Return n_test / (n_train + n_test) of runs, their mean; None where it is not recorded."""
    sizes = [run.data.sizes for run in runs]
    shares = [
        size["test"] / (size["train"] + size["test"])
        for size in sizes
        if size.get("train") and size.get("test")
    ]
    return sum(shares) / len(shares) if shares else None


def pair_up(a: Cell, b: Cell) -> Pairs:
    """Pair the runs of two cells that have the same seed, fold, data and split."""
    first = {(seed, fold): i for i, (seed, fold, _) in enumerate(a.values)}
    second = {(seed, fold): i for i, (seed, fold, _) in enumerate(b.values)}
    shared = [key for key in first if key in second]
    equal = [key for key in shared if a.grounds[first[key]] == b.grounds[second[key]]]
    return Pairs(
        keys=tuple(equal),
        a=tuple(a.values[first[key]][2] for key in equal),
        b=tuple(b.values[second[key]][2] for key in equal),
        random_splits=len({a.grounds[first[key]] for key in equal}) > 1,
        test_fraction=a.test_fraction if a.test_fraction is not None else b.test_fraction,
        differing=tuple(key for key in shared if key not in equal),
    )


def mark_cells(rows: Sequence[Row], columns: Sequence[Column]) -> tuple[Row, ...]:
    """Mark the best mean of every column that has two or more, and how the others stand to it.

    A cell with failed runs is neither the best nor tested: its mean is over the survivors alone.
    Neither is one with runs out of time, which were trained less than the others, or with altered
    records, which may hold any number.
    """
    marked = [[row.cells[index] for row in rows] for index in range(len(columns))]
    for cells, column in zip(marked, columns, strict=True):
        _mark(cells, higher_is_better=column.style.higher_is_better)
    by_row = list(zip(*marked, strict=True)) if columns else [()] * len(rows)
    return tuple(replace(row, cells=cells) for row, cells in zip(rows, by_row, strict=True))


def _mark(cells: list[Cell | None], *, higher_is_better: bool) -> None:
    """Replace the cells of one column by marked ones."""
    means = {i: c.mean for i, c in enumerate(cells) if c and c.mean is not None and c.whole}
    if len(means) < 2:
        return
    top = (max if higher_is_better else min)(means.values())
    best = next(index for index, mean in means.items() if mean == top)
    rivals = {i: c for i, c in enumerate(cells) if c and c.mean is not None and i != best}
    standings = _standings(cells[best], {i: c for i, c in rivals.items() if means.get(i) != top})
    for index, cell in enumerate(cells):
        if cell is not None and means.get(index) == top:
            cells[index] = replace(cell, best=True, standing=Standing("best"))
        elif cell is not None and index in standings:
            cells[index] = replace(cell, standing=standings[index])


def _standings(best: Cell | None, rivals: dict[int, Cell]) -> dict[int, Standing]:
    assert best is not None  # noqa: S101  (it has a mean)
    found: dict[int, Standing] = {}
    paired: dict[int, Pairs] = {}
    for index, rival in rivals.items():
        if not rival.whole:
            found[index] = Standing("not-tested", why=_flaw(rival))
            continue
        pairs = pair_up(best, rival)
        if pairs.differing:
            found[index] = Standing("not-tested", why="other data or another split")
        elif pairs.n < MIN_SEEDS:
            found[index] = Standing("too-few", pairs=pairs.n)
        else:
            paired[index] = pairs
    hopeless = {
        index: Standing("too-few", pairs=pairs.n)
        for index, pairs in paired.items()
        if not pairs.random_splits and not can_reject(pairs.n, len(paired))
    }
    tests = {index: pairs.test() for index, pairs in paired.items() if index not in hopeless}
    values = {index: t.p_value for index, t in tests.items() if t.p_value is not None}
    adjusted = dict(zip(values, holm(list(values.values())), strict=True))
    for index, test in tests.items():
        if index not in adjusted:
            found[index] = Standing("not-tested", test.name, test.n, why=test.note)
        else:
            p = adjusted[index]
            found[index] = Standing("worse" if p <= ALPHA else "not-worse", test.name, test.n, p)
    return found | hopeless


def _flaw(cell: Cell) -> str:
    if cell.altered:
        return "altered records"
    return "failed runs" if cell.failures else "runs out of time"
