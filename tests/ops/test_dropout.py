from __future__ import annotations

import math

import pytest
import torch

from graphlab.errors import InputError
from graphlab.ops import dropout, relu_dropout

BACKENDS = ["compiled", "torch"]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_share_and_scale_are_right(backend, p):
    torch.manual_seed(0)
    n = 200_000
    out = dropout(torch.ones(n), p, backend=backend)
    kept = int((out > 0).sum())
    assert abs(kept - n * (1 - p)) < 5 * math.sqrt(n * p * (1 - p))
    torch.testing.assert_close(out[out > 0], torch.full((kept,), 1 / (1 - p)))


def test_draws_are_uncorrelated_between_neighbours_and_calls():
    torch.manual_seed(0)
    n = 400_000
    first, second = ((dropout(torch.ones(n), 0.5) > 0).double() - 0.5 for _ in range(2))
    limit = 5 * 0.25 / math.sqrt(n)
    assert abs(float((first * second).mean())) < limit
    for lag in (1, 2, 3, 7, 8, 64, 1433):
        assert abs(float((first[lag:] * first[:-lag]).mean())) < limit


def test_the_seed_of_torch_decides_and_threads_do_not():
    x = torch.randn(1000, 1000)
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        torch.manual_seed(3)
        results.append(dropout(x, 0.3))
    assert torch.equal(*results)
    assert not torch.equal(results[0], dropout(x, 0.3))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("p", [0.0, 1.0])
def test_ends_of_the_range(backend, p):
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    out = dropout(x, p, backend=backend)
    assert out.tolist() == ([-1.0, 2.0] if p == 0 else [0.0, 0.0])
    relu_dropout(x, p, backend=backend).sum().backward()
    assert x.grad.tolist() == ([0.0, 1.0] if p == 0 else [0.0, 0.0])


@pytest.mark.parametrize("function", [dropout, relu_dropout])
def test_nothing_is_dropped_when_not_training(function):
    x = torch.tensor([1.0, 2.0])
    assert function(x, 0.9, training=False).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_pass_where_values_did(dtype):
    x = torch.randn(300, dtype=dtype, requires_grad=True)
    out = dropout(x, 0.5)
    (grad,) = torch.autograd.grad(out.sum(), x)
    torch.testing.assert_close(grad * x, out)
    out = relu_dropout(x, 0.25)
    (grad,) = torch.autograd.grad((3 * out).sum(), x)
    torch.testing.assert_close(grad, torch.where(out > 0, 4.0, 0.0).to(dtype))
    assert bool((out[x < 0] == 0).all())


def test_a_zero_that_is_kept_has_a_gradient():
    x = torch.zeros(1000, requires_grad=True)
    dropout(x, 0.5).sum().backward()
    assert set(x.grad.tolist()) == {0.0, 2.0}


def test_nan_and_infinity_are_not_hidden():
    x = torch.tensor([torch.nan] * 50 + [torch.inf] * 50 + [-torch.inf] * 50)
    out = dropout(x, 0.5)
    assert bool(out[:50].isnan().all())
    assert bool((out[50:100] == torch.inf).any())
    assert bool((out[100:] == -torch.inf).any())
    assert not bool(out.isfinite().any())  # inf times 0, as torch has it
    assert bool(relu_dropout(x, 0.5)[:50].isnan().all())


@pytest.mark.parametrize("function", [dropout, relu_dropout])
def test_other_types_and_bad_rates(function):
    assert function(torch.ones(4, dtype=torch.bfloat16), 0.5).dtype == torch.bfloat16
    assert function(torch.ones(0, 3), 0.5).shape == (0, 3)
    with pytest.raises(InputError, match=r"p is 1\.5"):
        function(torch.ones(3), 1.5)
