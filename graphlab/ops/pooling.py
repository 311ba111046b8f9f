"""Sums of node rows over lists of nodes."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from graphlab.ops._autograd import eager
from graphlab.ops.csr import Csr
from graphlab.ops.spmm import Backend, choose_backend, reduce_rows

__all__ = ["pool_lists"]


@eager
def pool_lists(
    x: Tensor,
    ptr: Tensor,
    nodes: Tensor,
    weight: Tensor | None = None,
    *,
    reduce: Literal["sum", "mean", "max"] = "sum",
    backend: Backend = "auto",
) -> Tensor:
    """Reduce rows of x over each list of nodes."""
    csr = Csr(ptr, nodes, x.shape[0])
    return reduce_rows(csr, x, weight, reduce, choose_backend(backend, x))
