from __future__ import annotations

import http.server
import io as stdio
import json
import os
import pickle
import pickletools
import re
import socket
import struct
import tarfile
import threading
import zipfile
from typing import ClassVar

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphlab import _download, io
from graphlab.errors import (
    CheckpointError,
    DatasetCorrupt,
    DatasetDownloadError,
    InputError,
    UnsafeFileError,
)


class Payload:
    """Creates a file when unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def marker(tmp_path):
    path = tmp_path / "marker"
    yield path
    assert not path.exists(), "a file ran code"


# --- writing


def test_atomic_write_replaces_whole_and_leaves_no_temporary(tmp_path):
    path = tmp_path / "a.json"
    io.atomic_write(path, b"one")
    io.atomic_write(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_failed_write_keeps_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    io.atomic_write(path, b"one")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        io.atomic_write(path, b"two")
    assert path.read_bytes() == b"one"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        io.atomic_write(tmp_path / "no" / "a", b"")


def test_json_round_trip_and_no_nan(tmp_path):
    path = tmp_path / "a.json"
    io.write_json(path, {"b": 1, "a": [None, "é"]})
    assert io.read_json(path) == {"a": [None, "é"], "b": 1}
    assert path.read_text(encoding="utf-8").index('"a"') < path.read_text(encoding="utf-8").index(
        '"b"'
    )
    with pytest.raises(InputError, match="null"):
        io.write_json(path, {"a": float("nan")})
    assert io.read_json(path)["b"] == 1
    assert io.canonical_json({"y": 1, "x": 2}) == io.canonical_json({"x": 2, "y": 1})
    with pytest.raises(ValueError, match="JSON"):
        io.canonical_json(float("inf"))


def test_sha256_of_file_and_bytes_agree(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert io.sha256_file(tmp_path / "f") == io.sha256_bytes(b"abc") == known


# --- safe_load


def test_tensors_and_arrays_are_read(tmp_path):
    torch.save({"w": torch.ones(2), "n": 3}, tmp_path / "a.pt")
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    np.save(tmp_path / "a.npy", np.arange(4))
    assert torch.equal(io.safe_load(tmp_path / "a.pt")["w"], torch.ones(2))
    assert io.safe_load(tmp_path / "a.npz")["x"].tolist() == [0, 1, 2]
    assert io.safe_load(tmp_path / "a.npy").tolist() == [0, 1, 2, 3]


def test_payloads_are_refused_and_never_run(tmp_path, marker):
    torch.save({"w": Payload(marker)}, tmp_path / "a.pt")
    (tmp_path / "b.ckpt").write_bytes(pickle.dumps(Payload(marker)))
    np.savez(tmp_path / "a.npz", x=np.array([Payload(marker)], dtype=object))
    np.save(tmp_path / "a.npy", np.array([Payload(marker)], dtype=object))
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(Payload(marker)))
    (tmp_path / "noend").write_bytes(pickle.dumps(Payload(marker)))
    for name in ("a.pt", "a.npz", "a.npy", "a.pkl", "noend"):
        with pytest.raises(UnsafeFileError, match=str(tmp_path / name)):
            io.safe_load(tmp_path / name)
    with pytest.raises((UnsafeFileError, CheckpointError)):
        io.safe_load(tmp_path / "b.ckpt")


@pytest.mark.parametrize("suffix", ["pt", "npz", "npy"])
def test_damaged_files_are_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    if suffix == "pt":
        torch.save({"w": torch.ones(200)}, path)
    elif suffix == "npz":
        np.savez(path, x=np.arange(300))
    else:
        np.save(path, np.arange(300))
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"garbage" * 9):
        path.write_bytes(content)
        with pytest.raises((CheckpointError, UnsafeFileError), match=str(path)):
            io.safe_load(path)
    path.unlink()
    with pytest.raises(CheckpointError, match="is not a file"):
        io.safe_load(path)
    path.mkdir()
    with pytest.raises(CheckpointError, match="is not a file"):
        io.safe_load(path)


@pytest.mark.parametrize("form", ["npz", "packed.npz", "npy", "pt", "old.pt"])
def test_whatever_is_damaged_the_error_is_ours(tmp_path, form):
    path = tmp_path / f"a.{form}"
    if form == "npz":
        np.savez(path, x=np.arange(50.0))
    elif form == "packed.npz":
        np.savez_compressed(path, x=np.arange(50.0))
    elif form == "npy":
        np.save(path, np.arange(50.0))
    else:
        torch.save({"w": torch.ones(3)}, path, _use_new_zipfile_serialization=form == "pt")
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for position in rng.integers(len(whole), size=300):
        for content in (
            whole[:position],
            whole[:position] + bytes([whole[position] ^ 1 << position % 8]) + whole[position + 1 :],
        ):
            path.write_bytes(content)
            try:
                io.safe_load(path)
            except (CheckpointError, UnsafeFileError):
                refused += 1
    assert refused > 100


# --- restricted_unpickle


def test_arrays_lists_and_sparse_matrices_are_unpickled(tmp_path):
    from collections import defaultdict

    neighbours = defaultdict(list, {0: [1, 2]})
    for protocol in (0, 1, 2, 4):
        for value in (np.arange(6).reshape(2, 3), sp.csr_matrix(np.eye(3)), neighbours):
            path = tmp_path / "x"
            path.write_bytes(pickle.dumps(value, protocol))
            found = io.restricted_unpickle(path)
            if isinstance(value, defaultdict):
                assert found == value
            else:
                assert abs(found - value).sum() == 0


@pytest.mark.parametrize("what", ["system", "exec", "getoutput", "attribute"])
def test_foreign_globals_are_refused_and_never_run(tmp_path, marker, what):
    command = f"touch {marker}"
    payload = {
        "system": f"cposix\nsystem\n(S'{command}'\ntR.",
        "exec": f"cbuiltins\nexec\n(S'import os; os.system(\"{command}\")'\ntR.",
        "getoutput": f"csubprocess\ngetoutput\n(S'{command}'\ntR.",
        "attribute": f"cnumpy\nos.system\n(S'{command}'\ntR.",
    }[what]
    path = tmp_path / "ind.cora.x"
    path.write_bytes(payload.encode())
    with pytest.raises(UnsafeFileError, match="not an array"):
        io.restricted_unpickle(path)


def test_the_allowed_names_build_arrays_and_nothing_else():
    """The whole list: a name that is added here must be one that runs nothing."""
    from graphlab._unpickle import _PLAIN, _TORCH

    harmless = {
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("_codecs", "encode"),
        ("scipy.sparse", "csr_matrix"),
        ("scipy.sparse", "coo_matrix"),
        ("collections", "defaultdict"),
        ("collections", "OrderedDict"),
        ("builtins", "list"),
        ("builtins", "int"),
        ("builtins", "object"),
        ("copyreg", "_reconstructor"),
    }
    assert {*_PLAIN.values(), *_TORCH.values()} == harmless
    assert set(_TORCH) - {("collections", "OrderedDict")} <= set(_PLAIN)


def test_checksum_comes_before_the_pickle(tmp_path, marker):
    path = tmp_path / "ind.cora.x"
    path.write_bytes(pickle.dumps(Payload(marker)))
    with pytest.raises(DatasetCorrupt, match="expected 00"):
        io.restricted_unpickle(path, sha256="00")
    good = tmp_path / "good"
    good.write_bytes(pickle.dumps([1]))
    assert io.restricted_unpickle(good, sha256=io.sha256_file(good)) == [1]


def test_truncated_pickle_is_corrupt(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(pickle.dumps(np.arange(100))[:60])
    with pytest.raises(DatasetCorrupt, match="60 bytes"):
        io.restricted_unpickle(path)


def torch_file(path, value, *, new, **options):
    torch.save(value, path, _use_new_zipfile_serialization=new, **options)
    return path


def rezipped(path, **changes):
    """Write the zip of ``torch.save`` again with other content of some members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            kept = changes.get(name.partition("/")[2].replace("/", "_").partition(".")[0], content)
            if kept is not None:
                archive.writestr(name, kept)
    return path


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("new", [True, False])
def test_tensors_and_arrays_of_torch_files_are_unpickled(tmp_path, new, protocol):
    shared = torch.arange(12).reshape(3, 4)
    kinds = (torch.float64, torch.float32, torch.float16, torch.int32, torch.int16, torch.int8)
    value = {
        "edge": np.arange(6).reshape(3, 2),
        "turned": np.asfortranarray(np.random.default_rng(0).random((2, 3))),
        "number": np.float64(2.5),
        "whole": shared,
        "view": shared.t()[1:],
        "few": [torch.ones(2).to(kind) for kind in (*kinds, torch.uint8, torch.bool)],
        "none": torch.empty(0, 2, dtype=torch.int64),
        "one": torch.tensor(3),
        "words": ("a", 1, None, b"bytes"),
    }
    path = torch_file(tmp_path / "split.pt", value, new=new, pickle_protocol=protocol)
    found = io.restricted_unpickle(path, sha256=io.sha256_file(path))
    expected = torch.load(path, weights_only=False)
    assert found.keys() == expected.keys() and found["words"] == expected["words"]
    for key in ("edge", "turned", "number"):
        assert np.array_equal(found[key], value[key])
    for ours, theirs in zip(found["few"], value["few"], strict=True):
        assert ours.dtype == theirs.dtype and torch.equal(ours, theirs)
    for key in ("whole", "view", "none", "one"):
        assert found[key].dtype == value[key].dtype and torch.equal(found[key], value[key])
    found["view"][0, 0] = 70  # views of one storage stay that
    assert found["whole"][0, 1] == 70


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("place", ["value", "key", "inside an array", "state"])
def test_payloads_in_torch_files_are_refused_and_never_run(tmp_path, marker, new, place):
    class State:
        def __reduce__(self):
            return dict, (), {"a": Payload(marker)}

    value = {
        "value": {"edge": torch.ones(2), "w": Payload(marker)},
        "key": {(1, Payload(marker)): torch.ones(2)},
        "inside an array": {"edge": np.array([Payload(marker)], dtype=object)},
        "state": [State()],
    }[place]
    path = torch_file(tmp_path / "split.pt", value, new=new)
    with pytest.raises(UnsafeFileError, match="not an array") as caught:
        io.restricted_unpickle(path)
    assert str(path) in str(caught.value) and "touch" not in str(caught.value)


