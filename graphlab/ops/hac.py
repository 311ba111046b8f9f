"""Levels of hierarchical affinity clustering, compiled or by plain numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph
from graphlab.ops._hac_assembly import assemble
from graphlab.ops._hac_kernels import upper_entries
from graphlab.ops._hac_rounds import compiled_rounds, plain_rounds
from graphlab.ops._hac_weights import explicit_weights, named_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = ["HACLevels", "hac_levels"]

_NAMES = ("auto", "cosine", "l2", "jaccard", "unit")
_BACKENDS = ("auto", "compiled", "numpy")


@dataclass(frozen=True)
class HACLevels:
    """Clusters of every level, from single nodes to the root.

    Args:
        assign: Cluster of each node on each level; level 0 is the nodes. Clusters of a level are
            numbered by their smallest node.
        num_clusters: Clusters of each level.
        levels_of_graph: Levels of each graph of a batch; above them its clusters are carried.
        rounds: Rounds of each graph that merged clusters.
        virtual_root: Whether a root was put over the clusters that were left, for each graph.
        edges: Undirected edges (u, v), u < v, sorted.
        edge_weight: Weights that were clustered by; integers of 2^-20 for weights by name.
        taken: Whether a cluster took the edge: the minimum spanning forest.

    Shapes:
        - ``assign``: (T, n) int64; ``num_clusters``: (T,) int64
        - ``levels_of_graph``, ``rounds``: (G,) int64; ``virtual_root``: (G,) bool
        - ``edges``: (m, 2) int32; ``edge_weight``: (m,) int32 or float64; ``taken``: (m,) bool
    """

    assign: Tensor
    num_clusters: Tensor
    levels_of_graph: Tensor
    rounds: Tensor
    virtual_root: Tensor
    edges: Tensor
    edge_weight: Tensor
    taken: Tensor

    @property
    def tree_edges(self) -> Tensor:
        """Edges of the minimum spanning forest, (n - components, 2) int64, sorted."""
        return self.edges[self.taken].to(torch.int64)


def hac_levels(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    weight: Any = "auto",  # noqa: ANN401  (a name or weights)
    *,
    num_nodes: int | None = None,
    x: Tensor | None = None,
    ptr: Any = None,  # noqa: ANN401  (integers)
    tie_seed: int = 0,
    max_levels: int | None = None,
    add_root: bool = True,
    backend: Literal["auto", "compiled", "numpy"] = "auto",
) -> HACLevels:
    r"""Cluster a graph by rounds in which every cluster takes its best edge [bateni2017]_.

    Clusters that are joined by edges taken merge; one that no edge leaves is carried over. Edges
    are ordered by weight, then by a hash of their ends, then by their ends: with ties broken by the
    ends alone, all nodes of an unweighted graph would point to their lowest neighbour and the tree
    would collapse. The edges taken in all rounds are the minimum spanning forest of that order.

    The rounds of the original are those of Boruvka's algorithm; the tie rule and all numbering are
    ours, since the graph-sequence paper [behrouz2025]_ leaves them open.

    Args:
        graph: Any graph; direction, loops and multiplicity are dropped, of duplicates the smallest
            weight stays.
        weight: Dissimilarity, smaller merges first: one number for each entry, in the order of the
            input, of any sign. Or by name: ``"cosine"`` and ``"l2"`` of features, ``"jaccard"`` of
            neighbourhoods, ``"unit"``. ``"auto"`` is ``"cosine"`` with features, else
            ``"jaccard"``.
        num_nodes: Number of nodes, see :func:`graphlab.graph.as_graph`.
        x: Node features, in place of the graph's.
        ptr: First node of each graph of a batch, and n at the end. Each graph gets the clusters
            that it has alone.
        tie_seed: Seed of the hash.
        max_levels: Keep this many levels, at least 2, spread evenly from nodes to root.
        add_root: Put a virtual root above a graph that ends in several clusters.
        backend: ``"compiled"`` or ``"numpy"``; equal results. ``"auto"`` compiles.

    Shapes:
        - ``weight``: (E,); ``x``: (n, F); ``ptr``: (G + 1,)
        - returns: see :class:`HACLevels`

    Raises:
        InputError: (a ``ValueError``) NaN or infinity among weights or features, weights of
            another number, an unknown name, an edge between two graphs, ``max_levels`` below 2.

    Cost: time O(m F) for weights of features, then O((n + m) log n) at most and O(n + m) in
    practice; memory 28 bytes an edge. 169 thousand nodes, 1.2 million edges and 128 features: see
    ``benchmarks/perf/test_hac.py``.

    Example:
        >>> path = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])
        >>> hac_levels(path, torch.tensor([10.0, 5.0, 7.0, 1.0])).assign.tolist()
        [[0, 1, 2, 3, 4], [0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]
    """
    if backend not in _BACKENDS:
        raise InputError(f"backend is {backend!r}, expected one of {', '.join(_BACKENDS)}.")
    check_levels(max_levels)
    given = as_graph(graph, num_nodes)
    simple = given.simple()
    n, compiled = given.num_nodes, backend != "numpy"
    first_nodes = _check_ptr(ptr, n)
    src, dst = _upper(simple, compiled=compiled)
    local = _local_ids(first_nodes, src, dst)
    if isinstance(weight, str):
        name, features = _named(weight, given, x)
        values = named_weights(
            name, simple, src, dst, x=features, ptr=first_nodes, compiled=compiled
        )
    else:
        values = explicit_weights(weight, given, src, dst, compiled=compiled)
    run = compiled_rounds if compiled else plain_rounds
    levels, taken = run(n, src, dst, values, local=local, seed=int(tie_seed))
    found = assemble(levels, first_nodes, max_levels=max_levels, add_root=add_root)
    parts = (
        found.assign,
        found.num_clusters,
        found.levels_of_graph,
        found.rounds,
        found.virtual_root,
        np.stack([src, dst], axis=1),
        values,
        taken.astype(bool),
    )
    return HACLevels(*(torch.from_numpy(part).to(given.device) for part in parts))


def check_levels(max_levels: int | None) -> None:
    """Raise InputError unless a number of levels is possible."""
    if max_levels is not None and (not isinstance(max_levels, int) or max_levels < 2):
        raise InputError(
            f"max_levels is {max_levels!r}, expected an integer >= 2 (nodes and root) or None."
        )


def check_weight_name(weight: Any) -> None:  # noqa: ANN401
    """Raise InputError for an unknown name of weights."""
    if isinstance(weight, str) and weight not in _NAMES:
        raise InputError(
            f"weight is {weight!r}, expected one of {', '.join(_NAMES)}, or one number for each "
            "edge."
        )


def _upper(simple: Graph, *, compiled: bool) -> tuple[Array, Array]:
    """Return the edges u < v of a simple graph, sorted, as int32."""
    indptr, columns = simple.indptr.cpu().numpy(), simple.columns.cpu().numpy()
    if compiled:
        src, dst = (np.empty(columns.size // 2, np.int32) for _ in range(2))
        upper_entries(indptr, np.ascontiguousarray(columns), src, dst)
        return src, dst
    row = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    keep = columns > row
    return row[keep].astype(np.int32), columns[keep].astype(np.int32)


def _named(weight: str, graph: Graph, x: Tensor | None) -> tuple[str, Tensor | None]:
    """Return the name of the weights, and the features they may need."""
    check_weight_name(weight)
    x = graph.x if x is None else x
    if x is not None and (x.dim() == 0 or x.shape[0] != graph.num_nodes):
        raise InputError(
            f"x has shape {tuple(x.shape)}, but the graph has {graph.num_nodes} nodes."
        )
    if weight == "auto":
        weight = "jaccard" if x is None else "cosine"
    return weight, x


def _check_ptr(ptr: Any, n: int) -> Array | None:  # noqa: ANN401
    """Return the first nodes of the graphs of a batch, or None for one graph."""
    if ptr is None:
        return None
    bounds = torch.as_tensor(ptr).cpu().numpy().astype(np.int64)
    fits = bounds.ndim == 1 and bounds.size > 0 and bounds[0] == 0 and bounds[-1] == n
    if not fits or (np.diff(bounds) < 0).any():
        raise InputError(
            f"ptr is {bounds.tolist()!r:.80}, expected the first node of each graph, ascending "
            f"from 0, and the number of nodes ({n}) at the end."
        )
    return None if bounds.size == 2 else cast("Array", bounds)


def _local_ids(ptr: Array | None, src: Array, dst: Array) -> Array:
    """Return the ids of nodes within their graphs (n,), empty for one graph."""
    if ptr is None:
        return np.empty(0, np.int32)
    graph = np.repeat(np.arange(ptr.size - 1), np.diff(ptr))
    across = (graph[src] != graph[dst]).nonzero()[0]
    if across.size:
        u, v = int(src[across[0]]), int(dst[across[0]])
        raise InputError(
            f"edge ({u}, {v}) joins graph {graph[u]} with graph {graph[v]} of the batch; graphs "
            "of a batch have no edges between them."
        )
    local: Array = (np.arange(graph.size) - ptr[:-1][graph]).astype(np.int32)
    return local
