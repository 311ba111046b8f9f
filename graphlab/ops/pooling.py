"""Sums, means and maxima of node rows over lists of nodes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._autograd import eager, first_order
from graphlab.ops._memory import fresh
from graphlab.ops._pool_kernels import COLUMNS, add_to_rows, turn_lists
from graphlab.ops._threads import run_blocks
from graphlab.ops.csr import Csr
from graphlab.ops.spmm import (
    Backend,
    choose_backend,
    compiled_entry_products,
    compiled_sum,
    flat,
    reduce_rows,
)

__all__ = ["POOLINGS", "Pooling", "pool_lists", "pooled"]

Pooling = Literal["sum", "mean", "max"]
POOLINGS = ("sum", "mean", "max")
_INTEGERS = (torch.int64, torch.int32)
_HALVES = (torch.float16, torch.bfloat16)
_INT32_MAX = 2**31 - 1


@eager
def pool_lists(
    x: Tensor,
    ptr: Tensor,
    nodes: Tensor,
    weight: Tensor | None = None,
    *,
    reduce: Pooling = "sum",
    backend: Backend = "auto",
) -> Tensor:
    r"""Reduce rows of x over lists of nodes, as common neighbours of pairs are pooled in NCN.

    .. math:: \mathbf{o}_p = \bigoplus_{e = \mathrm{ptr}_p}^{\mathrm{ptr}_{p+1} - 1}
        w_e\, \mathbf{x}_{\mathrm{nodes}_e}

    with :math:`\bigoplus` the sum, mean or maximum; empty lists give 0, and the mean divides by
    the length of the list. Differentiable once in ``x`` and ``weight``; neither direction writes
    a tensor with a row an entry. Results do not depend on the number of threads.

    Args:
        x: Rows to reduce.
        ptr: Boundaries of the lists, ascending from 0 to nnz.
        nodes: Nodes of all lists, one list behind the other.
        weight: One weight an entry. Default: 1.
        reduce: ``"sum"``, ``"mean"`` or ``"max"``; of equal maxima the first entry alone gets the
            gradient.
        backend: See :func:`graphlab.ops.spmm`; ``"torch"`` writes one row an entry.

    Shapes:
        - ``x``: (n, F) float; ``ptr``: (B + 1,) integer; ``nodes``: (nnz,) integer, best int32;
          ``weight``: (nnz,)
        - returns: (B, F)

    Raises:
        InputError: Shapes that do not fit, nodes out of range, an unknown ``reduce`` or
            ``backend``.

    Cost: time O(nnz F), the same backward plus O(n F); extra memory O(B F), and O(nnz + n F)
    backward.

    Example:
        >>> x = torch.tensor([[1.0, 2.0], [4.0, 8.0], [0.0, 1.0]])
        >>> pool_lists(x, torch.tensor([0, 2, 2, 3]), torch.tensor([0, 1, 2])).tolist()
        [[5.0, 10.0], [0.0, 0.0], [0.0, 1.0]]
    """
    _check(x, ptr, nodes, weight, reduce)
    return pooled(x, ptr, nodes, weight, reduce=reduce, backend=backend)


def pooled(
    x: Tensor,
    ptr: Tensor,
    nodes: Tensor,
    weight: Tensor | None,
    *,
    reduce: Pooling,
    backend: Backend,
) -> Tensor:
    """Reduce rows over lists; arguments as checked by :func:`pool_lists`."""
    if x.dtype in _HALVES:  # sums of many need more digits
        wide = pooled(x.float(), ptr, nodes, weight, reduce=reduce, backend=backend)
        return wide.to(x.dtype)
    kind = choose_backend(backend, x)
    lists = Csr(ptr, nodes, x.shape[0])
    if weight is not None and weight.dtype != x.dtype:
        weight = weight.to(x.dtype)
    wanted = x.requires_grad or (weight is not None and weight.requires_grad)
    if kind == "torch" or reduce == "max" or not (wanted and torch.is_grad_enabled()):
        return reduce_rows(lists, x, weight, reduce, kind)
    scale = lists.inverse_counts(x.dtype) if reduce == "mean" else None
    out: Tensor = _Pool.apply(x, weight, lists, scale)  # type: ignore[no-untyped-call]
    return out


class _Pool(torch.autograd.Function):
    """Sum over lists; its gradient adds rows to the nodes of each list."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        weight: Tensor | None,
        lists: Csr,
        scale: Tensor | None,
    ) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, weight)
        ctx.lists, ctx.scale = lists, scale
        return compiled_sum(lists, x, weight, scale)

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:  # noqa: ANN401
        x, weight = ctx.saved_tensors
        lists, scale = ctx.lists, ctx.scale
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            grad_x = _spread(lists, grad if scale is None else grad * scale[:, None], weight)
        if ctx.needs_input_grad[1]:
            grad_weight = compiled_entry_products(lists, grad, x, scale)
        return grad_x, grad_weight, None, None


