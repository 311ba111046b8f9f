"""Lists of different lengths as padded tables, and sequences of whole graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from graphlab.tokenizers.base import TokenSequences

__all__ = ["of_graphs", "padded", "ranges"]


def ranges(start: Tensor, length: Tensor) -> Tensor:
    """Return the numbers ``start[i]`` to ``start[i] + length[i] - 1``, one range after another."""
    total = int(length.sum())
    before = length.cumsum(0) - length
    shift = (start - before).repeat_interleave(length, output_size=total)
    return torch.arange(total, device=start.device) + shift


def padded(flat: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Return lists that stand one after another as a table, padded on the right, and its mask.

    Shapes:
        - ``flat``: (sum of lengths, ...); ``length``: (S,)
        - returns: (S, L, ...) with 0 where there is nothing, and (S, L) bool
    """
    width = int(length.max()) if length.numel() else 0
    mask = torch.arange(width, device=flat.device) < length[:, None]
    table = flat.new_zeros((*mask.shape, *flat.shape[1:]))
    table[mask] = flat
    return table, mask


def of_graphs(tokens: TokenSequences, graphs: Tensor) -> TokenSequences:
    """Return the sequences of some graphs, each once, in their order."""
    return tokens.rows(torch.isin(tokens.graph, graphs).nonzero()[:, 0])
