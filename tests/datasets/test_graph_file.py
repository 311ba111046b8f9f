"""Graphs out of files of other programs: what is read, what is refused, and where it is wrong."""

from __future__ import annotations

import gzip
import io
import warnings
import zipfile

import networkx as nx
import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp

from graphlab.datasets import graph_file, read_graph_file
from graphlab.errors import (
    DatasetCorrupt,
    DatasetNotFound,
    InputError,
    ResourceError,
    UnsafeFileError,
)

BANNER = "%%MatrixMarket matrix coordinate pattern symmetric\n"
PATH = [[0, 1], [1, 0], [1, 2], [2, 1]]  # both directions of 0-1-2


@pytest.fixture
def write(tmp_path):
    def to_file(name, content):
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    return to_file


def pairs(graph):
    return graph.edge_index.T.tolist()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g.txt", "0 1\n1 2\n"),
        ("g.txt", "  0   1 \n\n 1\t2"),
        ("g.tsv", "0\t1\n1\t2\n"),
        ("g.csv", "0,1\n1,2\n"),
        ("g.csv", "0, 1\r\n1, 2\r\n"),
        ("g.csv", "0;1\n1;2\n"),
        ("g.edges", "# a\n% b\n0 1\n# c\n1 2\n"),
        ("g.edgelist", "\ufeff0 1\n1 2\n"),
        ("G.TXT", "2 1\n1 2\n0 1\n"),
        ("g.csv", "source,target\n0,1\n1,2\n"),
        ("g.csv", "Node_A,Node_B\n0,1\n1,2\n"),
        ("g.csv", "u v\n0 1\n1 2\n"),
        ("g.txt", "0.0 1.0\n1e0 2\n"),
        ("g.csv", "source,target\n0,1\n# c\n1,2\n"),
    ],
)
def test_numbered_edge_lists(write, name, text):
    graph, names = read_graph_file(write(name, text))
    assert pairs(graph) == PATH
    assert names is None
    assert graph.is_undirected()


def test_edges_are_both_ways_once_unless_directed(write):
    file = write("g.txt", "1 0\n0 1\n1 0\n2 2\n")
    assert pairs(read_graph_file(file)[0]) == [[0, 1], [1, 0], [2, 2]]
    file = write("g.txt", "1 0\n1 0\n2 1\n")
    graph, _ = read_graph_file(file, directed=True)
    assert pairs(graph) == [[1, 0], [2, 1]]
    assert not graph.is_undirected()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ann bob\nbob carl\n", ("ann", "bob", "carl")),
        ("ann,bob\nbob,carl\n", ("ann", "bob", "carl")),
        ("source,target\nann,bob\nbob,carl\n", ("ann", "bob", "carl")),
        ("ann\tbob\nbob\tcarl\n", ("ann", "bob", "carl")),
        ('"Smith, A",bob\nbob," c "\n', ("Smith, A", "bob", "c")),
        ("C# 7\n7 F#\n", ("C#", "7", "F#")),
        ("Åsa Łuk\nŁuk 李\n", ("Åsa", "Łuk", "李")),
        ("Source,Target\na,source\nsource,b\n", ("source", "a", "b")),
    ],
)
def test_names_are_numbered_in_order_of_first_appearance(write, text, names):
    graph, found = read_graph_file(write("g.csv", text))
    if names[0] == "source":  # a node may be called like the head of a column
        names = ("a", "source", "b")
    assert found == names
    assert pairs(graph) == PATH


def test_numbers_can_be_names(write):
    file = write("g.txt", "# c\n1000000007 5\n5 12\n")
    graph, names = read_graph_file(file, named=True)
    assert names == ("1000000007", "5", "12")
    assert pairs(graph) == PATH


def test_further_columns_are_told_once_and_not_read(write):
    for text in (
        "0 1 0.5\n1 2 0.25\n",
        "0 1\n1 2 x y\n",
        "0 1 {}\n1 2 {'a': 3, 'b': 4}\n",
        "a,b,3\n0,1,\n1,2,3\n",
    ):
        with pytest.warns(UserWarning, match=r"columns the first two") as caught:
            graph, _ = read_graph_file(write("g.txt", text))
        assert pairs(graph) == PATH
        assert len(caught) == 1
        assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pairs(read_graph_file(write("g.csv", "0,1,\n1,2,\n"))[0]) == PATH


