"""Which graphs of a set train, validate and test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.io import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from graphlab.datasets import LoadedData

__all__ = ["PROTOCOLS", "graph_split", "graph_split_digest"]

_STAGES = ("train", "val", "test")
_FOLDS = {"cv-10": 10, "bgnn-5": 5}
_CV_SEED = 0  # of the folds, the same for all runs: what differs between seeds is the model


def graph_split(
    data: LoadedData, protocol: str, seed: int, *, fold: int | None = None
) -> dict[str, Tensor]:
    """Return the numbers of the graphs of each stage, ascending.

    ============  ===============================================================================
    protocol      rule
    ============  ===============================================================================
    ``official``  the one split that comes with the set
    ``sbm``       the same, for the stochastic block models of [dwivedi2023]_
    ``tsp``       the same, for travelling salesman tours
    ``cv-10``     ten stratified folds; one tests, a tenth of the others validates
    ``bgnn-5``    the five stored folds of [dwivedi2023]_, 3:1:1
    ============  ===============================================================================

    Args:
        data: A loaded set of graphs.
        protocol: One of the above.
        seed: Selects the fold, ``seed`` mod their number, where ``fold`` does not.
        fold: The fold, for protocols with folds.

    Raises:
        InputError: The set has no such split; no such fold; too few graphs of a class.
    """
    if protocol not in PROTOCOLS:
        raise InputError(
            f"protocol is {protocol!r}; a set of graphs is split by {', '.join(PROTOCOLS)}."
        )
    folds = _FOLDS.get(protocol, 1)
    if fold is not None and not 0 <= fold < folds:
        raise InputError(f"fold is {fold}; {protocol} has {folds} (0..{folds - 1}).")
    chosen = seed % folds if fold is None else fold
    parts = PROTOCOLS[protocol](data, chosen)
    count = len(data.graph)
    split = {}
    for stage in _STAGES:
        ids = torch.as_tensor(parts[stage], dtype=torch.int64).reshape(-1).sort().values
        if not ids.numel():
            raise InputError(f"{data.name} split by {protocol!r} has an empty part: {stage}.")
        if int(ids[0]) < 0 or int(ids[-1]) >= count:
            raise InputError(
                f"the {stage} part of {data.name} names graph {int(ids[-1])}, but it has {count}."
            )
        split[stage] = ids
    together = torch.cat(list(split.values()))
    if int(torch.bincount(together).max()) > 1:
        raise InputError(f"the parts of {data.name} split by {protocol!r} share graphs.")
    return split


def graph_split_digest(split: dict[str, Tensor]) -> str:
    """Return one SHA-256 of a split: over the sorted ids of its parts, as little-endian int64."""
    parts = {
        stage: sha256_bytes(ids.numpy().astype("<i8").tobytes()) for stage, ids in split.items()
    }
    return sha256_bytes(canonical_json(parts).encode())


def _own(data: LoadedData, fold: int) -> dict[str, Any]:
    del fold  # there is one
    stored = data.stored_splits.get("official")
    return dict(data.official_split) if stored is None else dict(stored)


def _cross_validation(data: LoadedData, fold: int) -> dict[str, Any]:
    from sklearn.model_selection import StratifiedKFold, train_test_split

    labels = _classes(data)
    rarest = int(np.bincount(labels).min())
    if rarest < _FOLDS["cv-10"]:
        raise InputError(
            f"cv-10 needs ten graphs of every class, but {data.name} has one with {rarest}."
        )
    folds = StratifiedKFold(_FOLDS["cv-10"], shuffle=True, random_state=_CV_SEED)
    rest, test = list(folds.split(np.zeros(labels.size), labels))[fold]
    train, val = train_test_split(rest, test_size=0.1, stratify=labels[rest], random_state=_CV_SEED)
    return {"train": train, "val": val, "test": test}


def _classes(data: LoadedData) -> np.ndarray[Any, np.dtype[np.int64]]:
    y = data.targets
    if y is None or y.numel() != len(data.graph) or not data.num_classes:
        raise InputError(f"cv-10 is stratified by class, but {data.name} has no one class a graph.")
    return y.reshape(-1).numpy().astype(np.int64)


def _stored_folds(data: LoadedData, fold: int) -> dict[str, Any]:
    from graphlab.datasets.files import split_folder

    if "bgnn-5" not in data.card.splits:
        offered = ", ".join(data.card.protocols.get("graph", ())) or "none"
        raise InputError(f"{data.name} has no bgnn-5 split (it offers: {offered}).")
    folder = split_folder(data.card, "bgnn-5", data.root)
    files = data.card.splits["bgnn-5"].files
    of_stage = {stage: next(f for f in files if f.endswith(f"{stage}.index")) for stage in _STAGES}
    return {stage: _line(folder / name, fold) for stage, name in of_stage.items()}


def _line(path: Path, number: int) -> list[int]:
    """Return the numbers of one line, commas between them."""
    from graphlab.datasets.arrays import reading

    with reading(path):
        return [int(part) for part in path.read_text().splitlines()[number].split(",")]


PROTOCOLS: dict[str, Callable[[LoadedData, int], dict[str, Any]]] = {
    "official": _own,
    "sbm": _own,
    "tsp": _own,
    "cv-10": _cross_validation,
    "bgnn-5": _stored_folds,
}
