from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from graphlab.analysis import SmoothnessEstimate, smoothness
from graphlab.errors import InputError, NonFiniteError
from graphlab.nn import SymmetricPropagator


@pytest.mark.parametrize("block", [1, 7, 25, 2048])
def test_equals_the_golden_values(golden, block):
    data = np.load(golden / "dagnn" / "smoothness.npz")
    assert smoothness(data["x"], block=block) == pytest.approx(float(data["smv_graph"]), abs=1e-9)
    nodes = smoothness(torch.from_numpy(data["x"]), block=block, per_node=True)
    np.testing.assert_allclose(nodes.numpy(), data["smv_node"], atol=1e-9)


def test_parallel_rows_are_zero_opposite_rows_one():
    assert smoothness(torch.tensor([[1.0, 2.0], [3.0, 6.0], [0.1, 0.2]])) == pytest.approx(
        0, abs=1e-9
    )
    assert smoothness(torch.tensor([[1e-300, 0.0], [-1e300, 0.0]], dtype=torch.float64)) == 1


def test_zero_rows_are_half_from_others_and_zero_from_each_other():
    x = torch.tensor([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    assert smoothness(x, per_node=True).tolist() == [0.25, 0.25, 0.5]


def test_tiny_distances_are_not_lost():
    angle = 1e-9
    x = torch.tensor([[1.0, 0.0], [math.cos(angle), math.sin(angle)]], dtype=torch.float64)
    assert smoothness(x) == pytest.approx(angle / 2, rel=1e-6)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_nodes(n):
    assert smoothness(torch.ones(n, 3)) == 0.0
    assert smoothness(torch.ones(n, 3), per_node=True).tolist() == [0.0] * n
    assert smoothness(torch.ones(n, 3), sample=5) == 0.0


def test_sample_is_within_its_standard_error():
    x = torch.randn(300, 8, generator=torch.Generator().manual_seed(0))
    exact = smoothness(x)
    estimate = smoothness(x, sample=20000, generator=torch.Generator().manual_seed(1))
    assert isinstance(estimate, SmoothnessEstimate)
    assert abs(estimate - exact) < 4 * estimate.standard_error
    assert estimate.standard_error < 0.01
    assert estimate.pairs == 20000
    assert "+-" in repr(estimate)
    assert smoothness(x, sample=50) == smoothness(x, sample=50)  # a seed of its own


def test_sampling_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    smoothness(torch.randn(5, 2, generator=torch.Generator().manual_seed(0)), sample=10)
    assert torch.equal(torch.get_rng_state(), before)


def test_propagation_alone_smooths_each_component():
    ring = torch.arange(20)
    edge_index = torch.stack(
        [torch.cat([ring, (ring + 1) % 20]), torch.cat([(ring + 1) % 20, ring])]
    )
    matrix = SymmetricPropagator(edge_index, 20)
    h = torch.rand(20, 4, generator=torch.Generator().manual_seed(0))
    values = [smoothness(h)]
    for _ in range(4):
        for _ in range(20):
            h = matrix @ h
        values.append(smoothness(h))
    assert values == sorted(values, reverse=True)
    assert values[-1] < 0.1 * values[0]


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        (torch.ones(3), {}, InputError, r"shape \(3,\)"),
        (torch.ones(3, 2), {"block": 0}, InputError, "block is 0"),
        (torch.ones(3, 2), {"sample": 0}, InputError, "sample is 0"),
        (torch.ones(3, 2), {"sample": 5, "per_node": True}, InputError, "leave sample out"),
        (torch.tensor([[torch.nan, 1.0]]), {}, NonFiniteError, "NaN or inf"),
    ],
)
def test_bad_input_is_named(x, options, error, message):
    with pytest.raises(error, match=message):
        smoothness(x, **options)
