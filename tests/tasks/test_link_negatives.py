"""Pairs that are no edge: uniform, exact on every density, never an edge."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.tasks._link_negatives import (
    NonEdges,
    ordered_non_edges,
    unordered_keys,
    unordered_non_edges,
)


def graph_of(edges, n):
    index = torch.tensor(edges, dtype=torch.int64).reshape(-1, 2).t()
    return as_graph(index, n).simple()


def complement(graph, *, ordered):
    n = graph.num_nodes
    present = {tuple(e) for e in graph.edge_index.t().tolist()}
    return {
        (i, j)
        for i in range(n)
        for j in range(n)
        if i != j and (i, j) not in present and (ordered or i < j)
    }


@st.composite
def graphs(draw):
    n = draw(st.integers(2, 9))
    every = [(i, j) for i in range(n) for j in range(i)]
    return graph_of(draw(st.lists(st.sampled_from(every), max_size=len(every))), n)


@settings(deadline=None, max_examples=80)
@given(graphs(), st.integers(0, 1000))
def test_draws_cover_the_complement_and_nothing_else(graph, seed):
    for non_edges, ordered in (
        (ordered_non_edges(graph), True),
        (unordered_non_edges(graph), False),
    ):
        allowed = complement(graph, ordered=ordered)
        assert non_edges.count == len(allowed)
        rng = np.random.default_rng(seed)
        drawn = non_edges.distinct(len(allowed), rng)
        assert sorted(map(tuple, drawn.tolist())) == sorted(allowed)
        if allowed:
            some = non_edges.uniform(40, rng)
            assert some.shape == (40, 2)
            assert some.dtype == torch.int64
            assert set(map(tuple, some.tolist())) <= allowed
        with pytest.raises(InputError, match=f"has {len(allowed)} "):
            non_edges.distinct(len(allowed) + 1, rng)


def test_a_complete_graph_is_an_error_not_a_loop():
    n = 30
    graph = graph_of([(i, j) for i in range(n) for j in range(i)], n)
    with pytest.raises(InputError, match=r"30 nodes has 0 ordered pairs"):
        ordered_non_edges(graph).uniform(5, np.random.default_rng(0))
    with pytest.raises(InputError, match=r"3 negative pairs .* 0 unordered pairs"):
        unordered_non_edges(graph).distinct(3, np.random.default_rng(0))
    assert unordered_non_edges(graph).distinct(0, np.random.default_rng(0)).shape == (0, 2)


def test_a_nearly_complete_graph_is_no_slower():
    n = 400
    every = torch.combinations(torch.arange(n), 2)
    graph = as_graph(every[:-3].t().contiguous(), n).simple()  # three pairs are left
    begin = time.process_time()
    drawn = ordered_non_edges(graph).uniform(100_000, np.random.default_rng(0))
    assert time.process_time() - begin < 2
    left = {tuple(p) for p in every[-3:].tolist()}
    assert {tuple(sorted(p)) for p in drawn.unique(dim=0).tolist()} == left
    assert len(drawn.unique(dim=0)) == 6


def test_draws_are_uniform_and_in_random_order():
    graph = graph_of([(0, 1), (1, 2), (2, 3), (0, 5)], 6)
    drawn = ordered_non_edges(graph).uniform(60_000, np.random.default_rng(3))
    pairs, counts = drawn.unique(dim=0, return_counts=True)
    expected = 60_000 / len(pairs)
    assert len(pairs) == 30 - 8
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    assert chi2 < 50  # 21 degrees of freedom: beyond 50 in 4 of 10000 draws
    half = drawn[:30_000].unique(dim=0, return_counts=True)[1].double() / counts
    assert abs(half - 0.5).max() < 0.05


@pytest.mark.parametrize("n", [2, 3, 70_000, 3_000_000])
def test_numbers_beyond_int32_are_exact(n):
    rng = np.random.default_rng(0)
    pairs = np.sort(rng.integers(0, n, (1000, 2)), 1)
    pairs = np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
    ends = np.array([[0, 1], [0, n - 1], [n - 2, n - 1]])
    pairs = np.unique(np.concatenate([pairs, ends]), axis=0)
    keys = unordered_keys(torch.from_numpy(pairs), n)
    assert (np.diff(keys) > 0).all()
    assert keys[0] == 0
    assert keys[-1] == n * (n - 1) // 2 - 1
    nothing = np.empty(0, np.int64)
    for ordered in (False, True):
        empty = NonEdges(n, nothing, ordered=ordered)
        numbers = keys if not ordered else pairs[:, 0] * (n - 1) + pairs[:, 1] - 1
        assert np.array_equal(empty._pairs(numbers).numpy(), pairs)


def test_keys_do_not_see_the_order_of_nodes():
    pairs = torch.tensor([[3, 1], [1, 3], [2, 2], [0, 4]])
    keys = unordered_keys(pairs, 5)
    assert keys[0] == keys[1]
    assert keys[2] == -1
    assert keys.min() == -1
    assert unordered_keys(torch.empty(0, 2, dtype=torch.int64), 5).size == 0


def test_equal_seeds_draw_equally():
    graph = graph_of([(0, 1), (1, 2)], 50)
    one, again, other = (
        ordered_non_edges(graph).uniform(100, np.random.default_rng(s)) for s in (1, 1, 2)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_million_edges_take_a_fraction_of_a_second():
    n, m = 4267, 1_000_000
    rng = np.random.default_rng(0)
    graph = as_graph(torch.from_numpy(rng.integers(0, n, (2, m))), n).simple()
    non_edges = ordered_non_edges(graph)
    begin = time.process_time()
    drawn = non_edges.uniform(m, rng).numpy()
    assert time.process_time() - begin < 2  # 0.15 s on an idle core
    edges = graph.edge_index.numpy()
    keys = np.sort(edges[0] * n + edges[1])
    found = drawn[:, 0] * n + drawn[:, 1]
    place = np.minimum(np.searchsorted(keys, found), keys.size - 1)
    assert not (keys[place] == found).any()
    assert not (drawn[:, 0] == drawn[:, 1]).any()
