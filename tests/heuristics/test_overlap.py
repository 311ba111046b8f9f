"""Overlap scores: cases by hand, hubs, both backends, ogbl-ddi."""

from __future__ import annotations

import math
import time

import pytest
import torch

import graphlab.heuristics.overlap
from graphlab.datasets import load
from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.heuristics import overlap_scores, ra_rows
from graphlab.heuristics.overlap import OVERLAP_METHODS
from graphlab.metrics import hits_at_k

BACKENDS = ["compiled", "torch"]
every_backend = pytest.mark.parametrize("backend", BACKENDS)


@every_backend
def test_a_case_by_hand(backend):
    # 0 and 1 share 2 (degree 3) and 3 (degree 2); 4 hangs on 2; 5 is alone
    edges = [[0, 0, 1, 1, 2], [2, 3, 2, 3, 4]]
    found = overlap_scores(edges, [[0, 4], [1, 5]], num_nodes=6, backend=backend)
    assert found["cn"].tolist() == [2.0, 0.0]
    assert found["aa"].tolist() == pytest.approx([1 / math.log(3) + 1 / math.log(2), 0.0])
    assert found["ra"].tolist() == pytest.approx([1 / 3 + 1 / 2, 0.0])
    assert found["jaccard"].tolist() == [1.0, 0.0]
    assert found["pa"].tolist() == [4.0, 0.0]


@every_backend
def test_a_self_pair_shares_all_its_neighbours_and_a_leaf_adds_nothing_to_aa(backend):
    found = overlap_scores([[0, 0], [1, 2]], [[0, 1], [0, 1]], backend=backend)
    assert found["cn"].tolist() == [2.0, 1.0]
    assert found["aa"].tolist() == pytest.approx([0.0, 1 / math.log(2)])
    assert found["ra"].tolist() == [2.0, 0.5]
    assert found["jaccard"].tolist() == [1.0, 1.0]


@every_backend
def test_an_edge_between_the_ends_is_no_common_neighbour(backend):
    found = overlap_scores([[0, 1], [1, 2]], [[0], [1]], backend=backend)
    assert found["cn"].tolist() == [0.0]
    assert found["jaccard"].tolist() == [0.0]


@pytest.mark.parametrize("methods", [("cn",), ("pa",), ("jaccard", "pa"), ("ra", "aa")])
@every_backend
def test_a_part_of_the_methods_gives_the_same(methods, backend):
    edges = torch.randint(0, 30, (2, 120), generator=torch.Generator().manual_seed(0))
    pairs = torch.randint(0, 30, (2, 90), generator=torch.Generator().manual_seed(1))
    every = overlap_scores(edges, pairs, num_nodes=30)
    found = overlap_scores(edges, pairs, methods, num_nodes=30, backend=backend)
    assert list(found) == list(methods)
    for name in methods:
        torch.testing.assert_close(found[name], every[name], rtol=1e-13, atol=0)


def star_and_chain(leaves: int) -> torch.Tensor:
    """Node 0 joined to 1..leaves, and every tenth leaf to the last node."""
    leaf = torch.arange(1, leaves + 1)
    last = torch.full_like(leaf[::10], leaves + 1)
    return torch.cat([torch.stack([leaf * 0, leaf]), torch.stack([leaf[::10], last])], 1)


@every_backend
def test_a_hub_costs_no_more_than_the_small_end_allows(backend):
    leaves = 100_000
    graph = as_graph(star_and_chain(leaves), leaves + 2).simple()
    nodes = torch.randint(1, leaves + 1, (2000,), generator=torch.Generator().manual_seed(0))
    pairs = torch.stack([torch.zeros_like(nodes), nodes])
    pairs = torch.cat([pairs, pairs.flip(0), torch.tensor([[0], [leaves + 1]])], 1)
    overlap_scores(graph, pairs[:, :2], backend=backend)
    start = time.process_time()
    found = overlap_scores(graph, pairs, backend=backend)
    seconds = time.process_time() - start
    assert found["cn"][-1] == leaves / 10
    assert found["cn"][:-1].sum() == 0
    # merging would read 4000 x 100,000 entries
    assert seconds < 0.5


