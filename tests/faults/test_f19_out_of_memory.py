"""F19: a run without memory ends ``out-of-memory``, says so, and the next run goes on."""

from __future__ import annotations

import resource

import pytest
import torch

from graphlab.bench._inputs import CellData
from graphlab.bench.launch import LaunchSummary, execute
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunStore
from tests.faults.launches import by_seed, make_suite


def test_an_address_space_that_is_too_small_ends_one_run_alone(tmp_path):
    """The model limits its process at seed 1 and then wants 8 GB, which the system refuses."""
    plan = make_suite(tmp_path, {"model": "greedy"}, seeds=3)
    summary = execute(plan.cells, results=plan.results, threads=1)
    assert summary == LaunchSummary(executed=3, failed=1)
    records = by_seed(plan)
    assert [records[seed].result.status for seed in range(3)] == ["done", "out-of-memory", "done"]
    error = records[1].result.error
    assert "memory" in error.message
    assert "models.py" in error.log_tail
    assert records[1].data.num_nodes > 4000
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY, "not of this one"


def test_memory_of_a_gpu_is_freed_for_the_next_run(tmp_path, monkeypatch):
    """A fake GPU error: no GPU is needed to see that its cache is emptied and the next run goes."""
    freed = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: freed.append("emptied"))
    plan = make_suite(tmp_path, {"model": "gpu-full"}, seeds=3)
    store, cell = RunStore(plan.results), CellData()
    records = [run_spec(spec, store, cell=cell) for spec in plan.runs]
    assert [r.result.status for r in records] == ["done", "out-of-memory", "done"]
    assert freed == ["emptied"]
    assert records[1].result.error.type == "OutOfMemoryError"
    assert "CUDA out of memory" in records[1].result.error.message
    assert records[1].config == records[0].config, "nothing is changed to make it fit"


@pytest.mark.parametrize("kind", ["greedy", "gpu-full"])
def test_the_seed_of_the_fault_is_the_one_that_is_meant(tmp_path, kind):
    plan = make_suite(tmp_path, {"model": kind}, seeds=[0])
    assert run_spec(plan.runs[0], RunStore(plan.results), cell=CellData()).done
