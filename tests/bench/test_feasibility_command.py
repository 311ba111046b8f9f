"""``graphlab-bench feasibility``: what it prints and writes is what the library finds."""

from __future__ import annotations

import json
import re
import warnings

import numpy as np
import pytest
import torch

from graphlab.bench import cli
from graphlab.bench.feasibility_input import Egos, read_sets
from graphlab.bench.report.svg import inline_svg
from graphlab.collection import GraphCollection
from graphlab.errors import InputError
from graphlab.pretraining import feasibility

EGOS = Egos(hops=2, num=20, max_nodes=1000, min_nodes=2)
FEW = ("--num", "20", "--r", "8")


def call(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["feasibility", *words])
    captured = capsys.readouterr()
    return stopped.value.code, captured.out, captured.err


@pytest.fixture(scope="module")
def rings(tmp_path_factory):
    """A file with rings of 5 to 14 nodes, one of them without edges."""
    edges = []
    for n in range(5, 15):
        i = torch.arange(n if n > 5 else 0)
        edges.append(torch.stack([torch.cat([i, (i + 1) % n]), torch.cat([(i + 1) % n, i])]))
    sizes, entries = torch.arange(5, 15), torch.tensor([e.shape[1] for e in edges])
    offsets = [
        torch.cat([torch.zeros(1, dtype=torch.int64), c.cumsum(0)]) for c in (sizes, entries)
    ]
    file = tmp_path_factory.mktemp("sets") / "rings.npz"
    GraphCollection(torch.cat(edges, 1), *offsets).save(file)
    return file


