"""Views of graphs: exact shares, whole edges, nothing but the draws decides."""

from __future__ import annotations

import pytest
import torch

from graphlab.collection import GraphBatch, GraphCollection
from graphlab.errors import InputError
from graphlab.pretraining import drop_edges, drop_nodes


def ring(n):
    own, other = torch.arange(n), (torch.arange(n) + 1) % n
    return torch.stack([torch.cat([own, other]), torch.cat([other, own])])


def batch_of(*sizes, **fields):
    indices = [ring(n) if n > 2 else torch.zeros((2, 0), dtype=torch.int64) for n in sizes]
    nodes = torch.tensor([0, *sizes]).cumsum(0)
    edges = torch.tensor([0, *(i.shape[1] for i in indices)]).cumsum(0)
    shifted = [index + start for index, start in zip(indices, nodes, strict=False)]
    return GraphBatch(torch.cat(shifted, 1), nodes, edges, fields)


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def entries(batch):
    return set(zip(*batch.edge_index.tolist(), strict=True))


@pytest.mark.parametrize(("rate", "kept"), [(0.0, (10, 7)), (0.15, (9, 6)), (0.29, (8, 5))])
def test_every_graph_loses_exactly_its_share_of_edges(rate, kept):
    view = drop_edges(batch_of(10, 7), rate, generator=draws())
    assert view.edge_ptr.diff().tolist() == [2 * e for e in kept]
    assert view.num_nodes == 17
    assert entries(view) == {(b, a) for a, b in entries(view)}, "both directions go together"
    assert entries(view) <= entries(batch_of(10, 7))


def test_a_share_that_rounding_would_lower_is_taken_in_full():
    assert 0.29 * 100 < 29
    assert drop_nodes(batch_of(100), 0.29, generator=draws()).num_nodes == 71


def test_nodes_go_with_their_edges_and_the_rest_keeps_its_order():
    given = batch_of(10, 1, 7)
    given.x = torch.arange(18.0)[:, None]
    view = drop_nodes(given, 0.3, generator=draws())
    assert view.ptr.diff().tolist() == [7, 1, 5]
    names = view.x[:, 0].long()
    assert (names.diff() > 0).all()
    named = {(int(names[a]), int(names[b])) for a, b in entries(view)}
    assert named == {(a, b) for a, b in entries(given) if {a, b} <= set(names.tolist())}
    assert view.edge_ptr.tolist()[-1] == view.num_edges
    assert view.batch.tolist() == [0] * 7 + [1] + [2] * 5


def test_fields_of_edges_stay_beside_their_edges():
    given = batch_of(9)
    given.edge_attr = given.edge_index.t().clone()
    for drop in (drop_edges, drop_nodes):
        view = drop(given, 0.4, generator=draws())
        ends = view.edge_attr if drop is drop_edges else None
        if ends is not None:
            assert torch.equal(ends.t(), view.edge_index)
        assert len(view.edge_attr) == view.num_edges


def test_every_edge_is_as_likely_as_another():
    generator, counts = draws(), torch.zeros(8)
    for _ in range(2000):
        view = drop_edges(batch_of(8), 0.25, generator=generator)
        low = view.edge_index[0] == (view.edge_index[1] - 1) % 8
        counts += torch.bincount(view.edge_index[0][low], minlength=8)
    assert (counts / 2000 - 0.75).abs().max() < 0.04  # 4 standard errors


def test_same_generator_state_gives_the_same_view_and_another_seed_another():
    one, two, other = (
        drop_nodes(batch_of(30, 30), 0.3, generator=draws(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(one.edge_index, two.edge_index)
    assert not torch.equal(one.edge_index, other.edge_index)


@pytest.mark.parametrize("drop", [drop_edges, drop_nodes])
def test_empty_graphs_stay_empty(drop):
    view = drop(batch_of(0, 1, 0), 0.9, generator=draws())
    assert (view.num_graphs, view.num_nodes, view.num_edges) == (3, 1, 0)
    none = GraphCollection(torch.zeros((2, 0), dtype=torch.int64), [0], [0]).batch([])
    assert drop(none, 0.5, generator=draws()).num_graphs == 0


@pytest.mark.parametrize("drop", [drop_edges, drop_nodes])
@pytest.mark.parametrize("rate", [1.0, -0.1, float("nan"), True, "0.1"])
def test_a_rate_that_is_no_share_is_named(drop, rate):
    with pytest.raises(InputError, match="expected a share from 0 to below 1"):
        drop(batch_of(5), rate, generator=draws())
