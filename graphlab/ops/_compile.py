"""Kernels: plain functions on numpy arrays, compiled by numba when first called.

numba is imported then and not before. Kernels are serial and release the interpreter lock;
``_threads`` drives them in parallel. ``_kernel_cache`` keeps machine code on disk.
"""

from __future__ import annotations

import functools
import logging
import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Kernel", "kernel", "kernel_part"]

F = TypeVar("F", bound="Callable[..., Any]")
_LOG = logging.getLogger("graphlab")
_LOCK = threading.RLock()
_PARTS: list[Callable[..., Any]] = []


class Kernel:
    """A function that is compiled for the types of its arguments when first called with them.

    Args:
        function: Body; numbers, one-dimensional arrays and None as arguments, no result.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self._run: Callable[..., None] | None = None

    def __call__(self, *args: Any) -> None:  # noqa: ANN401  (arrays and numbers)
        """Run the kernel."""
        run = self._run
        if run is None:
            run = self._build()
        run(*args)

    @property
    def cache_folder(self) -> Path | None:
        """Where machine code of this kernel is kept, or None when it is not kept."""
        run = self._run or self._build()
        path = getattr(getattr(run, "_cache", None), "cache_path", None)
        return None if path is None else Path(path)

    def _build(self) -> Callable[..., None]:
        with _LOCK:
            numba: Any = import_module("numba")  # its type hints cover little
            if not numba.config.DISABLE_JIT:
                _register_parts()
            # "contract" allows fused multiply-add and nothing else: NaN and inf keep their meaning
            compiled = numba.njit(nogil=True, error_model="numpy", fastmath={"contract"})(
                self.function
            )
            if not numba.config.DISABLE_JIT:
                _keep_on_disk(compiled)
            self._run = compiled
            run: Callable[..., None] = compiled
            return run


def kernel(function: Callable[..., Any]) -> Kernel:
    """Make a function a :class:`Kernel`."""
    return Kernel(function)


def kernel_part(function: F) -> F:
    """Allow kernels to call a function; it is compiled into them."""
    _PARTS.append(function)
    return function


def _register_parts() -> None:
    from graphlab.ops import (
        _simd_gate_lowering,
        _simd_ids_lowering,
        _simd_lowering,
        _simd_wide_lowering,
    )

    extending: Any = import_module("numba.extending")
    _simd_lowering.register()
    _simd_ids_lowering.register()
    _simd_gate_lowering.register()
    _simd_wide_lowering.register()
    while _PARTS:
        # as calls, their arguments would go over the stack and be counted: half as fast on Cora
        extending.register_jitable(forceinline=True)(_PARTS.pop(0))


def _keep_on_disk(compiled: Any) -> None:  # noqa: ANN401  (numba's dispatcher)
    try:
        from graphlab.ops._kernel_cache import kernel_cache

        compiled._cache = kernel_cache(compiled.py_func)
    except Exception as error:  # no writable place, or another numba than the tested ones
        _LOG.debug("kernel %s is not kept on disk: %s", compiled.py_func.__name__, error)
