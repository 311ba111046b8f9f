"""Tokens that are nodes: one sequence a graph, in one of five orders."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._hac_rounds import mix64
from graphlab.tokenizers._input import Reading, check_nodes, read
from graphlab.tokenizers._ragged import of_graphs, padded
from graphlab.tokenizers.base import TokenSequences
from graphlab.tokenizers.hac import HAC

if TYPE_CHECKING:
    from graphlab.tokenizers.base import Nodes

__all__ = ["Node", "NodeTokens"]

Order = Literal["id", "degree", "hac", "rcm", "random"]


@dataclass(frozen=True, eq=False)
class NodeTokens:
    """Nodes of each graph in an order.

    Args:
        order: Nodes (n,), graph after graph.
        ptr: First place of each graph (G + 1,).
        batch: Graph of each node (n,).
    """

    order: Tensor
    ptr: Tensor
    batch: Tensor

    def sequences(self, nodes: Nodes | None = None) -> TokenSequences:
        """Return one sequence a graph; with ``nodes`` those of the graphs that hold them."""
        device = self.order.device
        index, mask = padded(self.order, self.ptr.diff().to(device))
        graph = torch.arange(len(index), device=device)
        tokens = TokenSequences(index, mask, torch.full_like(graph, -1), graph, "node")
        if nodes is None:
            return tokens
        return of_graphs(tokens, self.batch[check_nodes(nodes, len(self.batch), device)])


@dataclass(frozen=True, eq=False)
class Node:
    """Tokenizer whose tokens are the nodes.

    Args:
        order: ``"id"``; ``"degree"``, ascending, ties by id; ``"hac"``, the leaves of a clustering;
            ``"rcm"``, reverse Cuthill-McKee; ``"random"``, by a hash of seed and node.
        seed: Seed of the random order.
        hac: The clustering of ``"hac"``; default :class:`HAC` as it comes.

    Raises:
        InputError: An unknown order.

    Example:
        >>> Node(order="degree").batch([[0, 0, 0], [1, 2, 3]]).index.tolist()
        [[1, 2, 3, 0]]
    """

    order: Order = "id"
    seed: int = 0
    hac: HAC = field(default_factory=HAC)

    name = "node"

    def __post_init__(self) -> None:
        known = get_args(Order)
        if self.order not in known:
            raise InputError(f"order is {self.order!r}, expected one of {', '.join(known)}.")

    def fit(self, data: Any) -> NodeTokens:  # noqa: ANN401  (anything that describes a graph)
        """Return the nodes of each graph in order; a graph of a batch as it is alone."""
        reading = read(data)
        if self.order == "hac":
            tree = self.hac.fit(data)
            build = partial(self._tokens, reading, tree.order)
            return reading.keep(("node", "hac", 0), (tree.levels,), build)
        name = ("node", self.order, self.seed)
        return reading.keep(name, (), lambda: self._tokens(reading, self._ordered(reading)))

    def batch(self, data: Any, nodes: Nodes | None = None) -> TokenSequences:  # noqa: ANN401
        """Return the sequences of all graphs, or of those that hold some nodes."""
        return self.fit(data).sequences(nodes)

    def _tokens(self, reading: Reading, order: Tensor) -> NodeTokens:
        return NodeTokens(order, reading.ptr, reading.batch)

    def _ordered(self, reading: Reading) -> Tensor:
        n, device = reading.num_nodes, reading.graph.device
        if self.order == "id":
            return torch.arange(n, device=device)
        if self.order == "rcm":
            return _narrow(reading).to(device)
        if self.order == "degree":
            key = reading.graph.simple().degree().cpu().numpy()
        else:
            seed = mix64(np.array([self.seed & (2**64 - 1)], np.uint64))
            key = mix64(seed ^ reading.local.cpu().numpy().astype(np.uint64))
        by = np.lexsort((key, reading.batch.cpu().numpy()))
        return torch.from_numpy(by).to(device)


def _narrow(reading: Reading) -> Tensor:
    """Return the reverse Cuthill-McKee order of each graph."""
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    matrix, parts = reading.graph.simple().to_scipy(), [np.empty(0, np.int64)]
    for first, last in itertools.pairwise(reading.ptr.tolist()):
        if last > first:
            part = matrix[first:last, first:last].tocsr()
            parts.append(first + reverse_cuthill_mckee(part, symmetric_mode=True).astype(np.int64))
    return torch.from_numpy(np.concatenate(parts))
