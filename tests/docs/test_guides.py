"""What the guides say runs: python blocks are executed, suites are checked, flags exist."""

from __future__ import annotations

import re
import shlex
import typing
from pathlib import Path

import click
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(
    page
    for folder in (".", "guides", "explanation", "methods")
    for page in (DOCS / folder).glob("*.md")
)
_BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(page, language):
    text = page.read_text(encoding="utf-8")
    return [code for kind, code in _BLOCK.findall(text) if kind == language]


def with_blocks(language):
    pages = [page for page in PAGES if blocks(page, language)]
    assert pages, f"no page has a block of {language}"
    return pytest.mark.parametrize("page", pages, ids=lambda page: page.stem)


@with_blocks("python")
def test_python_blocks_run_in_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for number, code in enumerate(blocks(page, "python"), 1):
        place = f"{page.name}, python block {number}"
        file = re.match(r'"""(\w+\.py): ', code)
        if file:  # a block that begins with its file's name is that file
            Path(file[1]).write_text(code, encoding="utf-8")
        exec(compile(code, place, "exec"), names)


@with_blocks("toml")
def test_suites_are_valid(page, tmp_path):
    from graphlab.bench.config import load_suite

    suites = [code for code in blocks(page, "toml") if "[[system]]" in code]
    for code in suites:
        file = tmp_path / "guide.toml"
        file.write_text(code, encoding="utf-8")
        assert load_suite(file).parts


def commands(page):
    lines = "\n".join(blocks(page, "console")).splitlines()
    return [shlex.split(line.strip()[2:], comments=True) for line in lines if "$ " in line[:8]]


@with_blocks("console")
def test_commands_and_flags_exist(page):
    from graphlab.bench.cli import LazyGroup

    for words in commands(page):
        if words[0] != "graphlab-bench":
            assert words[0] in {"make", "pip", "export", "cp", "rm", "python", "cat"}, words
            continue
        command, rest = LazyGroup("graphlab-bench"), words[1:]
        context = click.Context(command)
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            found = command.get_command(context, rest[0])
            assert found is not None, f"{page.name}: {' '.join(words)}"
            command, rest = found, rest[1:]
        known = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)}
        unknown = {word.partition("=")[0] for word in rest if word.startswith("--")} - known
        assert not unknown - {"--help"}, f"{page.name}: {' '.join(words)}"


def first_column(page, heading):
    """Names in back quotes in the first column of the table after a heading."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    return re.findall(r"^\| `([\w-]+)` \|", text.partition("\n## ")[0], re.MULTILINE)


def test_groups_and_statuses_of_the_record_are_those_in_the_guide():
    from graphlab.bench.record import STATUSES, RunRecord

    assert first_column("guides/how-run-works.md", "The record") == list(RunRecord.model_fields)
    text = (DOCS / "guides/how-run-works.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| `result`"))
    assert [name for name in re.findall(r"`([\w-]+)`", row) if name in STATUSES] == list(STATUSES)


@pytest.mark.parametrize("task", ["node", "link"])
def test_every_protocol_is_explained(task):
    from graphlab.registry import find_task

    text = (DOCS / "explanation/protocols.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## The {task} protocols\n")[2].partition("\n## ")[0]
    explained = re.findall(r"^`([\w-]+)`[^\n]*\n: ", section, re.MULTILINE)
    assert sorted(explained) == sorted(find_task(task).protocols)


def test_levels_of_determinism_are_explained():
    from graphlab.bench.record import Machine

    levels = typing.get_args(Machine.model_fields["determinism"].annotation)
    page = "explanation/determinism-and-files.md"
    assert first_column(page, "How equal is equal") == list(levels)


def test_every_figure_of_a_tutorial_is_described():
    for tutorial in (DOCS / "tutorials").glob("plot_*.py"):
        code = tutorial.read_text(encoding="utf-8")
        figures = len(re.findall(r"plt\.(?:subplots|figure|subplot_mosaic)\(", code))
        assert figures
        assert code.count(".set_label(") == figures, tutorial.name
        assert "\n# Exercise\n" in code, tutorial.name


def test_docs_name_only_keys_of_the_bibliography():
    keys = set(re.findall(r"^@\w+\{(\w+),", (DOCS / "references.bib").read_text(), re.MULTILINE))
    cited = {
        key
        for page in PAGES
        for group in re.findall(r"\{cite:\w+\}`([\w,\s]+)`", page.read_text(encoding="utf-8"))
        for key in re.split(r"\s*,\s*", group)
    }
    assert cited <= keys
    package = Path(__file__).resolve().parents[2] / "graphlab"
    in_code = {
        key
        for file in package.rglob("*.py")
        for key in re.findall(r"\[([a-z]+\d{4}\w?)\]_", file.read_text(encoding="utf-8"))
    }
    assert in_code <= keys, "citations of docstrings without an entry in docs/references.bib"
