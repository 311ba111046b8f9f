from __future__ import annotations

import numpy as np
import pytest

from graphlab.ops._compile import Kernel
from graphlab.ops._simd_ids import (
    WIDE,
    contains,
    entry,
    load_ids,
    lowest,
    matches,
    only,
    prefetch,
    put,
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


def strided(x, numbers):
    """Read a vector."""
    numbers[0] = matches(load_ids(x, 0), x[0])


def test_arrays_with_gaps_are_refused_and_not_misread():
    pytest.importorskip("numba")
    with pytest.raises(Exception, match="No implementation of function"):
        Kernel(strided)(np.arange(200)[::2], np.zeros(1, np.int64))
