"""Tokens that are patches: the clusters of one level, or those of a partition."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.tokenizers._input import check_nodes, read
from graphlab.tokenizers._ragged import of_graphs, padded
from graphlab.tokenizers.base import TokenSequences
from graphlab.tokenizers.hac import HAC

if TYPE_CHECKING:
    from graphlab.tokenizers._input import Reading
    from graphlab.tokenizers.base import Nodes

__all__ = ["Patch", "PatchTokens"]


@dataclass(frozen=True, eq=False)
class PatchTokens:
    """Patches of each graph.

    Args:
        assign: Patch of each node (n,); patches of a graph follow each other.
        count: Patches of each graph (G,).
        batch: Graph of each node (n,).
    """

    assign: Tensor
    count: Tensor
    batch: Tensor

    @property
    def num_tokens(self) -> int:
        """Number of patches of all graphs."""
        return int(self.count.sum())

    @property
    def members(self) -> tuple[Tensor, Tensor]:
        """Row pointers and nodes of each patch, ascending."""
        size = torch.bincount(self.assign, minlength=self.num_tokens)
        ptr = torch.cat([size.new_zeros(1), size.cumsum(0)])
        return ptr, torch.argsort(self.assign, stable=True)

    def sequences(self, nodes: Nodes | None = None) -> TokenSequences:
        """Return one sequence a graph; with ``nodes`` those of the graphs that hold them."""
        device = self.assign.device
        index, mask = padded(torch.arange(self.num_tokens, device=device), self.count)
        graph = torch.arange(len(index), device=device)
        owner = torch.full_like(graph, -1)
        tokens = TokenSequences(index, mask, owner, graph, "cluster", members=self.members)
        if nodes is None:
            return tokens
        return of_graphs(tokens, self.batch[check_nodes(nodes, len(self.batch), device)])


@dataclass(frozen=True, eq=False)
class Patch:
    """Tokenizer whose tokens are disjoint parts of a graph.

    Args:
        level: Level of the clustering whose clusters are the patches; graphs with fewer levels
            give their highest.
        labels: The part of each node, such as a METIS partition, in place of a clustering.
        hac: The clustering.

    Shapes:
        - ``labels``: (n,) integer

    Raises:
        InputError: A negative level; labels of another length or not integer.

    Example:
        >>> Patch(labels=torch.tensor([5, 2, 5])).fit([[0, 1], [1, 2]]).assign.tolist()
        [1, 0, 1]
    """

    level: int = 1
    labels: Tensor | None = None
    hac: HAC = field(default_factory=HAC)

    name = "patch"

    def __post_init__(self) -> None:
        if self.level < 0:
            raise InputError(f"level is {self.level}, expected a level >= 0.")

    def fit(self, data: Any) -> PatchTokens:  # noqa: ANN401  (anything that describes a graph)
        """Return the patches of each graph; a graph of a batch has those it has alone."""
        reading = read(data)
        if self.labels is None:
            tree = self.hac.fit(data)
            row = tree.assign[min(self.level, tree.num_levels - 1)]
            name = ("patch", self.level)
            return reading.keep(name, (tree.levels,), lambda: _numbered(reading, row))
        labels = torch.as_tensor(self.labels, device=reading.graph.device)
        if labels.shape != (reading.num_nodes,) or labels.is_floating_point():
            raise InputError(
                f"labels has shape {tuple(labels.shape)} and type {labels.dtype}, expected one "
                f"integer for each of the {reading.num_nodes} nodes."
            )
        build = partial(_numbered, reading, labels.to(torch.int64))
        return reading.keep(("patch", "labels"), (self.labels,), build)

    def batch(self, data: Any, nodes: Nodes | None = None) -> TokenSequences:  # noqa: ANN401
        """Return the sequences of all graphs, or of those that hold some nodes."""
        return self.fit(data).sequences(nodes)


def _numbered(reading: Reading, labels: Tensor) -> PatchTokens:
    """Number labels anew, graph after graph and ascending within each."""
    pairs = torch.stack([reading.batch, labels], dim=1)
    known, assign = torch.unique(pairs, dim=0, return_inverse=True)
    count = torch.bincount(known[:, 0], minlength=reading.num_graphs)
    return PatchTokens(assign, count, reading.batch)
