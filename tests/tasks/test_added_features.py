"""Features computed of the graph: what is appended, of which graph, and that links do not leak."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graphlab.datasets import load
from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.graphlets import orbit_counts
from graphlab.models import GCN, NCN, predict, recommend, save
from graphlab.models import load as load_model
from graphlab.tasks import LinkPrediction, NodeClassification
from graphlab.train import Recipe, Trainer, build_model
from graphlab.transforms.features import append_features

ADD = ["orbit-counts"]


def counts(graph):
    return torch.from_numpy(orbit_counts(graph)).double().log1p().float()


@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_columns_come_after_the_features(layout):
    graph = as_graph(torch.tensor([[0, 0, 1, 3], [1, 2, 2, 0]]), num_nodes=5)
    x = torch.tensor([[0.0, 2], [0, 0], [3, 0], [0, 0], [1, 1]])
    given = x if layout == "dense" else x.to_sparse_csr()
    found = append_features(given, graph, ADD)
    assert found.layout == given.layout
    if layout == "sparse":
        torch.sparse_csr_tensor(
            found.crow_indices(), found.col_indices(), found.values(), found.shape
        )
        found = found.to_dense()
    assert torch.equal(found, torch.cat([x, counts(graph)], 1))
    assert append_features(given, graph, []) is given


def test_type_and_repeated_names():
    graph = as_graph(torch.tensor([[0, 1], [1, 2]]), num_nodes=3)
    x = torch.ones(3, 1, dtype=torch.float64)
    found = append_features(x, graph, [*ADD, *ADD])
    assert found.shape == (3, 16)
    assert found.dtype == torch.float64
    assert append_features(None, graph, ADD).shape == (3, 15)
    empty = as_graph(torch.empty(2, 0, dtype=torch.int64), num_nodes=0)
    assert append_features(None, empty, ADD).shape == (0, 15)


def test_wrong_names_and_sizes_are_named():
    graph = as_graph(torch.tensor([[0], [1]]), num_nodes=2)
    message = r"'orbit-count' is not a feature that can be added \(orbit-counts\)\. Did you mean"
    for wrong in (
        lambda: append_features(None, graph, ["orbit-count"]),
        lambda: NodeClassification(add_features=["orbit-count"]),
        lambda: LinkPrediction(add_features=["orbit-count"]),
    ):
        with pytest.raises(InputError, match=message):
            wrong()
    with pytest.raises(InputError, match="x has 3 rows, but the graph has 2 nodes"):
        append_features(torch.ones(3, 1), graph, ADD)


def test_node_tasks_see_the_counts_of_the_graph():
    data = load("sbm-tiny")
    plain = NodeClassification("random-20-30", feature_norm="row").prepare(data, 0)
    task = NodeClassification("random-20-30", feature_norm="row", add_features=ADD)
    problem = task.prepare(data, 0)
    assert torch.equal(problem.inputs.x[:, :-15], plain.inputs.x)
    assert torch.equal(problem.inputs.x[:, -15:], counts(data.graph))
    assert task.model_kwargs(problem)["in_channels"] == plain.inputs.x.shape[1] + 15
    assert task.prepare(data, 1).inputs is problem.inputs
    assert problem.data_digest != plain.data_digest


def test_counts_stand_in_for_missing_features():
    data = load("sbm-tiny")
    data = replace(data, graph=data.graph.with_features(None))
    problem = NodeClassification("random-20-30", add_features=ADD).prepare(data, 0)
    assert torch.equal(problem.inputs.x, counts(data.graph))
    with pytest.raises(InputError, match=r"has no node features.*add_features"):
        NodeClassification("random-20-30").prepare(data, 0)


@pytest.mark.parametrize("use_val_edges", [False, True])
def test_links_see_the_counts_of_the_edges_that_a_stage_may_see(use_val_edges):
    data = load("sbm-tiny", "link")
    task = LinkPrediction("random-85-5-10", add_features=ADD, use_val_edges_as_input=use_val_edges)
    problem = task.prepare(data, 0)
    whole = counts(data.graph)
    for stage in (problem.train, problem.val, problem.test):
        assert torch.equal(stage.inputs.x[:, -15:], counts(stage.inputs.graph))
        assert not torch.equal(stage.inputs.x[:, -15:], whole)
    same = torch.equal(problem.train.inputs.x, problem.test.inputs.x)
    assert same is not use_val_edges


def test_links_that_are_to_be_predicted_do_not_reach_the_features():
    data = load("sbm-tiny", "link")
    task = LinkPrediction("random-85-5-10", add_features=ADD)
    problem = task.prepare(data, 0)
    hidden = torch.cat([problem.val.pos, problem.test.pos])
    trained = torch.cat([problem.train.edges, problem.train.edges.flip(1)]).t()
    alone = as_graph(trained, num_nodes=data.graph.num_nodes)
    assert torch.equal(problem.inputs.x[:, -15:], counts(alone))
    degrees = problem.inputs.x[:, -15].expm1().round().long()
    assert int(degrees.sum()) == 2 * len(problem.train.edges)
    assert len(hidden) + len(problem.train.edges) == data.graph.simple().num_edges // 2


def test_links_without_features_have_the_counts_alone():
    data = load("sbm-tiny", "link")
    data = replace(data, graph=data.graph.with_features(None))
    task = LinkPrediction("random-85-5-10", add_features=ADD, batch_size=2000)
    problem = task.prepare(data, 0)
    assert task.model_kwargs(problem) == {"in_channels": 15, "num_ids": None}
    model = build_model(NCN, {**task.model_kwargs(problem), "hidden_channels": 8}, 0)
    Trainer().fit(model, task, problem, recipe=Recipe(epochs=1, monitor="metric"))
    found = recommend(model, problem.inputs.graph, torch.tensor([0, 1]), 3)
    assert found.nodes.shape == (2, 3)


def test_a_trained_model_prepares_new_data_the_same_way(tmp_path):
    data = load("sbm-tiny")
    task = NodeClassification("random-20-30", feature_norm="row", add_features=ADD)
    problem = task.prepare(data, 0, sparse_ok=False)
    model = build_model(GCN, {**task.model_kwargs(problem), "hidden_channels": 8}, 0)
    Trainer().fit(model, task, problem, recipe=Recipe(epochs=2))
    expected = torch.softmax(model.eval()(problem.inputs.x, problem.inputs.graph), 1)
    torch.testing.assert_close(predict(model, data.graph), expected)
    again = load_model(save(model, tmp_path / "bundle"))
    torch.testing.assert_close(predict(again, data.graph), expected)
    width = problem.inputs.x.shape[1] - 15
    with pytest.raises(InputError, match=rf"expected \(n, {width}\)"):
        predict(model, data.graph, problem.inputs.x)


def test_tasks_without_them_are_what_they_were():
    for task in (NodeClassification(), LinkPrediction()):
        assert "add_features" not in vars(task)
        assert task.add_features == ()
        assert task.preprocessing == {"feature_norm": "none"}
