"""Worker processes: what is executed, what a dying, hanging or stopped one does to the others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from graphlab.bench import _process, _worker, launch
from graphlab.bench._outcome import config_of, identity_of
from graphlab.bench.config import load_suite
from graphlab.bench.journal import read_events
from graphlab.bench.launch import LaunchSummary, execute
from graphlab.bench.plan import make_plan
from graphlab.bench.record import Result, RunRecord
from graphlab.bench.store import RunStore
from graphlab.bench.suite import Overrides
from graphlab.errors import InputError

MODELS = '''
"""Models that do to their process what no model should."""
from __future__ import annotations
import ctypes, os, signal, time
from pathlib import Path
import torch
from torch import nn
from graphlab.registry import register_model
from graphlab.seeding import derive_seed

def at(seed, epoch):
    """Whether this is a training step of that seed and epoch."""
    return torch.initial_seed() == derive_seed(seed, f"dropout-{epoch}")

@register_model("plain", tasks=("node",), paper="none")
class Plain(nn.Module):
    """A linear layer that prints."""

    def __init__(self, in_channels: int, out_channels: int, width: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(in_channels, width), nn.Linear(width, out_channels))
        print("printed by the model", os.environ["OMP_NUM_THREADS"], flush=True)

    def forward(self, x, graph, edge_weight=None):
        return self.layers(x)

@register_model("deadly", tasks=("node",), paper="none")
class Deadly(Plain):
    """Ends its process at some seeds, in epoch 2."""

    def forward(self, x, graph, edge_weight=None):
        if self.training and at(1, 2):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.training and at(2, 2):
            ctypes.string_at(0)  # a segmentation fault
        if self.training and at(3, 2):
            os._exit(3)
        if self.training and at(9, 2):
            time.sleep(600)
        return super().forward(x, graph)

@register_model("slow", tasks=("node",), paper="none")
class Slow(Plain):
    """Takes a while for each step; with 600 it never comes back."""

    def __init__(self, in_channels: int, out_channels: int, seconds: float = 0.1) -> None:
        super().__init__(in_channels, out_channels)
        self.seconds = seconds

    def forward(self, x, graph, edge_weight=None):
        if self.training:
            time.sleep(self.seconds)
        return super().forward(x, graph)

@register_model("meeting", tasks=("node",), paper="none")
class Meeting(Plain):
    """Waits in its constructor until two of its kind are there."""

    def __init__(self, in_channels: int, out_channels: int, place: str = "") -> None:
        super().__init__(in_channels, out_channels)
        (Path(place) / str(os.getpid())).touch()
        end = time.monotonic() + 60
        while len(list(Path(place).iterdir())) < 2:
            if time.monotonic() > end:
                raise TimeoutError("alone")
            time.sleep(0.05)
'''
# The same as the command, with the user's models: `driver.py SUITE.json RESULTS`
DRIVER = """
import json, sys
from pathlib import Path
from graphlab.bench.config import load_suite
from graphlab.bench.launch import execute
from graphlab.bench.plan import make_plan
from graphlab.bench.suite import Overrides

suite, results = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
files = (Path(sys.argv[1]).with_name("models.py"),)
models = tuple(system["name"] for system in suite["system"])
plan = make_plan(load_suite(suite, overrides=Overrides(files=files, models=models)), results)

def say(event):
    print(json.dumps(event), flush=True)

summary = execute(plan.cells, results=plan.results, threads=1, on_event=say)
sys.exit(summary.exit_code)
"""


@pytest.fixture
def suite(tmp_path):
    """Return a function that writes a suite, and plans it."""

    def make(*systems, seeds=2, epochs=3, **recipe):
        (tmp_path / "models.py").write_text(MODELS)
        content = {
            "task": "node",
            "datasets": ["debdeps"],
            "seeds": seeds,
            "recipe": {"epochs": epochs, "checkpoint_seconds": 0, **recipe},
            "system": [{"name": f"{s['model']} {i}", **s} for i, s in enumerate(systems)],
        }
        (tmp_path / "suite.json").write_text(json.dumps(content))
        names = tuple(system["name"] for system in content["system"])
        overrides = Overrides(files=(tmp_path / "models.py",), models=names)
        return make_plan(load_suite(content, overrides=overrides), tmp_path / "results")

    return make


@pytest.fixture
def driver(tmp_path):
    """Return a function that starts the launcher in a process (group) of its own."""
    started = []
    (tmp_path / "driver.py").write_text(DRIVER)

    def start():
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen(
            [sys.executable, str(tmp_path / "driver.py"), "suite.json", "results"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def wait_for(process, kind, epoch=0):
    """Read events until one of this kind comes; return all that were read."""
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == kind and events[-1].get("epoch", 0) >= epoch:
            return events
    raise AssertionError(f"no {kind}: {process.stderr.read()}")


def worker_of(plan, spec):
    """Return the process id that a run's lock names."""
    return RunStore(plan.results).holder(RunStore(plan.results).folder(spec))["pid"]


