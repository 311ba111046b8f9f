"""Sets of graphs: splits, batches, losses, metrics by batch, shares of several processes."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from graphlab.collection import GraphCollection
from graphlab.datasets import load
from graphlab.errors import InputError, NonFiniteError
from graphlab.metrics import sbm_accuracy, weighted_cross_entropy
from graphlab.registry import find_task
from graphlab.tasks import GraphPrediction
from graphlab.tasks._graph_splits import graph_split
from graphlab.train import Recipe, Trainer
from graphlab.train.selection import Selection

NAN = float("nan")


class Net(nn.Module):
    """Features summed over neighbours, then a linear layer at the level that has labels."""

    def __init__(self, in_channels=3, out_channels=2, level="graph"):
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels)
        self.level = level

    def forward(self, batch):
        x = batch.x.reshape(batch.num_nodes, -1).to(self.linear.weight.dtype)
        source, target = batch.edge_index
        h = self.linear(x.index_add(0, target, x[source]))
        if self.level == "graph":
            return h.new_zeros(batch.num_graphs, h.shape[1]).index_add(0, batch.batch, h)
        return h if self.level == "node" else h[source] + h[target]


def graphs_of(count=40, seed=0, level="graph", y=None):
    """Rings of 3 to 7 nodes with random features and, unless given, labels 0 and 1."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(3, 8, count)
    index = np.concatenate(
        [np.stack([np.arange(n), (np.arange(n) + 1) % n]) for n in sizes.tolist()], 1
    )
    ptr = np.concatenate([[0], np.cumsum(sizes)])
    rows = count if level == "graph" else int(ptr[-1])
    labels = torch.from_numpy(rng.integers(0, 2, rows)) if y is None else y
    fields = {"node": {"x": torch.from_numpy(rng.normal(size=(int(ptr[-1]), 3))).float()}}
    fields.setdefault(level, {})["y"] = labels
    return GraphCollection(torch.from_numpy(index), ptr.tolist(), ptr.tolist(), **fields)


def data_of(graphs, *, metric="acc", num_classes=2, split=None):
    """What a task reads of a loaded set."""
    count = len(graphs)
    split = split or {
        "train": torch.arange(count // 2),
        "val": torch.arange(count // 2, 3 * count // 4),
        "test": torch.arange(3 * count // 4, count),
    }
    of_graphs = graphs.levels.get("y") == "graph"
    return SimpleNamespace(
        name="rings",
        graph=list(graphs),
        collection=graphs,
        targets=graphs.y if of_graphs else None,
        metric=metric,
        num_classes=num_classes,
        stored_splits={"official": split},
        card=SimpleNamespace(splits={}, protocols={"graph": ("official",)}),
    )


def test_registered():
    card = find_task("graph")
    assert card.protocols == ("official", "sbm", "tsp", "cv-10", "bgnn-5")
    assert card.load() is GraphPrediction


# --- splits


def test_cross_validation_tests_every_graph_once_and_keeps_the_classes_apart():
    data = data_of(graphs_of(100))
    tested = []
    for fold in range(10):
        split = graph_split(data, "cv-10", seed=fold)
        assert {s: len(ids) for s, ids in split.items()} == {"train": 81, "val": 9, "test": 10}
        assert torch.cat(list(split.values())).unique().numel() == 100
        shares = [data.targets[ids].float().mean().item() for ids in split.values()]
        assert max(shares) - min(shares) < 0.12
        tested += split["test"].tolist()
    assert sorted(tested) == list(range(100))


def test_fold_wins_over_seed_and_seeds_go_round():
    data = data_of(graphs_of(60))
    by_fold = graph_split(data, "cv-10", seed=0, fold=3)
    by_seed = graph_split(data, "cv-10", seed=13)
    assert all(torch.equal(by_fold[s], by_seed[s]) for s in by_fold)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"protocol": "public"}, "'public'; a set of graphs is split by official"),
        ({"protocol": "cv-10", "fold": 10}, r"fold is 10; cv-10 has 10 \(0..9\)"),
        ({"protocol": "official", "fold": 1}, r"official has 1 \(0..0\)"),
        ({"protocol": "bgnn-5"}, r"no bgnn-5 split \(it offers: official\)"),
    ],
)
def test_splits_that_there_are_not(options, text):
    with pytest.raises(InputError, match=text):
        graph_split(data_of(graphs_of()), seed=0, **options)


