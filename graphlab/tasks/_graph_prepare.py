"""From a loaded set of graphs to a problem: one packed copy a stage, encodings, checked labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import Graph
from graphlab.tasks._graph_metrics import find_metric
from graphlab.tasks._graph_splits import graph_split, graph_split_digest

if TYPE_CHECKING:
    from graphlab.collection import GraphCollection
    from graphlab.datasets import LoadedData
    from graphlab.tasks._graph_metrics import GraphMetric
    from graphlab.tasks.graph import GraphPrediction, GraphProblem

__all__ = ["graph_problem"]

_MOST_TYPES = 1000  # integers above are no types of nodes or edges


def graph_problem(
    task: GraphPrediction, data: LoadedData, seed: int, *, fold: int | None, device: torch.device
) -> GraphProblem:
    """Split and prepare a set of graphs; see :meth:`GraphPrediction.prepare`."""
    from graphlab.tasks.graph import GraphProblem, GraphStage

    graphs = _collection(data)
    split = graph_split(data, task.protocol, seed, fold=fold)
    notes = []
    if task.train_graphs is not None and task.train_graphs < split["train"].numel():
        notes.append(f"trained on {task.train_graphs} of {split['train'].numel()} graphs")
        split["train"] = split["train"][: task.train_graphs]
    metric = find_metric(task.metric if task.metric is not None else data.metric)
    graphs, outputs = _with_targets(graphs, data, metric)
    if graphs.x is None:
        constant = torch.zeros(graphs.num_nodes, dtype=torch.int64)
        graphs = graphs.with_field("x", constant, "node")
    x = graphs.field("x")
    bare = x is not None and bool((x == x[:1]).all())
    inputs = _inputs(graphs, edges=task.edge_features)
    graphs = _encoded(graphs, task).to(device)
    stages = {
        stage: GraphStage(graphs[index.to(device)], index.to(device))
        for stage, index in split.items()
    }
    return GraphProblem(
        **stages,
        metric=metric,
        level=graphs.levels["y"],
        arguments={
            **inputs,
            "out_channels": outputs,
            "level": graphs.levels["y"],
            "pe_dim": task.positional_dim,
            # encodings take the place of a constant
            "pe_mode": "replace" if bare and task.positional_dim else "add",
            "avg_nodes": graphs.num_nodes / max(len(graphs), 1),
        },
        split_digest=graph_split_digest(split),
        seed=seed,
        notes=tuple(notes),
    )


def _collection(data: LoadedData) -> GraphCollection:
    if isinstance(data.graph, Graph):
        raise InputError(f"{data.name} is one graph; the task 'graph' needs a set of graphs.")
    return data.collection


def _with_targets(
    graphs: GraphCollection, data: LoadedData, metric: GraphMetric
) -> tuple[GraphCollection, int]:
    """Return the graphs with ``y`` as the metric reads it, and the number of outputs."""
    y = graphs.y
    if y is None:
        raise InputError(f"{data.name} has no labels: there is nothing to learn.")
    level = graphs.levels["y"]
    if metric.target != "classes":
        y = y.reshape(y.shape[0], -1)
        y = y if y.is_floating_point() else y.float()
        known = y[~y.isnan()]
        if metric.target == "two-class tasks" and bool(((known != 0) & (known != 1)).any()):
            wrong = known[(known != 0) & (known != 1)][0].item()
            raise InputError(
                f"{data.name} has the label {wrong:g}; {metric.name} takes 0, 1 and NaN."
            )
        return graphs.with_field("y", y, level), y.shape[1]
    if y.numel() != y.shape[0]:
        raise InputError(
            f"{data.name} has labels of shape {tuple(y.shape)}; {metric.name} takes one class for "
            f"each {level}."
        )
    labels = y.reshape(-1).long()
    if y.is_floating_point() and not torch.equal(labels.to(y.dtype), y.reshape(-1)):
        raise InputError(f"{data.name} has labels that are no classes; use rmse, mae or rocauc.")
    low, high = int(labels.min()), int(labels.max())
    classes = max(data.num_classes, high + 1)
    if low < 0:
        raise InputError(f"{data.name} has the label {low}; classes are 0..{classes - 1}.")
    return graphs.with_field("y", labels, level), classes


def _inputs(graphs: GraphCollection, *, edges: bool) -> dict[str, Any]:
    """Return the constructor arguments of a model that follow from the features."""
    x, edge_attr = graphs.x, graphs.edge_attr if edges else None
    assert x is not None  # noqa: S101  (a constant was put there)
    types = _types(x)
    found: dict[str, Any] = {
        "in_channels": types if types is not None else _width(x),
        "node_input": "linear" if types is None else "embedding",
        "edge_input": "ones",
    }
    if edge_attr is not None:
        types = _types(edge_attr)
        found["edge_input"] = "linear" if types is None else "embedding"
        found["edge_channels"] = _width(edge_attr) if types is None else types
    return found


def _width(values: Tensor) -> int:
    return math.prod(values.shape[1:])


def _types(values: Tensor) -> int | tuple[int, ...] | None:
    """Return the number of types of integers, of several columns one each; None for others."""
    if values.is_floating_point():
        return None
    columns = values.reshape(values.shape[0], _width(values))
    if not columns.shape[0]:
        return 1
    low, high = int(columns.min()), int(columns.max())
    if low < 0 or high >= _MOST_TYPES:
        raise InputError(
            f"features hold the integer {low if low < 0 else high}; types are "
            f"0..{_MOST_TYPES - 1}. Give real numbers for everything else."
        )
    types = tuple((columns.max(0).values + 1).tolist())
    return types[0] if len(types) == 1 else types


def _encoded(graphs: GraphCollection, task: GraphPrediction) -> GraphCollection:
    if task.positional == "none":
        return graphs
    from graphlab.transforms.positional import LaplacianPE, RandomWalkSE

    transform = LaplacianPE if task.positional == "laplacian" else RandomWalkSE
    encoded: GraphCollection = transform(task.positional_dim)(graphs)
    return encoded
