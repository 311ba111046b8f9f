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
from graphlab.metrics.graph_tasks import (
    F1,
    MAE,
    RMSE,
    SBM_ACCURACY,
    class_f1,
    class_weights,
    mean_absolute_error,
    root_mean_squared_error,
    sbm_accuracy,
    weighted_cross_entropy,
)
from graphlab.metrics.multitask import multitask_average_precision, multitask_roc_auc
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
    "F1",
    "MAE",
    "RANKING_METRICS",
    "RMSE",
    "ROC_AUC",
    "SBM_ACCURACY",
    "Correlation",
    "LabelMetric",
    "RankingMetric",
    "accuracy",
    "average_precision",
    "binary_roc_auc",
    "check_finite",
    "class_f1",
    "class_weights",
    "hits_at_k",
    "mean_absolute_error",
    "mrr",
    "multitask_average_precision",
    "multitask_roc_auc",
    "node_ranking_metrics",
    "per_class_accuracy",
    "positive_ranks",
    "roc_auc",
    "root_mean_squared_error",
    "sbm_accuracy",
    "topology_performance_correlation",
    "weighted_cross_entropy",
]
