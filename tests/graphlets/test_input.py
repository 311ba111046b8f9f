"""What is accepted as a graph and what becomes of it: one test a rule of the specification."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from graphlab.errors import InputError, UnsupportedGraph
from graphlab.graph import Graph, as_graph
from graphlab.graphlets import _clean
from graphlab.graphlets._input import read_graph

PAW = [(0, 1), (0, 2), (1, 2), (2, 3)]
NEAR = {0: {1, 2}, 1: {0, 2}, 2: {0, 1, 3}, 3: {2}, 4: set()}


def rows(graph: Graph) -> dict[int, set[int]]:
    """Neighbours of each node; also checks what the kernels rely on."""
    assert graph.simple() is graph
    assert graph.indptr.dtype == torch.int64
    assert graph.device.type == "cpu"
    indptr, columns = graph.indptr.tolist(), graph._columns
    assert columns.dtype == torch.int32
    near = {}
    for u in range(graph.num_nodes):
        row = columns[indptr[u] : indptr[u + 1]].tolist()
        assert row == sorted(set(row))
        near[u] = set(row)
    assert indptr[0] == 0
    assert indptr[-1] == columns.numel() == graph.edge_index.shape[1]
    return near


def reference(num_nodes: int, edges) -> dict[int, set[int]]:
    near = {u: set() for u in range(num_nodes)}
    for u, v in edges:
        if u != v:
            near[u].add(v)
            near[v].add(u)
    return near


def both_ways() -> np.ndarray:
    return np.array(PAW + [(v, u) for u, v in PAW], np.int64).T


def dense(dtype=np.float64) -> np.ndarray:
    matrix = np.zeros((5, 5), dtype)
    matrix[tuple(both_ways())] = 1
    return matrix


def networkx_paw(kind=nx.Graph):
    graph = kind()
    graph.add_nodes_from(range(5))
    graph.add_edges_from(PAW)
    return graph


def pyg_paw() -> Data:
    return Data(edge_index=torch.from_numpy(both_ways()), num_nodes=5)


SELF_CONTAINED = {
    "networkx": networkx_paw,
    "networkx multigraph": lambda: networkx_paw(nx.MultiGraph),
    "networkx view": lambda: nx.subgraph_view(networkx_paw()),
    "scipy csr_array": lambda: sp.csr_array(dense()),
    "scipy csc_array": lambda: sp.csc_array(dense()),
    "scipy coo_array": lambda: sp.coo_array(dense()),
    "scipy csr_matrix": lambda: sp.csr_matrix(dense(np.int8)),
    "scipy lil_array": lambda: sp.lil_array(dense()),
    "scipy dok_array": lambda: sp.dok_array(dense()),
    "scipy bool": lambda: sp.csr_array(dense(bool)),
    "numpy float": dense,
    "numpy bool": lambda: dense(bool),
    "numpy int": lambda: dense(np.int64),
    "numpy fortran": lambda: np.asfortranarray(dense()),
    "torch dense": lambda: torch.from_numpy(dense()),
    "torch bfloat16": lambda: torch.from_numpy(dense()).to(torch.bfloat16),
    "torch coo": lambda: torch.from_numpy(dense()).to_sparse(),
    "torch csr": lambda: torch.from_numpy(dense()).to_sparse_csr(),
    "torch csc": lambda: torch.from_numpy(dense()).to_sparse_csc(),
    "torch with gradient": lambda: torch.from_numpy(dense()).requires_grad_(),
    "pyg": pyg_paw,
    "pyg, nodes by x": lambda: Data(edge_index=pyg_paw().edge_index, x=torch.ones(5, 2)),
    "ogb": lambda: {"edge_index": both_ways(), "num_nodes": 5, "node_feat": None},
    "ogb, nodes by features": lambda: {"edge_index": both_ways(), "node_feat": np.ones((5, 1))},
    "graphlab": lambda: as_graph(both_ways(), 5),
    "graphlab, one way": lambda: as_graph(np.array(PAW).T, 5),
}

EDGE_LISTS = {
    "numpy (2, m)": both_ways,
    "numpy (m, 2)": lambda: np.ascontiguousarray(both_ways().T),
    "numpy one way": lambda: np.array(PAW).T,
    "numpy (m, 2) one way": lambda: np.array(PAW),
    "numpy int32": lambda: both_ways().astype(np.int32),
    "numpy uint8": lambda: both_ways().astype(np.uint8),
    "numpy big endian": lambda: both_ways().astype(">i8"),
    "numpy whole floats": lambda: both_ways().astype(np.float64),
    "numpy strided": lambda: np.repeat(both_ways(), 2, axis=1)[:, ::2],
    "torch (2, m)": lambda: torch.from_numpy(both_ways()),
    "torch (m, 2)": lambda: torch.tensor(PAW),
    "torch int32": lambda: torch.from_numpy(both_ways()).int(),
    "nested lists": lambda: both_ways().tolist(),
    "list of pairs": lambda: list(PAW),
    "shuffled": lambda: both_ways()[:, [3, 0, 6, 1, 7, 5, 2, 4]],
    "by target": lambda: both_ways()[:, np.lexsort(both_ways())],
    "sorted": lambda: both_ways()[:, np.lexsort(both_ways()[::-1])],
    "repeated": lambda: np.concatenate([both_ways(), both_ways()[:, :3]], 1),
}


@pytest.mark.parametrize("name", SELF_CONTAINED)
def test_every_description_gives_the_same_graph(name):
    assert rows(read_graph(SELF_CONTAINED[name]())) == NEAR


@pytest.mark.parametrize("name", EDGE_LISTS)
def test_every_edge_list_gives_the_same_graph(name):
    assert rows(read_graph(EDGE_LISTS[name](), num_nodes=5)) == NEAR
    assert rows(read_graph(EDGE_LISTS[name]())) == {u: NEAR[u] for u in range(4)}


def test_a_read_only_array_is_read_without_a_warning():
    index = both_ways()
    index.flags.writeable = False
    assert rows(read_graph(index, num_nodes=5)) == NEAR


def test_an_integer_two_by_two_array_is_an_edge_index():
    for array in (np.array([[0, 1], [2, 3]]), torch.tensor([[0, 1], [2, 3]]), [[0, 1], [2, 3]]):
        assert rows(read_graph(array)) == {0: {2}, 1: {3}, 2: {0}, 3: {1}}


def test_a_two_by_two_array_of_other_numbers_is_a_matrix():
    for array in (np.array([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([[False, True], [True, False]])):
        assert rows(read_graph(array)) == {0: {1}, 1: {0}}


def test_a_simple_graph_is_returned_as_it_is():
    graph = as_graph(both_ways(), 5).simple()
    assert read_graph(graph) is graph
    once = read_graph(both_ways())
    assert read_graph(once) is once


@pytest.mark.parametrize("name", ["karate", "er_45", "plc_60"])
def test_a_messy_list_gives_the_clean_graph(golden, name):
    with np.load(golden / "graphlets" / f"{name}.npz") as stored:
        n, edges, raw = int(stored["n"]), stored["edges"], stored["raw_edges"]
    loops = int((raw[:, 0] == raw[:, 1]).sum())
    clean = read_graph(edges, num_nodes=n)
    assert rows(clean) == reference(n, edges.tolist())
    for messy in (
        raw,
        raw.T,
        torch.from_numpy(raw),
        Data(edge_index=torch.from_numpy(raw.T.copy())),
    ):
        with pytest.warns(UserWarning, match=f"^{loops} self loop") as seen:
            graph = read_graph(messy, num_nodes=n)
        assert len(seen) == 1
        assert torch.equal(graph.edge_index, clean.edge_index)


def test_one_self_loop_is_told_in_the_singular_and_at_the_callers_line():
    with pytest.warns(UserWarning, match="^1 self loop was left out") as seen:
        assert rows(read_graph([[0, 0], [0, 1]])) == {0: {1}, 1: {0}}
    assert seen[0].filename == __file__


@pytest.mark.parametrize(
    "graph",
    [
        np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 0]]),
        sp.csr_array(np.array([[1, 1, 0], [1, 1, 1], [0, 1, 0]])),
        nx.Graph([(0, 0), (1, 1), (0, 1), (1, 2)]),
        as_graph([[0, 1, 0, 1], [0, 1, 1, 2]]),
    ],
)
def test_self_loops_are_left_out_with_their_number(graph):
    with pytest.warns(UserWarning, match="2 self loops"):
        assert rows(read_graph(graph)) == {0: {1}, 1: {0, 2}, 2: {1}}


ONE_WAY = np.array([[0, 1, 1, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 0, 0]])
DIRECTED = {
    "numpy": lambda: ONE_WAY,
    "scipy": lambda: sp.csr_array(ONE_WAY),
    "torch": lambda: torch.from_numpy(ONE_WAY),
    "torch csr": lambda: torch.from_numpy(ONE_WAY).to_sparse_csr(),
    "networkx": lambda: nx.from_numpy_array(ONE_WAY, create_using=nx.DiGraph),
    "networkx multi": lambda: nx.MultiDiGraph(
        nx.from_numpy_array(ONE_WAY, create_using=nx.DiGraph)
    ),
}


@pytest.mark.parametrize("name", DIRECTED)
@pytest.mark.filterwarnings("ignore:1 self loop")
def test_directed_input_is_refused_unless_asked_for(name):
    with pytest.raises(InputError, match=r"directed.*to_undirected=True"):
        read_graph(DIRECTED[name]())
    near = rows(read_graph(DIRECTED[name](), to_undirected=True))
    assert near == {0: {1, 2}, 1: {0, 2}, 2: {0, 1, 3}, 3: {2}}


def test_the_first_entry_without_its_mirror_image_is_named():
    matrix = np.zeros((4, 4))
    matrix[1, 3] = matrix[3, 1] = matrix[3, 0] = 1
    with pytest.raises(InputError, match=r"entry at \(3, 0\) and none at \(0, 3\)"):
        read_graph(matrix)


def test_a_symmetric_digraph_is_directed_all_the_same():
    with pytest.raises(InputError, match="DiGraph"):
        read_graph(networkx_paw().to_directed())


def test_weights_are_ignored_with_one_warning():
    weighted = dense() * 2.5
    lists = both_ways()
    graph = networkx_paw()
    graph.edges[0, 1]["weight"] = 2.5
    data = pyg_paw()
    data.edge_weight = torch.full((8, 1), 2.5)
    for case in (
        weighted,
        -weighted,
        sp.csr_array(weighted),
        torch.from_numpy(weighted).to_sparse(),
        graph,
        data,
        {"edge_index": lists, "num_nodes": 5, "edge_weight": np.full(8, 2.5)},
        as_graph(lists, 5, edge_weight=np.full(8, 2.5)),
    ):
        with pytest.warns(UserWarning, match=r"Weights are ignored \(-?2\.5 among") as seen:
            assert rows(read_graph(case)) == NEAR
        assert len(seen) == 1


def test_weights_of_one_are_no_weights():
    data = pyg_paw()
    data.edge_weight = torch.ones(8)
    graph = networkx_paw()
    nx.set_edge_attributes(graph, 1, "weight")
    for case in (data, graph, dense(np.int64), torch.from_numpy(dense())):
        assert rows(read_graph(case)) == NEAR


def test_an_entry_of_weight_zero_is_not_an_edge():
    matrix = sp.coo_array(dense())
    values = np.where((matrix.coords[0] == 3) | (matrix.coords[1] == 3), 0.0, 1.0)
    stored = sp.csr_array((values, matrix.coords), shape=(5, 5))
    assert stored.nnz == 8
    near = {0: {1, 2}, 1: {0, 2}, 2: {0, 1}, 3: set(), 4: set()}
    index = torch.from_numpy(np.stack(matrix.coords).astype(np.int64))
    sparse = torch.sparse_coo_tensor(index, torch.from_numpy(values), (5, 5))
    graph = networkx_paw()
    graph.edges[2, 3]["weight"] = 0
    data = Data(edge_index=index, edge_weight=torch.from_numpy(values), num_nodes=5)
    for case in (stored, sparse, graph, data):
        assert rows(read_graph(case)) == near


def test_nan_is_refused_with_its_place():
    matrix = dense()
    matrix[2, 3] = np.nan
    graph = networkx_paw()
    graph.edges[2, 3]["weight"] = float("nan")
    for case in (matrix, sp.csr_array(matrix), torch.from_numpy(matrix).to_sparse(), graph):
        with pytest.raises(InputError, match=r"NaN at \(2, 3\)"):
            read_graph(case)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_graphs_without_edges(n):
    bare = nx.Graph()
    bare.add_nodes_from(range(n))
    empty = torch.empty((2, 0), dtype=torch.int64)
    cases = [
        bare,
        np.zeros((n, n)),
        sp.csr_array((n, n)),
        torch.zeros(n, n).to_sparse(),
        torch.zeros(n, n).to_sparse_csr(),
        Data(edge_index=empty, num_nodes=n),
        {"edge_index": np.zeros((2, 0)), "num_nodes": n},
        as_graph(empty, n),
    ]
    for case in cases:
        assert rows(read_graph(case)) == {u: set() for u in range(n)}
    for index in (empty, np.zeros((0, 2), np.int64), [[], []], torch.empty(2, 0)):
        assert rows(read_graph(index, num_nodes=n)) == {u: set() for u in range(n)}


WRONG = {
    "negative id": (lambda: [[0, -1], [1, 2]], {}, r"edge_index holds node -1.*num_nodes is"),
    "id too large": (
        lambda: [[0, 5], [1, 2]],
        {"num_nodes": 5},
        "holds node 5, but num_nodes is 5",
    ),
    "pyg id too large": (
        lambda: Data(edge_index=torch.tensor([[0], [5]]), num_nodes=5),
        {},
        "holds node 5",
    ),
    "fractions": (lambda: np.array([[0.0, 1.5, 2], [1, 2, 3]]), {}, r"edge_index holds 1\.5"),
    "infinite id": (lambda: np.array([[0.0, np.inf, 2], [1, 2, 3]]), {}, "edge_index holds inf"),
    "bool list": (lambda: np.ones((2, 3), bool), {}, "edge_index has type bool"),
    "one dimension": (lambda: np.arange(4), {}, r"graph has shape \(4,\)"),
    "three dimensions": (lambda: torch.zeros(2, 3, 3), {}, r"graph has shape \(2, 3, 3\)"),
    "not square": (lambda: np.zeros((3, 4)), {}, r"graph has shape \(3, 4\)"),
    "sparse not square": (lambda: sp.csr_array((3, 4)), {}, r"shape \(3, 4\)"),
    "torch not square": (lambda: torch.zeros(3, 4).to_sparse(), {}, r"shape \(3, 4\)"),
    "complex": (lambda: np.ones((3, 3), complex), {}, "complex128"),
    "ragged": (lambda: [[0, 1], [1]], {}, "differ in length"),
    "matrix of another n": (dense, {"num_nodes": 7}, "5 rows, but 7"),
    "networkx of another n": (networkx_paw, {"num_nodes": 7}, "5 nodes, but num_nodes is 7"),
    "graph of another n": (lambda: as_graph(PAW_LIST), {"num_nodes": 7}, "num_nodes is 7"),
    "num_nodes negative": (lambda: PAW_LIST, {"num_nodes": -1}, "num_nodes is -1"),
    "num_nodes broken": (lambda: PAW_LIST, {"num_nodes": 4.5}, r"num_nodes is 4\.5"),
    "huge id": (lambda: [[0], [2**40]], {}, f"num_nodes is {2**40 + 1}"),
    "weights too few": (
        lambda: Data(edge_index=torch.tensor([[0], [1]]), edge_weight=torch.ones(2), num_nodes=2),
        {},
        r"edge_weight has shape \(2,\)",
    ),
    "pyg with a transposed list": (
        lambda: Data(edge_index=torch.tensor(PAW), num_nodes=4),
        {},
        r"edge_index has shape \(4, 2\)",
    ),
    "weight that is a word": (
        lambda: nx.Graph([(0, 1, {"weight": "heavy"})]),
        {},
        r"edge \(0, 1\) has the weight 'heavy'",
    ),
    "nodelist without labels": (dense, {"nodelist": [0, 1]}, "nodelist was given.*ndarray"),
    "nodelist lacks one": (networkx_paw, {"nodelist": [0, 1, 2, 3]}, "nodelist lacks 4"),
    "nodelist repeats one": (networkx_paw, {"nodelist": [0, 1, 2, 3, 3]}, "holds 3 more than once"),
    "nodelist holds another": (networkx_paw, {"nodelist": [0, 1, 2, 3, "z"]}, "nodelist holds 'z'"),
}
PAW_LIST = both_ways().tolist()


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused_by_name_and_value(name):
    make, options, message = WRONG[name]
    with pytest.raises(InputError, match=message):
        read_graph(make(), **options)


@pytest.mark.parametrize(
    "graph",
    [
        None,
        7,
        "karate",
        {0, 1},
        object(),
        [["a", "b"], ["b", "c"]],
        np.array([[None]]),
        {"nodes": []},
        Data(num_nodes=3),
    ],
    ids=["none", "number", "text", "set", "object", "words", "no number", "mapping", "no edges"],
)
def test_an_unsupported_type_is_a_type_error_too(graph):
    with pytest.raises(UnsupportedGraph):
        read_graph(graph)
    with pytest.raises(TypeError):
        read_graph(graph)


def test_labels_of_networkx_are_numbered_in_their_order():
    graph = nx.Graph([("c", "a"), ("a", (1, 2))])
    assert rows(read_graph(graph)) == {0: {1}, 1: {0, 2}, 2: {1}}
    near = rows(read_graph(graph, nodelist=["a", "c", (1, 2)]))
    assert near == {0: {1, 2}, 1: {0}, 2: {0}}


def test_inputs_are_never_modified():
    shuffled = both_ways()[:, [3, 0, 6, 1, 7, 5, 2, 4]]
    array, matrix = shuffled.copy(), sp.csr_array(dense())
    matrix.indices[:2] = matrix.indices[:2][::-1].copy()
    tensor = torch.from_numpy(array.copy())
    data = Data(edge_index=tensor, num_nodes=5)
    graph = networkx_paw()
    before = (matrix.indices.copy(), matrix.indptr.copy(), nx.to_dict_of_dicts(graph))
    for case in (array, tensor, matrix, data, graph, {"edge_index": array, "num_nodes": 5}):
        near = rows(read_graph(case))
        assert near == {u: NEAR[u] for u in near}
    assert np.array_equal(array, shuffled)
    assert torch.equal(tensor, torch.from_numpy(shuffled))
    assert sorted(data.keys()) == ["edge_index", "num_nodes"]
    assert np.array_equal(matrix.indices, before[0])
    assert np.array_equal(matrix.indptr, before[1])
    assert nx.to_dict_of_dicts(graph) == before[2]


def test_the_result_does_not_follow_later_changes_of_the_input():
    index = np.ascontiguousarray(both_ways()[:, np.lexsort(both_ways()[::-1])])
    graph = read_graph(index, num_nodes=5)
    index[:] = 0
    assert rows(graph) == NEAR


@st.composite
def edge_lists(draw):
    n = draw(st.integers(1, 12))
    node = st.integers(0, n - 1)
    return n, draw(st.lists(st.tuples(node, node), max_size=40))


@settings(max_examples=150, deadline=None)
@given(case=edge_lists(), seed=st.integers(0, 2**16))
def test_random_lists_equal_the_slow_reference(case, seed):
    n, edges = case
    near = reference(n, edges)
    index = np.array(edges, np.int64).reshape(-1, 2).T
    matrix = np.zeros((n, n))
    matrix[tuple(index)] = 1
    order = np.random.default_rng(seed).permutation(n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert rows(read_graph(index, num_nodes=n)) == near
        assert rows(read_graph(np.concatenate([index[::-1], index], 1), num_nodes=n)) == near
        assert rows(read_graph(sp.csr_array(matrix), to_undirected=True)) == near
        other = rows(read_graph(order[index], num_nodes=n))
        if np.array_equal(matrix, matrix.T):
            assert rows(read_graph(torch.from_numpy(matrix).to_sparse())) == near
        else:
            with pytest.raises(InputError, match="directed") as caught:
                read_graph(matrix)
            u, v = (int(c) for c in str(caught.value).split("(")[1].split(")")[0].split(","))
            assert (matrix[u, v], matrix[v, u]) == (1, 0)
    assert other == {order[u]: {order[v] for v in row} for u, row in near.items()}


def test_rows_cut_at_any_place_are_seen_as_not_symmetric():
    # the test of symmetry reads without bounds of rows: overruns have to show at the end
    generator = np.random.default_rng(3)
    for _ in range(300):
        n = int(generator.integers(2, 7))
        matrix = np.triu(generator.random((n, n)) < 0.5, 1)
        matrix = matrix | matrix.T
        flips = generator.integers(0, n, (int(generator.integers(0, 3)), 2))
        matrix[tuple(flips[flips[:, 0] != flips[:, 1]].T)] ^= True
        entries = _clean.Entries(*matrix.nonzero(), n, matrix=True)
        if np.array_equal(matrix, matrix.T):
            assert _clean.simple_rows(entries).columns.size == matrix.sum()
        else:
            with pytest.raises(InputError, match="directed"):
                _clean.simple_rows(entries)


def test_a_larger_graph_equals_the_generic_reader():
    generator = torch.Generator().manual_seed(1)
    index = torch.randint(0, 3000, (2, 20_000), generator=generator)
    expected = as_graph(index, 3000).simple()
    with pytest.warns(UserWarning, match="self loop"):
        graph = read_graph(index, num_nodes=3000)
    assert torch.equal(graph.edge_index, expected.edge_index)
    both = expected.edge_index[:, torch.randperm(expected.num_edges, generator=generator)]
    assert torch.equal(read_graph(both, num_nodes=3000).edge_index, expected.edge_index)


def test_threads_may_read_at_once():
    index = torch.randint(0, 500, (2, 5000), generator=torch.Generator().manual_seed(2))
    index = index[:, index[0] != index[1]]
    expected = as_graph(index, 500).simple().edge_index
    results: list[Graph] = []
    threads = [
        threading.Thread(target=lambda: results.append(read_graph(index, num_nodes=500)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(torch.equal(graph.edge_index, expected) for graph in results)


def test_kernels_give_the_same_without_compilation():
    code = (
        "import numpy as np\n"
        "from graphlab.graphlets._input import read_graph\n"
        "index = np.random.default_rng(0).integers(0, 9, (2, 30))\n"
        "index = index[:, index[0] != index[1]]\n"
        "print(read_graph(index, num_nodes=10).edge_index.tolist())\n"
        "print(read_graph(np.concatenate([index, index[::-1]], 1)).edge_index.tolist())\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "NUMBA_DISABLE_JIT": flag, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for flag in ("0", "1")
    }
    assert len(outputs) == 1
