"""Smallest eigenvectors of normalised Laplacians: dense, by factorisation, or by Lanczos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse

__all__ = ["dense_eigenvectors", "normalised", "sparse_eigenvectors"]

Floats = NDArray[np.float64]

_ZERO = 1e-8  # eigenvalues below are of a component's trivial vector
_PART = 4  # fewer than n / 4 vectors: a solver of some vectors is faster than one of all
_ENVELOPE = 1 << 25  # entries: 256 MB bound what a factorisation may fill
_SHIFT = 1e-6  # the factorised matrix is L + shift, positive definite
_CHECKED = 4  # vectors looked for behind those that were found
_NEAR = 1e-7  # relative: a larger value than this is a new one
_TOLERANCE = 1e-5  # relative; residuals are then near 1e-6, the precision of float32


def normalised(matrix: scipy.sparse.csr_array) -> tuple[scipy.sparse.csr_array, Floats]:
    """Return the matrix with entries divided by both degrees' roots, and these roots."""
    import scipy.sparse

    root = np.sqrt(np.maximum(np.asarray(matrix.sum(axis=0)).reshape(-1), 1)).astype(np.float64)
    half = scipy.sparse.diags_array(1 / root)
    return (half @ matrix.astype(np.float64) @ half).tocsr(), root


def dense_eigenvectors(matrix: Any, k: int, *, drop_all: bool) -> Floats:  # noqa: ANN401
    """Return up to ``k`` vectors (n, .) after the trivial ones, from a full or partial solution.

    Args:
        matrix: Symmetric 0/1 matrix (n, n), array or scipy sparse.
        k: Most vectors.
        drop_all: Drop every vector of eigenvalue 0, not the first alone.
    """
    import scipy.linalg

    # zero eigenvalues are told from others: single precision would not do
    dense = (matrix if isinstance(matrix, np.ndarray) else matrix.toarray()).astype(np.float64)
    n = dense.shape[0]
    if n < 2:
        return np.zeros((n, 0))
    root = 1 / np.sqrt(np.maximum(dense.sum(axis=0), 1))
    laplacian = np.eye(n) - root[:, None] * dense * root
    wanted = k + 1
    if _PART * wanted < n and not drop_all:
        found = scipy.linalg.eigh(laplacian, subset_by_index=(0, wanted - 1), check_finite=False)
    else:
        found = np.linalg.eigh(laplacian)
    values, vectors = found
    dropped = max(1, int((values < _ZERO).sum())) if drop_all else 1
    return _signed(vectors[:, dropped : dropped + k])


def sparse_eigenvectors(matrix: scipy.sparse.csr_array, k: int, *, drop_all: bool) -> Floats:
    """Return the same for a large graph.

    The vectors of eigenvalue 0 are known: one for each component with edges. They are projected
    out, so that any number of components costs nothing. Graphs that a narrow band holds (paths,
    grids, meshes) have close eigenvalues, which need a factorisation, and one of few entries;
    others (random, scale-free, dense communities) have wide gaps, and Lanczos steps suffice.

    Args:
        matrix: Symmetric 0/1 matrix (n, n).
        k: Most vectors.
        drop_all: Drop every vector of eigenvalue 0, not the first alone.
    """
    import scipy.sparse
    import scipy.sparse.linalg

    n = matrix.shape[0]
    step, root = normalised(matrix)
    trivial = _trivial(matrix, root)
    others = trivial[:, 1:] if not drop_all else trivial[:, :0]
    missing = min(k - min(k, others.shape[1]), n - trivial.shape[1] - 1)
    known = others[:, :k].toarray()
    if missing <= 0:
        return _signed(known)
    if _envelope(matrix) <= _ENVELOPE:
        shifted = scipy.sparse.diags_array(np.full(n, 1 + _SHIFT)) - step
        solve: Callable[[Floats], Floats] = scipy.sparse.linalg.splu(
            shifted.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}
        ).solve
    else:

        def solve(x: Floats) -> Floats:
            found: Floats = x + step @ x  # the spectrum of 2 - L: largest where L is smallest
            return found

    def apply(x: Floats) -> Floats:
        x = x.reshape(-1)
        x = solve(x - trivial @ (trivial.T @ x))
        inside: Floats = x - trivial @ (trivial.T @ x)
        return inside

    return _signed(np.concatenate([known, _largest(apply, n, missing)], axis=1))


def _largest(apply: Callable[[Floats], Floats], n: int, count: int) -> Floats:
    """Return the vectors of the largest eigenvalues of an operator, each as often as it occurs.

    A Lanczos run sees one vector of an eigenvalue that occurs several times (rings, symmetric
    graphs). So what was found is projected out and the search goes on until nothing larger than
    the smallest of it is left.
    """
    from scipy.sparse.linalg import LinearOperator, eigsh

    rng = np.random.default_rng(0)
    values, vectors = np.zeros(0), np.zeros((n, 0))
    wanted = count
    while True:
        found = vectors

        def rest(x: Floats, found: Floats = found) -> Floats:
            x = apply(x.reshape(-1) - found @ (found.T @ x.reshape(-1)))
            return x - found @ (found.T @ x)

        more, new = eigsh(
            LinearOperator((n, n), matvec=rest, dtype=np.float64),
            k=wanted,
            which="LA",
            v0=rng.random(n) - 0.5,
            tol=_TOLERANCE,
            ncv=min(n, 2 * wanted + 40),
        )
        done = values.size == count and more.max() <= values[-1] + _NEAR * abs(values[-1])
        if done:
            return vectors
        values, vectors = np.append(values, more), np.concatenate([vectors, new], axis=1)
        order = np.argsort(-values, kind="stable")[:count]
        values, vectors = values[order], vectors[:, order]
        wanted = min(count, _CHECKED)


def _trivial(matrix: scipy.sparse.csr_array, root: Floats) -> scipy.sparse.csc_array:
    """Return the orthonormal vectors of eigenvalue 0, (n, c): one a component with edges."""
    import scipy.sparse
    from scipy.sparse.csgraph import connected_components

    degree = np.diff(matrix.indptr)
    count, component = connected_components(matrix, directed=False)
    here = np.flatnonzero(degree > 0)
    used = np.zeros(count, bool)
    used[component[here]] = True
    column = (np.cumsum(used) - 1)[component[here]]
    norm = np.sqrt(np.bincount(column, root[here] ** 2, minlength=int(used.sum())))
    entries = (root[here] / norm[column], (here, column))
    return scipy.sparse.coo_array(entries, shape=(matrix.shape[0], int(used.sum()))).tocsc()


def _envelope(matrix: scipy.sparse.csr_array) -> int:
    """Return the entries between each row's first and the diagonal, in a narrow order."""
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    order = reverse_cuthill_mckee(matrix, symmetric_mode=True)
    place = np.empty(order.size, np.int64)
    place[order] = np.arange(order.size)
    row = np.repeat(np.arange(order.size), np.diff(matrix.indptr))
    first = place.copy()
    np.minimum.at(first, row, place[matrix.indices])
    return int((place - first).sum())


def _signed(vectors: Floats) -> Floats:
    """Return the vectors with their largest entry positive; of equal ones the first decides."""
    if not vectors.size:
        return vectors
    size = np.abs(vectors)
    largest = np.argmax(size >= size.max(axis=0) * (1 - 1e-6), axis=0)
    sign = np.sign(vectors[largest, np.arange(vectors.shape[1])])
    return vectors * np.where(sign == 0, 1, sign)
