"""Feasibility: families and their bases, baselines, properties, odd and wrong input, report."""

from __future__ import annotations

import json
import warnings

import networkx as nx
import numpy as np
import pytest
import scipy.stats
import torch

from graphlab.collection import GraphCollection
from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.pretraining import (
    Graphon,
    estimate_graphon,
    feasibility,
    fit_basis_weights,
    gw_distance,
)
from graphlab.pretraining._families import on_one_grid

METHODS = ("hist", "sas", "lg", "mc", "usvt", "sba", "gwb", "sgwb", "fgwb", "sfgwb")


def draws(kind, count, seed, low=12, high=30):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(low, high, count).tolist()
    make = {
        "random": lambda n, s: nx.gnp_random_graph(n, 0.3, seed=s),
        "hubs": lambda n, s: nx.barabasi_albert_graph(n, 2, seed=s),
        "rings": lambda n, s: nx.watts_strogatz_graph(n, 4, 0.1, seed=s),
        "stars": lambda n, s: nx.star_graph(n),
    }[kind]
    return [make(n, seed + i) for i, n in enumerate(sizes)]


@pytest.fixture(scope="module")
def sets():
    return {kind: draws(kind, 12, number) for number, kind in enumerate(("random", "hubs"))}


@pytest.fixture(scope="module")
def target():
    return draws("rings", 10, 50)


@pytest.fixture(scope="module")
def report(sets, target):
    return feasibility(sets, target, r=16, n_clusters=3)


def test_families_are_mixtures_of_their_groups(sets, target, report):
    aim = estimate_graphon(target, r=16)
    pooled = estimate_graphon([g for graphs in sets.values() for g in graphs], r=16)
    by_set = {f"domain:{name}": estimate_graphon(graphs, r=16) for name, graphs in sets.items()}
    integrated, domain, topological = report.rows
    assert [row.family for row in report.rows] == ["integrated", "domain", "topological"]
    assert [row.K for row in report.rows] == [1, 2, 3]
    assert [row.starts for row in report.rows] == [2, 6, 8]

    assert integrated.weights == {"integrated": 1.0}
    (one, two, whole, rounded) = on_one_grid([*by_set.values(), pooled, aim], 16)
    assert integrated.distance == pytest.approx(gw_distance(whole.step, rounded.step).distance)
    fit = fit_basis_weights([one, two], rounded)
    assert domain.distance == pytest.approx(fit.distance)
    assert domain.weights == pytest.approx(dict(zip(by_set, fit.alpha, strict=True)))
    for name, graphon in {"integrated": pooled, **by_set}.items():
        np.testing.assert_allclose(report.bases[name].step, graphon.step, atol=1e-9)
        assert report.bases[name].n_graphs == graphon.n_graphs
    groups = [report.bases[name].n_graphs for name in topological.weights]
    assert sum(groups) == 24 and min(groups) > 0
    assert sum(topological.weights.values()) == pytest.approx(1)
    np.testing.assert_allclose(report.target.step, aim.step, atol=1e-9)


def test_score_is_minus_the_smallest_distance(report):
    distances = [row.distance for row in report.rows]
    assert report.score == -min(distances)
    assert report.best_family == report.rows[int(np.argmin(distances))].family
    assert report.best_weights == report.best.weights
    mixture = sum(w * report.bases[name].step for name, w in report.best_weights.items())
    np.testing.assert_allclose(report.mixture(), mixture)
    told = gw_distance(report.mixture(), report.target.step, warm=report.best.coupling)
    assert told.distance <= report.best.distance + 1e-9


def test_baselines_are_plain_differences(sets, target, report):
    pooled = [g for graphs in sets.values() for g in graphs]

    def mean(value, graphs):
        return np.mean([value(g) for g in graphs])

    def apart(value):
        return abs(mean(value, pooled) - mean(value, target))

    expected = {
        "density": apart(nx.density),
        "mean_degree": apart(lambda g: 2 * g.number_of_edges() / g.number_of_nodes()),
        "degree_distribution": scipy.stats.wasserstein_distance(
            *([d for g in graphs for _, d in g.degree] for graphs in (pooled, target))
        ),
        "size": apart(nx.number_of_nodes),
    }
    assert report.baselines == pytest.approx(expected)


