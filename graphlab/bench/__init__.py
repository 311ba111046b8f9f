"""The benchmark harness: suites, run folders, tables and reports; from Python and as a command.

``graphlab.bench.run("quick")`` does what ``graphlab-bench run quick`` does and returns the records
and the table. Importing this package loads neither torch nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphlab.bench.api import BenchResult, run

__all__ = ["BenchResult", "run"]


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name in __all__:
        return getattr(import_module("graphlab.bench.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
