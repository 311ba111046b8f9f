"""Faults on purpose: each does what it says, reaches other processes, and undoes itself."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import graphlab
from graphlab import io
from graphlab.datasets import load
from graphlab.errors import InputError
from graphlab.registry import model_cards
from graphlab.tasks import NodeClassification
from graphlab.testing.faults import POINTS, bit_flip, disk_full, kill_at, nan_at_step, slow_disk
from graphlab.train import Recipe, Trainer, TrainingDiverged, build_model

WRITE_TWICE = """
import sys
from pathlib import Path
from graphlab.io import atomic_write
for content in (b"first", b"second"):
    atomic_write(Path(sys.argv[1]), content)
"""


def write_twice(path) -> int:
    return subprocess.run([sys.executable, "-c", WRITE_TWICE, str(path)], check=False).returncode


@pytest.mark.parametrize(
    ("point", "count", "content", "temporaries"),
    [
        ("file:written", 1, None, 1),
        ("file:renamed", 1, b"first", 0),
        ("file:written", 2, b"first", 1),
        ("file:renamed", 2, b"second", 0),
    ],
)
def test_a_kill_leaves_the_old_file_or_the_new(tmp_path, point, count, content, temporaries):
    file = tmp_path / "a"
    with kill_at(point, count):
        assert write_twice(file) == -signal.SIGKILL
    assert (file.read_bytes() if file.exists() else None) == content
    assert len(list(tmp_path.glob(".a.*.tmp"))) == temporaries
    assert write_twice(file) == 0  # outside the block nothing happens
    assert file.read_bytes() == b"second"


def test_other_points_and_lower_counts_do_not_kill(tmp_path):
    with kill_at("record:written"):
        assert write_twice(tmp_path / "a") == 0
    with kill_at("file:written", 3):
        assert write_twice(tmp_path / "b") == 0


@pytest.mark.parametrize("point", ["record", "record:", "records:written", "epoch:", "epoch:x", ""])
def test_an_unknown_point_is_refused(point):
    with pytest.raises(InputError, match=r"record:renamed"), kill_at(point):
        pass


def test_every_point_is_in_the_code():
    package = Path(graphlab.__file__).parent
    code = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    files = [text for path, text in code.items() if "testing" not in path.parts]
    for wanted in ('point="record"', '_fault_point("checkpoint:written")', '"checkpoint:renamed"'):
        assert any(wanted in text for text in files), wanted
    assert any('_fault_point(f"epoch:{epoch}")' in text for text in files)
    assert {point.split(":")[0] for point in POINTS} == {"record", "checkpoint", "file"}


def test_the_environment_is_restored(monkeypatch):
    monkeypatch.setenv(io._KILL_AT, "before")
    monkeypatch.delenv(io._SLOW_BY, raising=False)
    with pytest.raises(KeyError), kill_at("epoch:3"), slow_disk(1.5):
        assert os.environ[io._KILL_AT] == "epoch:3:1"
        assert os.environ[io._SLOW_BY] == "1.5"
        raise KeyError
    assert os.environ[io._KILL_AT] == "before"
    assert io._SLOW_BY not in os.environ


def test_a_slow_disk_delays_whole_files(tmp_path):
    started = time.monotonic()
    io.atomic_write(tmp_path / "a", b"x")
    quick = time.monotonic() - started
    with slow_disk(0.2):
        started = time.monotonic()
        io.atomic_write(tmp_path / "a", b"y")
        assert time.monotonic() - started > max(0.2, quick)
    for seconds in (-1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="seconds is"), slow_disk(seconds):
            pass


def test_a_full_disk_refuses_writes_and_keeps_the_old_file(tmp_path):
    file = tmp_path / "a"
    io.atomic_write(file, b"old")
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    with disk_full(after=4):
        io.atomic_write(tmp_path / "small", b"1234")
        with pytest.raises(OSError) as caught:
            io.atomic_write(file, b"12345")
        code = f"import os; os.truncate({str(tmp_path / 'small')!r}, 5)"
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert caught.value.errno == errno.EFBIG
    assert b"File too large" in child.stderr
    assert file.read_bytes() == b"old"
    assert not list(tmp_path.glob("*.tmp"))
    assert resource.getrlimit(resource.RLIMIT_FSIZE) == limits
    assert signal.getsignal(signal.SIGXFSZ) == handler
    io.atomic_write(file, b"12345")
    with pytest.raises(InputError, match="after is -1"), disk_full(-1):
        pass


@pytest.mark.parametrize("keep_times", [False, True])
def test_a_flipped_bit_is_one_bit_and_is_flipped_back(tmp_path, keep_times):
    file = tmp_path / "a"
    file.write_bytes(bytes(range(200)))
    times = file.stat().st_mtime_ns
    with bit_flip(file, seed=3, bit=7, keep_times=keep_times) as place:
        differing = [i for i, value in enumerate(file.read_bytes()) if value != i]
        assert differing == [place]
        assert file.read_bytes()[place] == place ^ 128
        assert (file.stat().st_mtime_ns == times) is keep_times
    assert file.read_bytes() == bytes(range(200))
    assert file.stat().st_mtime_ns == times


def test_a_damaged_file_that_was_replaced_or_moved_is_left_alone(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    with bit_flip(file, -1) as place:
        assert place == 2
        file.write_bytes(b"new")
    assert file.read_bytes() == b"new"
    with bit_flip(file):
        file.rename(tmp_path / "b")
    assert not file.exists()


@pytest.mark.parametrize(("content", "byte", "bit"), [(b"", None, 0), (b"ab", 2, 0), (b"a", 0, 8)])
def test_a_bit_that_is_not_there_is_refused(tmp_path, content, byte, bit):
    file = tmp_path / "a"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"no byte|expected 0\.\.7"), bit_flip(file, byte, bit):
        pass
    assert file.read_bytes() == content


def test_a_nan_comes_at_the_step_that_was_asked_for():
    task = NodeClassification("random-20-30")
    problem = task.prepare(load("sbm-tiny"), 0)
    card = model_cards()["gcn"]

    def fit(epochs):
        model = build_model(card, task.model_kwargs(problem), 0)
        return Trainer().fit(model, task, problem, recipe=Recipe(epochs=epochs), seed=0)

    clean = fit(4)
    with nan_at_step(3):
        assert fit(2).history == clean.history[:2]
        for _ in range(2):  # each training counts for itself
            with pytest.raises(TrainingDiverged, match="nan at epoch 3, step 1"):
                fit(4)
    assert fit(4).history == clean.history
    with pytest.raises(InputError, match="step is 0"), nan_at_step(0):
        pass
