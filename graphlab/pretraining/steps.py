"""Step functions on a square: another resolution, and total-variation denoising."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import InputError
from graphlab.pretraining._kernels import denoise

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["resize_step", "total_variation"]

_TOLERANCE = 2e-4
_MAX_SWEEPS = 200
_RATE = 0.25  # of the dual step; 1 / 4 is the largest for which it converges in two dimensions


def resize_step(step: ArrayLike, n: int) -> Floats:
    """Return a step function at another resolution, by bilinear interpolation.

    Output cell i has its middle at :math:`x = (i + 1/2) s / n - 1/2` of the s input cells, clipped
    to them, and is linear between the cells beside x. Image libraries resize like this.

    Args:
        step: Values (s, s).
        n: Cells on a side of the result.

    Shapes:
        - returns: (n, n) float64

    Raises:
        InputError: Not a finite square matrix; n < 1.

    Cost: O(n s + n^2).

    Example:
        >>> resize_step([[0.0, 1.0], [1.0, 0.0]], 4)[0].tolist()
        [0.0, 0.25, 0.75, 1.0]
    """
    values = checked_square("step", step)
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise InputError(f"n is {n!r}, expected a whole number >= 1.")
    size = len(values)
    place = np.clip((np.arange(n) + 0.5) * size / n - 0.5, 0, size - 1)
    low = np.floor(place).astype(np.int64)
    high, part = np.minimum(low + 1, size - 1), place - low
    rows = values[low] * (1 - part)[:, None] + values[high] * part[:, None]
    resized: Floats = rows[:, low] * (1 - part) + rows[:, high] * part
    return resized


def total_variation(x: ArrayLike, weight: float) -> Floats:
    r"""Denoise a matrix: the smaller its total variation, the better, at the price of fidelity.

    Minimises :math:`\|u - x\|^2 / 2 + w \sum |\nabla u|` by Chambolle's dual iteration from zero,
    until the energy changes by less than 0.02 % of the first one, at most 200 times.

    Args:
        x: Values (k, k).
        weight: w > 0; the larger, the flatter the result.

    Shapes:
        - returns: (k, k) float64

    Raises:
        InputError: Not a finite square matrix; weight is not a positive number.

    Cost: O(k^2) for each of at most 200 sweeps.

    Example:
        >>> spike = np.zeros((3, 3))
        >>> spike[1, 1] = 1.0
        >>> bool(total_variation(spike, 1.0).max() < 0.2)
        True
    """
    values = checked_square("x", x)
    if not np.isfinite(weight) or weight <= 0:
        raise InputError(f"weight is {weight!r}, expected a number > 0.")
    k = len(values)
    out, (down, right) = np.empty(k * k), np.zeros((2, k * k))
    limits = _RATE, _TOLERANCE, _MAX_SWEEPS
    denoise(values.ravel(), k, float(weight), *limits, down, right, out)
    return out.reshape(k, k)


def checked_square(name: str, value: Any) -> Floats:  # noqa: ANN401  (any array)
    """Return a finite square float64 matrix, or raise InputError."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    try:
        matrix: Floats = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is {type(value).__name__}, expected a square matrix.") from error
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise InputError(f"{name} has shape {matrix.shape}, expected a square matrix.")
    if not np.isfinite(matrix).all():
        raise InputError(f"{name} holds a value that is not finite, expected numbers in [0, 1].")
    return matrix
