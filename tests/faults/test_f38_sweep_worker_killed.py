"""F38: a worker of a search is killed; the study stays valid and gets all its trials."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend, JournalStorage

import graphlab.bench
from graphlab.bench.search.study import JOURNAL, Outcome, Study
from graphlab.bench.store import RunStore
from tests.faults.launches import write_graph

MODEL = '''
"""A linear model; whoever evaluates the test stage ends with an error."""
import time
from torch import nn
from graphlab.registry import register_model
from graphlab.tasks.node import NodeClassification

_predict = NodeClassification.predict

def _guarded(self, model, problem, stage, *rest, **more):
    if stage == "test":
        raise RuntimeError("the test stage was read")
    return _predict(self, model, problem, stage, *rest, **more)

NodeClassification.predict = _guarded

@register_model("trapped", tasks=("node",), paper="none", search={"width": (2, 16)})
class Trapped(nn.Module):
    """Two linear layers."""

    def __init__(self, in_channels: int, out_channels: int, width: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(in_channels, width), nn.Linear(width, out_channels))

    def forward(self, x, graph, edge_weight=None):
        time.sleep(PAUSE)
        return self.layers(x.to_dense() if x.layout != x.new_zeros(1).layout else x)
'''
SEARCH = "graphlab.bench.search.worker"


@pytest.fixture
def place(tmp_path):
    """A folder with a graph of 40 nodes."""
    write_graph(tmp_path / "tiny")
    return tmp_path


@pytest.fixture
def start(place):
    """Return a function that starts a search as a process group of its own."""
    started = []

    def run(*flags, pause=0.0):
        (place / "trap.py").write_text(MODEL.replace("PAUSE", str(pause)))
        command = [sys.executable, "-m", "graphlab.bench.cli", "sweep", "--model", "trapped"]
        command += ["--file", "trap.py", "--data", "tiny", "--study", "s", "--threads", "1"]
        process = subprocess.Popen(
            [*command, "--set", "recipe.epochs=3", *flags],
            cwd=place,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def study_folder(place) -> Path:
    return place / "results" / "adhoc" / "sweep-s"


def wait_for_trials(process, number):
    """Read lines until so many trials have ended; return the lines."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if sum(text.startswith("trial ") for text in lines) >= number:
            return lines
    raise AssertionError("".join(lines))


def workers_of(process) -> list[int]:
    """Process ids of the workers of a search."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes().decode().split("\0")
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if SEARCH in command and int(parent) == process.pid:
                found.append(int(folder.name))
    return found


def kill_in_a_trial(pid, folder) -> int:
    """Stop a worker until it is found in the middle of a trial, then kill it; return the trial."""
    locks = {str(folder / f"trial-{number}.lock"): number for number in range(500)}
    for _ in range(2000):
        os.kill(pid, signal.SIGSTOP)
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                number = locks.get(str(handle.readlink()))
                if number is not None:
                    os.kill(pid, signal.SIGKILL)
                    return number
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.003)
    raise AssertionError("the worker never held a trial")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="finds the trial in /proc")
def test_sixty_trials_with_two_workers_one_killed_and_the_test_stage_never_read(place, start):
    search = start("--trials", "60", "--workers", "2", "--final-seeds", "1", pause=0.002)
    lines = wait_for_trials(search, 12)
    victim = workers_of(search)[0]
    lost = kill_in_a_trial(victim, study_folder(place))
    rest = search.communicate(timeout=200)[0]
    output = "".join(lines) + rest
    assert f"worker {victim} was ended by signal 9" in output

    rows = Study(study_folder(place), "s").rows()
    assert sum(row.counted for row in rows) == 60
    assert Counter(row.status for row in rows) == {"done": 60, "lost": 1}
    assert rows[lost].status == "lost"
    # its values, as far as they were drawn, were tried again
    if rows[lost].params:
        (again,) = [row for row in rows if row.retry_of == lost]
        assert rows[lost].params.items() <= again.params.items()
    assert "60 of 60 trials finished, 1 lost" in output
    assert not list(study_folder(place).glob("trial-*.lock"))

    # the file is valid for Optuna itself, line by line
    storage = JournalStorage(JournalFileBackend(str(study_folder(place) / JOURNAL)))
    states = Counter(
        t.state.name for t in optuna.load_study(study_name="s", storage=storage).trials
    )
    assert states == {"COMPLETE": 60, "FAIL": 1}

    # sixty trials never met the trap; the one final run, which must be tested, did
    trials = RunStore(study_folder(place) / "trials").records()
    assert len(trials) >= 50  # equal values are trained once
    assert all(set(record.result.metrics) == {"train", "val"} for record in trials)
    (final,) = RunStore(place / "results" / "adhoc").records()
    assert final.result.error.message == "the test stage was read"
    assert final.lineage.sweep.study == "s"
    assert search.returncode == 1


def test_killed_and_interrupted_searches_go_on_until_all_trials_are_there(place, start):
    flags = ("--trials", "10", "--workers", "2", "--final-seeds", "0")
    killed = start(*flags, pause=0.02)
    wait_for_trials(killed, 2)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()

    stopped = start(*flags, pause=0.02)
    wait_for_trials(stopped, 2)
    children = workers_of(stopped)
    os.killpg(stopped.pid, signal.SIGINT)
    output = stopped.communicate(timeout=60)[0]
    assert stopped.returncode == 130, output
    assert "The same command continues" in output
    assert children
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)

    ended = start(*flags, pause=0.02)
    output = ended.communicate(timeout=100)[0]
    assert ended.returncode == 0, output
    rows = Study(study_folder(place), "s").rows()
    assert sum(row.counted for row in rows) == 10
    assert {row.status for row in rows} <= {"done", "lost", "interrupted"}
    assert sum(row.status == "lost" for row in rows) <= 2


def test_an_undisturbed_search_is_tested_on_fresh_seeds(place):
    def call(**changes):
        return graphlab.bench.sweep(
            model="gcn",
            data=place / "tiny",
            space={"hidden_channels": (2, 8, "log"), "dropout": (0.0, 0.5)},
            settings={"recipe.epochs": 3, "options.num_layers": 2},
            results=place / "results",
            threads=1,
            **{"trials": 3, "final_seeds": 2, **changes},
        )

    result = call()
    assert (result.exit_code, result.executed, result.finished) == (0, 3, 3)
    assert [record.identity.seed for record in result.final] == [0, 1]
    for record in result.final:
        assert record.lineage.sweep.study == result.plan.study
        assert record.lineage.sweep.trial == result.best.number
        assert "acc" in record.result.metrics["test"]
        assert record.config.recipe["lr"] == result.best.params["recipe.lr"]
    assert list(result.to_frame()["number"]) == [0, 1, 2]
    text = repr(result)
    assert f"Repeat: {result.command}" in text
    assert "3 of 3 trials finished" in text
    # the final runs are in the suite's folder, where a report finds them; the trials are not
    store = RunStore(place / "results" / "adhoc")
    assert len(store.records()) == 2
    again = call()
    assert (again.executed, again.final.executed) == (0, 0)


HOLD = """
import sys, time
from pathlib import Path
from graphlab.bench.search._journal import KernelLock
path = Path(sys.argv[1])
KernelLock(path).acquire()
with path.open("ab") as file:
    file.write(b'{"op_code": 4, "wor')
