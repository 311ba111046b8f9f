"""Link prediction: batches, loss, predictions, leaks, metrics, official splits, errors."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from graphlab.datasets import load
from graphlab.errors import InputError, NonFiniteError
from graphlab.graph import as_graph
from graphlab.registry import find_task
from graphlab.tasks import LinkPrediction, Predictions, RandomLinkSplit85_5_10
from graphlab.tasks.base import lower_is_better
from graphlab.train import build_model

STAGES = ("train", "val", "test")


class Watched(nn.Module):
    """Inner products after one mean over neighbours; notes what it is called with."""

    def __init__(self, in_channels, hidden_channels=8, *, num_ids=None):
        super().__init__()
        rows = in_channels if num_ids is None else num_ids
        self.weight = nn.Parameter(torch.randn(rows, hidden_channels))
        self.encoded, self.scored = [], []

    def encode(self, x, graph):
        self.encoded.append(graph)
        h = self.weight if x is None else x @ self.weight
        source, target = graph.edge_index
        return h + torch.zeros_like(h).index_add(0, target, 0.1 * h[source])

    def score(self, h, graph, pairs):
        assert pairs.shape[0] == 2
        assert pairs.dtype == torch.int64
        self.scored.append((graph, pairs))
        return (h[pairs[0]] * h[pairs[1]]).sum(1)


@pytest.fixture(scope="module")
def data():
    return load("sbm-tiny", "link")


def task(protocol="random-85-5-10", **options):
    return LinkPrediction(protocol, **options)


def pairs_of(array):
    return {tuple(sorted(pair)) for pair in torch.as_tensor(array).reshape(-1, 2).tolist()}


def edges_of(graph):
    return {tuple(sorted(pair)) for pair in graph.edge_index.t().tolist()}


def build(problem, **options):
    return build_model(Watched, {**task().model_kwargs(problem), **options}, 0)


def official(data, *, own=False, repeats=0, negatives=30):
    """The set with a split of its own, as an OGB set has one."""
    split = RandomLinkSplit85_5_10(3)(data.graph)
    train = split["train"]["edge"]
    if repeats:
        train = torch.cat([train, train[:repeats].flip(1)])
    given = {"train": {"edge": train, "weight": torch.ones(len(train))}}
    generator = torch.Generator().manual_seed(0)
    n = data.graph.num_nodes
    for stage in ("val", "test"):
        edge = split[stage]["edge"]
        if own:
            ends = torch.randint(0, n, (len(edge), negatives), generator=generator)
            given[stage] = {
                "source_node": edge[:, 0],
                "target_node": edge[:, 1],
                "target_node_neg": ends,
            }
        else:
            given[stage] = {"edge": edge, "edge_neg": split[stage]["edge_neg"]}
    graph = as_graph(train.t().contiguous(), n).with_features(data.graph.features)
    changed = replace(data, graph=graph, metric="mrr" if own else "hits@20")
    vars(changed)["official_split"] = given
    return changed


# ---- problems ---------------------------------------------------------------------------------


def test_card_is_readable_without_importing():
    card = find_task("linkpred")
    assert card.cls == "LinkPrediction"
    assert card.protocols == ("ncn-70-10-20", "random-85-5-10", "heart-85-5-10", "official")
    assert card.load() is LinkPrediction
    assert card.load().name == "link"
    options = {"metric", "batch_size", "eval_batch_size", "target_link_removal", "negatives"}
    assert options <= set(card.options)
    for protocol in card.protocols:
        names = {m.name for m in LinkPrediction(protocol).metrics}
        assert set(card.metrics.get(protocol, card.metrics[""])) == names


@pytest.mark.parametrize("protocol", ["ncn-70-10-20", "random-85-5-10"])
def test_the_input_graph_holds_the_training_edges_alone(data, protocol):
    problem = task(protocol).prepare(data, 1)
    train = pairs_of(problem.train.edges)
    assert edges_of(problem.inputs.graph) == train
    assert problem.inputs.graph.num_nodes == data.graph.num_nodes
    for stage in (problem.val, problem.test):
        assert stage.inputs is problem.inputs
        assert not pairs_of(stage.pos) & train
    assert problem.inputs.graph.is_undirected()
    assert problem.inputs.graph.simple() is problem.inputs.graph
    assert problem.inputs.graph.features is None
    assert problem.inputs.graph.y is None
    assert problem.seed == 1
    assert problem.sizes["train"] == len(train)
    assert problem.sizes["val_neg"] == len(problem.val.neg_source)


def reachable(value, seen=None):
    """Every tensor and array that can be reached through attributes and containers."""
    seen = set() if seen is None else seen
    if id(value) in seen or isinstance(value, type | str | bytes | int | float):
        return
    seen.add(id(value))
    if isinstance(value, Tensor | np.ndarray):
        yield torch.as_tensor(value)
    elif isinstance(value, dict):
        yield from chain.from_iterable(reachable(v, seen) for v in value.values())
    elif isinstance(value, list | tuple | set):
        yield from chain.from_iterable(reachable(v, seen) for v in value)
    elif hasattr(value, "__dict__"):
        yield from reachable(vars(value), seen)


def test_no_edge_to_predict_is_reachable_from_train(data):
    problem = task().prepare(data, 0)
    list(task().train_batches(problem, 1))
    hidden = pairs_of(problem.val.pos) | pairs_of(problem.test.pos)
    found = list(reachable(problem.train))
    assert any(t is problem.train.edges for t in found)
    for tensor in found:
        if tensor.is_floating_point() or tensor.dim() != 2 or 2 not in tensor.shape:
            continue
        rows = tensor if tensor.shape[1] == 2 else tensor.t()
        assert not pairs_of(rows) & hidden


def test_seed_decides_the_split_and_its_digest(data):
    one, again, other = (task().prepare(data, seed) for seed in (0, 0, 1))
    assert one.split_digest == again.split_digest != other.split_digest
    assert one.data_digest == again.data_digest != other.data_digest
    assert len(one.split_digest) == 64
    assert one.inputs.x is other.inputs.x  # seeds share what models derive from the features


def test_a_set_loaded_for_another_task_has_its_link_metric():
    problem = task().prepare(load("debdeps"), 0)
    assert problem.metrics[0].name == load("debdeps", "link").metric


def test_features_stay_sparse_where_the_model_takes_them(data):
    x = data.graph.x.clone()
    x[torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) < 0.97] = 0
    sparse = replace(data, graph=data.graph.with_features(x.to_sparse_csr()))
    kept = task().prepare(sparse, 0).inputs.x
    assert kept.layout == torch.sparse_csr
    dense = task().prepare(sparse, 0, sparse_ok=False).inputs.x
    assert dense.layout == torch.strided
    assert torch.equal(dense, x)  # nothing is normalised
    assert torch.equal(kept.to_dense(), x)
    normed = task(feature_norm="row").prepare(sparse, 0).inputs.x.to_dense()
    assert set(normed.sum(1).round(decimals=5).unique().tolist()) <= {0.0, 1.0}
    assert task(feature_norm="row").preprocessing == {"feature_norm": "row"}


def test_a_graph_without_features_gives_node_ids(data):
    bare = replace(data, graph=data.graph.with_features(None))
    problem = task().prepare(bare, 0)
    n = data.graph.num_nodes
    assert problem.inputs.x is None
    assert task().model_kwargs(problem) == {"in_channels": 0, "num_ids": n}
    model = build(problem)
    assert model.weight.shape[0] == n
    (batch, *_) = task().train_batches(problem, 1)
    assert torch.isfinite(task().loss(model, batch))

    class NeedsFeatures(nn.Module):
        def __init__(self, in_channels):
            super().__init__()

    with pytest.raises(InputError, match=r"NeedsFeatures needs node features.*num_ids"):
        build_model(NeedsFeatures, task().model_kwargs(problem), 0)


def test_with_features_there_are_no_ids(data):
    kwargs = task().model_kwargs(task().prepare(data, 0))
    assert kwargs == {"in_channels": 64, "num_ids": None}
    assert isinstance(build_model(nn.Identity, kwargs, 0), nn.Identity)


# ---- training ---------------------------------------------------------------------------------


def test_an_epoch_is_a_permutation_in_full_batches(data):
    problem = task().prepare(data, 0)
    count = len(problem.train.edges)
    asked = task(batch_size=100)
    batches = list(asked.train_batches(problem, 1))
    assert len(batches) == count // 100
    assert {len(b.pos) for b in batches} == {len(b.neg) for b in batches} == {100}
    together = torch.cat([b.pos for b in batches])
    assert len(together.unique(dim=0)) == len(together) == 100 * (count // 100)
    assert pairs_of(together) <= pairs_of(problem.train.edges)
    assert all(b.inputs is problem.inputs for b in batches)


def test_fewer_edges_than_a_batch_are_one_batch(data):
    problem = task().prepare(data, 0)
    (batch,) = task(batch_size=10**6).train_batches(problem, 1)
    assert pairs_of(batch.pos) == pairs_of(problem.train.edges)
    (whole,) = task(batch_size=len(problem.train.edges)).train_batches(problem, 1)
    assert torch.equal(whole.pos, batch.pos)


def test_negatives_are_no_training_edges(data):
    problem = task().prepare(data, 0)
    negatives = torch.cat([b.neg for b in task().train_batches(problem, 1)])
    assert not pairs_of(negatives) & pairs_of(problem.train.edges)
    assert (negatives[:, 0] != negatives[:, 1]).all()
    assert (negatives[:, 0] > negatives[:, 1]).any()  # ordered pairs, either way round
    assert (negatives[:, 0] < negatives[:, 1]).any()


@pytest.mark.parametrize("negatives", ["global-per-epoch", "per-source"])
def test_batches_are_a_function_of_seed_and_epoch(data, negatives):
    asked = task(negatives=negatives, batch_size=200)
    problem = task().prepare(data, 0)

    def drawn(epoch, problem=problem):
        torch.rand(3), np.random.rand(3)
        return [torch.cat([b.pos, b.neg]) for b in asked.train_batches(problem, epoch)]

    first = drawn(1)
    drawn(2)
    assert all(torch.equal(a, b) for a, b in zip(first, drawn(1), strict=True))
    assert not torch.equal(first[0], drawn(2)[0])
    assert not torch.equal(first[0], drawn(1, replace(problem, seed=9))[0])


def test_negatives_per_source_keep_the_first_node(data):
    problem = task().prepare(data, 0)
    for batch in task(negatives="per-source", batch_size=300).train_batches(problem, 1):
        assert torch.equal(batch.neg[:, 0], batch.pos[:, 0])
        assert len(batch.neg[:, 1].unique()) > 100


def test_the_loss_is_that_of_one_encoding_and_one_scoring(data):
    asked = task(batch_size=256)
    problem = asked.prepare(data, 0)
    model = build(problem)
    batch = next(iter(asked.train_batches(problem, 1)))
    loss = asked.loss(model, batch)
    (graph,) = model.encoded
    ((scored, pairs),) = model.scored
    assert scored is graph
    assert torch.equal(pairs.t(), torch.cat([batch.pos, batch.neg]))
    gone = pairs_of(batch.pos)
    assert edges_of(graph) == pairs_of(problem.train.edges) - gone
    assert graph.is_undirected()
    h = model.encode(problem.inputs.x, graph)
    pos, neg = ((h[p[:, 0]] * h[p[:, 1]]).sum(1) for p in (batch.pos, batch.neg))
    torch.testing.assert_close(loss, softplus(-pos).mean() + softplus(neg).mean())
    loss.backward()
    assert model.weight.grad.abs().sum() > 0
    assert edges_of(problem.inputs.graph) == pairs_of(problem.train.edges)  # is not changed


def test_without_removal_the_model_sees_the_training_graph(data):
    asked = task(target_link_removal=False)
    problem = asked.prepare(data, 0)
    model = build(problem)
    batch = next(iter(asked.train_batches(problem, 1)))
    asked.loss(model, batch)
    assert batch.hidden is None
    assert model.encoded[0] is problem.inputs.graph


def test_other_copies_of_an_edge_stay_unless_told_otherwise(data):
    many = official(data, repeats=50)
    asked = task("official", batch_size=400)
    problem = asked.prepare(many, 0)
    edges = problem.train.edges
    count = dict.fromkeys(pairs_of(edges), 0)
    for pair in edges.tolist():
        count[tuple(sorted(pair))] += 1
    assert sorted(set(count.values())) == [1, 2]
    partly = 0
    for batch in asked.train_batches(problem, 1):
        inside = dict.fromkeys(count, 0)
        for pair in batch.pos.tolist():
            inside[tuple(sorted(pair))] += 1
        expected = {pair for pair, here in inside.items() if here == count[pair]}
        assert pairs_of(batch.hidden) == expected
        partly += sum(0 < here < count[pair] for pair, here in inside.items())
    assert partly > 0
    for batch in task("official", batch_size=400, remove_all_copies=True).train_batches(problem, 1):
        assert pairs_of(batch.hidden) == pairs_of(batch.pos)


# ---- predictions ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 50, 10**6])
def test_shared_negatives_are_scored_in_chunks_after_one_encoding(data, size):
    problem = task().prepare(data, 0)
    model = build(problem)
    with torch.inference_mode():
        found = task(eval_batch_size=size).predict(model, problem, "val")
    assert len(model.encoded) == 1
    assert model.encoded[0] is problem.inputs.graph
    assert max(pairs.shape[1] for _, pairs in model.scored) <= size
    count = len(problem.val.pos)
    assert found.scores.shape == (2 * count,)
    assert found.target.tolist() == [1] * count + [0] * count
    assert found.index.tolist() == list(range(2 * count))
    pairs = torch.cat([pairs for _, pairs in model.scored], 1)
    assert torch.equal(pairs[:, :count].t(), problem.val.pos)
    assert torch.equal(pairs[0, count:], problem.val.neg_source)
    assert torch.equal(pairs[1, count:], problem.val.neg_target)


@pytest.mark.parametrize("size", [1, 31, 100, 10**6])
def test_own_negatives_have_one_row_a_positive(data, size):
    with_own = official(data, own=True)
    asked = task("official", eval_batch_size=size)
    problem = asked.prepare(with_own, 0)
    assert [m.name for m in problem.metrics] == ["mrr", "hits@10", "hits@20", "hits@50", "hits@100"]
    model = build(problem)
    with torch.inference_mode():
        found = asked.predict(model, problem, "test")
        h = model.encode(problem.inputs.x, problem.inputs.graph)
    part = with_own.official_split["test"]
    count = len(part["source_node"])
    assert found.scores.shape == (count, 31)
    assert found.target.tolist() == [0] * count
    expected = (h[part["source_node"]] * h[part["target_node"]]).sum(1)
    torch.testing.assert_close(found.scores[:, 0], expected)
    ends = h[part["target_node_neg"]]
    expected = (h[part["source_node"]].unsqueeze(1) * ends).sum(2)
    torch.testing.assert_close(found.scores[:, 1:], expected)
    values = asked.evaluate(found)
    pos, neg = found.scores[:, :1], found.scores[:, 1:]  # a drawn end may be the true one: a tie
    rank = 1 + ((neg > pos).sum(1) + (neg >= pos).sum(1)).double() / 2
    assert values["mrr"] == pytest.approx((1 / rank).mean().item(), abs=1e-9)
    assert list(values) == ["loss", "mrr", "hits@10", "hits@20", "hits@50", "hits@100"]


def test_the_train_stage_hides_what_it_asks(data):
    problem = task().prepare(data, 0)
    model = build(problem)
    with torch.inference_mode():
        found = task().predict(model, problem, "train")
    sample = problem.train_sample
    assert sample is problem.train_sample
    asked = pairs_of(sample.pos)
    assert asked <= pairs_of(problem.train.edges)
    assert len(asked) == len(problem.val.pos)
    assert edges_of(model.encoded[0]) == pairs_of(problem.train.edges) - asked
    negatives = pairs_of(torch.stack([sample.neg_source, sample.neg_target], 1))
    assert not negatives & pairs_of(problem.train.edges)
    assert found.scores.shape == (2 * len(asked),)
    again = task().prepare(data, 0).train_sample
    assert torch.equal(again.pos, sample.pos)


def test_test_may_see_validation_edges(data):
    asked = task(use_val_edges_as_input=True)
    problem = asked.prepare(data, 0)
    both = pairs_of(problem.train.edges) | pairs_of(problem.val.pos)
    assert edges_of(problem.test.inputs.graph) == both
    assert edges_of(problem.val.inputs.graph) == pairs_of(problem.train.edges)
    assert "test sees the validation edges" in problem.notes
    model = build(problem)
    with torch.inference_mode():
        asked.predict(model, problem, "test")
    assert model.encoded[0] is model.scored[0][0] is problem.test.inputs.graph


def test_values_of_shared_negatives(data):
    problem = task().prepare(data, 0)
    model = build(problem)
    with torch.inference_mode():
        found = task().predict(model, problem, "val")
    values = task().evaluate(found)
    names = ["loss", "hits@100", "hits@10", "hits@20", "hits@50", "mrr", "auc", "ap"]
    assert list(values) == names  # the monitored one comes first
    count = len(problem.val.pos)
    pos, neg = found.scores[:count], found.scores[count:]
    assert values["loss"] == pytest.approx(
        (softplus(-pos).mean() + softplus(neg).mean()).item(), rel=1e-6
    )
    wins = (pos.unsqueeze(1) > neg).double().mean().item()
    assert values["auc"] == pytest.approx(wins, abs=1e-9)


def test_half_precision_scores_are_evaluated_in_single(data):
    problem = task().prepare(data, 0)
    with torch.no_grad():
        found = task().predict(build(problem).bfloat16(), _halved(problem), "val")
    assert found.scores.dtype == torch.float32


def _halved(problem):
    inputs = replace(problem.inputs, x=problem.inputs.x.bfloat16())
    return replace(problem, val=replace(problem.val, inputs=inputs))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_non_finite_scores_are_refused_before_any_metric(bad):
    scores = torch.zeros(6)
    scores[4] = bad
    target = torch.tensor([1, 1, 1, 0, 0, 0])
    for given, labels in ((scores, target), (scores.reshape(2, 3), target[:2] * 0)):
        asked = task("heart-85-5-10") if given.dim() == 2 else task()
        with pytest.raises(NonFiniteError, match="not finite"):
            asked.evaluate(Predictions(given, labels, torch.arange(len(given))))


# ---- metrics ----------------------------------------------------------------------------------


def test_the_monitored_metric_is_the_option_the_card_or_mrr(data):
    assert task().prepare(data, 0).metrics[0].name == data.metric == "hits@100"
    assert task(metric="auc").prepare(data, 0).metrics[0].name == "auc"
    vessel = replace(data, metric="rocauc")
    assert task().prepare(vessel, 0).metrics[0].name == "auc"
    assert task("official").prepare(official(data), 0).metrics[0].name == "hits@20"
    assert task(metric="auc").monitor == "auc"
    assert task("heart-85-5-10").monitor == "mrr"
    assert lower_is_better(task(), "loss")
    assert not lower_is_better(task(), "hits@50")


def test_area_is_not_defined_for_own_negatives(data):
    with pytest.raises(InputError, match=r"metric is 'auc', .* negatives of its own; use mrr"):
        task("official", metric="auc").prepare(official(data, own=True), 0)


def test_wrong_options_are_named():
    for options, text in (
        ({"metric": "hits100"}, r"'hits100'.*Did you mean hits@100"),
        ({"feature_norm": "rows"}, "feature_norm is 'rows'"),
        ({"negatives": "global"}, "negatives is 'global'; expected one of global-per-epoch"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"eval_batch_size": 1.5}, "eval_batch_size is 1.5"),
        ({"num_hard_negatives": True}, "num_hard_negatives is True"),
        ({"split_seed": -1}, "split_seed is -1; expected an integer >= 0"),
    ):
        with pytest.raises(InputError, match=text):
            task(**options)
    with pytest.raises(InputError, match=r"'random-85-5' is not a link protocol.*Did you mean"):
        task("random-85-5")
    assert task("NCN_70_10_20").protocol == "ncn-70-10-20"


def test_what_cannot_be_split_is_named(data):
    with pytest.raises(InputError, match=r"fold is 2, .* stores no folds"):
        task().prepare(data, 0, fold=2)
    with pytest.raises(InputError, match="csl is a set of 150 graphs"):
        task().prepare(load("csl"), 0)
    with pytest.raises(InputError, match="seed is -1"):
        task("official").prepare(official(data), -1)
    with pytest.raises(InputError, match="no official split"):
        task("official").prepare(data, 0)


# ---- official splits and leaks ----------------------------------------------------------------


def test_official_graph_and_split_are_shared_by_seeds(data):
    given = official(data)
    one, other = (task("official").prepare(given, seed) for seed in (0, 1))
    assert one.inputs.graph is other.inputs.graph
    assert one.split_digest == other.split_digest
    assert one.seed != other.seed
    first, second = (next(iter(task().train_batches(p, 1))) for p in (one, other))
    assert not torch.equal(first.pos, second.pos)


def test_a_leak_in_an_official_split_is_refused_or_told(data):
    leaky = official(data)
    edge = leaky.official_split["val"]["edge"]
    more = torch.cat([leaky.graph.edge_index, edge[:2].t()], 1)
    changed = replace(leaky, graph=as_graph(more, data.graph.num_nodes))
    vars(changed)["official_split"] = leaky.official_split
    with pytest.raises(InputError, match=r"2 pairs .* in the graph they are predicted from"):
        task("official").prepare(changed, 0)
    # where pairs repeat on purpose, as two authors may write together again, it is said
    multi = official(data, repeats=5)
    changed = replace(multi, graph=as_graph(more, data.graph.num_nodes))
    vars(changed)["official_split"] = multi.official_split
    with pytest.warns(UserWarning, match=r"2 pairs .* official split is kept"):
        task("official").prepare(changed, 0)


def test_a_leak_in_a_drawn_split_is_refused(data, monkeypatch):
    leaking = RandomLinkSplit85_5_10(0)(data.graph)
    leaking["train"]["edge"] = torch.cat([leaking["train"]["edge"], leaking["test"]["edge"][:1]])
    monkeypatch.setattr(RandomLinkSplit85_5_10, "__call__", lambda self, graph: leaking)
    with pytest.raises(InputError, match=r"sbm-tiny: 1 pair .* are also training edges"):
        task().prepare(data, 0)


def test_common_neighbours_on_ogbl_ddi(mirror):
    from graphlab.ops import common_neighbors

    given = load("ogbl-ddi", "link")
    asked = task("official", eval_batch_size=65536)
    problem = asked.prepare(given, 0)
    assert problem.metrics[0].name == "hits@20"
    assert problem.inputs.x is None

    class CommonNeighbors(nn.Module):
        def encode(self, x, graph):
            return torch.zeros(graph.num_nodes, 0)

        def score(self, h, graph, pairs):
            return common_neighbors(graph, *pairs)[0].diff().double()

    for stage, expected in (("val", 0.0947), ("test", 0.1773)):
        with torch.inference_mode():
            values = asked.evaluate(asked.predict(CommonNeighbors(), problem, stage))
        assert values["hits@20"] == pytest.approx(expected, abs=5e-5)


# ---- HeaRT ------------------------------------------------------------------------------------


def test_heart_is_one_split_for_all_seeds_and_says_so(data):
    asked = task("heart-85-5-10", num_hard_negatives=20)
    one, other = (asked.prepare(data, seed) for seed in (0, 5))
    assert one.split_digest == other.split_digest
    assert one.inputs.graph is other.inputs.graph
    assert one.val.own_negatives
    assert one.sizes["test_neg"] == 20
    assert [m.name for m in one.metrics] == ["mrr", "hits@10", "hits@20", "hits@50", "hits@100"]
    (note,) = one.notes
    assert "not the published split" in note
    easy = task().prepare(data, 0)
    assert torch.equal(one.test.pos, easy.test.pos)
    model = build(one)
    with torch.inference_mode():
        found = asked.predict(model, one, "val")
        shared = asked.predict(model, one, "train")
    assert found.scores.shape == (len(one.val.pos), 21)
    assert set(asked.evaluate(found)) == set(asked.evaluate(shared))


def test_one_split_can_serve_all_seeds(data):
    fixed = [task(split_seed=0).prepare(data, seed) for seed in (0, 3)]
    drawn = [task().prepare(data, seed) for seed in (0, 3)]
    assert fixed[0].split_digest == fixed[1].split_digest == drawn[0].split_digest
    assert drawn[0].split_digest != drawn[1].split_digest
    assert [problem.seed for problem in fixed] == [0, 3]  # training still draws by the run's seed
