"""F31: records of every schema there was are read for ever; newer and garbage are skipped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from graphlab.bench.record import SCHEMA, decode_record, parse_record
from graphlab.bench.store import RunStore

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "records"
FILES = sorted(FOLDER.glob("schema-*.json"))
NAMES = ("node-done", "link-trial", "diverged")


def read(name):
    return decode_record((FOLDER / f"{name}.json").read_bytes())


def test_there_are_golden_records_of_every_schema():
    found = {int(path.name.split("-")[1]) for path in FILES}
    assert found == set(range(1, SCHEMA + 1))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_record_is_read(path):
    payload, seal = decode_record(path.read_bytes())
    before = json.dumps(payload, sort_keys=True)
    record = parse_record(payload)
    assert record.identity.schema_version == SCHEMA
    assert seal == ("unsealed" if path.name.startswith("schema-1-") else "intact")
    assert json.dumps(payload, sort_keys=True) == before, "the input is not changed"
    assert parse_record(record.to_json()) == record


def test_values_survive_the_migration():
    record = parse_record(read("schema-1-node-done")[0])
    assert record.metric("acc") == 0.738
    assert record.metric("loss") == 0.8345770239830017
    assert (record.result.best_epoch, record.result.epochs_run) == (35, 201)
    assert (record.machine.determinism, record.machine.processes) == ("exact", 1)
    assert record.lineage.sweep is None
    trial = parse_record(read("schema-1-link-trial")[0])
    assert trial.lineage.sweep is not None
    assert (trial.lineage.sweep.study, trial.lineage.sweep.trial) == ("ncn-debdeps", 7)
    assert not {"study", "trial"} & set(trial.to_json()["lineage"])
    assert trial.result.missing["test.hits@50"] == "the computed value is nan"
    assert trial.lineage.resumed_epochs == (10, 40)
    failed = parse_record(read("schema-1-diverged")[0])
    assert failed.result.error is not None
    assert (failed.result.status, failed.result.error.epoch) == ("diverged", 4)


def test_fields_of_the_second_schema():
    record = parse_record(read("schema-2-node-done")[0])
    assert record.machine.processes == 2
    assert record.result.breakdowns["degree"][0] == {"low": 1, "high": 1, "count": 120, "acc": 0.61}


@pytest.mark.parametrize("name", ["link-trial", "diverged"])
def test_both_schemas_say_the_same(name):
    first, second = (parse_record(read(f"schema-{n}-{name}")[0]) for n in (1, 2))
    assert first == second


def test_a_folder_of_all_ages(tmp_path, caplog):
    store = RunStore(tmp_path)
    for number, path in enumerate(FILES):
        folder = tmp_path / "cell" / str(number)
        folder.mkdir(parents=True)
        shutil.copy(path, folder / "run.json")
    newer = json.loads(FILES[0].read_text())
    newer["identity"]["schema"] = SCHEMA + 1
    bad = {
        "20": json.dumps(newer).encode(),
        "21": b"",
        "22": b"\xff\xfe\x00",
        "23": FILES[0].read_bytes()[:100],
        "24": b"[" * 100_000,
        "25": b'{"identity": {"schema": 2}}',
    }
    for name, content in bad.items():
        (tmp_path / "cell" / name).mkdir()
        (tmp_path / "cell" / name / "run.json").write_bytes(content)
    for _ in range(2):  # the second time through the cache
        scan = store.scan()
        assert len(scan.records) == len(FILES) == 2 * len(NAMES)
        assert scan.newer == 1
        assert {path.parent.name for path in scan.garbage} == {"21", "22", "23", "24", "25"}
        assert scan.altered == ()
    assert "1 records of a newer graphlab" in caplog.text
    assert str(tmp_path / "cell" / "24" / "run.json") in caplog.text
