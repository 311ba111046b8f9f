"""Splits of edges: sizes, fixed digests, what must be disjoint, and that leaks are refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.datasets import load
from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.tasks import (
    HeartSplit85_5_10,
    RandomLinkSplit70_10_20,
    RandomLinkSplit85_5_10,
    edge_digest,
)
from graphlab.tasks._link_checks import (
    check_hidden,
    check_ids,
    check_own_negatives,
    check_shared_negatives,
)
from graphlab.tasks._link_splits import split_digest, training_graph, undirected_edges

RANDOM = [RandomLinkSplit70_10_20, RandomLinkSplit85_5_10]
STAGES = ("train", "val", "test")


def random_graph(num_edges, n=400, seed=0):
    rng = np.random.default_rng(seed)
    pairs = np.array([(i, j) for i in range(n) for j in range(i)])
    chosen = pairs[rng.permutation(len(pairs))[:num_edges]]
    return as_graph(torch.from_numpy(chosen.T.copy()), n).simple()


def pairs_of(array):
    return {tuple(sorted(pair)) for pair in torch.as_tensor(array).reshape(-1, 2).tolist()}


@pytest.fixture(scope="module")
def debdeps():
    return load("debdeps", "link").graph


@pytest.mark.parametrize(
    ("maker", "sizes"),
    [
        (RandomLinkSplit70_10_20, (3696, 527, 1055, 1055, 1055)),
        (RandomLinkSplit85_5_10, (4488, 263, 527, 263, 527)),
    ],
)
def test_sizes_of_a_graph_with_as_many_edges_as_cora(maker, sizes):
    split = maker(0)(random_graph(5278))
    found = [len(split[s]["edge"]) for s in STAGES]
    found += [len(split[s]["edge_neg"]) for s in STAGES[1:]]
    assert tuple(found) == sizes
    assert all(a.dtype == torch.int64 for part in split.values() for a in part.values())


def test_cora_by_the_ncn_recipe(mirror):
    graph = load("cora", "link").graph
    split = RandomLinkSplit70_10_20(0)(graph)
    assert [len(split[s]["edge"]) for s in STAGES] == [3696, 527, 1055]
    assert [len(split[s]["edge_neg"]) for s in STAGES[1:]] == [1055, 1055]
    check_shared_negatives(split, graph.simple(), "cora")
    assert not pairs_of(split["val"]["edge_neg"]) & pairs_of(split["test"]["edge_neg"])


def test_the_published_digests_of_debdeps(debdeps):
    split = RandomLinkSplit85_5_10(0)(debdeps)
    starts = {"test": "5615d989d08f4bfc", "val": "7605db67b252c385", "train": "d60b6e235688cf6b"}
    for stage, start in starts.items():
        assert edge_digest(split[stage]["edge"], debdeps).startswith(start)
    assert [len(split[s]["edge"]) for s in STAGES] == [8003, 470, 941]


@pytest.mark.parametrize("maker", RANDOM)
@settings(deadline=None, max_examples=25)
@given(st.integers(20, 400), st.integers(0, 10**6))
def test_parts_are_disjoint_and_negatives_are_no_edges(maker, count, seed):
    graph = random_graph(count, n=60, seed=seed)
    split = maker(seed)(graph)
    parts = [pairs_of(split[s]["edge"]) for s in STAGES]
    assert set.union(*parts) == pairs_of(undirected_edges(graph))
    assert sum(map(len, parts)) == count
    negatives = [pairs_of(split[s]["edge_neg"]) for s in STAGES[1:]]
    every = set.union(*negatives)
    assert not every & set.union(*parts)
    assert len(every) == sum(len(split[s]["edge_neg"]) for s in STAGES[1:])
    assert all(i < j for i, j in every)
    if maker is RandomLinkSplit70_10_20:
        held = math.floor(0.2 * count)
        assert [len(p) for p in parts[1:]] == [held // 2, held]
        assert [len(p) for p in negatives] == [held, held]
    else:
        assert [len(p) for p in parts[1:]] == [math.floor(0.05 * count), math.floor(0.1 * count)]
        assert [len(p) for p in negatives] == [len(p) for p in parts[1:]]
    train = training_graph(split["train"]["edge"], graph.num_nodes)
    assert train.num_nodes == graph.num_nodes
    check_hidden(split, {"val": train, "test": train}, "drawn")
    check_shared_negatives(split, graph, "drawn")
    check_ids(split, graph.num_nodes, "drawn")


@pytest.mark.parametrize("maker", RANDOM)
def test_seeds_decide_and_the_way_a_graph_is_given_does_not(maker):
    graph = random_graph(300)
    split = maker(4)(graph)
    index = graph.edge_index
    upper = index[:, index[0] < index[1]]
    loops = torch.arange(10).repeat(2, 1)
    for same in (graph, upper.flip(0), torch.cat([upper, upper, loops], 1)):
        given = as_graph(same, graph.num_nodes)
        assert split_digest(maker(4)(given)) == split_digest(split)
    assert split_digest(maker(5)(graph)) != split_digest(split)


def test_the_permutation_is_that_of_the_seed():
    graph = random_graph(200)
    edges, order = undirected_edges(graph), np.random.default_rng(7).permutation(200)
    split = RandomLinkSplit85_5_10(7)(graph)
    assert torch.equal(split["test"]["edge"], edges[order[:20]])
    assert torch.equal(split["val"]["edge"], edges[order[20:30]])
    assert torch.equal(split["train"]["edge"], edges[order[30:]])


@pytest.mark.parametrize("maker", RANDOM)
@pytest.mark.parametrize("count", [0, 1, 9])
def test_too_few_edges_are_named(maker, count):
    with pytest.raises(InputError, match=rf"{count} edges are too few .*val 0"):
        maker(0)(random_graph(count, n=10))


def test_too_few_non_edges_are_named():
    n = 10
    graph = as_graph(torch.combinations(torch.arange(n), 2)[:-8].t().contiguous(), n)
    with pytest.raises(InputError, match=r"14 negative pairs are needed.* has 8 unordered"):
        RandomLinkSplit70_10_20(0)(graph)


@pytest.mark.parametrize("maker", RANDOM)
def test_what_is_no_seed_is_refused(maker):
    for seed in (-1, 1.5, None, True):
        with pytest.raises(InputError, match="seed is"):
            maker(seed)


def test_a_digest_is_of_the_set_and_refuses_strangers(debdeps):
    some = RandomLinkSplit85_5_10(0)(debdeps)["val"]["edge"]
    assert edge_digest(some.flip(0).flip(1), debdeps) == edge_digest(some, debdeps)
    with pytest.raises(InputError, match="1 of 2 pairs are no edge"):
        edge_digest(torch.stack([some[0], some[0] * 0]), debdeps)


def test_split_digest_sees_every_array():
    split = RandomLinkSplit85_5_10(0)(random_graph(100))
    before = split_digest(split)
    for stage in STAGES:
        for key in split[stage]:
            changed = {s: dict(part) for s, part in split.items()}
            changed[stage][key] = split[stage][key].flip(0)
            assert split_digest(changed) != before


# ---- HeaRT ------------------------------------------------------------------------------------


def test_heart_split_is_that_of_seed_zero_with_negatives_that_share_a_node():
    graph = load("sbm-tiny", "link").graph
    split = HeartSplit85_5_10(num_negatives=20)(graph)
    easy = RandomLinkSplit85_5_10(0)(graph)
    for stage in STAGES:
        assert torch.equal(split[stage]["edge"], easy[stage]["edge"])
    for stage in STAGES[1:]:
        negatives = split[stage]["edge_neg"]
        assert negatives.shape == (len(split[stage]["edge"]), 20, 2)
        for positive, own in zip(split[stage]["edge"].tolist(), negatives.tolist(), strict=True):
            assert all(len({*positive} & {*pair}) == 1 for pair in own)
    check_own_negatives(split, graph.num_nodes, "sbm-tiny")
    again = HeartSplit85_5_10(num_negatives=20)(load("sbm-tiny", "link").graph)
    assert split_digest(again) == split_digest(split)


def test_heart_needs_a_number_of_negatives():
    for wrong in (0, -3, True):
        with pytest.raises(InputError, match="num_negatives"):
            HeartSplit85_5_10(wrong)


# ---- leaks are refused ------------------------------------------------------------------------


@pytest.fixture
def split():
    return RandomLinkSplit85_5_10(0)(random_graph(200, n=50))


def visible(split, n=50):
    graph = training_graph(split["train"]["edge"], n)
    return {"val": graph, "test": graph}


@pytest.mark.parametrize(("one", "other"), [("val", "train"), ("test", "train"), ("test", "val")])
def test_an_edge_of_two_parts_is_refused(split, one, other):
    shared = split[other]["edge"][:2].flip(1)
    split[one]["edge"] = torch.cat([split[one]["edge"], shared])
    with pytest.raises(InputError, match=rf"2 pairs \(the first: \({shared[0, 0]}, .* are also"):
        check_hidden(split, visible({"train": {"edge": split["val"]["edge"][:0]}}), "toy")


@pytest.mark.parametrize("stage", ["val", "test"])
def test_an_edge_to_predict_in_the_input_graph_is_refused(split, stage):
    leaking = torch.cat([split["train"]["edge"], split[stage]["edge"][3:4].flip(1)])
    graphs = {**visible(split), stage: training_graph(leaking, 50)}
    with pytest.raises(InputError, match=r"toy: 1 pair .* in the graph they are predicted from"):
        check_hidden(split, graphs, "toy")


def test_negatives_that_are_edges_loops_or_repeats_are_refused(split):
    full = random_graph(200, n=50)
    check_shared_negatives(split, full, "toy")
    for stage in STAGES[1:]:
        negatives = split[stage]["edge_neg"]
        for bad, text in (
            (split["train"]["edge"][:1].flip(1), "are edges"),
            (torch.tensor([[7, 7]]), "join a node with itself"),
            (negatives[:1].flip(1), "are repeats"),
        ):
            changed = {s: dict(part) for s, part in split.items()}
            changed[stage]["edge_neg"] = torch.cat([negatives, bad])
            with pytest.raises(InputError, match=text):
                check_shared_negatives(changed, full, "toy")


def test_own_negatives_must_share_a_node_and_be_unknown(split):
    own = {s: dict(part) for s, part in split.items()}
    known = pairs_of(split["train"]["edge"]) | pairs_of(split["val"]["edge"])
    for stage in STAGES[1:]:
        rows = []
        for a, b in split[stage]["edge"].tolist():
            free = [v for v in range(50) if v not in (a, b)]
            rows.append([(a, v) for v in free if tuple(sorted((a, v))) not in known][:3])
        own[stage]["edge_neg"] = torch.tensor(rows)
    check_own_negatives(own, 50, "toy")
    for stage, bad, text in (
        ("val", split["train"]["edge"][0], "known edges|share no node"),
        ("test", torch.tensor([40, 41]), "share no node"),
        ("test", own["test"]["edge"][0][:1].repeat(2), "join a node with itself"),
    ):
        changed = {s: dict(part) for s, part in own.items()}
        changed[stage]["edge_neg"] = own[stage]["edge_neg"].clone()
        changed[stage]["edge_neg"][0, 0] = bad
        if text == "share no node":
            changed[stage]["edge"] = changed[stage]["edge"].clone()
            changed[stage]["edge"][0] = torch.tensor([1, 2])
        with pytest.raises(InputError, match=text):
            check_own_negatives(changed, 50, "toy")


def test_a_validation_edge_is_known_when_test_is_asked(split):
    a, b = split["test"]["edge"][0].tolist()
    own = {s: dict(part) for s, part in split.items()}
    own["val"]["edge"] = torch.cat([own["val"]["edge"], torch.tensor([[a, 49 if b != 49 else 48]])])
    for stage in STAGES[1:]:
        positives = own[stage]["edge"]
        own[stage]["edge_neg"] = positives.unsqueeze(1).clone()
    own["test"]["edge_neg"][0, 0] = own["val"]["edge"][-1]
    with pytest.raises(InputError, match=r"test part are known edges"):
        check_own_negatives(own, 50, "toy")


def test_ids_and_loops_are_named(split):
    for pair, text in (
        ([3, 50], r"edge of the validation part holds node 50, .* 0\.\.49"),
        ([-1, 3], "holds node -1"),
        ([4, 4], "1 validation edges join a node with itself, the first at node 4"),
    ):
        changed = {s: dict(part) for s, part in split.items()}
        changed["val"]["edge"] = torch.cat([split["val"]["edge"], torch.tensor([pair])])
        with pytest.raises(InputError, match=text):
            check_ids(changed, 50, "toy")
    split["test"]["edge_neg"] = split["test"]["edge_neg"][:0]
    with pytest.raises(InputError, match="edge_neg of the test part is empty"):
        check_ids(split, 50, "toy")
