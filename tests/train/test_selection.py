"""Selection and stopping on crafted sequences of validation values."""

from __future__ import annotations

import random

import pytest
from torch import nn

from graphlab.errors import ConfigError
from graphlab.train import Recipe, Trainer
from graphlab.train.selection import Selection


def run(toy, script, **recipe):
    task = toy.Scripted(script)
    recipe = Recipe(epochs=len(script), **recipe)
    return Trainer().fit(nn.Linear(1, 1), task, toy.scripted_problem, recipe=recipe)


def published_rule(losses, epochs, patience):
    """The rule as the authors' loop applies it: epoch counted from 1, history kept in a list."""
    history, best, best_epoch = [], float("inf"), 0
    for epoch in range(1, epochs + 1):
        loss = losses[epoch - 1]
        if loss < best:
            best, best_epoch = loss, epoch
        history.append(loss)
        before = history[-(patience + 1) : -1]
        if epoch > epochs // 2 and before and loss > sum(before) / len(before):
            break
    return epoch, best_epoch


@pytest.mark.parametrize("seed", range(6))
def test_dagnn_rule_equals_the_published_loop(toy, seed):
    rng = random.Random(seed)
    epochs, patience = rng.choice([7, 20, 41]), rng.choice([1, 3, 10, 60])
    losses = [5 - 0.1 * e + rng.uniform(-0.3, 0.3) for e in range(epochs)]
    result = run(toy, losses, stop="dagnn", patience=patience)
    assert (result.epochs_run, result.best_epoch) == published_rule(losses, epochs, patience)


def test_dagnn_rule_waits_for_the_second_half(toy):
    rising = [float(e) for e in range(10)]
    assert run(toy, rising, stop="dagnn", patience=3).epochs_run == 6
    assert run(toy, [1.0] * 10, stop="dagnn", patience=3).epochs_run == 10  # equal is not greater


def test_dagnn_rule_excludes_the_current_value(toy):
    # 1.2 is below the mean of 2.0 and 1.0 before it, but above the mean of 1.0 and itself
    assert run(toy, [9.0, 2.0, 1.0, 1.2, 0.5, 0.4], stop="dagnn", patience=2).epochs_run == 6


def test_one_epoch_does_not_stop_early(toy):
    result = run(toy, [3.0], stop="dagnn", patience=5)
    assert (result.epochs_run, result.best_epoch) == (1, 1)


def test_patience_counts_evaluations_without_improvement(toy):
    losses = [3.0, 2.0, 2.5, 2.0, 2.1, 1.0]
    stopped = run(toy, losses, stop="patience", patience=3)
    assert (stopped.epochs_run, stopped.best_epoch) == (5, 2)
    assert run(toy, losses, stop="patience", patience=4).best_epoch == 6
    kept_last = run(toy, losses, stop="patience", patience=3, ties="last")
    assert (kept_last.epochs_run, kept_last.best_epoch) == (6, 6)


def test_improvement_is_strict_and_ties_can_go_to_the_last(toy):
    losses = [2.0, 1.0, 1.0, 1.5]
    assert run(toy, losses).best_epoch == 2
    assert run(toy, losses, ties="last").best_epoch == 3


def test_monitored_metric_sets_the_direction(toy):
    values = [0.1, 0.9, 0.3]
    assert run(toy, values, monitor="loss").best_epoch == 1
    assert run(toy, values, monitor="score").best_epoch == 2
    by_role = run(toy, values, monitor="metric")
    assert (by_role.best_epoch, by_role.monitor) == (2, "score")


def test_last_state_can_be_selected(toy):
    result = run(toy, [1.0, 2.0, 3.0], select="last")
    assert result.best_epoch == 3
    assert result.metrics["val"] == {"loss": 3.0, "score": 3.0}


def test_evaluation_every_few_epochs_and_always_at_the_end(toy):
    task = toy.Scripted([4.0, 3.0, 5.0])
    result = Trainer().fit(
        nn.Linear(1, 1),
        task,
        toy.scripted_problem,
        recipe=Recipe(epochs=5, eval_every=2),
    )
    assert [r["epoch"] for r in result.history if "val_loss" in r] == [2, 4, 5]
    assert result.best_epoch == 4
    assert task.asked == ["val", "val", "val", "train", "test"]


def test_unknown_monitor_fails_before_training(toy):
    task = toy.Scripted([1.0])
    with pytest.raises(ConfigError, match=r"'scor'.*Did you mean score"):
        Trainer().fit(
            nn.Linear(1, 1),
            task,
            toy.scripted_problem,
            recipe=Recipe(monitor="scor"),
        )
    assert task.asked == []


def test_metric_that_the_problem_does_not_report_is_named(toy):
    selection = Selection(Recipe(monitor="rocauc"), toy.task)
    with pytest.raises(ConfigError, match="reports loss, acc"):
        selection.update(1, {"loss": 1.0, "acc": 0.5})
