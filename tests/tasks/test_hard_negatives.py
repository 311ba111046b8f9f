"""Hard negatives: equality with the slow choice, filters, ties, fill, and what is kept on disk."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import networkx as nx
import numpy as np
import pytest
import torch

import graphlab.tasks._hard_negatives
from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.heuristics import link_scores
from graphlab.metrics import mrr
from graphlab.tasks._hard_negatives import CRITERIA, hard_negatives
from graphlab.tasks._link_splits import HeartSplit85_5_10, training_graph
from tests.tasks.slow_hard_negatives import best, cosine, pushed_pagerank, resource_allocation

STAR = torch.tensor([[0, 0, 0, 0], [1, 2, 3, 4]])


class Case:
    """A graph of two parts and isolated nodes, edges that are known beside it, 0/1 features."""

    def __init__(self, seed=0, n=40):
        rng = np.random.default_rng(seed)
        keys = np.unique(rng.integers(0, n - 6, (90, 2)), axis=0)
        keys = keys[keys[:, 0] < keys[:, 1]]
        rng.shuffle(keys)
        train, val, test = np.split(keys, [len(keys) - 20, len(keys) - 10])
        self.n, self.train, self.val = n, torch.from_numpy(train), torch.from_numpy(val)
        self.positives = torch.cat([torch.from_numpy(test), torch.tensor([[n - 1, 0], [0, 1]])])
        self.graph = training_graph(self.train, n)
        self.x = torch.from_numpy((rng.random((n, 12)) < 0.25).astype(np.float32))

    def neighbours(self, pairs):
        found = [set() for _ in range(self.n)]
        for i, j in pairs.tolist():
            found[i].add(j)
            found[j].add(i)
        return found

    def choose(self, known=None, **options):
        known = self.train if known is None else known
        arguments = {"k": 10, "cache": False, **options}
        return hard_negatives(self.graph, self.positives, known=known, **arguments)

    def slow_rows(self, anchor, criteria, tolerance=1e-7):
        near = self.neighbours(self.train)
        made = {
            "ra": lambda: resource_allocation(near, anchor),
            "ppr": lambda: pushed_pagerank(near, anchor, 0.15, tolerance),
            "cosine": lambda: cosine(self.x.double().numpy(), anchor),
        }
        return [made[name]() for name in criteria]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [1, 4, 9, 30, 60])
@pytest.mark.parametrize("criteria", [CRITERIA, ("ra", "ppr"), ("ra",), ("cosine",), ("ppr",)])
def test_equals_the_slow_choice(seed, k, criteria):
    case = Case(seed)
    known = torch.cat([case.train, case.val])
    x = case.x if "cosine" in criteria else None
    found = case.choose(known, k=k, x=x, criteria=criteria, seed=seed)
    assert found.shape == (len(case.positives), k, 2)
    filtered = case.neighbours(known)
    first = (k + 1) // 2
    for (a, b), rows in zip(case.positives.tolist(), found, strict=True):
        for anchor, other, part, column in ((a, b, rows[:first], 0), (b, a, rows[first:], 1)):
            assert set(part[:, column].tolist()) <= {anchor}
            chosen = part[:, 1 - column].tolist()
            scores = case.slow_rows(anchor, criteria)
            left_out = filtered[anchor] | {anchor, other}
            certain, possible, more, candidates = best(scores, left_out, len(chosen))
            assert set(chosen[: len(certain)]) == certain
            rest = chosen[len(certain) :]
            assert len(rest) == more
            assert set(rest) <= (possible or set(candidates))
            if len(possible) >= more:
                assert len(set(rest)) == more


def test_without_criteria_all_that_there_is_data_for_count():
    case = Case()
    assert torch.equal(case.choose(), case.choose(criteria=("ra", "ppr")))
    assert torch.equal(case.choose(x=case.x), case.choose(x=case.x, criteria=CRITERIA))
    assert not torch.equal(case.choose(), case.choose(x=case.x))


def test_known_edges_are_those_of_the_graph_unless_told():
    case = Case()
    arguments = {"k": 10, "cache": False}
    assert torch.equal(hard_negatives(case.graph, case.positives, **arguments), case.choose())
    nothing = torch.empty(0, 2, dtype=torch.int64)
    pairs = case.choose(nothing).reshape(-1, 2)
    both = torch.cat([case.train, case.train.flip(1)])
    hit = (pairs[:, None] == both[None]).all(2).any(1)
    assert bool(hit.any())  # as on ogbl-collab, where known edges are not left out


def test_the_best_come_first():
    # 0 reaches 3 over two nodes, 4 over one of degree 2, 5 and 8 over one of degree 3
    graph = as_graph([[0, 0, 0, 0, 1, 2, 6, 7, 7], [1, 2, 6, 7, 3, 3, 4, 5, 8]], 10)
    found = hard_negatives(graph, torch.tensor([[0, 9]]), k=6, criteria=("ra",), cache=False)
    assert found[0, :2].tolist() == [[0, 3], [0, 4]]
    assert found[0, 2].tolist() in ([0, 5], [0, 8])


def test_ranks_are_taken_without_the_other_end():
    """The positive's other end is the best of all by RA: those behind it move up by one."""
    case = Case(1)
    near = case.neighbours(case.train)
    anchor = max(range(case.n), key=lambda v: len(near[v]))
    scores = resource_allocation(near, anchor)
    ranked = sorted(
        (v for v in range(case.n) if v not in near[anchor] | {anchor}), key=lambda v: -scores[v]
    )
    positives = torch.tensor([[anchor, ranked[0]], [anchor, ranked[5]]])
    found = hard_negatives(case.graph, positives, k=2, criteria=("ra",), cache=False)
    assert scores[int(found[0, 0, 1])] == scores[ranked[1]]
    assert scores[int(found[1, 0, 1])] == scores[ranked[0]]


