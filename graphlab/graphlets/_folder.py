"""Matrices in a folder of ``.npy`` files that are written row block by row block."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import DatasetCorrupt, InputError
from graphlab.graphlets._keys import PER_NODE, Key
from graphlab.io import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["FolderWriter", "read_folder"]

_INDEX = "orbits.json"  # written last: a folder without it is not finished
_FORMAT = 1
_PARTS = ("indptr", "indices", "data")


class FolderWriter:
    """Writes rows of matrices, block after block.

    Args:
        folder: Where; a folder of the same kind is replaced.
        num_nodes: Number of columns, and of rows in the end.
        keys: Keys of the matrices.
        top_k: Kept in the index.

    Raises:
        InputError: ``folder`` is a file, or holds something else.
    """

    def __init__(
        self, folder: Path, num_nodes: int, keys: tuple[Key, ...], top_k: int | None
    ) -> None:
        self.folder, self.num_nodes, self.keys, self.top_k = folder, num_nodes, keys, top_k
        _clear(folder)
        self._files: dict[Key, tuple[_Array, _Array]] = {}
        self._lengths: dict[Key, list[NDArray[Any]]] = {key: [] for key in keys}

    def append(self, rows: Mapping[Key, csr_array]) -> None:
        """Write the next rows of every matrix."""
        for key in self.keys:
            matrix = rows[key]
            if key not in self._files:
                self._files[key] = (
                    _Array(self.folder / _name(key, "indices"), np.dtype(np.int32)),
                    _Array(self.folder / _name(key, "data"), matrix.data.dtype),
                )
            indices, data = self._files[key]
            indices.write(matrix.indices)
            data.write(matrix.data)
            self._lengths[key].append(np.diff(matrix.indptr))

    def close(self) -> None:
        """Finish the files; only now can the folder be read."""
        for key, (indices, data) in self._files.items():
            indptr = np.zeros(self.num_nodes + 1, np.int64)
            np.cumsum(np.concatenate(self._lengths[key]), out=indptr[1:])
            np.save(self.folder / _name(key, "indptr"), indptr)
            indices.close()
            data.close()
        index = {
            "format": _FORMAT,
            "num_nodes": self.num_nodes,
            "top_k": self.top_k,
            "keys": [list(key) for key in self.keys],
        }
        write_json(self.folder / _INDEX, index)


class _Array:
    """A one-dimensional ``.npy`` file of a length that is known in the end."""

    def __init__(self, path: Path, kind: np.dtype[Any]) -> None:
        self.kind, self.size = kind, 0
        self.file: BinaryIO = path.open("wb")
        self._header()

    def _header(self) -> None:
        # numpy pads the header so that the length can be written over it later
        head = {"descr": self.kind.str, "fortran_order": False, "shape": (self.size,)}
        np.lib.format.write_array_header_1_0(self.file, head)

    def write(self, array: NDArray[Any]) -> None:
        self.file.write(np.ascontiguousarray(array, self.kind).data)
        self.size += array.size

    def close(self) -> None:
        self.file.seek(0)
        self._header()
        self.file.close()


def read_folder(folder: Path, *, mmap: bool) -> tuple[dict[Key, csr_array], int, int | None]:
    """Return the matrices of a folder, the number of nodes and ``top_k``; see ``FolderWriter``."""
    from scipy.sparse import csr_array

    keys, num_nodes, top_k = _read_index(folder)
    matrices = {}
    for key in keys:
        parts = {part: _load(folder / _name(key, part), mmap=mmap) for part in _PARTS}
        indptr, indices, data = parts["indptr"], parts["indices"], parts["data"]
        kinds = indptr.dtype.kind == indices.dtype.kind == "i" and data.dtype.kind in "iuf"
        sizes = indptr.shape == (num_nodes + 1,) and indices.shape == data.shape == (indptr[-1],)
        rising = kinds and sizes and indptr[0] == 0 and bool((np.diff(indptr) >= 0).all())
        inside = rising and (not indices.size or (indices.min() >= 0 and indices.max() < num_nodes))
        if not inside:
            raise DatasetCorrupt(
                f"The matrix {key} in {folder} is damaged: its pointers, indices and entries do "
                f"not fit {num_nodes} nodes. Make the folder anew."
            )
        kind = np.int32 if indices.size < 2**31 else np.int64
        matrix = csr_array(
            (data, indices.astype(kind, copy=False), np.asarray(indptr, kind)),
            shape=(num_nodes, num_nodes),
        )
        matrix.has_canonical_format = True
        matrices[key] = matrix
    return matrices, num_nodes, top_k


def _read_index(folder: Path) -> tuple[list[Key], int, int | None]:
    file = folder / _INDEX
    if not file.is_file():
        raise InputError(
            f"{folder} holds no orbit adjacency: there is no {_INDEX} in it. Either it is another "
            "folder, or its writing was not finished."
        )
    try:
        index = read_json(file)
        keys = [tuple(int(part) for part in key) for key in index["keys"]]
        num_nodes, top_k = int(index["num_nodes"]), index["top_k"]
        known = index["format"] == _FORMAT and all(key in PER_NODE for key in keys)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise DatasetCorrupt(f"{file} is damaged ({error}). Make the folder anew.") from error
    limit = top_k is None or (isinstance(top_k, int) and top_k > 0)
    if not known or not limit or num_nodes < 0:
        raise DatasetCorrupt(f"{file} is of another version, or damaged. Make the folder anew.")
    return keys, num_nodes, top_k  # type: ignore[return-value]  # keys of three parts


def _load(file: Path, *, mmap: bool) -> NDArray[Any]:
    try:
        array: NDArray[Any]
        if mmap:
            array = np.lib.format.open_memmap(file, mode="r")
        else:
            with file.open("rb") as opened:
                array = np.lib.format.read_array(opened, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DatasetCorrupt(f"{file} cannot be read ({error}). Make the folder anew.") from error
    if array.ndim != 1:
        raise DatasetCorrupt(f"{file} does not hold one array of numbers. Make the folder anew.")
    return array


def _name(key: Key, part: str) -> str:
    return "_".join(map(str, key)) + f".{part}.npy"


def _clear(folder: Path) -> None:
    """Make the folder; remove the files of an earlier call, and nothing else."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, expected a folder to write to.")
    folder.mkdir(parents=True, exist_ok=True)
    own = {_INDEX} | {_name(key, part) for key in PER_NODE for part in _PARTS}
    other = sorted(path.name for path in folder.iterdir() if path.name not in own)
    if other:
        raise InputError(
            f"{folder} holds other files ({', '.join(other[:3])}); give a new or empty folder."
        )
    (folder / _INDEX).unlink(missing_ok=True)
    for name in own:
        (folder / name).unlink(missing_ok=True)
