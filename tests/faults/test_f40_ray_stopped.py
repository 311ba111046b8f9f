"""F40: a launch on Ray that is stopped leaves no process behind, and can be continued."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import time

import pytest

from graphlab.bench.journal import read_events
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunStore
from tests.faults.launches import (
    SIX_CELLS,
    finish,
    gone_within,
    make_suite,
    parent_of,
    plan_of,
    wait_for,
    worker_of,
)

if importlib.util.find_spec("ray") is None:  # found, not imported: the launcher prepares that
    pytest.skip("Ray is not installed", allow_module_level=True)


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
    assert run_spec(plan.runs[0], store, threads=1).lineage.resumed_epochs[0] >= 3


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
