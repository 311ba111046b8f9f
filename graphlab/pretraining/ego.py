"""Surroundings of nodes as graphs of their own: how one large network becomes a collection."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph
from graphlab.ops._threads import run_blocks
from graphlab.pretraining._ego_kernels import ball_sizes, fill_balls
from graphlab.seeding import numpy_generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

__all__ = ["ego_graphs"]


def ego_graphs(
    data: Any,  # noqa: ANN401  (any graph)
    hops: int = 2,
    num: float = 0.1,
    *,
    max_nodes: int = 1000,
    min_nodes: int = 2,
    seed: int = 0,
    nodes: Sequence[int] | Ints | None = None,
) -> list[Graph]:
    """Cut the surroundings of some nodes out of one graph: all nodes within some hops, induced.

    Node 0 of each result is the center; the others follow by their number in ``data``. Labels
    ``y`` of the nodes are kept, so that ``y[0]`` is the center's; features are not. The authors
    draw 0.1 % of the nodes of each network, which gives none below 1,000 nodes [cao2023]_; here
    at least one is drawn.

    Args:
        data: A graph as :func:`graphlab.graph.as_graph` reads it, or a loaded data set of one
            graph; edges count in both directions, once, without loops and weights.
        hops: Steps from the center.
        num: Share of the nodes that are drawn as centers, a float in (0, 1], rounded up; or their
            number, an int (all where there are fewer). Without replacement.
        max_nodes: Larger surroundings are left out.
        min_nodes: Smaller ones too.
        seed: Of the draw.
        nodes: Centers to take instead of drawing them; results follow this order.

    Raises:
        InputError: Not a graph, an impossible option, a center that is no node.

    Cost: O(m) for reading; then twice a search a center, O(edges at its surroundings) each.

    Example:
        >>> path = [[0, 1, 2, 3], [1, 2, 3, 4]]
        >>> ego = ego_graphs(path, hops=1, nodes=[2])[0]
        >>> ego.num_nodes, ego.edge_index.tolist()
        (3, [[0, 0, 1, 2], [1, 2, 0, 0]])
    """
    _check(hops, num, max_nodes, min_nodes)
    inner = getattr(data, "graph", None)
    graph = as_graph(inner if isinstance(inner, Graph) else data).simple()
    centers = _drawn(graph.num_nodes, num, seed) if nodes is None else _given(graph, nodes)
    labels = graph.y if graph.y is not None else getattr(data, "y", None)
    y = torch.as_tensor(labels).cpu() if labels is not None else None
    indptr = graph.indptr.cpu().numpy()
    columns = graph.columns.cpu().numpy()
    sizes, entries = np.empty(len(centers), np.int64), np.empty(len(centers), np.int64)

    def count(first: int, last: int) -> None:
        ball_sizes(indptr, columns, centers, hops, max_nodes, sizes, entries, first, last)

    run_blocks(count, len(centers), 8 * len(columns))
    keep = (sizes >= min_nodes) & (sizes <= max_nodes)
    if not keep.any():
        warnings.warn(
            f"None of the {len(centers)} ego-graphs has {min_nodes} to {max_nodes} nodes (the "
            f"smallest has {min(sizes, default=0)}). Set hops, min_nodes or max_nodes.",
            UserWarning,
            stacklevel=2,
        )
        return []
    centers, sizes, entries = centers[keep], sizes[keep], entries[keep]
    node_ptr = np.concatenate([[0], np.cumsum(sizes)])
    entry_ptr = np.concatenate([[0], np.cumsum(entries)])
    ids, ends = np.empty(node_ptr[-1], np.int64), np.empty(entry_ptr[-1], np.int64)
    rows = np.empty(node_ptr[-1] + len(centers), np.int64)

    def fill(first: int, last: int) -> None:
        fill_balls(
            *(indptr, columns, centers, hops, node_ptr, entry_ptr, ids, rows, ends, first, last)
        )

    run_blocks(fill, len(centers), 8 * len(columns))
    row_parts = np.split(rows, (node_ptr + np.arange(len(node_ptr)))[1:-1])
    end_parts = np.split(ends, entry_ptr[1:-1])
    id_parts = np.split(ids, node_ptr[1:-1])
    return [
        Graph.from_simple_rows(
            torch.from_numpy(row),
            torch.from_numpy(end),
            y=None if y is None else y[torch.from_numpy(inside)],
        )
        for row, end, inside in zip(row_parts, end_parts, id_parts, strict=True)
    ]


# -- private --------------------------------------------------------------------------------------


def _drawn(n: int, num: float, seed: int) -> Ints:
    if not n:
        return np.empty(0, np.int64)
    count = math.ceil(num * n) if isinstance(num, float | np.floating) else min(int(num), n)
    drawn: Ints = numpy_generator(seed, "ego-graphs").choice(n, count, replace=False)
    return drawn.astype(np.int64)


def _given(graph: Graph, nodes: Sequence[int] | Ints) -> Ints:
    given = np.asarray(nodes)
    if given.ndim != 1 or not given.size or given.dtype.kind not in "iu":
        raise InputError(f"nodes has shape {given.shape}, expected a list of node numbers.")
    if given.min() < 0 or given.max() >= graph.num_nodes:
        wrong = given.min() if given.min() < 0 else given.max()
        raise InputError(
            f"nodes holds {wrong}, but the graph has {graph.num_nodes} nodes "
            f"(ids must be 0..{graph.num_nodes - 1})."
        )
    centers: Ints = given.astype(np.int64)
    return centers


def _check(hops: int, num: float, max_nodes: int, min_nodes: int) -> None:
    if isinstance(hops, bool) or not isinstance(hops, int | np.integer) or hops < 0:
        raise InputError(f"hops is {hops!r}, expected a whole number >= 0.")
    share = isinstance(num, float | np.floating)
    number = isinstance(num, int | np.integer) and not isinstance(num, bool)
    if not (0 < num <= 1 if share else number and num >= 1):
        raise InputError(
            f"num is {num!r}, expected a share of the nodes, a float in (0, 1], or their number, "
            "an int >= 1."
        )
    if not 1 <= min_nodes <= max_nodes:
        raise InputError(
            f"min_nodes is {min_nodes!r} and max_nodes {max_nodes!r}, expected "
            "1 <= min_nodes <= max_nodes."
        )
