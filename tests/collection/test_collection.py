"""Packed collections: views, selections, batches, borders to other libraries, files."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphlab.collection import GraphBatch, GraphCollection
from graphlab.errors import CheckpointError, InputError
from graphlab.graph import as_graph


def made(sizes, seed=0, kind=torch.int64):
    """Return random directed graphs of these numbers of nodes, with a field of every level."""
    rng = np.random.default_rng(seed)
    counts = [int(rng.integers(0, 3 * n + 1)) if n else 0 for n in sizes]
    index = [rng.integers(0, max(n, 1), (2, m)) for n, m in zip(sizes, counts, strict=True)]
    nodes, edges = sum(sizes), sum(counts)
    return GraphCollection(
        torch.from_numpy(np.concatenate(index, 1)).to(kind) if sizes else torch.zeros(2, 0).long(),
        torch.tensor([0, *sizes]).cumsum(0),
        torch.tensor([0, *counts]).cumsum(0),
        node={"x": torch.randn(nodes, 3), "kind": torch.arange(nodes).to(torch.int16)},
        edge={"edge_attr": torch.arange(edges * 2).view(-1, 2), "flag": torch.ones(edges) > 0},
        graph={"y": torch.arange(len(sizes))},
    )


def test_a_graph_is_a_view_of_the_packed_arrays():
    graphs = made([3, 0, 5])
    graph = graphs[2]
    assert graph.x.data_ptr() == graphs.x[3:].data_ptr()
    assert graph.y.data_ptr() == graphs.y[2:].data_ptr()
    start = int(graphs.edge_ptr[2])
    assert graph.edge_index.data_ptr() == graphs.edge_index[:, start:].data_ptr()
    assert (graph.num_graphs, graph.num_nodes, graph.batch.tolist()) == (1, 5, [0] * 5)
    assert graphs[-1].y.tolist() == [2] and graphs[1].num_nodes == 0
    assert graph.pe is None and graphs.pe is None


def test_narrow_ids_are_widened_in_graphs():
    wide = made([4, 6])
    narrow = wide.narrowed()
    assert narrow.edge_index.dtype == torch.uint8 and narrow.nbytes < wide.nbytes
    for ours, theirs in zip(narrow, wide, strict=True):
        assert ours.edge_index.dtype == torch.int64
        assert torch.equal(ours.edge_index, theirs.edge_index)


def test_slices_share_and_selections_copy():
    graphs = made([3, 2, 5, 1])
    part, chosen = graphs[1:3], graphs[[1, 2]]
    assert part.x.data_ptr() == graphs.x[3:].data_ptr()
    assert chosen.x.data_ptr() != part.x.data_ptr()
    for left, right in zip(part, chosen, strict=True):
        assert same(left, right)
    assert [g.y.item() for g in graphs[::-1]] == [3, 2, 1, 0]
    assert graphs[torch.tensor([True, False, False, True])].y.tolist() == [0, 3]
    assert len(graphs[3:1]) == 0 and len(graphs[[]]) == 0


def same(left, right):
    names = ("edge_index", "x", "kind", "edge_attr", "flag", "y", "ptr", "edge_ptr", "batch")
    return all(torch.equal(getattr(left, n), getattr(right, n)) for n in names)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=6),
    st.lists(st.integers(0, 5), max_size=8),
    st.sampled_from([torch.int64, torch.int32, torch.int16, torch.uint8]),
)
def test_a_batch_is_the_disjoint_union(sizes, picks, kind):
    graphs = made(sizes, kind=kind)
    picks = [pick % len(sizes) for pick in picks]
    batch = graphs.batch(picks)
    assert same(batch, graphs.batch(picks, backend="torch"))
    assert batch.num_graphs == len(picks)
    for place, pick in enumerate(picks):
        graph, first = graphs[pick], int(batch.ptr[place])
        rows = slice(first, int(batch.ptr[place + 1]))
        entries = slice(int(batch.edge_ptr[place]), int(batch.edge_ptr[place + 1]))
        assert torch.equal(batch.edge_index[:, entries] - first, graph.edge_index)
        assert torch.equal(batch.x[rows], graph.x) and torch.equal(batch.kind[rows], graph.kind)
        assert torch.equal(batch.edge_attr[entries], graph.edge_attr)
        assert (batch.batch[rows] == place).all() and batch.y[place] == pick


def test_a_batch_equals_that_of_pyg():
    data = pytest.importorskip("torch_geometric.data")
    graphs = made([3, 4, 2, 5])
    picks = [2, 0, 3]
    theirs = data.Batch.from_data_list([graphs.to_pyg()[pick] for pick in picks])
    ours = graphs.batch(picks)
    for name in ("edge_index", "x", "kind", "edge_attr", "flag", "y", "batch", "ptr"):
        assert torch.equal(getattr(ours, name), theirs[name])
    assert ours.num_graphs == theirs.num_graphs


def test_gradients_reach_fields_that_need_them():
    graphs = made([3, 2])
    x = torch.randn(5, 2, requires_grad=True)
    graphs.with_field("x", x, "node").batch([1, 1]).x.sum().backward()
    assert x.grad.tolist() == [[0, 0]] * 3 + [[2, 2]] * 2


def test_pyg_graphs_come_and_go():
    data = pytest.importorskip("torch_geometric.data")
    given = [
        data.Data(
            x=torch.randn(n, 2),
            edge_index=torch.tensor([[0], [n - 1]]),
            y=torch.tensor([n]),
            pos=torch.zeros(n, 3),
        )
        for n in (1, 1, 4)
    ]
    graphs = GraphCollection.from_pyg(given)
    assert graphs.levels == {"pos": "node", "x": "node", "y": "graph"}
    for ours, theirs in zip(graphs.to_pyg(), given, strict=True):
        assert torch.equal(ours.x, theirs.x) and torch.equal(ours.edge_index, theirs.edge_index)
        assert torch.equal(ours.y, theirs.y) and ours.num_nodes == theirs.num_nodes
    again = GraphCollection.from_pyg([as_graph(g.edge_index, g.num_nodes) for g in given])
    assert again.num_nodes == 6 and again.levels == {}


def test_levels_follow_rows_and_can_be_said():
    class Thing:
        def __init__(self, n):
            self.num_nodes, self.edge_index = n, torch.zeros(2, n, dtype=torch.int64)
            self.y, self.edge_attr, self.weight = torch.zeros(n), torch.zeros(n, 2), 0.5

    things = [Thing(2), Thing(3)]
    levels = GraphCollection.from_pyg(things).levels
    assert levels == {"edge_attr": "edge", "weight": "graph", "y": "node"}
    assert GraphCollection.from_pyg(things, levels={"y": "edge"}).levels["y"] == "edge"
    things[1].y = torch.zeros(7)
    with pytest.raises(InputError, match="y has 2 rows in a graph of 2 nodes"):
        GraphCollection.from_pyg(things)


def test_ogb_pairs_are_read():
    def pair(n):
        content = {
            "edge_index": np.zeros((2, 2), np.int64),
            "edge_feat": np.ones((2, 3), np.int64),
            "node_feat": np.ones((n, 9), np.int64),
            "num_nodes": n,
        }
        return content, np.array([1.0, np.nan])

    graphs = GraphCollection.from_ogb([pair(2), pair(3)])
    assert graphs.levels == {"edge_attr": "edge", "x": "node", "y": "graph"}
    assert graphs.y.shape == (2, 2) and graphs.y[:, 1].isnan().all()
    assert len(GraphCollection.from_ogb([])) == 0


def test_a_file_gives_the_same_graphs(tmp_path):
    graphs = made([3, 0, 5]).narrowed()
    graphs.save(tmp_path / "graphs.npz")
    again = GraphCollection.load(tmp_path / "graphs.npz")
    assert again.levels == graphs.levels and again.edge_index.dtype == torch.uint8
    for left, right in zip(again, graphs, strict=True):
        assert same(left, right)
    np.savez(tmp_path / "other.npz", x=np.zeros(2))
    with pytest.raises(CheckpointError, match="does not hold a collection"):
        GraphCollection.load(tmp_path / "other.npz")
    with pytest.raises(InputError, match=r"ending in \.npz"):
        graphs.save(tmp_path / "graphs.pt")
    odd = graphs.with_field("odd", torch.zeros(3, dtype=torch.bfloat16), "graph")
    with pytest.raises(InputError, match="bfloat16"):
        odd.save(tmp_path / "odd.npz")


def test_fields_can_be_added_and_batches_take_attributes():
    graphs = made([2, 3]).with_field("pe", torch.ones(5, 4), "node")
    batch = graphs.batch([1])
    assert batch.pe.shape == (3, 4)
    batch.pe = batch.pe * 2
    assert batch.pe.sum() == 24 and graphs.pe.sum() == 20
    with pytest.raises(AttributeError, match="no field 'z'"):
        _ = batch.z
    assert "pe=(3, 4)" in repr(batch) and "pe='node'" in repr(graphs)
    assert batch.to("cpu") is batch and graphs.to("cpu") is graphs
    assert batch.graph.num_nodes == 3


def test_graphs_become_graphs():
    labels = torch.arange(5)
    graphs = made([2, 3]).with_field("y", labels, "node").to_graphs()
    assert torch.equal(graphs[1].y, labels[2:]) and graphs[1].x.shape == (3, 3)


EDGES = torch.tensor([[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((EDGES.float(), [0, 2], [0, 2]), "edge_index has shape"),
        ((EDGES, [1, 2], [0, 2]), "node_ptr must be offsets"),
        ((EDGES, [0, 2], [0, 2, 1]), "edge_ptr must be offsets"),
        ((EDGES, [0, 2, 3], [0, 2]), "node_ptr has 3 offsets"),
        ((EDGES, [0, 2], [0, 3]), "edge_ptr ends at 3"),
        ((EDGES, [0, 1], [0, 2]), "graph 0 holds node 1, but the graph has 1 nodes"),
        ((EDGES - 1, [0, 2], [0, 2]), "holds node -1"),
    ],
)
def test_wrong_structure_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        GraphCollection(*arguments)


def test_wrong_fields_are_named():
    with pytest.raises(InputError, match="expected a tensor of 2 rows, one for each node"):
        GraphCollection(EDGES, [0, 2], [0, 2], node={"x": torch.zeros(3)})
    with pytest.raises(InputError, match="given both for node and graph"):
        GraphCollection(
            EDGES, [0, 2], [0, 2], node={"y": torch.zeros(2)}, graph={"y": torch.zeros(1)}
        )
    with pytest.raises(InputError, match="'ptr' cannot be the name"):
        GraphCollection(EDGES, [0, 2], [0, 2], node={"ptr": torch.zeros(2)})


def test_wrong_choices_are_named():
    graphs = made([2, 3])
    with pytest.raises(InputError, match=r"graph 2 was asked for, but there are 2 \(0\.\.1\)"):
        graphs.batch([0, 2])
    with pytest.raises(InputError, match="graph -3"):
        graphs.batch([-3])
    with pytest.raises(InputError, match="numbers of graphs"):
        graphs.batch([0.5])
    with pytest.raises(InputError, match="backend is 'cuda'"):
        graphs.batch([0], backend="cuda")
    with pytest.raises(IndexError, match="graph 2"):
        graphs[2]
    assert graphs.batch([-1]).y.tolist() == [1]


def test_graphs_that_differ_are_named():
    one = GraphBatch(EDGES, torch.tensor([0, 2]), torch.tensor([0, 2]), {"x": torch.zeros(2, 1)})
    other = GraphBatch(EDGES, torch.tensor([0, 2]), torch.tensor([0, 2]), {})
    with pytest.raises(InputError, match="Graph 1 and graph 0 differ in the fields x"):
        GraphCollection.from_pyg([one, other])
    with pytest.raises(InputError, match="A graph is a dict"):
        GraphCollection.from_pyg([{"edge_index": EDGES}])
    with pytest.raises(InputError, match="holds node 1, but the graph has 1"):
        GraphCollection.from_ogb([{"edge_index": EDGES, "num_nodes": 1}])
