"""MLP: the formula by hand, PyG's weights, groups and repr; the rest is in test_contract.py."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from graphlab.errors import InputError
from graphlab.models import MLP


def test_two_layers_by_hand():
    model = MLP(2, 1, hidden_channels=2).eval()
    with torch.no_grad():
        model.lins[0].weight.copy_(torch.tensor([[1.0, 2.0], [-1.0, 0.0]]))
        model.lins[0].bias.copy_(torch.tensor([1.0, 0.5]))
        model.lins[1].weight.copy_(torch.tensor([[3.0, 4.0]]))
        model.lins[1].bias.copy_(torch.tensor([-1.0]))
    # row 1: relu(1 + 2*2 + 1, -1 + 0.5) = (6, 0); row 2: relu(-1 + 1, 1 + 0.5) = (0, 1.5)
    out = model(torch.tensor([[1.0, 2.0], [-1.0, 0.0]]))
    assert out.tolist() == [[17.0], [5.0]]


def test_edges_change_nothing():
    model, x = MLP(4, 3).eval(), torch.rand(5, 4)
    assert torch.equal(model(x), model(x, torch.tensor([[0, 1], [1, 2]]), torch.ones(2)))


def test_equals_pyg_with_the_same_weights():
    from torch_geometric.nn import models

    reference = models.MLP([7, 16, 16, 3], norm=None, dropout=0.5).eval()
    model = MLP(7, 3, hidden_channels=16, num_layers=3).eval()
    model.load_state_dict(reference.state_dict())
    x = torch.rand(20, 7)
    torch.testing.assert_close(model(x), reference(x), atol=1e-6, rtol=0)


def test_one_layer_is_logistic_regression():
    model = MLP(4, 3, num_layers=1, bias=False).eval()
    x = torch.rand(6, 4)
    assert torch.equal(model(x), F.linear(x, model.lins[0].weight))
    assert {k: len(v) for k, v in model.parameter_groups().items()} == {"first": 1, "rest": 0}


def test_input_dropout_is_apart_from_dropout():
    model = MLP(50, 2, dropout=0.0, input_dropout=0.9).train()
    x = torch.ones(4, 50)
    assert not torch.equal(model(x), model(x))
    model = MLP(50, 2, dropout=0.0).train()
    assert torch.equal(model(x), model(x))


def test_reset_parameters_draws_from_the_seed():
    model = MLP(4, 3)
    before = model.lins[0].weight.clone()
    torch.manual_seed(3)
    model.reset_parameters()
    first = {k: v.clone() for k, v in model.state_dict().items()}
    assert not torch.equal(before, first["lins.0.weight"])
    torch.manual_seed(3)
    model.reset_parameters()
    assert all(torch.equal(first[k], v) for k, v in model.state_dict().items())


def test_repr_shows_rates_and_layers():
    assert "dropout=0.4, input_dropout=0.1" in repr(MLP(4, 3, dropout=0.4, input_dropout=0.1))


@pytest.mark.parametrize("value", [True, 2.5, "3", None])
def test_sizes_are_integers(value):
    with pytest.raises(InputError, match=r"num_layers is .*integer"):
        MLP(4, 3, num_layers=value)


@pytest.mark.parametrize("value", [float("nan"), "0.5", True])
def test_rates_are_numbers(value):
    with pytest.raises(InputError, match=r"input_dropout is .*between 0 and 1"):
        MLP(4, 3, input_dropout=value)
