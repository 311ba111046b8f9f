"""``run --devices 2``, and the same command below ``torch.distributed.run``."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graphlab.bench import cli
from graphlab.bench.store import RunStore

MODELS = '''
"""Link models for tests of several processes."""
from __future__ import annotations
import os, signal, time
import torch
from torch import nn
from graphlab.registry import register_model

@register_model("plain", tasks=("link",), paper="none")
class Plain(nn.Module):
    """Inner products of a linear layer; may take its time, or end a process."""

    def __init__(self, in_channels: int, width: int = 4, seconds: float = 0.0,
                 deadly: bool = False) -> None:
        super().__init__()
        self.layer = nn.Linear(in_channels, width)
        self.seconds, self.deadly, self.steps = seconds, deadly, 0

    def encode(self, x, graph):
        if self.training:
            time.sleep(self.seconds)
            self.steps += 1
            if self.deadly and self.steps == 3 and os.environ["RANK"] == "1":
                os.kill(os.getpid(), signal.SIGKILL)
        return self.layer(x)

    def score(self, h, graph, pairs):
        return (h[pairs[0]] * h[pairs[1]]).sum(1)
'''
FLAGS = [
    "--task",
    "link",
    "--protocol",
    "random-85-5-10",
    "--dataset",
    "sbm-tiny",
    "--threads",
    "1",
]
PLAIN = [*FLAGS, "--file", "models.py", "--model", "plain"]
SHORT = ["--set", "recipe.epochs=4", "--set", "task_options.batch_size=300"]


@pytest.fixture
def start(tmp_path):
    """Return a function that starts ``run`` as a process group of its own."""
    (tmp_path / "models.py").write_text(MODELS)
    started = []

    def command(*flags, together=False):
        before = ["-m", "torch.distributed.run", "--nproc_per_node", "2"] if together else []
        process = subprocess.Popen(
            [sys.executable, *before, "-m", "graphlab.bench.cli", "run", *flags],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield command
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()


def finish(process, code=0):
    output, _ = process.communicate(timeout=200)
    assert process.returncode == code, output
    return output


def records(folder):
    return RunStore(folder / "adhoc").records()


def members(folder):
    """Processes that work in a folder; torch puts those it starts into groups of their own."""
    alive = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if (entry / "cwd").readlink() == folder:
                    alive.append(int(entry.name))
    return alive


def assert_all_gone(folder, seconds=5.0):
    end = time.monotonic() + seconds
    while members(folder) and time.monotonic() < end:
        time.sleep(0.05)
    assert not members(folder), "a process was left behind"


def test_devices_and_processes_started_together_give_one_record(start, tmp_path):
    flags = [*FLAGS, "--model", "gae", "--model", "cn", "--seeds", "2", *SHORT]
    commands = [
        start(*flags, "--devices", "2", "--results", "a"),
        start(*flags, "--results", "b", together=True),
        start(*flags, "--results", "c"),
    ]
    for process in commands:
        finish(process)
    assert_all_gone(tmp_path)
    both, together, alone = (records(tmp_path / name) for name in "abc")
    assert len(both) == len(together) == len(alone) == 4
    for one, other, single in zip(both, together, alone, strict=True):
        assert one.identity == other.identity == single.identity
        assert one.config == other.config == single.config
        assert one.result.metrics == other.result.metrics
        assert one.result.best_epoch == other.result.best_epoch
        assert one.result.warnings.count == 0
        assert [r.machine.processes for r in (one, other, single)] == [2, 2, 1]
        if one.config.model == "cn":
            assert one.result.metrics == single.result.metrics
    assert {r.result.status for r in [*both, *together]} == {"done"}
    # without dropout as one process would do it, up to rounding
    flags = [*PLAIN, "--seed", "0", *SHORT]
    for name, more in (("d", ["--devices", "2"]), ("e", [])):
        finish(start(*flags, "--results", name, *more))
    (two,), (one,) = records(tmp_path / "d"), records(tmp_path / "e")
    assert two.result.metrics["test"] == pytest.approx(one.result.metrics["test"], rel=1e-6)
    assert "Executed 0 runs" in finish(start(*flags, "--results", "d", "--devices", "2"))
    assert "Executed 0 runs" in finish(start(*flags, "--results", "e", together=True))


def test_a_process_that_dies_fails_its_run_and_the_suite_goes_on(start, tmp_path):
    (tmp_path / "suite.toml").write_text(
        'task = "link"\nprotocol = "random-85-5-10"\ndatasets = ["sbm-tiny"]\nseeds = 2\n'
        '[[system]]\nmodel = "plain"\nname = "deadly"\noptions = {deadly = true}\n'
        '[[system]]\nmodel = "plain"\n'
    )
    flags = ["suite.toml", "--file", "models.py", "--devices", "2", "--threads", "1", *SHORT]
    process = start(*flags, "--results", "a")
    finish(process, code=1)
    assert_all_gone(tmp_path)
    found = RunStore(tmp_path / "a" / "suite").records()
    assert len(found) == 4
    for record in found:
        if record.identity.system == "deadly":
            assert record.result.status == "failed"
            message = record.result.error.message
            assert "Process 1 of the 2 that trained together was ended by signal 9" in message
        else:
            assert record.result.status == "done"


@pytest.mark.parametrize("together", [False, True])
def test_interrupted_and_continued_equals_undisturbed(start, tmp_path, together):
    more = [] if together else ["--devices", "2"]
    slow = ["--set", "options.seconds=0.1", "--set", "recipe.checkpoint_seconds=0"]
    flags = [*PLAIN, "--seed", "0", *SHORT, *more, *slow]
    whole = start(*flags, "--results", "whole", together=together)
    process = start(*flags, "--results", "parts", together=together)
    end = time.monotonic() + 120
    while not list((tmp_path / "parts").rglob("last.ckpt")):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    output, _ = process.communicate(timeout=120)
    assert process.returncode in ({1, 130} if together else {130}), output
    assert "Interrupted" in output
    assert not list((tmp_path / "parts").rglob("run.json"))
    finish(whole)
    finish(start(*flags, "--results", "parts", together=together))
    (expected,), (record,) = records(tmp_path / "whole"), records(tmp_path / "parts")
    assert_all_gone(tmp_path)
    assert record.lineage.resumed_times == 1
    assert record.result.metrics == expected.result.metrics
    assert record.result.best_epoch == expected.result.best_epoch


def test_killed_launcher_leaves_no_process_behind(start, tmp_path):
    slow = ["--set", "options.seconds=0.2", "--set", "recipe.checkpoint_seconds=0"]
    process = start(*PLAIN, "--seed", "0", "--devices", "2", *slow, "--results", "a")
    end = time.monotonic() + 120
    while not list((tmp_path / "a").rglob("last.ckpt")):
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end
        time.sleep(0.01)
    assert len(members(tmp_path)) == 3  # launcher, worker, follower
    process.kill()
    assert_all_gone(tmp_path)


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["quick", "--devices", "2"], "the task node trains on the whole graph in one batch"),
        ([*FLAGS, "--model", "gae", "--devices", "0"], "devices must lie in 1..1024 (got 0)"),
        ([*FLAGS, "--model", "gae", "--devices", "2", "--device", "cuda:1"], "not cuda:1"),
    ],
)
def test_what_cannot_be_shared_is_refused_before_anything_starts(flags, text, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", *flags, "--results", str(tmp_path / "out")])
    assert caught.value.code == 2
    assert text in " ".join(capsys.readouterr().err.split())
    assert not list((tmp_path / "out").rglob("config.json"))


def test_json_is_written_by_one_process(start, tmp_path):
    flags = [*FLAGS, "--model", "cn", "--seed", "0", "--results", "a", "--json"]
    output = finish(start(*flags, together=True))
    values = json.loads(output[output.index("{") : output.rindex("}") + 1])
    assert values["executed"] == 1


@pytest.mark.parametrize("how", [{"together": True}, {}])
def test_processes_that_met_are_not_taken_apart(how, start, tmp_path):
    """What is left of their connections has aborted a process after its work was done."""
    with (tmp_path / "models.py").open("a") as models:
        models.write(
            "\nclass Lingering:\n    def __del__(self, abort=os.abort):\n        abort()\n"
            "\nlingering = Lingering()\n"
        )
    devices = [] if how else ["--devices", "2"]
    finish(start(*PLAIN, *SHORT, "--seed", "0", "--results", "a", *devices, **how), code=0)
    assert [one.result.status for one in records(tmp_path / "a")] == ["done"]
