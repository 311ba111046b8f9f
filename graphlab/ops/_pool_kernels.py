"""Compiled gradients of sums over lists of rows."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel
from graphlab.ops._simd import load, load_part, store, store_part
from graphlab.ops._simd_ids import prefetch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["COLUMNS", "add_to_rows", "turn_lists"]

COLUMNS = 64  # in a block of columns
_AHEAD = 12  # entries


@kernel
def turn_lists(
    ptr: Array, nodes: Array, weight: Array | None, begin: Array, owner: Array, turned: Array | None
) -> None:
    """Write for each node the lists that hold it, in order, and the weights of these entries.

    Args:
        ptr: Boundaries of the lists.
        nodes: Their nodes, 0 to n - 1.
        weight: One a node of a list, or None.
        begin: (n + 2,) zeros; boundaries are written to the first n + 1.
        owner: (nnz,) the lists are written here.
        turned: (nnz,) the weights are written here, or None.
    """
    for e in range(nodes.size):
        begin[nodes[e] + 2] += 1
    for v in range(2, begin.size):
        begin[v] += begin[v - 1]
    for i in range(ptr.size - 1):
        for e in range(ptr[i], ptr[i + 1]):
            place = begin[nodes[e] + 1]
            begin[nodes[e] + 1] = place + 1
            owner[place] = i
            if weight is not None:
                turned[place] = weight[e]  # type: ignore[index]  # given with the weights


@kernel
def add_to_rows(
    ptr: Array,
    nodes: Array,
    weight: Array | None,
    x: Array,
    out: Array,
    width: int,
    first_block: int,
    last_block: int,
) -> None:
    """Add row i of x, times the weight, to those rows of ``out`` that list i names.

    Blocks are sixty-four columns wide: threads do not meet, and each sum keeps its order.
    """
    end = nodes.size - 1
    stop = min(last_block * COLUMNS, width)
    for i in range(ptr.size - 1):
        c = first_block * COLUMNS
        while c + COLUMNS <= stop:
            q = i * width + c
            a, b, d, f = load(x, q), load(x, q + 8), load(x, q + 16), load(x, q + 24)
            g, h, k, m = load(x, q + 32), load(x, q + 40), load(x, q + 48), load(x, q + 56)
            for e in range(ptr[i], ptr[i + 1]):
                p = nodes[min(e + _AHEAD, end)] * width + c
                prefetch(out, p)
                prefetch(out, p + 16)
                prefetch(out, p + 32)
                prefetch(out, p + 48)
                p = nodes[e] * width + c
                if weight is None:
                    store(out, p, load(out, p) + a)
                    store(out, p + 8, load(out, p + 8) + b)
                    store(out, p + 16, load(out, p + 16) + d)
                    store(out, p + 24, load(out, p + 24) + f)
                    store(out, p + 32, load(out, p + 32) + g)
                    store(out, p + 40, load(out, p + 40) + h)
                    store(out, p + 48, load(out, p + 48) + k)
                    store(out, p + 56, load(out, p + 56) + m)
                else:
                    w = weight[e]
                    store(out, p, load(out, p) + a * w)
                    store(out, p + 8, load(out, p + 8) + b * w)
                    store(out, p + 16, load(out, p + 16) + d * w)
                    store(out, p + 24, load(out, p + 24) + f * w)
                    store(out, p + 32, load(out, p + 32) + g * w)
                    store(out, p + 40, load(out, p + 40) + h * w)
                    store(out, p + 48, load(out, p + 48) + k * w)
                    store(out, p + 56, load(out, p + 56) + m * w)
            c += COLUMNS
        for e in range(ptr[i], ptr[i + 1]):
            p, q = nodes[e] * width, i * width
            at = c
            while at + 8 <= stop:
                row = load(x, q + at) if weight is None else load(x, q + at) * weight[e]
                store(out, p + at, load(out, p + at) + row)
                at += 8
            if at < stop:
                rest = stop - at
                row = load_part(x, q + at, rest)
                row = row if weight is None else row * weight[e]
                store_part(out, p + at, load_part(out, p + at, rest) + row, rest)
