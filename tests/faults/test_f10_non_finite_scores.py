"""F10: NaN and infinite scores raise before any metric, whichever metric and wherever they are."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import graphlab.metrics
from graphlab.errors import NonFiniteError
from graphlab.metrics import LabelMetric, RankingMetric
from graphlab.registry import task_cards
from graphlab.tasks.base import Predictions

BAD = (math.nan, math.inf, -math.inf)


def registered_metrics():
    """Every metric object that ``graphlab.metrics`` or a task holds, by name."""
    public = [getattr(graphlab.metrics, name) for name in graphlab.metrics.__all__]
    found = [value for value in public if isinstance(value, LabelMetric | RankingMetric)]
    found += [m for value in public if isinstance(value, dict) for m in value.values()]
    for card in task_cards().values():
        found += card.load()().metrics
    return {metric.name: metric for metric in found}


METRICS = registered_metrics()
every_metric = pytest.mark.parametrize("name", sorted(METRICS))


def test_no_metric_is_left_out():
    assert set(METRICS) >= {"acc", "rocauc", "mrr", "auc", "ap", "hits@10", "hits@100"}
    for card in task_cards().values():
        assert {metric.name for metric in card.load()().metrics} <= set(METRICS)


def predictions(metric, scores):
    """Scores (n, 2) in every layout that the metric reads."""
    n = len(scores)
    labels, index = torch.arange(n) % 2, torch.arange(n)
    if isinstance(metric, LabelMetric):
        yield Predictions(scores, labels, index)
        if metric.name != "acc":
            yield Predictions(scores[:, 0], labels, index)
            yield Predictions(scores[:, :1], labels, index)
    else:
        yield Predictions(scores.reshape(-1), torch.arange(2 * n) % 2, torch.arange(2 * n))
        if metric.own_negatives:
            yield Predictions(scores, torch.zeros(n, dtype=torch.int64), index)


@every_metric
@settings(deadline=None, max_examples=25, derandomize=True)
@given(
    n=st.integers(2, 12),
    share=st.sampled_from(["one", "some", "all"]),
    value=st.sampled_from(BAD),
    kind=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
    seed=st.integers(0, 10_000),
)
def test_scores_that_are_not_finite_give_no_number(name, n, share, value, kind, seed):
    metric = METRICS[name]
    generator = torch.Generator().manual_seed(seed)
    clean = torch.randn(n, 2, generator=generator).to(kind)
    for given_ in predictions(metric, clean):
        assert math.isfinite(metric(given_))
    hit = torch.zeros(n, 2, dtype=torch.bool)
    if share == "all":
        hit[:] = True
    else:
        hit[:, 0] = torch.rand(n, generator=generator) < (0.5 if share == "some" else 0)
        hit[int(torch.randint(n, (), generator=generator)), 0] = True
    for given_ in predictions(metric, torch.where(hit, torch.tensor(value, dtype=kind), clean)):
        with pytest.raises(NonFiniteError, match="not finite"):
            metric(given_)


@every_metric
@pytest.mark.parametrize("value", BAD)
def test_one_bad_score_among_many_is_found_and_placed(name, value):
    metric = METRICS[name]
    scores = torch.rand(500, 2, generator=torch.Generator().manual_seed(0))
    scores[333, 0] = value
    kind = "1 NaN, 0 infinite" if math.isnan(value) else "0 NaN, 1 infinite"
    for given_ in predictions(metric, scores):
        with pytest.raises(NonFiniteError, match=rf"^1 of \d+ scores.* \({kind}\); at \["):
            metric(given_)


@every_metric
def test_a_task_refuses_them_before_the_loss(name):
    scores = torch.full((4, 2), math.nan)
    for card in task_cards().values():
        task = card.load()()
        chosen = [metric for metric in task.metrics if metric.name == name]
        for metric in chosen:
            for given_ in predictions(metric, scores):
                asked = Predictions(given_.scores, given_.target, given_.index, (metric,))
                with pytest.raises(NonFiniteError):
                    task.evaluate(asked)
