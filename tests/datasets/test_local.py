"""The user's own graph: every accepted form gives the same graph, every slip a named error."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from scipy import sparse

from graphlab.datasets import load_local
from graphlab.datasets.local import local_protocols, local_sha256
from graphlab.datasets.splits import make_split
from graphlab.datasets.tables import label_classes, read_labels, read_table
from graphlab.errors import DatasetCorrupt, DatasetNotFound, InputError, UnsafeFileError

EDGES = [(0, 1), (1, 2), (3, 1)]
BOTH = [[0, 1, 1, 1, 2, 3], [1, 0, 2, 3, 1, 1]]
X = np.arange(10, dtype=np.float32).reshape(5, 2)  # node 4 has no edge
Y = [0, 1, 1, 0, 2]


def write_folder(folder, *, separator=",", header=True, ending=".csv"):
    folder.mkdir(exist_ok=True)
    edges = [separator.join(map(str, pair)) for pair in EDGES]
    rows = [separator.join(map(str, row)) for row in X.tolist()]
    if header:
        edges.insert(0, separator.join(("source", "target")))
        rows.insert(0, separator.join(("a", "b")))
    (folder / f"edges{ending}").write_text("\n".join(edges) + "\n")
    (folder / f"features{ending}").write_text("# two columns\n" + "\n".join(rows) + "\n")
    (folder / f"labels{ending}").write_text("\n".join(map(str, Y)) + "\n")
    return folder


def expect(data):
    graph = data.graph
    assert graph.edge_index.tolist() == BOTH
    assert graph.num_nodes == 5
    assert np.array_equal(graph.x.numpy(), X)
    assert graph.y.tolist() == Y
    assert data.num_classes == 3


@pytest.mark.parametrize(
    ("separator", "header", "ending"),
    [(",", True, ".csv"), ("\t", False, ".tsv"), (" ", False, ".txt"), (";", True, ".csv")],
)
def test_a_folder_of_tables(tmp_path, separator, header, ending):
    folder = write_folder(tmp_path / "mine", separator=separator, header=header, ending=ending)
    data = load_local(folder)
    expect(data)
    assert (data.name, data.task, data.metric) == ("mine", "node", "acc")


def test_an_edge_list_finds_its_companions(tmp_path):
    folder = write_folder(tmp_path / "mine")
    (folder / "edges.csv").rename(folder / "friends.csv")
    expect(load_local(folder / "friends.csv"))
    with pytest.raises(DatasetNotFound, match="no edges"):
        load_local(folder)


def test_an_edge_list_alone_is_a_graph(tmp_path):
    (tmp_path / "edges.txt").write_text("0 1\n1 2\n3 1\n")
    data = load_local(tmp_path / "edges.txt", "link")
    assert data.graph.edge_index.tolist() == BOTH
    assert data.graph.features is None and data.graph.y is None


@pytest.mark.parametrize("form", ["edges", "edge_index", "adj"])
def test_an_npz(tmp_path, form):
    index = np.array(BOTH)
    matrix = sparse.csr_matrix((np.ones(6), index), shape=(5, 5))
    adj = {f"adj_{k}": getattr(matrix, k) for k in ("data", "indices", "indptr", "shape")}
    content = {"edges": {"edges": np.array(EDGES)}, "edge_index": {"edge_index": index}, "adj": adj}
    np.savez(tmp_path / "g.npz", node_features=X, node_labels=np.array(Y), **content[form])
    expect(load_local(tmp_path / "g.npz"))


def test_sparse_features_of_an_npz_and_of_a_folder(tmp_path):
    wide = sparse.csr_matrix(np.eye(5, 40, dtype=np.float32))
    parts = {f"attr_{k}": getattr(wide, k) for k in ("data", "indices", "indptr", "shape")}
    np.savez(tmp_path / "g.npz", edges=np.array(EDGES), **parts)
    folder = write_folder(tmp_path / "mine")
    (folder / "features.csv").unlink()
    sparse.save_npz(folder / "features.npz", wide)
    for data in (load_local(tmp_path / "g.npz"), load_local(folder)):
        assert data.graph.features.layout == torch.sparse_csr
        assert torch.equal(data.graph.x, torch.eye(5, 40))


def test_a_pyg_dictionary(tmp_path):
    data_module = pytest.importorskip("torch_geometric.data")
    index = torch.tensor(BOTH)
    data = data_module.Data(x=torch.tensor(X), edge_index=index, y=torch.tensor(Y))
    data.train_mask = torch.tensor([True, False, False, False, True])
    data.val_mask = torch.tensor([False, True, False, False, False])
    data.test_mask = torch.tensor([False, False, True, True, False])
    torch.save(data.to_dict(), tmp_path / "data.pt")
    loaded = load_local(tmp_path / "data.pt")
    expect(loaded)
    assert torch.equal(loaded.split["test"], data.test_mask)
    assert local_protocols(tmp_path / "data.pt")[0] == "public"
    torch.save(data, tmp_path / "object.pt")
    with pytest.raises(UnsafeFileError):
        load_local(tmp_path / "object.pt")


def test_direction_and_weights(tmp_path):
    (tmp_path / "edges.csv").write_text("0,1,0.5\n1,2,2\n2,2,3\n")
    both = load_local(tmp_path)
    assert both.graph.edge_index.tolist() == [[0, 1, 1, 2, 2], [1, 0, 2, 1, 2]]
    assert both.graph.edge_weight.tolist() == [0.5, 0.5, 2, 2, 3]
    one = load_local(tmp_path, directed=True)
    assert one.graph.edge_index.tolist() == [[0, 1, 2], [1, 2, 2]]
    (tmp_path / "edges.csv").write_text("0,1,0.5\n1,0,2\n")
    with pytest.raises(InputError, match="different weights"):
        load_local(tmp_path)


def test_masks_become_the_public_protocol(tmp_path):
    folder = write_folder(tmp_path / "mine")
    assert local_protocols(folder) == ("random-20-30", "random-20-30-lcc")
    for stage, ids in {"train": "0\n1\n", "val": "2\n", "test": "3\n4\n"}.items():
        (folder / f"{stage}.txt").write_text(ids)
    assert local_protocols(folder)[0] == "public"
    data = load_local(folder)
    assert data.protocol == "public"
    assert data.split["train"].tolist() == [True, True, False, False, False]
    (folder / "val.txt").write_text("1\n")
    with pytest.raises(InputError, match="node 1 is in more than one"):
        load_local(folder)
    (folder / "val.txt").unlink()
    with pytest.raises(InputError, match="train, test alone"):
        load_local(folder)


@pytest.mark.parametrize("rows", [True, False])
def test_several_stored_splits_in_rows_or_columns(tmp_path, rows):
    rng = np.random.default_rng(0)
    part = rng.integers(3, size=(12, 4))
    masks = {}
    for number, stage in enumerate(("train", "val", "test")):
        masks[f"{stage}_masks"] = (part == number).T if rows else part == number
    x, y = np.ones((12, 3)), np.arange(12) % 2
    np.savez(tmp_path / "g.npz", edge_index=np.zeros((2, 1), int), x=x, y=y, **masks)
    data = load_local(tmp_path / "g.npz", seed=6)
    assert np.array_equal(data.split["val"].numpy(), part[:, 2] == 1)


def test_words_as_labels_and_unlabelled_nodes(tmp_path):
    folder = write_folder(tmp_path / "mine")
    (folder / "labels.csv").write_text("label\nred\n\n?\nblue\nred\n")
    data = load_local(folder)
    assert data.class_names == ("blue", "red")
    assert data.graph.y.tolist() == [1, -1, -1, 0, 1]


def test_labels_of_some_nodes(tmp_path):
    folder = write_folder(tmp_path / "mine")
    (folder / "labels.csv").write_text("node,label\n3,b\n1,a\n")
    assert load_local(folder).graph.y.tolist() == [-1, 0, -1, 1, -1]
    (folder / "features.csv").unlink()
    (folder / "labels.csv").write_text("8,b\n1,a\n")
    assert load_local(folder).graph.num_nodes == 9
    (folder / "labels.csv").write_text("1,b\n1,a\n")
    with pytest.raises(InputError, match="labelled twice"):
        load_local(folder)


def test_unlabelled_nodes_are_in_no_part_of_a_drawn_split(tmp_path):
    y = np.repeat([0, 1, -1], 60)
    np.savez(tmp_path / "g.npz", edges=np.array(EDGES), x=np.ones((180, 2)), y=y)
    data = load_local(tmp_path / "g.npz")
    split = make_split(data, "random-20-30", 0)
    total = sum(split[stage].int() for stage in split)
    assert total.tolist() == [1] * 120 + [0] * 60
    assert data.num_classes == 2


def test_identity_follows_content_not_place(tmp_path):
    first = write_folder(tmp_path / "a")
    second = write_folder(tmp_path / "b")
    (second / "notes.md").write_text("not read")
    assert local_sha256(first) == local_sha256(second) == local_sha256(str(first))
    (second / "labels.csv").write_text("1\n0\n0\n0\n0\n")
    assert local_sha256(first) != local_sha256(second)


def test_names_and_identity_need_no_torch(tmp_path):
    folder = write_folder(tmp_path / "a")
    code = f"""
