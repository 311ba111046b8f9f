"""F14 and F15: what is to be predicted reaches neither training nor selection.

``tests/train/test_every_model.py`` permutes test labels, and swaps the links that test asks for,
for every model. Here the test edges are taken out of the data itself, and the test stage is locked.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graphlab.datasets import load
from graphlab.graph import as_graph
from graphlab.registry import model_cards
from graphlab.tasks import LinkPrediction, NodeClassification
from graphlab.train import Recipe, Trainer, build_model

RECIPE = Recipe(epochs=3, lr=0.01, stop="none")
CARDS = model_cards()
FITTED = {name for name, card in CARDS.items() if hasattr(card.load(), "fit_nodes")}
NODE = sorted(n for n, card in CARDS.items() if "node" in card.tasks)
LINK = sorted(n for n, card in CARDS.items() if "link" in card.tasks)
LEARNT_LINK = [name for name in LINK if "hidden_channels" in CARDS[name].options]
SHARED = ("random-85-5-10", "ncn-70-10-20")


@pytest.fixture(scope="module")
def data():
    return load("sbm-tiny", "link")


def train(name, task, problem, **given):
    card = CARDS[name]
    sizes = {"hidden_channels": 8} if "hidden_channels" in card.options else {}
    model = build_model(card, {**task.model_kwargs(problem), **sizes}, 0)
    return model, Trainer(**given).fit(model, task, problem, recipe=RECIPE, seed=0)


def assert_equal_training(one, other):
    (model, result), (twin, again) = one, other
    for key, value in model.state_dict().items():
        assert torch.equal(value, twin.state_dict()[key]), key
    assert result.history == again.history
    assert result.best_epoch == again.best_epoch
    assert result.metrics["val"] == again.metrics["val"]


def without_hidden_edges(data, problem):
    """The same set as if nobody had ever seen the edges of val and test; other edges for test."""
    n = data.graph.num_nodes
    given = {"train": {"edge": problem.train.edges}}
    for stage in ("val", "test"):
        part = getattr(problem, stage)
        negatives = torch.stack([part.neg_source, part.neg_target], -1)
        edge = part.pos
        if stage == "test":
            edge = edge[: len(edge) // 2]
            negatives = negatives[: len(edge)]
        given[stage] = {"edge": edge, "edge_neg": negatives}
    graph = as_graph(problem.train.edges.t().contiguous(), n).with_features(data.graph.features)
    changed = replace(data, graph=graph)
    vars(changed)["official_split"] = given
    return changed


@pytest.mark.parametrize("added", [(), ("orbit-counts",)], ids=["", "orbit-counts"])
@pytest.mark.parametrize("protocol", [*SHARED, "heart-85-5-10"])
@pytest.mark.parametrize("name", LEARNT_LINK)
def test_a_graph_that_never_had_the_test_edges_trains_alike(data, name, protocol, added, tmp_path):
    options = {
        "batch_size": 500,
        "add_features": added,
    }
    if protocol.startswith("heart"):
        options["num_hard_negatives"] = 5
    sparse_ok = CARDS[name].sparse_input
    task = LinkPrediction(protocol, **options)
    problem = task.prepare(replace(data, root=tmp_path), 0, sparse_ok=sparse_ok)
    options.pop("num_hard_negatives", None)
    official = LinkPrediction("official", **options)
    poorer = official.prepare(without_hidden_edges(data, problem), 0, sparse_ok=sparse_ok)
    assert data.graph.num_edges > poorer.inputs.graph.num_edges
    one, other = train(name, task, problem), train(name, official, poorer)
    assert_equal_training(one, other)
    assert one[1].metrics["test"] != other[1].metrics["test"]


class Locked:
    """A test stage that nobody may look at before all epochs are over."""

    def __init__(self, stage, is_open):
        self._stage, self._is_open = stage, is_open

    def __getattr__(self, name):
        assert self._is_open(), f"test.{name} was read too early"
        return getattr(self._stage, name)


@pytest.mark.parametrize(
    ("kind", "name"), [("node", n) for n in NODE] + [("link", n) for n in LINK]
)
def test_the_test_stage_is_read_after_the_last_epoch(data, kind, name):
    if kind == "node":
        task = NodeClassification("random-20-30")
        problem = task.prepare(load("sbm-tiny"), 0, sparse_ok=CARDS[name].sparse_input)
    else:
        task = LinkPrediction("random-85-5-10", batch_size=500)
        problem = task.prepare(data, 0, sparse_ok=CARDS[name].sparse_input)
    learns = name not in FITTED and (kind == "node" or name in LEARNT_LINK)
    seen, stages = [], []

    class Watched(type(task)):
        def predict(self, model, problem, stage, *rest, **options):
            stages.append(stage)
            return super().predict(model, problem, stage, *rest, **options)

    task.__class__ = Watched
    whole = train(name, task, problem)
    stages.clear()
    # of a model without epochs the other stages are evaluated before test
    is_open = (lambda: len(seen) == RECIPE.epochs) if learns else (lambda: "train" in stages)
    locked = replace(problem, test=Locked(problem.test, is_open))
    found = train(name, task, locked, log=seen.append)
    assert_equal_training(whole, found)
    assert found[1].metrics == whole[1].metrics
    epochs = RECIPE.epochs if learns else 1
    assert stages == ["val"] * epochs + ["train", "test"]


def test_a_lock_is_no_ornament(data):
    """The check itself fails where test is read too early."""
    task = LinkPrediction("random-85-5-10")
    problem = task.prepare(data, 0)
    locked = replace(problem, test=Locked(problem.test, lambda: False))
    with pytest.raises(AssertionError, match="too early"):
        train("gae", task, locked)
