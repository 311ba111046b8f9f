"""The seal of a record: any edit is found, marked wherever the record is shown (F32)."""

from __future__ import annotations

import json
import os

import pytest

from graphlab.bench.record import check_seal, decode_record, parse_record, sealed
from graphlab.bench.report.outline import load_outline
from graphlab.bench.report.page import write_report
from graphlab.bench.report.tables import result_table
from graphlab.bench.store import RunStore


@pytest.fixture
def results(make_run, save_runs):
    """Two systems with three seeds each."""
    runs = [make_run(system, seed=seed, acc=0.61) for system in ("GCN", "MLP") for seed in range(3)]
    return save_runs(runs)


def first_file(results):
    return min(results.glob("*/*/run.json"))


def change(path, old, new):
    """Edit a file by hand, keeping size and time as an editor of ill will would."""
    text, stat = path.read_text(), path.stat()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_every_single_digit_of_a_file_counts(make_run, save_runs):
    """Also one beyond the precision of a number, and the digits of the seal itself."""
    run = make_run(acc=0.1 + 0.2, metrics={"val": {"loss": 0.30000000000000004}, "test": {}})
    folder = save_runs([run])
    content = first_file(folder).read_bytes()
    assert decode_record(content)[1] == "intact"
    digits = [place for place, byte in enumerate(content) if chr(byte).isdigit()]
    assert len(digits) > 150
    for place in digits:
        changed = bytearray(content)
        changed[place] = ord("0") + (changed[place] - ord("0") + 1) % 10
        try:
            seal = decode_record(bytes(changed))[1]
        except ValueError:  # such as 012: no JSON
            continue
        assert seal == "altered", content[place - 20 : place + 20]


def test_the_digit_beyond_precision_is_the_same_number():
    """What the test above includes: the values are equal, the texts are not."""
    assert float("0.30000000000000004") == float("0.30000000000000005")


def test_a_value_given_twice_or_a_lost_seal_is_an_edit(results):
    text = first_file(results).read_text()
    twice = text.replace('"seed": 0', '"seed": 1,\n  "seed": 0')
    assert twice != text
    assert json.loads(twice) == json.loads(text)
    assert decode_record(twice.encode())[1] == "altered"
    payload = json.loads(text)
    del payload["seal"]
    assert check_seal(payload) == "unsealed"
    assert decode_record(json.dumps(payload).encode())[1] == "altered"
    payload["identity"]["schema"] = 1
    assert decode_record(json.dumps(payload).encode())[1] == "unsealed"


def test_layout_of_the_text_is_no_content(results):
    payload = json.loads(first_file(results).read_text())
    assert decode_record(json.dumps(payload).encode())[1] == "intact"


def test_seal_is_of_the_values_as_read_back(make_run):
    """Keys that are numbers become texts in JSON, in another order."""
    options = {"sizes": {10: "a", 9: "b"}}
    payload = {**make_run().to_json()}
    payload["config"]["options"] = options
    text = json.dumps(sealed(payload), sort_keys=True)
    assert decode_record(text.encode())[1] == "intact"
    assert "seal" not in parse_record(json.loads(text)).to_json()


def test_an_altered_record_is_read_and_named_also_from_the_cache(results, caplog):
    store, path = RunStore(results), first_file(results)
    store.records()
    assert store.scan().altered == ()
    change(path, "0.61", "0.91")
    scan = store.scan()
    assert scan.altered == (path,)
    assert len(scan.records) == 6
    assert "altered" in caplog.text
    assert store.scan().altered == (path,), "nothing of it is remembered as good"


def test_tables_and_page_name_run_and_file(results):
    page = write_report(results)
    assert "Altered after" not in page.read_text()
    path = first_file(results)
    change(path, "0.61", "0.91")
    page = write_report(results)
    place = "/".join(path.parts[-3:])
    scan = RunStore(results).scan()
    (record,) = [r for r in scan.records if r.metric("acc") == 0.91]
    named = f"{record.identity.system} on cora, seed {record.identity.seed} ({place})"
    assert named in page.read_text()
    for name in ("table.md", "table.tex"):
        assert "Altered after it was written" in (results / name).read_text()
    table = result_table(scan.records, load_outline(results), altered=scan.altered)
    assert any(named in note for note in table.notes)
    assert any("Altered" in note for note in table.to_json()["notes"])


def test_rerun_executes_an_altered_run_again(results):
    class Planned:
        """As much of a plan as is asked for."""

    path = first_file(results)
    store = RunStore(results)
    record = store.read(path.parent)
    planned = Planned()
    planned.run_id, planned.cell_id = record.identity.run_id, record.identity.cell_id
    planned.seed, planned.fold = record.identity.seed, record.identity.fold
    assert store.is_finished(planned, "failed")
    change(path, "0.61", "0.91")
    assert store.is_finished(planned), "without being asked nothing is executed again"
    assert not store.is_finished(planned, "failed")
