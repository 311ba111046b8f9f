"""Graphs of image superpixels: similarities and nearest neighbours [dwivedi2023]_, section 7."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from graphlab.errors import InputError

__all__ = ["superpixel_adjacency", "superpixel_neighbors"]

Floats = NDArray[np.float64]

_NEAREST = 9  # whose mean distance is the scale of a row, itself included
_NEIGHBORS = 8


def superpixel_adjacency(coord: Any, feat: Any = None) -> Floats:  # noqa: ANN401
    r"""Return the similarities of superpixels from their places, and colours where given.

    .. math:: A_{ij} = \exp\left(-(d^c_{ij} / \sigma^c_i)^2 - (d^f_{ij} / \sigma^f_i)^2\right)

    :math:`\sigma_i` is the sum of the 9 smallest distances of row i (the 0 to itself among them)
    over 8, plus 1e-8; with fewer than 10 points it is 1, as in the reference, whose partition then
    has no ninth place. The result is symmetrised, its diagonal zero.

    Args:
        coord: Places (n, d), divided by the image's side.
        feat: Mean colours (n, c), or None.

    Returns:
        (n, n) float64.

    Raises:
        InputError: Not points, or another number of colours.

    Cost: O(n²).

    Example:
        >>> superpixel_adjacency([[0.0, 0.0], [1.0, 0.0]]).round(4).tolist()
        [[0.0, 0.3679], [0.3679, 0.0]]
    """
    places = _matrix("coord", coord)
    exponent = _scaled(places)
    if feat is not None:
        colours = _matrix("feat", feat)
        if len(colours) != len(places):
            raise InputError(f"feat has {len(colours)} rows, but coord has {len(places)}.")
        exponent = exponent + _scaled(colours)
    similar = np.exp(-exponent)
    similar = (similar + similar.T) / 2
    np.fill_diagonal(similar, 0)
    return similar


def superpixel_neighbors(A: Any) -> tuple[torch.Tensor, torch.Tensor]:  # noqa: ANN401
    """Join each superpixel with its 8 most similar others; with at most 9, with all.

    Args:
        A: Similarities (n, n).

    Returns:
        ``neighbors`` (n, min(8, n - 1)) int64, ascending in each row, and their similarities.
        Of equal ones those of smaller number are taken.

    Raises:
        InputError: Not a square matrix.

    Example:
        >>> neighbors, value = superpixel_neighbors([[0.0, 0.5], [0.5, 0.0]])
        >>> neighbors.tolist(), value.tolist()
        ([[1], [0]], [[0.5], [0.5]])
    """
    similar = _matrix("A", A).copy()
    n = len(similar)
    if similar.shape[1] != n:
        raise InputError(f"A has shape {similar.shape}, expected (n, n).")
    np.fill_diagonal(similar, -np.inf)
    count = max(min(_NEIGHBORS, n - 1), 0)
    nearest = np.sort(np.argsort(-similar, axis=1, kind="stable")[:, :count], axis=1)
    values = np.take_along_axis(similar, nearest, axis=1)
    return torch.from_numpy(nearest), torch.from_numpy(values)


def _scaled(points: Floats) -> Floats:
    gap: Floats = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1))
    if len(points) <= _NEAREST:
        return gap**2
    scale = np.sort(gap, axis=1)[:, :_NEAREST].sum(axis=1) / (_NEAREST - 1) + 1e-8
    scaled: Floats = (gap / scale[:, None]) ** 2
    return scaled


def _matrix(name: str, values: Any) -> Floats:  # noqa: ANN401
    array = np.asarray(
        values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else values, np.float64
    )
    if array.ndim != 2 or not np.isfinite(array).all():
        raise InputError(f"{name} has shape {array.shape}, expected a finite matrix.")
    return array
