"""F21: a results folder that cannot be written ends the command before any training."""

from __future__ import annotations

import os
import subprocess

import pytest

from graphlab.bench import launch

RUN = ("run", "--model", "mlp", "--dataset", "debdeps", "--seeds", "1", "--set", "recipe.epochs=1")


@pytest.fixture(autouse=True)
def _nothing_starts(monkeypatch):
    monkeypatch.setattr(launch, "Worker", None)


def refused(main, folder):
    code, out, err = main(*RUN, "--results", str(folder))
    assert code == 2, out + err
    assert str(folder) in err
    assert "--results DIR" in err
    return err


def test_a_file_in_its_place(main, tmp_path):
    (tmp_path / "results").write_text("a file")
    assert "Not a directory" in refused(main, tmp_path / "results")
    assert (tmp_path / "results").read_text() == "a file"


def test_a_file_above_it(main, tmp_path):
    (tmp_path / "above").write_text("a file")
    assert "Not a directory" in refused(main, tmp_path / "above" / "results")


def test_a_folder_that_takes_no_file(main):
    """Not even the superuser can create a file in /proc."""
    refused(main, "/proc/self/fdinfo")


def test_a_link_to_nowhere(main, tmp_path):
    (tmp_path / "results").symlink_to(tmp_path / "gone" / "far")
    refused(main, tmp_path / "results")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs the superuser")
def test_a_read_only_file_system(main, tmp_path):
    folder = tmp_path / "mounted"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no mount")
    try:
        assert "Read-only" in refused(main, folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_missing_folder_is_made(tmp_path, main, monkeypatch):
    monkeypatch.undo()
    folder = tmp_path / "a" / "b" / "results"
    assert main(*RUN, "--results", str(folder), "--threads", "1")[0] == 0
    assert len(list(folder.glob("*/*/*/run.json"))) == 1
