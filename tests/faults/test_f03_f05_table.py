"""F3, F5: a command that is interrupted prints the table of what there is, and how to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

MODEL = '''
import time
import torch
from graphlab.registry import register_model


@register_model("tiny", tasks=("node",), paper="none")
class Tiny(torch.nn.Module):
    """A linear layer."""

    def __init__(self, in_channels: int, out_channels: int, pause: float = 0.0) -> None:
        super().__init__()
        self.pause = pause
        self.lin = torch.nn.Linear(in_channels, out_channels)

    def forward(self, x, graph, edge_weight=None):
        time.sleep(self.pause)
        return self.lin(x)
'''


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_prints_the_table_of_what_there_is(tmp_path, number, code):
    (tmp_path / "tiny.py").write_text(MODEL, encoding="utf-8")
    arguments = ["--file", "tiny.py", "--dataset", "karate", "--results", f"signal{code}"]
    settings = ["--set", "options.pause=0.02", "--set", "recipe.epochs=100000", "--seeds", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "graphlab.bench.cli", "run", *arguments, *settings],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    try:
        events = tmp_path / f"signal{code}" / "adhoc"
        deadline = time.monotonic() + 60

        def trained():  # only then is there a state to keep
            files = events.glob("*/0/events.jsonl")
            return any('"evaluation"' in file.read_text(encoding="utf-8") for file in files)

        while not trained() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code, err
    assert "n=0 of 2" in out
    assert "Interrupted. The same command continues where this one stopped." in out
    assert list(events.glob("*/0/last.ckpt"))
    assert not list(events.glob("*/*/run.json"))
