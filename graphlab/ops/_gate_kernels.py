"""Compiled passes over the edges of gated layers, forward and backward.

A row of numbers is done eight columns at a time, and for eight columns all edges of a target: the
running sums of a target stay in registers, and its rows of the edge arrays in the nearest cache.
"""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd import LANES, load, load_part, store, store_part, zeros
from graphlab.ops._simd_gate import divide, relu, sigmoid, step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["add_normed", "gate_gradients", "gate_rows", "norm_sums"]


@kernel_part
def read(array: Array, at: int, count: int) -> Array:
    """Return up to eight numbers, zeros behind them."""
    if count >= LANES:
        return load(array, at)
    return load_part(array, at, count)


@kernel_part
def write(array: Array, at: int, vector: Array, count: int) -> None:
    """Write up to eight numbers."""
    if count >= LANES:
        store(array, at, vector)
    else:
        store_part(array, at, vector, count)


@kernel
def gate_rows(
    indptr: Array,
    columns: Array,
    bounds: Array,
    given: Array,
    given_step: int,
    source: Array,
    target: Array,
    value: Array,
    eps: float,
    hat: Array,
    out: Array,
    inverse: Array,
    shift: Array | None,
    partial: Array | None,
    width: int,
    first_block: int,
    last_block: int,
) -> None:
    """Write the gates' arguments, the gated means, and sums over edges for their statistics.

    Args:
        indptr: Boundaries of the targets.
        columns: Sources.
        bounds: Blocks of targets.
        given: What each edge adds to its argument.
        given_step: Numbers from one edge to the next in ``given``; 0: one row for all of them.
        source: What each source adds.
        target: What each target adds.
        value: What sources send.
        eps: Added to the sum of gates.
        hat: (m, width) arguments are written here; may be ``given``.
        out: (n, width) gated means.
        inverse: (n, width) one over the sum of gates.
        shift: (width,) is taken off before arguments are summed and squared; None: no sums.
        partial: (blocks, 2, width) zeros; sums of arguments and of squares, block by block.
        width: Columns.
        first_block: First block of targets.
        last_block: The one behind the last.
    """
    for block in range(first_block, last_block):
        for i in range(bounds[block], bounds[block + 1]):
            for c in range(0, width, LANES):
                count = width - c
                entering = read(target, i * width + c, count)
                gates, total = zeros(value), zeros(value)
                once, twice = zeros(value), zeros(value)
                for e in range(indptr[i], indptr[i + 1]):
                    p = columns[e] * width + c
                    argument = entering + read(source, p, count)
                    argument = argument + read(given, e * given_step + c, count)
                    write(hat, e * width + c, argument, count)
                    gate = sigmoid(argument)
                    gates = gates + gate
                    total = total + gate * read(value, p, count)
                    if shift is not None:
                        argument = argument + read(shift, c, count) * -1.0
                        once = once + argument
                        twice = twice + argument * argument
                one = divide(zeros(value) + 1.0, gates + zeros(value) + eps)
                write(out, i * width + c, total * one, count)
                write(inverse, i * width + c, one, count)
                if shift is not None:
                    q = block * 2 * width + c
                    write(partial, q, read(partial, q, count) + once, count)  # type: ignore[arg-type]  # given with shift
                    q += width
                    write(partial, q, read(partial, q, count) + twice, count)  # type: ignore[arg-type]  # likewise


@kernel
def add_normed(
    hat: Array,
    scale: Array,
    offset: Array,
    given: Array | None,
    given_step: int,
    out: Array,
    width: int,
    first: int,
    last: int,
) -> None:
    """Write ``given + relu(scale * hat + offset)`` for edges ``first`` to ``last - 1``."""
    for e in range(first, last):
        for c in range(0, width, LANES):
            count = width - c
            y = read(hat, e * width + c, count) * read(scale, c, count) + read(offset, c, count)
            y = relu(y)
            if given is not None:
                y = y + read(given, e * given_step + c, count)
            write(out, e * width + c, y, count)


@kernel
def norm_sums(
    hat: Array,
    grad: Array,
    scale: Array,
    offset: Array,
    inner_scale: Array,
    inner_offset: Array,
    partial: Array,
    edges: int,
    width: int,
    first_block: int,
    last_block: int,
) -> None:
    """Sum, block by block of ``edges`` edges, what the gradients of the statistics need.

    Columns of ``partial``: the gradient where relu let through, the same times the normed argument,
    and the gradient itself.
    """
    total = hat.size // width
    for block in range(first_block, last_block):
        for c in range(0, width, LANES):
            count = width - c
            once, twice, whole = zeros(hat), zeros(hat), zeros(hat)
            p, o = read(scale, c, count), read(offset, c, count)
            a, b = read(inner_scale, c, count), read(inner_offset, c, count)
            for e in range(block * edges, min((block + 1) * edges, total)):
                x = read(hat, e * width + c, count)
                g = read(grad, e * width + c, count)
                through = g * step(x * p + o)
                once = once + through
                twice = twice + through * (x * a + b)
                whole = whole + g
            q = block * 3 * width + c
            write(partial, q, once, count)
            write(partial, q + width, twice, count)
            write(partial, q + 2 * width, whole, count)


@kernel
def gate_gradients(
    indptr: Array,
    columns: Array,
    hat: Array,
    value: Array,
    out: Array,
    inverse: Array,
    grad_out: Array,
    grad_edge: Array | None,
    scale: Array,
    offset: Array,
    constant: Array,
    slope: Array,
    grad_hat: Array | None,
    grad_source: Array,
    grad_target: Array,
    grad_value: Array,
    width: int,
    first_column: int,
    last_column: int,
) -> None:
    """Write the gradients of arguments, and add them up by source and by target.

    Blocks are columns: threads do not meet at a source that several targets share, and every sum
    keeps its order.

    Args:
        indptr: Boundaries of the targets.
        columns: Sources.
        hat: Arguments.
        value: What sources sent.
        out: Gated means.
        inverse: One over the sums of gates.
        grad_out: Gradient of the means.
        grad_edge: Gradient of the edges' result; None where there is none.
        scale: Factor of the argument in the edges' result, column by column.
        offset: Added there.
        constant: Added to the gradient of arguments: by way of their mean ...
        slope: ... and times the argument: by way of their variance.
        grad_hat: (m, width) gradients of arguments are written here, if asked for.
        grad_source: (n, width) zeros; their sums by source.
        grad_target: (n, width) their sums by target.
        grad_value: (n, width) zeros; gradient of what sources sent.
        width: Columns.
        first_column: First column to do.
        last_column: The one behind the last.
    """
    for i in range(indptr.size - 1):
        for c in range(first_column, last_column, LANES):
            count = last_column - c
            at = i * width + c
            share = read(grad_out, at, count) * read(inverse, at, count)
            less = read(out, at, count) * -1.0
            into = zeros(hat)
            p, o = read(scale, c, count), read(offset, c, count)
            k, s = read(constant, c, count), read(slope, c, count)
            for e in range(indptr[i], indptr[i + 1]):
                q = e * width + c
                j = columns[e] * width + c
                x = read(hat, q, count)
                gate = sigmoid(x)
                message = share * gate
                write(grad_value, j, read(grad_value, j, count) + message, count)
                away = gate * -1.0 + 1.0
                g = message * away * (read(value, j, count) + less)
                if grad_edge is not None:
                    g = g + read(grad_edge, q, count) * step(x * p + o) * p
                    g = g + k + x * s
                if grad_hat is not None:
                    write(grad_hat, q, g, count)
                write(grad_source, j, read(grad_source, j, count) + g, count)
                into = into + g
            write(grad_target, at, into, count)
