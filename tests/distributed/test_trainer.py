"""F17: two processes (gloo) train one model together; they equal one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from graphlab.io import safe_load

SCRIPT = Path(__file__).with_name("train_links.py")
CLIPPED = {"recipe": {"clip_norm": 0.5, "weight_decay": 1e-3}}
DROPPED = {"net": {"dropout": 0.4, "norm": True}, "recipe": {"epochs": 4, "checkpoint_seconds": 0}}
EXACT = {
    "float64": {"callback": True, **CLIPPED},
    "float32": {"dtype": "float32", "recipe": {"epochs": 6}},
    "ncn": {
        "model": "ncn",
        "net": dict.fromkeys(
            ("dropout", "edge_dropout", "input_dropout", "tail_dropout", "encoder_dropout"), 0.0
        ),
    },
    # some steps have no edge for the second process
    "one edge a step": {"task": {"batch_size": 1}, "recipe": {"epochs": 1}},
}


def start(folder, trainings, processes):
    """Start the script as one process or as several."""
    folder.mkdir(exist_ok=True)
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--nproc_per_node", str(processes)]
    return subprocess.Popen(
        [*command, str(SCRIPT), str(folder), json.dumps(trainings)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    output, _ = process.communicate(timeout=280)
    assert process.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """All trainings of this file, by one process and by two."""
    folder = tmp_path_factory.mktemp("together")
    stopped = {**DROPPED, "run_dir": str(folder / "stopped")}
    trainings = {
        **EXACT,
        "dropped": DROPPED,
        "again": DROPPED,
        "stopped": {**stopped, "stop": 6},
        "resumed": stopped,
        "nan": {"trouble": ["nan", 1, 5]},
        "anomaly": {"trouble": ["nan", 1, 5], "anomaly": True},
        "node": {"node": True},
    }
    both = start(folder / "two", trainings, 2)
    alone = start(folder / "one", {name: trainings[name] for name in (*EXACT, "dropped")}, 1)
    finish(alone)
    finish(both)
    return folder


def found(trained, name, processes=2):
    place = trained / ("one" if processes == 1 else "two")
    outcomes = [json.loads((place / f"{name}-{r}.json").read_text()) for r in range(processes)]
    states = [safe_load(place / f"{name}-{r}.pt") for r in range(processes)]
    return outcomes, states


def same_states(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("name", EXACT)
def test_two_processes_equal_one(trained, name):
    (one,), (state,) = found(trained, name, 1)
    two, states = found(trained, name)
    assert same_states(*states)
    assert two[0]["history"] == two[1]["history"]
    assert two[0]["metrics"] == two[1]["metrics"]
    for key, value in state.items():
        assert torch.allclose(
            states[0][key], value, rtol=1e-6, atol=1e-6 * float(value.abs().max())
        )
    for row, expected in zip(two[0]["history"], one["history"], strict=True):
        assert row == pytest.approx(expected, rel=1e-6)
    assert two[0]["metrics"]["test"] == pytest.approx(one["metrics"]["test"], rel=1e-6)
    assert one["status"] == two[1]["status"] == "done"
    # a training that does nothing would be equal too
    assert one["history"][0]["loss"] != one["history"][-1]["loss"] or len(one["history"]) == 1


def test_each_sample_is_scored_by_one_process_and_counted_once(trained):
    (first, second), _ = found(trained, "float64")
    stages = len(first["history"])
    assert first["evaluated"] == second["evaluated"]
    for samples, own, other in zip(first["evaluated"], first["own"], second["own"], strict=True):
        assert samples == list(range(len(samples)))
        assert not set(own) & set(other)
        assert abs(len(own) - len(other)) <= 1
        assert sorted([*own, *other]) == samples
    assert [len(samples) for samples in first["evaluated"][:stages]] == [101] * stages
    assert len(first["evaluated"][-1]) == 101  # test


def test_process_0_alone_tells_of_the_progress(trained):
    (first, second), _ = found(trained, "float64")
    assert [event["epoch"] for event in first["events"]] == [1, 2, 3]
    assert second["events"] == []
    assert first["rng_unchanged"]
    assert second["rng_unchanged"]


def test_with_dropout_two_processes_are_deterministic_and_agree(trained):
    outcomes, states = found(trained, "dropped")
    again, repeated = found(trained, "again")
    assert same_states(states[0], states[1])
    assert same_states(states[0], repeated[0])
    assert outcomes[0]["history"] == outcomes[1]["history"] == again[0]["history"]
    alone = found(trained, "dropped", 1)[0][0]
    assert outcomes[0]["history"] != alone["history"]  # each draws units of its own part


def test_stopped_in_an_epoch_and_resumed_equals_uninterrupted(trained):
    stopped, _ = found(trained, "stopped")
    assert [outcome["status"] for outcome in stopped] == ["interrupted"] * 2
    resumed, states = found(trained, "resumed")
    whole, expected = found(trained, "dropped")
    steps = 6
    per_epoch = batches_an_epoch()
    assert [outcome["resumed_epoch"] for outcome in resumed] == [(steps - 1) // per_epoch + 1] * 2
    assert steps % per_epoch != 0, "the stop was not inside an epoch"
    assert same_states(states[0], expected[0])
    assert same_states(states[1], expected[1])
    for key in ("metrics", "best_epoch"):
        assert resumed[0][key] == whole[0][key]
    values = [[row["val_loss"] for row in o["history"]] for o in (resumed[0], whole[0])]
    assert values[0] == values[1]


def batches_an_epoch():
    from graphlab.datasets import load
    from graphlab.tasks import LinkPrediction

    task = LinkPrediction("random-85-5-10", batch_size=61)
    return len(list(task.train_batches(task.prepare(load("sbm-tiny", "link"), seed=0), 1)))


def test_nan_in_one_process_ends_all_of_them_and_names_the_step(trained):
    outcomes, _ = found(trained, "nan")
    epoch, step = (5 - 1) // batches_an_epoch() + 1, (5 - 1) % batches_an_epoch() + 1
    for outcome in outcomes:
        assert outcome["error"] == "TrainingDiverged"
        assert f"at epoch {epoch}, step {step}" in outcome["message"]
    for outcome in found(trained, "anomaly")[0]:
        assert outcome["error"] == "TrainingDiverged"
        assert "The gradient of" in outcome["message"]
        assert f"at epoch {epoch}, step {step}" in outcome["message"]


def test_full_batch_task_is_refused_with_the_reason(trained):
    for outcome in found(trained, "node")[0]:
        assert outcome["error"] == "ConfigError"
        assert "in one batch, which 2 processes cannot share" in outcome["message"]


@pytest.mark.parametrize("kind", ["kill", "error"])
def test_failure_of_one_process_ends_all(tmp_path, kind):
    process = start(tmp_path / "out", {"one": {"trouble": [kind, 1, 2]}}, 2)
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert ("SIGKILL" if kind == "kill" else "trouble on purpose") in output
    assert not list((tmp_path / "out").glob("*-1.json"))
