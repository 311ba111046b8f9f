"""The random numbers of the kernels, made by plain torch operations."""

from __future__ import annotations

import torch
from torch import Tensor

from graphlab.ops._dropout_kernels import FIRST, SECOND, STEP

__all__ = ["draw_key", "draws"]


def draw_key(generator: torch.Generator | None = None) -> int:
    """Draw a key from a generator, by default torch's global one."""
    device = "cpu" if generator is None else generator.device
    return int(torch.empty((), dtype=torch.int64, device=device).random_(generator=generator))


def draws(count: int, key: int, device: torch.device) -> Tensor:
    """Return the numbers of places 0 to count - 1, each 0 to 2^32 - 1; (count,) int64."""
    word = torch.arange(count, device=device) * _signed(int(STEP)) + _signed(key)
    for shift, factor in ((30, int(FIRST)), (27, int(SECOND)), (31, 1)):
        # ``>>`` copies the sign; the masks make it the shift of unsigned numbers
        word = (word ^ ((word >> shift) & ((1 << (64 - shift)) - 1))) * _signed(factor)
    return (word >> 32) & 0xFFFFFFFF


def _signed(number: int) -> int:
    """Return the signed number of the same 64 bits."""
    return number - (1 << 64) if number >= 1 << 63 else number
