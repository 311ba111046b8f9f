"""The README and its neighbours: code runs, links lead somewhere, versions agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import graphlab

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [code for kind, code in _BLOCK.findall(page.read_text("utf-8")) if kind == language]


def test_python_of_the_readme_runs_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for number, code in enumerate(blocks(ROOT / "README.md", "python"), 1):
        exec(compile(code, f"README.md, block {number}", "exec"), names)
    assert names["accuracy"].item() > 0.6
    assert list(names["frame"]["status"]) == ["done"] * 4
    assert tuple(names["probabilities"].shape) == (4488, 12)
    assert (tmp_path / "sections" / "model.json").is_file()


def test_python_of_the_readme_is_type_checked(tmp_path):
    from mypy import api

    code = "\n".join(blocks(ROOT / "README.md", "python"))
    file = tmp_path / "readme.py"
    # torch's backward has no annotations
    file.write_text(f"# mypy: allow-untyped-calls\n{code}", encoding="utf-8")
    # the options and the cache of `make lint`: without the cache torch is read anew
    flags = ["--config-file", str(ROOT / "pyproject.toml")]
    report, errors, status = api.run([*flags, "--cache-dir", str(ROOT / ".mypy_cache"), str(file)])
    assert status == 0, report + errors


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8"))
    assert links
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    used = set(re.findall(r"(?:\$ |`)make ([\w-]+)", page.read_text("utf-8")))
    assert used
    assert used <= targets


def test_the_citation_has_the_version():
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.search(r"^version: (.+)$", text, re.MULTILINE)[1] == graphlab.__version__


def test_contributing_states_the_dependency_rule_as_it_is_tested():
    (rows,) = blocks(ROOT / "CONTRIBUTING.md", "text")
    stated = [set(line.split(", ")) for line in rows.splitlines()]
    present = {p.stem for p in (ROOT / "graphlab").iterdir() if not p.name.startswith(("_", "."))}
    present -= {"py"}  # py.typed
    assert set().union(*stated) == present
