"""The loop: equal to one written by hand, exact on resume, blind to test data, loud on NaN."""

from __future__ import annotations

import math
import os
import random
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from graphlab.errors import CheckpointError, ConfigError, NonFiniteError
from graphlab.graph import as_graph
from graphlab.seeding import derive_seed
from graphlab.train import Callback, Recipe, Trainer, TrainingDiverged, build_model, dagnn

RECIPE = Recipe(epochs=12, lr=0.05, weight_decay=1e-3, checkpoint_seconds=0)


def fit(toy, *, recipe=RECIPE, seed=3, task=None, problem=None, cls=None, trainer=None, **given):
    model = build_model(cls or toy.Net, {}, seed)
    result = (trainer or Trainer()).fit(
        model,
        task or toy.task,
        problem or toy.problem,
        recipe=recipe,
        seed=seed,
        **given,
    )
    return model, result


def stop_after(steps):
    """A stop request that becomes true after so many steps."""
    left = [steps]

    def requested():
        left[0] -= 1
        return left[0] <= 0

    return requested


def assert_same(one, other):
    """Two (model, result) pairs are equal to the last bit, history and metrics included."""
    for name, value in one[0].state_dict().items():
        assert torch.equal(value, other[0].state_dict()[name]), name
    for name, value in one[1].best_state.items():
        assert torch.equal(value, other[1].best_state[name]), name
    assert one[1].history == other[1].history
    assert one[1].metrics == other[1].metrics
    assert one[1].best_epoch == other[1].best_epoch
    assert torch.equal(one[1].predictions.scores, other[1].predictions.scores)


# ---- the loop itself ------------------------------------------------------------------------


def test_equals_a_loop_written_by_hand(toy):
    model, result = fit(toy)
    plain = build_model(toy.Net, {}, 3)
    optimizer = torch.optim.Adam(plain.parameters(), lr=0.05, weight_decay=1e-3, fused=True)
    x, graph = toy.problem.inputs.x, toy.problem.inputs.graph
    cross_entropy = nn.functional.cross_entropy
    best, losses = None, []
    for epoch in range(1, 13):
        torch.manual_seed(derive_seed(3, f"dropout-{epoch}"))
        plain.train()
        optimizer.zero_grad()
        loss = cross_entropy(plain(x, graph)[toy.problem.train.index], toy.problem.train.target)
        loss.backward()
        optimizer.step()
        plain.eval()
        with torch.no_grad():
            scores = plain(x, graph)[toy.problem.val.index]
        losses.append(cross_entropy(scores, toy.problem.val.target).item())
        if losses[-1] == min(losses):
            best = {k: v.clone() for k, v in plain.state_dict().items()}
    assert [row["val_loss"] for row in result.history] == losses
    assert all(torch.equal(best[k], v) for k, v in model.state_dict().items())
    plain.load_state_dict(best)
    hits = (plain(x, graph)[toy.problem.test.index].argmax(1) == toy.problem.test.target).double()
    assert result.metrics["test"]["acc"] == hits.mean().item()


def test_learns_and_reports_what_it_did(toy):
    events, shown = [], []
    progress = SimpleNamespace(update=lambda epoch, epochs, values: shown.append((epoch, epochs)))
    trainer = Trainer(progress=progress, log=events.append)
    model, result = fit(toy, recipe=Recipe(epochs=30, lr=0.05), trainer=trainer)
    assert result.status == "done"
    assert result.metrics["test"]["acc"] >= 0.7
    assert set(result.metrics) == {"train", "val", "test"}
    assert result.epochs_run == len(result.history) == 30
    assert set(result.history[0]) == {"epoch", "loss", "val_loss", "val_acc", "grad_norm"}
    assert set(result.history[10]) == {"epoch", "loss", "val_loss", "val_acc"}
    assert result.history[-1]["epoch"] == 30
    assert min(r["val_loss"] for r in result.history) == result.metrics["val"]["loss"]
    assert events == [{"event": "evaluation", **row} for row in result.history]
    assert shown == [(epoch, 30) for epoch in range(1, 31)]
    assert result.resumed_epoch is None
    assert result.checkpoint is None
    assert result.monitor == "loss"
    assert set(result.seconds) == {"prepare", "train", "evaluate", "epoch_median"}
    assert all(value > 0 for value in result.seconds.values())
    assert not model.training


