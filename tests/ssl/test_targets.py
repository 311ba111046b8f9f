"""Pure builders of pretext targets: golden arrays, the definitions, small cases by hand."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.ssl import (
    PairSampler,
    bfs_partition,
    context_label,
    correct_labels,
    distance2labeled_target,
    iterative_classification,
    label_propagation,
    pairwise_distance_classes,
)
from graphlab.ssl.distances import distances_to
from graphlab.ssl.label_spreading import pseudo_labels
from graphlab.ssl.partition import cluster_centres
from graphlab.ssl.properties import closeness, pagerank
from tests.ssl.golden import hops_from, random_edges, read

pytestmark = pytest.mark.filterwarnings(
    "ignore:the graph is directed", "ignore:Sparse CSR tensor support"
)


@pytest.fixture(scope="module")
def golden():
    return read()


def close(found, expected, atol=1e-6):
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


def test_golden_distances(golden):
    found = pairwise_distance_classes(golden.edge_index, golden.n)
    np.testing.assert_array_equal(found, golden.pairwise_distance_label)
    labelled = golden.idx_train, golden.y_train
    close(distance2labeled_target(golden.edge_index, golden.n, *labelled), golden.distance2labeled)
    found = pairwise_distance_classes(golden.disc_edge_index, 21)
    np.testing.assert_array_equal(found, golden.disc_pairwise_distance_label)
    nodes, classes = golden.disc_train.T
    found = distance2labeled_target(golden.disc_edge_index, 21, nodes, classes)
    close(found, golden.disc_distance2labeled)


def test_golden_clusters(golden):
    graph = as_graph(golden.edge_index, golden.n).simple()
    close(
        distances_to(graph, golden.cluster_center_global),
        golden.distance2cluster_from_global_centers,
    )
    wrong = golden.cluster_center_official_local_index
    close(distances_to(graph, wrong), golden.distance2cluster_official)
    # a tie may be broken otherwise: what is compared is the number of neighbours in the part
    labels = golden.cluster_membership
    inside = golden.adj * (labels[:, None] == labels[None, :])
    mine = cluster_centres(graph, labels)
    np.testing.assert_array_equal(labels[mine], np.arange(4))
    degree = inside.sum(1)
    np.testing.assert_array_equal(degree[mine], degree[golden.cluster_center_global])


def test_golden_properties(golden):
    graph = as_graph(golden.edge_index, golden.n).simple()
    close(pagerank(graph), golden.pagerank)
    close(closeness(graph), golden.closeness)


def test_golden_label_spreading(golden):
    labelled = golden.idx_train, golden.y_train
    probs = label_propagation(golden.edge_index, golden.n, *labelled)
    close(probs, golden.lp_prob)
    np.testing.assert_array_equal(probs.argmax(1), golden.lp_pred)
    found = iterative_classification(golden.edge_index, golden.x, *labelled)
    np.testing.assert_array_equal(found.labels, golden.ica_pred)
    close(found.probs, golden.ica_prob, 1e-4)
    for compat in (None, "official"):  # the labelled nodes are the first: both stack alike
        labels = pseudo_labels(
            "ensemble", golden.edge_index, golden.x, *labelled, n_classes=3, compat=compat
        )
        np.testing.assert_array_equal(labels, golden.ensemble_pred)


@pytest.mark.parametrize("source", ["lp", "ica", "ensemble"])
def test_golden_context(golden, source):
    labels = getattr(golden, f"{source}_pred")
    found = context_label(golden.edge_index, golden.n, labels, 3)
    close(found, getattr(golden, f"{source}_context"))


def test_golden_context_of_parts(golden):
    found = context_label(golden.disc_edge_index, 21, np.arange(21) % 2, 2)
    expected = golden.disc_context_from_alternating
    assert np.isnan(expected[10]).all()
    assert found[10].tolist() == [0.5, 0.5]
    close(np.delete(found, 10, 0), np.delete(expected, 10, 0))


@pytest.mark.parametrize("seed", [0, 1])
def test_golden_correction(golden, seed):
    generator = torch.Generator().manual_seed(seed)
    emb = torch.from_numpy(golden.emb)
    found = correct_labels(emb, golden.ica_pred, golden.corrected_idx, generator)
    np.testing.assert_array_equal(found, golden.corrected_label)


@pytest.mark.parametrize("seed", range(4))
def test_distances_are_those_of_the_definition(seed):
    n, edges = 40, random_edges(seed)
    d = np.array([hops_from(edges, n, i) for i in range(n)])
    expected = np.where(d <= 3, d - 1, 3)
    expected[np.tril_indices(n)] = -1
    np.testing.assert_array_equal(pairwise_distance_classes(edges, n), expected)
    ids, classes = [3, 7, 20, 39], [0, 2, 2, 0]
    with np.errstate(divide="ignore"):
        inverse = np.where(d[:, ids] > 0, 1 / d[:, ids], 0)
    with pytest.warns(UserWarning, match="class 1"):
        found = distance2labeled_target(edges, n, ids, classes)
    close(found[:, 0], inverse[:, [0, 3]].mean(1))
    close(found[:, 2], inverse[:, [1, 2]].mean(1))
    assert not found[:, 1].any()
    with np.errstate(invalid="ignore"):
        reached = np.where(np.isfinite(d), d, 0)
    r = np.isfinite(d).sum(1) - 1
    close(closeness(as_graph(edges, n).simple()), r**2 / 39 / np.maximum(reached.sum(1), 1))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("hops", [1, 2])
def test_context_is_that_of_the_definition(seed, hops):
    n, edges = 40, random_edges(seed, m=70)
    a = np.zeros((n, n), int)
    a[tuple(edges)] = 1
    s = a + (((a @ a) > 0) & ~np.eye(n, dtype=bool) if hops == 2 else 0)
    labels = np.random.default_rng(seed).integers(-1, 3, n)
    counts = s @ (labels[:, None] == np.arange(3)).astype(float)
    total = counts.sum(1, keepdims=True)
    expected = np.where(total > 0, counts / np.maximum(total, 1), 1 / 3)
    close(context_label(edges, n, labels, 3, hops), expected)


@pytest.mark.parametrize("store", [True, False])
def test_sampled_pairs_are_distinct_and_of_their_class(store):
    n, edges = 60, random_edges(3, n=60, m=80)
    classes = pairwise_distance_classes(edges, n)
    sampler = PairSampler(as_graph(edges, n).simple(), store=store)
    sizes = [(classes == c).sum() for c in range(4)]
    assert sampler.sizes.tolist() == sizes
    assert min(sizes) > 20
    for wanted in (20, 10**6):
        pairs, found = sampler.sample(wanted, torch.Generator().manual_seed(0))
        np.testing.assert_array_equal(classes[tuple(pairs)], found)
        assert np.bincount(found).tolist() == [min(wanted, size) for size in sizes]
        assert len(set(map(tuple, pairs.T.tolist()))) == pairs.shape[1]


def test_every_pair_is_drawn_equally_often():
    """Without the matrix the draw is by place in a count: no place may be favoured."""
    edges, n = random_edges(1, n=14, m=14), 14
    sampler = PairSampler(as_graph(edges, n).simple(), store=False)
    drawn = np.zeros((n, n))
    for seed in range(2000):
        pairs, _ = sampler.sample(2, torch.Generator().manual_seed(seed))
        drawn[tuple(pairs)] += 1
    classes = pairwise_distance_classes(edges, n)
    for c in range(4):
        mine = drawn[classes == c]
        assert mine.size > 3
        chance = 2 / mine.size
        spread = np.sqrt(2000 * chance * (1 - chance))
        assert np.abs(mine - 2000 * chance).max() < 5 * spread


def test_a_pair_without_a_path_is_official_one_more_than_the_longest():
    edges = [[0, 1, 3], [1, 2, 4]]  # a path of three and an edge
    ours = pairwise_distance_classes(edges, 5)
    theirs = pairwise_distance_classes(edges, 5, compat="official")
    assert (ours[0, 3], theirs[0, 3]) == (3, 2)
    assert (ours[0, 2], theirs[0, 2]) == (1, 1)


def test_unreached_nodes_have_no_pseudo_label():
    edges = [[0, 1], [1, 2]]
    given = {"x": np.ones((4, 1)), "train_idx": [2, 0], "y_train": [1, 0], "n_classes": 2}
    assert pseudo_labels("lp", edges, **given).tolist() == [0, 0, 1, -1]
    assert pseudo_labels("lp", edges, fill="first", **given).tolist() == [0, 0, 1, 0]
    # officially the class that is seen first wins a tie, and is given to nodes without any
    assert pseudo_labels("lp", edges, compat="official", **given).tolist() == [0, 1, 1, 1]


def test_the_official_ensemble_adds_rows_of_different_nodes(golden):
    order = np.random.default_rng(0).permutation(golden.n)
    back = np.argsort(order)
    moved = back[golden.edge_index]
    given = (moved, golden.x[order], back[golden.idx_train], golden.y_train)
    ours = pseudo_labels("ensemble", *given, n_classes=3)
    np.testing.assert_array_equal(ours, golden.ensemble_pred[order])
    theirs = pseudo_labels("ensemble", *given, n_classes=3, compat="official")
    assert (theirs != ours).mean() > 0.1


def test_relational_sweeps_use_the_labels_of_the_moment():
    """A chain behind one labelled node: one sweep carries its label to the end."""
    n = 8
    edges = np.stack([np.arange(n - 1), np.arange(1, n)])
    x = np.zeros((n + 2, 1))
    pair = np.array([[n], [n + 1]])
    found = iterative_classification(
        np.concatenate([edges, pair], 1), x, [0, 1, n, n + 1], [1, 1, 0, 0], sweeps=1
    )
    assert found.labels[:n].tolist() == [1] * n


def test_one_class_needs_no_regression():
    found = iterative_classification([[0], [1]], np.eye(3), [1], [2], n_classes=4)
    assert found.labels.tolist() == [2, 2, 2]
    assert found.probs[:, 2].tolist() == [1, 1, 1]


def test_sparse_features_give_the_same(golden):
    import scipy.sparse

    labelled = golden.idx_train, golden.y_train
    dense = iterative_classification(golden.edge_index, golden.x, *labelled)
    for x in (scipy.sparse.csr_array(golden.x), torch.from_numpy(golden.x).to_sparse_csr()):
        found = iterative_classification(golden.edge_index, x, *labelled)
        np.testing.assert_array_equal(found.labels, dense.labels)
        close(found.probs, dense.probs, 1e-4)


def test_a_class_without_members_is_skipped_and_few_members_serve():
    emb = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    assert correct_labels(emb, [0, 0, 3], [0, 1, 2]).tolist() == [0, 0, 3]
    with pytest.raises(InputError, match="labels no node"):
        correct_labels(emb, [-1, -1, -1], [0])


def test_loops_repeats_and_directions_change_nothing(golden):
    row, col = golden.edge_index
    one = golden.edge_index[:, row < col]
    loops = np.stack([np.arange(5)] * 2)
    messy = np.concatenate([golden.edge_index, loops, golden.edge_index[:, :7]], 1)
    labelled = golden.idx_train, golden.y_train
    with pytest.warns(UserWarning, match="directed"):
        half = distance2labeled_target(one, golden.n, *labelled)
    close(half, golden.distance2labeled)
    close(distance2labeled_target(messy, golden.n, *labelled), golden.distance2labeled)
    close(label_propagation(messy, golden.n, *labelled), golden.lp_prob)


def test_pieces_of_a_partition_are_equal_and_all_there():
    graph = as_graph(random_edges(0, n=45), 45).simple()
    labels = bfs_partition(graph, 4)
    sizes = np.bincount(labels)
    assert len(sizes) == 4
    assert sizes.max() - sizes.min() <= 1
    with pytest.raises(InputError, match="46"):
        bfs_partition(graph, 46)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: distance2labeled_target([[0], [1]], 2, [5], [0]), "train_idx holds 5"),
        (lambda: distance2labeled_target([[0], [1]], 2, [0, 0], [0, 1]), "twice"),
        (lambda: distance2labeled_target([[0], [1]], 2, [0], [0, 1]), "shape"),
        (lambda: label_propagation([[0], [1]], 2, [0], [-1]), "y_train holds -1"),
        (lambda: label_propagation([[0], [1]], 2, [0], [3], n_classes=2), "class 3"),
        (lambda: label_propagation([[0], [1]], 2, [0], [0], -1), "iters is -1"),
        (lambda: pairwise_distance_classes([[0], [1]], 2, 1), "max_class is 1"),
        (lambda: context_label([[0], [1]], 2, [0], 1), "y_hat has shape"),
        (lambda: context_label([[0], [1]], 2, [0, 4], 2), "y_hat holds 4"),
        (lambda: context_label([[0], [1]], 2, [0, 0], 1, 3), "hops is 3"),
        (lambda: iterative_classification([[0], [1]], np.eye(2), [], []), "empty"),
        (lambda: iterative_classification([[0], [1]], np.eye(2) * np.nan, [0], [0]), "NaN"),
    ],
)
def test_wrong_arguments_are_named(call, match):
    with pytest.raises(InputError, match=match):
        call()


INTERPRETED = """
import numba, numpy as np, torch
from graphlab.graph import as_graph
from graphlab.ssl import PairSampler, context_label, distance2labeled_target
from graphlab.ssl import iterative_classification, pairwise_distance_classes
from graphlab.ssl.properties import closeness
from tests.ssl.golden import read
assert numba.config.DISABLE_JIT
g = read()
same = np.testing.assert_array_equal
same(pairwise_distance_classes(g.edge_index, g.n), g.pairwise_distance_label)
found = distance2labeled_target(g.edge_index, g.n, g.idx_train, g.y_train)
np.testing.assert_allclose(found, g.distance2labeled, atol=1e-6)
np.testing.assert_allclose(context_label(g.edge_index, g.n, g.lp_pred, 3), g.lp_context, atol=1e-6)
same(iterative_classification(g.edge_index, g.x, g.idx_train, g.y_train).labels, g.ica_pred)
graph = as_graph(g.edge_index, g.n).simple()
np.testing.assert_allclose(closeness(graph), g.closeness, atol=1e-6)
pairs, classes = PairSampler(graph, store=False).sample(50, torch.Generator().manual_seed(0))
same(g.pairwise_distance_label[tuple(pairs)], classes)
"""


def test_kernels_mean_the_same_when_they_are_not_compiled():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-W", "error", "-c", INTERPRETED], env=environment, check=True)
