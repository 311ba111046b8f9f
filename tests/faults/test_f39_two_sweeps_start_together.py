"""F39: two workers of a search start at the same moment; both work and no trial is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend, JournalStorage

from graphlab.bench.search.study import JOURNAL, Study
from tests.faults.launches import write_graph

ASK = """
import sys
from pathlib import Path
from graphlab.bench.search.space import Range
from graphlab.bench.search.study import Claim, Outcome, Study

folder, share = Path(sys.argv[1]), int(sys.argv[2])
space = (Range(name="recipe.lr", low=0.1, high=1.0), Range(name="options.K", choices=(1, 2, 3)))
print("ready", flush=True)
sys.stdin.readline()
study = Study.open(folder, "s", fingerprint="f", make=lambda: ("acc", False, {"recipe.lr": 0.5}))
for _ in range(share):
    claim = study.claim(10_000, space)
    assert isinstance(claim, Claim)
    study.finish(claim, Outcome("done", claim.params["recipe.lr"]))
print("finished", flush=True)
"""


def test_two_processes_make_a_study_together_and_record_sixty_trials_each(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, str(tmp_path), "60"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # both make the study now
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, errors = process.communicate(timeout=120)
        assert (out, process.returncode) == ("finished\n", 0), errors
    storage = JournalStorage(JournalFileBackend(str(tmp_path / JOURNAL)))
    assert len(storage.get_all_studies()) == 1
    trials = optuna.load_study(study_name="s", storage=storage).trials
    assert Counter(trial.state.name for trial in trials) == {"COMPLETE": 120}
    assert [trial.number for trial in trials] == list(range(120))
    assert all(trial.value == trial.params["recipe.lr"] for trial in trials)


@pytest.fixture
def graph(tmp_path):
    """A graph of 40 nodes."""
    return write_graph(tmp_path / "tiny")


def test_two_commands_share_a_study_and_its_final_runs(tmp_path, graph):
    command = [sys.executable, "-m", "graphlab.bench.cli", "sweep", "--model", "mlp"]
    command += ["--data", str(graph), "--set", "recipe.epochs=2", "--threads", "1", "--json"]
    command += ["--trials", "120", "--final-seeds", "2", "--space", "hidden_channels=2:64"]
    processes = [
        subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for _ in range(2)
    ]
    found = []
    for process in processes:
        out, errors = process.communicate(timeout=250)
        assert process.returncode == 0, errors
        found.append(json.loads(out))
    one, other = found
    assert one["study"] == other["study"]
    assert [result["trials"]["finished"] for result in found] == [120, 120]
    shares = [result["trials"]["executed"] for result in found]
    assert sum(shares) == 120
    assert min(shares) > 0
    assert one["best"] == other["best"]
    # each final run was executed by one of them, and both show all
    assert sum(result["final"]["executed"] for result in found) == 2
    assert [len(result["final"]["runs"]) for result in found] == [2, 2]
    rows = Study(tmp_path / "results" / "adhoc" / f"sweep-{one['study']}", one["study"]).rows()
    assert [row.number for row in rows] == list(range(120))
    assert {row.status for row in rows} == {"done"}
