"""Parameter groups, fused optimisers and schedules."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from graphlab.errors import ConfigError
from graphlab.train import Recipe, Trainer, build_model
from graphlab.train.optim import Schedule, make_optimizer


def rates(optimizer, name="lr"):
    return [group[name] for group in optimizer.param_groups]


def test_a_model_without_groups_gets_one(toy):
    optimizer = make_optimizer(toy.Net(), Recipe(lr=0.3, weight_decay=0.2))
    assert rates(optimizer) == [0.3]
    assert rates(optimizer, "weight_decay") == [0.2]


def test_rates_by_group_reach_the_named_parameters(toy):
    model = toy.GroupedNet()
    recipe = Recipe(lr={"rest": 0.1, "first": 0.2}, weight_decay={"first": 5e-4, "rest": 0.0})
    optimizer = make_optimizer(model, recipe)
    assert rates(optimizer) == [0.2, 0.1]
    assert rates(optimizer, "weight_decay") == [5e-4, 0.0]
    assert optimizer.param_groups[0]["params"][0] is model.lin1.weight
    assert sum(len(g["params"]) for g in optimizer.param_groups) == len(list(model.parameters()))


@pytest.mark.parametrize("setting", ["lr", "weight_decay"])
def test_unknown_or_missing_groups_are_named(toy, setting):
    for value in ({"frist": 0.1, "rest": 0.1}, {"first": 0.1}):
        with pytest.raises(ConfigError, match=f"{setting} is given for .* are first, rest"):
            make_optimizer(toy.GroupedNet(), Recipe(**{setting: value}))
    with pytest.raises(ConfigError, match="groups of Net are all"):
        make_optimizer(toy.Net(), Recipe(**{setting: {"first": 0.1, "rest": 0.1}}))


def test_groups_that_lose_a_parameter_are_refused(toy):
    class Forgetful(toy.Net):
        def parameter_groups(self):
            return {"first": [*self.lin1.parameters(), *self.lin2.parameters()]}

    with pytest.raises(ConfigError, match=r"4 of 6, without norm\.weight"):
        make_optimizer(Forgetful(), Recipe())


def test_a_model_without_parameters_is_refused():
    with pytest.raises(ConfigError, match="no trainable parameter"):
        make_optimizer(nn.Identity(), Recipe())


def test_frozen_parameters_stay_and_extra_ones_are_trained(toy):
    model = toy.GroupedNet()
    model.lin1.weight.requires_grad_(False)
    head = nn.Linear(2, 2)
    optimizer = make_optimizer(model, Recipe(), head.parameters())
    listed = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert id(model.lin1.weight) not in listed
    assert {id(p) for p in head.parameters()} <= listed


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("adam", lambda p: torch.optim.Adam(p, lr=0.05, weight_decay=0.01, foreach=False)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.01, foreach=False)),
        ("sgd", lambda p: torch.optim.SGD(p, lr=0.05, weight_decay=0.01, momentum=0.9)),
    ],
)
def test_optimisers_equal_the_plain_ones_up_to_rounding(toy, name, plain):
    momentum = 0.9 if name == "sgd" else 0.0
    recipe = Recipe(optimizer=name, lr=0.05, weight_decay=0.01, momentum=momentum)
    # in double: the bias before a batch norm has no gradient but rounding, which Adam scales up
    ours, theirs = (build_model(toy.Net, {"dropout": 0.0}, seed=1).double() for _ in range(2))
    optimizers = make_optimizer(ours, recipe), plain(theirs.parameters())
    train = toy.problem.train
    train = replace(train, inputs=replace(train.inputs, x=train.inputs.x.double()))
    for _ in range(20):
        for model, optimizer in zip((ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            toy.task.loss(model, train).backward()
            optimizer.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def schedule_rates(epochs, values=None, **recipe):
    parameter = nn.Parameter(torch.zeros(1))
    recipe = Recipe(epochs=epochs, lr=1.0, **recipe)
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    schedule = Schedule(optimizer, recipe, lower=True)
    found = []
    for epoch in range(1, epochs + 1):
        schedule.start(epoch)
        found.append(schedule.rate())
        schedule.observe(epoch, values[epoch - 1] if values else 0.0)
    return found, schedule


def test_no_schedule_keeps_the_rate_and_warmup_raises_it_linearly():
    assert schedule_rates(3)[0] == [1.0, 1.0, 1.0]
    assert schedule_rates(5, warmup_epochs=3)[0] == pytest.approx([1 / 3, 2 / 3, 1, 1, 1])


def test_cosine_goes_from_the_rate_to_the_lowest():
    found, _ = schedule_rates(8, schedule="cosine", schedule_min_lr=0.2)
    expected = [0.2 + 0.8 * (1 + math.cos(math.pi * k / 8)) / 2 for k in range(8)]
    assert found == pytest.approx(expected)
    warm, _ = schedule_rates(8, schedule="cosine", warmup_epochs=2)
    assert warm[:3] == pytest.approx([0.5, 1.0, 1.0])
    assert warm[3] < 1.0


def test_plateau_halves_after_more_than_patience_bad_epochs():
    values = [5.0, 4.0, 4.0, 4.0, 4.0, 3.0]
    found, schedule = schedule_rates(6, values, schedule="plateau", schedule_patience=1)
    assert found == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5]
    other = schedule_rates(1, [1.0], schedule="plateau")[1]
    other.load_state_dict(schedule.state_dict())
    assert other.state_dict() == schedule.state_dict()


def test_training_ends_when_the_rate_falls_below_the_lowest(toy):
    recipe = Recipe(
        epochs=50,
        lr=0.1,
        schedule="plateau",
        schedule_patience=0,
        schedule_min_lr=0.02,
        stop="min_lr",
        select="last",
    )
    result = Trainer().fit(
        nn.Linear(1, 1), toy.Scripted([1.0] * 50), toy.scripted_problem, recipe=recipe
    )
    # epoch 1 sets the best; 2, 3 and 4 halve: 0.05, 0.025, 0.0125
    assert (result.epochs_run, result.best_epoch) == (4, 4)
    assert [row["lr"] for row in result.history] == pytest.approx([0.1, 0.1, 0.05, 0.025])
