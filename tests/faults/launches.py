"""Suites, models and processes for the tests of what ends a process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from graphlab.bench.config import load_suite
from graphlab.bench.plan import make_plan
from graphlab.bench.store import RunStore
from graphlab.bench.suite import Overrides

EPOCHS = 120
SUITE = f"""
title = "Three cells"
task = "node"
seeds = 1
datasets = ["debdeps"]
[recipe]
epochs = {EPOCHS}
checkpoint_seconds = 0
[[system]]
model = "mlp"
name = "MLP"
[[system]]
model = "gcn"
name = "GCN"
[[system]]
model = "mlp"
name = "MLP, narrow"
[system.options]
hidden_channels = 8
"""
SIX_CELLS = """
title = "Six cells"
task = "node"
seeds = 1
datasets = ["debdeps"]
[recipe]
epochs = 4
""" + "".join(
    f"""[[system]]
model = "mlp"
name = "MLP {width}"
[system.options]
hidden_channels = {width}
"""
    for width in range(4, 10)
)
MODELS = '''
"""Models that do to their process what no model should."""
from __future__ import annotations
import ctypes, os, resource, signal, time
from pathlib import Path
import torch
from torch import nn
from graphlab.registry import register_model
from graphlab.seeding import derive_seed

def at(seed, epoch):
    """Whether this is a training step of that seed and epoch."""
    return torch.initial_seed() == derive_seed(seed, f"dropout-{epoch}")

@register_model("plain", tasks=("node",), paper="none")
class Plain(nn.Module):
    """A linear layer that prints."""

    def __init__(self, in_channels: int, out_channels: int, width: int = 4) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(in_channels, width), nn.Linear(width, out_channels))
        print("printed by the model", os.environ["OMP_NUM_THREADS"], flush=True)

    def forward(self, x, graph, edge_weight=None):
        return self.layers(x)

@register_model("deadly", tasks=("node",), paper="none")
class Deadly(Plain):
    """Ends its process at some seeds, in epoch 2."""

    def forward(self, x, graph, edge_weight=None):
        if self.training and at(1, 2):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.training and at(2, 2):
            ctypes.string_at(0)  # a segmentation fault
        if self.training and at(3, 2):
            os._exit(3)
        if self.training and at(9, 2):
            time.sleep(600)
        return super().forward(x, graph)

@register_model("slow", tasks=("node",), paper="none")
class Slow(Plain):
    """Takes a while for each step; with 600 it never comes back."""

    def __init__(self, in_channels: int, out_channels: int, seconds: float = 0.1) -> None:
        super().__init__(in_channels, out_channels)
        self.seconds = seconds

    def forward(self, x, graph, edge_weight=None):
        if self.training:
            time.sleep(self.seconds)
        return super().forward(x, graph)

@register_model("greedy", tasks=("node",), paper="none")
class Greedy(Plain):
    """Wants more memory than its process may have, at seed 1."""

    def forward(self, x, graph, edge_weight=None):
        if self.training and at(1, 2):
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            before = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (used + 10**9, before[1]))
            try:
                torch.empty(2**30, dtype=torch.float64)
            finally:
                resource.setrlimit(resource.RLIMIT_AS, before)
        return super().forward(x, graph)

@register_model("gpu-full", tasks=("node",), paper="none")
class GpuFull(Plain):
    """Raises what a full GPU raises, at seed 1."""

    def forward(self, x, graph, edge_weight=None):
        if self.training and at(1, 2):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB.")
        return super().forward(x, graph)

@register_model("meeting", tasks=("node",), paper="none")
class Meeting(Plain):
    """Waits in its constructor until two of its kind are there."""

    def __init__(self, in_channels: int, out_channels: int, place: str = "") -> None:
        super().__init__(in_channels, out_channels)
        (Path(place) / str(os.getpid())).touch()
        end = time.monotonic() + 60
        while len(list(Path(place).iterdir())) < 2:
            if time.monotonic() > end:
                raise TimeoutError("alone")
            time.sleep(0.05)
'''
# The same as the command, with the user's models: `driver.py SUITE.json RESULTS [ray]`
DRIVER = """
import json, sys
from pathlib import Path
from graphlab.bench.config import load_suite
from graphlab.bench import launch, launch_ray
from graphlab.bench.plan import make_plan
from graphlab.bench.suite import Overrides

