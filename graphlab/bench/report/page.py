"""The report of a results folder: one page that needs nothing else, and the tables as files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import graphlab
from graphlab.bench.report.content import page_content
from graphlab.bench.report.html import FOLDER, render
from graphlab.bench.report.outline import load_outline, save_outline
from graphlab.bench.report.reference import load_references
from graphlab.bench.report.tables import ResultTable, result_table
from graphlab.bench.store import RunStore, StoreScan
from graphlab.errors import InputError
from graphlab.io import atomic_write, canonical_json, sha256_bytes

if TYPE_CHECKING:
    from graphlab.bench.plan import Plan

__all__ = ["write_report"]

PAGE = "report.html"
TABLES = ("table.md", "table.csv", "table.tex")
_MARK = '<meta name="graphlab-content" content="'
_HEAD_BYTES = 2000


def write_report(
    results: str | Path,
    *,
    out: str | Path | None = None,
    plan: Plan | None = None,
    times: bool = True,
) -> Path:
    """Write ``report.html``, ``table.md``, ``table.csv`` and ``table.tex`` of a results folder.

    Everything comes from the run folders. With ``plan`` the order of rows, the planned seeds and
    the skipped sets are saved there too, as ``plan.json``, for later calls without one. An
    up-to-date page is left alone.

    Args:
        results: Folder of one suite, such as ``results/quick``.
        out: Folder for the four files; by default ``results``.
        plan: The plan that was just executed.
        times: Write the columns of seconds into the three tables.

    Returns:
        Path of ``report.html``.

    Raises:
        InputError: ``results`` is no folder, or ``out`` cannot be written.

    Cost: about 1.5 s for one data set, mostly matplotlib; a few milliseconds a run when nothing
    has changed.
    """
    results = Path(results)
    if not results.is_dir():
        raise InputError(f"{results} is not a results folder: no such folder.")
    target = results if out is None else Path(out)
    scan = RunStore(results).scan()
    outline = save_outline(results, plan, scan.records) if plan else load_outline(results)
    table = result_table(scan.records, outline, altered=scan.altered)
    mark = _content_mark(results, scan, table, times=times)
    page = target / PAGE
    if not _is_current(page, mark):
        content = page_content(results, target, scan, table)
        html = render("page.html.j2", {"mark": mark, "files": TABLES, **content})
        texts = (table.to_markdown(times=times), table.to_csv(times=times))
        files = zip(TABLES, (*texts, table.to_latex(times=times)), strict=True)
        try:
            target.mkdir(parents=True, exist_ok=True)
            for name, text in files:
                atomic_write(target / name, text.encode())
            atomic_write(page, html.encode())  # last: it says that the others are current
        except OSError as error:
            raise InputError(
                f"The report cannot be written to {target} ({error.strerror or error}). "
                "Choose another folder: graphlab-bench report --out DIR."
            ) from error
    return page


def _content_mark(results: Path, scan: StoreScan, table: ResultTable, *, times: bool) -> str:
    """Checksum of all that the page is made from, so that an unchanged page is recognised."""
    store = RunStore(results)
    runs = []
    for record in scan.records:
        identity = record.identity
        events = store.run_dir(identity.cell_id, identity.seed, identity.fold) / "events.jsonl"
        kept = record.result.node_metrics
        sizes = [_size(events), *([] if kept is None else [_size(events.with_name(kept.file))])]
        runs.append([record.to_json(), *sizes])
    templates = ("page.html.j2", "diagnosis.html.j2", "style.css")
    own = [(FOLDER / name).read_text(encoding="utf-8") for name in templates]
    parts = {
        "version": graphlab.__version__,
        "page": own,
        "outline": table.outline.to_json(),
        "published": [repr(row) for row in load_references().rows],
        "runs": sorted(runs, key=canonical_json),
        "skipped": [scan.newer, [os.path.relpath(p, results) for p in scan.garbage]],
        "altered": [os.path.relpath(path, results) for path in scan.altered],
        "times": times,
    }
    return sha256_bytes(canonical_json(parts).encode())[:32]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _is_current(page: Path, mark: str) -> bool:
    if not all((page.parent / name).is_file() for name in TABLES):
        return False
    try:
        with page.open("rb") as file:
            return f"{_MARK}{mark}".encode() in file.read(_HEAD_BYTES)
    except OSError:
        return False
