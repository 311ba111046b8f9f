"""Heuristics as link models: what the harness needs of them, and that they add nothing."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch

import graphlab.models
from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.heuristics import link_scores
from graphlab.models import Katz, PersonalizedPageRank, ShortestPath
from graphlab.registry import find_model

NAMES = ("cn", "aa", "ra", "jaccard", "pa", "katz", "ppr", "sp")
SCORES = {"ppr": "ppr_sym"}
every_model = pytest.mark.parametrize("name", NAMES)


def build(name, **options):
    return find_model(name).load()(**options)


@pytest.fixture
def case():
    generator = torch.Generator().manual_seed(0)
    edges = torch.randint(0, 28, (2, 70), generator=generator)
    pairs = torch.randint(0, 30, (2, 200), generator=generator)
    return as_graph(edges, 30).simple(), pairs


@every_model
def test_the_card(name):
    card = find_model(name)
    assert card.tasks == ("link",)
    assert card.paper
    assert card.summary.endswith((".", ". "))
    assert not any(option.required for option in card.options.values())
    assert "in_channels" not in card.options
    assert set(card.search) <= set(card.options)
    assert card.load().graphlab_name == name
    assert getattr(graphlab.models, card.cls) is card.load()
    assert card.cls in graphlab.models.__all__


@every_model
def test_scores_are_those_of_the_function(name, case):
    graph, pairs = case
    model = build(name)
    for x in (None, torch.rand(30, 4), torch.rand(30, 4).to_sparse_csr()):
        h = model.encode(x, graph)
        assert h.shape == (30, 0)
        found = model.score(h, graph, pairs)
        expected = link_scores(graph, pairs, SCORES.get(name, name))[SCORES.get(name, name)]
        assert found.dtype == torch.float64
        assert torch.equal(found, expected)
        assert torch.equal(model(x, graph, pairs), expected)


@every_model
def test_nothing_to_learn_to_draw_or_to_save(name, case):
    graph, pairs = case
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    model = build(name)
    model.reset_parameters()
    first = model.train()(None, graph, pairs)
    assert torch.equal(first, model.eval()(None, graph, pairs))
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])
    assert states[2] == random.getstate()
    assert list(model.parameters()) == []
    assert list(model.state_dict()) == []
    assert model.parameter_groups() == {}
    twin = copy.deepcopy(model)
    assert torch.equal(twin(None, graph, pairs), first)
    assert twin._graphlab_config == model._graphlab_config


@every_model
def test_a_model_can_be_built_again_from_what_it_notes(name):
    model = build(name)
    assert repr(type(model)(**model._graphlab_config)) == repr(model)


@every_model
def test_no_pairs_and_no_edges(name):
    model, empty = build(name), as_graph(torch.empty(2, 0, dtype=torch.int64), 3)
    none = torch.empty(2, 0, dtype=torch.int64)
    assert model(None, empty, none).shape == (0,)
    assert model(None, empty, torch.tensor([[0], [1]])).tolist() == [0.0]


@every_model
def test_both_directions_of_a_pair_are_equal(name, case):
    graph, pairs = case
    scores = build(name)(None, graph, torch.cat([pairs, pairs.flip(0)], 1))
    assert torch.equal(*scores.chunk(2))


@every_model
def test_wrong_input_is_named(name, case):
    graph, _ = case
    model = build(name)
    h = model.encode(None, graph)
    with pytest.raises(InputError, match="node 30"):
        model.score(h, graph, torch.tensor([[0], [30]]))
    with pytest.raises(InputError, match=r"30 nodes.*31"):
        model.encode(torch.rand(31, 2), graph)
    with pytest.raises(InputError, match=r"30 nodes.*29"):
        model.score(h[:29], graph, torch.tensor([[0], [1]]))


def test_options_reach_the_scores(case):
    graph, pairs = case

    def score(name, **options):
        return link_scores(graph, pairs, name, **options)[name]

    for model, expected in (
        (Katz(b=0.02, L=2), score("katz", b=0.02, L=2)),
        (Katz(kind="closed"), score("katz_closed")),
        (Katz(kind="simple"), score("katz_simple")),
        (PersonalizedPageRank(restart=0.4, symmetric=False), score("ppr", restart=0.4)),
        (PersonalizedPageRank(tolerance=1e-3), score("ppr_sym", ppr_tolerance=1e-3)),
        (ShortestPath(remove_target_edge=True), score("sp_removed")),
    ):
        assert torch.equal(model(None, graph, pairs), expected), model


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Katz(b=-1.0), r"b is -1.0"),
        (lambda: Katz(L=0), r"L is 0"),
        (lambda: Katz(L=5, kind="simple"), r"L is 5"),
        (lambda: Katz(kind="all"), r"kind is 'all'"),
        (lambda: PersonalizedPageRank(restart=2), r"restart is 2"),
        (lambda: PersonalizedPageRank(tolerance=-1.0), r"tolerance is -1.0"),
    ],
)
def test_an_impossible_option_is_named(build, message):
    with pytest.raises(InputError, match=message):
        build()


def test_rounding_to_single_precision_would_make_ties():
    """Why scores are float64: 1/ln d of hubs differ in the eighth digit."""
    hubs = [40_000_000, 40_000_001]
    logs = 1 / torch.tensor(hubs, dtype=torch.float64).log()
    assert logs[0] > logs[1]
    assert logs.float()[0] == logs.float()[1]
