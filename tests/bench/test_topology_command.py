"""``graphlab-bench topology``: what it prints and writes is what the library computes."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch

from graphlab.bench import cli
from graphlab.datasets import load
from graphlab.tasks import LinkPrediction
from graphlab.topology import atc_by_split, tc_by_split


def call(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["topology", *words])
    captured = capsys.readouterr()
    return stopped.value.code, captured.out, captured.err


@pytest.fixture(scope="module")
def edges():
    problem = LinkPrediction("ncn-70-10-20").prepare(load("debdeps", "link"), 2)
    return {"train": problem.train.edges, "val": problem.val.pos, "test": problem.test.pos}


def test_json_and_files_hold_the_exact_values(capsys, tmp_path, edges):
    for ending in ("csv", "npz"):
        words = ["debdeps", "--protocol", "ncn-70-10-20", "--seed", "2", "--hops", "2", "--json"]
        code, out, err = call(capsys, *words, "--out", str(tmp_path / f"x.{ending}"))
        assert (code, err) == (0, "")
    told = json.loads(out)
    wanted = {name: value.numpy() for name, value in tc_by_split(edges, 4488, 2).items()}
    with (tmp_path / "x.csv").open(encoding="ascii") as file:
        rows = list(csv.DictReader(file))
    arrays = np.load(tmp_path / "x.npz")
    for name, value in wanted.items():
        assert np.array_equal(arrays[f"tc_{name}"], value)
        assert [float(row[f"tc_{name}"]) for row in rows] == value.tolist()
    assert [int(row["node"]) for row in rows] == list(range(4488))
    for row in told["values"]:
        ends = torch.unique(edges[row["links"]]).numpy()
        value = wanted[row["links"]][ends]
        assert row["nodes"] == len(ends)
        assert row["mean"] == pytest.approx(value.mean())
        assert row["zero"] == pytest.approx((value == 0).mean())
        assert row["deciles"] == pytest.approx(np.quantile(value, np.arange(1, 10) / 10).tolist())
    ends = torch.unique(edges["test"]).numpy()
    assert told["shift"]["mean_train"] == pytest.approx(wanted["train"][ends].mean())
    assert told["shift"]["mean_test"] == pytest.approx(wanted["test"][ends].mean())
    assert sum(row["count"] for row in told["degrees"]) == told["test_nodes"] == len(ends)


def test_tables_tell_sizes_shift_and_bins(capsys, tmp_path):
    code, out, _ = call(capsys, "debdeps", "--plot", str(tmp_path / "x.svg"))
    assert code == 0
    assert "debdeps, random-85-5-10, seed 0: 4,488 nodes" in out
    assert "8,003 training, 470 validation, 941 test; 1 hop" in " ".join(out.split())
    assert "TC, test links" in out
    assert "ATC" not in out
    assert "mean TC is" in out
    assert "training degree" in out
    assert f"Written: {tmp_path}" in out.replace("\n", "")
    picture = (tmp_path / "x.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg")
    assert "var(" not in picture


def test_the_approximation_comes_on_request(capsys, edges):
    words = ("debdeps", "--protocol", "ncn-70-10-20", "--seed", "2", "--atc", "--json")
    told = json.loads(call(capsys, *words)[1])
    limit = atc_by_split(edges, 4488, dim=None)["test"].numpy()
    exact = tc_by_split(edges, 4488)["test"].numpy()
    ends = torch.unique(edges["test"]).numpy()
    (row,) = (r for r in told["values"] if (r["value"], r["links"]) == ("atc", "test"))
    assert row["mean"] == pytest.approx(limit[ends].mean())
    assert told["correlation"]["test"] == pytest.approx(np.corrcoef(exact[ends], limit[ends])[0, 1])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["debdep"], "Nearest names: debdeps"),
        (["chameleon-filtered"], "has no links to predict"),
        (["debdeps", "--protocol", "heart-85-5-10"], "offered: random-85-5-10, ncn-70-10-20"),
        (["debdeps", "--protocol", "ncn"], "not a link protocol"),
        (["debdeps", "--seed", "-1"], "seed is -1"),
        (["debdeps", "--hops", "0"], "--hops"),
        (["debdeps", "--out", "x.txt"], "must end in .csv or .npz"),
        (["debdeps", "--plot", "x.png"], "must end in .svg"),
        (["debdeps", "--out", "/nowhere/at/all/x.csv"], "is no folder"),
        ([], "Missing argument"),
    ],
)
def test_bad_input_ends_with_code_2_and_a_sentence(capsys, words, text):
    code, out, err = call(capsys, *words)
    assert (code, out) == (2, "")
    assert text in err
