"""Top-k new links of nodes: what is left out, ties, chunks, and every kind of link model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from graphlab.errors import InputError, NonFiniteError
from graphlab.graph import as_graph
from graphlab.models import GAE, GCN, NCN, NCNC, load, predict, recommend, save
from graphlab.registry import register_model

# a star around 0, a triangle 1-2-3 inside it, and the isolated nodes 6 and 7
EDGES = [[0, 0, 0, 0, 0, 1, 2, 1], [1, 2, 3, 4, 5, 2, 3, 3]]
GRAPH = as_graph(EDGES, 8)


class ByNumber(nn.Module):
    """Scores a pair by the numbers of its nodes; counts its calls and the pairs in each."""

    def __init__(self, function=lambda src, dst: dst.float()):
        super().__init__()
        self.function, self.calls = function, []

    def encode(self, x, graph):
        self.seen = (x, graph, self.training, torch.is_inference_mode_enabled())

    def score(self, h, graph, pairs):
        self.calls.append(pairs.shape[1])
        return self.function(*pairs)


@register_model("common", tasks=("link",), paper="none")
class Common(nn.Module):
    """Number of common neighbours, without parameters."""

    def encode(self, x, graph):
        return None

    def score(self, h, graph, pairs):
        matrix = torch.zeros(graph.num_nodes, graph.num_nodes)
        matrix[graph.edge_index[0], graph.edge_index[1]] = 1
        return (matrix[pairs[0]] * matrix[pairs[1]]).sum(1)


def test_neighbours_and_the_node_itself_are_left_out():
    found = recommend(ByNumber(), GRAPH, [1, 4], k=3)
    assert found.query.tolist() == [1, 4]
    assert found.nodes.tolist() == [[7, 6, 5], [7, 6, 5]]
    assert found.scores.tolist() == [[7.0, 6.0, 5.0], [7.0, 6.0, 5.0]]
    assert recommend(ByNumber(lambda s, d: -d.float()), GRAPH, 4, k=2).nodes.tolist() == [[1, 2]]


def test_too_few_candidates_leave_a_filler():
    found = recommend(ByNumber(), GRAPH, [0], k=4)
    assert found.nodes.tolist() == [[7, 6, -1, -1]]
    assert found.scores.tolist() == [[7.0, 6.0, -torch.inf, -torch.inf]]
    none = recommend(ByNumber(), GRAPH, [0], k=2, candidates=[0, 1, 2])
    assert none.nodes.tolist() == [[-1, -1]]
    assert recommend(ByNumber(), GRAPH, [0], k=2, candidates=[]).nodes.tolist() == [[-1, -1]]


def test_equal_scores_are_ordered_by_node():
    found = recommend(Common(), GRAPH, [4, 6], k=5)
    assert found.nodes.tolist() == [[1, 2, 3, 5, 6], [0, 1, 2, 3, 4]]
    assert found.scores[0].tolist() == [1, 1, 1, 1, 0]


def test_the_answer_is_that_of_sorting_all_pairs():
    generator = torch.Generator().manual_seed(3)
    edges = torch.randint(0, 60, (2, 150), generator=generator)
    values = torch.randint(0, 5, (60, 60), generator=generator).float()  # many ties
    graph = as_graph(edges, 60)
    simple = graph.simple()
    found = recommend(ByNumber(lambda s, d: values[s, d]), graph, range(60), k=9)
    for node in range(60):
        known = {node, *simple.edge_index[1][simple.edge_index[0] == node].tolist()}
        best = sorted(set(range(60)) - known, key=lambda v: (-values[node, v], v))[:9]
        assert found.nodes[node].tolist() == best
        assert found.scores[node].tolist() == values[node, best].tolist()


@pytest.mark.parametrize("batch_size", [1, 3, 8, 20, 10_000])
def test_chunks_change_nothing_and_are_never_larger(batch_size):
    model = ByNumber(lambda s, d: torch.sin(s + 3.0 * d))
    found = recommend(model, GRAPH, range(8), k=3, batch_size=batch_size)
    whole = recommend(ByNumber(model.function), GRAPH, range(8), k=3)
    assert torch.equal(found.nodes, whole.nodes)
    assert torch.equal(found.scores, whole.scores)
    assert max(model.calls) <= batch_size
    assert sum(model.calls) == 64


def test_candidates_narrow_in_any_order_and_count_once():
    found = recommend(ByNumber(), GRAPH, [1], k=3, candidates=np.array([5, 2, 4, 5, 1]))
    assert found.nodes.tolist() == [[5, 4, -1]]


@pytest.mark.parametrize("nodes", [3, [3], (3,), np.array([3]), torch.tensor([3]), np.int32(3)])
def test_nodes_may_be_given_in_any_form(nodes):
    assert recommend(ByNumber(), GRAPH, nodes, k=1).nodes.tolist() == [[7]]


def test_no_nodes_give_no_rows():
    found = recommend(ByNumber(), GRAPH, [], k=4)
    assert (len(found), found.nodes.shape, found.scores.shape) == (0, (0, 4), (0, 4))
    assert found.to_frame().empty


def test_repeated_nodes_have_a_row_each():
    found = recommend(ByNumber(), GRAPH, [4, 0, 4], k=1)
    assert found.nodes.tolist() == [[7], [7], [7]]


def test_a_directed_edge_list_with_loops_and_repeats_counts_as_its_simple_graph():
    messy = [[0, 1, 1, 2], [1, 0, 0, 2]]
    assert recommend(ByNumber(), as_graph(messy, 3), [0, 1], k=2).nodes.tolist() == [
        [2, -1],
        [2, -1],
    ]


# -- what the model is given ----------------------------------------------------------------------


def test_the_model_runs_in_evaluation_mode_and_is_left_as_it_was():
    model = ByNumber().train()
    state = torch.get_rng_state()
    found = recommend(model, GRAPH, [0], k=1)
    assert model.seen[2:] == (False, True)
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert not found.scores.is_inference()


def test_features_come_from_the_graph_or_from_x():
    x = torch.rand(8, 5, generator=torch.Generator().manual_seed(0))
    model = GAE(5, 8, input_dropout=0.5, dropout=0.5).train()
    inside = recommend(model, GRAPH.with_features(x), [0, 4], k=3)
    given = recommend(model, GRAPH, [0, 4], k=3, x=x.numpy())
    assert torch.equal(inside.scores, given.scores)
    model.eval()
    simple = GRAPH.simple()
    with torch.no_grad():
        h = model.encode(x, simple)
        expected = model.score(h, simple, torch.tensor([[4], [int(given.nodes[1, 0])]]))
    assert given.scores[1, 0] == pytest.approx(expected.item(), rel=1e-5)


def test_features_are_prepared_as_in_training():
    from graphlab.models.inference import attach

    x = torch.rand(8, 5, generator=torch.Generator().manual_seed(0))
    model = GAE(5, 8)
    plain = recommend(model, GRAPH, [4], k=2, x=x / x.sum(1, keepdim=True))
    attach(model, preprocessing={"feature_norm": "row"})
    assert torch.allclose(recommend(model, GRAPH, [4], k=2, x=x).scores, plain.scores)


@pytest.mark.parametrize("kind", [GAE, NCN, NCNC])
def test_models_of_node_ids_need_no_features(kind):
    model = kind(0, 8, num_ids=8)
    found = recommend(model, GRAPH, range(8), k=2)
    assert found.nodes.shape == (8, 2)
    assert torch.equal(recommend(model, EDGES, range(8), k=2).nodes, found.nodes)  # 6 and 7 too
    with pytest.raises(InputError, match=r"graph has 9 nodes, but .* has learnt 8 node ids"):
        recommend(model, as_graph(EDGES, 9), [0])


@pytest.mark.parametrize("kind", [GAE, NCN, NCNC])
def test_sparse_features_serve_every_model(kind):
    x = torch.eye(8)
    model = kind(8, 4)
    dense = recommend(model, GRAPH, range(8), k=4, x=x)
    sparse = recommend(model, GRAPH, range(8), k=4, x=x.to_sparse_csr())
    assert torch.allclose(dense.scores, sparse.scores, atol=1e-5)


def test_a_model_can_be_trained_further_after_recommending():
    model = NCN(3, 4)
    graph = as_graph(EDGES, 8)
    x = torch.ones(8, 3)
    recommend(model, graph, [0], k=1, x=x)
    h = model.encode(x, graph.simple())
    model.score(h, graph.simple(), torch.tensor([[1], [4]])).sum().backward()


def test_after_training_three_lines_give_new_links():
    from graphlab.datasets import load as load_data
    from graphlab.tasks import LinkPrediction
    from graphlab.train import Recipe, Trainer, build_model

    data = load_data("karate", "link")
    task = LinkPrediction("random-85-5-10", batch_size=32)
    problem = task.prepare(data, seed=0)
    model = build_model(GAE, {**task.model_kwargs(problem), "hidden_channels": 8}, seed=0)
    Trainer().fit(model, task, problem, recipe=Recipe(epochs=2))
    found = recommend(model, data.graph, [0, 33], k=3)
    frame = found.to_frame()
    assert len(frame) == 6
    edges = set(zip(*data.graph.simple().edge_index.tolist(), strict=True))
    assert not edges & set(zip(frame["node"], frame["link"], strict=True))


# -- the result -----------------------------------------------------------------------------------


def test_the_frame_has_a_line_a_link_without_fillers():
    frame = recommend(ByNumber(), GRAPH, [0, 4], k=3).to_frame()
    assert list(frame.columns) == ["node", "rank", "link", "score"]
    assert frame["node"].tolist() == [0, 0, 4, 4, 4]
    assert frame["rank"].tolist() == [1, 2, 1, 2, 3]
    assert frame["link"].tolist() == [7, 6, 7, 6, 5]
    names = [f"n{i}" for i in range(8)]
    named = recommend(ByNumber(), GRAPH, [0], k=3).to_frame(names)
    assert named[["node", "link"]].to_numpy().tolist() == [["n0", "n7"], ["n0", "n6"]]
    with pytest.raises(InputError, match="names holds 3 names, but node 7 is shown"):
        recommend(ByNumber(), GRAPH, [0]).to_frame(["a", "b", "c"])


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"nodes": [8]}, "nodes holds node 8, but the graph has 8 nodes"),
        ({"nodes": [-1]}, "nodes holds node -1"),
        ({"nodes": [0.5]}, "nodes is torch.float32"),
        ({"nodes": [True]}, "nodes is torch.bool"),
        ({"nodes": [[0, 1]]}, r"of shape \(1, 2\)"),
        ({"nodes": "all"}, "nodes is a str"),
        ({"nodes": [0], "k": 0}, "k is 0, expected an integer >= 1"),
        ({"nodes": [0], "k": 2.0}, "k is 2.0"),
        ({"nodes": [0], "k": True}, "k is True"),
        ({"nodes": [0], "batch_size": 0}, "batch_size is 0"),
        ({"nodes": [0], "candidates": [9]}, "candidates holds node 9"),
    ],
)
def test_bad_arguments_are_named(arguments, text):
    with pytest.raises(InputError, match=text):
        recommend(ByNumber(), GRAPH, **arguments)


def test_missing_and_wrong_features_are_named():
    with pytest.raises(InputError, match="x is missing"):
        recommend(GAE(3, 4), GRAPH, [0])
    with pytest.raises(InputError, match=r"expected \(n, 3\)"):
        recommend(GAE(3, 4), GRAPH, [0], x=torch.ones(8, 2))


def test_a_node_model_is_refused():
    with pytest.raises(InputError, match="GCN is no link model"):
        recommend(GCN(3, 2), GRAPH, [0], x=torch.ones(8, 3))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_scores_that_are_not_finite_are_refused(bad):
    def score(src, dst):
        return torch.where(dst == 3, bad, 1.0)

    with pytest.raises(NonFiniteError, match="NaN or infinity for 1 of 8 pairs"):
        recommend(ByNumber(score), GRAPH, [0])


def test_scores_of_another_shape_are_refused():
    with pytest.raises(InputError, match=r"score returned \(8, 1\), expected \(8,\)"):
        recommend(ByNumber(lambda s, d: d.float().unsqueeze(1)), GRAPH, [0])


# -- saved models ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(lambda: GAE(5, 8, dropout=0.3), id="gae"),
        pytest.param(lambda: NCN(5, 8, num_layers=2, jk=True), id="ncn"),
        pytest.param(lambda: NCNC(5, 8, depth=2, learn_pt=True), id="ncnc"),
        pytest.param(lambda: NCN(0, 8, num_ids=8), id="ids"),
    ],
)
def test_link_models_come_back_from_a_folder(model, tmp_path):
    model = model()
    x = None if model.num_ids else torch.rand(8, 5)
    again = load(save(model, tmp_path / "bundle"))
    assert type(again) is type(model)
    one, two = (recommend(m, GRAPH, range(8), k=4, x=x) for m in (model, again))
    assert torch.equal(one.nodes, two.nodes)
    assert torch.equal(one.scores, two.scores)


def test_a_model_without_parameters_comes_back_too(tmp_path):
    again = load(save(Common(), tmp_path), files=[__file__])
    assert recommend(again, GRAPH, 4, k=1).nodes.tolist() == [[1]]


@pytest.mark.parametrize("model", [GAE(3, 4), Common()], ids=["gae", "common"])
def test_predict_points_to_recommend(model):
    with pytest.raises(InputError, match=r"link model.*recommend.*score"):
        predict(model, GRAPH, torch.ones(8, 3))
