"""Compiled writing of the entries two and three steps apart, from what ``_sweep_kernels`` sums."""
# ruff: noqa: PLR0917  (kernels take arrays and many numbers)

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.graphlets._sweep_kernels import list_nodes
from graphlab.ops._compile import kernel, kernel_part
from graphlab.ops._simd_ids import WIDE, entry, load_ids, plus, put, single, store_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

__all__ = [
    "TWO_STEPS",
    "keep_largest",
    "panel_product",
    "push_rows",
    "two_step_rows",
    "write_product",
]

TWO_STEPS = ((1, 1), (4, 5), (5, 4), (6, 6), (8, 8), (9, 10), (10, 9), (12, 12))


@kernel
def two_step_rows(
    indptr: Array,
    start: Array,
    columns: Array,
    values: Array,
    wanted: Array,  # numbers of the wanted pairs in TWO_STEPS
    out_columns: Array,  # (wanted, room): a stretch for each wanted pair
    out_values: Array,
    lengths: Array,  # (wanted, rows) out: entries of each row
    first: int,
    last: int,
) -> None:
    """Write the entries that are not zero of each wanted pair of orbits, rows one after another."""
    room = columns.size
    rows = lengths.size // wanted.size
    cell = np.zeros(8, values.dtype)
    at = np.empty(wanted.size, np.int64)
    for s in range(wanted.size):
        at[s] = s * room
    for u in range(first, last):
        du = indptr[u + 1] - indptr[u]
        for s in range(wanted.size):
            lengths[s * rows + u - first] = -at[s]
        for i in range(start[u - first], start[u - first + 1]):
            v = entry(columns, i)
            n, D = entry(values, i), entry(values, i + room)
            X, Y = entry(values, i + 2 * room), entry(values, i + 3 * room)
            e = entry(values, i + 4 * room)
            square = ((n * (n - 1)) >> 1) - e
            cell[0] = n
            cell[1] = n * (entry(indptr, v + 1) - entry(indptr, v) - 1) - X - 2 * square
            cell[2] = n * (du - 1) - Y - 2 * square
            cell[3] = D - 2 * n - X - Y + 2 * e
            cell[4] = square
            cell[5] = X - 2 * e
            cell[6] = Y - 2 * e
            cell[7] = e
            for s in range(wanted.size):
                x = cell[wanted[s]]
                to = at[s]
                put(out_columns, to, v)
                put(out_values, to, x)
                at[s] = to + (x != 0)  # written always, kept where not zero: no branch to guess
        for s in range(wanted.size):
            lengths[s * rows + u - first] += at[s]


@kernel
def push_rows(
    indptr: Array,
    indices: Array,
    start: Array,
    columns: Array,
    values: Array,
    sums: Array,  # (n,) scratch, zero between calls, as are the next two
    words: Array,
    groups: Array,
    out_columns: Array,
    out_values: Array,
    lengths: Array,
    state: Array,  # out: the row that did not fit
    at: int,  # where the first row is written
    base: int,  # row of start[0]
    first: int,
    last: int,
) -> None:
    """Write the entries three steps apart: each sum goes on to the neighbours of its node."""
    room = columns.size
    for u in range(first, last):
        state[0] = u
        if at + sums.size > out_columns.size:
            break
        before = at
        for i in range(start[u - base], start[u - base + 1]):
            w, n = entry(columns, i), entry(values, i)
            for p in range(indptr[w], indptr[w + 1]):
                v = entry(indices, p)
                put(sums, v, entry(sums, v) + n)
                word = v >> 6
                held = entry(words, word)
                put(words, word, held | single(v & 63))
                if held == 0:
                    groups[word >> 6] |= single(word & 63)
        for i in range(start[u - base], start[u - base + 1]):
            v = entry(columns, i)
            tails = entry(values, i + 2 * room) - 2 * entry(values, i + 4 * room)
            put(sums, v, entry(sums, v) - tails)  # the middle pair closes a triangle there
        for q in range(indptr[u], indptr[u + 1]):
            sums[indices[q]] = 0
        sums[u] = 0
        end = list_nodes(words, groups, out_columns, at)
        for i in range(at, end):  # what is kept is never written behind what is read
            v = entry(out_columns, i)
            x = entry(sums, v)
            put(sums, v, 0)
            put(out_columns, at, v)
            put(out_values, at, x)
            at += x != 0
        lengths[u - first] = at - before
        state[0] = u + 1


