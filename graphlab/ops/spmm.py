"""Sparse times dense: aggregation of neighbour features, the workhorse of message passing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.ops._autograd import eager, first_order
from graphlab.ops._memory import fresh
from graphlab.ops._spmm_kernels import entry_products, max_entries, sum_rows
from graphlab.ops._threads import run_blocks
from graphlab.ops.csr import Csr, csr_of_graph, csr_of_tensor, incoming_entries

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["REDUCTIONS", "Backend", "Reduce", "choose_backend", "spmm"]

Backend = Literal["auto", "compiled", "torch"]
Reduce = Literal["sum", "mean", "max", "min"]
_BACKENDS = ("auto", "compiled", "torch")
REDUCTIONS = ("sum", "mean", "max", "min")
_COMPILED = (torch.float32, torch.float64)


@eager
def spmm(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    x: Tensor,
    *,
    edge_weight: Tensor | None = None,
    reduce: Reduce = "sum",
    backend: Backend = "auto",
) -> Tensor:
    r"""Aggregate rows of a dense matrix along sparse entries.

    .. math:: \mathbf{o}_i = \bigoplus_{(j \to i)} w_{ji}\, \mathbf{x}_j

    with :math:`\bigoplus` the sum, mean, maximum or minimum over the incoming entries of i.
    Equal entries count separately; rows without entries are 0. The mean divides by the number of
    entries. Differentiable once in ``x`` and in ``edge_weight``; of equal maxima the first entry
    alone gets the gradient.

    Args:
        graph: Any graph that :func:`graphlab.graph.as_graph` accepts; or a torch sparse CSR
            matrix (r, n), taken as it is: :math:`\mathbf{O} = \mathbf{A} \mathbf{X}`; or a
            prepared :class:`~graphlab.ops.Csr` of shape (r, n).
        x: Dense features.
        edge_weight: One weight an entry, in the order of the graph's input (for a matrix or
            ``Csr``: of its stored entries). Default: the weights of the graph, else 1.
        reduce: How messages are combined.
        backend: ``"compiled"`` kernels on the CPU in float32 and float64, ``"torch"`` operations
            anywhere (these write one row an entry), ``"auto"`` takes the first where it can.

    Shapes:
        - ``x``: (n, C) or (n,) float; ``edge_weight``: (m,)
        - returns: (r, C) or (r,), r = n for graphs

    Raises:
        InputError: Shapes that do not fit, an unknown ``reduce`` or ``backend``, ``"compiled"``
            for another device or type.

    Cost: time O(m C), memory O(r C); O(m C) memory with ``"torch"``.

    Example:
        >>> import torch
        >>> spmm(torch.tensor([[0, 1], [2, 2]]), torch.tensor([[1.0], [2.0], [4.0]])).tolist()
        [[0.0], [0.0], [3.0]]
    """
    if reduce not in REDUCTIONS:
        raise InputError(f"reduce is {reduce!r}, expected one of {', '.join(REDUCTIONS)}.")
    csr, weight = _structure(graph, x, edge_weight)
    if x.dim() not in (1, 2) or x.shape[0] != csr.num_cols:
        raise InputError(f"x has shape {tuple(x.shape)}, expected ({csr.num_cols}, C).")
    if weight is not None and weight.shape != (csr.num_entries,):
        raise InputError(
            f"edge_weight has shape {tuple(weight.shape)}, expected ({csr.num_entries},)."
        )
    if weight is not None and weight.dtype != x.dtype:
        weight = weight.to(x.dtype)
    dense = x.unsqueeze(1) if x.dim() == 1 else x
    out = reduce_rows(csr, dense, weight, reduce, choose_backend(backend, x))
    return out.squeeze(1) if x.dim() == 1 else out


def choose_backend(backend: str, x: Tensor) -> Literal["compiled", "torch"]:
    """Resolve ``"auto"`` for a tensor; InputError where ``"compiled"`` cannot serve it."""
    if backend not in _BACKENDS:
        raise InputError(f"backend is {backend!r}, expected one of {', '.join(_BACKENDS)}.")
    able = x.device.type == "cpu" and x.dtype in _COMPILED
    if backend == "compiled" and not able:
        raise InputError(
            f"backend='compiled' serves float32 and float64 on the CPU, not {x.dtype} on "
            f"{x.device}; use backend='auto'."
        )
    return "compiled" if able and backend != "torch" else "torch"


def choose_structure_backend(backend: str, device: torch.device) -> Literal["compiled", "torch"]:
    """Resolve ``"auto"`` for an operation on structure alone; InputError as above."""
    return choose_backend(backend, torch.empty(0, dtype=torch.float32, device=device))


def reduce_rows(
    csr: Csr, x: Tensor, weight: Tensor | None, reduce: str, backend: Literal["compiled", "torch"]
) -> Tensor:
    """Reduce (n, C) rows of x along the entries of ``csr``; arguments as checked by spmm."""
    if reduce == "min":
        return -reduce_rows(csr, -x, weight, "max", backend)
    if reduce == "max":
        return _take(csr, x, weight, _winners(csr, x, weight, backend))
    scale = csr.inverse_counts(x.dtype) if reduce == "mean" else None
    if backend == "torch":
        return _torch_sum(csr, x, weight, scale)
    if torch.is_grad_enabled() and (
        x.requires_grad or (weight is not None and weight.requires_grad)
    ):
        out: Tensor = _Sum.apply(x, weight, csr, scale)  # type: ignore[no-untyped-call]
        return out
    return compiled_sum(csr, x, weight, scale)


def compiled_sum(csr: Csr, x: Tensor, weight: Tensor | None, scale: Tensor | None) -> Tensor:
    """Run the compiled sum, outside autograd."""
    width = x.shape[1]
    out = fresh((csr.num_rows, width), x.dtype)
    if width == 0:
        return out
    indptr, columns, bounds = csr.arrays
    given, result = flat(x), out.numpy().reshape(-1)
    values, factor = flat(weight), flat(scale)

    def call(first: int, last: int) -> None:
        sum_rows(indptr, columns, bounds, values, factor, given, result, width, first, last)

    run_blocks(call, bounds.size - 1, vector_work(csr, width))
    return out


def flat(tensor: Tensor | None) -> NDArray[Any] | None:
    """Return a tensor's numbers as a contiguous one-dimensional array (a view where it can)."""
    if tensor is None:
        return None
    array: NDArray[Any] = tensor.detach().contiguous().numpy().reshape(-1)
    return array


