"""Losses and metrics of graph tasks: small cases by hand, other implementations, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphlab.errors import InputError, NonFiniteError
from graphlab.metrics import (
    F1,
    MAE,
    RMSE,
    SBM_ACCURACY,
    class_f1,
    mean_absolute_error,
    root_mean_squared_error,
    sbm_accuracy,
    weighted_cross_entropy,
)


def case(n=60, classes=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(n, classes, generator=generator)
    return scores, torch.randint(0, classes, (n,), generator=generator)


@pytest.mark.parametrize("seed", range(3))
def test_loss_is_torchs_weighted_cross_entropy(seed):
    scores, y = case(seed=seed)
    weight = 1 - torch.bincount(y, minlength=4) / len(y)
    expected = torch.nn.functional.cross_entropy(scores, y, weight)
    torch.testing.assert_close(weighted_cross_entropy(scores, y), expected)


def test_accuracy_is_the_mean_recall_of_classes_that_occur():
    from sklearn.metrics import balanced_accuracy_score

    scores, y = case()
    expected = 100 * balanced_accuracy_score(y, scores.argmax(1))
    assert sbm_accuracy(scores, y) == pytest.approx(expected)


def test_a_class_that_is_only_predicted_counts_as_zero():
    scores = torch.eye(3)
    assert sbm_accuracy(scores, torch.tensor([0, 0, 2])) == pytest.approx(100 * (0.5 + 1) / 3)
    assert sbm_accuracy(scores[:2], torch.tensor([0, 1])) == 100  # the third does not occur


@pytest.mark.parametrize("seed", range(3))
def test_f1_equals_that_of_scikit_learn(seed):
    from sklearn.metrics import f1_score

    scores, y = case(classes=2, seed=seed)
    assert class_f1(scores, y) == pytest.approx(f1_score(y, scores.argmax(1)))
    never = torch.tensor([[1.0, 0.0]])
    assert class_f1(never, torch.tensor([0])) == 0


def test_errors_leave_missing_targets_out():
    scores, y = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[2.0, np.nan], [3.0, 2.0]])
    assert mean_absolute_error(scores, y) == pytest.approx(4 / 3)
    assert root_mean_squared_error(scores, y) == pytest.approx((10 / 3) ** 0.5)
    column = torch.tensor([[1.0], [2.0]])
    assert mean_absolute_error(column, torch.tensor([1.0, 4.0])) == 1


def test_metrics_refuse_what_is_not_finite_or_does_not_fit():
    bad = torch.tensor([[float("nan"), 1.0]])
    for metric in (sbm_accuracy, class_f1):
        with pytest.raises(NonFiniteError):
            metric(bad, torch.tensor([1]))
        with pytest.raises(InputError):
            metric(torch.ones(2, 2), torch.tensor([0]))
    with pytest.raises(InputError, match="3 columns"):
        class_f1(torch.ones(1, 3), torch.tensor([1]))
    for metric in (mean_absolute_error, root_mean_squared_error):
        with pytest.raises(NonFiniteError):
            metric(bad[0], torch.zeros(2))
        with pytest.raises(InputError, match="shape"):
            metric(torch.ones(2), torch.ones(3))
        with pytest.raises(InputError, match="NaN"):
            metric(torch.ones(1), torch.tensor([float("nan")]))
    with pytest.raises(InputError):
        weighted_cross_entropy(torch.ones(0, 2), torch.zeros(0, dtype=torch.int64))


def test_directions_and_ranges():
    assert [m.name for m in (SBM_ACCURACY, F1, MAE, RMSE)] == ["sbm_acc", "f1", "mae", "rmse"]
    assert SBM_ACCURACY.bounds == (0.0, 100.0)
    assert SBM_ACCURACY.unit == "percent"
    assert F1.higher_is_better
    assert not MAE.higher_is_better
    assert not RMSE.higher_is_better
