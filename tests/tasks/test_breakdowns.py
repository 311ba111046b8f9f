"""Metrics by degree: whose degree it is, and that they add up to the metric of the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graphlab.datasets import load
from graphlab.graph import as_graph
from graphlab.tasks import LinkPrediction, NodeClassification, Predictions


@pytest.fixture(scope="module")
def node():
    task = NodeClassification("random-20-30")
    return task, task.prepare(load("sbm-tiny"), 0)


def scored_nodes(problem, seed=0):
    make = torch.Generator().manual_seed(seed)
    batch = problem.test
    scores = torch.randn(len(batch.index), problem.num_classes, generator=make)
    return Predictions(scores, batch.target, batch.index, problem.metrics)


def total(bins, name):
    return sum(b["count"] * b[name] for b in bins) / sum(b["count"] for b in bins)


def test_nodes_count_at_their_degree_in_the_whole_graph(node):
    task, problem = node
    predictions = scored_nodes(problem)
    found = task.breakdowns(problem, predictions)["degree"]
    row, _ = problem.inputs.graph.edge_index
    degree = torch.bincount(row, minlength=problem.inputs.graph.num_nodes)[problem.test.index]
    for here in found:
        inside = (degree >= here["low"]) & (degree <= here["high"])
        right = predictions.scores.argmax(1) == predictions.target
        assert here["count"] == int(inside.sum())
        assert here["acc"] == pytest.approx(float(right[inside].double().mean()), abs=1e-12)
    assert len(found) > 2
    assert total(found, "acc") == pytest.approx(task.evaluate(predictions)["acc"], abs=1e-12)


def test_self_loops_add_nothing_to_a_degree():
    edges = torch.tensor([[0, 1, 1, 2, 2, 3, 0, 0], [1, 0, 2, 1, 3, 2, 0, 0]])
    data = load("karate")
    looped = replace(
        data,
        graph=as_graph(edges, num_nodes=4)
        .with_features(torch.eye(4))
        .with_labels(torch.tensor([0, 1, 0, 1])),
    )
    task = NodeClassification("random-20-30", feature_norm="none")
    plain = task._inputs(looped.graph, sparse_ok=False, device="cpu")
    problem = type("P", (), {"inputs": plain, "metrics": task.metrics[:1]})()
    every = torch.arange(4)
    predictions = Predictions(torch.eye(4), every, every)
    found = task.breakdowns(problem, predictions)["degree"]
    assert [(b["low"], b["high"], b["count"]) for b in found] == [(1, 1, 2), (2, 2, 2)]


def test_the_order_of_rows_does_not_matter(node):
    task, problem = node
    made = scored_nodes(problem)
    order = torch.randperm(len(made.index), generator=torch.Generator().manual_seed(1))
    turned = replace(
        made, scores=made.scores[order], target=made.target[order], index=made.index[order]
    )
    assert task.breakdowns(problem, turned) == task.breakdowns(problem, made)


@pytest.mark.parametrize("protocol", ["random-85-5-10", "heart-85-5-10"])
def test_links_count_at_the_smaller_degree_in_the_training_graph(protocol, tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHLAB_DATA", str(tmp_path))  # hard negatives are kept there
    task = LinkPrediction(protocol, num_hard_negatives=20)
    problem = task.prepare(load("sbm-tiny", "link"), 0)
    test = problem.test
    make = torch.Generator().manual_seed(2)
    count = len(test.pos)
    if test.own_negatives:
        scores = torch.randn(count, 21, generator=make)
        index, target = torch.arange(count), torch.zeros(count, dtype=torch.int64)
    else:
        rows = count + len(test.neg_source)
        scores, index = torch.randn(rows, generator=make), torch.arange(rows)
        target = (index < count).long()
        order = torch.randperm(rows, generator=make)
        scores, index, target = scores[order], index[order], target[order]
    predictions = Predictions(scores, target, index, problem.metrics)

    found = task.breakdowns(problem, predictions)["degree"]
    row, _ = problem.train.inputs.graph.edge_index
    degree = torch.bincount(row, minlength=problem.inputs.graph.num_nodes)
    smaller = torch.minimum(degree[test.pos[:, 0]], degree[test.pos[:, 1]])
    for here in found:
        inside = (smaller >= here["low"]) & (smaller <= here["high"])
        assert here["count"] == int(inside.sum())
    whole = task.evaluate(predictions)
    names = {name for b in found for name in b} - {"low", "high", "count"}
    assert names == set(whole) - {"loss", "ap"}
    for name in names:
        assert total(found, name) == pytest.approx(whole[name], abs=1e-12)