@pytest.mark.parametrize(
    ("split", "text"),
    [
        ({"train": [0, 1], "val": [1], "test": [2]}, "share graphs"),
        ({"train": [0, 1], "val": [2], "test": [40]}, "names graph 40, but it has 40"),
        ({"train": [0, 1], "val": [], "test": [2]}, "empty part: val"),
    ],
)
def test_damaged_splits(split, text):
    with pytest.raises(InputError, match=text):
        graph_split(data_of(graphs_of(), split=split), "official", 0)


def test_rare_classes_cannot_be_cross_validated():
    y = torch.zeros(40, dtype=torch.int64)
    y[:9] = 1
    with pytest.raises(InputError, match="has one with 9"):
        graph_split(data_of(graphs_of(y=y)), "cv-10", 0)


# --- problems


def test_stages_hold_their_own_graphs_alone():
    graphs = graphs_of()
    problem = GraphPrediction().prepare(data_of(graphs), 0)
    assert problem.sizes == {"train": 20, "val": 10, "test": 10}
    rows = graphs.node_ptr[20]
    storage = problem.train.graphs.x.untyped_storage()
    assert torch.equal(problem.train.graphs.x, graphs.x[:rows])
    assert storage.nbytes() == rows * 3 * 4  # a copy: nothing lies behind it


def test_arguments_follow_from_the_features():
    graphs = graphs_of()
    kwargs = GraphPrediction().model_kwargs(GraphPrediction().prepare(data_of(graphs), 0))
    assert kwargs["in_channels"] == 3
    assert (kwargs["node_input"], kwargs["edge_input"]) == ("linear", "ones")
    assert (kwargs["out_channels"], kwargs["level"], kwargs["pe_dim"]) == (2, "graph", 0)
    types = torch.arange(graphs.num_nodes) % 4
    bonds = torch.stack([torch.arange(graphs.num_edges) % 3, torch.arange(graphs.num_edges) % 2], 1)
    typed = graphs.with_field("x", types, "node").with_field("edge_attr", bonds, "edge")
    kwargs = GraphPrediction().prepare(data_of(typed), 0).arguments
    assert (kwargs["in_channels"], kwargs["node_input"]) == (4, "embedding")
    assert (kwargs["edge_channels"], kwargs["edge_input"]) == ((3, 2), "embedding")
    without = GraphPrediction(edge_features=False).prepare(data_of(typed), 0).arguments
    assert without["edge_input"] == "ones"


def test_sets_without_features_have_a_constant():
    problem = GraphPrediction("cv-10").prepare(load("csl"), 0)
    assert problem.arguments["in_channels"] == 1
    assert problem.train.graphs.x.unique().tolist() == [0]


def test_fewer_training_graphs_are_said():
    problem = GraphPrediction(train_graphs=5).prepare(data_of(graphs_of()), 0)
    assert problem.sizes["train"] == 5
    assert problem.notes == ("trained on 5 of 20 graphs",)


@pytest.mark.parametrize(
    ("data", "metric", "text"),
    [
        (data_of(graphs_of(y=torch.full((40,), 0.5))), "acc", "no classes"),
        (data_of(graphs_of(y=torch.full((40,), -1))), "acc", "label -1"),
        (data_of(graphs_of(y=torch.full((40,), 3.0))), "rocauc", "label 3; rocauc takes 0, 1"),
        (data_of(graphs_of(y=torch.zeros(40, 2))), "acc", "one class for each graph"),
        (data_of(graphs_of()), "accuracy", "expected one of acc"),
    ],
)
def test_labels_that_do_not_fit(data, metric, text):
    with pytest.raises(InputError, match=text):
        GraphPrediction(metric=metric).prepare(data, 0)


def test_one_graph_is_no_set():
    with pytest.raises(InputError, match="needs a set of graphs"):
        GraphPrediction().prepare(load("karate"), 0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"positional": "laplacian"}, "positional_dim 0; give both"),
        ({"positional": "sine", "positional_dim": 2}, "'sine'"),
        ({"metric": "rocauk"}, "Did you mean rocauc"),
    ],
)
def test_options_that_are_wrong(options, text):
    with pytest.raises(InputError, match=text):
        GraphPrediction(**options)


