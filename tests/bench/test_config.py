"""Suites from files, dictionaries and flags, and what flags change in them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from graphlab.bench.config import load_suite
from graphlab.bench.document import experiment_file, parse_setting, suite_files
from graphlab.bench.suite import Overrides
from graphlab.errors import ConfigError

MODEL = '''
from torch import nn
from graphlab.registry import register_model

@register_model("my_net", tasks=("node",), paper="none")
class MyNet(nn.Module):
    """A model of the user."""
    def __init__(self, in_channels: int, out_channels: int, width: int = 8) -> None: ...

@register_model("my-other", tasks=("link",), paper="none")
class MyOther(nn.Module):
    """A model for another task."""
    def __init__(self, in_channels: int) -> None: ...
'''


@pytest.fixture(autouse=True)
def _no_public_data(monkeypatch):
    monkeypatch.delenv("GRAPHLAB_DATA_MIRROR", raising=False)


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "my_net.py"
    path.write_text(MODEL, encoding="utf-8")
    return path


def suite(**changes):
    base = {
        "task": "node",
        "datasets": ["karate"],
        "system": [{"model": "mlp", "name": "MLP"}, {"model": "pyg-gcn", "name": "GCN"}],
    }
    return {**base, **changes}


def load(source=None, **overrides):
    return load_suite(source, overrides=Overrides(**overrides))


def part(source=None, **overrides):
    (only,) = load(source, **overrides).parts
    return only


def names(found):
    return [system.name for part in found.parts for system in part.systems]


def test_a_file_and_a_dictionary_of_the_same_keys_are_the_same_suite(tmp_path):
    text = """
        title = "Two"
        task = "Node"
        seeds = [3, 1]
        datasets = ["Karate"]
        [recipe]
        epochs = 7
        [[system]]
        model = "MLP"
        name = "wide"
        preset = "none"
        options.hidden_channels = 128
        on.karate.recipe.lr = 1
    """
    path = tmp_path / "two.toml"
    path.write_text(text, encoding="utf-8")
    values = {
        "name": "two",
        "title": "Two",
        "task": "node",
        "seeds": [3, 1],
        "datasets": ["karate"],
        "recipe": {"epochs": 7},
        "system": [
            {
                "model": "mlp",
                "name": "wide",
                "preset": "none",
                "options": {"hidden_channels": 128},
                "on": {"karate": {"recipe": {"lr": 1.0}}},
            }
        ],
    }
    from_file, from_dict = load(path), load(values)
    assert from_file.parts == from_dict.parts
    assert (from_file.name, from_file.title, from_file.parts[0].seeds) == ("two", "Two", (3, 1))
    assert from_file.source == str(path)
    assert from_dict.source == "suite"


def test_the_shipped_suites_are_valid_but_for_absent_data():
    assert set(suite_files()) >= {"quick", "citation-node"}
    for name, path in suite_files().items():
        if experiment_file(name):  # read by its own kind: tests/bench/transfer
            continue
        try:
            load(path)
        except ConfigError as error:
            problems = [p for p in error.problems if "is not on this machine" not in p]
            assert problems == []


def test_quick_is_the_default_and_needs_no_data():
    found = load()
    assert found.name == "quick"
    for part in found.parts:
        assert [dataset.name for dataset in part.datasets] == ["debdeps"]
        assert part.seeds == (0, 1, 2)
    assert names(found) == ["MLP", "GCN", "DAGNN", "CN", "RA", "PA", "GAE", "NCN", "NCNC"]


def test_suite_names_are_case_insensitive_and_take_both_dashes():
    assert load("QUICK").name == "quick"


def test_without_a_protocol_each_set_has_its_default():
    found = load(suite(datasets=["karate", "ba-tiny"]))
    assert [(d.name, d.protocol) for d in found.parts[0].datasets] == [
        ("karate", "public"),
        ("ba-tiny", "random-20-30"),
    ]


def test_protocol_aliases_are_resolved():
    found = load(suite(protocol="Planetoid_Public"))
    assert found.parts[0].datasets[0].protocol == "public"


def test_seeds_flags_replace_the_seeds():
    assert part(suite(seeds=5), seeds=2).seeds == (0, 1)
    assert part(suite(seeds=5), seed=7).seeds == (7,)
    assert part(suite(seeds=5), settings=(("seeds", [4]),)).seeds == (4,)


@pytest.mark.parametrize("wanted", ["GCN", "gcn", "pyg_gcn", "PyG-GCN"])
def test_model_narrows_by_row_name_or_model(wanted):
    assert names(load(suite(), models=(wanted,))) == ["GCN"]


def test_dataset_narrows():
    found = load(suite(datasets=["karate", "debdeps"]), datasets=("Debian",))
    assert [dataset.name for dataset in found.parts[0].datasets] == ["debdeps"]


def test_an_absent_optional_set_is_skipped_and_named():
    found = load(suite(optional=["cora", "debdeps"]))
    assert [dataset.name for dataset in found.parts[0].datasets] == ["karate", "debdeps"]
    (skipped,) = found.skipped
    assert skipped.name == "cora"
    assert skipped.reason == "optional and absent; graphlab-bench data fetch cora"


def test_an_absent_set_named_by_flag_is_an_error_though_optional():
    with pytest.raises(ConfigError, match="--dataset: cora is not on this machine"):
        load(suite(optional=["cora"]), datasets=("cora",))


def test_optional_sets_can_be_off_until_asked_for():
    off = suite(optional=["debdeps"], run_optional=False)
    found = load(off)
    assert [dataset.name for dataset in found.parts[0].datasets] == ["karate"]
    assert found.skipped[0].reason == "optional and left out; --optional runs it"
    both = load(off, optional=True)
    assert [dataset.name for dataset in both.parts[0].datasets] == ["karate", "debdeps"]
    named = load(off, datasets=("debdeps",))
    assert [dataset.name for dataset in named.parts[0].datasets] == ["debdeps"]
    assert named.skipped == ()


def test_a_suite_may_have_optional_sets_alone():
    found = load({"task": "node", "optional": ["cora"], "system": [{"model": "mlp"}]})
    assert found.parts[0].datasets == ()
    assert found.skipped[0].name == "cora"


def test_flags_alone_make_a_suite():
    found = load(models=("mlp", "pyg_gcn"), datasets=("karate",), seed=4)
    assert (found.name, found.parts[0].task, found.parts[0].seeds) == ("adhoc", "node", (4,))
    assert names(found) == ["mlp", "pyg-gcn"]
    assert [dataset.name for dataset in found.parts[0].datasets] == ["karate"]


def test_flags_without_a_data_set_use_the_shipped_one():
    assert [dataset.name for dataset in part(models=("mlp",)).datasets] == ["debdeps"]


def test_a_file_of_models_gives_its_models_to_a_suite_of_flags(model_file):
    with pytest.raises(ConfigError, match="my-other is not made for task node"):
        load(files=(model_file,), datasets=("karate",))
    found = load(files=(model_file,), models=("my_net",), datasets=("karate",))
    assert [system.card.name for system in found.parts[0].systems] == ["my-net"]
    assert found.parts[0].systems[0].card.file == model_file


def test_a_file_of_models_joins_a_named_suite(model_file):
    only = model_file.with_name("one.py")
    only.write_text(MODEL.partition('@register_model("my-other"')[0], encoding="utf-8")
    assert names(load(suite(), files=(only,))) == ["MLP", "GCN", "my-net"]
    assert names(load(suite(), files=(only,), models=("my-net", "mlp"))) == ["my-net", "MLP"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("x = 1\n", "registers no model"),
        ("@register_model(\n", "not valid Python"),
        ("@register_model(NAME, tasks=(), paper='')\nclass X: ...\n", "is not a literal"),
    ],
    ids=["none", "syntax", "literal"],
)
def test_a_bad_model_file_is_named(tmp_path, content, expected):
    path = tmp_path / "bad.py"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(suite(), files=(path,))
    assert expected in str(caught.value)
    assert "bad.py" in str(caught.value)


def test_a_missing_model_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.py cannot be read"):
        load(suite(), files=(tmp_path / "nowhere.py",))


def test_the_users_own_graph_replaces_the_data_sets(tmp_path):
    folder = tmp_path / "My Graph"
    folder.mkdir()
    (folder / "edges.csv").write_text("0,1\n1,2\n", encoding="utf-8")
    (folder / "labels.csv").write_text("0\n1\n0\n", encoding="utf-8")
    for stage in ("train", "val", "test"):
        (folder / f"{stage}.csv").write_text("0\n", encoding="utf-8")
    (dataset,) = part(suite(), data=folder).datasets
    assert dataset.data_path == str(folder)
    assert dataset.protocol == "public"
    (drawn,) = part(suite(), data=folder, protocol="random-20-30").datasets
    assert drawn.protocol == "random-20-30"


def test_a_missing_graph_of_the_user_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"--data: .*no such file or folder"):
        load(suite(), data=tmp_path / "nothing")
    with pytest.raises(ConfigError, match=r"--data: .*holds no edges"):
        load(suite(), data=tmp_path)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("recipe.lr=0.01", ("recipe.lr", 0.01)),
        ("options.K = 5", ("options.K", 5)),
        ("options.bias=false", ("options.bias", False)),
        ("options.sizes=[1, 2]", ("options.sizes", [1, 2])),
        ("options.memory=low", ("options.memory", "low")),
        ("recipe.clip_norm=none", ("recipe.clip_norm", "none")),
        ('title="a=b"', ("title", "a=b")),
        ("title=a=b", ("title", "a=b")),
        ("system.NCNC, depth 2.options.depth=2", ("system.NCNC, depth 2.options.depth", 2)),
    ],
)
def test_settings_are_read_as_toml_or_text(text, parsed):
    assert parse_setting(text) == parsed


@pytest.mark.parametrize("text", ["recipe.lr", "=3", ""])
def test_a_setting_without_name_or_value_is_refused(text):
    with pytest.raises(ConfigError, match="expected NAME=VALUE"):
        parse_setting(text)


def test_settings_reach_systems_whose_names_hold_dots():
    raw = suite(system=[{"model": "mlp", "name": "MLP v1.2"}, {"model": "pyg-gcn"}])
    found = load(raw, settings=(("system.mlp V1.2.options.bias", False),))
    assert found.parts[0].systems[0].flags.options == {"bias": False}
    assert found.parts[0].systems[1].flags.options == {}


def test_settings_for_all_systems_have_the_type_of_each():
    found = load(suite(), settings=(("options.dropout", 0), ("recipe.lr", 1)))
    for system in found.parts[0].systems:
        assert system.flags.options == {"dropout": 0.0}
        assert isinstance(system.flags.options["dropout"], float)
        assert system.flags.recipe == {"lr": 1.0}


def test_groups_of_rates_are_set_one_by_one():
    settings = (("recipe.lr.first", 1), ("recipe.lr.rest", 0.5))
    assert part(suite(), settings=settings).systems[0].flags.recipe == {
        "lr": {"first": 1.0, "rest": 0.5}
    }


def test_a_dictionary_given_is_not_changed():
    given = suite()
    before = json.dumps(given)
    load(given, seeds=1, protocol="public", settings=(("title", "x"),))
    assert json.dumps(given) == before


def test_checking_a_suite_needs_neither_torch_nor_numpy():
    code = (
        "import sys\n"
        "from graphlab.bench.config import load_suite\n"
        "from graphlab.bench.plan import make_plan\n"
        "make_plan(load_suite({'task': 'node', 'datasets': ['karate', 'debdeps'],"
        " 'system': [{'model': 'mlp'}]}))\n"
        "heavy = {'torch', 'numpy', 'pandas', 'scipy', 'numba'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
