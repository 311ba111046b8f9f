"""Settings and fixtures of the whole test suite."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")

_LOOPBACK = ("127.", "localhost", "::1")
_CALLS = ("connect", "connect_ex", "sendto")


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _same_weights():
    """A model of a test has the same weights in every run: a failure can be looked at again."""
    import torch

    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _no_network(request, monkeypatch):
    """Every test runs without a network; loopback servers of the test itself are allowed."""
    if "network" in request.keywords:
        return

    def guarded(name):
        real = getattr(socket.socket, name)

        def call(self, *arguments):
            address = arguments[-1]  # sendto: data and perhaps flags come before it
            host = address[0] if isinstance(address, tuple) else ""
            if self.family != socket.AF_UNIX and not str(host).startswith(_LOOPBACK):
                raise OSError(f"the test suite has no network (asked for {address})")
            return real(self, *arguments)

        return call

    for name in _CALLS:
        monkeypatch.setattr(socket.socket, name, guarded(name))


@pytest.fixture(autouse=True)
def _own_folders(request, monkeypatch, tmp_path_factory):
    """No test reads or writes the user's data root."""
    if request.node.__class__.__name__ != "DoctestItem":
        monkeypatch.setenv("GRAPHLAB_DATA", str(tmp_path_factory.mktemp("data-root")))


@pytest.fixture(scope="session")
def mirror():
    """Folder with the raw files of public data sets, or skip.

    A data root links to them, and who may write anywhere writes through a link: what a test
    changes here is told at the end.
    """
    value = os.environ.get("GRAPHLAB_DATA_MIRROR", "")
    folder = Path(value.split(os.pathsep)[0]) if value else None
    if folder is None or not folder.is_dir():
        pytest.skip("GRAPHLAB_DATA_MIRROR does not name a folder of raw data sets")
    before = _versions(folder)
    yield folder
    changed = sorted(str(path) for path, _ in before.items() ^ _versions(folder).items())
    assert not changed, f"a test wrote into the mirror: {changed[:5]}"


def _versions(folder: Path) -> dict[Path, tuple[int, int]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of golden arrays that the repository carries."""
    return Path(__file__).parent / "golden"
