"""Checks of the link task's options: protocol, metric, sizes."""

from __future__ import annotations

from graphlab.errors import InputError
from graphlab.metrics.ranking import RANKING_METRICS, RankingMetric
from graphlab.registry import nearest

__all__ = ["find_metric", "find_protocol", "ordered_metrics", "whole_number"]

_ALIASES = {"rocauc": "auc"}  # as some cards call it


def find_protocol(name: str) -> str:
    """Return the protocol of a name; InputError with the nearest one."""
    from graphlab.registry import normalise_name

    known = ("ncn-70-10-20", "random-85-5-10", "heart-85-5-10", "official")
    found = normalise_name(name)
    if found not in known:
        near = nearest(found, known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise InputError(f"{name!r} is not a link protocol ({', '.join(known)}).{hint}")
    return found


def find_metric(name: str) -> RankingMetric:
    """Return the metric of a name; InputError with the nearest one."""
    key = _ALIASES.get(name, name)
    if key not in RANKING_METRICS:
        near = nearest(key, list(RANKING_METRICS), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise InputError(f"metric is {name!r}; expected one of {', '.join(RANKING_METRICS)}.{hint}")
    return RANKING_METRICS[key]


def ordered_metrics(first: str, *, own_negatives: bool) -> tuple[RankingMetric, ...]:
    """Return all metrics that are defined, the given one in front."""
    names = [first, *(name for name in RANKING_METRICS if name != first)]
    metrics = (RANKING_METRICS[name] for name in names)
    return tuple(m for m in metrics if m.own_negatives or not own_negatives)


def whole_number(name: str, value: int, least: int = 1) -> int:
    """Return the value of an option that counts; InputError below ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} is {value!r}; expected an integer >= {least}.")
    return value
