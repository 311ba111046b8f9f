"""Density of the training graph around each node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphlab.ops._threads import run_blocks
from graphlab.topology._counts import triangles
from graphlab.topology._limit_kernels import ball_edges
from graphlab.topology._limits import check_positive, check_vectors
from graphlab.topology._rows import Layout, Reading

if TYPE_CHECKING:
    from torch import Tensor

    from graphlab.topology._rows import Edges

__all__ = ["subgraph_density"]


def subgraph_density(
    train_edges: Edges,
    num_nodes: int | None,
    hops: int = 1,
    *,
    num_threads: int | None = None,
    self_loops: str = "remove",
    directed: str = "symmetrize",
    layout: Layout | None = None,
) -> Tensor:
    """Return the share of node pairs within ``hops`` of each node that are linked [wang2024tc]_.

    The node itself is one of the nodes; 0 where it is alone.

    Args:
        train_edges: As for :func:`topological_concentration`, and the others too.
        num_nodes: Number of nodes.
        hops: Most steps from the node.
        num_threads: See there.
        self_loops: ``"keep"`` counts a loop as an edge; values may then exceed 1.
        directed: See there.
        layout: See there.

    Shapes:
        - ``train_edges``: (E, 2) or (2, E) integers, or a graph
        - returns: (n,) float64, on the device of ``train_edges``

    Raises:
        InputError: (a ``ValueError``) Edges of another shape or type, ids out of range, an
            impossible option.

    Cost: one hop: that of the triangles. More: time of the order of the entries of all nodes
    within the ball around each node, memory O(n) for each thread.

    Example:
        >>> subgraph_density([[0, 1], [1, 2], [2, 0], [2, 3]], 5).tolist()
        [1.0, 1.0, 0.6666666666666666, 1.0, 0.0]
    """
    rows = Reading(num_nodes, layout, self_loops, directed).rows(train_edges, "train_edges")
    hops = check_positive("hops", hops)
    threads = None if num_threads is None else check_positive("num_threads", num_threads)
    n = rows.num_nodes
    if hops == 1 and self_loops == "remove":
        nodes, links = rows.degree + 1, rows.degree + triangles(rows, threads)
    else:
        check_vectors(n, 2, threads)
        nodes, entries = np.ones(n, np.int64), np.zeros(n, np.int64)

        def call(first: int, last: int) -> None:
            seen, ball = np.zeros(n, np.int64), np.empty(n + 1, np.int32)
            ball_edges(rows.indptr, rows.columns, hops, nodes, entries, seen, ball, first, last)

        run_blocks(call, n, rows.columns.size**2 // max(n, 1), threads)
        links = entries // 2
    out = np.zeros(n)
    np.divide(2.0 * links, nodes * (nodes - 1.0), out=out, where=nodes > 1)
    return rows.result(out)
