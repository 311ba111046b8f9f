"""F4: killed at the end of an epoch and continued: parameters and metrics are equal to the bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from graphlab.datasets import load
from graphlab.registry import find_model, find_task
from graphlab.train import Recipe, Trainer, build_model

TRAININGS = {
    "node": ("gcn", "random-20-30", {}),
    "link": ("ncn", "random-85-5-10", {"batch_size": 400}),
}
RECIPE = Recipe(epochs=5, schedule="plateau", schedule_patience=0, checkpoint_seconds=0)
# One process that has imported everything, and for each epoch a copy of it that is killed there.
CODE = """
import os, sys
from tests.faults.test_f04_resume import fit
from graphlab.testing.faults import kill_at

task, folder = sys.argv[1:]
for epoch in (1, 2, 3):
    copy = os.fork()
    if copy == 0:
        with kill_at(f"epoch:{epoch}"):
            fit(task, f"{folder}/{epoch}")
        os._exit(0)
    print(epoch, os.WTERMSIG(os.waitpid(copy, 0)[1]), flush=True)
"""


def fit(task_name, run_dir=None):
    """Train a model with dropout on a small set."""
    torch.set_num_threads(1)
    name, protocol, options = TRAININGS[task_name]
    card = find_model(name)
    task = find_task(task_name).load()(protocol, **options)
    problem = task.prepare(load("sbm-tiny", task_name), 0, sparse_ok=card.sparse_input)
    kwargs = {**task.model_kwargs(problem), "hidden_channels": 8}
    model = build_model(card, kwargs, 3)
    return model, Trainer().fit(model, task, problem, recipe=RECIPE, seed=3, run_dir=run_dir)


@pytest.mark.parametrize("task", TRAININGS)
def test_killed_at_each_of_three_epochs_and_resumed(task, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, task, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])},
        stdout=subprocess.PIPE,
        text=True,
    )
    model, whole = fit(task)
    assert len({row["val_loss"] for row in whole.history}) == RECIPE.epochs, "nothing is learnt"
    output, _ = process.communicate(timeout=240)
    assert output.split() == ["1", "9", "2", "9", "3", "9"]
    for epoch in (1, 2, 3):
        again, resumed = fit(task, tmp_path / str(epoch))
        assert resumed.resumed_epoch == epoch
        for name, value in model.state_dict().items():
            assert torch.equal(value, again.state_dict()[name]), name
        assert resumed.metrics == whole.metrics
        assert resumed.best_epoch == whole.best_epoch
        assert [_values(row) for row in resumed.history] == [_values(r) for r in whole.history]
        assert torch.equal(resumed.predictions.scores, whole.predictions.scores)


def _values(row):
    return {key: value for key, value in row.items() if key != "grad_norm"}
