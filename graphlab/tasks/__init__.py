"""Tasks: each owns a protocol (split, loss, metric, leakage rules) for one kind of prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlab._lazy import lazy_names

if TYPE_CHECKING:
    from graphlab.tasks.base import Metric, Predictions, Problem, SharedTask, Stage, Task
    from graphlab.tasks.graph import GraphPrediction, GraphProblem, GraphStage, GraphTrainBatch
    from graphlab.tasks.link import (
        HeartSplit85_5_10,
        LinkBatch,
        LinkPrediction,
        LinkProblem,
        RandomLinkSplit70_10_20,
        RandomLinkSplit85_5_10,
        edge_digest,
    )
    from graphlab.tasks.node import NodeBatch, NodeClassification, NodeProblem

__all__ = [
    "GraphPrediction",
    "GraphProblem",
    "GraphStage",
    "GraphTrainBatch",
    "HeartSplit85_5_10",
    "LinkBatch",
    "LinkPrediction",
    "LinkProblem",
    "Metric",
    "NodeBatch",
    "NodeClassification",
    "NodeProblem",
    "Predictions",
    "Problem",
    "RandomLinkSplit70_10_20",
    "RandomLinkSplit85_5_10",
    "SharedTask",
    "Stage",
    "Task",
    "edge_digest",
]

_HOMES = {
    "graphlab.tasks.base": ("Metric", "Predictions", "Problem", "SharedTask", "Stage", "Task"),
    "graphlab.tasks.graph": (
        "GraphPrediction",
        "GraphProblem",
        "GraphStage",
        "GraphTrainBatch",
    ),
    "graphlab.tasks.link": (
        "HeartSplit85_5_10",
        "LinkBatch",
        "LinkPrediction",
        "LinkProblem",
        "RandomLinkSplit70_10_20",
        "RandomLinkSplit85_5_10",
        "edge_digest",
    ),
    "graphlab.tasks.node": ("NodeBatch", "NodeClassification", "NodeProblem"),
}


__getattr__, __dir__ = lazy_names(__name__, _HOMES)