# --- batches


def test_batches_are_a_function_of_seed_and_epoch():
    task = GraphPrediction(batch_size=6)
    problem = task.prepare(data_of(graphs_of()), 7)

    def order(epoch):
        return [batch.index.tolist() for batch in task.train_batches(problem, epoch)]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert [len(part) for part in order(1)] == [6, 6, 6, 2]
    assert sorted(chain.from_iterable(order(3))) == list(range(20))


def test_signs_flip_in_training_alone_for_all_graphs_of_a_batch_alike():
    task = GraphPrediction(batch_size=10, positional="laplacian", positional_dim=2)
    problem = task.prepare(data_of(graphs_of()), 0)
    pe = problem.train.graphs.pe
    seen = set()
    for epoch in range(1, 5):
        for batch in task.train_batches(problem, epoch):
            plain = problem.train.graphs.batch(batch.index).pe
            assert torch.equal(batch.together.pe, plain * batch.signs)
            seen.add(tuple(batch.signs.tolist()))
    assert len(seen) > 1
    assert torch.equal(problem.train.graphs.pe, pe)
    calm = GraphPrediction(positional="laplacian", positional_dim=2, flip_signs=False)
    assert next(iter(calm.train_batches(problem, 1))).signs is None


# --- losses and metrics

REAL = torch.linspace(-1, 1, 40)
TASKS = torch.tensor([[1.0, NAN], [0.0, 1.0], [NAN, 0.0], [1.0, 0.0]]).repeat(10, 1)
CASES = {
    "acc": (graphs_of(), "acc", 2),
    "sbm_acc": (graphs_of(level="node"), "sbm_acc", 2),
    "f1": (graphs_of(level="edge"), "f1", 2),
    "rocauc": (graphs_of(y=TASKS), "rocauc", 2),
    "rmse": (graphs_of(y=REAL), "rmse", 1),
    "mae": (graphs_of(y=REAL), "mae", 1),
}


def case(name, **options):
    graphs, metric, outputs = CASES[name]
    task = GraphPrediction(metric=metric, **options)
    problem = task.prepare(data_of(graphs), 0)
    torch.manual_seed(0)
    return task, problem, Net(out_channels=outputs, level=problem.level).double()


def test_losses():
    for name in CASES:
        task, problem, net = case(name, batch_size=20)
        batch = next(iter(task.train_batches(problem, 1)))
        together = batch.together
        scores, y = net(together), together.y
        found = task.loss(net, batch)
        if name in {"acc", "f1"}:
            expected = nn.functional.cross_entropy(scores, y)
        elif name == "sbm_acc":
            expected = weighted_cross_entropy(scores, y)
        elif name == "rocauc":
            known = ~y.isnan()
            each = nn.functional.binary_cross_entropy_with_logits
            expected = each(scores[known], y[known].double())
        else:
            error = scores[:, 0] - y[:, 0].double()
            expected = error.square().mean() if name == "rmse" else error.abs().mean()
        assert found.item() == pytest.approx(expected.item(), abs=1e-12), name
        found.backward()
        assert net.linear.weight.grad.abs().sum() > 0, name


def test_a_batch_without_known_labels_teaches_nothing():
    graphs = graphs_of(y=torch.full((40, 1), NAN))
    task = GraphPrediction(metric="rmse")
    problem = task.prepare(data_of(graphs), 0)
    net = Net(out_channels=1)
    loss = task.loss(net, next(iter(task.train_batches(problem, 1))))
    loss.backward()
    assert loss.item() == 0
    assert not net.linear.weight.grad.any()


