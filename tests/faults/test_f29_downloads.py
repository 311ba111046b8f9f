"""F29: servers that drop, stall, lie about the length, or send a page instead of the file."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import socket
import subprocess
import sys
import threading
import time

import pytest

from graphlab import _download
from graphlab.errors import DatasetDownloadError
from graphlab.io import download

BODY = bytes(range(256)) * 400
DIGEST = hashlib.sha256(BODY).hexdigest()
PAGE = b"\n<!DOCTYPE html>\n<html><title>Please log in</title></html>"


class Server(http.server.BaseHTTPRequestHandler):
    """Misbehaves in the way that the path names; from the third request on it is well."""

    protocol_version = "HTTP/1.1"
    asked: list  # set for each test: (path, wanted range)
    release: threading.Event

    def send(self, status, length, *chunks):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(chunk)
        self.wfile.flush()
        self.close_connection = True

    def do_GET(self):
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted[6:-1]) if wanted else 0
        fault = self.path[1:] if len(self.asked) < 3 or self.path.startswith("/always") else ""
        fault = fault.removeprefix("always-")
        rest = BODY[start:]
        status = 206 if start else 200
        if fault == "drops":
            self.send(status, len(rest), rest[: len(rest) // 3])
        elif fault == "stalls":
            self.send(status, len(rest), rest[:1000])
            self.release.wait(20)
        elif fault == "silent":
            self.release.wait(20)
        elif fault == "longer":  # says more than there is
            self.send(status, len(rest) + 10, rest)
        elif fault == "shorter":  # says less: what follows must not count
            self.send(status, len(rest) - 10, rest)
        elif fault == "restarts":  # ignores the range: the whole file again
            self.send(200, len(BODY), BODY[: 1000 if len(self.asked) < 2 else None])
        elif fault == "overlaps":  # claims to continue, but begins anew
            self.send(206 if start else 200, None, BODY[: 1000 if not start else None])
        elif fault == "page":
            self.send(200, len(PAGE), PAGE)
        elif fault == "resets":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
        else:
            self.send(status, len(rest), rest)

    def log_message(self, *args):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:  # the client has gone, as it should
            self.close_connection = True

    def finish(self):
        with contextlib.suppress(OSError, ValueError):
            super().finish()


@pytest.fixture
def server(monkeypatch):
    pauses = []
    monkeypatch.setattr(_download.time, "sleep", pauses.append)
    handler = type("Own", (Server,), {"asked": [], "release": threading.Event()})
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    running.daemon_threads = True
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    handler.address, handler.pauses = f"http://127.0.0.1:{running.server_port}", pauses
    yield handler
    handler.release.set()
    running.shutdown()
    running.server_close()


FAULTS = ["drops", "stalls", "silent", "longer", "shorter", "restarts", "overlaps", "page"]


@pytest.mark.parametrize("fault", [*FAULTS, "resets"])
def test_the_third_try_brings_the_whole_file(server, tmp_path, fault):
    target = tmp_path / "a.bin"
    result = download(f"{server.address}/{fault}", target, sha256=DIGEST, timeout=0.3)
    assert target.read_bytes() == BODY
    assert (result.verified, result.sha256, result.size) == (True, DIGEST, len(BODY))
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    assert len(server.asked) <= 3
    assert server.pauses == sorted(server.pauses)  # each pause is longer than the one before
    if fault in {"drops", "stalls"}:  # goes on where the bytes ended
        assert server.asked[1].startswith("bytes=")


# without a checksum a shorter file is a file; it is called unverified
LASTING = [*FAULTS[:4], "page", "resets"]


@pytest.mark.parametrize(
    ("fault", "known"), [(f, known) for f in LASTING for known in (0, 1)] + [("shorter", 1)]
)
def test_a_server_that_never_gets_well_leaves_no_file(server, tmp_path, fault, known):
    target = tmp_path / "a.bin"
    started = time.monotonic()
    with pytest.raises(DatasetDownloadError, match=r"a\.bin from 127\.0\.0\.1 failed: .*by hand"):
        download(
            f"{server.address}/always-{fault}",
            target,
            sha256=DIGEST if known else None,
            timeout=0.2,
        )
    assert not target.exists()
    assert len(server.asked) == 3
    assert time.monotonic() - started < 15


def test_a_page_is_called_a_page_and_not_kept(server, tmp_path):
    with pytest.raises(DatasetDownloadError, match="sent a web page instead of the file"):
        download(f"{server.address}/always-page", tmp_path / "a.bin", timeout=1)
    assert list(tmp_path.iterdir()) == []
    assert download(f"{server.address}/always-page", tmp_path / "a.html").size == len(PAGE)


def test_an_unverified_file_is_called_so(server, tmp_path):
    result = download(f"{server.address}/well", tmp_path / "a.bin")
    assert (result.verified, result.sha256) == (False, DIGEST)


def test_a_killed_download_leaves_a_part_and_is_continued(server, tmp_path):
    """Killed in the middle: the file has not its name, and the next call takes up the part."""
    target = tmp_path / "a.bin"
    code = (
        "import sys\nfrom graphlab.io import download\n"
        "download(sys.argv[1], sys.argv[2], timeout=60)\n"
    )
    url = f"{server.address}/stalls"
    child = subprocess.Popen([sys.executable, "-c", code, url, str(target)])
    part = tmp_path / "a.bin.part"
    end = time.monotonic() + 60
    while not (part.exists() and server.asked):
        assert time.monotonic() < end
        assert child.poll() is None
        time.sleep(0.01)
    child.kill()
    child.wait()
    assert not target.exists()
    part.write_bytes(BODY[:1000])  # what had come may still have been in a buffer
    download(f"{server.address}/well", target, sha256=DIGEST)
    assert target.read_bytes() == BODY
    assert server.asked[-1] == "bytes=1000-"


def test_nothing_is_ever_asked_of_a_person(server, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a question was asked"))
    download(f"{server.address}/well", tmp_path / "a.bin", sha256=DIGEST)
    with pytest.raises(DatasetDownloadError):
        download(f"{server.address}/always-page", tmp_path / "b.bin", sha256=DIGEST, timeout=1)