@kernel
def panel_product(
    indptr: Array,
    indices: Array,
    start: Array,
    columns: Array,
    values: Array,
    panel: Array,  # (n, WIDE) scratch, zero between calls
    product: Array,  # (WIDE, n) out: the entries, zeros among them
    lengths: Array,  # out: entries of each row that are not zero
    first: int,
    last: int,
) -> None:
    """Do as :func:`push_rows` for up to WIDE rows at once, as a product with a narrow matrix."""
    room = columns.size
    n = indptr.size - 1
    rows = last - first
    lane = np.empty(WIDE, values.dtype)
    for r in range(rows):
        for i in range(start[r], start[r + 1]):
            put(panel, WIDE * entry(columns, i) + r, entry(values, i))
    for v in range(n):
        begin, end = indptr[v], indptr[v + 1]
        if begin == end:
            for r in range(rows):
                put(product, r * n + v, 0)
            continue
        total = load_ids(panel, WIDE * entry(indices, begin))
        for p in range(begin + 1, end):
            total = plus(total, load_ids(panel, WIDE * entry(indices, p)))
        store_ids(lane, 0, total)
        for r in range(rows):
            put(product, r * n + v, entry(lane, r))
    for r in range(rows):
        row = r * n
        for i in range(start[r], start[r + 1]):
            v = entry(columns, i)
            tails = entry(values, i + 2 * room) - 2 * entry(values, i + 4 * room)
            put(product, row + v, entry(product, row + v) - tails)
            put(panel, WIDE * v + r, 0)
        product[row + first + r] = 0
        for q in range(indptr[first + r], indptr[first + r + 1]):
            product[row + indices[q]] = 0
        found = 0
        for v in range(n):
            found += entry(product, row + v) != 0
        lengths[r] = found


@kernel
def write_product(
    product: Array, lengths: Array, n: int, out_columns: Array, out_values: Array, at: int
) -> None:
    """Write the entries of rows of length n that are not zero, one row behind the other."""
    for r in range(lengths.size):
        end = at + lengths[r]
        v = 0
        while at < end:
            x = entry(product, r * n + v)
            put(out_columns, at, v)
            put(out_values, at, x)
            at += x != 0
            v += 1


@kernel_part
def _select(numbers: Array, size: int, rank: int) -> Any:  # noqa: ANN401  (of the array's type)
    """Return the number that would stand at ``rank`` if the first ``size`` were sorted."""
    low, high = 0, size - 1
    while low < high:
        pivot = numbers[(low + high) >> 1]
        i, j = low, high
        while i <= j:
            while numbers[i] < pivot:
                i += 1
            while numbers[j] > pivot:
                j -= 1
            if i <= j:
                numbers[i], numbers[j] = numbers[j], numbers[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return numbers[rank]


@kernel
def keep_largest(
    columns: Array,
    values: Array,
    lengths: Array,  # of each row, changed
    most: int,
    begin: int,  # where the rows begin in the two arrays
    scratch: Array,  # as long as the longest row
    used: Array,  # (1,) out: entries that are left
) -> None:
    """Keep the largest entries of each row, of equal ones those of lower columns."""
    read, write = begin, begin
    for r in range(lengths.size):
        size = lengths[r]
        if size > most:
            for i in range(size):
                scratch[i] = values[read + i]
            bound = _select(scratch, size, size - most)
            equal = most
            for i in range(read, read + size):
                equal -= values[i] > bound
            for i in range(read, read + size):
                x = values[i]
                take = x > bound or (x == bound and equal > 0)
                equal -= x == bound and take
                columns[write] = columns[i]
                values[write] = x
                write += take
            lengths[r] = most
        else:
            for i in range(read, read + size):
                columns[write] = columns[i]
                values[write] = values[i]
                write += 1
        read += size
    used[0] = write - begin
