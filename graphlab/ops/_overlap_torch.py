"""Intersection of sorted rows by plain torch operations: any device, and the kernels' meaning."""

from __future__ import annotations

import weakref
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
    table = _known_table(indptr, indices)
    spot = _starts(long, 8 * table.numel(), indices.dtype).index_select(0, pair)
    spot = spot.add_(indices.index_select(0, place)).bitwise_and_(8 * table.numel() - 1)
    bits = table.index_select(0, spot >> 3)
    bits = bits.bitwise_right_shift_(spot.bitwise_and_(7).to(torch.uint8)).bitwise_and_(1)
    maybe = bits.nonzero().squeeze(1)
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


def _known_table(indptr: Tensor, indices: Tensor) -> Tensor:
    """Return the table of some rows, made once as long as they are the same tensors."""

    def build() -> tuple[weakref.ref[Tensor], Tensor]:
        return weakref.ref(indptr), _table(indptr, indices)

    made_for, table = _TABLES.get(indices, build)
    return table if made_for() is indptr else _table(indptr, indices)


def _table(indptr: Tensor, indices: Tensor) -> Tensor:
    """Return a table of bits in which the place of each entry is set; others share some of them."""
    size = 1 << max(6, min(31, (_PLACES * indices.numel()).bit_length()))
    row = torch.arange(indptr.numel() - 1, device=indptr.device)
    start = _starts(row, size, indices.dtype)
    spot = start.repeat_interleave(indptr.diff(), output_size=indices.numel())
    spot = spot.add_(indices).bitwise_and_(size - 1)
    marks = torch.zeros(size, dtype=torch.bool, device=indptr.device)
    marks.index_fill_(0, spot.to(torch.int64), True)
    # eight bytes of 0 or 1, times this number, have their bits side by side in the highest byte
    return (marks.view(torch.int64) * 0x0102040810204080 >> 56).to(torch.uint8)


def find_by_torch(
    indptr: Tensor, indices: Tensor, row: Tensor, wanted: Tensor
) -> tuple[Tensor, Tensor]:
    """Return whether and where entries stand in given rows: one search in all rows at once."""
    at, end = indptr.index_select(0, row), indptr.index_select(0, row + 1)
    longest = int((end - at).max()) if row.numel() else 0
    if longest == 0:
        return torch.zeros_like(row, dtype=torch.bool), at
    top = indices.numel() - 1
    reach, value = torch.empty_like(at), indices.new_empty(row.numel())
    inside, smaller = (torch.empty_like(row, dtype=torch.bool) for _ in range(2))
    step = 1 << longest.bit_length() - 1
    while step:  # results go where they went before: new memory costs more than the arithmetic
        torch.add(at, step, out=reach)
        torch.le(reach, end, out=inside)
        torch.index_select(indices, 0, reach.sub_(1).clamp_(max=top), out=value)
        torch.lt(value, wanted, out=smaller)
        at.add_(smaller.logical_and_(inside), alpha=step)
        step >>= 1
    torch.lt(at, end, out=inside)
    torch.index_select(indices, 0, torch.clamp(at, max=top, out=reach), out=value)
    return torch.eq(value, wanted, out=smaller).logical_and_(inside), at
