"""Collections as ``.npz`` files, without pickles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import CheckpointError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["load", "save"]

_STRUCTURE = {"edge_index", "node_ptr", "edge_ptr"}
_LEVELS = {"node", "edge", "graph"}


def save(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write named tensors; the file appears whole or not at all."""
    from graphlab.io import atomic_open

    if path.suffix.lower() != ".npz":
        raise InputError(
            f"path is {str(path)!r}; a collection is written to a file ending in .npz."
        )
    arrays = {}
    for name, tensor in tensors.items():
        try:
            arrays[name] = tensor.detach().cpu().numpy()
        except TypeError as error:
            raise InputError(
                f"The field {name.rpartition('/')[2]!r} has type {tensor.dtype}, which an .npz "
                "cannot hold; convert it first."
            ) from error
    with atomic_open(path) as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub lists allow_pickle


def load(path: Path) -> dict[str, Tensor]:
    """Read named tensors: the structure, and fields as ``level/name``."""
    from graphlab.io import safe_load

    content = safe_load(path)
    names = set(content) if isinstance(content, dict) else set()
    fields = names - _STRUCTURE
    wrong = {name for name in fields if name.partition("/")[0] not in _LEVELS}
    if not names >= _STRUCTURE or wrong:
        raise CheckpointError(f"{path} does not hold a collection of graphs.")
    return {name: torch.as_tensor(values) for name, values in content.items()}
