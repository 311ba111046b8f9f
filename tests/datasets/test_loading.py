"""Loading: counts, copies, offline, errors after the files are there."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from graphlab.datasets import load
from graphlab.datasets.catalog import find_dataset
from graphlab.errors import (
    DatasetCorrupt,
    DatasetError,
    DatasetNotFound,
    DatasetTooLarge,
    InputError,
    UnknownDataset,
)
from graphlab.graph import Graph

# nodes, directed entries, features, classes: the counts of the mirror's own description
SINGLE = {
    "cora": (2708, 10556, 1433, 7),
    "citeseer": (3327, 9104, 3703, 6),
    "photo": (7650, 238162, 745, 8),
    "computers": (13752, 491722, 767, 10),
    "cs": (18333, 163788, 6805, 15),
    "minesweeper": (10000, 78804, 7, 2),
    "tolokers": (11758, 1038000, 10, 2),
    "chameleon-filtered": (890, 2 * 8854, 2325, 5),
    "squirrel-filtered": (2223, 2 * 46998, 2089, 5),
    "texas": (183, 325, 1703, 5),
    "cornell": (183, 298, 1703, 5),
    "wisconsin": (251, 515, 1703, 5),
    "debdeps": (4488, 2 * 9414, 1500, 12),
    "karate": (34, 156, 34, 4),
}
# graphs, mean nodes, mean undirected edges, features, classes
SETS = {
    "tu-mutag": (188, 17.93, 19.79, 7, 2),
    "tu-proteins": (1113, 39.06, 72.82, 3, 2),
    "tu-enzymes": (600, 32.63, 62.14, 3, 6),
    "csl-original": (150, 41, 82, None, 10),
    "csl": (150, 41, 82, None, 10),
}
NO_READER = ["collegemsg"]


@pytest.mark.parametrize("name", SINGLE)
def test_a_graph_loads_offline_with_its_counts(name, in_shared_root, no_sockets):
    data = load(name)
    nodes, entries, features, classes = SINGLE[name]
    graph = data.graph
    assert isinstance(graph, Graph)
    assert (graph.num_nodes, graph.num_edges) == (nodes, entries)
    assert tuple(graph.features.shape) == (nodes, features)
    assert data.num_classes == classes
    assert graph.y.shape == (nodes,) and int(graph.y.max()) == classes - 1
    assert graph.is_undirected() != find_dataset(name).directed
    assert data.info["unverified"] == []
    assert set(data.split) == {"train", "val", "test"}


@pytest.mark.parametrize("name", SETS)
def test_a_graph_set_loads_offline_with_its_counts(name, in_shared_root, no_sockets):
    data = load(name)
    count, nodes, edges, features, classes = SETS[name]
    assert len(data.graph) == count == len(data.targets)
    assert np.mean([g.num_nodes for g in data.graph]) == pytest.approx(nodes, abs=0.005)
    assert np.mean([g.num_edges / 2 for g in data.graph]) == pytest.approx(edges, abs=0.005)
    widths = {None if g.x is None else g.x.shape[1] for g in data.graph}
    assert widths == {features}
    assert data.num_classes == classes == int(data.targets.max()) + 1
    assert data.task == "graph" and data.split == {}
    assert all(g.is_undirected() for g in data.graph[:20])


@pytest.mark.parametrize("name", ["cora", "debdeps", "texas"])
def test_features_are_sparse_where_few_are_nonzero(name, in_shared_root):
    graph = load(name).graph
    assert graph.features.layout == torch.sparse_csr
    assert torch.equal(graph.features.to_dense(), graph.x)


def test_features_stay_dense_where_many_are_nonzero(in_shared_root):
    assert load("photo").graph.features.layout == torch.strided
    assert load("tolokers").graph.features.layout == torch.strided


def test_a_second_load_reads_the_converted_copy_and_is_equal(with_mirror):
    first, second = load("citeseer"), load("citeseer")
    assert not first.info["from_copy"] and second.info["from_copy"]
    assert torch.equal(first.graph.edge_index, second.graph.edge_index)
    assert torch.equal(first.graph.x, second.graph.x)
    assert torch.equal(first.graph.y, second.graph.y)
    for stage in ("train", "val", "test"):
        assert torch.equal(first.split[stage], second.split[stage])


def test_no_pickle_is_opened_when_a_copy_is_there(with_mirror, monkeypatch):
    import graphlab._unpickle as unpickling

    def refuse(*args, **kwargs):
        raise AssertionError("a pickle was opened")

    load("cora")
    monkeypatch.setattr(unpickling, "_ArrayUnpickler", refuse)
    assert load("cora").info["from_copy"]


def test_a_damaged_copy_is_written_anew(with_mirror):
    load("cora")
    (copy,) = (with_mirror / "planetoid" / "Cora").glob("processed-*/cora.npz")
    whole = copy.read_bytes()
    for damaged in (whole[:5000], b"", whole[:3000] + b"\x00" + whole[3001:]):
        copy.write_bytes(damaged)
        data = load("cora")
        assert not data.info["from_copy"]
        assert data.graph.num_edges == 10556
        assert load("cora").info["from_copy"]


def test_a_copy_that_cannot_be_written_costs_the_copy_alone(with_mirror, caplog):
    load("texas")
    (folder,) = (with_mirror / "webkb" / "texas").glob("processed-*")
    shutil.rmtree(folder)
    folder.write_text("a file in its place")
    with caplog.at_level("WARNING", logger="graphlab"):
        data = load("texas")
    assert data.graph.num_edges == 325 and not data.info["from_copy"]
    assert str(folder) in caplog.text


def test_a_root_that_cannot_be_locked_is_read_without_a_copy(own_copy):
    folder = own_copy("texas")
    (folder / ".lock").mkdir()
    for _ in range(2):
        data = load("texas")
        assert data.graph.num_edges == 325 and not data.info["from_copy"]
    assert not list(folder.glob("processed-*"))


def test_a_copy_of_other_raw_files_or_options_is_not_read(with_mirror):
    load("tu-enzymes")
    wide = load("tu-enzymes", options={"use_node_attr": True})
    assert not wide.info["from_copy"]
    assert {g.x.shape[1] for g in wide.graph} == {21}
    assert {g.x.shape[1] for g in load("tu-enzymes").graph} == {3}
    assert len(list((with_mirror / "tu" / "ENZYMES").glob("processed-*"))) == 2


def test_a_copy_is_quick_to_load(in_shared_root):
    load("cora")
    times = []
    for _ in range(3):
        start = time.process_time()
        load("cora")
        times.append(time.process_time() - start)
    assert min(times) < 0.1


LOAD = """
from graphlab.datasets import load
data = load("citeseer")
print(data.graph.num_edges, int(data.graph.x.sum()), data.info["from_copy"])
"""


def test_two_processes_load_the_same_set_at_once(with_mirror):
    started = [
        subprocess.Popen([sys.executable, "-c", LOAD], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    out = [process.communicate(timeout=120)[0].split() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert [line[:2] for line in out] == [["9104", "105165"]] * 2
    assert sorted(line[2] for line in out) == ["False", "True"]  # the second waited


def test_a_set_of_unequal_counts_is_refused(own_copy):
    """A whole file with other content: another form is accepted, other counts are not."""
    folder = own_copy("photo")
    path = folder / "raw" / "amazon_electronics_photo.npz"
    with np.load(path) as content:
        arrays = {name: content[name] for name in content.files}
    arrays["labels"] = arrays["labels"] % 3
    np.savez(path, **arrays)
    with pytest.raises(DatasetCorrupt) as caught:
        load("photo")
    message = str(caught.value)
    assert "7650 nodes, 238162 edges, 745 features, 3 classes" in message
    assert "7650 nodes, 238162 edges, 745 features, 8 classes" in message


@pytest.mark.parametrize("name", NO_READER)
def test_a_format_without_reader_says_so_once_its_files_are_there(name, in_shared_root):
    with pytest.raises(DatasetError, match="no reader") as caught:
        load(name)
    assert not isinstance(caught.value, DatasetNotFound)


@pytest.mark.parametrize("name", ["ogbn-arxiv", "zinc", "sbm-pattern", "pubmed", "physics"])
def test_absent_files_come_before_a_missing_reader(name, in_shared_root):
    with pytest.raises(DatasetNotFound, match=name):
        load(name)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and limits the address space")
def test_a_set_larger_than_the_memory_is_refused_before_it_is_read(in_shared_root):
    load("karate")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000, limits[1]))
    try:
        with pytest.raises(DatasetTooLarge) as caught:
            load("cs")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    message = str(caught.value)
    assert isinstance(caught.value, MemoryError)
    assert str(find_dataset("cs").bytes_memory) in message
    assert "available" in message and "out-of-core" in message


def test_wrong_arguments_are_named(root):
    with pytest.raises(UnknownDataset, match="karate"):
        load("carate")
    with pytest.raises(InputError, match="'graph'"):
        load("karate", task="graph")
    with pytest.raises(InputError, match="use_node_attrs"):
        load("karate", options={"use_node_attrs": True})
    with pytest.raises(InputError, match="link"):
        load("karate", task="link", split="public")
    with pytest.raises(InputError, match="True"):
        load("karate", split=True)
    with pytest.raises(InputError, match=r"0\.\.0"):
        load("karate", split=1)
    with pytest.raises(InputError, match=r"public has 1 \(0\.\.0\)"):
        load("debdeps", split=1)
    for seed in (-1, 1.5, "0", True, None):
        with pytest.raises(InputError, match=f"seed is {seed!r}"):
            load("karate", seed=seed)


def test_task_and_split_choose(root):
    assert load("debdeps").task == "node"
    link = load("debdeps", task="Link")
    assert (link.task, link.metric, link.split) == ("link", "hits@100", {})
    chosen = load("debdeps", split="random-20-30", seed=3)
    assert int(chosen.split["val"].sum()) == 360
    assert chosen.class_names[0] == "admin" and len(chosen.class_names) == 12
    assert load("karate", split="Planetoid_Public").protocol == "public"


def test_the_one_fixed_split_of_the_shipped_set_is_its_split_0(root):
    default, first = load("debdeps", seed=4), load("debdeps", split=np.int64(0))
    for stage, mask in default.split.items():
        assert torch.equal(first.split[stage], mask)
    assert default.stored_splits["public"]["val"].shape == (4488, 1)


def test_download_is_needed_only_for_what_is_missing(with_mirror, no_sockets):
    assert load("texas", download=True).graph.num_nodes == 183


def test_download_brings_the_files_of_the_split_that_is_asked_for(own_copy, no_sockets):
    own_copy("cora")
    assert load("cora", download=True).protocol == "public"
    with pytest.raises(AssertionError, match="a socket was opened"):
        load("cora", split="Geom_GCN", download=True)


def test_library_state_is_left_alone(root):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    load("sbm-tiny")
    assert torch.equal(torch.get_rng_state(), before)
    assert os.environ.get("GRAPHLAB_DATA") == str(root)
