"""F2: SIGKILL between writing and renaming leaves the old version or the new, never a mixture."""

from __future__ import annotations

import itertools
import os
import signal
import time
from pathlib import Path

import pytest
import torch

from graphlab.bench import run
from graphlab.bench.record import Config, Identity, Result, RunRecord
from graphlab.bench.store import RunStore
from graphlab.io import sha256_file
from graphlab.testing.faults import kill_at
from graphlab.train.checkpoint import load_checkpoint, save_checkpoint

HOUR = 3600.0
ARGUMENTS = {
    "task": "node",
    "models": "gcn",
    "seeds": 1,
    "threads": 1,
    "settings": {
        "recipe.epochs": 6,
        "recipe.checkpoint_seconds": 0,
        "recipe.stop": "none",
    },
}


def make(acc):
    identity = Identity(
        run_id="9f3c",
        cell_id="77aa",
        suite="demo",
        system="GCN",
        dataset="debdeps",
        task="node",
        protocol="public",
        seed=0,
    )
    result = Result(status="done", metrics={"test": {"acc": acc}})
    return RunRecord(identity=identity, config=Config(model="gcn"), result=result)


def killed(work, point=None, count=1):
    """Do some work in a process of its own that ends by SIGKILL on its way."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            if point is None:
                work()
            else:
                with kill_at(point, count):
                    work()
            code = 4
        finally:
            os._exit(code)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL, "the point was not reached"


def die_before_renaming(number):
    """Let this process end before it gives a file a name for the n-th time."""
    names = itertools.count(1)
    rename = Path.replace

    def replace(self, target):
        if next(names) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    Path.replace = replace


def strays(folder):
    return sorted(path.name for path in folder.rglob(".*.tmp"))


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "results" / "demo")


@pytest.mark.parametrize(("point", "acc"), [("record:written", 0.25), ("record:renamed", 0.75)])
@pytest.mark.parametrize("before", [True, False])
def test_a_record_is_the_old_or_the_new_one(store, point, acc, before):
    folder = store.run_dir("77aa", 0)
    folder.mkdir(parents=True)
    if before:
        store.write(folder, make(0.25))
    (folder / "last.ckpt").write_bytes(b"needed until the record is there")
    killed(lambda: store.write(folder, make(0.75)), point)
    scan = store.scan()
    assert (scan.garbage, scan.altered, scan.newer) == ((), (), 0)
    if point == "record:written" and not before:
        assert scan.records == ()
    else:
        assert [record.metric("acc") for record in scan.records] == [acc]
        assert store.seal(folder) == "intact"
    assert (folder / "last.ckpt").exists(), "it goes only after the record is there"
    assert len(strays(folder)) == (point == "record:written")


def save(folder, *values):
    for value in values:
        save_checkpoint(folder / "last.ckpt", {"fingerprint": "f", "w": torch.tensor([value])})


def intact_value(folder):
    """Return what is restored: the newest file there is, with its checksum beside it."""
    told = []
    state = load_checkpoint(folder, "f", report=told.append)
    assert told == []
    assert state is not None
    newest = folder / "last.ckpt"
    newest = newest if newest.exists() else folder / "last.ckpt.1"
    assert sha256_file(newest) in {p.read_text()[:64] for p in folder.glob("last.ckpt*.sha256")}
    return state["w"].item()


@pytest.mark.parametrize(
    ("point", "count", "value"),
    [
        ("checkpoint:written", 1, 2.0),
        ("checkpoint:renamed", 1, 3.0),
        ("checkpoint:written", 2, 3.0),
        ("checkpoint:renamed", 2, 4.0),
        ("file:written", 1, 2.0),
        ("file:renamed", 1, 2.0),
        ("file:written", 4, 3.0),
        ("file:renamed", 4, 3.0),
    ],
)
def test_a_checkpoint_is_the_old_or_the_new_one(tmp_path, point, count, value):
    save(tmp_path, 1.0, 2.0)
    killed(lambda: save(tmp_path, 3.0, 4.0), point, count)
    assert intact_value(tmp_path) == value
    save(tmp_path, 5.0)
    assert intact_value(tmp_path) == 5.0


@pytest.mark.parametrize("number", range(1, 13))
def test_a_kill_before_any_of_the_renamings_of_two_checkpoints(tmp_path, number):
    """Six a saving: state and checksum under a temporary name, the old pair, the new pair."""
    save(tmp_path, 1.0, 2.0)

    def work():
        die_before_renaming(number)
        save(tmp_path, 3.0, 4.0)

    killed(work)
    assert intact_value(tmp_path) in ({2.0, 3.0} if number <= 6 else {3.0, 4.0})
    save(tmp_path, 5.0)
    assert intact_value(tmp_path) == 5.0


def test_strays_of_killed_writers_are_swept_after_an_hour(store):
    folder = store.run_dir("77aa", 0)
    folder.mkdir(parents=True)
    store.write(folder, make(0.25))
    for number in (1, 2):
        killed(lambda: store.write(folder, make(0.75)), "record:written")
        assert len(strays(folder)) == number
    old = folder / strays(folder)[0]
    os.utime(old, (time.time() - HOUR - 60,) * 2)
    assert store.sweep_temporaries() == 1
    assert not old.exists()
    assert len(strays(folder)) == 1, "a younger one may belong to a process that still writes"
    assert store.records()[0].metric("acc") == 0.25


WORDS = ["run", "quick", "--task", "node", "--model", "gcn", "--seeds", "1", "--threads", "1"]
WORDS += ["--results", "results", "--quiet"]
for name, value in ARGUMENTS["settings"].items():
    WORDS += ["--set", f"{name}={value}"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    place = tmp_path_factory.mktemp("whole")
    run("quick", **ARGUMENTS, results=place / "results")
    return outcome(place)


def outcome(place):
    scan = RunStore(place / "results" / "quick").scan()
    assert (scan.garbage, scan.altered) == ((), ())
    (record,) = scan.records
    return record.result.metrics, record.result.best_epoch, record.data.split_sha256


@pytest.mark.parametrize("point", ["record:written", "record:renamed"])
def test_the_same_command_goes_on_after_the_kill(command, tmp_path, uninterrupted, point):
    """The fault reaches launcher and workers: whoever comes to the point is killed there."""
    with kill_at(point):
        first = command(*WORDS, cwd=tmp_path)
    # a record that has its name counts, whatever became of the process that wrote it
    assert (first.returncode == 0) == (point == "record:renamed"), first.stderr
    again = command(*WORDS, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert outcome(tmp_path) == uninterrupted
