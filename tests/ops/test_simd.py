from __future__ import annotations

import numpy as np
import pytest

from graphlab.ops import _simd
from graphlab.ops._compile import Kernel
from graphlab.ops._simd import load, load_part, store, store_part, total, zeros


def everything(x, y, out, part, scalars):
    """Use each operation once."""
    store(out, 0, load(x, 3) + load(y, 1) * x[0])
    store(out, 8, load(x, 3) * load(y, 1) + zeros(x))
    for count in range(1, 9):
        store_part(part, 10 * count, load_part(x, 12 - count, count) + load(y, 0), count)
    scalars[0] = total(load(x, 2))
    scalars[1] = total(load_part(x, 2, 3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_operations_equal_the_numpy_ones(dtype):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=12).astype(dtype), rng.normal(size=12).astype(dtype)
    results = []
    for run in (everything, Kernel(everything)):
        out, part, scalars = np.full(16, 7, dtype), np.full(100, 7, dtype), np.zeros(2, dtype)
        run(x, y, out, part, scalars)
        results.append((out, part, scalars))
    for plain, compiled in zip(*results, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=4 * np.finfo(dtype).eps)


def test_part_stores_leave_the_rest_alone():
    part = np.full(20, 7.0)
    store_part(part, 2, np.arange(8.0), 3)
    assert part.tolist() == [7.0, 7.0, 0.0, 1.0, 2.0] + [7.0] * 15
    assert load_part(part, 17, 3).tolist() == [7.0] * 3 + [0.0] * 5
    assert _simd.LANES == 8
