"""A result table in a terminal: one wide table, or one table a data set where that is too wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from graphlab.bench.report.display import compact, plain, seconds_range
from graphlab.bench.report.formats import published_text, range_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from graphlab.bench.report.tables import Cell, Column, ResultTable, Row

__all__ = ["plain_text", "renderables"]

_CUT = "Columns left out to fit this width are in table.md and report.html."


def plain_text(table: ResultTable, width: int) -> str:
    """Return the table as text without colours; a star stands for bold."""
    import io

    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def renderables(table: ResultTable, console: Console, width: int) -> Iterator[RenderableType]:
    """Yield what rich prints for a result table, made to fit a width in characters."""
    yield Text(plain(table.title, 200), style="bold")
    if not table.rows:
        yield Text("No runs yet.", style="dim")
        yield from _notes(table, console)
        return
    for section in table.sections:
        if table.parts:
            yield Text(f"\n{plain(section.title, 200)}", style="bold")
        yield from _section(section, console, width, sources=not table.parts)
    if table.parts:
        yield from _notes(table, console)


def _section(
    table: ResultTable, console: Console, width: int, *, sources: bool
) -> Iterator[RenderableType]:
    """One task: a wide table, or one a data set; main metrics alone, the others are named."""
    main, more = table.main, []
    if table.further is not None:
        names = dict.fromkeys(column.style.short for column in table.further.columns)
        more.append(f"Further metrics are in table.md and report.html: {', '.join(names)}.")
    wide = _table(main, main.columns, console)
    if _fits(wide, console, width):
        yield Padding(wide, (1, 0, 0, 0))
    else:
        complete = True
        for column in main.columns:
            made, whole = _stacked(main, (column,), console, width)
            complete &= whole
            yield Text(f"\n{plain(column.dataset)}, {plain(column.rules)}", style="bold")
            yield made
        more += [] if complete else [_CUT]
    yield from _notes(table, console, more, sources=sources)


def _stacked(
    table: ResultTable, columns: Sequence[Column], console: Console, width: int
) -> tuple[Table, bool]:
    """One data set in the richest form that fits, and whether that is the complete one."""
    forms = [
        _table(table, columns, console, costs=costs, published=published, single=True)
        for costs, published in ((True, True), (False, True), (False, False))
    ]
    chosen = next((form for form in forms if _fits(form, console, width)), forms[-1])
    return chosen, chosen is forms[0]


def _table(
    table: ResultTable,
    columns: Sequence[Column],
    console: Console,
    *,
    costs: bool = True,
    published: bool = True,
    single: bool = False,
) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1))
    made.add_column(Text("system"), no_wrap=True, vertical="top")
    counted = any(column.negatives for column in columns)
    for column in columns:
        head = [] if single else [plain(column.dataset), plain(column.protocol)]
        if counted and not single:
            head.append(column.negatives)
        made.add_column(_lines([*head, column.style.head]), justify="right", no_wrap=True)
        if column.published and published:
            blank = [""] * len(head)
            made.add_column(_lines([*blank, "published"]), justify="right", no_wrap=True)
    bottom = [] if single else ["", "", *([""] if counted else [])]
    if costs:
        made.add_column(_lines([*bottom, "training"]), justify="right", no_wrap=True)
        made.add_column(_lines([*bottom, "parameters"]), justify="right", no_wrap=True)
    for row in table.rows:
        cells = [cell for cell, _ in _picked(table, row, columns)]
        if single and all(cell is None for cell in cells):
            continue
        fields: list[Text] = [_name(row)]
        for cell, column in _picked(table, row, columns):
            fields.append(_cell(cell, column, star=console.color_system is None))
            if column.published and published:
                fields.append(Text(published_text(table, cell, column), style="cyan"))
        if costs:
            fields += [
                Text(seconds_range(_extent(c.train_seconds for c in cells if c))),
                Text(range_text(_extent(c.parameters for c in cells if c), compact)),
            ]
        made.add_row(*fields)
    return made


def _picked(
    table: ResultTable, row: Row, columns: Sequence[Column]
) -> list[tuple[Cell | None, Column]]:
    pairs = zip(row.cells, table.columns, strict=True)
    return [(cell, column) for cell, column in pairs if column in columns]


def _cell(cell: Cell | None, column: Column, *, star: bool) -> Text:
    if cell is None:
        return Text("")
    mark = "*" if cell.best and star else ""  # in front, so that numbers stay aligned
    text = Text(mark + cell.marked(column.style), style="bold" if cell.best else "")
    remark = cell.remark()
    if remark:
        text.append(f"\n{remark}", style="dim" if cell.whole else "yellow")
    return text


def _name(row: Row) -> Text:
    text = Text(plain(row.system))
    if row.note:
        text.append(f"\n{row.note}", style="dim")
    return text


def _lines(parts: Sequence[str]) -> Text:
    return Text("\n").join(Text(part) for part in parts)


def _notes(
    table: ResultTable, console: Console, more: Sequence[str] = (), *, sources: bool = True
) -> Iterator[RenderableType]:
    notes = [*more, *table.notes]
    if console.color_system is None:
        notes = [note.replace("Bold: ", "*: ", 1) for note in notes]
    texts = [Text(note, style="dim") for note in notes]
    texts += [
        Text(f"[{number}] {source.short or source.text}", style="dim")
        for number, source in enumerate(table.sources if sources else (), 1)
    ]
    if texts:
        yield Padding(Group(*texts), (1, 0, 0, 0))


def _fits(made: Table, console: Console, width: int) -> bool:
    options = console.options.update(width=100_000)
    return Measurement.get(console, options, made).maximum <= width


def _extent(values: Iterable[float | None]) -> tuple[float, float] | None:
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else None
