"""Search: what is searched, who decides, what is kept; processes are in ``tests/faults``."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from graphlab.bench import cli
from graphlab.bench.document import parse_setting, toml_text
from graphlab.bench.search.api import SweepResult, trials_of
from graphlab.bench.search.plan import SEARCH_SEEDS, make_search_plan, trial_spec
from graphlab.bench.search.space import Range, parse_range, read_space, settings_of, start_of
from graphlab.bench.search.study import JOURNAL, Outcome, Study, TrialRow
from graphlab.bench.search.summary import write_summary
from graphlab.bench.search.worker import TRIALS, SearchWorker
from graphlab.bench.store import RunStore
from graphlab.bench.suite import Overrides
from graphlab.errors import ConfigError, InputError
from graphlab.registry import find_model
from graphlab.tasks import LinkPrediction, NodeClassification

SMALL = (("recipe.epochs", 3), ("options.num_layers", 2))
SPACE = {"hidden_channels": (2, 8, "log"), "dropout": (0.0, 0.5)}


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """A graph of 60 nodes in two classes, with its split."""
    folder = tmp_path_factory.mktemp("graphs") / "tiny"
    folder.mkdir()
    rng = np.random.default_rng(0)
    label = np.arange(60) % 2
    pairs = rng.integers(0, 60, (200, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    np.savetxt(folder / "edges.csv", pairs, fmt="%d", delimiter=",")
    features = rng.normal(size=(60, 4)) + label[:, None]
    np.savetxt(folder / "features.csv", features, fmt="%.4f", delimiter=",")
    np.savetxt(folder / "labels.csv", label, fmt="%d")
    for name, nodes in (("train", range(20)), ("val", range(20, 40)), ("test", range(40, 60))):
        np.savetxt(folder / f"{name}.csv", list(nodes), fmt="%d")
    return folder


@pytest.fixture
def plan_of(graph, tmp_path):
    """Return a function that plans a search on the small graph."""

    def make(*, model="gcn", task=None, settings=SMALL, space=SPACE, **changes):
        overrides = Overrides(models=(model,), data=graph, task=task, settings=settings)
        given = {"trials": 4, "final_seeds": 2, "results": tmp_path / "results", **changes}
        return make_search_plan(None, overrides, space=space, **given)

    return make


@pytest.fixture(scope="module")
def base(graph):
    overrides = Overrides(models=("dagnn",), data=graph)
    return make_search_plan(None, overrides, space={}).base


def search_here(plan, stop=lambda: False):
    """Execute the trials of a search in this process; return its events."""
    events = []

    class Switch:
        def __call__(self):
            return stop()

        def abortable(self):
            from contextlib import nullcontext

            return nullcontext()

    job = {
        "folder": str(plan.folder),
        "study": plan.study,
        "fingerprint": plan.fingerprint,
        "base": plan.base.to_json(),
        "space": [one.to_json() for one in plan.space],
        "seeds": list(plan.seeds),
        "objective": plan.objective,
        "trials": plan.trials,
        "device": "cpu",
        "threads": 1,
        "known": {"code": {}, "machine": {}},
    }
    SearchWorker(json.loads(json.dumps(job)), events.append, Switch()).run()
    return [event for event in events if event["event"] == "trial"]


# -- the space -----------------------------------------------------------------------------------


def test_the_space_is_the_cards_and_two_fields_of_the_recipe(base):
    space = read_space(base, find_model("dagnn"), {})
    assert [str(one) for one in space] == [
        "options.hidden_channels=16:256:log",
        "options.K=1:30",
        "options.dropout=0.0:0.9",
        "recipe.lr=0.0001:0.1:log",
        "recipe.weight_decay=1e-06:0.01:log",
    ]
    assert [one.integer for one in space] == [True, True, False, False, False]


def test_a_range_of_the_user_replaces_and_a_set_value_is_not_searched(base):
    given = {"lr": (1, 2), "recipe.optimizer": ["adam", "sgd"]}
    fixed = frozenset({"options.K", "system.DAGNN.options.dropout", "recipe.weight_decay"})
    space = {one.name: one for one in read_space(base, find_model("dagnn"), given, fixed)}
    assert list(space) == ["options.hidden_channels", "recipe.lr", "recipe.optimizer"]
    assert space["recipe.lr"] == Range(name="recipe.lr", low=1.0, high=2.0)
    assert space["recipe.optimizer"].choices == ("adam", "sgd")


def test_rates_by_parameter_group_are_searched_one_by_one(base):
    grouped = dataclasses.replace(
        base, recipe={**base.recipe, "lr": {"encoder": 0.01, "predictor": 0.02}}
    )
    space = read_space(grouped, find_model("dagnn"), {"recipe.lr.encoder": (0.5, 1.0)})
    names = [one.name for one in space if one.name.startswith("recipe.lr")]
    assert names == ["recipe.lr.predictor", "recipe.lr.encoder"]
    assert start_of(grouped, space)["recipe.lr.predictor"] == 0.02
    assert "recipe.lr.encoder" not in start_of(grouped, space)  # 0.01 lies outside
    trial = trial_spec(grouped, {"recipe.lr.encoder": 0.75}, seed=1)
    assert trial.recipe["lr"] == {"encoder": 0.75, "predictor": 0.02}
    whole = read_space(grouped, find_model("dagnn"), {"recipe.lr": (0.5, 1.0)})
    assert [one.name for one in whole if one.name.startswith("recipe.lr")] == ["recipe.lr"]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"hiden_channels": (1, 2)}, "Did you mean hidden_channels?"),
        ({"options.depht": (1, 2)}, "--space options.depht: options.depht is not a setting of"),
        ({"K": (5, 2)}, "--space K: options.K: the low end 5 must be below the high end 2."),
        ({"K": (5, 5)}, "the low end 5 must be below the high end 5."),
        ({"K": (0.5, 2)}, "options.K must be an integer (got 0.5)."),
        ({"dropout": (0.1, "x")}, "the ends of a range are numbers (got 'x')."),
        ({"dropout": (0.1, 1.5)}, "options.dropout must lie in [0, 1] (got 1.5)."),
        ({"dropout": (0.0, 0.5, "log")}, "a logarithmic range begins above 0 (got 0.0)."),
        ({"dropout": (0.0, 0.5, "lin")}, "expected LOW:HIGH, LOW:HIGH:log or choices A,B,C"),
        ({"dropout": 0.5}, "expected LOW:HIGH, LOW:HIGH:log or choices A,B,C (got 0.5)."),
        ({"lr": (0, 1)}, "lr is 0.0; expected a number above 0"),
        ({"recipe.epochs": (0, 5)}, "epochs is 0; expected an integer of at least 1."),
        ({"optimizer": ["adam", "adm"]}, "(got 'adm'). Did you mean adam?"),
        ({"K": [3]}, "one choice is no search; fix it by --set options.K=3."),
        ({"K": [[1, 2], 3]}, "a choice is one number, text or truth value (got [1, 2])."),
        ({"task_options.metric": ["acc", "rocauc"]}, "changes what is measured"),
        ({"recipe.max_seconds": (1, 2)}, "decides no result and cannot be searched."),
    ],
)
def test_a_wrong_range_is_refused_by_name_value_and_remedy(base, given, text):
    with pytest.raises(ConfigError) as caught:
        read_space(base, find_model("dagnn"), given)
    assert text in str(caught.value)


def test_all_wrong_ranges_are_told_at_once_and_nothing_is_written(graph, tmp_path, capsys):
    words = ["sweep", "--model", "dagnn", "--data", str(graph), "--results", str(tmp_path / "r")]
    words += ["--space", "K=9:3", "--space", "droput=0:0.5", "--space", "lr=a:b"]
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    lines = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2
    assert sum("--space K:" in line for line in lines) == 1
    assert any("Did you mean dropout?" in line for line in lines)
    assert any("got 'a'" in line for line in lines)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--space", "K"], "expected NAME=LOW:HIGH"),
        (["--set", "options.K=3", "--space", "K=1:5"], "set to one value by --set too"),
        (["--trials", "0"], "--trials must lie in 1..100,000 (got 0)."),
        (["--workers", "0"], "--workers must lie in 1..1,024 (got 0)."),
        (["--final-seeds", "-1"], "--final-seeds must lie in 0..10,000 (got -1)."),
        (["--study", "../x"], "--study ../x: a name has up to 80 letters"),
        (["--device", "tpu"], "device is 'tpu'"),
        (["--model", "degnn"], "Did you mean"),
    ],
)
def test_wrong_flags_end_with_code_2(graph, tmp_path, capsys, words, text):
    flags = ["--data", str(graph), "--results", str(tmp_path / "r")]
    flags += [] if "--model" in words else ["--model", "dagnn"]
    with pytest.raises(SystemExit) as caught:
        cli.main(["sweep", *flags, *words])
    assert caught.value.code == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_ranges_are_written_as_they_are_read():
    for text in ("options.K=1:30", "recipe.lr=0.0001:0.1:log", "recipe.optimizer=adam,sgd"):
        name, value = parse_range(text)
        kinds = {"choices": tuple(value)} if isinstance(value, list) else {}
        ends = {} if kinds else {"low": value[0], "high": value[1], "log": len(value) == 3}
        assert str(Range(name=name, **kinds, **ends)) == text


# -- the plan ------------------------------------------------------------------------------------


def test_a_search_of_several_systems_is_refused_and_they_are_named():
    with pytest.raises(ConfigError, match=r"this is \d+: .*debdeps.*Narrow it by --model"):
        make_search_plan("quick", Overrides(), space={})


def test_a_trial_is_an_ordinary_run_that_is_not_tested(plan_of):
    plan = plan_of(search_seeds=2)
    params = {"options.hidden_channels": 5, "recipe.lr": 0.02}
    trial = trial_spec(plan.base, params, plan.seeds[1])
    final = plan.final(params, 7).plan.runs
    assert (trial.evaluate_test, trial.seed) == (False, SEARCH_SEEDS + 1)
    assert [run.seed for run in final] == [0, 1]
    assert all(
        run.evaluate_test and run.sweep == {"study": plan.study, "trial": 7} for run in final
    )
    for part in ("options", "recipe", "task_options"):
        assert getattr(trial, part) == getattr(final[0], part)
    # the same settings, but never taken for each other
    assert dataclasses.replace(trial, evaluate_test=True).cell_id == final[0].cell_id
    assert trial.cell_id != final[0].cell_id


def test_the_command_repeats_the_final_runs_exactly(plan_of, capsys):
    plan = plan_of(settings=(*SMALL, ("task_options.feature_norm", "row")))
    params = {"options.hidden_channels": 3, "recipe.lr": 0.012345678901234567, "options.dropout": 0}
    words = shlex.split(plan.command(params))
    assert words[:2] == ["graphlab-bench", "run"]
    with pytest.raises(SystemExit):
        cli.main([*words[1:], "--dry-run", "--json"])
    shown = json.loads(capsys.readouterr().out)
    (cell,) = shown["cells"]
    assert cell["cell_id"] == plan.final(params, 0).plan.cells[0].cell_id
    assert cell["seeds"] == [0, 1]


def test_settings_of_groups_survive_the_command_line(plan_of):
    plan = plan_of()
    rates = {"encoder": 0.01, "predictor": 0.02}
    grouped = dataclasses.replace(plan.base, recipe={**plan.base.recipe, "lr": rates})
    plan = dataclasses.replace(plan, base=grouped)
    words = shlex.split(plan.command({"recipe.lr.encoder": 0.5}))
    setting = parse_setting(words[-3] if words[-2] == "--results" else words[-1])
    assert setting == ("recipe.lr", {"encoder": 0.5, "predictor": 0.02})


def test_the_study_is_named_by_what_is_searched(plan_of):
    name = plan_of().study
    assert name.startswith("gcn-tiny-")
    assert plan_of(trials=9, final_seeds=1).study == name
    others = [
        plan_of(space={**SPACE, "dropout": (0.0, 0.6)}),
        plan_of(search_seeds=2),
        plan_of(objective="loss"),
        plan_of(settings=(("recipe.epochs", 4), SMALL[1])),
    ]
    assert len({name, *(other.study for other in others)}) == 5


# -- the study -----------------------------------------------------------------------------------

ONE = (Range(name="recipe.lr", low=0.1, high=1.0),)


def new_study(folder, name="s", fingerprint="f", start=None):
    return Study.open(
        folder, name, fingerprint=fingerprint, make=lambda: ("acc", False, start or {})
    )


def test_trials_are_claimed_until_there_are_enough_and_no_more(tmp_path):
    one, other = new_study(tmp_path), new_study(tmp_path)
    first, second = one.claim(2, ONE), other.claim(2, ONE)
    assert (first.number, second.number) == (0, 1)
    assert one.claim(2, ONE) == "wait"  # both are executed, one may be lost
    one.finish(first, Outcome("done", 0.5))
    other.finish(second, Outcome("done", 0.7))
    assert other.claim(2, ONE) == one.claim(2, ONE) == "finished"
    assert one.best().number == 1
    assert not list(tmp_path.glob("trial-*.lock"))


def test_a_lost_trial_is_repeated_once_then_it_has_failed(tmp_path):
    study = new_study(tmp_path)
    first = study.claim(1, ONE)
    os.close(first.handle)  # what the kernel does when a process ends
    again = study.claim(1, ONE)
    assert (again.number, again.params) == (1, first.params)
    os.close(again.handle)
    assert study.claim(1, ONE) == "finished"
    assert [row.status for row in study.rows()] == ["lost", "failed"]
    assert study.rows()[1].retry_of == 0
    assert "ended twice" in study.rows()[1].message
    assert study.best() is None


def test_an_interrupted_trial_is_queued_and_not_counted(tmp_path):
    study = new_study(tmp_path)
    first = study.claim(1, ONE)
    study.finish(first, Outcome("interrupted"))
    again = new_study(tmp_path).claim(1, ONE)
    assert again.params == first.params
    study.finish(again, Outcome("done", 0.1))
    assert [row.status for row in study.rows()] == ["interrupted", "done"]


def test_diverged_and_failed_trials_count_and_are_never_the_best(tmp_path):
    study = new_study(tmp_path)
    for outcome in (
        Outcome("diverged", message="loss is nan"),
        Outcome("out-of-memory"),
        Outcome("timeout", 0.4),
    ):
        study.finish(study.claim(3, ONE), outcome)
    assert study.claim(3, ONE) == "finished"
    assert [row.status for row in study.rows()] == ["diverged", "out-of-memory", "timeout"]
    assert study.rows()[0].message == "loss is nan"
    assert study.best().number == 2


def test_the_first_trial_is_what_was_there_before(tmp_path):
    claim = new_study(tmp_path, start={"recipe.lr": 0.25}).claim(9, ONE)
    assert claim.params == {"recipe.lr": 0.25}


def test_proposals_do_not_depend_on_interruptions(tmp_path):
    def values(folder, reopen):
        study = new_study(folder)
        found = []
        for _ in range(14):  # beyond the random ones at the start
            if reopen:
                study = new_study(folder)
                study.finish(study.claim(99, ONE), Outcome("interrupted"))
            claim = study.claim(99, ONE)
            found.append(claim.params["recipe.lr"])
            study.finish(claim, Outcome("done", -((found[-1] - 0.3) ** 2)))
        return found

    assert values(tmp_path / "a", reopen=False) == values(tmp_path / "b", reopen=True)


def test_an_unfinished_line_of_a_killed_writer_is_cut_off(tmp_path):
    study = new_study(tmp_path)
    study.finish(study.claim(5, ONE), Outcome("done", 0.5))
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"op_code": 4, "worker')
    again = new_study(tmp_path)
    again.finish(again.claim(5, ONE), Outcome("done", 0.6))
    assert [row.value for row in new_study(tmp_path).rows()] == [0.5, 0.6]
    for line in (tmp_path / JOURNAL).read_text().splitlines():
        json.loads(line)


@pytest.mark.parametrize("text", ["not json\n\n", '{"op_code": 99}\n', "[1]\n{}\n"])
def test_a_damaged_journal_is_named(tmp_path, text):
    new_study(tmp_path)
    (tmp_path / JOURNAL).write_text(text)
    with pytest.raises(InputError, match=r"journal\.log cannot be read as a study"):
        new_study(tmp_path)


def test_a_study_takes_no_trials_of_another_search(tmp_path):
    new_study(tmp_path)
    with pytest.raises(ConfigError, match="searches something else"):
        new_study(tmp_path, fingerprint="other")


def test_importance_tells_what_decides_and_waits_for_ten_trials(tmp_path):
    study = new_study(tmp_path)
    space = (*ONE, Range(name="options.K", low=1, high=9, integer=True))
    for number in range(12):
        claim = study.claim(12, space)
        failed = Outcome("diverged") if number < 2 else None
        study.finish(claim, failed or Outcome("done", claim.params["recipe.lr"]))
        if number < 11:
            assert study.importance() == {}
    found = study.importance()
    assert list(found) == ["recipe.lr", "options.K"]
    assert found["recipe.lr"] > 0.8
    assert sum(found.values()) == pytest.approx(1.0)
    assert study.importance() == found


def test_equal_values_have_no_importance(tmp_path):
    study = new_study(tmp_path)
    for _ in range(10):
        study.finish(study.claim(10, ONE), Outcome("done", 0.5))
    assert study.importance() == {}


# -- trials --------------------------------------------------------------------------------------


class TestStageRead(Exception):
    __test__ = False


@pytest.mark.parametrize(("model", "task"), [("gcn", NodeClassification), ("gae", LinkPrediction)])
def test_a_search_never_evaluates_the_test_stage(plan_of, monkeypatch, model, task):
    predict = task.predict

    def trapped(self, model, problem, stage, *args, **kwargs):
        if stage == "test":
            raise TestStageRead
        return predict(self, model, problem, stage, *args, **kwargs)

    monkeypatch.setattr(task, "predict", trapped)
    plan = plan_of(model=model, settings=SMALL[:1], space={}, trials=3)
    events = search_here(plan)
    assert [event["status"] for event in events] == ["done"] * 3
    records = RunStore(plan.folder / TRIALS).records()
    assert len(records) == 3
    assert all(set(record.result.metrics) == {"train", "val"} for record in records)
    # the trap is one: an ordinary run falls into it
    from graphlab.bench.runner import run_spec

    ordinary = dataclasses.replace(plan.base, evaluate_test=True)
    record = run_spec(ordinary, RunStore(plan.session.plan.results), threads=1)
    assert (record.result.status, record.result.error.type) == ("failed", "TestStageRead")


def test_a_heuristic_without_parameters_is_searched_without_test_too(plan_of, monkeypatch):
    predict = LinkPrediction.predict
    stages = []

    def noting(self, model, problem, stage, *args, **kwargs):
        stages.append(stage)
        return predict(self, model, problem, stage, *args, **kwargs)

    monkeypatch.setattr(LinkPrediction, "predict", noting)
    settings = (("recipe.lr", 0.01), ("recipe.weight_decay", 0.0))
    plan = plan_of(model="katz", settings=settings, space={}, trials=2)
    assert [event["status"] for event in search_here(plan)] == ["done"] * 2
    assert set(stages) == {"train", "val"}


def test_the_value_is_the_validation_metric_meaned_over_the_seeds(plan_of):
    plan = plan_of(search_seeds=2, trials=2)
    events = search_here(plan)
    store = RunStore(plan.folder / TRIALS)
    for event in events:
        runs = [trial_spec(plan.base, event["params"], seed) for seed in plan.seeds]
        found = [record.metric("acc", "val") for record in store.records(runs)]
        assert len(found) == 2
        assert math.isclose(event["value"], sum(found) / 2)
    result = trials_of(plan)
    assert (result.metric, result.lower_is_better, result.finished) == ("acc", False, 2)
    assert result.best.value == max(event["value"] for event in events)


def test_the_loss_is_minimised_and_an_unknown_objective_is_refused(plan_of):
    plan = plan_of(objective="loss", trials=3)
    values = [event["value"] for event in search_here(plan)]
    assert trials_of(plan).best.value == min(values)
    with pytest.raises(ConfigError, match="--objective f1: expected one of metric, loss, acc"):
        search_here(plan_of(objective="f1"))


def test_a_diverged_trial_is_recorded_and_the_search_goes_on(plan_of):
    space = {"recipe.lr": [0.01, 1e30], "hidden_channels": (2, 64)}
    plan = plan_of(space=space, trials=8)
    events = search_here(plan)
    ended = {event["params"]["recipe.lr"]: event["status"] for event in events}
    assert ended == {0.01: "done", 1e30: "diverged"}
    result = trials_of(plan)
    assert result.finished == 8
    assert result.best.params["recipe.lr"] == 0.01
    assert all(row.message for row in result.trials if row.status == "diverged")


def test_the_same_command_continues_and_larger_numbers_add_trials(plan_of):
    assert len(search_here(plan_of(trials=2))) == 2
    assert search_here(plan_of(trials=2)) == []
    assert len(search_here(plan_of(trials=5))) == 3
    assert [row.number for row in trials_of(plan_of(trials=5)).trials] == list(range(5))


def test_a_stopped_trial_goes_on_from_its_checkpoint(plan_of):
    asked = iter([False] * 4 + [True] * 1000)  # in the middle of the first training
    plan = plan_of(trials=1, settings=(("recipe.epochs", 30), SMALL[1]))
    events = search_here(plan, stop=lambda: next(asked))
    assert [event["status"] for event in events] == ["interrupted"]
    assert [event["status"] for event in search_here(plan)] == ["done"]
    (record,) = RunStore(plan.folder / TRIALS).records()
    assert record.lineage.resumed_times == 1


def test_equal_values_are_trained_once(plan_of):
    fixed = (*SMALL, ("options.hidden_channels", 4), ("options.dropout", 0.0))
    fixed += (("recipe.lr", 0.01), ("recipe.weight_decay", 0.0))
    plan = plan_of(space={"recipe.optimizer": ["adam", "sgd"]}, settings=fixed, trials=6)
    values = {e["params"]["recipe.optimizer"]: e["value"] for e in search_here(plan)}
    assert len(values) == 2
    assert len(RunStore(plan.folder / TRIALS).records()) == 2


def test_values_that_contradict_each_other_fail_their_trial_alone(plan_of):
    plan = plan_of(space={"recipe.stop": ["none", "min_lr"]}, trials=6)
    events = search_here(plan)
    statuses = {event["params"]["recipe.stop"]: event["status"] for event in events}
    assert statuses == {"none": "done", "min_lr": "failed"}
    assert any("it needs schedule = 'plateau'" in event["message"] for event in events)


# -- on the command line -------------------------------------------------------------------------


def test_dry_run_shows_the_search_and_writes_nothing(graph, tmp_path, capsys):
    words = ["sweep", "--model", "gcn", "--data", str(graph), "--results", str(tmp_path / "r")]
    with pytest.raises(SystemExit) as caught:
        cli.main([*words, "--dry-run"])
    out = capsys.readouterr().out
    assert caught.value.code == 0
    assert "0 of 60 trials finished" in out
    assert "recipe.lr=0.0001:0.1:log" in out
    with pytest.raises(SystemExit):
        cli.main([*words, "--dry-run", "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert (shown["best"], shown["trials"]["wanted"]) == (None, 60)
    assert not Path(tmp_path / "r").exists()


def test_the_settings_of_a_trial_are_those_of_its_space():
    class Base:
        recipe = {"lr": 0.1}  # noqa: RUF012  (read only)

    assert settings_of(Base, {"options.K": 2, "recipe.lr": 0.3}) == {
        "options.K": 2,
        "recipe.lr": 0.3,
    }


# -- what is left at the end -----------------------------------------------------------------------


def test_the_command_ends_with_settings_test_and_files(graph, tmp_path, capsys):
    words = ["sweep", "--model", "gcn", "--data", str(graph), "--results", str(tmp_path / "r")]
    words += ["--trials", "10", "--final-seeds", "2", "--threads", "1", "--study", "s"]
    words += ["--set", "recipe.epochs=2", "--space", "hidden_channels=2:8"]
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == 0
    out = capsys.readouterr().out
    rows = Study(tmp_path / "r" / "adhoc" / "sweep-s", "s").rows()
    best = max(rows, key=lambda row: (row.value, -row.number))
    assert f"Best: trial {best.number}, validation accuracy {100 * best.value:.1f} %\n" in out
    assert f"  options.hidden_channels={best.params['options.hidden_channels']}\n" in out
    assert "over 2 seeds" in out
    folder = tmp_path / "r" / "adhoc"
    for path in (folder / "sweep-s" / "report.md", folder / "sweep-s" / "trials.csv"):
        assert f": {path}\n" in out
    assert f"page: {folder / 'report.html'}\n" in out
    assert (folder / "report.html").is_file()

    report = (folder / "sweep-s" / "report.md").read_text()
    assert f"- `options.hidden_channels={best.params['options.hidden_channels']}`" in report
    table = (folder / "table.md").read_text()
    (line,) = [text for text in table.splitlines() if text.startswith("| gcn")]
    assert line in report  # the test result is that of the report
    assert ("Importance (fANOVA): " in report) == (len({row.value for row in rows}) > 1)
    with (folder / "sweep-s" / "trials.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [int(line["trial"]) for line in lines] == list(range(10))
    assert [float(line["value"]) for line in lines] == [row.value for row in rows]
    assert [int(line["options.hidden_channels"]) for line in lines] == [
        row.params["options.hidden_channels"] for row in rows
    ]


def test_texts_in_the_files_are_text(plan_of):
    plan = plan_of(trials=1)
    params = {"options.hidden_channels": 3, "options.dropout": 0.1}
    message = "=cmd|' /C calc'!A0\nsecond line"
    rows = (
        TrialRow(0, "failed", None, params, message),
        TrialRow(1, "timeout", 0.5, {**params, "options.dropout": "`<b>|"}),
    )
    plan.folder.mkdir(parents=True)
    result = SweepResult(plan, "acc", False, rows, rows[1])
    report = write_summary(result).read_text()
    assert "validation accuracy" in report
    assert "50.0 (out of time)" in report
    assert "<b>" not in re.sub("(?s)```.*?\n```|`[^`\n]*`", "", report)
    with (plan.folder / "trials.csv").open() as file:
        first = next(csv.DictReader(file))
    assert first["message"] == "'=cmd|' /C calc'!A0 second line"


def test_values_are_written_as_they_are_read():
    for value in (1, 0.5, True, "low", "a b", "true", "\U0001f600", ["low", "a"], {"x": 0.5}):
        assert parse_setting(f"a={toml_text(value)}") == ("a", value)
