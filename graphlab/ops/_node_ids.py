"""Checks of node ids and node pairs at the public entrances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphlab.errors import InputError

if TYPE_CHECKING:
    from graphlab.ops.csr import Csr

__all__ = ["check_ends", "check_nodes", "check_pairs"]

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def check_nodes(name: str, nodes: Any, rows: Csr) -> Tensor:  # noqa: ANN401
    """Return node ids as int64 beside the structure; InputError if they are not of its rows."""
    try:
        ids = torch.as_tensor(nodes)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{name} is {nodes!r:.60}, expected node ids (B,), int64.") from error
    if ids.numel() == 0:
        ids = ids.to(torch.int64)
    if ids.dim() != 1 or ids.dtype not in _INTEGERS:
        raise InputError(
            f"{name} is {ids.dtype} of shape {tuple(ids.shape)}, expected node ids (B,), int64."
        )
    ids = ids.to(rows.device, torch.int64)
    if ids.numel():
        low, high = (int(v) for v in ids.aminmax())
        if low < 0 or high >= rows.num_rows:
            raise InputError(
                f"{name} holds node {low if low < 0 else high}, but the graph has {rows.num_rows} "
                f"nodes (ids must be 0..{rows.num_rows - 1})."
            )
    return ids


def check_pairs(pairs: Any, rows: Csr) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """Return both ends of node pairs (2, B) as :func:`check_nodes` does."""
    try:
        given = torch.as_tensor(pairs)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"pairs is {pairs!r:.60}, expected node ids (2, B), int64.") from error
    if given.dim() != 2 or given.shape[0] != 2:
        raise InputError(
            f"pairs has shape {tuple(given.shape)}, expected (2, B): row 0 one end, row 1 the "
            "other."
        )
    i, j = check_nodes("pairs", given.reshape(-1), rows).view(2, -1)
    return i, j


def check_ends(src: Any, dst: Any, rows: Csr) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """Return both ends of pairs, given apart, as :func:`check_nodes` does."""
    i, j = check_nodes("src", src, rows), check_nodes("dst", dst, rows)
    if i.shape != j.shape:
        raise InputError(
            f"src has {i.numel()} nodes and dst has {j.numel()}; they are the two ends of the same "
            "pairs."
        )
    return i, j
