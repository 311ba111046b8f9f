"""F12: of tied scores every metric takes the average over the orders the ties could have."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.metrics import average_precision, hits_at_k, mrr, positive_ranks, roc_auc
from graphlab.metrics.classification import binary_roc_auc

# few values, so that most scores are tied
FEW = st.integers(0, 2).map(float)


def slow_rank(score, negatives):
    """Mean of the places that the score takes over all orders of what is equal to it."""
    above = sum(other > score for other in negatives)
    equal = sum(other == score for other in negatives)
    return Fraction(sum(1 + above + place for place in range(equal + 1)), equal + 1)


def slow_auc(pos, neg):
    """Mean over all orders of tied scores of the share of pairs in the right order."""
    scores = [(score, 1) for score in pos] + [(score, 0) for score in neg]
    total, count = Fraction(0), 0
    for order in permutations(range(len(scores))):
        ranked = sorted(order, key=lambda i: scores[i][0])  # stable: ties stay as permuted
        wins = seen_negatives = 0
        for i in ranked:
            if scores[i][1]:
                wins += seen_negatives
            else:
                seen_negatives += 1
        total, count = total + Fraction(wins, len(pos) * len(neg)), count + 1
    return total / count


@settings(deadline=None, max_examples=80, derandomize=True)
@given(st.lists(st.tuples(FEW, st.lists(FEW, min_size=4, max_size=4)), min_size=1, max_size=6))
def test_ranks_are_the_mean_of_all_orders_of_ties(rows):
    pos = [score for score, _ in rows]
    own = [negatives for _, negatives in rows]
    expected = [slow_rank(score, negatives) for score, negatives in rows]
    assert positive_ranks(pos, own).tolist() == [float(rank) for rank in expected]
    assert mrr(pos, own) == pytest.approx(float(sum(1 / rank for rank in expected) / len(rows)))
    for k in (1, 2, 3, 5):
        assert hits_at_k(pos, own, k) == sum(rank <= k for rank in expected) / len(rows)
    shared = own[0]
    ranks = [slow_rank(score, shared) for score in pos]
    assert positive_ranks(pos, shared).tolist() == [float(rank) for rank in ranks]
    assert mrr(pos, shared) == pytest.approx(float(sum(1 / rank for rank in ranks) / len(rows)))


@settings(deadline=None, max_examples=25, derandomize=True)
@given(st.lists(FEW, min_size=1, max_size=3), st.lists(FEW, min_size=1, max_size=3))
def test_the_area_is_the_mean_of_all_orders_of_ties(pos, neg):
    expected = float(slow_auc(pos, neg))
    assert roc_auc(pos, neg) == pytest.approx(expected, abs=1e-12)
    labels = torch.tensor([1] * len(pos) + [0] * len(neg))
    assert binary_roc_auc(torch.tensor(pos + neg), labels) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("num_pos", "num_neg"), [(1, 1), (3, 5), (50, 1000)])
@pytest.mark.filterwarnings("ignore:.*scores are equal")
def test_constant_scores_say_nothing(num_pos, num_neg):
    """Of n equal negatives the positive is in the middle: MRR of 1,000 is 2 / 1,002."""
    pos, own = torch.full((num_pos,), 0.3), torch.full((num_pos, num_neg), 0.3)
    for negatives in (own, own[0]):
        assert mrr(pos, negatives) == pytest.approx(1 / (1 + num_neg / 2))
        assert set(positive_ranks(pos, negatives).tolist()) == {1 + num_neg / 2}
    assert roc_auc(pos, own[0]) == 0.5
    # equal scores enter the ranking together: precision is the share of positives
    assert average_precision(pos, own[0]) == pytest.approx(num_pos / (num_pos + num_neg))
    for k in (1, 10, 100):
        middle = 1 + num_neg / 2
        assert hits_at_k(pos, own, k) == float(middle <= k)
        # shared negatives as OGB: strictly above the k-th best, or fewer than k negatives
        assert hits_at_k(pos, own[0], k) == float(num_neg < k)
