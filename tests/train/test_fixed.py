"""Models without trainable parameters: evaluated once, by the rules of a training."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from graphlab.errors import ConfigError
from graphlab.tasks import LinkPrediction
from graphlab.train import Callback, Recipe, Trainer, TrainingDiverged
from graphlab.train._fixed import is_trainable


class Fixed(nn.Module):
    """Scores of nodes that follow from their features alone."""

    def __init__(self, value=1.0):
        super().__init__()
        self.register_buffer("value", torch.tensor(value))
        self.modes = []

    def forward(self, x, graph, edge_weight=None):
        self.modes.append((self.training, torch.is_inference_mode_enabled()))
        return x[:, :3] * self.value


def fit(toy, model=None, *, trainer=None, **recipe):
    model = Fixed() if model is None else model
    found = (trainer or Trainer()).fit(model, toy.task, toy.problem, recipe=Recipe(**recipe))
    return model, found


def test_every_stage_is_evaluated_once(toy):
    model, found = fit(toy, monitor="acc")
    assert model.modes == [(False, True)] * 3
    assert set(found.metrics) == {"val", "train", "test"}
    assert found.metrics["test"]["acc"] > 0.5
    assert (found.status, found.epochs_run, found.best_epoch) == ("done", 0, 0)
    assert found.history == []
    assert found.monitor == "acc"
    assert found.checkpoint is None
    assert found.resumed_epoch is None
    assert found.seconds["train"] == found.seconds["epoch_median"] == 0
    assert found.seconds["evaluate"] > 0
    assert torch.equal(found.predictions.index, toy.problem.test.index)
    assert set(found.best_state) == {"value"}


def test_metric_stands_for_the_metric_of_the_data_set(toy):
    assert fit(toy, monitor="metric")[1].monitor == "acc"
    with pytest.raises(ConfigError, match=r"monitor is 'accc'.*Did you mean acc"):
        fit(toy, monitor="accc")


def test_rates_and_epochs_of_a_shared_recipe_do_not_matter(toy):
    one = fit(toy)[1]
    other = fit(toy, lr={"encoder": 0.1, "predictor": 0.2}, epochs=7, stop="patience")[1]
    assert one.metrics == other.metrics


def test_no_event_is_logged_and_no_file_written(toy, tmp_path):
    events = []
    trainer = Trainer(log=events.append)
    model = Fixed()
    trainer.fit(model, toy.task, toy.problem, recipe=Recipe(), run_dir=tmp_path / "run")
    assert events == []
    assert not (tmp_path / "run").exists()


def test_scores_that_are_not_finite_end_it(toy):
    with pytest.raises(TrainingDiverged, match=r"Epoch 0, val: .*not finite") as caught:
        fit(toy, Fixed(float("nan")))
    assert caught.value.epoch == 0


def test_the_global_random_state_is_left_alone(toy):
    class Draws(Fixed):
        def forward(self, x, graph, edge_weight=None):
            torch.rand(1)
            return super().forward(x, graph)

    before = torch.get_rng_state()
    fit(toy, Draws())
    assert torch.equal(torch.get_rng_state(), before)


def test_what_counts_as_trainable(toy):
    net = toy.Net()
    assert is_trainable(net)
    assert not is_trainable(Fixed())
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    assert not is_trainable(net)
    _, frozen = fit(toy, net)
    assert frozen.epochs_run == 0

    class Head(Callback):
        def parameters(self):
            return [nn.Parameter(torch.ones(1))]

    assert is_trainable(Fixed(), [Head()])

    class Watch(Callback):
        pass

    assert not is_trainable(Fixed(), [Watch()])


def test_an_evaluation_does_not_spoil_the_graph_for_training():
    from graphlab.datasets import load
    from graphlab.models import GAE, CommonNeighbors

    task = LinkPrediction("random-85-5-10", batch_size=500, target_link_removal=False)
    problem = task.prepare(load("sbm-tiny", "link"), 0)
    Trainer().fit(CommonNeighbors(), task, problem, recipe=Recipe(monitor="metric"))
    model = GAE(64, 8)
    Trainer().fit(model, task, problem, recipe=Recipe(epochs=2, monitor="metric"))
