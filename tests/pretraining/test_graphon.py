"""Graphon estimators: authors' arrays, cases by hand, relabelling, input that is wrong."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
import torch

from graphlab.collection import GraphCollection
from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.pretraining import estimate_graphon, resize_step, total_variation
from graphlab.pretraining._alignment import block_mean, largest, padded_sum, stretched_sum
from graphlab.pretraining._estimators import block_means
from graphlab.pretraining._packed import pack

METHODS = ("hist", "sas", "lg", "mc", "usvt", "sba", "gwb", "sgwb", "fgwb", "sfgwb")
OPTIONS = {
    "USVT": {"threshold": 0.3},
    "SBA": {"threshold": 0.02, "seed": 11},
    "LG": {"gap": "signed"},
}
TOLERANCE = {"MC": 1e-4, "USVT": 1e-4}  # the authors' singular values are of single precision


@pytest.fixture(scope="module")
def arrays(golden):
    return np.load(golden / "w2pgnn" / "graphons.npz")


def graphs_of(arrays, number):
    return [
        a[:n, :n] for a, n in zip(arrays[f"set{number}_adj"], arrays[f"set{number}_n"], strict=True)
    ]


def random_graphs(count=12, seed=0, low=5, high=30):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(low, high, count)
    return [nx.gnp_random_graph(int(n), 0.3, seed=int(n) + i) for i, n in enumerate(sizes)]


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", [m.upper() for m in METHODS])
def test_step_functions_are_those_of_the_authors(arrays, number, name):
    found = estimate_graphon(
        graphs_of(arrays, number), name.lower(), "pad", **OPTIONS.get(name, {})
    )
    bound = TOLERANCE.get(name, 1e-5)
    np.testing.assert_allclose(found.step, arrays[f"set{number}_{name}_step"], rtol=0, atol=bound)
    if name != "HIST":
        expected = arrays[f"set{number}_{name}_r32"]
        np.testing.assert_allclose(found.resample(32), expected, rtol=0, atol=bound)


@pytest.mark.parametrize("number", range(3))
def test_padded_mean_is_that_of_the_authors(arrays, number):
    packed = pack(graphs_of(arrays, number))
    mean = padded_sum(packed) / len(packed)
    np.testing.assert_allclose(mean, arrays[f"set{number}_aligned_mean"], rtol=0, atol=1e-7)


@pytest.mark.parametrize("weight", [1, 4, 7])
def test_denoising_is_that_of_the_authors(arrays, weight):
    found = total_variation(arrays["tv_in"], weight)
    np.testing.assert_allclose(found, arrays[f"tv_w{weight}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [5, 9, 16, 50])
def test_resizing_is_that_of_the_authors(arrays, n):
    np.testing.assert_allclose(
        resize_step(arrays["tv_in"], n), arrays[f"resize_{n}"], rtol=0, atol=1e-12
    )


def test_edges_and_matrices_give_the_same():
    plain = random_graphs()
    kinds = {
        "networkx": plain,
        "graphs": [as_graph(g) for g in plain],
        "one direction": [
            as_graph(np.array(g.edges).T.reshape(2, -1), g.number_of_nodes()) for g in plain
        ],
        "dense": [nx.to_numpy_array(g) for g in plain],
        "scipy": [scipy.sparse.csr_array(nx.to_numpy_array(g)) for g in plain],
        "collection": GraphCollection.from_pyg([as_graph(g) for g in plain]),
    }
    expected = estimate_graphon(plain, "hist", r=16).step
    for name, graphs in kinds.items():
        np.testing.assert_array_equal(
            estimate_graphon(graphs, "hist", r=16).step, expected, err_msg=name
        )


def test_repeats_loops_and_order_of_entries_do_not_matter():
    clean = as_graph([[0, 1, 1, 2], [1, 0, 2, 1]], 4)
    messy = as_graph([[2, 1, 0, 1, 3], [1, 0, 1, 2, 3]], 4)
    np.testing.assert_array_equal(
        estimate_graphon([messy], r=8).step, estimate_graphon([clean], r=8).step
    )


def test_blocks_from_edges_equal_blocks_of_the_matrix():
    packed = pack(random_graphs(20))
    mean = padded_sum(packed) / len(packed)
    np.testing.assert_allclose(block_mean(packed), block_means(mean), atol=1e-14)


@pytest.mark.parametrize("r", [2, 7, 24, 50])
def test_stretching_keeps_every_density(r):
    graphs = random_graphs()
    mean = stretched_sum(pack(graphs), r) / len(graphs)
    density = np.mean([2 * g.number_of_edges() / g.number_of_nodes() ** 2 for g in graphs])
    assert mean.mean() == pytest.approx(density, abs=1e-12)


def test_stretching_a_large_graph_keeps_its_density():
    graph = nx.gnm_random_graph(1500, 4000, seed=0)
    assert estimate_graphon([graph]).density == pytest.approx(8000 / 1500**2, abs=1e-12)


def test_stretching_to_its_own_size_is_the_sorted_matrix():
    graph = nx.gnp_random_graph(17, 0.4, seed=1)
    degree = np.array([d for _, d in graph.degree])
    order = np.argsort(-degree, kind="stable")
    expected = nx.to_numpy_array(graph)[np.ix_(order, order)]
    np.testing.assert_allclose(estimate_graphon([graph], r=17).step, expected, atol=1e-12)


@pytest.mark.parametrize("align", ["pad", "stretch"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_symmetric_and_a_chance(method, align):
    step = estimate_graphon(random_graphs(), method, align, r=20).step
    assert step.min() >= 0 and step.max() <= 1 and (step.max() > 0.01 or method == "usvt")
    np.testing.assert_allclose(step, step.T, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_names_of_nodes_do_not_matter(arrays, method):
    # continuous weights: no degrees tie
    graphs = graphs_of(arrays, 1)
    rng = np.random.default_rng(3)
    moved = []
    for matrix in graphs:
        order = rng.permutation(len(matrix))
        moved.append(matrix[np.ix_(order, order)])
    expected = estimate_graphon(graphs, method, r=16).step
    np.testing.assert_allclose(estimate_graphon(moved, method, r=16).step, expected, atol=1e-8)


@pytest.mark.parametrize("align", ["pad", "stretch"])
@pytest.mark.parametrize("method", METHODS)
def test_single_nodes_add_nothing(method, align):
    pair = np.array([[0.0, 1.0], [1.0, 0.0]])
    for graphs in ([np.zeros((1, 1)), pair], [pair], [np.zeros((1, 1)), nx.path_graph(9)]):
        step = estimate_graphon(graphs, method, align, r=4).step
        assert np.isfinite(step).all()
    alone = estimate_graphon([nx.path_graph(9)], "hist", align, r=4).step
    mixed = estimate_graphon([np.zeros((1, 1)), nx.path_graph(9)], "hist", align, r=4)
    np.testing.assert_allclose(mixed.step, alone / 2, atol=1e-12)
    assert mixed.n_graphs == 2 and mixed.sizes.tolist() == [1, 9]


@pytest.mark.parametrize("align", ["pad", "stretch"])
@pytest.mark.parametrize("method", METHODS)
def test_without_edges_the_graphon_is_zero(method, align):
    with pytest.warns(UserWarning, match="None of the 2 graphs has an edge"):
        step = estimate_graphon([np.zeros((3, 3)), np.zeros((1, 1))], method, align).step
    assert not step.any()


def test_directed_graphs_are_made_undirected_with_a_warning():
    one_way = np.array([[0.0, 0.25], [0.5, 0.0]])
    with pytest.warns(UserWarning, match=r"graphs\[1\] is directed"):
        found = estimate_graphon([np.zeros((2, 2)), one_way], r=2)
    np.testing.assert_allclose(found.step, [[0, 0.25], [0.25, 0]])
    with pytest.warns(UserWarning, match="is directed"):
        estimate_graphon([nx.DiGraph([(0, 1)])])


def test_padding_of_uneven_sizes_is_said():
    with pytest.warns(UserWarning, match="largest graph has 40 nodes"):
        estimate_graphon([nx.path_graph(n) for n in (4, 4, 4, 40)], align="pad")


@pytest.mark.parametrize(
    ("graphs", "told"),
    [
        ([], "graphs is empty"),
        ([np.zeros((2, 2)), np.array([[0, np.nan], [np.nan, 0]])], r"graphs\[1\]"),
        ([np.zeros((2, 3))], r"graphs\[0\]"),
        ([np.array([[0, -1.0], [-1.0, 0]])], r"graphs\[0\]"),
        ([np.zeros((2, 2)), np.array([[0, 2.5], [2.5, 0]])], r"graphs\[1\] has an edge of weight"),
        (["a"], r"graphs\[0\]"),
        (nx.path_graph(3), "graphs is one graph"),
        (3, "expected a list"),
    ],
)
def test_wrong_graphs_are_named(graphs, told):
    with pytest.raises(InputError, match=told):
        estimate_graphon(graphs)


@pytest.mark.parametrize(
    "options",
    [
        *({"method": "LP"}, {"align": "crop"}, {"r": 1}, {"r": 2.5}, {"gap": "max"}, {"beta": 0}),
        *({"threshold": -1.0}, {"gamma": 2}, {"inner_iters": 0}),
    ],
)
def test_impossible_options_are_refused(options):
    with pytest.raises(InputError, match=next(iter(options))):
        estimate_graphon([nx.path_graph(3)], **options)


def test_input_stays_as_it_was():
    matrix = np.array([[1.0, 0.5], [0.25, 0.0]])
    before = matrix.copy()
    with pytest.warns(UserWarning, match="directed"):
        estimate_graphon([matrix])
    np.testing.assert_array_equal(matrix, before)


def test_parts_of_a_collection_are_the_graphs():
    graphs = random_graphs(9)
    chosen = np.array([7, 2, 2])
    picked, expected = pack(graphs).select(chosen), pack([graphs[i] for i in chosen])
    for name in ("ptr", "indptr", "row", "col"):
        np.testing.assert_array_equal(getattr(picked, name), getattr(expected, name))
    both = pack(graphs[:4]).joined(pack(graphs[4:]))
    for name in ("ptr", "indptr", "row", "col"):
        np.testing.assert_array_equal(getattr(both, name), getattr(pack(graphs), name))
    assert largest(both) == max(g.number_of_nodes() for g in graphs)


def test_tensors_on_their_own_are_read():
    edges = torch.tensor([[0, 1], [1, 2]])
    assert estimate_graphon([edges], r=3).density == pytest.approx(4 / 9)


@pytest.mark.parametrize("wrong", [np.zeros((2, 3)), [[np.inf]], "a", np.zeros((0, 0))])
def test_step_functions_are_square_and_finite(wrong):
    with pytest.raises(InputError):
        resize_step(wrong, 3)
    with pytest.raises(InputError):
        total_variation(wrong, 1.0)


def test_sizes_and_weights_of_step_functions_are_checked():
    with pytest.raises(InputError, match="n is 0"):
        resize_step([[1.0]], 0)
    with pytest.raises(InputError, match="weight is 0"):
        total_variation([[1.0]], 0)
