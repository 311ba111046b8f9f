"""What the report page shows, gathered from records; the template escapes every string in it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from graphlab.bench.report.diagnosis_view import diagnosis_section
from graphlab.bench.report.differences import commands_of_row, one_line
from graphlab.bench.report.display import compact, metric_style, plain, seconds, seconds_range
from graphlab.bench.report.figures import figure_sections
from graphlab.bench.report.formats import published_text, range_text
from graphlab.bench.report.provenance_rows import provenance_rows
from graphlab.bench.report.tables import first_columns
from graphlab.bench.store import RunStore, StoreScan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.tables import Column, ResultTable, Row

__all__ = ["page_content"]

_LOG_LINES = 25


def page_content(
    results: Path, target: Path, scan: StoreScan, table: ResultTable
) -> dict[str, Any]:
    """Return the values of the template.

    Args:
        results: Folder of the suite.
        target: Folder of the page, from which links are relative.
        scan: The records.
        table: The result table.
    """
    return _Content(results, target, scan, table).values()


@dataclass(frozen=True)
class _Content:
    """Gathers what the template shows. Every string in it is escaped by the template."""

    results: Path
    target: Path
    scan: StoreScan
    table: ResultTable

    def values(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "sections": [self._section(section) for section in self.table.sections],
            "summary": self._summary(),
            "remarks": self._remarks(),
            "figures": figure_sections(self.table, self._runs_of, self._folder),
            "diagnosis": diagnosis_section(self.table, self._runs_of, self._folder),
            "commands": self._commands(),
            "costs": self._costs(),
            "cells": self._cells(),
            "failures": self._failures(),
            "warnings": self._warnings(),
            "provenance": provenance_rows(self.scan.records),
        }

    # -- header -----------------------------------------------------------------------------------

    def _summary(self) -> dict[str, Any]:
        records = self.scan.records
        status = Counter(record.result.status for record in records)
        started = [r.lineage.started for r in records if r.lineage.started]
        ended = [r.lineage.ended for r in records if r.lineage.ended]
        trained = sum(r.cost.seconds.get("train", 0.0) for r in records)
        planned = sum(cell.planned for cell in self.table.outline.cells)
        return {
            "name": self.table.name or self.results.name,
            "title": self.table.title or self.results.name,
            "systems": len(self.table.rows),
            "datasets": len({c.dataset for c in self.table.outline.cells}),
            "done": status.get("done", 0),
            "planned": max(planned, len(records)),
            "altered": len(self.scan.altered),
            "unfinished": {name: n for name, n in sorted(status.items()) if name != "done"},
            "first": f"{min(started):%Y-%m-%d %H:%M}" if started else "",
            "last": f"{max(ended):%Y-%m-%d %H:%M} UTC" if ended else "",
            "trained": seconds(trained) if trained else "",
        }

    def _remarks(self) -> list[dict[str, Any]]:
        """What a reader must know before the table; what makes numbers doubtful comes first."""
        bad = []
        if self.scan.altered:
            names = [plain(os.path.relpath(path, self.results), 200) for path in self.scan.altered]
            several = len(names) > 1
            bad.append(
                f"{len(names)} {'records were' if several else 'record was'} altered after "
                f"{'they were' if several else 'it was'} written: {', '.join(names)}. "
                f"{'Their' if several else 'Its'} numbers may be wrong, and so may the means and "
                "figures that they are in; they are marked below."
            )
        found = []
        if self.scan.newer:
            found.append(f"{self.scan.newer} records of a newer graphlab were skipped.")
        found += [
            f"{plain(os.path.relpath(path, self.results), 200)} holds no record and was skipped."
            for path in self.scan.garbage
        ]
        return [{"text": t, "bad": True} for t in bad] + [{"text": t, "bad": False} for t in found]

    # -- table ------------------------------------------------------------------------------------

    def _section(self, section: ResultTable) -> dict[str, Any]:
        """The tables of one task: main metrics with costs, then all other metrics."""
        return {
            "title": section.title if self.table.parts else "",
            "main": self._grid(section.main),
            "further": None if section.further is None else self._grid(section.further),
            "notes": section.notes,
        }

    def _grid(self, table: ResultTable) -> dict[str, Any]:
        return {"head": _head(table), "columns": table.columns, "body": self._body(table)}

    def _body(self, table: ResultTable) -> list[dict[str, Any]]:
        order = {_key(row): index for index, row in enumerate(self.table.rows)}
        rows = []
        for row in table.rows:
            fields: list[dict[str, Any]] = []
            for column, cell in zip(table.columns, row.cells, strict=True):
                fields.append(
                    {
                        "kind": "ours",
                        "text": cell.marked(column.style) if cell else "",
                        "best": bool(cell and cell.best),
                        "remark": cell.remark() if cell else "",
                        "failed": cell is not None and not cell.whole,
                    }
                )
                if column.published:
                    text = published_text(table, cell, column)
                    number, _, source = text.partition(" [")
                    fields.append(
                        {"kind": "published", "text": number, "source": source.rstrip("]")}
                    )
            rows.append(
                {
                    "index": order[_key(row)],
                    "system": row.system,
                    "note": row.note,
                    "model": row.model,
                    "fields": fields,
                    "train": seconds_range(row.train_seconds),
                    "parameters": range_text(row.parameters, compact),
                }
            )
        return rows

    # -- lists ------------------------------------------------------------------------------------

    def _commands(self) -> list[dict[str, Any]]:
        planned = {cell.cell_id: cell.planned for cell in self.table.outline.cells}
        rows = []
        for row in self.table.rows:
            places = first_columns(self.table.columns)
            runs = [run for _, column in places for run in self._runs_of(row, column)]
            if runs:
                name = f"{row.system} ({row.note})" if row.note else row.system
                commands = map(one_line, commands_of_row(runs, planned))
                rows.append({"system": name, "commands": list(commands)})
        return rows

    def _costs(self) -> list[dict[str, Any]]:
        places = first_columns(self.table.columns)
        rows = []
        for row in self.table.rows:
            for index, column in places:
                cell = row.cells[index]
                if cell is None or not cell.n:
                    continue
                runs = [r for r in self._runs_of(row, column) if r.done]
                peaks = [r.cost.peak_rss_bytes for r in runs if r.cost.peak_rss_bytes]
                epochs = sorted(r.result.epochs_run for r in runs)
                rows.append(
                    {
                        "system": row.system,
                        "dataset": column.dataset,
                        "protocol": column.protocol,
                        "train": seconds(cell.train_seconds) if cell.train_seconds else "",
                        "epoch": seconds(cell.epoch_seconds) if cell.epoch_seconds else "",
                        "epochs": range_text((epochs[0], epochs[-1]), str) if epochs else "",
                        "parameters": "" if cell.parameters is None else f"{cell.parameters:,}",
                        "memory": f"{max(peaks) / 2**20:,.0f} MiB" if peaks else "",
                    }
                )
        return rows

    def _cells(self) -> list[dict[str, Any]]:
        """Runs by cell: those of the table first, then those of other settings."""
        order = {cell.cell_id: i for i, cell in enumerate(self.table.outline.cells)}
        groups: dict[str, list[RunRecord]] = {}
        for run in self.scan.records:
            groups.setdefault(run.identity.cell_id, []).append(run)
        cells = []
        for cell_id in sorted(groups, key=lambda c: (order.get(c, len(order)), c)):
            runs = sorted(groups[cell_id], key=lambda r: (r.identity.seed, r.identity.fold or 0))
            first = runs[0].identity
            cells.append(
                {
                    "system": first.system,
                    "dataset": first.dataset,
                    "protocol": first.protocol,
                    "cell_id": cell_id,
                    "left_out": cell_id not in order,
                    "altered": self._altered_words(runs),
                    "runs": [self._run(run) for run in runs],
                    "metrics": self._shown_metrics(runs),
                }
            )
        return cells

    def _shown_metrics(self, runs: Sequence[RunRecord]) -> list[str]:
        first = runs[0].identity
        place = (first.dataset, first.task, first.protocol)
        columns = [column for _, column in first_columns(self.table.columns)]
        named = [c.metric for c in columns if (c.dataset, c.task, c.protocol) == place]
        return named or sorted({m for r in runs for m in r.result.metrics.get("test", {})})

    def _run(self, run: RunRecord) -> dict[str, Any]:
        numbers = {}
        for split in ("val", "test"):
            for name, value in run.result.metrics.get(split, {}).items():
                style = metric_style(name)
                numbers[split, name] = "" if value is None else style.number(value)
        seconds_used = run.cost.seconds.get("train")
        return {
            "seed": run.identity.seed,
            "fold": run.identity.fold,
            "run_id": run.identity.run_id,
            "status": run.result.status,
            "altered": self._is_altered(run),
            "numbers": numbers,
            "best_epoch": run.result.best_epoch or None,
            "epochs": run.result.epochs_run,
            "train": seconds(seconds_used) if seconds_used else "",
            "resumed": run.lineage.resumed_times,
            "href": self._link(run),
            "folder": self._link(run, ""),
        }

    def _failures(self) -> list[dict[str, Any]]:
        found = []
        for run in self.scan.records:
            error = run.result.error
            if run.done:
                continue
            lines = (error.log_tail if error else "").rstrip().splitlines()[-_LOG_LINES:]
            found.append(
                {
                    "system": run.identity.system,
                    "dataset": run.identity.dataset,
                    "seed": run.identity.seed,
                    "status": run.result.status,
                    "type": error.type if error else "",
                    "message": error.message if error else "No message was recorded.",
                    "log": "\n".join(plain(line, 500) for line in lines),
                    "href": self._link(run),
                }
            )
        return found

    def _warnings(self) -> list[tuple[int, str]]:
        texts: Counter[str] = Counter()
        for run in self.scan.records:
            texts.update(run.result.warnings.texts)
        return [(count, plain(text, 400)) for text, count in texts.most_common(20)]

    # -- private ----------------------------------------------------------------------------------

    @cached_property
    def _altered(self) -> frozenset[Path]:
        """Folders whose record is not what was written."""
        return frozenset(path.parent for path in self.scan.altered)

    def _is_altered(self, run: RunRecord) -> bool:
        return bool(self._altered) and self._folder(run) in self._altered

    def _altered_words(self, runs: Sequence[RunRecord]) -> str:
        count = sum(map(self._is_altered, runs))
        return f"{count} altered" if count else ""

    def _runs_of(self, row: Row, column: Column) -> list[RunRecord]:
        if (row.part, row.task) != (column.part, column.task):
            return []
        place = (row.system, column.dataset, column.task, column.protocol)
        wanted = {
            cell.cell_id
            for cell in self.table.outline.cells
            if cell.place == place and _belongs(cell.cell_id, row)
        }
        return [run for run in self.scan.records if run.identity.cell_id in wanted]

    def _folder(self, run: RunRecord) -> Path:
        identity = run.identity
        return RunStore(self.results).run_dir(identity.cell_id, identity.seed, identity.fold)

    def _link(self, run: RunRecord, name: str = "run.json") -> str:
        """Relative address of a run's folder or of a file in it, quoted."""
        folder = Path(os.path.relpath(self._folder(run), self.target)).as_posix()
        return quote(f"./{folder}/{name}" if not folder.startswith(".") else f"{folder}/{name}")


def _key(row: Row) -> tuple[str, str, str, str]:
    return (row.part, row.task, row.system, row.note)


def _head(table: ResultTable) -> list[dict[str, Any]]:
    """Upper row of a head: one entry a data set and protocol."""
    groups: list[dict[str, Any]] = []
    for column in table.columns:
        width = 2 if column.published else 1
        if groups and groups[-1]["place"] == column.place:
            groups[-1]["span"] += width
        else:
            here = {"place": column.place, "dataset": column.dataset, "rules": column.rules}
            groups.append({**here, "span": width})
    return groups


def _belongs(cell_id: str, row: Row) -> bool:
    """Whether a cell is of a row, which names its cell when others have its name too."""
    return not row.note or cell_id.startswith(row.note.split()[-1])
