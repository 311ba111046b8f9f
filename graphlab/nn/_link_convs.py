"""Convolutions of link encoders: sums over neighbours, each a function of rows and neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphlab.ops._autograd import eager, first_order
from graphlab.ops.common_neighbors import adjacency
from graphlab.ops.csr import Csr
from graphlab.ops.edges import drop_rows
from graphlab.ops.spmm import choose_backend, compiled_sum, reduce_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphlab.graph import Graph

__all__ = ["CONVS", "LINEAR", "Neighbors", "draw_key", "neighbors_of"]


@dataclass(frozen=True)
class Neighbors:
    """Entries (i, j) of each row i; asymmetric after edge dropout.

    Args:
        csr: Structure.
        weight: One weight an entry, (m,); None: all are ``scale``.
        scale: Weight of every entry where ``weight`` is None.
    """

    csr: Csr
    weight: Tensor | None
    scale: float


def neighbors_of(graph: Graph, dtype: torch.dtype, rate: float) -> Neighbors:
    """Return the neighbours of each node, entries dropped at a rate.

    Loops are left out and each undirected edge is taken once; weights of equal edges add up.

    Args:
        graph: Any graph.
        dtype: Type of the weights.
        rate: Share of directed entries to drop; those left are divided by one minus it.
    """
    csr, weight = adjacency(graph), None
    if graph.edge_weight is not None:
        weight = graph.cached("nn.weights", lambda: _weights(graph, csr)).to(dtype)
    if rate <= 0:
        return Neighbors(csr, weight, 1.0)
    scale = 0.0 if rate >= 1 else 1 / (1 - rate)
    if weight is None:
        indptr, indices = drop_rows(csr.indptr, csr.indices, rate, draw_key())
        return Neighbors(Csr(indptr, indices, csr.num_cols), None, scale)
    kept = torch.rand(csr.num_entries, device=csr.device) >= rate
    indptr = torch.zeros_like(csr.indptr)
    torch.cumsum(torch.bincount(csr.rows[kept], minlength=csr.num_rows), 0, out=indptr[1:])
    return Neighbors(Csr(indptr, csr.indices[kept], csr.num_cols), weight[kept] * scale, 1.0)


def draw_key() -> int:
    """Draw a key from torch's global generator."""
    return int(torch.empty((), dtype=torch.int64).random_())


def _weights(graph: Graph, csr: Csr) -> Tensor:
    """Return one weight an entry of ``csr``: of an edge that is given in one direction, both."""
    n, weight = max(graph.num_nodes, 1), graph.edge_weight
    assert weight is not None  # noqa: S101  (asked by the caller)
    row, col = graph.edge_index
    keys = csr.rows * n + csr.indices
    keep = row != col
    row, col, weight = row[keep], col[keep], weight[keep]
    both = not graph.is_undirected()
    found = torch.cat([row * n + col, col * n + row]) if both else row * n + col
    total = torch.zeros(csr.num_entries, dtype=weight.dtype, device=weight.device)
    values = torch.cat([weight, weight]) if both else weight
    return total.index_add_(0, torch.searchsorted(keys, found), values)


def _reduced(x: Tensor, near: Neighbors, *, reduce: str) -> Tensor:
    """Return the sum, mean or maximum over neighbours."""
    out = reduce_rows(near.csr, x, near.weight, reduce, choose_backend("auto", x))
    return out if near.scale == 1 else out * near.scale


@eager
def _normalized(x: Tensor, near: Neighbors) -> Tensor:
    """Return the sum with self-loops, divided by the roots of both ends' degrees."""
    csr = near.csr
    if near.weight is None:
        degree = csr.indptr.diff().to(x.dtype) * near.scale
    else:
        degree = x.new_zeros(csr.num_rows).index_add_(0, csr.rows, near.weight)
    half = (degree + 1).rsqrt()
    weight = half.index_select(0, csr.indices)
    if near.weight is not None:
        weight = weight * near.weight
    elif near.scale != 1:
        weight = weight * near.scale
    kind = choose_backend("auto", x)
    if kind == "torch":
        out = reduce_rows(csr, x, weight, "sum", kind)
        return half[:, None] * (out + half[:, None] * x)
    if not (torch.is_grad_enabled() and x.requires_grad):
        return _apply(x, csr, weight, half)
    result: Tensor = _Normalized.apply(x, csr, weight, half)  # type: ignore[no-untyped-call]
    return result


def _apply(x: Tensor, csr: Csr, weight: Tensor, half: Tensor) -> Tensor:
    return compiled_sum(csr, x, weight, half).addcmul_((half * half)[:, None], x)


class _Normalized(torch.autograd.Function):
    """Normalised sum whose gradient is the sum over the transposed entries."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, csr: Csr, weight: Tensor, half: Tensor) -> Tensor:  # noqa: ANN401
        ctx.parts = csr, weight, half
        return _apply(x, csr, weight, half)

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401
        csr, weight, half = ctx.parts
        other, position = csr.transposed()
        if position is not None:
            # entry (i, j) carries h_j w_ij and its row h_i; turned, the factors change places
            bare = weight * (1 / half).index_select(0, csr.indices)
            weight = bare.index_select(0, position) * half.index_select(0, other.indices)
        return _apply(grad.contiguous(), other, weight, half), None, None, None


_sum, _mean, _max = (partial(_reduced, reduce=kind) for kind in ("sum", "mean", "max"))

CONVS: dict[str, Callable[[Tensor, Neighbors], Tensor]] = {
    "puregcn": _normalized,
    "puresum": _sum,
    "puremean": _mean,
    "puremax": _max,
    "gcn": _normalized,
    "sage": _mean,
    "gin": _sum,
    "max": _max,
}
LINEAR = ("puregcn", "puresum", "puremean")
"""Convolutions that are linear and have no weights."""
