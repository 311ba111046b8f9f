"""F23: absurd sizes end at once in an error that names them, or in a right result: no freeze.

Each case runs where it may take no more than a few gigabytes of addresses and some seconds.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from graphlab import graphlets, heuristics, ops
from graphlab.bench.config import load_suite
from graphlab.errors import ConfigError, InputError
from graphlab.graph import as_graph
from graphlab.metrics import accuracy, hits_at_k, mrr
from graphlab.nn import AdaptivePropagation
from graphlab.registry import model_cards
from graphlab.train import Recipe

CARDS = model_cards()
SECONDS = 10.0
PATH = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
EMPTY = torch.empty(2, 0, dtype=torch.int64)


@pytest.fixture(autouse=True)
def bounded():
    """No more than 6 GB of addresses beyond what is used, and little processor time."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + (6 << 30), hard))
    started = time.process_time()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert time.process_time() - started < SECONDS


def suite(**changes):
    system = {"model": changes.pop("model", "dagnn"), "options": changes.pop("options", {})}
    task = "node" if "node" in CARDS[system["model"]].tasks else "link"
    return {"task": task, "datasets": ["karate"], "system": [system], **changes}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"options": {"K": 10**9}}, "K must be at most 1,000,000"),
        ({"options": {"hidden_channels": 10**7}}, "hidden_channels must be at most 1,000,000"),
        ({"options": {"hidden_channels": 0}}, "hidden_channels must be at least 1"),
        ({"options": {"K": -1}}, "K must be at least 0"),
        ({"options": {"dropout": float("inf")}}, "dropout must be a finite number"),
        ({"model": "gcn", "options": {"num_layers": 10**9}}, "num_layers must be at most"),
        ({"model": "katz", "options": {"L": 10**12}}, "L must be at most"),
        ({"seeds": 10**9}, "seeds must lie in 1..10,000"),
        ({"seeds": [10**30]}, "seed"),
        ({"recipe": {"epochs": 10**18}}, "epochs"),
        ({"recipe": {"lr": 1e400}}, "lr"),
        ({"recipe": {"patience": -(10**18)}}, "patience"),
    ],
)
def test_a_suite_of_absurd_sizes_is_refused_before_anything_runs(changes, named):
    with pytest.raises(ConfigError, match=named):
        load_suite(suite(**changes))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: AdaptivePropagation(3, K=10**9), "K is 1000000000"),
        (lambda: CARDS["dagnn"].load()(3, 2, 2, K=10**9), "K is 1000000000"),
        (lambda: heuristics.katz_scores(PATH, [[0], [1]], L=10**9), "L is 1000000000"),
        (lambda: as_graph(PATH, 10**15), "num_nodes is 1000000000000000"),
        (lambda: as_graph([[0], [2**62]]), "4611686018427387905|at most"),
        (lambda: graphlets.orbit_counts(PATH, num_nodes=2**40), "num_nodes is 1099511627776"),
        (lambda: hits_at_k([], [0.0], 10**9), r"shape \(0,\)"),
        (lambda: mrr([1.0], []), r"shape \(0,\)"),
        (lambda: accuracy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long)), "0 rows"),
        (lambda: accuracy(torch.zeros(3, 0), torch.zeros(3, dtype=torch.long)), "0 classes"),
        (lambda: Recipe(epochs=0), "epochs"),
    ],
)
def test_an_absurd_argument_is_named(call, named):
    with pytest.raises(InputError, match=named):
        call()


def build(name, **options):
    out = {"out_channels": 2} if "node" in CARDS[name].tasks else {}
    return CARDS[name].load()(in_channels=3, **out, **options)


REPEATED = [
    (n, o) for n, c in CARDS.items() for o in ("num_layers", "K", "depth") if o in c.options
]


@pytest.mark.parametrize(("name", "option"), REPEATED)
def test_no_model_is_built_of_a_billion_layers(name, option):
    with pytest.raises(InputError, match=rf"{option} .*1,?000,?000,?000"):
        build(name, **{option: 10**9})


def test_more_than_there_is_is_all_there_is():
    """A K beyond the number of negatives, neighbours or walks is no error and costs nothing."""
    assert hits_at_k([1.0, 0.0], [0.5, 0.2], 10**9) == 1.0
    found = heuristics.katz_scores(PATH, [[0], [1]], L=2000, b=0.001)
    assert bool(torch.isfinite(found).all())
    matrix = graphlets.orbit_adjacency(PATH, [(1, 0, 0)], top_k=10**9)
    assert matrix[1, 0, 0].nnz == 4


@pytest.mark.parametrize("n", [0, 1, 2])
def test_graphs_of_hardly_any_nodes_have_results(n):
    graph = as_graph(EMPTY, n)
    assert graphlets.orbit_counts(graph).shape == (n, 15)
    assert ops.spmm(graph, torch.ones(n, 3)).shape == (n, 3)
    none = np.zeros((2, 0), np.int64)
    assert all(len(v) == 0 for v in heuristics.link_scores(graph, none).values())
    for name, card in CARDS.items():
        if "node" in card.tasks and not hasattr(card.load(), "fit_nodes"):
            model = card.load()(in_channels=3, out_channels=1).eval()
            try:
                out = model(torch.ones(n, 3), EMPTY)
            except InputError as error:
                assert n == 0, name
                assert "0" in str(error), name
            else:
                assert out.shape == (n, 1), name
                assert bool(torch.isfinite(out).all()), name


@pytest.mark.parametrize("name", [n for n, c in CARDS.items() if "link" in c.tasks])
def test_a_graph_without_edges_has_link_scores(name):
    model = (
        build(name) if "hidden_channels" in CARDS[name].options else CARDS[name].load()()
    ).eval()
    graph, x = as_graph(EMPTY, 4), torch.ones(4, 3)
    scores = model.score(model.encode(x, graph), graph, torch.tensor([[0, 1], [2, 3]]))
    assert scores.shape == (2,)
    assert bool(torch.isfinite(scores).all())
    none = torch.empty(2, 0, dtype=torch.int64)
    assert model.score(model.encode(x, graph), graph, none).shape == (0,)