@pytest.mark.parametrize("name", CASES)
def test_predictions_do_not_depend_on_batches_but_means_over_batches_do(name):
    one, problem, net = case(name, eval_batch_size=10)
    three = case(name, eval_batch_size=4)[0]
    net.eval()
    with torch.no_grad():
        whole, parts = (t.predict(net, problem, "val") for t in (one, three))
    assert torch.allclose(whole.scores, parts.scores, rtol=1e-12, atol=1e-12)
    assert torch.equal(whole.index, parts.index)
    same = one.evaluate(whole)[name] == pytest.approx(three.evaluate(parts)[name], abs=1e-12)
    if name == "sbm_acc":
        sizes = [int(g.num_nodes) for g in problem.val.graphs]
        bounds = np.cumsum([0, sum(sizes[:4]), sum(sizes[4:8]), sum(sizes[8:])])
        by_hand = np.mean(
            [sbm_accuracy(parts.scores[a:b], parts.target[a:b]) for a, b in pairwise(bounds)]
        )
        assert three.evaluate(parts)[name] == pytest.approx(by_hand, abs=1e-12)
    elif name != "f1":
        assert same


@pytest.mark.parametrize("name", CASES)
def test_the_metric_of_the_set_selects_by_its_own_direction(name):
    problem = case(name)[1]
    task = GraphPrediction()  # which metric it is, the data tell
    recipe = Recipe(monitor="metric", schedule="plateau")
    selection = Selection(recipe, task, problem)
    assert selection.monitor == name
    for epoch, value in enumerate([2.0, 1.0, 3.0, 1.5], 1):
        selection.update(epoch, {"loss": 0.0, name: value})
    assert selection.best_epoch == (2 if name in {"rmse", "mae"} else 3)


def test_a_training_by_an_error_keeps_its_lowest():
    torch.manual_seed(0)
    graphs = graphs_of(y=REAL)
    problem = GraphPrediction(metric="rmse").prepare(data_of(graphs), 0)
    recipe = Recipe(epochs=6, lr=0.3, monitor="metric")
    result = Trainer().fit(Net(out_channels=1), GraphPrediction(), problem, recipe=recipe)
    values = [row["val_rmse"] for row in result.history]
    assert min(values) < max(values)
    assert result.metrics["val"]["rmse"] == min(values)


def test_scores_that_are_not_finite_are_refused():
    task, problem, net = case("rmse")
    net.linear.weight.data.fill_(NAN)
    with pytest.raises(NonFiniteError):
        task.evaluate(task.predict(net, problem, "test"))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("world", [2, 3])
def test_parts_of_a_batch_add_up_to_it(name, world):
    task, problem, net = case(name, batch_size=20)
    batch = next(iter(task.train_batches(problem, 1)))
    whole = task.loss(net, batch).item()
    parts = [task.batch_part(batch, rank=rank, world=world) for rank in range(world)]
    assert sum(share for _, share in parts) == pytest.approx(1, abs=1e-9)
    found = sum(task.loss(net, part).item() * share for part, share in parts)
    assert found == pytest.approx(whole, rel=1e-9)


def test_more_processes_than_graphs():
    task, problem, net = case("acc", batch_size=1, eval_batch_size=8)
    batch = next(iter(task.train_batches(problem, 1)))
    part, share = task.batch_part(batch, rank=1, world=2)
    assert share == 0
    assert task.loss(net, part).isfinite()
    rows = [task.predict_part(net, problem, "val", rank=r, world=3) for r in range(3)]
    assert [len(found.scores) for found in rows] == [8, 2, 0]
    assert torch.equal(torch.cat([r.index for r in rows]), problem.val.index)


def test_training_learns_end_to_end():
    sizes = graphs_of().node_ptr.diff()
    graphs = graphs_of(y=(sizes > 5).long())
    above = (sizes - 5.5).repeat_interleave(sizes)
    graphs = graphs.with_field("x", above.unsqueeze(1).expand(-1, 3).contiguous(), "node")
    task = GraphPrediction("cv-10", batch_size=8)
    data = data_of(graphs)
    problem = task.prepare(data, 0)
    recipe = Recipe(lr=0.05, epochs=60, checkpoint_seconds=0)
    fit = Trainer().fit(Net(), task, problem, recipe=recipe, seed=0)
    assert fit.metrics["test"]["acc"] == 1.0


def test_a_checkpoint_of_other_graphs_is_another_problem():
    task = GraphPrediction()
    first, same = (task.prepare(data_of(graphs_of()), 0) for _ in range(2))
    other = task.prepare(data_of(graphs_of(seed=1)), 0)
    assert first.data_digest == same.data_digest != other.data_digest
    assert first.split_digest == other.split_digest
    assert replace(first, seed=3).data_digest == first.data_digest
