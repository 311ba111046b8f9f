"""Broken suites: every problem at once, with its line and the nearest valid name."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from graphlab.bench.config import load_suite
from graphlab.bench.suite import Overrides
from graphlab.errors import ConfigError

HEAD = 'task = "node"\ndatasets = ["karate"]\n'
SYSTEM = '[[system]]\nmodel = "mlp"\n'

TWELVE = """\
titel = "A dozen mistakes"
task = "node"
protocol = "publik"
seeds = 0
datasets = ["karate", "debdep", "cora"]

[recipe]
epoch = 10
lr = "fast"

[[system]]
model = "mpl"

[[system]]
model = "mlp"
preset = "coraa"
[system.options]
hidden_channel = 64
dropout = 1.5
[system.on.karat.recipe]
stop = "patient"
"""

TWELVE_PROBLEMS = [
    ":1: titel is not a key of a suite. Did you mean title?",
    ":3: publik is not a protocol of task node. Did you mean public?",
    ":4: seeds must lie in 1..10,000, or be a list (got 0).",
    ":5: debdep is not a data set. Did you mean debdeps?",
    ":5: cora is not on this machine: ",
    ":8: epoch is not a field of the recipe. Did you mean epochs?",
    ":9: lr must be a number or a table with a number for each name (got 'fast').",
    ":12: mpl is not a model. Did you mean mlp?",
    ":16: coraa is not a preset of mlp. Did you mean cora?",
    ":18: hidden_channel is not an option of mlp. Did you mean hidden_channels?",
    ":19: dropout must lie in [0, 1] (got 1.5).",
    ":20: karat is not a data set of this suite. Did you mean karate?",
    ":21: stop must be 'none' or 'patience' or 'dagnn' or 'min_lr' (got 'patient'). "
    "Did you mean patience?",
]

BROKEN = {
    "no task": ('datasets = ["karate"]\n' + SYSTEM, "1: the suite names no task: add task = NAME"),
    "unknown task": (
        HEAD.replace('"node"', '"noode"') + SYSTEM,
        "1: noode is not a task. Did you mean node?",
    ),
    "task is a number": (
        HEAD.replace('"node"', "3") + SYSTEM,
        "1: task must be a text (got 3).",
    ),
    "no data set": ('task = "node"\n' + SYSTEM, "1: there is no data set: add datasets"),
    "empty data sets": (
        'task = "node"\ndatasets = []\n' + SYSTEM,
        "2: datasets is empty: name at least one.",
    ),
    "data sets are a text": (
        'task = "node"\ndatasets = "karate"\n' + SYSTEM,
        "2: datasets must be a list of names (got 'karate').",
    ),
    "a data set is a number": (
        'task = "node"\ndatasets = [\n"karate",\n3]\n' + SYSTEM,
        "4: the name of a data set must be a text (got 3).",
    ),
    "a data set twice": (
        'task = "node"\ndatasets = ["karate", "Karate"]\n' + SYSTEM,
        "2: karate is listed twice.",
    ),
    "required and optional": (
        HEAD + 'optional = ["karate"]\n' + SYSTEM,
        "3: karate is listed twice.",
    ),
    "a set of another task": (
        'task = "node"\ndatasets = ["csl"]\n' + SYSTEM,
        "2: csl is not made for task node (it serves graph).",
    ),
    "a protocol of another set": (
        HEAD + 'protocol = "geom-gcn"\n' + SYSTEM,
        "3: protocol geom-gcn is not offered for karate (offered: public).",
    ),
    "protocol is a list": (
        HEAD + "protocol = []\n" + SYSTEM,
        "3: protocol must be a text (got []).",
    ),
    "no system": (HEAD, "1: there is no system: add [[system]] with model = NAME."),
    "empty system list": (HEAD + "system = []\n", "3: there is no system: add [[system]]"),
    "a system table": (HEAD + "[system]\nmodel = 'mlp'\n", "3: there is no system: add [[system]]"),
    "a system without model": (
        HEAD + "[[system]]\nname = 'x'\n",
        "3: this system names no model: add model = NAME.",
    ),
    "model is a number": (HEAD + "[[system]]\nmodel = 1\n", "4: model must be a text (got 1)."),
    "unknown model": (
        HEAD + "[[system]]\nmodel = 'pyg_gatt'\n",
        "4: pyg_gatt is not a model. Did you mean pyg-gat?",
    ),
    "two systems of one name": (
        HEAD + SYSTEM + '[[system]]\nmodel = "pyg-gcn"\nname = "MLP"\n',
        "7: two systems are named MLP (the other: ",
    ),
    "an empty name": (HEAD + SYSTEM + 'name = " "\n', "5: name must be a text (got ' ')."),
    "an option beside the model": (
        HEAD + SYSTEM + "hidden_channels = 8\n",
        "5: hidden_channels belongs in [system.options], not in [[system]].",
    ),
    "a recipe field beside the model": (
        HEAD + SYSTEM + "lr = 0.1\n",
        "5: lr belongs in [system.recipe], not in [[system]].",
    ),
    "an unknown key of a system": (
        HEAD + SYSTEM + "optoins = 1\n",
        "5: optoins is not a key of [[system]]. Did you mean options?",
    ),
    "options are no table": (
        HEAD + SYSTEM + "options = 3\n",
        "5: options must be a table (got 3).",
    ),
    "a filled in option": (
        HEAD + SYSTEM + "[system.options]\nin_channels = 3\n",
        "6: in_channels is filled in from the data set; leave it out.",
    ),
    "an option of a wrong type": (
        HEAD + SYSTEM + '[system.options]\nhidden_channels = "64"\n',
        "6: hidden_channels must be an integer (got '64').",
    ),
    "a boolean for a number": (
        HEAD + SYSTEM + "[system.options]\nnum_layers = true\n",
        "6: num_layers must be an integer (got True).",
    ),
    "an absurd size": (
        HEAD + SYSTEM + "[system.options]\nhidden_channels = 1000000000\n",
        "6: hidden_channels must be at most 1,000,000 (got 1000000000).",
    ),
    "preset is a number": (HEAD + SYSTEM + "preset = 1\n", "5: preset must be a text (got 1)."),
    "an unknown key under on": (
        HEAD + SYSTEM + "[system.on.karate.recipes]\nlr = 1\n",
        "5: recipes is not a key of [system.on.NAME]. Did you mean recipe?",
    ),
    "zero epochs": (HEAD + "[recipe]\nepochs = 0\n" + SYSTEM, "4: epochs is 0; expected"),
    "a negative rate": (HEAD + "[recipe]\nlr = -1\n" + SYSTEM, "4: lr is -1.0; expected"),
    "an infinite rate": (
        HEAD + "[recipe]\nlr = inf\n" + SYSTEM,
        "4: lr must be a finite number (got inf).",
    ),
    "too many epochs": (
        HEAD + "[recipe]\nepochs = 10000000\n" + SYSTEM,
        "4: epochs must be at most 1,000,000",
    ),
    "a contradiction": (
        HEAD + SYSTEM + "[system.recipe]\nstop = 'min_lr'\n",
        "3: stop is 'min_lr'; it needs schedule = 'plateau'.",
    ),
    "an unknown monitor": (
        HEAD + SYSTEM + "[system.recipe]\nmonitor = 'accc'\n",
        "3: monitor accc is not a validation value of karate.",
    ),
    "an unknown task option": (
        HEAD + "[task_options]\nfeature_nrom = 'row'\n" + SYSTEM,
        "4: feature_nrom is not an option of task node. Did you mean feature_norm?",
    ),
    "a wrong choice": (
        HEAD + "[task_options]\nfeature_norm = 'rows'\n" + SYSTEM,
        "4: feature_norm must be 'none' or 'row' (got 'rows'). Did you mean row?",
    ),
    "seeds are a text": (
        HEAD + "seeds = 'three'\n" + SYSTEM,
        "3: seeds must be a number or a list (got 'three').",
    ),
    "negative seeds": (HEAD + "seeds = -3\n" + SYSTEM, "3: seeds must lie in 1..10,000"),
    "no seed": (HEAD + "seeds = []\n" + SYSTEM, "3: seeds must hold 1 to 10,000 seeds (got 0)."),
    "absurdly many seeds": (HEAD + "seeds = 1000000000\n" + SYSTEM, "3: seeds must lie in"),
    "a seed twice": (HEAD + "seeds = [1,\n2, 1]\n" + SYSTEM, "4: seed 1 is listed twice."),
    "a negative seed": (HEAD + "seeds = [-1]\n" + SYSTEM, "3: a seed must lie in 0..4294967295"),
    "a seed that is no integer": (
        HEAD + "seeds = [0, 1.5]\n" + SYSTEM,
        "3: a seed must be an integer (got 1.5).",
    ),
    "title is a number": ("title = 3\n" + HEAD + SYSTEM, "1: title must be a text (got 3)."),
    "run_optional is a text": (
        HEAD + "run_optional = 'yes'\n" + SYSTEM,
        "3: run_optional must be true or false (got 'yes').",
    ),
    "syntax": (HEAD + "seeds = \n" + SYSTEM, "3: TOML syntax error: Invalid value (column 9)."),
    "an unclosed text": (HEAD + 'title = "x\n', "3: TOML syntax error: "),
    "an unclosed list": (HEAD + "seeds = [1,\n", "4: TOML syntax error: "),
    "a key twice": (HEAD + 'task = "node"\n' + SYSTEM, "3: TOML syntax error: Cannot overwrite"),
}


@pytest.fixture(autouse=True)
def _no_public_data(monkeypatch):
    monkeypatch.delenv("GRAPHLAB_DATA_MIRROR", raising=False)


def problems_of(source, **overrides):
    with pytest.raises(ConfigError) as caught:
        load_suite(source, overrides=Overrides(**overrides))
    return list(caught.value.problems)


def write(folder, text, name="suite.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_twelve_mistakes_are_reported_at_once_with_line_and_nearest_name(tmp_path):
    path = write(tmp_path, TWELVE)
    found = problems_of(path)
    assert len(found) == len(TWELVE_PROBLEMS) == 13
    for problem, expected in zip(found, TWELVE_PROBLEMS, strict=True):
        assert problem.startswith(f"{path}{expected}"), (problem, expected)


def test_twelve_mistakes_end_the_command_with_exit_code_2_and_nothing_started(tmp_path):
    path = write(tmp_path, TWELVE)
    done = subprocess.run(
        [sys.executable, "-m", "graphlab.bench.cli", "run", path.name, "--results", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert not (tmp_path / "out").exists()
    lines = done.stderr.splitlines()
    for line, expected in zip(lines, TWELVE_PROBLEMS, strict=False):
        assert line.startswith(f"error: suite.toml{expected}")
    assert lines[-1] == "13 problems; nothing was started."
    assert len(lines) == 14


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_suite_names_line_and_remedy(tmp_path, name):
    text, expected = BROKEN[name]
    path = write(tmp_path, text)
    found = problems_of(path)
    assert any(problem.startswith(f"{path}:{expected}") for problem in found), found
    assert len(found) == 1, found


def test_there_are_at_least_thirty_broken_suites():
    assert len(BROKEN) >= 30
    assert len({text for text, _ in BROKEN.values()}) == len(BROKEN)


def test_a_missing_file_lists_the_shipped_suites(tmp_path):
    (problem,) = problems_of(tmp_path / "none.toml")
    assert problem.startswith(f"{tmp_path / 'none.toml'}: no such file. Shipped suites: ")
    assert "quick" in problem


def test_an_unknown_suite_name_has_a_near_one():
    (problem,) = problems_of("quik")
    assert problem.startswith("quik is not a suite. Did you mean quick?")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b'title = "\xff"\n', "not UTF-8 text (byte 9)"), (b"#" * 1_000_001, "too large for a suite")],
    ids=["latin-1", "large"],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, content, expected):
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    (problem,) = problems_of(path)
    assert problem.startswith(f"{path}: {expected}")


def test_a_folder_in_place_of_a_suite_is_refused(tmp_path):
    (tmp_path / "x.toml").mkdir()
    (problem,) = problems_of(tmp_path / "x.toml")
    assert "cannot be read" in problem


def test_problems_of_a_dictionary_name_its_keys():
    suite = {
        "task": "node",
        "datasets": ["karate"],
        "system": [{"model": "mlp", "options": {"K": 1}}],
    }
    (problem,) = problems_of(suite)
    assert problem == (
        "suite['system'][0]['options']['K']: K is not an option of mlp. "
        "Known: bias, dropout, hidden_channels, input_dropout, num_layers."
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"recipe.epoch": 3}, "--set recipe.epoch: epoch is not a field of the recipe."),
        ({"recipe.epochs": "x"}, "--set recipe.epochs: epochs must be an integer (got 'x')."),
        ({"options.K": 3}, "--set options.K: K is not an option of MLP, GCN."),
        ({"options.hidden": 3}, "--set options.hidden: hidden is not an option of mlp. Did you"),
        ({"options.dropout": 2}, "--set options.dropout: dropout must lie in [0, 1] (got 2)."),
        ({"system.MPL.options.bias": True}, "--set system.MPL.options.bias: MPL is not a system"),
        ({"system.MLP.options.K": 1}, "--set system.MLP.options.K: K is not an option of mlp."),
        ({"system.MLP.preset": "x"}, "--set system.MLP.preset: x is not a preset of mlp."),
        ({"system": 1}, "--set system: name one value, system.NAME.options.X=VALUE."),
        ({"recipes.lr": 1}, "--set recipes.lr: recipes is not something --set can change."),
        ({"seeds": 0}, "--set seeds: seeds must lie in 1..10,000"),
        ({"sede": 0}, "--set sede: sede is not a key of a suite. Did you mean"),
        ({"task_options.metric": "f1"}, "--set task_options.metric: metric must be 'acc' or"),
        ({"recipe.lr": 1, "recipe.lr.first": 1}, "--set recipe.lr.first: lr already has a value."),
    ],
)
def test_a_wrong_setting_names_the_flag(settings, expected):
    found = problems_of("quick", settings=tuple(settings.items()))
    assert any(problem.startswith(expected) for problem in found), found


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"models": ("mpl",)}, "--model: mpl is not a system of this suite. Did you mean mlp?"),
        ({"datasets": ("karate",)}, "--dataset: karate is not a data set of "),
        ({"protocol": "publc"}, "--protocol: publc is not a protocol of any part of this suite."),
        (
            {"protocol": "publc", "task": "node"},
            "--protocol: publc is not a protocol of task node.",
        ),
        ({"seeds": 0}, "--seeds: seeds must lie in 1..10,000"),
        ({"seed": -1}, "--seed: a seed must lie in 0.."),
        ({"max_seconds": 0.0}, "--max-seconds: max_seconds is 0.0; expected"),
        ({"data": Path("x"), "datasets": ("a",)}, "--data replaces the data sets: leave"),
        (
            {"task": "graph"},
            "--task: the suite is of task node and link; --task graph cannot change it.",
        ),
    ],
)
def test_a_wrong_flag_names_itself(flags, expected):
    found = problems_of("quick", **flags)
    assert [p for p in found if p.startswith(expected)], found


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"models": ("mpl",)}, "--model: mpl is not a model. Did you mean mlp?"),
        ({"models": ("mlp",), "datasets": ("corra",)}, "--dataset: corra is not a data set."),
        ({"models": ("mlp",), "datasets": ("cora",)}, "--dataset: cora is not on this machine: "),
        ({"models": ("mlp",), "task": "nodes"}, "--task: nodes is not a task. Did you mean node?"),
        ({"datasets": ("karate",)}, "--model: there is no system"),
    ],
)
def test_a_wrong_flag_of_a_suite_of_flags_names_itself(flags, expected):
    found = problems_of(None, **flags)
    assert [p for p in found if p.startswith(expected)], found


def test_a_missing_data_set_names_the_remedies(tmp_path):
    path = write(tmp_path, HEAD.replace("karate", "cora") + SYSTEM)
    (problem,) = problems_of(path)
    assert f"{path}:2: cora is not on this machine: " in problem
    assert "graphlab-bench data fetch cora" in problem
    assert "GRAPHLAB_DATA_MIRROR" in problem


HOSTILE = [
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "\\input{/etc/passwd} $x$ & % #",
    "two\nlines",
    "\x1b[31mred",
    "\u202eright to left",
    "😀",
    "x" * 10_000,
    "'; DROP TABLE runs; --",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_give_one_safe_line_each(tmp_path, name):
    suite = {
        "task": name,
        "protocol": name,
        "datasets": [name],
        name: 1,
        "recipe": {name: 1},
        "system": [{"model": name}, {"model": "mlp", "options": {name: 1}, "on": {name: {}}}],
    }
    found = problems_of(suite)
    assert len(found) >= 6
    for problem in found:
        message = re.sub(r"suite(\[('(\\.|[^'])*'|\"(\\.|[^\"])*\"|\d+)\])+: ", "", problem)
        assert message.isprintable()
        assert len(message) < 400


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_system_names_are_names_and_folders_stay_inside(tmp_path, name):
    from graphlab.bench.plan import make_plan

    suite = load_suite(
        {
            "name": name,
            "task": "node",
            "datasets": ["karate"],
            "system": [{"model": "mlp", "name": name}],
        }
    )
    plan = make_plan(suite, tmp_path)
    assert plan.cells[0].system == name
    assert plan.results.parent == tmp_path
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", plan.results.name)
    assert re.fullmatch(r"[0-9a-f]{16}", plan.cells[0].cell_id)
