"""Orbit counts of nodes: golden values, enumeration, closed families, identities, extremes."""

from __future__ import annotations

import threading
import types
import warnings
from math import comb

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from graphlab.errors import GraphTooLarge, InputError
from graphlab.graph import as_graph
from graphlab.graphlets import _ranked, orbit_counts
from graphlab.graphlets._count_kernels import _third
from graphlab.graphlets._input import read_graph
from graphlab.graphlets._ranked import Ranked
from graphlab.graphlets.counts import check_degree
from tests.graphlets import brute_force, graphs
from tests.graphlets.graphs import MESSY, PUBLIC, SMALL

BEGIN = (  # for each orbit a key whose rows it begins
    *((1, 0, 0), (1, 1, 2), (1, 2, 1), (1, 3, 3), (1, 4, 5), (1, 5, 4), (1, 6, 7), (1, 7, 6)),
    *((1, 8, 8), (1, 9, 11), (2, 10, 9), (1, 11, 9), (1, 12, 13), (1, 13, 13), (1, 14, 14)),
)


def columns(**values):
    """Return a row of counts, all zero but what is named ``o7=...``."""
    row = np.zeros(15, np.int64)
    for name, value in values.items():
        row[int(name[1:])] = value
    return row.tolist()


@pytest.mark.parametrize("name", [*SMALL, *PUBLIC])
def test_golden_counts(name, threads):
    edges, n = graphs.golden_graph(name)
    counts = orbit_counts(edges, num_nodes=n, num_threads=threads)
    assert counts.dtype == np.int64
    assert counts.shape == (n, 15)
    assert counts.flags.c_contiguous
    assert np.array_equal(counts, graphs.read(name)["counts"])


@pytest.mark.parametrize("name", MESSY)
def test_loops_repeats_and_reversed_edges_change_nothing(name):
    stored = graphs.read(name)
    with pytest.warns(UserWarning, match="left out"):
        counts = orbit_counts(stored["raw_edges"].T, num_nodes=int(stored["n"]))
    assert np.array_equal(counts, stored["counts"])


def test_200_random_graphs_equal_their_enumeration(threads):
    for n, edges, matrices in graphs.enumerated():
        counts = orbit_counts(edges, num_nodes=n, num_threads=threads)
        for orbit, key in enumerate(BEGIN):
            partners = {2: 2, 3: 2, 7: 3, 8: 2, 12: 2, 14: 3}.get(orbit, 1)
            assert (partners * counts[:, orbit] == matrices[key].sum(1)).all()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 12), st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11))))
def test_any_list_of_pairs_equals_its_enumeration(n, pairs):
    edges = np.array([(u % n, v % n) for u, v in pairs], np.int64).reshape(-1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        counts = orbit_counts(edges.T, num_nodes=n)
    assert np.array_equal(counts, brute_force.orbit_counts(n, edges))


@pytest.mark.parametrize("leaves", [1, 2, 3, 12, 5000])
def test_stars(leaves):
    counts = orbit_counts(graphs.star(leaves))
    d = leaves
    assert counts[0].tolist() == columns(o0=d, o2=comb(d, 2), o7=comb(d, 3))
    assert (counts[1:] == columns(o0=1, o1=d - 1, o6=comb(d - 1, 2))).all()
    if leaves == 5000:
        assert counts[0, 7] == 20_820_835_000


@pytest.mark.parametrize("n", [2, 3, 4, 5, 30, 100])
def test_cliques(n):
    row = columns(o0=n - 1, o3=comb(n - 1, 2), o14=comb(n - 1, 3))
    assert (orbit_counts(graphs.complete(n)) == row).all()


@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 2), (2, 5), (3, 3), (7, 4), (40, 60)])
def test_complete_bipartite_graphs(a, b):
    counts = orbit_counts(graphs.bipartite(a, b))
    for rows, here, there in ((counts[:a], a, b), (counts[a:], b, a)):
        expected = columns(
            o0=there,
            o1=there * (here - 1),
            o2=comb(there, 2),
            o6=there * comb(here - 1, 2),
            o7=comb(there, 3),
            o8=(here - 1) * comb(there, 2),
        )
        assert (rows == expected).all()


