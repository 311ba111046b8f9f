"""Node features made ready for a model; dense and torch sparse CSR alike, never in place."""

from __future__ import annotations

import torch
from torch import Tensor

from graphlab.errors import InputError

__all__ = ["row_normalize"]


def row_normalize(x: Tensor) -> Tensor:
    """Divide every row by its sum, as Kipf and Welling 2017 do with bags of words.

    Rows that sum to zero stay as they are. Doing it twice changes nothing but rounding.

    Args:
        x: Features (n, F), floating; dense or torch sparse CSR.

    Returns:
        A new tensor of the same layout and type; rows sum to 1.

    Raises:
        InputError: ``x`` is no floating matrix, of another sparse layout, or holds a negative
            value (rows of mixed sign have no meaningful sum).

    Cost: O(nnz).

    Example:
        >>> row_normalize(torch.tensor([[1.0, 3.0], [0.0, 0.0]])).tolist()
        [[0.25, 0.75], [0.0, 0.0]]
    """
    if x.dim() != 2 or not x.is_floating_point():
        raise InputError(
            f"x has shape {tuple(x.shape)} and type {x.dtype}, expected (n, F) floating."
        )
    if x.layout not in (torch.strided, torch.sparse_csr):
        raise InputError(f"x has layout {x.layout}, expected dense or torch.sparse_csr.")
    values = x if x.layout == torch.strided else x.values()
    if bool((values < 0).any()):
        raise InputError(
            f"x holds {float(values.min())}, but rows are divided by their sums: values must be "
            ">= 0. Use feature_norm = 'none'."
        )
    if x.layout == torch.strided:
        total = x.sum(1, keepdim=True)
        return x / torch.where(total == 0, 1, total)
    start = x.crow_indices()
    row = torch.repeat_interleave(torch.arange(x.shape[0], device=x.device), start.diff())
    total = values.new_zeros(x.shape[0]).index_add_(0, row, values)
    scaled = values / torch.where(total == 0, 1, total)[row]
    # the structure is that of x, which was checked when it was made
    return torch.sparse_csr_tensor(start, x.col_indices(), scaled, x.shape, check_invariants=False)
