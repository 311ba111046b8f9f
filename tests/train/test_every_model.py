"""Promises of a training, held by every registered model of every task: seeds, resume, leakage."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graphlab.datasets import load
from graphlab.registry import model_cards
from graphlab.tasks import NodeClassification
from graphlab.train import Recipe, Trainer, build_model

RECIPE = Recipe(epochs=4, lr=0.01, checkpoint_seconds=0)
NODE_MODELS = [name for name, card in model_cards().items() if "node" in card.tasks]


def fit(name, *, permute=False, seed=0, **given):
    """Load afresh, prepare, build, train: nothing is left over from another training.

    The drawn split goes by class, so it is stored before test labels are permuted.
    """
    card = model_cards()[name]
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


@pytest.mark.parametrize("name", NODE_MODELS)
def test_seed_decides_everything_and_nothing_else_does(name):
    before = torch.get_rng_state()
    one = fit(name)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    again, other = fit(name), fit(name, seed=1)
    assert_same_parameters(one, again)
    assert one[1].metrics == again[1].metrics
    assert one[1].history != other[1].history


@pytest.mark.parametrize("name", NODE_MODELS)
def test_resumed_equals_uninterrupted(name, tmp_path):
    fit(name, run_dir=tmp_path, stop_requested=stop_after(2))
    resumed = fit(name, run_dir=tmp_path)
    assert resumed[1].resumed_epoch == 2
    whole = fit(name)
    assert_same_parameters(resumed, whole)
    assert resumed[1].metrics == whole[1].metrics


@pytest.mark.parametrize("name", NODE_MODELS)
def test_test_labels_do_not_reach_the_parameters(name):
    one, permuted = fit(name), fit(name, permute=True)
    assert_same_parameters(one, permuted)
    assert one[1].metrics["val"] == permuted[1].metrics["val"]
    assert one[1].metrics["test"] != permuted[1].metrics["test"]
