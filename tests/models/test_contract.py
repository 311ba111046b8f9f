"""What every registered node model must do, run over all of them at once."""

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
from graphlab.train.recipes import Recipe

NODE_CARDS = {name: card for name, card in model_cards().items() if "node" in card.tasks}
# models that fit themselves are no networks: tests/models/test_orbit_embedding.py
CARDS = {n: card for n, card in NODE_CARDS.items() if not hasattr(card.load(), "fit_nodes")}
READS_NO_GRAPH = {"mlp"}
# A sequence holds the whole graph, whichever way its edges point: no node depends on its
# neighbours alone. Convolutions before it have statistics of the batch in training.
READS_SEQUENCES = {"gsm", "gsm++"}
NUMBERED = {"gsm++"}  # the place among siblings follows node ids
WIDTHS = ("hidden_channels", "hidden")
F, C = 6, 3

every_model = pytest.mark.parametrize("name", sorted(CARDS))
every_local_model = pytest.mark.parametrize("name", sorted(set(CARDS) - READS_SEQUENCES))


def build(name, *, in_channels=F, out_channels=C, seed=0, **options):
    torch.manual_seed(seed)
    return CARDS[name].load()(in_channels=in_channels, out_channels=out_channels, **options)


def data(n=12, width=F, seed=0):
    """A small graph with both directions of each edge and two isolated nodes at the end."""
    generator = torch.Generator().manual_seed(seed)
    pairs = torch.combinations(torch.arange(n - 2), 2)
    chosen = pairs[torch.randperm(len(pairs), generator=generator)[: 2 * n]].t()
    x = torch.rand(n, width, generator=generator)
    return x, torch.cat([chosen, chosen.flip(0)], 1)


def calm(model, x, edge_index):
    """Evaluation mode, after statistics that a model takes from its first graph are in place."""
    model.eval()
    model(x, edge_index)
    return model


@every_model
@pytest.mark.parametrize(("n", "width", "classes"), [(12, 6, 3), (5, 1, 2), (1, 4, 1), (9, 3, 1)])
def test_output_has_one_row_a_node_and_one_column_a_class(name, n, width, classes):
    x = torch.rand(n, width)
    edge_index = torch.tensor([[0], [n - 1]])
    model = build(name, in_channels=width, out_channels=classes)
    for mode in (True, False):
        out = model.train(mode)(x, edge_index)
        assert out.shape == (n, classes)
        assert torch.isfinite(out).all()
        assert out.dtype == torch.float32


@every_model
def test_gradients_reach_every_parameter(name):
    x, edge_index = data()
    model = build(name).eval()  # no dropout: a gradient of zero is then a parameter not used
    out = model(x, edge_index)
    (out * torch.rand(out.shape, generator=torch.Generator().manual_seed(3))).sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().sum() > 0, key


@every_model
def test_gradients_reach_the_features(name):
    x, edge_index = data()
    x.requires_grad_()
    build(name).eval()(x, edge_index).square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum(1).min() > 0


@pytest.mark.parametrize("name", sorted(set(CARDS) - NUMBERED))
def test_renumbering_nodes_permutes_the_output(name):
    x, edge_index = data()
    model = calm(build(name), x, edge_index)
    new_id = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    moved = torch.empty_like(x)
    moved[new_id] = x
    torch.testing.assert_close(
        model(moved, new_id[edge_index])[new_id], model(x, edge_index), atol=1e-5, rtol=1e-4
    )


@every_local_model
def test_an_isolated_node_depends_on_itself_alone(name):
    x, edge_index = data()
    model = calm(build(name), x, edge_index)
    alone = model(x[-1:], torch.empty(2, 0, dtype=torch.int64))
    torch.testing.assert_close(model(x, edge_index)[-1:], alone, atol=1e-5, rtol=1e-4)


@every_local_model
def test_components_do_not_meet(name):
    x, edge_index = data()
    model = calm(build(name), x, edge_index)
    both = model(torch.cat([x, 1 - x]), torch.cat([edge_index, edge_index + len(x)], 1))
    parts = torch.cat([model(x, edge_index), model(1 - x, edge_index)])
    torch.testing.assert_close(both, parts, atol=1e-5, rtol=1e-4)


