"""``load``: find the files, check them, read them once, keep a converted copy, build the graph."""

from __future__ import annotations

import contextlib
import logging
import os
from typing import TYPE_CHECKING

import numpy as np

from graphlab.datasets.arrays import Arrays, narrowed, read_npz, widened
from graphlab.datasets.catalog import find_dataset
from graphlab.datasets.files import (
    Located,
    dataset_sha256,
    folder_lock,
    missing_files,
    place,
)
from graphlab.datasets.loaded import LoadedData, build_data, counts, split_choice
from graphlab.datasets.memory import check_memory
from graphlab.datasets.readers import OPTIONS, find_reader
from graphlab.errors import (
    DatasetCorrupt,
    DatasetNotWritable,
    InputError,
)
from graphlab.io import canonical_json, sha256_bytes
from graphlab.registry import normalise_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from graphlab.datasets.card import DatasetCard

__all__ = ["DATA_VERSION", "LoadedData", "load"]

DATA_VERSION = 2  # raised when a reader returns other arrays: converted copies are then read anew

_log = logging.getLogger("graphlab")
PathLike = str | os.PathLike[str]


def load(
    name: str,
    task: str | None = None,
    *,
    root: PathLike | None = None,
    download: bool = False,
    seed: int = 0,
    split: int | str | None = None,
    options: Mapping[str, bool] | None = None,
) -> LoadedData:
    """Load a data set by name; nothing is downloaded unless asked for.

    Raw files are looked for below the root (argument, else ``GRAPHLAB_DATA``, else the user's
    cache folder), then in the folders of ``GRAPHLAB_DATA_MIRROR``, and checked against the card's
    checksums. The first load writes a converted copy beside them; later ones read that.

    Args:
        name: Name or alias; case and ``_`` or ``-`` do not matter.
        task: ``"node"``, ``"link"``, ``"graph"``; default: the first the set serves.
        root: Data root.
        download: Fetch what is missing.
        seed: Seed of the split.
        split: A protocol id, or the number of a stored split of the default protocol; default:
            the set's default protocol for the task.
        options: Options of the set's reader: ``{"use_node_attr": True}`` for TU sets.

    Returns:
        Graph, labels and split.

    Raises:
        UnknownDataset: No such name.
        InputError: The set does not serve the task, or has no such split or option.
        DatasetNotFound: Files are missing (``DatasetIncomplete``: some are there).
        DatasetCorrupt: A file is damaged, or the counts are not those of the card.
        DatasetNotWritable: Files of a mirror cannot be placed into the root.
        DatasetTooLarge: It does not fit into memory.
        DatasetError: This version has no reader for the set's format.

    Cost: reading the raw files once; later the converted copy, about 10 ms for Cora.

    Example:
        >>> data = load("karate")
        >>> data.graph, int(data.split["train"].sum())
        (Graph(num_nodes=34, num_edges=156, x=(34, 34)), 4)
    """
    card = find_dataset(name)
    chosen = _task(card, task)
    chosen_options = _options(card, options)
    protocol, _ = split_choice(card, chosen, split)
    if download and missing_files(card, root, protocol=protocol):
        from graphlab.datasets.fetching import fetch

        fetch(card, root)
    located = place(card, root)
    reader = find_reader(card)
    check_memory(card)
    arrays, from_copy = _read(card, located, reader, chosen_options)
    if not chosen_options:  # options change the number of features
        _check_counts(card, arrays)
    info = {
        "sha256": dataset_sha256(card, root),
        "folder": str(located.folder),
        "unverified": list(located.unverified),
        "from_copy": from_copy,
    }
    return build_data(card, chosen, arrays, info=info, root=root, seed=seed, split=split)


def _task(card: DatasetCard, task: str | None) -> str:
    if task is None:
        return card.tasks[0]
    chosen = normalise_name(task)
    if chosen not in card.tasks:
        raise InputError(f"{card.name} does not serve the task {task!r} ({', '.join(card.tasks)}).")
    return chosen


def _options(card: DatasetCard, options: Mapping[str, bool] | None) -> dict[str, bool]:
    known = OPTIONS.get(card.loader, ())
    for name in options or {}:
        if name not in known:
            raise InputError(
                f"{name!r} is not an option of the reader of {card.name} "
                f"({', '.join(known) or 'it has none'})."
            )
    return {name: True for name, value in (options or {}).items() if value}


def _read(
    card: DatasetCard, located: Located, reader: Callable[..., Arrays], options: dict[str, bool]
) -> tuple[Arrays, bool]:
    """Return the arrays, from the converted copy where there is one, and whether they were."""
    if card.embedded or not located.writable:
        return _parse(card, located, reader, options), False
    identity = {
        "data_version": DATA_VERSION,
        "loader": card.loader,
        "options": options,
        "files": dict(located.digests),
    }
    key = sha256_bytes(canonical_json(identity).encode())[:8]
    copy = located.folder / f"processed-{key}" / f"{card.name}.npz"
    arrays = _copied(copy)
    if arrays is not None:
        return arrays, True
    try:
        with folder_lock(located.folder):
            arrays = _copied(copy)  # another process may have written it meanwhile
            if arrays is not None:
                return arrays, True
            arrays = _parse(card, located, reader, options)
            _keep_copy(copy, arrays)
    except DatasetNotWritable as error:
        _log.info("%s is read anew each time: %s", card.name, error)
        return _parse(card, located, reader, options), False
    return arrays, False


def _parse(
    card: DatasetCard, located: Located, reader: Callable[..., Arrays], options: dict[str, bool]
) -> Arrays:
    """Run a reader on files that were there a moment ago."""
    try:
        return widened(reader(located.folder, card, **options))
    except FileNotFoundError as error:
        raise DatasetCorrupt(f"{located.folder} changed while {card.name} was read.") from error


def _copied(copy: Path) -> Arrays | None:
    if not copy.is_file():
        return None
    try:
        return widened(read_npz(copy))
    except DatasetCorrupt:
        _log.warning("%s is damaged and is written anew", copy)
        return None


def _keep_copy(copy: Path, arrays: Arrays) -> None:
    """Write the converted copy; a full disk costs the copy, not the load."""
    part = copy.with_name(f"{copy.stem}.partial-{os.getpid()}.npz")
    try:
        copy.parent.mkdir(exist_ok=True)
        np.savez(part, **narrowed(arrays))  # type: ignore[arg-type]  # its stub lists allow_pickle
        part.replace(copy)
    except OSError as error:
        _log.warning("%s cannot be written: %s", copy, error.strerror)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _check_counts(card: DatasetCard, arrays: Arrays) -> None:
    expected = {
        "num_graphs": card.num_graphs,
        "num_nodes": card.num_nodes,
        "num_edges": card.num_entries,
        "num_features": card.num_features,
        "num_classes": card.num_classes,
    }
    found = counts(arrays)
    wrong = [key for key, value in expected.items() if value is not None and found[key] != value]
    if wrong:

        def told(counts: Mapping[str, int | None]) -> str:
            parts = [
                f"{counts[key] if counts[key] is not None else 'any'} {key[4:]}" for key in expected
            ]
            return ", ".join(parts)

        raise DatasetCorrupt(
            f"{card.name} is not the expected data set: found {told(found)}; "
            f"expected {told(expected)} (edges: directed entries). "
            f"Run: graphlab-bench data fetch {card.name} --force"
        )
