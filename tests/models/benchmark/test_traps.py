"""What is easily got wrong in these layers and nets, and what every one of them must hold."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from graphlab.errors import InputError
from graphlab.metrics import weighted_cross_entropy
from graphlab.models import benchmark as bgnn
from graphlab.registry import model_cards

CARDS = {name: card for name, card in model_cards().items() if name.startswith("bgnn-")}
LEVELS = ("node", "graph", "edge")
SPARSE = sorted(set(CARDS) - {"bgnn-ringgnn", "bgnn-3wlgnn"})
every_net = pytest.mark.parametrize("name", sorted(CARDS))
every_level = pytest.mark.parametrize("level", LEVELS)


def build(name, *, level="node", seed=0, **options):
    torch.manual_seed(seed)
    return CARDS[name].load()(4, 24, 3, 2, level=level, **options)


def graph(n=7, m=12, seed=0):
    """Directed, some edges twice; the last node is isolated, the one before has no edge in."""
    generator = torch.Generator().manual_seed(seed)
    ends = torch.randint(0, max(n - 1, 1), (2, m), generator=generator)
    ends[1] %= max(n - 2, 1)
    x = torch.randint(0, 4, (n,), generator=generator)
    return SimpleNamespace(x=x, edge_index=ends, edge_attr=None, pe=None, batch=None)


def union(graphs):
    shift, edges, batch = 0, [], []
    for number, g in enumerate(graphs):
        edges.append(g.edge_index + shift)
        batch.append(torch.full((len(g.x),), number))
        shift += len(g.x)
    x = torch.cat([g.x for g in graphs])
    edge_index = torch.cat(edges, 1)
    data = SimpleNamespace(x=x, edge_index=edge_index, batch=torch.cat(batch))
    data.edge_attr, data.pe, data.num_graphs = None, None, len(graphs)
    return data


def close(found, expected, tolerance=2e-5):
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


@every_net
@every_level
def test_a_batch_gives_what_its_graphs_give_alone(name, level):
    net = build(name, level=level).eval()
    graphs = [graph(7, 12, 1), graph(5, 9, 2), graph(1, 0, 3), graph(6, 10, 4)]
    together = net(union(graphs))
    close(together, torch.cat([net(g) for g in graphs]))
    assert torch.isfinite(together).all()


@every_net
@every_level
def test_empty_graphs_and_single_nodes_train_and_evaluate(name, level):
    for data in (graph(1, 0), graph(0, 0), graph(4, 0)):
        for mode in (True, False):
            net = build(name, level=level).train(mode)
            out = net(data)
            assert out.shape == ({"node": len(data.x), "graph": 1, "edge": 0}[level], 3)
            assert torch.isfinite(out).all()
            out.sum().backward()


@every_net
@every_level
def test_nodes_may_be_numbered_in_any_order(name, level):
    data = graph(8, 20, 5)
    net = build(name, level=level).eval()
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    place = torch.empty_like(order)
    place[order] = torch.arange(8)
    other = SimpleNamespace(**vars(data))
    other.x, other.edge_index = data.x[order], place[data.edge_index]
    found = net(other)
    close(found[place] if level == "node" else found, net(data))


@every_net
@every_level
def test_every_parameter_that_counts_gets_a_finite_gradient(name, level):
    net = build(name, level=level)
    net(union([graph(7, 12, 1), graph(6, 9, 2)])).square().sum().backward()
    unused = {n for n, p in net.named_parameters() if p.grad is None}
    # nothing reads the last layer's edges; the third product and bias of RingGNN's diagonal
    assert all(".bn_node_e." in n or "diag_bias_list.2" in n for n in unused), unused
    grads = [p.grad for p in net.parameters() if p.grad is not None]
    assert all(torch.isfinite(g).all() for g in grads)


@every_net
def test_double_precision_copies_and_state_dictionaries(name):
    data = union([graph(7, 12, 1), graph(6, 9, 2)])
    net = build(name)
    expected = net.eval()(data)
    close(net.double()(data).float(), expected)
    twin = copy.deepcopy(net)
    other = build(name, seed=1).double().eval()
    other.load_state_dict(net.state_dict())
    assert torch.equal(twin(data), other(data))
    loaded = build(name, seed=2).double().eval()
    loaded.load_reference_state_dict({n: p.detach().numpy() for n, p in net.named_parameters()})
    close(loaded(data), other(data), 1e-10)


@every_net
def test_inputs_are_not_changed_and_draws_follow_the_seed(name):
    data = union([graph(7, 12, 1), graph(6, 9, 2)])
    kept = {k: v.clone() for k, v in vars(data).items() if isinstance(v, torch.Tensor)}
    options = {} if name in {"bgnn-ringgnn", "bgnn-3wlgnn"} else {"dropout": 0.5}
    net = build(name, **options)
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(copy.deepcopy(net)(data))
    assert torch.equal(*found)
    assert all(torch.equal(getattr(data, k), v) for k, v in kept.items())


@every_net
def test_a_missing_encoding_is_refused_not_trained_without(name):
    net, data = build(name, pe_dim=3), graph()
    with pytest.raises(InputError, match="pe"):
        net(data)
    data.pe = torch.rand(7, 2)
    with pytest.raises(InputError, match="3"):
        net(data)
    data.pe = torch.rand(7, 3)
    changed = SimpleNamespace(**{**vars(data), "pe": -data.pe})
    net.eval()
    assert not torch.allclose(net(data), net(changed))


@pytest.mark.parametrize("name", SPARSE)
def test_encodings_replace_nodes_where_asked(name):
    net, data = build(name, pe_dim=3, pe_mode="replace").eval(), graph()
    data.pe = torch.rand(7, 3)
    other = SimpleNamespace(**{**vars(data), "x": (data.x + 1) % 4})
    assert torch.equal(net(data), net(other))


@every_net
def test_wrong_inputs_are_named(name):
    net, data = build(name), graph()
    for change, message in (
        ({"x": data.x + 4}, "category"),
        ({"x": data.x.float()}, "integer"),
        ({"edge_index": data.edge_index + 7}, "node"),
        ({"batch": torch.zeros(3, dtype=torch.int64)}, "batch"),
        ({"x": None}, "data.x"),
    ):
        with pytest.raises(InputError, match=message):
            net(SimpleNamespace(**{**vars(data), **change}))
    with pytest.raises(InputError, match="level"):
        build(name, level="tree")
    with pytest.raises(InputError, match="hidden_channels"):
        CARDS[name].load()(4, 0, 3, 2)


@every_net
def test_features_and_pairs_of_nodes(name):
    data = graph()
    data.x = torch.rand(7, 4)
    data.edge_label_index = torch.tensor([[0, 5, 6], [1, 5, 0]])
    net = build(name, level="edge", node_input="linear").eval()
    assert net(data).shape == (3, 3)
    turned = SimpleNamespace(**{**vars(data), "edge_label_index": data.edge_label_index.flip(1)})
    close(net(turned), net(data).flip(0))


@pytest.mark.parametrize("kind", ["embedding", "linear"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("bgnn-gatedgcn", {}),
        ("bgnn-gat", {"variant": "edge_repr", "heads": 2}),
        ("bgnn-graphsage", {"variant": "edge_repr"}),
        ("bgnn-ringgnn", {}),
        ("bgnn-3wlgnn", {}),
    ],
)
def test_edge_features_belong_to_their_edges_in_any_order(name, options, kind):
    data = graph()
    data.edge_index = torch.unique(data.edge_index, dim=1)
    m = data.edge_index.shape[1]
    data.edge_attr = torch.arange(m) % 5 if kind == "embedding" else torch.rand(m, 5)
    net = build(name, edge_input=kind, edge_channels=5, **options).eval()
    order = torch.randperm(m)
    other = SimpleNamespace(**vars(data))
    other.edge_index, other.edge_attr = data.edge_index[:, order], data.edge_attr[order]
    close(net(other), net(data))
    other.edge_attr = data.edge_attr
    assert not torch.allclose(net(other), net(data))


def test_several_columns_of_categories_are_embedded_and_added():
    data = graph()
    data.x[0] = 3
    data.x = torch.stack([data.x, data.x % 2], 1)
    data.edge_attr = torch.randint(0, 2, (12, 3))
    net = bgnn.GatedGCN((4, 2), 8, 3, 2, edge_input="embedding", edge_channels=(2, 2, 2))
    assert net(data).shape == (7, 3)
    with pytest.raises(InputError, match="category 3"):
        net(SimpleNamespace(**{**vars(data), "x": data.x.flip(1)}))


def csl_graphs():
    """Circulant graphs of the benchmark, one of each class, relabelled."""
    graphs = []
    for skip in (2, 3, 4, 5, 6, 9, 11, 12, 13, 16):
        node = torch.randperm(41, generator=torch.Generator().manual_seed(skip))
        here = torch.arange(41)
        ends = [torch.stack([node[here], node[(here + s) % 41]]) for s in (1, -1, skip, -skip)]
        edge_index = torch.cat(ends, 1)
        graphs.append(SimpleNamespace(x=torch.zeros(41, dtype=torch.int64), edge_index=edge_index))
    return graphs


@pytest.mark.parametrize("name", SPARSE)
def test_without_encodings_all_circulant_graphs_look_alike(name):
    torch.manual_seed(0)
    net = CARDS[name].load()(1, 16, 10, 4, level="graph")
    data = union(csl_graphs())
    for _ in range(3):  # so that running statistics are not those of the start
        net(data)
    logits = net.eval()(data)
    assert (logits - logits[0]).abs().max() < 1e-5


def test_source_and_target_of_a_gate_are_not_the_same():
    layer = bgnn.GatedGCNLayer(2, 2, batch_norm=False, residual=False)
    with torch.no_grad():
        for p in layer.parameters():
            p.zero_()
        layer.D.weight.copy_(torch.eye(2))
    h = torch.tensor([[1.0, 2.0], [5.0, 7.0]])
    _, e = layer(h, torch.tensor([[0], [1]]), torch.zeros(1, 2))
    assert torch.equal(e, h[:1])  # D reads the source
    with torch.no_grad():
        layer.D.weight.zero_(), layer.E.weight.copy_(torch.eye(2))
    _, e = layer(h, torch.tensor([[0], [1]]), torch.zeros(1, 2))
    assert torch.equal(e, h[1:])


def test_gates_are_normalised_channel_by_channel():
    layer = bgnn.GatedGCNLayer(2, 2, batch_norm=False, residual=False)
    with torch.no_grad():
        for p in layer.parameters():
            p.zero_()
        layer.B.weight.copy_(torch.eye(2)), layer.C.weight.copy_(torch.eye(2))
    h = torch.tensor([[1.0, 10.0], [2.0, 20.0], [0.0, 0.0]])
    e = torch.tensor([[0.0, 1.0], [0.5, -1.0]])
    out, _ = layer(h, torch.tensor([[0, 1], [2, 2]]), e)
    gate = torch.sigmoid(e)
    expected = (gate * h[:2]).sum(0) / (gate.sum(0) + 1e-6)
    torch.testing.assert_close(out[2], expected)


def test_the_textbook_self_term_is_another_layer():
    torch.manual_seed(0)
    h, edge_index = torch.randn(5, 4), torch.tensor([[0, 1], [1, 2]])
    pooled, plain = (bgnn.GraphSAGELayer(4, 4, "maxpool", kind) for kind in ("pooled", "input"))
    plain.load_state_dict(pooled.state_dict())
    assert not torch.allclose(pooled(h, edge_index), plain(h, edge_index))


@pytest.mark.parametrize("loops", [False, True])
def test_the_mean_of_the_neighbours_is_another_graph_convolution(loops):
    torch.manual_seed(0)
    given, h = graph(), torch.randn(7, 5)
    layer = bgnn.GCNLayer(5, 3, batch_norm=False, norm="right", add_self_loops=loops)
    rows = []
    for i in range(7):
        near = given.edge_index[0][given.edge_index[1] == i].tolist() + [i] * loops
        rows.append(h[near].mean(0) if near else torch.zeros(5))
    expected = torch.relu(torch.stack(rows) @ layer.conv.weight + layer.conv.bias)
    torch.testing.assert_close(layer(h, given.edge_index), expected)
    with pytest.raises(InputError, match="norm"):
        bgnn.GCNLayer(5, 3, norm="left")


def test_a_batch_without_some_class_has_a_finite_loss():
    scores = torch.randn(6, 3, requires_grad=True)
    loss = weighted_cross_entropy(scores, torch.tensor([0, 0, 1, 1, 0, 0]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(scores.grad).all()
    alone = weighted_cross_entropy(scores, torch.zeros(6, dtype=torch.int64))
    assert alone.item() == 0


def test_running_statistics_of_edges_follow_batch_norm():
    torch.manual_seed(0)
    layer = bgnn.GatedGCNLayer(4, 4)
    h, e = torch.randn(6, 4), torch.randn(20, 4)
    edge_index = torch.randint(0, 6, (2, 20))
    hat = layer.C(e) + layer.D(h)[edge_index[0]] + layer.E(h)[edge_index[1]]
    norm = nn.BatchNorm1d(4)
    expected = e + F.relu(norm(hat))
    close(layer(h, edge_index, e)[1], expected)
    close(layer.bn_node_e.running_mean, norm.running_mean)
    close(layer.bn_node_e.running_var, norm.running_var)
    assert layer.bn_node_e.num_batches_tracked == 1


def test_layers_equal_those_of_pyg():
    from torch_geometric.nn import GATConv, GCNConv, GINConv, ResGatedGraphConv

    torch.manual_seed(0)
    h, edge_index = torch.randn(9, 6), torch.randint(0, 9, (2, 30))
    plain = {"batch_norm": False, "residual": False}

    gin = bgnn.GINLayer(6, 6, **plain)
    norm = gin.apply_func["mlp"].batch_norms[0]
    first, last = gin.apply_func["mlp"].linears
    theirs = GINConv(nn.Sequential(first, norm, nn.ReLU(), last), train_eps=True)
    close(gin(h, edge_index), F.relu(theirs(h, edge_index)))

    gat = bgnn.GATLayer(6, 3, 2, **plain)
    conv = GATConv(6, 3, heads=2, add_self_loops=False)
    with torch.no_grad():
        conv.lin.weight.copy_(gat.gatconv.fc.weight)
        conv.att_src.copy_(gat.gatconv.attn_l), conv.att_dst.copy_(gat.gatconv.attn_r)
    close(gat(h, edge_index), F.elu(conv(h, edge_index)))

    # GCN has other degrees for directed edges: the common case is undirected
    both = torch.unique(torch.cat([edge_index, edge_index.flip(0)], 1), dim=1)
    gcn, conv = bgnn.GCNLayer(6, 4, **plain), GCNConv(6, 4, add_self_loops=False)
    with torch.no_grad():
        conv.lin.weight.copy_(gcn.conv.weight.t())
    close(gcn(h, both), F.relu(conv(h, both)))

    # PyG's gated layer does not divide by the sum of gates: equal where one edge enters a node
    one = torch.stack([torch.randperm(9), torch.arange(9)])
    gated = bgnn.GatedGCNLayer(6, 6, **plain)
    conv = ResGatedGraphConv(6, 6)
    with torch.no_grad():
        for mine, other in (("A", "lin_skip"), ("B", "lin_value")):
            getattr(conv, other).weight.copy_(getattr(gated, mine).weight)
        conv.bias.copy_(gated.A.bias), conv.lin_value.bias.copy_(gated.B.bias)
        conv.lin_key.weight.zero_(), conv.lin_query.weight.zero_()
        conv.lin_key.bias.fill_(20.0), conv.lin_query.bias.fill_(20.0)
    close(gated(h, one, torch.zeros(9, 6))[0], F.relu(conv(h, one)), 1e-4)


@every_net
def test_batches_of_pyg_are_taken(name):
    from torch_geometric.data import Batch, Data

    graphs = [graph(7, 12, 1), graph(5, 9, 2)]
    batch = Batch.from_data_list([Data(x=g.x, edge_index=g.edge_index) for g in graphs])
    net = build(name, level="graph").eval()
    close(net(batch), net(union(graphs)))


@every_net
def test_cards_are_complete(name):
    card = CARDS[name]
    assert card.tasks == ("graph",)
    assert card.paper
    assert not [option.name for option in card.options.values() if option.required]
    assert set(card.search) <= set(card.options)
    assert card.load().graphlab_name == name
    for key, preset in card.presets.items():
        assert set(preset["options"]) <= set(card.options)
        net = card.load()(4, out_channels=2, **preset["options"])
        budget = 40_000 if key.startswith("ogbl-collab") else 100_000
        assert sum(p.numel() for p in net.parameters()) > 0.3 * budget
