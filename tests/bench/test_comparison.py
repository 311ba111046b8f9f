"""``compare``: what is paired, what is claimed, what is refused, and how a side is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from graphlab.bench import compare
from graphlab.bench.cli import main
from graphlab.bench.report.display import metric_style
from graphlab.bench.report.reference import load_references
from graphlab.bench.stats import bootstrap_interval, holm, paired_test
from graphlab.errors import ConfigError, InputError
from graphlab.io import write_json

NOISE = (0.000, 0.004, -0.003, 0.006, -0.005, 0.002, 0.001, -0.002, 0.005, -0.004)
OTHER = (0.005, -0.004, 0.001, -0.006, 0.003, -0.001, 0.006, -0.003, 0.000, 0.002)


@pytest.fixture(scope="module")
def series(make_run):
    """Return a function that makes the runs of one system."""

    def make(system, mean, noise=NOISE, *, n=10, split="cd", data="ab", sizes=None, **more):
        runs = []
        for seed in range(n):
            run = make_run(system=system, seed=seed, acc=round(mean + noise[seed], 6), **more)
            changed = {
                "split_sha256": split(seed) if callable(split) else split * 32,
                "sizes": sizes or {"train": 100, "val": 50, "test": 100},
                "dataset_sha256": data * 32,
            }
            runs.append(run.model_copy(update={"data": run.data.model_copy(update=changed)}))
        return runs

    return make


@pytest.fixture(scope="module")
def results(tmp_path_factory, series, write_runs):
    """A folder of results with two suites, to be read alone."""
    folder = tmp_path_factory.mktemp("compare") / "results"
    demo = [
        *series("GCN", 0.80),
        *series("MLP", 0.60, OTHER),
        *series("DAGNN", 0.801, OTHER),
        *series("GCN", 0.70, dataset="citeseer"),
        *series("DAGNN", 0.72, OTHER, dataset="citeseer"),
    ]
    later = [*series("GCN", 0.81, OTHER, variant="lr"), *series("MLP", 0.59, variant="lr")]
    write_runs(demo, folder / "demo")
    write_runs(later, folder / "later")
    return folder


@pytest.fixture
def copied(tmp_path, results):
    """A copy of the same folder that a test may change."""
    return Path(shutil.copytree(results, tmp_path / "results"))


def cli(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        main(["compare", *map(str, args)])
    return (stop.value.code, *capsys.readouterr())


# -- numbers --------------------------------------------------------------------------------------


def test_a_pair_has_difference_interval_counts_and_test(series):
    a, b = series("A", 0.80), series("B", 0.797, OTHER)
    row = compare(a, b).rows[0]
    x, y = ([run.metric("acc") for run in side] for side in (a, b))
    d = [round(p - q, 6) for p, q in zip(x, y, strict=True)]
    assert row.difference == pytest.approx(0.0031)
    assert (row.low, row.high) == bootstrap_interval(d)
    assert (row.wins, row.ties, row.losses) == (
        sum(v > 0 for v in d), sum(v == 0 for v in d), sum(v < 0 for v in d)
    )  # fmt: skip
    test = paired_test(x, y, random_splits=False)
    assert (row.test, row.p_value, row.p_holm) == (test.name, test.p_value, test.p_value)
    assert (row.n, row.verdict) == (10, "not shown to differ")


def test_the_better_side_is_named_whatever_the_direction(series):
    a, b = series("A", 0.80), series("B", 0.60, OTHER)
    assert compare(a, b).rows[0].verdict == "a better"
    assert compare(b, a).rows[0].verdict == "b better"
    assert (compare(b, a).rows[0].wins, compare(b, a).rows[0].losses) == (0, 10)

    def as_error(runs):
        return [
            r.model_copy(
                update={"result": r.result.model_copy(
                    update={"metric": "mae", "metrics": {"test": {"mae": r.metric("acc")}}})}
            )
            for r in runs
        ]  # fmt: skip

    row = compare(as_error(a), as_error(b)).rows[0]
    assert not metric_style("mae").higher_is_better
    assert (row.verdict, row.wins, row.losses) == ("b better", 0, 10)
    assert row.difference > 0


def test_holm_counts_all_pairs(results):
    rows = compare("GCN", "DAGNN", results=results / "demo").rows
    assert [row.dataset for row in rows] == ["cora", "citeseer"]
    assert [row.p_holm for row in rows] == holm([row.p_value for row in rows])
    assert rows[1].p_holm == 2 * rows[1].p_value


def test_over_random_splits_the_corrected_test_is_used(series):
    made = {"split": lambda seed: f"{seed:064x}", "sizes": {"train": 90, "test": 10, "val": 5}}
    a, b = series("A", 0.80, **made), series("B", 0.797, OTHER, **made)
    found = compare(a, b)
    x, y = ([run.metric("acc") for run in side] for side in (a, b))
    assert found.rows[0].p_value == paired_test(
        x, y, random_splits=True, test_fraction=0.1
    ).p_value  # fmt: skip
    assert "too narrow, the test corrects for it" in found.to_text(200)


def test_only_shared_seeds_count_and_the_others_are_named(series):
    found = compare(series("A", 0.8, n=10), series("B", 0.7, OTHER, n=7))
    assert found.rows[0].n == 7
    assert "Runs without a partner are left out: A against B on cora." in found.notes


def test_below_six_pairs_no_claim_is_made(series):
    row = compare(series("A", 0.9, n=5), series("B", 0.1, OTHER, n=5)).rows[0]
    assert (row.verdict, row.p_value, row.low) == ("too few seeds", None, None)
    assert (row.wins, row.losses) == (5, 0)
    assert "No claim below 6 pairs" in repr(compare(series("A", 0.9, n=5), series("B", 0.1, n=5)))


def test_six_pairs_cannot_pass_holm_over_two_rows(series):
    def side(system, noise, mean):
        return [*series(system, mean, noise, n=6),
                *series(system, mean, noise, n=6, dataset="citeseer")]  # fmt: skip

    rows = compare(side("A", NOISE, 0.9), side("B", OTHER, 0.1)).rows
    assert {row.verdict for row in rows} == {"too few seeds"}
    assert "cannot pass Holm's correction over 2 comparisons" in rows[0].remark


def test_failed_runs_forbid_a_claim_and_are_counted(series, make_run):
    a = [*series("A", 0.9, n=8), *(make_run(system="A", seed=s, status="diverged") for s in (8, 9))]
    found = compare(a, series("B", 0.1, OTHER))
    row = found.rows[0]
    assert (row.n, row.verdict, row.p_value) == (8, "no test", None)
    assert "div. 2/10" in row.remark
    assert "div. 2/10" in found.to_text()
    assert "no claim is made" in found.to_text()


def test_systems_without_randomness_get_no_test(series):
    row = compare(series("A", 0.9, (0,) * 10), series("B", 0.1, (0,) * 10)).rows[0]
    assert (row.verdict, row.remark) == ("no test", "the difference is the same in every pair")


def test_the_main_metric_is_taken_unless_another_is_named(series):
    a, b = series("A", 0.8), series("B", 0.7, OTHER)
    assert compare(a, b).rows[0].metric == "acc"
    assert compare(a, b, metric="LOSS").rows[0].metric == "loss"
    with pytest.raises(InputError, match="acd is no test metric of A on cora"):
        compare(a, b, metric="acd")


# -- refusals -------------------------------------------------------------------------------------


def test_two_protocols_are_refused(series):
    with pytest.raises(InputError, match=r"cora: a was run under public, b under geom-gcn"):
        compare(series("A", 0.8), series("B", 0.7, protocol="geom-gcn"))


def test_other_data_are_refused(series):
    with pytest.raises(ConfigError, match=r"the data differ, sha256 abababababab\.\.\. against ee"):
        compare(series("A", 0.8), series("B", 0.7, data="ee"))


def test_other_splits_are_refused_with_their_seeds(series):
    other = series("B", 0.7, split=lambda seed: ("cd" if seed != 3 else "ef") * 32)
    with pytest.raises(ConfigError, match=r"the splits differ at seed 3\. Paired"):
        compare(series("A", 0.8), other)


def test_seeds_without_overlap_are_refused(series):
    with pytest.raises(ConfigError, match=r"no seed .* in common; seeds 0, 1, 2 against seeds 3,"):
        compare(series("A", 0.8, n=3), series("B", 0.7)[3:])


def test_every_problem_is_listed(series):
    a = [*series("A", 0.8), *series("A", 0.8, dataset="citeseer")]
    b = [*series("B", 0.8, data="ee"), *series("B", 0.8, dataset="citeseer", split="ee")]
    with pytest.raises(ConfigError) as caught:
        compare(a, b)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ("DAGNN", "DAGNN", "are the same runs"),
        (
            "GCNN",
            "MLP",
            "GCNN is no suite, system, model or cell with runs in .* Did you mean GCN?",
        ),
        ("demo", "nothing", "nothing is no suite"),
        ("suite/GCN", "MLP", "GCN is no suite with runs"),
        ("MLP", "system/GCN", "2 cells for MLP on cora under public, .* Name one of them"),
        ("g" * 5000, "MLP", "is no suite"),
    ],
)
def test_names_that_fit_nothing_or_too_much(results, a, b, text):
    with pytest.raises(InputError, match=text):
        compare(a, b, results=results)


def test_a_run_is_no_side(results):
    run = next((results / "demo").glob("*/0"))
    with pytest.raises(InputError, match="is one run, that is one seed"):
        compare(run, "MLP", results=results)


def test_python_arguments_that_contradict_each_other(series):
    with pytest.raises(InputError, match="b is missing"):
        compare(series("A", 0.8))
    with pytest.raises(InputError, match="together with published"):
        compare(series("A", 0.8), series("B", 0.8), published=True)
    with pytest.raises(InputError, match="a holds no runs"):
        compare([], series("B", 0.8))


# -- sides ----------------------------------------------------------------------------------------


def test_of_two_suites_systems_of_one_name_are_compared(results):
    found = compare("demo", "later", results=results)
    assert [(row.a, row.b) for row in found.rows] == [("GCN", "GCN"), ("MLP", "MLP")]
    assert any(note.startswith("Only in demo, not compared: DAGNN on cora") for note in found.notes)


def test_a_suite_against_a_system_compares_each_with_it(results):
    found = compare(results / "demo", "system/DAGNN", results=results)
    pairs = [(row.dataset, row.a, row.b) for row in found.rows]
    assert pairs == [
        ("cora", "GCN", "DAGNN"), ("cora", "MLP", "DAGNN"), ("citeseer", "GCN", "DAGNN")
    ]  # fmt: skip
    assert not any("Only in" in note for note in found.notes)


def test_ids_paths_and_models_name_cells(results, series):
    ids = {name: series(name, 0)[0].identity.cell_id for name in ("GCN", "DAGNN")}
    named = compare("demo", "DAGNN", results=results).rows[0]
    for a, b in (
        (ids["GCN"], ids["DAGNN"]),
        (ids["GCN"][:12].upper(), f"cell/{ids['DAGNN'][:12]}"),
        (results / "demo" / ids["GCN"], results / "demo" / ids["DAGNN"]),
    ):
        row = compare(a, b, results=results).rows[0]
        assert (row.a_cell, row.b_cell) == (ids["GCN"], ids["DAGNN"])
        assert row.difference == named.difference
    assert len(compare("model/dagnn", "model/mlp", results=results / "demo")) == 1


def test_settings_that_the_suite_no_longer_plans_are_found_by_id_alone(copied, series, write_runs):
    from graphlab.bench.report.outline import Outline
    from graphlab.bench.store import RunStore

    suite = copied / "demo"
    planned = Outline.from_records(RunStore(suite).records())
    write_json(suite / "plan.json", planned.to_json())
    old = series("GCN", 0.5, variant="old")
    write_runs(old, suite)
    row = compare("GCN", "DAGNN", results=suite).rows[0]
    assert row.a_mean == pytest.approx(0.8, abs=0.01)
    row = compare(old[0].identity.cell_id, "DAGNN", results=suite).rows[0]
    assert row.a_mean == pytest.approx(0.5, abs=0.01)


def test_one_cell_in_two_folders_can_be_compared(results, series, tmp_path, write_runs):
    other = write_runs(series("GCN", 0.80), tmp_path / "elsewhere" / "demo")
    row = compare(results / "demo", other, results=results).rows[0]
    assert (row.a_cell, row.difference, row.ties) == (row.b_cell, 0.0, 10)


def test_an_altered_record_is_named(copied, series):
    cell = series("GCN", 0)[0].identity.cell_id
    record = copied / "demo" / cell / "3" / "run.json"
    text = record.read_text(encoding="utf-8")
    record.write_text(text.replace("0.806", "0.906"), encoding="utf-8")
    notes = compare(cell, "DAGNN", results=copied).notes
    assert any(str(record) in note and "Altered after" in note for note in notes)
    assert not any(
        "Altered" in note for note in compare("MLP", "DAGNN", results=copied / "demo").notes
    )


# -- published ------------------------------------------------------------------------------------


def test_published_numbers_are_one_side(results):
    found = compare("demo", published=True, results=results)
    row = next(r for r in found.rows if (r.system, r.dataset) == ("DAGNN", "cora"))
    paper = load_references().find("dagnn", "cora", "public", "acc")
    assert (row.published_mean, row.source) == (paper.mean, "liu2020")
    assert row.difference == pytest.approx(row.mean - paper.mean)
    assert (row.contained, row.verdict) == (False, "outside")
    assert row.low < row.mean < row.high < paper.mean


def test_a_published_mean_in_the_interval_is_inside(series):
    paper = load_references().find("gcn", "cora", "public", "acc").mean
    row = compare(series("GCN", paper), published=True).rows[0]
    assert (row.contained, row.verdict) == (True, "inside")
    row = compare(series("GCN", paper, n=5), published=True).rows[0]
    assert (row.contained, row.verdict, row.low) == (None, "too few seeds", None)


def test_a_side_without_a_published_number_is_refused(series):
    with pytest.raises(InputError, match="no number for A on cora"):
        compare(series("A", 0.8), published=True)


def test_another_protocol_has_no_published_number(series):
    with pytest.raises(InputError, match="under the same protocol"):
        compare(series("GCN", 0.8, protocol="geom-gcn"), published=True)


# -- outputs --------------------------------------------------------------------------------------


def test_the_frame_has_a_row_a_pair(results):
    frame = compare("GCN", "DAGNN", results=results / "demo").to_frame()
    assert list(frame["dataset"]) == ["cora", "citeseer"]
    assert {"difference", "low", "high", "p_holm", "wins", "verdict"} <= set(frame.columns)
    papers = compare("demo", published=True, results=results).to_frame()
    assert {"published_mean", "contained"} <= set(papers.columns)


def test_the_command_prints_a_table_and_exits_with_zero(capsys, results):
    code, out, err = cli(capsys, "GCN", "DAGNN", "--results", results / "demo")
    assert (code, err) == (0, "")
    assert "GCN against DAGNN" in out
    assert "not shown to differ" in out
    assert "DAGNN better" in out
    assert max(map(len, out.splitlines())) <= 100


def test_the_command_prints_json(capsys, results):
    code, out, _ = cli(capsys, "GCN", "DAGNN", "--json", "--results", results / "demo")
    found = json.loads(out)
    assert code == 0
    assert [row["dataset"] for row in found["results"]] == ["cora", "citeseer"]


def test_published_in_the_terminal(capsys, results):
    code, out, _ = cli(capsys, "DAGNN", "--published", "--results", results / "demo")
    assert code == 0
    assert "84.4 ± 0.5 [1]" in out
    assert "outside" in out


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("GCN",), "Name the other side B"),
        (("GCN", "MLP", "--published"), "--published takes one side"),
        (("GCN", "GCN"), "are the same runs"),
        (("nope", "GCN"), "nope is no suite"),
    ],
)
def test_bad_calls_exit_with_two(capsys, results, args, text):
    code, out, err = cli(capsys, *args, "--results", results / "demo")
    assert (code, out) == (2, "")
    assert text in err


def test_hostile_names_stay_text(series):
    name = "\x1b[31m<b>[bold]x[/bold]\u202e"
    text = compare(series(name, 0.8, model="gcn"), series("B", 0.7, OTHER)).to_text()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold]" in text
