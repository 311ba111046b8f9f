"""The router of a mixture of tokenizations."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.models import GSMPlusPlus
from graphlab.models.gsm.mixture import TokenRouter, mix_picked
from graphlab.tokenizers import MixtureOfTokenization, balance_loss, mix_encodings
from graphlab.train.step import TrainStep
from tests.models.gsm.graphs import EDGE_CASES, F, batch, random_graph

DEFAULT = ("hac_dfs", "hac_bfs", "khop", "random_walk")


def test_only_what_is_picked_gives_the_reference_arrays(golden):
    with np.load(golden / "gsm" / "mot.npz") as arrays:
        scores, encodings = (torch.from_numpy(arrays[k]) for k in ("scores", "encodings"))
        k, pick, out = int(arrays["k"]), arrays["pick"], arrays["out"]
    asked = {}

    def encode(number, nodes):
        asked[number] = nodes
        return encodings[nodes, number]

    found, mixed = mix_picked(scores, k, encode, encodings.shape[2])
    assert np.array_equal(found, pick)
    np.testing.assert_allclose(mixed, out, rtol=1e-9, atol=1e-12)
    for number, nodes in asked.items():
        assert nodes.tolist() == np.flatnonzero((pick == number).any(1)).tolist()


def test_the_score_carries_the_gradient():
    router = TokenRouter(4, 3, k=2).double()
    h = torch.rand(6, 4, dtype=torch.float64, requires_grad=True)
    tables = torch.rand(3, 6, 4, dtype=torch.float64)
    rows, loss = router(h, lambda number, nodes: tables[number, nodes])
    scores = torch.softmax(h @ router.scores.weight.t(), 1)
    mixed = mix_encodings(scores, tables.transpose(0, 1), 2)
    torch.testing.assert_close(rows, router.out(mixed.out))
    torch.testing.assert_close(loss, balance_loss(scores, mixed.pick))
    (grad,) = torch.autograd.grad(rows.square().sum(), router.scores.weight)
    assert grad.abs().sum() > 0


@pytest.mark.parametrize("level", ["node", "graph"])
def test_a_batch_gives_what_its_graphs_give_alone(level):
    graphs = [random_graph(9, 12), *EDGE_CASES.values()]
    for g in graphs:
        g.x = g.x.double()
    model = GSMPlusPlus(F, 3, 8, mot=DEFAULT, level=level).double().eval()
    alone = torch.cat([model(g) for g in graphs])
    torch.testing.assert_close(model(batch(graphs)), alone, atol=1e-9, rtol=1e-9)


def test_training_adds_the_balance_to_the_loss():
    data = random_graph()
    model = GSMPlusPlus(F, 3, 8, mot=MixtureOfTokenization(DEFAULT, k=2, alpha=0.5), dropout=0.0)

    class Task:
        def loss(self, model, batch):
            return model(batch).square().mean()

    model.eval()
    total = TrainStep(Task(), model)(data)
    added = model.added_loss()
    assert added.item() > 0
    torch.testing.assert_close(total, model(data).square().mean() + added)
    total.backward()
    assert model.router.scores.weight.grad.abs().sum() > 0


def test_a_copy_can_be_made_behind_a_training_step():
    model = GSMPlusPlus(F, 3, 8, mot=DEFAULT)
    data = random_graph()
    model(data).sum().backward()
    twin = copy.deepcopy(model)
    assert twin.added_loss() is None
    assert torch.equal(twin.eval()(data), model.eval()(data))


def test_models_without_a_mixture_add_nothing():
    model = GSMPlusPlus(F, 3, 8)
    model(random_graph())
    assert model.added_loss() is None


def test_some_nodes_have_the_scores_they_have_among_all():
    data = random_graph()
    model = GSMPlusPlus(F, 3, 8, mot=DEFAULT).eval()
    nodes = torch.tensor([3, 11])
    encoded = model.encode(data)
    torch.testing.assert_close(model(data, nodes=nodes, encoded=encoded), model(data)[nodes])


def test_more_picks_than_tokenizations_are_refused():
    with pytest.raises(InputError, match="k is 2, expected 1 to 1"):
        GSMPlusPlus(F, 3, 8, mot=("khop",))
