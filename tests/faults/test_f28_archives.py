"""F28: hostile archives: nothing outside the folder, no bomb, no million files, nothing left."""

from __future__ import annotations

import gzip
import io as stdio
import resource
import struct
import subprocess
import sys
import tarfile
import time
import zipfile

import pytest

from graphlab.errors import UnsafeFileError
from graphlab.io import safe_extract

GIGABYTE = 1 << 30
CHUNK = 1 << 20


def zip_bomb(path):
    """1 GB of zeros in about 1 MB."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("zeros", "w", force_zip64=True) as file,
    ):
        for _ in range(GIGABYTE // CHUNK):
            file.write(bytes(CHUNK))


def tar_bomb(path):
    info = tarfile.TarInfo("zeros")
    info.size = GIGABYTE
    with gzip.open(path, "wb", compresslevel=6) as file:
        file.write(info.tobuf())
        for _ in range(GIGABYTE // CHUNK):
            file.write(bytes(CHUNK))
        file.write(bytes(1024))


def zip_of_a_million(path, entries=1_000_000, *, zip64=False):
    """Every entry of the directory names the same empty file; no stated count is true."""
    name = b"%07d"
    local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, 0, 0, 7, 0) + b"0000000"
    head = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 7, *[0] * 6)
    directory = b"".join(head + name % i for i in range(entries))
    size, at = len(directory), len(local)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, size, at, 0)
    if zip64:
        counts = (b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, at)
        longer = struct.pack("<4sQ2H2L4Q", *counts)
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at + size, 1)
        end = longer + locator + end
    path.write_bytes(local + directory + end)


def zip64_of_a_million(path):
    zip_of_a_million(path, zip64=True)


def tar_of_a_million(path, entries=1_000_000):
    info = member(tarfile.DIRTYPE, "folder").tobuf()
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(entries // 10_000):
            file.write(info * 10_000)
        file.write(bytes(1024))


@pytest.mark.parametrize(("make", "limit"), [(zip_bomb, 10), (tar_bomb, 10)], ids=["zip", "tar"])
def test_a_gigabyte_of_zeros_is_given_up_at_the_limit(tmp_path, make, limit):
    archive = tmp_path / "bomb"
    make(archive)
    assert archive.stat().st_size < 1.2 * CHUNK
    started = time.process_time()
    with pytest.raises(UnsafeFileError, match=r"bomb unpacks to more than 10485760 bytes"):
        safe_extract(archive, tmp_path / "out", max_bytes=limit * CHUNK)
    assert time.process_time() - started < 2.0
    assert [path.name for path in tmp_path.iterdir()] == ["bomb"]


@pytest.mark.parametrize("make", [zip_of_a_million, zip64_of_a_million, tar_of_a_million])
def test_a_million_entries_are_given_up_at_the_limit(tmp_path, make):
    """In time and in memory: Python's own reader of zips would take a gigabyte for the list."""
    archive = tmp_path / "many"
    make(archive)
    code = (
        "import resource, sys\n"
        "from graphlab.errors import UnsafeFileError\n"
        "from graphlab.io import safe_extract\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n"
        "    safe_extract(sys.argv[1], sys.argv[2], max_entries=1000)\n"
        "except UnsafeFileError as error:\n"
        "    print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", code, str(archive), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    )
    message, grown = done.stdout.splitlines()
    assert message == f"{archive} holds more than 1000 entries."
    assert int(grown) < 64 << 10  # kilobytes
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - used.ru_utime < 3.0
    assert [path.name for path in tmp_path.iterdir()] == ["many"]


def test_many_entries_below_the_limit_are_no_reason(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for i in range(300):
            made.writestr(f"a folder with a rather long name/and a file {i:04d}.txt", str(i))
    assert len(safe_extract(archive, tmp_path / "out", max_entries=300)) == 300
    with pytest.raises(UnsafeFileError, match="more than 299 entries"):
        safe_extract(archive, tmp_path / "more", max_entries=299)
    with zipfile.ZipFile(archive, "a") as made:
        made.comment = b"x" * 60_000  # the end of the directory is not the end of the file
    assert len(safe_extract(archive, tmp_path / "comment", max_entries=300)) == 300
    (tmp_path / "before.zip").write_bytes(b"#!program\n" * 50 + archive.read_bytes())
    with pytest.raises(UnsafeFileError, match="more than 299 entries"):
        safe_extract(tmp_path / "before.zip", tmp_path / "moved", max_entries=299)


def member(kind, name="x", link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize(
    "entries",
    [
        [member(tarfile.SYMTYPE, "l", "."), member(tarfile.REGTYPE, "l/x")],
        [member(tarfile.SYMTYPE, "l", "/tmp"), member(tarfile.REGTYPE, "l/x")],
        [member(tarfile.LNKTYPE, "l", "/etc/passwd")],
        [member(tarfile.CHRTYPE)],
        [member(tarfile.BLKTYPE)],
        [member(tarfile.FIFOTYPE)],
        [member(tarfile.REGTYPE, "../x")],
        [member(tarfile.REGTYPE, "a/../../x")],
        [member(tarfile.REGTYPE, "/x")],
        [member(tarfile.DIRTYPE, "../d")],
    ],
    ids=["link", "link out", "hard", "char", "block", "fifo", "up", "in and up", "root", "folder"],
)
def test_every_way_out_is_closed_in_every_compression(tmp_path, mode, entries):
    archive = tmp_path / "inside" / "a.tar"
    archive.parent.mkdir()
    with tarfile.open(archive, mode) as made:
        for entry in entries:
            made.addfile(entry, stdio.BytesIO())
    with pytest.raises(UnsafeFileError, match=r"a\.tar holds "):
        safe_extract(archive, tmp_path / "inside" / "out")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar", "inside"]


@pytest.mark.parametrize("kind", [0o120000, 0o020000, 0o060000, 0o010000, 0o140000])
def test_a_zip_with_a_link_or_device_is_refused(tmp_path, kind):
    info = zipfile.ZipInfo("x")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr(info, "/etc/passwd")
    with pytest.raises(UnsafeFileError, match="'x', a link or device"):
        safe_extract(tmp_path / "a.zip", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
