"""F33: one table of bad graphs over every public function that takes one.

A bad graph is an ``InputError`` that says what is wrong; an odd one (loops, duplicates, one
direction, no edges) gives a result or such an error. The input is never changed.
"""

from __future__ import annotations

import importlib
import inspect
import re
import warnings

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphlab import graphlets, heuristics, nn, ops
from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph
from graphlab.models import DAGNN, GAE, GCN, MLP, NCN, predict, recommend
from graphlab.tasks import edge_digest
from graphlab.transforms.features import append_features

N = 5
X = torch.rand(N, 3, generator=torch.Generator().manual_seed(0))
PAIRS = torch.tensor([[0, 1], [2, 3]])
MODULES = ("graph", "ops", "heuristics", "graphlets", "transforms.features", "nn", "models")


class Data:
    """Any object with ``edge_index`` and ``num_nodes``."""

    def __init__(self, edge_index, num_nodes=N, **more):
        self.edge_index, self.num_nodes = edge_index, num_nodes
        vars(self).update(more)


def edges(*pairs, dtype=torch.int64):
    return torch.tensor(pairs, dtype=dtype).reshape(-1, 2).t().contiguous()


def scored(model):
    """Call both methods of a link model."""

    def call(graph):
        model.eval()
        return model.score(model.encode(X, graph), graph, PAIRS)

    return call


FUNCTIONS = {
    "graph.as_graph": as_graph,
    "ops.adjacency": ops.adjacency,
    "ops.common_neighbors": lambda g: ops.common_neighbors(g, [0, 2], [1, 3]),
    "ops.hac_levels": ops.hac_levels,
    "ops.neighbor_overlap": lambda g: ops.neighbor_overlap(g, [0, 2], [1, 3]),
    "ops.remove_edges": lambda g: ops.remove_edges(g, [[0], [1]]),
    "ops.spmm": lambda g: ops.spmm(g, X),
    "heuristics.katz_scores": lambda g: heuristics.katz_scores(g, PAIRS),
    "heuristics.link_scores": lambda g: heuristics.link_scores(g, PAIRS),
    "heuristics.overlap_scores": lambda g: heuristics.overlap_scores(g, PAIRS),
    "heuristics.ppr_rows": lambda g: heuristics.ppr_rows(g, [0, 4]),
    "heuristics.ppr_scores": lambda g: heuristics.ppr_scores(g, PAIRS),
    "heuristics.ra_rows": lambda g: heuristics.ra_rows(g, [0, 4]),
    "heuristics.shortest_path_scores": lambda g: heuristics.shortest_path_scores(g, PAIRS),
    "graphlets.edge_orbit_counts": graphlets.edge_orbit_counts,
    "graphlets.graphlet_adjacency": lambda g: graphlets.graphlet_adjacency(g, 1),
    "graphlets.iter_orbit_adjacency": lambda g: list(graphlets.iter_orbit_adjacency(g)),
    "graphlets.orbit_adjacency": graphlets.orbit_adjacency,
    "graphlets.orbit_counts": graphlets.orbit_counts,
    "graphlets.walk_matrix": graphlets.walk_matrix,
    "nn.propagator": nn.propagator,
    "models.predict": lambda g: predict(GCN(3, 2).eval(), g, X),
    "models.recommend": lambda g: recommend(GAE(3, 4).eval(), g, [0], k=2, x=X),
    # methods
    "SymmetricPropagator": nn.SymmetricPropagator,
    "AdaptivePropagation": lambda g: nn.AdaptivePropagation(3, K=2)(X, g),
    "LinkEncoder": lambda g: nn.LinkEncoder(3, 4)(X, g),
    "GCN": lambda g: GCN(3, 2)(X, g),
    "DAGNN": lambda g: DAGNN(3, 4, 2)(X, g),
    "GAE": scored(GAE(3, 4)),
    "NCN": scored(NCN(3, 4)),
    # taken as they are: the caller has a Graph
    "edge_digest": lambda g: edge_digest(PAIRS, as_graph(g)),
    "append_features": lambda g: append_features(X, as_graph(g), ["orbit-counts"]),
}
# n is the number of rows of x there, whatever an object without type says beside it
N_OF_X = {"models.predict", "models.recommend", "AdaptivePropagation", "LinkEncoder"}
N_OF_X |= {"GCN", "DAGNN", "GAE", "NCN", "ops.spmm"}

