"""F40: a lost Ray worker costs its own cell one more attempt, and nothing else."""

from __future__ import annotations

import importlib.util
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
from tests.faults.launches import make_suite, outcome, parent_of

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
@pytest.mark.parametrize(("whom", "cells"), [("ray worker", 6), ("process of the cell", 2)])
def test_a_lost_worker_is_replaced_and_the_records_are_those_of_local_processes(
    tmp_path, six, whom, cells
):
    plan, expected = six
    chosen = plan.cells[:cells]
    runs = [run for cell in chosen for run in cell.runs]
    store, events, killed = RunStore(tmp_path / "ray"), [], []

    def kill(event):
        events.append(event)
        if event["event"] == "done" and not killed:  # the first seed of a cell; the other is next
            run = next(r for r in runs if r.cell_id == event["cell_id"] and r.seed == 1)
            end = time.monotonic() + 30
            while not starts(store, run) and time.monotonic() < end:
                time.sleep(0.01)
            pid = store.holder(store.folder(run))["pid"]
            if whom == "ray worker":
                pid = parent_of(pid)
                assert name_of(pid).startswith("ray::execute_cell")
            os.kill(pid, signal.SIGKILL)
            killed.append(run)

    summary = launch_ray.execute(chosen, results=store.results, jobs=2, threads=1, on_event=kill)
    assert summary == LaunchSummary(executed=len(runs))
    records = store.records(runs)
    assert len(records) == len(runs) == 2 * cells
    assert [outcome(r) for r in records] == [outcome(r) for r in expected[: len(runs)]]
    assert [event["run_id"] for event in events if event["event"] == "lost"] == [killed[0].run_id]
    assert [starts(store, run) for run in runs] == [2 if run == killed[0] else 1 for run in runs]
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