def test_model_ends_in_the_selected_state(toy):
    values = [3.0, 1.0, 2.0, 4.0]
    states = []

    class Keep(Callback):
        def on_epoch_end(self, model, problem, epoch, values):
            states.append(model.weight.detach().clone())

    model = nn.Linear(1, 1)
    trainer = Trainer(callbacks=[Keep()])
    result = trainer.fit(model, toy.Scripted(values), toy.scripted_problem, recipe=Recipe(epochs=4))
    assert torch.equal(model.weight, states[1])
    assert torch.equal(result.best_state["weight"], states[1])
    assert not torch.equal(states[3], states[1])
    trainer.fit(
        model,
        toy.Scripted(values),
        toy.scripted_problem,
        recipe=Recipe(epochs=4, select="last"),
    )
    assert torch.equal(model.weight, states[-1])


# ---- F4, F18: resume and seeds ----------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 4, 9, 12])
@pytest.mark.parametrize(
    "recipe",
    [
        RECIPE,
        replace(RECIPE, optimizer="sgd", momentum=0.9, schedule="plateau", schedule_patience=0),
        replace(RECIPE, stop="patience", patience=2, schedule="cosine", warmup_epochs=3),
    ],
)
def test_resumed_equals_uninterrupted(toy, tmp_path, steps, recipe):
    whole = fit(toy, recipe=recipe)
    steps = min(steps, whole[1].epochs_run)
    _, first = fit(toy, recipe=recipe, run_dir=tmp_path, stop_requested=stop_after(steps))
    assert first.status == "interrupted"
    assert "test" not in first.metrics
    assert first.checkpoint == tmp_path / "last.ckpt"
    events = []
    resumed = fit(toy, recipe=recipe, run_dir=tmp_path, trainer=Trainer(log=events.append))
    assert resumed[1].resumed_epoch == steps
    assert events[0] == {"event": "resumed", "epoch": steps}
    assert_same(resumed, whole)


@pytest.mark.parametrize("steps", [2, 3, 5, 16])
def test_resumed_inside_an_epoch_equals_uninterrupted(toy, tmp_path, steps):
    task = toy.MiniBatchNode()
    whole = fit(toy, task=task)
    fit(toy, task=task, run_dir=tmp_path, stop_requested=stop_after(steps))
    resumed = fit(toy, task=task, run_dir=tmp_path)
    assert resumed[1].resumed_epoch == (steps - 1) // 3 + 1
    assert_same(resumed, whole)


def test_interrupted_many_times_equals_uninterrupted(toy, tmp_path):
    whole = fit(toy)
    epochs = []
    for _ in range(20):
        last = fit(toy, run_dir=tmp_path, stop_requested=stop_after(3))
        epochs.append(last[1].resumed_epoch)
        if last[1].status == "done":
            break
    # three steps each time: the epoch that was interrupted after its step is evaluated, then
    # three more are trained
    assert epochs == [None, 3, 6, 9, 12]
    assert_same(last, whole)


def test_resumed_from_the_older_generation_when_the_newest_is_damaged(toy, tmp_path):
    whole = fit(toy)
    fit(toy, run_dir=tmp_path, stop_requested=stop_after(6))
    (tmp_path / "last.ckpt").write_bytes(b"")
    events = []
    resumed = fit(toy, run_dir=tmp_path, trainer=Trainer(log=events.append))
    assert resumed[1].resumed_epoch == 5
    assert [event["event"] for event in events[:2]] == ["warning", "resumed"]
    assert "is damaged" in events[0]["message"]
    assert_same(resumed, whole)


def test_damaged_checkpoints_restart_the_run(toy, tmp_path, caplog):
    whole = fit(toy)
    fit(toy, run_dir=tmp_path, stop_requested=stop_after(6))
    for name in ("last.ckpt", "last.ckpt.1"):
        (tmp_path / name).write_bytes(b"x")
    again = fit(toy, run_dir=tmp_path)
    assert again[1].resumed_epoch is None
    assert "starts again" in caplog.text
    assert_same(again, whole)


class Quiet(Callback):
    """Takes part and changes nothing."""


CHANGES = ("recipe", "seed", "split", "model", "task", "features", "edges", "labels", "callbacks")


@pytest.mark.parametrize("change", CHANGES)
def test_checkpoint_of_another_configuration_is_refused(toy, tmp_path, change):
    fit(toy, run_dir=tmp_path, stop_requested=stop_after(2))
    train = toy.problem.train
    inputs, fewer = train.inputs, train.inputs.graph.edge_index[:, 1:]
    changed = {
        "features": replace(train, inputs=replace(inputs, x=inputs.x * 2)),
        "edges": replace(train, inputs=replace(inputs, graph=as_graph(fewer, len(inputs.x)))),
        "labels": replace(train, target=train.target.flip(0)),
    }
    other = {
        "callbacks": {"trainer": Trainer(callbacks=[Quiet()])},
        **{name: {"problem": replace(toy.problem, train=new)} for name, new in changed.items()},
        "recipe": {"recipe": replace(RECIPE, lr=0.06)},
        "seed": {"seed": 4},
        "split": {"problem": replace(toy.problem, split_digest="other")},
        "model": {"cls": toy.GroupedNet},
        "task": {"task": toy.MiniBatchNode()},
    }[change]
    with pytest.raises(CheckpointError, match="another configuration"):
        fit(toy, run_dir=tmp_path, **other)
    patient = replace(RECIPE, checkpoint_seconds=60, max_seconds=1000)
    assert fit(toy, run_dir=tmp_path, recipe=patient)[1].resumed_epoch == 2