@every_local_model
def test_messages_flow_from_source_to_target_alone(name):
    x = torch.rand(2, F)
    edge_index = torch.tensor([[0], [1]])
    model = calm(build(name), x, edge_index)
    before = model(x, edge_index)
    other_target, other_source = x.clone(), x.clone()
    other_target[1] += 1
    other_source[0] += 1
    assert torch.equal(model(other_target, edge_index)[0], before[0])
    changed = not torch.allclose(model(other_source, edge_index)[1], before[1], atol=1e-6)
    assert changed is (name not in READS_NO_GRAPH)


@every_model
@pytest.mark.parametrize("n", [0, 1, 4])
def test_a_graph_without_edges_works(name, n):
    model = build(name)
    out = model(torch.rand(n, F), torch.empty(2, 0, dtype=torch.int64))
    assert out.shape == (n, C)
    assert torch.isfinite(out).all()
    if n > 1:
        out.sum().backward()


@every_model
def test_equal_seeds_are_bit_equal_and_others_differ(name):
    x, edge_index = data()

    def train_output(seed):
        model = build(name, seed=seed).train()
        out = model(x, edge_index)
        return out.detach(), {k: v.clone() for k, v in model.named_parameters()}

    (a, first), (b, second), (c, third) = (train_output(s) for s in (5, 5, 6))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert any(not torch.equal(first[k], third[k]) for k in first)


@every_model
def test_evaluation_draws_no_random_number_and_repeats_itself(name):
    x, edge_index = data()
    model = calm(build(name), x, edge_index)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    first = model(x, edge_index)
    assert torch.equal(first, model(x, edge_index))
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])
    assert states[2] == random.getstate()


@every_model
def test_training_differs_from_evaluation_by_dropout(name):
    x, edge_index = data()
    model = calm(build(name), x, edge_index)
    assert not torch.allclose(model.train()(x, edge_index), model.eval()(x, edge_index))
    if name in READS_SEQUENCES:
        return
    rates = [o for o in CARDS[name].options if o.endswith("dropout")]
    still = calm(build(name, **dict.fromkeys(rates, 0.0)), x, edge_index)
    assert torch.equal(still.train()(x, edge_index), still.eval()(x, edge_index))


@every_model
def test_a_state_dictionary_carries_the_whole_model(name):
    x, edge_index = data()
    model = calm(build(name), x, edge_index)
    other = build(name, seed=1)
    other.load_state_dict(model.state_dict())
    elsewhere = data(seed=7)
    assert torch.equal(other.eval()(*elsewhere), model(*elsewhere))


@every_model
def test_double_precision_throughout(name):
    x, edge_index = data()
    model = calm(build(name), x, edge_index)
    single = model(x, edge_index)
    out = model.double()(x.double(), edge_index)
    assert out.dtype == torch.float64
    torch.testing.assert_close(out.float(), single, atol=1e-5, rtol=1e-4)
    out.sum().backward()
    assert all(p.grad.dtype == torch.float64 for p in model.parameters())


@every_model
def test_a_deep_copy_is_equal_and_separate(name):
    x, edge_index = data()
    model = calm(build(name), x, edge_index)
    before = model(x, edge_index)
    twin = copy.deepcopy(model)
    assert torch.equal(twin(x, edge_index), before)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1.0)
    assert torch.equal(model(x, edge_index), before)
    assert twin._graphlab_config == model._graphlab_config


@every_model
def test_inputs_are_never_changed(name):
    x, edge_index = data()
    x.requires_grad_()
    graph = as_graph(edge_index, len(x))
    kept = x.detach().clone(), edge_index.clone(), graph.edge_index.clone()
    versions = x._version, edge_index._version, graph.edge_index._version
    model = build(name).train()
    for given in (edge_index, graph):
        model(x, given).sum().backward()
    assert torch.equal(x.detach(), kept[0])
    assert torch.equal(edge_index, kept[1])
    assert torch.equal(graph.edge_index, kept[2])
    assert (x._version, edge_index._version, graph.edge_index._version) == versions


