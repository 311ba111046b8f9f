"""Node pairs as the scores want them: checked, and in groups with a common source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.ops.common_neighbors import adjacency
from graphlab.ops.spmm import choose_backend

if TYPE_CHECKING:
    from graphlab.graph import Graph
    from graphlab.ops import Csr
    from graphlab.ops.spmm import Backend

__all__ = ["Groups", "Structure", "grouped", "read", "structure"]

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


@dataclass(frozen=True)
class Structure:
    """A simple graph, its rows, and how to compute on it."""

    graph: Graph
    csr: Csr
    backend: Literal["compiled", "torch"]

    @property
    def degree(self) -> Tensor:
        """Number of neighbours of all nodes, (n,) int64. Cost: O(n) each time."""
        return self.csr.indptr.diff()

    def degree_of(self, nodes: Tensor) -> Tensor:
        """Return the number of neighbours of some nodes, int64 of their shape."""
        return self.csr.indptr[nodes + 1] - self.csr.indptr[nodes]


@dataclass(frozen=True)
class Groups:
    """Pairs in groups: group g joins ``sources[g]`` to ``targets[ptr[g]:ptr[g + 1]]``.

    Shapes:
        - ``sources``: (S,); ``ptr``: (S + 1,); ``targets``, ``source_of``, ``place``: (B,), int64
        - ``turned``: (B,) bool, in the order of the groups; the source is the pair's second node
    """

    sources: Tensor
    ptr: Tensor
    targets: Tensor
    place: Tensor
    turned: Tensor

    @property
    def group(self) -> Tensor:
        """Number of the group of each target, (B,)."""
        numbers = torch.arange(self.sources.numel(), device=self.ptr.device)
        return numbers.repeat_interleave(self.ptr.diff(), output_size=self.targets.numel())

    def in_given_order(self, values: Tensor) -> Tensor:
        """Return values (..., B), one a target, in the order in which the pairs were given."""
        out = torch.empty_like(values)
        out[..., self.place] = values
        return out


def structure(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    num_nodes: int | None,
    backend: Backend,
) -> Structure:
    """Read the ``graph`` and ``backend`` arguments of a score."""
    simple = as_graph(graph, num_nodes).simple()
    csr = adjacency(simple)
    chosen = choose_backend(backend, csr.indptr.new_empty(0, dtype=torch.float64))
    return Structure(simple, csr, chosen)


def read(pairs: Any, given: Structure) -> Tensor:  # noqa: ANN401  (tensor, array, nested list)
    """Return pairs as (2, B) int64 on the graph's device.

    Raises:
        InputError: Not integers of shape (2, B), or a node that the graph does not have.
    """
    ends = torch.as_tensor(pairs)
    if ends.numel() == 0:
        ends = ends.reshape(2, 0).to(torch.int64)
    if ends.dim() != 2 or ends.shape[0] != 2 or ends.dtype not in _INTEGERS:
        raise InputError(
            f"pairs is {ends.dtype} of shape {tuple(ends.shape)}, expected node ids (2, B)."
        )
    ends = ends.to(given.csr.device, torch.int64)
    n = given.csr.num_rows
    if ends.numel():
        low, high = (int(v) for v in ends.aminmax())
        if low < 0 or high >= n:
            raise InputError(
                f"pairs holds node {low if low < 0 else high}, but the graph has {n} nodes "
                f"(ids must be 0..{n - 1}); isolated nodes at the end need num_nodes."
            )
    return ends


def grouped(pairs: Tensor, given: Structure) -> Groups:
    """Group pairs by the end that more of them share, else by the end of lower degree.

    For scores that one direction gives for both. (i, j) and (j, i) get the same source, so that
    their scores are equal to the last bit.
    """
    i, j = pairs
    _, number, often = torch.unique(pairs, return_inverse=True, return_counts=True)
    shared_i, shared_j = often[number]
    d_i, d_j = given.degree_of(pairs)
    lower = (d_j < d_i) | ((d_j == d_i) & (j < i))
    turned = (shared_j > shared_i) | ((shared_j == shared_i) & lower)
    source, target = torch.where(turned, j, i), torch.where(turned, i, j)
    place = torch.argsort(source, stable=True)
    sources, sizes = torch.unique_consecutive(source[place], return_counts=True)
    ptr = torch.zeros(sources.numel() + 1, dtype=torch.int64, device=pairs.device)
    torch.cumsum(sizes, 0, out=ptr[1:])
    return Groups(sources, ptr, target[place], place, turned[place])
