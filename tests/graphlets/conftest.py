"""Fixtures of the tests of orbits."""

from __future__ import annotations

import pytest

from graphlab.graphlets import _build, orbit_adjacency
from graphlab.ops import _threads
from tests.graphlets import graphs


@pytest.fixture
def eager(monkeypatch):
    """Let the smallest job be shared among threads."""
    monkeypatch.setattr(_threads, "_SMALL", 0)
    monkeypatch.setattr(_build, "_PIECE_BYTES", 1)


@pytest.fixture(params=[1, 2], ids=["one", "two"])
def threads(request, eager):
    """Number of threads, which work on graphs of any size."""
    return request.param


@pytest.fixture(scope="session")
def generated():
    """A clustered graph with hubs, its number of nodes, and its matrices."""
    edges = graphs.clustered()
    n = int(edges.max()) + 4  # some isolated nodes at the end
    return edges, n, orbit_adjacency(edges, num_nodes=n)
