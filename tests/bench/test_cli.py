"""The command line: start-up, help, errors as one line, exit codes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import types

import click
import pytest

from graphlab import __version__
from graphlab.bench import cli
from graphlab.errors import ConfigError, DatasetNotFound, GraphlabError

HELP_SECONDS = 0.25
NO_HEAVY = (
    "import sys\n"
    "from graphlab.bench.cli import main\n"
    "try:\n"
    "    main(sys.argv[1:])\n"
    "except SystemExit as end:\n"
    "    heavy = {'torch', 'numpy', 'pandas', 'scipy', 'numba', 'matplotlib'} & set(sys.modules)\n"
    "    assert not heavy, heavy\n"
    "    sys.exit(end.code)\n"
)


def call(*arguments, env=None, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "graphlab.bench.cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
        cwd=cwd,
    )


def run_main(capsys, *arguments):
    """Call ``main`` in this process: (exit code, output, errors)."""
    with pytest.raises(SystemExit) as caught:
        cli.main(list(arguments))
    out = capsys.readouterr()
    return caught.value.code, out.out, out.err


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_help_is_fast(arguments):
    best = float("inf")
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = call(*arguments)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0, done.stderr
        used = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
        best = min(best, used)
    assert best < HELP_SECONDS


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["list"], ["list", "--json"]]
)
def test_help_and_list_load_nothing_heavy(arguments):
    done = subprocess.run(
        [sys.executable, "-c", NO_HEAVY, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_help_names_every_command(capsys):
    code, out, _ = run_main(capsys, "--help")
    assert code == 0
    for name, (_, line) in cli.COMMANDS.items():
        assert name in out
        assert line.split(",")[0] in out


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help(capsys, name):
    code, out, _ = run_main(capsys, name, "--help")
    assert code == 0
    assert "Usage: graphlab-bench" in out


def test_version(capsys):
    assert run_main(capsys, "--version") == (0, f"graphlab {__version__}\n", "")


@pytest.mark.parametrize("name", ["LIST", "List", "lIsT"])
def test_command_names_are_case_insensitive(capsys, name):
    code, out, _ = run_main(capsys, name, "tasks")
    assert code == 0
    assert "node" in out


def test_options_take_both_dashes_and_any_case(capsys, tmp_path):
    arguments = ["run", "--Model", "mlp", "--dataset", "karate", "--DRY_RUN"]
    code, out, _ = run_main(capsys, *arguments, "--results", str(tmp_path))
    assert code == 0
    assert "3 to run" in out


@pytest.mark.parametrize(
    ("typed", "meant"), [("rnu", "run"), ("lst", "list"), ("docter", "doctor"), ("dat", "data")]
)
def test_a_near_miss_is_suggested(capsys, typed, meant):
    code, out, err = run_main(capsys, typed)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {typed} is not a command. Did you mean {meant}?\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "--sedes", "3"], "error: No such option '--sedes'."),
        (["run", "--seeds", "three"], "error: Invalid value for '--seeds'"),
        (["run", "a", "b"], "error: Got unexpected extra argument (b)"),
        (["run", "--set", "lr"], "error: --set lr: expected NAME=VALUE"),
        (["run", "--jobs", "0"], "error: jobs must lie in 1..1024 (got 0)."),
        (["run", "--threads", "-1"], "error: threads must lie in 1..1024 (got -1)."),
        (["run", "--device", "gpu"], "error: device is 'gpu'; expected cpu, cuda, cuda:N or mps."),
        (["run", "--rerun", "fail"], "error: rerun is 'fail'; expected one of failed, stale, all."),
        (["run", "nosuch.toml"], "error: nosuch.toml: no such file."),
        (["list", "modles"], "error: modles cannot be listed. Did you mean models?"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, arguments, expected):
    code, out, err = run_main(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(expected)
    assert "Traceback" not in err


@pytest.fixture
def failing(monkeypatch):
    """Add a command ``fail`` that raises a chosen error."""

    def add(error):
        def fail():
            raise error

        module = types.ModuleType("failing_command")
        module.command = click.Command("fail", callback=fail)
        monkeypatch.setitem(sys.modules, "failing_command", module)
        monkeypatch.setitem(cli.COMMANDS, "fail", ("failing_command", "Fail."))

    return add


@pytest.mark.parametrize(
    ("error", "code", "expected"),
    [
        (ConfigError(["one\nline", "two"]), 2, "error: one line\nerror: two\n2 problems; nothing"),
        (ConfigError("alone"), 2, "error: alone\n"),
        (DatasetNotFound("no\n  data"), 2, "error: no data\n"),
        (GraphlabError("plain"), 2, "error: plain\n"),
        (KeyboardInterrupt(), 130, "Interrupted.\n"),
        (OSError(28, "No space left on device", "/dev/full"), 1, "error: /dev/full: No space left"),
        (ValueError("a bug"), 1, "error: internal: ValueError: a bug ("),
    ],
    ids=["problems", "problem", "data", "own", "interrupt", "disk", "bug"],
)
def test_every_error_has_its_line_and_code(capsys, failing, error, code, expected):
    failing(error)
    found, out, err = run_main(capsys, "fail")
    assert (found, out) == (code, "")
    assert err.lstrip("\n").startswith(expected)
    assert "Traceback" not in err


def test_a_full_disk_names_the_free_bytes(capsys, failing, tmp_path):
    failing(OSError(28, "No space left on device", str(tmp_path / "run.json")))
    _, _, err = run_main(capsys, "fail")
    assert f"bytes free at {tmp_path}" in err
    assert "Earlier results are intact" in err


@pytest.mark.parametrize("arguments", [["--debug", "fail"], ["fail", "--debug"]])
def test_debug_shows_the_traceback(capsys, failing, arguments):
    failing(ValueError("a bug"))
    code, _, err = run_main(capsys, *arguments)
    assert code == 1
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("error: internal: ValueError: a bug")


def test_the_module_and_the_console_script_are_the_same_command():
    from importlib import metadata

    (script,) = metadata.entry_points(group="console_scripts", name="graphlab-bench")
    assert script.load() is cli.main
    done = call("--version")
    assert (done.returncode, done.stdout) == (0, f"graphlab {__version__}\n")


ENVIRONMENTS = {
    "C locale": {"LC_ALL": "C", "LANG": "C"},
    "ascii output": {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    "no colour": {"NO_COLOR": "1", "FORCE_COLOR": ""},
    "dumb terminal": {"TERM": "dumb"},
    "no home": {"HOME": "/nonexistent", "XDG_CACHE_HOME": ""},
    "narrow": {"COLUMNS": "20"},
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_plan_of_a_suite_with_strange_names_prints_in_any_environment(tmp_path, name):
    folder = tmp_path / "ein Ordner"
    folder.mkdir()
    suite = folder / "größe 😀.toml"
    suite.write_text(
        'title = "\u00e9 \u202e \U0001f600"\ntask = "node"\ndatasets = ["karate"]\n'
        '[[system]]\nmodel = "mlp"\nname = "<b>\\u001b[31m\U0001f600"\n',
        encoding="utf-8",
    )
    done = call("run", suite.name, "--dry-run", env=ENVIRONMENTS[name], cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "3 to run" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout


@pytest.mark.parametrize("kind", ["models", "datasets", "tasks", "suites", "protocols"])
def test_lists_are_tables_and_json(capsys, kind):
    code, out, _ = run_main(capsys, "list", kind, "--json")
    assert code == 0
    rows = json.loads(out)[kind]
    assert rows
    code, out, _ = run_main(capsys, "list", kind)
    assert code == 0
    for row in rows:
        assert row["name"] in out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_list_without_a_word_lists_everything(capsys):
    code, out, _ = run_main(capsys, "list", "--json")
    assert code == 0
    assert set(json.loads(out)) == {"models", "datasets", "tasks", "suites", "protocols"}
