"""``graphlab-bench orbits``: the table, the files, and one line for whatever is wrong."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import scipy.io

from graphlab.bench import cli, orbit_output
from graphlab.bench.orbit_keys import parse_keys
from graphlab.errors import ConfigError, ResourceError
from graphlab.graphlets import (
    EDGE_ORBITS,
    ORBIT_PAIRS,
    OrbitAdjacency,
    edge_orbit_counts,
    orbit_adjacency,
    orbit_counts,
)

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "count-orbits.md"
PAW = "a b\nb c\nc a\nc d\n"


@pytest.fixture
def orbits(capsys, tmp_path, monkeypatch):
    """Call the command in an empty folder: (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(["orbits", *map(str, arguments)])
        out = capsys.readouterr()
        return caught.value.code, out.out, out.err

    return call


@pytest.fixture
def paw(tmp_path):
    file = tmp_path / "paw.txt"
    file.write_text(PAW, encoding="utf-8")
    return file


def values(orbits, *arguments):
    code, out, err = orbits(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def rows_of(file):
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.reader(text))


def test_the_table_of_a_paw(orbits, paw):
    code, out, err = orbits(paw)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "paw.txt: 4 nodes, 4 edges, 1 triangle"
    assert lines[2].split() == ["orbit", "place", "total", "largest", "nodes"]
    numbers = {words[0]: words[-4:] for words in map(str.split, lines[3:])}
    assert numbers["0"] == ["8", "3", "100.0", "%"]
    assert numbers["10"] == ["2", "1", "50.0", "%"]
    assert numbers["14"] == ["0", "0", "0.0", "%"]
    assert len(numbers) == 15


def test_only_the_table_is_printed_and_nothing_is_written(orbits, paw, tmp_path):
    orbits(paw, "--edges", "--adjacency")
    assert [path.name for path in tmp_path.iterdir()] == ["paw.txt"]


def test_edges_and_adjacency_have_tables_of_their_own(orbits, paw):
    _, out, _ = orbits(paw, "--edges", "--adjacency")
    lines = [line.split() for line in out.splitlines()]
    assert ["9-11", "1", "1", "25.0", "%"] in lines
    assert ["1-9-11", "1", "1", "1"] in lines
    assert sum(words[0].count("-") == 2 for words in lines if words) == 28


def test_files_hold_what_the_library_counts(orbits, tmp_path):
    graph = nx.gnm_random_graph(30, 80, seed=3)
    nx.write_edgelist(graph, tmp_path / "g.txt", data=False)
    code, out, err = orbits(
        "g.txt", "--num-nodes", "31", "--edges", "--adjacency", "--out", "a/b", "--threads", "2"
    )
    assert (code, err) == (0, "")
    folder = Path("a/b")
    names = ["counts.csv", "counts.npz", "edge_counts.csv", "edge_counts.npz", "adjacency"]
    assert out.splitlines()[-1] == f"Written: {', '.join(str(folder / name) for name in names)}"
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)

    graph.add_node(30)
    matrix = nx.to_scipy_sparse_array(graph, range(31))
    counts = orbit_counts(matrix)
    head, *rows = rows_of(folder / "counts.csv")
    assert head == ["node", *(f"o{i}" for i in range(15))]
    table = np.array(rows, dtype=np.int64)
    assert np.array_equal(table[:, 0], np.arange(31))
    assert np.array_equal(table[:, 1:], counts)
    with np.load(folder / "counts.npz", allow_pickle=False) as content:
        assert content.files == ["counts"]
        assert np.array_equal(content["counts"], counts)

    edges, at_edges = edge_orbit_counts(matrix)
    head, *rows = rows_of(folder / "edge_counts.csv")
    assert head == ["source", "target", *(f"{i}-{j}" for _, i, j in EDGE_ORBITS)]
    assert np.array_equal(np.array(rows, dtype=np.int64), np.hstack([edges, at_edges]))
    with np.load(folder / "edge_counts.npz", allow_pickle=False) as content:
        assert np.array_equal(content["edges"], edges)
        assert np.array_equal(content["counts"], at_edges)
        assert np.array_equal(content["pairs"], [key[1:] for key in EDGE_ORBITS])

    expected, found = orbit_adjacency(matrix), OrbitAdjacency.load(folder / "adjacency")
    assert list(found) == list(ORBIT_PAIRS)
    assert all((found[key] != expected[key]).nnz == 0 for key in ORBIT_PAIRS)


