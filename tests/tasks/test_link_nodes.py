"""Nodes of test edges rank all nodes: equal to a loop over nodes, with known neighbours behind."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import nn

from graphlab.datasets import load
from graphlab.errors import NonFiniteError
from graphlab.graph import as_graph
from graphlab.metrics import node_ranking_metrics
from graphlab.registry import find_model
from graphlab.tasks import LinkPrediction, RandomLinkSplit85_5_10
from graphlab.tasks._link_nodes import TOPK, may_recur, neighbours, rank_nodes
from graphlab.train import build_model


class Table(nn.Module):
    """Scores from a table; notes how many pairs it is asked for at a time."""

    def __init__(self, table):
        super().__init__()
        self.table, self.asked, self.encoded = table, [], 0

    def encode(self, x, graph):
        self.encoded += 1
        return self.table

    def score(self, h, graph, pairs):
        self.asked.append(pairs.shape[1])
        return h[pairs[0], pairs[1]]


@pytest.fixture(scope="module")
def problem():
    return LinkPrediction("ncn-70-10-20").prepare(load("karate", "link"), 3)


def random_table(problem, seed=0, levels=None):
    n = problem.inputs.graph.num_nodes
    make = torch.Generator().manual_seed(seed)
    if levels is not None:  # ties are the rule then
        return torch.randint(0, levels, (n, n), generator=make).double()
    return torch.randn(n, n, generator=make)


def by_hand(table, problem, *, masked=True):
    """The definition, node by node, with sorted lists and sets."""
    n = len(table)
    near = {}
    for stage, edges in (
        ("train", problem.train.edges),
        ("val", problem.val.pos),
        ("test", problem.test.pos),
    ):
        near[stage] = {i: set() for i in range(n)}
        for i, j in edges.tolist():
            near[stage][i].add(j)
            near[stage][j].add(i)
    found = {}
    for i in range(n):
        truth = near["test"][i]
        if not truth:
            continue
        known = near["train"][i] | near["val"][i] if masked else set()
        score = [-math.inf if v in known else float(table[i, v]) for v in range(n)]
        order = sorted(range(n), key=lambda v: (-score[v], v))
        rank = {v: place for place, v in enumerate(order, 1)}
        row = {"mrr": 1 / min(rank[v] for v in truth)}
        for k in TOPK:
            hits = [v for v in truth if rank[v] <= k]
            recall, precision = len(hits) / len(truth), len(hits) / k
            ideal = sum(1 / math.log2(r + 1) for r in range(1, min(k, len(truth)) + 1))
            row[f"recall@{k}"] = recall
            row[f"precision@{k}"] = precision
            row[f"f1@{k}"] = 2 * recall * precision / (recall + precision) if hits else 0.0
            row[f"ndcg@{k}"] = sum(1 / math.log2(rank[v] + 1) for v in hits) / ideal
            row[f"hits@{k}"] = float(bool(hits))
        found[i] = row
    return found


def rows_of(found):
    names = [name for name in found if name not in {"nodes", "topk", "mrr"}]
    return {
        node: {
            f"{name}@{k}": float(found[name][at, place])
            for name in names
            for place, k in enumerate(found["topk"].tolist())
        }
        | {"mrr": float(found["mrr"][at])}
        for at, node in enumerate(found["nodes"].tolist())
    }


def assert_equal(found, wanted):
    assert found.keys() == wanted.keys()
    for node, row in wanted.items():
        assert found[node] == pytest.approx(row, abs=1e-12), node


@pytest.mark.parametrize("levels", [None, 3])
@pytest.mark.parametrize(("size", "block"), [(7, 1), (34, 34), (1000, 5 * 34), (10**6, 10**6)])
def test_blocks_give_what_the_loop_over_nodes_gives(problem, levels, size, block):
    table = random_table(problem, levels=levels)
    found = rank_nodes(Table(table), problem, size=size, block=block)
    assert_equal(rows_of(found), by_hand(table, problem))


def test_pairs_are_scored_in_the_size_asked_for_and_nodes_encoded_once(problem):
    model = Table(random_table(problem))
    rank_nodes(model, problem, size=50, block=3 * 34)
    n, q = problem.inputs.graph.num_nodes, len(neighbours(problem.test.pos, 34)[0].unique())
    assert model.encoded == 1
    assert max(model.asked) == 50
    assert sum(model.asked) == q * n


def test_known_neighbours_come_last_and_the_node_itself_does_not(problem):
    n = problem.inputs.graph.num_nodes
    table = torch.zeros(n, n)
    for i, j in torch.cat([problem.train.edges, problem.val.pos]).tolist():
        table[i, j] = table[j, i] = 1e30  # far above all others, yet known
    table.fill_diagonal_(5.0)
    found = rank_nodes(Table(table), problem, size=10**6)
    assert_equal(rows_of(found), by_hand(table, problem))
    assert float(found["mrr"].max()) <= 0.5, "the node itself is first in every list"


def test_the_smallest_scores_stay_before_the_masked(problem):
    table = torch.full_like(random_table(problem), -1e37)
    found = rank_nodes(Table(table), problem, size=10**6)
    assert_equal(rows_of(found), by_hand(table, problem))


def test_where_training_edges_repeat_nothing_is_masked():
    data = load("karate", "link")
    split = RandomLinkSplit85_5_10(3)(data.graph)
    train = split["train"]["edge"]
    given = {stage: {"edge": part["edge"]} for stage, part in split.items()}
    for stage in ("val", "test"):
        given[stage]["edge_neg"] = split[stage]["edge_neg"]
    given["train"] = {"edge": torch.cat([train, train[:5].flip(1)])}
    graph = as_graph(train.t().contiguous(), 34).with_features(data.graph.features)
    changed = replace(data, graph=graph, metric="hits@20")
    vars(changed)["official_split"] = given
    problem = LinkPrediction("official").prepare(changed, 0)
    assert may_recur(problem)
    table = random_table(problem)
    found = rank_nodes(Table(table), problem, size=64)
    assert_equal(rows_of(found), by_hand(table, problem, masked=False))


def test_a_break_between_blocks_is_passed_on(problem):
    class Stop(Exception):
        pass

    def stop():
        raise Stop

    model = Table(random_table(problem))
    with pytest.raises(Stop):
        rank_nodes(model, problem, size=34, block=34, after_block=stop)
    assert sum(model.asked) == 34, "one node was ranked"


def test_a_score_that_is_not_finite_is_refused(problem):
    table = random_table(problem)
    i = int(problem.test.pos[0, 0])
    table[i, i] = math.nan
    with pytest.raises(NonFiniteError):
        rank_nodes(Table(table), problem, size=64)


@pytest.mark.parametrize("name", ["cn", "gae", "ncn", "ncnc", "sp", "lightgcn", "tc-sage"])
def test_every_kind_of_link_model_ranks_as_its_scores_do(problem, name):
    card = find_model(name)
    task = LinkPrediction("ncn-70-10-20", eval_batch_size=100)
    model = build_model(card, task.model_kwargs(problem), 0).eval()
    graph = problem.test.inputs.graph
    with torch.no_grad():
        found = task.rank_nodes(model, problem)
        h = model.encode(problem.test.inputs.x, graph)
        every = torch.cartesian_prod(torch.arange(34), torch.arange(34)).t()
        table = torch.cat([model.score(h, graph, part) for part in every.split(100, 1)])
    assert_equal(rows_of(found), by_hand(table.reshape(34, 34), problem))


def test_it_is_the_published_computation(golden):
    """The arrays of the authors' code, by way of a problem whose test links are its truth."""
    import numpy as np

    arrays = np.load(golden / "topological_concentration" / "node_metrics.npz")
    scores = torch.from_numpy(arrays["scores"])
    ends = torch.from_numpy(arrays["gt_ptr"])
    flat = torch.from_numpy(arrays["gt_flat"])
    truth = [flat[a:b] for a, b in pairwise(ends.tolist())]
    found = node_ranking_metrics(scores, truth, tuple(int(k) for k in arrays["topk"]))
    assert tuple(int(k) for k in arrays["topk"]) == TOPK
    for name in ("recall", "precision", "f1", "ndcg", "hits", "mrr"):
        assert np.allclose(found[name].numpy(), arrays[name], atol=1e-6), name


def test_ranking_draws_nothing_and_leaves_the_option_out_of_checkpoints(problem):
    task = LinkPrediction("ncn-70-10-20", node_metrics=True)
    before = torch.random.get_rng_state()
    task.rank_nodes(Table(random_table(problem)), problem)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert "node_metrics" not in vars(LinkPrediction("ncn-70-10-20"))
    assert task.node_metrics
