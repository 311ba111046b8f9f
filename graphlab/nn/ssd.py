"""A state-space layer for sequences of tokens: Mamba-2's block in plain torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.nn._encoder_checks import rate, size
from graphlab.ops.ssd import ssd_chunked

__all__ = ["SSDMixer"]

_RATES = (1.0, 16.0)  # -A of the heads
_STEPS = (1e-3, 1e-1)  # dt of a token that says nothing


class SSDMixer(nn.Module):
    r"""State-space layer of Mamba-2 [dao2024]_ over masked, padded or packed sequences.

    .. math::
        [\mathbf z, \mathbf x, \mathbf B, \mathbf C, \boldsymbol\delta] &= \mathrm{norm}(\mathbf h)
            \mathbf W, \qquad [\mathbf x, \mathbf B, \mathbf C] \leftarrow
            \mathrm{silu}(\mathrm{conv}([\mathbf x, \mathbf B, \mathbf C])), \\
        \mathbf y &= \mathrm{ssd}(\mathbf x, \mathrm{softplus}(\boldsymbol\delta + \mathbf b), A,
            \mathbf B, \mathbf C), \qquad \mathbf h' = \mathbf h + \mathrm{norm}(\mathbf y \odot
            \mathrm{silu}(\mathbf z))\, \mathbf W'

    with root mean square norms, a causal convolution of each channel by itself, and
    :func:`graphlab.ops.ssd_chunked`. A masked token is absent: the state passes it unchanged
    (``dt = 0``), the convolution reads 0 there, its own result is 0. Neither the state nor the
    convolution crosses a reset. Both directions share their weights and are summed.

    The rates start at :math:`A = -\mathcal U(1, 16)`, steps log-uniform in [0.001, 0.1], D at 1.
    Sizes are ours; [behrouz2025]_ gives none.

    Args:
        channels: Width d.
        state: Numbers N in the state of a channel.
        head_dim: Channels of a head; where it does not divide their number, the greatest common
            divisor.
        expand: Inner width as a multiple of ``channels``.
        groups: Groups of heads that share B and C; must divide the heads.
        kernel_size: Width of the convolution.
        chunk_size: As for :func:`graphlab.ops.ssd_chunked`.
        dropout: Dropout rate before the residual.
        bidirectional: Add a pass over the reversed sequence; None leaves it to the call.

    Shapes:
        - ``h``: (S, L, d) float; ``mask``, ``reset``: (S, L) bool; returns (S, L, d)

    Raises:
        InputError: A size below 1, shapes that do not fit.

    Cost: time O(S L d (d + N + Q)), memory O(S L (d + Q H)).

    Example:
        >>> layer = SSDMixer(8)
        >>> layer(torch.ones(2, 5, 8), torch.ones(2, 5, dtype=torch.bool)).shape
        torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        channels: int,
        *,
        state: int = 16,
        head_dim: int = 16,
        expand: int = 1,
        groups: int = 1,
        kernel_size: int = 4,
        chunk_size: int = 64,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.channels = size("channels", channels)
        inner = channels * size("expand", expand)
        self.head_dim = math.gcd(inner, size("head_dim", head_dim))
        self.heads, self.inner = inner // self.head_dim, inner
        self.state, self.groups = size("state", state), size("groups", groups)
        if self.heads % groups:
            raise InputError(f"groups is {groups}, expected a divisor of the {self.heads} heads.")
        self.chunk_size = size("chunk_size", chunk_size)
        self.dropout = rate("dropout", dropout)
        self.bidirectional = bidirectional
        mixed = inner + 2 * groups * state  # x, B, C: what the convolution sees
        self.norm = nn.RMSNorm(channels, eps=1e-6)
        self.into = nn.Linear(channels, inner + mixed + self.heads, bias=False)
        self.kernel = nn.Parameter(torch.empty(size("kernel_size", kernel_size), mixed))
        self.kernel_bias = nn.Parameter(torch.zeros(mixed))
        self.step_bias = nn.Parameter(torch.empty(self.heads))
        self.log_rate = nn.Parameter(torch.empty(self.heads))
        self.skip = nn.Parameter(torch.ones(self.heads))
        self.out_norm = nn.RMSNorm(inner, eps=1e-6)
        self.out = nn.Linear(inner, channels, bias=False)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw all weights anew, from torch's global generator."""
        for part in (self.norm, self.into, self.out_norm, self.out):
            part.reset_parameters()
        bound = 1 / math.sqrt(self.kernel.shape[0])
        self.kernel.uniform_(-bound, bound)
        self.kernel_bias.zero_()
        self.log_rate.copy_(torch.empty_like(self.log_rate).uniform_(*_RATES).log())
        low, high = (math.log(step) for step in _STEPS)
        step = torch.empty_like(self.step_bias).uniform_(low, high).exp()
        self.step_bias.copy_(step + torch.log(-torch.expm1(-step)))  # softplus of it is step
        self.skip.fill_(1.0)

    def forward(self, h: Tensor, mask: Tensor | None = None, reset: Tensor | None = None) -> Tensor:
        """Return (S, L, d), 0 at masked tokens.

        Args:
            h: Tokens.
            mask: Whether there is a token; None: everywhere.
            reset: Whether a new sequence begins with this token.
        """
        if h.dim() != 3 or h.shape[2] != self.channels:
            raise InputError(f"h has shape {tuple(h.shape)}, expected (S, L, {self.channels}).")
        for name, value in (("mask", mask), ("reset", reset)):
            if value is not None and value.shape != h.shape[:2]:
                raise InputError(
                    f"{name} has shape {tuple(value.shape)}, expected {tuple(h.shape[:2])}."
                )
        parts = [self.inner, self.kernel.shape[1], self.heads]
        z, mixed, step = torch.split(self.into(self.norm(h)), parts, -1)
        step = nn.functional.softplus(step + self.step_bias)
        if mask is not None:
            mixed, step = mixed * mask[..., None], step * mask[..., None]
        y = self._pass(mixed, step, mask, reset)
        if self.bidirectional:
            back = None if mask is None else mask.flip(1)
            turned = None
            if reset is not None:  # in reverse a sequence begins where it ended
                turned = torch.zeros_like(reset)
                turned[:, 1:] = reset[:, 1:].flip(1)
            y = y + self._pass(mixed.flip(1), step.flip(1), back, turned).flip(1)
        y = self.out(self.out_norm(y * nn.functional.silu(z)))
        h = h + nn.functional.dropout(y, self.dropout, self.training)
        return h if mask is None else h * mask[..., None]

    def _pass(
        self, mixed: Tensor, step: Tensor, mask: Tensor | None, reset: Tensor | None
    ) -> Tensor:
        """Convolve and run the recurrence in one direction, (S, L, inner)."""
        mixed = nn.functional.silu(self._convolved(mixed, reset))
        if mask is not None:
            mixed = mixed * mask[..., None]
        width = self.groups * self.state
        x, into, out = torch.split(mixed, [self.inner, width, width], -1)
        y, _ = ssd_chunked(
            torch.unflatten(x, -1, (self.heads, self.head_dim)),
            step,
            -self.log_rate.exp(),
            torch.unflatten(into, -1, (self.groups, self.state)),
            torch.unflatten(out, -1, (self.groups, self.state)),
            chunk_size=self.chunk_size,
            D=self.skip,
            reset=reset,
        )
        return y.flatten(2)

    def _convolved(self, rows: Tensor, reset: Tensor | None) -> Tensor:
        """Return each channel's weighted sum over a token and those just before it."""
        length, taps = rows.shape[1], self.kernel.shape[0]
        out = rows * self.kernel[-1] + self.kernel_bias
        begun = None if reset is None else reset.long().cumsum(1)  # number of the sequence
        for back in range(1, min(taps, length)):
            before = rows[:, :-back]
            if begun is not None:
                before = before * (begun[:, :-back] == begun[:, back:])[..., None]
            shifted = nn.functional.pad(before, (0, 0, back, 0))
            out = torch.addcmul(out, shifted, self.kernel[-1 - back])
        return out

    def extra_repr(self) -> str:
        """Show the sizes."""
        return (
            f"{self.channels}, heads={self.heads}, state={self.state}, "
            f"bidirectional={self.bidirectional}"
        )
