"""Node classification: inputs without labels, splits, feature layouts, losses, errors."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import pytest
import torch
from torch import Tensor, nn

from graphlab.datasets import load, make_split
from graphlab.errors import InputError, NonFiniteError
from graphlab.graph import Graph
from graphlab.metrics import ROC_AUC
from graphlab.registry import find_task
from graphlab.tasks import NodeClassification, Predictions
from graphlab.tasks.base import lower_is_better
from graphlab.train import Recipe
from graphlab.train.selection import Selection


@pytest.fixture(scope="module")
def data():
    return load("sbm-tiny")


@pytest.fixture
def sparse_data(data):
    """The same set with bag-of-words features, 3 % nonzero, one row empty, two words equal."""
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand(data.graph.num_nodes, 50, generator=generator) < 0.03).float()
    x[5] = 0
    x[6, :2] = torch.tensor([3.0, 1.0])
    x[6, 2:] = 0
    return replace(data, graph=data.graph.with_features(x.to_sparse_csr()))


def task(**options):
    return NodeClassification("random-20-30", **options)


class Linear(nn.Module):
    def __init__(self, in_channels, out_channels, *, logs=False):
        super().__init__()
        self.linear = nn.Linear(in_channels, out_channels)
        self.logs = logs

    def forward(self, x, graph, edge_weight=None):
        scores = x @ self.linear.weight.t() + self.linear.bias
        return scores.log_softmax(1) if self.logs else scores


def reachable(value, seen=None):
    """Every tensor that can be reached from an object through attributes and containers."""
    seen = set() if seen is None else seen
    if id(value) in seen or isinstance(value, type | str | bytes | int | float):
        return
    seen.add(id(value))
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from chain.from_iterable(reachable(v, seen) for v in value.values())
    elif isinstance(value, list | tuple | set):
        yield from chain.from_iterable(reachable(v, seen) for v in value)
    elif hasattr(value, "__dict__"):
        yield from reachable(vars(value), seen)


def test_card_is_readable_without_importing():
    card = find_task("node-classification")
    assert card.cls == "NodeClassification"
    assert card.protocols[0] == "public"
    options = {"feature_norm", "sparse_features", "metric", "add_features", "feature_pca"}
    options |= {"batch_size"}
    assert set(card.options) == options
    assert card.load().name == "node"


def test_features_can_be_replaced_by_principal_components(data):
    whole = task().prepare(data, 0).inputs.x
    whole = whole if whole.layout == torch.strided else whole.to_dense()
    for count in (2, 10_000):
        given = task(feature_pca=count)
        problem = given.prepare(data, 0)
        kept = min(count, *whole.shape)
        assert problem.inputs.x.shape == (whole.shape[0], kept)
        assert given.model_kwargs(problem)["in_channels"] == kept
        assert problem.inputs.x.mean(0).abs().max() < 1e-5
    assert task().prepare(data, 0).inputs.x.shape == whole.shape
    with pytest.raises(InputError, match="feature_pca is 0"):
        task(feature_pca=0)


def test_an_epoch_can_be_cut_into_batches_of_training_nodes(data):
    given = task(batch_size=30)
    problem = given.prepare(data, 0)
    batches = list(given.train_batches(problem, 1))
    count = problem.train.index.numel()
    assert [len(b.index) for b in batches] == [30] * (count // 30) + [count % 30] * (count % 30 > 0)
    seen = torch.cat([b.index for b in batches])
    assert torch.equal(seen.sort().values, problem.train.index)
    assert torch.equal(torch.cat([b.target for b in batches]), data.graph.y[seen])
    same = torch.cat([b.index for b in given.train_batches(problem, 1)])
    other = torch.cat([b.index for b in given.train_batches(problem, 2)])
    assert torch.equal(seen, same)
    assert not torch.equal(seen, other)
    assert list(task(batch_size=count).train_batches(problem, 1)) == [problem.train]
    with pytest.raises(InputError, match="batch_size is 0"):
        task(batch_size=0)


def test_a_model_that_scores_some_nodes_is_asked_for_these_alone(data):
    problem = task().prepare(data, 0)

    class Some(Linear):
        scores_nodes = True
        asked: list[Tensor] = []  # noqa: RUF012

        def forward(self, x, graph, *, nodes):
            self.asked.append(nodes)
            return super().forward(x, graph)[nodes]

    torch.manual_seed(0)
    model = Some(**task().model_kwargs(problem))
    all_nodes = Linear(**task().model_kwargs(problem))
    all_nodes.load_state_dict(model.state_dict())
    assert torch.equal(task().loss(model, problem.train), task().loss(all_nodes, problem.train))
    found, expected = (task().predict(m, problem, "val").scores for m in (model, all_nodes))
    assert torch.equal(found, expected)
    assert torch.equal(model.asked[0], problem.train.index)
    assert torch.equal(model.asked[1], problem.val.index)


def test_stages_are_the_split_in_ascending_order(data):
    problem = task().prepare(data, 3)
    split = make_split(data, "random-20-30", 3)
    for stage, mask in split.items():
        batch = getattr(problem, stage)
        assert torch.equal(batch.index, mask.nonzero().squeeze(1))
        assert torch.equal(batch.target, data.graph.y[batch.index])
    assert problem.sizes == {s: int(m.sum()) for s, m in split.items()}
    assert problem.seed == 3


def test_seed_decides_the_split_and_its_digest(data):
    one, again, other = (task().prepare(data, seed) for seed in (0, 0, 1))
    assert one.split_digest == again.split_digest != other.split_digest
    assert len(one.split_digest) == 64
    assert torch.equal(one.test.index, again.test.index)


def test_no_label_but_those_of_training_is_reachable_from_train(data):
    labelled = load("sbm-tiny")
    labelled.graph.cached("something", lambda: labelled.graph.y)
    problem = task().prepare(labelled, 0)
    assert problem.inputs.graph.y is None
    assert problem.inputs.graph.features is None
    found = list(reachable(problem.train))
    assert any(t is problem.train.target for t in found)
    n = labelled.graph.num_nodes
    for tensor in found:
        assert tensor is not labelled.graph.y
        assert not (
            tensor.numel() == n and torch.equal(tensor.reshape(-1).long(), labelled.graph.y)
        )
        assert tensor is not problem.test.target
        assert tensor is not problem.test.index
    assert isinstance(problem.inputs.graph, Graph)


def test_structure_and_features_are_shared_by_seeds_and_stages(data):
    one, other = task().prepare(data, 0), task().prepare(data, 1)
    assert one.inputs is other.inputs
    assert one.train.inputs is one.val.inputs is one.test.inputs
    dense_norm = task(feature_norm="row").prepare(data, 0)
    assert dense_norm.inputs is not one.inputs
    assert dense_norm.inputs.graph is one.inputs.graph  # propagators are built once


def test_sparse_features_stay_sparse_where_the_model_takes_them(sparse_data):
    kept = task().prepare(sparse_data, 0).inputs.x
    assert kept.layout == torch.sparse_csr
    for dense in (
        task().prepare(sparse_data, 0, sparse_ok=False).inputs.x,
        task(sparse_features=False).prepare(sparse_data, 0).inputs.x,
    ):
        assert dense.layout == torch.strided
        assert torch.equal(dense, kept.to_dense())


def test_layout_follows_the_density_not_the_storage(data, sparse_data):
    dense = sparse_data.graph.features.to_dense()
    stored_dense = replace(data, graph=data.graph.with_features(dense))
    assert task().prepare(stored_dense, 0).inputs.x.layout == torch.sparse_csr
    full = replace(data, graph=data.graph.with_features((dense + 1).to_sparse_csr()))
    assert task().prepare(full, 0).inputs.x.layout == torch.strided


@pytest.mark.parametrize("sparse_ok", [True, False])
def test_row_norm_sums_to_one_and_keeps_zero_rows(sparse_data, sparse_ok):
    before = sparse_data.graph.features.to_dense().clone()
    x = task(feature_norm="row").prepare(sparse_data, 0, sparse_ok=sparse_ok).inputs.x.to_dense()
    sums = x.sum(1)
    empty = before.sum(1) == 0
    assert bool(empty[5])
    torch.testing.assert_close(sums[~empty], torch.ones(int((~empty).sum())))
    assert not x[empty].any()
    assert x[6, :2].tolist() == [0.75, 0.25]
    assert torch.equal(sparse_data.graph.features.to_dense(), before)  # the input is not changed


def test_row_norm_of_negative_features_is_refused(data):
    signed = replace(data, graph=data.graph.with_features(data.graph.x - 0.5))
    with pytest.raises(InputError, match="feature_norm = 'none'"):
        task(feature_norm="row").prepare(signed, 0)
    assert task().prepare(signed, 0).inputs.x.min() == -0.5


def test_integer_features_become_floats(data):
    x = torch.randint(0, 5, (data.graph.num_nodes, 4))
    problem = task().prepare(replace(data, graph=data.graph.with_features(x)), 0)
    assert problem.inputs.x.dtype == torch.float32


def test_loss_is_the_same_for_logits_and_log_probabilities(data):
    problem = task().prepare(data, 0)
    sizes = task().model_kwargs(problem)
    assert sizes == {"in_channels": data.graph.x.shape[1], "out_channels": data.num_classes}
    model = Linear(**sizes)
    (batch,) = task().train_batches(problem, 1)
    loss = task().loss(model, batch)
    logits = model(data.graph.x, None)[problem.train.index]
    expected = -logits.log_softmax(1)[torch.arange(len(logits)), problem.train.target].mean()
    torch.testing.assert_close(loss, expected)
    model.logs = True
    torch.testing.assert_close(task().loss(model, batch), expected)


def test_predictions_and_values_of_a_stage(data):
    problem = task().prepare(data, 0)
    model = Linear(**task().model_kwargs(problem))
    with torch.inference_mode():
        predictions = task().predict(model, problem, "val")
    assert torch.equal(predictions.index, problem.val.index)
    values = task().evaluate(predictions)
    hit = predictions.scores.argmax(1) == problem.val.target
    assert values == {
        "loss": nn.functional.cross_entropy(predictions.scores, problem.val.target).item(),
        "acc": hit.double().mean().item(),
    }


def test_half_precision_scores_are_evaluated_in_single():
    model = Linear(2, 3).bfloat16()
    data = load("karate")
    problem = NodeClassification().prepare(data, 0)
    inputs = replace(problem.inputs, x=torch.zeros(34, 2, dtype=torch.bfloat16))
    problem = replace(problem, val=replace(problem.val, inputs=inputs))
    with torch.no_grad():
        assert NodeClassification().predict(model, problem, "val").scores.dtype == torch.float32


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("metric", ["acc", "rocauc"])
def test_non_finite_scores_are_refused_before_any_metric(bad, metric):
    scores = torch.zeros(4, 2)
    scores[2, 1] = bad
    predictions = Predictions(scores, torch.tensor([0, 1, 0, 1]), torch.arange(4))
    with pytest.raises(NonFiniteError, match="not finite"):
        task(metric=metric).evaluate(predictions)


def test_card_metric_is_used_unless_another_is_asked_for(data):
    y = (data.graph.y > 1).long()
    binary = replace(data, graph=data.graph.with_labels(y), num_classes=2, metric="rocauc")
    assert task().prepare(binary, 0).metrics == (ROC_AUC,)
    assert task(metric="acc").prepare(binary, 0).metrics[0].name == "acc"
    problem = task().prepare(binary, 0)
    model = Linear(**task().model_kwargs(problem))
    with torch.inference_mode():
        predictions = task().predict(model, problem, "test")
    values = task().evaluate(predictions)
    margin = (predictions.scores[:, 1] - predictions.scores[:, 0]).numpy()
    from sklearn.metrics import roc_auc_score

    assert values["rocauc"] == pytest.approx(roc_auc_score(predictions.target, margin), abs=1e-6)
    assert "acc" not in values


def test_the_metric_of_the_set_is_selected_by(data):
    y = (data.graph.y % 2).long()
    binary = replace(data, graph=data.graph.with_labels(y), num_classes=2, metric="rocauc")
    node = NodeClassification("random-20-30")
    selection = Selection(Recipe(monitor="metric"), node, node.prepare(binary, 0))
    assert selection.monitor == "rocauc"
    assert not selection.lower
    assert selection.update(1, {"loss": 0.5, "rocauc": 0.7})


def test_direction_of_values():
    assert lower_is_better(task(), "loss")
    assert not lower_is_better(task(), "acc")
    assert task(metric="rocauc").monitor == "rocauc"
    with pytest.raises(KeyError):
        lower_is_better(task(metric="acc"), "rocauc")


def test_wrong_options_are_named(data):
    with pytest.raises(InputError, match="feature_norm is 'rows'"):
        NodeClassification(feature_norm="rows")
    with pytest.raises(InputError, match=r"'rocaux'.*Did you mean rocauc"):
        NodeClassification(metric="rocaux")
    with pytest.raises(InputError, match="takes two"):
        task(metric="rocauc").prepare(data, 0)
    with pytest.raises(InputError, match=r"'random-20' is not a node protocol.*Did you mean"):
        NodeClassification("random-20").prepare(data, 0)


def test_missing_parts_are_named(data):
    for graph, part in (
        (data.graph.with_labels(None), "labels"),
        (data.graph.with_features(None), "features"),
    ):
        with pytest.raises(InputError, match=f"no node {part}"):
            task().prepare(replace(data, graph=graph), 0)


def test_targets_that_are_no_classes_are_refused_not_rounded(data):
    y = data.graph.y
    for wrong, text in (
        (torch.stack([y, y], 1), r"labels of shape \(400, 2\)"),
        (y + 0.5, "0.5"),
        (torch.where(y == 0, torch.nan, y.double()), "nan"),
    ):
        with pytest.raises(InputError, match=text):
            task().prepare(replace(data, graph=data.graph.with_labels(wrong)), 0)
        with pytest.raises(InputError, match=text):
            make_split(replace(data, graph=data.graph.with_labels(wrong)), "random-20-30", 0)
    for same in (y.double(), y.unsqueeze(1), y.int()):
        problem = task().prepare(replace(data, graph=data.graph.with_labels(same)), 0)
        assert torch.equal(problem.train.target, task().prepare(data, 0).train.target)


def test_a_set_of_graphs_is_refused():
    with pytest.raises(InputError, match="csl is a set of 150 graphs"):
        NodeClassification("public").prepare(load("csl"), 0)


def test_empty_stage_and_labels_out_of_range_name_the_numbers(data):
    n = data.graph.num_nodes
    masks = {s: torch.zeros(n, 1, dtype=torch.bool) for s in ("train", "val", "test")}
    masks["train"][:10] = masks["test"][10:30] = True
    stored = replace(data, stored_splits={"public": masks})
    with pytest.raises(InputError, match="empty part: train 10, val 0, test 20"):
        NodeClassification("public").prepare(stored, 0)
    masks["val"][30:40] = True
    y = data.graph.y.clone()
    y[35] = 99
    with pytest.raises(InputError, match=r"val nodes: labels lie in 0\.\.99, .* 4 classes"):
        NodeClassification("public").prepare(replace(stored, graph=data.graph.with_labels(y)), 0)


def test_unlabelled_nodes_outside_the_split_do_not_matter(data):
    n = data.graph.num_nodes
    masks = {s: torch.zeros(n, 1, dtype=torch.bool) for s in ("train", "val", "test")}
    masks["train"][:10] = masks["val"][10:20] = masks["test"][20:30] = True
    y = data.graph.y.clone()
    y[30:] = -1
    unlabelled = replace(data, graph=data.graph.with_labels(y), stored_splits={"public": masks})
    assert NodeClassification("public").prepare(unlabelled, 0).sizes["test"] == 10
