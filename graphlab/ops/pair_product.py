"""Elementwise products of the rows of node pairs, what link predictors begin with."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphlab.ops._autograd import eager, first_order
from graphlab.ops._pair_kernels import add_products, row_products
from graphlab.ops._threads import run_blocks
from graphlab.ops.spmm import Backend, choose_backend, flat

__all__ = ["pair_product", "rows_and_products"]

_PAIRS = 256  # in a block
_COLUMNS = 64  # in a block; a multiple of the vectors' width


@eager
def pair_product(h: Tensor, src: Tensor, dst: Tensor, *, backend: Backend = "auto") -> Tensor:
    r"""Return :math:`\mathbf h_i \odot \mathbf h_j` for each pair (i, j).

    One pass over the pairs in either direction: gathered copies of both ends and their gradients
    are never written. Differentiable once in ``h``.

    Args:
        h: Rows of all nodes.
        src: Nodes i.
        dst: Nodes j.
        backend: See :func:`graphlab.ops.spmm`.

    Shapes:
        - ``h``: (n, F); ``src``, ``dst``: (B,) int64 within 0..n - 1
        - returns: (B, F)

    Cost: time O(B F), memory O(B F).

    Example:
        >>> h = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> pair_product(h, torch.tensor([0, 1]), torch.tensor([1, 1])).tolist()
        [[3.0, 8.0], [9.0, 16.0]]
    """
    if choose_backend(backend, h) == "torch":
        return h.index_select(0, src) * h.index_select(0, dst)
    if torch.is_grad_enabled() and h.requires_grad:
        out: Tensor = _PairProduct.apply(h, src, dst)  # type: ignore[no-untyped-call]
        return out
    return _products(h, src, dst)


@eager
def rows_and_products(
    h: Tensor, ids: Tensor, src: Tensor, dst: Tensor, *, backend: Backend = "auto"
) -> tuple[Tensor, Tensor]:
    """Return some rows of h, and the products of pairs of rows, with one gradient for both.

    Of a large graph few rows are read; two gradients of the size of h, and their sum, would take
    longer than all else.

    Args:
        h: Rows of all nodes.
        ids: Nodes whose rows are returned, each once.
        src: Nodes i.
        dst: Nodes j.
        backend: See :func:`graphlab.ops.spmm`.

    Shapes:
        - ``h``: (n, F); ``ids``: (t,) int64; ``src``, ``dst``: (B,) int64
        - returns: (t, F) and (B, F)

    Cost: time O((t + B) F), and O(n F) for the gradient.
    """
    compiled = choose_backend(backend, h) == "compiled"
    if compiled and torch.is_grad_enabled() and h.requires_grad:
        found: tuple[Tensor, Tensor] = _RowsAndProducts.apply(h, ids, src, dst)  # type: ignore[no-untyped-call]
        return found
    return h.index_select(0, ids), pair_product(h, src, dst, backend=backend)


def _products(h: Tensor, src: Tensor, dst: Tensor) -> Tensor:
    width, count = h.shape[1], src.numel()
    out = torch.empty((count, width), dtype=h.dtype)
    given, a, b, result = flat(h), flat(src), flat(dst), out.numpy().reshape(-1)

    def call(first: int, last: int) -> None:
        end = min(last * _PAIRS, count)
        row_products(given, a, b, result, width, first * _PAIRS, end)

    run_blocks(call, -(-count // _PAIRS), count * (width + 7 >> 3))
    return out


class _PairProduct(torch.autograd.Function):
    """Products whose gradient is added to both rows."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, src: Tensor, dst: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(h, src, dst)
        return _products(h, src, dst)

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        h, src, dst = ctx.saved_tensors
        return _gradient(h, src, dst, grad), None, None


class _RowsAndProducts(torch.autograd.Function):
    """Rows and products; both gradients are added into one array."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        h: Tensor,
        ids: Tensor,
        src: Tensor,
        dst: Tensor,
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(h, src, dst, ids)
        return h.index_select(0, ids), _products(h, src, dst)

    @staticmethod
    @first_order
    def backward(ctx: Any, of_rows: Tensor, of_products: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401
        h, src, dst, ids = ctx.saved_tensors
        return _gradient(h, src, dst, of_products).index_add_(0, ids, of_rows), None, None, None


def _gradient(h: Tensor, src: Tensor, dst: Tensor, grad: Tensor) -> Tensor:
    """Return the gradient of products with respect to h."""
    width, count = h.shape[1], src.numel()
    # numpy's zeros are memory that the system hands out on first touch; torch writes them
    result = torch.from_numpy(np.zeros(h.shape, np.float32 if h.dtype == torch.float32 else float))
    given, a, b, above = flat(h), flat(src), flat(dst), flat(grad)
    out = result.numpy().reshape(-1)

    def call(first: int, last: int) -> None:
        low, high = first * _COLUMNS, min(last * _COLUMNS, width)
        add_products(given, a, b, above, out, width, count, low, high)

    run_blocks(call, -(-width // _COLUMNS), 2 * count * (width + 7 >> 3))
    return result
