"""Pretext tasks in training: joint, in two stages, with any model, continued exactly."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from graphlab.datasets import load
from graphlab.errors import CheckpointError, ConfigError, InputError
from graphlab.models import DAGNN, GCN, MLP
from graphlab.nn.propagation import propagator
from graphlab.registry import model_cards
from graphlab.ssl import SUPPORTED, Distance2Labeled, EdgeMask, EmbeddingReader, SSLTrainer
from graphlab.tasks import LinkPrediction, NodeClassification
from graphlab.train import Recipe, SelfSupervision, Trainer, build_model
from tests.train.conftest import make_problem

pytestmark = pytest.mark.filterwarnings("ignore:the graph is directed")
SELF_FITTED = ("orbit-counts", "orbit-embedding", "walk-embedding")  # no epochs
NODE_MODELS = sorted(
    name for name, card in model_cards().items() if "node" in card.tasks and name not in SELF_FITTED
)


@pytest.fixture(scope="module")
def problem():
    return make_problem()


def fit(problem, ssl=None, *, cls=GCN, run_dir=None, stop=None, callbacks=(), seed=0, **recipe):
    kwargs = {"in_channels": 12, "out_channels": 3, "hidden_channels": 8}
    model = build_model(cls, kwargs, seed)
    supervision = None if ssl is None else SelfSupervision.from_settings(ssl)
    given = {"epochs": 6, "weight_decay": 5e-4, "monitor": "acc", "ties": "last", **recipe}
    result = Trainer(callbacks=[*callbacks, *([supervision] if supervision else [])]).fit(
        model,
        NodeClassification(),
        problem,
        recipe=Recipe(**given, checkpoint_seconds=0),
        run_dir=run_dir,
        stop_requested=stop,
        seed=seed,
    )
    return SimpleNamespace(result=result, model=model, ssl=supervision)


def stop_after(steps):
    state = {"left": steps}

    def asked():
        state["left"] -= 1
        return state["left"] == 0

    return asked


def assert_same(one, other):
    assert one.result.history == other.result.history
    assert one.result.metrics == other.result.metrics
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, other.model.state_dict()[name]), name
    if one.ssl is not None and other.ssl is not None:
        assert one.ssl.history == other.ssl.history


@pytest.mark.parametrize("name", SUPPORTED)
def test_a_task_changes_the_training_and_its_loss_falls(problem, name):
    ssl = {"task": name, "lam": 1.0, "options": {"num_clusters": 4} if "clust" in name else {}}
    plain, done = fit(problem, epochs=40), fit(problem, ssl, epochs=40)
    assert done.result.history != plain.result.history
    losses = [row["ssl_loss"] for row in done.ssl.history]
    assert len(losses) == 40
    assert sum(losses[-5:]) < sum(losses[:5])


@pytest.mark.parametrize("mode", ["joint", "two_stage"])
@pytest.mark.parametrize("name", ["edgemask", "attributemask", "pairwisedistance"])
def test_weight_zero_is_the_plain_encoder_bit_for_bit(problem, name, mode):
    assert_same(fit(problem), fit(problem, {"task": name, "lam": 0, "mode": mode}))


def test_a_recipe_that_names_it_equals_the_callback(problem):
    ssl = {"task": "correctedlabel", "lam": 2.0}
    one, other = fit(problem, ssl), fit(problem)
    assert one.result.history != other.result.history
    model = build_model(GCN, {"in_channels": 12, "out_channels": 3, "hidden_channels": 8}, 0)
    recipe = Recipe(epochs=6, weight_decay=5e-4, monitor="acc", ties="last", ssl=ssl)
    found = Trainer().fit(model, NodeClassification(), problem, recipe=recipe)
    assert found.history == one.result.history


@pytest.mark.parametrize("mode", ["joint", "two_stage"])
@pytest.mark.parametrize("name", ["correctedlabel", "edgemask", "pairwiseattrsim"])
def test_resumed_anywhere_equals_uninterrupted(problem, name, mode, tmp_path):
    ssl = {"task": name, "lam": 2.0, "mode": mode, "pretrain_epochs": 4}
    whole = fit(problem, ssl)
    for steps in (1, 3, 5):
        folder = tmp_path / str(steps)
        stopped = fit(problem, ssl, run_dir=folder, stop=stop_after(steps))
        assert stopped.result.status == "interrupted"
        again = fit(problem, ssl, run_dir=folder)
        assert again.result.resumed_epoch == steps
        assert_same(again, whole)


def test_another_weight_does_not_continue_a_checkpoint(problem, tmp_path):
    ssl = {"task": "edgemask", "lam": 2.0}
    fit(problem, ssl, run_dir=tmp_path, stop=stop_after(2))
    with pytest.raises(CheckpointError, match="trained with"):
        fit(problem, {**ssl, "lam": 3.0}, run_dir=tmp_path)


def test_the_first_stage_trains_without_labels(problem):
    """Pretext tasks without labels: the start of the second stage does not depend on them."""
    from dataclasses import replace

    ssl = {"task": "nodeproperty", "lam": 1.0, "mode": "two_stage", "pretrain_epochs": 5}
    changed = replace(problem.train, target=problem.train.target.flip(0))
    one, other = fit(problem, ssl), fit(replace(problem, train=changed), ssl)
    first = [[r for r in done.ssl.history if r["epoch"] <= 0] for done in (one, other)]
    assert first[0] == first[1]
    assert [row["epoch"] for row in first[0]] == [-4, -3, -2, -1, 0]
    assert one.result.history != other.result.history
    assert one.result.history[0]["epoch"] == 1
    assert fit(problem).result.history[0] != one.result.history[0]


def test_validation_sees_the_whole_input(problem):
    seen = []

    class Watch(GCN):
        def forward(self, x, graph, edge_weight=None):
            seen.append((self.training, graph.num_edges))
            return super().forward(x, graph, edge_weight)

    fit(problem, {"task": "edgemask", "lam": 1.0}, cls=Watch, epochs=2)
    whole = problem.inputs.graph.num_edges
    assert {edges == whole for training, edges in seen if not training} == {True}
    trained = [edges for training, edges in seen if training]
    assert len(trained) == 2
    assert max(trained) < whole


@pytest.mark.parametrize("name", NODE_MODELS)
def test_every_node_model_of_the_registry(name):
    if name.startswith("pyg-"):
        pytest.importorskip("torch_geometric")
    problem = make_problem()
    card = model_cards()[name]
    width = "hidden" if "hidden" in card.options else "hidden_channels"
    model = build_model(card, {"in_channels": 12, "out_channels": 3, width: 8}, 0)
    before = [p.detach().clone() for p in model.parameters()]
    supervision = SelfSupervision([Distance2Labeled(), EdgeMask()], lam=1.0)
    result = Trainer(callbacks=[supervision]).fit(
        model, NodeClassification(), problem, recipe=Recipe(epochs=3)
    )
    assert len(supervision.history) == 3
    assert result.epochs_run == 3
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert repr(supervision._reader) == "EmbeddingReader(kind='hidden', width=8)"


def test_embeddings_are_the_hidden_units(problem):
    x, graph = problem.inputs.x, problem.inputs.graph
    model = GCN(12, 3, 8, dropout=0.5, input_dropout=0.0)
    reader = EmbeddingReader(model, x, graph, 3)
    model.train()
    reader.start()
    out = model(x, graph)
    after, before = reader.take(), reader.take(before_dropout=True)
    model.eval()
    hidden = model.convs[0](x, propagator(graph, 60)).relu()
    torch.testing.assert_close(before, hidden)
    kept = after != 0
    torch.testing.assert_close(after[kept], 2 * before[kept])
    assert 0.2 < float((after == 0).sum() - (before == 0).sum()) / float((before != 0).sum()) < 0.8
    reader.stop()
    with pytest.raises(InputError, match="not called"):
        reader.take()
    assert out.shape == (60, 3)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_the_choice_of_embeddings(problem):
    x, graph = problem.inputs.x, problem.inputs.graph
    dagnn = DAGNN(12, 8, 3)
    kinds = {c: EmbeddingReader(dagnn, x, graph, 3, choice=c) for c in ("auto", "hidden", "output")}
    assert [kinds[c].width for c in kinds] == [8, 8, 3]
    assert EmbeddingReader(MLP(12, 3, 8), x, graph, 3).kind == "hidden"
    one_layer = MLP(12, 3, 8, num_layers=1)
    assert EmbeddingReader(one_layer, x, graph, 3).kind == "output"
    with pytest.raises(InputError, match="no hidden units"):
        EmbeddingReader(one_layer, x, graph, 3, choice="hidden")


def test_looking_for_hidden_units_changes_nothing(problem):
    x, graph = problem.inputs.x, problem.inputs.graph
    model = GCN(12, 3, 8)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    rng = torch.get_rng_state()
    EmbeddingReader(model, x, graph, 3)
    assert model.training
    assert torch.equal(torch.get_rng_state(), rng)
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())


def test_weights_follow_the_data_set_and_notes_say_when_there_are_none(problem):
    from dataclasses import replace

    known = fit(replace(problem, dataset="citeseer"), {"task": "distance2labeled"})
    assert known.ssl.weights == {"distance2labeled": 10.0}
    unknown = fit(problem, {"task": "distance2labeled"})
    assert unknown.ssl.weights == {"distance2labeled": 1.0}
    assert "weight 1" in unknown.ssl.notes[0]
    several = fit(problem, {"task": {"edgemask": 2, "nodeproperty": 0}})
    assert several.ssl.weights == {"edgemask": 2.0, "nodeproperty": 0.0}
    assert_same(several, fit(problem, {"task": "edgemask", "lam": 2}))


def test_a_model_that_fits_itself_is_refused(problem):
    model = build_model(model_cards()["orbit-counts"], {"out_channels": 3}, 0)
    recipe = Recipe(ssl={"task": "edgemask"})
    with pytest.raises(ConfigError, match="fits itself"):
        Trainer().fit(model, NodeClassification(), problem, recipe=recipe)


def test_other_tasks_than_nodes_are_refused():
    task = LinkPrediction("random-85-5-10")
    problem = task.prepare(load("sbm-tiny", "link"), seed=0)
    from graphlab.models import GAE

    with pytest.raises(InputError, match="classification of nodes"):
        Trainer(callbacks=[SelfSupervision(EdgeMask())]).fit(
            GAE(**task.model_kwargs(problem)), task, problem, recipe=Recipe(epochs=1)
        )


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"tasks": []}, "nothing"),
        ({"tasks": ["edgemask"]}, "expected pretext tasks"),
        ({"tasks": [EdgeMask(), EdgeMask(0.2)]}, "twice"),
        ({"tasks": {EdgeMask(): -1}}, "weight of"),
        ({"tasks": EdgeMask(), "lam": -1}, "lam is -1"),
        ({"tasks": EdgeMask(), "mode": "x"}, "mode is 'x'"),
    ],
)
def test_wrong_settings_are_named(given, match):
    with pytest.raises(InputError, match=match):
        SelfSupervision(**given)


def test_a_wrong_recipe_names_the_setting():
    with pytest.raises(ConfigError, match=r"ssl: task is 'edgmask'\. Did you mean edgemask"):
        Recipe(ssl={"task": "edgmask"})


def test_the_trainer_in_one_call(tmp_path):
    data = load("karate")
    plain = SSLTrainer(task=None, epochs=5).fit(data)
    zero = SSLTrainer(task="edgemask", lam=0, epochs=5).fit(data)
    assert zero.test_acc == plain.test_acc
    assert zero.fit.history == plain.fit.history
    done = SSLTrainer(task={Distance2Labeled(): 2.0, "edgemask": None}, lam=1.0, epochs=5).fit(data)
    assert done.weights == {"distance2labeled": 2.0, "edgemask": 1.0}
    assert all({"loss", "ssl_loss", "val_acc"} <= set(row) for row in done.history)
    assert 0 <= done.test_acc <= 1
    stages = SSLTrainer("dagnn", Distance2Labeled(), 1.0, mode="two_stage", pretrain_epochs=3)
    stages = stages.fit(data)
    assert stages.history[0]["epoch"] == -2
    for ending in ("png", "svg"):
        done.plot(tmp_path / f"curves.{ending}")
        assert (tmp_path / f"curves.{ending}").stat().st_size > 1000


def test_the_trainer_takes_an_object_with_masks():
    data = load("karate")
    masks = {f"{stage}_mask": mask for stage, mask in data.split.items()}
    given = SimpleNamespace(
        x=data.graph.x,
        edge_index=data.graph.edge_index,
        y=data.graph.y,
        num_classes=data.num_classes,
        **masks,
    )
    one = SSLTrainer(task=Distance2Labeled(), lam=1.0, epochs=5).fit(data)
    other = SSLTrainer(task=Distance2Labeled(), lam=1.0, epochs=5).fit(given)
    assert other.test_acc == one.test_acc
    del given.val_mask
    with pytest.raises(InputError, match="val_mask"):
        SSLTrainer(epochs=1).fit(given)
    given.val_mask = torch.ones(3)
    with pytest.raises(InputError, match="val_mask has type"):
        SSLTrainer(epochs=1).fit(given)
