"""Principal components of node features, dense or sparse, without filling in the zeros."""

from __future__ import annotations

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.seeding import torch_generator

__all__ = ["principal_components"]

_OVERSAMPLE, _POWER = 10, 7


def principal_components(x: Tensor, components: int, *, seed: int = 0) -> Tensor:
    """Return the scores of the rows of ``x`` on its first principal components, centred.

    A randomised singular value decomposition with seven power iterations: exact for features of
    at most ``components + 10`` columns, else up to what the spectrum behind them leaves. Sparse
    features stay sparse; their mean is subtracted in the products. Of each component the largest
    entry is positive.

    Args:
        x: Features (n, F), dense or torch sparse CSR.
        components: Columns of the result; at most min(n, F) are made.
        seed: Of the random start.

    Shapes:
        - returns: (n, min(components, n, F)), dense, type of ``x``

    Raises:
        InputError: ``x`` is no matrix, or ``components`` is below 1.

    Cost: O(nnz(x) components) for each of 16 products.

    Example:
        >>> x = torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
        >>> principal_components(x, 1).squeeze(1).tolist()
        [-1.4142..., ..., 1.4142...]
    """
    if x.dim() != 2 or components < 1:
        raise InputError(
            f"x has shape {tuple(x.shape)} and components is {components}; expected a matrix and "
            "at least 1."
        )
    n, width = x.shape
    kept = min(components, n, width)
    if kept == 0:
        return torch.zeros((n, 0), dtype=x.dtype, device=x.device)
    wide = x.to(torch.float64)
    across = wide.t() if x.layout == torch.strided else wide.t().to_sparse_csr()
    ones = torch.ones((n, 1), dtype=wide.dtype, device=x.device)
    mean = (across @ ones) / n  # (F, 1)

    def forward(v: Tensor) -> Tensor:
        product: Tensor = wide @ v
        return product - mean.t() @ v

    def backward(u: Tensor) -> Tensor:
        product: Tensor = across @ u
        return product - mean @ u.sum(0, keepdim=True)

    size = min(kept + _OVERSAMPLE, n, width)
    start = torch.randn((width, size), dtype=wide.dtype, generator=torch_generator(seed, "pca"))
    basis = torch.linalg.qr(forward(start.to(x.device)))[0]
    for _ in range(_POWER):
        basis = torch.linalg.qr(forward(torch.linalg.qr(backward(basis))[0]))[0]
    right, values, left = torch.linalg.svd(backward(basis), full_matrices=False)
    scores = (basis @ left.t())[:, :kept] * values[:kept]
    largest = right[:, :kept].abs().argmax(0, keepdim=True)
    signed: Tensor = scores * right[:, :kept].gather(0, largest).sign()
    return signed.to(x.dtype)
