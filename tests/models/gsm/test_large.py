"""Graph-sequence models on larger graphs: parts, groups of sequences, statistics of few batches."""

from __future__ import annotations

import pytest
import torch

from graphlab.models import GSM, GSMPlusPlus
from graphlab.models.gsm import branch
from tests.models.gsm.graphs import F, random_graph

C = 3


def gradients(model, data, weight):
    model.zero_grad()
    out = model(data)
    (out * weight).sum().backward()
    return out.detach(), {n: p.grad.clone() for n, p in model.named_parameters()}


@pytest.mark.parametrize("tokenizer", ["hac", "khop", "random_walk"])
def test_parts_in_training_have_the_same_gradients(tokenizer, monkeypatch):
    data, weight = random_graph(), torch.rand(20, C)
    torch.manual_seed(0)
    model = GSM(F, C, 8, tokenizer=tokenizer, dropout=0.0).double().eval()
    data.x = data.x.double()
    out, expected = gradients(model, data, weight)
    monkeypatch.setattr(branch, "_TRAINED", 7)
    calls = []
    model.branches[0].encoder.register_forward_pre_hook(lambda m, i: calls.append(len(i[0])))
    again, found = gradients(model, data, weight)
    torch.testing.assert_close(again, out)
    torch.testing.assert_close(found, expected)
    assert sorted(calls) == [6, 6, 7, 7, 7, 7]  # each part once more for its gradient


def test_dropout_of_a_part_is_the_same_when_it_is_computed_again(monkeypatch):
    monkeypatch.setattr(branch, "_TRAINED", 7)
    torch.manual_seed(0)
    model = GSM(F, C, 8, tokenizer="khop", local="mlp", dropout=0.5).train()
    seen = []
    model.branches[0].encoder.register_forward_pre_hook(
        lambda m, i: seen.append(torch.get_rng_state().tolist())
    )
    model(random_graph()).sum().backward()
    first, second = seen[:3], seen[3:]
    assert len({tuple(state) for state in first}) == 3
    assert sorted(second) == sorted(first)


@pytest.mark.parametrize("pe", ["none", "lca+abs"])
def test_levels_of_alike_lengths_are_encoded_together(pe, monkeypatch):
    data, weight = random_graph(60, 90), torch.rand(60, C)
    torch.manual_seed(0)
    model = GSMPlusPlus(F, C, 8, traversal="bfs", pe=pe).double().eval()
    data.x = data.x.double()
    shapes = []
    hook = model.branches[0].encoder.register_forward_hook(
        lambda m, i, o: shapes.append(tuple(o.shape[:2]))
    )
    out, found = gradients(model, data, weight)
    assert len(shapes) > 1
    assert shapes[0] == (1, 60)
    hook.remove()
    monkeypatch.setattr(branch, "_alike", lambda tokens: None)
    again, expected = gradients(model, data, weight)
    torch.testing.assert_close(out, again)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("local", ["gcn", "gatedgcn", "gin"])
def test_running_statistics_of_small_features_are_right_from_the_first_batch(local):
    """Rows of many columns that sum to 1 vary little: far from where statistics start."""
    data = random_graph(200, 600)
    data.x = data.x * 1e-3
    torch.manual_seed(0)
    model = GSM(F, C, 8, local=local, global_encoder="none", dropout=0.0)
    in_training = model.train()(data)
    torch.testing.assert_close(model.eval()(data), in_training, atol=0.02, rtol=0.02)


def test_statistics_follow_slowly_once_there_are_ten_batches():
    data = random_graph()
    model = GSM(F, C, 8, dropout=0.0).train()
    norms = [m for m in model.local.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    for _ in range(12):
        model(data)
    assert [norm.momentum for norm in norms] == [0.1] * len(norms)
    other = GSM(F, C, 8, dropout=0.0).train()
    other.load_state_dict(model.state_dict())
    other(data)
    assert {m.momentum for m in other.local.modules() if isinstance(m, torch.nn.BatchNorm1d)} == {
        0.1
    }


def test_without_a_global_encoder_the_local_one_is_scored():
    data = random_graph()
    model = GSM(F, C, 8, global_encoder="none").eval()
    assert len(model.branches) == 0
    torch.testing.assert_close(model(data), model.head(model.encode(data).h))
    nodes = torch.tensor([3, 1])
    torch.testing.assert_close(model(data, nodes=nodes), model(data)[nodes])


def test_features_are_dropped_in_training_alone():
    data = random_graph()
    plain = GSM(F, C, 8, local="mlp", dropout=0.0)
    dropped = GSM(F, C, 8, local="mlp", dropout=0.0, input_dropout=0.5)
    dropped.load_state_dict(plain.state_dict())
    torch.testing.assert_close(dropped.eval()(data), plain.eval()(data))
    assert not torch.allclose(dropped.train()(data), plain.train()(data))
