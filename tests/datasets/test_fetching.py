"""Downloads from a server of the test: explicit, checked, noted, never a half file."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import zipfile

import pytest

from graphlab.datasets.card import Download, RawFile
from graphlab.datasets.catalog import find_dataset, locate, status
from graphlab.datasets.fetching import fetch
from graphlab.datasets.files import MIRROR_VARIABLE, place
from graphlab.datasets.verifying import verify
from graphlab.errors import DatasetCorrupt, DatasetDownloadError, DatasetNotWritable


@pytest.fixture
def texas(mirror, server, served_card):
    """Texas, served from the mirror's files."""
    card = served_card("texas", server.address)
    for path in card.files:
        server.files[path.rpartition("/")[2]] = (mirror / card.subdir / path).read_bytes()
    return card


def test_missing_files_are_fetched_and_verified(texas, server, root):
    fetched = fetch(texas)
    assert len(fetched) == 12 and all(file.verified for file in fetched)
    assert locate(texas) == root / "webkb" / "texas"
    assert len(server.asked) == 12
    assert not list(root.rglob("*.part"))
    note = json.loads((root / "webkb/texas/fetched.json").read_text())
    assert note["raw/out1_graph_edges.txt"]["verified"] is True


def test_what_is_there_is_not_fetched_again(texas, server, root):
    fetch(texas)
    server.asked.clear()
    (root / "webkb/texas/raw/out1_graph_edges.txt").unlink()
    assert [file.path.name for file in fetch(texas)] == ["out1_graph_edges.txt"]
    assert server.asked == ["out1_graph_edges.txt"]
    assert fetch(texas) == []


def test_what_a_mirror_has_is_not_fetched(texas, mirror, root, monkeypatch, no_sockets):
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    assert fetch(texas) == []
    assert (root / "webkb/texas/raw/out1_graph_edges.txt").is_symlink()


def test_a_damaged_file_is_replaced_by_force_only(texas, server, root, flip):
    fetch(texas)
    flip(root / "webkb/texas/raw/out1_graph_edges.txt", 30)
    with pytest.raises(DatasetCorrupt):
        fetch(texas)
    assert len(fetch(texas, force=True)) == 12
    locate(texas)


