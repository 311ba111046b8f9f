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
from graphlab.tasks._graph_metrics import GraphMetric
from graphlab.tasks.base import Predictions

BAD = (math.nan, math.inf, -math.inf)


def registered_metrics():
    """Every metric object that ``graphlab.metrics`` or a task holds, by kind and name."""
    public = [getattr(graphlab.metrics, name) for name in graphlab.metrics.__all__]
    found = [value for value in public if isinstance(value, LabelMetric | RankingMetric)]
    found += [m for value in public if isinstance(value, dict) for m in value.values()]
    for card in task_cards().values():
        found += card.load()().metrics
    return {f"{type(metric).__name__} {metric.name}": metric for metric in found}


METRICS = registered_metrics()
every_metric = pytest.mark.parametrize("name", sorted(METRICS))
OF_CLASSES = {"acc", "sbm_acc", "f1"}
OF_NUMBERS = {"mae", "rmse"}


def test_no_metric_is_left_out():
    names = {metric.name for metric in METRICS.values()}
    assert names >= {"acc", "rocauc", "mrr", "auc", "ap", "hits@10", "hits@100"}
    assert names >= OF_CLASSES | OF_NUMBERS
    for card in task_cards().values():
        for metric in card.load()().metrics:
            assert type(METRICS[f"{type(metric).__name__} {metric.name}"]) is type(metric)


def predictions(metric, scores):
    """Scores (n, 2) in every layout that the metric reads."""
    n = len(scores)
    labels, index = torch.arange(n) % 2, torch.arange(n)
    if metric.name in OF_NUMBERS:
        yield Predictions(scores, torch.linspace(-1, 1, 2 * n).reshape(n, 2), index)
    elif isinstance(metric, GraphMetric):
        both = torch.stack([labels, 1 - labels], 1).float()
        yield Predictions(scores, labels if metric.target == "classes" else both, index)
    elif isinstance(metric, LabelMetric):
        yield Predictions(scores, labels, index)
        if metric.name not in OF_CLASSES:
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
        kind, _, wanted = name.partition(" ")
        chosen = [m for m in task.metrics if (type(m).__name__, m.name) == (kind, wanted)]
        for metric in chosen:
            for given_ in predictions(metric, scores):
                asked = Predictions(given_.scores, given_.target, given_.index, (metric,))
                with pytest.raises(NonFiniteError):
                    task.evaluate(asked)
