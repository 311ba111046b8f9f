"""Personalized PageRank of node pairs: exact, or by pushing until little is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.heuristics._blocks import SourceBlock, chebyshev, source_blocks
from graphlab.heuristics._pairs import Groups, Structure, grouped, read, structure
from graphlab.heuristics._search_kernels import push
from graphlab.ops._threads import run_blocks
from graphlab.ops.spmm import reduce_rows

if TYPE_CHECKING:
    from graphlab.ops.spmm import Backend

__all__ = ["ppr_rows", "ppr_scores"]

_EXACT = 1e-13  # bound on the error of each value, beside rounding


def ppr_scores(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    pairs: Any,  # noqa: ANN401  (tensor, array, nested list)
    *,
    restart: float = 0.15,
    symmetric: bool = False,
    tolerance: float | None = None,
    num_nodes: int | None = None,
    backend: Backend = "auto",
) -> Tensor:
    r"""Score a node pair by the personalized PageRank of its second node, seen from the first.

    .. math:: \boldsymbol\pi_i = \rho\, \mathbf e_i
        + (1 - \rho)\, \mathbf P^\top \boldsymbol\pi_i, \qquad s_{ij} = \boldsymbol\pi_i[j]

    with :math:`\rho` the restart probability and :math:`\mathbf P = \mathbf D^{-1} \mathbf A`. A
    node without neighbours keeps its mass: :math:`\boldsymbol\pi_i = \mathbf e_i`. The graph is
    taken as undirected, without loops, each edge once. Then :math:`\boldsymbol\pi_i[j] / d_j` is
    the same from both ends, so one direction gives both.

    Args:
        graph: Any graph that :func:`graphlab.graph.as_graph` accepts.
        pairs: Node ids; an edge, a self pair and a repeat are pairs like any other.
        restart: Probability of going back to the first node in each step.
        symmetric: Return :math:`\boldsymbol\pi_i[j] + \boldsymbol\pi_j[i]`.
        tolerance: None iterates until no value is off by more than 1e-13. A number pushes
            [andersen2006]_ until each node holds less than this times its degree; values are then
            too low by at most that, and far nodes get exactly 0.
        num_nodes: Number of nodes, where ``graph`` is an edge list that does not say.
        backend: ``"compiled"`` (CPU), ``"torch"`` (any device; always exact), or the one that fits.

    Shapes:
        - ``pairs``: (2, B) integers
        - returns: (B,) float64, on the device of the graph

    Raises:
        InputError: ``restart`` not within (0, 1], ``tolerance`` not within (0, 1), pairs of
            another shape or out of range.

    Cost: pairs are grouped by the node that more of them share, and each such source costs about
    60 products with the adjacency matrix (restart 0.15, in blocks of sources), or with a tolerance
    at most 1 / (restart x tolerance) edge visits.

    Example:
        >>> path = [[0, 1], [1, 2]]
        >>> [round(v, 4) for v in ppr_scores(path, [[0, 0, 1], [0, 2, 0]]).tolist()]
        [0.3453, 0.1953, 0.2297]
    """
    check_ppr(restart, tolerance)
    given = structure(graph, num_nodes, backend)
    ends = read(pairs, given)
    return from_shares(shares(given, ends, restart, tolerance), given, ends, symmetric=symmetric)


def ppr_rows(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    nodes: Any,  # noqa: ANN401  (tensor, array, list)
    *,
    restart: float = 0.15,
    tolerance: float = 1e-7,
    num_nodes: int | None = None,
) -> Tensor:
    """Return the pushed PageRank of all nodes, seen from each of some nodes; see `ppr_scores`.

    Args:
        graph: Any graph that :func:`graphlab.graph.as_graph` accepts; on the CPU.
        nodes: Where the walks start, (S,).
        restart: Probability of going back to the start in each step.
        tolerance: A node is pushed while it holds at least this times its degree.
        num_nodes: Number of nodes, where ``graph`` is an edge list that does not say.

    Shapes:
        - returns: (S, n) float64; rows sum to at most 1

    Raises:
        InputError: As in :func:`ppr_scores`.

    Cost: time at most 1 / (restart x tolerance) edge visits a row; memory S n x 8 bytes.

    Example:
        >>> ppr_rows([[0, 1], [1, 2]], [1, 3], num_nodes=4)[1].tolist()
        [0.0, 0.0, 0.0, 1.0]
    """
    check_ppr(restart, tolerance)
    given = structure(graph, num_nodes, "compiled")
    starts = torch.as_tensor(nodes)
    starts = read(starts.reshape(1, -1).expand(2, -1), given)[0]
    out = torch.zeros((starts.numel(), given.csr.num_rows), dtype=torch.float64)
    indptr, columns, _ = given.csr.arrays
    sources, rows = starts.contiguous().numpy(), out.numpy().reshape(-1)

    def call(first: int, last: int) -> None:
        push(indptr, columns, sources, None, None, restart, tolerance, rows, first, last)

    run_blocks(call, starts.numel(), starts.numel() * given.csr.num_entries)
    return out


def shares(given: Structure, pairs: Tensor, restart: float, tolerance: float | None) -> Tensor:
    """Return pi_i[j] / d_j of pairs, which is the same for (j, i); for d = 0, pi_i[j], (B,)."""
    groups = grouped(pairs, given)
    if tolerance is not None and given.backend == "compiled":
        found = _pushed(given, groups, restart, tolerance)
    else:
        found = torch.empty(groups.targets.numel(), dtype=torch.float64, device=pairs.device)
        for block in source_blocks(groups, given.csr.num_rows):
            found[block.pairs] = block.at_targets(_solved(given, block, restart))
    alone = given.degree_of(groups.sources)[groups.group] == 0
    itself = groups.sources[groups.group] == groups.targets
    return groups.in_given_order(torch.where(alone, itself.to(torch.float64), found))


def from_shares(share: Tensor, given: Structure, pairs: Tensor, *, symmetric: bool) -> Tensor:
    """Return pi_i[j], or the sum of both directions."""
    degree = given.degree_of(pairs).clamp(min=1)
    return share * (degree.sum(0) if symmetric else degree[1])


def _pushed(given: Structure, groups: Groups, restart: float, tolerance: float) -> Tensor:
    out = torch.zeros(groups.targets.numel(), dtype=torch.float64)
    indptr, columns, _ = given.csr.arrays
    sources, ptr, targets = (t.numpy() for t in (groups.sources, groups.ptr, groups.targets))
    values = out.numpy()

    def call(first: int, last: int) -> None:
        push(indptr, columns, sources, ptr, targets, restart, tolerance, values, first, last)

    run_blocks(call, groups.sources.numel(), groups.sources.numel() * given.csr.num_entries)
    return out / given.degree_of(groups.targets).clamp(min=1)


def _solved(given: Structure, block: SourceBlock, restart: float) -> Tensor:
    """Return pi_i[j] / d_j of all nodes j, which solves z = rho e_i / d_i + (1 - rho) D^-1 A z."""
    damping = 1.0 - restart
    # from the norm in which the error is bounded to single values: at most the root of a degree
    largest = max(int(given.degree.max()), 1)
    source = block.start * (restart / given.degree_of(block.sources).clamp(min=1).to(torch.float64))

    def product(z: Tensor) -> Tensor:
        out: Tensor = reduce_rows(given.csr, z, None, "mean", given.backend)
        return out.mul_(damping)

    return chebyshev(product, source, damping, _EXACT / largest**0.5)


def check_ppr(restart: float, tolerance: float | None) -> None:
    """Refuse impossible options."""
    if not (isinstance(restart, (int, float)) and 0 < restart <= 1):
        raise InputError(f"restart is {restart!r}; expected a probability within (0, 1].")
    if tolerance is not None and not 0 < tolerance < 1:
        raise InputError(f"tolerance is {tolerance!r}; expected None or a number within (0, 1).")
