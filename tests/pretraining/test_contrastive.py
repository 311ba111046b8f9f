"""GraphCL: the loss by hand, what seeds decide, what the encoder learns, input that is wrong."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
import torch

from graphlab.collection import GraphCollection
from graphlab.errors import InputError, NonFiniteError
from graphlab.pretraining import (
    GraphEncoder,
    contrastive_loss,
    embed_graphs,
    pretrain_contrastive,
)


def graphs(count=12, seed=0):
    return [nx.gnp_random_graph(8 + i, 0.3, seed=seed + i) for i in range(count)]


def test_loss_is_the_formula_term_by_term():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(5, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    tau, total = 0.3, 0.0
    cosine = [[float(torch.cosine_similarity(x, y, 0)) for y in b] for x in a]
    for i in range(5):
        own = math.exp(cosine[i][i] / tau)
        total += math.log(own / sum(math.exp(cosine[i][j] / tau) for j in range(5)))
        total += math.log(own / sum(math.exp(cosine[j][i] / tau) for j in range(5)))
    assert contrastive_loss(a, b, tau).item() == pytest.approx(-total / 10, rel=1e-12)
    assert contrastive_loss(a, b, tau).item() == contrastive_loss(b, a, tau).item()


def test_loss_has_the_right_gradient():
    generator = torch.Generator().manual_seed(1)
    a, b = (
        torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True)
        for _ in range(2)
    )
    assert torch.autograd.gradcheck(contrastive_loss, (a, b))


def test_training_makes_views_of_a_graph_alike():
    """The loss of an epoch depends on its views, so ten epochs are compared with ten."""
    given = [nx.gnp_random_graph(20, 0.1 + 0.02 * i, seed=i) for i in range(16)]
    found = pretrain_contrastive(given, epochs=60, batch_size=16)
    assert len(found.history) == 60
    assert np.mean(found.history[-10:]) < np.mean(found.history[:10]) - 0.2
    assert not found.encoder.training


def test_seed_decides_everything_and_global_states_nothing():
    def run(seed):
        return pretrain_contrastive(graphs(), epochs=2, batch_size=5, seed=seed)

    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = run(0)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(4)
    np.random.seed(4)  # the global state that must not matter
    two, other = run(0), run(1)
    assert one.history == two.history != other.history
    assert torch.equal(one.embed(graphs()), two.embed(graphs()))


def test_no_epochs_leave_the_start_of_a_longer_training():
    start = pretrain_contrastive(graphs(), epochs=0)
    trained = pretrain_contrastive(graphs(), epochs=1)
    assert start.history == ()
    pairs = zip(start.encoder.parameters(), trained.encoder.parameters(), strict=True)
    assert not all(torch.equal(a, b) for a, b in pairs)


def test_a_last_graph_alone_joins_the_batch_before():
    found = pretrain_contrastive(graphs(5), epochs=1, batch_size=2)
    assert math.isfinite(found.history[0])
    assert found.history[0] > 0


def test_own_encoder_is_trained_in_place():
    encoder = GraphEncoder(hidden_channels=4, num_layers=2)
    before = [p.clone() for p in encoder.parameters()]
    found = pretrain_contrastive(graphs(), encoder, epochs=1)
    assert found.encoder is encoder
    moved = zip(before, encoder.parameters(), strict=True)
    assert not all(torch.equal(a, b) for a, b in moved)


def test_features_are_read_where_the_encoder_asks_for_them():
    collection = GraphCollection(
        torch.tensor([[0, 1, 0, 1], [1, 0, 1, 0]]),
        [0, 2, 4],
        [0, 2, 4],
        node={"x": torch.tensor([[0.0], [1.0], [2.0], [3.0]])},
    )
    encoder = GraphEncoder(in_channels=1, hidden_channels=4)
    first, second = embed_graphs(encoder, collection)
    assert not torch.allclose(first, second)
    first, second = embed_graphs(GraphEncoder(hidden_channels=4), collection)
    assert torch.allclose(first, second), "degrees alone: two graphs of one edge are alike"
    with pytest.raises(InputError, match=r"no x, but the encoder reads \(n, 1\)"):
        embed_graphs(encoder, graphs(2))


def test_embeddings_depend_on_neither_batches_nor_the_order_of_nodes():
    encoder = pretrain_contrastive(graphs(), epochs=1).encoder.double()
    every = embed_graphs(encoder, graphs())
    assert torch.allclose(every, embed_graphs(encoder, graphs(), batch_size=5), atol=1e-12)
    turned = [
        nx.relabel_nodes(g, dict(enumerate(np.random.default_rng(0).permutation(len(g)))))
        for g in graphs()
    ]
    turned = [nx.convert_node_labels_to_integers(g, ordering="sorted") for g in turned]
    assert torch.allclose(every, embed_graphs(encoder, turned), atol=1e-10)


def test_graphs_without_edges_or_nodes_have_embeddings():
    odd = [nx.empty_graph(1), nx.empty_graph(3), nx.path_graph(2)]
    found = pretrain_contrastive(odd, epochs=1)
    assert torch.isfinite(found.embed(odd)).all()
    empty = GraphCollection(torch.zeros((2, 0), dtype=torch.int64), [0, 0, 2], [0, 0, 0])
    assert not embed_graphs(GraphEncoder(), empty)[0].any()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": -1}, "epochs is -1"),
        ({"batch_size": 1}, "batch_size is 1"),
        ({"lr": 0.0}, "lr is 0.0, expected a number above 0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"edge_drop": 1.0}, "edge_drop is 1.0"),
        ({"node_drop": -0.5}, "node_drop is -0.5"),
        ({"encoder": torch.nn.Linear(2, 2)}, "encoder is a Linear without out_channels"),
    ],
)
def test_impossible_settings_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        pretrain_contrastive(graphs(3), **settings)


def test_wrong_graphs_are_named_by_number():
    with pytest.raises(InputError, match="graphs is empty"):
        pretrain_contrastive([])
    with pytest.raises(InputError, match="expected at least 2"):
        pretrain_contrastive(graphs(1))
    with pytest.raises(InputError, match=r"graphs\[1\] cannot be read"):
        pretrain_contrastive([nx.path_graph(3), "a graph"])


def test_a_loss_that_is_no_number_is_told():
    with pytest.raises(NonFiniteError, match="Lower lr"):
        pretrain_contrastive(graphs(), epochs=3, lr=1e30)


@pytest.mark.parametrize(("first", "second"), [((2, 3), (3, 3)), ((0, 3), (0, 3)), ((3,), (3,))])
def test_views_that_do_not_fit_are_named(first, second):
    with pytest.raises(InputError, match=r"expected two views \(B, d\)"):
        contrastive_loss(torch.zeros(first), torch.zeros(second))
    with pytest.raises(InputError, match="temperature is 0"):
        contrastive_loss(torch.ones(2, 2), torch.ones(2, 2), 0)


@pytest.mark.parametrize("size", [{"hidden_channels": 0}, {"num_layers": 0}, {"in_channels": -1}])
def test_encoder_sizes_are_checked(size):
    with pytest.raises(InputError, match=next(iter(size))):
        GraphEncoder(**size)
