"""Common neighbours of node pairs, and the neighbours that one end alone has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.ops._autograd import eager
from graphlab.ops._overlap_kernels import close_gaps, common_lists, list_limits, overlap_lists
from graphlab.ops._overlap_torch import common_by_torch, overlap_by_torch
from graphlab.ops._threads import run_blocks
from graphlab.ops.csr import Csr, csr_of_graph
from graphlab.ops.spmm import Backend

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "CommonNeighbors",
    "NeighborOverlap",
    "Overlap",
    "adjacency",
    "common_neighbors",
    "neighbor_overlap",
    "overlap_rows",
]

_STEP = 512  # pairs in a block
_SLACK = 32  # places behind a block that its kernel may overwrite
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


class CommonNeighbors(NamedTuple):
    """Lists of nodes: pair p has ``nodes[ptr[p]:ptr[p + 1]]``, ascending.

    Shapes:
        - ``ptr``: (B + 1,) int64; ``nodes``: (nnz,) int64
    """

    ptr: Tensor
    nodes: Tensor


class NeighborOverlap(NamedTuple):
    """Three lists a pair: common neighbours, neighbours of src alone, neighbours of dst alone.

    Shapes:
        - ``..._ptr``: (B + 1,) int64; the others: (nnz,) int64, ascending in each list
    """

    cn_ptr: Tensor
    cn: Tensor
    src_ptr: Tensor
    src_only: Tensor
    dst_ptr: Tensor
    dst_only: Tensor


class Overlap(NamedTuple):
    """As :class:`NeighborOverlap`, nodes in the type of the rows; the last four may be absent."""

    cn_ptr: Tensor
    cn: Tensor
    src_ptr: Tensor | None = None
    src_only: Tensor | None = None
    dst_ptr: Tensor | None = None
    dst_only: Tensor | None = None


def common_neighbors(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    src: Any,  # noqa: ANN401
    dst: Any,  # noqa: ANN401
    *,
    backend: Backend = "auto",
) -> CommonNeighbors:
    """Return the common neighbours of each pair of nodes."""
    csr = adjacency(graph)
    i, j = _ends(src, dst, csr)
    found = _overlap(csr.indptr, csr.indices, i, j, torch.int64, residuals=False, backend=backend)
    return CommonNeighbors(found.cn_ptr, found.cn)


def neighbor_overlap(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    src: Any,  # noqa: ANN401
    dst: Any,  # noqa: ANN401
    *,
    backend: Backend = "auto",
) -> NeighborOverlap:
    """Return common neighbours, and the neighbours that one end of each pair alone has."""
    csr = adjacency(graph)
    i, j = _ends(src, dst, csr)
    found = _overlap(csr.indptr, csr.indices, i, j, torch.int64, residuals=True, backend=backend)
    return NeighborOverlap(*found)  # type: ignore[arg-type]  # with residuals nothing is absent


def adjacency(graph: Any) -> Csr:  # noqa: ANN401  (whatever as_graph accepts)
    """Return the rows of :meth:`Graph.simple`, made once a graph: columns ascending, int32."""
    return csr_of_graph(as_graph(graph).simple())[0]


def overlap_rows(
    indptr: Tensor,
    indices: Tensor,
    src: Tensor,
    dst: Tensor,
    *,
    residuals: bool,
    backend: Backend = "auto",
) -> Overlap:
    """Intersect rows of a sparse matrix, which need not be symmetric; nothing is checked."""
    return _overlap(indptr, indices, src, dst, indices.dtype, residuals=residuals, backend=backend)


@eager
def _overlap(
    indptr: Tensor,
    indices: Tensor,
    src: Tensor,
    dst: Tensor,
    dtype: torch.dtype,
    *,
    residuals: bool,
    backend: str,
) -> Overlap:
    compiled = indices.device.type == "cpu" and backend != "torch"
    if not compiled:
        run_torch = overlap_by_torch if residuals else common_by_torch
        return Overlap(*run_torch(indptr, indices, src, dst, dtype))
    pointers, columns, i, j = (t.contiguous().numpy() for t in (indptr, indices, src, dst))
    blocks = -(-i.size // _STEP)
    limits = np.empty(3 * blocks, np.int64)

    def bound(first: int, last: int) -> None:
        list_limits(pointers, i, j, _STEP, limits, first, last)

    run_blocks(bound, blocks, i.size)
    limits = limits.reshape(blocks, 3)
    work = 32 * i.size + (int(limits[:, 1:].sum()) >> 3)
    kind = np.int64 if dtype == torch.int64 else np.int32
    slack = (0, _SLACK, _SLACK)
    lists = [
        _Lists(i.size, limits[:, which] + slack[which], kind)
        for which in range(3 if residuals else 1)
    ]
    parts = [array for each in lists for array in (each.offset, each.began, each.ptr, each.nodes)]
    run = overlap_lists if residuals else common_lists

    def fill(first: int, last: int) -> None:
        run(pointers, columns, i, j, _STEP, *parts, first, last)

    run_blocks(fill, blocks, work)
    return Overlap(*(tensor for each in lists for tensor in each.finished()))


class _Lists:
    """Lists that are being written, block by block, each block from the place it may need."""

    def __init__(self, count: int, limits: NDArray[Any], kind: type[np.generic]) -> None:
        self.offset = np.zeros(limits.size + 1, np.int64)
        np.cumsum(limits, out=self.offset[1:])
        self.began = np.empty(limits.size, np.int64)
        self.ptr = np.zeros(count + 1, np.int64)
        self.nodes: NDArray[Any] = np.empty(int(self.offset[-1]), kind)

    def finished(self) -> tuple[Tensor, Tensor]:
        close_gaps(self.began, self.ptr, self.nodes, _STEP)
        self.nodes.resize(int(self.ptr[-1]), refcheck=False)  # gives back what was not used
        return torch.from_numpy(self.ptr), torch.from_numpy(self.nodes)


def _ends(src: Any, dst: Any, csr: Csr) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    ends = []
    for name, value in (("src", src), ("dst", dst)):
        end = torch.as_tensor(value)
        if end.numel() == 0:
            end = end.to(torch.int64)
        if end.dim() != 1 or end.dtype not in _INTEGERS:
            raise InputError(
                f"{name} is {end.dtype} of shape {tuple(end.shape)}, expected (B,) node ids."
            )
        end = end.to(csr.device, torch.int64)
        if end.numel():
            low, high = (int(v) for v in end.aminmax())
            if low < 0 or high >= csr.num_rows:
                raise InputError(
                    f"{name} holds node {low if low < 0 else high}, but the graph has "
                    f"{csr.num_rows} nodes (ids must be 0..{csr.num_rows - 1})."
                )
        ends.append(end)
    if ends[0].shape != ends[1].shape:
        raise InputError(
            f"src has {ends[0].numel()} nodes and dst {ends[1].numel()}; they are the two ends of "
            "the same pairs."
        )
    return ends[0], ends[1]
