"""The diagnosis of link prediction as the page shows it: figures, tables, and sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from graphlab.bench.report.diagnosis import METRICS, diagnosed
from graphlab.bench.report.display import MetricStyle, plain
from graphlab.bench.report.tables import first_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from graphlab.analysis import Estimate
    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.diagnosis import DiagnosedPlace, DiagnosedSystem
    from graphlab.bench.report.tables import Column, ResultTable, Row

__all__ = ["VALUE_NAMES", "diagnosis_section"]

#: Value of nodes -> its words.
VALUE_NAMES = {
    "tc_test": "TC, test links",
    "tc_train": "TC, training links",
    "tc_val": "TC, validation links",
    "atc_test": "ATC, test links",
    "atc_train": "ATC, training links",
    "degree": "training degree",
    "density": "density around it",
}
_MAIN = "Recall@10"
_SHOWN_THRESHOLDS = {"degree": (1, 2, 5, 10), "tc_train": (0.01, 0.05, 0.1)}
_RULE_WORDS = {"degree": "training degree ≤ {:g}", "tc_train": "TC of training links ≤ {:g}"}
_STYLES = {name: MetricStyle(name, name, 100.0, "%", bounds=(0.0, 100.0)) for name in METRICS}
_HALF = 0.005  # of two decimals


def diagnosis_section(
    table: ResultTable,
    runs_of: Callable[[Row, Column], list[RunRecord]],
    folder_of: Callable[[RunRecord], Path],
) -> dict[str, Any] | None:
    """Return what the template shows of the node metrics of all runs; None where there are none.

    Args:
        table: The result table.
        runs_of: Gives the runs of a row in a column.
        folder_of: Gives a run's folder.

    Cost: nothing where no run has node metrics; else torch, the files, and the concentration of
    every split.
    """
    places = []
    for number, (index, column) in enumerate(first_columns(table.columns)):
        runs = {}
        for position, row in enumerate(table.rows):
            if row.cells[index] is None:
                continue
            runs_here = (run for run in runs_of(row, column) if run.done)
            kept = [run for run in runs_here if run.result.node_metrics is not None]
            if kept:
                name = f"{row.system} ({row.note})" if row.note else row.system
                runs[position] = (name, [(run, folder_of(run)) for run in kept])
        found = diagnosed(runs) if runs else None
        if found is not None:
            where = f"{plain(column.dataset)}, {plain(column.protocol)}"
            places.append(_place(f"diagnosis{number}", where, found))
    if not places:
        return None
    return {"places": places, "verdict": _overall([place["found"] for place in places])}


# -- private --------------------------------------------------------------------------------------


def _place(key: str, where: str, found: DiagnosedPlace) -> dict[str, Any]:
    return {
        "head": where,
        "found": found,
        "figures": _figures(key, where, found) if found.systems else [],
        "metrics": list(METRICS),
        "systems": [_correlations(one) for one in found.systems],
        "rules": _rules(found.systems),
        "notes": _notes(found),
    }


def _figures(key: str, where: str, found: DiagnosedPlace) -> list[dict[str, Any]]:
    from markupsafe import Markup

    from graphlab.bench.report.plots_topology import by_topology, cold_starts, shift

    style, systems = _STYLES[_MAIN], found.systems
    moved = found.shift
    made = [
        (
            f"{_MAIN} by concentration and by degree",
            by_topology(f"{key}a", where, systems, _MAIN, style),
            "Mean over splits with one standard deviation; below, the number of nodes. Marks are "
            "hollow where a range has fewer than 10. Nodes at exactly 0 stand apart.",
        ),
        (
            "Cold-start rules",
            cold_starts(f"{key}b", where, systems, _MAIN, style),
            "How far nodes at or below the threshold lag behind the rest. A rule that finds the "
            "nodes that fail lies high above 0; below 0, those that it finds do better.",
        ),
        (
            "Shift of the links to be predicted",
            shift(f"{key}c", where, moved),
            f"At {moved['lower'] * 100:.0f} % of the test nodes test links have less in common "
            f"with the node's surroundings than its training links, at "
            f"{moved['higher'] * 100:.0f} % more; else both are equal, most often 0.",
        ),
    ]
    return [
        {"head": head, "svg": Markup(svg), "caption": caption}  # noqa: S704  (drawn by us)
        for head, svg, caption in made
        if svg is not None
    ]


def _correlations(one: DiagnosedSystem) -> dict[str, Any]:
    rows = []
    for value, by_metric in one.diagnosis.correlations.items():
        fields = []
        for metric, estimate in by_metric.items():
            largest = _size(estimate) == max(
                _size(each[metric]) for each in one.diagnosis.correlations.values()
            )
            verdict = "" if value == "tc_test" else one.diagnosis.verdict(value, metric)
            fields.append({**_estimate(estimate), "best": largest, "verdict": verdict})
        rows.append({"name": VALUE_NAMES[value], "fields": fields})
    return {
        "name": plain(one.name),
        "index": one.index,
        "runs": one.runs,
        "means": [_STYLES[metric].number(one.means[metric]) for metric in METRICS],
        "rows": rows,
        "sentence": _sentence(one),
    }


def _estimate(estimate: Estimate) -> dict[str, str]:
    if math.isnan(estimate.mean):
        return {"text": "undefined", "interval": ""}
    interval = ""
    if not math.isnan(estimate.low):
        interval = f"{_number(estimate.low)} to {_number(estimate.high)}"
    return {"text": _number(estimate.mean), "interval": interval}


def _number(value: float) -> str:
    """Two decimals, with a true minus and no minus zero."""
    return f"{0.0 if abs(value) < _HALF else value:.2f}".replace("-", "\N{MINUS SIGN}")


def _size(estimate: Estimate) -> float:
    return -1.0 if math.isnan(estimate.mean) else abs(estimate.mean)


def _sentence(one: DiagnosedSystem) -> str:
    """Say plainly whether the concentration of test links beats each other value."""
    kinds: dict[str, list[str]] = {"smaller": [], "undecided": []}
    for value in one.diagnosis.leads:
        for kind, names in kinds.items():
            hit = [m for m in METRICS if one.diagnosis.verdict(value, m) == kind]
            if hit:
                which = "" if len(hit) == len(METRICS) else f" with {_listed(hit)}"
                names.append(f"{VALUE_NAMES[value]}{which}")
    if not one.diagnosis.leads:
        return ""
    if not kinds["smaller"] and not kinds["undecided"]:
        return "TC of the test links goes with all four metrics more than any other value does."
    parts = []
    if kinds["smaller"]:
        parts.append(f"it goes with them less than {'; '.join(kinds['smaller'])}")
    if kinds["undecided"]:
        parts.append(f"undecided is {'; '.join(kinds['undecided'])}")
    return f"TC of the test links does not beat every other value: {', and '.join(parts)}."


def _overall(found: Sequence[DiagnosedPlace]) -> str:
    verdicts = [
        one.diagnosis.verdict(value, metric)
        for place in found
        for one in place.systems
        for value in one.diagnosis.leads
        for metric in METRICS
    ]
    if not verdicts:
        return ""
    larger, smaller = verdicts.count("larger"), verdicts.count("smaller")
    every = "in all" if larger == len(verdicts) else f"in {larger} of"
    text = (
        "TC of the test links goes with the performance of nodes more than another value does "
        f"{every} {len(verdicts)} comparisons (a system, a data set, another value, a metric)"
    )
    if larger < len(verdicts):
        text += f", less in {smaller}, and in {len(verdicts) - larger - smaller} it is undecided"
    return f"{text}."


def _rules(systems: Sequence[DiagnosedSystem]) -> dict[str, Any]:
    """Rows of the table of thresholds: share of nodes, Hits@10 and MRR of these and the rest."""
    rows = []
    for rule, steps in _SHOWN_THRESHOLDS.items():
        for step in steps:
            cells = []
            share = None
            for one in systems:
                row = next((r for r in one.cold[rule] if math.isclose(r["threshold"], step)), None)
                cells.append(None if row is None else _below_and_above(row))
                if row is not None and share is None:
                    share = 100 * row["below"] / (row["below"] + row["above"])
            if share is not None:
                name = _RULE_WORDS[rule].format(step)
                rows.append({"name": name, "share": f"{share:.0f}", "cells": cells})
    return {"heads": [(plain(one.name), one.index) for one in systems], "rows": rows}


def _below_and_above(row: dict[str, float]) -> dict[str, str]:
    def pair(metric: str) -> str:
        style = _STYLES[metric]
        return f"{style.number(row[f'{metric}_below'])} | {style.number(row[f'{metric}_above'])}"

    return {"hits": pair("Hits@10"), "mrr": pair("MRR")}


def _notes(found: DiagnosedPlace) -> list[str]:
    notes = []
    if found.systems:
        several = found.splits > 1
        over = (
            f"over {found.splits} splits, Student's t: of splits of one graph, which overlap"
            if several
            else "of 1000 bootstrap samples of the nodes of the one split"
        )
        notes.append(
            f"Pearson's correlation over {found.nodes:,.0f} test nodes"
            f"{' a split' if several else ''}; below it the 95 % interval {over}. Bold: the "
            "largest of a system without its sign."
        )
        notes.append(
            "TC beats a value where its correlation is the larger one without signs and the 95 % "
            "interval of the paired difference lies above 0. Intervals are not corrected for "
            "their number."
        )
        notes.append(
            "TC and ATC of test links are computed of the links to be predicted: they explain a "
            "result, and cannot foretell it. ATC is the limit of many dimensions."
        )
    if found.unread:
        files = "file" if found.unread == 1 else "files"
        notes.append(f"{found.unread} {files} of node metrics could not be read and are left out.")
    return notes


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
