"""Shortest paths between node pairs, as scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphlab.heuristics._blocks import source_blocks
from graphlab.heuristics._pairs import Groups, Structure, grouped, read, structure
from graphlab.heuristics._search_kernels import hop_distances, meeting_distances
from graphlab.ops._threads import run_blocks
from graphlab.ops.spmm import reduce_rows

if TYPE_CHECKING:
    from graphlab.ops.spmm import Backend

__all__ = ["shortest_path_scores"]

_WIDTH = 64  # pairs whose search without their edge runs at once, with torch


def shortest_path_scores(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    pairs: Any,  # noqa: ANN401  (tensor, array, nested list)
    *,
    remove_target_edge: bool = False,
    num_nodes: int | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """Score node pairs by 1 / d with d the hops between them [libennowell2007]_.

    0 where there is no path, and for a self pair. The graph is taken as undirected, without
    loops, each edge once.

    Args:
        graph: Any graph that :func:`graphlab.graph.as_graph` accepts.
        pairs: Node ids; an edge, a self pair and a repeat are pairs like any other.
        remove_target_edge: Measure each pair that is an edge in the graph without this one edge.
        num_nodes: Number of nodes, where ``graph`` is an edge list that does not say.
        backend: ``"compiled"`` (CPU), ``"torch"`` (any device), or the one that fits.

    Shapes:
        - ``pairs``: (2, B) integers
        - returns: (B,) float64, on the device of the graph

    Raises:
        InputError: Pairs of another shape or out of range, an unknown backend.

    Cost: a search from both ends of each pair, which meets halfway; one search from a source that
    very many pairs share. At worst O(n + m) a pair, where there is no path between large parts.

    Example:
        >>> triangle_and_more = [[0, 1, 2, 2, 4], [1, 2, 0, 3, 5]]
        >>> pairs = [[0, 0, 0, 0], [1, 3, 4, 0]]
        >>> shortest_path_scores(triangle_and_more, pairs).tolist()
        [1.0, 0.5, 0.0, 0.0]
        >>> shortest_path_scores(triangle_and_more, pairs, remove_target_edge=True).tolist()
        [0.5, 0.5, 0.0, 0.0]
    """
    given = structure(graph, num_nodes, backend)
    ends = read(pairs, given)
    return scores_of_hops(hops(given, ends, without_edge=remove_target_edge))


def scores_of_hops(distances: Tensor) -> Tensor:
    """Return 1 / d; 0 where d is 0 or -1."""
    found = distances > 0
    return torch.where(found, 1 / distances.clamp(min=1).to(torch.float64), 0.0)


def hops(given: Structure, pairs: Tensor, *, without_edge: bool) -> Tensor:
    """Return the hops between pairs, 0 for self pairs, -1 where there is no path, (B,) int64."""
    if without_edge:
        run = _meeting if given.backend == "compiled" else _torch_without_edge
        return run(given, pairs)
    groups = grouped(pairs, given)
    if given.backend == "torch":
        return groups.in_given_order(_torch_hops(given, groups))
    # one search of everything pays where more pairs share a source than two balls are small
    out = torch.empty(groups.targets.numel(), dtype=torch.int64)
    many = groups.ptr.diff() > (given.csr.num_entries + given.csr.num_rows) ** 0.5
    large = many[groups.group]
    ends = torch.stack([groups.sources[groups.group], groups.targets])
    out[~large] = _meeting(given, ends[:, ~large], without_edge=False)
    if bool(large.any()):
        whole = Groups(
            groups.sources[many],
            torch.cat([groups.ptr.new_zeros(1), groups.ptr.diff()[many].cumsum(0)]),
            groups.targets[large],
            groups.place[large],
            groups.turned[large],
        )
        out[large] = _from_sources(given, whole)
    return groups.in_given_order(out)


def _meeting(given: Structure, pairs: Tensor, *, without_edge: bool = True) -> Tensor:
    out = torch.empty(pairs.shape[1], dtype=torch.int64)
    indptr, columns, _ = given.csr.arrays
    src, dst = pairs.contiguous().numpy()
    found = out.numpy()

    def call(first: int, last: int) -> None:
        meeting_distances(indptr, columns, src, dst, int(without_edge), found, first, last)

    run_blocks(call, out.numel(), out.numel() * 1000)
    return out


def _from_sources(given: Structure, groups: Groups) -> Tensor:
    out = torch.empty(groups.targets.numel(), dtype=torch.int64)
    indptr, columns, _ = given.csr.arrays
    sources, ptr, targets = (t.numpy() for t in (groups.sources, groups.ptr, groups.targets))
    found = out.numpy()

    def call(first: int, last: int) -> None:
        hop_distances(indptr, columns, sources, ptr, targets, found, first, last)

    run_blocks(call, sources.size, sources.size * given.csr.num_entries)
    return out


def _torch_hops(given: Structure, groups: Groups) -> Tensor:
    out = torch.full((groups.targets.numel(),), -1, dtype=torch.int64, device=given.csr.device)
    for block in source_blocks(groups, given.csr.num_rows):
        reached, step = block.start, 0
        while True:
            here = block.at_targets(reached) > 0
            out[block.pairs][here & (out[block.pairs] < 0)] = step
            after = reduce_rows(given.csr, reached, None, "sum", "torch").add_(reached).sign_()
            step += 1
            if torch.equal(after, reached) or bool((out[block.pairs] >= 0).all()):
                break
            reached = after
    return out


def _torch_without_edge(given: Structure, pairs: Tensor) -> Tensor:
    """Search from the first node of each pair; what its own edge adds is taken off."""
    n, device = given.csr.num_rows, given.csr.device
    out = torch.full((pairs.shape[1],), -1, dtype=torch.int64, device=device)
    for first in range(0, pairs.shape[1], _WIDTH):
        i, j = pairs[:, first : first + _WIDTH]
        column = torch.arange(i.numel(), device=device)
        reached = torch.zeros((n, i.numel()), dtype=torch.float64, device=device)
        reached[i, column] = 1.0
        ones = torch.ones((1, i.numel()), dtype=torch.float64, device=device)
        edge = _is_edge(given, i, j) * ones[0]
        found, step = out[first : first + _WIDTH], 0
        while True:
            found[(reached[j, column] > 0) & (found < 0)] = step
            after = reduce_rows(given.csr, reached, None, "sum", "torch")
            after[j, column] -= edge * reached[i, column]
            after[i, column] -= edge * reached[j, column]
            after = after.add_(reached).sign_()
            step += 1
            if torch.equal(after, reached) or bool((found >= 0).all()):
                break
            reached = after
    return out


def _is_edge(given: Structure, i: Tensor, j: Tensor) -> Tensor:
    n = given.csr.num_rows
    keys = given.csr.rows * n + given.csr.indices
    return torch.isin(i * n + j, keys).to(torch.float64)
