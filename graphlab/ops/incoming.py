"""Edges grouped by target: what layers with a state of their own for each edge walk along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._pool_kernels import turn_lists
from graphlab.ops.csr import Csr, WeakCache

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Incoming", "incoming_edges"]

_KNOWN = WeakCache()


class Incoming:
    """The edges of a graph in the order of their targets; those of one target keep their order.

    Args:
        csr: Row i holds the sources of the edges that enter node i.
        position: Place of each of these edges in the graph's input, (m,) int64; None where the
            input already had this order.

    Example:
        >>> edges = incoming_edges(torch.tensor([[0, 1, 1], [2, 0, 2]]), 3)
        >>> edges.src.tolist(), edges.dst.tolist(), edges.position.tolist()
        ([1, 0, 1], [0, 2, 2], [1, 0, 2])
    """

    def __init__(self, csr: Csr, position: Tensor | None) -> None:
        self.csr, self.position = csr, position
        self._degree: dict[bool, Tensor] = {}

    @property
    def num_nodes(self) -> int:
        """Number of nodes n."""
        return self.csr.num_rows

    @property
    def num_edges(self) -> int:
        """Number of edges m."""
        return self.csr.num_entries

    @property
    def src(self) -> Tensor:
        """Source of each edge, (m,) int32 or int64."""
        return self.csr.indices

    @property
    def dst(self) -> Tensor:
        """Target of each edge, (m,) int64, ascending."""
        return self.csr.rows

    def in_degree(self) -> Tensor:
        """Return the number of edges that enter each node, (n,) int64."""
        return self.csr.indptr.diff()

    def out_degree(self) -> Tensor:
        """Return the number of edges that leave each node, (n,) int64."""
        return self.csr.transposed()[0].indptr.diff()

    def sort(self, values: Tensor) -> Tensor:
        """Return rows that came in the order of the input in the order of the edges here."""
        return values if self.position is None else values.index_select(0, self.position)

    def unsort(self, values: Tensor) -> Tensor:
        """Return rows in the order of the edges here in the order of the input."""
        if self.position is None:
            return values
        place = torch.empty_like(self.position)
        place[self.position] = torch.arange(place.numel(), device=place.device)
        return values.index_select(0, place)

    def __repr__(self) -> str:
        return f"Incoming(num_nodes={self.num_nodes}, num_edges={self.num_edges})"


def incoming_edges(edge_index: Tensor, num_nodes: int) -> Incoming:
    """Group edges by their target; kept as long as ``edge_index`` is not changed.

    Args:
        edge_index: Sources and targets; edges given twice count twice.
        num_nodes: Number of nodes n.

    Shapes:
        - ``edge_index``: (2, m) integer

    Raises:
        InputError: No integer tensor of shape (2, m), or node ids outside 0..n-1.

    Cost: O(n + m) on the CPU, by counting; a sort elsewhere.
    """
    if (
        not isinstance(edge_index, Tensor)
        or edge_index.dim() != 2
        or edge_index.shape[0] != 2
        or edge_index.is_floating_point()
    ):
        what = getattr(edge_index, "shape", None)
        raise InputError(
            f"edge_index is a {type(edge_index).__name__} of shape "
            f"{None if what is None else tuple(what)}, expected an integer tensor (2, m)."
        )

    def build() -> Incoming:
        if edge_index.shape[1]:
            low, high = (int(v) for v in edge_index.aminmax())
            if low < 0 or high >= num_nodes:
                raise InputError(
                    f"edge_index holds node {low if low < 0 else high}, but there are {num_nodes} "
                    f"nodes (ids must be 0..{num_nodes - 1})."
                )
        src, dst = edge_index[0].to(torch.int64), edge_index[1].to(torch.int64)
        compiled = edge_index.device.type == "cpu"
        group = _grouped if compiled else _sorted
        indptr, position = group(dst, num_nodes)
        ordered = bool((dst[1:] >= dst[:-1]).all())
        columns = src if ordered else src.index_select(0, position)
        csr = Csr(indptr, columns, num_nodes)
        if compiled:  # before somebody asks for it and sorts
            back, place = _grouped(columns, num_nodes)
            csr._transposed = (Csr(back, csr.rows.index_select(0, place), num_nodes), place)
        return Incoming(csr, None if ordered else position)

    return _KNOWN.get(edge_index, build, extra=num_nodes)


def _grouped(key: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Return boundaries of the groups and a stable order of the rows in them, by counting."""
    begin = np.zeros(groups + 2, np.int64)
    order: NDArray[np.int64] = np.empty(key.numel(), np.int64)
    one_each = np.arange(key.numel() + 1)
    turn_lists(one_each, key.contiguous().numpy(), None, begin, order, None)
    return torch.from_numpy(begin[:-1]), torch.from_numpy(order)


def _sorted(key: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Return the same as :func:`_grouped`, by sorting."""
    indptr = torch.zeros(groups + 1, dtype=torch.int64, device=key.device)
    torch.cumsum(torch.bincount(key, minlength=groups), 0, out=indptr[1:])
    return indptr, torch.argsort(key, stable=True)
