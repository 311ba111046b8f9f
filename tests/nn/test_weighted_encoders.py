"""Encoders with weights on their entries, against dense formulas and PyG's layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.nn import LightGCNEncoder, WeightedEncoder

N, D, F = 12, 5, 4


def data(seed=0, n=N):
    generator = torch.Generator().manual_seed(seed)
    every = torch.combinations(torch.arange(n - 2), 2)  # the last two nodes are isolated
    chosen = every[torch.randperm(len(every), generator=generator)[: 2 * n]].t().contiguous()
    return torch.rand(n, D, generator=generator, dtype=torch.float64), chosen


def adjacency(edges, n=N, *, loops):
    a = torch.zeros(n, n, dtype=torch.float64)
    a[edges[0], edges[1]] = a[edges[1], edges[0]] = 1
    return a + torch.eye(n, dtype=torch.float64) * loops


def base(a, kind):
    inverse = torch.where(a.sum(1) > 0, 1 / a.sum(1), 0)
    return inverse[:, None] * a if kind == "sage" else inverse.sqrt()[:, None] * a * inverse.sqrt()


def add(encoder, edges, n=N):
    """Add random numbers to the encoder's entries; returns them as a dense matrix."""
    entries = encoder.entries(as_graph(edges, n), torch.float64)
    more = torch.rand(entries.value.numel(), dtype=torch.float64)
    encoder.added.set(entries.index, more)
    out = torch.zeros(n, n, dtype=torch.float64)
    out[tuple(entries.index)] = more
    return out


def plain(encoder, x, w):
    """The layers of the paper, written with dense matrices."""
    h = x
    for layer, lin in enumerate(encoder.lins):
        h = h if layer == 0 else h.relu()
        z = w @ h @ lin.weight.t() + lin.bias
        h = z + h @ encoder.roots[layer].weight.t() if encoder.conv == "sage" else z
        h = h / h.norm(dim=1, keepdim=True) if encoder.l2_rows else h
    return h


