"""Convex quadratic programs on the simplex, solved exactly by an active set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["minimise_on_simplex"]

_CLOSE = 1e-12


def minimise_on_simplex(H: Floats, c: Floats, start: Floats) -> Floats:
    """Minimise a'Ha - 2 c'a over a >= 0, sum(a) = 1, from a feasible point.

    Each round solves the problem on the weights that are not fixed at 0; a weight that would
    become negative is fixed, one whose gradient calls for it is freed. H may be singular.
    """
    scale = max(float(np.abs(H).max()), float(np.abs(c).max())) or 1.0
    H, c = H / scale, c / scale
    a, free = start.copy(), start > 0
    for _ in range(20 * len(a) + 20):
        index = np.flatnonzero(free)
        target = np.zeros(len(a))
        target[index] = _on_plane(H[np.ix_(index, index)], c[index])
        falling = free & (target < 0)
        if falling.any():
            ratio = np.full(len(a), np.inf)
            ratio[falling] = a[falling] / (a[falling] - target[falling])
            block = int(np.argmin(ratio))
            a = a + ratio[block] * (target - a)
            a[block], free[block] = 0.0, False
            continue
        a = target
        gradient = 2 * (H @ a - c)
        level = float(gradient[index] @ a[index])  # equal for all free weights
        short = np.where(free, 0.0, gradient - level)
        enter = int(np.argmin(short))
        if short[enter] >= -_CLOSE:
            break
        free[enter] = True
    a = np.clip(a, 0, None)
    best: Floats = a / a.sum()
    return best


def _on_plane(H: Floats, c: Floats) -> Floats:
    """Minimise on sum(a) = 1 alone, as a least-squares solution of the first-order conditions."""
    n = len(c)
    system = np.ones((n + 1, n + 1))
    # factors keep both kinds of row of one size, so that a rank is told rightly
    size = float(np.abs(H).max()) or 1.0
    system[:n, :n], system[n, n] = H / size, 0.0
    right = np.append(c / size, 1.0)
    try:
        found = np.linalg.solve(system, right)
        if np.isfinite(found).all() and np.abs(system @ found - right).max() < _CLOSE:
            exact: Floats = found[:n]
            return exact
    except np.linalg.LinAlgError:
        pass
    solution: Floats = np.linalg.lstsq(system, right, rcond=1e-14)[0][:n]
    return solution
