"""Intersection of sorted rows by plain torch operations: any device, and the kernels' meaning."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphlab.ops.csr import WeakCache

__all__ = ["common_by_torch", "overlap_by_torch"]

_SPREAD = 0x9E3779B97F4A7C15 - (1 << 64)  # odd: rows start at scattered places of the table
_PLACES = 4  # of the table, an entry
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
    for end, at in ((src, hits.src_at), (dst, hits.dst_at)):
        start, stop = indptr.index_select(0, end), indptr.index_select(0, end + 1)
        ptr = torch.zeros_like(hits.ptr)
        torch.cumsum(stop - start - hits.ptr.diff(), 0, out=ptr[1:])
        # hits cut the rows into pieces: the one before hit h is number pair + h
        pair = torch.arange(end.numel(), device=end.device)
        cut = hits.pair + torch.arange(at.numel(), device=at.device)
        first = indptr.new_empty(end.numel() + at.numel())
        last = torch.empty_like(first)
        first[pair + hits.ptr[:-1]], last[pair + hits.ptr[1:]] = start, stop
        first[cut + 1], last[cut] = at + 1, at
        _, place = _expand(first, last - first)
        lists += [ptr, indices.index_select(0, place).to(dtype)]
    return tuple(lists)


def _hits(indptr: Tensor, indices: Tensor, src: Tensor, dst: Tensor) -> _Hits:
    """Look up each entry of the shorter row among those of the longer one."""
    begin, length = indptr[:-1], indptr.diff()
    swap = length.index_select(0, dst) < length.index_select(0, src)
    short, long = torch.where(swap, dst, src), torch.where(swap, src, dst)
    pair, place = _expand(begin.index_select(0, short), length.index_select(0, short))
    table = _TABLES.get(indices, lambda: _table(indptr, indices), extra=id(indptr))
    spot = (long * _SPREAD).index_select(0, pair).add_(indices.index_select(0, place))
    maybe = table.index_select(0, spot.bitwise_and_(table.numel() - 1)).nonzero().squeeze(1)
    pair, place = pair.index_select(0, maybe), place.index_select(0, maybe)
    row = long.index_select(0, pair)
    found, at = _search(indptr, indices, row, indices.index_select(0, place))
    pair, place, at = pair[found], place[found], at[found]
    ptr = torch.zeros(src.numel() + 1, dtype=torch.int64, device=src.device)
    torch.cumsum(torch.bincount(pair, minlength=src.numel()), 0, out=ptr[1:])
    turned = swap.index_select(0, pair)
    return _Hits(pair, torch.where(turned, at, place), torch.where(turned, place, at), ptr)


def _expand(first: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Return piece and place of each entry of pieces ``first[k], first[k] + 1, ...``."""
    end = length.cumsum(0)
    total = int(end[-1]) if end.numel() else 0
    piece = torch.repeat_interleave(length, output_size=total)
    place = (first - end + length).index_select(0, piece)
    return piece, place.add_(torch.arange(total, device=first.device))


def _table(indptr: Tensor, indices: Tensor) -> Tensor:
    """Return a table in which the place of each entry is marked; others share some of them."""
    size = 1 << (_PLACES * max(indices.numel(), 1) - 1).bit_length()
    row = torch.arange(indptr.numel() - 1, device=indptr.device).mul_(_SPREAD)
    spot = row.repeat_interleave(indptr.diff(), output_size=indices.numel()).add_(indices)
    table = torch.zeros(size, dtype=torch.bool, device=indptr.device)
    return table.index_fill_(0, spot.bitwise_and_(size - 1), True)  # noqa: FBT003


def _search(
    indptr: Tensor, indices: Tensor, row: Tensor, wanted: Tensor
) -> tuple[Tensor, Tensor]:
    """Return whether and where entries stand in given rows, by halving all rows at once."""
    low = indptr.index_select(0, row)
    left = indptr.index_select(0, row + 1) - low
    top = max(indices.numel() - 1, 0)
    for _ in range(int(left.max()).bit_length() if left.numel() else 0):
        half = (left + 1) >> 1
        smaller = indices.index_select(0, (low + half - 1).clamp_(0, top)) < wanted
        smaller &= left > 0
        low = torch.where(smaller, low + half, low)
        left = torch.where(smaller, left - half, half - 1)
    found = low < indptr.index_select(0, row + 1)
    if indices.numel():
        found &= indices.index_select(0, low.clamp(max=top)) == wanted
    return found, low
