from __future__ import annotations

import gc

import pytest
import torch

from graphlab.errors import InputError
from graphlab.nn import sparse_linear
from graphlab.nn.sparse_linear import input_linear
from graphlab.ops.csr import csr_of_tensor

BACKENDS = ["compiled", "torch"]


def bag_of_words(n: int = 30, features: int = 50, dtype=torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    kept = torch.rand(n, features, generator=generator) < 0.1
    return torch.rand(n, features, generator=generator).to(dtype) * kept


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("layout", ["dense", "csr", "coo"])
@pytest.mark.parametrize("bias", [True, False])
def test_equals_a_linear_layer_in_values_and_gradients(backend, layout, bias):
    x = bag_of_words()
    lin = torch.nn.Linear(50, 12, bias=bias)
    expected = lin(x)
    above = torch.randn(expected.shape)
    reference = torch.autograd.grad((expected * above).sum(), list(lin.parameters()))
    given = {"dense": x, "csr": x.to_sparse_csr(), "coo": x.to_sparse()}[layout]
    out = input_linear(given, lin.weight, lin.bias, backend=backend)
    torch.testing.assert_close(out, expected)
    grads = torch.autograd.grad((out * above).sum(), list(lin.parameters()))
    for a, b in zip(grads, reference, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_are_those_of_finite_differences(backend):
    x = bag_of_words(6, 9, torch.float64).to_sparse_csr()
    weight = torch.randn(4, 9, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda w, b: input_linear(x, w, b, backend=backend), (weight, bias)
    )


@pytest.mark.parametrize("layout", ["dense", "csr"])
def test_dropout_has_the_mean_and_variance_of_dense_dropout(layout):
    torch.manual_seed(0)
    x = bag_of_words(5, 40)
    given = x if layout == "dense" else x.to_sparse_csr()
    weight = torch.randn(3, 40)
    rounds = 4000
    draws = torch.stack(
        [input_linear(given, weight, dropout=0.4, training=True) for _ in range(rounds)]
    )
    mean, variance = x @ weight.t(), 0.4 / 0.6 * x.square() @ weight.t().square()
    torch.testing.assert_close(
        draws.mean(0), mean, atol=6 * float((variance.max() / rounds) ** 0.5), rtol=0
    )
    torch.testing.assert_close(draws.var(0), variance, atol=1e-3, rtol=0.2)


@pytest.mark.parametrize("backend", BACKENDS)
def test_dropped_entries_have_no_part_in_the_gradient(backend):
    x = torch.tensor([[2.0, 0.0], [0.0, 3.0]]).to_sparse_csr()
    weight = torch.ones(1, 2, requires_grad=True)
    seen = set()
    for seed in range(40):
        torch.manual_seed(seed)
        out = input_linear(x, weight, dropout=0.5, training=True, backend=backend)
        (grad,) = torch.autograd.grad(out.sum(), weight)
        assert torch.equal(out.flatten(), grad.flatten())
        seen.add(tuple(grad.flatten().tolist()))
    assert seen == {(0.0, 0.0), (4.0, 0.0), (0.0, 6.0), (4.0, 6.0)}


def test_no_dropout_when_not_training_and_all_of_it_at_one():
    x = bag_of_words().to_sparse_csr()
    weight = torch.randn(4, 50)
    torch.testing.assert_close(input_linear(x, weight, dropout=0.9), x.to_dense() @ weight.t())
    assert not input_linear(x, weight, dropout=1.0, training=True).any()
    with pytest.raises(InputError, match=r"p is -0\.1"):
        input_linear(x, weight, dropout=-0.1, training=True)


def test_structures_are_kept_with_the_tensor_and_no_longer():
    x = bag_of_words()
    coo = x.to_sparse().coalesce()
    weight = torch.randn(4, 50)
    before = len(sparse_linear._CONVERTED._known)
    first = input_linear(coo, weight)
    assert len(sparse_linear._CONVERTED._known) == before + 1
    coo._values().mul_(2)
    torch.testing.assert_close(input_linear(coo, weight), 2 * first)
    del coo
    gc.collect()
    assert len(sparse_linear._CONVERTED._known) == before
    csr = x.to_sparse_csr()
    structure = csr_of_tensor(csr)
    input_linear(csr, weight.requires_grad_()).sum().backward()
    assert csr_of_tensor(csr) is structure
    csr.values().mul_(3)
    torch.testing.assert_close(input_linear(csr, weight), 3 * first)


def test_empty_rows_columns_and_matrices():
    for shape in ((0, 5), (3, 0), (3, 5)):
        x = torch.zeros(shape).to_sparse_csr()
        weight = torch.randn(2, shape[1], requires_grad=True)
        out = input_linear(x, weight, torch.ones(2))
        assert torch.equal(out, torch.ones(shape[0], 2))
        out.sum().backward()
        assert not weight.grad.any()


def test_autocast_and_half_precision():
    x = bag_of_words()
    lin = torch.nn.Linear(50, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert input_linear(x.to_sparse_csr(), lin.weight, lin.bias).dtype == torch.float32
        assert input_linear(x, lin.weight, lin.bias).dtype == torch.bfloat16
    half = lin.to(torch.bfloat16)
    out = input_linear(x.to(torch.bfloat16), half.weight, half.bias, dropout=0.5, training=True)
    assert out.dtype == torch.bfloat16
