"""What an import costs: ``graphlab.models`` is torch and little else."""

from __future__ import annotations

import json
import os
import subprocess
import sys

LIGHT = "import torch"
OURS = "from graphlab.models import DAGNN"
LATE = ("torch_geometric", "pandas", "accelerate", "numba", "scipy", "sklearn", "safetensors")
LIMIT = 1.35


def cpu_seconds(code: str) -> float:
    """User and system time of a fresh interpreter that runs ``code``."""
    child = subprocess.Popen([sys.executable, "-c", code])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, code
    return usage.ru_utime + usage.ru_stime


def test_models_import_in_the_time_of_torch(capsys):
    """The least of several starts of each: other work on the machine only adds to them."""
    torch_alone, ours = [], []
    for _ in range(5):
        torch_alone.append(cpu_seconds(LIGHT))
        ours.append(cpu_seconds(OURS))
        ratio = min(ours) / min(torch_alone)
        if ratio <= LIMIT:
            break
    with capsys.disabled():
        print(
            f"\n{OURS}: {min(ours):.2f} CPU s, {LIGHT}: {min(torch_alone):.2f} CPU s, "
            f"ratio {ratio:.2f} (limit {LIMIT})"
        )
    assert ratio <= LIMIT


def loaded_by(code: str) -> set[str]:
    script = f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_no_other_heavy_library_is_imported():
    names = loaded_by(f"{OURS}; import graphlab.models.pyg")
    assert "torch" in names
    assert sorted(names & set(LATE)) == []
