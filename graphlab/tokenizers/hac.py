"""Tokens of hierarchical affinity clustering: paths, levels, or nodes in leaf order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from graphlab.errors import InputError
from graphlab.ops.hac import check_levels, check_weight_name, hac_levels
from graphlab.tokenizers._input import read
from graphlab.tokenizers.tree import ClusterFeature, HACTree, Traversal

if TYPE_CHECKING:
    from torch import Tensor

    from graphlab.tokenizers.base import Nodes, TokenSequences

__all__ = ["HAC"]

Aggregation = Literal["mean", "sum", "attention"]


@dataclass(frozen=True, eq=False)
class HAC:
    """Tokenizer by hierarchical affinity clustering [behrouz2025]_.

    Rounds, tie rule and outputs are described at :func:`graphlab.ops.hac_levels` and
    :class:`HACTree`. The paper leaves tie rules, numbering and the order of children open; they are
    ours. The clustering is deterministic but not equivariant: other node ids break ties otherwise.

    Args:
        weight: ``"auto"``, ``"cosine"``, ``"l2"``, ``"jaccard"``, ``"unit"``, or a tensor of one
            number for each column of ``edge_index``.
        tie_seed: Seed of the hash that breaks ties.
        max_levels: Keep at most this many levels.
        add_root: Put a virtual root over what stays apart.
        cluster_feature: How features of clusters come from those of their nodes.
        traversal: ``"dfs"``: each node is its path from the root; ``"bfs"``: one sequence a level;
            ``"order"``: all nodes in the order of the leaves.
        agg: How a node's output is made of those of its clusters with ``"bfs"``.

    Raises:
        InputError: An unknown option.

    Example:
        >>> star = [[0, 0, 0], [1, 2, 3]]
        >>> tokens = HAC(weight="unit").batch(star, nodes=[2])
        >>> tokens.index.tolist(), tokens.owner.tolist()
        ([[4, 2]], [2])
    """

    weight: str | Tensor = "auto"
    tie_seed: int = 0
    max_levels: int | None = None
    add_root: bool = True
    cluster_feature: ClusterFeature = "mean"
    traversal: Traversal = "dfs"
    agg: Aggregation = "mean"

    name = "hac"

    def __post_init__(self) -> None:
        check_levels(self.max_levels)
        check_weight_name(self.weight)
        for option, values in (
            ("cluster_feature", ClusterFeature),
            ("traversal", Traversal),
            ("agg", Aggregation),
        ):
            value, known = getattr(self, option), get_args(values)
            if value not in known:
                raise InputError(f"{option} is {value!r}, expected one of {', '.join(known)}.")

    def fit(self, data: Any) -> HACTree:  # noqa: ANN401  (anything that describes a graph)
        """Return the tree of a graph, or of the graphs of a batch; each as it is alone."""
        reading = read(data)
        by_name = isinstance(self.weight, str)
        options = (self.tie_seed, self.max_levels, self.add_root)
        key = ("hac", self.weight if by_name else "given", *options)
        held = () if by_name else (self.weight,)

        def build() -> HACTree:
            levels = hac_levels(
                reading.graph,
                self.weight,
                x=reading.x,
                ptr=reading.ptr,
                tie_seed=self.tie_seed,
                max_levels=self.max_levels,
                add_root=self.add_root,
            )
            return HACTree(levels, reading)

        tree = reading.keep(key, held, build)
        style = (self.traversal, self.cluster_feature)
        if style == (tree.traversal, tree.cluster_feature):
            return tree
        return reading.keep((*key, *style), held, lambda: tree.styled(*style))

    def batch(self, data: Any, nodes: Nodes | None = None) -> TokenSequences:  # noqa: ANN401
        """Return the sequences of all nodes, or of some."""
        return self.fit(data).sequences(nodes)
