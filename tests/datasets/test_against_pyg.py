"""Our readers give what torch_geometric's loaders give, on every set of the mirror and beyond."""

from __future__ import annotations

import pickle
import shutil

import numpy as np
import pytest
import torch
from scipy import sparse

from graphlab.datasets import load
from graphlab.datasets.card import DatasetCard, RawFile
from graphlab.datasets.catalog import find_dataset
from graphlab.datasets.loaded import build_data
from graphlab.datasets.npz import read_npz_set
from graphlab.datasets.planetoid import read_planetoid
from graphlab.datasets.tu import read_tu
from graphlab.datasets.webkb import read_webkb

GRAPHS = {
    "cora": ("Planetoid", "planetoid", "Cora"),
    "citeseer": ("Planetoid", "planetoid", "CiteSeer"),
    "photo": ("Amazon", "amazon", "Photo"),
    "computers": ("Amazon", "amazon", "Computers"),
    "cs": ("Coauthor", "coauthor", "CS"),
    "minesweeper": ("HeterophilousGraphDataset", "heterophilous", "minesweeper"),
    "tolokers": ("HeterophilousGraphDataset", "heterophilous", "tolokers"),
    "texas": ("WebKB", "webkb", "texas"),
    "cornell": ("WebKB", "webkb", "cornell"),
    "wisconsin": ("WebKB", "webkb", "wisconsin"),
}


@pytest.fixture
def pyg(no_sockets):
    """PyG's data sets; imported late, since the import takes seconds."""
    return pytest.importorskip("torch_geometric.datasets")


@pytest.fixture
def copied(mirror, tmp_path):
    def copy(family):
        shutil.copytree(mirror / family, tmp_path / family, dirs_exist_ok=True)
        for path in (tmp_path / family).rglob("*"):
            path.chmod(0o755)
        (tmp_path / family).chmod(0o755)
        return str(tmp_path / family)

    return copy


def sorted_entries(edge_index):
    order = np.lexsort((edge_index[1].numpy(), edge_index[0].numpy()))
    return edge_index[:, torch.from_numpy(order)]


def same_graph(ours, theirs):
    assert torch.equal(ours.edge_index, sorted_entries(theirs.edge_index))
    assert torch.equal(ours.y, theirs.y)
    features = ours.features
    if features.layout == torch.sparse_csr:  # compared without making 18,333 x 6,805 dense twice
        expected = theirs.x.to_sparse_csr()
        assert torch.equal(features.crow_indices(), expected.crow_indices())
        assert torch.equal(features.col_indices(), expected.col_indices())
        assert torch.equal(features.values(), expected.values())
    else:
        assert torch.equal(features, theirs.x)


def same_masks(data, theirs):
    (stored,) = data.stored_splits.values()
    for stage in ("train", "val", "test"):
        mask = theirs[f"{stage}_mask"]
        assert torch.equal(stored[stage], mask.reshape(mask.shape[0], -1))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_of_the_mirror(name, in_shared_root, copied, pyg):
    cls, family, theirs_name = GRAPHS[name]
    folder = copied(f"{family}/{theirs_name}")
    if cls == "Coauthor":  # what its class calls; the class would also write 500 MB
        from torch_geometric.io import read_npz

        theirs = read_npz(f"{folder}/raw/ms_academic_cs.npz")
    else:
        theirs = getattr(pyg, cls)(folder.rsplit("/", 1)[0], theirs_name)[0]
    data = load(name)
    same_graph(data.graph, theirs)
    if "train_mask" in theirs:
        same_masks(data, theirs)
    assert data.graph.to_pyg().num_nodes == theirs.num_nodes


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("attributes", [False, True])
@pytest.mark.parametrize("name", ["tu-mutag", "tu-proteins", "tu-enzymes"])
def test_graph_sets_of_the_mirror(name, attributes, in_shared_root, copied, pyg):
    theirs_name = find_dataset(name).subdir.partition("/")[2]
    root = copied(f"tu/{theirs_name}").rsplit("/", 1)[0]
    theirs = pyg.TUDataset(root, theirs_name, use_node_attr=attributes)
    data = load(name, options={"use_node_attr": attributes})
    assert len(data.graph) == len(theirs)
    assert torch.equal(data.targets, theirs.y)
    inner, slices = theirs._data, theirs.slices  # items one by one take seconds
    nodes = torch.tensor([0] + [g.num_nodes for g in data.graph]).cumsum(0)
    edges = torch.tensor([0] + [g.num_edges for g in data.graph]).cumsum(0)
    assert torch.equal(nodes, slices["x"]) and torch.equal(edges, slices["edge_index"])
    assert torch.equal(torch.cat([g.edge_index for g in data.graph], 1), inner.edge_index)
    assert torch.equal(torch.cat([g.x for g in data.graph]), inner.x)
    assert (data.edge_attr is None) == (inner.edge_attr is None)
    if data.edge_attr is not None:
        assert torch.equal(torch.cat(data.edge_attr), inner.edge_attr)


