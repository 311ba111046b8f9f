"""Orbit transforms: PyG's ways of calling them, batches against graphs one by one, empty graphs."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from torch.utils.data import Subset
from torch_geometric.data import Batch, Data, HeteroData, InMemoryDataset
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import AddSelfLoops, Compose, Constant

from graphlab.errors import InputError, UnsupportedGraph
from graphlab.graphlets import edge_orbit_counts, orbit_adjacency, orbit_counts, orbit_pmi
from graphlab.transforms import AddEdgeOrbitCounts, AddOrbitAdjacency, AddOrbitCounts

KEY = (2, 4, 5)
TRANSFORMS = {
    "counts": AddOrbitCounts,
    "counts apart": lambda: AddOrbitCounts("orbits", log=False, orbits=[0, 3, 14]),
    "edges": AddEdgeOrbitCounts,
    "edges apart": lambda: AddEdgeOrbitCounts("edge_orbits", log=False),
    "adjacency": lambda: AddOrbitAdjacency(KEY),
    "rows": lambda: AddOrbitAdjacency([(1, 7, 6), (3, 4, 4)], normalize="row"),
    "pmi": lambda: AddOrbitAdjacency(KEY, normalize="pmi"),
}
every_transform = pytest.mark.parametrize("name", TRANSFORMS)


def random_graph(seed: int, n: int = 12, m: int = 20, width: int = 2) -> Data:
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(0, n, (2, m), generator=generator)
    index = index[:, index[0] != index[1]]
    return Data(x=torch.randn(n, width, generator=generator), edge_index=index)


def without_edges(n: int) -> Data:
    return Data(x=torch.ones(n, 2), edge_index=torch.empty((2, 0), dtype=torch.int64))


def molecules() -> list[Data]:
    """Small graphs, among them one without edges and one without nodes."""
    sizes = [12, 7, 9, 15]
    graphs = [random_graph(seed, n, 2 * n) for seed, n in enumerate(sizes)]
    return [*graphs[:2], without_edges(3), without_edges(0), *graphs[2:]]


def equal(a: Data, b: Data) -> bool:
    assert sorted(a.keys()) == sorted(b.keys())
    return all(
        torch.equal(a[key], b[key]) and a[key].dtype == b[key].dtype for key in list(a.keys())
    )


def test_counts_are_appended_to_x_as_logarithms():
    data = random_graph(0)
    changed = AddOrbitCounts()(data)
    assert changed.x.dtype == torch.float32
    assert torch.equal(changed.x[:, :2], data.x)
    expected = np.log1p(orbit_counts(data.edge_index, num_nodes=12))
    assert np.allclose(changed.x[:, 2:], expected, rtol=1e-6)


def test_counts_become_x_where_there_is_none_and_keep_its_type_where_there_is_one():
    data = random_graph(0)
    bare = Data(edge_index=data.edge_index, num_nodes=12)
    assert AddOrbitCounts()(bare).x.shape == (12, 15)
    for dtype, result in ((torch.float64, torch.float64), (torch.int64, torch.float32)):
        data.x = torch.ones(12, dtype=dtype)
        changed = AddOrbitCounts()(data)
        assert changed.x.shape == (12, 16)
        assert changed.x.dtype == result


def test_counts_under_a_name_leave_x_alone_and_may_be_exact():
    data = random_graph(1)
    changed = AddOrbitCounts("orbits", log=False, orbits=(14, 0))(data)
    counts = orbit_counts(data.edge_index, num_nodes=12)
    assert changed.orbits.dtype == torch.int64
    assert np.array_equal(changed.orbits, counts[:, [14, 0]])
    assert torch.equal(changed.x, data.x)
    assert AddOrbitCounts("orbits")(data).orbits.dtype == torch.float32


def test_large_counts_are_exact():
    leaves = 5000
    star = Data(
        edge_index=torch.stack([torch.zeros(leaves, dtype=torch.int64), torch.arange(leaves) + 1]),
        num_nodes=leaves + 1,
    )
    assert int(AddOrbitCounts("orbits", log=False)(star).orbits[0, 7]) == 20_820_835_000


def test_edge_counts_fill_edge_attr_in_the_order_of_edge_index():
    data = random_graph(2)
    data.edge_index = torch.cat([data.edge_index, data.edge_index.flip(0)[:, :5]], 1)
    changed = AddEdgeOrbitCounts(log=False)(data)
    edges, counts = edge_orbit_counts(data.edge_index, num_nodes=12)
    of = {tuple(edge): row for edge, row in zip(edges.tolist(), counts.tolist(), strict=True)}
    expected = [of[min(u, v), max(u, v)] for u, v in data.edge_index.t().tolist()]
    assert changed.edge_attr.tolist() == expected
    assert changed.edge_attr.dtype == torch.float32
    data.edge_attr = torch.ones(data.num_edges, dtype=torch.float64)
    again = AddEdgeOrbitCounts()(data)
    assert again.edge_attr.shape == (data.num_edges, 13)
    assert again.edge_attr.dtype == torch.float64
    assert np.allclose(again.edge_attr[:, 1:], np.log1p(expected))


def test_edges_of_weight_zero_and_loops_have_no_counts():
    index = torch.tensor([[0, 1, 2, 2, 3], [1, 2, 0, 3, 3]])
    data = Data(edge_index=index, num_nodes=4, edge_weight=torch.tensor([1.0, 1, 1, 0, 1]))
    with pytest.warns(UserWarning, match="1 self loop"):
        changed = AddEdgeOrbitCounts("orbits", log=False)(data)
    assert changed.orbits[:, 1].tolist() == [1, 1, 1, 0, 0]
    assert not changed.orbits[3:].any()


@pytest.mark.parametrize("normalize", [None, "row", "pmi"])
@pytest.mark.parametrize("key", [(2, 4, 5), (1, 12, 13), (3, 4, 4)])
def test_adjacency_equals_the_matrix(key, normalize):
    data = random_graph(3, 14, 40)
    name = "_".join(map(str, key))
    changed = AddOrbitAdjacency(key, normalize)(data)
    index, weight = changed[f"edge_index_{name}"], changed[f"edge_weight_{name}"]
    matrix = orbit_adjacency(data.edge_index, [key], num_nodes=14)[key]
    if normalize == "row":
        sums = matrix.sum(axis=1)
        expected = matrix.toarray() / np.where(sums == 0, 1, sums)[:, None]
    else:
        expected = (orbit_pmi(matrix) if normalize else matrix).toarray()
    assert index.dtype == torch.int64
    assert weight.dtype == torch.float32
    assert weight.numel() == np.count_nonzero(expected)
    found = torch.zeros(14, 14)
    found[index[0], index[1]] = weight
    assert np.allclose(found, expected, rtol=1e-6)


def test_a_pair_of_orbits_and_several_keys_are_taken():
    data = random_graph(3, 14, 40)
    changed = AddOrbitAdjacency([(12, 13), (2, 6, 6)])(data)
    assert {"edge_index_1_12_13", "edge_weight_2_6_6"} <= set(changed.keys())


@every_transform
def test_the_input_is_not_changed(name):
    data = random_graph(4)
    before = data.clone()
    TRANSFORMS[name]()(data)
    TRANSFORMS[name]()([data])
    assert equal(data, before)


@every_transform
@pytest.mark.parametrize("n", [0, 1, 4])
def test_graphs_without_edges(name, n):
    data = without_edges(n)
    changed = TRANSFORMS[name]()(data)
    assert changed.num_nodes == n
    for key in set(changed.keys()) - {"x", "edge_index"}:
        length = {"orbits": n}.get(key, 0)
        assert changed[key].shape[-1 if "index" in key else 0] == length
    assert changed.x.shape[0] == n


@every_transform
def test_a_list_equals_graphs_one_by_one(name):
    graphs = molecules()
    together = TRANSFORMS[name]()(graphs)
    assert isinstance(together, list)
    for one, other in zip(graphs, together, strict=True):
        assert equal(TRANSFORMS[name]()(one), other)
    assert TRANSFORMS[name]()([]) == []


@every_transform
def test_a_batch_equals_graphs_one_by_one(name):
    graphs = molecules()
    alone = [TRANSFORMS[name]()(data) for data in graphs]
    batch = TRANSFORMS[name]()(Batch.from_data_list(graphs))
    expected = Batch.from_data_list(alone)
    assert batch.num_graphs == len(graphs)
    for key in list(expected.keys()):
        assert torch.equal(batch[key], expected[key]), key
    for one, other in zip(batch.to_data_list(), alone, strict=True):
        assert equal(one, other)


def test_parts_of_a_list_do_not_keep_each_other_alive():
    changed = AddOrbitCounts("orbits")(molecules())
    assert all(d.orbits.untyped_storage().nbytes() == d.orbits.nbytes for d in changed)


class Molecules(InMemoryDataset):
    """A data set of PyG as users write them."""

    @property
    def raw_file_names(self):
        return []

    @property
    def processed_file_names(self):
        return ["data.pt"]

    def __init__(self, root, pre_transform=None, transform=None):
        super().__init__(root, transform, pre_transform)
        self.load(self.processed_paths[0])

    def download(self):
        pass

    def process(self):
        graphs = molecules()
        if self.pre_transform is not None:
            graphs = [self.pre_transform(data) for data in graphs]
        self.save(graphs, self.processed_paths[0])


@every_transform
def test_pre_transform_of_a_data_set_in_a_loader(name, tmp_path):
    transform = Compose([Constant(), TRANSFORMS[name]()])
    dataset = Molecules(tmp_path, transform)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # the stored text of the transform is the same
        Molecules(tmp_path, Compose([Constant(), TRANSFORMS[name]()]))
    alone = [transform(data) for data in molecules()]
    for one, other in zip(dataset, alone, strict=True):
        assert equal(one, other)
    (batch,) = DataLoader(dataset, batch_size=len(alone))
    expected = Batch.from_data_list(alone)
    assert all(torch.equal(batch[key], expected[key]) for key in list(expected.keys()))


@every_transform
def test_a_whole_data_set_becomes_another(name, tmp_path):
    dataset = Molecules(tmp_path, transform=Constant())
    part = dataset[torch.tensor([4, 0, 2])]
    changed = TRANSFORMS[name]()(part)
    assert isinstance(changed, Molecules)
    assert len(changed) == 3
    assert len(dataset) == 6
    graphs = molecules()
    for i, one in zip((4, 0, 2), changed, strict=True):
        assert equal(one, Constant()(TRANSFORMS[name]()(graphs[i])))
    assert set(dataset[0].keys()) == {"x", "edge_index"}


def test_a_subset_becomes_a_list():
    graphs = molecules()
    changed = AddOrbitCounts()(Subset(graphs, [5, 1]))
    assert equal(changed[0], AddOrbitCounts()(graphs[5]))
    assert equal(changed[1], AddOrbitCounts()(graphs[1]))


def test_a_transform_at_every_access_sees_what_came_before():
    data = Compose([AddSelfLoops(), AddOrbitCounts("orbits", log=False)])
    with pytest.warns(UserWarning, match="12 self loops") as seen:
        changed = data(random_graph(0))
    assert len(seen) == 1
    assert torch.equal(changed.orbits, AddOrbitCounts("orbits", log=False)(random_graph(0)).orbits)


def test_loops_of_many_graphs_are_one_warning():
    graphs = [AddSelfLoops()(random_graph(seed)) for seed in range(3)]
    with pytest.warns(UserWarning, match="36 self loops") as seen:
        AddOrbitCounts()(graphs)
    assert len(seen) == 1
    assert seen[0].filename == __file__


def test_weights_are_ignored_in_lists_too():
    graphs = [random_graph(0), random_graph(1)]
    graphs[1].edge_weight = torch.full((graphs[1].num_edges, 1), 3.0)
    with pytest.warns(UserWarning, match="Weights are ignored"):
        changed = AddOrbitCounts("orbits")(graphs)
    assert torch.equal(changed[1].orbits, AddOrbitCounts("orbits")(random_graph(1)).orbits)


def test_an_id_of_the_next_graph_is_refused():
    wrong = Data(edge_index=torch.tensor([[0, 1], [1, 2]]), num_nodes=2)
    with pytest.raises(InputError, match=r"graph 1 holds the edge \(1, 2\).*num_nodes is 2"):
        AddOrbitCounts()([random_graph(0), wrong, random_graph(1)])
    with pytest.raises(InputError, match="holds node 2, but num_nodes is 2"):
        AddOrbitCounts()(wrong)


def test_what_is_no_graph_is_refused():
    for wrong in (Data(num_nodes=3), HeteroData(), 7, Data(edge_index=torch.zeros(3, 2).long())):
        with pytest.raises(UnsupportedGraph, match="edge_index is"):
            AddOrbitCounts()(wrong)


def test_sparse_features_are_not_appended_to():
    data = random_graph(0)
    data.x = data.x.to_sparse()
    with pytest.raises(InputError, match="attr_name="):
        AddOrbitCounts()(data)
    assert AddOrbitCounts("orbits")(data).orbits.shape == (12, 15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AddOrbitCounts(orbits=[0, 15]), "orbits holds 15"),
        (lambda: AddOrbitCounts(orbits=[]), "orbits is empty"),
        (lambda: AddOrbitAdjacency((1, 2, 3)), "is no orbit pair"),
        (lambda: AddOrbitAdjacency((4, 5)), "several distances"),
        (lambda: AddOrbitAdjacency(KEY, normalize="max"), "normalize is 'max'"),
    ],
)
def test_wrong_arguments_are_refused_at_once(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_the_text_of_a_transform_holds_its_arguments():
    texts = {repr(make()) for make in TRANSFORMS.values()}
    assert len(texts) == len(TRANSFORMS)
    assert repr(AddOrbitCounts()) == "AddOrbitCounts(attr_name=None, log=True, orbits=None)"


def test_import_is_cheap():
    code = "import sys, graphlab.transforms; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"torch_geometric", "numba", "scipy", "pandas", "networkx", "sklearn"}
