"""Choosing data sets, and drawing graphs from mixtures."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from graphlab.errors import InputError
from graphlab.pretraining import feasibility, select_pretraining_data

OPTIONS = {"r": 12, "n_clusters": 2}


def draws(kind, count, seed):
    make = {
        "random": lambda s: nx.gnp_random_graph(16, 0.3, seed=s),
        "hubs": lambda s: nx.barabasi_albert_graph(18, 2, seed=s),
        "rings": lambda s: nx.watts_strogatz_graph(17, 4, 0.1, seed=s),
        "stars": lambda s: nx.star_graph(10 + s % 5),
        "dense": lambda s: nx.complete_graph(8 + s % 5),
    }[kind]
    return [make(seed + i) for i in range(count)]


@pytest.fixture(scope="module")
def candidates():
    return {kind: draws(kind, 8, 0) for kind in ("random", "hubs", "rings", "stars", "dense")}


@pytest.fixture(scope="module")
def target():
    return draws("rings", 6, 100) + draws("stars", 4, 100)


@pytest.fixture(scope="module")
def found(candidates, target):
    return select_pretraining_data(candidates, target, **OPTIONS)


def test_each_set_is_the_one_that_lowers_the_distance_most(candidates, target, found):
    """The definition, followed with the public function alone."""
    chosen, curve = [], []
    for name in found.ranking:
        tried = {
            other: -feasibility(
                {key: candidates[key] for key in [*chosen, other]}, target, **OPTIONS
            ).score
            for other in candidates
            if other not in chosen
        }
        assert min(tried, key=tried.get) == name
        chosen.append(name)
        curve.append(tried[name])
    assert found.curve == pytest.approx(curve, abs=1e-9)
    rest = set(candidates) - set(chosen)
    if rest:  # and none that was left out would have helped
        more = [
            -feasibility({key: candidates[key] for key in [*chosen, k]}, target, **OPTIONS).score
            for k in rest
        ]
        assert min(more) > curve[-1] - 1e-6


def test_what_the_target_is_made_of_comes_first(found):
    assert set(found.ranking[:2]) == {"rings", "stars"}
    assert found.weights["rings"] + found.weights["stars"] > 0.7


def test_gains_are_the_steps_of_the_curve(found):
    assert len(found.gains) == len(found.curve) == len(found.ranking)
    np.testing.assert_allclose(-np.diff(found.curve), found.gains[1:])
    assert all(gain >= 1e-6 for gain in found.gains[1:])
    assert sum(found.weights.values()) == pytest.approx(1)
    assert list(found.weights) == list(found.ranking)


def test_alone_is_the_distance_of_one_set(candidates, target, found):
    for name, graphs in candidates.items():
        report = feasibility(graphs, target, ("integrated", "topological"), **OPTIONS)
        assert found.alone[name] == pytest.approx(-report.score, abs=1e-9)
        assert found.baselines[name] == pytest.approx(dict(report.baselines))
    assert found.curve[0] == min(found.alone.values())


@pytest.mark.parametrize("budget", [1, 2])
def test_budget_ends_the_choice(candidates, target, found, budget):
    few = select_pretraining_data(candidates, target, budget, **OPTIONS)
    assert few.ranking == found.ranking[:budget] and few.curve == found.curve[:budget]
    assert few.stopped == f"the budget of {budget} is reached"


def test_nothing_is_added_that_does_not_help(target):
    twice = {"b": target, "a": target, "c": draws("dense", 4, 0)}
    found = select_pretraining_data(twice, target, **OPTIONS)
    assert found.ranking == ("a",)  # of equal sets the first by name
    assert found.curve == pytest.approx((0.0,), abs=1e-6)
    assert "no other set lowers the distance" in found.stopped


def test_order_of_candidates_does_not_matter(candidates, target, found):
    turned = dict(reversed(candidates.items()))
    again = select_pretraining_data(turned, target, **OPTIONS)
    assert again.ranking == found.ranking
    assert again.curve == pytest.approx(found.curve, abs=1e-9)


def test_domains_alone_are_a_family_of_one_at_first(candidates, target):
    pair = {name: candidates[name] for name in ("rings", "stars")}
    found = select_pretraining_data(pair, target, families="domain", r=12)
    assert len(found.ranking) == 2 and found.stopped == "all candidates are chosen"
    assert found.curve[1] < found.curve[0]


def test_single_candidates_and_sets_without_edges(target):
    with_nothing = {"nothing": [nx.empty_graph(3)]}
    found = select_pretraining_data(with_nothing, target, **OPTIONS)
    assert found.ranking == ("nothing",) and found.gains == pytest.approx((0.0,), abs=1e-9)


@pytest.mark.parametrize(
    ("candidates", "downstream", "options", "told"),
    [
        ([[nx.path_graph(2)]], None, {}, "candidates is list, expected lists of graphs by name"),
        ({}, None, {}, "candidates is empty"),
        ({"a": []}, None, {}, r"candidates\['a'\] is empty"),
        (None, [], {}, "downstream is empty"),
        ({"a": [nx.path_graph(2), 3]}, None, {}, r"candidates\['a'\]\[1\]"),
        (None, None, {"mode": "all"}, "mode is 'all'"),
        (None, None, {"budget": 0}, "budget is 0"),
        (None, None, {"budget": 1.5}, "budget is 1.5"),
        (None, None, {"r": 0}, "r is 0"),
    ],
)
def test_wrong_arguments_are_named(candidates, downstream, options, told):
    fine = [nx.path_graph(3)]
    with pytest.raises(InputError, match=told):
        select_pretraining_data(
            {"a": fine} if candidates is None else candidates,
            fine if downstream is None else downstream,
            **options,
        )


def test_text_table_and_picture_name_every_candidate(found, tmp_path):
    lines = str(found).splitlines()
    assert [line.split()[1] for line in lines[1 : 1 + len(found.ranking)]] == list(found.ranking)
    assert "not shown to predict" in " ".join(str(found).split())
    frame = found.table
    assert set(frame["candidate"]) == set(found.alone)
    assert frame["place"].dropna().tolist() == list(range(1, len(found.ranking) + 1))
    assert frame["gain"].dropna().tolist() == pytest.approx(list(found.gains))
    assert {"density", "mean_degree", "degree_distribution"} < set(frame)
    assert found.to_frame().equals(frame) and repr(found).startswith("Selection(")
    for name in ("one", "two"):
        found.plot(tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    few = select_pretraining_data({"only": [nx.path_graph(3)]}, [nx.path_graph(3)], r=4)
    few.plot(tmp_path / "few.png")
    assert (tmp_path / "few.png").stat().st_size > 5000
