"""GCN: by hand, against PyG's GCNConv on awkward graphs, isolation of what is cached."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.models import GCN
from graphlab.nn import SymmetricPropagator


def awkward_graph(n=40, m=160, seed=0, *, weighted=False):
    """Directed, with duplicates, self-loops (some twice), weights on request, isolated nodes."""
    g = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(n - 3, (2, m), generator=g)
    loops = torch.tensor([[0, 1, 1], [0, 1, 1]])
    edge_index = torch.cat([edge_index, edge_index[:, :20], loops], 1)
    edge_index = edge_index[:, torch.randperm(edge_index.shape[1], generator=g)]
    weight = torch.rand(edge_index.shape[1], generator=g) + 0.1 if weighted else None
    return torch.randn(n, 9, generator=g), edge_index, weight


def reference(in_channels, out_channels, hidden, layers):
    from torch_geometric.nn import models

    return models.GCN(in_channels, hidden, layers, out_channels, dropout=0.5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("hidden", "layers"), [(16, 2), (4, 3), (12, 1), (9, 4)])
def test_equals_pyg_in_outputs_and_gradients(weighted, hidden, layers):
    x, edge_index, weight = awkward_graph(weighted=weighted)
    torch.manual_seed(1)
    theirs = reference(9, 5, hidden, layers).eval()
    ours = GCN(9, 5, hidden, num_layers=layers).eval()
    ours.load_state_dict(theirs.state_dict())
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    expected = theirs(a, edge_index, edge_weight=weight)
    out = ours(b, edge_index, weight)
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=0)
    out.square().sum().backward()
    expected.square().sum().backward()
    pairs = [(p.grad, q.grad) for p, q in zip(ours.parameters(), theirs.parameters(), strict=True)]
    for found, wanted in [*pairs, (b.grad, a.grad)]:
        assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max()


def test_a_path_of_three_by_hand():
    # degrees with loops 2, 3, 2; one layer with weight 1 and bias 1
    model = GCN(1, 1, num_layers=1).eval()
    with torch.no_grad():
        model.convs[0].lin.weight.fill_(1.0)
        model.convs[0].bias.fill_(1.0)
    x = torch.tensor([[2.0], [6.0], [0.0]])
    edge_index = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    root6 = 6**0.5
    expected = [[1 + 2 / 2 + 6 / root6], [1 + 2 / root6 + 6 / 3], [1 + 6 / root6]]
    torch.testing.assert_close(model(x, edge_index), torch.tensor(expected))


def test_sparse_features_give_the_same_gradients():
    x, edge_index, _ = awkward_graph()
    x = x.relu()
    grads = []
    for given in (x, x.to_sparse_csr()):
        torch.manual_seed(0)
        model = GCN(9, 3, dropout=0.0).train()
        model(given, edge_index).square().sum().backward()
        grads.append([p.grad for p in model.parameters()])
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_a_prepared_propagator_replaces_the_graph():
    x, edge_index, weight = awkward_graph(weighted=True)
    model = GCN(9, 3).eval()
    prepared = SymmetricPropagator(edge_index, 40, weight)
    assert torch.equal(model(x, prepared), model(x, edge_index, weight))
    with pytest.raises(InputError, match="40 nodes"):
        model(x[:-1], prepared)


def test_an_edge_list_changed_in_place_is_seen():
    x, edge_index, _ = awkward_graph()
    model = GCN(9, 3).eval()
    model(x, edge_index)
    edge_index[:, :50] = edge_index[:, :50].flip(0)
    fresh = GCN(9, 3).eval()
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(model(x, edge_index), fresh(x, edge_index.clone()))


def test_the_normalisation_is_computed_once_a_graph(monkeypatch):
    x, edge_index, _ = awkward_graph()
    graph = as_graph(edge_index, len(x))
    made = []
    original = SymmetricPropagator.__init__

    def counting(self, *args, **kwargs):
        made.append(1)
        original(self, *args, **kwargs)

    monkeypatch.setattr(SymmetricPropagator, "__init__", counting)
    first, second = GCN(9, 3), GCN(9, 2)
    for model in (first, second, first):
        model(x, graph)
    assert len(made) == 1


def test_weights_of_the_graph_are_used():
    x, edge_index, weight = awkward_graph(weighted=True)
    model = GCN(9, 3).eval()
    graph = as_graph(edge_index, len(x), edge_weight=weight)
    torch.testing.assert_close(model(x, graph), model(x, edge_index, weight))
    assert not torch.allclose(model(x, graph), model(x, edge_index))


@pytest.mark.parametrize("weight", [torch.ones(3), -torch.ones(183), torch.full((183,), torch.inf)])
def test_wrong_weights_are_named(weight):
    x, edge_index, _ = awkward_graph()
    with pytest.raises(InputError, match="edge_weight"):
        GCN(9, 3)(x, edge_index, weight)


def test_the_first_group_is_the_first_layer():
    model = GCN(9, 3, num_layers=3)
    groups = model.parameter_groups()
    assert [tuple(p.shape) for p in groups["first"]] == [(64,), (64, 9)]
    assert len(groups["rest"]) == 4


def test_weights_start_glorot_uniform_and_biases_zero():
    torch.manual_seed(0)
    model = GCN(300, 10, hidden_channels=100)
    bound = (6 / 400) ** 0.5
    weight = model.convs[0].lin.weight
    assert weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert model.convs[0].bias.abs().max() == 0
    assert GCN(3, 2, bias=False).convs[0].bias is None


def test_reset_parameters_draws_from_the_seed():
    model = GCN(4, 3)
    with torch.no_grad():
        model.convs[0].bias.fill_(2.0)
    torch.manual_seed(3)
    model.reset_parameters()
    first = {k: v.clone() for k, v in model.state_dict().items()}
    assert first["convs.0.bias"].abs().max() == 0
    torch.manual_seed(3)
    model.reset_parameters()
    assert all(torch.equal(first[k], v) for k, v in model.state_dict().items())


def test_autocast_stays_near_single_precision():
    x, edge_index, _ = awkward_graph()
    model = GCN(9, 3).eval()
    with torch.autocast("cpu", torch.bfloat16):
        out = model(x, edge_index)
    torch.testing.assert_close(out.float(), model(x, edge_index), atol=0.1, rtol=0.1)


def test_learns_two_clusters():
    g = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 2
    same = (y[:, None] == y[None, :]) & (torch.rand(60, 60, generator=g) < 0.3)
    edge_index = (same | same.t()).nonzero().t()
    x = torch.randn(60, 5, generator=g)
    x[:, 0] += 0.5 * (2 * y - 1)
    torch.manual_seed(0)
    model = GCN(5, 2, 16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(model.train()(x, edge_index)[:20], y[:20]).backward()
        optimizer.step()
    accuracy = (model.eval()(x, edge_index)[20:].argmax(1) == y[20:]).float().mean()
    assert accuracy > 0.9
