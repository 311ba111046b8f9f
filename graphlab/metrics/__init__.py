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
from graphlab.metrics.correlation import Correlation, topology_performance_correlation
from graphlab.metrics.node_ranking import node_ranking_metrics
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
    "Correlation",
    "LabelMetric",
    "RankingMetric",
    "accuracy",
    "average_precision",
    "binary_roc_auc",
    "check_finite",
    "hits_at_k",
    "mrr",
    "node_ranking_metrics",
    "per_class_accuracy",
    "positive_ranks",
    "roc_auc",
    "topology_performance_correlation",
]
