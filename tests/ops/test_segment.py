from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError
from graphlab.ops import scatter_reduce, scatter_softmax, segment_reduce, segment_softmax

BACKENDS = ["compiled", "torch"]
REDUCTIONS = ["sum", "mean", "max", "min"]


def by_hand(values, index, num_segments, reduce):
    out = torch.zeros((num_segments, *values.shape[1:]), dtype=values.dtype)
    for s in range(num_segments):
        rows = values[index == s]
        if len(rows):
            name = {"max": "amax", "min": "amin"}.get(reduce, reduce)
            out[s] = getattr(rows, name)(0)
    return out


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 5), min_size=1, max_size=8),
    shape=st.sampled_from([(), (1,), (3,), (2, 5)]),
    reduce=st.sampled_from(REDUCTIONS),
    seed=st.integers(0, 2**16),
)
def test_segments_and_groups_equal_the_loop_by_hand(sizes, shape, reduce, seed):
    generator = torch.Generator().manual_seed(seed)
    index = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    ptr = torch.tensor([0, *torch.tensor(sizes).cumsum(0).tolist()])
    values = torch.randn((index.numel(), *shape), generator=generator, dtype=torch.float64)
    expected = by_hand(values, index, len(sizes), reduce)
    order = torch.randperm(index.numel(), generator=generator)
    for backend in BACKENDS:
        out = segment_reduce(values, ptr, reduce=reduce, backend=backend)
        torch.testing.assert_close(out, expected)
        mixed = scatter_reduce(
            values[order], index[order], len(sizes), reduce=reduce, backend=backend
        )
        torch.testing.assert_close(mixed, expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_gradients_are_those_of_finite_differences(backend, reduce):
    values = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    ptr, index = torch.tensor([0, 3, 3, 7]), torch.tensor([2, 0, 2, 1, 1, 0, 2])
    assert torch.autograd.gradcheck(
        lambda v: segment_reduce(v, ptr, reduce=reduce, backend=backend), (values,)
    )
    assert torch.autograd.gradcheck(
        lambda v: scatter_reduce(v, index, 4, reduce=reduce, backend=backend), (values,)
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_softmax_sums_to_one_in_each_group_and_has_the_gradient(backend):
    values = torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    ptr, index = torch.tensor([0, 3, 3, 7]), torch.tensor([2, 0, 2, 1, 1, 0, 2])
    out = segment_softmax(values, ptr, backend=backend)
    expected = torch.cat([values[:3].softmax(0), values[3:].softmax(0)])
    torch.testing.assert_close(out, expected)
    out = scatter_softmax(values, index, 3, backend=backend)
    for group in range(3):
        torch.testing.assert_close(out[index == group], values[index == group].softmax(0))
    assert torch.autograd.gradcheck(
        lambda v: scatter_softmax(v, index, 3, backend=backend), (values,)
    )


def test_softmax_of_large_scores_is_finite():
    out = segment_softmax(torch.tensor([1e4, 1e4 - 1, -1e4]), torch.tensor([0, 3]))
    torch.testing.assert_close(out, torch.tensor([1e4, 1e4 - 1, -1e4]).softmax(0))


@pytest.mark.parametrize("backend", BACKENDS)
def test_nothing_to_reduce(backend):
    empty = torch.zeros(0, 3, requires_grad=True)
    out = segment_reduce(empty, torch.tensor([0, 0, 0]), backend=backend)
    assert out.tolist() == [[0.0] * 3] * 2
    out.sum().backward()
    assert empty.grad.shape == (0, 3)
    index = torch.zeros(0, dtype=torch.int64)
    assert scatter_reduce(empty, index, 0, backend=backend).shape == (0, 3)
    assert scatter_softmax(empty, index, 2, backend=backend).shape == (0, 3)


def test_a_changed_index_is_seen():
    values, index = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0, 0, 1])
    assert scatter_reduce(values, index, 2).tolist() == [3.0, 4.0]
    index[1] = 1
    assert scatter_reduce(values, index, 2).tolist() == [1.0, 6.0]
    ptr = torch.tensor([0, 2, 3])
    assert segment_reduce(values, ptr).tolist() == [3.0, 4.0]
    ptr[1] = 1
    assert segment_reduce(values, ptr).tolist() == [1.0, 6.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v: segment_reduce(v, torch.tensor([0, 2])), "from 0 to 3"),
        (lambda v: segment_reduce(v, torch.tensor([0, 4, 3])), "must ascend"),
        (lambda v: segment_reduce(v, torch.tensor([0.0, 3.0])), "ptr is torch.float32"),
        (lambda v: scatter_reduce(v, torch.tensor([0, 1]), 2), "one group a row"),
        (lambda v: scatter_reduce(v, torch.tensor([0, 1, 2]), 2), "index holds 2, .*0..1"),
        (lambda v: scatter_reduce(v, torch.tensor([0, -1, 0]), 2), "index holds -1"),
        (lambda v: segment_reduce(v, torch.tensor([0, 3]), reduce="product"), "reduce is"),
        (lambda v: segment_reduce(v.long(), torch.tensor([0, 3])), "floating"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(InputError, match=message):
        call(torch.ones(3, 2))
