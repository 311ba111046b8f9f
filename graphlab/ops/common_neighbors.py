"""Common neighbours of node pairs, and the neighbours that one end alone has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphlab.graph import as_graph
from graphlab.ops._autograd import eager
from graphlab.ops._node_ids import check_ends
from graphlab.ops._overlap_kernels import close_gaps, common_lists, list_limits, overlap_lists
from graphlab.ops._overlap_torch import common_by_torch, overlap_by_torch
from graphlab.ops._threads import run_blocks
from graphlab.ops.csr import Csr, csr_of_graph
from graphlab.ops.spmm import Backend, choose_structure_backend

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
_FULL = 8  # lists are copied where more than an eighth of their memory was not used
_SLACK = 32  # places behind the lists of a block that its kernel may overwrite


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
    r"""Return the common neighbours :math:`N(i) \cap N(j)` of node pairs.

    An edge between i and j does not make them common neighbours; of a pair of a node with itself,
    all neighbours are common.

    Args:
        graph: Any graph; read as :meth:`graphlab.graph.Graph.simple`: undirected, without loops,
            each edge once. Its rows are kept with a :class:`~graphlab.graph.Graph`, so give one,
            or an unchanged ``edge_index``, for many calls.
        src: Nodes i.
        dst: Nodes j.
        backend: ``"compiled"`` on the CPU, ``"torch"`` anywhere; equal results.

    Shapes:
        - ``src``, ``dst``: (B,) integer
        - returns: ``ptr`` (B + 1,) and ``nodes`` (nnz,), int64; pair p has
          ``nodes[ptr[p]:ptr[p + 1]]``, ascending

    Raises:
        InputError: Node ids out of range or not integer, ends of different number, an unknown
            ``backend``.

    Cost: time O(B a log(b)) for rows of a and b >= a neighbours, less where b is small; extra
    memory for the result alone (``"torch"``: O(B a + m)). Independent of the number of threads.

    Example:
        >>> square = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
        >>> found = common_neighbors(square, [0, 0], [2, 1])
        >>> found.ptr.tolist(), found.nodes.tolist()
        ([0, 2, 2], [1, 3])
    """
    rows = adjacency(graph)
    i, j = check_ends(src, dst, rows)
    found = _overlap(rows.indptr, rows.indices, i, j, torch.int64, residuals=False, backend=backend)
    return CommonNeighbors(found.cn_ptr, found.cn)


def neighbor_overlap(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    src: Any,  # noqa: ANN401
    dst: Any,  # noqa: ANN401
    *,
    backend: Backend = "auto",
) -> NeighborOverlap:
    r"""Return common neighbours and the neighbours that one end of each pair alone has.

    :math:`N(i) \cap N(j)`, :math:`N(i) \setminus N(j)`, :math:`N(j) \setminus N(i)`: what NCNC
    completes [wang2024]_. An edge between i and j puts j into the second and i into the third.

    Args:
        graph: As for :func:`common_neighbors`.
        src: Nodes i.
        dst: Nodes j.
        backend: As for :func:`common_neighbors`.

    Shapes:
        - ``src``, ``dst``: (B,) integer
        - returns: ``cn_ptr, cn, src_ptr, src_only, dst_ptr, dst_only``, int64, lists as in
          :func:`common_neighbors`

    Raises:
        InputError: As for :func:`common_neighbors`.

    Cost: time and extra memory O(B (a + b)) for rows of a and b neighbours, the length of the
    lists. Independent of the number of threads.

    Example:
        >>> path = torch.tensor([[0, 1, 2], [1, 2, 3]])
        >>> found = neighbor_overlap(path, [0], [2])
        >>> found.cn.tolist(), found.src_only.tolist(), found.dst_only.tolist()
        ([1], [], [3])
    """
    rows = adjacency(graph)
    i, j = check_ends(src, dst, rows)
    found = _overlap(rows.indptr, rows.indices, i, j, torch.int64, residuals=True, backend=backend)
    return NeighborOverlap(*found)  # type: ignore[arg-type]  # with residuals nothing is absent


def adjacency(graph: Any) -> Csr:  # noqa: ANN401  (whatever as_graph accepts)
    """Return the neighbours of each node as rows, those of :meth:`graphlab.graph.Graph.simple`.

    Args:
        graph: Any graph.

    Shapes:
        - returns: ``Csr`` (n, n); columns ascending in each row, int32 where the size allows

    Cost: O(m log m) once for a :class:`~graphlab.graph.Graph`; later calls return the same object.

    Example:
        >>> adjacency([[2, 1, 0], [0, 1, 2]]).indices.tolist()
        [2, 0]
    """
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
    """Intersect rows of a sparse matrix, which need not be symmetric; nothing is checked.

    For code that has prepared the rows and checked the pairs; else :func:`neighbor_overlap`.

    Args:
        indptr: Row pointers.
        indices: Columns, each once and ascending in each row.
        src: First row of each pair.
        dst: Second row of each pair.
        residuals: Also return what one row alone has.
        backend: As for :func:`common_neighbors`.

    Shapes:
        - ``indptr``: (r + 1,) int64; ``indices``: (m,) int32 or int64; ``src``, ``dst``: (B,) int64
        - returns: boundaries int64, nodes in the type of ``indices``

    Example:
        >>> indptr, indices = torch.tensor([0, 2, 3]), torch.tensor([0, 1, 1], dtype=torch.int32)
        >>> ends = torch.tensor([0]), torch.tensor([1])
        >>> overlap_rows(indptr, indices, *ends, residuals=False).cn.tolist()
        [1]
    """
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
    if choose_structure_backend(backend, indices.device) == "torch":
        by_torch = overlap_by_torch if residuals else common_by_torch
        return Overlap(*by_torch(indptr, indices, src, dst, dtype))
    pointers, columns, i, j = (t.contiguous().numpy() for t in (indptr, indices, src, dst))
    blocks = -(-i.size // _STEP)
    limits = np.empty(3 * blocks, np.int64)

    def limit(first: int, last: int) -> None:
        list_limits(pointers, i, j, _STEP, limits, first, last)

    run_blocks(limit, blocks, i.size)
    kind = np.int64 if dtype == torch.int64 else np.int32
    lists = [_Lists(i.size, limits[0::3])]
    lists[0].nodes = np.empty(lists[0].most, kind)
    if residuals:
        lists += [_Lists(i.size, limits[which::3] + _SLACK) for which in (1, 2)]
        # one block of memory for both, which the next call can use again as one
        both = np.empty(lists[1].most + lists[2].most, kind)
        lists[1].nodes, lists[2].nodes = np.split(both, [lists[1].most])
    parts = [array for each in lists for array in (each.offset, each.began, each.ptr, each.nodes)]
    run = overlap_lists if residuals else common_lists

    def fill(first: int, last: int) -> None:
        run(pointers, columns, i, j, _STEP, *parts, first, last)

    run_blocks(fill, blocks, 32 * i.size + (int(limits.sum()) >> 3))
    return Overlap(*(tensor for each in lists for tensor in each.finished()))


class _Lists:
    """Lists that are being written block by block, each block from the place it needs at most.

    Args:
        count: Number of lists.
        limits: Most entries of each block.
    """

    nodes: NDArray[Any]  # places that are never written are never backed by memory

    def __init__(self, count: int, limits: NDArray[Any]) -> None:
        self.offset = np.zeros(limits.size + 1, np.int64)
        np.cumsum(limits, out=self.offset[1:])
        self.began = np.empty(limits.size, np.int64)
        self.ptr = np.zeros(count + 1, np.int64)
        self.most = int(self.offset[-1])

    def finished(self) -> tuple[Tensor, Tensor]:
        """Return boundaries and nodes."""
        close_gaps(self.began, self.ptr, self.nodes, _STEP)
        used = int(self.ptr[-1])
        if self.nodes.base is None:
            self.nodes.resize(used, refcheck=False)  # gives back what was not used
        elif _FULL * used < (_FULL - 1) * self.most:
            self.nodes = self.nodes[:used].copy()
        return torch.from_numpy(self.ptr), torch.from_numpy(self.nodes[:used])