print("held", flush=True)
time.sleep(60)
"""


def test_a_worker_killed_while_it_writes_blocks_nobody(tmp_path):
    study = Study.open(tmp_path, "s", fingerprint="f", make=lambda: ("acc", False, {}))
    writer = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / JOURNAL)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout.readline() == "held\n"
    writer.kill()
    writer.wait()
    began = time.monotonic()
    study.finish(study.claim(1, ()), Outcome("done", 0.5))
    assert time.monotonic() - began < 5  # Optuna's own lock would be waited for half a minute
    for line in (tmp_path / JOURNAL).read_text().splitlines():
        json.loads(line)
    assert [row.value for row in Study(tmp_path, "s").rows()] == [0.5]


HANGING = '''
"""A linear model that hangs in its first step ever."""
import time
from pathlib import Path
from torch import nn
from graphlab.registry import register_model

@register_model("hanging", tasks=("node",), paper="none", search={"width": (2, 16)})
class Hanging(nn.Module):
    """A linear layer."""

    def __init__(self, in_channels: int, out_channels: int, width: int = 4) -> None:
        super().__init__()
        self.layer = nn.Linear(in_channels, out_channels)

    def forward(self, x, graph, edge_weight=None):
        marker = Path(MARKER)
        if not marker.exists():
            marker.touch()
            time.sleep(3600)
        return self.layer(x.to_dense() if x.is_sparse_csr else x)
'''


def test_a_trial_that_hangs_is_ended_and_repeated(place, monkeypatch):
    from graphlab.bench.search import pool
    from graphlab.bench.search.plan import make_search_plan
    from graphlab.bench.suite import Overrides

    monkeypatch.setattr(pool, "_HUNG_SECONDS", 10.0)
    model = place / "hanging.py"
    model.write_text(HANGING.replace("MARKER", repr(str(place / "marker"))))
    plan = make_search_plan(
        None,
        Overrides(
            models=("hanging",),
            files=(model,),
            data=place / "tiny",
            settings=(("recipe.epochs", 2),),
            max_seconds=1.0,
        ),
        space={},
        results=place / "results",
        trials=2,
        study="s",
    )
    events = []
    summary = pool.search(plan, threads=1, on_event=events.append)
    assert (summary.executed, summary.deaths, summary.signal) == (2, 1, None)
    assert [event["trial"] for event in events if event["event"] == "death"] == [0]
    rows = Study(study_folder(place), "s").rows()
    assert [row.status for row in rows] == ["lost", "done", "done"]
    assert (rows[1].retry_of, rows[1].params) == (0, rows[0].params)
    logs = "".join(log.read_text() for log in study_folder(place).rglob("log.txt"))
    assert "in forward" in logs  # the stack of the hanging step


def test_workers_that_cannot_begin_end_the_search(place, monkeypatch):
    from graphlab.bench.search import pool
    from graphlab.bench.search.plan import make_search_plan
    from graphlab.bench.suite import Overrides
    from graphlab.errors import GraphlabError

    environment = pool.worker_environment
    monkeypatch.setattr(  # a Python that does not start
        pool, "worker_environment", lambda n: {**environment(n), "PYTHONHOME": "/nowhere"}
    )
    overrides = Overrides(models=("mlp",), data=place / "tiny")
    plan = make_search_plan(None, overrides, space={}, results=place / "results", trials=2)
    with pytest.raises(GraphlabError, match="3 worker processes in a row ended before"):
        pool.search(plan, threads=1)
