"""MLPReadout and what is read out of a batch: nodes, graphs, pairs of nodes."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from graphlab.models._inputs import positive
from graphlab.models.benchmark._parts import ReferenceWeights

__all__ = ["MLPReadout", "Pooling", "SetToSet", "pair_scores", "pool_graphs"]

Pooling = Literal["mean", "sum", "max"]


class MLPReadout(ReferenceWeights):
    r"""Halving multilayer perceptron, the head of *Benchmarking Graph Neural Networks*.

    [dwivedi2023]_: :math:`d \to \lfloor d/2 \rfloor \to \lfloor d/4 \rfloor \to C`, relu between.

    Args:
        d: Width of the input.
        out: Width of the output, :math:`C`.
        depth: Hidden layers.

    Shapes:
        - ``h``: (..., d); returns (..., C)

    Raises:
        InputError: A size below 1, or a width that cannot be halved ``depth`` times.

    Example:
        >>> MLPReadout(16, 3)(torch.ones(5, 16)).shape
        torch.Size([5, 3])
    """

    def __init__(self, d: int, out: int, depth: int = 2) -> None:
        super().__init__()
        positive("out", out)
        positive("d", d, least=2 ** positive("depth", depth, least=0))
        widths = [d >> k for k in range(depth + 1)] + [out]
        self.FC_layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, h: Tensor) -> Tensor:
        """Return scores."""
        for k, layer in enumerate(self.FC_layers):
            h = layer(torch.relu(h) if k else h)
        return h

    def of_pairs(self, h: Tensor, pairs: Tensor) -> Tensor:
        """Return scores of ``[h_i || h_j]``; the first product is done for nodes, not for pairs."""
        first, *others = self.FC_layers
        assert isinstance(first, nn.Linear)  # noqa: S101  (built above)
        h = pair_scores(first, h, pairs)
        for layer in others:
            h = layer(torch.relu(h))
        return h


def pair_scores(linear: nn.Linear, h: Tensor, pairs: Tensor) -> Tensor:
    """Return ``linear([h_i || h_j])`` for pairs (2, B), without a row of 2d numbers a pair."""
    left, right = linear.weight[:, : h.shape[1]], linear.weight[:, h.shape[1] :]
    out: Tensor = torch.nn.functional.linear(h, left, linear.bias).index_select(0, pairs[0])
    return out + (h @ right.t()).index_select(0, pairs[1])


def pool_graphs(h: Tensor, graph: Tensor, num_graphs: int, pooling: Pooling) -> Tensor:
    """Reduce the nodes of each graph, (B, d); graphs without nodes give 0.

    Args:
        h: Rows of nodes.
        graph: Graph of each node, (n,) int64.
        num_graphs: Number of graphs B.
        pooling: ``"mean"``, ``"sum"`` or ``"max"``.
    """
    out = h.new_zeros((num_graphs, h.shape[1]))
    if pooling == "max":
        index = graph[:, None].expand_as(h)
        return out.scatter_reduce(0, index, h, "amax", include_self=False)
    out = out.index_add(0, graph, h)
    if pooling == "sum":
        return out
    count = torch.bincount(graph, minlength=num_graphs).clamp(min=1)
    return out / count[:, None].to(h.dtype)


class SetToSet(nn.Module):
    """Attention over the nodes of each graph, asked once by a network that starts from nothing.

    *Order Matters: Sequence to Sequence for Sets*, one step: the answer is ``[q || r]`` with r the
    mean of nodes weighted by a softmax of their inner products with q.

    Args:
        channels: Width d of the nodes.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(2 * channels, channels)

    def forward(self, h: Tensor, graph: Tensor, num_graphs: int) -> Tensor:
        """Return (B, 2d)."""
        start = h.new_zeros((1, num_graphs, 2 * h.shape[1]))
        query = self.lstm(start)[0][0]
        score = (h * query.index_select(0, graph)).sum(1)
        low = score.new_full((num_graphs,), -torch.inf)
        top = low.scatter_reduce(0, graph, score.detach(), "amax")
        power = torch.exp(score - top.index_select(0, graph))
        total = score.new_zeros(num_graphs).index_add(0, graph, power)
        share = power / total.index_select(0, graph)
        answer = torch.zeros_like(query).index_add(0, graph, share[:, None] * h)
        return torch.cat([query, answer], 1)
