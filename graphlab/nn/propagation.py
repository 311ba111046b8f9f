"""Propagation without weights, and the adaptive mixture of its depths that DAGNN is made of."""

from __future__ import annotations

from typing import Any, Literal, overload

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.nn._adaptive_sum import adaptive_sum, segment_length
from graphlab.nn.propagator import SymmetricPropagator, propagator
from graphlab.ops._autograd import eager
from graphlab.ops.spmm import Backend, choose_backend

__all__ = ["AdaptivePropagation", "SymmetricPropagator", "propagator"]

Memory = Literal["fast", "low"]
_MOST_HOPS = 10_000  # a slip of the hand would not come back


class AdaptivePropagation(nn.Module):
    r"""Adaptive mixture of the depths of propagation, the heart of DAGNN [liu2020]_.

    .. math:: \mathbf{H}^{(0)} = \mathbf{Z}, \quad
        \mathbf{H}^{(k)} = \hat{\mathbf A} \mathbf{H}^{(k-1)}, \qquad
        \mathbf{o}_i = \sum_{k=0}^{K} \sigma(\mathbf{s}^\top \mathbf{h}_i^{(k)} + b)\,
        \mathbf{h}_i^{(k)}

    The gates are not normalised over k: their sum lies between 0 and K + 1. Gradients come from a
    backward pass of its own (Horner's scheme: K products with the transpose); they are first
    order, a second differentiation is refused. Half precision, autocast included, is computed in
    float32 inside.

    Args:
        channels: Width :math:`C` of the signal.
        K: Number of hops; 0 uses the input alone.
        bias: Whether the gate has the bias :math:`b`, as the authors' code has.
        add_self_loops: Add :math:`\mathbf I` before normalising; existing loops are kept, see
            :class:`SymmetricPropagator`.
        normalize: Normalise the adjacency matrix symmetrically.
        memory: ``"fast"`` keeps every hop for the backward pass, ``"low"`` about
            :math:`2 \sqrt K` of them and computes the others again.
        backend: See :func:`graphlab.ops.spmm`.

    Shapes:
        - ``z``: (n, C) float
        - ``graph``: any graph of n nodes, or a prepared :class:`SymmetricPropagator`
        - ``edge_weight``: (m,) in the order of the graph's input
        - returns: (n, C), same dtype as ``z``; gates: (n, K + 1)

    Raises:
        InputError: K < 0, ``z`` not (n, C), a propagator of another size, bad edges or weights.

    Cost: time O(K m C), twice that with the backward pass; extra memory in training
    O(K n C) with ``memory="fast"``, O(sqrt(K) n C) with ``"low"`` for a third product a hop; O(n C)
    without gradients.

    Example:
        >>> prop = AdaptivePropagation(channels=3, K=2)
        >>> prop(torch.ones(2, 3), torch.tensor([[0, 1], [1, 0]])).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        channels: int,
        K: int,
        *,
        bias: bool = True,
        add_self_loops: bool = True,
        normalize: bool = True,
        memory: Memory = "fast",
        backend: Backend = "auto",
    ) -> None:
        super().__init__()
        if isinstance(K, bool) or not isinstance(K, int) or K < 0:
            raise InputError(f"K is {K!r}, expected an integer >= 0: the number of hops.")
        if K > _MOST_HOPS:
            raise InputError(f"K is {K}, expected at most {_MOST_HOPS} hops.")
        if isinstance(channels, bool) or not isinstance(channels, int) or channels < 1:
            raise InputError(f"channels is {channels!r}, expected an integer >= 1.")
        if memory not in ("fast", "low"):
            raise InputError(f"memory is {memory!r}, expected 'fast' or 'low'.")
        choose_backend(backend, torch.empty(0))
        self.channels, self.K, self.memory, self.backend = channels, K, memory, backend
        self.add_self_loops, self.normalize = add_self_loops, normalize
        self.proj = nn.Linear(channels, 1, bias=bias)

    def reset_parameters(self) -> None:
        """Draw the projection anew, as :class:`torch.nn.Linear` does."""
        self.proj.reset_parameters()

    @overload
    def forward(
        self,
        z: Tensor,
        graph: Any,  # noqa: ANN401
        edge_weight: Tensor | None = ...,
        *,
        return_gates: Literal[False] = ...,
    ) -> Tensor: ...

    @overload
    def forward(
        self,
        z: Tensor,
        graph: Any,  # noqa: ANN401
        edge_weight: Tensor | None = ...,
        *,
        return_gates: Literal[True],
    ) -> tuple[Tensor, Tensor]: ...

    def forward(
        self,
        z: Tensor,
        graph: Any,
        edge_weight: Tensor | None = None,
        *,
        return_gates: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return the mixture (n, C), with ``return_gates`` also the gates (n, K + 1)."""
        if z.dim() != 2 or z.shape[1] != self.channels or not z.is_floating_point():
            raise InputError(
                f"z is {z.dtype} of shape {tuple(z.shape)}, expected floating (n, {self.channels})."
            )
        out, gates = self._propagate(z, graph, edge_weight, want_gates=return_gates)
        if gates is None:
            return out
        return out, gates

    @eager
    def _propagate(
        self,
        z: Tensor,
        graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
        edge_weight: Tensor | None,
        *,
        want_gates: bool,
    ) -> tuple[Tensor, Tensor | None]:
        matrix = propagator(
            graph,
            z.shape[0],
            edge_weight=edge_weight,
            add_self_loops=self.add_self_loops,
            normalize=self.normalize,
        ).to(z.device)
        wide = torch.float64 if z.dtype == torch.float64 else torch.float32
        signal = z.to(wide)
        projection = self.proj.weight[0].to(wide)
        bias = None if self.proj.bias is None else self.proj.bias.to(wide)
        kind = choose_backend(self.backend, signal)
        run = adaptive_sum if kind == "compiled" else _by_torch
        out, gates = run(
            signal, projection, bias, matrix, self.K, self.memory, want_gates=want_gates
        )
        if z.dtype != wide and not torch.is_autocast_enabled(z.device.type):
            out = out.to(z.dtype)
        return out, gates

    def extra_repr(self) -> str:
        """Show the options."""
        loops = "" if self.add_self_loops else ", add_self_loops=False"
        normal = "" if self.normalize else ", normalize=False"
        return f"K={self.K}{loops}{normal}, memory={self.memory!r}"