import sys
from graphlab.datasets.local import local_protocols, local_sha256
print(local_protocols({str(folder)!r})[0], len(local_sha256({str(folder)!r})))
print([m for m in ("torch", "numpy") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["random-20-30 64", "[]"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edges.csv": "0,1\n1,7\n"}, "names node 7.*5 nodes"),
        ({"edges.csv": "0,-1\n"}, "node -1"),
        ({"edges.csv": "0,1\n1,two\n"}, r"edges\.csv.*line 2"),
        ({"edges.csv": "0,1.5\n"}, "whole numbers"),
        ({"edges.csv": "0,1,2,3\n"}, r"shape \(1, 4\)"),
        ({"edges.csv": ""}, "holds no data"),
        ({"edges.csv": "source,target\n"}, "holds no data"),
        ({"edges.csv": "0,nan\n"}, "whole numbers"),
        ({"edges.csv": "0,1e30\n"}, "whole numbers"),
        ({"edges.csv": "0,1,nan\n"}, "weight nan"),
        ({"edges.csv": "0,1,-2.5\n"}, "weight -2.5"),
        ({"edges.csv": b"\xff\xfe0,1\n"}, r"edges\.csv is not UTF-8 text"),
        ({"labels.csv": b"\xff\xfe0\n"}, r"labels\.csv is not UTF-8 text"),
        ({"edges.csv": "0,1\n1,2\n3\n"}, r"edges\.csv"),
        ({"features.csv": "1,2\n3,nan\n5,6\n7,8\n9,10\n"}, "features of node 1"),
        ({"features.csv": "1,2\n3,4\n"}, "differ"),
        ({"labels.csv": "0\n1\n"}, "labels: 2"),
        ({"labels.csv": "0,1,2\n"}, "one label a line"),
        ({"labels.csv": "a,1\nb,2\n"}, "node numbers"),
        ({"y.csv": "0\n"}, r"labels\.csv and y\.csv"),
        ({"train.txt": "9\n", "val.txt": "1\n", "test.txt": "2\n"}, r"train\.txt names node 9"),
    ],
)
def test_slips_are_named(tmp_path, change, message):
    folder = write_folder(tmp_path / "mine")
    for name, text in change.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_slip(folder, message)


def assert_slip(folder, message):
    with pytest.raises(InputError, match=message) as caught:
        load_local(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, "needs edge_index"),
        ({"edge_index": np.zeros((3, 4), int)}, r"expected \(2, m\)"),
        ({"edge_index": np.array(BOTH), "x": np.array(["a"] * 5)}, "type"),
        ({"edge_index": np.array(BOTH), "y": np.array([0.5] * 4)}, "whole numbers"),
        ({"edge_index": np.array(BOTH), "y": np.zeros((4, 2))}, "labels have shape"),
        ({"edge_index": np.array(BOTH), "num_nodes": np.array(2)}, "names node 3"),
        ({"edge_index": np.array(BOTH), "train_mask": np.ones(4, bool)}, "train alone"),
        (
            {
                "edge_index": np.array(BOTH),
                "train_mask": np.ones(3, bool),
                "val_mask": np.ones(4, bool),
                "test_mask": np.ones(4, bool),
            },
            "a mask has shape",
        ),
        ({"adj_indptr": np.array([0, 5]), "adj_indices": np.array([1])}, "whole CSR"),
        ({"edge_index": np.array(BOTH), "num_nodes": np.array([4, 4])}, "num_nodes"),
        ({"edge_index": np.array(BOTH), "num_nodes": np.array(4.5)}, "num_nodes"),
        ({"edge_index": np.array(BOTH), "edge_weight": np.ones(3)}, r"shape \(3,\), expected \("),
        ({"edge_index": np.array(BOTH), "edge_weight": np.array(["a"] * 8)}, "weights have"),
        (
            {
                "edge_index": np.array(BOTH),
                "y": np.array(["a", "b", "a", "b"]),
                "class_names": np.array(["a", "b"]),
            },
            "whole numbers",
        ),
        (
            {
                "edge_index": np.array(BOTH),
                "y": np.array([0.5, 1, 0, 1]),
                "class_names": np.array(["a", "b"]),
            },
            "whole numbers",
        ),
        (
            {
                "edge_index": np.array(BOTH),
                "train_mask": np.array([3, 0, 0, 0]),
                "val_mask": np.array([0, 1, 0, 0]),
                "test_mask": np.array([0, 0, 1, 1]),
            },
            "true or false for each node",
        ),
    ],
)
def test_slips_in_an_npz_are_named(tmp_path, arrays, message):
    np.savez(tmp_path / "g.npz", **arrays)
    assert_slip(tmp_path / "g.npz", message)


