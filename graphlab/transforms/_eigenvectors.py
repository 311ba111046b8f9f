"""Smallest eigenvectors of normalised Laplacians: dense, by factorisation, or by Lanczos."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from graphlab.transforms._lanczos import Krylov, complete, leading

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse

__all__ = ["dense_eigenvectors", "normalised", "sparse_eigenvectors"]

Floats = NDArray[np.float64]

_ZERO = 1e-8  # eigenvalues below are of a component's trivial vector
_PART = 4  # fewer than n / 4 vectors: a solver of some vectors is faster than one of all
_ENVELOPE = 1 << 25  # entries: 256 MB bound what a factorisation may fill
_SHIFT = 1e-6  # the factorised matrix is L + shift, positive definite
_ROUGH = 8  # steps for each value that is guessed; read on random graphs
_APART = 30.0  # what a polynomial raises the last wanted value to, where 1 is the cut
_RANGE = 1e8  # most that it raises the first to: rounding would reach the last
_MOST_DEGREE = 64
_SAME = 1e-6  # guessed values that are nearer are copies


def normalised(matrix: scipy.sparse.csr_array) -> tuple[scipy.sparse.csr_array, Floats]:
    """Return the matrix with entries divided by both degrees' roots, and these roots."""
    import scipy.sparse

    root = np.sqrt(np.maximum(np.asarray(matrix.sum(axis=0)).reshape(-1), 1)).astype(np.float64)
    half = scipy.sparse.diags_array(1 / root)
    out = (half @ matrix.astype(np.float64) @ half).tocsr()
    if out.shape[0] < 2**31 and out.nnz < 2**31:  # smaller numbers are read faster
        out.indices, out.indptr = out.indices.astype(np.int32), out.indptr.astype(np.int32)
    return out, root


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
    found = None
    if _PART * wanted < n and not drop_all:
        # many components make many equal values, on which LAPACK's solver of some vectors may fail
        with suppress(np.linalg.LinAlgError):
            some = (0, wanted - 1)
            found = scipy.linalg.eigh(laplacian, subset_by_index=some, check_finite=False)
    values, vectors = np.linalg.eigh(laplacian) if found is None else found
    dropped = max(1, int((values < _ZERO).sum())) if drop_all else 1
    return _signed(vectors[:, dropped : dropped + k])


def sparse_eigenvectors(matrix: scipy.sparse.csr_array, k: int, *, drop_all: bool) -> Floats:
    """Return the same for a large graph.

    The vectors of eigenvalue 0 are known: one for each component with edges. They are projected
    out, so that any number of components costs nothing. Graphs that a narrow band holds (paths,
    grids, meshes) have close eigenvalues, which need a factorisation, and one of few entries;
    others (random, scale-free, dense communities) have wider gaps, and products suffice.

    Args:
        matrix: Symmetric 0/1 matrix (n, n).
        k: Most vectors.
        drop_all: Drop every vector of eigenvalue 0, not the first alone.
    """
    n = matrix.shape[0]
    step, root = normalised(matrix)
    trivial = _trivial(matrix, root)
    others = trivial[:, 1:] if not drop_all else trivial[:, :0]
    missing = min(k - min(k, others.shape[1]), n - trivial.shape[1])
    known = others[:, :k].toarray()
    if missing <= 0:
        return _signed(known)

    def inside(x: Floats) -> Floats:
        rest: Floats = x - trivial @ (trivial.T @ x)
        return rest

    find = _factorised if _envelope(matrix) <= _ENVELOPE else _filtered
    found = find(step, inside, missing)
    return _signed(np.concatenate([known, found.T], axis=1))


def _factorised(
    step: scipy.sparse.csr_array, inside: Callable[[Floats], Floats], count: int
) -> Floats:
    """Return the vectors, as rows, by Lanczos steps with the inverse of L + shift."""
    import scipy.sparse
    import scipy.sparse.linalg

    n = step.shape[0]
    shifted = scipy.sparse.diags_array(np.full(n, 1 + _SHIFT)) - step
    solve: Callable[[Floats], Floats] = scipy.sparse.linalg.splu(
        shifted.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}
    ).solve
    return _plain(solve, inside, n, count)


def _plain(
    apply: Callable[[Floats], Floats], inside: Callable[[Floats], Floats], n: int, count: int
) -> Floats:
    """Return the vectors, as rows, of the largest values of an operator without negative ones."""
    rng = np.random.default_rng(0)
    start = rng.standard_normal(n)
    space = Krylov(apply, inside, start, room=2 * count + 40, keep=count + 10, rng=rng)
    leading(space, count)
    values, vectors, exact = space.pairs(count + 10)
    return complete(apply, inside, values[:exact], vectors[:exact], count, low=0.0, rng=rng)[1]


