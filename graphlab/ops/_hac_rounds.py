"""Rounds of affinity clustering, driven from Python; kernels or plain numpy do the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.ops._hac_kernels import first_edges, merge, next_edges, pack_keys, tie_hashes
from graphlab.ops._threads import run_blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["compiled_rounds", "edge_hashes", "mix64", "plain_rounds"]

_BITS = 42  # of the hash in a key; 22 are left for the weight
_LARGEST = (1 << 22) - 1
_EDGES = 4096  # in a block
_NO_KEY = np.uint64(2**64 - 1)
_STEP = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def mix64(z: Array) -> Array:
    """Return the scrambled numbers of splitmix64, uint64."""
    z = z.astype(np.uint64) + np.uint64(_STEP)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
    out: Array = z ^ (z >> np.uint64(31))
    return out


def mixed_seed(seed: int) -> np.uint64:
    """Return the scrambled seed: one number for all edges."""
    number: np.uint64 = mix64(np.array([seed & (2**64 - 1)], np.uint64))[0]
    return number


def edge_hashes(src: Array, dst: Array, local: Array, seed: int, *, compiled: bool) -> Array:
    """Return the hash of each edge, (m,) uint64."""
    if not compiled:
        u, v = (src, dst) if local.size == 0 else (local[src], local[dst])
        return mix64(mix64(mixed_seed(seed) ^ u.astype(np.uint64)) ^ v.astype(np.uint64))
    out = np.empty(src.size, np.uint64)
    mixed = mixed_seed(seed)

    def call(first: int, last: int) -> None:
        end = min(last * _EDGES, src.size)
        tie_hashes(src, dst, local, mixed, out, first * _EDGES, end)

    run_blocks(call, -(-src.size // _EDGES), src.size)
    return out


def compiled_rounds(
    n: int, src: Array, dst: Array, weight: Array, *, local: Array, seed: int
) -> tuple[list[Array], Array]:
    """Return the cluster of each node on every level, and which edges were taken.

    Args:
        n: Number of nodes.
        src: Lower ends of the edges (m,) int32, ascending.
        dst: Upper ends.
        weight: Weights (m,), float64 or integers from 0 to 2^22 - 1.
        local: Ids of nodes within their graph (n,) int32; empty for one graph.
        seed: Seed of the hash.
    """
    mixed = mixed_seed(seed)
    key = _keys(src, dst, weight, local, mixed)
    taken = np.zeros(src.size, np.uint8)
    u, v, edge = src.copy(), dst.copy(), np.arange(src.size, dtype=np.int32)
    levels = [np.arange(n, dtype=np.int32)]
    best_key, best = np.full(n, _NO_KEY), np.full(n, -1, np.int32)
    first_edges(u, v, key, edge, src, dst, local, mixed, best_key, best)
    left = np.empty(1, np.int64)
    while u.size:
        new = np.empty(best.size + 1, np.int32)
        merge(u, v, best, edge, np.empty(best.size, np.int32), new, taken)
        count = int(new[-1])
        levels.append(new[levels[-1]])
        best_key, best = np.full(count, _NO_KEY), np.full(count, -1, np.int32)
        next_edges(u, v, key, edge, new, src, dst, local, mixed, best_key, best, left)
        kept = int(left[0])
        u, v, key, edge = u[:kept], v[:kept], key[:kept], edge[:kept]
    return levels, taken


def _keys(src: Array, dst: Array, weight: Array, local: Array, mixed: np.uint64) -> Array:
    """Return numbers that order the edges as their weights do, with few ties if they can be packed.

    Small whole weights leave room for the hash; other weights keep the order of their bits, and
    ties are decided by hashes made when two weights are equal.
    """
    whole = weight
    if weight.dtype == np.float64:
        lowest = weight.min(initial=0.0) if weight.size else 0.0
        small = lowest >= 0 and weight.max(initial=0.0) <= _LARGEST
        whole = weight.astype(np.int32) if small else weight
        if not small or not np.array_equal(whole, weight):
            bits = weight.view(np.uint64)
            top = np.uint64(1 << 63)
            ordered: Array = np.where(weight < 0, ~bits, bits | top)
            return ordered
    out = np.empty(src.size, np.uint64)

    def call(first: int, last: int) -> None:
        end = min(last * _EDGES, src.size)
        pack_keys(whole, src, dst, local, mixed, np.uint64(_BITS), out, first * _EDGES, end)

    run_blocks(call, -(-src.size // _EDGES), src.size)
    return out


def plain_rounds(
    n: int, src: Array, dst: Array, weight: Array, *, local: Array, seed: int
) -> tuple[list[Array], Array]:
    """Return the same as :func:`compiled_rounds`, by numpy alone."""
    order = _sorted_edges(weight, edge_hashes(src, dst, local, seed, compiled=False))
    taken = np.zeros(src.size, np.uint8)
    u, v, edge = src[order], dst[order], order
    levels, count = [np.arange(n, dtype=np.int32)], n
    while u.size:
        best = np.full(count, -1)
        last_first = np.arange(u.size)[::-1]
        ends = np.stack([u[::-1], v[::-1]], axis=1).reshape(-1)
        best[ends] = last_first.repeat(2)  # of equal places the last write stays: the first edge
        new, count = _components(u, v, best)
        taken[edge[best[best >= 0]]] = 1
        levels.append(new[levels[-1]])
        u, v = new[u], new[v]
        apart = u != v
        u, v, edge = u[apart], v[apart], edge[apart]
    return levels, taken


def _sorted_edges(weight: Array, hashes: Array) -> Array:
    """Return the order of edges by weight, hash and ends, of which the last is their order here."""
    if weight.dtype != np.float64:
        key = (weight.astype(np.uint64) << np.uint64(_BITS)) | (hashes >> np.uint64(64 - _BITS))
        order: Array = np.argsort(key)
        along = key[order]
        if (along[1:] > along[:-1]).all():  # no ties: one sort instead of two
            return order
    return np.lexsort((hashes, weight))


def _components(u: Array, v: Array, best: Array) -> tuple[Array, int]:
    """Return the component of each cluster, numbered by the lowest cluster, and their number."""
    own = np.arange(best.size)
    held = best >= 0
    b = best[held]
    up = own.copy()
    up[held] = np.where(u[b] == own[held], v[b], u[b])
    up = np.where((up[up] == own) & (own < up), own, up)  # rings are pairs with one edge
    while True:
        above = up[up]
        if np.array_equal(above, up):
            break
        up = above
    _, first, inverse = np.unique(up, return_index=True, return_inverse=True)
    number = np.empty(first.size, np.int32)
    number[np.argsort(first)] = np.arange(first.size, dtype=np.int32)
    return number[inverse], first.size
