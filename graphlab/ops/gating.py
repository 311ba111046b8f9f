"""Gated means over incoming edges, with a state of its own for each edge: the core of GatedGCN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._autograd import eager, first_order
from graphlab.ops._gate_kernels import add_normed, gate_gradients, gate_rows, norm_sums
from graphlab.ops._memory import fresh
from graphlab.ops._simd import LANES
from graphlab.ops._threads import run_blocks
from graphlab.ops.spmm import Backend, choose_backend, flat

if TYPE_CHECKING:
    from graphlab.ops.csr import Csr
    from graphlab.ops.incoming import Incoming

__all__ = ["EdgeNorm", "Gated", "gated_mean"]

_EDGES = 2048  # in a block
_HALVES = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class EdgeNorm:
    """Batch normalisation of the arguments of gates.

    Args:
        weight: Factor of each column.
        bias: Added to each column.
        mean: Mean to take off; None: that of the edges at hand.
        var: Variance to divide by; None with ``mean``.
        eps: Added to the variance.
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor | None = None
    var: Tensor | None = None
    eps: float = 1e-5


@dataclass(frozen=True)
class Gated:
    """What :func:`gated_mean` returns.

    Args:
        out: Gated means, (n, d).
        edge: New state of the edges, (m, d), in the order of the edges; None if not asked for.
        mean: Mean of the arguments, (d,), where they were normalised by their own; else None.
        var: Their variance, divided by m.
    """

    out: Tensor
    edge: Tensor | None
    mean: Tensor | None
    var: Tensor | None


@eager
def gated_mean(
    edges: Incoming,
    given: Tensor,
    source: Tensor,
    target: Tensor,
    value: Tensor,
    *,
    norm: EdgeNorm | None = None,
    residual: Tensor | None = None,
    want_edge: bool = True,
    eps: float = 1e-6,
    backend: Backend = "auto",
) -> Gated:
    r"""Average what sources send, weighted by gates, and update the state of the edges.

    For edges j -> i, entry by entry, with N a batch normalisation:

    .. math::
        \hat{\mathbf e}_{ij} &= \mathbf g_{ij} + \mathbf s_j + \mathbf t_i, \\
        \mathbf o_i &= \frac{\sum_j \sigma(\hat{\mathbf e}_{ij}) \odot \mathbf v_j}
            {\sum_j \sigma(\hat{\mathbf e}_{ij}) + \epsilon}, \\
        \mathbf e'_{ij} &= \mathbf r_{ij} + \mathrm{relu}(\mathrm N(\hat{\mathbf e}_{ij})).

    Nodes without incoming edges get 0. Differentiable once, in all tensors. Results do not depend
    on the number of threads.

    Args:
        edges: The graph.
        given: :math:`\mathbf g`, a row an edge in the order of ``edges``, or one row for all.
        source: :math:`\mathbf s`.
        target: :math:`\mathbf t`.
        value: :math:`\mathbf v`.
        norm: Of the arguments in the edges' result; None: they are taken as they are.
        residual: :math:`\mathbf r`, shaped like ``given``; None: nothing is added.
        want_edge: Whether the edges' result is wanted at all.
        eps: :math:`\epsilon`.
        backend: See :func:`graphlab.ops.spmm`; ``"torch"`` writes some nine rows an edge.

    Shapes:
        - ``given``, ``residual``: (m, d) or (1, d) float; ``source``, ``target``, ``value``: (n, d)

    Raises:
        InputError: Shapes or types that do not fit, an unknown ``backend``.

    Cost: time O(m d); memory: two rows an edge forward, one more backward.

    Example:
        >>> from graphlab.ops.incoming import incoming_edges
        >>> edges = incoming_edges(torch.tensor([[0, 1], [2, 2]]), 3)
        >>> zero, v = torch.zeros(3, 1), torch.tensor([[1.0], [3.0], [5.0]])
        >>> gated_mean(edges, zero[:1], zero, zero, v).out.round(decimals=3).tolist()
        [[0.0], [0.0], [2.0]]
    """
    _check(edges, given, source, target, value, residual)
    kind = torch.promote_types(given.dtype, value.dtype)
    if value.dtype in _HALVES or given.dtype != value.dtype:  # sums of many need digits
        kind = torch.float32 if kind in _HALVES else kind
        wide = [t.to(kind) for t in (given, source, target, value)]
        rest = None if residual is None else residual.to(kind)
        found = gated_mean(
            edges, *wide, norm=norm, residual=rest, want_edge=want_edge, eps=eps, backend=backend
        )
        edge = None if found.edge is None else found.edge.to(given.dtype)
        return Gated(found.out.to(value.dtype), edge, found.mean, found.var)
    residual = None if residual is None else residual.to(value.dtype)
    if choose_backend(backend, value) == "torch" or edges.num_edges == 0 or value.shape[1] == 0:
        return _torch(edges, given, source, target, value, norm, residual, want_edge, eps)
    weight, bias, mean, var, norm_eps = None, None, None, None, 0.0
    if norm is not None and want_edge:
        weight, bias, norm_eps = norm.weight.to(value.dtype), norm.bias.to(value.dtype), norm.eps
        mean, var = norm.mean, norm.var
    plan = _Plan(edges.csr, want_edge, eps, norm_eps, mean, var)
    found = _Gate.apply(plan, given, source, target, value, weight, bias, residual)  # type: ignore[no-untyped-call]
    out, edge, found_mean, found_var = found
    return Gated(out, edge, found_mean, found_var)


