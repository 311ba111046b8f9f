"""``graphlab-bench data``: tables, JSON, exit codes, one-line errors, a cheap start."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from graphlab.bench.cli import main
from graphlab.datasets.catalog import cards, find_dataset


@pytest.fixture
def data(capsys):
    """Run ``graphlab-bench data ...``; return exit code, output, errors."""

    def run(*args):
        with pytest.raises(SystemExit) as stopped:
            main(["data", *map(str, args)])
        out, err = capsys.readouterr()
        return stopped.value.code, out, err

    return run


def test_list_has_a_row_for_every_set(data, root):
    code, out, _ = data("list")
    lines = out.splitlines()
    assert code == 0 and len(lines) == len(cards()) + 1
    header = "name tasks nodes edges features classes protocols status"
    assert lines[0].split() == header.split(" ")
    rows = {line.split()[0]: line for line in lines[1:]}
    assert rows["debdeps"].endswith("embedded")
    assert rows["cora"].endswith("missing 8 files") and "2,708" in rows["cora"]
    assert "325d" in rows["texas"] and "6,150G" in rows["csl"]


def test_list_on_a_terminal_is_a_rich_table(data, root, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = data("list")
    assert code == 0
    assert "debdeps" in out and "random-20-30" in out


def test_list_as_json(data, with_mirror):
    code, out, err = data("list", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0 and err == ""
    assert rows["cora"]["status"] == "ready" and rows["pubmed"]["status"] == "missing 8 files"
    assert rows["cora"]["protocols"]["node"][0] == "public"
    assert rows["zinc"]["nodes"] is None


def test_info_shows_card_and_files(data, with_mirror):
    code, out, _ = data("info", "Planetoid-Cora")
    assert code == 0
    for text in ("MIT (of the repository)", "arXiv:1603.08861", "raw/ind.cora.graph", "present"):
        assert text in out
    assert find_dataset("cora").sha256["raw/ind.cora.x"] in out
    facts = json.loads(data("info", "cora", "--json")[1])
    assert facts["folder"] == str(with_mirror / "planetoid" / "Cora")
    assert len(facts["files"]) == 8 and facts["files"][0]["url"].startswith("https://")


def test_info_says_not_stated_where_nothing_is_known(data, root):
    _, out, _ = data("info", "actor")
    assert "licence         not stated" in out
    assert out.count("missing") >= 12


def test_path_prints_root_and_mirrors(data, mirror, with_mirror):
    code, out, err = data("path")
    assert (code, out) == (0, f"{with_mirror}\n")
    assert str(mirror) in err
    found = json.loads(data("path", "--root", "elsewhere", "--json")[1])
    assert found["root"].endswith("elsewhere") and found["mirrors"] == [str(mirror)]


def test_verify_of_one_and_of_all(data, with_mirror):
    assert data("verify", "cora")[:2] == (0, f"{'cora':<20}  18 ok\n")
    code, out, _ = data("verify")
    assert code == 0
    assert "sets have no file here" in out and "damaged" not in out
    states = json.loads(data("verify", "texas", "--json")[1])["texas"]
    assert {state["state"] for state in states} == {"ok"}


def test_verify_finds_a_flipped_byte(data, own_copy, flip):
    folder = own_copy("minesweeper")
    flip(folder / "raw/minesweeper.npz", 77)
    code, out, err = data("verify", "minesweeper")
    assert code == 2 and "1 damaged" in out
    assert err.startswith("error: ") and "--force" in err
    code, out, _ = data("verify", "--json")
    assert code == 2
    assert json.loads(out)["minesweeper"][0]["state"] == "damaged"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["info", "corra"], ["'corra'", "cora", "data list"]),
        (["verify", "ogbn-arxiv"], ["ogbn-arxiv", "data fetch ogbn-arxiv", "raw/edge.csv.gz"]),
        (["fetch", "csl-original"], ["csl-original", "by hand"]),
    ],
)
def test_errors_are_one_line_with_exit_code_2(data, root, args, words):
    code, out, err = data(*args)
    assert code == 2 and out == ""
    assert err.startswith("error: ") and err.count("\n") == 1
    assert all(word in err for word in words)


def test_fetch_of_what_is_there(data, with_mirror, no_sockets):
    assert data("fetch", "debdeps")[1] == "debdeps is shipped with graphlab; nothing was fetched.\n"
    assert data("fetch", "cora")[1] == "cora was there already; nothing was fetched.\n"
    assert json.loads(data("fetch", "cora", "--json")[1]) == {"name": "cora", "fetched": []}


def test_fetch_without_a_network_is_an_error_with_the_manual_way(data, root, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    code, _, err = data("fetch", "roman-empire")
    assert code == 2
    last = err.splitlines()[-1]
    assert last.startswith("error: roman-empire cannot be fetched")
    assert "github.com" in last and str(root / "heterophilous" / "roman_empire") in last


def test_list_starts_fast_without_torch_numpy_or_rich():
    code = """
import sys, time
from graphlab.bench.cli import main
try:
    main(["data", "list"])
except SystemExit:
    pass
loaded = [m for m in ("torch", "numpy", "pandas", "rich") if m in sys.modules]
print(time.process_time(), loaded, file=sys.stderr)
"""
    environment = {**os.environ, "GRAPHLAB_DATA": "/nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    seconds, loaded = done.stderr.splitlines()[-1].split(maxsplit=1)
    assert float(seconds) < 0.5 and loaded == "[]"
