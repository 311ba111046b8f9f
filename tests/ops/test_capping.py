"""Lists cut by sampling: the same draws everywhere, and unbiased sums."""

from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.ops.capping import cap_lists

module = importlib.import_module("graphlab.ops.capping")
BACKENDS = ["compiled", "torch"]


def some_lists(lengths):
    ptr = torch.tensor([0, *np.cumsum(lengths).tolist()])
    return ptr, torch.arange(int(ptr[-1]), dtype=torch.int32)


@pytest.mark.parametrize("backend", BACKENDS)
def test_short_lists_stay_and_long_ones_are_drawn_from(backend):
    ptr, nodes = some_lists([3, 0, 10, 4, 100])
    out = cap_lists(ptr, nodes, 4, key=5, backend=backend)
    assert out.ptr.tolist() == [0, 3, 3, 7, 11, 15]
    assert out.nodes.dtype == torch.int32
    assert out.nodes[:3].tolist() == [0, 1, 2]
    assert out.nodes[7:11].tolist() == [13, 14, 15, 16]
    assert bool(((out.nodes[3:7] >= 3) & (out.nodes[3:7] < 13)).all())
    assert bool(((out.nodes[11:] >= 17) & (out.nodes[11:] < 117)).all())
    assert out.weight.tolist() == [1.0] * 3 + [2.5] * 4 + [1.0] * 4 + [25.0] * 4


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("most", [-1, 100])
def test_nothing_is_copied_where_no_list_is_too_long(most, backend):
    ptr, nodes = some_lists([3, 0, 100])
    out = cap_lists(ptr, nodes, most, key=5, backend=backend)
    assert out.ptr is ptr
    assert out.nodes is nodes
    assert out.weight is None
    none = torch.zeros(0, dtype=torch.int64)
    assert cap_lists(torch.tensor([0]), none, 2, key=0, backend=backend).nodes.numel() == 0


def test_the_mean_over_keys_is_the_sum_over_the_list():
    ptr, nodes = some_lists([50, 7, 333])
    value = torch.linspace(-1, 3, nodes.numel(), dtype=torch.float64)
    exact = torch.stack([value[a:b].sum() for a, b in itertools.pairwise(ptr)])
    sums = []
    for key in range(1500):
        out = cap_lists(ptr, nodes, 8, key)
        part = (value[out.nodes] * out.weight).split(out.ptr.diff().tolist())
        sums.append(torch.stack([p.sum() for p in part]))
    sums = torch.stack(sums)
    error = (sums.mean(0) - exact).abs()
    assert bool((error <= 5 * sums.std(0) / 1500**0.5 + 1e-9).all())
    assert sums[:, 1].std() < 1e-9  # the list of seven is whole
    assert len({tuple(s) for s in sums.tolist()}) > 1400


@pytest.mark.parametrize("key", [0, 3, 2**64 - 1])
def test_backends_threads_and_plain_kernels_draw_the_same(key, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    ptr, nodes = some_lists(torch.randint(0, 200, (4000,), generator=generator).numpy())
    results = [cap_lists(ptr, nodes, 40, key, backend="torch")]
    for threads in (1, 3):
        torch.set_num_threads(threads)
        results.append(cap_lists(ptr, nodes, 40, key))
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))
    ptr, nodes = some_lists([3, 90, 40, 41])
    compiled = cap_lists(ptr, nodes, 40, key)
    monkeypatch.setattr(module, "cap", module.cap.function)
    with np.errstate(over="ignore"):
        plain = cap_lists(ptr, nodes, 40, key)
    assert all(torch.equal(a, b) for a, b in zip(compiled, plain, strict=True))


@pytest.mark.parametrize("most", [0, -2, 1.5, True])
def test_bad_caps_are_named(most):
    with pytest.raises(InputError, match="most is"):
        cap_lists(*some_lists([3]), most, key=0)
