from __future__ import annotations

import copy
import gc

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab import graph as graph_module
from graphlab.errors import InputError, ResourceError
from graphlab.graph import Graph, as_graph

EDGES = torch.tensor([[2, 0, 0, 3], [0, 2, 1, 3]])


class Data:
    """Anything with ``.edge_index`` is taken by attribute."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


def dense(graph: Graph) -> torch.Tensor:
    matrix = torch.zeros(graph.num_nodes, graph.num_nodes)
    weight = graph.edge_weight
    ones = torch.ones(graph.num_edges) if weight is None else weight.float()
    return matrix.index_put((graph.edge_index[0], graph.edge_index[1]), ones, accumulate=True)


FORMS = {
    "tensor": lambda: (EDGES, 5),
    "int32": lambda: (EDGES.int(), 5),
    "uint32": lambda: (EDGES.numpy().astype(np.uint32), 5),
    "uint64": lambda: (EDGES.numpy().astype(np.uint64), 5),
    "numpy": lambda: (EDGES.numpy(), np.array(5)),
    "list": lambda: (EDGES.tolist(), 5),
    "graph": lambda: (as_graph(EDGES, 5), None),
    "data": lambda: (Data(edge_index=EDGES, num_nodes=5), None),
    "data-x": lambda: (Data(edge_index=EDGES, x=torch.ones(5, 2)), None),
    "ogb": lambda: ({"edge_index": EDGES.numpy(), "num_nodes": 5, "node_feat": None}, None),
    "scipy": lambda: (sp.csr_array(dense(as_graph(EDGES, 5)).numpy()), None),
    "scipy-matrix": lambda: (sp.coo_matrix(dense(as_graph(EDGES, 5)).numpy()), None),
    "scipy-dok": lambda: (sp.dok_array(dense(as_graph(EDGES, 5)).numpy()), None),
    "dense": lambda: (dense(as_graph(EDGES, 5)), None),
    "dense-numpy": lambda: (dense(as_graph(EDGES, 5)).numpy(), None),
    "torch-coo": lambda: (dense(as_graph(EDGES, 5)).to_sparse_coo(), None),
    "torch-csr": lambda: (dense(as_graph(EDGES, 5)).to_sparse_csr(), None),
    "networkx": lambda: (_digraph(), None),
}


def _digraph():
    graph = nx.DiGraph()
    graph.add_nodes_from(range(5))
    graph.add_edges_from(EDGES.t().tolist())
    return graph


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_sorted_graph(form):
    given, num_nodes = FORMS[form]()
    graph = as_graph(given, num_nodes)
    assert graph.num_nodes == 5
    assert graph.edge_index.tolist() == [[0, 0, 2, 3], [1, 2, 0, 3]]
    assert graph.indptr.tolist() == [0, 2, 2, 3, 4, 4]
    assert graph.indices.tolist() == [1, 2, 0, 3]
    assert graph.edge_weight is None


def test_pyg_data_is_taken_and_given_back():
    from torch_geometric.data import Data as PygData

    data = PygData(x=torch.rand(5, 3), edge_index=EDGES, y=torch.arange(5))
    graph = as_graph(data)
    assert torch.equal(graph.x, data.x)
    assert torch.equal(graph.y, data.y)
    back = graph.to_pyg()
    assert back.num_nodes == 5
    assert torch.equal(back.edge_index, graph.edge_index)


def test_undirected_networkx_gives_both_directions_and_loops_once():
    nxg = nx.Graph([(0, 1), (1, 1)])
    assert as_graph(nxg).edge_index.tolist() == [[0, 1, 1], [1, 0, 1]]
    nxg.edges[0, 1]["weight"] = 2.5
    assert as_graph(nxg).edge_weight.tolist() == [2.5, 2.5, 1.0]


def test_ties_keep_their_order_and_weights_follow():
    index = torch.tensor([[1, 0, 1, 1], [0, 0, 0, 1]])
    graph = as_graph(index, 2, edge_weight=torch.tensor([5.0, 1.0, 7.0, 3.0]))
    assert graph.perm.tolist() == [1, 0, 2, 3]
    assert graph.edge_weight.tolist() == [1.0, 5.0, 7.0, 3.0]
    assert torch.equal(index[:, graph.perm], graph.edge_index)


def test_two_by_two_integers_are_an_edge_list_and_floats_a_matrix():
    assert as_graph(torch.tensor([[0, 1], [1, 0]])).num_edges == 2
    assert as_graph(torch.tensor([[0.0, 1.0], [0.0, 0.0]])).num_edges == 1


def test_matrix_weights_survive_and_ones_do_not_count_as_weights():
    matrix = torch.tensor([[0.0, 2.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert as_graph(matrix).edge_weight.tolist() == [2.0, 1.0]
    assert as_graph((matrix > 0).float()).edge_weight is None
    stored_false = sp.csr_array((np.array([True, False]), ([0, 1], [1, 0])), shape=(3, 3))
    assert as_graph(stored_false).edge_weight.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("given", "num_nodes", "text"),
    [
        ([[0, 5], [1, 2]], 5, "node 5, but num_nodes is 5"),
        ([[0, -1], [1, 2]], 5, "node -1"),
        ([[0.5], [1.0]], 5, "expected integers"),
        (torch.zeros(3, 4, dtype=torch.long), 5, r"shape \(3, 4\), expected \(2, m\)"),
        (torch.zeros(3, 4, 5), None, "expected"),
        (sp.coo_matrix(np.ones((2, 3))), None, r"expected \(n, n\)"),
        (torch.eye(3), 4, "3 rows, but 4 nodes"),
        ({"edges": 1}, None, "it needs 'edge_index'"),
        ("cora", None, "a str, which is not a graph"),
        (None, None, "not a graph"),
        ([[0], [1]], -1, "num_nodes is -1"),
        ([[0], [1]], 2.5, "num_nodes is 2.5"),
        ([[0], [1]], 2**40, "at most"),
        ([[0], [1]], "five", "num_nodes is 'five'"),
        ([[0], [1]], float("nan"), "num_nodes is nan"),
        ([[0], [1]], float("inf"), "num_nodes is inf"),
        ([[0], [1]], [5], r"num_nodes is \[5\]"),
        ([[0], [1]], torch.tensor([5, 6]), "num_nodes is tensor"),
        (Data(edge_index=EDGES, x=torch.tensor(1.0)), None, r"x has shape \(\)"),
        (np.array([[2**63], [1]], dtype=np.uint64), 5, "holds node -"),
        (Data(edge_index=None, num_nodes=5), None, "edge_index is None"),
        ({"edge_index": None, "num_nodes": 5}, None, "edge_index is None"),
        (Data(edge_index=EDGES, x="words"), None, "x is 'words'"),
        (nx.path_graph(3), 4, "has 3 nodes, expected 4"),
    ],
)
def test_bad_graphs_name_the_value_and_the_range(given, num_nodes, text):
    with pytest.raises(InputError, match=text):
        as_graph(given, num_nodes)


@pytest.mark.parametrize(
    ("weight", "text"),
    [
        ([1.0, 2.0], r"shape \(2,\), expected \(4,\)"),
        ([1.0, float("nan"), 1.0, 1.0], "nan at position 1"),
        ([1.0, 1.0, float("inf"), 1.0], "inf at position 2"),
        ([1.0, 1.0, 1.0, -2.0], "-2 at position 3"),
        (["a", "b", "c", "d"], "edge_weight is"),
        (torch.ones(4, dtype=torch.complex64), "type torch.complex64"),
    ],
)
def test_bad_weights_name_the_value_and_the_place(weight, text):
    with pytest.raises(InputError, match=text):
        as_graph(EDGES, 5, edge_weight=weight)
    with pytest.raises(InputError, match=text):
        as_graph(as_graph(EDGES, 5), edge_weight=weight)


@pytest.mark.parametrize("weight", [None, "heavy"])
def test_networkx_weights_that_are_no_numbers_name_the_edge(weight):
    graph = nx.Graph()
    graph.add_edge("a", "b", weight=weight)
    with pytest.raises(InputError, match=r"edge \('a', 'b'\) has the weight"):
        as_graph(graph)


def test_ids_with_huge_gaps_are_refused_before_memory_is_taken(monkeypatch):
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__)
    assert as_graph([[0], [1]], 200_000).num_nodes == 200_000
    with pytest.raises(ResourceError, match=r"num_nodes is 300000.*4800000 bytes.*4096000 bytes"):
        as_graph([[0], [299_999]])


def test_weights_beside_a_matrix_are_refused():
    with pytest.raises(InputError, match="leave it out"):
        as_graph(torch.eye(3), edge_weight=[1.0, 1.0, 1.0])


def test_weights_given_to_a_graph_are_in_its_inputs_order():
    graph = as_graph(as_graph(EDGES, 5), edge_weight=[1, 2, 3, 4])
    assert graph.edge_weight.tolist() == [3.0, 2.0, 1.0, 4.0]
    assert as_graph([[0], [1]], 2, edge_weight=[[3.0]]).edge_weight.tolist() == [3.0]


def test_empty_graphs_are_graphs():
    for n in (0, 1, 4):
        graph = as_graph(torch.empty(2, 0, dtype=torch.long), n)
        assert (graph.num_nodes, graph.num_edges) == (n, 0)
        assert graph.indptr.tolist() == [0] * (n + 1)
        assert graph.simple().num_edges == 0
        assert graph.is_undirected()
        assert not graph.has_self_loops()
    assert as_graph(torch.empty(2, 0)).num_nodes == 0


def test_features_and_labels_must_have_a_row_a_node():
    graph = as_graph(EDGES, 5)
    with pytest.raises(InputError, match="x has shape"):
        graph.with_features(torch.ones(4, 2))
    with pytest.raises(InputError, match="y has shape"):
        graph.with_labels(torch.ones(6))
    with pytest.raises(InputError, match="were expected"):
        as_graph(graph, 6)
    assert as_graph(Data(edge_index=EDGES, x=torch.ones(5, 1), y=torch.ones(1))).y is None


def test_sparse_features_become_dense_on_use_alone():
    x = torch.eye(5).to_sparse_csr()
    graph = as_graph(EDGES, 5).with_features(x)
    assert graph.features is x
    assert torch.equal(graph.x, torch.eye(5))
    assert graph.x is graph.x
    assert graph.with_labels(torch.arange(5)).features is x


def test_input_is_not_modified_and_later_changes_do_not_reach_the_graph():
    index = torch.tensor([[0, 1], [1, 2]])
    graph = as_graph(index, 3)
    index[0, 0] = 2
    assert graph.edge_index.tolist() == [[0, 1], [1, 2]]
    weight = torch.ones(2)
    weighted = as_graph([[0, 1], [1, 2]], 3, edge_weight=weight)
    weight[0] = 9
    assert weighted.edge_weight.tolist() == [1.0, 1.0]


def test_same_tensor_is_read_once_and_a_changed_one_again():
    index = EDGES.clone()
    first = as_graph(index, 5)
    assert as_graph(index, 5) is first
    assert as_graph(index, 6).num_nodes == 6
    assert as_graph(index).num_nodes == 4  # whatever it was read as before
    index[1, 0] = 1
    assert as_graph(index, 5).edge_index.tolist() == [[0, 0, 2, 3], [1, 2, 1, 3]]
    array = EDGES.numpy().copy()
    before = as_graph(array, 5)
    array[1, 0] = 1
    assert as_graph(array, 5) is not before


@pytest.mark.parametrize("layout", [torch.sparse_csr, torch.sparse_coo])
@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_a_sparse_matrix_whose_values_change_is_read_again(layout):
    matrix = (2 * torch.eye(3)).to_sparse(layout=layout)
    assert as_graph(matrix, 3).edge_weight.tolist() == [2, 2, 2]
    (matrix.values() if layout == torch.sparse_csr else matrix._values()).mul_(2)
    assert as_graph(matrix, 3).edge_weight.tolist() == [4, 4, 4]


def test_remembered_graphs_leave_with_their_tensor():
    size = len(graph_module._KNOWN)
    index = EDGES.clone()
    as_graph(index, 5)
    assert len(graph_module._KNOWN) == size + 1
    del index
    gc.collect()
    assert len(graph_module._KNOWN) == size


def test_inference_tensors_are_read_anew():
    with torch.inference_mode():
        index = EDGES.clone()
        assert as_graph(index, 5).num_edges == 4


def test_reverse_and_simple():
    graph = as_graph([[0, 0, 1, 2, 2], [1, 1, 0, 2, 0]], 4, edge_weight=[1, 2, 3, 4, 5])
    assert torch.equal(dense(graph.reverse()), dense(graph).t())
    assert not graph.is_undirected()
    assert graph.has_self_loops()
    simple = graph.simple()
    assert simple.edge_index.tolist() == [[0, 0, 1, 2], [1, 2, 0, 0]]
    assert simple.is_undirected()
    assert simple.edge_weight is None
    assert graph.simple() is simple
    assert as_graph([[0, 1], [1, 0]], 2, edge_weight=[1.0, 2.0]).is_undirected() is False
    assert as_graph([[0, 1], [1, 0]], 2, edge_weight=[2.0, 2.0]).is_undirected()


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
def test_a_graph_of_simple_rows_equals_the_one_of_its_edge_list(dtype):
    other = as_graph([[0, 0, 1, 3], [1, 2, 2, 3]], 5).simple()
    x = torch.ones(5, 2)
    graph = Graph.from_simple_rows(other.indptr, other.indices.to(dtype), x=x)
    assert (graph.num_nodes, graph.num_edges) == (5, 6)
    assert graph.simple() is graph
    assert graph.is_undirected()
    assert not graph.has_self_loops()
    assert graph.features is x
    assert graph.edge_weight is None
    assert graph.degree().tolist() == [2, 2, 2, 0, 0]
    assert graph.indices.dtype == torch.int64
    assert graph.indices.tolist() == other.indices.tolist()
    assert torch.equal(graph.edge_index, other.edge_index)
    assert graph.edge_index is graph.edge_index
    assert graph.perm.tolist() == list(range(6))
    assert graph.to_scipy().toarray().tolist() == other.to_scipy().toarray().tolist()
    moved = Graph.from_simple_rows(other.indptr, other.indices.to(dtype)).to("meta")
    assert moved.indices.device.type == moved.edge_index.device.type == "meta"
    # weights that are given to it make it another graph: simple graphs have none
    weighted = as_graph(graph, edge_weight=torch.arange(6.0))
    assert not weighted.is_undirected()
    assert weighted.simple() is not weighted
    assert weighted.simple().edge_weight is None


def test_degree_scipy_repr_copy_and_device():
    graph = as_graph(EDGES, 5).with_features(torch.ones(5, 2))
    assert graph.degree().tolist() == [2, 0, 1, 1, 0]
    assert graph.to_scipy().toarray().tolist() == dense(graph).tolist()
    assert repr(graph) == "Graph(num_nodes=5, num_edges=4, x=(5, 2))"
    assert "weighted" in repr(as_graph(EDGES, 5, edge_weight=[1, 2, 3, 4]))
    assert copy.deepcopy(graph) is graph
    assert graph.to("cpu") is graph
    moved = graph.with_labels(torch.arange(5)).to("meta")
    assert moved.device.type == "meta"
    assert moved.features.device.type == "meta"


def test_a_scipy_matrix_shares_nothing_with_the_graph():
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    graph = as_graph(EDGES, 5, edge_weight=weight)
    matrix = graph.to_scipy()
    matrix.data *= 10
    matrix.indices[:] = 0
    assert graph.edge_weight.tolist() == [3.0, 2.0, 1.0, 4.0]
    assert graph.indices.tolist() == [1, 2, 0, 3]


def test_cached_builds_once_and_is_not_shared_with_copies():
    graph, calls = as_graph(EDGES.clone(), 5), []
    for _ in range(3):
        assert graph.cached("key", lambda: calls.append(1) or len(calls)) == 1
    other = graph.with_features(torch.ones(5, 1))
    assert other.cached("key", lambda: 7) == 7
    assert "_cache" in graph.__getstate__()
    assert graph.__getstate__()["_cache"] == {}


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 8), st.data())
def test_relabelling_nodes_permutes_the_matrix(n, data):
    pairs = data.draw(
        st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=20)
    )
    index = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).t()
    new = torch.tensor(data.draw(st.permutations(range(n))))
    plain, moved = as_graph(index, n), as_graph(new[index], n)
    assert torch.equal(dense(moved)[new][:, new], dense(plain))
    key = moved.edge_index[0] * n + moved.edge_index[1]
    assert (key[1:] >= key[:-1]).all()
    assert torch.equal(
        dense(plain.simple()), ((dense(plain) + dense(plain).t()) > 0).float().fill_diagonal_(0)
    )


def test_what_an_evaluation_derives_serves_a_later_training():
    graph = as_graph([[0, 1], [1, 2]], num_nodes=3)
    weight = torch.ones(3, requires_grad=True)
    with torch.inference_mode():
        kept = graph.cached("doubled", lambda: graph.indices * 2)
        assert torch.is_inference_mode_enabled()
    assert not kept.is_inference()
    with torch.no_grad():
        assert not graph.cached("product", lambda: weight * 2).requires_grad
    assert graph.cached("other product", lambda: weight * 2).requires_grad
    assert torch.is_grad_enabled()
    weight.index_select(0, graph.simple().edge_index[0]).sum().backward()
