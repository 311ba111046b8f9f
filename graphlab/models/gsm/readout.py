"""From encoded tokens back to nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.ops import scatter_softmax

if TYPE_CHECKING:
    from graphlab.tokenizers import TokenSequences

__all__ = ["NodeReadout"]


class NodeReadout(nn.Module):
    r"""One vector a node from the encoded tokens of its sequence, or of its graph's.

    Sequences of nodes: the last token (paths, walks), or for hops
    :math:`\mathbf o_0 + \sum_{k \ge 1} \alpha_k \mathbf o_k` with :math:`\alpha` the softmax of
    :math:`\mathbf w^\top [\mathbf o_0; \mathbf o_k]` [chen2023nagphormer]_. Sequences of graphs:
    the node's own token, or the mean (sum, attention) over the clusters or edges it is in; 0
    without any.

    Args:
        channels: Width d.
        tokenizer: Whose sequences these are.

    Shapes:
        - ``out``: (S, L, d); returns (B, d) for sequences of B nodes, (n, d) for those of graphs
    """

    def __init__(self, channels: int, tokenizer: Any) -> None:  # noqa: ANN401
        super().__init__()
        name = getattr(tokenizer, "name", "")
        self.own_token = getattr(tokenizer, "style", "") == "tokengt"
        self.agg = getattr(tokenizer, "agg", "mean") if name == "hac" else "mean"
        self.hop_score = nn.Linear(2 * channels, 1, bias=False) if name == "khop" else None
        asks = self.agg == "attention" and tokenizer.traversal == "bfs"
        self.score = nn.Linear(channels, 1, bias=False) if asks else None

    def forward(self, tokens: TokenSequences, out: Tensor, num_nodes: int) -> Tensor:
        """Return the rows of nodes."""
        owned = len(tokens) > 0 and bool((tokens.owner >= 0).all())
        if tokens.kind == "feature":
            return self._hops(tokens, out)
        if owned or (len(tokens) == 0 and tokens.kind in {"cluster", "subgraph"}):
            return out[:, -1] if len(tokens) else out.new_zeros(0, out.shape[-1])
        flat = out.reshape(-1, out.shape[-1])
        if tokens.kind == "node" or self.own_token:
            place = tokens.places(self._count(tokens, num_nodes))[:num_nodes]
            return _rows(flat, place)
        return self._containing(tokens, flat, num_nodes)

    def _count(self, tokens: TokenSequences, num_nodes: int) -> int:
        return num_nodes if tokens.members is None else tokens.members[0].numel() - 1

    def _hops(self, tokens: TokenSequences, out: Tensor) -> Tensor:
        if self.hop_score is None:
            raise InputError("tokens of kind 'feature' need a tokenizer with the name 'khop'.")
        own, rest = out[:, 0], out[:, 1:]
        if rest.shape[1] == 0:
            return own
        pairs = torch.cat([own[:, None].expand_as(rest), rest], -1)
        score = self.hop_score(pairs)[..., 0]
        share = _shares(score, tokens.mask[:, 1:])
        return own + (share[..., None] * rest).sum(1)

    def _containing(self, tokens: TokenSequences, flat: Tensor, n: int) -> Tensor:
        """Combine the tokens that each node is a member of."""
        if tokens.members is None:
            raise InputError(f"tokens of kind {tokens.kind!r} have no members.")
        ptr, nodes = tokens.members
        place = tokens.places(ptr.numel() - 1).repeat_interleave(ptr.diff())
        there = place >= 0
        place, nodes = place[there], nodes[there]
        rows = flat[place]
        if self.score is not None:
            rows = rows * scatter_softmax(self.score(flat)[place, 0], nodes, n)[:, None]
        sums = flat.new_zeros(n, flat.shape[1]).index_add(0, nodes, rows)
        if self.agg != "mean":
            return sums
        count = torch.bincount(nodes, minlength=n).clamp(min=1)
        return sums / count[:, None].to(flat.dtype)


def _shares(score: Tensor, mask: Tensor) -> Tensor:
    """Return the softmax over real tokens; 0 where there are none."""
    score = score.masked_fill(~mask, -torch.inf)
    top = score.detach().amax(1, keepdim=True).clamp(min=torch.finfo(score.dtype).min)
    power = torch.exp(score - top)
    return power / power.sum(1, keepdim=True).clamp(min=torch.finfo(score.dtype).tiny)


def _rows(flat: Tensor, place: Tensor) -> Tensor:
    """Return rows by place, 0 at -1."""
    if flat.shape[0] == 0:
        return flat.new_zeros(place.numel(), flat.shape[1])
    return flat[place.clamp(min=0)] * (place >= 0)[:, None]