def _filtered(
    step: scipy.sparse.csr_array, inside: Callable[[Floats], Floats], count: int
) -> Floats:
    """Return the vectors, as rows, by Lanczos steps with polynomials of 1 - L.

    Making a vector orthogonal to a basis costs more than a product with a sparse matrix. The
    polynomial of Chebyshev of degree d on [-1, c] takes d products, keeps values below c within
    [-1, 1] and raises those above, so that few steps suffice. Lanczos values are never above the
    spectrum's of the same rank: so c is one from behind the wanted ones [zhou2006]_.
    """
    n = step.shape[0]
    rng = np.random.default_rng(0)
    start = rng.standard_normal(n)
    most = count + count // 2 + 4
    guess = _rough_values(step, inside, start, _ROUGH * most)
    if guess.size <= most:  # few different values: plain steps find each of them soon

        def apply(x: Floats) -> Floats:
            found: Floats = x + step @ x  # 2 - L: largest where L is smallest
            return found

        return _plain(apply, inside, n, count)
    guess = guess[: most + 1]
    while True:
        degree, cut = _degree(guess, count), float(guess[-1])
        polynomial = _chebyshev(step, degree, cut)
        space = Krylov(polynomial, inside, start, room=4 * count + 40, keep=most, rng=rng)
        leading(space, count, most_steps=4 * count + 80)
        values, vectors, exact = space.pairs(most + 1)
        if values[count - 1] <= 1:  # fewer than was thought are above the cut
            guess = np.maximum(guess - (guess[0] - cut) / 2, -0.99)
        elif exact >= count:
            found = values[:exact], vectors[:exact]
            return complete(polynomial, inside, *found, count, low=-1.0, rng=rng)[1]
        else:  # closer values are known now
            guess = _unfiltered(values, degree, cut)
        start = vectors.sum(axis=0)


def _rough_values(
    step: scipy.sparse.csr_array, inside: Callable[[Floats], Floats], start: Floats, steps: int
) -> Floats:
    """Return different values of the operator in falling order, by steps that keep no basis.

    Values that are exact come several times from such steps; one of each is kept.
    """
    from scipy.linalg import eigh_tridiagonal

    before, now = np.zeros(start.size), inside(start)
    now = now / np.linalg.norm(now)
    diagonal: list[float] = []
    beside = [0.0]
    for _ in range(min(steps, start.size)):
        new = inside(step @ now)
        new -= beside[-1] * before
        diagonal.append(float(new @ now))
        new -= diagonal[-1] * now
        beside.append(float(np.linalg.norm(new)))
        if beside[-1] < _ZERO:
            break
        before, now = now, new / beside[-1]
    inner = np.array(diagonal), np.array(beside[1 : len(diagonal)])
    values = eigh_tridiagonal(*inner, eigvals_only=True)[::-1]
    different: Floats = values[np.append(True, -np.diff(values) > _SAME)]
    return different


def _chebyshev(step: scipy.sparse.csr_array, degree: int, cut: float) -> Callable[[Floats], Floats]:
    """Return Chebyshev's polynomial of the matrix, with [-1, cut] as its interval."""
    scale, middle = 2 / (cut + 1), (cut - 1) / 2

    def apply(x: Floats) -> Floats:
        before = x
        now: Floats = scale * (step @ x - middle * x)
        for _ in range(degree - 1):
            new = step @ now
            new -= middle * now
            new *= 2 * scale
            new -= before
            before, now = now, new
        return now

    return apply


def _degree(guess: Floats, count: int) -> int:
    """Return the degree that sets the ``count`` first values apart from the last, the cut."""
    cut = guess[-1]
    reach = np.arccosh(1 + 2 * np.maximum(guess[[0, count - 1]] - cut, 1e-12) / (1 + cut))
    return int(max(2, min(np.arccosh(_APART) / reach[1], np.log(_RANGE) / reach[0], _MOST_DEGREE)))


def _unfiltered(values: Floats, degree: int, cut: float) -> Floats:
    """Return what the polynomial has made ``values`` of; at least the cut."""
    x = np.cosh(np.arccosh(np.maximum(values, 1)) / degree)
    found: Floats = cut + (x - 1) * (cut + 1) / 2
    return found


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
