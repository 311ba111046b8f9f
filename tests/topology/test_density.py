"""Density of the training graph around each node."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.topology import subgraph_density
from tests.topology.golden import GRAPHS, random_split, read
from tests.topology.slow_values import density


@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("name", [*GRAPHS, "self_loops"])
def test_golden_values(name, hops):
    data = read(name)
    loops = "keep" if name == "self_loops" else "remove"
    found = subgraph_density(data["train"], int(data["num_nodes"]), hops, self_loops=loops)
    np.testing.assert_allclose(found, data[f"density{hops}"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("hops", [1, 2, 3, 9])
def test_values_equal_their_definition(hops, loops):
    train, _ = random_split(0, m=35)
    options = {"self_loops": "keep" if loops else "remove"}
    found = subgraph_density(train, 30, hops, **options)
    expected = density(train.tolist(), 30, hops, loops=loops)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert float(found[29]) == 0.0  # alone


def test_the_number_of_threads_changes_nothing():
    edges = np.array(nx.barabasi_albert_graph(2000, 5, seed=0).edges)
    for hops in (1, 2):
        one = subgraph_density(edges, 2000, hops, num_threads=1)
        assert torch.equal(subgraph_density(edges, 2000, hops, num_threads=3), one)


def test_wrong_arguments_are_named():
    with pytest.raises(InputError, match="hops is 0"):
        subgraph_density([[0, 1]], 2, 0)
    with pytest.raises(InputError, match="num_threads is 0"):
        subgraph_density([[0, 1]], 2, num_threads=0)
    with pytest.raises(InputError, match="train_edges holds nodes 0 to 3"):
        subgraph_density([[0, 3]], 2)