def gone_within(pid, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def by_seed(plan):
    return {r.identity.seed: r for r in RunStore(plan.results).records(plan.runs)}


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


# -- dying workers ----------------------------------------------------------------------------


def test_a_worker_that_dies_takes_its_own_run_with_it(suite):
    """Killed, crashed and left at three seeds; those before, between and after are done."""
    plan = suite({"model": "deadly"}, seeds=5)
    summary = execute(plan.cells, results=plan.results, threads=1)
    assert summary == LaunchSummary(executed=5, failed=3)
    assert summary.exit_code == 1
    records = by_seed(plan)
    assert [records[seed].result.status for seed in range(5)] == ["done", *["failed"] * 3, "done"]
    errors = {seed: records[seed].result.error for seed in (1, 2, 3)}
    assert {error.type for error in errors.values()} == {"WorkerDied"}
    assert [errors[seed].signal for seed in (1, 2, 3)] == [signal.SIGKILL, signal.SIGSEGV, None]
    for seed, text in ((1, "SIGKILL"), (2, "SIGSEGV"), (3, "code 3")):
        assert text in errors[seed].message
        assert errors[seed].epoch == 1
    assert "models.py" in errors[2].log_tail, "the stack of the crash must be in the log"
    assert records[1].code.graphlab == records[0].code.graphlab
    assert records[1].lineage.started is not None
    again = execute(plan.cells, results=plan.results, threads=1)
    assert again == LaunchSummary(), "a failed run is finished too, unless asked for"


def test_a_run_that_hangs_beyond_its_limit_is_ended(suite, monkeypatch):
    monkeypatch.setattr(_worker, "_HUNG_SECONDS", 0.5)
    plan = suite({"model": "deadly"}, seeds=[9], max_seconds=0.5)
    assert execute(plan.cells, results=plan.results) == LaunchSummary(executed=1, failed=1)
    record = by_seed(plan)[9]
    assert record.result.status == "timeout"
    assert record.result.error.type == "Timeout"
    log = RunStore(plan.results).folder(plan.runs[0]) / "log.txt"
    assert "models.py" in log.read_text(), "the stack must be in the log"


def test_a_worker_that_cannot_start_is_told(suite, monkeypatch, tmp_path):
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "torch.py").write_text("raise ImportError('no torch today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shadow"))
    plan = suite({"model": "plain"}, seeds=1)
    assert execute(plan.cells, results=plan.results).failed == 1
    error = by_seed(plan)[0].result.error
    assert "no torch today" in error.message + error.log_tail


def test_full_disk_is_told_and_leaves_the_run_unfinished(suite, tmp_path):
    """A limit on file sizes stands for the full disk; 3,000 bytes are too few for a record."""
    plan = suite({"model": "plain"}, seeds=1)
    script = (
        "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)); "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])"
    )
    (tmp_path / "driver.py").write_text(DRIVER)
    answer = subprocess.run(
        [sys.executable, "-c", script, "driver.py", "suite.json", "elsewhere"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert answer.returncode == 1, answer.stderr
    last = json.loads(answer.stdout.splitlines()[-1])
    assert last["event"] == "failed"
    assert "run.json could not be written" in last["message"]
    assert "MB are free" in last["message"]
    assert RunStore(tmp_path / "elsewhere" / plan.results.name).records() == []


# -- stopping ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "whom", "code"),
    [
        (signal.SIGINT, "group", 130),
        (signal.SIGTERM, "worker", 143),
        pytest.param(signal.SIGINT, "launcher", 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "group", 143, marks=pytest.mark.slow),
    ],
)
def test_a_stopped_launch_can_be_continued(suite, driver, number, whom, code):
    plan = suite({"model": "slow"}, seeds=1, epochs=12)
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
    assert execute(plan.cells, results=plan.results, threads=1) == LaunchSummary(executed=1)
    (record,) = RunStore(plan.results).records(plan.runs)
    assert record.lineage.resumed_times == 1
    assert record.lineage.resumed_epochs[0] >= 3


def test_a_second_signal_stops_at_once(suite, driver):
    plan = suite({"model": "slow", "options": {"seconds": 600.0}}, seeds=1)
    process = driver()
    wait_for(process, "train")
    worker = worker_of(plan, plan.runs[0])
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "the first one waits for the step"
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(5) == 130
    assert gone_within(worker, 5)


def test_workers_end_with_a_launcher_that_is_killed(suite, driver):
    plan = suite({"model": "slow", "options": {"seconds": 600.0}}, seeds=1)
    process = driver()
    wait_for(process, "train")
    worker = worker_of(plan, plan.runs[0])
    process.kill()
    assert gone_within(worker, 5)


def test_workers_end_when_the_caller_fails(suite):
    plan = suite({"model": "slow"}, seeds=1)
    workers = []

    def fail(event):
        workers.append(worker_of(plan, plan.runs[0]))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        execute(plan.cells, results=plan.results, on_event=fail)
    assert gone_within(workers[0], 5)


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
