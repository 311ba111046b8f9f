"""Pretext tasks as a setting of a suite: checked, hashed, recorded; the flag of ``run``."""

from __future__ import annotations

import json

import pytest

import graphlab.bench
from graphlab.bench.config import load_suite
from graphlab.bench.plan import LATER_OPTIONS, RunSpec, make_plan
from graphlab.bench.suite import Overrides
from graphlab.errors import ConfigError

TASK = {"task": "distance2labeled", "lam": 2.0}


def suite_of(*recipes, **changes):
    return {
        "task": "node",
        "seeds": 1,
        "datasets": ["karate"],
        "recipe": {"epochs": 3},
        "system": [
            {"model": "gcn", "name": f"row {i}", "options": {"hidden_channels": 8}, "recipe": r}
            for i, r in enumerate(recipes)
        ],
        **changes,
    }


def plan_of(tmp_path, *recipes, **changes):
    return make_plan(load_suite(suite_of(*recipes, **changes)), tmp_path)


def test_settings_name_a_run_and_defaults_are_written_out(tmp_path):
    changed = [{**TASK, "lam": 3}, {**TASK, "mode": "two_stage"}, {**TASK, "compat": "official"}]
    plan = plan_of(tmp_path, {}, *({"ssl": given} for given in (TASK, *changed)))
    assert len({run.run_id for run in plan.runs}) == 5
    assert plan.runs[0].recipe["ssl"] is None
    full = plan.runs[1].recipe["ssl"]
    assert full["mode"] == "joint"
    again = RunSpec.from_json(json.loads(json.dumps(plan.runs[1].to_json())))
    assert again.run_id == plan.runs[1].run_id


@pytest.mark.parametrize(
    ("task", "model", "recipe", "text"),
    [
        ("link", "gae", {"ssl": TASK}, "ssl serves task node, not link"),
        ("node", "gcn", {"reweight": {"alpha": 1.0}}, "reweight serves task link, not node"),
    ],
)
def test_a_setting_of_another_task_is_refused_before_anything_runs(task, model, recipe, text):
    with pytest.raises(ConfigError, match=text):
        load_suite(
            {"task": task, "datasets": ["karate"], "system": [{"model": model, "recipe": recipe}]}
        )


def test_equal_settings_have_one_id(tmp_path):
    one, other = (
        plan_of(tmp_path, {"ssl": given}).runs[0].run_id
        for given in (TASK, {"task": "Distance-2-Labeled", "lam": 2, "compat": "none"})
    )
    assert one == other


def test_without_it_a_run_keeps_its_id(tmp_path):
    """A record of before has no such settings."""
    run = plan_of(tmp_path, {}).runs[0]
    before = run.to_json()
    del before["recipe"]["ssl"]
    assert before["task_options"].pop("feature_pca") is LATER_OPTIONS["feature_pca"] is None
    assert RunSpec.from_json(before).run_id == run.run_id


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"task": "distance2label"}, "Did you mean distance2labeled"),
        ({}, "task is missing"),
        ({**TASK, "lambda": 1}, "lambda is not a setting"),
        ({**TASK, "options": {"hops": 2}}, "options.hops"),
        (3, "ssl"),
    ],
)
def test_wrong_settings_are_named_before_anything_runs(wrong, text):
    with pytest.raises(ConfigError, match=text):
        load_suite(suite_of({"ssl": wrong}))


def test_a_flag_sets_it_and_takes_it_away(tmp_path):
    for value, expected in (({"task": "edgemask"}, "edgemask"), ("none", None)):
        flags = Overrides(settings=(("recipe.ssl", value),))
        suite = load_suite(suite_of({"ssl": TASK}), overrides=flags)
        found = make_plan(suite, tmp_path).runs[0].recipe["ssl"]
        assert (found and found["task"]) == expected


def test_the_flag_of_run_is_short_for_the_setting(tmp_path):
    short = load_suite(suite_of({}), overrides=Overrides(ssl="edgemask"))
    long = load_suite(
        suite_of({}), overrides=Overrides(settings=(("recipe.ssl.task", "edgemask"),))
    )
    ids = [make_plan(suite, tmp_path).runs[0].run_id for suite in (short, long)]
    assert ids[0] == ids[1]


def test_a_suite_of_flags_has_the_plain_model_beside_it(tmp_path):
    flags = Overrides(models=("gcn",), datasets=("karate",), ssl="distance2labeled")
    plan = make_plan(load_suite(None, overrides=flags), tmp_path)
    found = {run.system: run.recipe["ssl"] for run in plan.runs}
    assert set(found) == {"gcn", "gcn + distance2labeled"}
    assert found["gcn"] is None
    assert found["gcn + distance2labeled"]["task"] == "distance2labeled"
    with pytest.raises(ConfigError, match=r"--ssl.*Did you mean edgemask"):
        load_suite(None, overrides=Overrides(models=("gcn",), ssl="edgmask"))


def test_runs_are_recorded(tmp_path):
    plain, with_task = graphlab.bench.run(suite_of({}, {"ssl": TASK}), results=tmp_path).records
    assert (plain.result.status, with_task.result.status) == ("done", "done")
    assert plain.config.recipe["ssl"] is None
    assert with_task.config.recipe["ssl"]["lam"] == 2.0
    assert "recipe.ssl" in with_task.config.overridden