@pytest.mark.parametrize("lengths", [(1, 200), (3, 24), (3, 25), (5, 41), (60, 60), (0, 50)])
def test_searching_equals_merging_at_every_ratio_of_lengths(lengths):
    generator = torch.Generator().manual_seed(sum(lengths))
    rows = [torch.randperm(400, generator=generator)[:size] + 2 for size in lengths]
    edges = torch.cat([torch.stack([torch.full_like(r, i), r]) for i, r in enumerate(rows)], 1)
    pairs = torch.tensor([[0, 1], [1, 0]])
    common = set(rows[0].tolist()) & set(rows[1].tolist())
    found = overlap_scores(edges, pairs, num_nodes=402)
    assert found["cn"].tolist() == [len(common)] * 2
    assert found["ra"].tolist() == [len(common) / 2] * 2


def test_the_torch_backend_gives_the_same_in_chunks_of_any_size(monkeypatch):
    edges = torch.randint(0, 40, (2, 300), generator=torch.Generator().manual_seed(0))
    pairs = torch.randint(0, 40, (2, 200), generator=torch.Generator().manual_seed(1))
    expected = overlap_scores(edges, pairs, num_nodes=41, backend="torch")
    for entries in (1, 7, 64):
        monkeypatch.setattr(graphlab.heuristics.overlap, "_ENTRIES", entries)
        found = overlap_scores(edges, pairs, num_nodes=41, backend="torch")
        assert all(torch.equal(found[name], expected[name]) for name in OVERLAP_METHODS)


def test_ids_whose_product_passes_32_bits():
    n = 70_000  # n * n > 2^31
    edges = torch.tensor([[n - 1, n - 2, n - 3], [n - 3, n - 3, 0]])
    for backend in BACKENDS:
        found = overlap_scores(edges, [[n - 1], [n - 2]], num_nodes=n, backend=backend)
        assert found["ra"].tolist() == pytest.approx([1 / 3])


def test_rows_of_all_nodes_equal_the_scores_of_pairs_to_the_last_bit():
    edges = torch.randint(0, 50, (2, 220), generator=torch.Generator().manual_seed(0))
    nodes = torch.tensor([3, 49, 3, 0])
    rows = ra_rows(edges, nodes, num_nodes=52)
    assert rows.shape == (4, 52)
    every = torch.cartesian_prod(nodes, torch.arange(52)).t()
    assert torch.equal(rows.reshape(-1), overlap_scores(edges, every, num_nodes=52)["ra"])
    assert ra_rows(edges, [], num_nodes=52).shape == (0, 52)
    with pytest.raises(InputError, match="node 52"):
        ra_rows(edges, [52], num_nodes=52)


def test_an_unknown_overlap_score_is_named():
    with pytest.raises(InputError, match=r"'katz' is no overlap score \(cn, aa"):
        overlap_scores([[0], [1]], [[0], [1]], ("katz",))


@pytest.fixture(scope="module")
def ddi(mirror, tmp_path_factory):
    if not (mirror / "ogb" / "ogbl_ddi").is_dir():
        pytest.skip("the mirror has no ogbl-ddi")
    return load("ogbl-ddi", root=tmp_path_factory.mktemp("root"))


@pytest.mark.parametrize(("stage", "expected"), [("val", 0.0947), ("test", 0.1773)])
def test_common_neighbours_reach_the_published_hits_on_ogbl_ddi(ddi, stage, expected):
    pairs = (ddi.official_split[stage][key].t() for key in ("edge", "edge_neg"))
    positive, negative = (overlap_scores(ddi.graph, p, ("cn",))["cn"] for p in pairs)
    assert round(float(hits_at_k(positive, negative, 20)), 4) == expected
