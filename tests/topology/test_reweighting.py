"""Edge weights that follow agreement: golden values, both orientations, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import graphlab.topology.reweighting as module
from graphlab.errors import InputError
from graphlab.topology import (
    oracle_reweight_edges,
    reweight_edges,
    reweighted_tc,
    topological_concentration,
)
from tests.topology.golden import random_split, read
from tests.topology.slow_values import neighbors


@pytest.fixture(scope="module")
def data():
    arrays = {k: torch.from_numpy(v) if v.ndim else v.item() for k, v in read("reweight").items()}
    arrays["edge_index"] = torch.stack([arrays["edge_row"], arrays["edge_col"]])
    return arrays


def scorer_of(data):
    def scorer(x):
        hidden = torch.relu(x @ data["mlp_w1"].T + data["mlp_b1"])
        return torch.sigmoid(hidden @ data["mlp_w2"].T + data["mlp_b2"])

    return scorer


def options_of(data, base="gcn", aug="gcn"):
    return {
        "base_weight": data[f"weight_{base}"],
        "aug_weight": data[f"weight_{aug}"],
        "scorer": scorer_of(data),
        "alpha": data["alpha"],
    }


@pytest.mark.parametrize("aug", ["gcn", "sage"])
@pytest.mark.parametrize("base", ["gcn", "sage"])
def test_golden_weights(data, base, aug):
    found = reweight_edges(data["H"], data["edge_index"], **options_of(data, base, aug))
    expected = data[f"new_weight.{base}_base.{aug}_aug"]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert float((expected - data[f"weight_{base}"]).abs().max()) > 0.01


def plain(H, edge_index, base, aug, scorer, alpha, orientation):
    """The update written entry by entry."""
    row, col = edge_index.tolist()
    nearby = torch.zeros_like(H)
    for u, v, w in zip(row, col, aug.tolist(), strict=True):
        nearby[u] += w * H[v]
    center, member = (col, row) if orientation == "official" else (row, col)
    q = [float(scorer((nearby[c] * H[m])[None])) for c, m in zip(center, member, strict=True)]
    out = []
    for e, c in enumerate(center):
        group = [f for f in range(len(center)) if center[f] == c]
        share = np.exp(q[e]) / sum(np.exp(q[f]) for f in group)
        out.append(float(base[e]) + alpha * share * sum(float(base[f]) for f in group))
    return torch.tensor(out, dtype=torch.float32)


@pytest.mark.parametrize("orientation", ["official", "receiver"])
def test_both_orientations_equal_their_definition(data, orientation, monkeypatch):
    options = options_of(data, "sage", "gcn")
    rest = [options[name] for name in ("base_weight", "aug_weight", "scorer", "alpha")]
    expected = plain(data["H"], data["edge_index"], *rest, orientation)
    found = reweight_edges(data["H"], data["edge_index"], **options, orientation=orientation)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    monkeypatch.setattr(module, "_BLOCK", 64)
    blocks = reweight_edges(data["H"], data["edge_index"], **options, orientation=orientation)
    torch.testing.assert_close(blocks, found, rtol=0, atol=1e-6)


def test_the_receiver_orientation_is_the_transpose(data):
    options = options_of(data, "gcn", "gcn")  # symmetric weights
    official = reweight_edges(data["H"], data["edge_index"], **options)
    turned = data["edge_index"].flip(0)
    receiver = reweight_edges(data["H"], turned, **options, orientation="receiver")
    torch.testing.assert_close(receiver, official)


@pytest.mark.parametrize(("orientation", "group"), [("official", 1), ("receiver", 0)])
def test_added_weights_of_a_group_sum_to_alpha_times_its_base(data, orientation, group):
    options = options_of(data, "sage") | {"alpha": 0.7}
    found = reweight_edges(data["H"], data["edge_index"], **options, orientation=orientation)
    added = found - options["base_weight"]
    zeros = torch.zeros(data["num_nodes"])
    total = zeros.index_add(0, data["edge_index"][group], added)
    base = zeros.index_add(0, data["edge_index"][group], options["base_weight"])
    torch.testing.assert_close(total, 0.7 * base)


def test_nothing_is_differentiated_or_changed(data):
    H = data["H"].clone().requires_grad_()
    base = data["weight_gcn"].clone()
    options = options_of(data) | {"base_weight": base}
    assert not reweight_edges(H, data["edge_index"], **options).requires_grad
    assert torch.equal(base, data["weight_gcn"])
    assert torch.equal(reweight_edges(H, data["edge_index"], **options | {"alpha": 0.0}), base)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"orientation": "sender"}, r"orientation is 'sender'"),
        ({"alpha": float("inf")}, r"alpha is inf"),
        ({"base_weight": torch.ones(3)}, r"base_weight.*\(3,\).*334 entries"),
        ({"aug_weight": torch.ones(334, dtype=torch.int64)}, r"aug_weight is torch.int64"),
        ({"scorer": lambda x: x}, r"scorer returned 2672 numbers for 334 entries"),
        ({"H": torch.ones(5, 8)}, r"edge_index holds node .*5 nodes"),
        ({"H": torch.ones(70)}, r"H has shape \(70,\)"),
        ({"edge_index": torch.ones(334, 2)}, r"edge_index is torch.float32"),
    ],
)
def test_wrong_arguments_are_named(data, change, message):
    given = {"H": data["H"], "edge_index": data["edge_index"], **options_of(data), **change}
    with pytest.raises(InputError, match=message):
        reweight_edges(given.pop("H"), given.pop("edge_index"), **given)


def test_golden_weights_of_the_oracle(data):
    found = oracle_reweight_edges(
        data["edge_index"],
        base_weight=data["weight_gcn"],
        train_edges=data["train"],
        val_edges=data["val"],
        num_nodes=data["num_nodes"],
    )
    torch.testing.assert_close(found, data["static_reweight"], rtol=0, atol=1e-6)
    assert not torch.equal(found, data["weight_gcn"])


def test_golden_weighted_concentration(data):
    found = reweighted_tc(
        data["train"],
        data["num_nodes"],
        edge_index=data["edge_index"],
        edge_weight=data["weight_gcn"],
    )
    expected = data["weighted_tc_train"].double()
    torch.testing.assert_close(found, expected.nan_to_num(0), rtol=0, atol=1e-6)
    assert bool(expected.isnan().any())  # there, a node has its loop alone


def test_golden_counts_of_common_neighbors(data):
    reading = module.Reading(data["num_nodes"])
    train = reading.rows(data["train"], "train")
    row, col = data["edge_index"]
    for split in ("train", "val", "test"):
        other = reading.rows(data[split], split)
        found = module.common_of(train, other, row, col)
        torch.testing.assert_close(found.float(), data[f"tri_{split}"])


def test_equal_weights_give_the_concentration_without_the_own_link():
    """With all weights alike it is the mean share over d, where TC divides by d - 1."""
    train, _ = random_split(0)
    near = neighbors(train.tolist(), 30)
    edges = torch.tensor([[i, j] for i in range(30) for j in near[i]]).t()
    weight = torch.full((edges.shape[1],), 3.0)
    found = reweighted_tc(train, 30, edge_index=edges, edge_weight=weight)
    degree = torch.tensor([len(ends) for ends in near])
    exact = topological_concentration(train, 30)
    torch.testing.assert_close(found, exact * (degree - 1).clamp(min=0) / degree.clamp(min=1))
    # weight on the neighbours that share most raises it
    shared = torch.tensor([len(near[i] & near[j]) for i, j in edges.t().tolist()])
    more = reweighted_tc(train, 30, edge_index=edges, edge_weight=weight + shared)
    assert bool((more >= found - 1e-12).all())
    assert bool((more > found + 1e-3).any())


def test_entries_that_do_not_fit_are_refused():
    ones, edges = torch.ones(2), torch.tensor([[0, 1], [1, 3]])
    with pytest.raises(InputError, match="edge_index holds node 3"):
        reweighted_tc([[0, 1]], 3, edge_index=edges, edge_weight=ones)
    with pytest.raises(InputError, match=r"edge_weight.*\(2,\).*1 entries"):
        reweighted_tc([[0, 1]], 3, edge_index=edges[:, :1], edge_weight=ones)
