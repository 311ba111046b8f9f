"""The tree of a hierarchical clustering, as sequences and as positions."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops import scatter_reduce
from graphlab.tokenizers._hops import sequence_hops
from graphlab.tokenizers._input import Reading, check_nodes
from graphlab.tokenizers._leaf_order import leaf_order, paths
from graphlab.tokenizers._ragged import of_graphs, padded, ranges
from graphlab.tokenizers.base import TokenSequences

if TYPE_CHECKING:
    from graphlab.ops.hac import HACLevels
    from graphlab.tokenizers.base import Nodes

__all__ = ["ClusterFeature", "HACTree", "Traversal"]

Traversal = Literal["dfs", "bfs", "order"]
ClusterFeature = Literal["mean", "sum", "max"]
_DENSE = 2048  # nodes up to which all pairs are tabled


class HACTree:
    """Clusters of a graph or batch on every level: leaves are nodes, the top is the root.

    Cluster c of level r has the global id ``offset[r] + c``; a leaf's id is its node's. All parts
    are made on first use and kept.

    Args:
        levels: Result of :func:`graphlab.ops.hac_levels`.
        reading: The graph or batch.
        traversal: What :meth:`sequences` returns.
        cluster_feature: What :meth:`cluster_features` returns by default.

    Shapes:
        - ``assign``: (T, n) int64; ``num_clusters``, ``offset``: (T,) int64
        - ``parent``, ``size``: (K,) int64 for K clusters of all levels
        - ``edges``: (m, 2) int64

    Example:
        >>> from graphlab.tokenizers import HAC
        >>> tree = HAC(weight=torch.tensor([1.0, 3.0, 1.0])).fit([[0, 1, 2], [1, 2, 3]])
        >>> tree.assign.tolist()
        [[0, 1, 2, 3], [0, 0, 1, 1], [0, 0, 0, 0]]
        >>> tree.path.tolist()
        [[6, 4, 0], [6, 4, 1], [6, 5, 2], [6, 5, 3]]
    """

    def __init__(
        self,
        levels: HACLevels,
        reading: Reading,
        *,
        traversal: Traversal = "dfs",
        cluster_feature: ClusterFeature = "mean",
    ) -> None:
        self.levels, self._reading = levels, reading
        self.traversal, self.cluster_feature = traversal, cluster_feature
        self.assign, self.num_clusters = levels.assign, levels.num_clusters
        self.offset = self.num_clusters.cumsum(0) - self.num_clusters
        self._assign = levels.assign.cpu().numpy()

    def __repr__(self) -> str:
        return f"HACTree(num_clusters={self.num_clusters.tolist()}, traversal={self.traversal!r})"

    def styled(self, traversal: Traversal, cluster_feature: ClusterFeature) -> HACTree:
        """Return the same tree with other defaults; parts made already are shared."""
        other = object.__new__(HACTree)
        other.__dict__.update(self.__dict__)
        other.traversal, other.cluster_feature = traversal, cluster_feature
        return other

    @property
    def num_nodes(self) -> int:
        """Number of nodes n."""
        return self.assign.shape[1]

    @property
    def num_levels(self) -> int:
        """Number of levels T, nodes included."""
        return self.assign.shape[0]

    @property
    def num_tokens(self) -> int:
        """Number of clusters of all levels K."""
        return int(self.num_clusters.sum())

    @property
    def device(self) -> torch.device:
        """Device of all parts."""
        return self.assign.device

    @property
    def levels_of_graph(self) -> Tensor:
        """Levels of each graph of the batch, (G,) int64; above, its top clusters are carried."""
        return self.levels.levels_of_graph

    @property
    def edges(self) -> Tensor:
        """Undirected edges (u, v), u < v, sorted; (m, 2) int64."""
        return self.levels.edges.to(torch.int64)

    @property
    def edge_weight(self) -> Tensor:
        """Weights of :attr:`edges` that decided, (m,) float64."""
        return self.levels.edge_weight.to(torch.float64)

    @cached_property
    def parent(self) -> Tensor:
        """Global id of the cluster above each cluster, (K,) int64; -1 at the top."""
        parent = torch.full((self.num_tokens,), -1, dtype=torch.int64, device=self.device)
        for r in range(self.num_levels - 1):
            parent[self.offset[r] + self.assign[r]] = self.offset[r + 1] + self.assign[r + 1]
        return parent

    @cached_property
    def children(self) -> Tensor:
        """Number of clusters that each one was made of, (K,) int64; 0 for nodes."""
        return torch.bincount(self.parent[self.parent >= 0], minlength=self.num_tokens)

    @cached_property
    def size(self) -> Tensor:
        """Number of nodes of each cluster, (K,) int64."""
        parts = zip(self.assign, self.num_clusters.tolist(), strict=True)
        return torch.cat([torch.bincount(a, minlength=n) for a, n in parts])

    @cached_property
    def token_level(self) -> Tensor:
        """Level of each cluster, (K,) int64."""
        level = torch.arange(self.num_levels, device=self.device)
        return level.repeat_interleave(self.num_clusters)

    @cached_property
    def order(self) -> Tensor:
        """Nodes in the order of the leaves, children by ascending cluster; (n,) int64."""
        return self._own(leaf_order(self._assign, self.num_clusters.tolist()))

    @cached_property
    def rank(self) -> Tensor:
        """Place of each node in :attr:`order`, (n,) int64."""
        rank = torch.empty_like(self.order)
        rank[self.order] = torch.arange(self.num_nodes, device=self.device)
        return rank

    @cached_property
    def _paths(self) -> tuple[Tensor, Tensor]:
        table, mask = paths(self._assign, self.offset.cpu().numpy(), self.children.cpu().numpy())
        return self._own(table), self._own(mask)

    @property
    def path(self) -> Tensor:
        """Clusters of each node from the root to the leaf, as global ids; (n, T) int64."""
        return self._paths[0]

    @property
    def path_mask(self) -> Tensor:
        """False where a cluster of :attr:`path` has one child: it was carried over; (n, T)."""
        return self._paths[1]

    @cached_property
    def path_exists(self) -> Tensor:
        """False where a level lies above those of the node's graph; (n, T), as :attr:`path`."""
        level = torch.arange(self.num_levels - 1, -1, -1, device=self.device)
        return level < self.levels_of_graph[self._reading.batch][:, None]

    @cached_property
    def bfs(self) -> Tensor:
        """Global ids, level by level from the root, within a level from left to right; (K,)."""
        rows = [self.offset[r] + self._left_to_right(r) for r in reversed(range(self.num_levels))]
        return torch.cat(rows)

    @cached_property
    def bfs_ptr(self) -> Tensor:
        """Where each level of :attr:`bfs` begins, (T + 1,) int64."""
        return torch.cat([self.offset.new_zeros(1), self.num_clusters.flip(0).cumsum(0)])

    @cached_property
    def edge_sequence(self) -> Tensor:
        """Rows of :attr:`edges` by their later, then their earlier end in leaf order; (m,)."""
        ends = self.rank.cpu().numpy()[self.levels.edges.cpu().numpy()]
        by = np.lexsort((ends.min(axis=1), ends.max(axis=1))) if len(ends) else np.empty(0, int)
        return self._own(by)

    @property
    def edge_order(self) -> Tensor:
        """Edges (u, v) in the order of :attr:`edge_sequence`, (m, 2) int64."""
        return self.edges[self.edge_sequence]

    @cached_property
    def members(self) -> tuple[Tensor, Tensor]:
        """Row pointers (K + 1,) and nodes (T n,) of each cluster, ascending."""
        nodes = [torch.argsort(row, stable=True) for row in self.assign]
        return torch.cat([self.size.new_zeros(1), self.size.cumsum(0)]), torch.cat(nodes)

    @cached_property
    def lca_level(self) -> Tensor:
        """Lowest level on which two nodes share a cluster, (n, n) int64; T if there is none.

        Raises:
            InputError: More than 2,048 nodes; :meth:`lca` serves pairs and windows.
        """
        if self.num_nodes > _DENSE:
            raise InputError(
                f"the table of all pairs is made up to {_DENSE} nodes, the graph has "
                f"{self.num_nodes}. Ask for the pairs of a window with lca(u, v)."
            )
        node = torch.arange(self.num_nodes, device=self.device)
        return self.lca(node[:, None], node)

    def lca(self, u: Tensor, v: Tensor) -> Tensor:
        """Return the lowest level on which u and v share a cluster; shapes broadcast."""
        level = torch.zeros_like(u + v)
        for row in self.assign:
            level += row[u] != row[v]  # who shares a cluster shares all above it
        return level

    @cached_property
    def seq_spd(self) -> Tensor:
        """Hops between the clusters of neighbours in leaf order, (T, n) int64.

        ``[r, i]`` counts hops in the graph of level r between the clusters of ``order[i - 1]`` and
        ``order[i]``: at most 16, 17 for more or none; 0 at the first node of each graph.
        """
        starts = self._reading.ptr[:-1].numpy()
        hops = sequence_hops(
            self._assign, self.order.cpu().numpy(), self.levels.edges.cpu().numpy(), starts
        )
        return self._own(hops)

    @cached_property
    def absolute(self) -> Tensor:
        """Place of each cluster in its tree, (K, 3): log size, place among siblings, depth.

        ``[log2(1 + size), index / (siblings - 1 or 1), depth / T]`` with the number of levels T of
        the cluster's graph and the root at depth 0.
        """
        kind = torch.get_default_dtype()
        siblings = torch.ones_like(self.parent)
        index = torch.zeros_like(self.parent)
        below = self.parent >= 0
        above = self.parent[below]  # within a level not sorted: clusters of one parent may be apart
        siblings[below] = self.children[above]
        by = torch.argsort(above, stable=True)
        first = self.children.cumsum(0) - self.children
        ids = below.nonzero()[:, 0][by]
        index[ids] = torch.arange(ids.numel(), device=self.device) - first[above[by]]
        own = self.levels_of_graph[self._token_graph]
        depth = (own - 1 - self.token_level).clamp(min=0)
        parts = (
            torch.log2(1 + self.size.to(kind)),
            index / (siblings - 1).clamp(min=1),
            depth / own,
        )
        return torch.stack([part.to(kind) for part in parts], dim=1)

    def cluster_features(self, h: Tensor, reduce: ClusterFeature | None = None) -> Tensor:
        """Return the features of all clusters from those of nodes, level by level.

        Args:
            h: Node features; differentiable.
            reduce: ``"mean"`` (over nodes), ``"sum"`` or ``"max"``; default the tokenizer's.

        Shapes:
            - ``h``: (n, d); returns: (K, d), the first n rows are ``h``

        Cost: time and memory O(K d).
        """
        reduce = reduce or self.cluster_feature
        each: Literal["max", "sum"] = "max" if reduce == "max" else "sum"
        rows, first = [h], 0
        counts = self.num_clusters.tolist()
        for r in range(self.num_levels - 1):
            above = self.parent[first : first + counts[r]] - self.offset[r + 1]
            rows.append(scatter_reduce(rows[-1], above, counts[r + 1], reduce=each))
            first += counts[r]
        found = torch.cat(rows)
        return found / self.size[:, None].to(found.dtype) if reduce == "mean" else found

    def sequences(self, nodes: Nodes | None = None) -> TokenSequences:
        """Return the sequences of the traversal.

        ``"dfs"``: one a node, its path; the mask has holes where clusters were carried over.
        ``"bfs"``: one for each level of each graph, from the root down. ``"order"``: one a graph,
        its nodes in leaf order.

        Args:
            nodes: Only the sequences of these nodes, in their order; of whole graphs those of the
                graphs that hold the nodes.

        Shapes:
            - ``nodes``: (B,) integer
        """
        if nodes is not None:
            nodes = check_nodes(nodes, self.num_nodes, self.device)
        if self.traversal == "dfs":
            return self._dfs(nodes)
        tokens = self._bfs if self.traversal == "bfs" else self._ordered
        return tokens if nodes is None else of_graphs(tokens, self._reading.batch[nodes])

    def _dfs(self, nodes: Tensor | None) -> TokenSequences:
        owner = torch.arange(self.num_nodes, device=self.device) if nodes is None else nodes
        path, mask = self.path[owner], self.path_mask[owner]
        level = torch.arange(self.num_levels - 1, -1, -1, device=self.device)
        return TokenSequences(
            path.masked_fill(~mask, 0),
            mask,
            owner,
            self._reading.batch[owner],
            "cluster",
            level=level.expand(path.shape),
            members=self.members,
        )

    @cached_property
    def _bfs(self) -> TokenSequences:
        graphs = torch.arange(self._reading.num_graphs, device=self.device)
        own = self.levels_of_graph
        graph = graphs.repeat_interleave(own)
        level = own[graph] - 1 - ranges(torch.zeros_like(own), own)
        top = self.num_levels - 1
        per_level = torch.zeros(self.num_levels, graphs.numel(), dtype=torch.int64)
        per_level = per_level.to(self.device)
        per_level.index_put_(
            (self.token_level, self._token_graph),
            torch.ones_like(self.token_level),
            accumulate=True,
        )
        before = per_level.cumsum(1) - per_level  # clusters of earlier graphs, on each level
        start = self.bfs_ptr[top - level] + before[level, graph]
        length = per_level[level, graph]
        index, mask = padded(self.bfs[ranges(start, length)], length)
        return TokenSequences(
            index,
            mask,
            torch.full_like(graph, -1),
            graph,
            "cluster",
            level=level[:, None].expand(index.shape),
            members=self.members,
        )

    @cached_property
    def _ordered(self) -> TokenSequences:
        index, mask = padded(self.order, self._reading.ptr.diff().to(self.device))
        graph = torch.arange(self._reading.num_graphs, device=self.device)
        return TokenSequences(index, mask, torch.full_like(graph, -1), graph, "node")

    @cached_property
    def _token_graph(self) -> Tensor:
        graph = torch.empty(self.num_tokens, dtype=torch.int64, device=self.device)
        for r in range(self.num_levels):
            graph[self.offset[r] + self.assign[r]] = self._reading.batch
        return graph

    def _left_to_right(self, level: int) -> Tensor:
        """Return the clusters of a level by the first of their nodes in leaf order."""
        found: Tensor = torch.unique_consecutive(self.assign[level][self.order])
        return found

    def _own(self, array: Any) -> Tensor:  # noqa: ANN401  (a numpy array)
        return torch.from_numpy(array).to(self.device)