@pytest.mark.parametrize("n", [5, 6, 7, 100])
def test_cycles(n):
    assert (orbit_counts(graphs.cycle(n)) == columns(o0=2, o1=2, o2=1, o4=2, o5=2)).all()
    assert (orbit_counts(graphs.cycle(4)) == columns(o0=2, o1=2, o2=1, o8=1)).all()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 100])
def test_paths(n):
    counts = orbit_counts(graphs.path(n), num_nodes=n)
    for u, row in enumerate(counts.tolist()):
        left, right = u, n - 1 - u  # nodes on each side
        assert row == columns(
            o0=(left > 0) + (right > 0),
            o1=(left > 1) + (right > 1),
            o2=int(left > 0 and right > 0),
            o4=(left > 2) + (right > 2),
            o5=int(left > 1 and right > 0) + int(left > 0 and right > 1),
        )


@pytest.fixture(scope="module", params=["clustered", "random", "hubs"])
def generated(request):
    """A graph of a few thousand edges: edge index and number of nodes."""
    if request.param == "clustered":
        return graphs.clustered(), 903
    if request.param == "random":
        return graphs.random_edges(9000, 14_000), 9000
    tree = nx.barabasi_albert_graph(1500, 6, seed=1)
    return np.array(tree.edges).T, 1500


def test_sums_over_all_nodes(generated):
    edges, n = generated
    o = orbit_counts(edges, num_nodes=n).sum(0).tolist()
    assert o[1] == 2 * o[2]
    assert o[4] == o[5]
    assert o[6] == 3 * o[7]
    assert o[9] == o[11]
    assert o[10] == 2 * o[9]
    assert o[12] == o[13]
    assert (o[3] % 3, o[8] % 4, o[14] % 4) == (0, 0, 0)
    assert o[0] == 2 * edges.shape[1]


def test_every_number_of_threads_gives_the_same(generated, eager):
    edges, n = generated
    one = orbit_counts(edges, num_nodes=n, num_threads=1)
    for threads in (2, 3, 7, None):
        assert np.array_equal(orbit_counts(edges, num_nodes=n, num_threads=threads), one)


def test_renamed_nodes_take_their_counts_along(generated):
    edges, n = generated
    counts = orbit_counts(edges, num_nodes=n)
    for seed in range(3):
        name = np.random.default_rng(seed).permutation(n)
        assert np.array_equal(orbit_counts(name[edges], num_nodes=n)[name], counts)


def test_parts_of_a_graph_do_not_touch_each_other():
    names = ("karate", "complete_7", "lesmis", "no_edges")
    sizes = [graphs.golden_graph(name)[1] for name in names]
    starts = np.cumsum([0, *sizes])
    union = [graphs.golden_graph(name)[0] + start for name, start in zip(names, starts)]  # noqa: B905
    counts = orbit_counts(np.concatenate(union, 1), num_nodes=int(starts[-1]))
    assert np.array_equal(counts, np.concatenate([graphs.read(name)["counts"] for name in names]))


PAW = [[0, 0, 1, 2], [1, 2, 2, 3]]


def nx_graph(edges, n):
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(edges.T.tolist())
    return graph


FORMS = {
    "networkx": nx_graph,
    "scipy array": lambda e, n: sp.coo_array(graphs.adjacency(e, n)),
    "scipy matrix": lambda e, n: sp.csr_matrix(graphs.adjacency(e, n)),
    "dense": graphs.adjacency,
    "dense booleans": lambda e, n: graphs.adjacency(e, n) > 0,
    "edge index": lambda e, n: torch.from_numpy(e),
    "rows of pairs": lambda e, n: e.T,
    "torch sparse": lambda e, n: torch.from_numpy(graphs.adjacency(e, n)).to_sparse(),
    "torch csr": lambda e, n: torch.from_numpy(graphs.adjacency(e, n)).to_sparse_csr(),
    "pyg": lambda e, n: Data(edge_index=torch.from_numpy(e), num_nodes=n),
    "ogb": lambda e, n: {"edge_index": e, "num_nodes": n, "node_feat": None, "edge_feat": None},
    "graph": as_graph,
}


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.parametrize("form", FORMS)
def test_every_description_of_a_graph_is_counted(form):
    edges, n = graphs.golden_graph("karate")
    assert np.array_equal(orbit_counts(FORMS[form](edges, n)), graphs.read("karate")["counts"])


