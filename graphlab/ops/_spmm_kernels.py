"""Compiled sums and maxima over the entries of sparse rows."""
# ruff: noqa: PLR0915, PLR0917  (kernels take arrays and many numbers, and write loops out)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd import load, load_part, store, store_part, total, zeros
from graphlab.ops._simd_ids import prefetch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["entry_products", "max_entries", "sum_rows", "weighted_sum"]

_AHEAD = 12  # entries


@kernel_part
def weighted_sum(
    x: Array,
    columns: Array,
    weight: Array | None,
    first: int,
    last: int,
    width: int,
    out: Array,
    at: int,
) -> None:
    """Write the sum over entries ``first`` to ``last - 1`` of weight times row of x.

    Sixty-four columns at a time, then thirty-two, eight, the rest: running sums stay in registers.
    Rows that come some entries later are asked for ahead: where x is larger than the caches, this
    is up to 1.7 times faster.
    """
    end = columns.size - 1
    c = 0
    while c + 64 <= width:
        a, b, d, f = zeros(x), zeros(x), zeros(x), zeros(x)
        g, h, k, m = zeros(x), zeros(x), zeros(x), zeros(x)
        for e in range(first, last):
            p = columns[min(e + _AHEAD, end)] * width + c
            prefetch(x, p)
            prefetch(x, p + 16)
            prefetch(x, p + 32)
            prefetch(x, p + 48)
            p = columns[e] * width + c
            if weight is None:
                a, b = a + load(x, p), b + load(x, p + 8)
                d, f = d + load(x, p + 16), f + load(x, p + 24)
                g, h = g + load(x, p + 32), h + load(x, p + 40)
                k, m = k + load(x, p + 48), m + load(x, p + 56)
            else:
                w = weight[e]
                a, b = a + load(x, p) * w, b + load(x, p + 8) * w
                d, f = d + load(x, p + 16) * w, f + load(x, p + 24) * w
                g, h = g + load(x, p + 32) * w, h + load(x, p + 40) * w
                k, m = k + load(x, p + 48) * w, m + load(x, p + 56) * w
        store(out, at + c, a)
        store(out, at + c + 8, b)
        store(out, at + c + 16, d)
        store(out, at + c + 24, f)
        store(out, at + c + 32, g)
        store(out, at + c + 40, h)
        store(out, at + c + 48, k)
        store(out, at + c + 56, m)
        c += 64
    while c + 32 <= width:
        a, b, d, f = zeros(x), zeros(x), zeros(x), zeros(x)
        for e in range(first, last):
            p = columns[min(e + _AHEAD, end)] * width + c
            prefetch(x, p)
            prefetch(x, p + 16)
            p = columns[e] * width + c
            if weight is None:
                a, b = a + load(x, p), b + load(x, p + 8)
                d, f = d + load(x, p + 16), f + load(x, p + 24)
            else:
                w = weight[e]
                a, b = a + load(x, p) * w, b + load(x, p + 8) * w
                d, f = d + load(x, p + 16) * w, f + load(x, p + 24) * w
        store(out, at + c, a)
        store(out, at + c + 8, b)
        store(out, at + c + 16, d)
        store(out, at + c + 24, f)
        c += 32
    while c + 8 <= width:
        a = zeros(x)
        for e in range(first, last):
            p = columns[e] * width + c
            a = a + load(x, p) if weight is None else a + load(x, p) * weight[e]
        store(out, at + c, a)
        c += 8
    rest = width - c
    if rest > 0:
        a = zeros(x)
        for e in range(first, last):
            p = columns[e] * width + c
            a = (
                a + load_part(x, p, rest)
                if weight is None
                else a + load_part(x, p, rest) * weight[e]
            )
        store_part(out, at + c, a, rest)


@kernel
def sum_rows(
    indptr: Array,
    columns: Array,
    bounds: Array,
    weight: Array | None,
    scale: Array | None,
    x: Array,
    out: Array,
    width: int,
    first_block: int,
    last_block: int,
) -> None:
    """Sum weighted rows of x over the entries of each row, then multiply by the row's scale."""
    for i in range(bounds[first_block], bounds[last_block]):
        at = i * width
        weighted_sum(x, columns, weight, indptr[i], indptr[i + 1], width, out, at)
        if scale is not None:
            for c in range(at, at + width):
                out[c] *= scale[i]


@kernel
def max_entries(
    indptr: Array,
    columns: Array,
    bounds: Array,
    weight: Array | None,
    x: Array,
    winner: Array,
    width: int,
    first_block: int,
    last_block: int,
) -> None:
    """Write the entry with the largest weighted value, the first of equals; -1 in empty rows.

    NaN counts as the largest value.
    """
    best = np.empty(width, x.dtype)
    for i in range(bounds[first_block], bounds[last_block]):
        at = i * width
        for c in range(width):
            winner[at + c] = -1
        for e in range(indptr[i], indptr[i + 1]):
            p = columns[e] * width
            for c in range(width):
                value = x[p + c] if weight is None else x[p + c] * weight[e]
                if winner[at + c] < 0 or value > best[c] or (value != value and best[c] == best[c]):  # noqa: PLR0124
                    best[c] = value
                    winner[at + c] = e


@kernel
def entry_products(
    indptr: Array,
    columns: Array,
    bounds: Array,
    scale: Array | None,
    left: Array,
    x: Array,
    out: Array,
    width: int,
    first_block: int,
    last_block: int,
) -> None:
    """Write for each entry the inner product of its row of ``left`` and its row of ``x``."""
    for i in range(bounds[first_block], bounds[last_block]):
        for e in range(indptr[i], indptr[i + 1]):
            ahead = columns[min(e + _AHEAD, columns.size - 1)] * width
            p = columns[e] * width
            q = i * width
            product = zeros(x)
            c = 0
            while c + 16 <= width:
                prefetch(x, ahead + c)
                product = product + load(left, q + c) * load(x, p + c)
                product = product + load(left, q + c + 8) * load(x, p + c + 8)
                c += 16
            while c + 8 <= width:
                product = product + load(left, q + c) * load(x, p + c)
                c += 8
            if c < width:
                rest = width - c
                product = product + load_part(left, q + c, rest) * load_part(x, p + c, rest)
            out[e] = total(product) if scale is None else total(product) * scale[i]
