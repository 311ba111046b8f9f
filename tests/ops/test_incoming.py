"""Edges by target: order, both directions, kept results, refusals."""

from __future__ import annotations

import pytest
import torch

from graphlab.errors import InputError
from graphlab.ops import incoming as module
from graphlab.ops.incoming import incoming_edges


@pytest.mark.parametrize("seed", range(4))
def test_edges_are_ordered_by_target_and_keep_their_order_within_one(seed):
    generator = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(0, 6, (2, 25), generator=generator)
    edges = incoming_edges(edge_index, 8)
    order = torch.argsort(edge_index[1], stable=True)
    assert torch.equal(edges.position, order)
    assert torch.equal(edges.src.long(), edge_index[0, order])
    assert torch.equal(edges.dst, edge_index[1, order])
    assert torch.equal(edges.in_degree(), torch.bincount(edge_index[1], minlength=8))
    assert torch.equal(edges.out_degree(), torch.bincount(edge_index[0], minlength=8))
    rows = torch.arange(25)
    assert torch.equal(edges.unsort(edges.sort(rows)), rows)
    other, place = edges.csr.transposed()
    assert torch.equal(other.rows, edge_index[0].sort().values)
    assert torch.equal(edges.dst[place], other.indices.long())


def test_counting_and_sorting_agree():
    key = torch.randint(0, 7, (40,), generator=torch.Generator().manual_seed(1))
    for counted, by_sort in zip(module._grouped(key, 9), module._sorted(key, 9), strict=True):
        assert torch.equal(counted, by_sort)


def test_sorted_edges_are_not_moved_and_the_structure_is_kept():
    edge_index = torch.tensor([[2, 0, 1], [0, 1, 1]])
    edges = incoming_edges(edge_index, 3)
    assert edges.position is None
    rows = torch.rand(3, 2)
    assert edges.sort(rows) is rows
    assert edges.unsort(rows) is rows
    assert incoming_edges(edge_index, 3) is edges
    edge_index[0, 0] = 1
    assert incoming_edges(edge_index, 3) is not edges


def test_no_edges_and_no_nodes():
    edges = incoming_edges(torch.zeros(2, 0, dtype=torch.int64), 0)
    assert (edges.num_nodes, edges.num_edges) == (0, 0)
    assert edges.in_degree().shape == (0,)


@pytest.mark.parametrize(
    ("edge_index", "message"),
    [
        (torch.tensor([[0, 3], [1, 1]]), "node 3"),
        (torch.tensor([[0, -1], [1, 1]]), "node -1"),
        (torch.rand(2, 3), "integer"),
        (torch.zeros(3, 2, dtype=torch.int64), r"\(3, 2\)"),
        ([[0], [1]], "list"),
    ],
)
def test_wrong_edges_are_named(edge_index, message):
    with pytest.raises(InputError, match=message):
        incoming_edges(edge_index, 3)
