"""Structured state-space duality: a linear recurrence over a sequence, in chunks of products."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._autograd import eager

__all__ = ["ssd_chunked", "ssd_sequential"]


def ssd_chunked(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    *,
    chunk_size: int = 64,
    D: Tensor | None = None,
    h0: Tensor | None = None,
    reset: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Run a selective state-space recurrence over sequences, chunk by chunk [dao2024]_.

    .. math:: \mathbf h_t = e^{\Delta_t A} \mathbf h_{t-1} + \Delta_t \mathbf x_t \mathbf B_t^\top,
        \qquad \mathbf y_t = \mathbf h_t \mathbf C_t + D \mathbf x_t

    for each head, with states of shape (P, N). Inside a chunk the recurrence is a masked product
    of matrices; between chunks the states are carried on. The results are those of
    :func:`ssd_sequential`. A step with ``dt = 0`` leaves the state as it is: so are masked tokens
    passed over.

    Args:
        x: Inputs.
        dt: Step lengths, at least 0.
        A: Rates of the heads, below 0.
        B: How inputs enter the state; head i takes group ``i // (H / G)``.
        C: How the state is read.
        chunk_size: Length Q of a chunk.
        D: Weight of the input itself; None: 0.
        h0: State before the first step; None: zeros.
        reset: Where True, the state is cleared before the step.

    Shapes:
        - ``x``: (b, L, H, P); ``dt``: (b, L, H); ``A``, ``D``: (H,); ``B``, ``C``: (b, L, G, N)
        - ``h0``: (b, H, P, N); ``reset``: (b, L) bool
        - returns: y (b, L, H, P) and the last state (b, H, P, N), in the type of ``x``

    Raises:
        InputError: Shapes that do not fit, ``chunk_size`` below 1.

    Cost: time O(b L H (Q (P + N) + P N)), memory O(b L H (Q + P + N)). Sums of ``dt * A`` are kept
    in double precision: their differences decide how much of the past remains.

    Example:
        >>> x, dt, A = torch.ones(1, 3, 1, 1), torch.ones(1, 3, 1), torch.tensor([-1.0])
        >>> B = C = torch.ones(1, 3, 1, 1)
        >>> y, h = ssd_chunked(x, dt, A, B, C)
        >>> y.flatten()
        tensor([1.0000, 1.3679, 1.5032])
    """
    _check_shapes(x, dt, A, B, C, D, h0, reset)
    if chunk_size < 1:
        raise InputError(f"chunk_size is {chunk_size}, expected at least 1.")
    b, length, heads, width = x.shape
    given = x.dtype
    work = torch.promote_types(given, torch.float32)
    state = x.new_zeros(b, heads, width, B.shape[3], dtype=work) if h0 is None else h0.to(work)
    if length == 0 or b == 0 or heads == 0:
        return x * 1, state.to(given)
    cut = _Cutter(length, min(chunk_size, length))
    with torch.autocast(x.device.type, enabled=False):
        x, B, C = x.to(work), B.to(work), C.to(work)
        decay = cut(dt.double() * A.double()).cumsum(-1)  # (b, c, H, q): log of what remains
        moved = cut(x * dt.to(work)[..., None])  # (b, c, H, q, P)
        keys, queries = cut(B), cut(C)  # (b, c, G, q, N)
        visible = torch.ones(cut.size, cut.size, dtype=torch.bool, device=x.device).tril()
        to_end = (decay[..., -1:] - decay).to(work).exp()
        from_start = decay.to(work).exp()
        if reset is not None:
            segment = cut(reset[..., None].long()).cumsum(-1)  # (b, c, 1, q)
            visible = visible & (segment[..., :, None] == segment[..., None, :])
            to_end = to_end * (segment == segment[..., -1:])
            from_start = from_start * (segment == 0)
        y = _in_chunks(queries @ keys.transpose(-1, -2), decay, visible, moved)
        # what a chunk adds to the state at its end, and what is left then of the state before it
        share = heads // B.shape[2]
        added = (moved * to_end[..., None]).transpose(-1, -2) @ _per_head(keys, share)
        carried, state = _carry(added, from_start[..., -1, None, None], state)
        read = _per_head(queries, share) @ carried.transpose(-1, -2)
        y = cut.join(y + from_start[..., None] * read)
        if D is not None:
            y = torch.addcmul(y, x, D.to(work)[:, None])
    return y.to(given), state.to(given)


