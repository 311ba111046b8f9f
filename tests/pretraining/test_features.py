"""Eight statistics of graphs: the authors' arrays, networkx, graphs without edges."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from graphlab.errors import InputError
from graphlab.pretraining import topological_features
from graphlab.pretraining._families import Options, groups_of
from graphlab.pretraining._sources import read_sources


def by_networkx(graph):
    degree = np.array([d for _, d in graph.degree])
    correlation = nx.degree_pearson_correlation_coefficient(graph) if degree.var() else np.nan
    return [
        degree.mean(),
        degree.std(),
        nx.density(graph),
        np.mean(list(nx.closeness_centrality(graph).values())),
        *[0.0 if np.isnan(correlation) else correlation] * 2,
        nx.transitivity(graph),
        nx.average_clustering(graph),
    ]


def options(**changed):
    values = {
        "families": ("topological",),
        "method": "hist",
        "align": "stretch",
        "r": 10,
        "n_clusters": 3,
        "loss": "square",
        "seed": 0,
        "standardize": True,
        "graphon_options": {},
    }
    return Options(**{**values, **changed})


def groups(graphs, **changed):
    found = groups_of(read_sources(graphs, "graphs"), "topological", options(**changed))
    return {name: chosen.tolist() for name, chosen in found.items()}


@pytest.mark.parametrize("number", range(3))
def test_statistics_are_those_of_the_authors(golden, number):
    arrays = np.load(golden / "w2pgnn" / "graphons.npz")
    stack, sizes = arrays[f"set{number}_adj"], arrays[f"set{number}_n"]
    graphs = [matrix[:n, :n] for matrix, n in zip(stack, sizes, strict=True)]
    np.testing.assert_allclose(
        topological_features(graphs), arrays[f"set{number}_topo"], rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(
    "graph",
    [
        nx.gnp_random_graph(40, 0.05, seed=0),  # several parts
        nx.star_graph(6),
        nx.path_graph(2),
        nx.disjoint_union(nx.complete_graph(4), nx.path_graph(5)),
        nx.barabasi_albert_graph(60, 3, seed=1),
        nx.empty_graph(3),
        nx.cycle_graph(7),
    ],
    ids=["parts", "star", "edge", "union", "hubs", "no edges", "regular"],
)
def test_statistics_are_those_of_networkx(graph):
    around = nx.path_graph(4)  # neighbours in the packed arrays must not enter
    found = topological_features([around, graph, around])
    expected = by_networkx(graph) if graph.number_of_edges() else np.zeros(8)
    np.testing.assert_allclose(found[1], expected, atol=1e-12)
    np.testing.assert_allclose(found[0], found[2], atol=0)


def test_regular_graphs_have_no_correlation():
    # 1 / 3 is no exact number: a spread of rounding must not become a correlation
    found = topological_features([nx.random_regular_graph(3, 20, seed=s) for s in range(5)])
    assert not found[:, 4:6].any() and np.isfinite(found).all()


@pytest.mark.parametrize("size", [1, 4])
def test_without_edges_all_is_zero(size):
    assert not topological_features([np.zeros((size, size)), nx.path_graph(3)])[0].any()


def test_weights_and_loops_do_not_enter():
    weighted = np.array([[0.5, 0.25, 0.0], [0.25, 0.0, 1.0], [0.0, 1.0, 0.0]])
    np.testing.assert_array_equal(
        topological_features([weighted]), topological_features([nx.path_graph(3)])
    )


def test_names_of_nodes_do_not_matter():
    graph = nx.gnp_random_graph(25, 0.2, seed=3)
    order = np.random.default_rng(0).permutation(25)
    moved = nx.relabel_nodes(graph, dict(enumerate(order.tolist())))
    matrix = nx.to_numpy_array(moved, nodelist=range(25))
    np.testing.assert_allclose(
        topological_features([graph]), topological_features([matrix]), atol=1e-12
    )


def test_wrong_graphs_are_named():
    with pytest.raises(InputError, match="graphs is empty"):
        topological_features([])
    with pytest.raises(InputError, match=r"graphs\[1\]"):
        topological_features([nx.path_graph(2), "a"])


def kinds():
    draw = np.random.default_rng(0)
    stars = [nx.star_graph(int(n)) for n in draw.integers(5, 9, 6)]
    dense = [nx.complete_graph(int(n)) for n in draw.integers(9, 12, 6)]
    rings = [nx.cycle_graph(int(n)) for n in draw.integers(8, 12, 6)]
    return [graph for three in zip(stars, dense, rings, strict=True) for graph in three]


def test_groups_are_kinds_and_the_densest_is_first():
    found = groups(kinds())
    assert found == {
        "topological:1": list(range(1, 18, 3)),
        "topological:2": list(range(2, 18, 3)),
        "topological:3": list(range(0, 18, 3)),
    }


@pytest.mark.parametrize("standardize", [True, False])
def test_order_of_graphs_does_not_change_groups(standardize):
    graphs = kinds() + [nx.gnp_random_graph(20, 0.2, seed=s) for s in range(10)]
    order = np.random.default_rng(1).permutation(len(graphs))
    one = groups(graphs, n_clusters=5, standardize=standardize)
    two = groups([graphs[i] for i in order], n_clusters=5, standardize=standardize)
    assert {k: sorted(order[v].tolist()) for k, v in two.items()} == one


@pytest.mark.parametrize(("copies", "most", "expected"), [(5, 4, 1), (1, 4, 1), (3, 1, 1)])
def test_there_are_no_more_groups_than_different_graphs(copies, most, expected):
    assert len(groups([nx.path_graph(4)] * copies, n_clusters=most)) == expected


def test_edgeless_graphs_stay_in_their_place():
    graphs = [nx.complete_graph(5), nx.empty_graph(4), nx.complete_graph(6), nx.empty_graph(9)]
    assert groups(graphs, n_clusters=2) == {"topological:1": [0, 2], "topological:2": [1, 3]}


def test_degrees_decide_where_statistics_are_not_scaled():
    # mean degrees 2 and 8 by kind; clustering 0 or 1 across them
    low = [nx.cycle_graph(12), nx.disjoint_union_all([nx.complete_graph(3)] * 4)]
    high = [nx.complete_bipartite_graph(8, 8), nx.disjoint_union_all([nx.complete_graph(9)] * 2)]
    found = groups(low + high, n_clusters=2, standardize=False)
    assert found == {"topological:1": [2, 3], "topological:2": [0, 1]}
