"""Ranking metrics of single nodes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import graphlab.metrics.node_ranking as module
from graphlab.errors import InputError, NonFiniteError
from graphlab.metrics import node_ranking_metrics
from tests.topology.golden import read
from tests.topology.slow_values import ranking

NAMES = ("recall", "ndcg", "hits", "precision", "f1", "mrr")


def test_golden_values():
    data = read("node_metrics")
    truth = np.split(data["gt_flat"], data["gt_ptr"][1:-1])
    found = node_ranking_metrics(data["scores"], truth, data["topk"].tolist())
    assert tuple(found) == NAMES
    for name in NAMES:
        assert found[name].dtype == torch.float64
        np.testing.assert_allclose(found[name], data[name], rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_values_equal_their_definition_with_ties_and_any_cut_off(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, (9, 20))  # few values: many ties
    truth = [rng.choice(20, size, replace=False) for size in rng.integers(1, 21, 9)]
    topk = (1, 3, 20, 50)
    found = node_ranking_metrics(scores, truth, topk)
    for q in range(9):
        expected = ranking(scores[q], set(truth[q].tolist()), topk)
        for name in NAMES:
            np.testing.assert_allclose(found[name][q], expected[name], rtol=1e-14)
    monkeypatch.setattr(module, "_BLOCK", 50)
    again = node_ranking_metrics(scores, truth, topk)
    assert all(torch.equal(again[name], found[name]) for name in NAMES)


def test_repeats_count_once_and_nodes_without_truth_are_zero():
    scores = [[0.9, 0.1, 0.5], [0.9, 0.1, 0.5]]
    found = node_ranking_metrics(scores, [[2, 2, 2], []], (2,))
    assert found["recall"].tolist() == [[1.0], [0.0]]
    assert found["mrr"].tolist() == [0.5, 0.0]
    assert all(not values[1].any() for values in found.values())
    none = node_ranking_metrics(torch.empty(0, 4), [], (1, 2))
    assert none["ndcg"].shape == (0, 2)
    assert none["mrr"].shape == (0,)


@pytest.mark.parametrize(
    ("scores", "truth", "topk", "message"),
    [
        ([0.1, 0.2], [[0]], (1,), r"scores has shape \(2,\)"),
        ([[0.1, 0.2]], [[0], [1]], (1,), r"2 lists, but scores has 1 rows"),
        ([[0.1, 0.2]], [[2]], (1,), r"ground_truth holds node 2.*2 columns"),
        ([[0.1, 0.2]], [[-1]], (1,), r"ground_truth holds node -1"),
        ([[0.1, 0.2]], [[0.5]], (1,), r"ground_truth holds torch.float32"),
        ([[0.1, 0.2]], [[0]], (0,), r"topk is \(0,\)"),
        ([[0.1, 0.2]], [[0]], (), r"topk is \(\)"),
        ([[0.1, 0.2]], [[0]], (1.5,), r"topk is \(1.5,\)"),
    ],
)
def test_wrong_arguments_are_named(scores, truth, topk, message):
    with pytest.raises(InputError, match=message):
        node_ranking_metrics(scores, truth, topk)


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(NonFiniteError, match="1 of 2 scores"):
        node_ranking_metrics([[float("nan"), 1.0]], [[1]])
