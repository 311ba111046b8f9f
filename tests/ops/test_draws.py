from __future__ import annotations

import numpy as np
import pytest
import torch

from graphlab.ops._compile import Kernel
from graphlab.ops._draws import draw_key, draws
from graphlab.ops._dropout_kernels import draw


def all_draws(key, out):
    """Write the numbers of all places."""
    for place in range(out.size):
        out[place] = draw(place, key)


@pytest.mark.parametrize("key", [0, 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_torch_and_kernels_draw_the_same_numbers(key):
    count = 70_000  # more than two parts
    found = draws(count, key, torch.device("cpu"))
    compiled, plain = np.zeros(count, np.uint64), np.zeros(100, np.uint64)
    Kernel(all_draws)(np.uint64(key), compiled)
    assert found.tolist() == compiled.tolist()
    with np.errstate(over="ignore"):
        all_draws(np.uint64(key), plain)
    assert found[:100].tolist() == plain.tolist()
    assert 0 <= int(found.min()) < int(found.max()) < 2**32
    assert draws(0, key, torch.device("cpu")).shape == (0,)


def test_keys_come_from_the_generator_that_is_given():
    torch.manual_seed(5)
    first = draw_key()
    torch.manual_seed(5)
    assert draw_key() == first
    assert draw_key() != first
    keys = [draw_key(torch.Generator().manual_seed(2)) for _ in range(2)]
    assert keys[0] == keys[1]
    assert all(0 <= key < 2**63 for key in (first, *keys))
