"""F3, F5: Ctrl-C and SIGTERM end a launch after the step, a second signal at once; no orphans."""

from __future__ import annotations

import os
import signal
import time

import pytest

from graphlab.bench.journal import read_events
from graphlab.bench.launch import LaunchSummary, execute
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunStore
from tests.faults.launches import gone_within, make_suite, wait_for, worker_of


@pytest.mark.parametrize(
    ("number", "whom", "code"),
    [
        (signal.SIGINT, "group", 130),
        (signal.SIGTERM, "worker", 143),
        (signal.SIGINT, "launcher", 130),
        (signal.SIGTERM, "group", 143),
    ],
)
def test_a_stopped_launch_can_be_continued(tmp_path, driver, number, whom, code):
    plan = make_suite(tmp_path, {"model": "slow"}, seeds=1, epochs=12)
    process = driver()
    wait_for(process, "epoch", epoch=3)
    worker = worker_of(plan, plan.runs[0])
    if whom == "group":
        os.killpg(process.pid, number)
    else:
        os.kill(process.pid if whom == "launcher" else worker, number)
    assert process.wait(30) == code, process.stderr.read()
    assert gone_within(worker, 5)
    folder = RunStore(plan.results).folder(plan.runs[0])
    assert (folder / "last.ckpt").exists()
    assert RunStore(plan.results).records() == []
    assert read_events(folder)[-1]["event"] == "interrupted"
    if whom == "launcher":
        assert execute(plan.cells, results=plan.results, threads=1) == LaunchSummary(executed=1)
    else:  # what a worker does, in this process
        run_spec(plan.runs[0], RunStore(plan.results), threads=1)
    (record,) = RunStore(plan.results).records(plan.runs)
    assert record.lineage.resumed_times == 1
    assert record.lineage.resumed_epochs[0] >= 3


def test_a_second_signal_stops_at_once(tmp_path, driver):
    plan = make_suite(tmp_path, {"model": "slow", "options": {"seconds": 600.0}}, seeds=1)
    process = driver()
    wait_for(process, "train")
    worker = worker_of(plan, plan.runs[0])
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "the first one waits for the step"
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(5) == 130
    assert gone_within(worker, 5)


def test_workers_end_with_a_launcher_that_is_killed(tmp_path, driver):
    plan = make_suite(tmp_path, {"model": "slow", "options": {"seconds": 600.0}}, seeds=1)
    process = driver()
    wait_for(process, "train")
    worker = worker_of(plan, plan.runs[0])
    process.kill()
    assert gone_within(worker, 5)


def test_workers_end_when_the_caller_fails(tmp_path):
    plan = make_suite(tmp_path, {"model": "slow"}, seeds=1)
    workers = []

    def fail(event):
        workers.append(worker_of(plan, plan.runs[0]))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        execute(plan.cells, results=plan.results, on_event=fail)
    assert gone_within(workers[0], 5)
