"""``graphlab-bench tokenize``: what it prints and keeps is what the library makes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from graphlab.bench import cli
from graphlab.datasets import load
from graphlab.tokenizers import HAC, KHop, RandomWalk, load_tokens, tokens_key


def call(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["tokenize", *words])
    captured = capsys.readouterr()
    return stopped.value.code, captured.out, captured.err


@pytest.fixture(scope="module")
def graph():
    return load("debdeps").graph


def test_json_holds_the_statistics_and_the_cache_the_sequences(capsys, tmp_path, graph):
    words = ["debdeps", "--json", "--cache", str(tmp_path / "kept")]
    code, out, err = call(capsys, *words)
    assert (code, err) == (0, "")
    told = json.loads(out)
    tree = HAC().fit(graph)
    assert [row["clusters"] for row in told["levels"]] == tree.num_clusters.tolist()
    assert [row["largest"] for row in told["levels"]][-1] == graph.num_nodes
    row, col = graph.simple().edge_index
    apart = (tree.rank[row] - tree.rank[col]).abs().double()
    assert told["close"]["sequence"] == pytest.approx(float((apart <= 64).double().mean()))
    assert told["close"]["sequence"] > told["close"]["node ids"]
    assert told["sequences"] == told["nodes"] == graph.num_nodes
    length = tree.path_mask.sum(1)
    assert told["tokens"] == int(length.sum())
    assert (told["shortest"], told["longest"]) == (int(length.min()), int(length.max()))
    assert told["shortest"] > 0
    (file,) = (tmp_path / "kept").iterdir()
    assert told["key"] == tokens_key(HAC(), graph)
    assert torch.equal(load_tokens(file, key=told["key"]).index, tree.sequences().index)
    again = json.loads(call(capsys, *words)[1])
    assert {**again, "seconds": 0} == {**told, "seconds": 0}
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_tables_and_picture(capsys, tmp_path):
    picture = tmp_path / "x.svg"
    words = ("debdeps", "--tokenizer", "hac_order", "--set", "weight=unit", "--set", "max_levels=3")
    code, out, _ = call(capsys, *words, "--plot", str(picture))
    assert code == 0
    assert "debdeps: 4,488 nodes" in out
    assert "hac_order: 1 sequence of graphs, 4,488 tokens (node)" in " ".join(out.split())
    assert "clusters" in out
    assert "Ends of an edge at most 64 places apart" in out
    drawn = picture.read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "var(" not in drawn
    assert "mathdefault" not in drawn


@pytest.mark.parametrize(
    ("name", "tokenizer"), [("khop", KHop(K=2)), ("random_walk", RandomWalk(length=3))]
)
def test_other_tokenizers_have_no_levels(capsys, tmp_path, graph, name, tokenizer):
    option = "K=2" if name == "khop" else "length=3"
    picture = tmp_path / "x.svg"
    words = ("debdeps", "--tokenizer", name, "--set", option, "--plot", str(picture))
    told = json.loads(call(capsys, *words, "--json")[1])
    length = tokenizer.batch(graph).mask.sum(1).numpy()
    assert told["tokens"] == length.sum()
    assert told["median"] == np.median(length)
    assert "levels" not in told
    assert "close" not in told
    assert picture.read_text(encoding="utf-8").startswith("<svg")


def test_a_file_with_edges(capsys, tmp_path):
    file = tmp_path / "edges.txt"
    file.write_text("0 1\n1 2\n3 4\n")
    told = json.loads(call(capsys, str(file), "--num-nodes", "6", "--json")[1])
    assert told["nodes"] == 6
    assert told["virtual_root"] is True
    assert told["levels"][0]["clusters"] == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--tokenizer", "hak"), "no tokenizer 'hak'"),
        (("--set", "max_levels"), "expected KEY=VALUE"),
        (("--set", "max_levels=1"), "max_levels is 1"),
        (("--set", "depth=1"), "depth"),
        (("--plot", "x.png"), "must end in .svg"),
        (("--plot", "nowhere/x.svg"), "is no folder"),
    ],
)
def test_what_is_wrong_is_said(capsys, words, message):
    code, _, err = call(capsys, "debdeps", *words)
    assert code == 2
    assert message in " ".join(err.split())
