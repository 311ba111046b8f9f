"""Entries of a sparse product, their weights, and what is added to them."""

from __future__ import annotations

import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.nn import AddedWeights
from graphlab.nn.added_weights import entries_of

PATH = [[0, 1], [1, 2]]  # node 3 is isolated


def matrix(entries, weight):
    n = entries.csr.num_rows
    out = torch.zeros(n, n, dtype=weight.dtype)
    out[tuple(entries.index)] = weight
    return out


def dense(loops, edges=PATH, n=4):
    a = torch.zeros(n, n, dtype=torch.float64)
    a[edges[0], edges[1]] = a[edges[1], edges[0]] = 1
    return a + torch.eye(n, dtype=torch.float64) * loops


@pytest.mark.parametrize("loops", [True, False])
def test_weights_are_those_of_the_dense_formula(loops):
    a = dense(loops)
    entries = entries_of(as_graph(PATH, 4), torch.float64, loops=loops)
    assert torch.equal(matrix(entries, entries.value), a)
    degree = a.sum(1)
    inverse = torch.where(degree > 0, 1 / degree, 0)
    torch.testing.assert_close(matrix(entries, entries.normalized("sage")), inverse[:, None] * a)
    expected = inverse.sqrt()[:, None] * a * inverse.sqrt()
    torch.testing.assert_close(matrix(entries, entries.normalized("gcn")), expected)


def test_an_isolated_node_has_its_loop_alone():
    entries = entries_of(as_graph(PATH, 4), torch.float32, loops=True)
    last = entries.index[:, -1].tolist()
    assert last == [3, 3]
    assert entries.normalized("gcn")[-1] == entries.normalized("sage")[-1] == 1


def test_weights_of_a_graph_are_read():
    graph = as_graph(PATH, 3, edge_weight=torch.tensor([2.0, 5.0]))
    entries = entries_of(graph, torch.float32, loops=False)
    assert matrix(entries, entries.value).tolist() == [[0, 2, 0], [2, 0, 5], [0, 5, 0]]


def test_a_graph_without_edges_or_nodes_works():
    empty = torch.empty(2, 0, dtype=torch.int64)
    for n in (0, 3):
        for loops in (True, False):
            entries = entries_of(as_graph(empty, n), torch.float32, loops=loops)
            assert entries.normalized("gcn").tolist() == [1.0] * (n * loops)
            added = AddedWeights()
            added.set(entries.index, torch.full((n * loops,), 2.0))
            assert added(entries.csr, entries.value).tolist() == [3.0] * (n * loops)


def test_in_a_smaller_graph_what_is_left_keeps_its_weights():
    whole = entries_of(as_graph([[0, 1, 0], [1, 2, 2]], 4), torch.float32, loops=True)
    added = AddedWeights()
    added.set(whole.index, torch.arange(1.0, whole.value.numel() + 1))
    table = matrix(whole, added.value)
    part = entries_of(as_graph(PATH, 4), torch.float32, loops=True)
    found = matrix(part, added(part.csr, torch.zeros_like(part.value)))
    assert torch.equal(found, table * (matrix(part, part.value) > 0))


def test_new_entries_and_new_nodes_get_nothing():
    small = entries_of(as_graph(PATH, 3), torch.float32, loops=True)
    added = AddedWeights()
    added.set(small.index, torch.ones_like(small.value))
    large = entries_of(as_graph([[0, 1, 0, 3], [1, 2, 4, 4]], 5), torch.float32, loops=True)
    found = matrix(large, added(large.csr, torch.zeros_like(large.value)))
    expected = torch.zeros(5, 5)
    expected[:3, :3] = matrix(small, small.value)
    assert torch.equal(found, expected)


def test_the_state_has_as_many_entries_as_were_saved():
    entries = entries_of(as_graph(PATH, 4), torch.float32, loops=True)
    one, other = AddedWeights(), AddedWeights()
    one.set(entries.index, torch.rand(entries.value.numel()))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.index, other.index)
    assert torch.equal(one.value, other.value)
    one.clear()
    other.load_state_dict(one.state_dict())
    assert other.value.numel() == 0
    assert torch.equal(other(entries.csr, entries.value), entries.value)


def test_what_was_given_stays_the_callers():
    index, value = torch.tensor([[0], [1]]), torch.ones(1)
    added = AddedWeights()
    added.set(index, value)
    value.add_(1)
    assert added.value.tolist() == [1.0]


def test_wrong_entries_are_named():
    added = AddedWeights()
    with pytest.raises(InputError, match=r"\(2, 3\).*\(2,\)"):
        added.set(torch.zeros(2, 3, dtype=torch.int64), torch.ones(2))
    for pairs in ([[1, 0], [0, 0]], [[0, 0], [1, 1]]):
        with pytest.raises(InputError, match="sorted"):
            added.set(torch.tensor(pairs), torch.ones(2))
