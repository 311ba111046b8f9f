"""Node features as tasks hand them to models, and digests of what was handed over."""

from __future__ import annotations

import hashlib
import warnings

import torch
from torch import Tensor

__all__ = ["digest_of", "model_features"]

# below this share of nonzeros, sparse x dense products beat dense ones in the input layer
_SPARSE_BELOW = 0.1


def model_features(stored: Tensor, *, sparse: bool) -> Tensor:
    """Return the features as float32 (or wider), in the layout that is cheaper to compute with.

    Args:
        stored: Features (n, F) of a graph, dense or torch sparse CSR.
        sparse: Whether torch sparse CSR is allowed.
    """
    if not stored.is_floating_point():
        stored = stored.float()
    is_sparse = stored.layout != torch.strided
    nonzeros = stored.values().numel() if is_sparse else int(torch.count_nonzero(stored))
    wanted = sparse and nonzeros < _SPARSE_BELOW * max(stored.numel(), 1)
    if wanted == is_sparse:
        return stored
    if not wanted:
        return stored.to_dense()
    with warnings.catch_warnings():  # torch calls its sparse CSR layout a beta feature
        warnings.simplefilter("ignore", UserWarning)
        return stored.to_sparse_csr()


def digest_of(*tensors: Tensor | None) -> str:
    """SHA-256 over shapes, types and contents; a sparse CSR matrix counts by its three parts."""
    digest = hashlib.sha256()
    for tensor in tensors:
        parts: tuple[Tensor | None, ...] = (tensor,)
        if tensor is not None and tensor.layout == torch.sparse_csr:
            parts = (tensor.crow_indices(), tensor.col_indices(), tensor.values())
        for part in parts:
            if part is None:
                digest.update(b"none")
                continue
            digest.update(f"{tuple(part.shape)} {part.dtype}".encode())
            flat = part.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()
