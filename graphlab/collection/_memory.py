"""Memory of batches, used again as soon as nothing holds the batch.

The entries of a batch are some megabytes. Fresh memory of that size comes from the system page by
page, each cleared first, which takes longer than writing the entries does
(``benchmarks/perf/test_collections.py``). A training loop drops one batch a step, so two or three
pieces of memory serve all of them.
"""

from __future__ import annotations

import math
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Recycler", "used_memory"]

_LINE = 64  # bytes of a cache line: vector stores that cross one are slower


class Recycler:
    """Hands out tensors, and hands their memory out again once nothing refers to them.

    A tensor stands on an array that the recycler knows by a weak reference alone. Its storage
    holds that array, and so do views, detached tensors and what autograd saved: memory in use is
    never given twice. Safe between threads.

    Args:
        least: Smaller requests, in bytes, get memory of their own: the allocator reuses these.
        most: Larger ones do too: they are too much to keep.
        pieces: Pieces of memory kept while nobody uses them; the oldest is freed first.

    Example:
        >>> memory = Recycler(least=64, most=4096, pieces=1)
        >>> first = memory.tensor((2, 50), torch.int64)
        >>> where = first.data_ptr()
        >>> memory.tensor((100,), torch.int64).data_ptr() == where  # the first one is in use
        False
        >>> del first
        >>> memory.tensor((99,), torch.float64).data_ptr() == where
        True
    """

    def __init__(self, *, least: int = 1 << 20, most: int = 1 << 26, pieces: int = 3) -> None:
        self.least, self.most, self.pieces = least, most, pieces
        self._free: list[NDArray[Any]] = []
        # arrays may be collected, and _put_back called, while this thread holds the lock
        self._lock = threading.RLock()

    def tensor(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor on the CPU; its content is left over."""
        size = math.prod(shape) * dtype.itemsize
        if not self.least <= size <= self.most:
            return torch.empty(shape, dtype=dtype)
        piece = self._fitting(size)
        if piece is None:
            # batches of one data set differ in size: a quarter more, no page of it until used
            whole = np.empty(size + size // 4 + _LINE, np.uint8)
            piece = whole[-whole.ctypes.data % _LINE :]
        # the array must not leave this function: slices of it would hold the piece, not the array
        array = piece[:size]
        weakref.finalize(array, self._put_back, piece).atexit = False
        return torch.from_numpy(array).view(dtype).view(shape)

    def _fitting(self, size: int) -> NDArray[Any] | None:
        """Take the smallest free piece that is large enough and not far too large."""
        with self._lock:
            fits = [p for p in self._free if size <= p.nbytes <= 2 * size]
            if not fits:
                return None
            best = min(fits, key=lambda piece: piece.nbytes)
            self._free = [piece for piece in self._free if piece is not best]
            return best

    def _put_back(self, piece: NDArray[Any]) -> None:
        with self._lock:
            self._free = [*self._free, piece][-self.pieces :]


_RECYCLER = Recycler()  # of the process: a cache of at most 3 pieces of 80 MiB, mostly far less


def used_memory(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Return an uninitialised tensor on the CPU, out of memory of dropped batches if possible."""
    return _RECYCLER.tensor(shape, dtype)
