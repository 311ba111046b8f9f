"""Graphs that several tests of orbits use, the golden arrays, and how matrices are compared."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

from graphlab.graphlets import EDGE_ORBITS, ORBIT_PAIRS
from tests.graphlets import brute_force

_FOLDER = Path(__file__).parents[1] / "golden" / "graphlets"
SMALL = tuple(sorted(path.stem for path in _FOLDER.glob("*.npz") if path.stem != "karate_ppmi"))
PUBLIC = ("cora_large", "chameleon_large")
MESSY = ("er_45", "karate", "plc_60")  # come with loops, repeats and reversed edges too


@cache
def read(name):
    """Return golden arrays; those of public data come from beside the mirror, else skip."""
    path = _FOLDER / f"{name}.npz"
    if name in PUBLIC:
        mirror = os.environ.get("GRAPHLAB_DATA_MIRROR", "").split(os.pathsep)[0]
        path = Path(mirror).parent / "golden" / "graphlets" / path.name
        if not mirror or not path.is_file():
            pytest.skip("the golden arrays of public graphs are not beside GRAPHLAB_DATA_MIRROR")
    with np.load(path) as stored:
        return dict(stored)


def golden_graph(name):
    """Return the edge index and the number of nodes."""
    stored = read(name)
    return stored["edges"].T.astype(np.int64), int(stored["n"])


def golden_matrix(name, key):
    """Return a golden orbit adjacency as a dense matrix."""
    stored = read(name)
    matrix = np.zeros((int(stored["n"]),) * 2, np.int64)
    rows, columns, values = stored["adj_{}_{}_{}".format(*key)].T
    matrix[rows, columns] = values
    return matrix


def star(leaves):
    return np.stack([np.zeros(leaves, np.int64), np.arange(1, leaves + 1)])


def complete(n):
    return np.stack(np.triu_indices(n, 1))


def bipartite(a, b):
    return np.stack([np.repeat(np.arange(a), b), a + np.tile(np.arange(b), a)])


def path(n):
    return np.stack([np.arange(n - 1), np.arange(1, n)])


def cycle(n):
    return np.stack([np.arange(n), np.roll(np.arange(n), -1)])


def random_edges(n, count, seed=0):
    """Return about ``count`` edges of a random graph without loops, each once."""
    ends = np.random.default_rng(seed).integers(0, n, (2, count))
    ends = np.sort(ends[:, ends[0] != ends[1]], axis=0)
    return np.unique(ends, axis=1)


def clustered(n=900, seed=0):
    """Return a graph of dense groups, random edges and some hubs: every orbit is common."""
    generator = np.random.default_rng(seed)
    groups = np.arange(n).reshape(-1, 15)
    inside = groups[
        np.arange(len(groups))[:, None], generator.integers(0, 15, (2, len(groups), 40))
    ]
    hubs = np.stack([np.repeat(generator.integers(0, n, 6), 70), generator.integers(0, n, 420)])
    ends = np.concatenate([inside.reshape(2, -1), hubs, random_edges(n, n, seed)], 1)
    ends = np.sort(ends[:, ends[0] != ends[1]], axis=0)
    return np.unique(ends, axis=1)


@cache
def enumerated():
    """Return 200 random graphs of 4 to 12 nodes: (n, edge index, counts, edges, matrices)."""
    found = []
    for seed in range(200):
        generator = np.random.default_rng(seed)
        n = 4 + seed % 9
        kept = generator.random((n, n)) < (seed % 23 + 0.5) / 22.5
        edges = np.stack(np.triu(kept, 1).nonzero())
        matrices = brute_force.orbit_adjacency(n, edges.T)
        found.append((n, edges, matrices))
    return found


def adjacency(edges, n):
    """Return the dense 0/1 matrix of an edge index."""
    matrix = np.zeros((n, n), np.int64)
    matrix[edges[0], edges[1]] = matrix[edges[1], edges[0]] = 1
    return matrix


def edge_columns(matrices, edges):
    """Return what the twelve edge orbits are by dense matrices."""
    u, v = edges
    both = [matrices[h, i, j] + (i != j) * matrices[h, i, j].T for h, i, j in EDGE_ORBITS]
    return np.stack([matrix[u, v] for matrix in both], 1)


def by_products(edges, n):
    """Give ``(key, dense matrix)`` by products of dense matrices: slow, without a kernel."""
    W = adjacency(edges, n).astype(float)  # exact below 2^53, and floats are multiplied fast
    d = W.sum(1)
    W2 = W @ W
    t = W * W2
    T = t.sum(1) / 2
    D, X = (W * d) @ W, W @ t  # X[u, v]: over w in the common neighbours, the sum of t(w, v)
    inner = np.zeros((n, n))
    for u in range(n):
        near = W[u].nonzero()[0]
        rows = W[near]
        inner[u] = ((rows[:, near] @ rows) * rows).sum(0) / 2
    apart = (1 - W) * (1 - np.eye(n))
    through = (W2 * apart) @ W
    P = d - 1 - W2
    beyond = (W * (d - 1 - t)).sum(1)
    chord = X - W2 - 2 * inner
    square = through - chord - P
    kite = T - t - chord - inner
    near = {
        (0, 0): W,
        (1, 2): P,
        (3, 3): t,
        (4, 5): beyond - P.T - (D - t - X) - square,
        (5, 5): P * P.T - square,
        (6, 7): P * (P - 1) / 2 - kite,
        (8, 8): square,
        (9, 11): kite,
        (10, 10): D - t - X.T - chord,
        (10, 11): t * P - chord,
        (12, 13): chord,
        (13, 13): t * (t - 1) / 2 - inner,
        (14, 14): inner,
    }
    square = W2 * (W2 - 1) / 2 - inner
    far = {
        (1, 1): W2,
        (4, 5): W2 * (d - 1) - X - 2 * square,
        (6, 6): D - 2 * W2 - X - X.T + 2 * inner,
        (8, 8): square,
        (9, 10): X - 2 * inner,
        (12, 12): inner,
    }
    for h, i, j in ORBIT_PAIRS:
        known, mask = (near, W) if h == 1 else (far, apart)
        if h == 3:
            yield (h, i, j), ((through - far[9, 10]) * apart).astype(np.int64)
        elif (i, j) in known:
            yield (h, i, j), (known[i, j] * mask).astype(np.int64)
        else:
            yield (h, i, j), (known[j, i].T * mask).astype(np.int64)


def check_form(matrix, shape, dtype=np.int32):
    """Check what every matrix promises: sorted columns, no zeros, no repeats, its types."""
    assert matrix.shape == shape
    assert matrix.format == "csr"
    assert matrix.dtype == dtype
    assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
    assert matrix.indptr[0] == 0
    assert matrix.indptr[-1] == matrix.indices.size == matrix.data.size
    assert (matrix.data > 0).all()
    rows = np.repeat(np.arange(shape[0]), np.diff(matrix.indptr))
    assert (np.diff(rows * max(shape[1], 1) + matrix.indices) > 0).all()


def same(found, expected):
    """Check that two mappings of matrices are equal to the last bit and in every type."""
    assert list(found) == list(expected)
    for key in expected:
        for part in ("indptr", "indices", "data"):
            a, b = getattr(found[key], part), getattr(expected[key], part)
            assert a.dtype == b.dtype
            assert np.array_equal(a, b), (key, part)


@st.composite
def lists_of_pairs(draw):
    """Draw a number of nodes and an edge list (m, 2) on them: loops and repeats may be in it."""
    n = draw(st.integers(1, 12))
    node = st.integers(0, n - 1)
    return n, np.array(draw(st.lists(st.tuples(node, node))), np.int64).reshape(-1, 2)
