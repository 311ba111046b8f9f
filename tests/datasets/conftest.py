"""Fixtures of the data layer's tests: a writable root, the mirror, no sockets, no input."""

from __future__ import annotations

import dataclasses
import http.server
import os
import shutil
import socket
import sys
import threading
from pathlib import Path

import pytest

from graphlab.datasets.catalog import find_dataset
from graphlab.datasets.files import MIRROR_VARIABLE, ROOT_VARIABLE


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty data root, named by the variable; no mirror."""
    folder = tmp_path / "root"
    monkeypatch.setenv(ROOT_VARIABLE, str(folder))
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    return folder


@pytest.fixture
def with_mirror(mirror, root, monkeypatch):
    """The root of the test, with the mirror of public data behind it."""
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    return root


@pytest.fixture(scope="session")
def shared_root(mirror, tmp_path_factory):
    """A root that several tests fill from the mirror, so that a set is converted once."""
    del mirror
    return tmp_path_factory.mktemp("shared-root")


@pytest.fixture
def in_shared_root(mirror, shared_root, monkeypatch):
    monkeypatch.setenv(MIRROR_VARIABLE, str(mirror))
    monkeypatch.setenv(ROOT_VARIABLE, str(shared_root))
    return shared_root


@pytest.fixture
def no_sockets(monkeypatch):
    """No socket can be made, and nobody answers on standard input."""

    def refuse(*args, **kwargs):
        raise AssertionError(f"a socket was opened: {args} {kwargs}")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    with Path(os.devnull).open() as closed:
        closed.close()
        monkeypatch.setattr(sys, "stdin", closed)
        yield


@pytest.fixture
def own_copy(mirror, root):
    """Copy a set's raw files from the mirror into the root, where they may be damaged."""

    def copy(name: str) -> Path:
        card = find_dataset(name)
        folder = root / card.subdir
        for path in (*card.files, *card.optional):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if (mirror / card.subdir / path).is_file():
                shutil.copyfile(mirror / card.subdir / path, target)
        return folder

    return copy


@pytest.fixture
def flip():
    """Flip one bit of one byte of a file."""

    def flip_bit(path: Path, position: int) -> None:
        data = bytearray(path.read_bytes())
        data[position] ^= 1
        path.write_bytes(data)

    return flip_bit


@pytest.fixture
def served_card():
    """A catalogued card whose files come from a server of the test."""

    def card_of(name: str, address: str, **changes):
        card = find_dataset(name)
        files = {
            path: dataclasses.replace(file, url=f"{address}/{file.name}")
            for path, file in card.files.items()
        }
        return dataclasses.replace(card, **{"files": files, "splits": {}, **changes})

    return card_of


class Server:
    """Serves the bytes in ``files`` by name; remembers what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                outer.asked.append(name)
                body = outer.files.get(name)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server():
    running = Server()
    serve = running.http.serve_forever
    thread = threading.Thread(target=serve, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.http.shutdown()
    running.http.server_close()
