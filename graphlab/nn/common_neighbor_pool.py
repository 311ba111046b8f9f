"""The layer that common-neighbour models are named after: rows of common neighbours, summed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.ops._draws import draw_key
from graphlab.ops._node_ids import check_pairs
from graphlab.ops.capping import cap_lists
from graphlab.ops.common_neighbors import adjacency, overlap_rows
from graphlab.ops.pooling import POOLINGS, Pooling, pooled
from graphlab.ops.spmm import Backend, choose_backend

__all__ = ["CommonNeighborPool"]


class CommonNeighborPool(nn.Module):
    r"""Pool the rows of the common neighbours of node pairs, the heart of NCN [wang2024]_.

    .. math:: \mathbf{o}_{ij} = \bigoplus_{u \in N(i) \cap N(j)} w_u\, \mathbf{x}_u

    Pairs without common neighbours get 0. Neither direction writes a tensor with a row a common
    neighbour. With :math:`\mathbf x` all ones the sum is the number of common neighbours; with
    :math:`w_u = 1 / \ln d_u` or :math:`1 / d_u` also the indices of Adamic and Adar and of resource
    allocation.

    Args:
        reduce: ``"sum"``, ``"mean"`` or ``"max"``.
        max_common: Replace each longer list by this many uniform draws with replacement, weighted
            so that the expected sum stays; -1: no limit. In training the draws come from torch's
            global generator, in evaluation they are the same in each call. A maximum is taken over
            the draws.
        backend: See :func:`graphlab.ops.spmm`.

    Shapes:
        - ``x``: (n, F) float
        - ``graph``: any graph of n nodes; read as undirected, without loops, each edge once
        - ``pairs``: (2, B) integer
        - ``node_weight``: (n,) float, or None for ones
        - returns: (B, F)

    Raises:
        InputError: An unknown ``reduce``, a cap out of range, shapes that do not fit, node ids out
            of range.

    Cost: time O(B d + nnz F) for rows of d neighbours and nnz common neighbours in all; extra
    memory O(nnz + B F).

    Example:
        >>> pool = CommonNeighborPool()
        >>> x, square = torch.eye(4), torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
        >>> pool(x, square, torch.tensor([[0], [2]])).tolist()
        [[0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(
        self, reduce: Pooling = "sum", max_common: int = -1, *, backend: Backend = "auto"
    ) -> None:
        super().__init__()
        if reduce not in POOLINGS:
            raise InputError(f"reduce is {reduce!r}, expected one of {', '.join(POOLINGS)}.")
        whole = isinstance(max_common, int) and not isinstance(max_common, bool)
        if not whole or (max_common < 1 and max_common != -1):
            raise InputError(
                f"max_common is {max_common!r}, expected an integer >= 1, or -1 for no limit."
            )
        choose_backend(backend, torch.empty(0))
        self.reduce, self.max_common, self.backend = reduce, max_common, backend

    def forward(
        self,
        x: Tensor,
        graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
        pairs: Any,  # noqa: ANN401
        node_weight: Tensor | None = None,
    ) -> Tensor:
        """Return one row a pair."""
        if x.dim() != 2 or not x.is_floating_point():
            raise InputError(f"x is {x.dtype} of shape {tuple(x.shape)}, expected floating (n, F).")
        if node_weight is not None and node_weight.shape != x.shape[:1]:
            raise InputError(
                f"node_weight has shape {tuple(node_weight.shape)}, expected ({x.shape[0]},): one "
                "weight a node."
            )
        rows = adjacency(as_graph(graph, x.shape[0]))
        src, dst = check_pairs(pairs, rows)
        found = overlap_rows(
            rows.indptr, rows.indices, src, dst, residuals=False, backend=self.backend
        )
        key = draw_key() if self.max_common > 0 and self.training else 0
        ptr, nodes, weight = cap_lists(
            found.cn_ptr, found.cn, self.max_common, key, backend=self.backend
        )
        if self.reduce != "sum":
            weight = None  # the draws estimate a mean as they are
        if node_weight is not None:
            chosen = node_weight.index_select(0, nodes)
            weight = chosen if weight is None else chosen * weight
        return pooled(x, ptr, nodes, weight, reduce=self.reduce, backend=self.backend)

    def extra_repr(self) -> str:
        """Show the options."""
        cap = "" if self.max_common < 0 else f", max_common={self.max_common}"
        return f"reduce={self.reduce!r}{cap}"