suite, results = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
files = (Path(sys.argv[1]).with_name("models.py"),)
models = tuple(system["name"] for system in suite["system"])
plan = make_plan(load_suite(suite, overrides=Overrides(files=files, models=models)), results)

def say(event):
    print(json.dumps(event), flush=True)

execute = launch_ray.execute if sys.argv[3:] == ["ray"] else launch.execute
summary = execute(plan.cells, results=plan.results, threads=1, on_event=say)
sys.exit(summary.exit_code)
"""


def environment():
    """The variables of a child process that shall see the packages of this one."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def write_graph(folder):
    """Write a graph of 40 nodes in two classes, with its split, into a new folder."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    label = np.arange(40) % 2
    np.savetxt(folder / "edges.csv", rng.integers(0, 40, (80, 2)), fmt="%d", delimiter=",")
    features = rng.normal(size=(40, 4)) + label[:, None]
    np.savetxt(folder / "features.csv", features, fmt="%.4f", delimiter=",")
    np.savetxt(folder / "labels.csv", label, fmt="%d")
    for name, nodes in (("train", range(14)), ("val", range(14, 27)), ("test", range(27, 40))):
        np.savetxt(folder / f"{name}.csv", list(nodes), fmt="%d")
    return folder


def make_suite(folder, *systems, seeds=2, epochs=3, **recipe):
    """Write a suite of the models above into a folder, and plan it."""
    (folder / "models.py").write_text(MODELS)
    content = {
        "task": "node",
        "datasets": ["debdeps"],
        "seeds": seeds,
        "recipe": {"epochs": epochs, "checkpoint_seconds": 0, **recipe},
        "system": [{"name": f"{s['model']} {i}", **s} for i, s in enumerate(systems)],
    }
    (folder / "suite.json").write_text(json.dumps(content))
    names = tuple(system["name"] for system in content["system"])
    overrides = Overrides(files=(folder / "models.py",), models=names)
    return make_plan(load_suite(content, overrides=overrides), folder / "results")


def start_driver(folder, *launcher):
    """Start the launcher for the suite of a folder, as a process group of its own."""
    (folder / "driver.py").write_text(DRIVER)
    return subprocess.Popen(
        [sys.executable, str(folder / "driver.py"), "suite.json", "results", *launcher],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def start_command(folder, results, *flags, suite="suite.toml"):
    """Start ``graphlab-bench run`` as a process group of its own."""
    command = [sys.executable, "-m", "graphlab.bench.cli", "run", suite]
    return subprocess.Popen(
        [*command, "--results", results, "--threads", "1", *flags],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
        start_new_session=True,
    )


def end(processes):
    """End process groups and close their pipes."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def finish(process):
    """Wait for a command that must end well; return its output."""
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    return output


def plan_of(folder, results, suite="suite.toml"):
    """Plan a suite of a folder as the command does."""
    return make_plan(load_suite(folder / suite), folder / results)


def outcome(record):
    """What must be equal however, where and by whom a run was executed."""
    return record.identity, record.config, record.result, record.data


def wait_for(process, kind, epoch=0):
    """Read the events of a driver until one of this kind comes."""
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == kind and event.get("epoch", 0) >= epoch:
            return
    raise AssertionError(f"no {kind}, exit code {process.wait()}: {process.stderr.read()}")


def worker_of(plan, spec):
    """Return the process id that a run's lock names."""
    return RunStore(plan.results).holder(RunStore(plan.results).folder(spec))["pid"]


def parent_of(pid):
    """Return the process id of a process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def gone_within(pid, seconds):
    """Tell whether a process ends in so many seconds."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def by_seed(plan):
    """Return the records of a plan of one cell by seed."""
    return {r.identity.seed: r for r in RunStore(plan.results).records(plan.runs)}
