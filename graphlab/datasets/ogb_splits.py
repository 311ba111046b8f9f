"""The official splits of the Open Graph Benchmark [hu2020]_; ``valid`` is ``val`` here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab.datasets.arrays import reading
from graphlab.datasets.checksums import recorded_digests, verify_file
from graphlab.datasets.ogb import read_table
from graphlab.errors import InputError

if TYPE_CHECKING:
    from graphlab.datasets.card import RawFile
    from graphlab.datasets.loaded import LoadedData

__all__ = ["read_official_split"]

_STAGES = {"train": "train", "valid": "val", "test": "test"}
_PAIRS = ("edge", "edge_neg")  # (k, 2) node ids
_ENDS = ("source_node", "target_node", "target_node_neg")  # (k,) and (k, 1000) node ids


def read_official_split(data: LoadedData) -> dict[str, Any]:
    """Read the files below ``split/``; see :attr:`LoadedData.official_split`.

    Files are checked against their checksums first. Those of ``torch.save`` go through the
    restricted unpickler. Where ``split_dict.pt`` lies beside the parts, it is used, as the
    official loader does.

    Raises:
        InputError: The set has no official split.
        DatasetCorrupt: A file is damaged, or names what does not exist.
        UnsafeFileError: A file holds more than arrays.

    Cost: one read of the files: 0.2 s for ogbl-ddi.
    """
    card = data.card
    files = {path: file for path, file in card.files.items() if path.startswith("split/")}
    if card.loader != "ogb" or not files or "folder" not in data.info:
        raise InputError(f"{data.name} has no official split: it is no set of OGB.")
    folder = Path(data.info["folder"])
    link = "link" in card.tasks
    count = len(data.graph) if isinstance(data.graph, list) else data.graph.num_nodes
    whole = next((p for p in card.optional if p.endswith("/split_dict.pt")), None)
    if whole is not None and (folder / whole).is_file():
        content = _read(folder, whole, card.optional[whole], data.name)
        paths = dict.fromkeys(_STAGES, folder / whole)
        with reading(folder / whole):
            parts = {stage: content[stage] for stage in _STAGES}
    else:
        of_stage = {Path(path).name.partition(".")[0]: path for path in files}
        paths = {stage: folder / of_stage[stage] for stage in _STAGES}
        parts = {s: _read(folder, of_stage[s], files[of_stage[s]], data.name) for s in _STAGES}
    split: dict[str, Any] = {}
    for stage, name in _STAGES.items():
        with reading(paths[stage]):
            split[name] = (
                _link_part(parts[stage], count) if link else _ids(parts[stage], count).reshape(-1)
            )
    return split


def _read(folder: Path, path: str, file: RawFile, name: str) -> Any:  # noqa: ANN401
    from graphlab.io import restricted_unpickle

    with reading(folder / path):
        verify_file(folder / path, name, file, recorded_digests(folder).get(path))
    if path.endswith(".pt"):
        return restricted_unpickle(folder / path)
    return read_table(folder / path)


def _link_part(content: Any, num_nodes: int) -> dict[str, Tensor]:  # noqa: ANN401
    """Check one part of a link split; names are OGB's."""
    if not isinstance(content, Mapping) or not ({"edge", "source_node"} & content.keys()):
        raise ValueError("not a part of a link split")
    part = {}
    for key, value in content.items():
        if key in _PAIRS:
            tensor = _ids(value, num_nodes)
            if tensor.dim() != 2 or tensor.shape[1] != 2:
                raise ValueError(f"{key} does not hold pairs")
        elif key in _ENDS:
            tensor = _ids(value, num_nodes)
        else:
            tensor = _tensor(value)
        part[str(key)] = tensor
    lengths = {len(tensor) for key, tensor in part.items() if key != "edge_neg"}
    if len(lengths) != 1:
        raise ValueError("the columns differ in length")
    return part


def _ids(value: Any, count: int) -> Tensor:  # noqa: ANN401
    ids = _tensor(value)
    if ids.dtype != torch.int64 or (ids.numel() and (ids.min() < 0 or ids.max() >= count)):
        raise ValueError(f"no ids within 0..{count - 1}")
    return ids.contiguous()


def _tensor(value: Any) -> Tensor:  # noqa: ANN401
    """Return numbers as a tensor; whole ones as int64."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        value = torch.from_numpy(np.ascontiguousarray(value))
    if not isinstance(value, Tensor):
        raise ValueError("not an array of numbers")
    return value if value.is_floating_point() else value.to(torch.int64)