def test_the_same_graphs_are_at_no_distance(target):
    assert feasibility(target, target, r=16).score == pytest.approx(0, abs=1e-7)


def test_with_the_target_among_the_sources_nothing_is_missing(sets, target):
    found = feasibility({**sets, "target": target}, target, r=16)
    assert found.score == pytest.approx(0, abs=1e-6)
    assert found.best_family == "domain"
    assert found.best_weights["domain:target"] == pytest.approx(1, abs=1e-4)


def test_a_mixture_of_sets_is_found(sets):
    # one graph of each: the mean of two graphons is the graphon of both
    pair = [draws(kind, 1, 9, 20, 21)[0] for kind in ("random", "hubs")]
    found = feasibility({"a": pair[:1], "b": pair[1:]}, pair, ("domain",), r=10)
    assert found.best_weights == pytest.approx({"domain:a": 0.5, "domain:b": 0.5}, abs=1e-4)
    assert found.score == pytest.approx(0, abs=1e-6)


def test_neither_order_of_graphs_nor_names_of_nodes_matter(sets, target, report):
    rng = np.random.default_rng(4)

    def shuffled(graphs):
        return [graphs[i] for i in rng.permutation(len(graphs))]

    moved = {name: shuffled(graphs) for name, graphs in reversed(sets.items())}
    found = feasibility(moved, shuffled(target), r=16, n_clusters=3)
    for one, two in zip(report.rows, found.rows, strict=True):
        assert two.distance == pytest.approx(one.distance, abs=1e-6)
        assert two.weights == pytest.approx(one.weights, abs=1e-3)


def test_it_is_the_same_every_time(sets, target, report):
    found = feasibility(sets, target, r=16, n_clusters=3)
    for one, two in zip(report.rows, found.rows, strict=True):
        assert (one.distance, one.weights) == (two.distance, two.weights)


def test_kinds_of_graphs_give_the_same(sets, target, report):
    kinds = {name: [as_graph(g) for g in graphs] for name, graphs in sets.items()}
    packed = {name: GraphCollection.from_pyg(graphs) for name, graphs in kinds.items()}
    for graphs in (kinds, packed):
        found = feasibility(graphs, [nx.to_numpy_array(g) for g in target], r=16, n_clusters=3)
        assert found.score == pytest.approx(report.score, abs=1e-12)


def test_loaded_data_sets_of_graphs_are_taken(target):
    from graphlab.datasets import load

    data = load("csl")
    found = feasibility({"csl": data, "rings": target}, data, r=8)
    assert found.score == pytest.approx(0, abs=1e-7)
    assert found.bases["domain:csl"].n_graphs == len(data.graph)
    with pytest.raises(InputError, match="pretrain_graphs is LoadedData, expected a list"):
        feasibility(load("karate"), target)


def test_one_list_has_no_domains(sets, target):
    found = feasibility(sets["hubs"], target, r=16)
    assert [row.family for row in found.rows] == ["integrated", "topological"]
    assert "one list of graphs" in found.warnings[0]
    found = feasibility({"hubs": sets["hubs"]}, target, r=16)
    assert "one data set, 'hubs'" in found.warnings[0]
    with pytest.raises(InputError, match="Family 'domain' needs two data sets"):
        feasibility(sets["hubs"], target, "domain", r=8)


def test_a_family_can_be_named_alone(sets, target, report):
    found = feasibility(sets, target, "domain", r=16)
    assert [row.family for row in found.rows] == ["domain"]
    assert found.score == report.rows[1].distance * -1


def test_groups_are_at_most_the_graphs(target):
    two = draws("random", 2, 0)
    found = feasibility(two, target, ("topological",), r=8, n_clusters=5)
    assert found.rows[0].K == 2
    assert all(base.n_graphs == 1 for base in found.bases.values())