def test_a_file_named_edge_index_has_two_rows(tmp_path):
    index = np.array([[0, 1, 2], [2, 3, 0]])
    for count in (1, 2, 3):
        folder = tmp_path / str(count)
        folder.mkdir()
        np.save(folder / "edge_index.npy", index[:, :count])
        graph = load_local(folder).graph
        assert sorted(graph.edge_index.t().tolist()) == sorted(index[:, :count].T.tolist())


def test_parameters_and_short_floats_of_a_dictionary(tmp_path):
    x = torch.nn.Parameter(torch.eye(4))
    for given in (x, torch.eye(4, dtype=torch.bfloat16), torch.eye(4).half()):
        torch.save({"edge_index": torch.tensor(BOTH), "x": given}, tmp_path / "g.pt")
        assert torch.equal(load_local(tmp_path / "g.pt").graph.x, torch.eye(4))


def test_what_is_no_graph_is_refused(tmp_path):
    with pytest.raises(DatasetNotFound, match="no such"):
        load_local(tmp_path / "absent")
    with pytest.raises(DatasetNotFound, match="no such"):
        local_protocols(tmp_path / "absent")
    (tmp_path / "graph.pkl").write_bytes(b"")
    with pytest.raises(InputError, match="not a graph"):
        load_local(tmp_path / "graph.pkl")
    np.savez(tmp_path / "graph.npz", edge_index=np.array(BOTH))
    (tmp_path / "graph.npz").write_bytes((tmp_path / "graph.npz").read_bytes()[:-20])
    with pytest.raises(DatasetCorrupt):
        load_local(tmp_path / "graph.npz")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(InputError, match="holds a list"):
        load_local(tmp_path / "list.pt")
    folder = write_folder(tmp_path / "mine")
    with pytest.raises(InputError, match="graph"):
        load_local(folder, "graph")


class Payload:
    def __reduce__(self):
        return os.system, ("touch should-not-exist",)


@pytest.mark.filterwarnings("ignore")  # torch warns of the pickle's protocol
def test_no_code_in_a_file_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pt").write_bytes(pickle.dumps(Payload()))
    np.savez(tmp_path / "b.npz", edge_index=np.array([Payload()], dtype=object))
    for name in ("a.pt", "b.npz"):
        with pytest.raises((UnsafeFileError, DatasetCorrupt)):
            load_local(tmp_path / name)
    assert not (tmp_path / "should-not-exist").exists()


def test_tables_tell_header_from_data(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\n# note\nid,value\n1,2e3\n4,nan\n")
    assert np.array_equal(read_table(path), [[1, 2000], [4, np.nan]], equal_nan=True)
    np.save(tmp_path / "v.npy", np.array([3, 4]))
    assert read_table(tmp_path / "v.npy").tolist() == [[3], [4]]
    assert read_labels(tmp_path / "v.npy").names == ("3", "4")


def test_number_labels_keep_their_order():
    assert label_classes(["10", "9", "-1", "10"])[1] == ("9", "10")
    assert label_classes(["1", "0", "2"])[1] is None
