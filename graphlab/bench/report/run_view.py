"""A run or a cell on the screen: result, settings against the defaults, curves, warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from graphlab.bench.report.curves import read_curves, text_curve
from graphlab.bench.report.differences import (
    Unset,
    command_of,
    commands_of_row,
    differences,
    in_lines,
)
from graphlab.bench.report.display import metric_order, metric_style, plain, seconds, spread
from graphlab.bench.report.notes import selection
from graphlab.bench.report.outline import Outline
from graphlab.bench.report.tables import first_columns, result_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from graphlab.bench.record import RunRecord
    from graphlab.bench.report.lookup import Unfinished

__all__ = ["cell_parts", "facts", "run_parts", "unfinished_parts"]

_CURVE_WIDTH = 64
_LOG_LINES = 25
_PARTS = "train evaluate load prepare total"
_STATUS = {"done": "green", "timeout": "yellow"}
#: Curves in the order of interest; others follow by name.
_CURVES = ("val.acc", "val.rocauc", "val.loss", "train.loss")


def run_parts(record: RunRecord, folder: Path) -> list[RenderableType]:
    """Return what is printed for one finished run.

    Args:
        record: The run.
        folder: Its folder.
    """
    identity, result, cost = record.identity, record.result, record.cost
    seed = f"seed {identity.seed}" + ("" if identity.fold is None else f", fold {identity.fold}")
    title = f"{plain(identity.system)} on {plain(identity.dataset)}, {identity.protocol}, {seed}"
    parts: list[RenderableType] = [
        Text(title, style="bold"),
        facts(
            {
                "status": Text(result.status, style=_STATUS.get(result.status, "red")),
                "record": _seal(folder),
                **_metric_facts(record),
                "epochs": _epochs(record),
                "time": _timing(record),
                "parameters": "" if cost.parameters is None else f"{cost.parameters:,}",
                "memory, peak": ""
                if cost.peak_rss_bytes is None
                else f"{cost.peak_rss_bytes / 2**20:,.0f} MiB",
                "resumed": f"{record.lineage.resumed_times} times"
                if record.lineage.resumed_times
                else "",
                "run, cell": f"{identity.run_id}, {identity.cell_id}",
                "folder": str(folder),
                "code": _code(record),
                "machine": _machine(record),
                "split": (record.data.split_sha256 or "")[:16],
                "sizes": _sizes(record),
                "notes": plain(" ".join(f"{note}." for note in record.data.notes), 1000),
            }
        ),
    ]
    parts += _settings(record)
    parts += _curves(folder, (result.metric, result.monitor))
    parts += _problems(record)
    parts += [_heading("Run it again"), Text(in_lines(command_of(record)))]
    return parts


def _seal(folder: Path) -> Text | str:
    """Say that the record was changed by hand, if it was."""
    text = "altered after it was written; its numbers may be wrong"
    return Text(text, style="red") if _is_altered(folder) else ""


def _is_altered(folder: Path) -> bool:
    from graphlab.bench.store import RunStore

    try:
        return RunStore(folder.parent.parent).seal(folder) == "altered"
    except (OSError, ValueError):  # gone since it was read
        return False


def unfinished_parts(run: Unfinished) -> list[RenderableType]:
    """Return what is printed for a run without a record: its plan, and how far it is."""
    from graphlab.bench.store import RunStore

    spec = run.spec
    holder = RunStore(run.folder.parent.parent).holder(run.folder)
    state = "not finished"
    if holder is not None:
        state = (
            f"running, process {holder.get('pid', '?')} on {plain(str(holder.get('host', '?')))}"
        )
    title = f"{spec.get('system')} on {spec.get('dataset')}, {spec.get('protocol')}"
    curves = read_curves(run.folder)
    last = max((points[-1][0] for points in curves.values()), default=0)
    return [
        Text(plain(f"{title}, seed {spec.get('seed')}", 200), style="bold"),
        facts(
            {
                "status": Text(state, style="yellow"),
                "epochs": f"{last} so far" if last else "",
                "run, cell": f"{spec.get('run_id')}, {spec.get('cell_id')}",
                "folder": str(run.folder),
            }
        ),
        *_curves(run.folder, (_monitor(spec),)),
    ]


def cell_parts(runs: Sequence[tuple[RunRecord, Path]]) -> list[RenderableType]:
    """Return what is printed for a cell: its mean, its runs, its settings."""
    records = [record for record, _ in runs]
    first = records[0].identity
    title = f"{plain(first.system)} on {plain(first.dataset)}, {first.protocol}"
    altered = [folder / "run.json" for _, folder in runs if _is_altered(folder)]
    table = result_table(records, Outline.from_records(records), altered=altered)
    numbers: dict[str, Any] = {}
    for column, cell in zip(table.columns, table.rows[0].cells, strict=True):
        if cell is not None:
            remark = cell.remark()
            value = f"{cell.number(column.style)} {column.style.unit}".rstrip()
            numbers[f"test {column.style.short}"] = f"{value} ({remark})" if remark else value
            if cell.published is not None:
                known = cell.published
                text = spread(column.style, known.mean, known.std)
                numbers["published"] = f"{text} {column.style.unit}, {known.source.short}"
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    columns = [column for _, column in first_columns(table.columns)]
    heads = ["seed", "status", *(f"test {c.style.head}" for c in columns)]
    for head in [*heads, "best epoch", "epochs", "training", "run"]:
        made.add_column(head, justify="left" if head in {"status", "run"} else "right")
    for record in sorted(records, key=lambda r: (r.identity.seed, r.identity.fold or 0)):
        made.add_row(*_run_row(record, [column.metric for column in columns]))
    return [
        Text(title, style="bold"),
        facts({**numbers, "cell": first.cell_id, "folder": str(runs[0][1].parent)}),
        Text(),
        made,
        *_settings(records[0]),
        _heading("Run it again"),
        *(Text(in_lines(command)) for command in commands_of_row(records)),
    ]


def facts(entries: Mapping[str, str | Text]) -> Table:
    """Return a two-column table of the entries that are not empty."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for label, value in entries.items():
        if value:
            made.add_row(Text(label), value if isinstance(value, Text) else Text(value))
    return made


