"""Provenance: what is recorded about code and machine, and that it costs nearly nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
import torch

from graphlab import __version__
from graphlab.bench import provenance
from graphlab.bench.record import Code, Machine


def run(*command, cwd):
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository that holds a package, with provenance looking at that package."""
    package = tmp_path / "repo" / "graphlab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1\n")
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b")
    run("git", "init", "-q", cwd=package.parent)
    run("git", "add", ".", cwd=package.parent)
    run(*git, "commit", "-qm", "first", cwd=package.parent)
    monkeypatch.setattr(provenance, "_PACKAGE", package)
    for cached in (provenance.collect, provenance.source_digest):
        cached.cache_clear()
    yield package
    for cached in (provenance.collect, provenance.source_digest):
        cached.cache_clear()


def test_groups_fit_the_record_and_json():
    known = provenance.collect()
    here = provenance.runtime("cpu")
    code = Code(**{**known["code"], **here["code"]})
    machine = Machine(**{**known["machine"], **here["machine"]})
    assert code.graphlab == __version__
    assert code.torch == torch.__version__
    assert code.command == tuple(sys.argv)
    assert code.blas
    assert machine.cores >= 1
    assert machine.threads == torch.get_num_threads()
    assert machine.ram_bytes > 1e8
    assert machine.cpu
    json.dumps(known, allow_nan=False)


def test_determinism_level_follows_device_and_switch():
    assert provenance.runtime("cpu")["machine"]["determinism"] == "statistical"
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        assert provenance.runtime("cpu")["machine"]["determinism"] == "exact"
    finally:
        torch.use_deterministic_algorithms(before)


def test_collecting_needs_neither_torch_nor_numpy_and_is_fast():
    code = (
        "import sys, time; t = time.process_time()\n"
        "from graphlab.bench import provenance; provenance.collect()\n"
        "assert time.process_time() - t < 1.0, time.process_time() - t\n"
        "print([n for n in ('torch', 'numpy', 'pandas') if n in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert answer.stdout.strip() == "[]", answer.stderr


def test_second_call_is_free():
    provenance.collect()
    begin = time.perf_counter()
    provenance.collect()
    assert time.perf_counter() - begin < 0.01


def test_clean_and_dirty_repository(repository):
    clean = provenance.collect()["code"]
    assert len(clean["git_commit"]) == 40
    assert clean["git_dirty"] is False
    assert "git_diff_sha256" not in clean
    (repository / "__init__.py").write_text("x = 2\n")
    provenance.collect.cache_clear()
    dirty = provenance.collect()["code"]
    assert dirty["git_dirty"] is True
    assert len(dirty["git_diff_sha256"]) == 64
    (repository / "new.py").write_text("")
    provenance.collect.cache_clear()
    assert provenance.collect()["code"]["git_diff_sha256"] != dirty["git_diff_sha256"]


def test_somebody_elses_repository_around_an_installation_is_not_ours(repository, monkeypatch):
    installed = repository.parent / "venv" / "graphlab"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    monkeypatch.setattr(provenance, "_PACKAGE", installed)
    provenance.collect.cache_clear()
    assert "git_commit" not in provenance.collect()["code"]


def test_no_git_is_no_error(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance._git_state() == {}


def test_source_digest_follows_the_code(repository):
    first = provenance.source_digest()
    (repository / "notes.txt").write_text("not code")
    provenance.source_digest.cache_clear()
    assert provenance.source_digest() == first
    (repository / "__init__.py").write_text("x = 3\n")
    provenance.source_digest.cache_clear()
    assert provenance.source_digest() != first