@pytest.mark.parametrize("number", range(4))
def test_payloads_in_any_pickle_of_an_old_torch_file_do_not_run(tmp_path, marker, number):
    whole = torch_file(tmp_path / "split.pt", {"edge": torch.ones(3)}, new=False).read_bytes()
    ends, stream = [], stdio.BytesIO(whole)
    for _ in range(5):
        pickletools.dis(stream, out=stdio.StringIO())
        ends.append(stream.tell())
    evil = pickle.dumps(Payload(marker), protocol=2)
    changed = whole[: ends[number]] + evil + whole[ends[number + 1] :]
    (tmp_path / "split.pt").write_bytes(changed)
    with pytest.raises(UnsafeFileError, match="not an array"):
        io.restricted_unpickle(tmp_path / "split.pt")


@pytest.mark.parametrize("new", [True, False])
def test_torch_files_hold_nothing_but_arrays_and_dense_tensors(tmp_path, new):
    foreign = [
        torch.nn.Linear(1, 1),
        torch.nn.Parameter(torch.ones(1)),
        torch.eye(2).to_sparse(),
        torch.float32,
        torch.device("cpu"),
        sp.csr_matrix(np.eye(2)),
        slice(1),
        print,
        {1, 2}.__class__,
    ]
    for value in foreign:
        path = torch_file(tmp_path / "split.pt", {"a": value}, new=new)
        with pytest.raises((UnsafeFileError, DatasetCorrupt), match=r"split\.pt"):
            io.restricted_unpickle(path)
    path.write_bytes(pickle.dumps(torch.ones(2)))  # a tensor in a pickle that is no torch file
    with pytest.raises(UnsafeFileError, match="torch"):
        io.restricted_unpickle(path)


