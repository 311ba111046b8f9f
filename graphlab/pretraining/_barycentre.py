"""Graphons as Gromov-Wasserstein barycentres: plain, smoothed, fused with degrees, both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphlab.pretraining._alignment import block_sizes, largest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.pretraining._packed import Packed

    Floats = NDArray[np.float64]

__all__ = ["BarycentreOptions", "barycentre"]

_TINY = 1e-16
_SETTLED = 1e-10


@dataclass(frozen=True)
class BarycentreOptions:
    """Settings of the four estimators.

    Attributes:
        alpha: Weight of smoothness (s...).
        beta: Temperature of Sinkhorn's kernel.
        gamma: Share of the structure against degrees (f...).
        inner_iters: Most sweeps of Sinkhorn.
        outer_iters: Rounds of barycentre and couplings.
    """

    alpha: float = 3e-4
    beta: float = 5e-3
    gamma: float = 0.5
    inner_iters: int = 50
    outer_iters: int = 20


def barycentre(graphs: Packed, options: BarycentreOptions, *, smooth: bool, fused: bool) -> Floats:
    """Return the barycentre (k, k) of graphs of any sizes, clipped to [0, 1].

    Matrices are dense for one graph at a time; kept are couplings (k, n) and degrees.
    """
    k = block_sizes(largest(graphs))[1]
    if not len(graphs.col):
        return np.zeros((k, k))
    numbers: list[int] = np.flatnonzero(graphs.sizes > 0).tolist()
    parts = [_node_weights(graphs, i) for i in numbers]
    p = _target_weights(parts, k)
    gamma = options.gamma if fused else 1.0
    base = [_scaled(p[:, None] ** 2 + q**2 - 2 * np.outer(p, q)) for q in parts]
    prior = [_sinkhorn(cost, p, q, None, options) for cost, q in zip(base, parts, strict=True)]
    plans = prior
    shape = np.zeros((k, k))
    operators = _smoothing(p, options.alpha) if smooth else None
    for _ in range(options.outer_iters):
        mean = np.zeros((k, k))
        pulled = []
        for i, plan in zip(numbers, plans, strict=True):
            matrix = _dense(graphs, i)
            pulled.append(plan @ matrix)
            mean += pulled[-1] @ plan.T
        mean /= len(parts)
        if operators is None:
            shape = mean / np.outer(p, p)
        else:
            left, diagonal = operators
            shape = left @ mean @ left.T + diagonal @ mean @ diagonal.T
        plans = [
            _sinkhorn(
                _cost(shape, p, q, half, _square_times(graphs, i, q), (gamma, cost)),
                *(p, q, before, options),
            )
            for i, q, half, cost, before in zip(numbers, parts, pulled, base, prior, strict=True)
        ]
    return np.clip(shape, 0, 1)


# -- private --------------------------------------------------------------------------------------


def _dense(graphs: Packed, i: int) -> Floats:
    """Matrix of one graph, nodes by descending degree."""
    first, stop = graphs.indptr[graphs.ptr[i]], graphs.indptr[graphs.ptr[i + 1]]
    n = int(graphs.sizes[i])
    weight = 1.0 if graphs.weight is None else graphs.weight[first:stop]
    matrix = np.zeros((n, n))
    matrix[graphs.rank[graphs.row[first:stop]], graphs.rank[graphs.col[first:stop]]] = weight
    return matrix


def _square_times(graphs: Packed, i: int, q: Floats) -> Floats:
    """Return q' (A o A) of one graph, from its edges."""
    first, stop = graphs.indptr[graphs.ptr[i]], graphs.indptr[graphs.ptr[i + 1]]
    row, col = graphs.rank[graphs.row[first:stop]], graphs.rank[graphs.col[first:stop]]
    weight = q[col] if graphs.weight is None else graphs.weight[first:stop] ** 2 * q[col]
    found: Floats = np.bincount(row, weight, len(q)).astype(np.float64)
    return found


def _node_weights(graphs: Packed, i: int) -> Floats:
    nodes = slice(graphs.ptr[i], graphs.ptr[i + 1])
    degree = np.empty(int(graphs.sizes[i]))
    degree[graphs.rank[nodes]] = graphs.degree[nodes]
    total = degree.sum()
    return degree / total if total else np.full(len(degree), 1 / len(degree))


def _target_weights(parts: list[Floats], k: int) -> Floats:
    grid = np.linspace(0, 1, k)
    mean = np.zeros(k)
    for q in parts:
        mean += np.interp(grid, np.linspace(0, 1, len(q)), q)
    mean = mean / len(parts) + 1e-3
    target: Floats = mean / mean.sum()
    return target


def _scaled(cost: Floats) -> Floats:
    top = cost.max()
    return cost / top if top else cost


def _cost(  # noqa: PLR0917  (in the order of the formula)
    shape: Floats,
    p: Floats,
    q: Floats,
    pulled: Floats,
    square: Floats,
    degrees: tuple[float, Floats],
) -> Floats:
    gamma, base = degrees
    cost = ((shape**2) @ p)[:, None] + square - 2 * shape @ pulled
    return _scaled(gamma * cost + (1 - gamma) * base)


def _sinkhorn(
    cost: Floats, p: Floats, q: Floats, prior: Floats | None, options: BarycentreOptions
) -> Floats:
    kernel = np.exp(-cost / options.beta)
    if prior is not None:
        kernel = kernel * (prior + _TINY)
    a, b = np.full(len(p), 1 / len(p)), np.ones(len(q))
    for _ in range(options.inner_iters):
        b = q / np.maximum(kernel.T @ a, np.finfo(float).tiny)
        new = p / np.maximum(kernel @ b, np.finfo(float).tiny)
        moved = np.abs(new - a).sum() / np.abs(a).sum()
        a = new
        if moved < _SETTLED:
            break
    plan: Floats = a[:, None] * kernel * b
    return plan


def _smoothing(p: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Return the two factors of the smoothed barycentre, as the authors' code forms them."""
    k = len(p)
    second = np.zeros((max(k - 2, 0), k))
    for row in range(len(second)):
        second[row, row : row + 3] = (1, -2, 1)
    left, sizes, _ = np.linalg.svd(alpha * second.T @ second)
    return left @ np.diag(sizes / (sizes**2 + p**2)) @ left.T, np.diag(p / (sizes**2 + p**2))
