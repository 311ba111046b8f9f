"""Embeddings from orbit adjacency: pointwise mutual information, then a truncated SVD."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from graphlab.errors import InputError
from graphlab.graphlets._factorise import left_factor
from graphlab.graphlets._keys import select_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    import scipy.sparse
    from numpy.typing import NDArray

    from graphlab.graph import Graph

__all__ = ["OrbitEmbedding", "WalkEmbedding", "orbit_pmi", "walk_matrix"]

_LONGEST: Final = 1000  # walks; each step is a sparse product


def orbit_pmi(
    M: Any,  # noqa: ANN401  (scipy sparse or array)
    shift: float = 1.0,
    positive: bool = True,
) -> scipy.sparse.csr_array:
    r"""Return the pointwise mutual information of rows and columns of a matrix of counts.

    .. math:: \max\Bigl(\log\frac{M_{uv}\, S}{r_u\, c_v} - \log b,\; 0\Bigr)

    with the sum :math:`S` of all entries, row sums :math:`r`, column sums :math:`c` and the shift
    :math:`b`, as skip-gram with :math:`b` negative samples factorises it [levy2014]_. Of orbit
    adjacency this is what [windels2024]_ call graphlet-orbit PMI; their exact normalisation is
    not known to us.

    Args:
        M: Counts (n, m): scipy sparse, or an array; not changed.
        shift: The shift :math:`b`.
        positive: Cut at 0. False keeps negative values; entries of M that are 0 are left out
            either way.

    Shapes:
        - returns: (n, m) float64, sorted, without explicit zeros

    Raises:
        InputError: Entries that are negative, NaN or infinite; not a matrix; ``shift`` <= 0.

    Cost: O(nnz).

    Example:
        >>> orbit_pmi(np.array([[0, 2, 0], [2, 0, 1], [0, 1, 0]])).toarray().round(3).tolist()
        [[0.0, 0.693, 0.0], [0.693, 0.0, 0.693], [0.0, 0.693, 0.0]]
    """
    check_shift(shift)
    counts = _counts(M)
    rows = counts.sum(axis=1)
    columns = counts.sum(axis=0)
    of_row = np.repeat(rows, np.diff(counts.indptr))
    values = np.log(counts.data * counts.sum() / (of_row * columns[counts.indices]))
    values -= math.log(shift)
    counts.data = np.maximum(values, 0.0) if positive else values
    counts.eliminate_zeros()
    return counts


def walk_matrix(graph: Any, length: int = 3) -> scipy.sparse.csr_array:  # noqa: ANN401
    r"""Return how often random walks meet each pair of nodes, the reference for orbit adjacency.

    .. math:: \mathbf{M} = \mathbf{D}\,\frac1L \sum_{l=1}^{L} (\mathbf{D}^{-1}\mathbf{W})^l

    DeepWalk's expected counts in a window of :math:`L`, up to a factor: :func:`orbit_pmi` of it
    with the shift :math:`b` is the matrix of NetMF [qiu2018]_.

    Args:
        graph: Whatever :func:`graphlab.graphlets.orbit_counts` takes, n nodes.
        length: Longest walk :math:`L`, at most 1,000.

    Shapes:
        - returns: (n, n) float64, symmetric up to rounding; rows sum to the degree

    Raises:
        InputError: ``length`` < 1 or > 1,000, or a wrong graph.

    Cost: ``length`` sparse products. The result holds all pairs within L hops: on small-world
        graphs nearly all n^2 pairs from L = 3 on.

    Example:
        >>> walk_matrix(np.array([[0, 1], [1, 2]]), length=2).toarray().tolist()
        [[0.25, 0.5, 0.25], [0.5, 1.0, 0.5], [0.25, 0.5, 0.25]]
    """
    import scipy.sparse

    from graphlab.graphlets._input import read_graph

    _check_length(length)
    found = read_graph(graph)
    n = found.num_nodes
    indptr, indices = found.indptr.numpy(), found.columns.numpy()
    adjacency = scipy.sparse.csr_array((np.ones(len(indices)), indices, indptr), shape=(n, n))
    degree = np.diff(indptr)
    step = adjacency.copy()
    step.data /= np.repeat(degree, degree)
    total = power = adjacency  # D (D^-1 W)^l is W (D^-1 W)^(l-1)
    for _ in range(length - 1):
        power = power @ step
        total = total + power
    result = scipy.sparse.csr_array(total / length)
    result.sort_indices()
    return result


class _Embedding:
    """What embeddings by a factorised matrix have in common."""

    def __init__(self, dim: int, method: str, shift: float, random_state: int) -> None:
        if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
            raise InputError(f"dim is {dim!r}, expected an integer >= 1.")
        if method != "svd":
            raise InputError(f"method is {method!r}, expected 'svd'.")
        self.dim, self.method = dim, method
        self.shift = check_shift(shift)
        self.random_state = random_state

    def _read(self, graph: Any) -> Graph:  # noqa: ANN401
        """Return the simple graph; it must have more nodes than the embedding has columns."""
        from graphlab.graphlets._input import read_graph

        found = read_graph(graph)
        if self.dim >= found.num_nodes:
            raise InputError(
                f"dim is {self.dim}, but the graph has {found.num_nodes} nodes: an embedding has "
                "fewer columns than nodes. Lower dim."
            )
        return found

    def _factor(self, counts: scipy.sparse.csr_array, dim: int) -> NDArray[np.float64]:
        return left_factor(orbit_pmi(counts, self.shift), dim, self.random_state)


class OrbitEmbedding(_Embedding):
    r"""Node embedding from orbit adjacency: truncated SVD of its PMI [windels2024]_.

    :math:`\mathbf{U}_d \mathbf\Sigma_d^{1/2}` of :func:`orbit_pmi`; in each column the entry of
    largest magnitude is positive. It is exact up to rounding and the same for a seed: small
    matrices are decomposed densely by LAPACK, larger ones by ARPACK from a fixed start; where that
    missed copies of a singular value that many equal components share, by block Krylov iteration
    [musco2015]_. Where the cut at ``dim`` falls between equal singular values, which of their
    vectors are kept is arbitrary, but repeatable.

    Args:
        keys: Keys (h, i, j) as for :func:`graphlab.graphlets.orbit_adjacency`; None for all 28.
        dim: Columns of the embedding, fewer than there are nodes.
        method: How the matrix is factorised; there is one.
        combine: ``"sum"`` adds the matrices before the PMI; ``"concat"`` embeds each on its own
            in ``dim // len(keys)`` columns, in the order of ``ORBIT_PAIRS``, and fills up with
            columns of zeros.
        shift: The shift of the PMI.
        random_state: Seed of the start of the iteration; results differ by rounding.

    Raises:
        InputError: A wrong argument; in ``"concat"`` more keys than columns.

    Example:
        >>> OrbitEmbedding([(1, 4, 5)], dim=16)
        OrbitEmbedding(keys=((1, 4, 5),), dim=16, combine='sum', shift=1.0, random_state=0)
    """

    def __init__(
        self,
        keys: Iterable[tuple[int, ...]] | None = None,
        dim: int = 64,
        method: Literal["svd"] = "svd",
        *,
        combine: Literal["sum", "concat"] = "sum",
        shift: float = 1.0,
        random_state: int = 0,
    ) -> None:
        super().__init__(dim, method, shift, random_state)
        self.keys = select_keys(keys)
        if combine not in ("sum", "concat"):
            raise InputError(f"combine is {combine!r}, expected 'sum' or 'concat'.")
        if combine == "concat" and dim < len(self.keys):
            raise InputError(
                f"dim is {dim}, but combine='concat' gives each of the {len(self.keys)} keys a "
                "column at least: raise dim, or choose fewer keys."
            )
        self.combine = combine

    def fit_transform(self, graph: Any) -> NDArray[np.float64]:  # noqa: ANN401
        """Return the embedding of a graph's nodes.

        Args:
            graph: Whatever :func:`graphlab.graphlets.orbit_counts` takes, n nodes.

        Shapes:
            - returns: (n, dim) float64; nodes that no key touches have zeros

        Raises:
            InputError: ``dim`` >= n, or a wrong graph.

        Cost: that of the orbit adjacency, and of the decomposition: O(nnz + n dim) a step, some
            hundred steps; O(n^3) for graphs of a few hundred nodes.
        """
        from graphlab.graphlets.adjacency import orbit_adjacency

        found = self._read(graph)
        matrices = orbit_adjacency(found, self.keys)
        if self.combine == "sum":
            return self._factor(_sum(matrices.values()), self.dim)
        width = self.dim // len(self.keys)
        blocks = [self._factor(matrices[key], width) for key in self.keys]
        unused = self.dim - width * len(self.keys)
        return np.hstack([*blocks, np.zeros((found.num_nodes, unused))])

    def __repr__(self) -> str:
        keys = "all" if len(self.keys) == len(select_keys()) else repr(self.keys)
        return (
            f"OrbitEmbedding(keys={keys}, dim={self.dim}, combine={self.combine!r}, "
            f"shift={self.shift}, random_state={self.random_state})"
        )


class WalkEmbedding(_Embedding):
    """Node embedding from random walks: truncated SVD of the PMI of :func:`walk_matrix`.

    NetMF for a small window [qiu2018]_, with the square roots of the singular values. What
    :class:`OrbitEmbedding` is measured against; all said there of the decomposition holds.

    Args:
        length: Longest walk.
        dim: Columns of the embedding, fewer than there are nodes.
        method: How the matrix is factorised; there is one.
        shift: The shift of the PMI, the number of negative samples in NetMF.
        random_state: Seed of the start of the iteration; results differ by rounding.

    Raises:
        InputError: A wrong argument.

    Example:
        >>> WalkEmbedding(length=2, dim=16)
        WalkEmbedding(length=2, dim=16, shift=1.0, random_state=0)
    """

    def __init__(
        self,
        length: int = 3,
        dim: int = 64,
        method: Literal["svd"] = "svd",
        *,
        shift: float = 1.0,
        random_state: int = 0,
    ) -> None:
        super().__init__(dim, method, shift, random_state)
        self.length = _check_length(length)

    def fit_transform(self, graph: Any) -> NDArray[np.float64]:  # noqa: ANN401
        """Return the embedding of a graph's nodes, (n, dim) float64; isolated nodes have zeros.

        Args:
            graph: Whatever :func:`graphlab.graphlets.orbit_counts` takes, n nodes.

        Raises:
            InputError: ``dim`` >= n, or a wrong graph.
        """
        return self._factor(walk_matrix(self._read(graph), self.length), self.dim)

    def __repr__(self) -> str:
        return (
            f"WalkEmbedding(length={self.length}, dim={self.dim}, shift={self.shift}, "
            f"random_state={self.random_state})"
        )


def check_shift(shift: float) -> float:
    """Return a shift of the PMI; InputError names a wrong one."""
    real = isinstance(shift, (int, float, np.number)) and not isinstance(shift, bool)
    if not real or not math.isfinite(shift) or shift <= 0:
        raise InputError(f"shift is {shift!r}, expected a number above 0.")
    return float(shift)


def _check_length(length: int) -> int:
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= _LONGEST:
        raise InputError(
            f"length is {length!r}, expected an integer of 1 to {_LONGEST:,}: walks of a window "
            "are short, usually below 20 steps. Lower length."
        )
    return length


def _counts(M: Any) -> scipy.sparse.csr_array:  # noqa: ANN401
    """Return a float64 copy in sorted CSR, checked."""
    import scipy.sparse

    if not scipy.sparse.issparse(M):
        try:
            M = np.asarray(M, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"M is a {type(M).__name__}, expected a matrix of counts.") from error
    if M.ndim != 2:
        raise InputError(f"M has shape {M.shape}, expected a matrix.")
    counts = scipy.sparse.csr_array(M, dtype=np.float64, copy=True)
    counts.sum_duplicates()
    wrong = ~np.isfinite(counts.data) | (counts.data < 0)
    if wrong.any():
        raise InputError(f"M holds {counts.data[wrong][0]}, expected counts: finite and >= 0.")
    counts.eliminate_zeros()
    return counts


def _sum(matrices: Iterable[Any]) -> scipy.sparse.csr_array:
    """Add matrices of counts in int64: the sum of several can pass the int32 of each."""
    total = None
    for matrix in matrices:
        wide = matrix.astype(np.int64)
        total = wide if total is None else total + wide
    assert total is not None  # noqa: S101  (there is a key)
    return total
