"""What verify decides: which runs a name means, what is promised, what is a mismatch."""

from __future__ import annotations

import json

import pytest

from graphlab.bench import cli
from graphlab.bench._comparison import compare_executions, seed_interval
from graphlab.bench._environment import environment_differences, promised_level
from graphlab.bench._select import select_runs
from graphlab.bench.verification import verify
from graphlab.errors import InputError


@pytest.fixture
def results(make_run, save_runs, tmp_path):
    runs = [make_run(system, seed=seed) for system in ("GCN", "GCNII", "MLP") for seed in range(3)]
    save_runs(runs)
    save_runs([make_run("GCN", suite="other", variant="x")], tmp_path / "results" / "other")
    return tmp_path / "results"


def names(selection):
    return [(r.record.identity.system, r.record.identity.seed) for r in selection.runs]


def changed(record, group, **values):
    part = getattr(record, group).model_copy(update=values)
    return record.model_copy(update={group: part})


# -- which runs -------------------------------------------------------------------------------


def test_a_name_means_a_suite_a_system_a_cell_or_a_run(results):
    assert len(select_runs("demo", results).runs) == 9
    assert sorted(names(select_runs("mlp", results))) == [("MLP", seed) for seed in range(3)]
    one = select_runs("mlp", results).runs[0]
    identity = one.record.identity
    assert names(select_runs(identity.run_id, results)) == [("MLP", identity.seed)]
    assert len(select_runs(identity.cell_id, results).runs) == 3
    for path in (one.folder, one.folder / "run.json"):
        assert names(select_runs(str(path), results)) == [("MLP", identity.seed)]
    assert len(select_runs(str(one.folder.parent), results).runs) == 3
    assert len(select_runs(str(results / "other"), results).runs) == 1


def test_a_whole_name_wins_over_the_beginning_of_another(results):
    assert {name for name, _ in names(select_runs("gcn", results))} == {"GCN"}
    assert {name for name, _ in names(select_runs("gcni", results))} == {"GCNII"}
    assert len(select_runs("gcn", results).runs) == 4, "in two suites"
    assert len(select_runs("demo/gcn", results).runs) == 3


def test_all_seeds_of_the_cell_are_known_for_one_run(results):
    run_id = select_runs("mlp", results).runs[0].record.identity.run_id
    (cell,) = select_runs(run_id, results).cells.values()
    assert len(cell) == 3


@pytest.mark.parametrize("name", ["gcm", "other/mlp", "", "x" * 5000, "a\0b", "../x"])
def test_a_name_that_means_nothing_is_refused(results, name):
    with pytest.raises(InputError, match="no finished run, cell, system or suite"):
        select_runs(name, results)


def test_bad_input_ends_with_code_2(results, capsys):
    for words, text in (
        (["verify", "gcm", "--results", str(results)], "Did you mean gcn"),
        (["verify", "gcn", "--results", str(results / "nowhere")], "is not a folder"),
        (["verify", "gcn", "--results", str(results), "--threads", "0"], "threads must lie"),
        (["verify"], "Missing argument"),
    ):
        with pytest.raises(SystemExit) as stopped:
            cli.main(words)
        assert stopped.value.code == 2
        assert text in capsys.readouterr().err


# -- what is promised -------------------------------------------------------------------------


def exact(record):
    return changed(record, "machine", determinism="exact")


@pytest.mark.parametrize(
    ("group", "values", "level", "named"),
    [
        ("machine", {}, "exact", "same versions"),
        ("machine", {"threads": 2}, "close", "threads"),
        ("machine", {"cpu": "Other"}, "close", "cpu"),
        ("machine", {"platform": "Linux 7"}, "exact", "same versions"),
        ("code", {"source_sha256": "ef"}, "close", "source"),
        ("code", {"torch": "3.0"}, "statistical", "torch"),
        ("code", {"numpy": "9.9"}, "statistical", "numpy"),
        ("machine", {"determinism": "statistical"}, "statistical", "cpu"),
        ("machine", {"processes": 2}, "close", "processes"),
    ],
)
def test_level_follows_from_what_differs(make_run, group, values, level, named):
    record = exact(make_run())
    found, why = promised_level(record, changed(record, group, **values))
    assert (found, named in why) == (level, True), why
    told = {difference.name for difference in environment_differences(record, record)}
    assert told == set()


