"""Breakdowns in the record of a run: there, equal for equal runs, and never in its way."""

from __future__ import annotations

import json

import pytest
import torch

from graphlab.bench._breakdown import broken_down
from graphlab.bench._inputs import CellData
from graphlab.bench._log import RunLog
from graphlab.bench.config import load_suite
from graphlab.bench.plan import make_plan
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunStore
from graphlab.tasks import NodeClassification, Predictions


def execute(results):
    suite = {
        "task": "node",
        "datasets": ["debdeps"],
        "seeds": 1,
        "recipe": {"epochs": 3},
        "system": [{"model": "mlp"}],
    }
    plan = make_plan(load_suite(suite), results)
    store, spec = RunStore(plan.results), plan.runs[0]
    return run_spec(spec, store, cell=CellData()), store.folder(spec)


def test_a_record_holds_its_metric_by_degree(tmp_path, monkeypatch):
    record, folder = execute(tmp_path / "with")
    bins = record.result.breakdowns["degree"]
    assert sum(row["count"] for row in bins) == record.data.sizes["test"]
    mean = sum(row["count"] * row["acc"] for row in bins) / record.data.sizes["test"]
    assert mean == pytest.approx(record.metric("acc"), abs=1e-9)
    stored = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert stored["result"]["breakdowns"]["degree"] == bins

    monkeypatch.delattr(NodeClassification, "breakdowns")
    without, _ = execute(tmp_path / "without")
    assert without.result.breakdowns == {}
    assert without.result.metrics == record.result.metrics
    assert without.result.best_epoch == record.result.best_epoch


class Broken:
    """A task whose breakdown fails, or cannot be recorded."""

    def __init__(self, found):
        self.found = found

    def breakdowns(self, problem, predictions):
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


@pytest.mark.parametrize(
    "found", [ValueError("no degrees here"), {"degree": [{"acc": float("nan")}]}, {"degree": 3}]
)
def test_a_breakdown_that_fails_is_logged_and_costs_no_result(tmp_path, found):
    one = torch.ones(1)
    log = RunLog(tmp_path / "log.txt")
    assert broken_down(Broken(found), None, Predictions(one, one, one), log) == {}
    text = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert "breakdowns of the test result were left out" in text
    assert "Error" in text


def test_without_predictions_or_breakdowns_there_are_none(tmp_path):
    log = RunLog(tmp_path / "log.txt")
    one = torch.ones(1)
    assert broken_down(Broken({"degree": []}), None, None, log) == {}
    assert broken_down(object(), None, Predictions(one, one, one), log) == {}
    assert not (tmp_path / "log.txt").exists()
