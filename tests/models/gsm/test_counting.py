"""Training on a synthetic task: the hybrid against its two parts."""

from __future__ import annotations

import pytest
import torch

from graphlab.datasets import GSMTasks
from graphlab.models import GSM
from graphlab.tokenizers import Node

ENCODERS = {"transformer": 2, "ssd": 2, "hybrid": 1}  # and their blocks
WIDTH, STEPS, BATCH = 32, 400, 64


def accuracy(global_encoder, seed, *, steps=STEPS):
    """Test accuracy on colour counting, without positions and without a local encoder."""
    torch.manual_seed(seed)
    train, test = (GSMTasks("color_count", split, "10K", seed) for split in ("train", "test"))
    model = GSM(
        16,
        41,
        WIDTH,
        tokenizer=Node(),
        local="identity",
        global_encoder=global_encoder,
        num_blocks=ENCODERS[global_encoder],
        level="graph",
        dropout=0.0,
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, steps, pct_start=0.05)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        batch = train.batch(torch.randint(len(train), (BATCH,), generator=generator))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(batch), batch.y).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        batch = test.batch(range(len(test)))
        return (model.eval()(batch).argmax(1) == batch.y).float().mean().item()


def test_every_encoder_learns_something():
    """Always the most frequent count is right for a quarter of the graphs."""
    always = GSMTasks("color_count", "test", "10K").y.bincount().max().item() / 1000
    assert always < 0.35
    for name in ENCODERS:
        assert accuracy(name, 0, steps=60) > always - 0.05, name


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_hybrid_is_not_behind_the_better_of_its_parts(capsys):
    found = {name: sum(accuracy(name, seed) for seed in range(3)) / 3 for name in ENCODERS}
    with capsys.disabled():
        print("\ncolor_count, test accuracy, mean of 3 seeds:", found)
    assert found["hybrid"] > max(found["transformer"], found["ssd"]) - 0.03
