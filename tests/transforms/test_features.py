"""Row normalisation: sums, zero rows, layouts, untouched input."""

from __future__ import annotations

import pytest
import torch

from graphlab.errors import InputError
from graphlab.transforms.features import row_normalize


def sample() -> torch.Tensor:
    x = torch.zeros(5, 7)
    x[0, :3] = 1
    x[1, 6] = 4
    x[3, ::2] = torch.tensor([0.5, 1.5, 2.0, 4.0])
    return x


def test_rows_sum_to_one_and_zero_rows_stay_zero():
    x = sample()
    before = x.clone()
    out = row_normalize(x)
    assert out.sum(1).tolist() == [1, 1, 0, 1, 0]
    assert out[3, 6] == 0.5
    assert torch.equal(x, before)


def test_sparse_equals_dense_and_stays_sparse():
    csr = sample().to_sparse_csr()
    out = row_normalize(csr)
    assert out.layout == torch.sparse_csr
    assert torch.equal(out.to_dense(), row_normalize(sample()))
    assert torch.equal(csr.to_dense(), sample())


def test_a_second_time_changes_nothing_but_rounding():
    once = row_normalize(sample())
    assert torch.allclose(row_normalize(once), once, atol=1e-7)


@pytest.mark.parametrize("x", [torch.ones(3), torch.ones(2, 2, dtype=torch.int64)])
def test_wrong_shape_or_type_is_refused(x):
    with pytest.raises(InputError, match="expected"):
        row_normalize(x)


def test_coo_is_refused_by_name():
    with pytest.raises(InputError, match="sparse_coo"):
        row_normalize(sample().to_sparse_coo())


def test_negative_values_are_refused_with_the_value():
    x = sample()
    x[2, 2] = -1.5
    with pytest.raises(InputError, match=r"-1\.5.*feature_norm"):
        row_normalize(x)
    with pytest.raises(InputError, match=r"-1\.5"):
        row_normalize(x.to_sparse_csr())
