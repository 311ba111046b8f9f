"""Models that fit themselves: equal to scikit-learn, tied to their graph, saved and loaded."""

from __future__ import annotations

import copy

import networkx as nx
import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import cross_entropy

from graphlab.errors import ConfigError, InputError
from graphlab.graph import as_graph
from graphlab.graphlets import OrbitEmbedding, WalkEmbedding, orbit_counts
from graphlab.models import (
    OrbitCountsClassifier,
    OrbitEmbeddingClassifier,
    WalkEmbeddingClassifier,
    load,
    predict,
    save,
)
from graphlab.registry import find_model
from graphlab.tasks import LinkPrediction, NodeClassification
from graphlab.train import Recipe, Trainer, build_model

KEYS = ((2, 1, 1), (1, 4, 5))
MAKE = {
    "orbit-embedding": lambda c, **given: OrbitEmbeddingClassifier(c, KEYS, 8, **given),
    "walk-embedding": lambda c, **given: WalkEmbeddingClassifier(c, 2, 8, **given),
    "orbit-counts": OrbitCountsClassifier,
}

every_model = pytest.mark.parametrize("name", sorted(MAKE))


def columns(name, graph):
    if name == "orbit-counts":
        found = np.log1p(orbit_counts(graph).astype(float))
        return (found - found.mean(0)) / np.where(found.std(0) == 0, 1, found.std(0))
    made = OrbitEmbedding(KEYS, 8) if name == "orbit-embedding" else WalkEmbedding(2, 8)
    return made.fit_transform(graph)


@pytest.fixture(scope="module")
def example():
    """Three dense groups of different kind, labels of every other node."""
    parts = [nx.gnp_random_graph(20, p, seed=i) for i, p in enumerate((0.2, 0.4, 0.6))]
    network = nx.disjoint_union_all(parts)
    network.add_edges_from([(0, 20), (20, 40), (5, 45)])
    graph = as_graph(network)
    y = torch.arange(60) // 20
    index = torch.arange(0, 60, 2)
    return graph, y, index


@every_model
@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_those_of_scikit_learn(name, classes, example):
    graph, y, index = example
    y = y.clamp(max=classes - 1)
    model = MAKE[name](classes, C=0.5)
    model.fit_nodes(None, graph, index, y[index])
    rows = columns(name, graph)
    expected = LogisticRegression(C=0.5, max_iter=1000).fit(rows[index], y[index])
    found = torch.softmax(model(None, graph), 1).detach().numpy()
    np.testing.assert_allclose(found, expected.predict_proba(rows), atol=1e-5)


@pytest.mark.parametrize("name", ["orbit-embedding", "walk-embedding"])
def test_scaled_columns_are_scaled_over_all_nodes(name, example):
    graph, y, index = example
    model = MAKE[name](3, standardize=True)
    model.fit_nodes(None, graph, index, y[index])
    rows = columns(name, graph)
    rows = (rows - rows.mean(0)) / rows.std(0)
    expected = LogisticRegression(C=10.0, max_iter=1000).fit(rows[index], y[index])
    found = torch.softmax(model(None, graph), 1).detach().numpy()
    np.testing.assert_allclose(found, expected.predict_proba(rows), atol=1e-4)


@every_model
def test_features_and_other_forms_of_the_graph_change_nothing(name, example):
    graph, y, index = example
    model = MAKE[name](3)
    model.fit_nodes(torch.rand(60, 4), graph, index, y[index])
    expected = model(None, graph)
    for given in (graph.edge_index, graph.to_scipy(), as_graph(graph.edge_index.flip(0), 60)):
        assert torch.equal(model(torch.rand(60, 2), given), expected)


@every_model
def test_before_a_fit_all_classes_are_equal(name, example):
    model = MAKE[name](3)
    assert not model(None, example[0]).any()
    model.fit_nodes(None, *example[:1], example[2], example[1][example[2]])
    assert model(None, example[0]).any()
    model.reset_parameters()
    assert not model(None, example[0]).any()


@every_model
def test_a_class_without_training_nodes_is_never_predicted(name, example):
    graph, y, index = example
    model = MAKE[name](4)
    for labels in (y[index] + 1, torch.full_like(index, 2)):
        model.fit_nodes(None, graph, index, labels)
        logits = model(None, graph)
        assert torch.isfinite(logits).all()
        assert set(logits.argmax(1).tolist()) <= set(labels.tolist())
        assert torch.isfinite(cross_entropy(logits, torch.zeros(60, dtype=torch.int64)))