def tensor_pickle(*, kind="LongStorage", numel=4, offset=0, size=(2,), stride=(1,), tail=b""):
    """The ``data.pkl`` of one tensor over storage 0, written by hand."""
    storage = ("storage", f"@{kind}", "0", "cpu", numel)
    text = [b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n("]
    text.append(b"(")
    for part in storage:
        if isinstance(part, str) and part.startswith("@"):
            text.append(b"ctorch\n" + part[1:].encode() + b"\n")
        else:
            text.append(pickle.dumps(part, 0)[:-1] if isinstance(part, int) else text_of(part))
    text.append(b"tQ")
    text += [pickle.dumps(part, 2)[2:-1] for part in (offset, size, stride, False)]
    text.append(b"ccollections\nOrderedDict\n)RtR" + tail + b".")
    return b"".join(text)


def text_of(part):
    return b"X" + struct.pack("<I", len(part)) + part.encode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"numel": 5},
        {"numel": 3},
        {"numel": -1},
        {"numel": 1 << 60},
        {"kind": "IntStorage"},
        {"offset": 3},
        {"offset": -1},
        {"size": (5,)},
        {"size": (-1,)},
        {"stride": (4,)},
        {"stride": (-1,)},
        {"size": (2, 2)},
    ],
)
def test_tensors_past_the_end_of_their_storage_are_corrupt(tmp_path, wrong):
    path = torch_file(tmp_path / "split.pt", torch.arange(4), new=True)
    rezipped(path, data=None, data_0=None)
    members = {"data.pkl": tensor_pickle(), "data/0": np.arange(4).tobytes(), "byteorder": "little"}

    def write(**changes):
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**members, **changes}.items():
                archive.writestr(f"split/{name}", content)

    write()
    assert io.restricted_unpickle(path).tolist() == [0, 1]
    write(**{"data.pkl": tensor_pickle(**wrong)})
    with pytest.raises(DatasetCorrupt, match=r"split\.pt"):
        io.restricted_unpickle(path)
    write(byteorder="big")
    with pytest.raises(DatasetCorrupt, match=r"split\.pt"):
        io.restricted_unpickle(path)


