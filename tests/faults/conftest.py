"""Commands in processes of their own, and files that would run code if anything let them."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.faults import launches


class Payload:
    """Calls a function when it is unpickled; every kind creates the marker file."""

    def __init__(self, kind: str, marker) -> None:
        self.kind, self.marker = kind, str(marker)

    def __reduce__(self):
        import builtins

        if self.kind == "os.system":
            return os.system, (f"touch {self.marker}",)
        if self.kind == "subprocess.getoutput":  # not on the block list of torch
            return subprocess.getoutput, (f"touch {self.marker}",)
        return builtins.exec, (f"open({self.marker!r}, 'w').close()",)


PAYLOADS = ("os.system", "subprocess.getoutput", "builtins.exec")


# Files that take longest, longest first: with ``--no-loadscope-reorder`` they are begun first, so
# that no worker is left with one of them when the other has nothing to do any more.
LONGEST = (
    "test_f40_ray.py",
    "test_f38_sweep_worker_killed.py",
    "test_f40_ray_stopped.py",
    "test_f03_f05_stopped.py",
    "test_f37_environments.py",
    "test_f01_kill_in_training.py",
    "test_f39_two_sweeps_start_together.py",
    "test_f32_altered_results.py",
    "test_f06_worker_dies.py",
    "test_f07_two_runs.py",
)


@pytest.hookimpl(trylast=True)  # after the random order of others
def pytest_collection_modifyitems(items):
    """Put the longest files first, each with its tests together; the rest stays as it is."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(params=PAYLOADS)
def payload(request, tmp_path):
    """An object that runs code when unpickled; afterwards no code must have run.

    That it would run is shown first, with a file of its own.
    """
    proof = tmp_path / "proof"
    pickle.loads(pickle.dumps(Payload(request.param, proof)))
    assert proof.exists()
    proof.unlink()
    marker = tmp_path / "marker"
    yield Payload(request.param, marker)
    assert not marker.exists(), "a file ran code"


@pytest.fixture
def command():
    """Return a function that runs ``graphlab-bench`` to its end."""

    def run(*arguments, cwd, env=None, timeout=120, **options):
        return subprocess.run(
            [sys.executable, "-m", "graphlab.bench.cli", *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})},
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=timeout,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def main(capsys):
    """Return a function that runs a command in this process: (exit code, output, errors)."""
    from graphlab.bench import cli

    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(list(arguments))
        out = capsys.readouterr()
        return caught.value.code, out.out, out.err

    return run


@pytest.fixture
def place():
    """A folder in memory where there is one: hundreds of checkpoints are many for a disk."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start(place):
    """Return a function that starts ``graphlab-bench run``: ``(results, *flags, suite=...)``."""
    started = []

    def run(results, *flags, **options):
        started.append(launches.start_command(place, results, *flags, **options))
        return started[-1]

    yield run
    launches.end(started)


@pytest.fixture
def driver(tmp_path):
    """Return a function that starts the launcher for the suite in ``tmp_path``."""
    started = []

    def run(*launcher):
        started.append(launches.start_driver(tmp_path, *launcher))
        return started[-1]

    yield run
    launches.end(started)
