"""F7: two ``run`` at once on one results folder execute each run once."""

from __future__ import annotations

import json

from graphlab.bench.journal import read_events
from graphlab.bench.store import RunStore
from tests.faults.launches import SIX_CELLS, finish, plan_of


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
