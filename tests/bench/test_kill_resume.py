"""``kill -9`` at any moment, then the same command: the result is that of an undisturbed run."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import graphlab.bench
from graphlab.bench.config import load_suite
from graphlab.bench.journal import read_events, read_history
from graphlab.bench.plan import make_plan
from graphlab.bench.store import RunStore
from graphlab.bench.suite import Overrides

EPOCHS = 120
SUITE = f"""
title = "Three cells"
task = "node"
seeds = 1
datasets = ["debdeps"]
[recipe]
epochs = {EPOCHS}
checkpoint_seconds = 0
[[system]]
model = "mlp"
name = "MLP"
[[system]]
model = "gcn"
name = "GCN"
[[system]]
model = "mlp"
name = "MLP, narrow"
[system.options]
hidden_channels = 8
"""
SIX_CELLS = """
title = "Six cells"
task = "node"
seeds = 1
datasets = ["debdeps"]
[recipe]
epochs = 4
""" + "".join(
    f"""[[system]]
model = "mlp"
name = "MLP {width}"
[system.options]
hidden_channels = {width}
"""
    for width in range(4, 10)
)
SUICIDAL = '''
"""A model that ends its process."""
import os, signal
import torch
from torch import nn
from graphlab.registry import register_model
from graphlab.seeding import derive_seed

@register_model("suicidal", tasks=("node",), paper="none")
class Suicidal(nn.Module):
    """A linear layer; at seed 1 it ends its process."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.layer = nn.Linear(in_channels, out_channels)

    def forward(self, x, graph, edge_weight=None):
        if torch.initial_seed() == derive_seed(1, "dropout-3"):
            os.kill(os.getpid(), signal.SIGKILL)
        return self.layer(x)
'''


@pytest.fixture
def place():
    """A folder in memory where there is one: 120 checkpoints a run are many for a disk."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    (folder / "suite.toml").write_text(SUITE)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start(place):
    """Return a function that starts ``graphlab-bench run`` as a process group of its own."""
    started = []

    def run(results, *flags, suite="suite.toml"):
        command = [sys.executable, "-m", "graphlab.bench.cli", "run", suite]
        process = subprocess.Popen(
            [*command, "--results", results, "--threads", "1", *flags],
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
        process.stdout.close()


def finish(process):
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    return output


def plan_of(place, results, suite="suite.toml", files=()):
    overrides = Overrides(files=tuple(files))
    return make_plan(load_suite(place / suite, overrides=overrides), place / results)


def kill_after(process, folder, checkpoints, whom):
    """Kill when this many new checkpoints were seen in a run's folder; none: at its start."""
    seen: set[int] = set()
    older = {path.stat().st_mtime_ns for path in folder.glob("last.ckpt")}
    end = time.monotonic() + 120
    while len(seen - older) < checkpoints or not (folder / "run.lock").exists():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end, "nothing was written"
        with contextlib.suppress(OSError):
            seen.add((folder / "last.ckpt").stat().st_mtime_ns)
        time.sleep(0.001)
    if whom == "group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    assert process.wait(10) == -signal.SIGKILL
    assert not (folder / "run.json").exists(), "the kill came too late to show anything"


def tables(place, results):
    """Return the table's text in every format, and all records; executes nothing."""
    result = graphlab.bench.run(place / "suite.toml", results=place / results)
    assert result.executed == 0
    table = result.table
    texts = [table.to_csv(times=False), table.to_markdown(times=False), table.to_latex(times=False)]
    return texts, result.records


def outcome(record):
    return record.identity, record.config, record.result, record.data


@pytest.mark.timeout(600)
def test_killed_five_times_the_result_is_that_of_an_undisturbed_run(place, start):
    finish(start("whole"))
    plan = plan_of(place, "parts")
    store = RunStore(plan.results)
    folders = [store.folder(run) for run in plan.runs]
    moments = [(0, 0, "group"), (0, 3, "group"), (1, 5, "launcher"), (2, 2, "group")]
    moments.append((2, 30, "launcher"))
    for cell, checkpoints, whom in moments:
        kill_after(start("parts"), folders[cell], checkpoints, whom)
    finish(start("parts"))

    expected, whole = tables(place, "whole")
    found, parts = tables(place, "parts")
    assert found == expected
    assert [outcome(record) for record in parts] == [outcome(record) for record in whole]
    resumed = [record.lineage.resumed_epochs for record in parts]
    assert [len(epochs) for epochs in resumed] == [1, 1, 2]
    assert resumed[0][0] >= 3
    assert resumed[1][0] >= 5
    assert resumed[2][0] >= 2
    assert resumed[2][1] >= resumed[2][0] + 30
    assert all(epoch <= EPOCHS for epochs in resumed for epoch in epochs)
    assert [record.lineage.resumed_times for record in parts] == [1, 1, 2]
    undisturbed = plan_of(place, "whole")
    for run, folder, record in zip(undisturbed.runs, folders, parts, strict=True):
        assert len(read_history(folder)) == record.result.epochs_run
        assert _values(folder) == _values(RunStore(undisturbed.results).folder(run))
        assert not list(folder.glob("last.ckpt*"))

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert "Executed 0 runs" in finish(start("parts"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3.0
    assert tables(place, "parts")[0] == expected


def _values(folder):
    """The history without the gradient norms, which not every epoch has noted."""
    return [
        {key: value for key, value in row.items() if key != "grad_norm"}
        for row in read_history(folder)
    ]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_twenty_times_at_random(place, start):
    finish(start("whole"))
    plan = plan_of(place, "parts")
    store = RunStore(plan.results)
    draw = random.Random(0)
    for _ in range(20):
        process = start("parts")
        time.sleep(draw.uniform(0.2, 6.0))
        if draw.random() < 0.5:
            process.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for path in plan.results.glob("*/*/run.json"):
            json.loads(path.read_text())
        assert store.scan().garbage == ()
    finish(start("parts"))
    found, parts = tables(place, "parts")
    assert found == tables(place, "whole")[0]
    assert sum(record.lineage.resumed_times for record in parts) > 0, "no kill met a training"


def test_two_commands_at_once_execute_each_run_once(place, start):
    (place / "six.toml").write_text(SIX_CELLS)
    both = [start("shared", "--json", suite="six.toml") for _ in range(2)]
    counts = [json.loads(finish(process))["executed"] for process in both]
    assert sum(counts) == 6
    plan = plan_of(place, "shared", "six.toml")
    store = RunStore(plan.results)
    assert len(store.records(plan.runs)) == 6
    for run in plan.runs:
        kinds = [event["event"] for event in read_events(store.folder(run))]
        assert kinds.count("started") == 1, kinds
    names = {path.name for path in plan.results.iterdir()}
    assert {run.cell_id for run in plan.runs} <= names


def test_model_that_kills_its_process_fails_alone(place, start):
    (place / "suicidal.py").write_text(SUICIDAL)
    flags = ("--file", "suicidal.py", "--model", "suicidal", "--model", "MLP, narrow")
    process = start("out", *flags, "--seeds", "3", "--set", "recipe.epochs=5")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "SIGKILL" in output
    records = {}
    for record in RunStore(next((place / "out").iterdir())).records():
        records[record.config.model, record.identity.seed] = record.result
    assert len(records) == 6
    failed = [key for key, result in records.items() if result.status != "done"]
    assert failed == [("suicidal", 1)]
    assert records["suicidal", 1].error.signal == signal.SIGKILL
