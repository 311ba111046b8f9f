"""Our reader of OGB's files gives what OGB's own loaders give, asks nothing, opens no socket."""

from __future__ import annotations

import gzip
import shutil
import sys

import numpy as np
import pytest
import torch

from graphlab.datasets import find_dataset, load, make_split
from graphlab.datasets.verifying import verify
from graphlab.errors import (
    DatasetCorrupt,
    DatasetIncomplete,
    DatasetNotFound,
    InputError,
    UnsafeFileError,
)
from tests.datasets.ogb_files import bare, in_official_order, ours, theirs, write_set, write_table

TINY = ["ogbn-arxiv", "ogbl-collab", "ogbg-molhiv"]
MADE = [
    "ogbn-arxiv",
    "ogbn-products",
    "ogbn-proteins raw/node_species.csv.gz",
    "ogbn-proteins raw/species.csv.gz",
    "ogbn-papers100m",
    "ogbl-ppa",
    "ogbl-citation2",
    "ogbl-vessel",
    "ogbg-molpcba",
    "ogbg-mollipo",
    "ogbg-ppa",
]
MOLECULES = {  # graphs, nodes, edges, targets' type, parts
    "ogbg-molesol": (1128, 14991, 15428, torch.float32, (902, 113, 113)),
    "ogbg-molfreesolv": (642, 5600, 5385, torch.float32, (513, 64, 65)),
    "ogbg-molbace": (1513, 51577, 55768, torch.int64, (1210, 151, 152)),
    "ogbg-molbbbp": (2039, 49068, 52921, torch.int64, (1631, 204, 204)),
    "ogbg-molhiv": (41127, 1049163, 1129688, torch.int64, (32901, 4113, 4113)),
}


@pytest.fixture
def ogb(no_sockets):
    """OGB's package; its modules are imported late, since the import takes seconds."""
    return pytest.importorskip("ogb")


@pytest.fixture
def copied(mirror, tmp_path):
    """Copy a folder of the mirror to where OGB's loader may write."""

    def copy(folder):
        target = tmp_path / "theirs" / folder.rpartition("/")[2]
        shutil.copytree(mirror / folder, target)
        for path in (target, *target.rglob("*")):
            path.chmod(0o755)
        return target.parent

    return copy


@pytest.fixture
def tiny(mirror, tmp_path):
    """A copy of one of the three generated sets, which may be damaged."""

    def copy(name):
        folder = tmp_path / "ours" / name.replace("-", "_")
        shutil.copytree(mirror / "ogb_tiny" / folder.name, folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        return folder

    return copy


def same(ours, theirs):
    assert ours.dtype == theirs.dtype
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0, equal_nan=True)


def same_single(data, found):
    graph = data.graph
    assert graph.num_nodes == found.num_nodes
    edge = {key: value for key, value in data.attributes.items() if key.startswith("edge_")}
    if data.edge_attr is not None:
        edge["edge_attr"] = data.edge_attr
    edge_index, *columns = in_official_order(graph, *edge.values())
    same(edge_index, found.edge_index)
    for key, column in zip(edge, columns, strict=True):
        same(column, found[key])
    assert (graph.x is None) == (found.x is None)
    if found.x is not None:
        same(graph.x, found.x)
    if found.y is not None:
        same(graph.y, found.y)
    equal = (graph.edge_index[:, 1:] == graph.edge_index[:, :-1]).all(0)
    assert (graph.perm[1:] > graph.perm[:-1])[equal].all()  # copies stay in their order
    listed = {"edge_index", "edge_attr", "x", "y", "num_nodes"}
    assert set(found.keys()) - listed == set(data.attributes)
    for key in set(data.attributes) - set(edge):
        same(data.attributes[key], found[key])


def same_graphs(data, found):
    inner, slices = found._data, found.slices  # items one by one take seconds
    same(data.targets, inner.y)
    nodes = torch.tensor([0] + [g.num_nodes for g in data.graph]).cumsum(0)
    edges = torch.tensor([0] + [g.num_edges for g in data.graph]).cumsum(0)
    assert torch.equal(edges, slices["edge_index"])
    if inner.x is not None:
        assert torch.equal(nodes, slices["x"])
        same(torch.cat([g.x for g in data.graph]), inner.x)
    parts = [in_official_order(g, a) for g, a in zip(data.graph, data.edge_attr, strict=True)]
    same(torch.cat([index for index, _ in parts], 1), inner.edge_index)
    same(torch.cat([attr for _, attr in parts]), inner.edge_attr)
    for graph in data.graph:  # what views of one array must still be
        index = graph.edge_index
        assert (index[:, 1:] - index[:, :-1])[0].ge(0).all()
        assert torch.equal(
            graph.indptr[index[0] + 1] > torch.arange(graph.num_edges), index[0] >= 0
        )
        assert graph.indptr[0] == 0 and graph.indptr[-1] == graph.num_edges