def test_rows_follow_the_labels_of_networkx():
    graph = nx.Graph([("c", "a"), ("a", "b")])
    assert orbit_counts(graph)[:, 0].tolist() == [1, 2, 1]
    assert orbit_counts(graph, nodelist=["a", "b", "c"])[:, 0].tolist() == [2, 1, 1]


def test_a_directed_graph_counts_when_that_is_said():
    graph = nx.DiGraph([(0, 1), (1, 2), (2, 0)])
    with pytest.raises(InputError, match="to_undirected=True"):
        orbit_counts(graph)
    assert orbit_counts(graph, to_undirected=True)[:, 3].tolist() == [1, 1, 1]


@pytest.mark.parametrize("n", [0, 1, 6])
def test_graphs_without_edges_have_rows_of_zeros(n, threads):
    for graph in (np.empty((2, 0), np.int64), np.zeros((n, n)), sp.csr_array((n, n))):
        size = {"num_nodes": n} if graph.shape == (2, 0) else {}
        counts = orbit_counts(graph, num_threads=threads, **size)
        assert counts.shape == (n, 15)
        assert counts.dtype == np.int64
        assert not counts.any()


def test_isolated_nodes_keep_their_place():
    edges = np.array(PAW) + 2
    counts = orbit_counts(edges, num_nodes=9)
    assert np.array_equal(counts[2:6], orbit_counts(PAW))
    assert not counts[[0, 1, 6, 7, 8]].any()


def test_the_input_is_left_as_it_was():
    edges, n = graphs.golden_graph("lesmis")
    given = edges[:, ::-1].copy()
    given.flags.writeable = False
    before = given.copy()
    assert np.array_equal(orbit_counts(given, num_nodes=n), graphs.read("lesmis")["counts"])
    assert np.array_equal(given, before)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True, [1]])
def test_a_number_of_threads_that_cannot_be_is_named(wrong):
    with pytest.raises(InputError, match=r"num_threads is .*expected a whole number >= 1, or None"):
        orbit_counts(PAW, num_threads=wrong)


def test_numbers_of_numpy_are_numbers_of_threads():
    assert np.array_equal(orbit_counts(PAW, num_threads=np.int64(2)), orbit_counts(PAW))


def test_what_is_no_graph_is_an_error():
    with pytest.raises(TypeError):
        orbit_counts(object())
    with pytest.raises(InputError, match="7"):
        orbit_counts([[0, 1], [1, 7]], num_nodes=5)


def test_a_degree_whose_stars_pass_64_bits_is_refused():
    largest = 3_810_779
    assert comb(largest, 3) <= 2**63 - 1 < comb(largest + 1, 3)
    check_degree(types.SimpleNamespace(degree=np.array([1, largest, 1])))
    with pytest.raises(GraphTooLarge, match="3810780 neighbours") as caught:
        check_degree(types.SimpleNamespace(degree=np.array([1, largest + 1])))
    assert isinstance(caught.value, OverflowError)


def test_wide_sums_where_degrees_are_large(generated, monkeypatch):
    edges, n = generated
    narrow = orbit_counts(edges, num_nodes=n)
    monkeypatch.setattr(_ranked, "_SMALL_DEGREE", 2)
    assert np.array_equal(orbit_counts(edges, num_nodes=n), narrow)


def test_the_refusal_comes_before_the_work(monkeypatch):
    monkeypatch.setattr("graphlab.graphlets.counts._LARGEST_STAR", 9)
    assert orbit_counts(graphs.star(4))[0, 7] == 4
    with pytest.raises(GraphTooLarge, match="5 neighbours"):
        orbit_counts(graphs.star(5))


