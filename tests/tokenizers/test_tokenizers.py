"""All tokenizers through the same calls, then each by its golden values and by hand."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from graphlab.collection import GraphBatch
from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.tokenizers import (
    HAC,
    TOKENIZERS,
    Edge,
    KHop,
    MixtureOfTokenization,
    Node,
    Patch,
    RandomWalk,
    balance_loss,
    make_tokenizer,
    mix_encodings,
    node_locality,
    pick_tokenizations,
)
from tests.tokenizers.samples import (
    GOLDEN,
    golden_graph,
    parts,
    shifted,
    some_graph,
    tokens_of,
    union,
)

ALL = {
    "dfs": HAC(),
    "bfs": HAC(traversal="bfs"),
    "order": HAC(traversal="order"),
    "dfs, 3 levels": HAC(max_levels=3),
    "node": Node(),
    "degree": Node(order="degree"),
    "node hac": Node(order="hac"),
    "rcm": Node(order="rcm"),
    "random": Node(order="random", seed=3),
    "pairs": Edge(),
    "pairs hac": Edge(order="hac"),
    "tokengt": Edge(style="tokengt", p=5),
    "tokengt hac": Edge(style="tokengt", order="hac", p=40),
    "khop": KHop(K=2),
    "ring": KHop(K=2, mode="ring"),
    "walk": RandomWalk(num_walks=3, length=3, seed=5),
    "patch": Patch(),
}
WHOLE = {k for k, t in ALL.items() if t.name in {"node", "edge", "patch"}} | {"bfs", "order"}


@pytest.fixture(params=ALL)
def named(request):
    return request.param, ALL[request.param]


def rows_of(tokens, graph):
    return (tokens.graph == graph).nonzero()[:, 0].tolist()


def test_graphs_of_a_batch_have_the_tokens_they_have_alone(named):
    _, tokenizer = named
    graphs = parts()
    batch = union(graphs)
    tokens = tokenizer.batch(batch)
    for g, graph in enumerate(graphs):
        alone = tokenizer.batch(graph)
        rows = rows_of(tokens, g)
        assert len(rows) == len(alone)
        for row, own in zip(rows, range(len(alone)), strict=True):
            found, expected = tokens_of(tokens, row), tokens_of(alone, own)
            first = int(batch.ptr[g])
            if tokenizer.name == "khop":  # token ids stand for their features
                found = [(None, *token[1:]) for token in found]
                expected = [(None, *token[1:]) for token in expected]
                first = None
            expected = [t if first is None else shifted(t, first) for t in expected]
            assert found == expected
            start = int(batch.ptr[g]) if int(alone.owner[own]) >= 0 else 0
            assert int(tokens.owner[row]) == int(alone.owner[own]) + start


def test_tables_are_sound(named):
    name, tokenizer = named
    graph = some_graph(25, 45, seed=9)
    tokens = tokenizer.batch(graph)
    assert tokens.index.dtype == tokens.owner.dtype == tokens.graph.dtype == torch.int64
    assert tokens.mask.dtype == torch.bool
    assert tokens.index.shape == tokens.mask.shape
    assert (tokens.index[~tokens.mask] == 0).all()
    assert (tokens.graph == 0).all()
    if name in WHOLE:
        assert (tokens.owner == -1).all()
        assert not (tokens.mask[:, 1:] & ~tokens.mask[:, :-1]).any()  # padding on the right
    else:
        assert torch.equal(tokens.owner, torch.arange(25))
    if tokens.members is not None:
        ptr, nodes = tokens.members
        assert int(tokens.index.max()) < len(ptr) - 1
        assert int(ptr[-1]) == len(nodes)
        assert (ptr.diff() >= 1).all()


def test_some_nodes_are_a_choice_among_all(named):
    name, tokenizer = named
    if name in WHOLE:
        batch = union(parts())
        nodes = torch.tensor([int(batch.ptr[4]) + 3, 0, 2, int(batch.ptr[4])])
        tokens = tokenizer.batch(batch, nodes)
        assert sorted(set(tokens.graph.tolist())) == [0, 4]
        everything = tokenizer.batch(batch)
        assert len(tokens) == len(rows_of(everything, 0)) + len(rows_of(everything, 4))
        with pytest.raises(InputError, match="owns no sequence"):
            everything.select([0])
        return
    graph = some_graph(25, 45, seed=9)
    some, everything = tokenizer.batch(graph, [7, 0, 7]), tokenizer.batch(graph)
    assert some.owner.tolist() == [7, 0, 7]
    chosen = everything.select(torch.tensor([7, 0, 7]))
    for row in range(3):
        assert tokens_of(some, row) == tokens_of(chosen, row)
    with pytest.raises(InputError, match=r"nodes holds 25, but ids must be 0\.\.24"):
        tokenizer.batch(graph, [3, 25])


def test_tokens_are_made_once_and_again_when_features_change(named):
    _, tokenizer = named
    graph = some_graph(20, 30, seed=4)
    first = tokenizer.fit(graph)
    assert tokenizer.fit(graph) is first
    before = tokenizer.batch(graph)
    graph.x[:, 0] = -graph.x[:, 0].flip(0) * 3
    after = tokenizer.batch(graph)
    fresh = tokenizer.batch(
        SimpleNamespace(
            edge_index=graph.edge_index.clone(),
            x=graph.x.clone(),
            edge_attr=graph.edge_attr,
            num_nodes=20,
        )
    )
    assert torch.equal(after.index, fresh.index)
    if tokenizer.name == "khop":
        assert torch.equal(after.x, fresh.x)
        assert not torch.equal(after.x, before.x)


def test_every_description_of_a_graph_gives_the_same_tokens(named):
    _, tokenizer = named
    n = 12
    whole = nx.gnm_random_graph(n, 20, seed=1)
    index = torch.tensor(list(whole.edges)).t().contiguous()
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(0))
    expected = tokenizer.batch(SimpleNamespace(edge_index=index, x=x))
    both = torch.cat([index, index.flip(0)], dim=1)
    pyg = Data(x=x, edge_index=both)
    ptr = torch.tensor([0, n])
    packed = GraphBatch(both, ptr, torch.tensor([0, both.shape[1]]), {"x": x})
    batched = SimpleNamespace(edge_index=index, x=x, batch=torch.zeros(n, dtype=torch.int64))
    for given in (as_graph(index, n).with_features(x), pyg, packed, batched):
        found = tokenizer.batch(given)
        assert torch.equal(found.index, expected.index)
        assert torch.equal(found.mask, expected.mask)


def test_a_batch_must_ascend():
    graph = SimpleNamespace(edge_index=torch.zeros(2, 0, dtype=torch.int64), num_nodes=3)
    graph.batch = torch.tensor([0, 1, 0])
    with pytest.raises(InputError, match="must ascend"):
        Node().batch(graph)
    graph.batch = torch.tensor([0, 1])
    with pytest.raises(InputError, match=r"data.batch has shape \(2,\), expected \(3,\)"):
        Node().batch(graph)
    graph.batch, graph.num_graphs = torch.tensor([0, 1, 1]), 4
    assert Node().batch(graph).mask.sum(1).tolist() == [1, 2, 0, 0]


def test_moved_tokens_stay_what_they_are(named):
    _, tokenizer = named
    tokens = tokenizer.batch(some_graph(10, 15, seed=0))
    moved = tokens.to("cpu")
    assert torch.equal(moved.index, tokens.index)
    assert moved.kind == tokens.kind
    assert (moved.members is None) == (tokens.members is None)


@pytest.mark.parametrize("name", GOLDEN)
def test_hops_and_walks_equal_the_golden_ones(golden, name):
    z, graph = golden_graph(golden, name)
    near = {"rtol": 1e-9, "atol": 1e-12}
    assert np.allclose(KHop(K=3).fit(graph).x, z["khop"], **near)
    rings = KHop(K=3, mode="ring").fit(graph)
    assert np.allclose(rings.x, z["ring_mean"], **near)
    assert np.array_equal(rings.count, z["ring_count"])
    assert torch.equal(rings.sequences().mask, rings.count > 0)
    walks = RandomWalk(num_walks=3, length=4, seed=int(z["walk_seed"])).fit(graph)
    assert np.array_equal(walks.walks, z["walks"])
    assert np.array_equal(walks.members[0], z["union_ptr"])
    assert np.array_equal(walks.members[1], z["union_idx"])


@pytest.mark.parametrize("name", GOLDEN)
def test_node_locality_equals_the_golden_one(golden, name):
    z, graph = golden_graph(golden, name)
    hac = HAC(weight=torch.from_numpy(z["weight"]))
    orders = (Edge(), Edge(order="hac", hac=hac))
    assert np.allclose([node_locality(e.batch(graph)) for e in orders], z["node_locality"])
    tree = hac.fit(graph)
    assert np.allclose(
        [node_locality(e) for e in (tree.edges, tree.edge_order)], z["node_locality"]
    )


def test_node_locality_of_what_is_no_sequence_of_edges():
    with pytest.raises(InputError, match=r"expected edges \(E, 2\)"):
        node_locality(torch.zeros(3, 3, dtype=torch.int64))
    with pytest.raises(InputError, match="of kind 'node'"):
        node_locality(Node().batch([[0], [1]]))


def test_orders_of_nodes():
    star = [[3, 3, 3, 0], [0, 1, 2, 1]]
    assert Node().batch(star).index.tolist() == [[0, 1, 2, 3]]
    assert Node(order="degree").batch(star).index.tolist() == [[2, 0, 1, 3]]
    tree = HAC().fit(star)
    assert torch.equal(Node(order="hac").batch(star).index[0], tree.order)
    path = torch.tensor([[4, 0, 3, 1], [0, 3, 1, 2]])
    rcm = Node(order="rcm").batch(path).index[0].tolist()
    assert rcm in ([4, 0, 3, 1, 2], [2, 1, 3, 0, 4])
    one, two, other = (Node(order="random", seed=s).batch(path).index for s in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    with pytest.raises(InputError, match="order is 'rank', expected one of id, degree"):
        Node(order="rank")


def test_attributes_of_edges_are_those_of_the_entry_in_their_direction():
    index = torch.tensor([[2, 1, 0, 1, 1], [1, 0, 1, 2, 1]])
    attr = torch.tensor([[10.0], [20.0], [30.0], [40.0], [50.0]])
    graph = SimpleNamespace(edge_index=index, num_nodes=3, edge_attr=attr)
    tokens = Edge().batch(graph)
    assert tokens.members[1].tolist() == [0, 1, 1, 2]
    assert tokens.x.tolist() == [[[30.0], [40.0]]]
    one_way = SimpleNamespace(edge_index=index[:, :2], num_nodes=3, edge_attr=attr[:2, 0].long())
    assert Edge().batch(one_way).x.tolist() == [[[20.0], [10.0]]]
    one_way.edge_attr = attr
    with pytest.raises(InputError, match="one row for each of the 2 columns"):
        Edge().batch(one_way)


@pytest.mark.parametrize("p", [3, 8, 20])
def test_identifiers_tell_nodes_and_edges_apart(p):
    graph = some_graph(8, 14, seed=3)
    tokens = Edge(style="tokengt", p=p).batch(graph)
    edges = Edge().fit(graph).edges
    assert tokens.index.tolist() == [list(range(8 + len(edges)))]
    rows = tokens.pe[0, :8, :p]
    assert torch.allclose(rows.norm(dim=1), torch.ones(8), atol=1e-6)
    if p >= 8:
        assert torch.allclose(rows @ rows.t(), torch.eye(8), atol=1e-5)
    assert torch.equal(tokens.pe[0, :8, p:], rows)
    assert torch.equal(tokens.pe[0, 8:, :p], rows[edges[:, 0]])
    assert torch.equal(tokens.pe[0, 8:, p:], rows[edges[:, 1]])
    assert (tokens.x[0, :8] == 0).all()
    assert (tokens.x[0, 8:] != 0).any()
    ptr, nodes = tokens.members
    assert ptr.diff().tolist() == [1] * 8 + [2] * len(edges)
    assert torch.equal(nodes[8:].view(-1, 2), edges)


def test_identifiers_of_a_transform():
    graph = some_graph(8, 14, seed=3)
    with pytest.raises(InputError, match=r"reads data\.pe, which is missing"):
        Edge(style="tokengt", identifiers="pe").batch(graph)
    graph.pe = torch.arange(16.0).view(8, 2)
    tokens = Edge(style="tokengt", identifiers="pe").batch(graph)
    assert torch.equal(tokens.pe[0, :8], torch.cat([graph.pe, graph.pe], dim=1))
    with pytest.raises(InputError, match="p is 0"):
        Edge(p=0)
    with pytest.raises(InputError, match="style is 'lines'"):
        Edge(style="lines")


def test_rings_of_a_graph_of_many_blocks():
    graph = some_graph(400, 700, seed=6)
    found = KHop(K=3, mode="ring").fit(graph)
    whole = nx.Graph(graph.edge_index.t().tolist())
    for v in (0, 63, 64, 399):
        hops = nx.single_source_shortest_path_length(whole, v) if v in whole else {v: 0}
        for k in range(4):
            ring = [u for u, d in hops.items() if d == k]
            assert int(found.count[v, k]) == len(ring)
            mean = graph.x[ring].mean(0) if ring else torch.zeros(3, dtype=torch.float64)
            assert torch.allclose(found.x[v, k], mean, rtol=1e-12)


def test_hops_keep_the_type_and_need_features():
    graph = some_graph(6, 8, seed=0)
    graph.x = graph.x.float()
    assert KHop().fit(graph).x.dtype == torch.float32
    graph.x = torch.arange(6)
    assert KHop(K=1).fit(graph).x.shape == (6, 2, 1)
    with pytest.raises(InputError, match="the graph has no x"):
        KHop().fit([[0], [1]])
    for options, message in (({"K": -1}, "K is -1"), ({"mode": "power"}, "mode is 'power'")):
        with pytest.raises(InputError, match=message):
            KHop(**options)


def test_steps_of_walks_are_edges_and_sets_are_nested():
    graph = some_graph(50, 80, seed=8)
    tokens = RandomWalk(num_walks=5, length=6, seed=1).fit(graph)
    simple = as_graph(graph.edge_index, 50).simple()
    near = [set(simple.indices[a:b].tolist()) for a, b in simple.indptr.unfold(0, 2, 1).tolist()]
    for v, walks in enumerate(tokens.walks.tolist()):
        for walk in walks:
            assert walk[0] == v
            for a, b in itertools.pairwise(walk):
                assert b in near[a] or (a == b and not near[a])
    other = RandomWalk(num_walks=5, length=6, seed=2).fit(graph)
    assert not torch.equal(tokens.walks, other.walks)
    ptr, nodes = tokens.members
    for token in range(50 * 7):
        mine = nodes[ptr[token] : ptr[token + 1]].tolist()
        assert mine == sorted(set(mine))
        if token % 7 == 6:
            assert mine == [token // 7]
        else:
            assert set(nodes[ptr[token + 1] : ptr[token + 2]].tolist()) <= set(mine)
    with pytest.raises(InputError, match="num_walks is 0"):
        RandomWalk(num_walks=0)


def test_patches_of_labels_and_of_levels():
    graph = some_graph(20, 30, seed=2)
    tree = HAC().fit(graph)
    for level in (0, 1, 99):
        patches = Patch(level=level).fit(graph)
        assert torch.equal(patches.assign, tree.assign[min(level, tree.num_levels - 1)])
    labels = torch.arange(20) % 3 * 10
    patches = Patch(labels=labels).fit(graph)
    assert torch.equal(patches.assign, torch.arange(20) % 3)
    assert patches.sequences().index.tolist() == [[0, 1, 2]]
    with pytest.raises(InputError, match="one integer for each of the 20 nodes"):
        Patch(labels=labels[:3]).fit(graph)
    with pytest.raises(InputError, match="level is -1"):
        Patch(level=-1)


def test_mixed_encodings_equal_the_golden_ones(golden):
    z = np.load(golden / "gsm" / "mot.npz")
    scores, encodings = torch.from_numpy(z["scores"]), torch.from_numpy(z["encodings"])
    pick, out = mix_encodings(scores, encodings, int(z["k"]))
    assert np.array_equal(pick, z["pick"])
    assert np.allclose(out, z["out"], rtol=1e-9, atol=1e-12)


def test_scores_carry_the_gradient():
    scores = torch.rand(5, 3, dtype=torch.float64, requires_grad=True)
    encodings = torch.rand(5, 3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s, e: mix_encodings(s, e, 2).out, (scores, encodings))
    pick = pick_tokenizations(scores, 2)
    loss = balance_loss(scores, pick)
    share = np.bincount(pick[:, 0], minlength=3) / 5
    mean = scores.detach().numpy().mean(0)
    assert np.isclose(float(loss.detach()), 0.01 * 3 * (share * mean).sum())
    (grad,) = torch.autograd.grad(loss, scores)
    assert grad.abs().max() > 0


def test_mixtures():
    mixture = MixtureOfTokenization()
    assert [t.name for t in mixture.tokenizers] == ["hac", "hac", "khop", "random_walk"]
    assert len(mixture) == 4
    graph = some_graph(12, 20, seed=0)
    kinds = [tokens.kind for tokens in mixture.batch(graph)]
    assert kinds == ["cluster", "cluster", "feature", "subgraph"]
    assert len(mixture.fit(graph)) == 4
    with pytest.raises(InputError, match="k is 3, expected 1 to 2"):
        MixtureOfTokenization(("node", "hac"), k=3)
    with pytest.raises(InputError, match=r"k is 4 and scores have shape \(2, 3\)"):
        pick_tokenizations(torch.zeros(2, 3), 4)
    with pytest.raises(InputError, match=r"expected \(2, 3, d\)"):
        mix_encodings(torch.zeros(2, 3), torch.zeros(2, 2, 5), 1)


def test_names():
    assert set(TOKENIZERS) == {"node", "edge", "khop", "random_walk", "hac", "patch"}
    for name, kind in TOKENIZERS.items():
        made = make_tokenizer(name)
        assert isinstance(made, kind)
        assert made.name == name
    assert make_tokenizer("hac_order", max_levels=4).traversal == "order"
    assert make_tokenizer("khop", K=5).K == 5
    own = Node()
    assert make_tokenizer(own) is own
    for call, message in (
        (lambda: make_tokenizer("khops"), r"no tokenizer 'khops'.* Did you mean khop"),
        (lambda: make_tokenizer("khop", hops=2), "hops"),
        (lambda: make_tokenizer(own, seed=1), "were given beside a Node"),
        (lambda: make_tokenizer("hac_up"), "traversal is 'up'"),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_an_option_that_a_tokenizer_lacks_is_named_beside_those_it_has():
    with pytest.raises(InputError, match=r"max_level is no option.*max_levels.*Did you mean max_"):
        make_tokenizer("hac_bfs", max_level=3)