def same_split(split, found):
    assert list(split) == ["train", "val", "test"]
    for part, other in zip(split.values(), found.values(), strict=True):
        if isinstance(part, torch.Tensor):
            same(part, other)
            continue
        assert part.keys() == other.keys()
        for key in part:
            same(part[key], torch.as_tensor(other[key]))


def same_as_theirs(data, found, split):
    (same_graphs if isinstance(data.graph, list) else same_single)(
        data, found if isinstance(data.graph, list) else found[0]
    )
    same_split(data.official_split, split)


# --- equal to OGB's loaders


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TINY)
def test_generated_sets_of_the_mirror(name, mirror, copied, ogb, capsys):
    folder = f"ogb_tiny/{name.replace('-', '_')}"
    found, split = theirs(name, copied(folder))
    capsys.readouterr()
    same_as_theirs(ours(mirror / folder, bare(name)), found, split)
    assert capsys.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("made", MADE)
def test_every_form_of_the_layout(made, tmp_path, ogb):
    name, *extra = made.split()
    card = bare(name)
    folder = tmp_path / "ogb" / find_dataset(name).subdir.rpartition("/")[2]
    write_set(folder, card, *extra)
    before = sorted(folder.rglob("*"))
    data = ours(folder, card)
    split = data.official_split
    assert sorted(folder.rglob("*")) == before
    same_as_theirs(data, *theirs(name, folder.parent))
    assert split is data.official_split


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["ogbl-ddi", "ogbg-molesol", "ogbg-molbace"])
def test_released_sets(name, in_shared_root, copied, ogb):
    found, split = theirs(name, copied(find_dataset(name).subdir))
    same_as_theirs(load(name), found, split)
    again = load(name)
    assert again.info["from_copy"]
    same_as_theirs(again, found, split)


# --- what the sets are


def test_ddi_has_its_counts_and_the_training_edges_alone(in_shared_root, no_sockets):
    data = load("ogbl-ddi")
    graph, split = data.graph, data.official_split
    assert (data.task, data.metric, data.num_classes) == ("link", "hits@20", 0)
    assert (graph.num_nodes, graph.num_edges) == (4267, 2135822)
    assert graph.is_undirected() and graph.features is None
    sizes = {stage: [len(part[key]) for key in part] for stage, part in split.items()}
    assert sizes == {"train": [1067911], "val": [133489, 101882], "test": [133489, 95599]}
    assert all(t.dtype == torch.int64 for part in split.values() for t in part.values())
    known = torch.zeros(4267, 4267, dtype=torch.bool)
    known[tuple(graph.edge_index)] = True
    assert known[tuple(split["train"]["edge"].t())].all()
    assert graph.simple().num_edges == graph.num_edges
    for stage in ("val", "test"):
        assert not known[tuple(split[stage]["edge"].t())].any()
    assert data.info["unverified"] == ["RELEASE_v1.txt"]
    assert data.split == {}


def test_common_neighbours_on_ddi_rank_as_published(in_shared_root):
    data = load("ogbl-ddi")
    matrix = torch.zeros(4267, 4267)
    matrix[tuple(data.graph.edge_index)] = 1
    count = matrix @ matrix
    hits = {}
    for stage in ("val", "test"):
        part = data.official_split[stage]
        positive, negative = (count[tuple(part[key].t())] for key in ("edge", "edge_neg"))
        hits[stage] = float((positive > negative.sort().values[-20]).double().mean())
    assert hits == pytest.approx({"val": 0.0947, "test": 0.1773}, abs=5e-5)


@pytest.mark.parametrize("name", MOLECULES)
def test_molecules_have_their_counts(name, in_shared_root, no_sockets):
    graphs, nodes, edges, kind, parts = MOLECULES[name]
    data = load(name)
    assert (len(data.graph), data.info["num_nodes"], data.info["num_edges"]) == (
        graphs,
        nodes,
        2 * edges,
    )
    assert data.targets.shape == (graphs, 1) and data.targets.dtype == kind
    assert data.num_classes == (2 if kind == torch.int64 else 0)
    assert {g.x.shape[1] for g in data.graph[:50]} == {9}
    assert all(a.shape == (g.num_edges, 3) for g, a in zip(data.graph, data.edge_attr, strict=True))
    split = data.official_split
    assert tuple(len(ids) for ids in split.values()) == parts
    assert torch.equal(torch.cat(list(split.values())).sort().values, torch.arange(graphs))
    if name == "ogbg-molhiv":
        positives = [int(data.targets[ids].sum()) for ids in split.values()]
        assert positives == [1232, 81, 130]