def test_json_holds_the_sums_of_everything(orbits, paw):
    found = values(orbits, paw, "--edges", "--adjacency", "--out", "out")
    assert {key: found[key] for key in ("nodes", "isolated_nodes", "edges", "triangles")} == {
        "nodes": 4,
        "isolated_nodes": 0,
        "edges": 4,
        "triangles": 1,
    }
    assert found["graph"] == str(paw)
    counts = orbit_counts([[0, 1, 2, 2], [1, 2, 0, 3]])
    assert [row["orbit"] for row in found["orbits"]] == list(range(15))
    assert [row["total"] for row in found["orbits"]] == counts.sum(0).tolist()
    assert [row["largest"] for row in found["orbits"]] == counts.max(0).tolist()
    assert [row["present"] for row in found["orbits"]] == (counts > 0).sum(0).tolist()
    assert [tuple(row["pair"]) for row in found["edge_orbits"]] == [k[1:] for k in EDGE_ORBITS]
    assert {"pair": [1, 9, 11], "total": 1, "largest": 1, "present": 1} in found["adjacency"]
    assert found["files"][0] == str(Path("out") / "counts.csv")
    without = values(orbits, paw, "--adjacency")
    assert without["adjacency"] == found["adjacency"]
    assert without["files"] == []
    assert "edge_orbits" not in without


def test_names_stand_beside_the_counts(orbits, tmp_path):
    (tmp_path / "g.csv").write_text('from,to\n"x, y",ü\nü,=z\n', encoding="utf-8")
    assert orbits("g.csv", "--edges", "--out", ".")[0] == 0
    rows = rows_of(tmp_path / "counts.csv")
    assert rows[0][:3] == ["node", "node_name", "o0"]
    assert [row[:4] for row in rows[1:]] == [
        ["0", "x, y", "1", "1"],
        ["1", "ü", "2", "0"],
        ["2", "=z", "1", "1"],
    ]
    rows = rows_of(tmp_path / "edge_counts.csv")
    assert rows[0][:5] == ["source", "source_name", "target", "target_name", "1-2"]
    assert rows[2][:5] == ["1", "ü", "2", "=z", "1"]
    for file in ("counts.npz", "edge_counts.npz"):
        with np.load(tmp_path / file, allow_pickle=False) as content:
            assert content["names"].tolist() == ["x, y", "ü", "=z"]


def test_numbers_as_names(orbits, tmp_path):
    (tmp_path / "g.txt").write_text("1000000007 5\n5 12\n", encoding="utf-8")
    code, _, err = orbits("g.txt")
    assert code == 2
    assert "the largest node number is 1000000007" in err
    assert values(orbits, "g.txt", "--names")["nodes"] == 3


def test_keys_choose_the_matrices(orbits, paw):
    found = values(orbits, paw, "--keys", "9,11", "--keys", "(2, 9, 10)", "--keys", "1-0-0")
    assert [row["pair"] for row in found["adjacency"]] == [[1, 0, 0], [1, 9, 11], [2, 9, 10]]
    code, _, _ = orbits(paw, "--keys", "1-0-0", "--out", "out")
    assert code == 0
    assert list(OrbitAdjacency.load("out/adjacency")) == [(1, 0, 0)]


