from __future__ import annotations

import copy
import gc
import weakref

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
import torch
from torch_geometric.data import Data
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.nn import SymmetricPropagator, propagator

GRAPHS = [
    "K1",
    "directed_K6",
    "duplicate_edges_K3",
    "isolated_K5",
    "named_graph_K10",
    "self_loops_K4",
    "weighted_K4",
]


@pytest.mark.parametrize("name", GRAPHS)
def test_matrix_equals_the_golden_one(golden, name):
    data = np.load(golden / "dagnn" / f"{name}.npz")
    weight = torch.from_numpy(data["edge_weight"]) if "edge_weight" in data else None
    n = len(data["x"])
    matrix = SymmetricPropagator(torch.from_numpy(data["edge_index"]), n, weight)
    np.testing.assert_allclose(matrix.to_dense().numpy(), data["norm_adj"], atol=1e-6)
    assert matrix.symmetric == (name not in ("directed_K6", "duplicate_edges_K3", "weighted_K4"))


@pytest.mark.parametrize("loops", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_matrix_equals_that_of_pyg(loops, weighted, seed):
    generator = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(0, 8, (2, 40), generator=generator)  # loops and duplicates in it
    weight = torch.rand(40, generator=generator) if weighted else None
    matrix = SymmetricPropagator(edge_index, 9, weight, add_self_loops=loops)
    index, norm = gcn_norm(edge_index, weight, 9, add_self_loops=loops, dtype=torch.float32)
    expected = torch.zeros(9, 9).index_put_((index[1], index[0]), norm, accumulate=True)
    torch.testing.assert_close(matrix.to_dense(), expected)


def test_last_self_loop_wins_and_others_are_dropped():
    edge_index = torch.tensor([[0, 1, 0, 1, 0], [0, 0, 0, 1, 0]])
    weight = torch.tensor([5.0, 1.0, 7.0, 2.0, 3.0])
    matrix = SymmetricPropagator(edge_index, 3, weight, normalize=False)
    assert matrix.to_dense().tolist() == [[3.0, 1.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]]


def test_isolated_nodes_keep_their_row_and_lose_it_without_loops():
    edge_index = torch.tensor([[0, 1], [1, 0]])
    z = torch.tensor([[1.0], [3.0], [7.0]])
    assert (SymmetricPropagator(edge_index, 3) @ z)[2].tolist() == [7.0]
    alone = SymmetricPropagator(edge_index, 3, add_self_loops=False)
    assert (alone @ z).flatten().tolist() == [3.0, 1.0, 0.0]


def test_weights_of_zero_give_zero_not_nan():
    matrix = SymmetricPropagator(
        torch.tensor([[0, 1], [1, 0]]), 2, torch.zeros(2), add_self_loops=False
    )
    assert (matrix @ torch.ones(2, 3)).tolist() == [[0.0] * 3] * 2


@pytest.mark.parametrize("name", ["directed_K6", "named_graph_K10", "weighted_K4"])
@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_product_transpose_and_gradient(golden, name, backend):
    data = np.load(golden / "dagnn" / f"{name}.npz")
    weight = torch.from_numpy(data["edge_weight"]) if "edge_weight" in data else None
    matrix = SymmetricPropagator(torch.from_numpy(data["edge_index"]), len(data["x"]), weight)
    dense = torch.from_numpy(data["norm_adj"])
    z = torch.randn(len(dense), 5, requires_grad=True)
    out = matrix.multiply(z, backend=backend)
    torch.testing.assert_close(out, dense @ z, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(matrix.T @ z, dense.t() @ z, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(matrix.T.T.to_dense(), matrix.to_dense())
    (grad,) = torch.autograd.grad((out * z.detach()).sum(), z)
    torch.testing.assert_close(grad, dense.t() @ z.detach(), atol=1e-5, rtol=1e-5)
    exact = z.detach().double().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: matrix.multiply(v, backend=backend), (exact,))
    assert (matrix @ z[:, 0]).shape == (len(dense),)


def test_every_description_of_a_graph_gives_the_same_matrix():
    graph = nx.karate_club_graph()
    for edge in graph.edges.values():
        edge.clear()
    edge_index = torch.tensor(list(graph.edges)).t()
    edge_index = torch.cat([edge_index, edge_index.flip(0)], 1)
    dense = SymmetricPropagator(edge_index, 34).to_dense()
    others = [
        edge_index.numpy(),
        as_graph(edge_index, 34),
        Data(edge_index=edge_index, num_nodes=34),
        graph,
        scipy.sparse.coo_array((np.ones(156), edge_index.numpy()), shape=(34, 34)),
        propagator(edge_index, 34),
    ]
    for other in others:
        torch.testing.assert_close(propagator(other, 34).to_dense(), dense)


def test_made_once_for_each_graph_and_options():
    edge_index = torch.tensor([[0, 1], [1, 0]])
    graph, data = as_graph(edge_index, 2), Data(edge_index=edge_index, num_nodes=2)
    assert propagator(edge_index, 2) is propagator(edge_index, 2)
    assert propagator(data, 2) is propagator(edge_index, 2)
    assert propagator(graph) is propagator(graph)
    assert propagator(graph, add_self_loops=False) is not propagator(graph)
    assert propagator(edge_index, 3) is not propagator(edge_index, 2)
    weight = torch.ones(2)
    assert propagator(edge_index, 2, edge_weight=weight) is propagator(
        edge_index, 2, edge_weight=weight
    )
    assert copy.deepcopy(propagator(graph)) is propagator(graph)


def test_changes_in_place_are_seen():
    edge_index, weight = torch.tensor([[0, 1], [1, 2]]), torch.ones(2)
    before = propagator(edge_index, 3).to_dense()
    weighted = propagator(edge_index, 3, edge_weight=weight).to_dense()
    weight[0] = 5
    changed = propagator(edge_index, 3, edge_weight=weight).to_dense()
    assert not torch.equal(weighted, changed)
    edge_index[1, 0] = 2
    after = propagator(edge_index, 3).to_dense()
    assert not torch.equal(before, after)
    torch.testing.assert_close(after, SymmetricPropagator(edge_index.clone(), 3).to_dense())
    array = edge_index.numpy()
    by_array = propagator(array, 3).to_dense()
    array[1, 0] = 0
    assert not torch.equal(by_array, propagator(array, 3).to_dense())


def test_other_weights_of_the_same_graph_are_other_matrices():
    graph = as_graph(torch.tensor([[0, 1], [1, 0]]), 2)
    for value in (1.0, 2.0, 3.0):  # each tensor may take the place of the one before
        weight = torch.full((2,), value)
        made = propagator(graph, edge_weight=weight)
        torch.testing.assert_close(made.weight, torch.tensor([1.0, value, 1.0, value]))


def test_inference_tensors_are_never_kept():
    with torch.inference_mode():
        edge_index = torch.tensor([[0, 1], [1, 2]])
        first = propagator(edge_index, 3)
        edge_index[1, 0] = 2
        assert not torch.equal(propagator(edge_index, 3).to_dense(), first.to_dense())


def test_nothing_outlives_its_edge_index():
    edge_index = torch.tensor([[0, 1], [1, 2]])
    made = weakref.ref(propagator(edge_index, 3))
    assert made() is not None
    del edge_index
    gc.collect()
    assert made() is None


def test_another_device_is_made_once():
    for weight in (None, torch.rand(2)):
        matrix = SymmetricPropagator(torch.tensor([[0, 1], [1, 2]]), 3, weight)
        moved = matrix.to("meta")
        assert moved.device.type == "meta"
        assert (moved.num_nodes, moved.symmetric) == (3, False)
        assert matrix.to("meta") is moved
        assert matrix.to("cpu") is matrix
        assert "directed" in repr(moved)


def test_double_precision_is_not_limited_by_dtype():
    edge_index = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    matrix = SymmetricPropagator(edge_index, 3, dtype=torch.float32)
    exact = SymmetricPropagator(edge_index, 3, dtype=torch.float64).to_dense()
    z = torch.randn(3, 2, dtype=torch.float64)
    torch.testing.assert_close(matrix @ z, exact @ z, rtol=1e-14, atol=1e-14)
    assert matrix.values.dtype == torch.float32


@pytest.mark.parametrize(
    ("edge_index", "num_nodes", "weight", "message"),
    [
        (torch.tensor([[0, 1], [1, 3]]), 3, None, "holds node 3"),
        (torch.tensor([[0, -1], [1, 1]]), 3, None, "holds node -1"),
        (torch.tensor([0, 1]), 3, None, r"shape \(2,\), expected \(2, m\)"),
        (torch.tensor([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]), 3, None, "torch.float32"),
        (torch.tensor([[0, 1], [1, 2]]), 3, torch.ones(3), r"edge_weight has shape \(3,\)"),
        (torch.tensor([[0, 1], [1, 2]]), 3, torch.tensor([1.0, torch.nan]), "nan at position 1"),
        (torch.tensor([[0, 1], [1, 2]]), 3, torch.tensor([1.0, torch.inf]), "inf at position 1"),
        (torch.tensor([[0, 1], [1, 2]]), 3, torch.tensor([-1.0, 1.0]), "-1 at position 0"),
    ],
)
def test_bad_graphs_are_named(edge_index, num_nodes, weight, message):
    with pytest.raises(InputError, match=message):
        propagator(edge_index, num_nodes, edge_weight=weight)


def test_prepared_propagators_are_checked():
    matrix = SymmetricPropagator(torch.tensor([[0, 1], [1, 0]]), 2)
    assert propagator(matrix, 2) is matrix
    with pytest.raises(InputError, match="propagator of 2 nodes, but 3 were expected"):
        propagator(matrix, 3)
    with pytest.raises(InputError, match="edge_weight was given beside a prepared"):
        propagator(matrix, 2, edge_weight=torch.ones(2))
    with pytest.raises(InputError, match=r"z has shape \(3, 1\), expected \(2, C\)"):
        matrix @ torch.ones(3, 1)


def test_gradients_for_weights_are_refused_not_dropped():
    weight = torch.ones(2, requires_grad=True)
    edge_index = torch.tensor([[0, 1], [1, 0]])
    with pytest.raises(InputError, match="requires a gradient"):
        propagator(edge_index, 2, edge_weight=weight)
    with torch.no_grad():
        assert propagator(edge_index, 2, edge_weight=weight).num_entries == 4
    with pytest.raises(InputError, match="requires a gradient"):
        propagator(edge_index, 2, edge_weight=weight)
