"""Data sets: a catalogue, readers for the field's raw files, splits, the user's own graphs.

The catalogue (:mod:`graphlab.datasets.catalog`) needs neither torch nor numpy; names below are
imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphlab.datasets.card import DatasetCard
    from graphlab.datasets.catalog import cards, dataset_sha256, find_dataset, locate
    from graphlab.datasets.fetching import fetch
    from graphlab.datasets.graph_file import read_graph_file
    from graphlab.datasets.loading import LoadedData, load
    from graphlab.datasets.local import load_local
    from graphlab.datasets.splits import make_split, split_digest
    from graphlab.datasets.synthetic_gsm import GSM_TASKS, GSMTasks

__all__ = [
    "GSM_TASKS",
    "DatasetCard",
    "GSMTasks",
    "LoadedData",
    "cards",
    "dataset_sha256",
    "fetch",
    "find_dataset",
    "load",
    "load_local",
    "locate",
    "make_split",
    "read_graph_file",
    "split_digest",
]

_HOMES = {
    "GSM_TASKS": "synthetic_gsm",
    "DatasetCard": "card",
    "GSMTasks": "synthetic_gsm",
    "LoadedData": "loading",
    "cards": "catalog",
    "dataset_sha256": "catalog",
    "fetch": "fetching",
    "find_dataset": "catalog",
    "load": "loading",
    "load_local": "local",
    "locate": "catalog",
    "make_split": "splits",
    "read_graph_file": "graph_file",
    "split_digest": "splits",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  (whatever the name stands for)
    """Import a public name on first use (PEP 562): the catalogue needs no torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