def test_what_networkx_writes_is_read(tmp_path):
    graph = nx.gnm_random_graph(12, 20, seed=1)
    nx.write_edgelist(graph, tmp_path / "g.edgelist", data=False)
    found, _ = read_graph_file(tmp_path / "g.edgelist", num_nodes=12)
    assert found.num_edges == 40
    assert np.array_equal(found.to_scipy().toarray(), nx.to_numpy_array(graph, range(12)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 1\n1 x\n", ":2: 'x' is not a node number, 0 to 2147483646. Where ids are names"),
        ("source,target\n0,1\n1,x2\n", ":3: 'x2' is not a node number"),
        ("h k\n0 1\n1 x2\n", ":3: 'x2' is not a node number"),
        ("0 y\n1 2\n", ":1: 'y' is not a node number"),
        ("0 1\n\n# c\n1 -2\n", ":4: '-2' is not a node number"),
        ("0 1\n1 1.5\n", ":2: '1.5' is not a node number"),
        ("0 1\n1 99999999999999999999\n", ":2: '99999999999999999999' is not a node number"),
        ("0 1\n1_0 2\n", ":2: '1_0' is not a node number"),
        ("0 1\n1\n", ":2: '1' is no edge; expected two nodes parted by blanks, as in the first"),
        ("0,1\n1 2\n", ":2: '1 2' is no edge; expected two nodes parted by a comma"),
        ("0,1\n,2\n", ":2: ',2' is no edge"),
        ("7\n8\n", ":1: '7' is no edge"),
        ("a b\nc d\nd \n", ":3: 'd' is no edge"),
        ("a b\nb " + 300 * "x", ":2: the name '" + 40 * "x" + "'... has 300 letters, at most 256"),
        ("", " holds no edge. If that is meant, give num_nodes (--num-nodes)."),
        ("# nothing\n", " holds no edge."),
        ("source,target\n", " holds no edge."),
        ("0 1\n1 900000000\n", ": the largest node number is 900000000, but there are 2 edges"),
        ("0 1\na\x1b[2J \n", ":2: 'a\\x1b[2J' is no edge"),
    ],
)
def test_a_wrong_line_is_named(write, text, message):
    file = write("g.txt", text)
    with pytest.raises(InputError) as caught:
        read_graph_file(file)
    assert str(caught.value).startswith(f"{file}{message}")


def test_text_that_is_not_utf8_is_refused(write):
    with pytest.raises(InputError, match=r"g\.txt:2: the line is not UTF-8 text"):
        read_graph_file(write("g.txt", b"a b\n\xff\xfe c\n"))
    with pytest.raises(InputError, match=r"is no edge|not UTF-8"):
        read_graph_file(write("g.txt", bytes(range(256)) * 9))


def test_num_nodes_adds_nodes_and_is_checked(write):
    file = write("g.txt", "0 1\n")
    assert read_graph_file(file, num_nodes=5)[0].num_nodes == 5
    assert read_graph_file(write("e.txt", ""), num_nodes=3)[0].num_nodes == 3
    assert read_graph_file(write("e.txt", ""), num_nodes=0)[0].num_nodes == 0
    assert read_graph_file(write("b.txt", "0 3000000\n"), num_nodes=3000001)[0].num_edges == 2
    with pytest.raises(InputError, match=r"names node 1, but num_nodes is 1 \(ids must be 0..0\)"):
        read_graph_file(file, num_nodes=1)
    with pytest.raises(InputError, match="has 2 nodes, but num_nodes is 3"):
        read_graph_file(write("n.txt", "a b\n"), num_nodes=3)
    with pytest.raises(InputError, match="num_nodes is -1; expected 0 to"):
        read_graph_file(write("e.txt", ""), num_nodes=-1)