GOOD = edges((0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0))
BAD = {
    "id out of range": (lambda: Data(edges((0, 1), (1, 5))), "5"),
    "id far out of range": (lambda: Data(edges((0, 2**40))), "1099511627776"),
    "negative id": (lambda: Data(edges((0, 1), (1, -1))), "-1"),
    "smallest id": (lambda: Data(edges((0, -(2**63)))), "-9223372036854775808"),
    "unsigned overflow": (lambda: Data(np.array([[0], [2**63 + 1]], np.uint64)), "-|9223"),
    "fractional ids": (lambda: Data(edges((0, 1.5), dtype=torch.float32)), "1.5|integers|float"),
    "NaN ids": (lambda: Data(edges((0, float("nan")), dtype=torch.float64)), "nan|integers|float"),
    "infinite ids": (lambda: Data(edges((0, float("inf")), dtype=torch.float64)), "inf|float"),
    "complex ids": (lambda: Data(edges((0, 1), dtype=torch.complex64)), "complex"),
    "bool ids": (lambda: Data(edges((0, 1), dtype=torch.bool)), "bool"),
    "words as ids": (lambda: Data(np.array([["a"], ["b"]])), "(type|holds) <U1"),
    "objects as ids": (lambda: Data(np.array([[None], [1]], object)), "(type|holds) object"),
    "three rows": (lambda: Data(torch.zeros(3, 4, dtype=torch.int64)), r"\(3, 4\)"),
    "one row": (lambda: Data(torch.zeros(1, 4, dtype=torch.int64)), r"\(1, 4\)"),
    "transposed": (lambda: Data(torch.zeros(4, 2, dtype=torch.int64)), r"\(4, 2\)"),
    "three dimensions": (lambda: Data(torch.zeros(2, 2, 2, dtype=torch.int64)), r"\(2, 2, 2\)"),
    "no edge_index": (lambda: Data(None), "edge_index is None"),
    "ragged list": (lambda: [[0, 1], [1]], "length|shape|rows|a list, which is not a graph"),
    "matrix not square": (lambda: sp.csr_array(np.ones((2, 3))), r"\(2, 3\)"),
    "torch not square": (lambda: torch.ones(2, 3).to_sparse(), r"\(2, 3\)"),
    "negative num_nodes": (lambda: Data(GOOD, -1), "num_nodes is -1"),
    "fractional num_nodes": (lambda: Data(GOOD, 2.5), r"num_nodes is 2\.5"),
    "huge num_nodes": (lambda: Data(GOOD, 2**40), "1,?099,?511,?627,?776|at most"),
    "NaN weight": (
        lambda: Data(GOOD, edge_weight=torch.tensor([1.0, 1, float("nan"), 1, 1, 1])),
        "nan",
    ),
    "too few weights": (lambda: Data(GOOD, edge_weight=torch.ones(2)), r"\(2,\)"),
    "a text": (lambda: "cora", "str"),
    "nothing": (lambda: None, "None"),
    "a number": (lambda: 7, r"int|shape \(\)"),
}

ODD = {
    "duplicate edges": lambda: Data(torch.cat([GOOD, GOOD], 1)),
    "self-loops": lambda: Data(torch.cat([GOOD, edges((0, 0), (4, 4))], 1)),
    "only self-loops": lambda: Data(edges(*((i, i) for i in range(N)))),
    "one direction": lambda: Data(edges((0, 1), (1, 2), (3, 4))),
    "directed networkx": lambda: nx.DiGraph([(0, 1), (1, 2), (2, 3), (3, 4)]),
    "asymmetric matrix": lambda: sp.csr_array((np.ones(1), ([0], [1])), shape=(N, N)),
    "no edges": lambda: Data(torch.zeros(2, 0, dtype=torch.int64)),
    "no edges of floats": lambda: Data(torch.zeros(2, 0)),
    "networkx without edges": lambda: nx.empty_graph(N),
    "isolated nodes": lambda: Data(edges((0, 1), (1, 0))),
    "int32 ids": lambda: Data(GOOD.int()),
    "read-only ids": lambda: Data(_read_only(GOOD.numpy().copy())),
    "not contiguous": lambda: Data(GOOD.t().contiguous().t()),
    "complete graph": lambda: nx.complete_graph(N),
    "Graph": lambda: as_graph(GOOD, N),
}

