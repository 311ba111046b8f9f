"""Worker processes: what is executed, and what several launches do on one folder."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
import threading

import pytest

from graphlab.bench import _process, launch
from graphlab.bench._outcome import config_of, identity_of
from graphlab.bench.launch import LaunchSummary, execute
from graphlab.bench.record import Result, RunRecord
from graphlab.bench.store import RunStore
from graphlab.errors import InputError
from tests.faults.launches import make_suite


@pytest.fixture
def suite(tmp_path):
    """Return a function that writes a suite, and plans it."""
    return functools.partial(make_suite, tmp_path)


# -- what is executed -------------------------------------------------------------------------


def test_all_runs_are_executed_and_a_second_call_executes_none(suite, monkeypatch):
    plan = suite({"model": "plain"})
    events = []
    summary = execute(plan.cells, results=plan.results, threads=1, on_event=events.append)
    assert summary == LaunchSummary(executed=2)
    assert summary.exit_code == 0
    store = RunStore(plan.results)
    records = store.records(plan.runs)
    assert len(records) == 2
    assert all(record.done for record in records)
    assert {record.machine.threads for record in records} == {1}
    assert all(record.code.command == tuple(sys.argv) for record in records)
    kinds = [event["event"] for event in events]
    assert kinds.count("start") == kinds.count("done") == 2
    assert {"run_id", "cell_id", "system", "dataset", "seed"} <= set(events[0])
    epochs = [event for event in events if event["event"] == "epoch"]
    assert epochs
    assert all(event["epochs"] == 3 and "val_acc" in event["values"] for event in epochs)
    assert "printed by the model 1" in (store.folder(plan.runs[0]) / "log.txt").read_text()

    monkeypatch.setattr(launch, "Worker", None)  # no process may be started
    assert execute(plan.cells, results=plan.results) == LaunchSummary()


def test_two_jobs_run_at_once(suite, tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    options = {"options": {"place": str(place)}}
    plan = suite(
        {"model": "meeting", **options},
        {"model": "meeting", "task_options": {"feature_norm": "row"}, **options},
        seeds=1,
        epochs=1,
    )
    assert execute(plan.cells, results=plan.results, jobs=2) == LaunchSummary(executed=2)
    assert {record.machine.threads for record in RunStore(plan.results).records()} == {
        max(1, _cores() // 2)
    }


def _cores():
    from graphlab.bench.provenance import usable_cores

    return usable_cores()


def test_results_that_cannot_be_written_start_nothing(suite, tmp_path):
    plan = suite({"model": "plain"})
    (tmp_path / "results").write_text("a file")
    with pytest.raises(InputError, match="--results"):
        execute(plan.cells, results=plan.results)


# -- several launches on one folder -----------------------------------------------------------


@pytest.fixture
def elsewhere():
    """Return a function that holds the lock of a run until it is told to let go."""
    free = threading.Event()
    threads = []

    def hold(store, spec, finish=None):
        held = threading.Event()

        def work():
            with store.lock(store.folder(spec)):
                held.set()
                free.wait(60)
                if finish is not None:
                    store.write(store.folder(spec), finish)

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        held.wait(30)
        return free

    yield hold
    free.set()
    for thread in threads:
        thread.join()


def test_a_run_that_others_execute_is_left_to_them(suite, elsewhere, monkeypatch):
    monkeypatch.setattr(launch, "_PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(launch, "Worker", None)  # no process may be started for it
    plan = suite({"model": "plain"}, seeds=1)
    elsewhere(RunStore(plan.results), plan.runs[0])
    events = []
    summary = execute(plan.cells, results=plan.results, on_event=events.append)
    assert summary == LaunchSummary(busy=1)
    assert [event["event"] for event in events] == ["waiting", "busy"]


def test_a_run_that_others_execute_is_waited_for(suite, elsewhere):
    plan = suite({"model": "plain"}, seeds=1)
    free = elsewhere(RunStore(plan.results), plan.runs[0])
    threading.Timer(0.5, free.set).start()
    assert execute(plan.cells, results=plan.results, wait=True) == LaunchSummary(executed=1)


def test_a_run_that_others_finish_is_not_executed(suite, elsewhere, monkeypatch):
    monkeypatch.setattr(launch, "Worker", None)
    plan = suite({"model": "plain"}, seeds=1)
    record = RunRecord(
        identity=identity_of(plan.runs[0]),
        config=config_of(plan.runs[0]),
        result=Result(status="done", metrics={"test": {"acc": 0.5}}),
    )
    free = elsewhere(RunStore(plan.results), plan.runs[0], record)
    threading.Timer(0.5, free.set).start()
    events = []
    summary = execute(plan.cells, results=plan.results, on_event=events.append, wait=True)
    assert summary == LaunchSummary()
    assert [event["event"] for event in events] == ["waiting", "skipped"]


# -- parts of a worker process ----------------------------------------------------------------


def test_lifeline_ends_a_process_without_help_of_the_kernel():
    """What other systems than Linux rely on."""
    code = (
        "import sys, time; from graphlab.bench._process import end_on_close; "
        "end_on_close(0); print('up', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"up\n"
    process.stdin.close()
    assert process.wait(10) == -signal.SIGKILL
    process.stdout.close()


def test_signal_breaks_off_what_can_be_broken_off():
    switch = _process.StopSwitch()
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        switch.install()
        assert not switch()
        with pytest.raises(_process.Interrupted), switch.abortable():
            signal.raise_signal(signal.SIGTERM)
        assert switch()
        assert switch.exit_code == 143
        signal.raise_signal(signal.SIGTERM)  # at once after the first one: the same wish
        with pytest.raises(_process.Interrupted), switch.abortable():
            raise AssertionError("nothing may begin after a stop was asked for")
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def test_peak_memory_is_that_of_the_run():
    import numpy as np

    block = np.ones(40_000_000)  # 320 MB
    del block
    before = _process.peak_rss_bytes()
    _process.reset_peak_rss()
    after = _process.peak_rss_bytes()
    assert after < before - 2e8 or after == before, "where it cannot be reset it is of the life"
