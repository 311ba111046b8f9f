"""The benchmark harness: suites, run folders, tables and reports; from Python and as a command.

``graphlab.bench.run("quick")`` does what ``graphlab-bench run quick`` does and returns the records
and the table. Importing this package loads neither torch nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphlab.bench.api import BenchResult, run
    from graphlab.bench.comparison import Comparison, compare
    from graphlab.bench.search.api import SweepResult, sweep
    from graphlab.bench.verification import Verification, verify

__all__ = [
    "BenchResult",
    "Comparison",
    "SweepResult",
    "Verification",
    "compare",
    "run",
    "sweep",
    "verify",
]

_HOMES = {
    "BenchResult": "graphlab.bench.api",
    "Comparison": "graphlab.bench.comparison",
    "compare": "graphlab.bench.comparison",
    "SweepResult": "graphlab.bench.search.api",
    "Verification": "graphlab.bench.verification",
    "run": "graphlab.bench.api",
    "sweep": "graphlab.bench.search.api",
    "verify": "graphlab.bench.verification",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