def test_a_node_set_is_split_by_masks(tiny):
    data = ours(tiny("ogbn-arxiv"), bare("ogbn-arxiv"))
    assert data.protocol == "official"
    for stage, ids in data.official_split.items():
        assert torch.equal(data.split[stage].nonzero()[:, 0], ids.sort().values)
    assert make_split(data, "official", 7)["test"].equal(data.split["test"])
    with pytest.raises(InputError, match=r"official has 1 \(0\.\.0\)"):
        make_split(data, "official", 0, fold=1)


def test_only_sets_of_ogb_have_an_official_split():
    with pytest.raises(InputError, match="karate has no official split"):
        _ = load("karate").official_split
    with pytest.raises(InputError, match="no official split"):
        make_split(load("karate"), "official", 0)


def test_unknown_labels_are_no_class(tmp_path):
    card = bare("ogbn-papers100m")
    write_set(tmp_path, card)
    from graphlab.datasets.splits import class_labels

    data = ours(tmp_path, card)
    labels = class_labels(data)
    assert labels.dtype == torch.int64 and int(labels.min()) == -1
    assert torch.equal(labels < 0, data.graph.y[:, 0].isnan())


def test_weights_of_edges_are_those_of_the_graph(tiny):
    data = ours(tiny("ogbl-collab"), bare("ogbl-collab"))
    weight = data.attributes["edge_weight"]
    assert weight.dtype == torch.int64 and weight.shape == (data.graph.num_edges, 1)
    assert torch.equal(data.graph.edge_weight, weight[:, 0].float())


# --- where files lie


def test_a_mirror_is_only_read(mirror, with_mirror, no_sockets):
    before = sorted((mirror / "ogb" / "ogbg_molesol").rglob("*"))
    assert not load("ogbg-molesol").info["from_copy"]
    assert load("ogbg-molesol").info["from_copy"]
    assert sorted((mirror / "ogb" / "ogbg_molesol").rglob("*")) == before
    copies = list((with_mirror / "ogb" / "ogbg_molesol").glob("processed-*/*"))
    assert [copy.name for copy in copies] == ["ogbg-molesol.npz"]
    np.load(copies[0], allow_pickle=False).close()


def test_the_folder_that_ogb_prefers_is_preferred(own_copy, root):
    folder = own_copy("ogbg-molesol")
    other = folder.with_name("ogbg_molesol_pyg")
    folder.rename(other)
    (folder / "raw").mkdir(parents=True)
    assert load("ogbg-molesol").info["folder"] == str(other)
    states = verify(find_dataset("ogbg-molesol"))
    assert all(other in state.place.parents for state in states)


def test_a_whole_split_file_wins(tmp_path, ogb):
    folder = tmp_path / "ogbn_arxiv"
    write_set(folder, bare("ogbn-arxiv"))
    parts = {"train": torch.arange(20), "valid": torch.arange(20, 25), "test": torch.arange(25, 40)}
    torch.save(parts, folder / "split/time/split_dict.pt")
    data = ours(folder, bare("ogbn-arxiv"))
    same_split(data.official_split, theirs("ogbn-arxiv", tmp_path)[1])
    assert data.split["val"].nonzero()[:, 0].tolist() == [20, 21, 22, 23, 24]


# --- errors


def test_an_absent_release_file_is_named_and_nobody_is_asked(own_copy, no_sockets):
    folder = own_copy("ogbl-ddi")
    (folder / "RELEASE_v1.txt").unlink()
    with pytest.raises(DatasetIncomplete, match=r"1 file is missing.*Missing: RELEASE_v1\.txt"):
        load("ogbl-ddi")
    assert (folder / "raw/edge.csv.gz").is_file()


@pytest.mark.parametrize("path", ["raw/edge.csv.gz", "raw/num-node-list.csv.gz"])
def test_an_absent_raw_file_is_named(path, own_copy, no_sockets):
    folder = own_copy("ogbl-ddi")
    (folder / path).unlink()
    with pytest.raises(DatasetIncomplete, match=path) as caught:
        load("ogbl-ddi")
    message = str(caught.value)
    assert str(folder) in message and "--force" in message and "split/target/valid.pt" in message


