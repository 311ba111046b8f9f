"""Where machine code of kernels is kept: the first place that can be written.

``NUMBA_CACHE_DIR``, the package folder, the user's cache folder, a private folder below the
system's temporary one. Where there is none, kernels are compiled anew in each process.
"""
# ruff: noqa: ANN401  (the objects of numba)

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import stat
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["kernel_cache", "temporary_folder"]

_LOG = logging.getLogger("graphlab")


def kernel_cache(function: Callable[..., Any]) -> Any:
    """Return numba's cache object for a kernel.

    Raises:
        RuntimeError: There is no place that can be written.
    """
    return _cache_class()(function)


@functools.cache
def _cache_class() -> Any:
    """Build a cache for kernels: one more place to try, and never a reason to fail."""
    caching: Any = import_module("numba.core.caching")  # its type hints cover little
    sigutils: Any = import_module("numba.core.sigutils")
    places = list(caching.CompileResultCacheImpl._locator_classes)

    class TemporaryFolder(places[0]):  # type: ignore[misc, valid-type]  # of type Any
        """The place tried last: a folder of this user below the temporary one."""

        def __init__(self, py_func: Any, py_file: str) -> None:
            self._py_file = py_file
            self._lineno = py_func.__code__.co_firstlineno
            name = self.get_suitable_cache_subpath(py_file)
            self._cache_path = str(temporary_folder() / name)

        @classmethod
        def from_function(cls, py_func: Any, py_file: str) -> Any:
            try:
                place = cls(py_func, py_file)
                place.ensure_cache_path()
            except OSError:
                return None
            return place

    class Implementation(caching.CompileResultCacheImpl):  # type: ignore[misc]  # of type Any
        _locator_classes = (*places, TemporaryFolder)

    class KernelCache(caching.FunctionCache):  # type: ignore[misc]  # of type Any
        _impl_class = Implementation

        def __init__(self, py_func: Any) -> None:
            super().__init__(py_func)
            # numba looks at the kernel's own file alone; its parts live in other files
            self._cache_file._source_stamp = (self._cache_file._source_stamp, _sources())

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            try:
                found = super().load_overload(sig, target_context)
            except Exception as error:  # a damaged file, a folder that went away
                _LOG.debug("kept machine code is not readable: %s", error)
                with contextlib.suppress(Exception):
                    self.flush()
                return None
            # of two processes that save at once, one may overwrite the other's file but not its
            # entry in the index: then code for other types lies under this key
            wanted = sigutils.normalize_signature(sig)[0]
            return found if found is None or found.signature.args == wanted else None

        def save_overload(self, sig: Any, data: Any) -> None:
            try:
                super().save_overload(sig, data)
            except Exception as error:  # a full disk, a folder that went away
                _LOG.debug("machine code is not kept: %s", error)
                self.disable()

    return KernelCache


def temporary_folder() -> Path:
    """Return a private folder below the temporary one, shared by this user's processes.

    Raises:
        OSError: It cannot be made, or somebody else may write to it.
    """
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"graphlab-kernels-{owner}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    foreign = hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & 0o022)
    if not stat.S_ISDIR(found.st_mode) or foreign:
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder


@functools.cache
def _sources() -> str:
    """Hash of all files that hold kernels or parts of them."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for file in sorted([*package.glob("*/_*kernels.py"), *package.glob("ops/_[cs]*.py")]):
        digest.update(file.read_bytes())
    return digest.hexdigest()
