"""Gathering chosen graphs out of packed arrays: compiled on the CPU, plain torch elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from graphlab.collection._kernels import gather_edges, gather_rows, number_graphs
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
    """

    def __init__(self, ptr: Tensor, index: Tensor, *, compiled: bool) -> None:
        self.compiled = compiled
        self.starts = ptr.index_select(0, index)
        sizes = ptr.index_select(0, index + 1) - self.starts
        self.ptr = torch.zeros(index.shape[0] + 1, dtype=torch.int64, device=ptr.device)
        torch.cumsum(sizes, 0, out=self.ptr[1:])
        self.total = int(self.ptr[-1])
        self._rows: Tensor | None = None
        if compiled:
            self.arrays = (self.starts.numpy(), self.ptr.numpy())

    def groups(self) -> Tensor:
        """Return the number of its graph for each row, (total,) int64."""
        if self.compiled:
            out = torch.empty(self.total, dtype=torch.int64)
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
        out = torch.empty((self.total, *values.shape[1:]), dtype=values.dtype)
        width = values[0].numel() if values.shape[0] else 0
        if out.numel():
            flat, unit_width = _as_numbers(values, width)
            gather_rows(flat, *self.arrays, unit_width, _as_numbers(out, width)[0])
        return out

    def edges(self, edge_index: Tensor, nodes: Chosen, *, local: bool = False) -> Tensor:
        """Return the entries (2, total); ids get the first node of their graph, unless local."""
        if local:
            return torch.stack([self.take(edge_index[0]), self.take(edge_index[1])])
        if not self.compiled:
            out = edge_index.index_select(1, self.rows()).to(torch.int64)
            return out + nodes.ptr[:-1].index_select(0, self.groups())
        entries = torch.empty((2, self.total), dtype=torch.int64)
        source, target = edge_index.numpy(), entries.numpy()
        gather_edges(source[0], source[1], *self.arrays, nodes.arrays[1], target[0], target[1])
        return entries


def _as_numbers(values: Tensor, width: int) -> tuple[NDArray[Any], int]:
    """Return the memory of rows as one array of integers, and how many make a row."""
    size = width * values.element_size()
    unit, kind = next((u, k) for u, k in _UNITS if size % u == 0)
    flat = values.detach().reshape(-1).view(torch.uint8).numpy().view(kind)
    return flat, size // unit