def _run_row(record: RunRecord, metrics: Iterable[str]) -> list[Text]:
    identity, result = record.identity, record.result
    seed = str(identity.seed) if identity.fold is None else f"{identity.seed} f{identity.fold}"
    numbers = []
    for name in metrics:
        value = record.metric(name)
        numbers.append(Text("" if value is None else metric_style(name).number(value)))
    train = record.cost.seconds.get("train")
    return [
        Text(seed),
        Text(result.status, style=_STATUS.get(result.status, "red")),
        *numbers,
        Text(str(result.best_epoch or "")),
        Text(str(result.epochs_run)),
        Text(seconds(train) if train else ""),
        Text(identity.run_id),
    ]


def _metric_facts(record: RunRecord) -> dict[str, str]:
    found = {}
    first = record.result.metric
    for split in ("test", "val", "train"):
        texts = []
        found_here = record.result.metrics.get(split, {})
        for name in sorted(found_here, key=lambda n: (n == "loss", n != first, metric_order(n))):
            value, style = found_here[name], metric_style(name)
            shown = "missing" if value is None else f"{style.number(value)} {style.unit}".rstrip()
            texts.append(f"{style.short} {shown}")
        found[split] = ", ".join(texts)
    return found


def _epochs(record: RunRecord) -> str:
    result = record.result
    if record.done and not result.epochs_run:
        learns = bool(record.cost.parameters)
        return "none: fitted at once" if learns else "none: there is nothing to learn"
    if result.best_epoch is None:
        return str(result.epochs_run) if result.epochs_run else ""
    return f"{result.epochs_run}; test {selection(record)}, {result.best_epoch}"


def _sizes(record: RunRecord) -> str:
    """Samples of each stage, and negatives where there are some."""
    each = " each" if record.data.own_negatives else ""
    words = {f"{stage}_neg": f"{stage} negatives{each}" for stage in ("val", "test")}
    sizes = record.data.sizes
    order = [name for name in ("train", "val", "test", *words) if name in sizes]
    order += [name for name in sizes if name not in order]
    return ", ".join(f"{sizes[name]:,} {words.get(name, name)}" for name in order)


def _timing(record: RunRecord) -> str:
    cost = record.cost
    parts = sorted(cost.seconds.items(), key=lambda part: (_PARTS.find(part[0]) % 99, part[0]))
    shares = ", ".join(f"{name} {seconds(value)}" for name, value in parts)
    epoch = cost.seconds_per_epoch
    return f"{shares}; an epoch {seconds(epoch)}" if epoch else shares