@every_model
def test_every_way_to_give_a_graph_gives_one_result(name):
    import networkx
    import scipy.sparse

    x, edge_index = data()
    model = calm(build(name), x, edge_index)
    expected = model(x, edge_index)
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
        torch.testing.assert_close(model(x, given), expected, atol=1e-6, rtol=1e-5)


@every_model
def test_sparse_features_equal_dense_ones(name):
    x, edge_index = data()
    x[x < 0.7] = 0
    model = calm(build(name), x, edge_index)
    expected = model(x, edge_index)
    for sparse in (x.to_sparse_csr(), x.to_sparse_coo()):
        torch.testing.assert_close(model(sparse, edge_index), expected, atol=1e-6, rtol=1e-5)
    if CARDS[name].sparse_input:
        out = model.train()(x.to_sparse_csr(), edge_index)
        out.sum().backward()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters())


@every_model
def test_wrong_features_are_named(name):
    _, edge_index = data()
    model = build(name)
    with pytest.raises(InputError, match=rf"x .*\(12, {F + 1}\).*{F}"):
        model(torch.rand(12, F + 1), edge_index)
    with pytest.raises(InputError, match="x "):
        model(torch.rand(12), edge_index)
    with pytest.raises(InputError, match="int64"):
        model(torch.ones(12, F, dtype=torch.int64), edge_index)


@pytest.mark.parametrize("name", sorted(set(CARDS) - READS_NO_GRAPH))
def test_wrong_graphs_are_named(name):
    x, edge_index = data()
    model = build(name)
    with pytest.raises(InputError, match="node 99"):
        model(x, torch.tensor([[0], [99]]))
    with pytest.raises(InputError, match="12"):
        model(x[:-1], as_graph(edge_index, 12))
    with pytest.raises(InputError, match="edge_index"):
        model(x, edge_index.float())


@every_model
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("hidden_channels", 0),
        ("hidden", 0),
        ("num_layers", 0),
        ("dropout", 1.5),
        ("dropout", -0.1),
        ("K", -1),
    ],
)
def test_an_impossible_option_is_named(name, option, value):
    if option not in CARDS[name].options:
        assert option in {"num_layers", "K", *WIDTHS}, f"{name} has no {option}"
        return
    with pytest.raises(InputError, match=rf"{option}.*{value}"):
        build(name, **{option: value})


@every_model
def test_parameter_groups_cover_all_parameters_once(name):
    model = build(name)
    if hasattr(model, "parameter_groups"):
        listed = [id(p) for group in model.parameter_groups().values() for p in group]
        assert sorted(listed) == sorted(id(p) for p in model.parameters())


@every_model
def test_presets_and_search_name_what_exists(name):
    card = CARDS[name]
    task_options = find_task("node").options
    for dataset in card.presets:
        assert dataset == "default" or dataset in cards(), dataset
        preset = card.preset(dataset)
        for option, value in preset["options"].items():
            assert option in card.options, (dataset, option)
            assert coerce(card.options[option].annotation, value) == value
            assert range_problem(option, value) is None
        recipe = Recipe.from_dict(preset["recipe"])
        for setting in (recipe.lr, recipe.weight_decay):
            if isinstance(setting, dict):
                assert set(setting) == set(build(name).parameter_groups()), dataset
        assert set(preset["task"]) <= set(task_options), dataset
        assert set(card.presets[dataset]) <= {"options", "recipe", "task"}, dataset
    assert set(card.search) <= set(card.options)


@every_model
def test_the_card_says_what_it_must(name):
    card = CARDS[name]
    assert card.paper
    assert card.summary.endswith((".", ". "))
    assert next(iter(card.options)) in WIDTHS
    required = [option.name for option in card.options.values() if option.required]
    assert required == []
    assert card.load().graphlab_name == name


@pytest.mark.parametrize("name", sorted(n for n in NODE_CARDS if not n.startswith("pyg-")))
def test_our_models_are_exported(name):
    card = NODE_CARDS[name]
    if card.module is None or not card.module.startswith("graphlab.models"):
        pytest.skip("an installed plug-in")
    assert card.cls in graphlab.models.__all__, (
        f"{card.cls} is missing in graphlab/models/__init__.py: add "
        f"'from {card.module} import {card.cls}' and its name to __all__"
    )
    assert getattr(graphlab.models, card.cls) is card.load()
