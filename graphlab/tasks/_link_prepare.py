"""From a data set to a link problem: split by protocol, checks, inputs on the device."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from graphlab.datasets.splits import check_seed
from graphlab.errors import InputError
from graphlab.tasks._features import model_features
from graphlab.tasks._link_checks import (
    check_hidden,
    check_ids,
    check_own_negatives,
    check_shared_negatives,
)
from graphlab.tasks._link_negatives import unordered_keys
from graphlab.tasks._link_problem import LinkInputs, LinkProblem, LinkStage, LinkTrain
from graphlab.tasks._link_splits import (
    HeartSplit85_5_10,
    LinkSplit,
    RandomLinkSplit70_10_20,
    RandomLinkSplit85_5_10,
    edge_digest,
    split_digest,
    training_graph,
)
from graphlab.transforms.features import append_features, row_normalize

if TYPE_CHECKING:
    from graphlab.datasets import LoadedData
    from graphlab.graph import Graph
    from graphlab.tasks.link import LinkPrediction

__all__ = ["link_problem"]


def link_problem(
    task: LinkPrediction, data: LoadedData, seed: int, *, sparse_ok: bool, device: torch.device
) -> LinkProblem:
    """Build the problem of a task on a data set under a seed; see ``LinkPrediction.prepare``."""
    if isinstance(data.graph, list):
        raise InputError(
            f"{data.name} is a set of {len(data.graph)} graphs; links are predicted in one graph."
        )
    check_seed(seed)
    split, graph, notes = _split(task, data, seed)
    x = _features(data.graph, task, sparse_ok=sparse_ok, device=device)
    edges = split["train"]["edge"].to(device)
    inputs = LinkInputs(append_features(x, graph, task.add_features), graph.to(device))
    test_inputs = inputs
    if task.use_val_edges_as_input:
        both = torch.cat([graph.edge_index, split["val"]["edge"].t()], 1)
        wider = training_graph(both.t(), graph.num_nodes)
        test_inputs = LinkInputs(append_features(x, wider, task.add_features), wider.to(device))
        notes = (*notes, "test sees the validation edges")
    visible = {"val": inputs.graph, "test": test_inputs.graph}
    _check(task.protocol, data, split, visible)
    stages = {
        "val": _stage(inputs, split["val"], device),
        "test": _stage(test_inputs, split["test"], device),
    }
    # a set that was loaded for another task has that task's metric
    metric = data.metric if data.task == "link" else data.card.metric.get("link")
    metrics = task.reported(own_negatives=stages["val"].own_negatives, card_metric=metric or None)
    return LinkProblem(
        train=LinkTrain(inputs, edges, *_copies(edges, graph.num_nodes)),
        **stages,
        metrics=metrics,
        split_digest=split_digest(split),
        seed=seed,
        notes=notes,
    )


def _split(
    task: LinkPrediction, data: LoadedData, seed: int
) -> tuple[LinkSplit, Graph, tuple[str, ...]]:
    """Return the split, the graph of its training edges, and what to know of it."""
    whole: Graph = data.graph
    if task.protocol == "official":
        split = _official(data)
        return split, whole.cached("link-official", lambda: _bare(whole.simple())), ()
    if task.protocol == "heart-85-5-10":
        key = f"link-heart {task.num_hard_negatives}"

        def build() -> tuple[LinkSplit, Graph, tuple[str, ...]]:
            split = HeartSplit85_5_10(task.num_hard_negatives, root=data.root)(whole)
            digests = ", ".join(
                f"{stage} {edge_digest(split[stage]['edge'], whole)[:16]}"
                for stage in ("train", "val", "test")
            )
            note = (
                "heart-85-5-10 splits as random-85-5-10 with seed 0, for all seeds; this is not "
                f"the published split (sha256 {digests})"
            )
            return split, training_graph(split["train"]["edge"], whole.num_nodes), (note,)

        return whole.cached(key, build)
    seed = seed if task.split_seed is None else task.split_seed
    ncn = task.protocol == "ncn-70-10-20"
    drawn = (RandomLinkSplit70_10_20 if ncn else RandomLinkSplit85_5_10)(seed)(whole)
    return drawn, training_graph(drawn["train"]["edge"], whole.num_nodes), ()


def _official(data: LoadedData) -> LinkSplit:
    """Return the official split with pairs under ``edge`` for all sets."""
    split: LinkSplit = {}
    for stage, given in data.official_split.items():
        part = dict(given)
        if "source_node" in part:
            part["edge"] = torch.stack([part.pop("source_node"), part.pop("target_node")], 1)
        kept = ("edge", "edge_neg", "target_node_neg")
        split[stage] = {key: part[key] for key in kept if key in part}
    return split


def _check(protocol: str, data: LoadedData, split: LinkSplit, visible: dict[str, Graph]) -> None:
    """Refuse a split that leaks.

    Official splits of multigraphs (ogbl-collab: two authors write together again) and of directed
    graphs may repeat a pair on purpose: then a warning says how many.
    """
    n = data.graph.num_nodes
    if protocol != "official":
        check_ids(split, n, data.name)
        check_hidden(split, visible, data.name)
        if protocol == "heart-85-5-10":
            check_own_negatives(split, n, data.name)
        else:
            check_shared_negatives(split, data.graph.simple(), data.name)
        return
    try:
        check_hidden(split, visible, data.name)
    except InputError as error:
        keys = np.sort(unordered_keys(split["train"]["edge"], n))
        repeats = bool((keys[1:] == keys[:-1]).any())
        if not repeats and not data.card.directed:
            raise
        warnings.warn(f"{error} The official split is kept.", UserWarning, stacklevel=4)


def _stage(inputs: LinkInputs, part: dict[str, Tensor], device: torch.device) -> LinkStage:
    pos = part["edge"].to(device)
    if "target_node_neg" in part:
        target = part["target_node_neg"].to(device)
        return LinkStage(inputs, pos, pos[:, :1].expand_as(target), target)
    negatives = part["edge_neg"].to(device)
    return LinkStage(inputs, pos, negatives[..., 0], negatives[..., 1])


def _copies(edges: Tensor, num_nodes: int) -> tuple[Tensor | None, Tensor | None]:
    """Return each edge's group and the groups' sizes where some pair repeats, else None."""
    keys = torch.from_numpy(unordered_keys(edges, num_nodes)).to(edges.device)
    _, group, copies = torch.unique(keys, return_inverse=True, return_counts=True)
    return (None, None) if copies.numel() == keys.numel() else (group, copies)


def _features(
    graph: Graph, task: LinkPrediction, *, sparse_ok: bool, device: torch.device
) -> Tensor | None:
    """Return the features on the device, once for a graph: seeds then share what models keep."""
    if graph.features is None:
        return None
    sparse = task.sparse_features and sparse_ok
    stored = graph.features

    def build() -> Tensor:
        x = model_features(stored, sparse=sparse)
        return (row_normalize(x) if task.feature_norm == "row" else x).to(device)

    return graph.cached(f"link-features {task.feature_norm} {sparse} {device}", build)


def _bare(graph: Graph) -> Graph:
    return graph.with_features(None).with_labels(None)