@pytest.mark.parametrize("name", ["g.txt", "g.mtx", "g.graphml"])
def test_packed_text_is_read(tmp_path, name):
    graph = nx.path_graph(3)
    content = io.BytesIO()
    if name == "g.txt":
        nx.write_edgelist(graph, content, data=False)
    elif name == "g.mtx":
        scipy.io.mmwrite(content, nx.to_scipy_sparse_array(graph))
    else:
        nx.write_graphml(graph, content)
    file = tmp_path / f"{name}.gz"
    file.write_bytes(gzip.compress(content.getvalue()))
    assert pairs(read_graph_file(file)[0]) == PATH
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DatasetCorrupt, match="cannot be read"):
        read_graph_file(file)


def test_files_that_pass_the_memory_are_refused(write, monkeypatch):
    text = b"0 1\n" * (1 << 20)
    packed, plain = write("g.txt.gz", gzip.compress(text, 1)), write("g.txt", text)
    monkeypatch.setattr(graph_file, "available_bytes", lambda: 1 << 20)
    monkeypatch.setattr(graph_file, "_CHECK_EVERY", 1)
    for file in (packed, plain):
        with pytest.raises(ResourceError, match="does not fit into memory"):
            read_graph_file(file)
    with zipfile.ZipFile(write("g.npz", b""), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("edges.npy", bytes(4 << 20))
    with pytest.raises(ResourceError, match="does not fit into memory"):
        read_graph_file(plain.with_name("g.npz"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"{BANNER}% c\n3 3 2\n2 1\n3 2\n", PATH),
        (
            "%%MatrixMarket matrix coordinate integer general\n3 3 3\n1 2 1\n2 1 1\n3 3 0\n",
            PATH[:2],
        ),
        ("%%MatrixMarket matrix array real general\n2 2\n0\n1\n1\n0\n", PATH[:2]),
        ("%%MatrixMarket matrix coordinate pattern general\n3 3 1\n3 1\n", [[2, 0]]),
    ],
)
def test_matrix_market(write, body, expected):
    graph, names = read_graph_file(write("g.mtx", body))
    assert pairs(graph) == expected
    assert names is None
    assert graph.is_undirected() == (len(expected) > 1)


def test_values_of_a_matrix_are_not_weights(write):
    general = "%%MatrixMarket matrix coordinate real general\n"
    with pytest.warns(UserWarning, match="not as weights"):
        graph, _ = read_graph_file(write("g.mtx", f"{general}2 2 2\n1 2 0.5\n2 1 -3\n"))
    assert pairs(graph) == PATH[:2]
    assert graph.edge_weight is None
    with pytest.raises(InputError, match=r"the entry \(1, 0\) is nan; expected a number"):
        read_graph_file(write("g.mtx", f"{general}2 2 2\n1 2 0.5\n2 1 nan\n"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("0 1\n", ":1: not a whole Matrix Market file. Not a Matrix Market file. Missing banner."),
        (f"{BANNER}3 3 2\n1 2\n3 x\n", ":4: not a whole Matrix Market file. Invalid integer value"),
        (f"{BANNER}3 3 2\n1 2\n4 2\n", ":4: not a whole Matrix Market file. Row index out of bou"),
        (f"{BANNER}3 3 2\n1 2      \n", ": not a whole Matrix Market file. Truncated file."),
        (f"{BANNER}3 4 1\n1 2\n", ": the matrix has shape (3, 4), expected (n, n)."),
        (f"{BANNER}9 9 1000000000000\n1 2\n", " states 1000000000000 entries, more than its "),
        (
            "%%MatrixMarket matrix array real general\n900000 900000\n1\n",
            " states 810000000000 ent",
        ),
        (f"{BANNER}9999999999 9999999999 1\n1 2\n", ": 9999999999 nodes; expected 0 to 2147483647"),
    ],
)
def test_wrong_matrix_market_files(write, body, message):
    file = write("g.mtx", body)
    with pytest.raises(InputError) as caught:
        read_graph_file(file)
    assert str(caught.value).startswith(f"{file}{message}")


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia"])
def test_matrices_that_scipy_saved(tmp_path, kind):
    matrix = sp.coo_array(nx.to_numpy_array(nx.path_graph(4)))
    sp.save_npz(tmp_path / "g.npz", matrix.asformat(kind))
    graph, _ = read_graph_file(tmp_path / "g.npz")
    assert np.array_equal(graph.to_scipy().toarray(), matrix.toarray())
    with pytest.raises(InputError, match="has 4 nodes, but num_nodes is 5"):
        read_graph_file(tmp_path / "g.npz", num_nodes=5)


