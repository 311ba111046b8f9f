"""F20: a full disk harms no record, and the message has path and free bytes."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from graphlab.bench import session
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunStore
from graphlab.io import atomic_write
from tests.faults.launches import DRIVER, SIX_CELLS, environment, make_suite, plan_of

_LIMITED = (
    "import resource, runpy, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    "size = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)); "
    "sys.argv = sys.argv[2:]; "
)


def limited(folder, size, *command):
    """Run a script, or a module after ``-m``, in a process whose files end at ``size`` bytes."""
    run = "runpy.run_path(sys.argv[0], run_name='__main__')"
    if command[0] == "-m":
        run = "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
        command = command[1:]
    return subprocess.run(
        [sys.executable, "-c", _LIMITED + run, str(size), *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        timeout=200,
    )


def test_a_full_disk_leaves_the_run_unfinished_and_earlier_records_readable(tmp_path):
    """3,000 bytes are too few for a record; the record of the first seed is there already."""
    plan = make_suite(tmp_path, {"model": "plain"}, seeds=2)
    store = RunStore(plan.results)
    before = run_spec(plan.runs[0], store)
    (tmp_path / "driver.py").write_text(DRIVER)
    answer = limited(tmp_path, 3000, "driver.py", "suite.json", "results")
    assert answer.returncode == 1, answer.stderr
    last = json.loads(answer.stdout.splitlines()[-1])
    assert last["event"] == "failed"
    assert "run.json could not be written" in last["message"]
    assert "MB are free" in last["message"]
    assert [record.identity.seed for record in store.records(plan.runs)] == [0]
    assert store.read(store.folder(plan.runs[0])).result.metrics == before.result.metrics
    assert store.scan().garbage == ()
    assert not list(plan.results.glob("*/*/.*.tmp"))


def test_the_command_says_path_and_free_bytes_and_ends_with_1(tmp_path):
    (tmp_path / "suite.toml").write_text(SIX_CELLS)
    arguments = ("run", "suite.toml", "--model", "MLP 4", "--results", "out", "--threads", "1")
    answer = limited(tmp_path, 3000, "-m", "graphlab.bench.cli", *arguments)
    assert answer.returncode == 1, answer.stderr
    said = " ".join((answer.stdout + answer.stderr).split())
    assert "run.json could not be written" in said
    assert "MB are free" in said
    assert "--results DIR" in said
    assert RunStore(plan_of(tmp_path, "out").results).records() == []


def test_the_device_without_room_raises_and_the_old_file_stays(tmp_path, monkeypatch):
    """``/dev/full`` gives the error of a full disk for every byte."""
    target = tmp_path / "run.json"
    target.write_bytes(b"old")
    monkeypatch.setattr(
        "tempfile.mkstemp",
        lambda **_: (os.open("/dev/full", os.O_RDWR), str(tmp_path / ".run.json.x.tmp")),
    )
    with pytest.raises(OSError, match="No space left") as caught:
        atomic_write(target, b"new")
    assert caught.value.errno == errno.ENOSPC
    assert target.read_bytes() == b"old"


def test_a_file_that_grows_too_large_is_an_error_not_a_signal(tmp_path):
    """Without the signal ignored the process would die; Python ignores it from the start."""
    assert signal.getsignal(signal.SIGXFSZ) == signal.SIG_IGN
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)); "
        "from graphlab.io import atomic_write; atomic_write('x', bytes(100))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert answer.returncode == 1
    assert f"[Errno {errno.EFBIG}]" in answer.stderr
    assert list(Path(tmp_path).iterdir()) == []


def test_the_plan_warns_when_little_is_free(tmp_path, monkeypatch):
    made = session.Session(
        {"task": "node", "datasets": ["debdeps"], "system": [{"model": "mlp"}]}, results=tmp_path
    )
    monkeypatch.setattr(RunStore, "free_bytes", lambda self: 1_000_000)
    (warning,) = made.check()
    assert "only 1 MB are free" in warning
    assert "--results DIR" in warning
