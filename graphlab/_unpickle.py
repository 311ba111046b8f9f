"""A restricted unpickler for the two data sets that exist as pickles only."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlab.errors import DatasetCorrupt, UnsafeFileError

if TYPE_CHECKING:
    import os

__all__ = ["restricted_unpickle"]

# (module, name) in the file -> (module, name) to use. Old files name modules that have moved.
_ALLOWED = {
    ("numpy", "dtype"): ("numpy", "dtype"),
    ("numpy", "ndarray"): ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"): ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"): ("numpy._core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"): ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"): ("numpy._core.multiarray", "scalar"),
    ("scipy.sparse.csr", "csr_matrix"): ("scipy.sparse", "csr_matrix"),
    ("scipy.sparse._csr", "csr_matrix"): ("scipy.sparse", "csr_matrix"),
    ("scipy.sparse.coo", "coo_matrix"): ("scipy.sparse", "coo_matrix"),
    ("scipy.sparse._coo", "coo_matrix"): ("scipy.sparse", "coo_matrix"),
    ("collections", "defaultdict"): ("collections", "defaultdict"),
    ("__builtin__", "list"): ("builtins", "list"),
    ("builtins", "list"): ("builtins", "list"),
    ("__builtin__", "int"): ("builtins", "int"),
    ("builtins", "int"): ("builtins", "int"),
    # protocol 2 writes bytes as text and this call; the function encodes and does nothing else
    ("_codecs", "encode"): ("_codecs", "encode"),
    ("__builtin__", "object"): ("builtins", "object"),
    ("copy_reg", "_reconstructor"): ("copyreg", "_reconstructor"),
    ("copyreg", "_reconstructor"): ("copyreg", "_reconstructor"),
}


class _ArrayUnpickler(pickle.Unpickler):
    """Resolves the names of array reconstruction and no other."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        import importlib

        target = _ALLOWED.get((module, name))
        if target is None:
            raise UnsafeFileError(f"it names {module}.{name}, which is not an array")
        found = getattr(importlib.import_module(target[0]), target[1], None)
        if found is None and target[0].startswith("numpy._core"):  # numpy before 2
            found = getattr(importlib.import_module("numpy.core.multiarray"), target[1])
        return found


def restricted_unpickle(path: str | os.PathLike[str], *, sha256: str | None = None) -> Any:  # noqa: ANN401
    """Read a pickle of arrays, lists and sparse matrices; every other name in it is refused.

    Meant for the raw files of Planetoid (written by Python 2) and CSL, which exist in no other
    form. Nothing else in graphlab reads pickles.

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
        return _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
    except UnsafeFileError as error:
        raise UnsafeFileError(f"{file} was not read: {error}.") from None
    except Exception as error:
        # a damaged pickle can raise anything; the text stays out, since it may echo content
        raise DatasetCorrupt(
            f"{file} ({len(data)} bytes) is damaged: {type(error).__name__} while reading it."
        ) from error
