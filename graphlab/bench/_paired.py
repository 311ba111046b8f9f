"""Pairs the cells of two sides and tests each pair; says why what cannot be paired cannot."""

from __future__ import annotations

import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

from graphlab.bench._sides import altered_notes, cell_of, listed, metric_of
from graphlab.bench.comparison_rows import PairResult
from graphlab.bench.problems import printable
from graphlab.bench.report.display import metric_style
from graphlab.bench.report.marks import Pairs, pair_up
from graphlab.bench.stats import (
    ALPHA,
    MIN_SEEDS,
    bootstrap_interval,
    can_reject,
    holm,
    paired_differences,
)
from graphlab.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.bench._sides import Side, SideCell

__all__ = ["pair_results"]

_MOST = 4


def pair_results(
    a: Side, b: Side, metric: str | None
) -> tuple[tuple[PairResult, ...], tuple[str, ...]]:
    """Return one row a pair of systems, and the sentences under them.

    Args:
        a: The first side.
        b: The second side.
        metric: Test metric; None for the main one of each data set.

    Raises:
        InputError: No cell of one side fits one of the other.
        ConfigError: Data, splits or seeds do not fit; every problem is listed.
    """
    matched = _match(a, b)
    problems: list[str] = []
    made: list[tuple[PairResult, Pairs]] = []
    for first, second in matched:
        name = metric_of([first, second], metric)
        pairs = _pairs(first, second, name, problems)
        if pairs is not None:
            made.append((_pair_result(first, second, name, pairs), pairs))
    if problems:
        raise ConfigError(problems)
    rows = _tested(made)
    return tuple(rows), tuple(_notes(a, b, matched, rows))


def _match(a: Side, b: Side) -> list[tuple[SideCell, SideCell]]:
    """Pair the cells of one place, of two collections those of one system."""
    by_system = a.by_system and b.by_system
    found = [
        (x, y)
        for x in a.cells
        for y in b.cells
        if x.place == y.place
        and not (x.home == y.home and x.home and x.shape.cell_id == y.shape.cell_id)
        and (not by_system or x.shape.system == y.shape.system)
    ]
    if not found:
        raise InputError(_nothing_shared(a, b, by_system=by_system))
    counted: dict[tuple[object, ...], set[tuple[str, str]]] = {}
    for side, cells in ((a, {id(x): x for x, _ in found}), (b, {id(y): y for _, y in found})):
        for cell in cells.values():
            key = (side.label, cell.shape.system, cell.place)
            counted.setdefault(key, set()).add((cell.home, cell.shape.cell_id))
    for (label, system, place), cells_of in counted.items():
        if len(cells_of) > 1:
            assert isinstance(place, tuple)  # noqa: S101  (made above)
            listed = ", ".join(f"{home}/{cell}" for home, cell in sorted(cells_of)[:_MOST])
            raise InputError(
                f"{printable(label)} has {len(cells_of)} cells for {printable(system)} on "
                f"{printable(place[0])} under {place[2]}, of different settings or folders: "
                f"{listed}. Name one of them."
            )
    return found


def _nothing_shared(a: Side, b: Side, *, by_system: bool) -> str:
    """Say why no cell of one side fits one of the other."""
    names = f"{printable(a.label)} and {printable(b.label)}"
    same = {(c.home, c.shape.cell_id) for c in a.cells if c.home}
    if same and same == {(c.home, c.shape.cell_id) for c in b.cells}:
        return f"{names} are the same runs; name two different sides."
    for x in a.cells:
        for y in b.cells:
            if x.place[:2] == y.place[:2] and x.place != y.place:
                return (
                    f"{printable(x.shape.dataset)}: {printable(a.label)} was run under "
                    f"{x.shape.protocol}, {printable(b.label)} under {y.shape.protocol}. Results "
                    "of two protocols do not compare; run both under one: --protocol."
                )
    if by_system and {c.place for c in a.cells} & {c.place for c in b.cells}:
        return (
            f"{names} have no system in common: {listed(c.shape.system for c in a.cells)} "
            f"against {listed(c.shape.system for c in b.cells)}. Name two systems or cells."
        )
    return (
        f"{names} have no data set and task in common: "
        f"{listed(f'{c.shape.dataset} ({c.shape.task})' for c in a.cells)} against "
        f"{listed(f'{c.shape.dataset} ({c.shape.task})' for c in b.cells)}."
    )


def _pairs(a: SideCell, b: SideCell, metric: str, problems: list[str]) -> Pairs | None:
    """Pair the runs of two cells; what forbids it is added to the problems."""
    where = f"{printable(a.shape.dataset)}, {_versus(a, b)}"
    data = [sorted({r.data.dataset_sha256 or "" for r in c.runs if r.done}) for c in (a, b)]
    data = [[digest for digest in found if digest] for found in data]
    if all(data) and data[0] != data[1]:
        shown = [" and ".join(f"{digest[:12]}..." for digest in found) for found in data]
        problems.append(
            f"{where}: the data differ, sha256 {shown[0]} against {shown[1]}. Run both on the "
            "same files."
        )
        return None
    pairs = pair_up(cell_of(a, metric), cell_of(b, metric))
    if pairs.differing:
        seeds = ", ".join(_key(key) for key in pairs.differing[:_MOST])
        more = ", ..." if len(pairs.differing) > _MOST else ""
        problems.append(
            f"{where}: the splits differ at seed {seeds}{more}. Paired differences need equal "
            "splits; run both with the same task options."
        )
        return None
    if not pairs.n:
        problems.append(
            f"{where}: no seed with a value of {metric} in common; "
            f"{_seeds(a)} against {_seeds(b)}. Run the missing seeds."
        )
        return None
    return pairs


