"""Metrics of labels against scikit-learn, against slow definitions, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError, NonFiniteError
from graphlab.metrics import (
    ACCURACY,
    ROC_AUC,
    accuracy,
    binary_roc_auc,
    check_finite,
    per_class_accuracy,
    roc_auc,
)
from graphlab.tasks.base import Predictions

BAD = [
    [math.nan, math.nan, math.nan, math.nan],
    [0.1, math.nan, 0.3, 0.2],
    [0.1, math.inf, 0.3, 0.2],
    [0.1, -math.inf, 0.3, 0.2],
]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 1000))
def test_accuracy_equals_scikit_learn(n, classes, seed):
    from sklearn.metrics import accuracy_score, recall_score

    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(n, classes, generator=generator)
    y = torch.randint(0, classes, (n,), generator=generator)
    assert accuracy(scores, y) == pytest.approx(accuracy_score(y, scores.argmax(1)), abs=1e-12)
    found = per_class_accuracy(scores, y)
    present = y.unique()
    expected = recall_score(y, scores.argmax(1), average=None, labels=present.tolist())
    np.testing.assert_allclose(found[present].numpy(), expected, atol=1e-12)
    assert torch.isnan(found).sum() == classes - present.numel()


def test_binary_auc_takes_one_score_or_two_columns():
    y = torch.tensor([0, 1, 1, 0])
    logit = torch.tensor([0.3, 0.2, 0.9, -1.0])
    expected = roc_auc(logit[y == 1], logit[y == 0])
    assert binary_roc_auc(logit, y) == expected
    assert binary_roc_auc(logit.unsqueeze(1), y.bool()) == expected
    assert binary_roc_auc(torch.stack([-logit / 2, logit / 2], 1), y) == expected


@pytest.mark.parametrize("values", BAD)
def test_non_finite_scores_are_refused(values):
    bad = torch.tensor(values)
    y = torch.tensor([0, 1, 0, 1])
    for call in (
        lambda: binary_roc_auc(bad, y),
        lambda: accuracy(bad.reshape(2, 2), y[:2]),
        lambda: per_class_accuracy(bad.reshape(2, 2), y[:2]),
        lambda: ACCURACY(Predictions(bad.reshape(2, 2), y[:2], torch.arange(2))),
        lambda: ROC_AUC(Predictions(bad, y, torch.arange(4))),
    ):
        with pytest.raises(NonFiniteError, match="not finite"):
            call()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(width=32), min_size=1, max_size=20))
def test_check_finite_agrees_with_its_definition(values):
    scores = torch.tensor(values, dtype=torch.float32)
    if all(map(math.isfinite, values)):
        check_finite(scores)
    else:
        with pytest.raises(NonFiniteError):
            check_finite(scores)


def test_check_finite_names_count_and_place():
    scores = torch.zeros(3, 2)
    scores[2, 1], scores[1, 0] = math.nan, math.inf
    with pytest.raises(
        NonFiniteError, match=r"2 of 6 logits .*1 NaN, 1 infinite.*the first at \[1, 0\]"
    ):
        check_finite(scores, "logits")
    check_finite(torch.tensor([1, 2]))
    check_finite(torch.empty(0))


def test_empty_and_one_class_name_the_sizes():
    with pytest.raises(InputError, match="0 positives and 2 negatives"):
        binary_roc_auc([1.0, 2.0], [0, 0])
    with pytest.raises(InputError, match="0 rows"):
        accuracy(torch.empty(0, 3), torch.empty(0, dtype=torch.long))


def test_wrong_shapes_and_labels_are_named():
    with pytest.raises(InputError, match=r"\(4,\)"):
        accuracy(torch.zeros(4), torch.zeros(4))
    with pytest.raises(InputError, match=r"\(4, 3\)"):
        binary_roc_auc(torch.zeros(4, 3), torch.zeros(4))
    with pytest.raises(InputError, match="4 rows"):
        binary_roc_auc(torch.zeros(4), torch.zeros(3))
    with pytest.raises(InputError, match="0 and 1"):
        binary_roc_auc(torch.zeros(3), torch.tensor([0, 1, 2]))
    for metric in (accuracy, per_class_accuracy):
        for label in (-1, 3):
            with pytest.raises(InputError, match=rf"label {label}.* 0\.\.2"):
                metric(torch.zeros(2, 3), torch.tensor([0, label]))
    assert accuracy([[0.1, 0.2], [0.3, 0.0]], [True, False]) == 1.0
