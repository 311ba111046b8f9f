"""Weights of the entries of a sparse product, and what a training adds to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from graphlab.errors import InputError
from graphlab.nn._link_convs import neighbors_of
from graphlab.ops.csr import Csr

if TYPE_CHECKING:
    from graphlab.graph import Graph

__all__ = ["AddedWeights", "Entries", "Normalization", "entries_of"]

Normalization = Literal["gcn", "sage"]


@dataclass(frozen=True)
class Entries:
    """The stored entries of a square matrix: row u gathers from column v.

    Args:
        csr: Structure, columns ascending in each row.
        value: What stands in each entry before it is normalised, (m,).
    """

    csr: Csr
    value: Tensor

    @property
    def index(self) -> Tensor:
        """Row and column of each entry, (2, m) int64."""
        return torch.stack([self.csr.rows, self.csr.indices.to(torch.int64)])

    def normalized(self, kind: Normalization) -> Tensor:
        r"""Return the entries over the sums :math:`d` of their rows, (m,); 0 where a sum is 0.

        ``"gcn"``: :math:`a_{uv} d_u^{-1/2} d_v^{-1/2}`, ``"sage"``: :math:`a_{uv} d_u^{-1}`.
        """
        rows = self.csr.rows
        total = self.value.new_zeros(self.csr.num_rows).index_add_(0, rows, self.value)
        if kind == "sage":
            return self.value * _power(total, -1).index_select(0, rows)
        half = _power(total, -0.5)
        return self.value * half.index_select(0, rows) * half.index_select(0, self.csr.indices)


def _power(total: Tensor, exponent: float) -> Tensor:
    return torch.where(total > 0, total, 1).pow(exponent) * (total > 0)


def entries_of(graph: Graph, dtype: torch.dtype, *, loops: bool) -> Entries:
    """Return the entries of a graph, read as undirected and without the loops it may have.

    Args:
        graph: Any graph; entries are 1, or its weights.
        dtype: Type of the values.
        loops: Add an entry 1 at each node.

    Cost: O(m log m) once for a graph, then it is looked up.
    """

    def build() -> Entries:
        near = neighbors_of(graph, dtype, 0.0)
        csr, value = near.csr, near.weight
        if value is None:
            value = torch.ones(csr.num_entries, dtype=dtype, device=csr.device)
        if not loops:  # another object: that of the graph may count as symmetric in its values
            return Entries(Csr(csr.indptr, csr.indices, csr.num_cols), value)
        n, device = csr.num_rows, csr.device
        node = torch.arange(n, device=device)
        row, col = torch.cat([csr.rows, node]), torch.cat([csr.indices.to(torch.int64), node])
        order = torch.argsort(row * max(n, 1) + col)
        indptr = csr.indptr + torch.arange(n + 1, device=device)
        value = torch.cat([value, value.new_ones(n)]).index_select(0, order)
        return Entries(Csr(indptr, col.index_select(0, order), n), value)

    return graph.cached(f"nn.entries.{dtype}.{loops}", build)


class AddedWeights(nn.Module):
    """Numbers that are added to some entries of a matrix; a buffer, so they are saved and loaded.

    They are kept with their rows and columns: in a graph that lacks some of the entries the others
    keep theirs, and entries that are new get nothing. Empty at first.

    Example:
        >>> from graphlab.graph import as_graph
        >>> entries = entries_of(as_graph([[0], [1]], 3), torch.float32, loops=True)
        >>> entries.index.tolist()
        [[0, 0, 1, 1, 2], [0, 1, 0, 1, 2]]
        >>> added = AddedWeights()
        >>> added.set(entries.index[:, :2], torch.tensor([0.5, 2.0]))
        >>> added(entries.csr, torch.zeros(5)).tolist()
        [0.5, 2.0, 0.0, 0.0, 0.0]
    """

    index: Tensor
    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("index", torch.empty((2, 0), dtype=torch.int64))
        self.register_buffer("value", torch.empty(0))

    def set(self, index: Tensor, value: Tensor) -> None:
        """Take the place of what was there.

        Args:
            index: Rows and columns, each pair once, sorted by both.
            value: What is added.

        Shapes:
            - ``index``: (2, m) int64; ``value``: (m,) float

        Raises:
            InputError: Other shapes, or pairs that are not sorted.
        """
        if index.dim() != 2 or index.shape[0] != 2 or value.shape != index.shape[1:]:
            raise InputError(
                f"index has shape {tuple(index.shape)} and value {tuple(value.shape)}, expected "
                "(2, m) and (m,)."
            )
        key = self._keys(index, int(index.max()) + 1 if index.numel() else 1)
        if bool((key[1:] <= key[:-1]).any()):
            raise InputError("index must hold each entry once, sorted by row, then column.")
        self.index, self.value = index.detach().clone(), value.detach().clone()

    def clear(self) -> None:
        """Add nothing any more."""
        self.set(self.index[:, :0], self.value[:0])

    def forward(self, csr: Csr, weight: Tensor) -> Tensor:
        """Return the weights of a matrix, plus what is added to those entries that are known.

        Args:
            csr: Structure, columns ascending in each row.
            weight: One an entry.

        Shapes:
            - ``weight``: (m,); returns: (m,)
        """
        if self.value.numel() == 0 or csr.num_entries == 0:
            return weight
        n = max(csr.num_rows, csr.num_cols, int(self.index.max()) + 1)
        known = self._keys(self.index, n)
        asked = csr.rows * n + csr.indices
        value = self.value.to(weight.dtype)
        if known.shape == asked.shape and torch.equal(known, asked):
            return weight + value
        place = torch.searchsorted(known, asked).clamp(max=known.numel() - 1)
        found = known.index_select(0, place) == asked
        return weight + torch.where(found, value.index_select(0, place), 0)

    @staticmethod
    def _keys(index: Tensor, n: int) -> Tensor:
        return index[0] * n + index[1]

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        *rest: Any,  # noqa: ANN401  (torch's own)
    ) -> None:
        """Make room for as many entries as are loaded: how many there are is part of the state."""
        for name in ("index", "value"):
            given, present = state_dict.get(prefix + name), getattr(self, name)
            if isinstance(given, Tensor) and given.shape != present.shape:
                setattr(self, name, present.new_empty(given.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def extra_repr(self) -> str:
        """Return what the representation shows."""
        return f"entries={self.value.numel()}"