def test_kl_is_the_number_of_the_authors(sets, target):
    square, kl = (feasibility(sets, target, r=16, loss=loss) for loss in ("square", "kl"))
    for one, two in zip(square.rows, kl.rows, strict=True):
        assert one.weights == two.weights
        mixture = kl.mixture(two.family)
        expected = gw_distance(mixture, kl.target.step, loss="kl").distance
        assert two.distance == pytest.approx(expected, abs=1e-9)
    assert kl.loss == "kl" and kl.score != square.score


@pytest.mark.parametrize("align", ["stretch", "pad"])
@pytest.mark.parametrize("method", METHODS)
def test_every_estimator_can_be_compared(sets, method, align):
    small = {name: graphs[:3] for name, graphs in sets.items()}
    found = feasibility(small, draws("stars", 3, 0), method=method, align=align, r=12)
    steps = [len(g.step) for g in (*found.bases.values(), found.target)]
    assert len(set(steps)) == 1 and steps[0] <= 12
    assert np.isfinite(found.score) and found.score <= 0


def test_options_reach_the_estimator(sets, target):
    found = feasibility(
        sets, target, "integrated", method="usvt", r=8, graphon_options={"threshold": 0.1}
    )
    pooled = [g for graphs in sets.values() for g in graphs]
    expected = estimate_graphon(pooled, "usvt", r=8, threshold=0.1).step
    np.testing.assert_allclose(found.bases["integrated"].step, expected, atol=1e-9)


def test_step_functions_keep_their_resolution_where_it_is_one():
    def graphon(n):
        return Graphon(np.zeros((n, n)), "hist", 1, np.array([n]), "pad")

    assert [len(g.step) for g in on_one_grid([graphon(5), graphon(5)], 20)] == [5, 5]
    assert [len(g.step) for g in on_one_grid([graphon(5), graphon(6)], 20)] == [20, 20]
    assert [len(g.step) for g in on_one_grid([graphon(30), graphon(30)], 20)] == [20, 20]


def test_without_edges_it_is_said_once():
    bare, pair = nx.empty_graph(3), nx.path_graph(2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = feasibility({"a": [bare], "b": [bare, bare]}, [pair], r=4)
    assert len(caught) == 1
    expected = "No graph of pretrain_graphs, pretrain_graphs['a'], pretrain_graphs['b'] has an edge"
    assert str(caught[0].message).startswith(expected)
    assert found.score == pytest.approx(-np.sqrt((found.target.step**2).mean()))
    with pytest.warns(UserWarning, match="No graph of downstream_graphs, pretrain_graphs has"):
        assert feasibility([bare], [bare], r=4).score == 0


def test_some_graphs_without_edges_are_nothing_to_warn_of():
    mixed = [nx.empty_graph(4), nx.complete_graph(4), nx.empty_graph(1)]
    found = feasibility(mixed, mixed, r=4)
    assert found.score == pytest.approx(0, abs=1e-7) and len(found.warnings) == 1


def test_directed_graphs_and_uneven_padding_are_said(target):
    one_way = [nx.DiGraph([(0, 1)])]
    with pytest.warns(UserWarning, match=r"pretrain_graphs\[0\] is directed") as caught:
        found = feasibility(one_way, target, r=4)
    assert str(caught[0].message) in found.warnings and caught[0].filename == __file__
    with pytest.warns(UserWarning, match="largest graph has 60 nodes"):
        feasibility([nx.path_graph(60)], [nx.path_graph(4)] * 3, align="pad", r=4)


@pytest.mark.parametrize(
    ("sources", "downstream", "told"),
    [
        ([], "fine", "pretrain_graphs is empty"),
        ({}, "fine", "pretrain_graphs is empty"),
        ({"a": "fine", "b": []}, "fine", r"pretrain_graphs\['b'\] is empty"),
        ("fine", [], "downstream_graphs is empty"),
        ("fine", [np.zeros((2, 3))], r"downstream_graphs\[0\]"),
        ({"a": "fine", "b": [nx.path_graph(2), np.full((2, 2), np.nan)]}, "fine", r"\['b'\]\[1\]"),
        ("fine", [np.array([[0, 3.0], [3.0, 0]])], r"downstream_graphs\[0\] has an edge of weight"),
        (nx.path_graph(3), "fine", "pretrain_graphs is one graph"),
        ({"a": nx.path_graph(3)}, "fine", r"pretrain_graphs\['a'\] is one graph"),
        ({1: "fine", "1": "fine"}, "fine", "two lists of one name"),
        (4, "fine", "expected a list"),
    ],
)
def test_wrong_graphs_are_named(sources, downstream, told):
    fine = [nx.path_graph(3)]

    def filled(value):
        if isinstance(value, dict):
            return {key: filled(one) for key, one in value.items()}
        return fine if isinstance(value, str) else value

    with pytest.raises(InputError, match=told):
        feasibility(filled(sources), filled(downstream), r=4)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"r": 1}, "r is 1"),
        ({"method": "LP"}, "method is 'LP'"),
        ({"align": "crop"}, "align is 'crop'"),
        ({"families": ()}, r"families is \(\)"),
        ({"families": ("domains",)}, "expected some of integrated, domain, topological"),
        ({"families": ("domain", "domain")}, "each once"),
        ({"n_clusters": 0}, "n_clusters is 0"),
        ({"n_clusters": 2.0}, "n_clusters is 2.0"),
        ({"loss": "l1"}, "loss is 'l1'"),
        ({"graphon_options": {"r": 3}}, "graphon_options has 'r'"),
        ({"graphon_options": {"threshold": -1}}, "threshold is -1"),
    ],
)
def test_impossible_options_are_refused(options, told):
    pair = {"a": [nx.path_graph(3)], "b": [nx.path_graph(4)]}
    with pytest.raises(InputError, match=told):
        feasibility(pair, [nx.path_graph(2)], **options)


