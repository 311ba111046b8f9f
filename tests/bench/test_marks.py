"""Marks in result tables: which claims are made, which are not, and what is said of both."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys

import pytest
import scipy.stats

from graphlab.bench.report.reference import Published, References, Source
from graphlab.bench.report.tables import result_table
from graphlab.bench.stats import bootstrap_interval, holm, paired_test

NOISE = (0.000, 0.004, -0.003, 0.006, -0.005, 0.002, 0.001, -0.002, 0.005, -0.004, 0.003, -0.006)
OTHER = (0.005, -0.004, 0.001, -0.006, 0.003, -0.001, 0.006, -0.003, 0.000, 0.002, -0.005, 0.004)


@pytest.fixture
def series(make_run):
    """Return a function that makes the runs of one system, with splits if asked."""

    def make(system, mean, noise=NOISE, *, n=10, splits=None, sizes=None, data="ab", **more):
        runs = []
        for seed in range(n):
            run = make_run(system=system, seed=seed, acc=round(mean + noise[seed], 6), **more)
            changed = {
                "split_sha256": splits(seed) if splits else "cd" * 32,
                "sizes": sizes or {"train": 100, "val": 50, "test": 100},
                "dataset_sha256": data * 32,
            }
            runs.append(run.model_copy(update={"data": run.data.model_copy(update=changed)}))
        return runs

    return make


def standing(table, system, column=0):
    row = next(row for row in table.rows if row.system == system)
    return row.cells[column].standing


def lines(table):
    return list(csv.DictReader(io.StringIO(table.to_csv(times=False))))


def published(mean):
    source = Source("a2020", "Author 2020", "Author 2020", "https://doi.org/10.1/x")
    return References((Published("gcn", "cora", "public", "acc", mean, 0.001, 10, source),))


# -- against the best -----------------------------------------------------------------------------


def test_a_system_close_to_the_best_is_marked_and_a_worse_one_is_not(series):
    runs = [*series("A", 0.80), *series("B", 0.799, OTHER), *series("C", 0.70, OTHER)]
    table = result_table(runs)
    assert [standing(table, s).kind for s in "ABC"] == ["best", "not-worse", "worse"]
    text = table.to_text()
    for shown in ("*80.0 ± 0.4", "≈79.9 ± 0.4", " 70.0 ± 0.4"):
        assert shown in text
    assert "≈70" not in text


def test_the_p_values_are_those_of_the_paired_tests_after_holm(series):
    groups = {"A": (0.80, NOISE), "B": (0.797, OTHER), "C": (0.79, OTHER), "D": (0.70, OTHER)}
    runs = {name: series(name, *args) for name, args in groups.items()}
    table = result_table([run for group in runs.values() for run in group])
    values = {name: [run.metric("acc") for run in group] for name, group in runs.items()}
    raw = [paired_test(values["A"], values[s], random_splits=False).p_value for s in "BCD"]
    assert raw[0] == scipy.stats.wilcoxon(values["A"], values["B"]).pvalue
    assert [standing(table, s).p_value for s in "BCD"] == holm(raw)


def test_the_note_names_test_pairs_and_correction(series):
    table = result_table([*series("A", 0.80), *series("B", 0.799, OTHER)])
    note = next(note for note in table.notes if note.startswith("≈"))
    assert "two-sided Wilcoxon signed-rank test over 10 pairs of equal seed and split" in note
    assert "level 0.05 after Holm's correction" in note


def test_without_a_marked_system_the_note_says_that_all_are_worse(series):
    table = result_table([*series("A", 0.80), *series("B", 0.70, OTHER)])
    assert any(note.startswith("Every other system that was tested") for note in table.notes)
    assert "≈" not in table.to_markdown() + table.to_text() + table.to_latex()


def test_the_lowest_error_is_the_best_and_the_others_are_tested_against_it(series):
    def errors(system, mean, noise):
        runs = series(system, mean, noise, dataset="zinc", task="graph", protocol="public")
        return [
            run.model_copy(
                update={
                    "result": run.result.model_copy(
                        update={"metrics": {"test": {"mae": run.metric("acc")}}}
                    )
                }
            )
            for run in runs
        ]

    table = result_table([*errors("A", 0.5, NOISE), *errors("B", 0.2, NOISE[::-1])])
    assert standing(table, "B").kind == "best"
    assert standing(table, "A").kind == "worse"


def test_over_random_splits_the_corrected_test_is_used(series):
    sizes = {"train": 90, "val": 10, "test": 10}
    runs = [
        *series("A", 0.80, splits=lambda seed: f"{seed:064x}", sizes=sizes),
        *series("B", 0.797, OTHER, splits=lambda seed: f"{seed:064x}", sizes=sizes),
    ]
    table = result_table(runs)
    a, b = ([run.metric("acc") for run in runs[i : i + 10]] for i in (0, 10))
    expected = paired_test(a, b, random_splits=True, test_fraction=0.1)
    found = standing(table, "B")
    assert (found.test, found.p_value) == ("corrected resampled t-test", expected.p_value)
    assert any("corrected resampled t-test over 10 pairs" in note for note in table.notes)


def test_random_splits_of_unknown_size_are_not_tested(series):
    made = {"splits": lambda seed: f"{seed:064x}", "sizes": {"train": 0}}
    table = result_table([*series("A", 0.80, **made), *series("B", 0.7, OTHER, **made)])
    assert standing(table, "B").kind == "not-tested"
    assert "sizes of the splits are not recorded" in table.to_text(200)


def test_other_splits_or_data_are_never_paired(series):
    a = series("A", 0.80)
    for other in (series("B", 0.7, OTHER, splits=lambda _: "ef" * 32), series("B", 0.7, data="ee")):
        table = result_table([*a, *other])
        assert standing(table, "B").kind == "not-tested"
        assert any("B on cora (other data or another split)" in note for note in table.notes)


def test_equal_means_are_both_best(series):
    table = result_table([*series("A", 0.8), *series("B", 0.8, NOISE[9::-1])])
    assert [standing(table, s).kind for s in "AB"] == ["best", "best"]


def test_systems_without_randomness_are_compared_once_not_ten_times(series):
    flat = (0.0,) * 12
    table = result_table([*series("A", 0.80, flat), *series("B", 0.79, flat)])
    assert standing(table, "B").kind == "not-tested"
    assert "the difference is the same in every pair" in table.to_text(200)


def test_only_shared_seeds_are_paired(series):
    table = result_table([*series("A", 0.80), *series("B", 0.7, OTHER, n=7)])
    assert standing(table, "B").pairs == 7


# -- no claim -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 3, 5])
def test_below_six_seeds_no_claim_is_made(series, n):
    table = result_table([*series("A", 0.80, n=n), *series("B", 0.20, OTHER, n=n)])
    assert standing(table, "B").kind == "too-few"
    assert "≈" not in table.to_text()
    assert f"Too few seeds to say which systems differ: {n} in common, at least 6" in " ".join(
        table.notes
    )
    assert lines(table)[1]["p_holm"] == ""
    assert lines(table)[0]["ci95_low"] == ""


def test_six_seeds_tell_two_systems_apart_but_not_three(series):
    two = [*series("A", 0.80, n=6), *series("B", 0.20, OTHER, n=6)]
    assert standing(result_table(two), "B").kind == "worse"
    table = result_table([*two, *series("C", 0.30, OTHER, n=6)])
    assert [standing(table, s).kind for s in "BC"] == ["too-few", "too-few"]
    assert any("no result could pass Holm's correction" in note for note in table.notes)


def test_one_system_alone_needs_no_sentence(series):
    notes = " ".join(result_table(series("Mine", 0.8, n=3)).notes)
    assert "Too few" not in notes
    assert "Bold" not in notes


def test_survivors_are_neither_best_nor_tested(series, make_run):
    bad = [
        *series("A", 0.9, n=8),
        *(make_run(system="A", seed=s, status="diverged") for s in (8, 9)),
    ]
    table = result_table([*bad, *series("B", 0.8), *series("C", 0.799, OTHER)])
    assert [standing(table, s).kind for s in "ABC"] == ["not-tested", "best", "not-worse"]
    assert any("A on cora (failed runs)" in note for note in table.notes)
    assert "div. 2/10" in table.to_text()
    first = lines(table)[0]
    assert (first["diverged"], first["ci95_low"], first["standing"]) == ("2", "", "not-tested")


# -- published numbers ----------------------------------------------------------------------------


def test_a_published_mean_outside_our_interval_is_flagged(series):
    runs = series("GCN", 0.8)
    low, high = bootstrap_interval([run.metric("acc") for run in runs])
    assert low < 0.8 < high
    for mean, off in ((0.8, False), (0.82, True), (high, False), (low - 1e-6, True)):
        table = result_table(runs, references=published(mean))
        assert table.rows[0].cells[0].misses_published is off
        for text in (table.to_text(), table.to_markdown()):
            assert (f"≠{100 * mean:.1f} ± 0.1 [1]" in re.sub(r"\\", "", text)) is off
        assert (r"$\neq$" in table.to_latex()) is off
        assert lines(table)[0]["published_excluded"] == str(off).lower()
        said = "≠: outside the 95 % bootstrap interval" if off else "Published means lie inside"
        assert any(note.startswith(said) for note in table.notes)


def test_too_few_or_failed_runs_are_not_held_against_a_paper(series, make_run):
    few = result_table(series("GCN", 0.8, n=5), references=published(0.1))
    assert few.rows[0].cells[0].misses_published is None
    assert any("whether a published mean is met" in note for note in few.notes)
    failed = [*series("GCN", 0.8), make_run(seed=10, status="failed")]
    table = result_table(failed, references=published(0.1))
    assert table.rows[0].cells[0].misses_published is None
    assert "≠" not in table.to_text()


# -- outputs --------------------------------------------------------------------------------------


def test_every_output_carries_the_marks(series, save_runs):
    runs = [*series("A", 0.80), *series("B", 0.799, OTHER), *series("C", 0.70, OTHER)]
    table = result_table(runs)
    assert "| ≈79.9 ± 0.4 |" in table.to_markdown()
    assert r"$\approx$79.9 $\pm$ 0.4" in table.to_latex()
    assert [line["standing"] for line in lines(table)] == ["best", "not-worse", "worse"]
    assert [line["pairs"] for line in lines(table)] == ["", "10", "10"]
    assert [r["standing"] for r in table.to_json()["results"]] == ["best", "not-worse", "worse"]
    from graphlab.bench.report.page import write_report

    page = write_report(save_runs(runs)).read_text(encoding="utf-8")
    assert re.search(r"<td[^>]*>≈79\.9 ± 0\.4", page)
    assert "not significantly worse than the best" in page


def test_interval_and_deviation_in_csv(series):
    runs = series("A", 0.80)
    line = lines(result_table(runs))[0]
    low, high = bootstrap_interval([run.metric("acc") for run in runs])
    assert (float(line["ci95_low"]), float(line["ci95_high"])) == (low, high)


def test_two_tables_of_equal_runs_are_equal_bytes(series):
    runs = [*series("A", 0.80), *series("B", 0.799, OTHER)]
    first = result_table(runs)
    second = result_table(runs[::-1], first.outline)
    assert first.to_csv(times=False) == second.to_csv(times=False)
    assert first.to_latex(times=False) == second.to_latex(times=False)


def test_a_table_of_few_seeds_does_not_wait_for_scipy():
    code = """
import sys
from graphlab.bench.record import Config, Identity, Result, RunRecord
from graphlab.bench.report.tables import result_table
def run(system, seed):
    return RunRecord(
        identity=Identity(run_id=f"{system}{seed}", cell_id=system, suite="s", system=system,
                          dataset="cora", task="node", protocol="public", seed=seed),
        config=Config(model=system),
        result=Result(status="done", metrics={"test": {"acc": 0.8 + seed / 100}}))
table = result_table([run(s, seed) for s in ("gcn", "mlp") for seed in range(5)])
assert table.columns[0].published
table.to_text(), table.to_markdown(), table.to_csv(), table.to_latex(), table.to_json()
heavy = {"torch", "numpy", "pandas", "scipy"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