@pytest.mark.parametrize("l2_rows", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("conv", ["gcn", "sage"])
def test_equals_the_dense_formula_with_and_without_added_weights(conv, num_layers, l2_rows):
    torch.manual_seed(0)  # with some weights, few units are active and rows come out alike
    x, edges = data()
    encoder = WeightedEncoder(D, 4 * F, conv, num_layers, l2_rows=l2_rows).double()
    w = base(adjacency(edges, loops=True), conv)
    torch.testing.assert_close(encoder(x, edges), plain(encoder, x, w))
    more = add(encoder, edges)
    torch.testing.assert_close(encoder(x, edges), plain(encoder, x, w + more))
    assert not torch.allclose(plain(encoder, x, w), plain(encoder, x, w + more))


@pytest.mark.parametrize("conv", ["gcn", "sage"])
def test_gradients_go_through_the_weighted_product(conv):
    x, edges = data()
    encoder = WeightedEncoder(D, F, conv).double()
    w = base(adjacency(edges, loops=True), conv) + add(encoder, edges)
    x.requires_grad_()
    out, expected = encoder(x, edges), plain(encoder, x, w)
    factor = torch.rand_like(out)
    wanted = [x, *encoder.parameters()]
    found = torch.autograd.grad((out * factor).sum(), wanted)
    for one, other in zip(
        found, torch.autograd.grad((expected * factor).sum(), wanted), strict=True
    ):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize(
    "make", [lambda: WeightedEncoder(D, F, "sage"), lambda: LightGCNEncoder(D, F)]
)
def test_gradients_by_differences(make):
    x, edges = data()
    encoder = make().double()
    add(encoder, edges)
    assert torch.autograd.gradcheck(lambda z: encoder(z, edges), (x.requires_grad_(),))


def test_weights_differ_in_the_two_directions_of_an_edge():
    """Row u gathers from column v: a weight of (0, 1) moves node 1 to node 0 alone."""
    encoder = LightGCNEncoder(1, 1, num_layers=1).double()
    nn.init.ones_(encoder.start.weight)
    edges = torch.tensor([[0], [1]])
    encoder.added.set(torch.tensor([[0], [1]]), torch.tensor([3.0]).double())
    x = torch.tensor([[10.0], [1.0]]).double()
    assert encoder(x, edges).flatten().tolist() == [(10 + 4 * 1) / 2, (1 + 10) / 2]


@pytest.mark.parametrize("num_layers", [0, 1, 3])
def test_lightgcn_is_the_mean_of_powers(num_layers):
    x, edges = data()
    encoder = LightGCNEncoder(D, F, num_layers).double()
    for w in (base(adjacency(edges, loops=False), "gcn"), None):
        matrix = (
            base(adjacency(edges, loops=False), "gcn") + add(encoder, edges) if w is None else w
        )
        start = x @ encoder.start.weight.t()
        powers = [torch.linalg.matrix_power(matrix, k) @ start for k in range(num_layers + 1)]
        torch.testing.assert_close(encoder(x, edges), torch.stack(powers).mean(0))


def test_lightgcn_keeps_an_isolated_node_over_its_layers():
    x, edges = data()
    encoder = LightGCNEncoder(D, F, 3).double()
    start = x @ encoder.start.weight.t()
    torch.testing.assert_close(encoder(x, edges)[-1], start[-1] / 4)


def test_lightgcn_equals_that_of_pyg():
    geometric = pytest.importorskip("torch_geometric.nn.models")
    _, edges = data()
    encoder = LightGCNEncoder(0, F, 3, num_ids=N)
    other = geometric.LightGCN(N, F, 3)
    with torch.no_grad():
        other.embedding.weight.copy_(encoder.start.weight)
    both = torch.cat([edges, edges.flip(0)], 1)
    torch.testing.assert_close(encoder(None, as_graph(edges, N)), other.get_embedding(both))


@pytest.mark.parametrize("conv", ["gcn", "sage"])
def test_layers_equal_those_of_pyg(conv):
    """GCNConv as it is; SAGEConv with its mean over a node and its neighbours."""
    layers = pytest.importorskip("torch_geometric.nn")
    x, edges = data()
    both = torch.cat([edges, edges.flip(0)], 1)
    encoder = WeightedEncoder(D, F, conv, 1).double()
    with torch.no_grad():
        if conv == "gcn":
            other = layers.GCNConv(D, F).double()
            other.lin.weight.copy_(encoder.lins[0].weight)
            other.bias.copy_(encoder.lins[0].bias)
        else:
            other = layers.SAGEConv(D, F).double()
            other.lin_l.load_state_dict(encoder.lins[0].state_dict())
            other.lin_r.load_state_dict(encoder.roots[0].state_dict())
            both = torch.cat([both, torch.arange(N).repeat(2, 1)], 1)
        torch.testing.assert_close(encoder(x, edges), other(x, both))


@pytest.mark.parametrize("make", [WeightedEncoder, LightGCNEncoder])
def test_ids_stand_in_for_features(make):
    _, edges = data()
    encoder, graph = make(0, F, num_ids=N), as_graph(edges, N)
    order = torch.randperm(N)
    place = torch.empty_like(order)
    place[order] = torch.arange(N)  # node i of the moved graph is node order[i]
    moved = encoder(order, as_graph(place[edges], N))
    torch.testing.assert_close(moved, encoder(None, graph)[order])
    with pytest.raises(InputError, match="num_ids"):
        encoder(torch.full((N,), N), graph)
    with pytest.raises(InputError, match="float32"):
        encoder(torch.rand(N, 2), graph)


@pytest.mark.parametrize("make", [WeightedEncoder, LightGCNEncoder])
def test_graphs_without_edges_and_without_nodes(make):
    encoder, empty = make(D, F), torch.empty(2, 0, dtype=torch.int64)
    for n in (0, 3):
        out = encoder(torch.rand(n, D), empty)
        assert out.shape == (n, F)
        out.sum().backward()


def test_what_was_added_survives_saving_and_not_a_reset():
    x, edges = data()
    encoder, other = (WeightedEncoder(D, F).double() for _ in range(2))
    add(encoder, edges)
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(encoder(x, edges), other(x, edges))
    other.reset_parameters()
    assert other.added.value.numel() == 0


def test_dropout_acts_between_layers_alone():
    x, edges = data()
    torch.manual_seed(0)
    once = WeightedEncoder(D, 64, num_layers=1, dropout=0.9).double()
    assert torch.equal(once.train()(x, edges), once.eval()(x, edges))
    twice = WeightedEncoder(D, 64, num_layers=2, dropout=0.9).double()
    assert not torch.equal(twice.train()(x, edges), twice.eval()(x, edges))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"conv": "gin"}, "conv is 'gin'"),
        ({"num_layers": 0}, "num_layers is 0"),
        ({"dropout": 2}, "dropout is 2"),
        ({"hidden_channels": True}, "hidden_channels is True"),
    ],
)
def test_wrong_arguments_are_named(given, text):
    with pytest.raises(InputError, match=text):
        WeightedEncoder(**{"in_channels": D, "hidden_channels": F, **given})