@pytest.mark.filterwarnings("ignore")
def test_karate(pyg, root):
    theirs = pyg.KarateClub()[0]
    data = load("karate")
    same_graph(data.graph, theirs)
    assert torch.equal(data.split["train"], theirs.train_mask)


@pytest.mark.filterwarnings("ignore")
def test_original_csl_graphs_are_those_of_the_files(mirror, in_shared_root):
    """PyG has no reader for these files any more: compared with the pickle itself."""
    data = load("csl-original")
    with (mirror / "csl/raw/graphs_Kary_Deterministic_Graphs.pkl").open("rb") as file:
        matrices = pickle.load(file)
    for ours, matrix in zip(data.graph, matrices, strict=True):
        dense = matrix.toarray() != 0
        np.fill_diagonal(dense, 0)
        assert np.array_equal(ours.edge_index.numpy(), np.stack(np.nonzero(dense)))
    labels = torch.load(mirror / "csl/raw/y_Kary_Deterministic_Graphs.pt", weights_only=True)
    assert torch.equal(data.targets, labels)


# Sets that are not in the mirror: the same readers on small files of the same format.


def card_of(name, folder, **changes):
    files = {path: RawFile(path) for path in changes.pop("paths")}
    return DatasetCard(name=name, title="", loader="", files=files, folder=folder, **changes)


def build(card, arrays, protocol="public"):
    card = DatasetCard(
        name=card.name, title="", loader="", tasks=("node",), protocols={"node": (protocol,)}
    )
    return build_data(card, "node", arrays, info={})


@pytest.mark.filterwarnings("ignore")
def test_planetoid_format(tmp_path, pyg):
    """A small PubMed: real-valued features, loops and duplicates, test nodes in disorder."""
    rng = np.random.default_rng(0)
    raw = tmp_path / "PubMed" / "raw"
    raw.mkdir(parents=True)
    known, tested, width, classes = 700, 60, 30, 3
    x = sparse.random(known + tested, width, 0.1, format="csr", dtype=np.float32, rng=rng)
    y = np.eye(classes, dtype=np.int32)[rng.integers(classes, size=known + tested)]
    index = known + rng.permutation(tested)
    graph = {u: rng.integers(known + tested, size=4).tolist() for u in range(known + tested)}
    graph[0] = [0, 1, 1, 2]
    parts = {"x": x[:60], "tx": x[known:], "allx": x[:known], "graph": graph}
    parts |= {"y": y[:60], "ty": y[known:], "ally": y[:known]}
    for part, content in parts.items():
        (raw / f"ind.pubmed.{part}").write_bytes(pickle.dumps(content, protocol=2))
    (raw / "ind.pubmed.test.index").write_text("\n".join(map(str, index)) + "\n")
    theirs = pyg.Planetoid(str(tmp_path), "PubMed")[0]
    card = card_of("pubmed", tmp_path, paths=find_dataset("pubmed").required_files)
    ours = build(card, read_planetoid(tmp_path / "PubMed", card))
    same_graph(ours.graph, theirs)
    same_masks(ours, theirs)


