"""Promises of a training, held by every registered model of every task: seeds, resume, leakage."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from graphlab.datasets import load
from graphlab.registry import model_cards
from graphlab.tasks import LinkPrediction, NodeClassification
from graphlab.train import Recipe, Trainer, build_model

RECIPE = Recipe(epochs=4, lr=0.01, checkpoint_seconds=0)
CARDS = model_cards()
SELF_FITTED = [name for name, card in CARDS.items() if hasattr(card.load(), "fit_nodes")]
NODE_MODELS = [n for n, card in CARDS.items() if "node" in card.tasks and n not in SELF_FITTED]
LINK_MODELS = [name for name, card in CARDS.items() if "link" in card.tasks]
LEARNT = [("node", name) for name in NODE_MODELS]
LEARNT += [("link", name) for name in LINK_MODELS if "hidden_channels" in CARDS[name].options]
FIXED = [name for name in LINK_MODELS if ("link", name) not in LEARNT]

every_learnt_model = pytest.mark.parametrize(("task", "name"), LEARNT)


def fit(task, name, **given):
    """Load afresh, prepare, build, train: nothing is left over from another training."""
    return (fit_node if task == "node" else fit_link)(name, **given)


def fit_node(name, *, permute=False, seed=0, **given):
    """Train a node model. The drawn split goes by class, so it is stored before test labels are
    permuted.
    """
    card = CARDS[name]
    data = load("sbm-tiny", split="random-20-30")
    y, test = data.graph.y.clone(), data.split["test"]
    if permute:
        y[test] = y[test].flip(0)
    masks = {stage: mask.unsqueeze(1) for stage, mask in data.split.items()}
    data = replace(data, graph=data.graph.with_labels(y), stored_splits={"public": masks})
    task = NodeClassification("public", feature_norm="row")
    problem = task.prepare(data, 0, sparse_ok=card.sparse_input)
    model = build_model(card, task.model_kwargs(problem), seed)
    result = Trainer().fit(model, task, problem, recipe=RECIPE, seed=seed, **given)
    return model, result


def fit_link(name, *, permute=False, seed=0, **given):
    """Train a link model in two batches an epoch; test asks for other links if permuted."""
    card = CARDS[name]
    task = LinkPrediction("random-85-5-10", batch_size=500)
    problem = task.prepare(load("sbm-tiny", "link"), 0, sparse_ok=card.sparse_input)
    if permute:
        test = problem.test
        negatives = torch.stack([test.neg_source, test.neg_target], 1)
        test = replace(test, pos=negatives, neg_source=test.pos[:, 0], neg_target=test.pos[:, 1])
        problem = replace(problem, test=test)
    sizes = {"hidden_channels": 8} if "hidden_channels" in card.options else {}
    model = build_model(card, {**task.model_kwargs(problem), **sizes}, seed)
    result = Trainer().fit(model, task, problem, recipe=RECIPE, seed=seed, **given)
    return model, result


def stop_after(steps):
    left = [steps]

    def requested():
        left[0] -= 1
        return left[0] <= 0

    return requested


def assert_same_parameters(one, other):
    for name, value in one[0].state_dict().items():
        assert torch.equal(value, other[0].state_dict()[name]), name
    assert one[1].history == other[1].history


@every_learnt_model
def test_seed_decides_everything_and_nothing_else_does(task, name):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    one = fit(task, name)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]
    torch.rand(3), np.random.rand(3), random.random()
    again, other = fit(task, name), fit(task, name, seed=1)
    assert_same_parameters(one, again)
    assert one[1].metrics == again[1].metrics
    assert one[1].history != other[1].history


@every_learnt_model
def test_resumed_equals_uninterrupted(task, name, tmp_path):
    steps = 2 if task == "node" else 3  # in the middle of the second epoch
    fit(task, name, run_dir=tmp_path, stop_requested=stop_after(steps))
    resumed = fit(task, name, run_dir=tmp_path)
    assert resumed[1].resumed_epoch == 2
    whole = fit(task, name)
    assert_same_parameters(resumed, whole)
    assert resumed[1].metrics == whole[1].metrics


@every_learnt_model
def test_test_labels_do_not_reach_the_parameters(task, name):
    one, permuted = fit(task, name), fit(task, name, permute=True)
    assert_same_parameters(one, permuted)
    assert one[1].metrics["val"] == permuted[1].metrics["val"]
    assert one[1].metrics["test"] != permuted[1].metrics["test"]


@pytest.mark.parametrize("name", SELF_FITTED)
def test_models_that_fit_themselves_see_training_labels_alone(name, tmp_path):
    one, permuted = (fit_node(name, permute=p, run_dir=tmp_path) for p in (False, True))
    assert_same_parameters(one, permuted)
    assert one[1].metrics["val"] == permuted[1].metrics["val"]
    assert one[1].metrics["test"] != permuted[1].metrics["test"]
    assert (one[1].epochs_run, one[1].best_epoch, one[1].history) == (0, 0, [])
    assert one[1].seconds["train"] > 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FIXED)
def test_models_without_parameters_are_evaluated_once_and_alike(name, tmp_path):
    one, again, other = (fit_link(name, seed=seed, run_dir=tmp_path)[1] for seed in (0, 0, 1))
    assert one.metrics == again.metrics == other.metrics
    assert (one.epochs_run, one.best_epoch, one.history) == (0, 0, [])
    assert not list(tmp_path.iterdir())
    assert one.metrics["test"]["auc"] > 0.5
