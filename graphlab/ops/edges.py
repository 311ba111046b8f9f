"""Graphs without some of their edges: given ones, or random entries."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph
from graphlab.ops._autograd import eager
from graphlab.ops._draws import draws
from graphlab.ops._edge_kernels import drop_entries, find_entries, keep_unmarked, mark_entries
from graphlab.ops._node_ids import check_pairs
from graphlab.ops._overlap_kernels import close_gaps
from graphlab.ops._overlap_torch import find_by_torch
from graphlab.ops._threads import run_blocks
from graphlab.ops.csr import Csr, csr_of_graph
from graphlab.ops.spmm import Backend, choose_structure_backend

__all__ = ["drop_rows", "remove_edges"]

_PAIRS = 2048  # in a block
_ROWS = 4096
_ROOM = 32  # entries that a kernel may write behind the last one
_WORD = 8
_INT32_MAX = 2**31 - 1


@eager
def remove_edges(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    pairs: Any,  # noqa: ANN401
    *,
    backend: Backend = "auto",
) -> Graph:
    """Return a simple graph without the edges between given pairs of nodes, in both directions.

    What training on links needs: the edges to be predicted leave the graph that the model sees
    [wang2024]_. Pairs that are no edge, pairs given twice, in either direction, and pairs of a node
    with itself change nothing. Features and labels stay.

    Args:
        graph: Any graph; read as :meth:`graphlab.graph.Graph.simple`.
        pairs: Ends of the edges to remove.
        backend: ``"compiled"`` on the CPU, ``"torch"`` anywhere; equal results.

    Shapes:
        - ``pairs``: (2, B) integer

    Raises:
        InputError: Pairs of another shape or type, node ids out of range, an unknown ``backend``.

    Cost: time O(m + B log d) for m entries and rows of d; nothing is sorted. The result knows that
    it is simple and undirected.

    Example:
        >>> triangle = [[0, 1, 2], [1, 2, 0]]
        >>> remove_edges(triangle, [[1], [0]]).edge_index.tolist()
        [[0, 1, 2, 2], [2, 2, 0, 1]]
    """
    whole = as_graph(graph).simple()
    csr = csr_of_graph(whole)[0]
    i, j = check_pairs(pairs, csr)
    row, column = torch.cat([i, j]), torch.cat([j, i])
    kind = choose_structure_backend(backend, csr.device)
    remove = _remove_compiled if kind == "compiled" else _remove_torch
    indptr, indices = remove(csr, row, column)
    left = Csr(indptr, indices, csr.num_cols, symmetric=True)
    result = Graph.from_simple_rows(left.indptr, left.indices, x=whole.features, y=whole.y)
    result.cached("ops.csr", lambda: (left, None))
    return result


@eager
def drop_rows(
    indptr: Tensor, indices: Tensor, p: float, key: int, *, backend: Backend = "auto"
) -> tuple[Tensor, Tensor]:
    """Drop each entry of sparse rows with probability p, for itself: the result is not symmetric.

    A hash of the key and of the entry's position decides, so the same key drops the same entries,
    whatever the backend and the number of threads. Entries that stay are worth 1 / (1 - p).

    Args:
        indptr: Row pointers.
        indices: Columns.
        p: Probability of an entry to be dropped, in [0, 1].
        key: Any number in 0..2^64-1, drawn anew for each call.
        backend: As for :func:`remove_edges`.

    Shapes:
        - ``indptr``: (r + 1,) int64; ``indices``: (m,) integer; returns both, of what stays

    Raises:
        InputError: ``p`` outside [0, 1], an unknown ``backend``.

    Cost: time O(m), 4 ns an entry; nothing is sorted.

    Example:
        >>> indptr, indices = torch.tensor([0, 2, 3]), torch.tensor([0, 1, 1])
        >>> [part.tolist() for part in drop_rows(indptr, indices, 0.5, key=1)]
        [[0, 1, 2], [1, 1]]
    """
    if not 0 <= p <= 1:
        raise InputError(f"p is {p!r}, expected a probability between 0 and 1.")
    threshold = round(p * 2**32)
    if choose_structure_backend(backend, indices.device) == "torch":
        keep = draws(indices.numel(), key, indices.device) >= threshold
        return _kept(indptr, indices, keep)
    pointers, columns = indptr.contiguous().numpy(), indices.contiguous().numpy()
    rows = pointers.size - 1
    blocks = -(-rows // _ROWS)
    out_indptr, out = np.zeros(rows + 1, np.int64), np.empty(columns.size + 1, columns.dtype)
    began = np.empty(blocks, np.int64)
    limit, word = np.uint64(threshold), np.uint64(key)

    def call(first: int, last: int) -> None:
        drop_entries(pointers, columns, limit, word, _ROWS, out_indptr, out, began, first, last)

    run_blocks(call, blocks, columns.size)
    close_gaps(began, out_indptr, out, _ROWS)
    out.resize(int(out_indptr[-1]), refcheck=False)  # gives back what was not used
    return torch.from_numpy(out_indptr), torch.from_numpy(out)


def _remove_compiled(csr: Csr, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
    indptr, columns = csr.indptr.numpy(), csr.indices.numpy()
    src, dst = row.numpy(), column.numpy()
    place = np.empty(src.size, columns.dtype)

    def find(first: int, last: int) -> None:
        end = min(last * _PAIRS, src.size)
        find_entries(indptr, columns, src, dst, place, first * _PAIRS, end)

    run_blocks(find, -(-src.size // _PAIRS), 8 * src.size)
    words = np.zeros(columns.size // _WORD + 1, np.uint64)
    gone, fewer = words.view(np.uint8), np.zeros(indptr.size, np.int32)
    mark_entries(place, src, gone, fewer)
    out_indptr = np.empty_like(indptr)
    out = np.empty(columns.size + _ROOM, columns.dtype)
    keep_unmarked(indptr, columns, gone, words, fewer, out_indptr, out)
    out.resize(int(out_indptr[-1]), refcheck=False)
    return torch.from_numpy(out_indptr), torch.from_numpy(out)


def _remove_torch(csr: Csr, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor]:
    found, at = find_by_torch(csr.indptr, csr.indices, row, column)
    keep = torch.ones(csr.num_entries, dtype=torch.bool, device=csr.device)
    keep[at[found]] = False
    return _kept(csr.indptr, csr.indices, keep)


def _kept(indptr: Tensor, indices: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
    kind = torch.int32 if keep.numel() <= _INT32_MAX else torch.int64
    before = torch.zeros(keep.numel() + 1, dtype=kind, device=keep.device)
    torch.cumsum(keep, 0, dtype=kind, out=before[1:])
    return before.index_select(0, indptr).to(torch.int64), indices.masked_select(keep)
