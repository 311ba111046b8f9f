"""F1: ``kill -9`` at any moment, then the same command: the result of an undisturbed run."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import time

import pytest

import graphlab.bench
from graphlab.bench.journal import read_history
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunStore
from tests.faults.launches import EPOCHS, SUITE, finish, outcome, plan_of


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


def undisturbed(place):
    """Execute the suite in this process, one run after the other, as workers do."""
    plan = plan_of(place, "whole")
    for run in plan.runs:
        store = RunStore(plan.results)
        store.folder(run).mkdir(parents=True)
        assert run_spec(run, store, threads=1).done


@pytest.mark.timeout(600)
def test_killed_five_times_the_result_is_that_of_an_undisturbed_run(place, start):
    (place / "suite.toml").write_text(SUITE)
    undisturbed(place)
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
    plan = plan_of(place, "whole")
    for run, folder, record in zip(plan.runs, folders, parts, strict=True):
        assert len(read_history(folder)) == record.result.epochs_run
        assert _values(folder) == _values(RunStore(plan.results).folder(run))
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


def await_checkpoint(process, results):
    """Return when any run has written a checkpoint, or the process has ended."""

    def written():
        return {(path, path.stat().st_mtime_ns) for path in results.glob("*/*/last.ckpt")}

    before = None
    while process.poll() is None:
        with contextlib.suppress(OSError):  # renamed meanwhile
            now = written()
            before = now if before is None else before
            if now - before:
                return
        time.sleep(0.002)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_twenty_times_at_random(place, start):
    (place / "suite.toml").write_text(SUITE)
    finish(start("whole"))
    plan = plan_of(place, "parts")
    store = RunStore(plan.results)
    draw = random.Random(0)
    for _ in range(20):
        process = start("parts")
        if draw.random() < 0.7:  # in a training, however long the way to it is
            await_checkpoint(process, plan.results)
            time.sleep(draw.uniform(0.0, 0.5))
        else:
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
