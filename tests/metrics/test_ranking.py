"""Ranking metrics against OGB, scikit-learn, golden arrays, slow definitions; what they refuse."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError, NonFiniteError
from graphlab.metrics import (
    RANKING_METRICS,
    average_precision,
    hits_at_k,
    mrr,
    positive_ranks,
    roc_auc,
)
from graphlab.tasks.base import Predictions

# few distinct values, so that ties are everywhere
_scores = st.lists(st.integers(-3, 3).map(lambda v: v / 2), min_size=1, max_size=30)


def slow_auc(pos, neg):
    wins = [1.0 if p > q else 0.5 if p == q else 0.0 for p in pos for q in neg]
    return sum(wins) / len(wins)


@pytest.fixture(scope="module")
def arrays(golden):
    return dict(np.load(golden / "link_prediction" / "metrics.npz"))


def test_golden_lists_of_shared_negatives(arrays):
    cases = sorted({key.split("/")[0] for key in arrays if key.startswith("hits")})
    assert len(cases) >= 3
    seen = 0
    for case in cases:
        pos, neg = arrays[f"{case}/pos"], arrays[f"{case}/neg"]
        for key, expected in arrays.items():
            name = key.removeprefix(f"{case}/")
            if key.startswith(f"{case}/hits@"):
                k = int(name.removeprefix("hits@"))
                assert hits_at_k(pos, neg, k) == pytest.approx(float(expected), abs=1e-12)
                seen += 1
        assert roc_auc(pos, neg) == pytest.approx(float(arrays[f"{case}/auc"]), abs=1e-12)
        assert average_precision(pos, neg) == pytest.approx(float(arrays[f"{case}/ap"]), abs=1e-12)
    assert seen >= 9


def test_golden_lists_of_own_negatives(arrays):
    cases = sorted({key.split("/")[0] for key in arrays if key.startswith("mrr")})
    assert cases
    for case in cases:
        pos, neg = arrays[f"{case}/pos"], arrays[f"{case}/neg"]
        ranks = positive_ranks(pos, neg)
        np.testing.assert_allclose(1 / ranks.numpy(), arrays[f"{case}/mrr_list"], atol=1e-6)
        assert mrr(pos, neg) == pytest.approx(arrays[f"{case}/mrr_list"].mean(), abs=1e-6)
        for k in (1, 3, 10):
            expected = arrays[f"{case}/hits@{k}_list"]
            np.testing.assert_array_equal(ranks.numpy() <= k, expected.astype(bool))
            assert hits_at_k(pos, neg, k) == pytest.approx(expected.mean(), abs=1e-12)


@pytest.mark.parametrize("ties", [False, True])
def test_hits_and_mrr_equal_the_ogb_evaluator(ties):
    from ogb.linkproppred import Evaluator

    generator = torch.Generator().manual_seed(0)
    pos, neg = (torch.randn(n, generator=generator) for n in (300, 500))
    own = torch.randn(300, 1000, generator=generator)
    if ties:
        pos, neg, own = ((t * 4).round() / 4 for t in (pos, neg, own))
    for name, k in (("ogbl-ddi", 20), ("ogbl-collab", 50), ("ogbl-ppa", 100)):
        expected = Evaluator(name).eval({"y_pred_pos": pos, "y_pred_neg": neg})[f"hits@{k}"]
        assert hits_at_k(pos, neg, k) == pytest.approx(expected, abs=1e-12)
    expected = Evaluator("ogbl-citation2").eval({"y_pred_pos": pos, "y_pred_neg": own})
    assert mrr(pos, own) == pytest.approx(expected["mrr_list"].double().mean().item(), abs=1e-6)
    for k in (1, 3, 10):
        hits = expected[f"hits@{k}_list"].double().mean().item()
        assert hits_at_k(pos, own, k) == pytest.approx(hits, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(_scores, _scores, st.integers(1, 35))
def test_hits_by_their_definition(pos, neg, k):
    if len(neg) < k:
        assert hits_at_k(pos, neg, k) == 1.0
        return
    threshold = sorted(neg, reverse=True)[k - 1]
    assert hits_at_k(pos, neg, k) == pytest.approx(np.mean([p > threshold for p in pos]))


@settings(deadline=None, max_examples=60)
@given(_scores, _scores)
def test_shared_negatives_are_own_negatives_repeated(pos, neg):
    own = [neg] * len(pos)
    slow = [1 + (sum(n > p for n in neg) + sum(n >= p for n in neg)) / 2 for p in pos]
    assert positive_ranks(pos, own).tolist() == slow
    assert positive_ranks(pos, neg).tolist() == slow
    assert mrr(pos, neg) == pytest.approx(np.mean([1 / r for r in slow]))
    assert hits_at_k(pos, own, 3) == pytest.approx(np.mean([r <= 3 for r in slow]))


@settings(deadline=None, max_examples=60)
@given(_scores, _scores)
def test_ranking_metrics_equal_scikit_learn_with_ties(pos, neg):
    from sklearn.metrics import average_precision_score, roc_auc_score

    y, scores = [1] * len(pos) + [0] * len(neg), pos + neg
    assert roc_auc(pos, neg) == pytest.approx(roc_auc_score(y, scores), abs=1e-12)
    assert roc_auc(pos, neg) == pytest.approx(slow_auc(pos, neg), abs=1e-12)
    assert average_precision(pos, neg) == pytest.approx(
        average_precision_score(y, scores), abs=1e-12
    )


def test_ranking_metrics_equal_scikit_learn_on_many_scores():
    from sklearn.metrics import average_precision_score, roc_auc_score

    rng = np.random.default_rng(0)
    pos = rng.normal(0.5, 1, 3000).astype(np.float32)
    neg = rng.normal(0, 1, 2000).astype(np.float32)
    y, scores = np.r_[np.ones(3000), np.zeros(2000)], np.r_[pos, neg]
    assert roc_auc(pos, neg) == pytest.approx(roc_auc_score(y, scores), abs=1e-12)
    assert average_precision(pos, neg) == pytest.approx(
        average_precision_score(y, scores), abs=1e-12
    )


def test_auc_is_half_for_constant_scores_and_exact_at_the_ends():
    assert roc_auc([1.0, 1.0], [1.0]) == 0.5
    assert roc_auc([2.0], [1.0, 0.0]) == 1.0
    assert roc_auc([0.0], [1.0, 2.0]) == 0.0
    assert average_precision([2.0], [1.0, 0.0]) == 1.0


def test_auc_separates_scores_that_differ_in_the_last_bit():
    one = torch.tensor([1.0])
    assert roc_auc(torch.nextafter(one, torch.tensor([2.0])), one) == 1.0
    big = torch.tensor([2**60 + 1])
    assert roc_auc(big, torch.tensor([2**60])) == 1.0  # equal as float64


def test_nearly_constant_scores_warn_and_varied_ones_do_not():
    constant = torch.zeros(300)
    for metric in RANKING_METRICS.values():
        with pytest.warns(UserWarning, match=r"100\.0% of 600 scores are equal"):
            metric.function(constant, constant)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            metric.function(torch.arange(200.0), constant)
    with pytest.warns(UserWarning, match=r"99\.7% of 900 scores"):
        varied = torch.cat([constant, constant]).reshape(300, 2)
        varied[:3, 1] = torch.arange(1.0, 4.0)
        mrr(constant, varied)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mrr(torch.zeros(49), torch.zeros(50))  # too few to say
        columns = torch.zeros(400, 8)
        columns[:, 3] = torch.arange(400.0)  # an eighth of all
        mrr(torch.zeros(400), columns)


def test_half_precision_scores_keep_their_order():
    pos = torch.tensor([0.5, 0.25], dtype=torch.bfloat16)
    neg = torch.tensor([0.25, 0.125], dtype=torch.bfloat16)
    assert roc_auc(pos, neg) == roc_auc(pos.float(), neg.float()) == 0.875


def test_a_tie_with_the_threshold_is_no_hit():
    assert hits_at_k([1.0, 2.0], [1.0, 1.0, 0.0], 1) == 0.5
    assert hits_at_k([0.5], [1.0, 0.5, 0.0], 2) == 0.0
    assert hits_at_k([0.5], [1.0, 0.5, 0.0], 3) == 1.0
    assert hits_at_k([0.5], [[1.0, 0.5, 0.0]], 2) == 0.0  # rank 2.5
    assert hits_at_k([0.5], [[1.0, 0.5, 0.0]], 3) == 1.0


def test_fewer_negatives_than_k_count_all():
    assert hits_at_k([0.0], [5.0, 6.0], 3) == 1.0
    assert hits_at_k([0.0], [[5.0, 6.0]], 3) == 1.0


def test_scores_of_two_types_are_compared_exactly():
    pos = torch.tensor([0.1], dtype=torch.float64)
    neg = torch.tensor([0.1], dtype=torch.float32)  # a little more than 0.1
    assert hits_at_k(pos, neg, 1) == 0.0
    assert hits_at_k(pos + 1e-6, neg, 1) == 1.0
    big = 2**53 + 1
    assert mrr(torch.tensor([big]), torch.tensor([2**53])) == 1.0
    assert hits_at_k(np.array([3], np.int32), np.array([2, 2], np.int64), 1) == 1.0


_BAD = [math.nan, math.inf, -math.inf]


@pytest.mark.parametrize("value", _BAD)
@pytest.mark.parametrize("name", sorted(RANKING_METRICS))
def test_non_finite_scores_are_refused(name, value):
    metric = RANKING_METRICS[name]
    bad, good = torch.tensor([0.5, value, 0.1]), torch.tensor([0.1, 0.2, 0.3])
    for pos, neg in ((bad, good), (good, bad)):
        with pytest.raises(NonFiniteError, match=r"1 of 3 scores of .* not finite"):
            metric.function(pos, neg)
    target = torch.tensor([1, 1, 1, 0, 0, 0])
    predictions = Predictions(torch.cat([good, bad]), target, torch.arange(6))
    with pytest.raises(NonFiniteError):
        metric(predictions)
    if metric.own_negatives:
        with pytest.raises(NonFiniteError):
            metric(Predictions(bad.reshape(1, 3), torch.tensor([0]), torch.tensor([0])))


def test_wrong_shapes_and_sizes_are_named():
    for call in (lambda: hits_at_k([], [1.0], 1), lambda: mrr([], [1.0])):
        with pytest.raises(InputError, match=r"pos has shape \(0,\)"):
            call()
    with pytest.raises(InputError, match=r"neg has shape \(3, 2\).*\(2, N\)"):
        mrr([1.0, 2.0], torch.zeros(3, 2))
    with pytest.raises(InputError, match=r"neg has shape \(\)"):
        hits_at_k([1.0], 1.0, 1)
    for call in (lambda: mrr([1.0], []), lambda: hits_at_k([1.0], [], 1)):
        with pytest.raises(InputError, match=r"a rank needs negatives, .* 1 positives .*\(0,\)"):
            call()
    with pytest.raises(InputError, match=r"neg has shape \(1, 0\)"):
        hits_at_k([1.0], torch.zeros(1, 0), 1)
    for k in (0, -1, 1.5, True):
        with pytest.raises(InputError, match=f"k is {k}"):
            hits_at_k([1.0], [0.0], k)
    with pytest.raises(InputError, match="0 positives and 3 negatives"):
        roc_auc([], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="2 positives and 0 negatives"):
        average_precision([1.0, 2.0], [])


def test_metric_objects_read_both_layouts():
    pos, neg = torch.tensor([0.9, 0.4]), torch.tensor([0.5, 0.1, 0.0])
    scores, target = torch.cat([neg, pos]), torch.tensor([0, 0, 0, 1, 1])
    shared = Predictions(scores, target, torch.arange(5))
    own = Predictions(torch.tensor([[0.9, 0.1, 0.0], [0.4, 0.6, 0.5]]), target[:2], target[:2])
    assert list(RANKING_METRICS) == [
        "hits@10",
        "hits@20",
        "hits@50",
        "hits@100",
        "mrr",
        "auc",
        "ap",
    ]
    for name, metric in RANKING_METRICS.items():
        assert metric.name == name
        assert metric.higher_is_better
        assert metric.bounds == (0.0, 1.0)
        assert metric.unit == "fraction"
        assert metric(shared) == metric.function(pos, neg)
    assert RANKING_METRICS["mrr"](own) == pytest.approx((1 + 1 / 3) / 2)
    assert RANKING_METRICS["mrr"](shared) == pytest.approx((1 + 1 / 2) / 2)
    assert [n for n, m in RANKING_METRICS.items() if not m.own_negatives] == ["auc", "ap"]


def test_order_of_the_lists_does_not_matter():
    generator = torch.Generator().manual_seed(0)
    pos, neg = torch.randn(50, generator=generator), torch.randn(70, generator=generator)
    neg[:20] = pos[:20]
    for metric in RANKING_METRICS.values():
        assert metric.function(pos.flip(0), neg.flip(0)) == pytest.approx(metric.function(pos, neg))
