"""Edge re-weighting as a setting of a suite: checked, hashed, recorded, and continued."""

from __future__ import annotations

import json

import pytest

import graphlab.bench
from graphlab.bench.config import load_suite
from graphlab.bench.plan import RunSpec, make_plan
from graphlab.bench.suite import Overrides
from graphlab.errors import ConfigError

BEST = {"alpha": 2.0, "interval": 1, "warm_up": 1}


def suite_of(*recipes, **changes):
    return {
        "task": "link",
        "protocol": "random-85-5-10",
        "seeds": 1,
        "datasets": ["sbm-tiny"],
        "recipe": {"epochs": 4, "eval_every": 1, "monitor": "hits@100", "select": "last"},
        "task_options": {"batch_size": 500},
        "system": [
            {"model": "tc-gcn", "name": f"row {i}", "options": {"hidden_channels": 8}, "recipe": r}
            for i, r in enumerate(recipes)
        ],
        **changes,
    }


def plan_of(tmp_path, *recipes, **changes):
    return make_plan(load_suite(suite_of(*recipes, **changes)), tmp_path)


def test_settings_name_a_run_and_defaults_are_written_out(tmp_path):
    changed = [{**BEST, "orientation": "receiver"}, {**BEST, "score": "constant"}]
    recipes = [{}, *({"reweight": given} for given in ({}, BEST, *changed))]
    plan = plan_of(tmp_path, *recipes)
    assert len({run.run_id for run in plan.runs}) == len(recipes)
    assert plan.runs[0].recipe["reweight"] is None
    full = {"aug": "gcn", "orientation": "official", "score": "model"}
    assert plan.runs[2].recipe["reweight"] == {**BEST, **full}
    assert plan.runs[2].overridden == tuple(sorted({*plan.runs[0].overridden, "recipe.reweight"}))
    again = RunSpec.from_json(json.loads(json.dumps(plan.runs[2].to_json())))
    assert again.run_id == plan.runs[2].run_id


def test_equal_settings_have_one_id(tmp_path):
    one, other = (
        plan_of(tmp_path, {"reweight": given}).runs[0].run_id
        for given in (BEST, {**BEST, "alpha": 2, "aug": "gcn"})
    )
    assert one == other
    with pytest.raises(ConfigError, match="same"):
        plan_of(tmp_path, {"reweight": BEST}, {"reweight": {**BEST, "alpha": 2}})


def test_without_it_a_run_keeps_its_id(tmp_path):
    """A record of before has no such setting in its recipe."""
    run = plan_of(tmp_path, {}).runs[0]
    before = run.to_json()
    del before["recipe"]["reweight"]
    assert RunSpec.from_json(before).run_id == run.run_id


@pytest.mark.parametrize(
    "wrong",
    [{"alfa": 1}, {"interval": 0}, {"aug": "gat"}, {"warm_up": "5"}, 3, "yes"],
)
def test_wrong_settings_are_named_before_anything_runs(wrong):
    with pytest.raises(ConfigError, match="reweight"):
        load_suite(suite_of({"reweight": wrong}))


def test_a_flag_sets_it_and_takes_it_away(tmp_path):
    for value, expected in (({"alpha": 3}, 3.0), ("none", None)):
        flags = Overrides(settings=(("recipe.reweight", value),))
        suite = load_suite(suite_of({"reweight": BEST}), overrides=flags)
        found = make_plan(suite, tmp_path).runs[0].recipe["reweight"]
        assert (found and found["alpha"]) == expected


def test_the_shipped_suite_has_a_plain_row_and_a_control_for_each_encoder():
    suite = load_suite("tc-reweight", overrides=Overrides(datasets=("debdeps",)))
    part = suite.parts[0]
    assert (len(part.seeds), part.datasets[0].protocol) == (10, "ncn-70-10-20")
    rows = [system.settings.recipe.get("reweight") for system in part.systems]
    assert len(rows) == 8
    kinds = [r and (r.get("orientation"), r.get("score")) for r in rows]
    each = [None, ("official", None), ("receiver", None), (None, "constant")]
    assert kinds == each * 2
    for system in part.systems:
        for settings in system.on.values():
            assert ("reweight" in settings.recipe) <= ("reweight" in system.settings.recipe)


def test_runs_are_recorded_and_a_model_without_weights_fails_with_the_reason(tmp_path):
    suite = suite_of({}, {"reweight": BEST}, {"reweight": BEST})
    suite["system"][2]["model"] = "gae"
    plain, changed, refused = graphlab.bench.run(suite, results=tmp_path).records
    assert plain.config.recipe["reweight"] is None
    assert changed.config.recipe["reweight"]["alpha"] == 2.0
    assert "recipe.reweight" in changed.config.overridden
    assert (plain.result.status, changed.result.status) == ("done", "done")
    assert plain.result.metrics != changed.result.metrics
    assert refused.result.status == "failed"
    assert "GAE cannot be re-weighted" in refused.result.error.message