def test_equal_seeds_give_equal_negatives_and_others_move_ties_alone():
    case = Case()
    one, again, other = (case.choose(seed=seed, k=20) for seed in (3, 3, 4))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    near = case.neighbours(case.train)
    for (a, b), rows, moved in zip(case.positives.tolist(), one, other, strict=True):
        filtered = near[a] | {a, b}
        certain, *_ = best(case.slow_rows(a, CRITERIA[:2]), filtered, 10)
        assert rows[: len(certain), 1].tolist() == moved[: len(certain), 1].tolist()


def test_neither_threads_nor_blocks_change_anything(monkeypatch):
    case = Case()
    expected = case.choose(x=case.x)
    torch.set_num_threads(3)
    for numbers in (1, 100, 1 << 21):
        monkeypatch.setattr(graphlab.tasks._hard_negatives, "_NUMBERS", numbers)
        assert torch.equal(case.choose(x=case.x), expected)


def test_ties_and_fill_are_uniform():
    """Without any edge all nodes are equal: each of 18 is taken 4 of 18 times."""
    graph = as_graph(torch.empty(2, 0, dtype=torch.int64), 20)
    positives = torch.tensor([[0, 1]]).expand(4000, 2)
    found = hard_negatives(graph, positives, k=8, cache=False)
    for part in (found[:, :4, 1], found[:, 4:, 0]):
        assert all(len(set(row)) == 4 for row in part[:50].tolist())
        counts = torch.bincount(part.reshape(-1), minlength=20)
        assert counts[:2].tolist() == [0, 0]
        expected = 4000 * 4 / 18
        assert float((counts[2:] - expected).abs().max()) < 5 * expected**0.5
    # rows do not follow from each other
    pairs = torch.stack([found[:-1, 0, 1], found[1:, 0, 1]])
    assert 0.03 < float((pairs[0] == pairs[1]).double().mean()) < 0.085


def test_too_few_candidates_are_taken_again():
    found = hard_negatives(STAR, torch.tensor([[1, 2]]), k=40, cache=False)[0]
    assert set(found[:20, 1].tolist()) == {3, 4}
    assert found[:2, 1].sort().values.tolist() == [3, 4]
    alone = as_graph(STAR, 7)  # 5 and 6 have no score: they are drawn again, 3 and 4 are not
    found = hard_negatives(alone, torch.tensor([[1, 2]]), k=40, cache=False)[0]
    assert found[:2, 1].sort().values.tolist() == [3, 4]
    assert set(found[2:20, 1].tolist()) == {5, 6}


def test_a_node_without_any_candidate_is_named():
    with pytest.raises(InputError, match=r"node 0 .*linked to all other nodes"):
        hard_negatives(STAR, torch.tensor([[1, 2], [0, 1]]), k=4, cache=False)


def test_no_positives():
    found = hard_negatives(STAR, torch.empty(0, 2, dtype=torch.int64), k=4, cache=False)
    assert found.shape == (0, 4, 2)


def test_sparse_and_dense_features_choose_alike():
    case = Case()
    expected = case.choose(x=case.x)
    wide = torch.cat([case.x, torch.zeros(case.n, 200)], 1)  # sparse enough to be made so
    for x in (case.x.to_sparse_csr(), case.x.to_sparse_coo(), wide, case.x.double(), case.x.int()):
        assert torch.equal(case.choose(x=x), expected)


