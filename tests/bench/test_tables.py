"""Result tables: what is averaged, what is said beside it, and names that mean harm."""

from __future__ import annotations

import csv
import io
import json
import re
import statistics
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphlab.bench.report.display import compact, metric_style, plain, seconds
from graphlab.bench.report.formats import escape_latex, escape_markdown
from graphlab.bench.report.outline import Outline, OutlineCell, merge_outlines
from graphlab.bench.report.reference import load_references
from graphlab.bench.report.tables import result_table

HOSTILE = [
    "<script>alert(1)</script>",
    "a | b",
    "\\input{/etc/passwd} $x$ & 50% #1 _ ^ ~ { }",
    '"><img src=x onerror=alert(1)>',
    "=HYPERLINK(A1)",
    "+1",
    "@sum",
    "-2",
    "line\nbreak\r\n\ttab",
    "\x1b[31mred\x07",
    "\u202egnp.exe",
    "../../etc/passwd",
    "emoji 🙂 and ü",
    "[2em] *x* `code` ~~gone~~",
    "x" * 10_000,
    "{{ 7 * 7 }} {% raw %}",
    "$\\frac$",
    "]]>",
    "",
    " ",
]


def outline(*records, planned=None, skipped=()):
    """The outline of records, as a plan would give it."""
    made = Outline.from_records(records)
    cells = tuple(
        OutlineCell(**{**vars(cell), "planned": planned or cell.planned}) for cell in made.cells
    )
    return Outline("demo", "Demo suite", cells, tuple(skipped), saved=True)


def cell_of(table, system, column=0):
    row = next(row for row in table.rows if row.system == system)
    return row.cells[column]


# -- numbers --------------------------------------------------------------------------------------


def test_mean_and_sample_deviation_by_hand(make_run):
    runs = [make_run(seed=seed, acc=acc) for seed, acc in enumerate((0.80, 0.82, 0.84))]
    cell = cell_of(result_table(runs), "GCN")
    assert cell.n == 3
    assert cell.mean == pytest.approx(0.82)
    assert cell.std == pytest.approx(0.02)  # with ddof 0 it would be 0.0163
    assert "82.0 ± 2.0" in result_table(runs).to_text()


def test_a_single_run_has_no_spread(make_run):
    table = result_table([make_run(acc=0.5)])
    assert cell_of(table, "GCN").std is None
    assert "50.0" in table.to_text()
    assert "±" not in table.to_text().split("Test values")[0]
    assert "no spread" in table.notes[0]


def test_seeds_missing_from_the_plan_are_counted(make_run):
    runs = [make_run(seed=seed) for seed in range(3)]
    table = result_table(runs, outline(*runs, planned=5))
    assert cell_of(table, "GCN").remark() == "n=3 of 5"
    for text in (table.to_text(), table.to_markdown(), table.to_latex()):
        assert "n=3 of 5" in text


def test_without_a_plan_a_suite_has_as_many_seeds_everywhere(make_run):
    runs = [make_run(seed=seed) for seed in range(3)] + [make_run(system="MLP")]
    assert cell_of(result_table(runs), "MLP").remark() == "n=1 of 3"
    assert "over 1 to 3 seeds" in result_table(runs).notes[0]
    alone = [
        run.model_copy(update={"identity": run.identity.model_copy(update={"suite": "adhoc"})})
        for run in runs
    ]  # runs of flags alone have no common plan
    assert cell_of(result_table(alone), "MLP").remark() == ""


def test_complete_cells_have_no_remark(make_run):
    runs = [make_run(seed=seed) for seed in range(5)]
    assert cell_of(result_table(runs, outline(*runs, planned=5)), "GCN").remark() == ""


def test_diverged_seeds_are_shown_and_never_averaged(make_run):
    runs = [make_run(seed=seed, acc=0.9) for seed in range(8)]
    runs += [make_run(seed=seed, status="diverged") for seed in (8, 9)]
    others = [make_run(system="MLP", seed=seed, acc=0.5 + seed / 100) for seed in range(10)]
    table = result_table([*runs, *others], outline(*runs, *others, planned=10))
    cell = cell_of(table, "GCN")
    assert cell.n == 8
    assert cell.remark() == "n=8 of 10, div. 2/10"
    assert not cell.best  # the mean over survivors is no candidate for the best
    assert "div. 2/10" in table.to_text()
    assert any("are in no mean" in note for note in table.notes)


