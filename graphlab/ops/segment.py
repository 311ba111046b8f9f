"""Reductions over groups of rows, given by boundaries (segments) or by group numbers (scatter)."""

from __future__ import annotations

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._autograd import eager
from graphlab.ops.csr import Csr, WeakCache
from graphlab.ops.spmm import REDUCTIONS, Backend, Reduce, choose_backend, reduce_rows

__all__ = ["scatter_reduce", "scatter_softmax", "segment_reduce", "segment_softmax"]

_GROUPS = WeakCache()
_INTEGERS = (torch.int64, torch.int32)


@eager
def segment_reduce(
    values: Tensor, ptr: Tensor, *, reduce: Reduce = "sum", backend: Backend = "auto"
) -> Tensor:
    """Reduce consecutive rows: segment s holds rows ``ptr[s]`` to ``ptr[s + 1] - 1``.

    Empty segments give 0. Differentiable once; of equal maxima the first row alone gets the
    gradient.

    Args:
        values: Rows to reduce.
        ptr: Boundaries, ascending from 0 to m.
        reduce: ``"sum"``, ``"mean"``, ``"max"`` or ``"min"``.
        backend: See :func:`graphlab.ops.spmm`.

    Shapes:
        - ``values``: (m, ...) float; ``ptr``: (s + 1,) integer
        - returns: (s, ...)

    Raises:
        InputError: Boundaries that do not fit the rows, an unknown ``reduce`` or ``backend``.

    Example:
        >>> segment_reduce(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 2, 2, 3])).tolist()
        [3.0, 0.0, 4.0]
    """
    return _reduce(values, _segments(ptr, values.shape[0]), reduce, backend)


@eager
def scatter_reduce(
    values: Tensor,
    index: Tensor,
    num_segments: int,
    *,
    reduce: Reduce = "sum",
    backend: Backend = "auto",
) -> Tensor:
    """Reduce the rows of each group; ``index`` names the group of each row, in any order.

    Args:
        values: Rows to reduce.
        index: Group of each row, 0..num_segments-1.
        num_segments: Number of groups.
        reduce: ``"sum"``, ``"mean"``, ``"max"`` or ``"min"``.
        backend: See :func:`graphlab.ops.spmm`.

    Shapes:
        - ``values``: (m, ...) float; ``index``: (m,) integer
        - returns: (num_segments, ...), 0 for empty groups

    Raises:
        InputError: Group numbers out of range or not one a row.

    Cost: sorts ``index`` once, O(m log m), and keeps the order as long as it is not changed.

    Example:
        >>> scatter_reduce(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1, 0, 1]), 2).tolist()
        [2.0, 5.0]
    """
    return _reduce(values, _groups(index, values.shape[0], num_segments), reduce, backend)


@eager
def segment_softmax(values: Tensor, ptr: Tensor, *, backend: Backend = "auto") -> Tensor:
    """Apply softmax within each segment, column by column.

    Args:
        values: Scores.
        ptr: Boundaries, as for :func:`segment_reduce`.
        backend: See :func:`graphlab.ops.spmm`.

    Shapes:
        - ``values``: (m, ...) float; ``ptr``: (s + 1,); returns: (m, ...)

    Raises:
        InputError: Boundaries that do not fit the rows.

    Example:
        >>> segment_softmax(torch.zeros(3), torch.tensor([0, 2, 3])).tolist()
        [0.5, 0.5, 1.0]
    """
    return _softmax(values, _segments(ptr, values.shape[0]), backend)


@eager
def scatter_softmax(
    values: Tensor, index: Tensor, num_segments: int, *, backend: Backend = "auto"
) -> Tensor:
    """Apply softmax within each group, column by column; ``index`` as in :func:`scatter_reduce`.

    Args:
        values: Scores.
        index: Group of each row, 0..num_segments-1.
        num_segments: Number of groups.
        backend: See :func:`graphlab.ops.spmm`.

    Shapes:
        - ``values``: (m, ...) float; ``index``: (m,); returns: (m, ...)

    Raises:
        InputError: Group numbers out of range or not one a row.

    Example:
        >>> scatter_softmax(torch.zeros(3), torch.tensor([1, 0, 1]), 2).tolist()
        [0.5, 1.0, 0.5]
    """
    return _softmax(values, _groups(index, values.shape[0], num_segments), backend)


def _reduce(values: Tensor, groups: Csr, reduce: str, backend: Backend) -> Tensor:
    if reduce not in REDUCTIONS:
        raise InputError(f"reduce is {reduce!r}, expected one of {', '.join(REDUCTIONS)}.")
    if not values.is_floating_point():
        raise InputError(f"values have type {values.dtype}, expected a floating type.")
    rows = values.reshape(values.shape[0], values[:1].numel() or 1)
    if values.numel() == 0:
        return values.new_zeros((groups.num_rows, *values.shape[1:])) + 0 * values.sum()
    out = reduce_rows(groups, rows, None, reduce, choose_backend(backend, values))
    return out.reshape(groups.num_rows, *values.shape[1:])


def _softmax(values: Tensor, groups: Csr, backend: Backend) -> Tensor:
    if values.numel() == 0:
        return values
    group = groups.transposed()[0].indices
    top = _reduce(values.detach(), groups, "max", backend)
    power = torch.exp(values - top.index_select(0, group))
    return power / _reduce(power, groups, "sum", backend).index_select(0, group)


def _segments(ptr: Tensor, rows: int) -> Csr:
    if ptr.dim() != 1 or ptr.numel() == 0 or ptr.dtype not in _INTEGERS:
        raise InputError(
            f"ptr is {ptr.dtype} of shape {tuple(ptr.shape)}, expected (s + 1,) int64."
        )

    def build() -> Csr:
        if int(ptr[0]) != 0 or int(ptr[-1]) != rows or bool((ptr.diff() < 0).any()):
            raise InputError(
                f"ptr must ascend from 0 to {rows}, the number of rows of values; it goes from "
                f"{int(ptr[0])} to {int(ptr[-1])}."
            )
        return Csr.of_groups(ptr.to(torch.int64), torch.arange(rows, device=ptr.device))

    return _GROUPS.get(ptr, build, extra=("segments", rows))


def _groups(index: Tensor, rows: int, num_segments: int) -> Csr:
    if index.shape != (rows,) or index.dtype not in _INTEGERS:
        raise InputError(
            f"index is {index.dtype} of shape {tuple(index.shape)}, expected ({rows},) int64: "
            "one group a row of values."
        )

    def build() -> Csr:
        low, high = (int(v) for v in index.aminmax()) if rows else (0, -1)
        if low < 0 or high >= num_segments:
            wrong = low if low < 0 else high
            raise InputError(f"index holds {wrong}, expected groups 0..{num_segments - 1}.")
        ptr = torch.zeros(num_segments + 1, dtype=torch.int64, device=index.device)
        torch.cumsum(torch.bincount(index, minlength=num_segments), 0, out=ptr[1:])
        return Csr.of_groups(ptr, torch.argsort(index, stable=True))

    return _GROUPS.get(index, build, extra=("groups", num_segments))