@pytest.mark.parametrize("d", [0, 1, 2, 3, 4, 5, 3_810_777, 3_810_778, 3_810_779])
def test_stars_of_the_largest_hubs_are_counted_without_overflow(d):
    d = np.int64(d)
    with np.errstate(over="raise"):
        assert _third(d * (d - 1) // 2, d - 2) == comb(int(d), 3)


def meeting(kernel, barrier):
    """Return a kernel that, in each thread, first waits until another thread is here too."""
    seen = set()

    def run(*arguments):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            barrier.wait()
        kernel(*arguments)

    return run


@pytest.mark.parametrize(
    "name", ["count_triangles", "spread_triangles", "count_cliques", "count_cycles"]
)
def test_two_threads_share_each_step(name, eager, monkeypatch):
    edges = graphs.random_edges(400, 3000)
    expected = orbit_counts(edges, num_nodes=400, num_threads=1)
    barrier = threading.Barrier(2, timeout=60)
    monkeypatch.setattr(_ranked, name, meeting(getattr(_ranked, name), barrier))
    assert np.array_equal(orbit_counts(edges, num_nodes=400, num_threads=2), expected)
    assert not barrier.broken


def refuse(*arguments):
    raise AssertionError("not for this graph")


@pytest.mark.parametrize("threads", [1, 2])
def test_in_a_random_graph_triangles_and_cycles_are_counted_at_once(threads, eager, monkeypatch):
    edges = graphs.random_edges(3000, 7000)
    edges[:, :3] = [[5, 6, 7], [6, 7, 5]]  # at least one triangle
    with monkeypatch.context() as patch:
        patch.setattr(_ranked.Ranked, "count_if_sparse", lambda self: None)
        expected = orbit_counts(edges, num_nodes=3000, num_threads=1)
    assert expected[:, [3, 8]].any(0).all()
    for name in ("count_triangles", "count_cycles"):
        monkeypatch.setattr(_ranked, name, refuse)
    assert np.array_equal(orbit_counts(edges, num_nodes=3000, num_threads=threads), expected)


@pytest.mark.parametrize("threads", [1, 2])
def test_one_crowded_corner_of_a_random_graph_is_counted_otherwise(threads, eager, monkeypatch):
    corner = np.array(np.triu_indices(60, 1)) + 100
    edges = np.concatenate([graphs.random_edges(3000, 7000), corner], 1)
    before = orbit_counts(edges, num_nodes=3000, num_threads=threads)
    called = []
    monkeypatch.setattr(_ranked, "count_cycles", lambda *a: called.append(a))
    ranked = Ranked(read_graph(edges, num_nodes=3000), threads)
    ranked.count_if_sparse()
    assert not ranked.cycles().any()
    assert called
    monkeypatch.undo()
    monkeypatch.setattr(_ranked.Ranked, "count_if_sparse", lambda self: None)
    assert np.array_equal(before, orbit_counts(edges, num_nodes=3000, num_threads=1))


@pytest.mark.parametrize("seed", range(5))
def test_loops_and_repeats_of_an_edge_list_change_nothing(seed):
    rng = np.random.default_rng(seed)
    edges = graphs.random_edges(60, 150, seed)
    expected = orbit_counts(read_graph(edges, num_nodes=60))
    loops = np.repeat(rng.integers(0, 60, (1, 9)), 2, 0)
    more = np.concatenate([edges, edges[::-1], edges[:, :50], loops], 1)
    more = more[:, rng.permutation(more.shape[1])]
    with pytest.warns(UserWarning, match="9 self loops"):
        found = orbit_counts(more, num_nodes=60)
    assert np.array_equal(found, expected)


def test_callers_in_several_threads_do_not_mix(eager):
    inputs = [graphs.random_edges(300, 2000, seed) for seed in range(4)]
    expected = [orbit_counts(edges, num_nodes=300, num_threads=1) for edges in inputs]
    found = {}

    def caller(who):
        for _ in range(5):
            found[who] = orbit_counts(inputs[who], num_nodes=300, num_threads=2)

    callers = [threading.Thread(target=caller, args=(who,)) for who in range(4)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join(timeout=60)
    assert all(np.array_equal(found[who], expected[who]) for who in range(4))


def test_work_is_cut_into_pieces_that_cover_all_nodes(generated):
    edges, n = generated
    ranked = Ranked(read_graph(edges, num_nodes=n))
    for bounds, work in (ranked.fan, ranked.reach):
        assert bounds[0] == 0
        assert bounds[-1] == n
        assert (np.diff(bounds) > 0).all()
        assert 2 < bounds.size <= 97
        assert work > 0