def test_arrays_in_an_npz(tmp_path):
    file = tmp_path / "g.npz"
    for arrays, count in (
        ({"edge_index": [[0, 1], [1, 2]]}, 3),
        ({"edges": [[0, 1], [1, 2]], "num_nodes": 7}, 7),
        ({"edges": [[0, 1], [1, 2]], "n": 8}, 8),
    ):
        np.savez(file, **{name: np.array(value) for name, value in arrays.items()})
        graph, _ = read_graph_file(file)
        assert pairs(graph) == PATH
        assert graph.num_nodes == count
    with pytest.raises(InputError, match="has 8 nodes, but num_nodes is 9"):
        read_graph_file(file, num_nodes=9)
    np.savez(file, edge_index=np.array([[0, 1], [1, 2]]))
    assert read_graph_file(file, num_nodes=9)[0].num_nodes == 9
    assert pairs(read_graph_file(file, directed=True)[0]) == [[0, 1], [1, 2]]
    matrix = sp.csr_array(np.triu(np.ones((3, 3)), 1))
    parts = {f"adj_{name}": getattr(matrix, name) for name in ("data", "indices", "indptr")}
    np.savez(file, adj_shape=np.array(matrix.shape), **parts)
    assert pairs(read_graph_file(file)[0]) == [[0, 1], [0, 2], [1, 2]]


def test_wrong_arrays_in_an_npz(tmp_path):
    file = tmp_path / "g.npz"
    np.savez(file, a=np.zeros(3))
    with pytest.raises(InputError, match=r"holds a; it needs edge_index"):
        read_graph_file(file)
    np.savez(file, edge_index=np.array([[0, 1], [1, -2]]))
    with pytest.raises(InputError, match="names node -2"):
        read_graph_file(file)
    np.savez(file, edge_index=np.array([[0, 1]], dtype=object))
    with pytest.raises(UnsafeFileError, match="pickled"):
        read_graph_file(file)
    file.write_bytes(b"PK nothing")
    with pytest.raises(DatasetCorrupt):
        read_graph_file(file)


@pytest.mark.parametrize(
    "change",
    [
        {"indices": np.array([1, 2, 77, 1], np.int32)},
        {"indptr": np.array([0, 3, 1, 4], np.int32)},
        {"indptr": np.array([0, 4], np.int32)},
        {"format": np.array(b"xyz")},
        {"data": np.ones(3)},
    ],
)
def test_a_saved_matrix_that_lies_is_refused(tmp_path, change):
    sp.save_npz(tmp_path / "g.npz", sp.csr_array(nx.to_numpy_array(nx.path_graph(3))))
    with np.load(tmp_path / "g.npz") as content:
        parts = {**content, **change}
    np.savez(tmp_path / "g.npz", **parts)
    with pytest.raises(InputError, match=r"no whole matrix of scipy\.sparse\.save_npz"):
        read_graph_file(tmp_path / "g.npz")


def test_a_saved_matrix_with_a_pickle_is_refused(tmp_path):
    np.savez(tmp_path / "g.npz", format=b"csr", shape=[1, 1], data=np.array([{}], dtype=object))
    with pytest.raises(UnsafeFileError, match="pickled"):
        read_graph_file(tmp_path / "g.npz")


def graphml(body, default="undirected"):
    space = "http://graphml.graphdrawing.org/xmlns"
    return (
        f'<?xml version="1.0"?>\n<graphml xmlns="{space}">\n<graph edgedefault="{default}">\n'
        + (f"{body}\n</graph></graphml>")
    )


def nodes(*ids):
    return "".join(f'<node id="{name}"/>\n' for name in ids)


def edge(source, target, more=""):
    return f'<edge source="{source}" target="{target}"{more}/>\n'


