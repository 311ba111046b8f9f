"""Compiled products of the rows of two nodes."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel
from graphlab.ops._simd import load, load_part, store, store_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["add_products", "row_products"]


@kernel
def row_products(
    h: Array, src: Array, dst: Array, out: Array, width: int, first: int, last: int
) -> None:
    """Write the elementwise product of two rows of h for each pair from ``first`` on."""
    for p in range(first, last):
        a, b, at = src[p] * width, dst[p] * width, p * width
        c = 0
        while c + 8 <= width:
            store(out, at + c, load(h, a + c) * load(h, b + c))
            c += 8
        rest = width - c
        if rest > 0:
            part = load_part(h, a + c, rest) * load_part(h, b + c, rest)
            store_part(out, at + c, part, rest)


@kernel
def add_products(
    h: Array,
    src: Array,
    dst: Array,
    grad: Array,
    out: Array,
    width: int,
    count: int,
    low: int,
    high: int,
) -> None:
    """Add each pair's gradient times one row to the other row of ``out``, columns low to high.

    Rows occur in many pairs, so threads share out columns and not pairs: every number is the sum
    of the same terms in the same order, whatever the number of threads.
    """
    for p in range(count):
        a, b, at = src[p] * width, dst[p] * width, p * width
        c = low
        while c + 8 <= high:
            g, left, right = load(grad, at + c), load(h, a + c), load(h, b + c)
            store(out, a + c, load(out, a + c) + g * right)
            # read after the write before it: a pair may be a node with itself
            store(out, b + c, load(out, b + c) + g * left)
            c += 8
        rest = high - c
        if rest > 0:
            g = load_part(grad, at + c, rest)
            left, right = load_part(h, a + c, rest), load_part(h, b + c, rest)
            store_part(out, a + c, load_part(out, a + c, rest) + g * right, rest)
            store_part(out, b + c, load_part(out, b + c, rest) + g * left, rest)