def test_killed_process_is_continued(toy, tmp_path):
    """kill -9 in the step, from outside Python's control, then the same training again."""
    here = os.path.dirname(__file__)  # noqa: PTH120
    code = textwrap.dedent(
        f"""
        import importlib.util, os, signal, sys, torch
        torch.set_num_threads(1)
        spec = importlib.util.spec_from_file_location("c", {here!r} + "/conftest.py")
        sys.modules["c"] = toy = importlib.util.module_from_spec(spec); spec.loader.exec_module(toy)
        from graphlab.tasks import NodeClassification
        from graphlab.train import Recipe, Trainer, build_model
        left = [6]
        def kill():
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return False
        Trainer().fit(
            build_model(toy.Net, {{}}, 3), NodeClassification(), toy.make_problem(),
            recipe=Recipe(epochs=12, lr=0.05, weight_decay=1e-3, checkpoint_seconds=0),
            seed=3, run_dir={str(tmp_path)!r}, stop_requested=kill,
        )
        """
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    resumed = fit(toy, run_dir=tmp_path)
    assert resumed[1].resumed_epoch == 5  # the sixth step was not saved yet
    assert_same(resumed, fit(toy))


def test_same_seed_is_bit_equal_and_another_differs(toy):
    one, again, other = fit(toy), fit(toy), fit(toy, seed=4)
    assert_same(one, again)
    assert one[1].history != other[1].history
    # the seed of the training alone matters too: dropout
    models = [build_model(toy.Net, {}, 3) for _ in range(2)]
    histories = [
        Trainer().fit(m, toy.task, toy.problem, recipe=RECIPE, seed=s).history
        for s, m in enumerate(models)
    ]
    assert histories[0] != histories[1]


def test_global_random_state_is_unchanged_and_does_not_matter(toy):
    torch.manual_seed(11)
    np.random.seed(11)
    random.seed(11)
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    one = fit(toy)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]
    torch.manual_seed(12)
    assert_same(fit(toy), one)


def test_random_state_is_restored_after_a_failure(toy):
    before = torch.get_rng_state()
    with pytest.raises(NonFiniteError):
        fit(toy, recipe=replace(RECIPE, lr=1e20))
    assert torch.equal(torch.get_rng_state(), before)


