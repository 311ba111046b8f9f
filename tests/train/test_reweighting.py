"""Edge re-weighting in training: golden weights, both orientations, when it happens, resuming."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from graphlab.datasets import load
from graphlab.errors import CheckpointError, ConfigError, InputError
from graphlab.graph import as_graph
from graphlab.models import GAE, GCN, TCGCN, TCSAGE, LightGCN
from graphlab.nn import LightGCNEncoder
from graphlab.registry import find_model
from graphlab.tasks import LinkPrediction
from graphlab.train import Callback, EdgeReweighter, Recipe, Trainer, build_model
from tests.topology.golden import read

MODELS = ["tc-gcn", "tc-sage", "lightgcn"]
SETTINGS = {"alpha": 2.0, "interval": 1, "warm_up": 1}
EDGES = torch.tensor([[0, 0, 1, 2, 3], [1, 2, 2, 3, 4]])  # node 5 is isolated
N = 6


class GivenRows(LightGCNEncoder):
    """An encoder whose rows are what they are, whatever the weights: one more loop at each node."""

    loops = True

    def __init__(self, H, normalization="gcn"):
        super().__init__(0, H.shape[1], 0, num_ids=H.shape[0])
        self.normalization = normalization
        self.start = nn.Embedding.from_pretrained(H.clone(), freeze=False)


def some_rows(n=N, width=4):
    return torch.rand(n, width, generator=torch.Generator().manual_seed(0))


def network(width=4):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(width, 8), nn.ReLU(), nn.Linear(8, 1))


def matrix(index, value, n=N):
    out = torch.zeros(n, n)
    out[tuple(index)] = value
    return out


@pytest.mark.parametrize("aug", ["gcn", "sage"])
@pytest.mark.parametrize("base", ["gcn", "sage"])
def test_golden_weights_by_the_callback(base, aug):
    data = {k: torch.from_numpy(v) if v.ndim else v.item() for k, v in read("reweight").items()}
    H = data["H"]
    n = len(H)
    index = torch.stack([data["edge_row"], data["edge_col"]])
    order = torch.argsort(index[0] * n + index[1])
    encoder = GivenRows(H, base)
    predictor = nn.Sequential(nn.Linear(8, 1), nn.ReLU(), nn.Linear(1, 1))
    for layer, part in ((0, "1"), (2, "2")):
        predictor[layer].weight = nn.Parameter(torch.atleast_2d(data[f"mlp_w{part}"]))
        predictor[layer].bias = nn.Parameter(
            torch.atleast_1d(torch.as_tensor(data[f"mlp_b{part}"]))
        )
    reweighter = EdgeReweighter(data["alpha"], interval=1, warm_up=1, aug=aug)
    model = SimpleNamespace(encoder=encoder, predictor=predictor, score=None)
    problem = SimpleNamespace(inputs=SimpleNamespace(x=None, graph=as_graph(index, n)))
    assert reweighter.on_epoch_start(model, problem, 1) is problem
    reweighter.on_epoch_end(model, problem, 1, {})
    entries = encoder.entries(problem.inputs.graph)
    assert torch.equal(encoder.added.index, index[:, order])
    plain = encoder.base_weight(entries)
    torch.testing.assert_close(plain, data[f"weight_{base}"][order], rtol=0, atol=1e-6)
    found = encoder.added(entries.csr, plain)
    expected = data[f"new_weight.{base}_base.{aug}_aug"][order]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert float((expected - plain).abs().max()) > 0.01


def update(encoder, predictor=None, graph=EDGES, **settings):
    reweighter = EdgeReweighter(**{**SETTINGS, **settings})
    assert reweighter.maybe_update(1, encoder, predictor or network(), None, as_graph(graph, N))
    entries = encoder.entries(as_graph(graph, N))
    assert torch.equal(entries.index, encoder.added.index)
    return matrix(entries.index, encoder.base_weight(entries)), matrix(
        entries.index, encoder.added.value
    )


@pytest.mark.parametrize("base", ["gcn", "sage"])
def test_official_weights_are_shared_by_receivers_and_the_transpose_by_senders(base):
    """What is added sums to alpha times the base of a column (sender), or of a row (receiver)."""
    given = GivenRows(some_rows(), base)
    before, official = update(given, orientation="official")
    torch.testing.assert_close(official.sum(0), 2 * before.sum(0))
    assert not torch.allclose(official.sum(1), 2 * before.sum(1))
    before, receiver = update(given, orientation="receiver")
    torch.testing.assert_close(receiver.sum(1), 2 * before.sum(1))
    assert not torch.allclose(receiver.sum(0), 2 * before.sum(0))
    if base == "gcn":  # a symmetric base: one is the transpose of the other
        torch.testing.assert_close(official, receiver.t())


def test_the_receiver_gathers_more_from_the_neighbour_it_believes_in():
    """Node 0 has neighbours 1 and 2; the scorer likes rows with a large product."""
    H = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    encoder, likes = GivenRows(H, "sage"), nn.Linear(2, 1, bias=False)
    nn.init.constant_(likes.weight, 9.0)
    reweighter = EdgeReweighter(**SETTINGS, aug="sage", orientation="receiver")
    reweighter.maybe_update(1, encoder, likes, None, as_graph([[0, 0], [1, 2]], 3))
    added = matrix(encoder.added.index, encoder.added.value, 3)
    assert added[0, 1] > added[0, 2]


def test_scores_of_the_model_make_the_difference_to_the_control():
    encoder = GivenRows(some_rows())
    before, added = update(encoder, score="constant")
    count = (before > 0).sum(0)
    torch.testing.assert_close(added, (2 * before.sum(0) / count) * (before > 0))
    assert not torch.allclose(update(encoder)[1], added)


def test_weights_never_accumulate():
    encoder, predictor = GivenRows(some_rows()), network()
    first = update(encoder, predictor)[1]
    for _ in range(3):
        assert torch.equal(update(encoder, predictor)[1], first)
    assert torch.equal(update(encoder, predictor, alpha=0.0)[1], torch.zeros(N, N))


def test_new_rows_are_encoded_with_the_weights_of_the_time():
    """H comes of the weights before the update, so that two updates differ from one."""
    torch.manual_seed(0)
    model, x = TCGCN(3, 4), torch.rand(N, 3)
    reweighter = EdgeReweighter(**SETTINGS)
    parts = model.encoder, model.predictor, x, as_graph(EDGES, N)
    seen = []
    for epoch in (1, 2):
        reweighter.maybe_update(epoch, *parts)
        seen.append(model.encoder.added.value)
    assert not torch.equal(*seen)


def test_an_isolated_node_has_its_loop_and_an_empty_graph_nothing_else():
    before, added = update(GivenRows(some_rows()))
    assert (before[5, 5], added[5, 5]) == (1, 2)
    assert int((added[5] != 0).sum()) == int((added[:, 5] != 0).sum()) == 1
    empty = torch.empty(2, 0, dtype=torch.int64)
    before, added = update(GivenRows(some_rows()), graph=empty)
    assert torch.equal(before, torch.eye(N))
    assert torch.equal(added, 2 * torch.eye(N))


@pytest.mark.parametrize("graph", [EDGES, torch.empty(2, 0, dtype=torch.int64)])
def test_without_loops_an_isolated_node_has_no_entry(graph):
    encoder = LightGCNEncoder(0, 4, num_ids=N)
    before, added = update(encoder, graph=graph)
    torch.testing.assert_close(added.sum(0), 2 * before.sum(0))
    assert not added[5].any()
    assert torch.isfinite(encoder(None, as_graph(graph, N))).all()


def test_an_update_learns_nothing_draws_nothing_and_leaves_modes_alone():
    model = TCSAGE(3, 4, dropout=0.5).train()
    model.predictor[0].eval()
    modes = [m.training for m in model.modules()]
    state = torch.get_rng_state()
    parts = model.encoder, model.predictor, torch.rand(N, 3, requires_grad=True)
    torch.set_rng_state(state)
    assert EdgeReweighter(**SETTINGS).maybe_update(1, *parts, as_graph(EDGES, N))
    assert torch.equal(torch.get_rng_state(), state)
    assert [m.training for m in model.modules()] == modes
    assert not model.encoder.added.value.requires_grad
    assert all(p.grad is None for p in model.parameters())


def test_the_schedule():
    reweighter = EdgeReweighter(interval=3, warm_up=7)
    assert [e for e in range(1, 20) if reweighter.due(e)] == [9, 12, 15, 18]
    assert [e for e in range(1, 200) if EdgeReweighter().due(e)] == [50, 100, 150]
    assert EdgeReweighter(interval=1, warm_up=0).due(1)


def test_the_graph_is_remembered_and_asked_for():
    model = TCGCN(3, 4)
    parts = 1, model.encoder, model.predictor, torch.rand(N, 3)
    reweighter = EdgeReweighter(**SETTINGS)
    with pytest.raises(InputError, match="graph is missing"):
        reweighter.maybe_update(*parts)
    reweighter.maybe_update(*parts, as_graph(EDGES, N))
    assert reweighter.maybe_update(*parts)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"alpha": float("nan")}, "alpha is nan"),
        ({"alpha": True}, "alpha is True"),
        ({"interval": 0}, "interval is 0"),
        ({"warm_up": -1}, "warm_up is -1"),
        ({"warm_up": 1.5}, "warm_up is 1.5"),
        ({"aug": "gat"}, "aug is 'gat'"),
        ({"orientation": "both"}, "orientation is 'both'"),
        ({"score": 1}, "score is 1"),
    ],
)
def test_wrong_settings_are_named_by_the_callback_and_by_the_recipe(given, text):
    with pytest.raises(InputError, match=text):
        EdgeReweighter(**given)
    with pytest.raises(ConfigError, match=r"reweight is .*expected a table of alpha"):
        Recipe(reweight=given)


# -- in a training --------------------------------------------------------------------------------


class Watch(Callback):
    """Keeps what was added at the end of each epoch, before the update if it comes first."""

    def __init__(self):
        self.added = []

    def on_epoch_end(self, model, problem, epoch, values):
        self.added.append(model.encoder.added.value.clone())


def fit(
    name="tc-gcn", *, epochs=4, reweight=SETTINGS, callbacks=(), hide=False, select="last", **given
):
    task = LinkPrediction("random-85-5-10", batch_size=500, target_link_removal=hide)
    problem = task.prepare(load("sbm-tiny", "link"), 0)
    kwargs = {**task.model_kwargs(problem), "hidden_channels": 8}
    model = build_model(find_model(name), kwargs, 0)
    recipe = Recipe(
        epochs=epochs,
        lr=0.01,
        checkpoint_seconds=0,
        reweight=reweight,
        monitor="auc",
        select=select,
    )
    result = Trainer(callbacks=callbacks).fit(model, task, problem, recipe=recipe, **given)
    return SimpleNamespace(model=model, result=result, task=task, problem=problem)


def stop_after(steps):
    left = [steps]

    def requested():
        left[0] -= 1
        return left[0] <= 0

    return requested


def assert_same(one, other):
    state = one.model.state_dict()
    assert state.keys() == other.model.state_dict().keys()
    for name, value in other.model.state_dict().items():
        assert torch.equal(state[name], value), name
    assert one.result.history == other.result.history
    assert one.result.metrics == other.result.metrics


@pytest.mark.parametrize("name", MODELS)
def test_resumed_anywhere_equals_uninterrupted(name, tmp_path):
    whole = fit(name)
    assert whole.model.encoder.added.value.numel()
    for steps in (2, 3, 5, 6):  # the end of an epoch, and the middle of one
        folder = tmp_path / str(steps)
        stopped = fit(name, run_dir=folder, stop_requested=stop_after(steps))
        assert stopped.result.status == "interrupted"
        assert_same(fit(name, run_dir=folder), whole)


def test_resumed_after_the_best_epoch_equals_uninterrupted(tmp_path):
    """The best state was kept before a checkpoint that has other weights than it."""
    given = {"epochs": 8, "select": "best"}
    whole = fit("lightgcn", **given)
    assert whole.result.best_epoch < 7
    fit("lightgcn", run_dir=tmp_path, stop_requested=stop_after(13), **given)
    assert_same(fit("lightgcn", run_dir=tmp_path, **given), whole)


def test_interrupted_many_times_equals_uninterrupted(tmp_path):
    status = "interrupted"
    while status == "interrupted":
        done = fit(run_dir=tmp_path, stop_requested=stop_after(2))
        status = done.result.status
    assert_same(done, fit())


@pytest.mark.parametrize("name", MODELS)
def test_a_recipe_that_names_it_equals_the_callback(name):
    assert_same(fit(name), fit(name, reweight=None, callbacks=[EdgeReweighter(**SETTINGS)]))


@pytest.mark.parametrize("name", MODELS)
def test_an_update_comes_after_its_epochs_evaluation(name):
    plain, late = fit(name, reweight=None), fit(name, reweight={**SETTINGS, "warm_up": 2})
    rows = zip(plain.result.history, late.result.history, strict=True)
    same = [one == other for one, other in rows]
    assert same[:2] == [True, True]
    assert same[2] is False
    assert plain.model.encoder.added.value.numel() == 0


def test_the_selected_epoch_is_tested_with_its_own_weights():
    watch = Watch()
    done = fit("lightgcn", epochs=8, callbacks=[watch], select="best")
    best = done.result.best_epoch
    assert 1 < best < 8, "choose other settings: the first or the last epoch is the best"
    kept = done.model.encoder.added.value
    # the watch is asked before the update of the same epoch: these weights were evaluated
    assert torch.equal(kept, watch.added[best - 1])
    assert not any(torch.equal(kept, other) for other in watch.added[best:])
    done.model.eval()
    with torch.no_grad():
        again = done.task.evaluate(done.task.predict(done.model, done.problem, "test"))
    assert again == done.result.metrics["test"]


@pytest.mark.parametrize("name", MODELS)
def test_hidden_training_links_leave_the_weights_of_the_others(name):
    done = fit(name, hide=True)
    assert torch.isfinite(torch.tensor(done.result.history[-1]["loss"]))
    graph = done.problem.inputs.graph
    loops = 0 if name == "lightgcn" else graph.num_nodes
    assert done.model.encoder.added.value.numel() == graph.num_edges + loops


@pytest.mark.parametrize(
    ("model", "what"),
    [(GAE(3, 4), "LinkEncoder"), (GCN(3, 4), "GCN"), (nn.Linear(2, 2), "Linear")],
)
def test_a_model_without_weights_is_refused_before_it_is_trained(model, what):
    problem = SimpleNamespace(inputs=None)
    if hasattr(model, "encoder"):
        model.predictor = nn.Identity()
        problem = SimpleNamespace(inputs=SimpleNamespace(x=None, graph=None))
    with pytest.raises(InputError, match=f"{what} .*re-weighted"):
        EdgeReweighter().on_epoch_start(model, problem, 1)
    with pytest.raises(InputError, match="takes no edge weights"):
        EdgeReweighter().maybe_update(1, nn.Linear(2, 2), nn.Identity(), None, None)


def test_a_training_of_such_a_model_ends_with_the_reason():
    with pytest.raises(InputError, match=r"GAE cannot be re-weighted.*tc-gcn"):
        fit("gae")


def test_another_reweighting_does_not_continue_a_checkpoint(tmp_path):
    given = {"reweight": None, "run_dir": tmp_path, "stop_requested": stop_after(3)}
    fit(callbacks=[EdgeReweighter(**SETTINGS)], **given)
    with pytest.raises(CheckpointError, match="re-weighted with"):
        fit(reweight=None, callbacks=[EdgeReweighter(**{**SETTINGS, "alpha": 1})], run_dir=tmp_path)
    with pytest.raises(CheckpointError):
        fit(run_dir=tmp_path)


def test_a_saved_model_has_its_weights(tmp_path):
    from graphlab.models import load as load_model
    from graphlab.models import save

    done = fit("lightgcn")
    save(done.model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert isinstance(again, LightGCN)
    x, graph = done.problem.inputs.x, done.problem.inputs.graph
    with torch.no_grad():
        assert torch.equal(again.encode(x, graph), done.model.eval().encode(x, graph))