def _pair_result(a: SideCell, b: SideCell, metric: str, pairs: Pairs) -> PairResult:
    differences = paired_differences(pairs.a, pairs.b)
    higher = metric_style(metric).higher_is_better
    above = sum(d > 0 for d in differences)
    below = sum(d < 0 for d in differences)
    low, high = bootstrap_interval(differences) if pairs.n >= MIN_SEEDS else (None, None)
    failed = [
        f"{cell.shape.system}: {text}"
        for cell in (a, b)
        if (text := cell_of(cell, metric).failed())
    ]
    return PairResult(
        *a.place,
        metric=metric,
        a=a.shape.system,
        b=b.shape.system,
        a_cell=a.shape.cell_id,
        b_cell=b.shape.cell_id,
        n=pairs.n,
        a_mean=statistics.fmean(pairs.a),
        b_mean=statistics.fmean(pairs.b),
        difference=statistics.fmean(differences),
        low=low,
        high=high,
        wins=above if higher else below,
        ties=pairs.n - above - below,
        losses=below if higher else above,
        verdict="no test" if failed else "",
        remark="; ".join(failed),
    )


def _tested(made: Sequence[tuple[PairResult, Pairs]]) -> list[PairResult]:
    """Add tests and verdicts; Holm's correction is over all pairs that are tested."""
    rows = [row for row, _ in made]
    chosen = [i for i, (row, _) in enumerate(made) if row.n >= MIN_SEEDS and not row.verdict]
    for i in set(range(len(rows))) - set(chosen):
        rows[i] = replace(rows[i], verdict=rows[i].verdict or "too few seeds")
    hopeless = [
        i
        for i in chosen
        if not made[i][1].random_splits and not can_reject(made[i][1].n, len(chosen))
    ]
    tests = {i: made[i][1].test() for i in chosen if i not in hopeless}
    values = {i: test.p_value for i, test in tests.items() if test.p_value is not None}
    adjusted = dict(zip(values, holm(list(values.values())), strict=True))
    for i in hopeless:
        why = f"{rows[i].n} pairs cannot pass Holm's correction over {len(chosen)} comparisons"
        rows[i] = replace(rows[i], verdict="too few seeds", remark=why)
    for i, test in tests.items():
        rows[i] = replace(
            rows[i],
            test=test.name,
            p_value=test.p_value,
            p_holm=adjusted.get(i),
            verdict=_verdict(rows[i], adjusted.get(i)),
            remark=test.note,
        )
    return rows


def _verdict(row: PairResult, p: float | None) -> str:
    if p is None:
        return "no test"
    if p > ALPHA:
        return "not shown to differ"
    higher = metric_style(row.metric).higher_is_better
    return "a better" if (row.difference > 0) == higher else "b better"


def _notes(
    a: Side, b: Side, matched: Sequence[tuple[SideCell, SideCell]], rows: Sequence[PairResult]
) -> list[str]:
    notes = []
    used = {id(cell) for pair in matched for cell in pair}
    homes = [{(c.home, c.shape.cell_id) for c in side.cells} for side in (a, b)]
    for side, other in ((a, homes[1]), (b, homes[0])):
        left = [
            c
            for c in side.cells
            if id(c) not in used and not (c.home and (c.home, c.shape.cell_id) in other)
        ]
        if left:
            names = listed(f"{c.shape.system} on {c.shape.dataset}" for c in left)
            notes.append(f"Only in {printable(side.label)}, not compared: {names}.")
    apart = [
        f"{_versus(x, y)} on {printable(x.shape.dataset)}"
        for (x, y), row in zip(matched, rows, strict=True)
        if row.n < max(len(x.runs), len(y.runs))
    ]
    if apart:
        notes.append(f"Runs without a partner are left out: {listed(apart)}.")
    return [*notes, *altered_notes(a, b)]


def _versus(a: SideCell, b: SideCell) -> str:
    return f"{printable(a.shape.system)} against {printable(b.shape.system)}"


def _seeds(cell: SideCell) -> str:
    keys = [_key((r.identity.seed, r.identity.fold)) for r in cell.runs if r.done]
    return (
        f"seeds {', '.join(keys[:_MOST])}{', ...' if len(keys) > _MOST else ''}" if keys else "none"
    )


def _key(key: tuple[int, int | None]) -> str:
    seed, fold = key
    return str(seed) if fold is None else f"{seed} (fold {fold})"