def _spread(lists: Csr, rows: Tensor, weight: Tensor | None) -> Tensor:
    """Return the sum for each node of the rows of the lists that hold it, (n, F).

    Rows are read at random places and written in order, or read in order and added at random
    places: where these are the fewer ones, or most rows stay 0. Sums have the same order, thus the
    same rounding, either way.
    """
    width = rows.shape[1]
    if lists.num_rows < lists.num_cols < 2 * lists.num_entries:
        other, turned = _turned(lists, weight)
        return compiled_sum(other, rows, turned, None)
    result = fresh((lists.num_cols, width), rows.dtype, zero=True)
    ptr, nodes, _ = lists.arrays
    given, values, out = flat(rows), flat(weight), result.numpy().reshape(-1)

    def call(first: int, last: int) -> None:
        add_to_rows(ptr, nodes, values, given, out, width, first, last)

    run_blocks(call, -(-width // COLUMNS), lists.num_entries * (width + 7 >> 3))
    return result


def _turned(lists: Csr, weight: Tensor | None) -> tuple[Csr, Tensor | None]:
    """Return the transposed structure, and the weights in its order; by counting, not sorting."""
    ptr, nodes, _ = lists.arrays
    begin = np.zeros(lists.num_cols + 2, np.int64)
    owner = np.empty(nodes.size, np.int32 if lists.num_rows <= _INT32_MAX else np.int64)
    values = flat(weight)
    turned = None if values is None else np.empty_like(values)
    turn_lists(ptr, nodes, values, begin, owner, turned)
    other = Csr(torch.from_numpy(begin[:-1]), torch.from_numpy(owner), lists.num_rows)
    return other, None if turned is None else torch.from_numpy(turned)


def _check(x: Tensor, ptr: Tensor, nodes: Tensor, weight: Tensor | None, reduce: str) -> None:
    if reduce not in POOLINGS:
        raise InputError(f"reduce is {reduce!r}, expected one of {', '.join(POOLINGS)}.")
    if x.dim() != 2 or not x.is_floating_point():
        raise InputError(f"x is {x.dtype} of shape {tuple(x.shape)}, expected floating (n, F).")
    for name, value in (("ptr", ptr), ("nodes", nodes)):
        if value.dim() != 1 or value.dtype not in _INTEGERS:
            raise InputError(
                f"{name} is {value.dtype} of shape {tuple(value.shape)}, expected one dimension "
                "of int64 or int32."
            )
    if weight is not None and weight.shape != nodes.shape:
        raise InputError(
            f"weight has shape {tuple(weight.shape)}, expected {tuple(nodes.shape)}: one weight a "
            "node of the lists."
        )
    count = nodes.numel()
    ascending = ptr.numel() > 0 and int(ptr[0]) == 0 and int(ptr[-1]) == count
    if not ascending or bool((ptr[1:] < ptr[:-1]).any()):
        raise InputError(
            f"ptr must ascend from 0 to {count}, the number of nodes in all lists; it is "
            f"{ptr.tolist()[:8]}{' ...' if ptr.numel() > 8 else ''}."
        )
    if count:
        low, high = (int(v) for v in nodes.aminmax())
        if low < 0 or high >= x.shape[0]:
            raise InputError(
                f"nodes hold {low if low < 0 else high}, but x has {x.shape[0]} rows "
                f"(ids must be 0..{x.shape[0] - 1})."
            )
