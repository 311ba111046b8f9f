"""Katz index: walks between two nodes, long ones discounted; truncated, closed, simple paths."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.heuristics._blocks import chebyshev, source_blocks
from graphlab.heuristics._pairs import Groups, Structure, grouped, read, structure
from graphlab.heuristics._search_kernels import walk_counts
from graphlab.ops._threads import run_blocks
from graphlab.ops.spmm import reduce_rows

if TYPE_CHECKING:
    from graphlab.ops.spmm import Backend

__all__ = ["KatzKind", "katz_scores", "largest_eigenvalue"]

KatzKind = Literal["truncated", "closed", "simple"]
_KINDS = ("truncated", "closed", "simple")
_LONGEST_SIMPLE = 3
_LONGEST = 10_000
_SMALL = 64  # nodes up to which the eigenvalues of the dense matrix are cheap
_NEAR = 1e-10  # relative: b this near to 1 / lambda_max counts as reaching it
_SLOW = 0.9  # b lambda_max above which the plain series takes too many terms
_ROUNDING = 1e-16


def katz_scores(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    pairs: Any,  # noqa: ANN401  (tensor, array, nested list)
    *,
    kind: KatzKind = "truncated",
    b: float = 0.005,
    L: int = 3,
    tolerance: float = 1e-20,
    num_nodes: int | None = None,
    backend: Backend = "auto",
) -> Tensor:
    r"""Score node pairs by the number of walks between them [katz1953]_.

    ==============  =======================================================================
    ``truncated``   :math:`\sum_{l=1}^{L} b^l (\mathbf A^l)_{ij}`
    ``closed``      :math:`((\mathbf I - b \mathbf A)^{-1} - \mathbf I)_{ij}`, all lengths
    ``simple``      as truncated, counting simple paths, :math:`L \le 3`; 0 for a self pair
    ==============  =======================================================================

    The graph is taken as undirected, without loops, each edge once. Defaults follow
    [li2023]_, which counts simple paths.

    Args:
        graph: Any graph that :func:`graphlab.graph.as_graph` accepts.
        pairs: Node ids; an edge, a self pair and a repeat are pairs like any other.
        kind: See above.
        b: Discount of an edge; ``closed`` needs b below one over the largest eigenvalue.
        L: Longest walk, in edges; not read by ``closed``.
        tolerance: What ``closed`` may leave out, as a share of ``b``; terms are positive, so far
            pairs keep their digits. Where b times the largest eigenvalue passes 0.9, an iteration
            that ends sooner bounds the error by 1e-16 of the solution's norm instead.
        num_nodes: Number of nodes, where ``graph`` is an edge list that does not say.
        backend: ``"compiled"`` (CPU), ``"torch"`` (any device), or the one that fits.

    Shapes:
        - ``pairs``: (2, B) integers
        - returns: (B,) float64, on the device of the graph

    Raises:
        InputError: ``b`` not positive or, for ``closed``, too large for the series to end; ``L``
            below 1, or above 3 for ``simple``; pairs of another shape or out of range.

    Cost: pairs are grouped by the node that more of them share. Truncated: the nodes within
    L - 1 hops of each source and their edges, and the degree of each target. Closed:
    O(m log(tolerance) / log(b lambda)) a source, in blocks of sources.

    Example:
        >>> path = [[0, 1], [1, 2]]
        >>> [round(v, 4) for v in katz_scores(path, [[0, 0], [1, 2]], b=0.1).tolist()]
        [0.102, 0.01]
    """
    if kind not in _KINDS:
        raise InputError(f"kind is {kind!r}; expected one of {', '.join(_KINDS)}.")
    check_katz(b, L, simple=kind == "simple")
    given = structure(graph, num_nodes, backend)
    ends = read(pairs, given)
    if kind == "closed":
        return closed(given, ends, b, tolerance)
    counts = walks(given, ends, L)
    return discounted(simple_paths(counts, given, ends) if kind == "simple" else counts, b)


def check_katz(b: float, length: int, *, simple: bool) -> None:
    """Refuse impossible options."""
    if isinstance(b, bool) or not (isinstance(b, (int, float)) and math.isfinite(b) and b > 0):
        raise InputError(f"b is {b!r}; expected a number > 0.")
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise InputError(f"L is {length!r}; expected an integer >= 1.")
    if length > _LONGEST:
        raise InputError(f"L is {length}; expected at most {_LONGEST}: kind='closed' has no end.")
    if simple and length > _LONGEST_SIMPLE:
        raise InputError(
            f"L is {length}, but simple paths are counted up to {_LONGEST_SIMPLE} edges; "
            "count walks, kind='truncated', for longer ones."
        )


def walks(given: Structure, pairs: Tensor, length: int) -> Tensor:
    """Return the walks of 1 to ``length`` edges between pairs, (length, B)."""
    groups = grouped(pairs, given)
    run = _compiled_walks if given.backend == "compiled" else _torch_walks
    return groups.in_given_order(run(given, groups, length))


def simple_paths(counts: Tensor, given: Structure, pairs: Tensor) -> Tensor:
    """Return counts of up to three edges without the walks that visit a node twice.

    Of three edges these are i-u-i-j and i-j-v-j, of which i-j-i-j is both: only where ij is an
    edge. A self pair has no simple path.
    """
    i, j = pairs
    counts = counts.clone()
    if counts.shape[0] >= _LONGEST_SIMPLE:
        counts[2] -= counts[0] * (given.degree_of(pairs).sum(0) - 1)
    return counts.masked_fill_(i == j, 0.0)


def discounted(counts: Tensor, b: float) -> Tensor:
    """Return the sum of b^l times the counts of l edges, (B,)."""
    power = torch.arange(1, counts.shape[0] + 1, device=counts.device, dtype=torch.float64)
    return (counts * (b**power)[:, None]).sum(0)


def _compiled_walks(given: Structure, groups: Groups, length: int) -> Tensor:
    counts = torch.zeros((length, groups.targets.numel()), dtype=torch.float64)
    indptr, columns, _ = given.csr.arrays
    sources, ptr, targets = (t.numpy() for t in (groups.sources, groups.ptr, groups.targets))
    out = counts.numpy().reshape(-1)

    def call(first: int, last: int) -> None:
        walk_counts(indptr, columns, sources, ptr, targets, length, out, first, last)

    mean = given.csr.num_entries / max(given.csr.num_rows, 1)
    work = int(given.degree_of(groups.sources).sum() * mean) * length
    run_blocks(call, groups.sources.numel(), work)
    return counts


def _torch_walks(given: Structure, groups: Groups, length: int) -> Tensor:
    counts = torch.zeros(
        (length, groups.targets.numel()), dtype=torch.float64, device=given.csr.device
    )
    for block in source_blocks(groups, given.csr.num_rows):
        reached = block.start
        for step in range(length):
            reached = reduce_rows(given.csr, reached, None, "sum", "torch")
            counts[step, block.pairs] = block.at_targets(reached)
    return counts


def closed(given: Structure, pairs: Tensor, b: float, tolerance: float = 1e-20) -> Tensor:
    """Return the closed form for pairs, (B,)."""
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance is {tolerance!r}; expected a number between 0 and 1.")
    ratio = b * largest_eigenvalue(given)
    if ratio >= 1 - _NEAR:
        raise InputError(
            f"b is {b}, but the closed form needs b < 1 / lambda_max = {b / ratio:.6g} on this "
            "graph; take a smaller b, or kind='truncated'."
        )
    groups = grouped(pairs, given)
    out = torch.zeros(groups.targets.numel(), dtype=torch.float64, device=given.csr.device)
    for block in source_blocks(groups, given.csr.num_rows):
        out[block.pairs] = block.at_targets(_all_walks(given, block.start, b, ratio, tolerance))
    return groups.in_given_order(out)


def _all_walks(given: Structure, start: Tensor, b: float, ratio: float, tolerance: float) -> Tensor:
    """Return the columns of (I - b A)^-1 - I that belong to the nodes of ``start``, (n, w)."""

    def product(z: Tensor) -> Tensor:
        return reduce_rows(given.csr, z, None, "sum", given.backend).mul_(b)

    if ratio > _SLOW:
        return chebyshev(product, product(start), min(ratio * (1 + _NEAR), 1 - _NEAR), _ROUNDING)
    term, total = start, torch.zeros_like(start)
    # the terms after l = L have together a norm of at most ratio^(L + 1) / (1 - ratio)
    last = math.log(tolerance * b * (1 - ratio)) / math.log(ratio) if ratio > 0 else 0
    for _ in range(math.ceil(last)):
        term = product(term)
        total += term
    return total


def largest_eigenvalue(given: Structure) -> float:
    """Return the largest eigenvalue of the adjacency matrix, found once a graph."""

    def build() -> float:
        import numpy as np

        matrix = given.graph.to("cpu").to_scipy().astype(np.float64)
        n = matrix.shape[0]
        if n == 0 or matrix.nnz == 0:
            return 0.0
        if n <= _SMALL:
            return float(np.linalg.eigvalsh(matrix.toarray())[-1])
        from scipy.sparse.linalg import eigsh

        # a positive start is orthogonal to no component's leading vector
        start = np.sqrt(np.diff(matrix.indptr)) + 1e-3
        return float(eigsh(matrix, k=1, which="LA", v0=start, return_eigenvectors=False)[0])

    return given.graph.cached("heuristics.lambda", build)