def _code(record: RunRecord) -> str:
    code = record.code
    git = f", commit {code.git_commit[:12]}" if code.git_commit else ""
    dirty = " with uncommitted changes" if code.git_dirty else ""
    torch = f", torch {code.torch}" if code.torch else ""
    python = f", Python {code.python}" if code.python else ""
    return f"graphlab {code.graphlab}{git}{dirty}{python}{torch}" if code.graphlab else ""


def _machine(record: RunRecord) -> str:
    machine = record.machine
    threads = f", {machine.threads} threads" if machine.threads else ""
    name = machine.gpu or machine.cpu
    return f"{plain(name)}{threads}, determinism {machine.determinism}" if name else ""


def _settings(record: RunRecord) -> list[RenderableType]:
    """What differs from the model's defaults as a table, the rest in one paragraph."""
    differs = differences(record)
    parts: list[RenderableType] = []
    if differs is None:
        parts.append(_heading("Settings (the model is not known here, so all are shown)"))
    elif differs:
        parts.append(_heading("Settings that differ from the model's own"))
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for head in ("setting", "value", "by default"):
            made.add_column(head, overflow="fold")
        for name, (value, default) in differs.items():
            made.add_row(Text(name), Text(_shown(value), style="bold"), Text(_shown(default)))
        parts.append(made)
    else:
        parts.append(_heading("Settings: all as by default for this model and data set"))
    rest = []
    for layer in ("options", "recipe", "task_options"):
        for name, value in getattr(record.config, layer).items():
            if f"{layer}.{name}" not in (differs or {}):
                rest.append(f"{layer}.{name}={_shown(value)}")
    if rest:
        parts.append(Text(", ".join(rest), style="dim"))
    return parts


def _shown(value: Any) -> str:  # noqa: ANN401  (any JSON value)
    if isinstance(value, Unset):
        return "not a setting"
    return "none" if value is None else plain(str(value), 200)


def _monitor(spec: Mapping[str, Any]) -> str | None:
    recipe = spec.get("recipe")
    return str(recipe["monitor"]) if isinstance(recipe, dict) and "monitor" in recipe else None


def _curves(folder: Path, metrics: Sequence[str | None]) -> list[RenderableType]:
    """Curves of the metrics named, of the losses, and of any others if those named have none."""
    curves = read_curves(folder)
    wanted = dict.fromkeys([*(f"val.{name}" for name in metrics if name), *_CURVES])
    names = [name for name in wanted if name in curves]
    if not any(name.startswith("val.") and name != "val.loss" for name in names):
        names += sorted(name for name in curves if name.startswith("val.") and name not in names)
    parts: list[RenderableType] = []
    for name in names:
        points = curves[name]
        if len(points) < 2:  # one point is no curve
            continue
        split, _, metric = name.partition(".")
        style = metric_style(metric)
        values = [value for _, value in points]
        label = {"val": "validation", "train": "training"}.get(split, split)
        top, bottom = style.number(max(values)), style.number(min(values))
        margin = max(len(top), len(bottom))
        lines = text_curve(points, _CURVE_WIDTH)
        ends = [top, *[""] * (len(lines) - 2), bottom]
        drawn = [f"{end:>{margin}} ┤{line}" for end, line in zip(ends, lines, strict=True)]
        axis = f"epoch {points[0][0]}"
        last = f"{points[-1][0]}"
        gap = " " * max(1, _CURVE_WIDTH - len(axis) - len(last))
        drawn.append(f"{'':>{margin}}  {axis}{gap}{last}")
        parts += [_heading(f"{label} {style.axis}"), Text("\n".join(drawn), no_wrap=True)]
    return parts


def _problems(record: RunRecord) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for name, why in record.result.missing.items():
        parts.append(Text(plain(f"missing {name}: {why}", 300), style="yellow"))
    error = record.result.error
    if error is not None:
        parts.append(_heading("Error"))
        parts.append(Text(plain(f"{error.type}: {error.message}", 1000), style="red"))
        tail = error.log_tail.rstrip().splitlines()[-_LOG_LINES:]
        parts += [Text(plain(line, 300), style="dim") for line in tail]
    seen = record.result.warnings
    if seen.count:
        parts.append(_heading(f"Warnings: {seen.count}"))
        parts += [Text(plain(f"{n} times: {text}", 500)) for text, n in seen.texts.items()]
    return parts


def _heading(text: str) -> Text:
    return Text(f"\n{text}", style="bold")
