"""What every registered link model must do, run over all of them at once."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch

import graphlab.models
from graphlab.bench.option_types import coerce, range_problem
from graphlab.datasets.catalog import cards
from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.registry import find_task, model_cards
from graphlab.train import build_model
from graphlab.train.recipes import Recipe

CARDS = {name: card for name, card in model_cards().items() if "link" in card.tasks}
LEARNT = {name for name, card in CARDS.items() if "hidden_channels" in card.options}
F, H, N = 6, 8, 14

every_model = pytest.mark.parametrize("name", sorted(CARDS))
every_learnt_model = pytest.mark.parametrize("name", sorted(LEARNT))


def build(name, *, in_channels=F, num_ids=None, seed=0, **options):
    if name in LEARNT:
        options = {"hidden_channels": H, **options}
    given = {"in_channels": in_channels, "num_ids": num_ids, **options}
    return build_model(CARDS[name], given, seed)


def data(n=N, width=F, seed=0):
    """A small graph with both directions of each edge; the last two nodes are isolated."""
    generator = torch.Generator().manual_seed(seed)
    every = torch.combinations(torch.arange(n - 2), 2)
    chosen = every[torch.randperm(len(every), generator=generator)[: 2 * n]].t()
    x = torch.rand(n, width, generator=generator)
    return x, torch.cat([chosen, chosen.flip(0)], 1)


def pairs_in(n=N):
    """All pairs: edges, non-edges, self pairs, pairs with isolated nodes, both orders."""
    return torch.cartesian_prod(torch.arange(n), torch.arange(n)).t().contiguous()


def score(model, x, graph, pairs):
    return model.score(model.encode(x, graph), graph, pairs)


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


@every_model
@pytest.mark.parametrize(("n", "width", "count"), [(14, 6, 5), (5, 1, 1), (3, 4, 0), (9, 3, 40)])
def test_one_row_a_node_and_one_score_a_pair(name, n, width, count):
    x, edge_index = torch.rand(n, width), torch.tensor([[0, 1], [1, 0]])
    pairs = torch.randint(0, n, (2, count))
    model = build(name, in_channels=width)
    for mode in (True, False):
        h = model.train(mode).encode(x, edge_index)
        assert h.shape[0] == n
        assert h.dim() == 2
        scores = model.score(h, edge_index, pairs)
        assert scores.shape == (count,)
        assert scores.is_floating_point()
        assert torch.isfinite(scores).all()


@every_model
def test_every_kind_of_pair_has_a_finite_score(name):
    x, edge_index = data()
    scores = score(build(name).eval(), x, edge_index, pairs_in())
    assert torch.isfinite(scores).all()


@every_learnt_model
def test_gradients_reach_every_parameter(name):
    x, edge_index = data()
    model = build(name).eval()  # no dropout: a gradient of zero is then a parameter not used
    scores = score(model, x, edge_index, pairs_in())
    (scores * torch.rand(scores.shape, generator=torch.Generator().manual_seed(3))).sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().sum() > 0, key


@every_learnt_model
def test_gradients_reach_the_features(name):
    x, edge_index = data()
    x.requires_grad_()
    score(build(name).eval(), x, edge_index, pairs_in()).square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum(1).min() > 0


@every_model
def test_renumbering_nodes_changes_no_score(name):
    x, edge_index = data()
    model = build(name).eval()
    new_id = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    moved = torch.empty_like(x)
    moved[new_id] = x
    pairs = pairs_in()
    close(
        score(model, moved, new_id[edge_index], new_id[pairs]), score(model, x, edge_index, pairs)
    )


@every_model
def test_the_two_orders_of_a_pair_score_alike(name):
    x, edge_index = data()
    model, pairs = build(name).eval(), pairs_in()
    close(*(score(model, x, edge_index, given) for given in (pairs, pairs.flip(0))))


@every_model
def test_a_score_depends_on_no_other_pair_of_the_call(name):
    x, edge_index = data()
    model, pairs = build(name).eval(), pairs_in()
    expected = score(model, x, edge_index, pairs)
    h = model.encode(x, edge_index)
    parts = [model.score(h, edge_index, part) for part in pairs.split(17, 1)]
    close(torch.cat(parts), expected)
    order = torch.randperm(pairs.shape[1], generator=torch.Generator().manual_seed(0))
    close(model.score(h, edge_index, pairs[:, order]), expected[order])
    twice = model.score(h, edge_index, pairs[:, :5].repeat(1, 2))
    close(twice[:5], twice[5:])


@every_model
def test_components_do_not_meet(name):
    x, edge_index = data()
    model, pairs = build(name).eval(), pairs_in()
    both = torch.cat([x, 1 - x]), torch.cat([edge_index, edge_index + len(x)], 1)
    found = score(model, *both, torch.cat([pairs, pairs + len(x)], 1))
    parts = [score(model, x, edge_index, pairs), score(model, 1 - x, edge_index, pairs)]
    close(found, torch.cat(parts))


@every_model
@pytest.mark.parametrize("n", [1, 4])
def test_a_graph_without_edges_works(name, n):
    model = build(name)
    pairs = pairs_in(n)
    scores = score(model, torch.rand(n, F), torch.empty(2, 0, dtype=torch.int64), pairs)
    assert torch.isfinite(scores).all()
    if name in LEARNT:
        scores.sum().backward()


@every_model
def test_direction_multiplicity_and_loops_of_edges_change_nothing(name):
    x, edge_index = data()
    model, pairs = build(name).eval(), pairs_in()
    expected = score(model, x, edge_index, pairs)
    once = edge_index[:, edge_index[0] < edge_index[1]]
    loops = torch.arange(len(x)).repeat(2, 1)
    for same in (once, once.flip(0), torch.cat([once, edge_index, loops], 1)):
        close(score(model, x, same, pairs), expected)


@every_learnt_model
def test_equal_seeds_are_bit_equal_and_others_differ(name):
    x, edge_index = data()

    def train_scores(seed):
        model = build(name, seed=seed).train()
        torch.manual_seed(seed)
        out = score(model, x, edge_index, pairs_in())
        return out.detach(), {k: v.clone() for k, v in model.named_parameters()}

    (a, first), (b, second), (c, third) = (train_scores(s) for s in (5, 5, 6))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert any(not torch.equal(first[k], third[k]) for k in first)


@every_model
def test_evaluation_draws_no_random_number_and_repeats_itself(name):
    x, edge_index = data()
    model, pairs = build(name).eval(), pairs_in()
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    first = score(model, x, edge_index, pairs)
    assert torch.equal(first, score(model, x, edge_index, pairs))
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])
    assert states[2] == random.getstate()


@every_learnt_model
def test_training_differs_from_evaluation_by_dropout(name):
    x, edge_index = data()
    pairs = pairs_in()
    rates = [option for option in CARDS[name].options if option.endswith("dropout")]
    model = build(name, **dict.fromkeys(rates, 0.3))
    one, other = (score(model.train(m), x, edge_index, pairs) for m in (True, False))
    assert torch.allclose(one, other) == (not rates)
    still = build(name, **dict.fromkeys(rates, 0.0))
    close(*(score(still.train(m), x, edge_index, pairs) for m in (True, False)))


@every_model
def test_a_state_dictionary_carries_the_whole_model(name):
    model, other = build(name), build(name, seed=1)
    other.load_state_dict(model.state_dict())
    elsewhere = data(seed=7)
    pairs = pairs_in()
    expected = score(model.eval(), *elsewhere, pairs)
    assert torch.equal(score(other.eval(), *elsewhere, pairs), expected)
    assert bool(model.state_dict()) == (name in LEARNT)


@every_model
def test_double_precision_throughout(name):
    x, edge_index = data()
    model, pairs = build(name).eval(), pairs_in()
    single = score(model, x, edge_index, pairs)
    out = score(model.double(), x.double(), edge_index, pairs)
    assert out.dtype == torch.float64
    close(out.float(), single.float())
    if name in LEARNT:
        out.sum().backward()
        assert all(p.grad.dtype == torch.float64 for p in model.parameters())


@every_model
def test_a_deep_copy_is_equal_and_separate(name):
    x, edge_index = data()
    model, pairs = build(name).eval(), pairs_in()
    before = score(model, x, edge_index, pairs)
    twin = copy.deepcopy(model)
    assert torch.equal(score(twin, x, edge_index, pairs), before)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1.0)
    assert torch.equal(score(model, x, edge_index, pairs), before)
    assert twin._graphlab_config == model._graphlab_config


@every_model
def test_inputs_are_never_changed(name):
    x, edge_index = data()
    pairs = pairs_in()
    given = [x, edge_index, pairs]
    graph = as_graph(edge_index, len(x))
    kept = [t.clone() for t in given], graph.edge_index.clone()
    versions = [t._version for t in given]
    model = build(name).train()
    for described in (edge_index, graph):
        scores = score(model, x, described, pairs)
        if name in LEARNT:
            scores.sum().backward()
    assert all(torch.equal(t, before) for t, before in zip(given, kept[0], strict=True))
    assert [t._version for t in given] == versions
    assert torch.equal(graph.edge_index, kept[1])


@every_model
def test_every_way_to_give_a_graph_gives_one_result(name):
    import networkx
    import scipy.sparse

    x, edge_index = data()
    model, pairs = build(name).eval(), pairs_in()
    expected = score(model, x, edge_index, pairs)
    n = len(x)
    source, target = edge_index.numpy()
    network = networkx.Graph()
    network.add_nodes_from(range(n))
    network.add_edges_from(edge_index.t().tolist())
    matrix = scipy.sparse.coo_array((np.ones(len(source)), (source, target)), shape=(n, n))

    class Data:
        num_nodes = n

    Data.edge_index = edge_index
    for given in (as_graph(edge_index, n), edge_index.numpy(), network, matrix.tocsr(), Data()):
        close(score(model, x, given, pairs), expected)


@every_model
def test_sparse_features_equal_dense_ones(name):
    x, edge_index = data()
    x[x < 0.7] = 0
    model, pairs = build(name).eval(), pairs_in()
    expected = score(model, x, edge_index, pairs)
    sparse = x.to_sparse_csr()
    close(score(model, sparse, edge_index, pairs), expected)
    if name in LEARNT and CARDS[name].sparse_input:
        score(model.train(), sparse, edge_index, pairs).sum().backward()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters())


@every_model
def test_node_ids_stand_in_for_features(name):
    _, edge_index = data()
    model = build(name, in_channels=0, num_ids=N).eval()
    graph = as_graph(edge_index, N)
    scores = score(model, None, graph, pairs_in())
    assert scores.shape == (N * N,)
    assert torch.isfinite(scores).all()
    if name in LEARNT:
        scores.sum().backward()
        assert any(p.shape[0] == N and p.grad.abs().sum() > 0 for p in model.parameters())


@every_learnt_model
def test_wrong_features_are_named(name):
    _, edge_index = data()
    model = build(name)
    with pytest.raises(InputError, match=rf"x .*\({N}, {F + 1}\).*{F}"):
        model.encode(torch.rand(N, F + 1), edge_index)
    with pytest.raises(InputError, match="x "):
        model.encode(None, as_graph(edge_index, N))


@every_model
def test_wrong_graphs_and_pairs_are_named(name):
    x, edge_index = data()
    model = build(name)
    h = model.encode(x, edge_index)
    with pytest.raises(InputError, match="node 99"):
        model.encode(x, torch.tensor([[0], [99]]))
    for pairs, text in (
        (torch.tensor([[0], [N]]), f"node {N}"),
        (torch.tensor([[-1], [0]]), "node -1"),
        (torch.zeros(3, 4, dtype=torch.int64), r"pairs .*\(3, 4\)"),
        (torch.zeros(2, 4), "pairs .*float32"),
    ):
        with pytest.raises(InputError, match=text):
            model.score(h, edge_index, pairs)


@every_learnt_model
@pytest.mark.parametrize(
    ("option", "value"),
    [("hidden_channels", 0), ("num_layers", -1), ("dropout", 1.5), ("input_dropout", -0.1)],
)
def test_an_impossible_option_is_named(name, option, value):
    if option not in CARDS[name].options:
        pytest.skip(f"{name} has no {option}")
    with pytest.raises(InputError, match=rf"{option}.*{value}"):
        build(name, **{option: value})


@every_model
def test_parameter_groups_cover_all_parameters_once(name):
    model = build(name)
    groups = model.parameter_groups()
    listed = [id(p) for group in groups.values() for p in group]
    assert sorted(listed) == sorted(id(p) for p in model.parameters())
    assert set(groups) == ({"encoder", "predictor"} if name in LEARNT else set())


@every_model
def test_presets_and_search_name_what_exists(name):
    card = CARDS[name]
    task = find_task("link")
    metrics = {"loss", "metric", *task.metrics[""]}
    for dataset in card.presets:
        assert dataset == "default" or dataset in cards(), dataset
        preset = card.preset(dataset)
        for option, value in preset["options"].items():
            assert option in card.options, (dataset, option)
            assert coerce(card.options[option].annotation, value) == value
            assert range_problem(option, value) is None
        recipe = Recipe.from_dict(preset["recipe"])
        assert recipe.monitor in metrics
        for setting in (recipe.lr, recipe.weight_decay):
            if isinstance(setting, dict):
                assert set(setting) == set(build(name).parameter_groups()), dataset
        assert set(preset["task"]) <= set(task.options), dataset
        for option, value in preset["task"].items():
            assert coerce(task.options[option].annotation, value) == value
        assert set(card.presets[dataset]) <= {"options", "recipe", "task"}, dataset
    assert set(card.search) <= set(card.options)


@every_model
def test_the_card_says_what_it_must(name):
    card = CARDS[name]
    assert card.paper
    assert card.summary.endswith((".", ". "))
    assert [option.name for option in card.options.values() if option.required] == []
    assert card.load().graphlab_name == name


@every_model
def test_our_models_are_exported(name):
    card = CARDS[name]
    if card.module is None or not card.module.startswith("graphlab.models"):
        pytest.skip("an installed plug-in")
    assert card.cls in graphlab.models.__all__, (
        f"{card.cls} is missing in graphlab/models/__init__.py: add "
        f"'from {card.module} import {card.cls}' and its name to __all__"
    )
    assert getattr(graphlab.models, card.cls) is card.load()