def test_graphml_as_networkx_reads_it(tmp_path):
    for seed, kind in enumerate((nx.Graph, nx.DiGraph)):
        graph = kind(nx.gnm_random_graph(15, 30, seed=seed, directed=kind is nx.DiGraph))
        graph = nx.relabel_nodes(graph, {i: f"n<{i}>" for i in range(0, 15, 2)})
        nx.set_node_attributes(graph, 3, "size")
        nx.set_edge_attributes(graph, 0.5, "weight")
        nx.write_graphml(graph, tmp_path / "g.graphml")
        found, names = read_graph_file(tmp_path / "g.graphml")
        theirs = nx.read_graphml(tmp_path / "g.graphml")
        assert names == tuple(theirs.nodes)
        expected = nx.to_numpy_array(theirs, weight=None)
        assert np.array_equal(found.to_scipy().toarray(), expected)
        assert found.is_undirected() == (kind is nx.Graph)


def test_graphml_numbers_are_kept_where_they_have_no_gap(write):
    graph, names = read_graph_file(write("g.graphml", graphml(edge(0, 2) + nodes(2, 0, 1, 3))))
    assert (pairs(graph), names, graph.num_nodes) == ([[0, 2], [2, 0]], None, 4)
    graph, names = read_graph_file(write("g.graphml", graphml(nodes(2, 1) + edge(1, 2))))
    assert (pairs(graph), names) == ([[0, 1], [1, 0]], ("2", "1"))
    graph, names = read_graph_file(write("g.graphml", graphml("")))
    assert (graph.num_nodes, names) == (0, None)
    body = nodes("a", "b", "c") + edge("b", "a", ' directed="true"') + edge("b", "c")
    graph, names = read_graph_file(write("g.graphml", graphml(body)))
    assert pairs(graph) == [[1, 0], [1, 2], [2, 1]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<graphml>", ":1: not well-formed XML: no element found."),
        ("a b\n", ":1: not well-formed XML"),
        ("<a/>", " holds no <graph>; expected GraphML."),
        (graphml(nodes("a") + edge("a", "b")), ":5: no node has the id 'b'."),
        (graphml(nodes("a", "a")), ":5: a second node with the id 'a'."),
        (graphml("<node/>"), ":4: <node> without id."),
        (graphml(nodes("a") + '<edge source="a"/>'), ":5: <edge> without target."),
        (graphml(nodes("a") + "<hyperedge/>"), ":5: a hyperedge; expected edges of two nodes."),
        (graphml('<node id="a"><graph/></node>'), ":4: a second graph; expected one"),
        (graphml(nodes("x" * 300)), ":4: the id '" + 40 * "x" + "'...; expected 1 to 256 letters."),
    ],
)
def test_wrong_graphml(write, content, message):
    file = write("g.graphml", content)
    with pytest.raises(InputError) as caught:
        read_graph_file(file)
    assert str(caught.value).startswith(f"{file}{message}")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_graphml_with_a_document_type_is_refused(write, encoding):
    write("secret.txt", "0 1\n")
    hostile = (
        '<!DOCTYPE graphml [<!ENTITY x SYSTEM "secret.txt">]>\n'
        '<graphml><graph edgedefault="undirected"><node id="&x;"/></graph></graphml>'
    )
    with pytest.raises(UnsafeFileError, match="DOCTYPE"):
        read_graph_file(write("g.graphml", hostile.encode(encoding)))


def test_other_files_are_refused(write, tmp_path):
    with pytest.raises(InputError, match=r"ends in '\.pkl'; expected one of \.txt \.tsv"):
        read_graph_file(write("g.pkl", b""))
    with pytest.raises(InputError, match=r"ends in 'nothing'"):
        read_graph_file(write("graph", b""))
    with pytest.raises(InputError, match=r"ends in '\.gz'"):
        read_graph_file(write("g.npz.gz", b""))
    with pytest.raises(DatasetNotFound, match="no such file"):
        read_graph_file(tmp_path / "none.txt")
    with pytest.raises(DatasetNotFound, match="it is a folder"):
        read_graph_file(tmp_path)
