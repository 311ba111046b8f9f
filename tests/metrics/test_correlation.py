"""Correlation of a value of nodes with their performance, and its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import graphlab.metrics.correlation as module
from graphlab.errors import InputError, NonFiniteError
from graphlab.metrics import topology_performance_correlation


def pair(n=200, slope=0.5, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.random(n)
    return x, slope * x + rng.normal(size=n) / 5


def test_the_correlation_is_that_of_numpy_and_lies_in_its_interval():
    for seed in range(3):
        x, y = pair(seed=seed)
        found = topology_performance_correlation(x, y)
        assert found.pearson == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-12)
        assert -1 <= found.low < found.pearson < found.high <= 1
        assert float(found) == found.pearson
        assert found.num_nodes == 200


def test_performance_is_averaged_over_runs_and_nodes_are_chosen():
    x, y = pair()
    runs = np.stack([y + 1, y - 1, y])
    whole = topology_performance_correlation(x, y, samples=0)
    assert topology_performance_correlation(x, runs, samples=0).pearson == pytest.approx(
        whole.pearson
    )
    nodes = np.arange(0, 200, 3)
    mask = np.isin(np.arange(200), nodes)
    y[~mask] = np.nan  # nodes without test links have no performance
    some = topology_performance_correlation(x, y, nodes=nodes)
    assert some == topology_performance_correlation(x, y, nodes=mask)
    assert some.pearson == pytest.approx(np.corrcoef(x[mask], y[mask])[0, 1])
    assert some.num_nodes == 67


def test_the_interval_holds_the_true_value_about_as_often_as_it_says():
    true = 0.5 / 12**0.5 / math.hypot(0.5 / 12**0.5, 0.2)
    found = [topology_performance_correlation(*pair(seed=s), samples=300) for s in range(100)]
    assert 88 <= sum(each.low <= true <= each.high for each in found) <= 100
    wide = topology_performance_correlation(*pair(), level=0.99)
    narrow = topology_performance_correlation(*pair(), level=0.5)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_the_seed_decides_and_blocks_do_not(monkeypatch):
    x, y = pair()
    first = topology_performance_correlation(x, y, seed=1)
    assert first == topology_performance_correlation(torch.tensor(x), torch.tensor(y), seed=1)
    assert first != topology_performance_correlation(x, y, seed=2)
    monkeypatch.setattr(module, "_BLOCK", 1000)
    again = topology_performance_correlation(x, y, seed=1)
    assert again.pearson == first.pearson
    assert again.low == pytest.approx(first.low, abs=0.05)


def test_large_offsets_keep_their_digits():
    x, y = pair()
    far = topology_performance_correlation(x + 1e6, y + 1e6, samples=0)
    assert far.pearson == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-7)


def test_values_that_do_not_vary_have_no_correlation():
    for constant in (0.0, 0.1):
        found = topology_performance_correlation([constant] * 5, [0.1, 0.2, 0.3, 0.4, 0.5])
        assert math.isnan(found.pearson)
        assert math.isnan(found.low)
        assert found.num_nodes == 5


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([0.0, 1.0], [0.0], {}, r"value has shape \(2,\) and performance \(1,\)"),
        ([[0.0, 1.0]], [0.0, 1.0], {}, r"value has shape \(1, 2\)"),
        ([0.0], [0.0], {}, r"There are 1 nodes"),
        ([0.0, 1.0], [0.0, 1.0], {"nodes": [5, 1]}, r"nodes has shape \(2,\).*0..1"),
        ([0.0, 1.0], [0.0, 1.0], {"nodes": [False, True]}, r"There are 1 nodes"),
        ([0.0, 1.0], [0.0, 1.0], {"level": 95.0}, r"level is 95.0"),
        ([0.0, 1.0], [0.0, 1.0], {"samples": -1}, r"samples is -1"),
    ],
)
def test_wrong_arguments_are_named(x, y, options, message):
    with pytest.raises(InputError, match=message):
        topology_performance_correlation(x, y, **options)


def test_numbers_that_are_none_are_refused():
    with pytest.raises(NonFiniteError, match="performances"):
        topology_performance_correlation([0.0, 1.0], [0.0, float("nan")])
