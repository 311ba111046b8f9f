"""A result table as Markdown, CSV, LaTeX and plain values; names from outside are escaped."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from graphlab.bench.report.display import compact, plain, seconds_range, spread
from graphlab.bench.report.marks import OFF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.bench.report.tables import Cell, Column, ResultTable, Row

__all__ = [
    "comma_separated",
    "csv_field",
    "escape_latex",
    "escape_markdown",
    "latex",
    "markdown",
    "plain_values",
    "range_text",
]

FIELDS = (
    "suite",
    "system",
    "model",
    "cell_note",
    "dataset",
    "task",
    "protocol",
    "metric",
    "negatives",
    "planned",
    "n",
    "mean",
    "std",
    "ci95_low",
    "ci95_high",
    "min",
    "max",
    "best",
    "standing",
    "p_holm",
    "test",
    "pairs",
    "failed",
    "diverged",
    "out_of_memory",
    "timeout",
    "missing",
    "altered",
    "values",
    "published_mean",
    "published_std",
    "published_runs",
    "published_source",
    "published_excluded",
    "parameters",
)
TIME_FIELDS = ("train_seconds_median", "epoch_seconds_median")
_MARKDOWN = re.compile(r"([\\`*_\[\]|~#])")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # a row that begins with [ or * would be an argument of the \\ before it
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "≈": r"$\approx$",
    "≠": r"$\neq$",
    "\N{EN DASH}": "--",
    "…": r"\dots{}",
    "·": r"\textperiodcentered{}",
}
_LATIN_END = 0x180
_FORMULA = "=+-@"


# -- Markdown -----------------------------------------------------------------------------------


def markdown(table: ResultTable, *, times: bool = True) -> str:
    """Return Markdown tables with title and notes: one a task, then one of further metrics.

    Args:
        table: The table.
        times: Add the column of training seconds.
    """
    parts = [f"## {escape_markdown(table.title)}"]
    for section in table.sections:
        if table.parts:
            parts.append(f"### {escape_markdown(section.title)}")
        parts.append(_markdown_table(section.main, times=times, costs=True))
        notes = [f"- {escape_markdown(note)}" for note in section.notes]
        if not table.parts:
            notes += _markdown_sources(table)
        parts += ["\n".join(notes)] if notes else []
        if section.further is not None:
            parts.append("Further metrics, of the same states of the models:")
            parts.append(_markdown_table(section.further, times=False, costs=False))
    if table.parts:
        notes = [f"- {escape_markdown(note)}" for note in table.notes] + _markdown_sources(table)
        parts += ["\n".join(notes)] if notes else []
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: ResultTable, *, times: bool, costs: bool) -> str:
    heads = ["system"]
    for column in table.columns:
        heads.append(_head(column, "<br>", escape_markdown))
        if column.published:
            heads.append(f"published<br>{escape_markdown(column.dataset)}")
    heads += [*(["training a run"] if times else []), *(["parameters"] if costs else [])]
    lines = [_line(heads), _line(["---", *["---:"] * (len(heads) - 1)])]
    for row in table.rows:
        fields = [_name(row, escape_markdown)]
        for column, cell in zip(table.columns, row.cells, strict=True):
            fields.append(_markdown_cell(cell, column))
            if column.published:
                fields.append(published_text(table, cell, column))
        fields += [seconds_range(row.train_seconds)] if times else []
        fields += [range_text(row.parameters, compact)] if costs else []
        lines.append(_line(fields))
    return "\n".join(lines)


def _markdown_sources(table: ResultTable) -> list[str]:
    return [
        f"- [{number}] {escape_markdown(source.text)}. {source.url}".rstrip()
        for number, source in enumerate(table.sources, 1)
    ]


def escape_markdown(text: str) -> str:
    r"""Make a text from outside inert in Markdown and in the HTML that it may hold.

    Example:
        >>> print(escape_markdown("a|b <script>*x*"))
        a\|b &lt;script&gt;\*x\*
    """
    safe = plain(text, 2000).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", safe)


def _line(fields: list[str]) -> str:
    return re.sub(r" +\|", " |", f"| {' | '.join(fields)} |")


def _markdown_cell(cell: Cell | None, column: Column) -> str:
    if cell is None:
        return ""
    number = cell.marked(column.style)
    number = f"**{number}**" if cell.best else number
    remark = cell.remark()
    return f"{number} ({remark})" if remark else number


# -- CSV ----------------------------------------------------------------------------------------


def comma_separated(table: ResultTable, *, times: bool = True) -> str:
    """Return CSV: one line a system x data set x metric, full precision, times last."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([*FIELDS, *(TIME_FIELDS if times else ())])
    for line in _lines(table, times=times):
        writer.writerow([csv_field(value) for value in line.values()])
    return target.getvalue()


