"""Speed of Laplacian eigenvectors, k = 20, next to dense ``eigh`` and to PyG's transform.

Guards the specification of the graph benchmark, section 6. CSL: 150 graphs of 41 nodes. Large: a
random geometric graph, a grid and a random graph of 50,000 nodes, in seconds. Dense ``eigh`` is
compared on a grid of 3,000 nodes: of 50,000 the matrix has 20 GB. PyG's transform is compared on a
grid of 12,000, where it takes half a second; of 50,000 it took 16 s, ours 1.0 s. On the random
graph of 50,000 nodes and mean degree 6, both sides run Lanczos steps; PyG's in single precision and
without a look for missed vectors.

``make perf``, or ``python -m pytest benchmarks/perf/test_positional.py -s``.
"""

from __future__ import annotations

import networkx
import numpy as np
import pytest
import threadpoolctl
import torch

from benchmarks.perf.dagnn_measure import in_turns
from graphlab.datasets.synthetic import csl_graphs
from graphlab.graph import as_graph
from graphlab.transforms.positional import LaplacianPE

K = 20
NODES = 50_000
CSL_BAR = 2.0  # least ratio to PyG's transform; 3.4 was read
DENSE_BAR = 8.0  # 30 was read
GRID_BAR = 1.3  # the same on a grid of 12,000 nodes; 2.0 was read
RANDOM_BAR = 0.8  # the same on the random graph of 50,000; 0.9 and 1.0 were read
LARGE_SECONDS = {"grid": 4.0, "random": 5.0, "geometric": 6.0}  # CPU; 1.0, 1.3 and 1.5 were read


@pytest.fixture(autouse=True)
def one_thread():
    """The solvers below numpy spin where they have threads: CPU time then says little."""
    torch.set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):
        yield


def grid(rows, columns):
    place = torch.arange(rows * columns).view(rows, columns)
    right = torch.stack([place[:, :-1].reshape(-1), place[:, 1:].reshape(-1)])
    down = torch.stack([place[:-1].reshape(-1), place[1:].reshape(-1)])
    return as_graph(torch.cat([right, down], 1), rows * columns).simple()


def uniform(nodes, edges):
    pairs = np.random.default_rng(0).integers(0, nodes, (2, edges))
    return as_graph(torch.from_numpy(pairs), nodes).simple()


LARGE = {
    "grid": lambda: grid(200, NODES // 200),
    "random": lambda: uniform(NODES, 3 * NODES),
    "geometric": lambda: as_graph(networkx.random_geometric_graph(NODES, 0.009, seed=0)).simple(),
}


def test_csl_is_faster_than_the_transform_of_pyg():
    transforms = pytest.importorskip("torch_geometric.transforms")
    graphs, ours = csl_graphs(), LaplacianPE(K)
    theirs = transforms.AddLaplacianEigenvectorPE(K, attr_name="pe", is_undirected=True)
    data = graphs.to_pyg()

    def dense():
        for graph in graphs:
            matrix = torch.zeros(41, 41, dtype=torch.float64)
            matrix[graph.edge_index[0], graph.edge_index[1]] = 0.25
            torch.linalg.eigh(torch.eye(41, dtype=torch.float64) - matrix)

    runs = [lambda: ours(graphs), lambda: [theirs(d.clone()) for d in data], dense]
    own, peer, plain = in_turns(runs, rounds=7)
    print(
        f"\nCSL: {own.cpu * 1e3:.0f} ms, PyG {peer.cpu * 1e3:.0f} ms ({peer.cpu / own.cpu:.1f}x), "
        f"dense eigh alone {plain.cpu * 1e3:.0f} ms ({plain.cpu / own.cpu:.1f}x)"
    )
    assert peer.cpu / own.cpu >= CSL_BAR


@pytest.mark.parametrize("name", LARGE)
def test_large_graphs_take_seconds(name):
    graph = LARGE[name]()
    found = []
    (own,) = in_turns([lambda: found.append(LaplacianPE(K).encode(graph))], rounds=1, warm=0)
    row, col = graph.edge_index
    root = graph.degree().clamp(min=1).double().rsqrt()
    pe = found[0].double()
    moved = torch.zeros_like(pe).index_add_(0, row, (root[row] * root[col])[:, None] * pe[col])
    values = (pe * (pe - moved)).sum(0)
    residual = float((pe - moved - pe * values).abs().max())
    print(f"\n{name}, {graph.num_nodes} nodes: {own.cpu:.1f} CPU s, residual {residual:.0e}")
    assert residual < 1e-5
    assert own.cpu <= LARGE_SECONDS[name]


def test_sparse_is_faster_than_dense_on_some_thousand_nodes():
    graph = grid(50, 60)
    runs = [
        lambda: LaplacianPE(K).encode(graph),
        lambda: LaplacianPE(K, dense_up_to=3000).encode(graph),
    ]
    own, dense = in_turns(runs, rounds=1)
    ratio = dense.cpu / own.cpu
    print(f"\ngrid of 3,000: {own.cpu:.2f} CPU s, dense {dense.cpu:.2f} ({ratio:.0f}x)")
    assert ratio >= DENSE_BAR


def test_a_grid_is_faster_than_by_the_transform_of_pyg():
    transforms = pytest.importorskip("torch_geometric.transforms")
    graph = grid(100, 120)
    data = graph.to_pyg()
    theirs = transforms.AddLaplacianEigenvectorPE(K, attr_name="pe", is_undirected=True)
    runs = [lambda: LaplacianPE(K).encode(graph), lambda: theirs(data.clone())]
    own, peer = in_turns(runs, rounds=3)
    ratio = peer.cpu / own.cpu
    print(f"\ngrid of 12,000: {own.cpu:.2f} CPU s, PyG {peer.cpu:.2f} ({ratio:.1f}x)")
    assert ratio >= GRID_BAR


def test_a_random_graph_takes_about_as_long_as_by_the_transform_of_pyg():
    transforms = pytest.importorskip("torch_geometric.transforms")
    graph = LARGE["random"]()
    data = graph.to_pyg()
    theirs = transforms.AddLaplacianEigenvectorPE(K, attr_name="pe", is_undirected=True)
    runs = [lambda: LaplacianPE(K).encode(graph), lambda: theirs(data.clone())]
    own, peer = in_turns(runs, rounds=3)
    ratio = peer.cpu / own.cpu
    print(f"\nrandom of {NODES}: {own.cpu:.1f} CPU s, PyG {peer.cpu:.1f} ({ratio:.1f}x)")
    assert ratio >= RANDOM_BAR
