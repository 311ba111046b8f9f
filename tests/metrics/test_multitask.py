"""Metrics of several tasks: equal to scikit-learn's task by task, missing labels left out."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from graphlab.errors import InputError, NonFiniteError
from graphlab.metrics import multitask_average_precision, multitask_roc_auc

NAN = float("nan")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (multitask_roc_auc, sk.roc_auc_score),
        (multitask_average_precision, sk.average_precision_score),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_mean_over_tasks_with_missing_labels(ours, theirs, seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, (40, 4)).astype(np.float32)  # with ties
    y = rng.integers(0, 2, (40, 4)).astype(np.float64)
    y[rng.random(y.shape) < 0.3] = NAN
    y[:, 3] = np.where(np.isnan(y[:, 3]), NAN, 1)  # one class only: this task does not count
    known = ~np.isnan(y)
    expected = [theirs(y[known[:, t], t], scores[known[:, t], t]) for t in range(3)]
    found = ours(torch.from_numpy(scores), torch.from_numpy(y))
    assert found == pytest.approx(np.mean(expected), abs=1e-12)


def test_one_task_may_be_flat():
    scores, y = [0.1, 0.9, 0.3], [0, 1, 1]
    assert multitask_roc_auc(scores, y) == sk.roc_auc_score(y, scores)


@pytest.mark.parametrize(
    ("scores", "y", "error", "text"),
    [
        ([[0.5], [NAN]], [[1.0], [0.0]], NonFiniteError, "NaN"),
        ([[0.5], [0.2]], [[1.0], [1.0]], InputError, "none has samples of both classes"),
        ([[0.5], [0.2]], [[1.0], [2.0]], InputError, "the label 2"),
        ([[0.5], [0.2]], [[1.0, 0.0]], InputError, r"\(2, 1\) and y \(1, 2\)"),
    ],
)
def test_bad_input(scores, y, error, text):
    with pytest.raises(error, match=text):
        multitask_roc_auc(torch.tensor(scores), torch.tensor(y))
