"""Correlations with intervals: over splits, over nodes, and what beats what."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from graphlab.analysis import SplitPerformance, diagnose
from graphlab.errors import InputError
from graphlab.metrics import topology_performance_correlation


def made(seed, q=300, strength=1.0):
    make = torch.Generator().manual_seed(seed)
    tc, noise = torch.rand(q, generator=make), torch.rand(q, generator=make)
    degree = torch.randint(1, 20, (q,), generator=make).double()
    mrr = strength * tc + noise
    hits = (mrr > 1).double()
    return SplitPerformance({"tc_test": tc, "degree": degree}, {"mrr": mrr, "hits": hits})


def test_one_split_has_the_interval_of_bootstrapped_nodes():
    split = made(0)
    found = diagnose([split], samples=400, seed=7)
    assert (found.over, found.splits, found.nodes) == ("nodes", 1, 300)
    for value in split.values:
        for metric in split.metrics:
            alone = topology_performance_correlation(
                split.values[value], split.metrics[metric], samples=400, seed=7
            )
            here = found.correlations[value][metric]
            assert here.mean == pytest.approx(alone.pearson, abs=1e-12)
            assert (here.low, here.high) == pytest.approx((alone.low, alone.high), abs=1e-9)
            assert here.count == 400


def test_several_splits_have_the_t_interval_of_their_mean():
    splits = [made(seed) for seed in range(4)]
    found = diagnose(splits)
    r = [np.corrcoef(s.values["tc_test"], s.metrics["mrr"])[0, 1] for s in splits]
    here = found.correlations["tc_test"]["mrr"]
    half = 3.182446305284263 * np.std(r, ddof=1) / 2  # t of 3 degrees of freedom, 97.5 %
    assert here.mean == pytest.approx(np.mean(r))
    assert (here.low, here.high) == pytest.approx((np.mean(r) - half, np.mean(r) + half))
    assert (found.over, found.splits, here.count) == ("splits", 4, 4)
    leads = [
        abs(a) - abs(np.corrcoef(s.values["degree"], s.metrics["mrr"])[0, 1])
        for a, s in zip(r, splits, strict=True)
    ]
    assert found.leads["degree"]["mrr"].mean == pytest.approx(np.mean(leads))


@pytest.mark.parametrize("count", [1, 5])
def test_a_verdict_follows_from_the_interval_of_the_paired_difference(count):
    ahead = diagnose([made(seed) for seed in range(count)])
    assert ahead.verdict("degree", "mrr") == "larger"
    behind = diagnose(
        [
            SplitPerformance(
                {"tc_test": s.values["degree"], "degree": -s.values["tc_test"]}, s.metrics
            )
            for s in map(made, range(count))
        ]
    )
    assert behind.verdict("degree", "mrr") == "smaller", "signs do not count"
    neither = diagnose([made(seed, strength=0.0) for seed in range(count)])
    assert neither.verdict("degree", "mrr") == "undecided"


@pytest.mark.parametrize("count", [1, 3])
def test_a_value_that_is_the_same_everywhere_has_no_correlation(count):
    splits = [
        SplitPerformance({"tc_test": s.values["tc_test"], "density": torch.zeros(300)}, s.metrics)
        for s in map(made, range(count))
    ]
    found = diagnose(splits)
    here = found.correlations["density"]["mrr"]
    assert all(map(math.isnan, (here.mean, here.low, here.high)))
    assert here.count == 0
    assert found.verdict("density", "mrr") == "undecided"


def test_two_seeds_of_the_bootstrap_differ_and_one_repeats():
    split = made(0)
    one, again, other = (diagnose([split], samples=50, seed=s) for s in (1, 1, 2))
    assert one == again
    assert one.correlations != other.correlations


@pytest.mark.parametrize(
    ("splits", "text"),
    [
        ([], "no split"),
        (
            [made(0), SplitPerformance({"degree": torch.ones(3)}, {"mrr": torch.ones(3)})],
            "the same",
        ),
        ([SplitPerformance({}, {"mrr": torch.ones(3)})], "no values"),
        ([SplitPerformance({"a": torch.ones(3)}, {"mrr": torch.ones(2)})], "one number a node"),
        ([SplitPerformance({"a": torch.ones(1)}, {"mrr": torch.ones(1)})], "at least 2"),
    ],
)
def test_bad_input_is_refused(splits, text):
    with pytest.raises(InputError, match=text):
        diagnose(splits)


@pytest.mark.parametrize("options", [{"level": 1.0}, {"level": 95}, {"samples": 0}])
def test_impossible_options_are_refused(options):
    with pytest.raises(InputError, match="expected"):
        diagnose([made(0)], **options)