@pytest.mark.filterwarnings("ignore")
def test_tu_format_without_labels_with_loops_and_duplicates(tmp_path, pyg):
    raw = tmp_path / "IMDB-BINARY" / "raw"
    raw.mkdir(parents=True)
    (raw / "IMDB-BINARY_A.txt").write_text("1, 2\n2, 1\n1, 1\n3, 4\n4, 3\n3, 4\n4, 5\n5, 4\n")
    (raw / "IMDB-BINARY_graph_indicator.txt").write_text("1\n1\n2\n2\n2\n2\n")
    (raw / "IMDB-BINARY_graph_labels.txt").write_text("1\n-1\n")
    theirs = pyg.TUDataset(str(tmp_path), "IMDB-BINARY")
    card = find_dataset("tu-imdb-binary")
    arrays = read_tu(tmp_path / "IMDB-BINARY", card)
    data = build_data(card, "graph", arrays, info={})
    assert torch.equal(data.targets, theirs.y)
    for ours, other in zip(data.graph, theirs, strict=True):
        assert torch.equal(ours.edge_index, sorted_entries(other.edge_index))
        assert ours.num_nodes == other.num_nodes and ours.x is None


@pytest.mark.filterwarnings("ignore")
def test_actor_format(tmp_path, pyg):
    raw = tmp_path / "raw"
    raw.mkdir()
    rng = np.random.default_rng(0)
    lines = ["node_id\tfeature\tlabel"]
    for node in rng.permutation(40):
        words = ",".join(map(str, rng.choice(931, size=5, replace=False)))
        lines.append(f"{node}\t{words},931\t{node % 5}")
    (raw / "out1_node_feature_label.txt").write_text("\n".join(lines) + "\n")
    edges = [f"{a}\t{b}" for a, b in rng.integers(40, size=(200, 2))]
    (raw / "out1_graph_edges.txt").write_text("\n".join(["a\tb", *edges]) + "\n")
    for i in range(10):
        masks = {f"{s}_mask": (rng.random(40) < 0.3).astype(np.uint8) for s in ("train", "val")}
        np.savez(raw / f"film_split_0.6_0.2_{i}.npz", test_mask=np.ones(40, np.uint8), **masks)
    theirs = pyg.Actor(str(tmp_path))[0]
    card = find_dataset("actor")
    data = build(card, read_webkb(tmp_path, card), "stored-10")
    same_graph(data.graph, theirs)
    same_masks(data, theirs)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["roman-empire", "amazon-ratings", "questions"])
def test_heterophilous_format(name, tmp_path, pyg):
    card = find_dataset(name)
    under = name.replace("-", "_")
    raw = tmp_path / under / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    masks = {f"{s}_masks": rng.random((10, 50)) < 0.3 for s in ("train", "val", "test")}
    np.savez(
        raw / f"{under}.npz",
        node_features=rng.random((50, 7)).astype(np.float32),
        node_labels=rng.integers(4, size=50),
        edges=rng.integers(50, size=(120, 2)),
        **masks,
    )
    theirs = pyg.HeterophilousGraphDataset(str(tmp_path), name)[0]
    data = build(card, read_npz_set(tmp_path / under, card), "stored-10")
    same_graph(data.graph, theirs)
    same_masks(data, theirs)


@pytest.mark.filterwarnings("ignore")
def test_coauthor_format_with_counts_and_one_direction(tmp_path, pyg):
    raw = tmp_path / "Physics" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    adjacency = sparse.random(60, 60, 0.05, format="csr", dtype=np.float32, rng=rng)
    words = sparse.random(60, 40, 0.1, format="csr", rng=rng)
    words.data = rng.integers(1, 6, words.nnz).astype(np.float32)
    arrays = {"labels": rng.integers(5, size=60)}
    for name, matrix in (("adj", adjacency), ("attr", words)):
        for part in ("data", "indices", "indptr", "shape"):
            arrays[f"{name}_{part}"] = getattr(matrix, part)
    np.savez(raw / "ms_academic_phy.npz", names=np.array([{"a": 1}], dtype=object), **arrays)
    theirs = pyg.Coauthor(str(tmp_path), "Physics")[0]
    card = find_dataset("physics")
    same_graph(build(card, read_npz_set(tmp_path / "Physics", card)).graph, theirs)
