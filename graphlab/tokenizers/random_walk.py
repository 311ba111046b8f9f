"""Tokens that are subgraphs: the nodes of random walks of growing length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._hac_rounds import mixed_seed
from graphlab.ops._threads import run_blocks
from graphlab.tokenizers._hop_kernels import draw_walks, write_unions
from graphlab.tokenizers._input import Reading, check_nodes, read
from graphlab.tokenizers.base import TokenSequences

if TYPE_CHECKING:
    from graphlab.tokenizers.base import Nodes

__all__ = ["RandomWalk", "WalkTokens"]

_NODES = 256  # in a block


@dataclass(frozen=True, eq=False)
class WalkTokens:
    """Walks from each node, and the sets of nodes they reach.

    Args:
        walks: Nodes of each walk (n, M, m + 1), the start first.
        members: Nodes of each token, see :class:`TokenSequences`; token ``v * (m + 1) + j`` is the
            union of the first ``m - j + 1`` nodes of the walks of v.
        batch: Graph of each node (n,).
    """

    walks: Tensor
    members: tuple[Tensor, Tensor]
    batch: Tensor

    def sequences(self, nodes: Nodes | None = None) -> TokenSequences:
        """Return one sequence a node: its sets from the largest to the node itself."""
        n, _, steps = self.walks.shape
        device = self.walks.device
        owner = torch.arange(n, device=device)
        owner = owner if nodes is None else check_nodes(nodes, n, device)
        index = owner[:, None] * steps + torch.arange(steps, device=device)
        mask = torch.ones_like(index, dtype=torch.bool)
        return TokenSequences(
            index, mask, owner, self.batch[owner], "subgraph", members=self.members
        )


@dataclass(frozen=True, eq=False)
class RandomWalk:
    """Tokenizer of the subgraphs that random walks find, after Graph Mamba [behrouz2024]_.

    Graph Mamba draws new walks for each length; here shorter ones are the beginnings of the longer,
    so tokens are nested and cheaper. A step is a function of seed, node, walk and step alone: it
    depends neither on the machine nor on the other nodes asked for.

    Args:
        num_walks: Walks M from each node.
        length: Steps m of a walk; a node without neighbours stays.
        seed: Seed of all steps.

    Raises:
        InputError: No walks, or a negative length.

    Cost: time and memory O(n M m), and O(n M^2 m^2) at worst for the sets.

    Example:
        >>> tokens = RandomWalk(num_walks=2, length=1).batch([[0], [1]], nodes=[1])
        >>> tokens.index.tolist(), tokens.members[1].tolist()
        ([[2, 3]], [0, 1, 0, 0, 1, 1])
    """

    num_walks: int = 4
    length: int = 4
    seed: int = 0

    name = "random_walk"

    def __post_init__(self) -> None:
        if self.num_walks < 1 or self.length < 0:
            raise InputError(
                f"num_walks is {self.num_walks} and length {self.length}, expected at least one "
                "walk of at least 0 steps."
            )

    def fit(self, data: Any) -> WalkTokens:  # noqa: ANN401  (anything that describes a graph)
        """Return the walks of all nodes; those in a graph of a batch as they are alone."""
        reading = read(data)
        name = ("random_walk", self.num_walks, self.length, self.seed)
        return reading.keep(name, (), lambda: self._tokens(reading))

    def batch(self, data: Any, nodes: Nodes | None = None) -> TokenSequences:  # noqa: ANN401
        """Return the sequences of all nodes, or of some."""
        return self.fit(data).sequences(nodes)

    def _tokens(self, reading: Reading) -> WalkTokens:
        n, count, steps = reading.num_nodes, self.num_walks, self.length + 1
        simple = reading.graph.simple()
        indptr = simple.indptr.cpu().numpy()
        columns = np.ascontiguousarray(simple.columns.cpu().numpy())
        local, seed = reading.local.cpu().numpy(), mixed_seed(self.seed)
        walks = np.empty(n * count * steps, np.int64)

        def walk(first: int, last: int) -> None:
            end = min(last * _NODES, n)
            draw_walks(indptr, columns, local, seed, count, self.length, walks, first * _NODES, end)

        blocks, work = -(-n // _NODES), walks.size * 4
        run_blocks(walk, blocks, work)
        ptr = np.zeros(n * steps + 1, np.int64)

        def unite(out: np.ndarray[Any, Any]) -> None:
            def call(first: int, last: int) -> None:
                held = np.empty(count * steps + 1, np.int64)
                end = min(last * _NODES, n)
                write_unions(walks, count, self.length, held, ptr, out, first * _NODES, end)

            run_blocks(call, blocks, work)

        unite(np.empty(0, np.int64))
        np.cumsum(ptr, out=ptr)
        nodes = np.empty(int(ptr[-1]), np.int64)
        if n:
            unite(nodes)
        device = reading.graph.device
        members = (torch.from_numpy(ptr).to(device), torch.from_numpy(nodes).to(device))
        table = torch.from_numpy(walks.reshape(n, count, steps)).to(device)
        return WalkTokens(table, members, reading.batch)
