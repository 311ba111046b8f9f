"""Intersection of sorted rows by plain torch operations: any device, and the kernels' meaning."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphlab.ops.csr import WeakCache

__all__ = ["common_by_torch", "find_by_torch", "overlap_by_torch"]

_SPREAD = 0x9E3779B97F4A7C15 - (1 << 64)  # odd: rows start at scattered places of the table
_PLACES = 4  # of the table, an entry
_LARGEST = 2**31 - 1
_TABLES = WeakCache()


@dataclass(frozen=True)
class _Hits:
    """Entries that stand in both rows of a pair, by (pair, node)."""

    pair: Tensor
    src_at: Tensor  # where in the rows of src
    dst_at: Tensor
    ptr: Tensor


def common_by_torch(
    indptr: Tensor, indices: Tensor, src: Tensor, dst: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Return boundaries and common entries of the two rows of each pair."""
    hits = _hits(indptr, indices, src, dst)
    return hits.ptr, indices.index_select(0, hits.src_at).to(dtype)


def overlap_by_torch(
    indptr: Tensor, indices: Tensor, src: Tensor, dst: Tensor, dtype: torch.dtype
) -> tuple[Tensor, ...]:
    """Return boundaries and entries of three lists: common, of src's row alone, of dst's alone."""
    hits = _hits(indptr, indices, src, dst)
    lists = [hits.ptr, indices.index_select(0, hits.src_at).to(dtype)]
    pair = torch.arange(src.numel(), device=src.device)
    for end, at in ((src, hits.src_at), (dst, hits.dst_at)):
        start, stop = indptr.index_select(0, end), indptr.index_select(0, end + 1)
        # hits cut the rows into pieces: the one before hit h is number pair + h
        cut = hits.pair + torch.arange(at.numel(), device=at.device)
        first = indptr.new_empty(end.numel() + at.numel())
        last = torch.empty_like(first)
        first[pair + hits.ptr[:-1]], last[pair + hits.ptr[1:]] = start, stop
        first[cut + 1], last[cut] = at + 1, at
        place = _places(first, last - first, indices.numel())
        ptr = torch.zeros_like(hits.ptr)
        torch.cumsum(stop - start - hits.ptr.diff(), 0, out=ptr[1:])
        lists += [ptr, indices.index_select(0, place).to(dtype)]
    return tuple(lists)


def _hits(indptr: Tensor, indices: Tensor, src: Tensor, dst: Tensor) -> _Hits:
    """Look up each entry of the shorter row among those of the longer one."""
    begin, length = indptr[:-1], indptr.diff()
    swap = length.index_select(0, dst) < length.index_select(0, src)
    short, long = torch.where(swap, dst, src), torch.where(swap, src, dst)
    count = length.index_select(0, short)
    place = _places(begin.index_select(0, short), count, indices.numel())
    pair = torch.repeat_interleave(count.to(place.dtype), output_size=place.numel())
    table = _TABLES.get(indices, lambda: _table(indptr, indices), extra=id(indptr))
    spot = _starts(long, table.numel(), indices.dtype).index_select(0, pair)
    spot = spot.add_(indices.index_select(0, place)).bitwise_and_(table.numel() - 1)
    maybe = table.index_select(0, spot).nonzero().squeeze(1)
    pair = pair.index_select(0, maybe).to(torch.int64)
    place = place.index_select(0, maybe).to(torch.int64)
    wanted = indices.index_select(0, place)
    found, at = find_by_torch(indptr, indices, long.index_select(0, pair), wanted)
    pair, place, at = pair[found], place[found], at[found]
    ptr = torch.zeros(src.numel() + 1, dtype=torch.int64, device=src.device)
    torch.cumsum(torch.bincount(pair, minlength=src.numel()), 0, out=ptr[1:])
    turned = swap.index_select(0, pair)
    return _Hits(pair, torch.where(turned, at, place), torch.where(turned, place, at), ptr)


def _places(first: Tensor, length: Tensor, entries: int) -> Tensor:
    """Return the numbers of pieces ``first[k], first[k] + 1, ...`` of given lengths.

    A sum over ones, with a jump where a piece begins. 32-bit numbers where they suffice: writing
    memory is what this costs.
    """
    begin = torch.zeros(length.numel() + 1, dtype=torch.int64, device=length.device)
    torch.cumsum(length, 0, out=begin[1:])
    total = int(begin[-1])
    small = max(total, entries) <= _LARGEST
    kind = torch.int32 if small else torch.int64
    step = torch.ones(total + 1, dtype=kind, device=length.device)
    jump = first.clone()
    jump[1:] -= first[:-1] + length[:-1]
    jump[:1] -= 1
    step.index_add_(0, begin[:-1], jump.to(kind))
    return torch.cumsum(step, 0, dtype=kind, out=step)[:-1]


def _starts(row: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """Return where each row begins in a table of a power of two places."""
    return (row * _SPREAD).bitwise_and_(size - 1).to(dtype)


def _table(indptr: Tensor, indices: Tensor) -> Tensor:
    """Return a table in which the place of each entry is marked; others share some of them."""
    size = 1 << min(31, (_PLACES * max(indices.numel(), 1) - 1).bit_length())
    row = torch.arange(indptr.numel() - 1, device=indptr.device)
    start = _starts(row, size, indices.dtype)
    spot = start.repeat_interleave(indptr.diff(), output_size=indices.numel())
    spot = spot.add_(indices).bitwise_and_(size - 1)
    table = torch.zeros(size, dtype=torch.bool, device=indptr.device)
    return table.index_fill_(0, spot.to(torch.int64), True)


def find_by_torch(
    indptr: Tensor, indices: Tensor, row: Tensor, wanted: Tensor
) -> tuple[Tensor, Tensor]:
    """Return whether and where entries stand in given rows, by halving all rows at once."""
    low, end = indptr.index_select(0, row), indptr.index_select(0, row + 1)
    left = end - low
    top = max(indices.numel() - 1, 0)
    for _ in range(int(left.max()).bit_length() if left.numel() else 0):
        half = (left + 1) >> 1
        smaller = indices.index_select(0, (low + half - 1).clamp_(0, top)) < wanted
        smaller &= left > 0
        low = torch.where(smaller, low + half, low)
        left = torch.where(smaller, left - half, half - 1)
    found = low < end
    if indices.numel():
        found &= indices.index_select(0, low.clamp(max=top)) == wanted
    return found, low