def test_the_mean_of_a_cell_with_failures_is_not_called_best(make_run):
    good = [make_run(system="A", seed=s, acc=0.9) for s in range(2)]
    good.append(make_run(system="A", seed=2, status="failed"))
    rest = [make_run(system=name, seed=s, acc=0.6) for name in "BC" for s in range(3)]
    table = result_table([*good, *rest])
    assert [cell_of(table, name).best for name in "ABC"] == [False, True, True]
    assert "**60.0 ± 0.0**" in table.to_markdown()


def test_a_cell_without_any_result_is_a_dash(make_run):
    runs = [make_run(seed=seed, status="diverged") for seed in range(2)]
    runs += [make_run(system="MLP", seed=seed) for seed in range(2)]
    table = result_table(runs)
    cell = cell_of(table, "GCN")
    assert cell.mean is None
    assert cell.number(table.columns[0].style) == "\N{EN DASH}"
    assert cell.remark() == "n=0 of 2, div. 2/2"


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("diverged", "div. 1/3"),
        ("out-of-memory", "out of memory 1/3"),
        ("timeout", "timeout 1/3"),
        ("failed", "failed 1/3"),
    ],
)
def test_every_bad_status_has_its_word(make_run, status, word):
    runs = [make_run(seed=0), make_run(seed=1), make_run(seed=2, status=status)]
    table = result_table(runs)
    assert cell_of(table, "GCN").failed() == word
    assert word in table.to_markdown()
    column = status.replace("-", "_")
    line = next(csv.DictReader(io.StringIO(table.to_csv())))
    assert line[column] == "1"


def test_runs_out_of_time_are_in_the_mean_and_counted_beside_it(make_run):
    late = make_run(seed=1, status="timeout", metrics={"test": {"acc": 0.9}})
    rivals = [make_run(system="MLP", seed=seed, acc=0.5) for seed in range(2)]
    table = result_table([make_run(seed=0, acc=0.8), late, *rivals])
    cell = cell_of(table, "GCN")
    assert (cell.n, cell.mean, cell.remark()) == (2, pytest.approx(0.85), "timeout 1/2")
    assert "85.0 ± 7.1" in table.to_text()
    assert any(note.startswith("timeout: runs that their time limit ended") for note in table.notes)
    line = next(csv.DictReader(io.StringIO(table.to_csv())))
    assert (line["n"], line["timeout"]) == ("2", "1")


def test_a_cell_with_runs_out_of_time_is_never_the_best(make_run):
    late = [
        make_run(seed=seed, status="timeout", metrics={"test": {"acc": 0.9 + seed / 1000}})
        for seed in range(8)
    ]
    others = [
        make_run(system=system, seed=seed, acc=acc + seed / 1000)
        for system, acc in (("MLP", 0.5), ("SGC", 0.6))
        for seed in range(8)
    ]
    table = result_table([*late, *others])
    best = {row.system for row in table.rows if row.cells[0].best}
    assert best == {"SGC"}
    assert cell_of(table, "GCN").interval is None
    assert any("GCN on cora (runs out of time)" in note for note in table.notes)
    assert "Bold: best mean of a column, cells with unfinished runs not considered." in table.notes


def test_a_run_out_of_time_without_a_value_is_in_no_mean(make_run):
    late = make_run(seed=1, status="timeout", metrics={"val": {"acc": 0.9}})
    cell = cell_of(result_table([make_run(seed=0, acc=0.8), late]), "GCN")
    assert (cell.n, cell.mean, cell.remark()) == (1, 0.8, "n=1 of 2, timeout 1/2")


def test_a_metric_that_could_not_be_computed_is_counted(make_run):
    bad = make_run(seed=1, metrics={"test": {"acc": None}}, missing={"test.acc": "nan"})
    cell = cell_of(result_table([make_run(seed=0), bad]), "GCN")
    assert cell.n == 1
    assert cell.remark() == "n=1 of 2, no value 1/2"


def test_of_two_records_of_one_run_the_later_counts(make_run):
    old, new = make_run(acc=0.1), make_run(acc=0.9)
    assert cell_of(result_table([new, old]), "GCN").mean == 0.9