def test_text_holds_score_table_baselines_and_caution(report):
    text = str(report)
    assert f"{report.score:.4g}" in text.splitlines()[0]
    for row in report.rows:
        line = next(line for line in text.splitlines() if line.startswith(row.family))
        assert f"{row.distance:.4g}" in line
        assert ("*" in line) == (row.family == report.best_family)
    for value in report.baselines.values():
        assert f"{value:.4g}" in text
    assert "not shown to predict" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 100
    assert repr(report).startswith("FeasibilityReport(score=-")


def test_table_is_a_frame(report):
    frame = report.table
    assert list(frame) == ["family", "K", "distance", "weights", "starts", "seconds"]
    assert frame["K"].tolist() == [1, 2, 3] and (frame["seconds"] > 0).all()
    assert report.to_frame().equals(frame)


def test_json_holds_the_numbers(report, tmp_path):
    report.to_json(tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    assert read["score"] == report.score and read["best_weights"] == report.best_weights
    assert [row["distance"] for row in read["families"]] == [r.distance for r in report.rows]
    assert read["baselines"] == dict(report.baselines)
    assert read["graphons"]["downstream"]["n_graphs"] == 10


def test_unknown_families_of_a_report_are_named(report):
    with pytest.raises(InputError, match="family is 'all', expected one of integrated"):
        report.mixture("all")


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_pictures_are_drawn_and_equal(report, tmp_path, kind):
    for name in ("one", "two"):
        report.plot(tmp_path / f"{name}.{kind}")
    one, two = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("one", "two"))
    assert len(one) > 5000 and one == two


def test_pictures_of_many_and_of_empty_graphons_are_drawn(tmp_path):
    many = {f"$x_{i}$ with a long name": [nx.path_graph(3 + i)] for i in range(9)}
    found = feasibility(many, [nx.path_graph(2)], "domain", r=4)
    found.plot(tmp_path / "many.svg")
    assert (tmp_path / "many.svg").read_bytes().count(b"<image") > 7  # five bases and three more
    with pytest.warns(UserWarning, match="has an edge"):
        zero = feasibility([nx.empty_graph(2)], [nx.empty_graph(3)], r=4)
    zero.plot(str(tmp_path / "zero.png"))
    assert (tmp_path / "zero.png").stat().st_size > 1000


def test_input_stays_as_it_was():
    edges = torch.tensor([[0, 1], [1, 1]])
    before = edges.clone()
    feasibility([edges], [edges], r=4)
    assert torch.equal(edges, before)