def test_build_model_depends_on_the_seed_alone(toy):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, two, three = (build_model(toy.Net, {"hidden": 5}, s).lin1.weight for s in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
    assert one.shape[0] == 5
    assert torch.equal(torch.get_rng_state(), before)


# ---- F14, F15: leakage ------------------------------------------------------------------------


def test_permuted_test_labels_leave_training_bit_equal(toy):
    permuted = toy.problem.test.target.flip(0)
    other = replace(toy.problem, test=replace(toy.problem.test, target=permuted))
    one, two = fit(toy), fit(toy, problem=other)
    assert one[1].history == two[1].history
    for name, value in one[0].state_dict().items():
        assert torch.equal(value, two[0].state_dict()[name])
    assert one[1].metrics["test"] != two[1].metrics["test"]


def test_test_data_is_touched_once_after_training(toy):
    class Guarded(type(toy.task)):
        def __init__(self):
            super().__init__()
            self.stages = []

        def predict(self, model, problem, stage):
            assert stage != "test" or self.stages.count("val") == RECIPE.epochs, "too early"
            self.stages.append(stage)
            return super().predict(model, problem, stage)

    task = Guarded()
    fit(toy, task=task)
    assert task.stages == ["val"] * RECIPE.epochs + ["train", "test"]


def test_test_batch_is_not_even_read_before_the_end(toy):
    class Locked:
        def __init__(self, problem):
            self.problem, self.open = problem, False

        def __getattr__(self, name):
            if name == "test" and not self.open:
                raise AssertionError("test data was read in training")
            return getattr(self.problem, name)

    problem = Locked(toy.problem)

    class Unlock(Callback):
        def on_epoch_end(self, model, problem, epoch, values):
            problem.open = epoch == RECIPE.epochs

    _, result = fit(toy, problem=problem, trainer=Trainer(callbacks=[Unlock()]))
    assert "acc" in result.metrics["test"]
    problem.open = False
    with pytest.raises(AssertionError, match="test data was read"):
        fit(toy, problem=problem)


def test_test_is_never_read_when_nobody_asks_for_it(toy):
    class Locked:
        def __getattr__(self, name):
            if name == "test":
                raise AssertionError("test data was read")
            return getattr(toy.problem, name)

    whole = fit(toy)
    model, result = fit(toy, problem=Locked(), evaluate_test=False)
    assert set(result.metrics) == {"train", "val"}
    assert result.predictions is None
    assert result.history == whole[1].history
    assert all(torch.equal(v, whole[0].state_dict()[k]) for k, v in model.state_dict().items())

    class Fixed(nn.Module):
        def forward(self, x, graph, edge_weight=None):
            return x[:, :3]

    _, result = fit(toy, cls=Fixed, problem=Locked(), evaluate_test=False)
    assert (set(result.metrics), result.predictions) == ({"train", "val"}, None)
    with pytest.raises(AssertionError, match="test data was read"):
        fit(toy, cls=Fixed, problem=Locked())


# ---- F9: NaN ----------------------------------------------------------------------------------


def test_absurd_learning_rate_names_epoch_and_step(toy):
    with pytest.raises(TrainingDiverged, match=r"at epoch 2, step 1|Epoch 1, val") as caught:
        fit(toy, recipe=replace(RECIPE, lr=1e20))
    assert caught.value.epoch in {1, 2}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_non_finite_loss_is_found_in_its_step(toy, value):
    class Poison(Callback):
        def __init__(self):
            self.count = 0

        def on_loss(self, loss, model, batch):
            self.count += 1
            return loss * value if self.count == 5 else loss

    with pytest.raises(TrainingDiverged, match="at epoch 2, step 2") as caught:
        fit(toy, task=toy.MiniBatchNode(), trainer=Trainer(callbacks=[Poison()]))
    assert (caught.value.epoch, caught.value.step) == (2, 2)


def test_non_finite_scores_at_evaluation_name_the_epoch(toy):
    class Broken(toy.Net):
        def forward(self, x, graph, edge_weight=None):
            scores = super().forward(x, graph)
            return scores if self.training else scores / 0.0

    with pytest.raises(TrainingDiverged, match=r"Epoch 1, val: .* scores are not finite") as caught:
        fit(toy, cls=Broken)
    assert (caught.value.epoch, caught.value.step) == (1, 0)


@pytest.mark.parametrize("monitor", ["loss", "metric"])
def test_infinite_loss_of_finite_scores_is_no_result(toy, monitor):
    class Extreme(toy.Net):
        def forward(self, x, graph, edge_weight=None):
            scores = super().forward(x, graph)
            return scores if self.training else torch.tensor([3e38, -3e38, -3e38]) + 0 * scores

    with pytest.raises(TrainingDiverged, match=r"Epoch 1, val: loss is inf"):
        fit(toy, cls=Extreme, recipe=replace(RECIPE, monitor=monitor))


def test_detect_anomaly_names_the_parameter(toy):
    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad * math.nan

    class Net(toy.Net):
        def forward(self, x, graph, edge_weight=None):
            return self.lin2(Spike.apply(self.lin1(x)))

    with pytest.raises(TrainingDiverged, match=r"gradient of lin1\.weight .* epoch 1, step 1"):
        fit(toy, cls=Net, trainer=Trainer(detect_anomaly=True))


# ---- F22: time --------------------------------------------------------------------------------


def test_time_limit_ends_the_run_with_its_last_metrics(toy, monkeypatch):
    import graphlab.train._clock as clock

    now = [0.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])

    class Slow(Callback):
        def on_loss(self, loss, model, batch):
            now[0] += 10.0
            return loss

    recipe = replace(RECIPE, epochs=1000, max_seconds=45.0)
    _, result = fit(toy, recipe=recipe, trainer=Trainer(callbacks=[Slow()]))
    assert result.status == "timeout"
    assert result.epochs_run == 5
    assert set(result.metrics) == {"train", "val", "test"}
    assert result.seconds["train"] == 50.0


