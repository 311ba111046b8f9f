"""The check-up of a machine."""

from __future__ import annotations

import json

import pytest

from graphlab.bench import cli
from graphlab.bench.checkup import Finding, examine


def by_name(findings):
    return {finding.name: finding for finding in findings}


def test_a_healthy_machine_has_no_failure(tmp_path):
    found = by_name(examine(tmp_path / "results"))
    assert {finding.state for finding in found.values()} <= {"ok", "warn"}
    wanted = {"python", "torch", "numba", "BLAS", "GPU", "cores", "threads", "memory", "results"}
    assert wanted | {"numba cache", "clock", "data root", "locks"} <= set(found)
    assert all(finding.remedy for finding in found.values() if finding.state != "ok")
    assert not (tmp_path / "results").exists()


def test_a_file_in_place_of_the_results_folder_fails_with_a_remedy(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    found = by_name(examine(tmp_path / "file" / "results"))["results"]
    assert found.state == "fail"
    assert found.remedy == "Choose another folder: --results DIR."


def test_a_data_root_that_cannot_be_written_is_a_warning(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    found = by_name(examine(tmp_path, root=str(tmp_path / "file")))["data root"]
    assert found.state == "warn"
    assert "GRAPHLAB_DATA" in found.remedy


def test_a_mirror_that_is_no_folder_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHLAB_DATA_MIRROR", str(tmp_path / "nothing"))
    found = by_name(examine(tmp_path))["data mirror"]
    assert (found.state, found.value) == ("warn", f"{tmp_path / 'nothing'} is not a folder")


def test_too_many_threads_are_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    found = by_name(examine(tmp_path))["threads"]
    assert found.state == "warn"
    assert "OMP_NUM_THREADS=4096" in found.value


@pytest.fixture
def doctor(capsys):
    def call(*arguments):
        with pytest.raises(SystemExit) as caught:
            cli.main(["doctor", *arguments])
        return caught.value.code, capsys.readouterr().out

    return call


def test_the_command_prints_lines_and_a_count(doctor, tmp_path):
    code, out = doctor("--results", str(tmp_path))
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split()[:2] == ["ok", "python"]
    assert lines[-1].endswith(" 0 fail")
    assert "\x1b" not in out


def test_the_command_exits_with_1_when_a_check_fails(doctor, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    code, out = doctor("--results", str(tmp_path / "file"), "--json")
    assert code == 1
    values = json.loads(out)
    assert values["fit"] is False
    states = {finding["name"]: finding["state"] for finding in values["findings"]}
    assert states["results"] == "fail"


def test_a_finding_is_plain_values():
    finding = Finding("clock", "ok", "now")
    assert finding.to_json() == {"name": "clock", "state": "ok", "value": "now", "remedy": ""}
