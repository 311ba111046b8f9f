"""Order of all nodes by the cosine of their features to those of some nodes."""

from __future__ import annotations

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.nn.sparse_linear import compressed
from graphlab.ops import spmm
from graphlab.tasks._features import model_features

__all__ = ["Cosine", "entries_of"]


class Cosine:
    """Features, prepared once.

    Args:
        x: Features (n, F), dense or torch sparse.
        num_nodes: Number of nodes n.

    Raises:
        InputError: Another shape, NaN or infinity.
    """

    def __init__(self, x: Tensor, num_nodes: int) -> None:
        if x.dim() != 2 or x.shape[0] != num_nodes:
            raise InputError(f"x has shape {tuple(x.shape)}, expected ({num_nodes}, F).")
        x = model_features(compressed(x.detach().cpu()).to(torch.float64), sparse=True)
        self.x, self.sparse = x, x.layout == torch.sparse_csr
        values = x.values() if self.sparse else x
        if not bool(values.isfinite().all()):
            raise InputError("x holds NaN or infinity; expected finite features.")
        if self.sparse:
            row, _ = entries_of(x.crow_indices(), torch.arange(num_nodes))
            zeros = torch.zeros(num_nodes, dtype=torch.float64)
            self.norm = zeros.index_add_(0, row, values.square())
        else:
            self.norm = x.square().sum(1)

    def rows(self, nodes: Tensor) -> Tensor:
        """Return (S, n) numbers in the order of the cosines; 0 where one is not positive.

        These are squared products over squared norms: for features of 0 and 1 both are whole
        numbers, so that equal cosines are equal numbers.
        """
        if self.sparse:
            chosen = torch.zeros((self.x.shape[1], nodes.numel()), dtype=torch.float64)
            row, at = entries_of(self.x.crow_indices(), nodes)
            chosen[self.x.col_indices()[at], row] = self.x.values()[at]
            product = spmm(self.x, chosen).t()
        else:
            product = self.x[nodes] @ self.x.t()
        smallest = torch.finfo(torch.float64).tiny
        return (product.clamp(min=0).square() / self.norm.clamp(min=smallest)).contiguous()


def entries_of(indptr: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return number within ``rows`` and position of each entry of some sparse rows."""
    size = indptr.diff()[rows]
    number = torch.arange(rows.numel()).repeat_interleave(size)
    start = indptr[rows] - (size.cumsum(0) - size)
    return number, torch.arange(number.numel()) + start[number]
