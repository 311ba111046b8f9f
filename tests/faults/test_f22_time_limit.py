"""F22: a run that takes too long ends ``timeout`` with metrics, one that hangs with its stack."""

from __future__ import annotations

import json
import signal

import pytest

from graphlab.bench import _worker
from graphlab.bench._death import death_record
from graphlab.bench._inputs import CellData
from graphlab.bench.launch import LaunchSummary, execute
from graphlab.bench.record import Failure
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunStore
from tests.faults.launches import by_seed, make_suite


def test_the_metrics_are_those_of_the_best_epoch_so_far(tmp_path):
    plan = make_suite(tmp_path, {"model": "slow"}, seeds=1, epochs=1000, max_seconds=1.5)
    store = RunStore(plan.results)
    record = run_spec(plan.runs[0], store, cell=CellData())
    result = record.result
    assert result.status == "timeout"
    assert 2 < result.epochs_run < 100
    history = store.history(store.folder(plan.runs[0]))
    best = min(history, key=lambda row: row["val_loss"])
    assert result.best_epoch == best["epoch"]
    assert result.metrics["val"] == {"acc": best["val_acc"], "loss": best["val_loss"]}
    assert result.error.type == "Timeout"
    assert "1.5 seconds" in result.error.message
    assert f"epoch {result.best_epoch}" in result.error.message
    whole = make_suite(tmp_path, {"model": "slow"}, seeds=1, epochs=result.epochs_run)
    same = run_spec(whole.runs[0], RunStore(tmp_path / "whole"), cell=CellData()).result
    assert same.status == "done"
    assert result.metrics == same.metrics, "as of a run with so many epochs"


def test_the_command_shows_the_metrics_of_a_run_out_of_time(tmp_path, place, start):
    make_suite(place, {"model": "slow"})
    flags = ("--file", "models.py", "--model", "slow", "--seeds", "1", "--max-seconds", "1")
    (place / "suite.toml").write_text(
        'task = "node"\ndatasets = ["debdeps"]\n[[system]]\nmodel = "mlp"\n'
    )
    process = start("out", *flags, "--set", "recipe.epochs=1000")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    said = " ".join(output.split())
    assert "slow on debdeps, seed 0: timeout: The 1 seconds of this run were over" in said
    assert "Test: acc " in said
    (path,) = (place / "out").glob("*/*/0/run.json")
    assert json.loads(path.read_text())["result"]["metrics"]["test"]["acc"] > 0


def test_a_run_that_hangs_in_a_step_is_ended_with_its_stack_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(_worker, "_HUNG_SECONDS", 0.5)
    plan = make_suite(tmp_path, {"model": "deadly"}, seeds=[9, 0], max_seconds=1.0)
    assert execute(plan.cells, results=plan.results) == LaunchSummary(executed=2, failed=1)
    records = by_seed(plan)
    assert records[0].done, "the next seed runs in a new process"
    result = records[9].result
    assert result.status == "timeout"
    assert result.error.type == "Timeout"
    assert set(result.metrics["val"]) == {"acc", "loss"}, "those of epoch 1"
    assert result.best_epoch == result.epochs_run == 1
    log = (RunStore(plan.results).folder(plan.runs[0]) / "log.txt").read_text()
    assert "most recent call first" in log
    assert "in forward" in log
    assert "models.py" in log
    assert "models.py" in result.error.log_tail


@pytest.mark.parametrize(
    ("recipe", "epoch"),
    [
        ({"monitor": "loss"}, 2),
        ({"monitor": "acc"}, 1),
        ({"monitor": "metric", "ties": "last"}, 3),
        ({"select": "last"}, 4),
    ],
)
def test_the_epoch_of_a_run_that_hung_is_chosen_as_the_recipe_does(tmp_path, recipe, epoch):
    plan = make_suite(tmp_path, {"model": "plain"}, seeds=1, **recipe)
    spec, folder = plan.runs[0], RunStore(plan.results).folder(plan.runs[0])
    folder.mkdir(parents=True)
    losses, accuracies = (0.9, 0.5, 0.7), (0.8, 0.6, 0.8)
    (folder / "events.jsonl").write_text(
        "".join(
            json.dumps({"event": "evaluation", "epoch": i, "val_loss": a, "val_acc": b}) + "\n"
            for i, (a, b) in enumerate(zip(losses, accuracies, strict=True), 1)
        )
    )
    heard = {"epoch": 4, "val_loss": 0.8, "val_acc": 0.1}  # told, not written
    job = {"known": {"code": {}, "machine": {}}, "threads": 1, "device": "cpu"}
    reason = Failure(type="Timeout", message="hung", signal=signal.SIGKILL)
    result = death_record(spec, folder, job, reason, hung=True, heard=heard).result
    assert result.best_epoch == epoch
    assert result.epochs_run == 4
    expected = [*zip(losses, accuracies, strict=True), (0.8, 0.1)][epoch - 1]
    assert (result.metrics["val"]["loss"], result.metrics["val"]["acc"]) == expected
