"""Pooling of common neighbours against sets, and the heuristics that it contains."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.nn import CommonNeighborPool
from graphlab.ops import remove_edges

BACKENDS = ["compiled", "torch"]
every_backend = pytest.mark.parametrize("backend", BACKENDS)


def golden_graph(golden, name="plc"):
    with np.load(golden / "link_prediction" / f"graph_{name}.npz") as data:
        graph = as_graph(data["edge_index"], int(data["num_nodes"]))
        return graph, torch.from_numpy(data["pairs"]), {k: data[k] for k in ("x", "heur/AA")}


def by_sets(x, graph, pairs, weight, reduce):
    rows = [set() for _ in range(graph.num_nodes)]
    for a, b in zip(*graph.simple().edge_index.tolist(), strict=True):
        rows[a].add(b)
    out = []
    for i, j in zip(*pairs.tolist(), strict=True):
        common = sorted(rows[i] & rows[j])
        chosen = x[common] * (1 if weight is None else weight[common][:, None])
        name = {"max": "amax"}.get(reduce, reduce)
        out.append(getattr(chosen, name)(0) if common else x.new_zeros(x.shape[1]))
    return torch.stack(out)


@every_backend
@pytest.mark.parametrize("reduce", ["sum", "mean", "max"])
@pytest.mark.parametrize("weighted", [False, True])
def test_pooled_rows_and_gradients_are_those_of_sets(golden, reduce, weighted, backend):
    graph, pairs, arrays = golden_graph(golden)
    x = torch.from_numpy(arrays["x"]).double().requires_grad_()
    weight = torch.rand(x.shape[0], dtype=torch.float64).requires_grad_() if weighted else None
    inputs = [x, weight] if weighted else [x]
    above = torch.randn(pairs.shape[1], x.shape[1], dtype=torch.float64)
    pool = CommonNeighborPool(reduce, backend=backend)
    results = [pool(x, graph, pairs, weight), by_sets(x, graph, pairs, weight, reduce)]
    torch.testing.assert_close(*results)
    grads = [torch.autograd.grad(out, inputs, above) for out in results]
    for ours, expected in zip(*grads, strict=True):
        torch.testing.assert_close(ours, expected)


@every_backend
def test_finite_differences(golden, backend):
    graph, pairs, _ = golden_graph(golden, "toy")
    x = torch.randn(graph.num_nodes, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(graph.num_nodes, dtype=torch.float64, requires_grad=True)
    pool = CommonNeighborPool(backend=backend)
    assert torch.autograd.gradcheck(lambda x, w: pool(x, graph, pairs, w), (x, weight))


@every_backend
def test_weights_of_one_over_log_degree_give_adamic_adar(golden, backend):
    graph, pairs, arrays = golden_graph(golden)
    degree = graph.simple().degree().double()
    weight = torch.where(degree > 1, 1 / degree.log(), 0)
    ones = torch.ones(graph.num_nodes, 1, dtype=torch.float64)
    out = CommonNeighborPool(backend=backend)(ones, graph, pairs, weight)
    torch.testing.assert_close(out[:, 0], torch.from_numpy(arrays["heur/AA"]), rtol=1e-9, atol=0)


@every_backend
def test_special_pairs(backend):
    edges = torch.tensor([[0, 0, 1, 2, 3], [1, 2, 2, 3, 3]])
    x = torch.tensor([[1.0], [10.0], [100.0], [1000.0], [10000.0]])
    pool = CommonNeighborPool(backend=backend)
    pairs = [[4, 0, 0, 3, 0, 0, 4], [0, 0, 1, 0, 3, 3, 4]]
    expected = [[0.0], [110.0], [100.0], [100.0], [100.0], [100.0], [0.0]]
    assert pool(x, edges, pairs).tolist() == expected
    assert pool(x, edges, torch.zeros(2, 0, dtype=torch.int64)).shape == (0, 1)
    assert pool(x, remove_edges(as_graph(edges, 5), [[0], [2]]), [[0], [3]]).tolist() == [[0.0]]


@every_backend
def test_nodes_without_edges_behind_the_largest_id_have_rows(backend):
    pool = CommonNeighborPool(backend=backend)
    assert pool(torch.ones(6, 2), [[0, 1], [1, 2]], [[0, 5], [2, 0]]).tolist() == [[1, 1], [0, 0]]


@every_backend
def test_capped_lists_estimate_the_sum(backend):
    hub = 40
    edges = [[0] * hub + [1] * hub, list(range(2, hub + 2)) * 2]
    x = torch.arange(hub + 2.0)[:, None].double()
    pool = CommonNeighborPool(max_common=10, backend=backend)
    torch.manual_seed(0)
    drawn = torch.cat([pool(x, edges, [[0], [1]]) for _ in range(400)])
    exact = float(x[2:].sum())
    assert abs(float(drawn.mean()) - exact) < 5 * float(drawn.std()) / math.sqrt(400)
    assert float(drawn.std()) > 0
    pool.eval()
    assert pool(x, edges, [[0], [1]]).tolist() == pool(x, edges, [[0], [1]]).tolist()
    mean = CommonNeighborPool("mean", max_common=10, backend=backend)
    drawn = torch.cat([mean(x, edges, [[0], [1]]) for _ in range(400)])
    assert abs(float(drawn.mean()) - exact / hub) < 5 * float(drawn.std()) / math.sqrt(400)
    # a list that is short enough is whole
    assert pool(x, edges, [[2], [3]]).tolist() == [[1.0]]


def test_backends_draw_the_same():
    edges = [[0] * 40 + [1] * 40, list(range(2, 42)) * 2]
    x = torch.randn(42, 3, dtype=torch.float64)
    results = []
    for backend in BACKENDS:
        torch.manual_seed(1)
        results.append(CommonNeighborPool(max_common=7, backend=backend)(x, edges, [[0], [1]]))
    torch.testing.assert_close(*results)


def test_the_module_copies_compiles_with_a_break_and_shows_its_options():
    pool = CommonNeighborPool("mean", max_common=3)
    assert repr(pool) == "CommonNeighborPool(reduce='mean', max_common=3)"
    assert repr(CommonNeighborPool()) == "CommonNeighborPool(reduce='sum')"
    again = copy.deepcopy(pool)
    x = torch.ones(3, 2)
    assert again(x, [[0, 1], [1, 2]], [[0], [2]]).tolist() == [[1.0, 1.0]]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert pool(x.bfloat16(), [[0, 1], [1, 2]], [[0], [2]]).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"reduce": "min"}, "reduce is 'min'"),
        ({"max_common": 0}, "max_common is 0"),
        ({"max_common": True}, "max_common is True"),
        ({"backend": "gpu"}, "backend is 'gpu'"),
    ],
)
def test_bad_options_are_named(options, text):
    with pytest.raises(InputError, match=text):
        CommonNeighborPool(**options)


@pytest.mark.parametrize(
    ("x", "pairs", "weight", "text"),
    [
        (torch.ones(3), [[0], [1]], None, "x is torch.float32 of shape"),
        (torch.ones(3, 1), [[0], [3]], None, "pairs holds node 3, but the graph has 3 nodes"),
        (torch.ones(3, 1), [0, 1], None, r"pairs has shape \(2,\)"),
        (torch.ones(3, 1), [[0], [1]], torch.ones(2), r"node_weight has shape \(2,\)"),
        (torch.ones(2, 1), [[0], [1]], None, "holds node 2, but num_nodes is 2"),
    ],
)
def test_bad_input_is_named(x, pairs, weight, text):
    with pytest.raises(InputError, match=text):
        CommonNeighborPool()(x, [[0, 1], [1, 2]], pairs, weight)
