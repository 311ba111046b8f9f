"""F6: a worker that crashes or is killed takes its own run with it, and no other."""

from __future__ import annotations

import signal

from graphlab.bench.launch import LaunchSummary, execute
from graphlab.bench.store import RunStore
from tests.faults.launches import SUITE, by_seed, make_suite

SUICIDAL = '''
"""A model that ends its process."""
import os, signal
import torch
from torch import nn
from graphlab.registry import register_model
from graphlab.seeding import derive_seed

@register_model("suicidal", tasks=("node",), paper="none")
class Suicidal(nn.Module):
    """A linear layer; at seed 1 it ends its process."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.layer = nn.Linear(in_channels, out_channels)

    def forward(self, x, graph, edge_weight=None):
        if torch.initial_seed() == derive_seed(1, "dropout-3"):
            os.kill(os.getpid(), signal.SIGKILL)
        return self.layer(x)
'''


def test_a_worker_that_dies_takes_its_own_run_with_it(tmp_path):
    """Killed, crashed and left at three seeds; those before, between and after are done."""
    plan = make_suite(tmp_path, {"model": "deadly"}, seeds=5)
    summary = execute(plan.cells, results=plan.results, threads=1)
    assert summary == LaunchSummary(executed=5, failed=3)
    assert summary.exit_code == 1
    records = by_seed(plan)
    assert [records[seed].result.status for seed in range(5)] == ["done", *["failed"] * 3, "done"]
    errors = {seed: records[seed].result.error for seed in (1, 2, 3)}
    assert {error.type for error in errors.values()} == {"WorkerDied"}
    assert [errors[seed].signal for seed in (1, 2, 3)] == [signal.SIGKILL, signal.SIGSEGV, None]
    for seed, text in ((1, "SIGKILL"), (2, "SIGSEGV"), (3, "code 3")):
        assert text in errors[seed].message
        assert errors[seed].epoch == 1
    assert "models.py" in errors[2].log_tail, "the stack of the crash must be in the log"
    assert records[1].code.graphlab == records[0].code.graphlab
    assert records[1].lineage.started is not None
    again = execute(plan.cells, results=plan.results, threads=1)
    assert again == LaunchSummary(), "a failed run is finished too, unless asked for"


def test_a_worker_that_cannot_start_is_told(monkeypatch, tmp_path):
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "torch.py").write_text("raise ImportError('no torch today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shadow"))
    plan = make_suite(tmp_path, {"model": "plain"}, seeds=1)
    assert execute(plan.cells, results=plan.results).failed == 1
    error = by_seed(plan)[0].result.error
    assert "no torch today" in error.message + error.log_tail


def test_model_that_kills_its_process_fails_alone(place, start):
    (place / "suite.toml").write_text(SUITE)
    (place / "suicidal.py").write_text(SUICIDAL)
    flags = ("--file", "suicidal.py", "--model", "suicidal", "--model", "MLP, narrow")
    process = start("out", *flags, "--seeds", "2", "--set", "recipe.epochs=5")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "SIGKILL" in output
    records = {}
    for record in RunStore(next((place / "out").iterdir())).records():
        records[record.config.model, record.identity.seed] = record.result
    assert len(records) == 4
    failed = [key for key, result in records.items() if result.status != "done"]
    assert failed == [("suicidal", 1)]
    assert records["suicidal", 1].error.signal == signal.SIGKILL
