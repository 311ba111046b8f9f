"""Metrics as plain functions on scores: equal to scikit-learn's, exact on ties, no NaN passes."""

from __future__ import annotations

from graphlab.metrics.classification import (
    ACCURACY,
    ROC_AUC,
    LabelMetric,
    accuracy,
    average_precision,
    binary_roc_auc,
    check_finite,
    per_class_accuracy,
    roc_auc,
)

__all__ = [
    "ACCURACY",
    "ROC_AUC",
    "LabelMetric",
    "accuracy",
    "average_precision",
    "binary_roc_auc",
    "check_finite",
    "per_class_accuracy",
    "roc_auc",
]
