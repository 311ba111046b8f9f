"""Gathering chosen graphs out of packed arrays: compiled on the CPU, plain torch elsewhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from graphlab.collection._kernels import gather_edges, gather_rows, number_graphs, place_graphs
from graphlab.collection._memory import used_memory
from graphlab.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Backend", "Chosen", "use_kernels"]

Backend = Literal["auto", "torch", "compiled"]
_BACKENDS = ("auto", "torch", "compiled")
# rows are copied as numbers of the widest type that fits: one compiled kernel serves every type
_UNITS = ((8, np.int64), (4, np.int32), (2, np.int16), (1, np.uint8))


def use_kernels(backend: Backend, device: torch.device) -> bool:
    """Return whether the compiled side is to be used.

    Raises:
        InputError: Unknown backend, or kernels asked for elsewhere than on the CPU.
    """
    if backend not in _BACKENDS:
        raise InputError(f"backend is {backend!r}; expected one of {', '.join(_BACKENDS)}.")
    if backend == "compiled" and device.type != "cpu":
        raise InputError(
            f"backend is 'compiled', but the graphs are on {device}; kernels run on "
            "the CPU. Use backend='auto'."
        )
    return device.type == "cpu" and backend != "torch"


class Chosen:
    """Rows of one level (nodes or entries) of chosen graphs, and where they go.

    Args:
        ptr: Offsets of all graphs, (G + 1,) int64.
        index: Chosen graphs, (B,) int64.
        compiled: Use kernels.
        brief: What is taken is soon dropped again, as a batch is: large parts may stand in memory
            of dropped ones.
    """

    def __init__(self, ptr: Tensor, index: Tensor, *, compiled: bool, brief: bool = False) -> None:
        self.compiled = compiled
        self._new = used_memory if compiled and brief else _own_memory
        self._rows: Tensor | None = None
        if compiled:
            starts, places = (
                np.empty(index.shape[0], np.int64),
                np.empty(index.shape[0] + 1, np.int64),
            )
            place_graphs(ptr.numpy(), index.contiguous().numpy(), starts, places)
            self.arrays = (starts, places)
            self.starts, self.ptr = torch.from_numpy(starts), torch.from_numpy(places)
        else:
            self.starts = ptr.index_select(0, index)
            sizes = ptr.index_select(0, index + 1) - self.starts
            self.ptr = torch.zeros(index.shape[0] + 1, dtype=torch.int64, device=ptr.device)
            torch.cumsum(sizes, 0, out=self.ptr[1:])
        self.total = int(self.ptr[-1])

    def groups(self) -> Tensor:
        """Return the number of its graph for each row, (total,) int64."""
        if self.compiled:
            out = self._new((self.total,), torch.int64)
            number_graphs(self.arrays[1], out.numpy())
            return out
        graphs = torch.arange(self.starts.shape[0], device=self.ptr.device)
        return graphs.repeat_interleave(self.ptr.diff(), output_size=self.total)

    def rows(self) -> Tensor:
        """Return the place of each row in the packed arrays, (total,) int64."""
        if self._rows is None:
            shift = (self.starts - self.ptr[:-1]).index_select(0, self.groups())
            self._rows = shift + torch.arange(self.total, device=self.ptr.device)
        return self._rows

    def take(self, values: Tensor) -> Tensor:
        """Return the rows of a packed field."""
        if not self.compiled or values.requires_grad or not values.is_contiguous():
            return values.index_select(0, self.rows())
        out = self._new((self.total, *values.shape[1:]), values.dtype)
        size = math.prod(values.shape[1:]) * values.dtype.itemsize
        if size and self.total:
            unit, kind = next((u, k) for u, k in _UNITS if size % u == 0)
            gather_rows(_memory_of(values, kind), *self.arrays, size // unit, _memory_of(out, kind))
        return out

    def edges(self, edge_index: Tensor, nodes: Chosen, *, local: bool = False) -> Tensor:
        """Return the entries (2, total); ids get the first node of their graph, unless local."""
        if local:
            return torch.stack([self.take(edge_index[0]), self.take(edge_index[1])])
        if not self.compiled:
            out = edge_index.index_select(1, self.rows()).to(torch.int64)
            return out + nodes.ptr[:-1].index_select(0, self.groups())
        out = self._new((2, self.total), torch.int64)
        source, target = edge_index.numpy(), out.numpy()
        gather_edges(source[0], source[1], *self.arrays, nodes.arrays[1], target[0], target[1])
        return out


def _own_memory(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.empty(shape, dtype=dtype)


def _memory_of(values: Tensor, kind: type[np.integer[Any]]) -> NDArray[Any]:
    """Return the memory of contiguous rows as one array of integers."""
    try:
        array = values.numpy()
    except TypeError:  # a type that numpy does not have, such as bfloat16
        array = values.reshape(-1).view(torch.uint8).numpy()
    return array.reshape(-1).view(kind)
