"""F32: results edited by hand are found by executing them again, and by what was kept of them."""

from __future__ import annotations

import json
import shutil

import pytest

from graphlab import bench
from graphlab.bench.record import decode_record, parse_record
from graphlab.bench.store import RunStore

MODEL = '''
from graphlab.models import GCN
from graphlab.registry import register_model


@register_model("mine", tasks=("node",), paper="Nobody 2026")
class Mine(GCN):
    """A model of one's own."""

    def __init__(self, in_channels: int, out_channels: int, hidden_channels: int = 8) -> None:
        super().__init__(in_channels, out_channels, hidden_channels)
'''


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Two seeds of a model from a file, one with its predictions, after eight epochs."""
    place = tmp_path_factory.mktemp("original")
    (place / "mine.py").write_text(MODEL, encoding="utf-8")
    found = bench.run(
        task="node",
        models="mine",
        files=place / "mine.py",
        datasets="debdeps",
        seeds=2,
        settings={"recipe.epochs": 8, "recipe.stop": "none"},
        results=place / "results",
        threads=1,
        keep=True,
    )
    assert found.exit_code == 0
    return place


@pytest.fixture
def results(original, tmp_path):
    shutil.copytree(original / "results", tmp_path / "results")
    return tmp_path / "results"


def files_of(results, seed):
    (folder,) = results.glob(f"*/*/{seed}")
    return folder / "run.json", folder / "predictions.npz"


def forge(path, change):
    """Change a record and give it a fitting seal, as somebody who knows the code can."""
    record = parse_record(decode_record(path.read_bytes())[0])
    payload = record.to_json()
    change(payload)
    RunStore(path.parent.parent.parent).write(path.parent, parse_record(payload))


def add_to_accuracy(payload, what=0.001):
    payload["result"]["metrics"]["test"]["acc"] += what


def test_an_untouched_run_comes_out_bit_for_bit(results):
    found = bench.verify("mine", results=results)
    assert found.ok
    first, second = found.checks
    assert (first.outcome, first.bitwise) == ("verified", True)
    assert second.outcome == "files only"
    names = {pair.name for pair in first.comparisons}
    assert {"status", "best epoch", "epochs run", "test acc", "val loss"} <= names
    assert {"data checksum", "split checksum"} <= names
    assert any("recomputed from predictions.npz" in text for text in first.good)


def test_other_threads_are_told_and_judged_by_the_tolerance(results):
    (check, _) = bench.verify("mine", results=results, threads=2).checks
    assert (check.level, check.outcome) == ("close", "verified")
    assert [str(d) for d in check.differences if d.name == "threads"] == [
        "threads: 1 recorded, 2 here"
    ]


def test_a_digit_and_a_forged_seal_are_found(command, results):
    record, predictions = files_of(results, 0)
    text = record.read_text()
    shown = f'"acc": {json.loads(text)["result"]["metrics"]["test"]["acc"]}'
    assert shown in text
    record.write_text(text.replace(shown, f'"acc": {float(shown[7:]) + 0.001!r}', 1))
    answer = command("verify", "mine", "--results", results, cwd=results)
    assert answer.returncode == 1
    assert "its seal does not fit" in answer.stdout
    assert "DIFFERS" in answer.stdout
    assert "MISMATCH" in answer.stdout

    record.write_text(text)
    forge(record, lambda p: add_to_accuracy(p, 0.002))
    predictions.unlink()
    (check, _) = bench.verify("mine", results=results).checks
    assert any("predictions.npz cannot be read" in problem for problem in check.problems)
    assert not any("its seal" in problem for problem in check.problems)
    assert [pair.name for pair in check.comparisons if pair.holds is False] == ["test acc"]
    assert check.outcome == "mismatch"


def test_kept_predictions_and_metric_must_agree(results):
    record, predictions = files_of(results, 1)
    forge(record, add_to_accuracy)
    found = bench.verify("mine", results=results, execute=False)
    assert found.exit_code == 1
    assert any("test acc of the kept predictions is" in p for p in found.checks[1].problems)
    content = bytearray(predictions.read_bytes())
    content[len(content) // 2] ^= 1
    predictions.write_bytes(content)
    found = bench.verify("mine", results=results, execute=False)
    assert any("is not what was written: sha256" in p for p in found.checks[1].problems)


def test_a_model_file_that_has_changed_is_not_executed(command, original, results):
    path = original / "mine.py"
    path.write_text(MODEL + "# a later idea\n", encoding="utf-8")
    try:
        answer = command("verify", "mine", "--results", results, cwd=results)
    finally:
        path.write_text(MODEL, encoding="utf-8")
    assert answer.returncode == 1
    assert "mine.py has changed: sha256" in answer.stdout
    assert "not comparable" in answer.stdout
    assert "executing" not in answer.stderr
