"""Compiled hops of adaptive propagation: sparse product, gate and weighted sum in one pass.

Notation of :class:`graphlab.nn.AdaptivePropagation`. What is kept of hop k is
:math:`U^{(k)} = D^{-1/2} H^{(k)}`: then a hop is :math:`U^{(k)} = D^{-1} W U^{(k-1)}`, and an
unweighted graph needs no values of edges at all. The width of all rows is a multiple of eight;
rows of eight, as most data sets with few classes have, never leave the registers.
"""
# ruff: noqa: ANN401, PLR0917  (kernels take arrays, scalars of the arrays' type, and many)

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd import load, store, total, zeros
from graphlab.ops._spmm_kernels import weighted_sum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["backward_hops", "forward_hops"]


@kernel_part
def inner(left: Array, p: int, right: Array, q: int, width: int) -> Any:
    """Return the inner product of ``width`` numbers from ``left[p]`` and from ``right[q]``."""
    product = zeros(left)
    for c in range(0, width, 8):
        product = product + load(left, p + c) * load(right, q + c)
    return total(product)


@kernel_part
def scale_row(source: Array, target: Array, at: int, width: int, factor: Any) -> None:
    """Write ``factor`` times the row of ``source`` to the same row of ``target``."""
    for c in range(at, at + width, 8):
        store(target, c, load(source, c) * factor)


@kernel_part
def add_row(source: Array, p: int, target: Array, q: int, width: int, factor: Any) -> None:
    """Add ``factor`` times the row at ``source[p]`` to the row at ``target[q]``."""
    for c in range(0, width, 8):
        store(target, q + c, load(target, q + c) + load(source, p + c) * factor)


@kernel_part
def horner_row(
    target: Array,
    at: int,
    width: int,
    half: Any,  # scalars of the array's type
    grad: Array,
    gate: Any,
    projection: Array,
    t: Any,
    factor: Any,
) -> None:
    """Replace a row by ``factor * (half * row + gate * row of grad + t * projection)``."""
    for c in range(0, width, 8):
        row = load(target, at + c) * half + load(grad, at + c) * gate + load(projection, c) * t
        store(target, at + c, row * factor)


@kernel_part
def narrow_sum(x: Array, columns: Array, weight: Array | None, first: int, end: int) -> Any:
    """Return the weighted sum over entries of rows of eight, as one vector."""
    row = zeros(x)
    for e in range(first, end):
        entry = load(x, columns[e] * 8)
        row = row + entry if weight is None else row + entry * weight[e]
    return row


@kernel
def forward_hops(
    indptr: Array,
    columns: Array,
    bounds: Array,
    weight: Array | None,
    inverse: Array,  # 1 / d
    half: Array,  # d^-1/2
    root: Array,  # d^1/2
    z: Array,
    projection: Array,
    bias: Any,  # a scalar of z's type
    hops: Array,  # (places, n * C)
    tail: Array,  # (n * C,) hop K, and before it hop 0
    place: Array,  # (K + 1,) row of hops where each hop is kept, -1: in the tail
    gates: Array,  # (K + 1, n), or (1, n) when gates are not wanted
    out: Array,  # zeros at first
    width: int,
    first_hop: int,
    last_hop: int,
    first_block: int,
    last_block: int,
) -> None:
    """Compute hops ``first_hop`` to ``last_hop - 1`` of some blocks, and add them to ``out``."""
    one = z.dtype.type(1)
    for k in range(first_hop, last_hop):
        target = tail if place[k] < 0 else hops[place[k]]
        below = tail if k == 0 or place[k - 1] < 0 else hops[place[k - 1]]
        gate = gates[k % gates.shape[0]]
        for i in range(bounds[first_block], bounds[last_block]):
            at = i * width
            if k > 0 and width == 8:
                row = narrow_sum(below, columns, weight, indptr[i], indptr[i + 1]) * inverse[i]
                store(target, at, row)
                value = total(row * load(projection, 0)) * root[i]
                gate[i] = one / (one + math.exp(-(value + bias)))
                store(out, at, load(out, at) + row * (gate[i] * root[i]))
                continue
            if k == 0:
                scale_row(z, target, at, width, half[i])
                value = inner(z, at, projection, 0, width)
            else:
                weighted_sum(below, columns, weight, indptr[i], indptr[i + 1], width, target, at)
                scale_row(target, target, at, width, inverse[i])
                value = inner(target, at, projection, 0, width) * root[i]
            gate[i] = one / (one + math.exp(-(value + bias)))
            if k == 0:
                add_row(z, at, out, at, width, gate[i])
            else:
                add_row(target, at, out, at, width, gate[i] * root[i])


@kernel
def backward_hops(
    indptr: Array,  # of the transposed matrix
    columns: Array,
    bounds: Array,
    weight: Array | None,
    half: Array,
    root: Array,
    z: Array,
    projection: Array,
    hops: Array,
    tail: Array,  # hop K; for K > 1 also the gradient of z in the end
    place: Array,
    gates: Array,
    grad_out: Array,
    grad_gates: Array | None,  # (K + 1, n)
    grad_z: Array,
    partial: Array,  # (blocks, C + 1): gradients of projection and bias
    width: int,
    last: int,  # K
    first_hop: int,
    last_hop: int,
    first_block: int,
    last_block: int,
) -> None:
    """Run Horner's scheme down from hop ``last_hop - 1`` to ``first_hop`` for some blocks.

    Each kept hop is overwritten, row by row after its last use, by D^-1/2 times its gradient.
    """
    one = z.dtype.type(1)
    for k in range(last_hop - 1, first_hop - 1, -1):
        kept = z if k == 0 else (tail if place[k] < 0 else hops[place[k]])
        target = grad_z if k == 0 else kept
        above = tail if k == last or place[k + 1] < 0 else hops[place[k + 1]]
        for block in range(first_block, last_block):
            sums = partial[block]
            for i in range(bounds[block], bounds[block + 1]):
                at = i * width
                g = gates[k, i]
                to_hop = one if k == 0 else root[i]  # what is kept of hops 1.. is D^-1/2 H
                t = inner(kept, at, grad_out, at, width) * to_hop
                if grad_gates is not None:
                    t += grad_gates[k, i]
                t *= g * (one - g)  # the gradient before the sigmoid
                sums[width] += t
                add_row(kept, at, sums, 0, width, t * to_hop)
                first = indptr[i]
                end = first if k == last else indptr[i + 1]  # nothing stands above the last hop
                factor = one if k == 0 else half[i]
                if width == 8:
                    row = narrow_sum(above, columns, weight, first, end) * half[i]
                    row = row + load(grad_out, at) * g + load(projection, 0) * t
                    store(target, at, row * factor)
                    continue
                weighted_sum(above, columns, weight, first, end, width, target, at)
                horner_row(target, at, width, half[i], grad_out, g, projection, t, factor)
