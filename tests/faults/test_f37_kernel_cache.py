"""F37: compiled kernels are kept where there is a place, and compiled again where there is none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import graphlab
from tests.fresh_python import run_code

PACKAGE = Path(graphlab.__file__).parent
COPY = """
import sys
sys.path.insert(0, {folder!r})
import torch, graphlab
assert graphlab.__file__.startswith({folder!r})
from graphlab.ops import spmm
from graphlab.ops._spmm_kernels import sum_rows
print(spmm([[0], [1]], torch.tensor([[3.0], [0.0]])).tolist(), sum_rows.cache_folder)
"""


def test_read_only_package_and_home_fall_back_to_a_temporary_folder_then_to_none(tmp_path):
    """A plain file stands wherever numba would make a folder: nothing can be written there."""
    copy, temporary = tmp_path / "site", tmp_path / "tmp"
    temporary.mkdir()
    for part in ("ops", "nn"):
        shutil.copytree(
            PACKAGE / part, copy / "graphlab" / part, ignore=shutil.ignore_patterns("__pycache__")
        )
        (copy / "graphlab" / part / "__pycache__").write_text("in the way")
    for file in PACKAGE.glob("*.py"):
        shutil.copy(file, copy / "graphlab")
    blocked = tmp_path / "home"
    blocked.write_text("in the way")
    environment = {
        "HOME": str(blocked),
        "XDG_CACHE_HOME": str(blocked / "cache"),
        "TMPDIR": str(temporary),
        "NUMBA_CACHE_DIR": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONSAFEPATH": "1",
    }
    code = COPY.format(folder=str(copy))
    first = run_code(code, **environment)
    assert first.startswith("[[0.0], [3.0]]")
    kept = list(temporary.rglob("*.nbc"))
    assert len(kept) == 1
    assert str(kept[0].parent) in first
    # a file damaged by a crash, and then no place at all: slower, never wrong
    for file in temporary.rglob("*.nb?"):
        file.write_bytes(b"\\x80torn")
    assert run_code(code, **environment) == first
    assert kept[0].stat().st_size > 100
    shutil.rmtree(temporary / next(temporary.iterdir()).name)
    (temporary / f"graphlab-kernels-{os.getuid()}").write_text("in the way")
    assert run_code(code, **environment) == "[[0.0], [3.0]] None\n"
