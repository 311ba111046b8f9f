"""Cells, runs, and the hashes that name them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from graphlab.bench.config import load_suite
from graphlab.bench.estimate import estimate, in_words
from graphlab.bench.plan import RunSpec, make_plan
from graphlab.bench.record import Config, Cost, Identity, Result, RunRecord
from graphlab.bench.store import RunStore
from graphlab.bench.suite import Overrides
from graphlab.errors import ConfigError
from graphlab.train.recipes import Recipe

SPEC = RunSpec(
    suite="quick",
    title="Quick",
    system="MLP",
    model="mlp",
    dataset="karate",
    dataset_sha256="0" * 64,
    task="node",
    protocol="public",
    seed=3,
    options={"hidden_channels": 64, "dropout": 0.5},
    recipe=Recipe().to_dict(),
    task_options={"feature_norm": "row"},
)


def changed(**values):
    return dataclasses.replace(SPEC, **values)


def plan_of(tmp_path, overrides=None, **changes):
    raw = {
        "task": "node",
        "seeds": 2,
        "datasets": ["karate"],
        "system": [{"model": "mlp"}, {"model": "pyg-gcn"}],
        **changes,
    }
    return make_plan(load_suite(raw, overrides=overrides or Overrides()), tmp_path)


def ids(plan):
    return [run.run_id for run in plan.runs]


def record(spec, status="done", seconds=10.0):
    return RunRecord(
        identity=Identity(
            run_id=spec.run_id,
            cell_id=spec.cell_id,
            suite=spec.suite,
            system=spec.system,
            dataset=spec.dataset,
            task=spec.task,
            protocol=spec.protocol,
            seed=spec.seed,
        ),
        config=Config(model=spec.model),
        result=Result(status=status),
        cost=Cost(seconds={"total": seconds}),
    )


def finish(store, spec, **values):
    folder = store.folder(spec)
    folder.mkdir(parents=True)
    store.write(folder, record(spec, **values))


IDENTITY = {
    "task": {"task": "link"},
    "protocol": {"protocol": "geom-gcn"},
    "data": {"dataset_sha256": "1" * 64},
    "model": {"model": "gcn"},
    "source of the model": {"model_sha256": "2" * 64},
    "an option's value": {"options": {"hidden_channels": 32, "dropout": 0.5}},
    "an option more": {"options": {**SPEC.options, "bias": True}},
    "a recipe field": {"recipe": Recipe(lr=0.02).to_dict()},
    "a rate by group": {"recipe": Recipe(lr={"first": 0.01}).to_dict()},
    "a task option": {"task_options": {"feature_norm": "none"}},
    "no test": {"evaluate_test": False},
}
NO_IDENTITY = {
    "suite": {"suite": "other"},
    "title": {"title": "Other"},
    "title of the part": {"part": "Other"},
    "row name": {"system": "another name"},
    "data set name": {"dataset": "the same bytes"},
    "data path": {"data_path": "/elsewhere"},
    "data root": {"data_root": "/elsewhere"},
    "model path": {"model_file": "/elsewhere/net.py"},
    "what a person set": {"overridden": ("options.dropout",)},
    "limit of time": {"recipe": Recipe(max_seconds=9.0).to_dict()},
    "checkpoints": {"recipe": Recipe(checkpoint_seconds=0.0).to_dict()},
    "where its settings are from": {"sweep": {"study": "s", "trial": 3}},
}


@pytest.mark.parametrize("name", IDENTITY)
def test_each_identity_field_changes_both_ids(name):
    other = changed(**IDENTITY[name])
    assert other.run_id != SPEC.run_id
    assert other.cell_id != SPEC.cell_id


@pytest.mark.parametrize("values", [{"seed": 4}, {"fold": 0}, {"seed": 4, "fold": 1}])
def test_seed_and_fold_change_the_run_but_not_the_cell(values):
    assert changed(**values).run_id != SPEC.run_id
    assert changed(**values).cell_id == SPEC.cell_id


@pytest.mark.parametrize("name", NO_IDENTITY)
def test_what_decides_no_result_changes_no_id(name):
    other = changed(**NO_IDENTITY[name])
    assert (other.run_id, other.cell_id) == (SPEC.run_id, SPEC.cell_id)


def test_identity_fields_and_others_are_all_fields():
    touched = {k for values in (IDENTITY | NO_IDENTITY).values() for k in values}
    fields = {field.name for field in dataclasses.fields(RunSpec)}
    assert fields - touched == {"seed", "fold", "cell_id", "run_id"}


def test_the_order_of_keys_changes_no_id():
    for field in ("options", "recipe", "task_options"):
        values = getattr(SPEC, field)
        turned = changed(**{field: dict(reversed(values.items()))})
        assert turned.run_id == SPEC.run_id


def test_ids_stay_what_they_were():
    """A change here makes every stored result unknown: raise RESULT_VERSION on purpose only."""
    assert (SPEC.cell_id, SPEC.run_id) == ("88b1344d662a2eb9", "b1554fe3840e5c5b")


def test_a_run_survives_json():
    spec = changed(overridden=("recipe.lr",), fold=2)
    again = RunSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.run_id == spec.run_id


def test_cells_are_sets_times_systems_and_runs_seeds(tmp_path):
    plan = plan_of(tmp_path, datasets=["karate", "debdeps"])
    assert [(c.dataset, c.system) for c in plan.cells] == [
        ("karate", "mlp"),
        ("karate", "pyg-gcn"),
        ("debdeps", "mlp"),
        ("debdeps", "pyg-gcn"),
    ]
    assert [run.seed for run in plan.cells[0].runs] == [0, 1]
    assert len(set(ids(plan))) == 8
    assert plan.results == tmp_path / "adhoc"
    for cell in plan.cells:
        assert {run.cell_id for run in cell.runs} == {cell.cell_id}


def test_more_seeds_and_new_names_keep_the_runs(tmp_path):
    before = ids(plan_of(tmp_path))
    systems = [{"name": "A", "model": "mlp"}, {"name": "B", "model": "pyg-gcn"}]
    after = ids(plan_of(tmp_path, system=systems, seeds=3, title="Other"))
    assert set(before) < set(after)


def test_writing_a_default_out_keeps_the_runs(tmp_path):
    written = [
        {"model": "mlp", "options": {"num_layers": 2}, "recipe": {"momentum": 0}},
        {"model": "pyg-gcn"},
    ]
    assert ids(plan_of(tmp_path, system=written)) == ids(plan_of(tmp_path))


def test_an_integer_for_a_float_keeps_the_runs(tmp_path):
    one = plan_of(tmp_path, recipe={"lr": 1})
    assert ids(one) == ids(plan_of(tmp_path, recipe={"lr": 1.0}))
    assert ids(one) != ids(plan_of(tmp_path))


def test_the_source_of_a_model_of_ones_own_is_hashed(tmp_path):
    text = (
        "from graphlab.registry import register_model\n"
        "@register_model('net', tasks=('node',), paper='')\n"
        "class Net:\n"
        "    def __init__(self, in_channels: int, out_channels: int) -> None: ...\n"
    )
    found = []
    for place, content in (("a", text), ("b", text), ("c", text + "# another line\n")):
        folder = tmp_path / place
        folder.mkdir()
        (folder / "net.py").write_text(content, encoding="utf-8")
        overrides = Overrides(files=(folder / "net.py",), models=("net",), datasets=("karate",))
        plan = make_plan(load_suite(None, overrides=overrides), tmp_path)
        assert plan.runs[0].model_file == str(folder / "net.py")
        found.append(plan.runs[0].run_id)
    assert found[0] == found[1] != found[2]


def test_one_configuration_twice_is_refused(tmp_path):
    systems = [{"model": "mlp", "name": "A"}, {"model": "mlp", "name": "B"}]
    with pytest.raises(ConfigError, match="B and A are the same configuration on karate"):
        plan_of(tmp_path, system=systems)


def test_planning_writes_nothing(tmp_path):
    plan_of(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_finished_runs_are_not_pending(tmp_path):
    plan = plan_of(tmp_path)
    store = RunStore(plan.results)
    assert [len(cell.runs) for cell in plan.pending(store)] == [2, 2]
    mlp, gcn = plan.cells
    finish(store, mlp.runs[0])
    finish(store, mlp.runs[1], status="failed")
    finish(store, gcn.runs[1])
    (left,) = plan.pending(store)
    assert (left.system, [run.seed for run in left.runs]) == ("pyg-gcn", [0])
    again = plan.pending(store, "failed")
    assert [[run.seed for run in cell.runs] for cell in again] == [[1], [0]]
    assert [len(cell.runs) for cell in plan.pending(store, "all")] == [2, 2]


def test_an_estimate_uses_the_cell_then_the_model_on_the_set(tmp_path):
    plan = plan_of(tmp_path)
    mlp, gcn = plan.cells
    known = [record(mlp.runs[0], seconds=20.0), record(mlp.runs[1], seconds=40.0)]
    whole = estimate(plan.cells, known)
    assert (whole.seconds, whole.unknown) == (60.0, 2)
    assert str(whole) == "at least 60 s"
    other = changed(model="pyg-gcn", options={})
    assert estimate([gcn], [record(other, seconds=100.0)]).seconds == 200.0
    assert str(estimate([gcn], [])) == "unknown time"
    assert str(estimate([mlp], known)) == "about 60 s"
    two = estimate([mlp, gcn], [*known, record(other, seconds=30.0)], jobs=2)
    assert (two.seconds, two.unknown) == (60.0, 0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (89, "89 s"), (91, "2 min"), (3600, "60 min"), (7200, "2.0 h")],
)
def test_durations_are_said_as_people_say_them(seconds, words):
    assert in_words(seconds) == words
