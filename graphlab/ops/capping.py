"""Lists cut to a largest length by sampling, so that sums over them stay unbiased."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.ops._autograd import eager
from graphlab.ops._cap_kernels import cap
from graphlab.ops._draws import draws
from graphlab.ops._threads import run_blocks
from graphlab.ops.spmm import Backend, choose_structure_backend

__all__ = ["CappedLists", "cap_lists"]

_LISTS = 512  # in a block


class CappedLists(NamedTuple):
    """Lists of nodes, and what each node counts in a sum; None where no list was cut.

    Shapes:
        - ``ptr``: (B + 1,) int64; ``nodes``: (nnz,); ``weight``: (nnz,) float32
    """

    ptr: Tensor
    nodes: Tensor
    weight: Tensor | None


@eager
def cap_lists(
    ptr: Tensor, nodes: Tensor, most: int, key: int, *, backend: Backend = "auto"
) -> CappedLists:
    """Replace each list longer than ``most`` by that many uniform draws with replacement.

    Each draw weighs the list's length over ``most``, and a node that is drawn twice stands there
    twice: the expected sum over the new list is the sum over the old one [wang2024]_.

    Args:
        ptr: Boundaries of the lists.
        nodes: Their nodes.
        most: Largest length of a list; -1: no limit.
        key: Any number in 0..2^64-1: the same key gives the same draws, whatever the backend and
            the number of threads.
        backend: ``"compiled"`` on the CPU, ``"torch"`` anywhere; equal results.

    Shapes:
        - ``ptr``: (B + 1,) int64; ``nodes``: (nnz,) integer

    Raises:
        InputError: ``most`` neither -1 nor positive.

    Cost: O(B), and O(length of the new lists) where a list is too long.

    Example:
        >>> ptr, nodes = torch.tensor([0, 4, 5]), torch.tensor([1, 2, 3, 4, 9])
        >>> lists = cap_lists(ptr, nodes, most=2, key=0)
        >>> lists.ptr.tolist(), lists.weight.tolist()
        ([0, 2, 3], [2.0, 2.0, 1.0])
    """
    if isinstance(most, bool) or not isinstance(most, int) or (most < 1 and most != -1):
        raise InputError(f"most is {most!r}, expected an integer >= 1, or -1 for no limit.")
    length = ptr.diff()
    if most == -1 or length.numel() == 0 or int(length.max()) <= most:
        return CappedLists(ptr, nodes, None)
    kept = length.clamp(max=most)
    new_ptr = torch.zeros_like(ptr)
    torch.cumsum(kept, 0, out=new_ptr[1:])
    total = int(new_ptr[-1])
    if choose_structure_backend(backend, nodes.device) == "torch":
        return _cap_torch(ptr, nodes, new_ptr, total, key)
    out = torch.empty(total, dtype=nodes.dtype)
    weight = torch.empty(total, dtype=torch.float32)
    parts = [t.contiguous().numpy() for t in (ptr, nodes, new_ptr, out, weight)]
    word, count = np.uint64(key), kept.numel()

    def call(first: int, last: int) -> None:
        cap(*parts, word, first * _LISTS, min(last * _LISTS, count))

    run_blocks(call, -(-count // _LISTS), total)
    return CappedLists(new_ptr, out, weight)


def _cap_torch(ptr: Tensor, nodes: Tensor, new_ptr: Tensor, total: int, key: int) -> CappedLists:
    length, kept = ptr.diff(), new_ptr.diff()
    pair = torch.repeat_interleave(kept, output_size=total)
    full, few = length.index_select(0, pair), kept.index_select(0, pair)
    place = torch.arange(total, device=ptr.device) - new_ptr.index_select(0, pair)
    drawn = (draws(total, key, ptr.device) * full) >> 32
    place = torch.where(full > few, drawn, place).add_(ptr.index_select(0, pair))
    weight = (full.double() / few).to(torch.float32)
    return CappedLists(new_ptr, nodes.index_select(0, place), weight)