def test_folds_are_separate_runs(make_run):
    runs = [make_run(seed=0, fold=fold, acc=0.5 + fold / 10) for fold in range(4)]
    table = result_table(runs)
    assert cell_of(table, "GCN").n == 4
    assert "folds and seeds" in table.notes[0]
    assert "0-f3=0.8" in table.to_csv()


# -- columns and rows -----------------------------------------------------------------------------


def test_two_protocols_are_two_columns(make_run):
    runs = [make_run(protocol="public", acc=0.8), make_run(protocol="geom-gcn", acc=0.9)]
    table = result_table(runs)
    assert [c.protocol for c in table.columns] == ["public", "geom-gcn"]
    assert [c.mean for c in table.rows[0].cells] == [0.8, 0.9]
    assert "geom-gcn" in table.to_text()


def test_rows_and_columns_follow_the_plan(make_run):
    runs = [
        make_run(system=s, dataset=d) for d in ("cora", "citeseer") for s in ("DAGNN", "MLP", "GCN")
    ]
    table = result_table(list(reversed(runs)), outline(*runs))
    assert [row.system for row in table.rows] == ["DAGNN", "MLP", "GCN"]
    assert [column.dataset for column in table.columns] == ["cora", "citeseer"]


def test_the_data_sets_own_metric_comes_first_and_the_loss_is_left_out(make_run):
    metrics = {"test": {"loss": 0.5, "acc": 0.8, "rocauc": 0.9}}
    runs = [make_run(dataset="minesweeper", protocol="stored-10", metrics=metrics)]
    table = result_table(runs)
    assert [column.metric for column in table.columns] == ["rocauc", "acc"]
    assert any("All metrics of a run are of one state" in note for note in table.notes)


def test_percent_only_where_the_metric_is_a_fraction(make_run):
    runs = [
        make_run(
            dataset="zinc", task="graph", metrics={"test": {"mae": 0.25 + seed / 100}}, seed=seed
        )
        for seed in range(2)
    ]
    runs += [make_run(system="B", dataset="zinc", task="graph", metrics={"test": {"mae": 0.5}})]
    table = result_table(runs)
    assert table.columns[0].style.head == "MAE"
    assert "0.2550 ± 0.0071" in table.to_text()
    assert cell_of(table, "GCN").best  # the lowest error
    assert not cell_of(table, "B").best


def test_pending_cells_have_a_column_and_say_so(make_run):
    runs = [make_run(dataset="cora"), make_run(dataset="citeseer")]
    table = result_table(runs[:1], outline(*runs, planned=3))
    assert [column.dataset for column in table.columns] == ["cora", "citeseer"]
    assert table.rows[0].cells[1].remark() == "n=0 of 3"


def test_settings_are_never_mixed_without_a_plan(make_run):
    runs = [make_run(variant=v, seed=s, acc=a) for v, a in (("a", 0.5), ("b", 0.9)) for s in (0, 1)]
    table = result_table(runs)
    assert [row.cells[0].mean for row in table.rows] == [0.5, 0.9]
    assert len({row.note for row in table.rows}) == 2
    assert any("differ in their settings" in note for note in table.notes)


def test_records_of_other_settings_are_left_out_with_a_plan(make_run):
    mine, other = make_run(variant="a", acc=0.5), make_run(variant="b", acc=0.9)
    table = result_table([mine, other], outline(mine))
    assert [row.cells[0].mean for row in table.rows] == [0.5]
    assert "1 run with other settings" in table.notes[-1]


def test_skipped_sets_are_named(make_run):
    run = make_run()
    table = result_table([run], outline(run, skipped=[("pubmed", "missing 3 files")]))
    assert "Skipped: pubmed: missing 3 files." in table.notes
    assert table.to_json()["skipped"] == [{"dataset": "pubmed", "reason": "missing 3 files"}]


def test_costs_are_medians_over_runs(make_run):
    runs = [make_run(seed=i, seconds=s) for i, s in enumerate((1.0, 2.0, 9.0))]
    table = result_table(runs)
    assert cell_of(table, "GCN").train_seconds == 2.0
    assert cell_of(table, "GCN").parameters == 1000
    assert "2.0 s" in table.to_text()
    assert "1.00k" in table.to_text()


