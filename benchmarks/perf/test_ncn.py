"""Speed of NCN and NCNC against the same models written plainly in torch (``ncn_plain.py``).

Guards specs of link prediction, section 14: one training batch on Cora with the published
hyper-parameters (1,152 positives and as many negatives, target links removed, encoder, both
directions, Adam), and NCN's predictor forward and backward on a generated graph of 200,000 nodes.
The bars of the specification are against the authors' code, which needs torch-sparse; the plain
peer is another, so its ratio is printed beside them and not compared with them.

``make perf``, or ``python -m benchmarks.perf.test_ncn``.
"""

from __future__ import annotations

import os

import pytest
import torch
from torch.nn.functional import softplus

from benchmarks.perf.dagnn_measure import in_turns, power_law_graph
from benchmarks.perf.ncn_plain import PlainEncoder, PlainNCN, adjacency, without
from graphlab.datasets import load
from graphlab.graph import as_graph
from graphlab.models import NCN, NCNC
from graphlab.ops.edges import remove_edges

BARS = {"NCN": 2.3, "NCNC": 1.5}
CONSTANTS = {"alpha": 1.0, "pt": 0.75, "scale": 4.3, "offset": 2.8}
BATCH = 1152


def row(name, threads, ours, plain):
    ratio, cpu = plain.wall / ours.wall, plain.cpu / ours.cpu
    print(
        f"\n{name:<52} {threads} threads | graphlab {ours.wall * 1e3:8.1f} ms, "
        f"plain {plain.wall * 1e3:8.1f} ms | ratio {ratio:5.2f} wall, {cpu:5.2f} CPU"
    )
    return ratio


def draw(edges, n):
    chosen = torch.randperm(edges.shape[1])[:BATCH]
    negatives = torch.randint(n, (2, BATCH))
    return chosen, edges[:, chosen], negatives


def loss_of(positive, negative):
    return softplus(-positive).mean() + softplus(negative).mean()


def our_batch(model, x, graph, edges):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def run():
        _, positive, negative = draw(edges, graph.num_nodes)
        optimizer.zero_grad()
        left = remove_edges(graph, positive)
        h = model.encode(x, left)
        scores = model.score(h, left, torch.cat([positive, negative], 1))
        loss_of(scores[:BATCH], scores[BATCH:]).backward()
        optimizer.step()

    return run


def plain_batch(encoder, predictor, x, edges, n):
    parameters = [*encoder.parameters(), *predictor.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)

    def run():
        chosen, positive, negative = draw(edges, n)
        optimizer.zero_grad()
        matrix = without(edges, chosen, n)
        h = encoder(x, matrix)
        loss_of(predictor(h, matrix, positive), predictor(h, matrix, negative)).backward()
        optimizer.step()

    return run


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", ["NCN", "NCNC"])
def test_cora_training_batch(name, threads):
    if not os.environ.get("GRAPHLAB_DATA_MIRROR"):
        pytest.skip("GRAPHLAB_DATA_MIRROR does not name a folder of raw data sets")
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    graph = load("cora", "link").graph
    x = graph.features
    edges = graph.edge_index[:, graph.edge_index[0] < graph.edge_index[1]]
    edges = edges[:, torch.randperm(edges.shape[1])[:3696]]
    train = as_graph(edges, graph.num_nodes).simple()
    options = {} if name == "NCN" else CONSTANTS
    ours = (NCN if name == "NCN" else NCNC).from_preset("cora", **options).train()
    encoder = PlainEncoder(x.shape[1], 256, 0.7, 0.05, 0.3)
    predictor = PlainNCN(256, 0.05, 0.4, int(name == "NCNC"), **options)
    check(ours, encoder, predictor, x=x, train=train, edges=edges)
    ours.train(), encoder.train(), predictor.train()
    runs = [
        our_batch(ours, x, train, edges),
        plain_batch(encoder, predictor, x.to_dense(), edges, graph.num_nodes),
    ]
    ratio = row(f"{name}, Cora training batch", threads, *in_turns(runs, 9, warm=2))
    assert ratio >= BARS[name]


def check(ours, encoder, predictor, *, x, train, edges):
    """Both sides are one model: equal weights give equal scores."""
    names = {"xemb.1.weight": "linear.weight", "xemb.1.bias": "linear.bias", "jkparams": "theta"}
    state = ours.encoder.state_dict()
    encoder.load_state_dict({plain: state[mine] for mine, plain in names.items()})
    parts = {
        "xlin": {0: 0, 3: 3, 4: 4},
        "xcnlin": {0: 0, 3: 3, 4: 4},
        "xijlin": {0: 0, 1: 1},
        "lin": {0: 0, 1: 1, 8: 4},
    }
    mine = dict(ours.named_parameters())
    loaded = {"beta": mine["beta"]}
    for part, places in parts.items():
        for here, there in places.items():
            for kind in ("weight", "bias"):
                loaded[f"{part}.{there}.{kind}"] = mine[f"{part}.{here}.{kind}"]
    predictor.load_state_dict(loaded)
    n = train.num_nodes
    pairs = torch.randint(n, (2, 500))
    matrix = adjacency(edges, n)
    with torch.inference_mode():
        ours.eval(), encoder.eval(), predictor.eval()
        expected = predictor(encoder(x.to_dense(), matrix), matrix, pairs)
        found = ours.score(ours.encode(x, train), train, pairs)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


@pytest.fixture(scope="module")
def large():
    both = power_law_graph(200_000, 1_200_000)
    edges = both[:, : both.shape[1] // 2]
    return as_graph(edges, 200_000).simple(), edges


@pytest.mark.parametrize("size", [8192, 65536])
def test_large_graph_forward_and_backward(large, size):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    graph, edges = large
    options = {"dropout": 0.0, "num_layers": 0}
    ours, plain = NCN(64, 64, **options), PlainNCN(64, 0.0, 0.0)
    matrix = adjacency(edges, graph.num_nodes)
    h = torch.randn(graph.num_nodes, 64, requires_grad=True)
    half = size // 2
    pairs = torch.cat(
        [edges[:, torch.randperm(edges.shape[1])[:half]], torch.randint(200_000, (2, half))], 1
    )

    def mine():
        h.grad = None
        ours.score(h, graph, pairs).sum().backward()

    def theirs():
        h.grad = None
        plain(h, matrix, pairs).sum().backward()

    row(f"NCN forward and backward, 200k nodes, B={size}", 1, *in_turns([mine, theirs], 5))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__, "-s", "-q", "-p", "no:randomly"]))
