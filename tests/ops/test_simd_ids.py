from __future__ import annotations

import numpy as np
import pytest

from graphlab.ops._compile import Kernel
from graphlab.ops._simd_ids import (
    WIDE,
    add_four,
    contains,
    entry,
    load_ids,
    lowest,
    matches,
    ones,
    only,
    plus,
    prefetch,
    put,
    single,
    store_ids,
)


def everything(x, out, wide, numbers):
    """Use each operation once."""
    prefetch(x, 1000)  # outside is allowed: nothing is read
    store_ids(out, 1, load_ids(x, 2))
    store_ids(wide, 0, load_ids(x, 0))
    numbers[0] = matches(load_ids(x, 0), x[5])
    numbers[1] = matches(load_ids(x, 0), x[40])
    numbers[2] = lowest(numbers[0])
    numbers[3] = lowest(numbers[1])
    numbers[4] = matches(load_ids(x, 8), x[39])
    numbers[5] = lowest(numbers[4])
    put(numbers, 6, entry(x, 7))
    for k in range(WIDE + 1):  # each lane is compared, and no other number
        numbers[7] += contains(load_ids(x, 1), x[1 + k])
    for first in range(WIDE + 1):
        for last in range(first, WIDE + 1):
            part = only(load_ids(x, 0), first, last)
            for k in range(WIDE):
                numbers[8] += contains(part, x[k]) == (first <= k < last)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_compiled_operations_equal_the_numpy_ones(dtype):
    x = np.arange(41, dtype=dtype)
    x[17] = x[5]
    results = []
    for run in (everything, Kernel(everything)):
        out, wide, numbers = np.full(40, 7, dtype), np.zeros(WIDE, np.int64), np.zeros(9, np.int64)
        run(x, out, wide, numbers)
        results.append((out, wide, numbers))
    for plain, compiled in zip(*results, strict=True):
        assert plain.tolist() == compiled.tolist()
    out, wide, numbers = results[0]
    assert out.tolist() == [7, *x[2:34].tolist(), *[7] * 7]
    assert wide.tolist() == x[:WIDE].tolist()
    assert numbers.tolist()[:8] == [1 << 5 | 1 << 17, 0, 5, 64, 1 << 31, 31, 7, WIDE]


def bits_of(numbers, counts, alone):
    """Use the operations on single bits once for each number."""
    for k in range(numbers.size):
        counts[k] = ones(numbers[k])
    for k in range(64):
        alone[k] = single(k)
        counts[numbers.size + k] = lowest(alone[k])


def test_bits_are_counted_and_set_in_all_64_places():
    numbers = np.array([0, 1, -1, 5, 2**62, -(2**63), 2**63 - 1, -2, 0x0F0F], np.int64)
    expected = [0, 1, 64, 2, 1, 1, 63, 63, 8, *range(64)]
    for run in (bits_of, Kernel(bits_of)):
        counts, alone = np.zeros(73, np.int64), np.zeros(64, np.int64)
        run(numbers, counts, alone)
        assert counts.tolist() == expected
        assert alone.tolist() == [*(1 << k for k in range(63)), -(2**63)]


def set_and_clear(words):
    """Use a bit of a number as the code does that notes nodes."""
    for k in range(64):
        words[0] |= single(k)
        words[1] &= ~single(k)
        words[2] ^= single(63 - k)


def test_bits_are_set_and_cleared_in_signed_numbers():
    for run in (set_and_clear, Kernel(set_and_clear)):
        words = np.array([0, -1, 7], np.int64)
        run(words)
        assert words.tolist() == [-1, 0, ~7]


def sums(x, out, added):
    """Add vectors, and four numbers."""
    store_ids(out, 1, plus(load_ids(x, 0), load_ids(x, 5)))
    for k in range(3):
        add_four(added, 1 + k, 1, -2, added[0], 1 << 20)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_sums_of_vectors_at_any_place(dtype):
    x = (np.arange(40) ** 3 - 500).astype(dtype)
    results = []
    for run in (sums, Kernel(sums)):
        out, added = np.full(WIDE + 2, 7, dtype), np.arange(100, 110).astype(dtype)
        run(x, out, added)
        assert out.tolist() == [7, *(x[:WIDE] + x[5 : 5 + WIDE]).tolist(), 7]
        results.append(added.tolist())
    step = 1 << 20
    first = [100, 102, 101, 202, 104 + step, 105, 106, 107, 108, 109]
    assert results[0] == results[1]
    assert results[0][:2] == first[:2]
    assert results[0][7:] == first[7:]
    total = np.arange(100, 110)
    for k in range(3):
        total[1 + k : 5 + k] += [1, -2, 100, step]
    assert results[0] == total.tolist()


def strided(x, numbers):
    """Read a vector."""
    numbers[0] = matches(load_ids(x, 0), x[0])


def test_arrays_with_gaps_are_refused_and_not_misread():
    pytest.importorskip("numba")
    with pytest.raises(Exception, match="No implementation of function"):
        Kernel(strided)(np.arange(200)[::2], np.zeros(1, np.int64))
