"""F9, F11: a loss that is NaN, and a gradient that is while the loss is not."""

from __future__ import annotations

import pytest

import graphlab.bench
from graphlab.bench.journal import read_history
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunStore

MODELS = '''
"""Models that go wrong in training."""
from __future__ import annotations
import math
import torch
from torch import nn
from graphlab.registry import register_model
from graphlab.seeding import derive_seed

@register_model("diverging", tasks=("node",), paper="none")
class Diverging(nn.Module):
    """Has a NaN loss at seed 1, in epoch 2."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.layer = nn.Linear(in_channels, out_channels)

    def forward(self, x, graph, edge_weight=None):
        scores = self.layer(x)
        if self.training and torch.initial_seed() == derive_seed(1, "dropout-2"):
            scores = scores * math.nan
        return scores

class Spike(torch.autograd.Function):
    """The identity, with a gradient of infinity."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad * math.inf

@register_model("exploding", tasks=("node",), paper="none")
class Exploding(Diverging):
    """Its loss is finite in the first step, its gradient is not."""

    def forward(self, x, graph, edge_weight=None):
        return Spike.apply(self.layer(x))
'''


def run(tmp_path, *models, **given):
    (tmp_path / "models.py").write_text(MODELS)
    return graphlab.bench.run(
        models=models,
        datasets="debdeps",
        files=tmp_path / "models.py",
        results=tmp_path / "results",
        settings={"recipe.epochs": 4},
        **given,
    )


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    """Three seeds of a model that diverges at one of them, and of one that does not."""
    return run(tmp_path_factory.mktemp("suite"), "diverging", "mlp", seeds=3)


def test_nan_loss_ends_one_run_and_the_suite_goes_on(suite):
    result = suite
    assert (result.executed, result.exit_code) == (6, 1)
    outcomes = {(r.config.model, r.identity.seed): r.result for r in result}
    assert outcomes.pop(("diverging", 1)).status == "diverged"
    assert {found.status for found in outcomes.values()} == {"done"}
    record = next(r for r in result if r.result.status == "diverged")
    assert record.result.error.epoch == 2
    assert "The training loss is nan at epoch 2, step 1." in record.result.error.message
    assert record.result.metrics == {}
    for text in (result.table.to_text(120), result.table.to_markdown(), result.table.to_latex()):
        assert "div. 1/3" in text.replace("~", " ")


def test_exploding_gradient_is_named_when_asked_for(tmp_path):
    result = run(tmp_path, "exploding", seed=0, detect_anomaly=True)
    (record,) = result
    assert record.result.status == "diverged"
    message = "The gradient of layer.weight is not finite at epoch 1, step 1."
    assert message in record.result.error.message
    # without the check it is seen one step later, and cannot be named
    record = run_spec(result.plan.runs[0], RunStore(result.results), threads=1)
    assert record.result.status == "diverged"
    assert "gradient" not in record.result.error.message
    assert record.result.error.epoch in {1, 2}


def test_gradient_norm_is_in_the_events_by_default(suite):
    (spec,) = [run for run in suite.plan.runs if (run.model, run.seed) == ("mlp", 0)]
    rows = read_history(RunStore(suite.results).folder(spec))
    assert len(rows) == 4
    assert all(row["grad_norm"] > 0 for row in rows)
