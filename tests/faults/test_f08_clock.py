"""F8: a clock that is set while a run lasts changes no duration; times are UTC."""

from __future__ import annotations

import datetime as library
import time
from datetime import UTC, datetime, timedelta

import pytest

from graphlab.bench import _execution, journal
from graphlab.bench._inputs import CellData
from graphlab.bench.journal import read_events
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunStore
from tests.faults.launches import make_suite


class JumpingClock(datetime):
    """Each look at the clock is two hours before the last one, as after several corrections."""

    looks = 0

    @classmethod
    def now(cls, tz=None):
        JumpingClock.looks += 1
        return library.datetime.now(tz) - timedelta(hours=2 * JumpingClock.looks)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_a_clock_that_jumps_back_changes_no_duration(tmp_path, monkeypatch, zone):
    for module in (_execution, journal):
        monkeypatch.setattr(module, "datetime", JumpingClock)
    wall, looked = time.time, iter(range(1_000_000))
    monkeypatch.setattr(time, "time", lambda: wall() - 3600.0 * next(looked))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        plan = make_suite(tmp_path, {"model": "plain"}, seeds=1, epochs=5)
        begin = time.monotonic()
        record = run_spec(plan.runs[0], RunStore(plan.results), cell=CellData())
        lasted = time.monotonic() - begin
    finally:
        monkeypatch.undo()
        time.tzset()
    assert record.lineage.ended < record.lineage.started, "or the clock did not jump"
    assert record.lineage.started.tzinfo == UTC
    seconds = record.cost.seconds
    assert all(0.0 <= value <= lasted for value in seconds.values()), seconds
    assert seconds["total"] > 0.0
    assert 0.0 < record.cost.seconds_per_epoch < lasted
    times = [
        event["time"]
        for event in read_events(RunStore(plan.results).folder(plan.runs[0]))
        if "time" in event
    ]
    assert times
    assert all(text.endswith("+00:00") for text in times)


def test_a_time_limit_counts_the_monotonic_clock(tmp_path, monkeypatch):
    """A clock that is set a day ahead ends no run."""
    wall, looked = time.time, iter(range(1_000_000))
    monkeypatch.setattr(time, "time", lambda: wall() + 86_400.0 * next(looked))
    plan = make_suite(tmp_path, {"model": "plain"}, seeds=1, epochs=5, max_seconds=60)
    assert run_spec(plan.runs[0], RunStore(plan.results), cell=CellData()).done
