"""Which nodes fail: the node metrics of the runs of one data set, by topology; numbers alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphlab.bench._node_metrics import read_node_metrics
from graphlab.errors import GraphlabError
from graphlab.io import sha256_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from graphlab.analysis import Diagnosis, SplitPerformance
    from graphlab.bench._node_metrics import KeptNodeMetrics
    from graphlab.bench.record import RunRecord

__all__ = ["METRICS", "DiagnosedPlace", "DiagnosedSystem", "diagnosed"]

#: Name in tables -> metric and cut-off in the file of a run.
METRICS: dict[str, tuple[str, int | None]] = {
    "Recall@10": ("recall", 10),
    "NDCG@10": ("ndcg", 10),
    "Hits@10": ("hits", 10),
    "MRR": ("mrr", None),
}
_Bins = dict[tuple[float, float], tuple[int, dict[str, float]]]


@dataclass(frozen=True)
class DiagnosedSystem:
    """What the node metrics of one system on one data set say.

    Attributes:
        name: Row name.
        index: Position in the table.
        runs: Runs that are in it.
        means: Mean of each metric over nodes, then over splits.
        diagnosis: Correlations with topology.
        by_tc: Bins of the concentration of test links, one mapping a split.
        by_degree: Bins of the training degree, one mapping a split.
        cold: Rule (``"degree"``, ``"tc_train"``) -> rows of thresholds, averaged over splits.
    """

    name: str
    index: int
    runs: int
    means: dict[str, float]
    diagnosis: Diagnosis
    by_tc: tuple[_Bins, ...]
    by_degree: tuple[_Bins, ...]
    cold: dict[str, list[dict[str, float]]]


@dataclass(frozen=True)
class DiagnosedPlace:
    """One data set under one protocol.

    Attributes:
        systems: Those with node metrics.
        shift: Concentration of training and of test links, averaged over splits.
        nodes: Mean number of test nodes.
        splits: Number of splits.
        unread: Runs whose file is gone, or not the one that was written.
    """

    systems: tuple[DiagnosedSystem, ...]
    shift: dict[str, Any] = field(default_factory=dict)
    nodes: float = 0.0
    splits: int = 0
    unread: int = 0


def diagnosed(
    runs: Mapping[int, tuple[str, Sequence[tuple[RunRecord, Path]]]],
) -> DiagnosedPlace | None:
    """Read the node metrics of one data set and set them against the topology of the nodes.

    Runs of one split are averaged first. Values of the nodes are computed once a split.

    Args:
        runs: Position in the table -> name of the system, and its runs with their folders.

    Returns:
        None where no run has node metrics.

    Cost: imports torch; for each split the concentration, and 1000 bootstrap samples if there is
    one split alone.
    """
    from graphlab.analysis import concentration_shift

    splits: dict[str, dict[str, Tensor]] = {}
    systems, unread = [], 0
    shifts: dict[str, dict[str, Any]] = {}
    sizes: dict[str, int] = {}
    for index, (name, of_system) in runs.items():
        kept: dict[str, list[KeptNodeMetrics]] = {}
        for run, folder in of_system:
            told = run.result.node_metrics
            if told is None:
                continue
            found = _read(folder / told.file, told.sha256)
            if found is None:
                unread += 1
                continue
            key = run.data.split_sha256 or f"{run.identity.seed}"
            kept.setdefault(key, []).append(found)
            if key not in splits:
                values = _values(found)
                splits[key], sizes[key] = values, len(found.nodes)
                shifts[key] = concentration_shift(values["tc_train"], values["tc_test"])
        if kept:
            systems.append(_system(name, index, kept, splits))
    if not systems and not unread:
        return None
    return DiagnosedPlace(
        systems=tuple(systems),
        shift=_mean_shift(list(shifts.values())),
        nodes=sum(sizes.values()) / max(len(sizes), 1),
        splits=len(splits),
        unread=unread,
    )


# -- private --------------------------------------------------------------------------------------


def _read(file: Path, sha256: str) -> KeptNodeMetrics | None:
    """Return what a file holds; None if it is not the one that was written."""
    try:
        return read_node_metrics(file) if sha256_file(file) == sha256 else None
    except (GraphlabError, OSError):
        return None


def _values(found: KeptNodeMetrics) -> dict[str, Tensor]:
    """Values of the test nodes, from the split that the file holds."""
    import torch

    from graphlab.analysis import node_values

    edges = {stage: torch.from_numpy(pairs).long() for stage, pairs in found.edges.items()}
    nodes = torch.from_numpy(found.nodes)
    return {name: value[nodes].cpu() for name, value in node_values(edges, found.num_nodes).items()}


def _system(
    name: str,
    index: int,
    kept: Mapping[str, Sequence[KeptNodeMetrics]],
    values: Mapping[str, dict[str, Tensor]],
) -> DiagnosedSystem:
    from graphlab.analysis import diagnose
    from graphlab.analysis.topology import (
        DEGREE_THRESHOLDS,
        TC_THRESHOLDS,
        cold_start,
        performance_by_concentration,
        performance_by_degree,
    )

    splits = [_performance(found, values[key]) for key, found in kept.items()]
    rules = {"degree": DEGREE_THRESHOLDS, "tc_train": TC_THRESHOLDS}
    means = [{m: float(v.mean()) for m, v in split.metrics.items()} for split in splits]
    return DiagnosedSystem(
        name=name,
        index=index,
        runs=sum(map(len, kept.values())),
        means={m: sum(each[m] for each in means) / len(means) for m in METRICS},
        diagnosis=diagnose(_common(splits)),
        by_tc=tuple(
            _bins(performance_by_concentration(s.values["tc_test"], s.metrics)) for s in splits
        ),
        by_degree=tuple(
            _bins(performance_by_degree(s.values["degree"].long(), s.metrics)) for s in splits
        ),
        cold={
            rule: _mean_rows([cold_start(s.values[rule], s.metrics, steps) for s in splits])
            for rule, steps in rules.items()
        },
    )


def _performance(found: Sequence[KeptNodeMetrics], values: dict[str, Tensor]) -> SplitPerformance:
    """Metrics of the nodes of one split, the mean over its runs."""
    import numpy as np
    import torch

    from graphlab.analysis import SplitPerformance

    metrics = {
        label: torch.from_numpy(np.mean([each.at(*which) for each in found], axis=0))
        for label, which in METRICS.items()
    }
    return SplitPerformance(values, metrics)


def _common(splits: Sequence[SplitPerformance]) -> list[SplitPerformance]:
    """Splits with the values that all of them have: the approximation may be too large for one."""
    from graphlab.analysis import SplitPerformance

    names = [n for n in splits[0].values if all(n in split.values for split in splits)]
    return [SplitPerformance({n: s.values[n] for n in names}, s.metrics) for s in splits]


def _bins(rows: Sequence[dict[str, float]]) -> _Bins:
    return {
        (row["low"], row["high"]): (int(row["count"]), {label: row[label] for label in METRICS})
        for row in rows
    }


def _mean_rows(of_splits: Sequence[Sequence[dict[str, float]]]) -> list[dict[str, float]]:
    """Average the rows of one threshold over the splits in which it divides the nodes."""
    found: dict[float, list[dict[str, float]]] = {}
    for rows in of_splits:
        for row in rows:
            found.setdefault(row["threshold"], []).append(row)
    return [
        {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
        for _, rows in sorted(found.items())
    ]


def _mean_shift(shifts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if not shifts:
        return {}
    count = len(shifts)
    numbers = ("mean_train", "mean_test", "shift", "lower", "higher")
    lists = ("share_train", "share_test")
    return {
        "edges": shifts[0]["edges"],
        **{name: sum(each[name] for each in shifts) / count for name in numbers},
        **{
            name: [sum(column) / count for column in zip(*(s[name] for s in shifts), strict=True)]
            for name in lists
        },
    }