def ssd_sequential(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    *,
    D: Tensor | None = None,
    h0: Tensor | None = None,
    reset: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the recurrence of :func:`ssd_chunked` step by step: the readable reference.

    Args, shapes, errors: as there, without ``chunk_size``.

    Cost: time O(b L H P N) in L steps, one after the other.

    Example:
        >>> x, dt, A = torch.ones(1, 3, 1, 1), torch.ones(1, 3, 1), torch.tensor([-1.0])
        >>> B = C = torch.ones(1, 3, 1, 1)
        >>> ssd_sequential(x, dt, A, B, C)[0].flatten()
        tensor([1.0000, 1.3679, 1.5032])
    """
    _check_shapes(x, dt, A, B, C, D, h0, reset)
    b, length, heads, width = x.shape
    share = heads // max(B.shape[2], 1)
    state = x.new_zeros(b, heads, width, B.shape[3]) if h0 is None else h0
    rows = []
    for t in range(length):
        if reset is not None:
            state = state * ~reset[:, t, None, None, None]
        key, query = (value[:, t].repeat_interleave(share, 1) for value in (B, C))
        entering = (dt[:, t, :, None] * x[:, t])[..., None] * key[:, :, None]
        state = (dt[:, t] * A).exp()[..., None, None] * state + entering
        y = (state @ query[..., None])[..., 0]
        rows.append(y if D is None else y + D[:, None] * x[:, t])
    return (torch.stack(rows, 1) if rows else x * 1), state


def _carry(added: Tensor, kept: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Return the state before each chunk (b, c, H, P, N), and the last."""
    before = [state]
    for entering, rate in zip(added.unbind(1), kept.unbind(1), strict=True):
        before.append(torch.addcmul(entering, rate, before[-1]))
    return torch.stack(before[:-1], 1), before[-1]


class _Cutter:
    """Cuts sequences into chunks, padded to the right with zeros, and joins them again."""

    def __init__(self, length: int, size: int) -> None:
        self.length, self.size = length, size
        self.count = -(-length // size)

    def __call__(self, value: Tensor) -> Tensor:
        """Return (b, chunks, heads or groups, q, ...) for (b, L, heads or groups, ...)."""
        pad = self.count * self.size - self.length
        if pad:
            value = torch.cat([value, value.new_zeros(value.shape[0], pad, *value.shape[2:])], 1)
        parts = (value.shape[0], self.count, self.size, *value.shape[2:])
        return value.reshape(parts).transpose(2, 3)

    def join(self, value: Tensor) -> Tensor:
        """Undo the cutting of (b, chunks, H, q, P)."""
        return value.transpose(2, 3).flatten(1, 2)[:, : self.length]


def _per_head(value: Tensor, share: int) -> Tensor:
    return value.repeat_interleave(share, 2) if share > 1 else value


@eager
def _in_chunks(scores: Tensor, decay: Tensor, visible: Tensor, moved: Tensor) -> Tensor:
    """Return what the tokens of a chunk receive from those of the same chunk, (b, c, H, q, P)."""
    out: Tensor = _InChunks.apply(scores, decay, visible, moved)  # type: ignore[no-untyped-call]
    return out


class _InChunks(torch.autograd.Function):
    """Masked products inside the chunks; the backward pass keeps two tensors of q times q a head.

    Autograd's own would keep six, which is what the time goes into: see
    ``benchmarks/perf/test_ssd.py``.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        scores: Tensor,
        decay: Tensor,
        visible: Tensor,
        moved: Tensor,
    ) -> Tensor:
        b, c, groups, q, _ = scores.shape
        heads = moved.shape[2]
        remains = (decay[..., :, None] - decay[..., None, :]).to(moved.dtype)
        # before exp: what lies in the future may overflow, and inf * 0 is no number
        remains.masked_fill_(~visible, -torch.inf).exp_()
        split = (b, c, groups, heads // groups, q, q)
        mixed = (scores[:, :, :, None] * remains.view(split)).view(b, c, heads, q, q)
        ctx.save_for_backward(remains, mixed, moved)
        ctx.groups = groups
        return mixed @ moved

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, Tensor]:  # noqa: ANN401
        if torch.is_grad_enabled():
            raise NotImplementedError(
                "Second derivatives (create_graph=True) are not available from ssd_chunked; "
                "ssd_sequential has them."
            )
        remains, mixed, moved = ctx.saved_tensors
        b, c, heads, q, _ = mixed.shape
        to_mixed = grad @ moved.transpose(-1, -2)
        weight = to_mixed * mixed
        to_decay = (weight.sum(-1) - weight.sum(-2)).double()
        to_scores = torch.mul(to_mixed, remains, out=weight)
        to_scores = to_scores.view(b, c, ctx.groups, heads // ctx.groups, q, q).sum(3)
        return to_scores, to_decay, None, mixed.transpose(-1, -2) @ grad


def _check_shapes(  # noqa: PLR0917  (private)
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    h0: Tensor | None,
    reset: Tensor | None,
) -> None:
    """Compare all shapes with that of ``x`` and of ``B``.

    Raises:
        InputError: Names the first that does not fit, with both shapes.
    """
    if x.dim() != 4 or not x.is_floating_point():
        raise InputError(
            f"x has shape {tuple(x.shape)} and type {x.dtype}, expected floats (b, L, H, P)."
        )
    b, length, heads, width = x.shape
    if B.dim() != 4 or B.shape[:2] != (b, length):
        raise InputError(f"B has shape {tuple(B.shape)}, expected ({b}, {length}, G, N).")
    groups, states = B.shape[2:]
    if groups == 0 or heads % groups:
        raise InputError(f"B has {groups} groups, which do not divide the {heads} heads of x.")
    wanted = {
        "dt": (dt, (b, length, heads)),
        "A": (A, (heads,)),
        "C": (C, (b, length, groups, states)),
        "D": (D, (heads,)),
        "h0": (h0, (b, heads, width, states)),
        "reset": (reset, (b, length)),
    }
    for name, (value, shape) in wanted.items():
        if value is not None and tuple(value.shape) != shape:
            raise InputError(f"{name} has shape {tuple(value.shape)}, expected {shape}.")
    if reset is not None and reset.dtype != torch.bool:
        raise InputError(f"reset has type {reset.dtype}, expected torch.bool.")
