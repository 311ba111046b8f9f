"""What GSM and GSM++ do beside the triples: levels, inputs, positions, large graphs, training."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.models import GSM, GSMPlusPlus
from graphlab.models.gsm import branch
from graphlab.tokenizers import HAC, Edge, KHop, Node, Patch
from tests.models.gsm.graphs import EDGE_CASES, F, batch, random_graph

C = 3
OWNED = ("hac", "khop", "random_walk")
WHOLE = ("node", "edge", "hac_bfs", "hac_order", "patch")


def test_scores_of_pairs_are_those_of_their_rows():
    data = random_graph()
    model = GSMPlusPlus(F, C, 8, level="edge").eval()
    assert model(data).shape == (data.edge_index.shape[1], C)
    data.edge_label_index = torch.tensor([[0, 3, 3], [1, 5, 0]])
    scores = model(data)
    data.edge_label_index = torch.tensor([[3], [5]])
    torch.testing.assert_close(model(data), scores[1:2])


@pytest.mark.parametrize("pool", ["mean", "sum", "max", "cls"])
def test_pools_of_graphs(pool):
    graphs = [random_graph(6, 8), EDGE_CASES["single"], EDGE_CASES["empty"]]
    model = GSMPlusPlus(F, C, 8, level="graph", pool=pool).eval()
    together = model(batch(graphs))
    torch.testing.assert_close(together, torch.cat([model(g) for g in graphs]))
    (together * torch.rand(together.shape)).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_features_and_graph_equal_an_object():
    data = random_graph()
    model = GSMPlusPlus(F, C, 8).eval()
    expected = model(data)
    torch.testing.assert_close(model(data.x, data.edge_index), expected)
    torch.testing.assert_close(model(data.x, as_graph(data.edge_index, 20)), expected)
    torch.testing.assert_close(model(as_graph(data.edge_index, 20).with_features(data.x)), expected)


def test_categories_and_features_of_edges():
    data = random_graph()
    m = data.edge_index.shape[1]
    data.x, data.edge_attr = torch.randint(4, (20, 1)), torch.rand(m, 2)
    for tokenizer in ("hac", "khop", "edge", Edge(style="tokengt", p=4)):
        model = GSM(4, C, 8, tokenizer=tokenizer, node_input="embedding", edge_dim=2)
        model(data).square().sum().backward()
        assert all(p.grad is not None for p in model.parameters())
    data.edge_attr = torch.randint(3, (m,))
    options = {"node_input": "embedding", "edge_input": "embedding", "edge_channels": 3}
    for local in ("gatedgcn", "gin"):
        model = GSM(4, C, 8, tokenizer="edge", local=local, **options)
        model(data).square().sum().backward()
        assert model.embedding_e.weight.grad.abs().sum() > 0
    data.x = torch.full((20, 1), 4)
    with pytest.raises(InputError, match=r"category 4, expected 0\.\.3"):
        model(data)


def test_hop_tokens_of_categories_are_propagated_counts():
    data = random_graph()
    data.x = torch.randint(4, (20, 1), generator=torch.Generator().manual_seed(0))
    tokens = KHop().batch(SimpleNamespace(x=torch.eye(4)[data.x[:, 0]], edge_index=data.edge_index))
    model = GSM(4, C, 8, tokenizer="khop", node_input="embedding")
    seen = []
    model.branches[0].vectors.features.register_forward_hook(lambda m, i, o: seen.append(i[0]))
    model(data)
    torch.testing.assert_close(seen[0], tokens.x)


def test_encodings_of_data_are_added():
    data = random_graph()
    data.pe = torch.rand(20, 4)
    model = GSMPlusPlus(F, C, 8, pe_dim=4).eval()
    before = model(data)
    data.pe = data.pe + 1
    assert not torch.allclose(model(data), before)
    del data.pe
    with pytest.raises(InputError, match=r"data\.pe"):
        model(data)


@pytest.mark.parametrize("pe", ["none", "lca", "abs", "lca+abs"])
@pytest.mark.parametrize("traversal", ["dfs", "bfs", "order"])
def test_positions_reach_the_result(traversal, pe):
    data = random_graph()
    model = GSMPlusPlus(F, C, 8, traversal=traversal, pe=pe).eval()
    out = model(data)
    (out * torch.rand(out.shape, generator=torch.Generator().manual_seed(2))).sum().backward()
    named = dict(model.named_parameters())
    lca, added = "branches.0.encoder.position.lca", "branches.0.position.abs.weight"
    assert (lca in named) == ("lca" in pe)
    assert (added in named) == ("abs" in pe)
    for name in {lca, added} & set(named):
        assert named[name].grad.abs().sum() > 0


def test_hops_between_neighbours_in_leaf_order():
    data = random_graph()
    model = GSM(F, C, 8, tokenizer=Node(order="hac"), pe="spd").eval()
    out = model(data)
    (out * torch.rand(out.shape)).sum().backward()
    assert model.branches[0].position.spd.weight.grad.abs().sum() > 0
    same = GSM(F, C, 8, tokenizer="hac_order", pe="spd").eval()
    same.load_state_dict(model.state_dict())
    torch.testing.assert_close(same(data), out)
    with pytest.raises(InputError, match="leaf order"):
        GSM(F, C, 8, tokenizer="hac", pe="spd")


@pytest.mark.parametrize("agg", ["mean", "sum", "attention"])
def test_levels_are_combined(agg):
    model = GSM(F, C, 8, tokenizer=HAC(traversal="bfs", agg=agg)).eval()
    data = random_graph()
    out = model(data)
    (out * torch.rand(out.shape)).sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.parameters())


def test_an_isolated_node_has_no_edge_tokens():
    data = EDGE_CASES["disconnected"]
    model = GSM(F, C, 8, tokenizer="edge").eval()
    h = model.encode(data).h
    torch.testing.assert_close(model(data)[6], model.head(h[6]))


def test_patches_of_the_user():
    labels = torch.arange(20) // 5
    model = GSM(F, C, 8, tokenizer=Patch(labels=labels)).eval()
    assert torch.isfinite(model(random_graph())).all()


@pytest.mark.parametrize("tokenizer", [*OWNED, *WHOLE])
def test_some_nodes_have_the_scores_they_have_among_all(tokenizer):
    data = random_graph()
    model = GSM(F, C, 8, tokenizer=tokenizer, pe="none").eval()
    nodes = torch.tensor([7, 0, 19, 7])
    encoded = model.encode(data)
    assert not encoded.h.requires_grad
    for known in (None, encoded):
        torch.testing.assert_close(model(data, nodes=nodes, encoded=known), model(data)[nodes])
    assert model(data, nodes=nodes[:0]).shape == (0, C)


@pytest.mark.parametrize("tokenizer", [*OWNED, "node"])
def test_pieces_without_gradient_change_nothing(tokenizer, monkeypatch):
    data = random_graph()
    model = GSM(F, C, 8, tokenizer=tokenizer).eval()
    expected = model(data)
    monkeypatch.setattr(branch, "_CHUNK", 7)
    calls = []
    model.branches[0].encoder.register_forward_hook(lambda m, i, o: calls.append(len(o)))
    with torch.no_grad():
        torch.testing.assert_close(model(data), expected)
    assert calls == ([1] if tokenizer == "node" else [7, 7, 6])


def test_steps_on_batches_of_nodes_learn():
    data = random_graph(60, 90)
    target = (data.x[:, 0] > 0.5).long()
    torch.manual_seed(0)
    model = GSMPlusPlus(F, 2, 16, dropout=0.0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = []
    for _ in range(15):
        encoded = model.encode(data)
        total = 0.0
        for nodes in torch.randperm(60).split(20):
            optimizer.zero_grad()
            scores = model(data, nodes=nodes, encoded=encoded)
            loss = torch.nn.functional.cross_entropy(scores, target[nodes])
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total)
    assert losses[-1] < 0.7 * losses[0]
    assert all(p.grad is None for p in model.local.parameters())


def test_double_precision_and_gradients_by_finite_differences():
    data = EDGE_CASES["disconnected"]
    model = GSMPlusPlus(F, 1, 8, dropout=0.0).double().eval()
    x = data.x.double().requires_grad_()
    fixed = HAC().fit(SimpleNamespace(x=x.detach(), edge_index=data.edge_index))

    def scores(rows):
        return model(SimpleNamespace(x=rows, edge_index=data.edge_index))

    assert fixed.num_levels > 1
    assert torch.autograd.gradcheck(scores, x, eps=1e-7, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": 1}, "hidden is 1"),
        ({"tokenizer": "hca"}, "no tokenizer 'hca'"),
        ({"local": "gat"}, "local is 'gat'.*'gatedgcn'"),
        ({"global_encoder": "mamba"}, "global_encoder is 'mamba'"),
        ({"pe": "lca+rwse"}, r"pe is 'lca\+rwse'"),
        ({"tokenizer": "khop", "pe": "rwse"}, "pe is 'rwse'"),
        ({"level": "link"}, "level is 'link'"),
        ({"pool": "median"}, "pool is 'median'"),
        ({"num_blocks": 0}, "num_blocks is 0"),
        ({"local_layers": 0}, "local_layers is 0"),
        ({"heads": 3}, "heads is 3.*width 8"),
        ({"dropout": 2.0}, "dropout is 2.0"),
        ({"edge_dim": 0}, "edge_dim is 0"),
        ({"window": 0}, "window is 0"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        GSM(F, C, **{"hidden": 8, **options})


def test_wrong_inputs_are_named():
    data = random_graph()
    model = GSM(F, C, 8, level="graph")
    with pytest.raises(InputError, match="nodes was given, but the model scores graphs"):
        model(data, nodes=torch.tensor([0]))
    with pytest.raises(InputError, match=r"data\.x is NoneType"):
        model(SimpleNamespace(edge_index=data.edge_index))
    with pytest.raises(InputError, match="beside a graph"):
        model(data, data.edge_index)
    with pytest.raises(InputError, match="traversal is 'bfs' beside mot"):
        GSMPlusPlus(F, C, 8, traversal="bfs", mot=("khop", "hac_bfs"))