def test_the_folder_of_a_stopped_download_is_told_apart(root, no_sockets):
    with pytest.raises(DatasetNotFound) as absent:
        load("ogbl-ddi")
    assert not isinstance(absent.value, DatasetIncomplete)
    assert "graphlab-bench data fetch ogbl-ddi" in str(absent.value)
    (root / "ogb/ogbl_ddi/raw").mkdir(parents=True)
    with pytest.raises(DatasetIncomplete, match="no raw file"):
        load("ogbl-ddi")
    (root / "ogb/ogbl_ddi/raw/edge.csv.gz.part").write_bytes(b"half")
    with pytest.raises(DatasetIncomplete, match=r"Found: raw/edge\.csv\.gz\.part"):
        load("ogbl-ddi")


def test_a_truncated_file_with_a_known_checksum(own_copy):
    folder = own_copy("ogbl-ddi")
    path = folder / "raw/edge.csv.gz"
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(DatasetCorrupt) as caught:
        load("ogbl-ddi")
    message = str(caught.value)
    for part in (str(path), "100000 bytes", "expected 2810105 bytes", "b2c585f425f4", "--force"):
        assert part in message


def test_a_split_file_that_changes_after_loading_is_refused(own_copy, flip):
    folder = own_copy("ogbl-ddi")
    data = load("ogbl-ddi")
    flip(folder / "split/target/valid.pt", 50_000)
    with pytest.raises(DatasetCorrupt, match=r"valid\.pt is damaged.*4a48348f"):
        _ = data.official_split


def files_of(name):
    return [path for path in find_dataset(name).files if not path.startswith("RELEASE")]


@pytest.mark.parametrize(("name", "path"), [(n, path) for n in TINY for path in files_of(n)])
def test_files_without_checksum_that_are_cut_or_empty(name, path, tiny):
    folder = tiny(name)
    whole = (folder / path).read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-3], b"", gzip.compress(b""), b"noise" * 20):
        (folder / path).write_bytes(content)
        with pytest.raises((DatasetCorrupt, UnsafeFileError)) as caught:
            _ = ours(folder, bare(name)).official_split
        message = str(caught.value)
        assert str(folder / path) in message and f"{len(content)} bytes" in message
        assert "\n" not in message
    (folder / path).write_bytes(whole)
    _ = ours(folder, bare(name)).official_split


def test_the_cause_of_a_truncated_file_is_kept(tiny):
    path = tiny("ogbn-arxiv") / "raw/node-feat.csv.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DatasetCorrupt) as caught:
        ours(path.parents[1], bare("ogbn-arxiv"))
    assert isinstance(caught.value.__cause__, EOFError)