def csv_field(value: Any) -> str:  # noqa: ANN401  (any plain value)
    """Write a field so that a spreadsheet takes no text for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = plain(str(value), 10_000)
    return f"'{text}" if text[:1] and text[0] in _FORMULA else text


def _lines(table: ResultTable, *, times: bool) -> list[dict[str, Any]]:
    return [
        _record(table, row, column, cell, times=times)
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if cell is not None
    ]


def _record(
    table: ResultTable, row: Row, column: Column, cell: Cell, *, times: bool
) -> dict[str, Any]:
    values = [value for _, _, value in cell.values]
    published, standing = cell.published, cell.standing
    low, high = cell.interval or (None, None)
    line = {
        "suite": table.name,
        "system": row.system,
        "model": row.model,
        "cell_note": row.note,
        "dataset": column.dataset,
        "task": column.task,
        "protocol": column.protocol,
        "metric": column.metric,
        "negatives": column.negatives,
        "planned": cell.planned,
        "n": cell.n,
        "mean": cell.mean,
        "std": cell.std,
        "ci95_low": low,
        "ci95_high": high,
        "min": min(values, default=None),
        "max": max(values, default=None),
        "best": cell.best,
        "standing": standing.kind if standing else None,
        "p_holm": standing.p_value if standing else None,
        "test": (standing.test or None) if standing else None,
        "pairs": (standing.pairs or None) if standing else None,
        "failed": cell.failures.get("failed", 0),
        "diverged": cell.failures.get("diverged", 0),
        "out_of_memory": cell.failures.get("out-of-memory", 0),
        "timeout": cell.cut + cell.failures.get("timeout", 0),
        "missing": cell.failures.get("missing", 0),
        "altered": cell.altered,
        "values": " ".join(
            f"{seed}={value!r}" if fold is None else f"{seed}-f{fold}={value!r}"
            for seed, fold, value in cell.values
        ),
        "published_mean": published.mean if published else None,
        "published_std": published.std if published else None,
        "published_runs": published.runs if published else None,
        "published_source": published.source.key if published else None,
        "published_excluded": cell.misses_published,
        "parameters": cell.parameters,
    }
    if times:
        line["train_seconds_median"] = cell.train_seconds
        line["epoch_seconds_median"] = cell.epoch_seconds
    return line


# -- plain values -------------------------------------------------------------------------------


def plain_values(table: ResultTable, *, times: bool = True) -> dict[str, Any]:
    """Return the table as values for JSON: one object a system x data set x metric."""
    return {
        "suite": table.name,
        "title": table.title,
        "results": _lines(table, times=times),
        "notes": [*(note for part in table.parts for note in part.notes), *table.notes],
        "sources": [
            {"key": source.key, "text": source.text, "url": source.url} for source in table.sources
        ],
        "skipped": [{"dataset": name, "reason": why} for name, why in table.outline.skipped],
    }


# -- LaTeX --------------------------------------------------------------------------------------


def latex(table: ResultTable, *, times: bool = True) -> str:
    r"""Return a ``table`` environment a task that needs ``\usepackage{booktabs}`` alone.

    Metrics besides the main ones are left to the CSV file.
    """
    last = len(table.sections) - 1
    sources = [f"[{n}] {source.text}." for n, source in enumerate(table.sources, 1)]
    made = [r"% needs \usepackage{booktabs}"]
    for index, section in enumerate(table.sections):
        title = f"{table.title}: {section.title}" if table.parts else table.title
        notes = [*section.notes]
        if index == last:
            notes += [*(table.notes if table.parts else ()), *sources]
        made += _latex_table(section.main, title, notes, times=times)
    return "\n".join(made) + "\n"


def _latex_table(table: ResultTable, title: str, notes: Sequence[str], *, times: bool) -> list[str]:
    tops, rules, heads = [""], [], ["System"]
    for column in table.columns:
        width = 2 if column.published else 1
        label = f"{escape_latex(column.dataset)} ({escape_latex(column.rules)})"
        tops.append(rf"\multicolumn{{{width}}}{{c}}{{{label}}}")
        start = len(heads) + 1
        rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
        heads.append(escape_latex(column.style.head))
        heads += ["published"] if column.published else []
    extra = [*(["training"] if times else []), "parameters"]
    tops += [""] * len(extra)
    heads += extra
    parts = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(title)}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        r"\toprule",
        f"{' & '.join(tops)} \\\\",
        " ".join(rules),
        f"{' & '.join(heads)} \\\\",
        r"\midrule",
        *(_latex_row(table, row, times=times) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        *([r"\par\smallskip\footnotesize"] if notes else []),
        *(escape_latex(note) + r"\par" for note in notes),
        r"\end{table}",
    ]
    return [part for part in parts if part]


def escape_latex(text: str) -> str:
    r"""Make a text from outside inert in LaTeX; letters its fonts lack are named by code point.

    Example:
        >>> print(escape_latex("50% of a_b & \\input{x}"))
        50\% of a\_b \& \textbackslash{}input\{x\}
    """
    return "".join(
        _LATEX.get(c) or (c if ord(c) < _LATIN_END else f"{{[}}U+{ord(c):04X}{{]}}")
        for c in plain(text, 2000)
    )


def _latex_row(table: ResultTable, row: Row, *, times: bool) -> str:
    fields = [_name(row, escape_latex)]
    for column, cell in zip(table.columns, row.cells, strict=True):
        if cell is None:
            fields.append("")
        else:
            number = escape_latex(cell.marked(column.style))
            number = rf"\textbf{{{number}}}" if cell.best else number
            remark = escape_latex(cell.remark())
            fields.append(f"{number} ({remark})" if remark else number)
        if column.published:
            fields.append(escape_latex(published_text(table, cell, column)))
    if times:
        fields.append(escape_latex(seconds_range(row.train_seconds)))
    fields.append(escape_latex(range_text(row.parameters, compact)))
    return f"{' & '.join(fields)} \\\\"


# -- shared -------------------------------------------------------------------------------------


def published_text(table: ResultTable, cell: Cell | None, column: Column) -> str:
    """Write a published number with the number of its source, "" when there is none.

    A sign in front says that the interval of our mean excludes it.
    """
    if cell is None or cell.published is None:
        return ""
    number = spread(column.style, cell.published.mean, cell.published.std)
    sign = OFF if cell.misses_published else ""
    return f"{sign}{number} [{table.source_number(cell.published)}]"


def range_text(extent: tuple[Any, Any] | None, write: Any) -> str:  # noqa: ANN401
    """Write the least and the largest of a row, once when they are written alike.

    Example:
        >>> range_text((23063, 237446), compact), range_text(None, compact)
        ('23.1k to 237k', '')
    """
    if extent is None:
        return ""
    low, high = write(extent[0]), write(extent[1])
    return low if low == high else f"{low} to {high}"


def _head(column: Column, newline: str, escape: Any) -> str:  # noqa: ANN401  (a text function)
    negatives = [escape(column.negatives)] if column.negatives else []
    parts = [escape(column.dataset), escape(column.protocol), *negatives]
    return newline.join([*parts, escape(column.style.head)])


def _name(row: Row, escape: Any) -> str:  # noqa: ANN401  (a text function)
    name = escape(plain(row.system))
    return f"{name} ({escape(row.note)})" if row.note else name