def test_an_embedding_serves_its_own_graph_alone(example):
    graph, y, index = example
    other = nx.gnp_random_graph(60, 0.3, seed=9)
    for name in ("orbit-embedding", "walk-embedding"):
        model = MAKE[name](3)
        model.fit_nodes(None, graph, index, y[index])
        with pytest.raises(InputError, match="was fitted on another graph"):
            model(None, other)
        again = copy.deepcopy(model)
        assert torch.equal(again(None, graph), model(None, graph))
    counts = MAKE["orbit-counts"](3)
    counts.fit_nodes(None, graph, index, y[index])
    assert counts(None, other).shape == (60, 3)


@every_model
def test_saved_loaded_and_predicted_without_features(name, example, tmp_path):
    graph, y, index = example
    model = MAKE[name](3)
    model.fit_nodes(None, graph, index, y[index])
    again = load(save(model, tmp_path / "bundle"))
    assert torch.equal(predict(again, graph), predict(model, graph))
    assert torch.equal(predict(again, graph, torch.rand(60, 2)), predict(model, graph))


@every_model
def test_double_precision(name, example):
    graph, y, index = example
    model = MAKE[name](3).double()
    model.fit_nodes(None, graph, index, y[index])
    with torch.inference_mode():
        model(None, graph)
    out = model(None, graph)
    assert out.dtype == torch.float64
    out.sum().backward()


@every_model
def test_wrong_arguments_are_named(name, example):
    graph, y, index = example
    with pytest.raises(InputError, match=r"C is 0, expected a number above 0"):
        MAKE[name](3, C=0)
    with pytest.raises(InputError, match="out_channels is 0"):
        MAKE[name](0)
    model = MAKE[name](2)
    with pytest.raises(InputError, match=r"target holds 0\.\.2, expected classes 0\.\.1"):
        model.fit_nodes(None, graph, index, y[index])
    with pytest.raises(InputError, match="target holds none"):
        model.fit_nodes(None, graph, index[:0], y[:0])
    with pytest.raises(InputError, match="takes no edge weights"):
        model(None, graph, torch.ones(graph.num_edges))


def test_a_graph_with_too_few_nodes_says_so():
    model = OrbitEmbeddingClassifier(2)
    with pytest.raises(InputError, match="dim is 64, but the graph has 5 nodes"):
        model(None, nx.path_graph(5))


def test_the_columns_of_a_graph_are_computed_once(example, monkeypatch):
    graph, y, index = example
    graph = as_graph(graph.edge_index.clone(), 60)
    first, second = (OrbitEmbeddingClassifier(3, KEYS, dim=7) for _ in range(2))
    first.fit_nodes(None, graph, index, y[index])
    monkeypatch.setattr(OrbitEmbedding, "fit_transform", None)
    second.fit_nodes(None, graph, index, y[index])
    assert torch.equal(first(None, graph), second(None, graph))


def test_cards_offer_options_that_toml_can_write():
    from graphlab.bench.option_types import coerce

    options = find_model("orbit-embedding").options
    assert coerce(options["keys"].annotation, [[2, 4, 5], [1, 0, 0]]) == [[2, 4, 5], [1, 0, 0]]
    built = build_model(
        find_model("orbit-embedding"),
        {"in_channels": 7, "out_channels": 3, "num_ids": None, "keys": [[2, 4, 5]]},
        seed=0,
    )
    assert built.embedding.keys == ((2, 4, 5),)


def test_a_task_without_labelled_nodes_refuses():
    from graphlab.datasets import load as load_data

    task = LinkPrediction("random-85-5-10")
    problem = task.prepare(load_data("sbm-tiny", "link"), 0)
    with pytest.raises(ConfigError, match="fits itself to labelled nodes"):
        Trainer().fit(OrbitCountsClassifier(2), task, problem, recipe=Recipe(monitor="metric"))


def test_a_structure_with_classes_is_learnt():
    from graphlab.datasets import load as load_data

    task = NodeClassification("random-20-30")
    problem = task.prepare(load_data("sbm-tiny"), 0)
    model = WalkEmbeddingClassifier(4, dim=16)
    found = Trainer().fit(model, task, problem)
    assert found.metrics["test"]["acc"] > 0.5