def test_top_k_keeps_the_largest_of_a_row(orbits, tmp_path):
    nx.write_edgelist(nx.star_graph(5), tmp_path / "g.txt", data=False)
    found = values(orbits, "g.txt", "--keys", "2-6-6", "--top-k", "2")
    assert found["adjacency"][0]["present"] == 10
    orbits("g.txt", "--top-k", "1", "--out", "out")
    assert OrbitAdjacency.load("out/adjacency")[2, 6, 6].nnz == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1-4-9", "there is no such pair (distance, orbit, orbit). Did you mean 1-4-5?"),
        ("3-4-5", "there is no such pair (distance, orbit, orbit). Did you mean 2-4-5?"),
        ("14-13", "there is no such pair (distance, orbit, orbit). Did you mean 1-13-13?"),
        ("4-5", "these orbits occur at several distances; choose 1-4-5 or 2-4-5."),
        ("all", "expected the distance and two orbits, such as 1-4-5."),
        ("1-4-5-6", "expected the distance and two orbits, such as 1-4-5."),
        ("-1-4-5", "expected the distance and two orbits, such as 1-4-5."),
        ("", "expected the distance and two orbits, such as 1-4-5."),
    ],
)
def test_a_wrong_key_is_told_with_the_nearest(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_keys([text, "1-0-0"])
    assert caught.value.problems == (f"--keys {text or repr(text)}: {message}",)


def test_wrong_keys_are_told_before_anything_is_read(orbits):
    code, out, err = orbits("none.txt", "--keys", "1-4-9", "--keys", "x")
    assert (code, out) == (2, "")
    assert err.count("error: --keys") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.txt"], "error: none.txt: no such file."),
        (["sub/none"], "error: sub/none ends in"),
        (["debdep"], "error: debdep: no such file. As a data set: 'debdep' is not a known"),
        (["csl"], "error: csl is a set of 150 graphs, expected one graph."),
        (["karate", "--num-nodes", "5"], "error: karate has 34 nodes, but --num-nodes is 5."),
        (["karate", "--threads", "0"], "error: Invalid value for '--threads'"),
        (["karate", "--top-k", "0"], "error: Invalid value for '--top-k'"),
        (["karate", "--num-nodes", "-1"], "error: Invalid value for '--num-nodes'"),
        (["karate", "--out", "paw.txt"], "error: --out paw.txt: a file is in the way."),
        (["karate", "--out", "paw.txt/x"], "error: --out paw.txt/x: a file is in the way."),
        (["bad.txt"], "error: bad.txt:2: 'x' is not a node number"),
        (["bad.mtx"], "error: bad.mtx:1: not a whole Matrix Market file."),
        (["bad.graphml"], "error: bad.graphml:1: not well-formed XML"),
        (["empty.csv"], "error: empty.csv holds no edge."),
        (["folder"], "error: folder holds no edges"),
        ([], "error: Missing argument 'GRAPH'."),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(orbits, paw, arguments, message):
    folder = paw.parent
    (folder / "bad.txt").write_text("0 1\n1 x\n", encoding="utf-8")
    for name in ("bad.mtx", "bad.graphml", "empty.csv"):
        (folder / name).write_text("0 1" if name[0] == "b" else "", encoding="utf-8")
    (folder / "folder").mkdir()
    code, out, err = orbits(*arguments)
    assert (code, out) == (2, "")
    if arguments == ["sub/none"]:
        message = "error: sub/none: no such file."
    assert err.startswith(message)
    assert "Traceback" not in err


def test_a_directed_graph_is_refused_unless_asked_for(orbits, tmp_path):
    graph = nx.DiGraph([("ann", "bob"), ("bob", "ann"), ("bob", "carl")])
    nx.write_graphml(graph, tmp_path / "g.graphml")
    scipy.io.mmwrite(tmp_path / "g.mtx", nx.to_scipy_sparse_array(graph))
    for file, ends in (("g.graphml", "'bob' to 'carl'"), ("g.mtx", "1 to 2")):
        code, out, err = orbits(file)
        assert (code, out) == (2, "")
        assert err.startswith(f"error: {file} is directed: it has an edge from {ends} and none")
        assert "--undirected" in err
        found = values(orbits, file, "--undirected", "--edges", "--adjacency")
        assert (found["edges"], found["orbits"][1]["total"]) == (2, 2)


def test_warnings_are_lines_each_once(orbits, tmp_path):
    (tmp_path / "g.txt").write_text("0 1 0.5\n1 2 0.5\n2 2 1\n", encoding="utf-8")
    code, out, err = orbits("g.txt", "--edges", "--keys", "1-0-0")
    assert code == 0
    assert "3 nodes, 2 edges, 0 triangles" in out
    lines = err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("warning: g.txt: of 3 columns the first two")
    assert lines[1].startswith("warning: 1 self loop was left out")


def test_a_data_set_and_a_folder_of_tables_work_too(orbits, tmp_path):
    assert values(orbits, "Karate")["triangles"] == 45
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "edges.csv").write_text("a,b\n0,1\n1,2\n2,0\n", encoding="utf-8")
    assert values(orbits, "mine")["triangles"] == 1


