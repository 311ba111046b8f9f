"""Scores from common neighbours: CN, Adamic-Adar, resource allocation, Jaccard, degrees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.heuristics._overlap_kernels import STAGE, overlap_sums
from graphlab.heuristics._pairs import Structure, read, structure
from graphlab.heuristics._search_kernels import two_hop_rows
from graphlab.ops._threads import run_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphlab.ops.spmm import Backend

__all__ = ["OVERLAP_METHODS", "OverlapMethod", "node_weights", "overlap_scores", "ra_rows"]

OverlapMethod = Literal["cn", "aa", "ra", "jaccard", "pa"]
OVERLAP_METHODS: tuple[OverlapMethod, ...] = ("cn", "aa", "ra", "jaccard", "pa")
_ENTRIES = 1 << 24  # entries of the shorter rows that the torch backend expands at once


def overlap_scores(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    pairs: Any,  # noqa: ANN401  (tensor, array, nested list)
    methods: Sequence[OverlapMethod] = OVERLAP_METHODS,
    *,
    num_nodes: int | None = None,
    backend: Backend = "auto",
) -> dict[str, Tensor]:
    r"""Score node pairs by their common neighbours, all scores in one pass over the two rows.

    With :math:`C = N(i) \cap N(j)` and degrees :math:`d`, [libennowell2007]_:

    ===========  ==========================================  =====================
    ``cn``       :math:`|C|`                                 common neighbours
    ``aa``       :math:`\sum_{u \in C} 1 / \ln d_u`          [adamic2003]_
    ``ra``       :math:`\sum_{u \in C} 1 / d_u`              [zhou2009]_
    ``jaccard``  :math:`|C| / |N(i) \cup N(j)|`, 0 if empty  neighbourhood overlap
    ``pa``       :math:`d_i d_j`                             [barabasi1999]_
    ===========  ==========================================  =====================

    A neighbour of degree 1, which only a self pair can share, adds 0 to ``aa``. The graph is
    taken as undirected, without loops, each edge once.

    Args:
        graph: Any graph that :func:`graphlab.graph.as_graph` accepts.
        pairs: Node ids; an edge, a self pair and a repeat are pairs like any other.
        methods: Scores to return.
        num_nodes: Number of nodes, where ``graph`` is an edge list that does not say.
        backend: ``"compiled"`` (CPU), ``"torch"`` (any device), or the one that fits; equal
            results up to rounding.

    Shapes:
        - ``pairs``: (2, B) integers
        - returns: each (B,) float64, on the device of the graph

    Raises:
        InputError: An unknown method or backend, pairs of another shape or out of range.

    Cost: time O(d_i + d_j) a pair, O(min log max) where degrees differ much; memory O(B), no
    list of neighbours is made. The torch backend writes the shorter row of each pair, in chunks.

    Example:
        >>> found = overlap_scores([[0, 0, 1, 2], [1, 2, 3, 3]], [[0, 1], [3, 2]])
        >>> found["cn"].tolist(), found["jaccard"].tolist()
        ([2.0, 2.0], [1.0, 1.0])
    """
    for name in methods:
        if name not in OVERLAP_METHODS:
            raise InputError(f"{name!r} is no overlap score ({', '.join(OVERLAP_METHODS)}).")
    given = structure(graph, num_nodes, backend)
    ends = read(pairs, given)
    scores: dict[str, Tensor] = {}
    if set(methods) & {"cn", "aa", "ra", "jaccard"}:
        weighted = bool(set(methods) & {"aa", "ra"})
        run = _compiled if given.backend == "compiled" else _by_torch
        scores["cn"], scores["aa"], scores["ra"] = run(given, ends, weighted=weighted)
    d_i, d_j = given.degree_of(ends).to(torch.float64)
    if "jaccard" in methods:
        together = d_i + d_j - scores["cn"]
        scores["jaccard"] = scores["cn"] / together.clamp(min=1)
    scores["pa"] = d_i * d_j
    return {name: scores[name] for name in methods}


def ra_rows(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    nodes: Any,  # noqa: ANN401  (tensor, array, list)
    *,
    num_nodes: int | None = None,
) -> Tensor:
    """Return the resource allocation score of all nodes with each of some nodes, (S, n) float64.

    Equal to ``overlap_scores`` to the last bit.

    Args:
        graph: Any graph that :func:`graphlab.graph.as_graph` accepts; on the CPU.
        nodes: Nodes, (S,).
        num_nodes: Number of nodes, where ``graph`` is an edge list that does not say.

    Raises:
        InputError: Nodes of another shape or out of range.

    Cost: the nodes within two hops of each node; memory S n x 8 bytes.

    Example:
        >>> ra_rows([[0, 1, 2], [1, 2, 3]], [0]).tolist()
        [[0.5, 0.0, 0.5, 0.0]]
    """
    given = structure(graph, num_nodes, "compiled")
    starts = torch.as_tensor(nodes)
    starts = read(starts.reshape(1, -1).expand(2, -1), given)[0]
    out = torch.zeros((starts.numel(), given.csr.num_rows), dtype=torch.float64)
    indptr, columns, _ = given.csr.arrays
    weight = node_weights(given)[:, 1].contiguous().numpy()
    sources, rows = starts.contiguous().numpy(), out.numpy().reshape(-1)

    def call(first: int, last: int) -> None:
        two_hop_rows(indptr, columns, weight, sources, rows, first, last)

    run_blocks(call, starts.numel(), starts.numel() * given.csr.num_entries)
    return out


def node_weights(given: Structure) -> Tensor:
    """Return 1/ln d and 1/d of each node, (n, 2) float64; 0 where they are not defined."""

    def build() -> Tensor:
        degree = given.degree.to(torch.float64)
        by_log = torch.where(degree > 1, 1 / degree.clamp(min=2).log(), 0.0)
        return torch.stack([by_log, torch.where(degree > 0, 1 / degree.clamp(min=1), 0.0)], 1)

    return given.graph.cached("heuristics.weights", build)


def _compiled(given: Structure, pairs: Tensor, *, weighted: bool) -> tuple[Tensor, Tensor, Tensor]:
    size = pairs.shape[1]
    out = torch.zeros((3, size), dtype=torch.float64)
    count, adamic, resource = out.numpy()
    indptr, columns, _ = given.csr.arrays
    weight = node_weights(given).numpy().reshape(-1) if weighted else None
    src, dst = pairs.contiguous().numpy()

    def call(first: int, last: int) -> None:
        overlap_sums(indptr, columns, weight, src, dst, count, adamic, resource, first, last)

    mean = given.csr.num_entries / max(given.csr.num_rows, 1)
    run_blocks(call, -(-size // STAGE), int(size * (mean + 8)))
    return out[0], out[1], out[2]


def _by_torch(given: Structure, pairs: Tensor, *, weighted: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Look up each entry of the shorter row in the longer one by halving."""
    indptr, columns = given.csr.indptr, given.csr.indices
    weight = node_weights(given)
    out = torch.zeros((3, pairs.shape[1]), dtype=torch.float64, device=pairs.device)
    halvings = int(given.degree.max()).bit_length() if given.csr.num_rows else 0
    for first, last in _chunks(given.degree_of(pairs).amin(0)):
        i, j = pairs[:, first:last]
        swap = given.degree_of(i) > given.degree_of(j)
        short, long = torch.where(swap, j, i), torch.where(swap, i, j)
        sizes = given.degree_of(short)
        pair = torch.arange(last - first, device=pairs.device).repeat_interleave(sizes)
        start = indptr[short] - (sizes.cumsum(0) - sizes)
        node = columns[torch.arange(pair.numel(), device=pairs.device) + start[pair]]
        low, high = indptr[long][pair], indptr[long + 1][pair]
        end = high
        for _ in range(halvings):
            middle = (low + high) >> 1
            below = (low < high) & (columns[middle.clamp(max=columns.numel() - 1)] < node)
            low, high = torch.where(below, middle + 1, low), torch.where(below, high, middle)
        hit = (low < end) & (columns[low.clamp(max=columns.numel() - 1)] == node)
        pair, node = pair[hit], node[hit].long()
        out[0, first:last].index_add_(0, pair, torch.ones_like(pair, dtype=torch.float64))
        if weighted:
            out[1, first:last].index_add_(0, pair, weight[node, 0])
            out[2, first:last].index_add_(0, pair, weight[node, 1])
    return out[0], out[1], out[2]


def _chunks(sizes: Tensor) -> Iterator[tuple[int, int]]:
    """Cut pairs where their sizes add up to the entries that are expanded at once."""
    done = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)])
    first, count = 0, sizes.numel()
    while first < count:
        limit = done[first] + _ENTRIES
        last = int(torch.searchsorted(done, limit, right=True)) - 1
        yield first, max(last, first + 1)
        first = max(last, first + 1)