def test_a_row_over_data_sets_gives_the_range_of_costs(make_run):
    runs = [
        make_run(dataset="cora", seconds=0.5, parameters=900),
        make_run(dataset="citeseer", seconds=4.0, parameters=12_000),
    ]
    row = result_table(runs).rows[0]
    assert row.train_seconds == (0.5, 4.0)
    assert row.parameters == (900, 12_000)
    assert "0.5 to 4.0 s" in result_table(runs).to_markdown()


def test_no_records_make_an_empty_table():
    table = result_table([])
    assert table.rows == ()
    assert "No runs yet." in table.to_text()
    assert table.to_csv().count("\n") == 1
    assert table.to_json()["results"] == []


# -- selection ------------------------------------------------------------------------------------


def test_the_note_says_which_value_selected_the_epoch(make_run):
    table = result_table([make_run()])
    assert "Test is computed once, at the epoch of best validation loss." in table.notes


def test_systems_with_different_rules_are_named(make_run):
    runs = [
        make_run(system="DAGNN"),
        make_run(system="GCN", recipe={"monitor": "acc", "select": "best"}),
        make_run(system="MLP", recipe={"monitor": "loss", "select": "last"}),
    ]
    note = next(note for note in result_table(runs).notes if "computed once" in note)
    assert "at the epoch of best validation loss (DAGNN)" in note
    assert "at the epoch of best validation accuracy (GCN)" in note
    assert "at the last epoch (MLP)" in note


# -- published numbers ----------------------------------------------------------------------------


def test_published_numbers_stand_in_their_own_column_with_a_source(make_run):
    runs = [make_run(system="DAGNN", seed=s, acc=0.84 + s / 1000) for s in range(3)]
    table = result_table(runs)
    cell = cell_of(table, "DAGNN")
    assert table.columns[0].published
    assert (cell.published.mean, cell.published.std) == (0.844, 0.005)
    assert cell.mean == pytest.approx(0.841)  # ours is ours alone
    assert table.sources[0].key == "liu2020"
    head, _, first = table.to_markdown().splitlines()[2:5]
    assert head.count("|") == 6
    assert "| 84.4 ± 0.5 [1] |" in first
    assert "arXiv 2007.09296" in table.to_text()


def test_a_number_of_another_protocol_is_not_shown(make_run):
    table = result_table([make_run(system="DAGNN", protocol="geom-gcn")])
    assert not table.columns[0].published
    assert cell_of(table, "DAGNN").published is None


def test_an_adapter_of_a_model_has_its_published_number(make_run):
    table = result_table([make_run(system="PyG GAT", model="pyg-gat")])
    assert cell_of(table, "PyG GAT").published.source.key == "velickovic2018"


def test_a_variant_beside_the_published_model_gets_no_published_number(make_run):
    full = make_run(system="DAGNN")
    small = make_run(system="DAGNN, K=2", model="dagnn", overridden=("options.K",))
    table = result_table([full, small])
    assert cell_of(table, "DAGNN").published is not None
    assert cell_of(table, "DAGNN, K=2").published is None


def test_references_can_be_given(make_run):
    table = result_table([make_run()], references=load_references())
    assert cell_of(table, "GCN").published.mean == 0.815


# -- files ----------------------------------------------------------------------------------------


def test_csv_holds_the_full_precision(make_run):
    values = [0.1 + 0.2, 2 / 3, 0.123456789012345678]
    runs = [make_run(seed=seed, acc=value) for seed, value in enumerate(values)]
    line = next(csv.DictReader(io.StringIO(result_table(runs).to_csv())))
    assert float(line["mean"]) == statistics.fmean(values)
    assert float(line["std"]) == statistics.stdev(values)
    assert [float(pair.partition("=")[2]) for pair in line["values"].split()] == values
    assert line["published_mean"] == "0.815"
    assert line["suite"] == "demo"


def test_without_times_two_executions_give_equal_bytes(make_run):
    def runs(seconds):
        return [
            make_run(system=s, seed=seed, acc=0.5 + seed / 10, seconds=seconds)
            for s in ("A", "B")
            for seed in range(3)
        ]

    first, second = result_table(runs(1.0)), result_table(runs(7.7))
    for form in ("to_csv", "to_markdown", "to_latex"):
        assert getattr(first, form)(times=False) == getattr(second, form)(times=False)
        assert getattr(first, form)() != getattr(second, form)()
    assert first.to_json(times=False) == second.to_json(times=False)


