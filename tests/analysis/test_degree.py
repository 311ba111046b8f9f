from __future__ import annotations

import warnings

import pytest
import torch

from graphlab.analysis import (
    degree_bins,
    endpoint_degree,
    link_metrics_by_degree,
    node_metrics_by_degree,
)
from graphlab.errors import InputError
from graphlab.metrics import hits_at_k, mrr, roc_auc
from graphlab.metrics.classification import accuracy, binary_roc_auc


@pytest.mark.parametrize("largest", [0, 1, 2, 3, 4, 5, 63, 64, 65, 1000])
def test_bins_cover_every_degree_once(largest):
    bins = degree_bins(largest)
    covered = [degree for low, high in bins for degree in range(low, high + 1)]
    assert covered == list(range(bins[-1][1] + 1))
    assert bins[-1][0] <= largest <= bins[-1][1]


def test_bins_of_a_larger_degree_begin_with_the_same_bins():
    assert degree_bins(1000)[: len(degree_bins(9))] == degree_bins(9)


def test_a_negative_degree_is_refused():
    with pytest.raises(InputError, match="-1"):
        degree_bins(-1)


def test_a_link_has_the_smaller_degree_of_its_nodes():
    degree = torch.tensor([5, 2, 0])
    assert endpoint_degree(degree, torch.tensor([[0, 1], [2, 0], [0, 0]])).tolist() == [2, 0, 5]
    assert endpoint_degree(degree, torch.empty(0, 2, dtype=torch.int64)).tolist() == []


def node_case(seed=0, rows=500):
    make = torch.Generator().manual_seed(seed)
    scores = torch.randn(rows, 3, generator=make)
    target = torch.randint(3, (rows,), generator=make)
    degree = torch.randint(0, 70, (rows,), generator=make)
    return scores, target, degree


def test_node_bins_are_the_metric_of_their_own_rows():
    scores, target, degree = node_case()
    found = node_metrics_by_degree(scores, target, degree, {"acc": accuracy})
    assert [b["low"] for b in found] == [0, 1, 2, 3, 5, 9, 17, 33, 65]
    for here in found:
        rows = (degree >= here["low"]) & (degree <= here["high"])
        assert here["count"] == int(rows.sum())
        assert here["acc"] == accuracy(scores[rows], target[rows])


def test_the_mean_over_node_bins_is_the_whole():
    scores, target, degree = node_case(1)
    found = node_metrics_by_degree(scores, target, degree, {"acc": accuracy})
    mean = sum(b["count"] * b["acc"] for b in found) / len(target)
    assert mean == pytest.approx(accuracy(scores, target), abs=1e-12)


def test_empty_bins_and_no_nodes_are_left_out():
    scores = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = node_metrics_by_degree(
        scores, torch.tensor([0, 1]), torch.tensor([0, 100]), {"acc": accuracy}
    )
    assert found == [
        {"low": 0, "high": 0, "count": 1, "acc": 1.0},
        {"low": 65, "high": 128, "count": 1, "acc": 1.0},
    ]
    empty = torch.empty(0, dtype=torch.int64)
    assert node_metrics_by_degree(torch.empty(0, 2), empty, empty, {"acc": accuracy}) == []


def test_a_metric_that_a_bin_does_not_allow_is_left_out_of_it():
    scores = torch.tensor([0.1, 0.9, 0.3])
    target, degree = torch.tensor([0, 1, 1]), torch.tensor([1, 1, 2])
    found = node_metrics_by_degree(scores, target, degree, {"rocauc": binary_roc_auc})
    assert found[0]["rocauc"] == 1.0
    assert "rocauc" not in found[1]
    assert found[1]["count"] == 1


@pytest.mark.parametrize("own", [False, True], ids=["shared negatives", "own negatives"])
def test_the_mean_over_link_bins_is_the_whole(own):
    make = torch.Generator().manual_seed(3)
    positive = torch.randn(200, generator=make) + 0.5
    negative = torch.randn((200, 50) if own else (300,), generator=make)
    degree = torch.randint(1, 40, (200,), generator=make)
    metrics = {"hits@10": lambda p, n: hits_at_k(p, n, 10), "mrr": mrr}
    if not own:
        metrics["auc"] = roc_auc
    found = link_metrics_by_degree(positive, negative, degree, metrics)
    assert len(found) == 7
    for name, metric in metrics.items():
        mean = sum(b["count"] * b[name] for b in found) / 200
        assert mean == pytest.approx(metric(positive, negative), abs=1e-12)


def test_unequal_lengths_are_refused():
    scores, target, degree = node_case()
    with pytest.raises(InputError, match="500 rows, but degree has 499"):
        node_metrics_by_degree(scores, target, degree[1:], {})
    with pytest.raises(InputError, match="negative has 2 rows"):
        link_metrics_by_degree(torch.ones(3), torch.ones(2, 4), torch.ones(3), {})


def test_warnings_of_a_metric_are_not_repeated_for_every_bin():
    degree = torch.arange(1, 151)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = link_metrics_by_degree(torch.ones(150), torch.ones(150), degree, {"auc": roc_auc})
    assert {b["auc"] for b in found} == {0.5}
