"""Result tables, plots and the report page, all from run folders alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphlab.bench.report.page import write_report
    from graphlab.bench.report.tables import ResultTable, result_table

__all__ = ["ResultTable", "result_table", "write_report"]

_PLACES = {
    "ResultTable": "graphlab.bench.report.tables",
    "result_table": "graphlab.bench.report.tables",
    "write_report": "graphlab.bench.report.page",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
