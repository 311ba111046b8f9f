"""Compiled dissimilarity of the ends of edges, in float64."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd import total, zeros
from graphlab.ops._simd_ids import prefetch
from graphlab.ops._simd_wide import add_wide, copy_wide

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["cosine_steps", "distance_steps", "lowest_weights", "square_norms"]

_AHEAD = 6  # edges whose far rows are asked from memory early


@kernel_part
def wide(node: Any) -> Any:  # noqa: ANN401
    """Return a node id in 64 bits: its row may begin beyond what 32 hold."""
    return np.int64(node)


@kernel_part
def fill_row(x: Array, start: int, width: int, row: Array) -> None:
    """Write one row of x as doubles."""
    c = 0
    while c + 8 <= width:
        copy_wide(x, start + c, row, c)
        c += 8
    while c < width:
        row[c] = x[start + c]
        c += 1


@kernel_part
def product(row: Array, x: Array, start: int, width: int) -> float:
    """Return the inner product of a row of doubles and a row of x."""
    a, b, c = zeros(row), zeros(row), 0
    while c + 16 <= width:
        a = add_wide(a, row, c, x, start + c)
        b = add_wide(b, row, c + 8, x, start + c + 8)
        c += 16
    if c + 8 <= width:
        a = add_wide(a, row, c, x, start + c)
        c += 8
    rest = 0.0
    while c < width:
        rest += row[c] * np.float64(x[start + c])
        c += 1
    return total(a + b) + rest  # type: ignore[no-any-return]


@kernel
def square_norms(x: Array, width: int, row: Array, out: Array, first: int, last: int) -> None:
    """Write the squared norm of each row."""
    for node in range(first, last):
        fill_row(x, node * width, width, row)
        out[node] = product(row, x, node * width, width)


@kernel
def cosine_steps(
    x: Array,
    width: int,
    norm: Array,
    src: Array,  # ascending
    dst: Array,
    scale: float,
    line: int,  # numbers in a line of the cache
    row: Array,
    out: Array,
    first: int,
    last: int,
) -> None:
    """Write one minus the cosine of both ends, in whole steps of 1 / ``scale``."""
    held = -1
    for e in range(first, last):
        u, v = wide(src[e]), wide(dst[e])
        start = wide(dst[min(e + _AHEAD, last - 1)]) * width
        for c in range(0, width, line):
            prefetch(x, start + c)
        if u != held:
            held = u
            fill_row(x, u * width, width, row)
        value = 1.0 - product(row, x, v * width, width) / (norm[u] * norm[v])
        out[e] = math.floor(value * scale + 0.5)


@kernel
def distance_steps(
    x: Array,
    width: int,
    square: Array,
    most: Array,  # of each node: four times the largest square of its graph
    src: Array,
    dst: Array,
    scale: float,
    row: Array,
    out: Array,
    first: int,
    last: int,
) -> None:
    """Write the squared distance of both ends, relative to the largest, in whole steps."""
    held = -1
    for e in range(first, last):
        u, v = wide(src[e]), wide(dst[e])
        if u != held:
            held = u
            fill_row(x, u * width, width, row)
        value = 0.0
        if most[u] > 0.0:
            inner = product(row, x, v * width, width)
            value = max(square[u] + square[v] - 2.0 * inner, 0.0) / most[u]
        out[e] = math.floor(value * scale + 0.5)


@kernel
def lowest_weights(place: Array, weight: Array, out: Array) -> None:
    """Keep the smallest weight of each edge; places below 0 are left out."""
    for p in range(place.size):
        e = place[p]
        if e >= 0 and weight[p] < out[e]:
            out[e] = weight[p]
