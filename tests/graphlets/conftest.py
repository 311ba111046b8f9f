"""Fixtures of the tests of orbits."""

from __future__ import annotations

import pytest

from graphlab.graphlets import _build
from graphlab.ops import _threads


@pytest.fixture
def eager(monkeypatch):
    """Let the smallest job be shared among threads."""
    monkeypatch.setattr(_threads, "_SMALL", 0)
    monkeypatch.setattr(_build, "_FEW", 0)


@pytest.fixture(params=[1, 2], ids=["one", "two"])
def threads(request, eager):
    """Number of threads, which work on graphs of any size."""
    return request.param