@pytest.mark.parametrize(
    ("name", "path", "content"),
    [
        ("ogbn-arxiv", "raw/edge.csv.gz", "0,1\n"),
        ("ogbn-arxiv", "raw/edge.csv.gz", "0\n"),
        ("ogbn-arxiv", "raw/edge.csv.gz", "secret,word\n"),
        ("ogbn-arxiv", "raw/num-node-list.csv.gz", "59\n"),
        ("ogbn-arxiv", "raw/num-node-list.csv.gz", "30\n30\n"),
        ("ogbn-arxiv", "raw/num-node-list.csv.gz", "60.5\n"),
        ("ogbn-arxiv", "raw/num-edge-list.csv.gz", "7\n"),
        ("ogbn-arxiv", "raw/node-feat.csv.gz", "1,2\n"),
        ("ogbn-arxiv", "raw/node-label.csv.gz", "1\n"),
        ("ogbn-arxiv", "raw/node_year.csv.gz", "2001\n"),
        ("ogbn-arxiv", "split/time/valid.csv.gz", "60\n"),
        ("ogbn-arxiv", "split/time/test.csv.gz", "-1\n"),
        ("ogbn-arxiv", "split/time/train.csv.gz", "0.5\n"),
        ("ogbl-collab", "raw/edge_year.csv.gz", "2001\n"),
        ("ogbl-collab", "raw/edge_weight.csv.gz", "-1\n" * 100),
        ("ogbg-molhiv", "raw/graph-label.csv.gz", "0\n"),
        ("ogbg-molhiv", "raw/edge-feat.csv.gz", "0,0,0\n"),
        ("ogbg-molhiv", "raw/num-edge-list.csv.gz", "1\n"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(name, path, content, tiny):
    folder = tiny(name)
    (folder / path).write_bytes(gzip.compress(content.encode()))
    with pytest.raises(DatasetCorrupt) as caught:
        _ = ours(folder, bare(name)).official_split
    assert "secret" not in str(caught.value) and ".csv.gz" in str(caught.value)


def test_an_edge_into_another_graph_is_refused(tiny):
    folder = tiny("ogbg-molhiv")
    path = folder / "raw/edge.csv.gz"
    edges = np.loadtxt(path, delimiter=",", dtype=int)
    edges[0, 1] = 11  # some node of the set, but none of the first graph
    write_table(path, edges)
    with pytest.raises(DatasetCorrupt, match=r"edge\.csv\.gz"):
        ours(folder, bare("ogbg-molhiv"))


@pytest.mark.parametrize(
    "part",
    [
        {"edge": np.array([[0, 60]])},
        {"edge": np.array([[-1, 0]])},
        {"edge": np.array([0, 1])},
        {"edge": np.array([[0.5, 1.0]])},
        {"edge": np.array([[0, 1]]), "weight": np.array([1, 2])},
        {"edge": np.array([[0, 1]]), "edge_neg": np.array([[0, 61]])},
        {"edge": "text"},
        {"edge": np.array(["a"])},
        {"node": np.array([[0, 1]])},
        [1, 2],
    ],
)
@pytest.mark.parametrize("new", [False, True])
def test_parts_of_a_link_split_are_checked(part, new, tiny):
    folder = tiny("ogbl-collab")
    path = folder / "split/time/valid.pt"
    torch.save(part, path, _use_new_zipfile_serialization=new)
    with pytest.raises((DatasetCorrupt, UnsafeFileError), match=r"valid\.pt"):
        _ = ours(folder, bare("ogbl-collab")).official_split


class Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        import os

        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("new", [False, True])
def test_a_payload_in_a_split_file_does_not_run(new, tiny, own_copy, tmp_path):
    marker = tmp_path / "marker"
    part = {"edge": np.array([[0, 1]]), "weight": Payload(str(marker))}
    folder = tiny("ogbl-collab")
    path = folder / "split/time/test.pt"
    torch.save(part, path, _use_new_zipfile_serialization=new)
    with pytest.raises(UnsafeFileError, match=r"test\.pt was not read"):
        _ = ours(folder, bare("ogbl-collab")).official_split
    real = own_copy("ogbl-ddi") / "split/target/test.pt"
    shutil.copyfile(path, real)
    with pytest.raises(DatasetCorrupt, match=r"test\.pt is damaged"):
        load("ogbl-ddi")  # the checksum comes first: not even opened
    assert not marker.exists()


def test_an_object_array_in_a_binary_set_does_not_run(tmp_path):
    card = bare("ogbl-vessel")
    write_set(tmp_path / "set", card)
    path = tmp_path / "set/raw/data.npz"
    with np.load(path) as content:
        arrays = {name: content[name] for name in content.files}
    arrays["node_feat"] = np.array([Payload(str(tmp_path / "marker"))] * 40, dtype=object)
    np.savez(path, **arrays)
    with pytest.raises(DatasetCorrupt, match=r"data\.npz"):
        ours(tmp_path / "set", card)
    arrays["node_feat"] = np.zeros(40)
    np.savez(path, other=np.zeros(40), **arrays)
    with pytest.raises(DatasetCorrupt, match=r"data\.npz"):
        ours(tmp_path / "set", card)
    assert not (tmp_path / "marker").exists()


def test_the_reader_needs_no_package_of_ogb(in_shared_root, monkeypatch):
    monkeypatch.setitem(sys.modules, "ogb", None)
    monkeypatch.setitem(sys.modules, "torch_geometric", None)
    assert len(load("ogbg-molesol").graph) == 1128


def test_verify_finds_a_flipped_byte(own_copy, flip):
    folder = own_copy("ogbg-molesol")
    path = "split/scaffold/test.csv.gz"

    def states():
        return {state.path: state.state for state in verify(find_dataset("ogbg-molesol"))}

    assert states().pop("RELEASE_v1.txt") == "unverified"
    assert set(states().values()) == {"ok", "unverified"}
    flip(folder / path, 40)
    assert [name for name, state in states().items() if state == "damaged"] == [path]


def test_only_official_link_sets_count_training_entries():
    assert find_dataset("ogbl-ddi").num_edges == 1334889
    assert find_dataset("ogbl-ddi").num_entries == 2135822
    assert find_dataset("ogbl-vessel").num_entries is None
    assert find_dataset("ogbn-arxiv").num_entries == 1166243
    assert find_dataset("cora").num_entries == 2 * find_dataset("cora").num_edges
