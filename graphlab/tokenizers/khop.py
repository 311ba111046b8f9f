"""Tokens that are hops: features propagated k times, or means over nodes at distance k."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops import spmm
from graphlab.ops._threads import run_blocks
from graphlab.tokenizers._hop_kernels import ring_sums
from graphlab.tokenizers._input import Reading, check_nodes, read
from graphlab.tokenizers.base import TokenSequences

if TYPE_CHECKING:
    from graphlab.tokenizers.base import Nodes

__all__ = ["HopTokens", "KHop"]

Mode = Literal["propagate", "ring"]
_NODES = 64  # in a block


@dataclass(frozen=True, eq=False)
class HopTokens:
    """Features of each node's hops.

    Args:
        x: Features (n, K + 1, F); hop 0 is the node itself.
        count: Nodes at each distance (n, K + 1); None for propagated features.
        batch: Graph of each node (n,).
    """

    x: Tensor
    count: Tensor | None
    batch: Tensor

    def sequences(self, nodes: Nodes | None = None) -> TokenSequences:
        """Return one sequence a node, hop 0 first; empty rings are masked."""
        n, hops = self.x.shape[:2]
        device = self.x.device
        all_nodes = torch.arange(n, device=device)
        owner = all_nodes if nodes is None else check_nodes(nodes, n, device)
        index = owner[:, None] * hops + torch.arange(hops, device=device)
        mask = torch.ones_like(index, dtype=torch.bool)
        if self.count is not None:
            mask = self.count[owner] > 0
        index = index.masked_fill(~mask, 0)
        return TokenSequences(
            index,
            mask,
            owner,
            self.batch[owner],
            "feature",
            self.x if nodes is None else self.x[owner],
        )


@dataclass(frozen=True, eq=False)
class KHop:
    r"""Tokenizer whose tokens are the hops around a node.

    ``mode="propagate"``: :math:`\mathbf x_k = \hat{\mathbf A}^k \mathbf x` with
    :math:`\hat{\mathbf A} = \mathbf D^{-1/2} (\mathbf A + \mathbf I) \mathbf D^{-1/2}`
    [chen2023nagphormer]_; an isolated node keeps its features. ``mode="ring"``: token k is the mean
    over the nodes at distance exactly k.

    Args:
        K: Number of hops.
        mode: What a token holds.

    Raises:
        InputError: A negative ``K``, an unknown mode, a graph without features.

    Cost: ``"propagate"`` O(K m F) time, ``"ring"`` that of a search up to depth K from each node;
    O(n K F) memory.

    Example:
        >>> from types import SimpleNamespace
        >>> path = SimpleNamespace(edge_index=torch.tensor([[0, 1], [1, 2]]), x=torch.eye(3))
        >>> tokens = KHop(K=2, mode="ring").fit(path)
        >>> tokens.x[0].tolist(), tokens.count[1].tolist()
        ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [1, 2, 0])
    """

    K: int = 3
    mode: Mode = "propagate"

    name = "khop"

    def __post_init__(self) -> None:
        known = get_args(Mode)
        if self.mode not in known:
            raise InputError(f"mode is {self.mode!r}, expected one of {', '.join(known)}.")
        if self.K < 0:
            raise InputError(f"K is {self.K}, expected a number of hops >= 0.")

    def fit(self, data: Any) -> HopTokens:  # noqa: ANN401  (anything that describes a graph)
        """Return the hops of all nodes."""
        reading = read(data)
        if reading.x is None:
            raise InputError("tokens of hops are features, but the graph has no x. Give x.")
        build = self._propagated if self.mode == "propagate" else self._rings
        x = reading.x.detach()
        x = x.to_dense() if x.layout != torch.strided else x
        x = x.flatten(1) if x.dim() > 1 else x[:, None]
        x = x if x.is_floating_point() else x.to(torch.get_default_dtype())
        return reading.keep(("khop", self.K, self.mode), (), lambda: build(reading, x))

    def batch(self, data: Any, nodes: Nodes | None = None) -> TokenSequences:  # noqa: ANN401
        """Return the sequences of all nodes, or of some."""
        return self.fit(data).sequences(nodes)

    def _propagated(self, reading: Reading, x: Tensor) -> HopTokens:
        simple = reading.graph.simple()
        scale = (simple.degree().to(x.dtype) + 1).rsqrt()[:, None]
        out = x.new_empty(len(x), self.K + 1, x.shape[1])
        out[:, 0] = x
        for k in range(1, self.K + 1):
            x = x * scale
            x = (spmm(simple, x) + x) * scale
            out[:, k] = x
        # the rest of a component counts for an isolated node's own features: nothing, exactly
        alone = simple.degree() == 0
        out[alone] = out[alone][:, :1]
        return HopTokens(out, None, reading.batch)

    def _rings(self, reading: Reading, x: Tensor) -> HopTokens:
        simple, n, width = reading.graph.simple(), reading.num_nodes, x.shape[1]
        indptr, columns = simple.indptr.cpu().numpy(), simple.columns.cpu().numpy()
        kind = torch.float64 if x.dtype == torch.float64 else torch.float32
        rows = x.to("cpu", kind).contiguous().numpy().reshape(-1)
        count = np.zeros((n, self.K + 1), np.int64)
        sums = np.zeros((n, self.K + 1, width))
        counts, totals = count.reshape(-1), sums.reshape(-1)
        columns = np.ascontiguousarray(columns)

        def call(first: int, last: int) -> None:
            seen, queue = np.full(n, -1, np.int64), np.empty(n, np.int64)
            end = min(last * _NODES, n)
            ring_sums(
                indptr,
                columns,
                rows,
                width,
                self.K,
                seen,
                queue,
                counts,
                totals,
                first * _NODES,
                end,
            )

        run_blocks(call, -(-n // _NODES), (n + columns.size) * (self.K + 1))
        mean = torch.from_numpy(sums / np.maximum(count, 1)[..., None])
        device = reading.graph.device
        return HopTokens(
            mean.to(device, x.dtype), torch.from_numpy(count).to(device), reading.batch
        )