def vector_work(csr: Csr, width: int) -> int:
    """Return the size of a product in operations on vectors of eight."""
    return (csr.num_entries + csr.num_rows) * (width + 7 >> 3)


@dataclass(frozen=True)
class _Entries:
    """What the backward pass of a sum needs besides tensors."""

    csr: Csr
    scale: Tensor | None


class _Sum(torch.autograd.Function):
    """Compiled sum; gradients by the transposed structure and by inner products of entries."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        weight: Tensor | None,
        csr: Csr,
        scale: Tensor | None,
    ) -> Tensor:
        ctx.save_for_backward(x if ctx.needs_input_grad[1] else None, weight)
        ctx.entries = _Entries(csr, scale)
        return compiled_sum(csr, x, weight, scale)

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:  # noqa: ANN401
        x, weight = ctx.saved_tensors
        csr, scale = ctx.entries.csr, ctx.entries.scale
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            other, position = csr.transposed()
            scaled = grad if scale is None else grad * scale[:, None]
            turned = weight
            if weight is not None and position is not None:
                turned = weight.index_select(0, position)
            grad_x = compiled_sum(other, scaled, turned, None)
        if ctx.needs_input_grad[1]:
            grad_weight = compiled_entry_products(csr, grad, x, scale)
        return grad_x, grad_weight, None, None


def compiled_entry_products(csr: Csr, grad: Tensor, x: Tensor, scale: Tensor | None) -> Tensor:
    """Return for each entry the inner product of its rows of grad and x, outside autograd."""
    out = torch.empty(csr.num_entries, dtype=x.dtype)
    width = x.shape[1]
    indptr, columns, bounds = csr.arrays
    left, right, factor, result = flat(grad), flat(x), flat(scale), out.numpy()

    def call(first: int, last: int) -> None:
        entry_products(indptr, columns, bounds, factor, left, right, result, width, first, last)

    run_blocks(call, bounds.size - 1, vector_work(csr, width))
    return out


def _torch_sum(csr: Csr, x: Tensor, weight: Tensor | None, scale: Tensor | None) -> Tensor:
    """Sum by plain differentiable operations: the meaning of the compiled kernel."""
    messages = x.index_select(0, csr.indices)
    if weight is not None:
        messages = messages * weight[:, None]
    out = x.new_zeros((csr.num_rows, x.shape[1])).index_add(0, csr.rows, messages)
    return out if scale is None else out * scale[:, None]


def _winners(
    csr: Csr, x: Tensor, weight: Tensor | None, backend: Literal["compiled", "torch"]
) -> Tensor:
    """Return for each row and column the entry with the largest message, -1 in empty rows."""
    x, weight = x.detach(), None if weight is None else weight.detach()
    width = x.shape[1]
    shape = (csr.num_rows, width)
    if backend == "compiled":
        winner = torch.empty(shape, dtype=torch.int64)
        indptr, columns, bounds = csr.arrays
        given, values, result = flat(x), flat(weight), winner.numpy().reshape(-1)

        def call(first: int, last: int) -> None:
            max_entries(indptr, columns, bounds, values, given, result, width, first, last)

        run_blocks(call, bounds.size - 1, 8 * vector_work(csr, width))
        return winner
    messages = x.index_select(0, csr.indices)
    if weight is not None:
        messages = messages * weight[:, None]
    rows = csr.rows[:, None].expand_as(messages)
    lowest = x.new_full(shape, -torch.inf)
    best = lowest.scatter_reduce(0, rows, messages, "amax", include_self=False)
    reached = best.gather(0, rows)
    entry = torch.arange(csr.num_entries, device=x.device)[:, None].expand_as(messages)
    won = (messages == reached) | (messages.isnan() & reached.isnan())
    none = csr.num_entries
    first = torch.full(shape, none, dtype=torch.int64, device=x.device)
    first = first.scatter_reduce(0, rows, entry.where(won, none), "amin")
    return first.where(first < none, -1)


def _take(csr: Csr, x: Tensor, weight: Tensor | None, winner: Tensor) -> Tensor:
    """Read the winning messages by differentiable operations."""
    if csr.num_entries == 0:
        return x.new_zeros(winner.shape) + 0 * x.sum()
    entry = winner.clamp(min=0)
    out = x.gather(0, csr.indices.to(torch.int64)[entry])
    if weight is not None:
        out = out * weight[entry]
    return out.masked_fill(winner < 0, 0)


def _structure(graph: Any, x: Tensor, edge_weight: Tensor | None) -> tuple[Csr, Tensor | None]:  # noqa: ANN401
    """Read the ``graph`` argument: its incoming entries, and the weights in their order."""
    if isinstance(graph, Csr):
        return graph, edge_weight
    if isinstance(graph, Tensor) and graph.layout == torch.sparse_csr:
        return csr_of_tensor(graph), graph.values() if edge_weight is None else edge_weight
    plain = as_graph(graph, x.shape[0])
    csr, weight = csr_of_graph(plain)
    if edge_weight is None:
        return csr, weight
    incoming, position = incoming_entries(plain)
    if edge_weight.shape != position.shape:
        raise InputError(
            f"edge_weight has shape {tuple(edge_weight.shape)}, expected ({position.numel()},)."
        )
    return incoming, edge_weight.index_select(0, position)
