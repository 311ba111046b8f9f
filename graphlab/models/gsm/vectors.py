"""Vectors of tokens, made of the encoded nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.tokenizers import HACTree

if TYPE_CHECKING:
    from graphlab.tokenizers import TokenSequences

__all__ = ["TokenVectors", "member_means"]


class TokenVectors(nn.Module):
    """Vectors of the tokens of one tokenizer.

    A node has its local encoding; a cluster or subgraph the mean (or sum, or largest) of its
    nodes'; a hop the linear image of its features, hop 0 with the node's local encoding added; an
    edge the linear image of ``[h_u; h_v]``, its features and its identifiers.

    Args:
        channels: Width d.
        tokenizer: Whose tokens these are; decides which weights there are.
        features: Columns of the node features that tokenizers see.

    Shapes:
        - ``h``: (n, d); returns (S, L, d), 0 where there is no token
    """

    def __init__(self, channels: int, tokenizer: Any, features: int) -> None:  # noqa: ANN401
        super().__init__()
        name = getattr(tokenizer, "name", "")
        self.features = nn.Linear(features, channels) if name == "khop" else None
        self.ends = nn.Linear(2 * channels, channels) if name == "edge" else None
        self.identifiers: nn.Linear | None = None
        self.kinds: nn.Embedding | None = None
        if name == "edge" and tokenizer.style == "tokengt":
            self.kinds = nn.Embedding(2, channels)
            if tokenizer.identifiers == "orthonormal":
                self.identifiers = nn.Linear(2 * tokenizer.p, channels)

    def table(self, found: Any, h: Tensor) -> Tensor | None:  # noqa: ANN401  (a tokenizer's tokens)
        """Return the vectors of all clusters of a tree (K, d); None for other tokens."""
        if isinstance(found, HACTree) and found.traversal != "order":
            return found.cluster_features(h)
        return None

    def forward(
        self,
        tokens: TokenSequences,
        h: Tensor,
        *,
        table: Tensor | None = None,
        e: Tensor | None = None,
    ) -> Tensor:
        """Return the vectors.

        Args:
            tokens: The sequences.
            h: Encoded nodes.
            table: Vectors of all clusters, of :meth:`table`.
            e: Encoded features of the tokens that are edges (S, L, d).
        """
        index = tokens.index
        if tokens.kind == "feature":
            rows = self._hops(tokens, h)
        elif tokens.kind == "edge":
            rows = self._edges(tokens, h, e)
        elif tokens.kind == "node":
            rows = h[index]
        elif table is not None:
            rows = table[index]
        else:
            rows = _used_means(tokens, h)
        return rows * tokens.mask[..., None]

    def _hops(self, tokens: TokenSequences, h: Tensor) -> Tensor:
        if self.features is None or tokens.x is None:
            raise InputError("tokens of kind 'feature' need a tokenizer with the name 'khop'.")
        rows: Tensor = self.features(tokens.x.to(h.dtype))
        if tokens.length == 0:
            return rows
        return torch.cat([rows[:, :1] + h[tokens.owner][:, None], rows[:, 1:]], 1)

    def _edges(self, tokens: TokenSequences, h: Tensor, e: Tensor | None) -> Tensor:
        if self.ends is None or tokens.members is None:
            raise InputError("tokens of kind 'edge' need a tokenizer with the name 'edge'.")
        ptr, nodes = tokens.members
        if nodes.numel() == 0:
            return h.new_zeros(*tokens.index.shape, h.shape[1])
        first, last = nodes[ptr[tokens.index]], nodes[ptr[tokens.index + 1] - 1]
        d = h.shape[1]
        left, right = self.ends.weight[:, :d], self.ends.weight[:, d:]
        rows = nn.functional.linear(h, left, self.ends.bias)[first] + (h @ right.t())[last]
        rows = rows if e is None else rows + e
        if self.kinds is not None:
            rows = rows + self.kinds((first != last).long())
        if self.identifiers is not None and tokens.pe is not None:
            rows = rows + self.identifiers(tokens.pe.to(h.dtype))
        return rows


def member_means(members: tuple[Tensor, Tensor], ids: Tensor, h: Tensor) -> Tensor:
    """Return the mean over the nodes of some tokens.

    Args:
        members: Row pointers and nodes of all tokens.
        ids: The tokens (B,).
        h: Rows of nodes.

    Shapes:
        - ``h``: (n, d); returns: (B, d), 0 for tokens without nodes

    Example:
        >>> members = torch.tensor([0, 2, 3]), torch.tensor([0, 1, 1])
        >>> member_means(members, torch.tensor([1, 0]), torch.tensor([[2.0], [4.0]])).tolist()
        [[4.0], [3.0]]
    """
    ptr, nodes = members
    size = ptr.diff()[ids]
    number = torch.arange(ids.numel(), device=ids.device).repeat_interleave(size)
    before = size.cumsum(0) - size
    at = torch.arange(number.numel(), device=ids.device) - before[number] + ptr[ids][number]
    sums = h.new_zeros(ids.numel(), h.shape[1]).index_add(0, number, h[nodes[at]])
    return sums / size.clamp(min=1)[:, None].to(h.dtype)


def _used_means(tokens: TokenSequences, h: Tensor) -> Tensor:
    """Return member means of the tokens that occur, each computed once."""
    if tokens.members is None:
        raise InputError(f"tokens of kind {tokens.kind!r} have no members.")
    if tokens.members[0].numel() < 2:
        return h.new_zeros(*tokens.index.shape, h.shape[1])
    ids, place = torch.unique(tokens.index, return_inverse=True)
    return member_means(tokens.members, ids, h)[place]