def test_json_is_what_the_library_finds(capsys, rings):
    words = ("karate", "debdeps", "--target", str(rings), *FEW, "--seed", "3")
    code, out, err = call(capsys, *words, "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    sources, target = read_sets(["karate", "debdeps"], str(rings), EGOS, seed=3, root=None)
    expected = feasibility(
        {one.name: one.graphs for one in sources}, target.graphs, r=8, seed=3
    ).to_dict()
    for row in (*told["families"], *expected["families"]):
        assert row.pop("seconds") > 0
    assert {name: told[name] for name in expected} == expected
    assert [(one["name"], one["graphs"], one["kind"]) for one in told["sources"]] == [
        ("karate", 20, "ego-graphs"),
        ("debdeps", 20, "ego-graphs"),
    ]
    assert told["target"]["graphs"] == 10
    assert told["target"]["kind"] == "graphs"
    assert told["target"]["mean_nodes"] == 9.5
    assert told["target"]["mean_degree"] == pytest.approx(180 / 95)
    assert set(told["alone"]) == set(told["graphons"]) - {"downstream"}
    best = next(row for row in told["families"] if row["family"] == told["best_family"])
    for name in best["weights"]:  # a base alone is one of the mixtures
        assert best["distance"] <= told["alone"][name] + 1e-6
    assert told["options"]["n_clusters"] == 5
    assert told["files"] == []


def test_tables_caution_and_files(capsys, rings, tmp_path):
    folder = tmp_path / "new" / "report"
    words = ("karate", str(rings), "--target", "debdeps", *FEW, "--out", str(folder))
    code, out, err = call(capsys, *words)
    assert (code, err) == (0, "")
    flat = " ".join(out.split())
    assert "It was not shown to predict in general what pre-training gains" in flat
    for word in ("integrated", "domain:karate", "topological:1", "mean degree", "alone", "starts"):
        assert word in flat
    assert "report.html" in flat
    told = json.loads((folder / "report.json").read_text())
    assert f"{told['score']:.4g}" in out
    page = (folder / "report.html").read_text()
    assert told["caution"] in page
    assert f"graphlab-bench feasibility karate {rings} --target debdeps --num 20 --r 8" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for link in re.findall(r'href="#([^"]+)"', page):
        assert link in ids
    # nothing is loaded from anywhere
    assert not re.findall(r'(?:src|href)="(?:https?:|//)', page)
    assert page.count('role="img"') == 3
    for row in told["families"]:
        assert f"{row['distance']:.4g}" in page


def test_one_source_has_no_domain_family_and_says_nothing_of_it(capsys, rings):
    code, out, err = call(capsys, str(rings), "--target", "karate", *FEW, "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert [row["family"] for row in told["families"]] == ["integrated", "topological"]
    assert told["warnings"] == []


def test_chosen_families_clusters_loss_and_method(capsys, rings, tmp_path):
    words = (str(rings), "--target", "karate", *FEW, "--families", "topological")
    more = ("--clusters", "2", "--loss", "kl", "--method", "lg", "--align", "pad")
    code, out, err = call(capsys, *words, *more, "--json", "--out", str(tmp_path))
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert [(row["family"], row["K"]) for row in told["families"]] == [("topological", 2)]
    assert (told["loss"], told["method"], told["align"]) == ("kl", "lg", "pad")
    page = (tmp_path / "report.html").read_text()
    assert "without any structure" not in page  # its scale is of the square loss
    assert "--families topological --clusters 2 --loss kl" in page


def test_a_target_that_is_a_source_is_drawn_anew():
    (source,), target = read_sets(["debdeps"], "debdeps", EGOS, seed=0, root=None)
    sizes = [sorted(graph.num_nodes for graph in one.graphs) for one in (source, target)]
    assert sizes[0] != sizes[1]
    (again,), _ = read_sets(["debdeps"], "karate", EGOS, seed=0, root=None)
    assert [g.num_nodes for g in again.graphs] == [g.num_nodes for g in source.graphs]


def test_files_with_edges(capsys, tmp_path):
    file = tmp_path / "path.csv"
    file.write_text("a,b\nb,c\nc,d\n")
    words = (str(file), "--target", "karate", *FEW, "--hops", "1", "--num", "1.0", "--json")
    code, out, _ = call(capsys, *words)
    assert code == 0
    (source,) = json.loads(out)["sources"]
    assert (source["graphs"], source["mean_nodes"]) == (4, 2.5)


def test_notes_are_told_once(capsys, tmp_path):
    empty = tmp_path / "empty.npz"
    np.savez(empty, edge_index=np.zeros((2, 0), np.int64), num_nodes=6)
    words = (str(empty), "--target", "karate", *FEW, "--min-nodes", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what is printed is no warning of Python
        code, out, err = call(capsys, *words)
    assert (code, err) == (0, "")
    assert " ".join(out.split()).count("has an edge: the graphon is zero") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere", "--target", "karate"], "nowhere: no such file"),
        (["karate", "karate", "--target", "csl"], "karate is given twice"),
        (["karate", "--target", "csl", "--num", "0"], "--num 0: expected a share of the nodes"),
        (["karate", "--target", "csl", "--num", "1.5"], "--num 1.5: expected a share"),
        (["karate", "--target", "csl", "--num", "many"], "--num many: expected a share"),
        (["karate", "--target", "csl", "--num", "nan"], "--num nan: expected a share"),
        (["karate", "--target", "csl", "--max-nodes", "2"], "karate gives no ego-graph of 2 to 2"),
        (["karate", "--target", "csl", "--families", "domain"], "needs two data sets or more"),
        (["karate", "--target", "csl", "--method", "best"], "'best' is not one of"),
        (["karate", "--target", "csl", "--r", "1"], "1 is not in the range x>=2"),
        (["karate"], "Missing option '--target'"),
        (["--target", "karate"], "Missing argument 'SOURCE...'"),
    ],
)
def test_bad_input_is_one_line(capsys, words, message):
    code, out, err = call(capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert "Traceback" not in err


def test_a_file_in_the_way_of_the_folder(capsys, tmp_path):
    (tmp_path / "taken").write_text("x")
    words = ("karate", "--target", "csl", "--out", str(tmp_path / "taken"))
    code, _, err = call(capsys, *words)
    assert code == 2
    assert "a file is in the way" in err


def test_a_collection_without_graphs(tmp_path):
    file = tmp_path / "none.npz"
    GraphCollection(torch.zeros(2, 0, dtype=torch.int64), [0], [0]).save(file)
    with pytest.raises(InputError, match="holds no graphs"):
        read_sets([str(file)], "karate", EGOS, seed=0, root=None)


def test_numbers_in_a_figure_keep_their_digits():
    given = '<svg viewBox="0 0 1 1"><path d="M 1.23456 2"/><text x="1.23456">0.0125</text></svg>'
    made = inline_svg(given, "k", "title", "text")
    assert '<text x="1.23">0.0125</text>' in made
    assert 'd="M 1.23 2"' in made
