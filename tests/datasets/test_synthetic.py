"""Generated sets: counts, structure, and the same arrays for ever."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from graphlab.datasets import load
from graphlab.datasets.catalog import find_dataset
from graphlab.datasets.synthetic import (
    CSL_SKIPS,
    ba_tiny,
    csl_generated,
    csl_graphs,
    karate,
    sbm_tiny,
)


def digest(arrays):
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(name.encode())
        found.update(np.ascontiguousarray(arrays[name]).astype("<f8").tobytes())
    return found.hexdigest()[:16]


@pytest.mark.parametrize(
    ("generator", "expected"),
    [
        (karate, "f20212d72672db3b"),
        (csl_generated, "b6f6fb9849875d8f"),
        (sbm_tiny, "066984d71e9ce4a8"),
        (ba_tiny, "5ce7b2a9a4ccd595"),
    ],
)
def test_arrays_never_change(generator, expected, tmp_path):
    assert digest(generator(tmp_path, find_dataset("karate"))) == expected


def test_karate_is_the_published_network():
    networkx = pytest.importorskip("networkx")
    expected = networkx.karate_club_graph()
    graph = load("karate").graph
    pairs = {tuple(sorted(pair)) for pair in graph.edge_index.t().tolist()}
    assert pairs == {tuple(sorted(pair)) for pair in expected.edges}


def spectrum(graph):
    dense = torch.zeros(graph.num_nodes, graph.num_nodes, dtype=torch.float64)
    dense[graph.edge_index[0], graph.edge_index[1]] = 1
    return torch.linalg.eigvalsh(dense)


def test_csl_graphs_are_circulants_of_their_class():
    graphs = csl_graphs()
    assert len(graphs) == 150
    nodes = torch.arange(41, dtype=torch.float64)
    for number, graph in enumerate(graphs):
        assert graph.num_edges == 164
        assert set(graph.graph.degree().tolist()) == {4}
        skip = CSL_SKIPS[number // 15]
        angle = 2 * torch.pi * nodes / 41
        expected = (2 * torch.cos(angle) + 2 * torch.cos(skip * angle)).sort().values
        assert torch.allclose(spectrum(graph), expected, atol=1e-9)


def test_csl_copies_are_relabelled():
    graphs = csl_graphs()[:15]
    edge_lists = {tuple(graph.edge_index.flatten().tolist()) for graph in graphs}
    assert len(edge_lists) == 15


def test_generated_csl_has_the_classes_of_the_original(in_shared_root):
    ours, original = load("csl"), load("csl-original")
    assert torch.equal(ours.targets, original.targets)
    for number in range(0, 150, 15):
        assert torch.allclose(
            spectrum(ours.graph[number]), spectrum(original.graph[number]), atol=1e-9
        )


def test_block_model_prefers_its_blocks():
    graph = load("sbm-tiny").graph
    same = graph.y[graph.edge_index[0]] == graph.y[graph.edge_index[1]]
    assert 0.7 < float(same.float().mean()) < 0.85
    assert graph.is_undirected() and not graph.has_self_loops()


def test_scale_free_graph_has_hubs_and_labels_by_degree():
    graph = load("ba-tiny").graph
    degree = graph.degree()
    assert int(degree.min()) == 3 and int(degree.max()) > 30
    means = [float(degree[graph.y == label].float().mean()) for label in range(3)]
    assert means == sorted(means)