def _by_torch(  # noqa: PLR0917  (the parts of one formula)
    z: Tensor,
    projection: Tensor,
    bias: Tensor | None,
    matrix: SymmetricPropagator,
    K: int,
    memory: str,
    *,
    want_gates: bool,
) -> tuple[Tensor, Tensor | None]:
    """Compute the sum by plain operations and torch's own gradients: the meaning of the kernels."""
    from torch.utils.checkpoint import checkpoint

    def hops(h: Tensor, first: int, end: int) -> tuple[Tensor, Tensor, Tensor]:
        out, gates = torch.zeros_like(h), []
        for k in range(first, end):
            h = h if k == 0 else matrix.multiply(h, backend="torch")
            gate = torch.sigmoid(h @ projection + (0 if bias is None else bias))
            gates.append(gate)
            out = out + gate[:, None] * h
        return h, out, torch.stack(gates, 1)

    if memory == "fast":
        _, out, gates = hops(z, 0, K + 1)
        return out, gates if want_gates else None
    step = segment_length(K, memory)
    out, parts, h = torch.zeros_like(z), [], z
    for first in range(0, K + 1, step):
        h, part, gate = checkpoint(hops, h, first, min(first + step, K + 1), use_reentrant=False)
        out = out + part
        parts.append(gate)
    return out, torch.cat(parts, 1) if want_gates else None
