"""Readers on hostile and damaged files: named errors, and no code from a file runs."""

from __future__ import annotations

import dataclasses
import os
import pickle

import numpy as np
import pytest

from graphlab.datasets.card import RawFile
from graphlab.datasets.catalog import find_dataset
from graphlab.datasets.csl import read_csl
from graphlab.datasets.npz import read_debdeps, read_npz_set
from graphlab.datasets.planetoid import read_planetoid
from graphlab.datasets.tu import read_tu
from graphlab.datasets.webkb import read_webkb
from graphlab.errors import DatasetCorrupt, UnsafeFileError

READERS = {
    "cora": read_planetoid,
    "photo": read_npz_set,
    "minesweeper": read_npz_set,
    "texas": read_webkb,
    "tu-mutag": read_tu,
    "csl-original": read_csl,
}


def unchecked(name):
    """A card without checksums: what a reader must survive by itself."""
    card = find_dataset(name)
    return dataclasses.replace(card, files={path: RawFile(path) for path in card.files})


class Payload:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def test_a_payload_in_a_planetoid_file_does_not_run(own_copy, tmp_path):
    folder = own_copy("cora")
    marker = tmp_path / "marker"
    (folder / "raw/ind.cora.graph").write_bytes(pickle.dumps(Payload(marker), protocol=2))
    with pytest.raises(UnsafeFileError, match=r"ind\.cora\.graph"):
        read_planetoid(folder, unchecked("cora"))
    with pytest.raises(DatasetCorrupt, match="sha256"):
        read_planetoid(folder, find_dataset("cora"))  # not even opened as a pickle
    assert not marker.exists()


def test_a_payload_in_a_csl_file_does_not_run(own_copy, tmp_path):
    folder = own_copy("csl-original")
    marker = tmp_path / "marker"
    for path in find_dataset("csl-original").files:
        whole = (folder / path).read_bytes()
        (folder / path).write_bytes(pickle.dumps(Payload(marker), protocol=2))
        with pytest.raises((UnsafeFileError, DatasetCorrupt)):
            read_csl(folder, unchecked("csl-original"))
        (folder / path).write_bytes(whole)
    assert not marker.exists()


def test_an_object_array_in_an_npz_does_not_run(own_copy, tmp_path):
    folder = own_copy("minesweeper")
    marker = tmp_path / "marker"
    path = folder / find_dataset("minesweeper").required_files[0]
    with np.load(path) as content:
        arrays = {name: content[name] for name in content.files}
    arrays["edges"] = np.array([Payload(marker)], dtype=object)
    np.savez(path, **arrays)
    with pytest.raises(DatasetCorrupt):
        read_npz_set(folder, unchecked("minesweeper"))
    assert not marker.exists()


@pytest.mark.parametrize("name", READERS)
def test_truncated_files_are_named(name, own_copy):
    folder = own_copy(name)
    card = unchecked(name)
    for path in card.required_files[:4]:
        whole = (folder / path).read_bytes()
        (folder / path).write_bytes(whole[: len(whole) // 2 - 1])
        try:
            READERS[name](folder, card)
        except DatasetCorrupt as error:
            assert "raw/" in str(error) or path in str(error)
        else:
            # a text table cut between two lines reads well: counts and checksums find it
            assert path.endswith(("_A.txt", "_edges.txt"))
        (folder / path).write_bytes(b"")
        with pytest.raises(DatasetCorrupt):
            READERS[name](folder, card)
        (folder / path).write_bytes(whole)
    READERS[name](folder, card)


def test_errors_keep_the_cause_and_echo_no_content(own_copy):
    folder = own_copy("texas")
    (folder / "raw/out1_graph_edges.txt").write_text("a\tb\nsecret\tword\n")
    with pytest.raises(DatasetCorrupt) as caught:
        read_webkb(folder, unchecked("texas"))
    assert isinstance(caught.value.__cause__, ValueError)
    assert "secret" not in str(caught.value)
    assert str(folder / "raw/out1_graph_edges.txt") in str(caught.value)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("A", "1, 2\n2, 9999\n"),
        ("A", "0, 1\n"),
        ("A", "1, 3000\n"),
        ("graph_indicator", "1\n2\n1\n"),
        ("graph_indicator", "2\n2\n3\n"),
    ],
)
def test_tu_files_that_do_not_fit_together_are_refused(part, text, own_copy):
    folder = own_copy("tu-mutag")
    (folder / f"raw/MUTAG_{part}.txt").write_text(text)
    with pytest.raises(DatasetCorrupt):
        read_tu(folder, unchecked("tu-mutag"))


def test_webkb_nodes_must_be_numbered_through(own_copy):
    folder = own_copy("texas")
    path = folder / "raw/out1_node_feature_label.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], lines[1]]) + "\n")
    with pytest.raises(DatasetCorrupt, match="out1_node_feature_label"):
        read_webkb(folder, unchecked("texas"))


def test_debdeps_reads_names_of_classes():
    card = find_dataset("debdeps")
    arrays = read_debdeps(card.folder, card)
    sizes = dict(zip(arrays["class_names"].tolist(), np.bincount(arrays["y"]), strict=True))
    assert sizes["admin"] == 682 and sizes["x11"] == 483
    assert arrays["x_values"].sum() == 109014
