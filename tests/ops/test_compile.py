from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphlab.ops import _kernel_cache
from graphlab.ops._compile import Kernel, kernel
from tests.fresh_python import run_code


@kernel
def double(x, out):
    """Double each number."""
    for i in range(x.size):
        out[i] = 2 * x[i]


def test_numba_is_imported_by_the_first_call_and_not_before():
    code = """
import sys, torch
from graphlab.ops import spmm, dropout
import graphlab.nn
spmm([[0], [1]], torch.ones(2, 1), backend="torch")
assert not {"numba", "llvmlite", "scipy"} & set(sys.modules)
spmm([[0], [1]], torch.ones(2, 1))
assert "numba" in sys.modules
"""
    run_code(code)


def test_a_temporary_folder_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(_kernel_cache.tempfile, "gettempdir", lambda: str(tmp_path))
    folder = _kernel_cache.temporary_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        _kernel_cache.temporary_folder()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        _kernel_cache.temporary_folder()


def test_a_changed_part_makes_kept_code_stale(monkeypatch):
    from graphlab.ops._spmm_kernels import sum_rows

    before = _kernel_cache.kernel_cache(sum_rows.function)._cache_file._source_stamp
    _kernel_cache._sources.cache_clear()
    monkeypatch.setattr(Path, "read_bytes", lambda self: b"another source")
    after = _kernel_cache.kernel_cache(sum_rows.function)._cache_file._source_stamp
    _kernel_cache._sources.cache_clear()
    assert before != after


def test_a_disk_that_fills_up_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    fresh = Kernel(double.function)
    x, out = np.arange(3.0), np.zeros(3)
    fresh._build()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fresh._run._cache._cache_file, "save", full)
    monkeypatch.setattr(fresh._run._cache._cache_file, "load", full)
    fresh(x, out)
    assert out.tolist() == [0.0, 2.0, 4.0]


def test_code_for_other_types_under_the_wrong_name_is_not_run(monkeypatch, tmp_path):
    """What two processes may leave behind that compile at the same time."""
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    first = Kernel(double.function)
    for dtype in (np.float32, np.float64):
        first(np.arange(3, dtype=dtype), np.zeros(3, dtype))
    one, two = sorted(tmp_path.rglob("*.nbc"))
    kept = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(kept)
    for dtype in (np.float32, np.float64):
        out = np.zeros(3, dtype)
        Kernel(double.function)(np.arange(3, dtype=dtype), out)
        assert out.tolist() == [0.0, 2.0, 4.0]


INTERPRETED = """
import numba, torch
from graphlab.nn import AdaptivePropagation
from graphlab.ops import dropout, relu_dropout, segment_reduce, spmm
assert numba.config.DISABLE_JIT
torch.manual_seed(0)
edge_index = torch.randint(0, 6, (2, 14))
weight = torch.rand(14, dtype=torch.float64, requires_grad=True)
for width in (1, 9, 40):
    for reduce in ("sum", "mean", "max"):
        results = []
        for backend in ("compiled", "torch"):
            torch.manual_seed(1)
            x = torch.randn(6, width, dtype=torch.float64, requires_grad=True)
            weight.grad = None
            out = spmm(edge_index, x, edge_weight=weight, reduce=reduce, backend=backend)
            (out * out.detach().cos()).sum().backward()
            results.append((out, x.grad, weight.grad))
        for a, b in zip(*results):
            torch.testing.assert_close(a, b)
    for K in (0, 1, 5):
        results = []
        for backend, memory in (("compiled", "fast"), ("compiled", "low"), ("torch", "fast")):
            torch.manual_seed(2)
            prop = AdaptivePropagation(width, K, backend=backend, memory=memory).double()
            z = torch.randn(6, width, dtype=torch.float64).requires_grad_()
            out, gates = prop(z, edge_index, weight.detach(), return_gates=True)
            ((out * out.detach().sin()).sum() + gates[:, -1].sum()).backward()
            results.append((out, gates, z.grad, prop.proj.weight.grad, prop.proj.bias.grad))
        for other in results[:2]:
            for a, b in zip(other, results[2]):
                torch.testing.assert_close(a, b)
    with torch.no_grad():
        torch.testing.assert_close(prop(z, edge_index, weight.detach()), results[2][0])
kept = dropout(torch.ones(500), 0.5)
assert set(kept.tolist()) == {0.0, 2.0} and 150 < int((kept > 0).sum()) < 350
assert relu_dropout(-torch.ones(5), 0.5).sum() == 0
"""


def test_kernels_mean_the_same_when_they_are_not_compiled():
    run_code(INTERPRETED, NUMBA_DISABLE_JIT="1", PYTHONWARNINGS="ignore::RuntimeWarning")
