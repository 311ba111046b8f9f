"""F37: locale, spaces in paths, an unwritable home, no terminal: the same run every time."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import threading

import pytest

from graphlab.bench.store import RunStore

SUITE = """title = "\u00e9t\u00e9 \U0001f600"
task = "node"
datasets = ["karate"]
seeds = 1
[recipe]
epochs = 3
[[system]]
model = "mlp"
name = "gr\u00f6\u00dfe"
"""
# What does not touch the same thing is tried together: a process costs four seconds.
ENVIRONMENTS = {
    "plain": {},
    "C locale, home is a file, another zone": {
        "LANG": "C",
        "LC_ALL": "C",
        "HOME": "/dev/null",
        "XDG_CACHE_HOME": "/dev/null/x",
        "TZ": "Pacific/Kiritimati",
    },
    "C locale without UTF-8 mode, no home, NO_COLOR": {
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
        "HOME": "/nonexistent",
        "XDG_CACHE_HOME": "",
        "NO_COLOR": "1",
    },
    "ascii streams, no temporary folder": {
        "PYTHONIOENCODING": "ascii",
        "TMPDIR": "/nonexistent",
    },
    "no terminal type, one column": {"TERM": "", "COLUMNS": "1"},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("with spaces \u00fc '$(x)'")
    (folder / "gr\u00f6\u00dfe.toml").write_text(SUITE, encoding="utf-8")
    return folder


def run_suite(place, results, env, **streams):
    kept = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR"}}
    arguments = ["run", "gr\u00f6\u00dfe.toml", "--results", results, "--threads", "1"]
    return subprocess.run(
        [sys.executable, "-m", "graphlab.bench.cli", *arguments],
        cwd=place,
        env={**kept, "PYTHONPATH": os.pathsep.join(sys.path), **env},
        timeout=200,
        check=False,
        **streams,
    )


def metrics(folder):
    (record,) = RunStore(folder).records()
    assert record.identity.system == "gr\u00f6\u00dfe"
    assert record.result.status == "done"
    return record.result.metrics


@pytest.fixture(scope="module")
def plain(place):
    """The plain environment: what was printed, and the folder of results."""
    done = run_suite(place, "of plain", ENVIRONMENTS["plain"], capture_output=True)
    return done, place / "of plain"


@pytest.fixture(scope="module")
def expected(plain):
    done, results = plain
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    (folder,) = results.iterdir()
    return metrics(folder)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_run_is_the_same_in_every_environment(place, plain, expected, name):
    if name == "plain":
        done, results = plain
    else:
        results = place / f"of {name}"
        done = run_suite(place, results.name, ENVIRONMENTS[name], capture_output=True)
    out, errors = done.stdout, done.stderr
    assert done.returncode == 0, errors.decode(errors="replace")
    assert b"Traceback" not in out + errors
    assert b"\x1b" not in out + errors  # neither colour nor bar: this is no terminal
    assert b"\r" not in out + errors
    (folder,) = results.iterdir()
    assert metrics(folder) == expected
    page = (folder / "report.html").read_bytes().decode("utf-8")
    assert "gr\u00f6\u00dfe" in page
    for file in folder.rglob("*.json"):
        file.read_bytes().decode("utf-8")


@pytest.mark.parametrize("stream", ["stdin", "stdout", "stderr"])
def test_a_closed_stream_is_no_obstacle(place, expected, stream):
    code = f"import os, sys; os.close({['stdin', 'stdout', 'stderr'].index(stream)}); "
    code += "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    results = f"without {stream}"
    arguments = ["run", "gr\u00f6\u00dfe.toml", "--results", results, "--threads", "1"]
    done = subprocess.run(
        [sys.executable, "-c", code, "-m", "graphlab.bench.cli", *arguments],
        cwd=place,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stdout + done.stderr
    (folder,) = (place / results).iterdir()
    assert metrics(folder) == expected


def in_terminal(place, results, env):
    """Run with a terminal for all streams; return all that was written to it."""
    ours, theirs = pty.openpty()
    written = bytearray()

    def read():  # meanwhile: a terminal that nobody reads takes a few thousand bytes, then waits
        with contextlib.suppress(OSError):  # the end of a terminal is an error
            while chunk := os.read(ours, 1 << 16):
                written.extend(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        done = run_suite(place, results, env, stdin=theirs, stdout=theirs, stderr=theirs)
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
    assert done.returncode == 0, written.decode(errors="replace")
    return bytes(written)


def test_colour_is_for_terminals_and_can_be_switched_off(place, expected):
    coloured = in_terminal(place, "terminal", {"TERM": "xterm-256color"})
    assert b"\x1b[1m" in coloured or b"\x1b[3" in coloured
    bare = in_terminal(place, "bare", {"TERM": "xterm-256color", "NO_COLOR": "1"})
    assert b"\x1b[3" not in bare.replace(b"\x1b[3F", b"")
    for name in ("terminal", "bare"):
        (folder,) = (place / name).iterdir()
        assert metrics(folder) == expected
