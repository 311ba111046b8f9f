"""Self-supervised pretext tasks beside node classification: targets, tasks, training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphlab._lazy import lazy_names

if TYPE_CHECKING:
    from graphlab.ssl.attribute_tasks import AttributeMask, PairwiseAttrSim
    from graphlab.ssl.base import PretextTask
    from graphlab.ssl.catalogue import SUPPORTED
    from graphlab.ssl.context import context_label, correct_labels
    from graphlab.ssl.distances import (
        PairSampler,
        distance2labeled_target,
        pairwise_distance_classes,
    )
    from graphlab.ssl.embedding import EmbeddingReader
    from graphlab.ssl.label_spreading import iterative_classification, label_propagation
    from graphlab.ssl.label_tasks import ContextLabel, CorrectedLabel
    from graphlab.ssl.making import make_task
    from graphlab.ssl.partition import bfs_partition
    from graphlab.ssl.structure_tasks import (
        Distance2Clusters,
        Distance2Labeled,
        EdgeMask,
        NodeProperty,
        PairwiseDistance,
    )

__all__ = [
    "SUPPORTED",
    "AttributeMask",
    "ContextLabel",
    "CorrectedLabel",
    "Distance2Clusters",
    "Distance2Labeled",
    "EdgeMask",
    "EmbeddingReader",
    "NodeProperty",
    "PairSampler",
    "PairwiseAttrSim",
    "PairwiseDistance",
    "PretextTask",
    "bfs_partition",
    "context_label",
    "correct_labels",
    "distance2labeled_target",
    "iterative_classification",
    "label_propagation",
    "make_task",
    "pairwise_distance_classes",
]

_HOMES = {
    "graphlab.ssl.attribute_tasks": ("AttributeMask", "PairwiseAttrSim"),
    "graphlab.ssl.base": ("PretextTask",),
    "graphlab.ssl.catalogue": ("SUPPORTED",),
    "graphlab.ssl.context": ("context_label", "correct_labels"),
    "graphlab.ssl.distances": (
        "PairSampler",
        "distance2labeled_target",
        "pairwise_distance_classes",
    ),
    "graphlab.ssl.embedding": ("EmbeddingReader",),
    "graphlab.ssl.label_spreading": ("iterative_classification", "label_propagation"),
    "graphlab.ssl.label_tasks": ("ContextLabel", "CorrectedLabel"),
    "graphlab.ssl.making": ("make_task",),
    "graphlab.ssl.partition": ("bfs_partition",),
    "graphlab.ssl.structure_tasks": (
        "Distance2Clusters",
        "Distance2Labeled",
        "EdgeMask",
        "NodeProperty",
        "PairwiseDistance",
    ),
    # Documented here, built there: it drives the training loop, which stands above this folder.
    # The name is looked up when it is asked for; nothing in this folder depends on it.
    "graphlab.train.ssl_trainer": ("SSLResult", "SSLTrainer"),
}


__getattr__, __dir__ = lazy_names(__name__, _HOMES)
