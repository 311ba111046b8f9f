"""Weights of edges for hierarchical clustering: small integers, equal on every machine.

Features give weights in float64, and in whole steps of 2^-20: sums in another order differ by far
less than a step, so kernels and plain numpy agree on every weight.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._edge_kernels import find_entries
from graphlab.ops._hac_weight_kernels import (
    cosine_steps,
    distance_steps,
    lowest_weights,
    square_norms,
)
from graphlab.ops._threads import run_blocks
from graphlab.ops.common_neighbors import common_neighbors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.graph import Graph

    Array = NDArray[Any]

__all__ = ["WeightName", "edge_positions", "explicit_weights", "named_weights"]

WeightName = Literal["auto", "cosine", "l2", "jaccard", "unit"]
SCALE = float(1 << 20)  # steps of a weight
_SHORTEST = 1e-12  # norms are not below this
_ROWS, _EDGES = 256, 1024  # in a block
_PART = 1 << 16  # edges whose common neighbours are counted at a time
_NUMBERS = 1 << 15  # of rows held at a time without kernels: they stay in the cache
_TYPES = (torch.float32, torch.float64)


def named_weights(
    name: str,
    graph: Graph,  # simple
    src: Array,
    dst: Array,
    *,
    x: Tensor | None,
    ptr: Array | None,
    compiled: bool,
) -> Array:
    """Return the weights of undirected edges (m,), int32, by name.

    ``ptr`` holds the first node of each graph of a batch: distances are relative to the largest
    norm of the own graph, so that a batch gives what its graphs give alone.
    """
    if name == "unit":
        return np.zeros(src.size, np.int32)
    if name == "jaccard":
        return _jaccard(graph, src, dst, compiled=compiled)
    rows = _feature_rows(name, x)
    square = _squares(rows, compiled=compiled)
    if not np.isfinite(square).all():
        node = int((~np.isfinite(square)).nonzero()[0][0])
        raise InputError(
            f"x of node {node} holds NaN, infinity or numbers whose squares overflow; weights "
            f"{name!r} need finite features. Clean x, or give weight='jaccard'."
        )
    if name == "cosine":
        norm = np.maximum(np.sqrt(square), _SHORTEST)
        return _cosine(rows, norm, src, dst, compiled=compiled)
    most = np.zeros(graph.num_nodes)
    bounds = np.array([0, graph.num_nodes]) if ptr is None else ptr
    for first, last in itertools.pairwise(bounds):
        most[first:last] = 4.0 * square[first:last].max(initial=0.0)
    return _distance(rows, square, most, src, dst, compiled=compiled)


def explicit_weights(
    weight: Any,  # noqa: ANN401  (a tensor or what becomes one)
    graph: Graph,  # as given, not simplified
    src: Array,
    dst: Array,
    *,
    compiled: bool,
) -> Array:
    """Return the smallest weight given for each undirected edge, (m,) float64."""
    given = torch.as_tensor(weight).detach().to("cpu")
    if given.shape != (graph.num_edges,):
        raise InputError(
            f"weight has shape {tuple(given.shape)}, expected ({graph.num_edges},): one weight for "
            "each column of edge_index."
        )
    if given.is_complex():
        raise InputError(f"weight has type {given.dtype}, expected real numbers.")
    values = given.to(torch.float64).numpy() + 0.0  # -0.0 becomes 0.0
    if not np.isfinite(values).all():
        at = int((~np.isfinite(values)).nonzero()[0][0])
        raise InputError(f"weight holds {values[at]} at position {at}; weights must be finite.")
    values = values[graph.perm.cpu().numpy()]
    indptr = np.zeros(graph.num_nodes + 1, np.int64)
    np.cumsum(np.bincount(src, minlength=graph.num_nodes), out=indptr[1:])
    place = edge_positions(graph, indptr, dst, compiled=compiled)
    out = np.full(dst.size, np.inf)
    if compiled:
        lowest_weights(place, values, out)
    else:
        np.minimum.at(out, place[place >= 0], values[place >= 0])
    return out


def edge_positions(graph: Graph, indptr: Array, dst: Array, *, compiled: bool) -> Array:
    """Return the position of each entry of a graph among its edges u < v; -1 for loops."""
    ends = graph.edge_index.cpu().numpy()
    low, high = np.minimum(*ends), np.maximum(*ends)
    place = np.empty(low.size, np.int64)
    if compiled and low.size:
        find_entries(indptr, dst, low.astype(np.int32), high.astype(np.int32), place, 0, low.size)
    elif low.size:
        n = max(graph.num_nodes, 1)
        keys = np.repeat(np.arange(indptr.size - 1), np.diff(indptr)) * n + dst
        place[:] = np.where(low == high, -1, np.searchsorted(keys, low * n + high))
    return place


def _feature_rows(name: str, x: Tensor | None) -> Array:
    """Return features as contiguous (n, F) float32 or float64."""
    if x is None:
        raise InputError(
            f"weight={name!r} needs node features, but the graph has no x. Give x, or "
            "weight='jaccard'."
        )
    x = x.detach()
    x = x.to_dense() if x.layout != torch.strided else x
    if x.is_complex():
        raise InputError(f"x has type {x.dtype}, expected real numbers.")
    if x.dtype not in _TYPES:  # whole numbers up to 2^53 are exact as doubles
        x = x.to(torch.float32 if x.is_floating_point() else torch.float64)
    rows: Array = (x.flatten(1) if x.dim() > 1 else x[:, None]).contiguous().cpu().numpy()
    return rows


def _squares(rows: Array, *, compiled: bool) -> Array:
    n, width = rows.shape
    if not compiled:
        squares: Array = np.concatenate(
            [np.zeros(0)]
            + [
                np.einsum("ij,ij->i", part, part)
                for part in (rows[part].astype(np.float64) for part in _parts(n, width))
            ]
        )
        return squares
    out, given = np.empty(n), rows.reshape(-1)

    def call(first: int, last: int) -> None:
        row = np.empty(width + 8)
        square_norms(given, width, row, out, first * _ROWS, min(last * _ROWS, n))

    run_blocks(call, -(-n // _ROWS), n * (width + 7 >> 3))
    return out


def _cosine(rows: Array, norm: Array, src: Array, dst: Array, *, compiled: bool) -> Array:
    m, width = src.size, rows.shape[1]
    out = np.empty(m, np.int32)
    if not compiled:
        for part in _parts(m, width):
            u, v = src[part], dst[part]
            cos = _inner(rows, u, v) / (norm[u] * norm[v])
            out[part] = _steps(1.0 - cos)
        return out
    given, line = rows.reshape(-1), 64 // rows.itemsize

    def call(first: int, last: int) -> None:
        row, end = np.empty(width + 8), min(last * _EDGES, m)
        cosine_steps(given, width, norm, src, dst, SCALE, line, row, out, first * _EDGES, end)

    run_blocks(call, -(-m // _EDGES), m * (width + 7 >> 3))
    return out


def _distance(
    rows: Array, square: Array, most: Array, src: Array, dst: Array, *, compiled: bool
) -> Array:
    m, width = src.size, rows.shape[1]
    out = np.empty(m, np.int32)
    if not compiled:
        for part in _parts(m, width):
            u, v = src[part], dst[part]
            apart = np.maximum(square[u] + square[v] - 2.0 * _inner(rows, u, v), 0.0)
            value = np.zeros(u.size)
            np.divide(apart, most[u], out=value, where=most[u] > 0)
            out[part] = _steps(value)
        return out
    given = rows.reshape(-1)

    def call(first: int, last: int) -> None:
        row, end = np.empty(width + 8), min(last * _EDGES, m)
        distance_steps(given, width, square, most, src, dst, SCALE, row, out, first * _EDGES, end)

    run_blocks(call, -(-m // _EDGES), m * (width + 7 >> 3))
    return out


def _parts(count: int, width: int) -> list[slice]:
    """Return slices of rows that are worked on at a time."""
    step = max(_NUMBERS // max(width, 1), 16)
    return [slice(k, k + step) for k in range(0, count, step)]


def _inner(rows: Array, u: Array, v: Array) -> Array:
    inner: Array = np.einsum(
        "ij,ij->i", rows[u].astype(np.float64), rows[v].astype(np.float64), optimize=False
    )
    return inner


def _steps(value: Array) -> Array:
    steps: Array = np.floor(value * SCALE + 0.5)
    return steps


def _jaccard(graph: Graph, src: Array, dst: Array, *, compiled: bool) -> Array:
    """Weigh by common neighbours; the union is never empty, since each end is a neighbour."""
    degree = graph.degree().cpu().numpy()
    out = np.empty(src.size, np.int32)
    structure = graph.to("cpu")
    backend: Literal["compiled", "torch"] = "compiled" if compiled else "torch"
    for part in (slice(k, k + _PART) for k in range(0, src.size, _PART)):
        u, v = src[part], dst[part]
        ends = (torch.from_numpy(each.astype(np.int64)) for each in (u, v))
        shared = common_neighbors(structure, *ends, backend=backend).ptr.diff().numpy()
        out[part] = _steps(1.0 - shared / (degree[u] + degree[v] - shared))
    return out