def test_the_time_columns_come_last(make_run):
    table = result_table([make_run()])
    with_times = table.to_csv().splitlines()
    without = table.to_csv(times=False).splitlines()
    assert all(a.startswith(b + ",") for a, b in zip(with_times, without, strict=True))


def test_json_is_valid_for_cells_without_a_mean(make_run):
    table = result_table([make_run(status="failed")])
    text = json.dumps(table.to_json(), allow_nan=False)
    assert json.loads(text)["results"][0]["mean"] is None


def test_latex_is_a_booktabs_table(make_run):
    runs = [make_run(system=s, seed=i, acc=0.7 + i / 10) for s in ("A_1", "B") for i in range(2)]
    text = result_table(runs).to_latex()
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"A\_1", r"$\pm$", r"\cmidrule"):
        assert part in text
    rows = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert len(rows) == 2
    columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)[1]
    assert all(row.count("&") == len(columns) - 1 for row in rows)


# -- terminal -------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [200, 100, 80, 60, 40])
def test_no_line_is_wider_than_the_terminal(make_run, width):
    names = ("MLP", "GCN", "PyG GAT", "APPNP", "DAGNN")
    sets = ("cora", "citeseer", "photo", "computers")
    runs = [make_run(system=s, dataset=d, seed=i) for s in names for d in sets for i in range(3)]
    runs.append(make_run(system="MLP", dataset="cora", seed=3, status="diverged"))
    text = result_table(runs).to_text(width)
    assert max(map(len, text.splitlines())) <= width
    for name in (*names, *sets):
        assert name in text
    assert "div. 1/4" in text


def test_a_wide_terminal_shows_one_table_a_narrow_one_a_table_a_data_set(make_run):
    runs = [make_run(dataset=d) for d in ("cora", "citeseer", "photo")]
    table = result_table(runs)
    assert table.to_text(200).count("system") == 1
    assert table.to_text(50).count("system") == 3


def test_without_colours_a_star_stands_for_bold(make_run):
    runs = [
        make_run(system=s, seed=i, acc=a + i / 100)
        for s, a in (("A", 0.5), ("B", 0.7))
        for i in (0, 1)
    ]
    text = result_table(runs).to_text()
    assert "*70.5 ± 0.7" in text
    assert "*50.5" not in text
    assert "*: best mean of a column." in text
    columns = [line.index("±") for line in text.splitlines() if "0.7" in line and "±" in line]
    assert len(set(columns)) == 1


def test_in_colour_the_best_is_bold(make_run):
    from rich.console import Console

    runs = [make_run(system=s, acc=a) for s, a in (("A", 0.5), ("B", 0.7))]
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=100)
    console.print(result_table(runs))
    text = console.file.getvalue()
    assert re.search(r"\x1b\[1m *70\.0", text)
    assert not re.search(r"\x1b\[1m *50\.0", text)
    assert "Bold: best mean" in text


def test_columns_cut_from_a_narrow_terminal_are_mentioned(make_run):
    runs = [make_run(dataset=d, seed=s) for d in ("cora", "citeseer") for s in range(2)]
    table = result_table(runs)
    assert "Columns left out" not in table.to_text(100)
    assert "Columns left out" in table.to_text(40)


