"""The random numbers of the kernels, made by plain torch operations."""

from __future__ import annotations

import torch
from torch import Tensor

from graphlab.ops._dropout_kernels import FIRST, SECOND, STEP

__all__ = ["draw_key", "draws"]

_PART = 1 << 15  # numbers that stay in the cache while they are worked on


def draw_key(generator: torch.Generator | None = None) -> int:
    """Draw a key from a generator, by default torch's global one."""
    device = "cpu" if generator is None else generator.device
    return int(torch.empty((), dtype=torch.int64, device=device).random_(generator=generator))


def draws(count: int, key: int, device: torch.device) -> Tensor:
    """Return the numbers of places 0 to count - 1, each 0 to 2^32 - 1; (count,) int64."""
    step = _PART if device.type == "cpu" else max(count, 1)
    out = torch.empty(count, dtype=torch.int64, device=device)
    for first in range(0, count, step):
        part = out[first : first + step]
        torch.arange(first, first + part.numel(), out=part)
        part.mul_(_signed(int(STEP))).add_(_signed(key))
        for shift, factor in ((30, int(FIRST)), (27, int(SECOND)), (31, 1)):
            # ``>>`` copies the sign; the masks make it the shift of unsigned numbers
            part.bitwise_xor_((part >> shift).bitwise_and_((1 << (64 - shift)) - 1))
            part.mul_(_signed(factor))
        part.bitwise_right_shift_(32).bitwise_and_(0xFFFFFFFF)
    return out


def _signed(number: int) -> int:
    """Return the signed number of the same 64 bits."""
    return number - (1 << 64) if number >= 1 << 63 else number
