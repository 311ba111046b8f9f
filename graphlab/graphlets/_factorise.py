"""Truncated singular value decomposition of a sparse matrix: exact, repeatable, sign fixed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float64]

__all__ = ["left_factor"]

_DENSE_BELOW = 512  # a dense decomposition of this size takes a fifth of a second
_OVERSAMPLE = 16
_DEPTH = 6
_TOLERANCE = 1e-9
_MOST_CYCLES = 100
_log = logging.getLogger("graphlab")


def left_factor(matrix: Any, dim: int, random_state: int = 0) -> Vectors:  # noqa: ANN401
    r"""Return :math:`\mathbf U_d \mathbf\Sigma_d^{1/2}` of the ``dim`` largest singular values.

    Small matrices are decomposed densely by LAPACK, larger ones by ARPACK to full precision from
    a start drawn by ``random_state``. ARPACK grows its space from one vector, so it can miss
    copies of a value that is repeated very often, as the spectrum of many equal components is.
    Therefore the largest value that it left out is looked up; where it should have been among
    those found, block Krylov iteration takes over [musco2015]_. A block finds as many copies as
    it is wide, at ten times the cost.

    In each column the entry of largest magnitude is positive. Columns of singular values that are
    zero up to rounding are zero.

    Args:
        matrix: Sparse (n, n) float64, scipy CSR.
        dim: Columns, fewer than n.
        random_state: Seed of the start.

    Shapes:
        - returns: (n, dim) float64

    Cost: O(n^3) where dense; else O(nnz + n dim) a step, some hundred steps, and memory for
        2 dim columns of n.
    """
    n = matrix.shape[0]
    if matrix.nnz == 0:
        return np.zeros((n, dim))
    width = dim + _OVERSAMPLE
    if n <= max(_DENSE_BELOW, 4 * width):
        left, values, _ = np.linalg.svd(matrix.toarray(), full_matrices=False)
    else:
        rng = np.random.default_rng(random_state)
        found = _lanczos(matrix, dim, rng)
        left, values = _block_krylov(matrix, dim, width, rng) if found is None else found
    left, values = left[:, :dim], values[:dim]
    values = np.where(values > n * np.finfo(np.float64).eps * values[0], values, 0.0)
    top = left[np.abs(left).argmax(0), np.arange(dim)]
    factor: Vectors = left * (np.sqrt(values) * np.where(top < 0, -1.0, 1.0))
    return factor


def _lanczos(matrix: Any, dim: int, rng: np.random.Generator) -> tuple[Vectors, Vectors] | None:  # noqa: ANN401
    """Return left singular vectors (n, dim) and values; None where ARPACK missed one."""
    from scipy.sparse.linalg import ArpackError, LinearOperator, svds

    n = matrix.shape[0]
    start, other = rng.standard_normal((2, n))
    transposed = matrix.T.tocsr()
    try:
        left, values, right = svds(matrix, k=dim, v0=start)
        scaled = left * values
        rest = LinearOperator(
            matrix.shape,
            matvec=lambda x: matrix @ x - scaled @ (right @ x),
            rmatvec=lambda x: transposed @ x - right.T @ (scaled.T @ x),
            dtype=matrix.dtype,
        )
        left_out = svds(rest, k=1, v0=other, tol=1e-3, return_singular_vectors=False)[0]
    except ArpackError:
        return None
    order = np.argsort(-values)
    if left_out > values.min() + _TOLERANCE * values.max():
        return None
    return left[:, order], values[order]


def _block_krylov(
    matrix: Any,  # noqa: ANN401  (scipy CSR)
    dim: int,
    width: int,
    rng: np.random.Generator,
) -> tuple[Vectors, Vectors]:
    """Return the leading left singular vectors (n, >= dim) and values.

    A cycle spans the blocks X, (A A') X, (A A')^2 X ..., finds the best vectors in their span,
    and starts the next cycle from these.
    """
    transposed = matrix.T.tocsr()
    n = matrix.shape[0]
    depth = min(_DEPTH, n // width)
    block = _orthonormal(rng.standard_normal((n, width)))
    worst = np.inf
    for _ in range(_MOST_CYCLES):
        basis = block
        for _ in range(depth - 1):
            block = matrix @ (transposed @ block)
            block -= basis @ (basis.T @ block)
            basis = np.hstack([basis, _orthonormal(block)])
            block = basis[:, -width:]
        # where the matrix has a low rank, columns of the blocks are noise: made orthonormal again
        basis = _orthonormal(basis)
        right, triangle = np.linalg.qr(transposed @ basis)
        inner, values, outer = np.linalg.svd(triangle.T)
        block = basis @ inner[:, :width]
        opposite = right @ outer[:dim].T
        residual = matrix @ opposite - block[:, :dim] * values[:dim]
        worst = float(np.linalg.norm(residual, axis=0).max())
        if worst <= _TOLERANCE * values[0]:
            return block, values
    _log.warning(
        "The decomposition stopped after %d cycles with a residual of %.1e of the largest "
        "singular value.",
        _MOST_CYCLES,
        worst / values[0],
    )
    return block, values


def _orthonormal(columns: Vectors) -> Vectors:
    return np.linalg.qr(columns)[0]
