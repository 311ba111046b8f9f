"""A restricted unpickler for the data sets whose files exist as pickles only."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from graphlab.errors import DatasetCorrupt, UnsafeFileError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["restricted_unpickle"]

# (module, name) in the file -> (module, name) to use. Old files name modules that have moved.
_NUMPY = {
    ("numpy", "dtype"): ("numpy", "dtype"),
    ("numpy", "ndarray"): ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"): ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"): ("numpy._core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"): ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"): ("numpy._core.multiarray", "scalar"),
    # protocol 2 writes bytes as text and this call; the function encodes and does nothing else
    ("_codecs", "encode"): ("_codecs", "encode"),
}
_PLAIN = {
    **_NUMPY,
    ("scipy.sparse.csr", "csr_matrix"): ("scipy.sparse", "csr_matrix"),
    ("scipy.sparse._csr", "csr_matrix"): ("scipy.sparse", "csr_matrix"),
    ("scipy.sparse.coo", "coo_matrix"): ("scipy.sparse", "coo_matrix"),
    ("scipy.sparse._coo", "coo_matrix"): ("scipy.sparse", "coo_matrix"),
    ("collections", "defaultdict"): ("collections", "defaultdict"),
    ("__builtin__", "list"): ("builtins", "list"),
    ("builtins", "list"): ("builtins", "list"),
    ("__builtin__", "int"): ("builtins", "int"),
    ("builtins", "int"): ("builtins", "int"),
    ("__builtin__", "object"): ("builtins", "object"),
    ("copy_reg", "_reconstructor"): ("copyreg", "_reconstructor"),
    ("copyreg", "_reconstructor"): ("copyreg", "_reconstructor"),
}
_TORCH = {**_NUMPY, ("collections", "OrderedDict"): ("collections", "OrderedDict")}
_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}
_ZIP = b"PK\x03\x04"
_LEGACY = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # end of the pickled number torch.save began with
_LEGACY_WITHIN = 32  # protocol and frame come before it
_LEGACY_PICKLES = 2  # protocol and machine, between that number and the content


def restricted_unpickle(path: str | os.PathLike[str], *, sha256: str | None = None) -> Any:  # noqa: ANN401
    """Read a pickle of arrays, lists and sparse matrices; every other name in it is refused.

    Meant for the raw files of Planetoid (written by Python 2), CSL and OGB's splits, which exist
    in no other form. Nothing else in graphlab reads pickles. A file of ``torch.save``, as a zip
    or in the older form, is recognised: there numpy arrays and dense CPU tensors are built, and
    nothing else.

    Args:
        path: The file.
        sha256: Expected checksum; the file is not opened as a pickle unless it matches.

    Raises:
        UnsafeFileError: The file names a function or class outside the allowed list.
        DatasetCorrupt: The checksum differs, or the file is truncated or damaged.
    """
    file = Path(path)
    data = file.read_bytes()
    if sha256 is not None:
        from graphlab.io import sha256_bytes

        found = sha256_bytes(data)
        if found != sha256:
            raise DatasetCorrupt(
                f"{file} ({len(data)} bytes) is damaged: sha256 {found}, expected {sha256}."
            )
    try:
        if data.startswith(_ZIP):
            return _read_zip(data)
        if _LEGACY in data[:_LEGACY_WITHIN]:
            return _read_legacy(data)
        return _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
    except UnsafeFileError as error:
        raise UnsafeFileError(f"{file} was not read: {error}.") from None
    except MemoryError as error:  # a damaged length asks for any amount too
        raise DatasetCorrupt(
            f"{file} ({len(data)} bytes) is damaged, or too large for the memory."
        ) from error
    except Exception as error:
        # a damaged pickle can raise anything; the text stays out, since it may echo content
        raise DatasetCorrupt(
            f"{file} ({len(data)} bytes) is damaged: {type(error).__name__} while reading it."
        ) from error


class _ArrayUnpickler(pickle.Unpickler):
    """Resolves the names of array reconstruction and no other."""

    allowed: Mapping[tuple[str, str], tuple[str, str]] = _PLAIN

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        import importlib

        target = self.allowed.get((module, name))
        if target is None:
            raise UnsafeFileError(f"it names {module}.{name}, which is not an array")
        found = getattr(importlib.import_module(target[0]), target[1], None)
        if found is None and target[0].startswith("numpy._core"):  # numpy before 2
            found = getattr(importlib.import_module("numpy.core.multiarray"), target[1])
        return found


# What stands for torch's classes while its pickles are read: tuples, so that no instruction of a
# pickle can change them.


class _StorageKind(NamedTuple):
    dtype: str


class _Storage(NamedTuple):
    values: NDArray[Any]


class _RebuildTensor(tuple[()]):
    """``torch._utils._rebuild_tensor_v2`` for dense CPU tensors; torch checks the bounds."""

    __slots__ = ()

    def __call__(
        self,
        storage: _Storage,
        offset: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
        *_ignored: object,  # requires_grad, hooks
    ) -> Any:  # noqa: ANN401  (a tensor; torch is not imported for its type)
        import torch

        return torch.from_numpy(storage.values).as_strided(size, stride, offset)


class _TorchUnpickler(_ArrayUnpickler):
    """Numpy arrays, and tensors whose values ``storage(kind, key, numel)`` finds."""

    allowed = _TORCH

    def __init__(
        self, data: io.BytesIO, storage: Callable[[np.dtype[Any], str, int], NDArray[Any]]
    ) -> None:
        super().__init__(data, encoding="latin1")
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _RebuildTensor()
        if module == "torch" and name in _STORAGES:
            return _StorageKind(_STORAGES[name])
        return super().find_class(module, name)

    def persistent_load(self, pid: Any) -> _Storage:  # noqa: ANN401
        import numpy as np

        word, kind, key, _location, numel, *view = pid
        known = isinstance(kind, _StorageKind) and isinstance(key, str) and isinstance(numel, int)
        if word != "storage" or not known or numel < 0 or any(v is not None for v in view):
            raise ValueError("not a storage of a tensor")
        return _Storage(self._storage(np.dtype(kind.dtype), key, numel))


def _read_zip(data: bytes) -> Any:  # noqa: ANN401
    """Read what ``torch.save`` writes: a zip of ``data.pkl`` and one file a storage."""
    import numpy as np

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (content,) = (n for n in archive.namelist() if n.partition("/")[2] == "data.pkl")
        prefix = content.removesuffix("data.pkl")
        order = f"{prefix}byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise ValueError("written on a big-endian machine")
        known: dict[str, NDArray[Any]] = {}

        def storage(dtype: np.dtype[Any], key: str, numel: int) -> NDArray[Any]:
            if key not in known:
                info = archive.getinfo(f"{prefix}data/{key}")
                if info.file_size != numel * dtype.itemsize:
                    raise ValueError("a storage has another size")
                known[key] = np.frombuffer(bytearray(archive.read(info)), dtype)
            return known[key]

        return _TorchUnpickler(io.BytesIO(archive.read(content)), storage).load()


def _read_legacy(data: bytes) -> Any:  # noqa: ANN401
    """Read what ``torch.save`` wrote before version 1.6: five pickles, then the values."""
    import numpy as np

    known: dict[str, NDArray[Any]] = {}

    def storage(dtype: np.dtype[Any], key: str, numel: int) -> NDArray[Any]:
        if numel * dtype.itemsize > len(data):
            raise ValueError("a storage is longer than the file")
        return known.setdefault(key, np.empty(numel, dtype))

    stream = io.BytesIO(data)
    stream.seek(data.index(_LEGACY) + len(_LEGACY))
    for _ in range(_LEGACY_PICKLES):
        _TorchUnpickler(stream, storage).load()
    content = _TorchUnpickler(stream, storage).load()
    keys = _TorchUnpickler(stream, storage).load()
    if sorted(keys) != sorted(known):
        raise ValueError("the storages are not those of the tensors")
    for key in keys:
        values = known[key]
        if int.from_bytes(stream.read(8), "little") != values.size:
            raise ValueError("a storage has another size")
        values[...] = np.frombuffer(stream.read(values.nbytes), values.dtype, values.size)
    return content
