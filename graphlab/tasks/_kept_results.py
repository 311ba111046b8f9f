"""Results that are kept below the data root, under a hash of all that they follow from."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.datasets.files import data_root
from graphlab.errors import CheckpointError, DatasetError, UnsafeFileError
from graphlab.io import atomic_write, canonical_json, safe_load, sha256_bytes
from graphlab.tasks._features import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["file_of", "keep", "kept"]

_log = logging.getLogger("graphlab")


def file_of(
    kind: str,
    tensors: Sequence[Tensor | None],
    options: Mapping[str, Any],
    root: str | PathLike[str] | None,
) -> Path | None:
    """Return where a result is kept, or None where no place is known.

    Args:
        kind: Folder below the data root.
        tensors: What decides the result; type, shape and content count.
        options: Further values that do; must be JSON.
        root: Data root, see ``graphlab.datasets.catalog.data_root``.
    """
    key = sha256_bytes(canonical_json([digest_of(*tensors), dict(options)]).encode())
    try:
        return data_root(root) / kind / f"{key}.npz"
    except DatasetError as error:  # no home folder
        _log.debug("%s are not kept: %s", kind, error)
        return None


def kept(place: Path | None, shape: tuple[int, int], limit: int) -> NDArray[np.int32] | None:
    """Return a kept array if it is there, whole, of this shape, and within 0 to ``limit`` - 1."""
    if place is None or not place.is_file():
        return None
    try:
        content = safe_load(place)
        found: NDArray[np.int32] = content["nodes"]
        whole = bytes(content["sha256"]).hex() == sha256_bytes(found.tobytes())
    except (CheckpointError, UnsafeFileError, KeyError, TypeError, ValueError) as error:
        _log.warning("%s is damaged and made anew: %s", place, error)
        return None
    fits = found.shape == shape and found.dtype == np.int32
    if not (whole and fits and (found.size == 0 or 0 <= found.min() <= found.max() < limit)):
        _log.warning("%s is damaged and made anew: its content is not what was kept", place)
        return None
    return found


def keep(place: Path | None, nodes: NDArray[np.int32]) -> None:
    """Keep an array with its checksum; a folder that cannot be written is no error."""
    if place is None:
        return
    digest = np.frombuffer(bytes.fromhex(sha256_bytes(nodes.tobytes())), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, nodes=nodes, sha256=digest)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(place, buffer.getvalue())
    except OSError as error:
        _log.info("nothing is kept in %s: %s", place.parent, error)