def test_force_replaces_a_link_and_leaves_the_mirror_alone(texas, mirror, root, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    locate(texas)
    before = (mirror / "webkb/texas/raw/out1_graph_edges.txt").stat()
    fetch(texas, force=True)
    assert not (root / "webkb/texas/raw/out1_graph_edges.txt").is_symlink()
    assert (
        mirror / "webkb/texas/raw/out1_graph_edges.txt"
    ).stat().st_mtime_ns == before.st_mtime_ns


def test_a_wrong_file_is_refused_and_nothing_is_left(texas, server, root):
    server.files["out1_graph_edges.txt"] = b"<html>not here</html>"
    with pytest.raises(DatasetDownloadError) as caught:
        fetch(texas)
    message = str(caught.value)
    assert "127.0.0.1" in message and texas.sha256["raw/out1_graph_edges.txt"] in message
    assert str(root / "webkb" / "texas") in message and "out1_graph_edges.txt" in message
    assert isinstance(caught.value, ConnectionError)
    assert not (root / "webkb/texas/raw/out1_graph_edges.txt").exists()


def test_an_absent_address_names_what_to_put_where(texas, server, root):
    del server.files["texas_split_0.6_0.2_4.npz"]
    with pytest.raises(DatasetDownloadError) as caught:
        fetch(texas)
    message = str(caught.value)
    assert "404" in message and "by hand" in message and "texas_split_0.6_0.2_4.npz" in message
    assert "out1_graph_edges.txt" not in message.split("by hand")[1]  # that one has arrived


def test_an_unverified_file_is_noted_and_checked_later(server, root, served_card, flip):
    card = served_card("roman-empire", server.address)
    assert card.sha256 == {}
    server.files["roman_empire.npz"] = b"some bytes nobody vouches for"
    (fetched,) = fetch(card)
    assert not fetched.verified
    assert [state.state for state in verify(card)] == ["ok"]  # as it was downloaded
    assert place(card).unverified == ()
    flip(fetched.path, 3)
    with pytest.raises(DatasetCorrupt, match=fetched.sha256):
        locate(card)


def test_a_source_that_serves_another_container_is_noted(mirror, server, root, served_card):
    card = served_card("photo", server.address)
    content = (mirror / "amazon/Photo/raw/amazon_electronics_photo.npz").read_bytes()
    server.files["amazon_electronics_photo.npz"] = content + b"\0"
    (fetched,) = fetch(card)
    assert not fetched.verified
    locate(card)


def test_embedded_sets_need_no_fetch(root, no_sockets):
    assert fetch(find_dataset("debdeps")) == []
    assert not root.exists()


def test_a_set_without_address_says_so(root):
    with pytest.raises(DatasetDownloadError, match="no official address") as caught:
        fetch(find_dataset("csl-original"))
    assert "y_Kary_Deterministic_Graphs.pt" in str(caught.value)


def test_an_unwritable_root_is_told_before_any_download(texas, server, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(DatasetNotWritable, match="taken"):
        fetch(texas, tmp_path / "taken")
    assert server.asked == []


def test_only_https_leaves_the_machine(root, served_card):
    card = served_card("roman-empire", "http://example.org")
    with pytest.raises(DatasetDownloadError, match="not allowed"):
        fetch(card)


def zipped(members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.fixture
def mutag(mirror, server):
    """MUTAG, served as its source does: one zip with a folder in it."""
    card = find_dataset("tu-mutag")
    paths = [*card.files, *card.optional]
    content = {path: (mirror / card.subdir / path).read_bytes() for path in paths}
    members = {f"MUTAG/{path.rpartition('/')[2]}": data for path, data in content.items()}
    server.files["MUTAG.zip"] = zipped({**members, "MUTAG/README.txt": b"read me"})
    source = dataclasses.replace(card.download, archive=f"{server.address}/MUTAG.zip")
    return dataclasses.replace(card, download=source)


def test_an_archive_is_unpacked_into_place(mutag, server, root):
    fetched = fetch(mutag)
    assert len(fetched) == 5 and all(file.verified for file in fetched)
    assert locate(mutag) == root / "tu" / "MUTAG"
    names = {path.name for path in (root / "tu/MUTAG").iterdir()}
    assert names == {"raw", "fetched.json", ".lock"}


def test_an_archive_with_another_top_folder_is_understood(mutag, server, root):
    renamed = dataclasses.replace(mutag.download, strip="OTHER/")
    assert len(fetch(dataclasses.replace(mutag, download=renamed))) == 5


def test_a_wrong_member_is_refused(mutag, server, root):
    server.files["MUTAG.zip"] = zipped({f"MUTAG/{p.rpartition('/')[2]}": b"x" for p in mutag.files})
    with pytest.raises(DatasetDownloadError, match="sha256"):
        fetch(mutag)
    assert status(mutag) == "missing 4 files"


def test_an_archive_that_lacks_a_file_is_refused(mutag, server, root):
    server.files["MUTAG.zip"] = zipped({"MUTAG/MUTAG_A.txt": b"1, 2"})
    with pytest.raises(DatasetDownloadError, match=r"lacks raw/MUTAG_graph_indicator\.txt"):
        fetch(mutag)
    assert {path.name for path in (root / "tu/MUTAG").iterdir()} == {".lock"}


@pytest.mark.parametrize("content", ["outside", "bomb", "nonsense"])
def test_a_hostile_archive_leaves_nothing(mutag, server, root, tmp_path, content):
    server.files["MUTAG.zip"] = {
        "outside": zipped({"../../../escaped.txt": b"out"}),
        "bomb": zipped({"MUTAG/MUTAG_A.txt": b"\0" * 5_000_000}),
        "nonsense": b"<html></html>",
    }[content]
    small = dataclasses.replace(mutag.download, max_bytes=1_000_000)
    with pytest.raises(DatasetDownloadError):
        fetch(dataclasses.replace(mutag, download=small))
    assert {path.name for path in (root / "tu/MUTAG").iterdir()} == {".lock"}
    assert not list(tmp_path.rglob("escaped.txt"))


def test_a_gzip_file_is_unpacked(mirror, server, root):
    card = find_dataset("collegemsg")
    content = (mirror / "temporal/CollegeMsg/CollegeMsg.txt").read_bytes()
    url = f"{server.address}/CollegeMsg.txt.gz"
    file = dataclasses.replace(card.files["CollegeMsg.txt"], url=url)
    card = dataclasses.replace(card, files={"CollegeMsg.txt": file})
    server.files["CollegeMsg.txt.gz"] = gzip.compress(content)
    (fetched,) = fetch(card)
    assert fetched.verified and fetched.path.read_bytes() == content
    names = {path.name for path in fetched.path.parent.iterdir()}
    assert names == {"CollegeMsg.txt", "fetched.json", ".lock"}


@pytest.mark.parametrize("kind", ["other", "truncated", "html"])
def test_a_wrong_gzip_file_is_refused(kind, server, root):
    bodies = {"other": gzip.compress(b"x"), "truncated": gzip.compress(b"x" * 999)[:-4]}
    body = bodies.get(kind, b"<html></html>")
    card = find_dataset("collegemsg")
    url = f"{server.address}/CollegeMsg.txt.gz"
    file = dataclasses.replace(card.files["CollegeMsg.txt"], url=url)
    card = dataclasses.replace(card, files={"CollegeMsg.txt": file})
    server.files["CollegeMsg.txt.gz"] = body
    with pytest.raises(DatasetDownloadError, match=r"CollegeMsg\.txt"):
        fetch(card)
    assert status(card) == "missing 1 file"
    assert {path.name for path in (root / "temporal/CollegeMsg").iterdir()} == {".lock"}


def test_split_files_are_fetched_with_the_set(mirror, server, root, served_card):
    card = served_card("cora", server.address)
    split = find_dataset("cora").splits["geom-gcn"]
    files = {
        name: dataclasses.replace(file, url=f"{server.address}/{name}")
        for name, file in split.files.items()
    }
    card = dataclasses.replace(card, splits={"geom-gcn": dataclasses.replace(split, files=files)})
    for path in card.files:
        server.files[path.rpartition("/")[2]] = (mirror / card.subdir / path).read_bytes()
    for name in files:
        server.files[name] = (mirror / split.subdir / name).read_bytes()
    assert len(fetch(card)) == 18
    locate(card, protocol="geom-gcn")


def test_verify_tells_the_states_apart(own_copy, root, flip):
    folder = own_copy("texas")
    card = find_dataset("texas")
    locate(card)  # remembered checksums must not hide what happens now
    flip(folder / "raw/out1_graph_edges.txt", 10)
    (folder / "raw/texas_split_0.6_0.2_0.npz").unlink()
    states = {state.path.rpartition("/")[2]: state for state in verify(card)}
    assert states["out1_graph_edges.txt"].state == "damaged"
    assert "--force" in states["out1_graph_edges.txt"].problem
    assert states["texas_split_0.6_0.2_0.npz"].state == "missing"
    assert states["out1_node_feature_label.txt"].state == "ok"
    bare = dataclasses.replace(card, files={p: RawFile(p) for p in card.files})
    assert {state.state for state in verify(bare)} == {"unverified", "missing"}


def test_download_describes_an_archive():
    assert Download("https://x/y.zip").strip == ""
