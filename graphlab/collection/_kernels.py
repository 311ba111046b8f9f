"""Kernels that put chosen graphs behind each other.

Inner loops run over slices from 0 on: the compiler then needs no test for negative positions and
uses vector instructions, which is twice as fast (``benchmarks/perf/test_collections.py``).
"""
# ruff: noqa: PLR0917  (kernels take many arrays)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphlab.ops._compile import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["gather_edges", "gather_rows", "number_graphs", "place_graphs"]


@kernel
def gather_edges(
    row: NDArray[Any],
    col: NDArray[Any],
    starts: NDArray[Any],
    out_ptr: NDArray[Any],
    shifts: NDArray[Any],
    out_row: NDArray[Any],
    out_col: NDArray[Any],
) -> None:
    """Copy the entries of each graph from ``starts`` and add the graph's first node to its ids."""
    for graph in range(starts.size):
        first, place = starts[graph], out_ptr[graph]
        count, shift = out_ptr[graph + 1] - place, shifts[graph]
        source, target = row[first : first + count], out_row[place : place + count]
        for entry in range(count):
            target[entry] = source[entry] + shift
        source, target = col[first : first + count], out_col[place : place + count]
        for entry in range(count):
            target[entry] = source[entry] + shift


@kernel
def gather_rows(
    values: NDArray[Any],
    starts: NDArray[Any],
    out_ptr: NDArray[Any],
    width: int,
    out: NDArray[Any],
) -> None:
    """Copy the rows of each graph, ``width`` numbers each."""
    for graph in range(starts.size):
        first, place = starts[graph] * width, out_ptr[graph] * width
        count = (out_ptr[graph + 1] - out_ptr[graph]) * width
        source, target = values[first : first + count], out[place : place + count]
        for item in range(count):
            target[item] = source[item]


@kernel
def number_graphs(out_ptr: NDArray[Any], out: NDArray[Any]) -> None:
    """Write the number of its graph for each node."""
    for graph in range(out_ptr.size - 1):
        out[out_ptr[graph] : out_ptr[graph + 1]] = graph


@kernel
def place_graphs(
    ptr: NDArray[Any], index: NDArray[Any], starts: NDArray[Any], out_ptr: NDArray[Any]
) -> None:
    """Write where the rows of each chosen graph begin, and where they go."""
    place = 0
    out_ptr[0] = 0
    for number in range(index.size):
        graph = index[number]
        starts[number] = ptr[graph]
        place += ptr[graph + 1] - ptr[graph]
        out_ptr[number + 1] = place