def test_no_pickle_changes_what_rebuilds_tensors(tmp_path):
    """The BUILD instruction sets attributes of whatever lies on the stack."""
    path = tmp_path / "split.pt"
    for target in (b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch\nLongStorage\n"):
        for state in (
            b"}X\x05\x00\x00\x00dtypeX\x03\x00\x00\x00<f8s",
            b"N}X\x01\x00\x00\x00aNs\x86",
        ):
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("split/data.pkl", b"\x80\x02" + target + state + b"b.")
            with pytest.raises(DatasetCorrupt, match=r"split\.pt"):
                io.restricted_unpickle(path)
    found = io.restricted_unpickle(torch_file(path, torch.arange(3), new=True))
    assert found.dtype == torch.int64


def test_storages_of_an_old_torch_file_must_be_those_of_its_tensors(tmp_path):
    path = torch_file(tmp_path / "split.pt", {"a": torch.arange(5)}, new=False)
    whole = path.read_bytes()
    key = list(re.finditer(rb"\d{6,}", whole))[-1].start()  # in the list of storages
    for content in (
        whole[:-8],
        whole[:-48] + struct.pack("<q", 4) + whole[-40:],
        whole[:key] + bytes([whole[key] ^ 1]) + whole[key + 1 :],
    ):
        path.write_bytes(content)
        with pytest.raises(DatasetCorrupt, match=r"split\.pt"):
            io.restricted_unpickle(path)


@pytest.mark.parametrize("new", [True, False])
def test_whatever_is_damaged_in_a_torch_file_the_error_is_ours(tmp_path, new):
    value = {"edge": np.arange(20).reshape(10, 2), "w": torch.arange(10.0)}
    path = torch_file(tmp_path / "split.pt", value, new=new)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for position in rng.integers(len(whole), size=400):
        for content in (
            whole[:position],
            whole[:position] + bytes([whole[position] ^ 1 << position % 8]) + whole[position + 1 :],
        ):
            path.write_bytes(content)
            try:
                io.restricted_unpickle(path)
            except (DatasetCorrupt, UnsafeFileError) as error:
                assert str(path) in str(error)
                refused += 1
    assert refused > 400


# --- safe_extract


def zip_of(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def tar_of(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for info, content in members:
            archive.addfile(info, stdio.BytesIO(content) if content is not None else None)
    return path


def entry(name, size=0, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, link
    return info


def test_good_archives_are_extracted(tmp_path):
    made = zip_of(tmp_path / "a.zip", [("d/", ""), ("d/x.txt", "one"), ("y.txt", "two")])
    files = io.safe_extract(made, tmp_path / "zip")
    assert sorted(p.relative_to(tmp_path / "zip").as_posix() for p in files) == ["d/x.txt", "y.txt"]
    made = tar_of(
        tmp_path / "a.tgz", [(entry("d", kind=tarfile.DIRTYPE), None), (entry("d/x", 3), b"one")]
    )
    io.safe_extract(made, tmp_path / "tar")
    assert (tmp_path / "tar" / "d" / "x").read_bytes() == b"one"
    made = tar_of(  # as "tar -cf a.tar ." writes it
        tmp_path / "a.tar", [(entry("./", kind=tarfile.DIRTYPE), None), (entry("./x", 1), b"1")]
    )
    assert io.safe_extract(made, tmp_path / "dot") == [tmp_path / "dot" / "x"]


def test_hostile_archives_leave_nothing(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    bomb = b"\0" * 3_000_000
    made = [
        zip_of(tmp_path / "dots.zip", [("../x", "1")]),
        zip_of(tmp_path / "absolute.zip", [("/tmp/x", "1")]),
        zip_of(tmp_path / "drive.zip", [("c:/x", "1")]),
        zip_of(tmp_path / "back.zip", [("..\\x", "1")]),
        zip_of(tmp_path / "link.zip", [(link, "/etc/passwd")]),
        zip_of(tmp_path / "bomb.zip", [("ok", "1"), ("zeros", bomb)]),
        zip_of(tmp_path / "many.zip", [(f"f{i}", "") for i in range(30)]),
        tar_of(tmp_path / "dots.tgz", [(entry("a/../../x", 1), b"1")]),
        tar_of(tmp_path / "absolute.tgz", [(entry("/tmp/x", 1), b"1")]),
        tar_of(
            tmp_path / "sym.tgz", [(entry("l", kind=tarfile.SYMTYPE, link="/etc/passwd"), None)]
        ),
        tar_of(tmp_path / "hard.tgz", [(entry("l", kind=tarfile.LNKTYPE, link="../x"), None)]),
        tar_of(tmp_path / "dev.tgz", [(entry("d", kind=tarfile.CHRTYPE), None)]),
        tar_of(tmp_path / "bomb.tgz", [(entry("zeros", len(bomb)), bomb)]),
        tar_of(tmp_path / "twice.tgz", [(entry("x", 1), b"1"), (entry("x", 1), b"2")]),
        tar_of(tmp_path / "below.tgz", [(entry("x", 1), b"1"), (entry("x/y", 1), b"2")]),
        tar_of(tmp_path / "above.tgz", [(entry("x/y", 1), b"1"), (entry("x", 1), b"2")]),
        tar_of(tmp_path / "nofile.tgz", [(entry(".", 1), b"1")]),
        tar_of(tmp_path / "long.tgz", [(entry("x" * 300, 1), b"1")]),
    ]
    (tmp_path / "text.zip").write_text("not an archive")
    whole = (tmp_path / "bomb.tgz").read_bytes()
    (tmp_path / "cut.tgz").write_bytes(whole[: len(whole) // 2])
    made += [tmp_path / "text.zip", tmp_path / "cut.tgz"]
    before = sorted(tmp_path.iterdir())
    for archive in made:
        with pytest.raises(UnsafeFileError, match=archive.name) as caught:
            io.safe_extract(archive, tmp_path / "out", max_bytes=1_000_000, max_entries=20)
        assert "\n" not in str(caught.value)
        assert sorted(tmp_path.iterdir()) == before


def test_sizes_that_an_archive_states_are_not_believed(tmp_path):
    made = zip_of(tmp_path / "liar.zip", [("zeros", b"\0" * 2_000_000)])
    data = bytearray(made.read_bytes())
    at = data.rindex(b"PK\x01\x02") + 24  # uncompressed size in the central directory
    data[at : at + 4] = struct.pack("<I", 10)
    made.write_bytes(data)
    with pytest.raises(UnsafeFileError):
        io.safe_extract(made, tmp_path / "out", max_bytes=1000)
    assert not (tmp_path / "out").exists()


def test_existing_folder_is_not_overwritten(tmp_path):
    made = zip_of(tmp_path / "a.zip", [("x", "1")])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("keep")
    with pytest.raises(FileExistsError):
        io.safe_extract(made, tmp_path / "full")
    (tmp_path / "empty").mkdir()
    io.safe_extract(made, tmp_path / "empty")
    assert (tmp_path / "empty" / "x").read_text() == "1"


# --- download


BODY = bytes(range(256)) * 500


class Server(http.server.BaseHTTPRequestHandler):
    """Serves BODY in the way that the path asks for."""

    seen: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self):
        wanted = self.headers.get("Range")
        type(self).seen.append((self.path, wanted))
        if self.path == "/missing":
            self.send_error(404)
        elif self.path == "/busy" and len(self.seen) < 3:
            self.send_error(503)
        elif self.path == "/drops" and len(self.seen) < 2:
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY[:1000])
        elif self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://example.org/x")
            self.end_headers()
        else:
            start = int(wanted[6:-1]) if wanted and self.path == "/drops" else 0
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(BODY) - start))
            self.end_headers()
            self.wfile.write(BODY[start:])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(_download.time, "sleep", lambda _: None)
    Server.seen = []
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def test_download_is_checked_and_named_at_the_end(server, tmp_path):
    good = io.sha256_bytes(BODY)
    result = io.download(f"{server}/x", tmp_path / "new" / "x", sha256=good)
    assert result.path.read_bytes() == BODY
    assert (result.size, result.sha256, result.verified) == (len(BODY), good, True)
    assert not io.download(f"{server}/x", tmp_path / "y").verified


def test_dropped_connection_is_continued(server, tmp_path):
    result = io.download(f"{server}/drops", tmp_path / "x", sha256=io.sha256_bytes(BODY))
    assert result.path.read_bytes() == BODY
    assert Server.seen[1] == ("/drops", "bytes=1000-")


def test_busy_server_is_asked_again(server, tmp_path):
    assert io.download(f"{server}/busy", tmp_path / "x").path.read_bytes() == BODY
    assert len(Server.seen) == 3


def test_wrong_checksum_leaves_no_file(server, tmp_path):
    with pytest.raises(DatasetDownloadError, match=r"127\.0\.0\.1.*expected 00"):
        io.download(f"{server}/x", tmp_path / "x", sha256="00")
    assert list(tmp_path.iterdir()) == []


def test_missing_file_is_not_asked_for_again(server, tmp_path):
    with pytest.raises(DatasetDownloadError, match="404"):
        io.download(f"{server}/missing", tmp_path / "x")
    assert len(Server.seen) == 1


@pytest.mark.parametrize("url", ["http://example.org/x", "ftp://a/x", "file:///etc/passwd", "x"])
def test_only_https_and_loopback(url, tmp_path):
    with pytest.raises(DatasetDownloadError, match="not allowed"):
        io.download(url, tmp_path / "x")


@pytest.mark.parametrize(
    "answer",
    [
        b"what\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
        b"",
    ],
)
def test_a_server_that_speaks_nonsense_is_a_failed_download(answer, tmp_path, monkeypatch):
    monkeypatch.setattr(_download.time, "sleep", lambda _: None)

    def talk():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        with pytest.raises(DatasetDownloadError, match=r"from 127\.0\.0\.1 failed") as caught:
            io.download(url, tmp_path / "x", retries=2)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("url", ["https://[bad/x", "https://", "https://example.org/a b"])
def test_an_address_that_is_none_is_refused(url, tmp_path):
    with pytest.raises(DatasetDownloadError):
        io.download(url, tmp_path / "x", retries=1)


def test_redirect_to_plain_http_is_refused(server, tmp_path):
    with pytest.raises(DatasetDownloadError, match="not allowed"):
        io.download(f"{server}/away", tmp_path / "x")


def test_json_file_is_valid_utf8_whatever_the_locale(tmp_path):
    io.write_json(tmp_path / "a.json", {"name": "Zürich"})
    assert json.loads((tmp_path / "a.json").read_bytes().decode("utf-8")) == {"name": "Zürich"}