def test_the_terminal_path_imports_nothing_heavy():
    code = """
import sys
from graphlab.bench.record import Config, Identity, Result, RunRecord
from graphlab.bench.report.tables import result_table
identity = Identity(run_id="1", cell_id="c", suite="s", system="GCN", dataset="cora", task="node",
                    protocol="public", seed=0)
run = RunRecord(identity=identity, config=Config(model="gcn"),
                result=Result(status="done", metrics={"test": {"acc": 0.8}}))
table = result_table([run])
table.to_text(), table.to_markdown(), table.to_csv(), table.to_latex(), table.to_json()
heavy = {"torch", "numpy", "pandas", "scipy", "matplotlib", "jinja2"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# -- hostile names --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_harmless_in_every_text(make_run, name):
    runs = [make_run(system=name or "x", dataset=name or "y", title=name, model="gcn")]
    table = result_table(runs)
    text, markdown, latex = table.to_text(), table.to_markdown(), table.to_latex()
    for output in (text, markdown, latex, table.to_csv()):
        assert "\x1b" not in output
        assert "\x07" not in output
        assert "\u202e" not in output
        assert max(map(len, output.splitlines())) < 30_000
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(rows) == 3  # head, rule, one row: no name has begun a line
    bars = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert len(bars) == 1  # ... or a column
    assert "<script" not in markdown
    assert "<img" not in markdown
    body = latex.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert len(body) == 1
    assert not body[0].startswith(("[", "*"))
    assert "\\input" not in latex


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_csv_names_are_no_formulas(make_run, name):
    line = next(
        csv.reader(io.StringIO(result_table([make_run(system=name)]).to_csv().split("\n", 1)[1]))
    )
    assert line[1].startswith("'")


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_name_becomes_one_short_line(name):
    shown = plain(name)
    assert len(shown) <= 60
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1


@given(st.text(max_size=100))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_name_is_inert_in_latex_and_markdown(name):
    latex = escape_latex(name)
    commands = {
        "textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater",
        "textbar", "textquotedbl", "pm", "approx", "neq", "dots", "textperiodcentered",
    }  # fmt: skip
    assert set(re.findall(r"\\([A-Za-z]+)", latex)) <= commands
    bare = re.sub(r"\\[A-Za-z]+\{\}|\\[{}$&#%_]|\$\\(?:pm|approx|neq)\$|\{[\[\]*]\}", "", latex)
    assert not set(bare) & set("\\{}$&#%_^~")
    markdown = escape_markdown(name)
    assert not re.search(r"(?<!\\)[|*_`\[\]]", markdown.replace("\\\\", ""))
    assert "<" not in markdown


def test_csv_reads_back_for_hostile_names(make_run):
    runs = [make_run(system=f"{i} {name}") for i, name in enumerate(HOSTILE)]
    lines = list(csv.DictReader(io.StringIO(result_table(runs).to_csv())))
    assert len(lines) == len(HOSTILE)
    assert all(float(line["mean"]) == 0.8 for line in lines)


# -- outline --------------------------------------------------------------------------------------


def test_a_narrowed_run_keeps_the_other_cells_of_the_report(make_run):
    runs = [make_run(system=s, dataset=d) for d in ("cora", "photo") for s in ("GCN", "MLP")]
    whole = outline(*runs, planned=5, skipped=[("pubmed", "missing")])
    narrow = outline(runs[1], planned=10)
    ids = {run.identity.cell_id for run in runs}
    merged = merge_outlines(whole, narrow, ids)
    assert [cell.place for cell in merged.cells] == [cell.place for cell in whole.cells]
    assert [cell.planned for cell in merged.cells] == [5, 10, 5, 5]
    assert merged.skipped == whole.skipped


def test_new_settings_replace_the_old_ones_in_their_place(make_run):
    old, new = make_run(variant="a"), make_run(variant="b")
    both = {old.identity.cell_id, new.identity.cell_id}
    merged = merge_outlines(outline(old), outline(new), both)
    assert [cell.cell_id for cell in merged.cells] == [new.identity.cell_id]


def test_cells_without_records_leave_with_the_plan_that_named_them(make_run):
    runs = [make_run(system="GCN"), make_run(system="MLP")]
    merged = merge_outlines(outline(*runs), outline(runs[0]), {runs[0].identity.cell_id})
    assert [cell.system for cell in merged.cells] == ["GCN"]


# -- display --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.0 ms"), (0.9996, "1.0 s"), (59.97, "1 min 0 s"), (3599.6, "1 h 00 min")],
)
def test_durations_at_the_edges(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (999, "999"), (999_600, "1.00M")])
def test_counts_at_the_edges(count, text):
    assert compact(count) == text


def test_unknown_metrics_are_shown_as_they_are():
    style = metric_style("my_metric")
    assert (style.head, style.scale, style.higher_is_better) == ("my_metric", 1.0, True)
    assert metric_style("hits@20").number(0.5) == "50.0"