def test_opposite_features_count_as_no_likeness():
    graph = as_graph(torch.empty(2, 0, dtype=torch.int64), 5)
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.5, 0.1], [0.0, 0.0]])
    arguments = {"criteria": ("cosine",), "cache": False}
    found = hard_negatives(graph, torch.tensor([[0, 1]]), x=x, k=2, **arguments)
    assert found[0, 0].tolist() == [0, 3]
    taken = {
        int(hard_negatives(graph, torch.tensor([[0, 1]]), x=x, k=4, seed=s, **arguments)[0, 1, 1])
        for s in range(20)
    }
    assert taken == {2, 4}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k is 0"),
        ({"k": 2.0}, r"k is 2\.0"),
        ({"criteria": ("cn",)}, r"criteria is .*ra, ppr, cosine"),
        ({"criteria": ()}, "criteria is"),
        ({"criteria": ("cosine",)}, "x is None"),
        ({"x": torch.zeros(4, 2)}, r"x has shape \(4, 2\), expected \(5, F\)"),
        ({"x": torch.full((5, 2), torch.nan)}, "x holds NaN"),
        ({"known": torch.tensor([[0, 5]])}, "known holds node 5"),
        ({"known": torch.tensor([[0, 1, 2]])}, r"known is .*\(1, 3\)"),
        ({"tolerance": 0.0}, r"tolerance is 0\.0"),
        ({"restart": 1.5}, r"restart is 1\.5"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(InputError, match=message):
        hard_negatives(STAR, torch.tensor([[1, 2]]), **{"k": 4, "cache": False, **options})
    with pytest.raises(InputError, match="positives holds node -1"):
        hard_negatives(STAR, torch.tensor([[1, -1]]))


class TestKeeping:
    def kept(self, root):
        return sorted((root / "hard-negatives").glob("*"))

    def test_a_second_call_reads_what_the_first_wrote(self, tmp_path, monkeypatch):
        case = Case()
        first = case.choose(x=case.x, cache=True, root=tmp_path)
        assert torch.equal(first, case.choose(x=case.x))
        assert len(self.kept(tmp_path)) == 1

        def never(*_):
            raise AssertionError("was chosen again")

        monkeypatch.setattr(graphlab.tasks._hard_negatives._Chooser, "choose", never)
        assert torch.equal(case.choose(x=case.x, cache=True, root=tmp_path), first)

    def test_all_that_decides_the_result_is_in_the_name(self, tmp_path):
        case = Case()
        changes = [
            {},
            {"k": 8},
            {"seed": 1},
            {"restart": 0.2},
            {"tolerance": 1e-6},
            {"criteria": ("ra",)},
            {"known": case.val},
            {"x": case.x},
            {"x": case.x * 2},
            {"x": case.x.flip(0)},
        ]
        for number, change in enumerate(changes):
            case.choose(cache=True, root=tmp_path, **change)
            assert len(self.kept(tmp_path)) == number + 1, change
        case.positives = case.positives[1:]
        case.choose(cache=True, root=tmp_path)
        case.graph = training_graph(case.train[1:], case.n)
        case.choose(cache=True, root=tmp_path)
        assert len(self.kept(tmp_path)) == len(changes) + 2

    @pytest.mark.parametrize("damage", ["cut", "empty", "number", "shape", "pickle"])
    def test_a_damaged_file_is_made_anew(self, tmp_path, damage, caplog):
        case = Case()
        first = case.choose(cache=True, root=tmp_path)
        (file,) = self.kept(tmp_path)
        whole = file.read_bytes()
        if damage == "cut":
            file.write_bytes(whole[: len(whole) // 2])
        elif damage == "empty":
            file.write_bytes(b"")
        else:
            with np.load(file) as content:
                nodes, digest = content["nodes"], content["sha256"]
            if damage == "number":
                nodes[0, 0] += 1
            elif damage == "shape":
                nodes = nodes[:, :-1]
            else:
                nodes = np.array([[None]], object)
            np.savez(file, nodes=nodes, sha256=digest)
        with caplog.at_level(logging.WARNING, logger="graphlab"):
            assert torch.equal(case.choose(cache=True, root=tmp_path), first)
        assert "made anew" in caplog.text
        assert file.read_bytes() == whole

    def test_a_folder_that_cannot_be_written_is_no_error(self, tmp_path, monkeypatch):
        case = Case()
        expected = case.choose()
        (tmp_path / "hard-negatives").write_text("in the way")
        assert torch.equal(case.choose(cache=True, root=tmp_path), expected)
        monkeypatch.delenv("GRAPHLAB_DATA")
        monkeypatch.delenv("HOME", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", "~nobody-of-this-name")
        assert torch.equal(case.choose(cache=True), expected)

    def test_nothing_is_written_unless_wanted(self, tmp_path):
        Case().choose(root=tmp_path)
        assert list(tmp_path.iterdir()) == []


def test_hard_negatives_are_harder_than_random_ones():
    graph = as_graph(nx.powerlaw_cluster_graph(400, 4, 0.6, seed=0))
    split = HeartSplit85_5_10(100)(graph)
    train = training_graph(split["train"]["edge"], graph.num_nodes)
    positives, negatives = split["test"]["edge"], split["test"]["edge_neg"]
    generator = torch.Generator().manual_seed(0)
    easy = torch.randint(0, graph.num_nodes, negatives.shape, generator=generator)
    easy[..., 0] = positives[:, :1]

    def score(pairs):
        return link_scores(train, pairs.reshape(-1, 2).t(), "ra")["ra"].reshape(pairs.shape[:-1])

    hard_mrr, easy_mrr = (float(mrr(score(positives), score(n))) for n in (negatives, easy))
    assert hard_mrr < 0.7 * easy_mrr


INTERPRETED = """
import numba, torch
from tests.tasks.test_hard_negatives import Case, test_equals_the_slow_choice
assert numba.config.DISABLE_JIT
for k in (1, 9, 60):
    test_equals_the_slow_choice(1, k, ("ra", "ppr", "cosine"))
"""


def test_the_choice_means_the_same_when_it_is_not_compiled():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    subprocess.run([sys.executable, "-c", INTERPRETED], env=environment, check=True)
