"""F40: a lost Ray worker costs its own cell one more attempt, and nothing else."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import time
from pathlib import Path

import pytest

from graphlab.bench import launch, launch_ray
from graphlab.bench._ray_cluster import connected
from graphlab.bench.journal import read_events
from graphlab.bench.launch import LaunchSummary
from graphlab.bench.store import RunStore
from tests.faults.launches import (
    SIX_CELLS,
    finish,
    gone_within,
    make_suite,
    outcome,
    plan_of,
    wait_for,
    worker_of,
)

if importlib.util.find_spec("ray") is None:  # found, not imported: the launcher prepares that
    pytest.skip("Ray is not installed", allow_module_level=True)
SYSTEMS = [{"model": "slow", "options": {"seconds": 0.1 + 0.001 * i}} for i in range(6)]


@pytest.fixture(scope="module")
def cluster():
    """Two workers, for several launches: each finds this process connected and leaves it so."""
    with connected(None, jobs=2, threads=1, device="cpu"):
        yield
        import ray
    assert not ray.is_initialized()


@pytest.fixture
def shared_cluster(cluster):
    yield
    import ray

    assert ray.is_initialized(), "what the caller started is the caller's"


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def name_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


@pytest.fixture(scope="module")
def six(tmp_path_factory):
    """Six cells of two seeds, and their records of local processes."""
    folder = tmp_path_factory.mktemp("six")
    plan = make_suite(folder, *SYSTEMS, seeds=2, epochs=8)
    return plan, local(plan, folder)


def local(plan, folder):
    """Execute a plan in local processes elsewhere; return the records."""
    store = RunStore(folder / "local")
    assert launch.execute(plan.cells, results=store.results, jobs=2, threads=1).failed == 0
    return store.records(plan.runs)


def starts(store, run):
    return [event["event"] for event in read_events(store.folder(run))].count("started")


@pytest.mark.usefixtures("shared_cluster")
@pytest.mark.parametrize("whom", ["ray worker", "process of the cell"])
def test_a_lost_worker_is_replaced_and_the_records_are_those_of_local_processes(
    tmp_path, six, whom
):
    plan, expected = six
    store, events, killed = RunStore(tmp_path / "ray"), [], []

    def kill(event):
        events.append(event)
        if event["event"] == "done" and not killed:  # the first seed of a cell; the other is next
            run = next(r for r in plan.runs if r.cell_id == event["cell_id"] and r.seed == 1)
            end = time.monotonic() + 30
            while not starts(store, run) and time.monotonic() < end:
                time.sleep(0.01)
            pid = store.holder(store.folder(run))["pid"]
            if whom == "ray worker":
                pid = parent_of(pid)
                assert name_of(pid).startswith("ray::execute_cell")
            os.kill(pid, signal.SIGKILL)
            killed.append(run)

    summary = launch_ray.execute(
        plan.cells, results=store.results, jobs=2, threads=1, on_event=kill
    )
    assert summary == LaunchSummary(executed=12)
    records = store.records(plan.runs)
    assert len(records) == 12
    assert [outcome(r) for r in records] == [outcome(r) for r in expected]
    assert [event["run_id"] for event in events if event["event"] == "lost"] == [killed[0].run_id]
    assert [starts(store, run) for run in plan.runs] == [
        2 if run == killed[0] else 1 for run in plan.runs
    ]
    assert not list(store.results.glob(".probe*"))


@pytest.mark.usefixtures("shared_cluster")
def test_a_cell_whose_worker_is_lost_twice_fails_alone(tmp_path):
    """As in local processes: the seed that kills its process fails, the others are done."""
    plan = make_suite(tmp_path, {"model": "deadly"}, {"model": "plain"}, seeds=3)
    summary = launch_ray.execute(plan.cells, results=plan.results, jobs=2, threads=1)
    assert summary == LaunchSummary(executed=6, failed=2)
    store = RunStore(plan.results)
    found = {(r.config.model, r.identity.seed): r.result for r in store.records(plan.runs)}
    failed = {key: result.error.signal for key, result in found.items() if result.error}
    assert failed == {("deadly", 1): signal.SIGKILL, ("deadly", 2): signal.SIGSEGV}


@pytest.mark.usefixtures("shared_cluster")
def test_without_the_folder_results_come_as_bytes_and_an_interrupted_run_is_resumed(tmp_path):
    plan = make_suite(tmp_path, {"model": "plain"}, {"model": "slow"}, epochs=12)
    store = RunStore(plan.results)
    stopped = []

    def stop(event):
        if event["event"] == "epoch" and event["system"].startswith("slow") and not stopped:
            stopped.append(event)
            signal.raise_signal(signal.SIGTERM)

    def run(**options):
        return launch_ray.execute(
            plan.cells, results=plan.results, jobs=2, threads=1, shared=False, **options
        )

    first = run(on_event=stop)
    assert first.exit_code == 143
    unfinished = [run for run in plan.runs if store.read(store.folder(run)) is None]
    assert any((store.folder(run) / "last.ckpt").exists() for run in unfinished)
    second = run()
    assert second == LaunchSummary(executed=len(unfinished))
    records = store.records(plan.runs)
    assert [outcome(r) for r in records] == [outcome(r) for r in local(plan, tmp_path)]
    assert max(record.lineage.resumed_times for record in records) == 1
    assert not list(plan.results.glob("*/*/last.ckpt*"))
    assert all((store.folder(run) / "events.jsonl").exists() for run in plan.runs)


@pytest.mark.parametrize(
    ("number", "whom", "code"), [(signal.SIGINT, "launcher", 130), (signal.SIGTERM, "group", 143)]
)
def test_a_stopped_launch_can_be_continued(tmp_path, driver, number, whom, code):
    plan = make_suite(tmp_path, {"model": "slow"}, seeds=1, epochs=40)
    process = driver("ray")
    wait_for(process, "epoch", epoch=3)
    worker = worker_of(plan, plan.runs[0])
    above = parent_of(worker)
    (os.killpg if whom == "group" else os.kill)(process.pid, number)
    assert process.wait(60) == code, process.stderr.read()
    assert gone_within(worker, 5)
    assert gone_within(above, 5)
    store = RunStore(plan.results)
    folder = store.folder(plan.runs[0])
    assert (folder / "last.ckpt").exists()
    assert read_events(folder)[-1]["event"] == "interrupted"
    assert store.records() == []
    assert launch.execute(plan.cells, results=plan.results, threads=1).executed == 1
    assert store.records(plan.runs)[0].lineage.resumed_epochs[0] >= 3


def test_a_second_signal_stops_at_once(tmp_path, driver):
    plan = make_suite(tmp_path, {"model": "slow", "options": {"seconds": 600.0}}, seeds=1)
    process = driver("ray")
    wait_for(process, "train")
    worker = worker_of(plan, plan.runs[0])
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None, "the first one waits for the step"
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(15) == 130
    assert gone_within(worker, 5)


def test_the_command_prints_the_table_alone_and_listens_on_the_loopback_only(place, start):
    (place / "suite.toml").write_text(SIX_CELLS)
    process = start("out", "--launcher", "ray", "--jobs", "2", "--json", "--model", "MLP 4")
    seen = set()
    while process.poll() is None:
        seen |= listening(process.pid)
        time.sleep(0.1)
    values = json.loads(finish(process))  # nothing of Ray's among it
    assert values["executed"] == 1
    assert seen
    assert seen <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert plan_of(place, "out").results.is_dir()


def listening(group):
    """Return the addresses at which the processes of a launcher listen, Ray's included."""
    import psutil

    found = set()
    try:
        above = psutil.Process(group)
        for process in [above, *above.children(recursive=True)]:
            for connection in process.net_connections("inet"):
                if connection.status == psutil.CONN_LISTEN:
                    found.add(connection.laddr.ip)
    except psutil.Error:
        pass  # it has ended
    return found