@pytest.mark.parametrize("count", [0, 1, 3])
def test_graphs_without_edges(orbits, tmp_path, count):
    (tmp_path / "g.txt").write_text("", encoding="utf-8")
    everything = ["--num-nodes", count, "--edges", "--adjacency"]
    code, out, _ = orbits("g.txt", *everything)
    assert code == 0
    assert "0 edges, 0 triangles" in out
    found = values(orbits, "g.txt", *everything, "--out", "out")
    assert (found["nodes"], found["isolated_nodes"]) == (count, count)
    assert [row["present"] for row in found["adjacency"]] == [0] * 28
    assert len(rows_of(tmp_path / "out" / "counts.csv")) == count + 1


def test_results_are_replaced_whole(orbits, paw, tmp_path, monkeypatch):
    orbits("karate", "--out", "out", "--adjacency")
    orbits(paw, "--out", "out", "--keys", "1-0-0")
    assert len(rows_of(tmp_path / "out" / "counts.csv")) == 5
    assert list(OrbitAdjacency.load("out/adjacency")) == [(1, 0, 0)]

    def fail(*_, **__):
        raise OSError(28, "No space left on device", str(tmp_path / "out" / "counts.csv"))

    before = (tmp_path / "out" / "counts.npz").read_bytes()
    monkeypatch.setattr(orbit_output.np, "savez", fail)
    code, _, err = orbits("karate", "--out", "out")
    assert code == 1
    assert "No space left on device" in err
    assert (tmp_path / "out" / "counts.npz").read_bytes() == before
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ResourceError("28 matrices need 9 GB; choose fewer."), "28 matrices need 9 GB; choose f"),
        (MemoryError(), "The memory is full. Fewer matrices at a time (--keys)"),
    ],
)
def test_too_little_memory_is_a_sentence(orbits, paw, monkeypatch, error, message):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("graphlab.graphlets.orbit_adjacency", fail)
    code, out, err = orbits(paw, "--adjacency", "--out", "out")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")


def test_sums_are_exact_beyond_64_bits():
    counts = np.full((5, 1), 2**62)
    assert orbit_output.statistics(counts) == [{"total": 5 * 2**62, "largest": 2**62, "present": 5}]
    assert orbit_output.total(np.full(3, 2**31 - 1, np.int32)) == 3 * (2**31 - 1)


def test_a_share_reads_as_none_or_all_only_if_it_is():
    shares = [orbit_output._share(*pair) for pair in ((0, 9), (1, 9999), (9998, 9999), (9, 9))]
    assert shares == ["0.0 %", "<0.1 %", "99.9 %", "100.0 %"]


def test_progress_is_shown_on_a_terminal_alone(orbits, paw, monkeypatch):
    assert orbits(paw)[2] == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert "counting at nodes" in orbits(paw)[2]


def test_the_guide_shows_what_is_printed(orbits):
    text = GUIDE.read_text(encoding="utf-8")
    shown = re.findall(
        r"```console\n\$ graphlab-bench orbits ([^\n]+)\n```\n\n```text\n(.*?)```", text, re.DOTALL
    )
    assert shown
    for arguments, expected in shown:
        assert orbits(*arguments.split())[1].endswith(expected)
