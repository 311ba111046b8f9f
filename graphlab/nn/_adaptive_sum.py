"""Forward and backward pass of adaptive propagation on the compiled kernels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab.nn._hop_kernels import backward_hops, forward_hops
from graphlab.ops._autograd import first_order
from graphlab.ops._spmm_kernels import sum_rows
from graphlab.ops._threads import run_blocks, stays_serial
from graphlab.ops.spmm import flat, vector_work

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from graphlab.nn.propagator import SymmetricPropagator

    Array = NDArray[Any]

__all__ = ["adaptive_sum", "segment_length"]


def adaptive_sum(  # noqa: PLR0917  (the parts of one formula)
    z: Tensor,
    projection: Tensor,
    bias: Tensor | None,
    matrix: SymmetricPropagator,
    K: int,
    memory: str,
    *,
    want_gates: bool,
) -> tuple[Tensor, Tensor | None]:
    """Return the gated sum over hops (n, C) and, if wanted, the gates (n, K + 1).

    All tensors are float32 or all float64, on the CPU; ``projection`` is (C,), ``bias`` (1,).
    """
    given = (z, projection) if bias is None else (z, projection, bias)
    if torch.is_grad_enabled() and any(t.requires_grad for t in given):
        out, gates = _AdaptiveSum.apply(z, projection, bias, matrix, K, memory)  # type: ignore[no-untyped-call]
        return out, gates.t() if want_gates else None
    gates = _empty((K + 1 if want_gates else 1, len(z)), z)
    signal = _padded(z)
    place = -(np.arange(K + 1) % 2)  # two places in turn
    run = _Run(signal, projection, matrix, K, place, _Hops.make(signal, 1), gates)
    return _unpadded(run.forward(bias), z), gates.t() if want_gates else None


@dataclass(frozen=True)
class _Hops:
    """Kept hops, D^-1/2 H: ``rows`` (places, n C), and ``tail`` (n, C) for hop K, before it 0."""

    rows: Tensor
    tail: Tensor

    @classmethod
    def make(cls, z: Tensor, count: int) -> _Hops:
        return cls(_scratch((count, z.numel()), z), _scratch(tuple(z.shape), z))


class _AdaptiveSum(torch.autograd.Function):
    """The gated sum and the gates (K + 1, n), differentiable once in signal and gate."""

    @staticmethod
    def forward(  # noqa: PLR0917  (autograd knows positions alone)
        ctx: Any,  # noqa: ANN401
        z: Tensor,
        projection: Tensor,
        bias: Tensor | None,
        matrix: SymmetricPropagator,
        K: int,
        memory: str,
    ) -> tuple[Tensor, Tensor]:
        ctx.set_materialize_grads(False)
        ctx.matrix, ctx.K, ctx.segment = matrix, K, segment_length(K, memory)
        place, count = _places(K, ctx.segment)
        signal, gates = _padded(z), _empty((K + 1, len(z)), z)
        hops = _Hops.make(signal, count)
        out = _Run(signal, projection, matrix, K, place, hops, gates).forward(bias)
        ctx.save_for_backward(signal, projection, bias, hops.rows, hops.tail, gates)
        ctx.spent = False
        return _unpadded(out, z), gates

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor | None, grad_gates: Tensor | None) -> tuple[Any, ...]:  # noqa: ANN401
        z, projection, bias, rows, tail, gates = ctx.saved_tensors
        place, _ = _places(ctx.K, ctx.segment)
        if ctx.spent:  # again over a retained graph: the first pass used the hops up
            tail = torch.empty_like(z)
            run = _Run(z, projection, ctx.matrix, ctx.K, place, _Hops(rows, tail), gates.clone())
            run.forward(bias)
        run = _Run(z, projection, ctx.matrix, ctx.K, place, _Hops(rows, tail), gates)
        ctx.spent = True
        above = torch.zeros_like(z) if grad is None else _padded(grad)
        grad_z, sums = run.backward(above, grad_gates, ctx.segment)
        width = projection.shape[0]
        grad_bias = None if bias is None else sums[-1:]
        return grad_z[:, :width], sums[:width], grad_bias, None, None, None


class _Run:
    """One pass over all hops: the arguments of the kernels, gathered once."""

    def __init__(  # noqa: PLR0917  (likewise)
        self,
        z: Tensor,
        projection: Tensor,
        matrix: SymmetricPropagator,
        K: int,
        place: Array,
        hops: _Hops,
        gates: Tensor,
    ) -> None:
        self.z, self.matrix, self.K, self.place, self.gates = z, matrix, K, place, gates
        self.tail = hops.tail
        self.hops = (hops.rows.numpy(), hops.tail.numpy().reshape(-1), place)
        self.signal, self.projection = flat(z), flat(_padded(projection[None]))
        self.width = z.shape[1]
        self.weight = flat(matrix.weight_as(z.dtype))
        self.scales = [flat(scale) for scale in matrix.scales(z.dtype)]

    def forward(self, bias: Tensor | None) -> Tensor:
        """Fill hops and gates; return the gated sum."""
        out = torch.zeros_like(self.z, memory_format=torch.contiguous_format)
        indptr, columns, bounds = self.matrix.csr.arrays
        signal, projection, hops, scales = self.signal, self.projection, self.hops, self.scales
        number = hops[0].dtype.type(0 if bias is None else bias.item())
        weight, gates, result, width = self.weight, self.gates.numpy(), flat(out), self.width

        def call(hop: int, end: int, first: int, last: int) -> None:
            forward_hops(
                *(indptr, columns, bounds, weight, *scales, signal, projection, number),
                *(*hops, gates, result, width, hop, end, first, last),
            )

        self._each_hop(call, range(self.K + 1))
        return out

    def backward(
        self, grad: Tensor, grad_gates: Tensor | None, segment: int
    ) -> tuple[Tensor, Tensor]:
        """Return the gradients of the signal (n, C) and of projection and bias (C + 1,).

        Uses the hops up; with more than one hop the first result takes the place of the tail,
        which hop 1 no longer reads.
        """
        K, width = self.K, self.width
        grad_z = self.tail if K > 1 else torch.empty_like(self.tail)
        other = self.matrix.T
        indptr, columns, bounds = other.csr.arrays
        sums = np.zeros((bounds.size - 1, width + 1), self.hops[0].dtype)
        weight, scales = flat(other.weight_as(self.z.dtype)), self.scales[1:]
        signal, projection, hops = self.signal, self.projection, self.hops
        gates, above, result = self.gates.numpy(), flat(grad), flat(grad_z)
        above_gates = None if grad_gates is None else grad_gates.contiguous().numpy()

        def call(hop: int, end: int, first: int, last: int) -> None:
            backward_hops(
                *(indptr, columns, bounds, weight, *scales, signal, projection, *hops),
                *(gates, above, above_gates, result, sums, width, K, hop, end, first, last),
            )

        for start in range(K - K % segment, -1, -segment):
            end = min(start + segment, K + 1)
            if end <= K:
                self._again(start + 1, end)
            self._each_hop(call, range(end - 1, start - 1, -1))
        return grad_z, torch.from_numpy(sums.sum(axis=0))

    def _again(self, first: int, end: int) -> None:
        """Compute hops ``first`` to ``end - 1`` once more; nothing but the hops changes."""
        indptr, columns, bounds = self.matrix.csr.arrays
        weight, inverse, width = self.weight, self.scales[0], self.width
        rows, tail, place = self.hops
        for k in range(first, end):
            source, target = (tail if place[j] < 0 else rows[place[j]] for j in (k - 1, k))

            def call(a: int, b: int, source: Array = source, target: Array = target) -> None:
                sum_rows(indptr, columns, bounds, weight, inverse, source, target, width, a, b)

            run_blocks(call, bounds.size - 1, vector_work(self.matrix.csr, width))

    def _each_hop(self, call: Callable[[int, int, int, int], None], hops: range) -> None:
        """Run hops in order: in one call when serial, else block by block with a wait a hop."""
        csr = self.matrix.csr
        blocks, work = csr.arrays[2].size - 1, vector_work(csr, self.width)
        if stays_serial(blocks, work):
            call(min(hops), max(hops) + 1, 0, blocks)
            return
        for k in hops:
            run_blocks(partial(call, k, k + 1), blocks, work)


def segment_length(K: int, memory: str) -> int:
    """Return the distance of the hops that are kept; all are in the fast mode."""
    return K + 1 if memory == "fast" else math.isqrt(max(K - 1, 0)) + 1


def _places(K: int, segment: int) -> tuple[Array, int]:
    """Return for each hop its row among the kept ones, -1 for the tail, and the number of rows.

    In the fast mode hop K is the tail, and so is hop 0, which hop 1 alone reads. In the low-memory
    mode each multiple of ``segment`` has a row of its own, and the hops between share rows.
    """
    hop = np.arange(K + 1)
    if segment > K:
        place = hop - 1
        place[0] = place[K] = -1
        if K == 1:
            place[0] = 0
        return place, 1 if K == 1 else max(K - 1, 0)
    kept = K // segment + 1
    place = np.where(hop % segment == 0, hop // segment, kept + hop % segment - 1)
    count = int(place.max()) + 1
    place[K] = -1
    return place, count


def _padded(rows: Tensor) -> Tensor:
    """Fill rows with zeros up to a multiple of eight columns, if they are not as wide already."""
    width = rows.shape[1]
    if width % 8 == 0:
        return rows
    wide = torch.zeros((rows.shape[0], width + 7 & -8), dtype=rows.dtype)
    wide[:, :width] = rows
    return wide


def _unpadded(rows: Tensor, like: Tensor) -> Tensor:
    return rows if rows.shape == like.shape else rows[:, : like.shape[1]].contiguous()


_HUGE = 1 << 22  # bytes; from here on numpy asks for huge pages, which torch does not


def _scratch(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Return an uninitialised tensor; large ones on huge pages, starting at a cache line."""
    count, size = math.prod(shape), like.element_size()
    if count * size < _HUGE:
        return _empty(shape, like)
    raw = np.empty(count * size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return torch.from_numpy(raw[start : start + count * size]).view(like.dtype).view(shape)


def _empty(shape: tuple[int, ...], like: Tensor) -> Tensor:
    return torch.empty(shape, dtype=like.dtype)
