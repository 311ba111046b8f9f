"""Dropout whose draws cost less than the rest of a small network.

torch draws one random number after another from one generator, 8 ns an element; on a citation
graph that was a third of the whole training step. Here one number is drawn from that generator,
and a hash of it and of the position decides each element: 1 ns, and no mask is kept.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._autograd import eager, first_order
from graphlab.ops._dropout_kernels import drop, let_through
from graphlab.ops._threads import run_blocks
from graphlab.ops.spmm import Backend, choose_backend, flat

__all__ = ["dropout", "relu_dropout"]

_BLOCK = 1 << 15


@eager
def dropout(
    x: Tensor, p: float = 0.5, *, training: bool = True, backend: Backend = "auto"
) -> Tensor:
    """Set elements to 0 with probability p and divide the others by 1 - p.

    The same distribution as :func:`torch.nn.functional.dropout`, other draws: one number is taken
    from torch's global generator, so ``torch.manual_seed`` makes it reproducible, whatever the
    number of threads.

    Args:
        x: Anything; returned as it is when not training or p is 0.
        p: Probability of an element to be dropped, in [0, 1].
        training: Whether to drop anything.
        backend: ``"torch"`` is torch's own dropout, which also serves other devices and types.

    Shapes:
        - ``x``: any; returns the same

    Raises:
        InputError: ``p`` outside [0, 1].

    Example:
        >>> import torch
        >>> sorted(set(dropout(torch.ones(100), 0.5).tolist()))
        [0.0, 2.0]
    """
    _check(p)
    if not training or p == 0:
        return x
    if choose_backend(backend, x) == "torch":
        return F.dropout(x, p, training=True)
    if not (torch.is_grad_enabled() and x.requires_grad):
        return _dropped(x, p, _key(), relu=False)
    out: Tensor = _Dropout.apply(x, p)  # type: ignore[no-untyped-call]
    return out


@eager
def relu_dropout(
    x: Tensor, p: float = 0.5, *, training: bool = True, backend: Backend = "auto"
) -> Tensor:
    """Apply relu, then :func:`dropout`, in one pass and without a mask.

    Args:
        x: Anything.
        p: Probability of an element to be dropped, in [0, 1].
        training: Whether to drop anything.
        backend: As for :func:`dropout`.

    Shapes:
        - ``x``: any; returns the same

    Raises:
        InputError: ``p`` outside [0, 1].

    Example:
        >>> import torch
        >>> relu_dropout(torch.tensor([-1.0, 3.0]), 0.5, training=False).tolist()
        [0.0, 3.0]
    """
    _check(p)
    if not training or p == 0:
        return F.relu(x)
    if choose_backend(backend, x) == "torch":
        return F.dropout(F.relu(x), p, training=True)
    if not (torch.is_grad_enabled() and x.requires_grad):
        return _dropped(x, p, _key(), relu=True)
    out: Tensor = _ReluDropout.apply(x, p)  # type: ignore[no-untyped-call]
    return out


class _Dropout(torch.autograd.Function):
    """Dropout; the gradient is dropped by the same draws, made again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:  # noqa: ANN401
        ctx.p, ctx.key = p, _key()
        return _dropped(x, p, ctx.key, relu=False)

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return _dropped(grad, ctx.p, ctx.key, relu=False), None


class _ReluDropout(torch.autograd.Function):
    """Relu and dropout; what came through is what is positive in the result."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:  # noqa: ANN401
        out = _dropped(x, p, _key(), relu=True)
        ctx.scale = _scale(p)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        (out,) = ctx.saved_tensors
        result = torch.empty(out.shape, dtype=out.dtype)
        target = result.numpy().reshape(-1)
        source, seen, count = flat(grad), flat(out), result.numel()
        scale = target.dtype.type(ctx.scale)

        def call(first: int, last: int) -> None:
            let_through(source, seen, target, scale, first * _BLOCK, min(last * _BLOCK, count))

        run_blocks(call, -(-count // _BLOCK), count >> 3)
        return result, None


def _dropped(x: Tensor, p: float, key: int, *, relu: bool) -> Tensor:
    out = torch.empty(x.shape, dtype=x.dtype)
    source, target = flat(x), out.numpy().reshape(-1)
    number = target.dtype.type
    floor, scale = number(0.0 if relu else -math.inf), number(_scale(p))
    threshold, word = np.uint64(round(p * 2**32)), np.uint64(key)
    count = out.numel()

    def call(first: int, last: int) -> None:
        end = min(last * _BLOCK, count)
        drop(source, target, floor, scale, threshold, word, first * _BLOCK, end)

    run_blocks(call, -(-count // _BLOCK), count >> 2)
    return out


def _scale(p: float) -> float:
    return 0.0 if p == 1 else 1 / (1 - p)


def _key() -> int:
    """Draw a key from torch's global generator."""
    return int(torch.empty((), dtype=torch.int64).random_())


def _check(p: float) -> None:
    if not 0 <= p <= 1:
        raise InputError(f"p is {p!r}, expected a probability between 0 and 1.")