def test_exact_means_every_bit_and_close_a_tolerance(make_run):
    old = make_run(acc=0.8)
    test = dict(old.result.metrics["test"])
    for shift, held_exact, held_close in (
        (0.0, True, True),
        (1e-9, False, True),
        (2e-3,) + (False,) * 2,
    ):
        new = changed(
            old, "result", metrics={**old.result.metrics, "test": {**test, "acc": 0.8 + shift}}
        )
        for level, held in (("exact", held_exact), ("close", held_close)):
            pairs = compare_executions(old, new, level)
            (acc,) = [pair for pair in pairs if pair.name == "test acc"]
            assert acc.holds is held, (shift, level)
            assert all(pair.holds is not False for pair in pairs if pair is not acc)


@pytest.mark.parametrize("level", ["exact", "close", "statistical"])
def test_other_data_or_split_or_status_holds_at_no_level(make_run, level):
    old = make_run()
    for group, values, name in (
        ("data", {"dataset_sha256": "x"}, "data checksum"),
        ("data", {"split_sha256": "x"}, "split checksum"),
        ("result", {"status": "diverged", "metrics": {}}, "status"),
    ):
        pairs = compare_executions(old, changed(old, group, **values), level)
        assert next(pair.name for pair in pairs if pair.holds is False) == name


def test_epochs_bind_only_where_all_bits_do(make_run):
    old = make_run()
    new = changed(old, "result", best_epoch=8, epochs_run=11)
    assert [p.holds for p in compare_executions(old, new, "exact") if not p.equal] == [False] * 2
    assert [p.holds for p in compare_executions(old, new, "close") if not p.equal] == [None] * 2


def test_statistical_uses_the_interval_of_the_seeds(make_run):
    old = make_run(acc=0.80, metric="acc")
    interval = seed_interval([0.79, 0.80, 0.81, 0.80])
    assert interval is not None
    assert interval[0] < 0.79
    assert interval[1] > 0.81
    for acc, held in ((0.81, True), (0.7, False)):
        pairs = compare_executions(old, make_run(acc=acc), "statistical", interval=interval)
        assert [p.holds for p in pairs if p.name == "test acc"] == [held]
    assert seed_interval([0.79, 0.80]) is None
    pairs = compare_executions(old, make_run(acc=0.1), "statistical", interval=None)
    assert [p.holds for p in pairs if p.name == "test acc"] == [None]


# -- files alone ------------------------------------------------------------------------------


def test_files_of_all_runs_are_checked_without_executing_any(results, capsys):
    found = verify("demo", results=results, execute=False)
    assert found.counts() == {"files only": 9}
    assert found.ok
    path = select_runs("mlp", results).runs[0].folder / "run.json"
    path.write_text(path.read_text().replace('"acc": 0.8', '"acc": 0.9'))
    found = verify("demo", results=results, execute=False)
    assert found.counts() == {"files only": 8, "mismatch": 1}
    with pytest.raises(SystemExit) as stopped:
        cli.main(["verify", "demo", "--no-run", "--json", "--results", str(results)])
    assert stopped.value.code == 1
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"files only": 8, "mismatch": 1}
    (bad,) = [run for run in told["runs"] if run["problems"]]
    assert (bad["system"], "altered" in bad["problems"][0]) == ("MLP", True)


def test_a_file_without_a_record_is_a_failed_check(results):
    path = select_runs("mlp", results).runs[0].folder / "run.json"
    path.write_bytes(path.read_bytes()[:-200])
    found = verify("demo", results=results, execute=False)
    assert (found.garbage, found.exit_code, len(found.checks)) == ((path,), 1, 8)
    assert verify(path, results=results, execute=False).exit_code == 1


def test_a_record_moved_to_another_place_is_found(results):
    first, second = (run.folder / "run.json" for run in select_runs("mlp", results).runs[:2])
    second.write_bytes(first.read_bytes())
    found = verify("mlp", results=results, execute=False)
    assert found.exit_code == 1
    assert any("lies in" in text for check in found.checks for text in check.problems)


def test_a_configuration_that_is_not_that_of_the_id_is_not_executed(results):
    """The run ids of these records are no hashes of their settings."""
    found = verify("mlp", results=results)
    assert found.counts() == {"not comparable": 1, "files only": 2}
    assert "its configuration" in found.checks[0].reason
    assert found.exit_code == 1
