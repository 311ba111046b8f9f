"""[features] of a suite: where it may stand, what it sets, its mistakes, its place in an id."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from graphlab.bench.config import load_suite
from graphlab.bench.plan import LATER_OPTIONS, make_plan
from graphlab.bench.report.differences import command_of, differences
from graphlab.bench.report.notes import selection
from graphlab.bench.report.run_view import run_parts
from graphlab.bench.runner import run_spec
from graphlab.bench.store import RunStore
from graphlab.bench.suite import Overrides
from graphlab.errors import ConfigError

ADD = {"add": ["orbit-counts"]}


def suite(**more):
    base = {"task": "node", "datasets": ["sbm-tiny"], "system": [{"model": "mlp"}]}
    return {**base, "seeds": 1, "protocol": "random-20-30", **more}


def specs(raw, **flags):
    return make_plan(load_suite(raw, overrides=Overrides(**flags))).runs


def added(raw, **flags):
    return [spec.task_options["add_features"] for spec in specs(raw, **flags)]


def test_it_stands_at_the_top_in_a_system_or_for_a_data_set():
    both = [{"model": "mlp"}, {"model": "gcn"}]
    assert added(suite(features=ADD, system=both)) == [["orbit-counts"]] * 2
    one = [{"model": "mlp", "features": ADD}, {"model": "mlp", "name": "plain"}]
    assert added(suite(system=one)) == [["orbit-counts"], []]
    here = [{"model": "mlp", "on": {"sbm-tiny": {"features": ADD}}}]
    assert added(suite(system=here)) == [["orbit-counts"]]
    off = [{"model": "mlp"}, {"model": "gcn", "features": {"add": []}}]
    assert added(suite(features=ADD, system=off)) == [["orbit-counts"], []]


def test_it_is_short_for_the_option_of_the_task():
    short, long = (
        specs(suite(**more))[0]
        for more in ({"features": ADD}, {"task_options": {"add_features": ["orbit-counts"]}})
    )
    assert short.run_id == long.run_id
    assert short.overridden == ("task_options.add_features",)


def test_parts_and_flags_set_it_too():
    parts = [{"features": ADD}, {"system": [{"model": "mlp", "name": "plain"}]}]
    assert added(suite(part=parts)) == [["orbit-counts"], []]
    flag = (("features.add", ["orbit-counts"]),)
    assert added(suite(), settings=flag) == [["orbit-counts"]]
    named = (("system.mlp.features.add", ["orbit-counts"]),)
    two = [{"model": "mlp"}, {"model": "gcn"}]
    assert added(suite(system=two), settings=named) == [["orbit-counts"], []]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"features": {"add": ["orbit-count"]}},
            r"suite\['features'\]\['add'\]: add must be a list of 'orbit-counts' "
            r"\(got 'orbit-count'\)\. Did you mean orbit-counts\?",
        ),
        (
            {"system": [{"model": "mlp", "features": {"add": ["orbits-counts"]}}]},
            r"suite\['system'\]\[0\]\['features'\]\['add'\].*Did you mean orbit-counts\?",
        ),
        ({"features": {"add": "orbit-counts"}}, r"add must be a list .*got 'orbit-counts'"),
        ({"features": {"ad": []}}, r"ad is not a key of \[features\]\. Did you mean add\?"),
        ({"features": ["orbit-counts"]}, "features must be a table"),
        ({"feature": ADD}, r"feature is not a key of a suite\. Did you mean features\?"),
        (
            {"task_options": {"add_features": ["orbit-count"]}},
            r"add_features must be a list .*Did you mean orbit-counts\?",
        ),
        (
            {"features": ADD, "task_options": {"add_features": []}},
            r"set by \[features\] and by \[task_options\]: leave one out",
        ),
    ],
)
def test_mistakes_are_named_with_place_and_nearest_name(more, message):
    with pytest.raises(ConfigError, match=message):
        load_suite(suite(**more))


def test_runs_without_added_features_keep_their_identity():
    plain, more = specs(suite())[0], specs(suite(features=ADD))[0]
    assert plain.task_options["add_features"] == LATER_OPTIONS["add_features"] == []
    assert "add_features" not in plain.identity()["task_options"]
    assert more.identity()["task_options"]["add_features"] == ["orbit-counts"]
    assert plain.run_id != more.run_id
    assert type(plain).from_json(plain.to_json()).run_id == plain.run_id


def test_names_that_repeat_count_once():
    twice = {"add": ["orbit-counts", "orbit-counts"]}
    assert specs(suite(features=twice))[0].run_id == specs(suite(features=ADD))[0].run_id


@pytest.mark.parametrize(("task", "model"), [("node", "mlp"), ("link", "gae")])
def test_a_suite_runs_with_them(task, model, tmp_path):
    protocol = {"node": "random-20-30", "link": "random-85-5-10"}[task]
    raw = suite(task=task, protocol=protocol, features=ADD, system=[{"model": model}])
    raw["recipe"] = {"epochs": 1, "monitor": "metric"}
    record = run_spec(specs(raw)[0], RunStore(tmp_path), known={})
    assert record.done
    assert record.config.task_options["add_features"] == ["orbit-counts"]
    assert 'task_options.add_features=["orbit-counts"]' in command_of(record)


def test_a_record_older_than_the_option_has_it_at_its_default(make_run):
    record = make_run(model="mlp")
    assert "task_options.add_features" not in (differences(record) or {})


def test_a_model_that_fits_itself_is_recorded_without_epochs(tmp_path):
    raw = suite(system=[{"model": "walk-embedding", "options": {"dim": 8}}])
    record = run_spec(specs(raw)[0], RunStore(tmp_path), known={})
    assert record.done
    assert (record.result.epochs_run, record.result.best_epoch) == (0, 0)
    assert record.cost.parameters == 4 * 8 + 4
    assert record.cost.seconds["train"] > 0
    assert record.cost.seconds_per_epoch is None
    assert selection(record) == "after a fit without epochs"
    screen = Console(file=StringIO(), width=120)
    screen.print(*run_parts(record, tmp_path))
    assert "none: fitted at once" in screen.file.getvalue()


def test_the_shipped_suite_asks_for_every_kind_of_embedding():
    found = load_suite("orbit-embedding", overrides=Overrides(datasets=("debdeps",)))
    systems = found.parts[0].systems
    keys = [system.settings.options.get("keys") for system in systems]
    assert {system.card.name for system in systems} == {
        "walk-embedding",
        "orbit-embedding",
        "orbit-counts",
    }
    single = [tuple(key[0]) for key in keys if key]
    assert len(single) == len(set(single)) == 9
    for system, key in zip(systems, keys, strict=True):
        assert key is None or system.name == str(tuple(key[0]))
        system.card.load()(out_channels=2, **system.settings.options)
