"""Graphs without some of their edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph
from graphlab.ops._autograd import eager
from graphlab.ops._edge_kernels import drop_entries, find_entries, keep_unmarked, mark_entries
from graphlab.ops.csr import Csr, csr_of_graph
from graphlab.ops.spmm import Backend

__all__ = ["drop_rows", "remove_edges"]


@eager
def remove_edges(graph: Any, pairs: Any, *, backend: Backend = "auto") -> Graph:  # noqa: ANN401
    """Return the simple graph without the edges between the nodes of some pairs."""
    whole = as_graph(graph).simple()
    csr = csr_of_graph(whole)[0]
    i, j = _pairs(pairs, csr)
    both, other = torch.cat([i, j]), torch.cat([j, i])
    place = torch.empty_like(both)
    indptr, columns = csr.indptr.numpy(), csr.indices.numpy()
    src, dst, at = both.numpy(), other.numpy(), place.numpy()
    find_entries(indptr, columns, src, dst, at, 0, src.size)
    gone, fewer = np.zeros(columns.size, np.uint8), np.zeros(indptr.size, np.int64)
    mark_entries(at, src, gone, fewer)
    out_indptr = np.empty_like(indptr)
    out = np.empty(columns.size - int(fewer.sum()), columns.dtype)
    keep_unmarked(indptr, columns, gone, fewer, out_indptr, out)
    left = Csr(torch.from_numpy(out_indptr), torch.from_numpy(out), csr.num_cols, symmetric=True)
    result = Graph.from_simple_rows(left.indptr, left.indices, x=whole.features, y=whole.y)
    result.cached("ops.csr", lambda: (left, None))
    return result


@eager
def drop_rows(
    indptr: Tensor, indices: Tensor, p: float, key: int, *, backend: Backend = "auto"
) -> tuple[Tensor, Tensor]:
    """Drop each entry of sparse rows with probability p."""
    if not 0 <= p <= 1:
        raise InputError(f"p is {p!r}, expected a probability between 0 and 1.")
    pointers, columns = indptr.numpy(), indices.numpy()
    out_indptr, out = np.zeros_like(pointers), np.empty(columns.size + 1, columns.dtype)
    bounds, began = np.array([0, pointers.size - 1]), np.zeros(1, np.int64)
    threshold, word = np.uint64(round(p * 2**32)), np.uint64(key)
    drop_entries(pointers, columns, threshold, word, bounds, out_indptr, out, began, 0, 1)
    out.resize(int(out_indptr[-1]), refcheck=False)
    return torch.from_numpy(out_indptr), torch.from_numpy(out)


def _pairs(pairs: Any, csr: Csr) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    given = torch.as_tensor(pairs)
    if given.dim() != 2 or given.shape[0] != 2:
        raise InputError(f"pairs has shape {tuple(given.shape)}, expected (2, B).")
    given = given.to(csr.device, torch.int64)
    if given.numel():
        low, high = (int(v) for v in given.aminmax())
        if low < 0 or high >= csr.num_rows:
            raise InputError(
                f"pairs hold node {low if low < 0 else high}, but the graph has "
                f"{csr.num_rows} nodes (ids must be 0..{csr.num_rows - 1})."
            )
    return given[0], given[1]
