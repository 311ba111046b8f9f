"""Metrics as plain functions on scores: equal to scikit-learn's, exact on ties, no NaN passes."""

from __future__ import annotations

from graphlab.metrics._finite import check_finite
from graphlab.metrics.classification import (
    ACCURACY,
    ROC_AUC,
    LabelMetric,
    accuracy,
    binary_roc_auc,
    per_class_accuracy,
)
from graphlab.metrics.ranking import (
    RANKING_METRICS,
    RankingMetric,
    average_precision,
    hits_at_k,
    mrr,
    positive_ranks,
    roc_auc,
)

__all__ = [
    "ACCURACY",
    "RANKING_METRICS",
    "ROC_AUC",
    "LabelMetric",
    "RankingMetric",
    "accuracy",
    "average_precision",
    "binary_roc_auc",
    "check_finite",
    "hits_at_k",
    "mrr",
    "per_class_accuracy",
    "positive_ranks",
    "roc_auc",
]
