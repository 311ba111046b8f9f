"""How often each node, and each edge, takes each place in the graphlets of two to four nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import GraphTooLarge
from graphlab.graphlets._count_kernels import orbit_rows
from graphlab.graphlets._input import read_edges, warn_of_loops
from graphlab.graphlets._ranked import Ranked, check_limit
from graphlab.ops._memory import Arena

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["orbit_counts"]

_LARGEST_STAR = 2**63 - 1


def orbit_counts(
    graph: Any,  # noqa: ANN401  (every description of a graph)
    *,
    num_nodes: int | None = None,
    num_threads: int | None = None,
    to_undirected: bool = False,
    nodelist: Sequence[Any] | None = None,
) -> NDArray[np.int64]:
    """Count the orbits of all graphlets on two to four nodes at every node.

    Entry [u, i] is the number of connected induced subgraphs that hold u at orbit i; orbits are
    numbered as in [przulj2007]_ and ORCA [hocevar2014]_. Column 0 is the degree, 3 the triangles.
    Exact; 64-bit sums throughout.

    Args:
        graph: A networkx graph, a scipy, numpy or torch (n, n) matrix, an edge list (2, m) or
            (m, 2), a PyG ``Data``, an OGB dictionary, a :class:`graphlab.graph.Graph`. It is read
            as undirected and simple: loops are removed with a warning, repeats merged, weights
            ignored with a warning.
        num_nodes: Number of nodes; needed for isolated nodes at the end of an edge list.
        num_threads: Largest number of threads; None for as many as torch uses. Results are equal.
        to_undirected: Take a directed graph as undirected; without it, one is an error.
        nodelist: Order of the rows for a networkx graph; default ``list(graph.nodes)``.

    Shapes:
        - returns: (n, 15) int64

    Raises:
        InputError: No graph, a directed graph, ids out of range.
        GraphTooLarge: (an ``OverflowError``) A degree above 3.8 million: counts pass 64 bits.

    Cost: time O(sum over edges of the smaller degree, plus a scan of the rows of a triangle for
    each triangle); memory about 50 bytes an edge and 230 a node, with two threads.

    Example:
        >>> paw = [[0, 0, 1, 2], [1, 2, 2, 3]]
        >>> orbit_counts(paw)[:, [0, 3, 9, 10, 11]].tolist()
        [[2, 1, 0, 1, 0], [2, 1, 0, 1, 0], [3, 1, 0, 0, 1], [1, 0, 1, 0, 0]]
    """
    threads = check_limit("num_threads", num_threads)
    edges = read_edges(graph, num_nodes=num_nodes, to_undirected=to_undirected, nodelist=nodelist)
    ranked = Ranked(edges, threads)
    warn_of_loops(ranked.loops)
    if not ranked.num_edges:
        return np.zeros((ranked.num_nodes, 15), np.int64)
    check_degree(ranked)
    ranked.count_if_sparse()
    opposite, cliques = ranked.cliques()
    spread, nodes = ranked.spread()
    cycles = ranked.cycles()
    size = 15 * ranked.num_nodes
    counts = Arena(8 * size).empty(size, np.int64).reshape(-1, 15)
    rows = (ranked.ptr, ranked.columns, ranked.order, spread, nodes.reshape(-1))
    flat = counts.reshape(-1)

    def call(first: int, last: int) -> None:
        orbit_rows(*rows, opposite, cliques, cycles, flat, first, last)

    ranked.run(call, ranked.reach)
    return counts


def check_degree(ranked: Ranked) -> None:
    """Refuse degrees whose stars could pass 64 bits."""
    d = int(ranked.degree.max(initial=0))
    if d * (d - 1) * (d - 2) // 6 > _LARGEST_STAR:
        raise GraphTooLarge(
            f"A node has {d} neighbours: its stars on four nodes could pass the largest 64-bit "
            "number. Leave that node out, or count in parts of the graph."
        )
