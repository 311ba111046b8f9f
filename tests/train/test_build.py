"""Building models: seeded weights, and what a task fills in where a model has a place for it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from graphlab.errors import InputError
from graphlab.registry import find_model
from graphlab.train import build_model

WITH_FEATURES = {"in_channels": 5, "num_ids": None}
WITHOUT = {"in_channels": 0, "num_ids": 7}


def test_weights_follow_from_the_seed_alone():
    kwargs = {"in_features": 4, "out_features": 3}
    before = torch.get_rng_state()
    one, again, other = (build_model(nn.Linear, kwargs, seed) for seed in (0, 0, 1))
    assert torch.equal(one.weight, again.weight)
    assert not torch.equal(one.weight, other.weight)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_the_task_fills_in_goes_where_there_is_a_place():
    gae = build_model(find_model("gae"), {**WITH_FEATURES, "hidden_channels": 4}, 0)
    assert (gae.in_channels, gae.num_ids) == (5, None)
    ids = build_model(find_model("gae"), {**WITHOUT, "hidden_channels": 4}, 0)
    assert (ids.in_channels, ids.num_ids) == (0, 7)
    for kwargs in (WITH_FEATURES, WITHOUT):
        for name in ("cn", "katz"):
            assert not list(build_model(find_model(name), kwargs, 0).parameters())


def test_a_class_without_a_constructor_takes_nothing():
    class Plain(nn.Module):
        pass

    assert isinstance(build_model(Plain, WITH_FEATURES, 0), Plain)


def test_a_constructor_of_any_arguments_gets_them_all():
    class Open(nn.Module):
        def __init__(self, **kwargs):
            super().__init__()
            self.kwargs = kwargs

    assert build_model(Open, WITHOUT, 0).kwargs == WITHOUT


def test_an_unknown_option_of_a_person_is_an_error():
    with pytest.raises(TypeError, match="widht"):
        build_model(find_model("cn"), {**WITH_FEATURES, "widht": 3}, 0)


def test_a_model_that_needs_features_says_so():
    with pytest.raises(InputError, match=r"GCN needs node features.*num_ids"):
        build_model(find_model("gcn"), {**WITHOUT, "out_channels": 2}, 0)
