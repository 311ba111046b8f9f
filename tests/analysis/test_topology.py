"""Nodes by topology: bins and thresholds add up, values are the library's, shifts are counted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from graphlab.analysis import (
    cold_start,
    concentration_shift,
    node_values,
    performance_by_concentration,
    performance_by_degree,
)
from graphlab.analysis.topology import DEGREE_THRESHOLDS, TC_BINS, TC_THRESHOLDS
from graphlab.errors import InputError


@pytest.fixture(scope="module")
def split():
    make = np.random.default_rng(5)
    pairs = make.integers(0, 60, (400, 2))
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], 1), axis=0)
    make.shuffle(pairs)
    edges = torch.from_numpy(pairs)
    return {"train": edges[:150], "val": edges[150:190], "test": edges[190:260]}


def by_definition(split, i, stage):
    """TC of one hop: mean over neighbours j of |N(i) & N(j)| over the degree of i."""
    near = {v: set() for v in range(64)}
    for a, b in split["train"].tolist():
        near[a].add(b)
        near[b].add(a)
    others = {b if a == i else a for a, b in split[stage].tolist() if i in (a, b)}
    size = len(near[i]) - (stage == "train")
    if not others or size <= 0:
        return 0.0
    return sum(len(near[i] & near[j]) for j in others) / len(others) / size


def test_values_are_those_of_the_definition(split):
    found = node_values(split, 64)
    assert list(found) == [
        *("tc_test", "tc_train", "tc_val", "atc_test", "atc_train", "degree", "density")
    ]
    for stage in ("train", "val", "test"):
        wanted = [by_definition(split, i, stage) for i in range(64)]
        assert found[f"tc_{stage}"].tolist() == pytest.approx(wanted, abs=1e-12)
    degree = torch.bincount(split["train"].reshape(-1), minlength=64)
    assert found["degree"].tolist() == degree.tolist()
    assert all(value.dtype == torch.float64 and value.shape == (64,) for value in found.values())
    assert "atc_test" not in node_values(split, 64, atc=False)


def test_two_nodes_two_links_are_not_mistaken_for_a_transposed_array():
    edges = {"train": torch.tensor([[0, 1], [2, 3]]), "val": [[0, 2]], "test": [[1, 3], [0, 3]]}
    assert node_values(edges, 4)["degree"].tolist() == [1, 1, 1, 1]
    assert node_values(
        {"train": {"edge": edges["train"]}, **{k: edges[k] for k in ("val", "test")}}, 4
    )


def test_bins_of_concentration_hold_every_node_once_and_zero_apart():
    make = torch.Generator().manual_seed(0)
    tc = torch.rand(500, generator=make).round(decimals=1)
    tc[:3] = 1.5  # of graphs with self loops
    values = {"hits": torch.rand(500, generator=make), "mrr": torch.rand(500, generator=make)}
    found = performance_by_concentration(tc, values)
    assert sum(row["count"] for row in found) == 500
    assert [row["high"] for row in found] == [0.0, *TC_BINS[1:]]
    for name, each in values.items():
        total = sum(row["count"] * row[name] for row in found) / 500
        assert total == pytest.approx(float(each.double().mean()))
    assert found[0]["count"] == int((tc == 0).sum())
    assert found[1]["count"] == int(((tc > 0) & (tc <= 0.2)).sum())
    assert found[-1]["count"] == int((tc > 0.8).sum())


def test_bins_of_degree_are_those_of_links():
    degree = torch.tensor([0, 1, 2, 3, 4, 5, 9, 9])
    found = performance_by_degree(degree, {"mrr": torch.arange(8.0)})
    assert [(r["low"], r["high"], r["count"]) for r in found] == [
        *((0, 0, 1), (1, 1, 1), (2, 2, 1), (3, 4, 2), (5, 8, 1), (9, 16, 2))
    ]
    assert found[-1]["mrr"] == 6.5
    assert performance_by_degree(torch.empty(0), {"mrr": torch.empty(0)}) == []


def test_thresholds_divide_the_nodes_and_those_that_do_not_are_left_out():
    value = torch.tensor([1.0, 2.0, 2.0, 8.0])
    found = cold_start(value, {"mrr": torch.tensor([0.1, 0.2, 0.4, 0.9])}, DEGREE_THRESHOLDS)
    assert [row["threshold"] for row in found] == [1, 2, 3, 4, 5, 6, 7]
    row = found[1]
    assert (row["below"], row["above"]) == (3, 1)
    assert row["mrr_below"] == pytest.approx(0.7 / 3)
    assert row["mrr_above"] == pytest.approx(0.9)
    assert TC_THRESHOLDS[0] == 0.01
    assert len(TC_THRESHOLDS) == 10


def test_shift_counts_what_is_lower_and_what_is_higher():
    train, test = torch.tensor([0.0, 0.5, 1.0, 0.3]), torch.tensor([0.0, 0.25, 1.0, 0.4])
    found = concentration_shift(train, test, bins=4)
    assert (found["lower"], found["higher"]) == (0.25, 0.25)
    assert found["shift"] == pytest.approx(found["mean_test"] - found["mean_train"])
    assert found["shift"] == pytest.approx((1.65 - 1.8) / 4)
    assert found["share_train"] == [0.25, 0.25, 0.25, 0.25]
    assert found["share_test"] == [0.25, 0.5, 0.0, 0.25]
    assert found["edges"] == [0.0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda: performance_by_concentration(torch.ones(3), {"mrr": torch.ones(2)}),
        lambda: performance_by_degree(torch.ones(3), {"mrr": torch.ones(3, 2)}),
        lambda: cold_start(torch.ones(2), {"mrr": torch.ones(3)}, [1]),
        lambda: concentration_shift(torch.ones(2), torch.ones(3)),
        lambda: concentration_shift(torch.empty(0), torch.empty(0)),
        lambda: concentration_shift(torch.ones(2), torch.ones(2), bins=0),
    ],
)
def test_lengths_that_differ_are_refused(call):
    with pytest.raises(InputError, match="expected"):
        call()
