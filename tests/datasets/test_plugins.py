"""Sets that installed packages add through the entry point group ``graphlab.datasets``."""

from __future__ import annotations

import sys

import pytest

from graphlab.datasets import catalog, load
from graphlab.datasets.catalog import cards, find_dataset, status
from graphlab.errors import DatasetError, MissingDependency

MODULE = """
import numpy as np

def read(folder, card):
    lines = (folder / "edges.txt").read_text().split() if card.files else ["0", "1"]
    edges = np.array(lines, dtype=np.int64).reshape(-1, 2).T
    both = np.concatenate([edges, edges[::-1]], axis=1)
    both = both[:, np.lexsort((both[1], both[0]))]
    return {"edge_index": both, "num_nodes": np.array(3), "x": np.ones((3, 2), np.float32),
            "y": np.array([0, 1, 0])}
"""
CARD = """
name = "ignored: the entry point names the set"
title = "two nodes and one alone"
loader = "ignored: the entry point names the reader"
subdir = "pair"
[counts]
nodes = 3
edges = 1
features = 2
classes = 2
[tasks.node]
protocols = ["random-20-30"]
metrics = ["acc"]
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package with one set ``pair`` (or another name) for the length of a test."""

    def make(*, card=CARD, module=MODULE, name="pair", function="read"):
        site = tmp_path / "site"
        info = site / "pairpack-1.0.dist-info"
        info.mkdir(parents=True)
        entry = f"[graphlab.datasets]\n{name} = pairpack.sets:{function}\n"
        (info / "entry_points.txt").write_text(entry)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pairpack\nVersion: 1.0\n")
        (site / "pairpack").mkdir()
        (site / "pairpack" / "__init__.py").write_text("")
        (site / "pairpack" / "sets.py").write_text(module)
        (site / "pairpack" / f"{name}.toml").write_text(card)
        monkeypatch.syspath_prepend(str(site))
        catalog._catalogue.cache_clear()

    yield make
    monkeypatch.undo()
    for module in [m for m in sys.modules if m.startswith("pairpack")]:
        del sys.modules[module]
    catalog._catalogue.cache_clear()


def test_a_card_is_known_before_its_module_is_imported(install):
    install()
    assert find_dataset("Pair").loader == "pairpack.sets:read"
    assert "pairpack.sets" not in sys.modules


def test_it_loads_as_any_other_set(install, root):
    install()
    data = load("pair")
    assert repr(data.graph) == "Graph(num_nodes=3, num_edges=2, x=(3, 2))"
    assert not data.info["from_copy"] and load("pair").info["from_copy"]


def test_its_files_are_downloaded_when_asked_for(install, server, root):
    files = f'[files]\n"edges.txt" = {{ url = "{server.address}/edges.txt" }}\n'
    install(card=CARD + files)
    assert status(find_dataset("pair")) == "missing 1 file"
    server.files["edges.txt"] = b"0 1\n"
    assert load("pair", download=True).graph.num_edges == 2
    assert load("pair", download=True).info["from_copy"]
    assert server.asked == ["edges.txt"]


def test_a_broken_card_is_left_out_and_told(install, caplog):
    with caplog.at_level("WARNING", logger="graphlab"):
        install(card="name = ")
        assert "pair" not in cards() and "cora" in cards()
    assert "pair" in caplog.text


def test_a_name_that_is_taken_is_left_out_and_told(install, caplog):
    with caplog.at_level("WARNING", logger="graphlab"):
        install(name="karate")
        assert find_dataset("karate").loader == "karate"
    assert "karate" in caplog.text


def test_a_package_that_the_reader_lacks_is_named(install, root):
    install(module="import a_package_that_nobody_has\n")
    with pytest.raises(MissingDependency, match="pip install a_package_that_nobody_has") as caught:
        load("pair")
    assert isinstance(caught.value, ImportError)


def test_a_reader_that_is_not_there_is_named(install, root):
    install(function="wrong")
    with pytest.raises(DatasetError, match="has no wrong"):
        load("pair")
