"""Encoders of token sequences: attention, state spaces, recurrence, and what joins them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.nn._encoder_checks import rate, size
from graphlab.nn.attention import LinearAttentionBlock, TransformerBlock
from graphlab.nn.hierarchical_pe import HierarchicalPE
from graphlab.nn.ssd import SSDMixer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphlab.nn.hierarchical_pe import TreeBias

__all__ = ["GLOBAL_ENCODERS", "GRULayer", "HybridEncoder", "SequenceEncoder"]

GLOBAL_ENCODERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "transformer": ("transformer",),
        "ssd": ("ssd",),
        "gru": ("gru",),
        "linear_attention": ("linear_attention",),
        "hybrid": ("ssd", "ssd", "transformer"),
    }
)
"""Layers of one block of each encoder, by name."""


class GRULayer(nn.Module):
    """Gated recurrent unit with a norm before and the input added; masked tokens are absent.

    Args:
        channels: Width d.
        dropout: Dropout rate before the residual.
        bidirectional: Add a pass over the reversed sequence, with the same weights.

    Shapes:
        - ``h``: (S, L, d) float; ``mask``: (S, L) bool; returns (S, L, d), 0 at masked tokens

    Cost: time O(S L d^2) in L steps, one after the other.

    Example:
        >>> GRULayer(4)(torch.ones(2, 3, 4)).shape
        torch.Size([2, 3, 4])
    """

    def __init__(self, channels: int, *, dropout: float = 0.0, bidirectional: bool = False) -> None:
        super().__init__()
        self.dropout, self.bidirectional = rate("dropout", dropout), bidirectional
        self.norm = nn.LayerNorm(size("channels", channels))
        self.unit = nn.GRU(channels, channels, batch_first=True)

    def reset_parameters(self) -> None:
        """Draw all weights anew, from torch's global generator."""
        self.norm.reset_parameters()
        self.unit.reset_parameters()

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return (S, L, d)."""
        rows = self.norm(h)
        y = self._pass(rows, mask)
        if self.bidirectional:
            back = None if mask is None else mask.flip(1)
            y = y + self._pass(rows.flip(1), back).flip(1)
        h = h + nn.functional.dropout(y, self.dropout, self.training)
        return h if mask is None else h * mask[..., None]

    def _pass(self, rows: Tensor, mask: Tensor | None) -> Tensor:
        if rows.shape[0] == 0 or rows.shape[1] == 0:
            return rows
        if mask is None or bool(mask.all()):
            return cast("Tensor", self.unit(rows)[0])
        # real tokens first, in their order: what comes behind them they never see
        order = torch.argsort((~mask).long(), dim=1, stable=True)[..., None].expand(rows.shape)
        found = self.unit(rows.gather(1, order))[0]
        return torch.zeros_like(found).scatter(1, order, found)


class SequenceEncoder(nn.Module):
    """Global encoder of a graph-sequence model: layers of one kind, or of several in turn.

    Args:
        channels: Width d.
        kind: A key of :data:`GLOBAL_ENCODERS`.
        num_blocks: How often its layers are repeated.
        heads: Heads of attention.
        dropout: Dropout rate of all layers.
        bidirectional: Whether layers with a direction (``ssd``, ``gru``) read both ways.
        window: Blocks of the Transformer, see :class:`TransformerBlock`.
        pe: Positional encodings; of them ``"lca"`` acts here, in the Transformer.
        state: Numbers in the state of a channel of ``ssd``.

    Shapes:
        - ``h``: (S, L, d) float; ``mask``: (S, L) bool; ``pe``: (S, L, T) int64; ``level``: (S, L)
          int64; returns (S, L, d), 0 at masked tokens

    Raises:
        InputError: An unknown kind, a size below 1, heads that do not divide the width.

    Cost: that of the layers.

    Example:
        >>> SequenceEncoder(8, "hybrid", heads=2)(torch.ones(2, 5, 8)).shape
        torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        channels: int,
        kind: str,
        *,
        num_blocks: int = 1,
        heads: int = 4,
        dropout: float = 0.0,
        bidirectional: bool = False,
        window: int | None = None,
        pe: str = "none",
        state: int = 16,
    ) -> None:
        super().__init__()
        if kind not in GLOBAL_ENCODERS:
            raise InputError(
                f"global_encoder is {kind!r}, expected one of {', '.join(GLOBAL_ENCODERS)}."
            )
        names = GLOBAL_ENCODERS[kind] * size("num_blocks", num_blocks)
        self.channels, self.kind = size("channels", channels), kind

        def layer(name: str) -> nn.Module:
            if name == "ssd":
                return SSDMixer(channels, state=state, dropout=dropout, bidirectional=bidirectional)
            if name == "gru":
                return GRULayer(channels, dropout=dropout, bidirectional=bidirectional)
            if name == "linear_attention":
                return LinearAttentionBlock(channels, heads=heads, dropout=dropout)
            return TransformerBlock(channels, heads=heads, window=window, dropout=dropout)

        self.layers = nn.ModuleList(layer(name) for name in names)
        wanted = "lca" in pe.split("+") and "transformer" in names
        self.position = HierarchicalPE(channels, "lca", heads=heads) if wanted else None

    def reset_parameters(self) -> None:
        """Draw all weights anew, layer by layer, from torch's global generator."""
        for part in (*self.layers, self.position):
            if part is not None:
                cast("SSDMixer", part).reset_parameters()

    def forward(
        self,
        h: Tensor,
        mask: Tensor | None = None,
        pe: Tensor | None = None,
        level: Tensor | None = None,
    ) -> Tensor:
        """Return the encoded tokens.

        Args:
            h: Tokens.
            mask: Whether there is a token; None: everywhere.
            pe: Cluster of each token on every level of a clustering, for the bias ``"lca"``.
            level: Level of each token's own cluster; alone it is taken for that of a path.
        """
        bias: TreeBias | None = None
        if self.position is not None:
            bias = self.position.bias(level=level, clusters=pe)
        if mask is not None:
            h = h * mask[..., None]
        for layer in self.layers:
            h = layer(h, mask, bias) if isinstance(layer, TransformerBlock) else layer(h, mask)
        return h

    def extra_repr(self) -> str:
        """Show the kind."""
        return f"{self.channels}, {self.kind!r}"


class HybridEncoder(SequenceEncoder):
    """State spaces, then attention: two :class:`SSDMixer` and a Transformer block, repeated.

    Recurrent layers first and the Transformer last is what [behrouz2025]_ proposes; two to one is
    the reading of one summary of it.

    Args:
        channels: Width d.
        num_blocks: How often the three layers are repeated.
        heads: Heads of attention.
        dropout: Dropout rate of all layers.
        bidirectional: Whether the state spaces read both ways.
        window: As for :class:`TransformerBlock`.
        pe: As for :class:`SequenceEncoder`.
        state: Numbers in the state of a channel.

    Shapes:
        - as for :class:`SequenceEncoder`

    Example:
        >>> mask = torch.tensor([[True, True, False]])
        >>> HybridEncoder(8, heads=2)(torch.ones(1, 3, 8), mask)[0, 2].abs().sum().item()
        0.0
    """

    def __init__(
        self,
        channels: int,
        *,
        num_blocks: int = 1,
        heads: int = 4,
        dropout: float = 0.0,
        bidirectional: bool = False,
        window: int | None = None,
        pe: str = "none",
        state: int = 16,
    ) -> None:
        super().__init__(
            channels,
            "hybrid",
            num_blocks=num_blocks,
            heads=heads,
            dropout=dropout,
            bidirectional=bidirectional,
            window=window,
            pe=pe,
            state=state,
        )
