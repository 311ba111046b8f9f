from __future__ import annotations

import os
from pathlib import Path

import pytest

from graphlab import resources
from graphlab.resources import available_bytes, resource_dir

resource = pytest.importorskip("resource")


@pytest.mark.parametrize("kind", ["datasets", "suites", "reference"])
def test_shipped_folders_exist_in_a_checkout(kind):
    assert resource_dir(kind).is_dir()


def test_wheel_layout_wins_and_a_broken_installation_is_named(tmp_path, monkeypatch):
    package = tmp_path / "graphlab"
    (package / "share" / "suites").mkdir(parents=True)
    monkeypatch.setattr(resources, "__file__", str(package / "resources.py"))
    assert resource_dir("suites") == package.resolve() / "share" / "suites"
    with pytest.raises(FileNotFoundError, match="incomplete"):
        resource_dir("datasets")


@pytest.fixture
def memory(monkeypatch):
    """Set what the system tells: available memory and a limit of the address space."""

    def say(system, limit):
        monkeypatch.setattr(resources, "_system", lambda: system)
        monkeypatch.setattr(resources, "_limit", lambda: limit)

    return say


@pytest.mark.parametrize(
    ("system", "limit", "expected"),
    [(5, None, 5), (None, 7, 7), (9, 7, 7), (5, 7, 5), (5, 0, 0), (None, None, None)],
)
def test_the_least_of_what_is_known_is_available(memory, system, limit, expected):
    memory(system, limit)
    assert available_bytes() == expected


def test_this_process_may_take_some_memory_but_not_more_than_there_is():
    assert 1 << 20 < available_bytes() < 1 << 50


@pytest.mark.parametrize(
    "content", ["MemTotal: 5 kB\n", "MemAvailable:\n", "MemAvailable: x kB\n", None]
)
def test_a_system_that_does_not_tell_what_is_free_tells_what_there_is(content, monkeypatch):
    def read(self):
        if content is None:
            raise OSError("no such file")
        return content

    monkeypatch.setattr(Path, "read_text", read)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 10}.__getitem__)
    assert resources._system() == 40_960

    def unknown(name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "sysconf", unknown)
    assert resources._system() is None


def test_memory_that_is_available_is_read_from_the_kernel(monkeypatch):
    text = "MemTotal: 900 kB\nMemFree: 1 kB\nMemAvailable:   120 kB\n"
    monkeypatch.setattr(Path, "read_text", lambda self: text)
    assert resources._system() == 120 * 1024


def test_a_limit_of_the_address_space_leaves_what_is_not_in_use(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (10_000_000, 20_000_000))
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 1000}.__getitem__)
    monkeypatch.setattr(Path, "read_text", lambda self: "4000 3 2 1")
    assert resources._limit() == 6_000_000
    monkeypatch.setattr(Path, "read_text", lambda self: "12000 3 2 1")
    assert resources._limit() == 0
    monkeypatch.setattr(Path, "read_text", lambda self: "")
    assert resources._limit() == 10_000_000
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY,) * 2)
    assert resources._limit() is None
