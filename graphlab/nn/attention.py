"""Attention over sequences of tokens: with masks whose rows may be empty, windows, and a bias."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.nn._encoder_checks import rate, size

if TYPE_CHECKING:
    from graphlab.nn.hierarchical_pe import TreeBias

__all__ = ["LinearAttentionBlock", "TransformerBlock"]

_MOST = 4096  # tokens up to which all pairs are computed
_MOST_BIASED = 2048  # with a bias, which is a table of all pairs
_WINDOW = 256  # above


class _Block(nn.Module):
    """Norm, attention, residual; norm, perceptron of four times the width, residual."""

    def __init__(self, channels: int, *, heads: int, dropout: float) -> None:
        super().__init__()
        self.channels, self.heads = size("channels", channels), size("heads", heads)
        if channels % heads:
            raise InputError(f"heads is {heads}, expected a divisor of the width {channels}.")
        self.dropout = rate("dropout", dropout)
        self.norm, self.norm_rows = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.into = nn.Linear(channels, 3 * channels)
        self.out = nn.Linear(channels, channels)
        self.rows = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def reset_parameters(self) -> None:
        """Draw all weights anew, from torch's global generator."""
        for part in (self.norm, self.norm_rows, self.into, self.out, self.rows[0], self.rows[2]):
            part.reset_parameters()  # type: ignore[operator]  # each of them has it

    def _run(self, h: Tensor, mask: Tensor | None, bias: TreeBias | None) -> Tensor:
        if h.dim() != 3 or h.shape[2] != self.channels:
            raise InputError(f"h has shape {tuple(h.shape)}, expected (S, L, {self.channels}).")
        if mask is not None and mask.shape != h.shape[:2]:
            raise InputError(f"mask has shape {tuple(mask.shape)}, expected {tuple(h.shape[:2])}.")
        parts = self.into(self.norm(h)).unflatten(-1, (3, self.heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (S, H, L, d / H)
        found = self._attend(query, key, value, mask, bias)
        h = h + self._drop(self.out(found.transpose(1, 2).flatten(2)))
        h = h + self._drop(self.rows(self.norm_rows(h)))
        return h if mask is None else h * mask[..., None]

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        bias: TreeBias | None,
    ) -> Tensor:
        """Return what each token receives, (S, H, L, d / H)."""
        raise NotImplementedError

    def _drop(self, h: Tensor) -> Tensor:
        return nn.functional.dropout(h, self.dropout, self.training)


class TransformerBlock(_Block):
    r"""Pre-norm Transformer block with masks, windows and a bias on pairs of tokens.

    A token that may look at nothing receives 0. In a window a token looks at its own block of
    ``window`` positions and at the block before.

    Args:
        channels: Width d.
        heads: Heads; must divide ``channels``.
        window: Length of a block. None: all pairs up to 4,096 tokens (2,048 with a bias), blocks
            of 256 above.
        dropout: Dropout rate before both residuals.

    Shapes:
        - ``h``: (S, L, d) float; ``mask``: (S, L) bool; returns (S, L, d), 0 at masked tokens

    Raises:
        InputError: A size below 1, heads that do not divide the width, shapes that do not fit.

    Cost: time and memory O(S H L^2), in windows O(S H L w).

    Example:
        >>> block = TransformerBlock(8, heads=2)
        >>> nothing = torch.zeros(1, 3, dtype=torch.bool)
        >>> block(torch.ones(1, 3, 8), nothing).abs().sum().item()
        0.0
    """

    def __init__(
        self, channels: int, *, heads: int = 4, window: int | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__(channels, heads=heads, dropout=dropout)
        self.window = None if window is None else size("window", window)

    def forward(
        self, h: Tensor, mask: Tensor | None = None, bias: TreeBias | None = None
    ) -> Tensor:
        """Return (S, L, d).

        Args:
            h: Tokens.
            mask: Whether there is a token; None: everywhere.
            bias: What is added to the scores of pairs.
        """
        return self._run(h, mask, bias)

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        bias: TreeBias | None,
    ) -> Tensor:
        length = query.shape[2]
        window = self.window
        if window is None and length > (_MOST if bias is None else _MOST_BIASED):
            window = _WINDOW
        if window is not None and window < length:
            return _windowed(query, key, value, mask, bias, window)
        visible = None if mask is None else mask[:, None, None, :]
        scores = None if bias is None else bias.table().to(query.dtype)
        return _attention(query, key, value, visible, scores)

    def extra_repr(self) -> str:
        """Show what is no module."""
        return f"heads={self.heads}, window={self.window}, dropout={self.dropout}"


class LinearAttentionBlock(_Block):
    r"""The same block with attention whose cost grows with the length, not with its square.

    .. math:: \mathbf o_i = \frac{\phi(\mathbf q_i)^\top \sum_j \phi(\mathbf k_j)
        \mathbf v_j^\top}{\phi(\mathbf q_i)^\top \sum_j \phi(\mathbf k_j)}, \qquad
        \phi(x) = \mathrm{elu}(x) + 1

    over all tokens, before and behind (Katharopoulos et al., ICML 2020, eq. 7).

    Args:
        channels: Width d.
        heads: Heads; must divide ``channels``.
        dropout: Dropout rate before both residuals.

    Shapes:
        - as for :class:`TransformerBlock`

    Cost: time O(S L d^2), memory O(S L d).

    Example:
        >>> LinearAttentionBlock(8, heads=2)(torch.ones(1, 3, 8)).shape
        torch.Size([1, 3, 8])
    """

    def __init__(self, channels: int, *, heads: int = 4, dropout: float = 0.0) -> None:
        super().__init__(channels, heads=heads, dropout=dropout)

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return (S, L, d)."""
        return self._run(h, mask, None)

    def _attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        bias: TreeBias | None,
    ) -> Tensor:
        del bias  # there are no scores of pairs
        query, key = nn.functional.elu(query) + 1, nn.functional.elu(key) + 1
        if mask is not None:
            key = key * mask[:, None, :, None]
        sums = key.transpose(-1, -2) @ value
        weight = query @ key.sum(2)[..., None]
        return (query @ sums) / weight.clamp(min=torch.finfo(weight.dtype).tiny)


def _attention(
    query: Tensor, key: Tensor, value: Tensor, visible: Tensor | None, scores: Tensor | None
) -> Tensor:
    """Attend; rows that see nothing get 0 and pass no gradient on.

    Args:
        query: (..., L, d).
        key: (..., M, d).
        value: (..., M, d).
        visible: Broadcasts to (..., L, M).
        scores: Added to the scores, broadcasts to (..., L, M).
    """
    attend = nn.functional.scaled_dot_product_attention
    if visible is None and scores is None:
        return attend(query, key, value)
    if visible is None:
        return attend(query, key, value, attn_mask=scores)
    blind = ~visible.any(-1, keepdim=True)
    visible = visible | blind  # then they see all: any number will do, it is cleared below
    if scores is None:
        shape = (*query.shape[:-1], key.shape[-2])
        table = visible.expand(shape) if visible.dim() == query.dim() else visible
    else:
        table = torch.where(visible, scores, -torch.inf)
    return attend(query, key, value, attn_mask=table).masked_fill(blind, 0.0)


def _windowed(  # noqa: PLR0917  (private)
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    bias: TreeBias | None,
    window: int,
) -> Tensor:
    """Attend within blocks and to the block before each."""
    s, _, length, _ = query.shape
    count = -(-length // window)
    pad = count * window - length
    if mask is None:
        mask = torch.ones(s, length, dtype=torch.bool, device=query.device)

    def blocks(rows: Tensor, *, before: bool) -> Tensor:
        """Return (S, c, H, w, d), or 2 w rows with those of the block before."""
        rows = nn.functional.pad(rows, (0, 0, 0, pad))
        rows = torch.unflatten(rows, 2, (count, window))
        if before:
            earlier = nn.functional.pad(rows[:, :, :-1], (0, 0, 0, 0, 1, 0))
            rows = torch.cat([earlier, rows], 3)
        return rows.transpose(1, 2)

    seen = blocks(mask[:, None, :, None], before=True).squeeze(-1)  # (S, c, 1, 2 w)
    scores = None if bias is None else bias.blocks(count, window).to(query.dtype)
    out = _attention(
        blocks(query, before=False).flatten(0, 1),
        blocks(key, before=True).flatten(0, 1),
        blocks(value, before=True).flatten(0, 1),
        seen[..., None, :].flatten(0, 1),
        scores,
    )
    out = torch.unflatten(out, 0, (s, count)).transpose(1, 2)  # (S, H, c, w, d)
    joined: Tensor = out.flatten(2, 3)
    return joined[:, :, :length]
