"""Parts of a graph and their centres."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graphlab.errors import InputError
from graphlab.ssl._input import to_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphlab.graph import Graph

__all__ = ["Partition", "bfs_partition", "cluster_centres", "partition_labels"]

# an array or tensor of labels, a function that returns one, or a name
Partition = Literal["bfs", "louvain"] | Callable[..., Any] | Any | None


def partition_labels(
    graph: Graph, partition: Partition, num_clusters: int, seed: int
) -> NDArray[np.int64]:
    """Return the part of each node, 0, 1, ... without gaps."""
    if partition is None or (isinstance(partition, str) and partition == "bfs"):
        return bfs_partition(graph, num_clusters)
    if isinstance(partition, str):
        if partition == "metis":
            raise InputError(
                "partition is 'metis', which is not part of this library: give the labels that it "
                "finds, partition=array of n integers."
            )
        if partition != "louvain":
            raise InputError(
                f"partition is {partition!r}; expected 'bfs', 'louvain', a function or an array."
            )
        return _louvain(graph, seed)
    found = partition(graph) if callable(partition) else partition
    labels = to_array(found)
    if labels.shape != (graph.num_nodes,) or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"partition has shape {labels.shape} and type {labels.dtype}; expected an integer for "
            f"each of {graph.num_nodes} nodes."
        )
    return np.unique(labels, return_inverse=True)[1].astype(np.int64).reshape(-1)


def bfs_partition(graph: Graph, num_clusters: int) -> NDArray[np.int64]:
    """Cut a breadth-first order of the nodes into pieces of equal size (up to one node).

    Each component begins at its node of fewest neighbours, so that pieces are layers of it;
    components come in the order of their lowest ids.

    Raises:
        InputError: More pieces than nodes.

    Cost: O(n + m).

    Example:
        >>> from graphlab.graph import as_graph
        >>> bfs_partition(as_graph([[0, 1, 2], [1, 2, 3]]).simple(), 2).tolist()
        [0, 0, 1, 1]
    """
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    n = graph.num_nodes
    if num_clusters > max(n, 1):
        raise InputError(f"num_clusters is {num_clusters}, but the graph has {n} nodes.")
    matrix, degree = graph.to_scipy(), graph.degree().numpy()
    _, part = connected_components(matrix, directed=False)
    by_part = np.lexsort((degree, part))  # stable: the lowest id of those with fewest neighbours
    starts = by_part[np.unique(part[by_part], return_index=True)[1]] if n else by_part
    lone = degree[starts] == 0
    pieces = [
        starts[i : i + 1]
        if lone[i]
        else breadth_first_order(matrix, starts[i], directed=False, return_predecessors=False)
        for i in range(starts.size)
    ]
    order = np.concatenate(pieces) if pieces else np.empty(0, np.int64)
    labels = np.empty(n, np.int64)
    labels[order] = np.arange(n) * num_clusters // max(n, 1)
    return labels


def cluster_centres(
    graph: Graph, labels: NDArray[np.int64], *, compat: Literal["official"] | None = None
) -> NDArray[np.int64]:
    """Return the node of most neighbours within each part; of equals, the lowest id.

    Args:
        graph: A simple graph.
        labels: The part of each node, 0, 1, ... without gaps.
        compat: ``"official"`` returns the place of that node among the nodes of its part, which
            the authors' code takes for the id of a node.

    Shapes:
        - returns: (C,) int64
    """
    row, col = graph.edge_index.numpy()
    inside = labels[row] == labels[col]
    degree = np.bincount(row[inside], minlength=graph.num_nodes)
    order = np.lexsort((-degree, labels))
    parts, first = np.unique(labels[order], return_index=True)
    centres: NDArray[np.int64] = order[first].astype(np.int64)
    if compat == "official":
        places = [np.searchsorted(np.flatnonzero(labels == p), centres[p]) for p in parts]
        return np.array(places, np.int64)
    return centres


def _louvain(graph: Graph, seed: int) -> NDArray[np.int64]:
    import networkx as nx

    whole = nx.from_scipy_sparse_array(graph.to_scipy())
    labels = np.empty(graph.num_nodes, np.int64)
    for number, nodes in enumerate(nx.community.louvain_communities(whole, seed=seed)):
        labels[list(nodes)] = number
    return labels