def test_time_before_an_interruption_counts(toy, tmp_path, monkeypatch):
    import graphlab.train._clock as clock

    now = [0.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])

    class Slow(Callback):
        def on_loss(self, loss, model, batch):
            now[0] += 10.0
            return loss

    recipe = replace(RECIPE, epochs=1000, max_seconds=45.0)
    trainer = Trainer(callbacks=[Slow()])
    fit(toy, recipe=recipe, trainer=trainer, run_dir=tmp_path, stop_requested=stop_after(3))
    now[0] += 1e6  # asleep
    _, result = fit(toy, recipe=recipe, trainer=trainer, run_dir=tmp_path)
    assert (result.status, result.resumed_epoch, result.epochs_run) == ("timeout", 3, 5)


def test_checkpoints_are_not_written_more_often_than_asked(toy, tmp_path, monkeypatch):
    import graphlab.train._run as module

    written = []
    monkeypatch.setattr(module, "save_checkpoint", lambda path, state: written.append(path))
    fit(toy, recipe=replace(RECIPE, checkpoint_seconds=3600), run_dir=tmp_path)
    assert written == []
    fit(toy, run_dir=tmp_path)
    assert len(written) == RECIPE.epochs


def test_run_folder_that_is_a_file_is_named(toy, tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(CheckpointError, match="cannot be a run's folder"):
        fit(toy, run_dir=tmp_path / "run")


# ---- recipe parts -----------------------------------------------------------------------------


def test_gradients_are_clipped_group_by_group(toy):
    norms = []

    class Watch(Callback):
        def on_epoch_end(self, model, problem, epoch, values):
            norms.extend(
                torch.nn.utils.get_total_norm([p.grad for p in group]).item()
                for group in model.parameter_groups().values()
            )

    recipe = replace(RECIPE, clip_norm=0.01, lr={"first": 0.05, "rest": 0.01})
    _, result = fit(toy, cls=toy.GroupedNet, recipe=recipe, trainer=Trainer(callbacks=[Watch()]))
    assert norms == pytest.approx([0.01] * (2 * RECIPE.epochs), rel=1e-3)
    assert result.history[0]["grad_norm"] == pytest.approx(0.01 * math.sqrt(2), rel=1e-3)


def test_bf16_trains_and_precision_can_change_within_a_process(toy):
    plain = fit(toy)[1]
    low = fit(toy, recipe=replace(RECIPE, precision="bf16"))[1]
    again = fit(toy)[1]
    assert plain.history == again.history
    assert low.history != plain.history
    assert low.history[0]["loss"] == pytest.approx(plain.history[0]["loss"], rel=0.02)
    assert low.predictions.scores.dtype == torch.float32
    with pytest.raises(ConfigError, match="fp16"):
        fit(toy, recipe=replace(RECIPE, precision="fp16"))


def test_environment_does_not_change_the_training(toy, monkeypatch):
    before = fit(toy)
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert_same(fit(toy), before)


def test_unknown_device_is_named():
    with pytest.raises(ConfigError, match="device is 'cpuu'"):
        Trainer(device="cpuu")


class Head(Callback):
    """Has a parameter of its own and remembers a running sum."""

    def __init__(self):
        self.scale = nn.Parameter(torch.ones(1))
        self.total = 0.0
        self.started = []

    def parameters(self):
        return [self.scale]

    def on_epoch_start(self, model, problem, epoch):
        self.started.append(epoch)
        x = problem.inputs.x * (1 + 0.01 * epoch)
        train = replace(problem.train, inputs=replace(problem.inputs, x=x))
        return replace(problem, train=train)

    def on_loss(self, loss, model, batch):
        self.total += loss.item()
        return loss * self.scale.square() + 0.01 * self.total

    def state_dict(self):
        return {"total": self.total}

    def load_state_dict(self, state):
        self.total = state["total"]


def test_callbacks_take_part_and_are_resumed(toy, tmp_path):
    heads = [Head() for _ in range(3)]
    whole = fit(toy, trainer=Trainer(callbacks=[heads[0]]))
    assert heads[0].scale.item() != 1.0
    assert heads[0].started == list(range(1, 13))
    assert whole[1].history != fit(toy)[1].history
    fit(
        toy,
        trainer=Trainer(callbacks=[heads[1]]),
        run_dir=tmp_path,
        stop_requested=stop_after(5),
    )
    resumed = fit(toy, trainer=Trainer(callbacks=[heads[2]]), run_dir=tmp_path)
    assert resumed[1].resumed_epoch == 5
    assert_same(resumed, whole)
    assert torch.equal(heads[2].scale, heads[0].scale)
    assert heads[2].total == heads[0].total


def test_published_recipe_stops_in_the_second_half(toy):
    _, result = fit(toy, recipe=dagnn(epochs=300, patience=20, weight_decay=0.0, lr=0.05))
    assert 150 < result.epochs_run < 300
    assert result.best_epoch < result.epochs_run