every_function = pytest.mark.parametrize("name", sorted(FUNCTIONS))


def _read_only(array):
    array.flags.writeable = False
    return array


def test_no_function_is_left_out():
    found = set()
    for module in MODULES:
        public = importlib.import_module(f"graphlab.{module}")
        for name in public.__all__:
            value = getattr(public, name)
            if inspect.isfunction(value) and "graph" in inspect.signature(value).parameters:
                found.add(f"{module}.{name}")
    found.discard("transforms.features.append_features")  # listed by its own name
    listed = {name for name in FUNCTIONS if "." in name}
    assert found == listed
    assert len(BAD) >= 25


def content(value):
    """What a caller could see of a change, copied."""
    if isinstance(value, Data):
        return {key: content(item) for key, item in vars(value).items()}
    if isinstance(value, torch.Tensor):
        dense = value.detach().to_dense() if value.layout != torch.strided else value.detach()
        return str(value.dtype), dense.clone()
    if isinstance(value, Graph):
        return content(value.edge_index), value.num_nodes
    if isinstance(value, nx.Graph):
        return type(value), sorted(value.nodes), sorted(value.edges(data=True), key=str)
    if sp.issparse(value):
        return value.toarray().copy()
    return np.array(value, copy=True) if isinstance(value, np.ndarray) else value


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, torch.Tensor):
        return torch.equal(torch.nan_to_num(one), torch.nan_to_num(other))
    if isinstance(one, np.ndarray):
        return bool((one == other).all())
    return one == other


@every_function
def test_a_bad_graph_is_named(name):
    wrong = []
    for case, (make, text) in BAD.items():
        if case.endswith("num_nodes") and name in N_OF_X:
            continue
        graph = make()
        before = content(graph)
        try:
            FUNCTIONS[name](graph)
        except InputError as error:
            message = str(error)
            if not re.search(text, message, re.IGNORECASE) or "\n" in message or len(message) > 400:
                wrong.append(f"{case}: {message!r}")
        except Exception as error:
            wrong.append(f"{case}: {type(error).__name__}: {error}")
        else:
            wrong.append(f"{case}: no error")
        if not same(before, content(graph)):
            wrong.append(f"{case}: the input was changed")
    assert not wrong, "\n".join(wrong)


def finite(value):
    """Whether every number in a result is finite, or a stated infinity of distances."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, torch.Tensor):
        return not bool(torch.isnan(value.to_dense()).any())
    if isinstance(value, np.ndarray):
        return not (value.dtype.kind == "f" and np.isnan(value).any())
    return True


@every_function
def test_an_odd_graph_has_a_result_or_says_why_not(name):
    wrong = []
    for case, make in ODD.items():
        graph = make()
        before = content(graph)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if not finite(FUNCTIONS[name](graph)):
                    wrong.append(f"{case}: NaN")
        except InputError as error:
            if "\n" in str(error) or not str(error):
                wrong.append(f"{case}: {error!r}")
        except Exception as error:
            wrong.append(f"{case}: {type(error).__name__}: {error}")
        if not same(before, content(graph)):
            wrong.append(f"{case}: the input was changed")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [GCN, MLP, DAGNN])
def test_features_that_are_not_finite_never_give_a_metric(kind, value):
    """A forward pass may take them; what comes out is refused by every metric."""
    from graphlab.errors import NonFiniteError
    from graphlab.metrics import accuracy

    x = X.clone()
    x[0, 0] = value
    # a ReLU may rightly cut -inf off where all weights have one sign: these have both
    torch.manual_seed(0)
    model = (kind(3, 4, 2) if kind is DAGNN else kind(3, 2)).eval()
    with pytest.raises((NonFiniteError, InputError)):
        accuracy(model(x, GOOD)[:1].detach(), torch.tensor([0]))