@dataclass(frozen=True)
class _Plan:
    """What is no tensor of the graph of gradients."""

    csr: Csr
    want_edge: bool
    eps: float
    norm_eps: float
    mean: Tensor | None
    var: Tensor | None


class _Gate(torch.autograd.Function):
    """Two passes over the edges forward, two backward, nothing a row an edge kept but arguments."""

    @staticmethod
    def forward(  # noqa: PLR0917  (as autograd calls it)
        ctx: Any,  # noqa: ANN401
        plan: _Plan,
        given: Tensor,
        source: Tensor,
        target: Tensor,
        value: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        residual: Tensor | None,
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
        csr, (n, width) = plan.csr, value.shape
        m = csr.num_entries
        indptr, columns, bounds = csr.arrays
        hat, out = fresh((m, width), value.dtype), fresh((n, width), value.dtype)
        inverse = fresh((n, width), value.dtype)
        own = plan.want_edge and weight is not None and plan.mean is None
        shift, partial = None, None
        if own:
            shift = _first(csr, given, source, target)
            partial = torch.zeros(bounds.size - 1, 2, width, dtype=value.dtype)
        arrays = [flat(t) for t in (given, source, target, value)]
        results = [flat(t) for t in (hat, out, inverse, shift, partial)]
        stride = width if given.shape[0] == m else 0

        def call(first: int, last: int) -> None:
            gate_rows(
                indptr, columns, bounds, arrays[0], stride, *arrays[1:], plan.eps, *results,
                width, first, last,
            )  # fmt: skip

        run_blocks(call, bounds.size - 1, _work(m, width))
        scale, offset, inner = _no_norm(value)
        mean, var = plan.mean, plan.var
        if own:
            assert partial is not None and shift is not None  # noqa: S101
            once, twice = partial.double().sum(0) / m
            mean, var = shift + once, (twice - once.square()).clamp(min=0)
        if plan.want_edge and weight is not None:
            assert bias is not None and mean is not None and var is not None  # noqa: S101
            inner = torch.rsqrt(var.double() + plan.norm_eps)
            scale, offset = weight * inner, bias - mean * weight * inner
            inner = torch.stack([inner, -mean * inner])
        edge = _edge_result(hat, scale, offset, residual) if plan.want_edge else None
        ctx.save_for_backward(hat, value, out, inverse, scale, offset, inner, weight)
        ctx.plan, ctx.own, ctx.rows = plan, own, given.shape[0]
        ctx.set_materialize_grads(False)
        ctx.rest = None if residual is None else residual.shape[0]
        if not own or mean is None or var is None:
            return out, edge, None, None
        mean, var = mean.to(value.dtype), var.to(value.dtype)
        ctx.mark_non_differentiable(mean, var)
        return out, edge, mean, var

    @staticmethod
    @first_order
    def backward(
        ctx: Any,  # noqa: ANN401
        grad_out: Tensor | None,
        grad_edge: Tensor | None,
        *_: Tensor | None,
    ) -> tuple[Tensor | None, ...]:
        hat, value, out, inverse, scale, offset, inner, weight = ctx.saved_tensors
        m, width = hat.shape
        grad_weight = grad_bias = whole = None
        constant, slope = torch.zeros_like(scale), torch.zeros_like(scale)
        if grad_edge is not None:
            grad_edge = grad_edge.contiguous()
            if weight is not None or ctx.rest == 1:
                once, twice, whole = _norm_sums(hat, grad_edge, scale, offset, inner)
            if weight is not None:
                grad_weight, grad_bias = twice.to(value.dtype), once.to(value.dtype)
            if ctx.own:
                constant = -scale * (once + inner[1] * twice) / m
                slope = -scale * inner[0] * twice / m
        given_wanted = ctx.needs_input_grad[1] and ctx.rows == m
        grad_hat = fresh((m, width), value.dtype) if given_wanted else None
        grads = [fresh(value.shape, value.dtype, zero=True) for _ in range(3)]
        grad_out = torch.zeros_like(out) if grad_out is None else grad_out
        indptr, columns, _bounds = ctx.plan.csr.arrays
        kept = [flat(t) for t in (hat, value, out, inverse, grad_out, grad_edge)]
        rates = [flat(t.to(value.dtype)) for t in (scale, offset, constant, slope)]
        results = [flat(t) for t in (grad_hat, *grads)]

        def call(first: int, last: int) -> None:
            end = min(last * LANES, width)
            gate_gradients(
                indptr, columns, *kept, *rates, *results, width, first * LANES, end
            )  # fmt: skip

        vectors = -(-width // LANES)
        threads = max(1, torch.get_num_threads())
        run_blocks(call, vectors, _work(m, width), step=-(-vectors // threads))
        grad_source, grad_target, grad_value = grads
        grad_given = grad_hat
        if ctx.needs_input_grad[1] and grad_hat is None:
            grad_given = grad_target.sum(0, keepdim=True)  # one row was given for all edges
        grad_rest = None
        if ctx.rest is not None and ctx.needs_input_grad[7]:
            one = ctx.rest == 1 and m != 1
            grad_rest = whole.to(value.dtype)[None] if one and whole is not None else grad_edge
        return None, grad_given, grad_source, grad_target, grad_value, grad_weight, grad_bias, \
            grad_rest  # fmt: skip


def _work(edges: int, width: int) -> int:
    """Return the size of a pass over the edges in operations on vectors of eight."""
    return 8 * edges * (-(-width // LANES))


def _no_norm(value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    one = torch.ones(value.shape[1], dtype=torch.float64)
    return one, torch.zeros_like(one), torch.stack([one, torch.zeros_like(one)])


def _first(csr: Csr, given: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Return the argument of the first edge: near enough to the mean for squares to keep digits."""
    return given[0] + source[csr.indices[0].long()] + target[csr.rows[0]]


def _edge_result(hat: Tensor, scale: Tensor, offset: Tensor, residual: Tensor | None) -> Tensor:
    m, width = hat.shape
    out = fresh((m, width), hat.dtype)
    rates = [flat(t.to(hat.dtype)) for t in (scale, offset)]
    arguments, given, result = flat(hat), flat(residual), flat(out)
    stride = width if residual is not None and residual.shape[0] == m else 0

    def call(first: int, last: int) -> None:
        end = min(last * _EDGES, m)
        add_normed(arguments, *rates, given, stride, result, width, first * _EDGES, end)

    run_blocks(call, -(-m // _EDGES), _work(m, width) >> 2)
    return out


def _norm_sums(hat: Tensor, grad: Tensor, scale: Tensor, offset: Tensor, inner: Tensor) -> Tensor:
    """Return the three sums of ``norm_sums`` in double precision, (3, d)."""
    m, width = hat.shape
    blocks = -(-m // _EDGES)
    partial = torch.empty(blocks, 3, width, dtype=hat.dtype)
    arrays = [flat(t.to(hat.dtype)) for t in (hat, grad, scale, offset, inner[0], inner[1])]
    result = flat(partial)

    def call(first: int, last: int) -> None:
        norm_sums(*arrays, result, _EDGES, width, first, last)

    run_blocks(call, blocks, _work(m, width) >> 2)
    return partial.double().sum(0)


def _torch(  # noqa: PLR0917  (private)
    edges: Incoming,
    given: Tensor,
    source: Tensor,
    target: Tensor,
    value: Tensor,
    norm: EdgeNorm | None,
    residual: Tensor | None,
    want_edge: bool,
    eps: float,
) -> Gated:
    """Do the same by plain differentiable operations: the meaning of the kernels."""
    src, dst = edges.src, edges.dst
    hat = given + source.index_select(0, src) + target.index_select(0, dst)
    gate = torch.sigmoid(hat)
    zero = value.new_zeros(value.shape)
    total = zero.index_add(0, dst, gate * value.index_select(0, src))
    out = total / (zero.index_add(0, dst, gate) + eps)
    if not want_edge:
        return Gated(out, None, None, None)
    mean = var = None
    y = hat
    if norm is not None:
        if norm.mean is None and hat.shape[0]:
            mean, var = hat.mean(0), hat.var(0, correction=0)
        used = (norm.mean, norm.var) if mean is None else (mean, var)
        if used[0] is not None and used[1] is not None:
            y = (hat - used[0]) * torch.rsqrt(used[1] + norm.eps) * norm.weight + norm.bias
    edge = torch.relu(y)
    edge = edge if residual is None else residual + edge
    if mean is None or var is None:
        return Gated(out, edge, None, None)
    return Gated(out, edge, mean.detach(), var.detach())


def _check(  # noqa: PLR0917  (private)
    edges: Incoming,
    given: Tensor,
    source: Tensor,
    target: Tensor,
    value: Tensor,
    residual: Tensor | None,
) -> None:
    n, m = edges.num_nodes, edges.num_edges
    if value.dim() != 2 or value.shape[0] != n or not value.is_floating_point():
        raise InputError(
            f"value is {value.dtype} of shape {tuple(value.shape)}, expected floating ({n}, d)."
        )
    for name, part in (("source", source), ("target", target)):
        if part.shape != value.shape or part.dtype != value.dtype:
            raise InputError(
                f"{name} is {part.dtype} of shape {tuple(part.shape)}, expected {value.dtype} of "
                f"shape {tuple(value.shape)} like value."
            )
    for name, rows in (("given", given), ("residual", residual)):
        if rows is None:
            continue
        if rows.dim() != 2 or rows.shape[0] not in (1, m) or rows.shape[1] != value.shape[1]:
            raise InputError(
                f"{name} has shape {tuple(rows.shape)}, expected ({m}, {value.shape[1]}), or one "
                "row for all edges."
            )
