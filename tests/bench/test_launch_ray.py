"""The Ray launcher without a cluster: what is refused, and files that travel as bytes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from graphlab.bench import launch_ray
from graphlab.bench._ray_task import pack, unpack
from graphlab.bench.cli import main
from graphlab.bench.session import ExecutionOptions
from graphlab.errors import InputError

RUN = ("run", "--model", "mlp", "--dataset", "debdeps", "--seeds", "1")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"launcher": "rai"}, "launcher is 'rai'; expected one of local, ray. Did you mean ray?"),
        ({"address": "auto"}, "only launcher ray takes one"),
        ({"launcher": "ray", "device": "cuda:1"}, "Ray chooses which GPU"),
        ({"launcher": "ray", "device": "mps"}, "device is 'mps'"),
        ({"launcher": "ray", "address": "ray://head:10001"}, "expected HOST:PORT"),
        ({"launcher": "ray", "address": "head"}, "address is 'head'"),
        ({"launcher": "ray", "address": ""}, "address is ''"),
    ],
)
def test_options_that_make_no_sense_are_refused(values, text):
    with pytest.raises(InputError) as caught:
        ExecutionOptions(**values)
    assert text in str(caught.value)


@pytest.mark.parametrize("address", ["auto", "10.0.0.5:6379", "head.cluster:6379", "[::1]:6379"])
def test_addresses_of_clusters(address):
    assert ExecutionOptions(launcher="ray", address=address).address == address


def test_missing_ray_is_told_before_anything_starts(monkeypatch, tmp_path, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "ray" else found(name)
    )
    with pytest.raises(SystemExit) as caught:
        main([*RUN, "--launcher", "ray", "--results", str(tmp_path / "out")])
    assert caught.value.code == 2
    assert 'pip install "graphlab[ray]"' in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*/*/*"))


def test_ray_is_not_imported_before_it_is_used():
    code = f"import sys, {launch_ray.__name__}; print({{'ray', 'torch'}} & set(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"


def test_a_run_folder_travels_without_lock_and_temporary_files(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    for name in ("run.json", "events.jsonl", "run.lock", ".run.json.x.tmp"):
        (here / name).write_text(name)
    files = pack(here)
    assert set(files) == {"run.json", "events.jsonl"}
    there.mkdir()
    (there / "last.ckpt").write_text("of the run before it was finished")
    unpack(there, files)
    assert {path.name for path in there.iterdir()} == {"run.json", "events.jsonl"}
    assert (there / "run.json").read_text() == "run.json"
    assert pack(tmp_path / "missing") == {}


@pytest.mark.parametrize("name", ["../run.json", "a/b", "/etc/x", "..", ".hidden"])
def test_names_that_lead_elsewhere_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="no name of a file"):
        unpack(tmp_path / "run", {"run.json": b"", name: b"x"})
    assert not (tmp_path / "run").exists()
