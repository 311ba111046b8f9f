from __future__ import annotations

import pytest
import torch

from graphlab.ops._memory import fresh


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int32, torch.int64])
@pytest.mark.parametrize("shape", [(3, 5), (0, 4), (7,), (1_500_000, 2)])
def test_shape_type_and_place_are_those_of_empty_and_zeros(shape, dtype):
    for zero in (False, True):
        out = fresh(shape, dtype, zero=zero)
        assert out.shape == shape
        assert out.dtype == dtype
        assert out.is_contiguous()
        assert out.data_ptr() % 64 == 0
        assert not zero or not bool(out.any())
        out.fill_(3)
        assert bool((out == 3).all())


def test_other_types_are_left_to_torch():
    assert fresh((1 << 22,), torch.bfloat16, zero=True).dtype == torch.bfloat16
