"""Link encoders: equality with the authors' code, sparse features, dropout of edges, ids."""

from __future__ import annotations

import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.nn import LinkEncoder
from graphlab.nn._link_convs import CONVS, neighbors_of
from tests.models.link_golden import cases, close, read, weights


def encoder_of(name: str) -> LinkEncoder:
    conv, layers, *options = name.split("_")
    made = LinkEncoder(
        16,
        16,
        conv,
        int(layers[1:]),
        jk="jk" in options,
        residual="res" in options,
        layer_norm="ln" in options,
    )
    made.load_reference_state_dict(weights(f"enc_{name}"))
    return made.eval()


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize(("graph_name", "key"), cases("enc/*/out"))
def test_output_equals_the_authors_code(graph_name, key, sparse):
    data, name = read(graph_name), key.split("/")[1]
    graph = as_graph(torch.from_numpy(data["edge_index"]), int(data["num_nodes"]))
    x = torch.from_numpy(data["x"])
    x = x.to_sparse_csr() if sparse else x
    close(encoder_of(name)(x, graph), data[key], 2e-5)


@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("conv", CONVS)
def test_convolutions_equal_dense_algebra(conv, rate):
    torch.manual_seed(0)
    graph = as_graph(torch.randint(12, (2, 40)), 13)
    near = neighbors_of(graph, torch.float64, rate)
    dense = torch.zeros(13, 13, dtype=torch.float64)
    dense[near.csr.rows, near.csr.indices.long()] = near.scale
    if rate == 0:
        assert torch.equal(dense, dense.T)
    x = torch.randn(13, 5, dtype=torch.float64, requires_grad=True)
    kind = {"gcn": "puregcn", "sage": "puremean", "gin": "puresum", "max": "puremax"}.get(
        conv, conv
    )
    if kind == "puregcn":
        half = (1 + dense.sum(1)).rsqrt()
        expected = half[:, None] * (dense + torch.eye(13, dtype=dense.dtype)) @ (half[:, None] * x)
    elif kind == "puremax":
        rows = [(x[row > 0] * near.scale).amax(0) if row.any() else 0 * x[0] for row in dense]
        expected = torch.stack(rows)
    else:
        expected = dense @ x
        if kind == "puremean":
            expected = expected / (dense > 0).sum(1).clamp(min=1)[:, None]
    found = CONVS[conv](x, near)
    torch.testing.assert_close(found, expected)
    weight = torch.randn_like(found)
    mine = torch.autograd.grad((found * weight).sum(), x)[0]
    torch.testing.assert_close(mine, torch.autograd.grad((expected * weight).sum(), x)[0])


def test_weights_of_a_graph_enter_the_sum():
    edges = torch.tensor([[0, 1, 1], [1, 2, 2]])
    graph = as_graph(edges, 3, edge_weight=torch.tensor([2.0, 3.0, 4.0]))
    near = neighbors_of(graph, torch.float32, 0.0)
    assert near.weight.tolist() == [2.0, 2.0, 7.0, 7.0]
    encoder = LinkEncoder(1, 1, "puresum")
    torch.nn.init.ones_(encoder.xemb[1].weight)
    torch.nn.init.zeros_(encoder.xemb[1].bias)
    out = encoder(torch.tensor([[1.0], [10.0], [100.0]]), graph)
    assert out.squeeze(1).tolist() == [20.0, 702.0, 70.0]


def test_dropped_entries_keep_the_expected_sum():
    torch.manual_seed(0)
    graph = as_graph(torch.randint(50, (2, 400)), 50)
    x = torch.randn(50, 3)
    exact = CONVS["puresum"](x, neighbors_of(graph, x.dtype, 0.0))
    mean = sum(CONVS["puresum"](x, neighbors_of(graph, x.dtype, 0.3)) for _ in range(400)) / 400
    assert float((mean - exact).abs().mean() / exact.abs().mean()) < 0.1


def test_precomputed_features_give_the_same_output():
    torch.manual_seed(0)
    graph, x = as_graph(torch.randint(20, (2, 60)), 22), torch.randn(22, 4)
    for options in ({"jk": True}, {"residual": True}, {"jk": True, "residual": True}, {}):
        for conv in ("puregcn", "puresum", "puremean"):
            plain = LinkEncoder(4, 6, conv, 3, **options)
            late = LinkEncoder(4, 6, conv, 3, precompute=True, **options)
            late.load_state_dict(plain.state_dict())
            torch.testing.assert_close(late(x, graph), plain(x, graph), atol=1e-4, rtol=1e-4)
    with pytest.raises(InputError, match="precompute"):
        LinkEncoder(4, 6, "gcn", precompute=True)


def test_no_layers_is_a_linear_layer():
    encoder = LinkEncoder(3, 5, num_layers=0)
    x = torch.randn(4, 3)
    torch.testing.assert_close(
        encoder(x, torch.empty((2, 0), dtype=torch.long)), encoder.xemb[1](x)
    )


def test_ids_are_checked():
    encoder = LinkEncoder(0, 5, num_ids=4)
    graph = as_graph([[0, 1], [1, 2]], 4)
    assert encoder(None, graph).shape == (4, 5)
    with pytest.raises(InputError, match="ids 0 to 7, but num_ids is 4"):
        encoder(torch.tensor([0, 1, 2, 7]), graph)
    with pytest.raises(InputError, match="x is missing"):
        LinkEncoder(3, 5)(None, graph)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"conv": "gat"}, "conv is 'gat'"),
        ({"dropout": 1.5}, "dropout is 1.5"),
        ({"num_layers": -1}, "num_layers is -1"),
    ],
)
def test_bad_options_are_named(options, text):
    with pytest.raises(InputError, match=text):
        LinkEncoder(3, 5, **options)
