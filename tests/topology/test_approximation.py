"""Approximate topological concentration: golden values given R, the limit, and the way to it."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

import graphlab.topology.approximation as module
from graphlab.errors import InputError, ResourceError
from graphlab.topology import approximate_topological_concentration as atc
from graphlab.topology import atc_by_split, topological_concentration
from tests.topology.golden import GRAPHS, random_split, read, targets
from tests.topology.slow_values import approximation


@pytest.mark.parametrize("dtype", [None, torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("similarity", "key", "tolerance"), [("cosine", "atc", 1e-6), ("dot", "atcdot", 1e-7)]
)
@pytest.mark.parametrize("hops", [1, 2, 3])
@pytest.mark.parametrize("name", GRAPHS)
def test_golden_values(name, hops, similarity, key, tolerance, dtype):
    data = read(name)
    options = {"hops": hops, "similarity": similarity, "features": data["R"], "dtype": dtype}
    n = int(data["num_nodes"])
    found = atc(data["train"], n, targets(data), isolated="official", **options)
    zero = atc(data["train"], n, targets(data), **options)
    alone = torch.from_numpy(data["deg_train"] == 0)
    for split in found:
        assert found[split].dtype == (dtype or torch.float64)
        expected = data[f"{key}{hops}.train_{split}"]
        np.testing.assert_allclose(found[split], expected, rtol=0, atol=tolerance)
        assert not zero[split][alone].any()
        assert torch.equal(zero[split][~alone], found[split][~alone])


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("hops", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(2))
def test_the_limit_is_that_of_the_walk_itself(seed, hops, similarity):
    train, target = random_split(seed)
    for isolated in ("zero", "official"):
        options = {"hops": hops, "similarity": similarity, "isolated": isolated}
        found = atc(train, 30, {"a": target, "b": None}, dim=None, **options)
        for name, edges in (("a", target.tolist()), ("b", None)):
            expected = approximation(train.tolist(), 30, edges, **options)
            np.testing.assert_allclose(found[name], expected, rtol=1e-12, atol=1e-15)
    assert found["a"].dtype == torch.float64


def test_values_of_given_features_equal_their_definition():
    train, target = random_split(3)
    features = np.random.default_rng(0).normal(size=(30, 5))
    features[3] = 0  # a length of zero is no reason for NaN
    for hops in (1, 2, 3):
        found = atc(train, 30, target, hops=hops, features=features, isolated="official")
        expected = approximation(
            train.tolist(), 30, target.tolist(), hops=hops, features=features, isolated="official"
        )
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    tiny = atc(train, 30, target, features=1e-9 * features)
    scaled = approximation(train.tolist(), 30, target.tolist(), features=1e-9 * features)
    np.testing.assert_allclose(tiny, scaled, rtol=1e-10)
    assert float(tiny.abs().max()) < 1e-9  # products of lengths are no less than 1e-6


@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("dim", [16, 64, 256])
def test_the_error_falls_with_the_root_of_the_dimension(dim, hops):
    graph = nx.powerlaw_cluster_graph(400, 4, 0.5, seed=0)
    edges = np.array(graph.edges)
    split = {"train": edges[::2], "val": edges[1::4], "test": edges[3::4]}
    exact = atc_by_split(split, 400, hops, dim=None)
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        found = atc_by_split(split, 400, hops, dim=dim, generator=generator)
        for name in found:
            linked = exact[name] != 0
            error = (found[name] - exact[name])[linked].square().mean().sqrt()
            assert 0.05 / dim**0.5 <= float(error) <= 1.2 / dim**0.5


def test_the_limit_does_not_reach_the_concentration_itself():
    graph = nx.powerlaw_cluster_graph(400, 4, 0.5, seed=0)
    edges = np.array(graph.edges)
    limit = atc(edges[::2], 400, edges[1::2], dim=None)
    exact = topological_concentration(edges[::2], 400, edges[1::2])
    assert 0.2 < float(torch.corrcoef(torch.stack([limit, exact]))[0, 1]) < 0.99


def test_the_same_seed_gives_the_same_for_any_number_of_threads():
    graph = nx.barabasi_albert_graph(3000, 5, seed=0)
    edges = np.array(graph.edges)

    def run(seed, **options):
        generator = torch.Generator().manual_seed(seed)
        return atc(edges, 3000, edges[::3], hops=2, generator=generator, **options)

    one, limit = run(3), atc(edges, 3000, edges[::3], hops=2, dim=None)
    in_blocks = atc(edges, 3000, edges[::3], hops=2, dim=None, block=11)
    assert torch.equal(limit, in_blocks)
    torch.set_num_threads(3)
    assert torch.equal(run(3), one)
    assert torch.equal(atc(edges, 3000, edges[::3], hops=2, dim=None), limit)
    assert not torch.equal(run(4), one)


def test_nothing_is_drawn_from_the_global_state():
    train, target = random_split(4)
    state = torch.get_rng_state()
    first, second = atc(train, 30, target), atc(train, 30, target)
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), state)


def test_targets_share_one_embedding():
    train, target = random_split(5)
    generator = torch.Generator().manual_seed(0)
    both = atc(train, 30, {"a": target, "b": None}, generator=generator)
    again = atc(train, 30, None, generator=torch.Generator().manual_seed(0))
    assert torch.equal(both["b"], again)
    found = atc_by_split({"train": train, "valid": target, "test": []}, 30)
    assert list(found) == ["train", "val", "test"]
    assert torch.equal(found["val"], both["a"])
    assert not found["test"].any()


def test_other_types_take_the_path_of_other_devices():
    train, target = random_split(6)
    features = torch.randn(30, 8, generator=torch.Generator().manual_seed(0))
    expected = atc(train, 30, target, hops=2, features=features)
    half = atc(train, 30, target, hops=2, features=features, dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), expected, rtol=0, atol=0.03)


def test_products_without_kernels_in_blocks_of_any_size(monkeypatch):
    train, target = random_split(7)
    features = torch.randn(30, 8, generator=torch.Generator().manual_seed(0))
    expected = atc(train, 30, target, hops=2, features=features)
    monkeypatch.setattr(module, "choose_backend", lambda *_: "torch")
    monkeypatch.setattr(module, "_BLOCK", 24)
    found = atc(train, 30, target, hops=2, features=features)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_inputs_are_not_changed():
    train, target = (torch.from_numpy(e) for e in random_split(8))
    features = torch.randn(30, 4, requires_grad=True)
    kept = train.clone(), features.detach().clone()
    assert not atc(train, 30, target, hops=2, features=features).requires_grad
    assert torch.equal(train, kept[0])
    assert torch.equal(features.detach(), kept[1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 0}, r"dim is 0"),
        ({"dim": 2.5}, r"dim is 2.5"),
        ({"hops": 0}, r"hops is 0"),
        ({"similarity": "jaccard"}, r"similarity is 'jaccard', expected 'cosine' or 'dot'"),
        ({"isolated": "nan"}, r"isolated is 'nan'"),
        ({"dtype": torch.int64}, r"dtype is torch.int64"),
        ({"features": torch.ones(4, 2)}, r"features has shape \(4, 2\), expected \(3, d\)"),
        ({"features": torch.ones(3)}, r"features has shape \(3,\)"),
        ({"features": torch.ones(3, 2, dtype=torch.complex64)}, r"features has type"),
        ({"features": torch.ones(3, 2), "dim": None}, r"dim is None.*features are given"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(InputError, match=message):
        atc([[0, 1]], 3, **options)


def test_what_would_not_fit_is_refused(monkeypatch):
    from graphlab.topology import _limits

    with pytest.raises(ResourceError, match=r"walks of 2 steps"):
        atc([[0, 1], [1, 2], [2, 3]], 4, hops=2, dim=None, max_walks=3)
    monkeypatch.setattr(_limits, "_ASK", 0)
    monkeypatch.setattr(_limits, "available_bytes", lambda: 1000)
    with pytest.raises(ResourceError, match=r"4 nodes and 64 features.*smaller dim"):
        atc([[0, 1], [1, 2], [2, 3]], 4)
