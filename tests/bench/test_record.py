"""The record of a run: groups, validation, schemas, numbers that JSON cannot hold."""

from __future__ import annotations

import json
import math

import pytest

from graphlab.bench import record as module
from graphlab.bench.record import (
    Config,
    Failure,
    Identity,
    NewerRecordError,
    Result,
    RunRecord,
    finite_metrics,
    parse_record,
)
from graphlab.errors import InputError
from graphlab.io import read_json, write_json

GROUPS = {"identity", "config", "result", "cost", "code", "data", "machine", "lineage"}


def make(**result):
    identity = Identity(
        run_id="9f3c",
        cell_id="77aa",
        suite="quick",
        system="GCN <b>\u2713</b>",
        dataset="debdeps",
        task="node",
        protocol="random-20-30",
        seed=4,
    )
    values = {"status": "done", "metrics": {"val": {"acc": 0.7}, "test": {"acc": 0.6}}, **result}
    return RunRecord(identity=identity, config=Config(model="gcn"), result=Result(**values))


def test_json_has_exactly_the_eight_groups_and_the_schema_inside():
    payload = make().to_json()
    assert set(payload) == GROUPS
    assert payload["identity"]["schema"] == 2
    assert {"run_id", "seed", "system"} <= set(payload["identity"])
    assert {"status", "metrics"} <= set(payload["result"])
    assert "parameters" in payload["cost"]


def test_written_and_read_record_is_the_same(tmp_path):
    record = make(error=Failure(type="X", message="m", signal=9), best_epoch=3)
    write_json(tmp_path / "run.json", record.to_json())
    assert parse_record(read_json(tmp_path / "run.json")) == record


def test_unknown_keys_of_the_same_schema_survive():
    payload = make().to_json()
    payload["cost"]["joules"] = 12.5
    assert parse_record(payload).to_json()["cost"]["joules"] == 12.5


def test_newer_schema_is_refused_by_name():
    payload = make().to_json()
    payload["identity"]["schema"] = 3
    with pytest.raises(NewerRecordError, match="schema 3"):
        parse_record(payload)


def test_older_schema_is_migrated_in_memory(monkeypatch):
    """A schema that called the status 'state' is read through its migration."""

    def upgrade(payload):
        result = dict(payload["result"])
        result["status"] = result.pop("state")
        return {**payload, "result": result}

    old = make().to_json()
    old["identity"]["schema"] = 0
    old["result"]["state"] = old["result"].pop("status")
    with pytest.raises(InputError, match="schema 0"):
        parse_record(old)
    monkeypatch.setitem(module.MIGRATIONS, 0, upgrade)
    assert parse_record(old) == make()
    assert old["identity"]["schema"] == 0, "the input must not be changed"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda p: p.pop("identity"), "identity.schema"),
        (lambda p: p["identity"].pop("run_id"), "identity.run_id"),
        (lambda p: p["identity"].update(schema=True), "identity.schema"),
        (lambda p: p["result"].update(status="fine"), "result.status"),
        (lambda p: p["result"]["metrics"]["test"].update(acc=math.nan), "result.metrics.test.acc"),
        (lambda p: p["cost"].update(parameters="many"), "cost.parameters"),
        (lambda p: p["lineage"].update(started="yesterday"), "lineage.started"),
    ],
)
def test_garbage_is_refused_and_named(change, named):
    payload = make().to_json()
    change(payload)
    with pytest.raises(InputError, match=named):
        parse_record(payload)


@pytest.mark.parametrize("payload", [None, [], "text", 3, {}])
def test_what_is_no_object_is_no_record(payload):
    with pytest.raises(InputError):
        parse_record(payload)


def test_nan_becomes_null_with_a_reason():
    metrics, missing = finite_metrics({"test": {"acc": 0.5, "mrr": math.nan, "loss": math.inf}})
    assert metrics == {"test": {"acc": 0.5, "mrr": None, "loss": None}}
    assert missing == {
        "test.mrr": "the computed value is nan",
        "test.loss": "the computed value is inf",
    }
    text = json.dumps(make(metrics=metrics, missing=missing).to_json(), allow_nan=False)
    assert parse_record(json.loads(text)).metric("mrr") is None


def test_a_record_never_holds_nan():
    with pytest.raises(ValueError, match="finite"):
        make(metrics={"test": {"acc": math.nan}})


def test_metric_of_a_split_that_is_missing_is_none():
    assert make().metric("acc", "train") is None
    assert make().metric("acc", "val") == 0.7
    assert not make(status="diverged").done
