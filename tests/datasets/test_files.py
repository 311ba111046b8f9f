"""Root, mirror, checksums, and every way in which files can be wrong."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from graphlab.datasets.catalog import (
    cards,
    data_root,
    dataset_sha256,
    find_dataset,
    locate,
    missing_files,
    status,
)
from graphlab.datasets.files import MIRROR_VARIABLE, ROOT_VARIABLE
from graphlab.errors import (
    DatasetCorrupt,
    DatasetIncomplete,
    DatasetNotFound,
    DatasetNotWritable,
)

CORA = find_dataset("cora")


def test_root_is_argument_then_variable_then_cache(tmp_path, monkeypatch):
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "variable"))
    assert data_root(tmp_path / "argument") == tmp_path / "argument"
    assert data_root() == tmp_path / "variable"
    monkeypatch.delenv(ROOT_VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if sys.platform == "linux":
        assert data_root() == tmp_path / "cache" / "graphlab"


def test_no_home_folder_is_told_with_the_variable_to_set(monkeypatch):
    for name in (ROOT_VARIABLE, "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(user):
        raise KeyError(user)

    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(DatasetNotWritable, match=ROOT_VARIABLE):
        data_root()
    monkeypatch.setenv(ROOT_VARIABLE, "~/data")
    with pytest.raises(DatasetNotWritable, match=ROOT_VARIABLE):
        data_root()


def test_mirror_files_are_linked_into_the_root_and_stay_as_they_are(mirror, with_mirror):
    folder = locate(CORA)
    assert folder == with_mirror / "planetoid" / "Cora"
    for path in CORA.required_files:
        assert (folder / path).is_symlink()
        assert (folder / path).samefile(mirror / CORA.subdir / path)
    assert status(CORA) == "ready"


def test_files_are_copied_where_linking_fails(with_mirror, monkeypatch):
    def refuse(self, target, target_is_directory=False):
        raise OSError("links are not supported here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    folder = locate(CORA)
    assert all((folder / p).is_file() and not (folder / p).is_symlink() for p in CORA.files)
    assert not list(folder.rglob("*.partial-*"))


def test_several_mirrors_are_searched_in_order(mirror, root, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv(MIRROR_VARIABLE, os.pathsep.join([str(empty), "", str(mirror)]))
    assert locate(CORA).is_dir()


def test_a_link_to_a_mirror_that_is_gone_is_replaced(mirror, with_mirror):
    target = with_mirror / CORA.subdir / CORA.required_files[0]
    target.parent.mkdir(parents=True)
    target.symlink_to(mirror / "gone" / "away")
    locate(CORA)
    assert target.samefile(mirror / CORA.subdir / CORA.required_files[0])


def test_missing_files_are_all_named_with_the_remedies(root):
    with pytest.raises(DatasetNotFound) as caught:
        locate(CORA)
    assert not isinstance(caught.value, DatasetIncomplete)
    assert isinstance(caught.value, FileNotFoundError)
    message = str(caught.value)
    assert message.startswith("cora ")
    assert str(root / "planetoid" / "Cora") in message
    assert all(path in message for path in CORA.required_files)
    assert "graphlab-bench data fetch cora" in message
    assert MIRROR_VARIABLE in message
    assert "\n" not in message
    assert not root.exists()


def test_a_few_missing_files_are_named_with_their_checksum(root):
    card = find_dataset("photo")
    with pytest.raises(DatasetNotFound, match=card.files[card.required_files[0]].sha256):
        locate(card)


def test_pubmed_of_the_mirror_is_partial_and_so_not_found(mirror, with_mirror):
    card = find_dataset("pubmed")
    with pytest.raises(DatasetNotFound) as caught:
        locate(card)
    assert all(path in str(caught.value) for path in card.required_files)
    assert str(mirror) in str(caught.value)
    assert status(card) == "missing 8 files"


def test_one_missing_file_makes_the_folder_incomplete(own_copy):
    folder = own_copy("cora")
    (folder / "raw" / "ind.cora.graph").unlink()
    with pytest.raises(DatasetIncomplete) as caught:
        locate(CORA)
    message = str(caught.value)
    assert str(folder) in message
    missing, found = message.split("Missing: ")[1].split(" Found: ")
    assert "raw/ind.cora.graph" in missing and "raw/ind.cora.x" in found
    assert "fetch cora --force" in message and "Remove the folder" in message


def test_a_partial_download_and_an_empty_raw_folder_are_recognised(root):
    raw = root / CORA.subdir / "raw"
    raw.mkdir(parents=True)
    with pytest.raises(DatasetIncomplete, match="no raw file"):
        locate(CORA)
    (raw / "ind.cora.x.part").write_bytes(b"12")
    with pytest.raises(DatasetIncomplete, match=r"Found: raw/ind.cora.x.part"):
        locate(CORA)


def test_each_of_fifty_flipped_bytes_is_noticed(own_copy, flip):
    folder = own_copy("cora")
    choose = random.Random(0)
    path = folder / "raw" / "ind.cora.allx"
    whole = path.read_bytes()
    for _ in range(50):
        flip(path, choose.randrange(len(whole)))
        with pytest.raises(DatasetCorrupt):
            locate(CORA)
        path.write_bytes(whole)
    assert locate(CORA) == folder


def test_a_damaged_file_is_named_with_both_checksums_and_the_remedy(own_copy, flip):
    folder = own_copy("minesweeper")
    card = find_dataset("minesweeper")
    path = folder / card.required_files[0]
    flip(path, 100)
    with pytest.raises(DatasetCorrupt) as caught:
        locate(card)
    message = str(caught.value)
    assert str(path) in message and card.sha256[card.required_files[0]] in message
    assert message.count("135045 bytes") == 2  # found and expected
    assert "data fetch minesweeper --force" in message
    assert isinstance(caught.value, ValueError)


def test_a_truncated_file_is_named_with_both_sizes(own_copy):
    folder = own_copy("cora")
    path = folder / "raw" / "ind.cora.allx"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DatasetCorrupt, match=r"1000 bytes.*257305 bytes"):
        locate(CORA)


def test_a_damaged_mirror_file_is_not_brought_into_the_root(
    own_copy, root, tmp_path, monkeypatch, flip
):
    folder = own_copy("texas")
    flip(folder / "raw" / "out1_graph_edges.txt", 40)
    monkeypatch.setenv(MIRROR_VARIABLE, str(root))
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "other"))
    with pytest.raises(DatasetCorrupt, match="out1_graph_edges"):
        locate(find_dataset("texas"))
    assert not (tmp_path / "other").exists()


def test_a_file_is_hashed_again_when_it_changes(own_copy, flip):
    folder = own_copy("minesweeper")
    card = find_dataset("minesweeper")
    locate(card)
    flip(folder / card.required_files[0], 200)
    with pytest.raises(DatasetCorrupt):
        locate(card)


def test_a_file_in_the_place_of_an_explicit_root_is_not_writable(mirror, tmp_path, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    monkeypatch.delenv(ROOT_VARIABLE)
    place = tmp_path / "taken"
    place.write_text("a file")
    with pytest.raises(DatasetNotWritable) as caught:
        locate(CORA, place)
    assert str(place) in str(caught.value) and ROOT_VARIABLE in str(caught.value)
    assert isinstance(caught.value, PermissionError)
    monkeypatch.setenv(ROOT_VARIABLE, str(place))
    with pytest.raises(DatasetNotWritable):
        locate(CORA)
    assert place.read_text() == "a file"


def test_an_unwritable_default_root_falls_back_to_the_mirror(mirror, tmp_path, monkeypatch):
    from graphlab.datasets import load

    place = tmp_path / "cache"
    place.write_text("a file where the cache folder would be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    monkeypatch.delenv(ROOT_VARIABLE)
    before = sorted(mirror.joinpath("planetoid/Cora").rglob("*"))
    assert locate(CORA) == mirror / CORA.subdir
    assert load("cora").graph.num_nodes == 2708
    assert sorted(mirror.joinpath("planetoid/Cora").rglob("*")) == before


def test_stored_split_files_are_placed_when_asked_for(mirror, with_mirror):
    locate(CORA, protocol="geom-gcn")
    placed = sorted((with_mirror / "splits" / "geom_gcn").glob("cora*"))
    assert len(placed) == 10
    assert missing_files(CORA, protocol="geom-gcn") == ()


def test_missing_split_files_are_told_apart_from_missing_data(own_copy):
    own_copy("cora")
    assert missing_files(CORA) == ()
    assert len(missing_files(CORA, protocol="geom-gcn")) == 10
    with pytest.raises(DatasetNotFound, match="cora_split_0"):
        locate(CORA, protocol="geom-gcn")


def test_identity_is_that_of_the_files_wherever_they_lie(own_copy, mirror, tmp_path, monkeypatch):
    own_copy("cora")
    first = dataset_sha256(CORA)
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    assert dataset_sha256(CORA, tmp_path / "another") == first
    assert len(first) == 64


def test_identity_of_embedded_sets_needs_no_root(root):
    digests = {card.name: dataset_sha256(card) for card in cards().values() if card.embedded}
    generated = {"pattern-synth", "cluster-synth", "cycles-synth"}
    generated |= {name for name in digests if name.startswith("gsm-")}
    shipped = {"debdeps", "tsp-synth"}
    assert set(digests) == {*shipped, "karate", "csl", "sbm-tiny", "ba-tiny", *generated}
    assert len(generated) == 3 + 8
    assert len(set(digests.values())) == 9 + 8
    assert not root.exists()


def test_another_container_of_the_same_content_is_accepted_as_unverified(own_copy):
    """The source's own Photo file has an unknown checksum; a whole zip of another size passes."""
    from graphlab.datasets import load

    folder = own_copy("photo")
    path = folder / "raw" / "amazon_electronics_photo.npz"
    rewrite_zip(path)
    data = load("photo")
    assert data.info["unverified"] == ["raw/amazon_electronics_photo.npz"]
    assert data.graph.num_edges == 238162


def test_a_truncated_container_is_not_another_form(own_copy):
    folder = own_copy("photo")
    path = folder / "raw" / "amazon_electronics_photo.npz"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DatasetCorrupt, match="1766825 bytes"):
        locate(find_dataset("photo"))


def rewrite_zip(path: Path) -> None:
    """Write the members of a zip uncompressed: the same content in another container."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


PLACE = """
import sys
from graphlab.datasets.catalog import find_dataset, locate
print(locate(find_dataset("texas")))
"""


def test_two_processes_place_the_same_set_at_once(with_mirror):
    started = [
        subprocess.Popen([sys.executable, "-c", PLACE], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    out = {process.communicate()[0].strip() for process in started}
    assert out == {str(with_mirror / "webkb" / "texas")}
    assert [process.returncode for process in started] == [0] * 4
