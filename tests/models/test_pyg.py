"""Adapters of PyG's models: same numbers as PyG alone, late import, what they refuse."""

from __future__ import annotations

import sys

import pytest
import torch
import torch.nn.functional as F

from graphlab.errors import InputError, MissingDependency
from graphlab.graph import as_graph
from graphlab.models.pyg import PyGAPPNP, PyGGAT, PyGGCN, PyGGIN, PyGPNA, PyGSAGE

EVERY = (PyGGCN, PyGGAT, PyGSAGE, PyGGIN, PyGPNA, PyGAPPNP)


def data(n=30, m=90, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.rand(n, 8, generator=g), torch.randint(n - 1, (2, m), generator=g)


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_gcn_is_pygs_gcn_with_its_own_normalisation(weighted):
    from torch_geometric.nn.models import GCN

    x, edge_index = data()
    weight = torch.rand(90) if weighted else None
    model = PyGGCN(8, 3, num_layers=3).eval()
    theirs = GCN(8, 64, 3, 3).eval()
    theirs.load_state_dict(model.net.state_dict())
    close(model(x, edge_index, weight), theirs(x, edge_index, edge_weight=weight))


def test_gat_is_the_network_of_the_paper():
    from torch_geometric.nn import GATConv

    x, edge_index = data()
    model = PyGGAT(8, 3, dropout=0.6).eval()
    hidden = GATConv(8, 8, heads=8, dropout=0.6)
    last = GATConv(64, 3, heads=1, concat=False, dropout=0.6)
    hidden.load_state_dict(model.net.convs[0].state_dict())
    last.load_state_dict(model.net.convs[1].state_dict())
    hidden.eval(), last.eval()
    close(model(x, edge_index), last(F.elu(hidden(x, edge_index)), edge_index))


def test_gat_takes_output_heads_and_version_two():
    from torch_geometric.nn import GATv2Conv

    model = PyGGAT(8, 3, 16, heads=4, output_heads=2, v2=True, num_layers=3)
    assert [type(conv) for conv in model.net.convs] == [GATv2Conv] * 3
    assert [conv.heads for conv in model.net.convs] == [4, 4, 2]
    with pytest.raises(InputError, match=r"hidden_channels is 10.*heads = 4"):
        PyGGAT(8, 3, 10, heads=4)


def test_appnp_is_two_layers_and_pygs_propagation():
    from torch_geometric.nn import APPNP

    x, edge_index = data()
    weight = torch.rand(90)
    model = PyGAPPNP(8, 3, K=4, alpha=0.2).eval()
    first, second = (lin.weight for lin in model.net.lins)
    z = F.relu(x @ first.t()) @ second.t()
    close(model(x, edge_index, weight), APPNP(4, 0.2)(z, edge_index, weight))
    assert sum(p.numel() for p in model.parameters()) == 8 * 64 + 64 * 3


def test_sage_and_gin_are_pygs():
    from torch_geometric.nn.models import GIN, GraphSAGE

    x, edge_index = data()
    sage, gin = PyGSAGE(8, 3, 16, aggr="max").eval(), PyGGIN(8, 3, 16, train_eps=True).eval()
    theirs = GraphSAGE(8, 16, 2, 3, aggr="max").eval(), GIN(8, 16, 2, 3, train_eps=True).eval()
    for ours, other in zip((sage, gin), theirs, strict=True):
        other.load_state_dict(ours.net.state_dict())
        close(ours(x, edge_index), other(x, edge_index))


def test_pna_takes_the_degrees_of_the_first_graph():
    from torch_geometric.nn.models import PNA

    x, edge_index = data()
    # double: a standard deviation as the root of a difference magnifies the last bit of a float
    x = x.double()
    model = PyGPNA(8, 3, 16).double().eval()
    out = model(x, edge_index)
    histogram = torch.bincount(torch.bincount(edge_index[1], minlength=30))
    theirs = PNA(
        *(16, 16, 2, 3),
        aggregators=["mean", "min", "max", "std"],
        scalers=["identity", "amplification", "attenuation"],
        deg=histogram,
    )
    theirs = theirs.double().eval()
    own = {k: v for k, v in model.net.state_dict().items() if "avg_deg" not in k}
    theirs.load_state_dict(own, strict=False)
    close(out, theirs(F.relu(model.lin(x)), edge_index))


def test_pna_keeps_its_degrees():
    (x, edge_index), (other_x, other_edges) = data(), data(m=300, seed=1)
    model = PyGPNA(8, 3, 16).eval()
    before = model(x, edge_index)
    model(other_x, other_edges)
    assert torch.equal(model(x, edge_index), before)
    fresh = PyGPNA(8, 3, 16).eval()
    fresh.load_state_dict(model.state_dict())
    fresh(other_x, other_edges)
    assert torch.equal(fresh(x, edge_index), before)
    model.reset_parameters()
    model(other_x, other_edges)
    log_degree = torch.bincount(other_edges[1], minlength=30).float().log1p().mean()
    close(model.net.convs[0].aggr_module.avg_deg_log, log_degree.reshape(1))


@pytest.mark.parametrize("cls", [PyGGCN, PyGAPPNP])
def test_normalisation_is_computed_once_a_graph(cls, monkeypatch):
    from torch_geometric.nn.conv import gcn_conv

    x, edge_index = data()
    graph, model = as_graph(edge_index, 30), cls(8, 3).eval()
    expected = model(x, graph)

    def refuse(*args, **kwargs):
        raise AssertionError("normalised again")

    monkeypatch.setattr(gcn_conv, "gcn_norm", refuse)
    assert torch.equal(model(x, graph), expected)


def test_weights_that_learn_get_gradients_twice():
    x, edge_index = data()
    weight = torch.rand(90, requires_grad=True)
    graph = as_graph(edge_index, 30)
    for _ in range(2):
        weight.grad = None
        PyGGCN(8, 3).eval()(x, graph, weight).sum().backward()
        assert weight.grad.abs().sum() > 0


@pytest.mark.parametrize("cls", [PyGGAT, PyGSAGE, PyGGIN, PyGPNA])
def test_weights_are_refused_or_said_to_be_ignored(cls):
    x, edge_index = data()
    model = cls(8, 3).eval()
    with pytest.raises(InputError, match=f"{cls.__name__} takes no edge weights"):
        model(x, edge_index, torch.ones(90))
    with pytest.warns(UserWarning, match="ignores the weights"):
        model(x, as_graph(edge_index, 30, edge_weight=torch.ones(90)))


@pytest.mark.parametrize("cls", EVERY)
def test_without_pyg_the_command_is_named(cls, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_geometric", None)
    with pytest.raises(MissingDependency, match="pip install torch-geometric"):
        cls(8, 3)


@pytest.mark.parametrize("cls", [PyGGCN, PyGGAT, PyGSAGE, PyGGIN, PyGPNA])
def test_normalisation_layers_are_pygs(cls):
    model = cls(8, 3, norm="layer_norm")
    assert type(model.net.norms[0]).__name__ == "LayerNorm"
    with pytest.raises(InputError, match=r"norm is 'group_norm', expected one of none"):
        cls(8, 3, norm="group_norm")


def test_input_dropout_follows_dropout_unless_given():
    assert PyGGCN(8, 3, dropout=0.3).input_dropout == 0.3
    assert PyGGAT(8, 3, dropout=0.3, input_dropout=0.0).input_dropout == 0.0
    with pytest.raises(InputError, match="input_dropout is 2"):
        PyGSAGE(8, 3, input_dropout=2)
