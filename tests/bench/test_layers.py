"""Which of the places that may set a value wins."""

from __future__ import annotations

import pytest

from graphlab.bench.config import load_suite
from graphlab.bench.layers import resolve
from graphlab.bench.suite import Overrides
from graphlab.errors import ConfigError
from graphlab.train.recipes import Recipe

MODEL = '''
from graphlab.registry import register_model

@register_model("net", tasks=("node",), paper="none", presets={
    "karate": {"options": {"width": 16}, "recipe": {"lr": 0.5, "epochs": 50},
               "task": {"feature_norm": "row"}},
    "default": {"options": {"width": 32}, "recipe": {"epochs": 60}, "task": {}},
    "small": {"options": {"width": 2}, "recipe": {}, "task": {}},
})
class Net:
    """A model."""
    def __init__(self, in_channels: int, out_channels: int, width: int = 8,
                 dropout: float = 0.5, *, memory: str = "fast") -> None: ...

@register_model("needy", tasks=("node",), paper="none")
class Needy:
    """A model with an option that has no default."""
    def __init__(self, in_channels: int, out_channels: int, width: int) -> None: ...
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(MODEL, encoding="utf-8")
    return path


def resolve_first(suite):
    part = suite.parts[0]
    return resolve(part, part.systems[0], part.datasets[0])


@pytest.fixture
def resolved(file):
    def resolve_one(settings=(), datasets=("karate",), system=None, **suite):
        raw = {
            "task": "node",
            "datasets": list(datasets),
            "system": [{"model": "net", **(system or {})}],
            **suite,
        }
        overrides = Overrides(
            files=(file,), settings=tuple(dict(settings).items()), models=("net",)
        )
        found = load_suite(raw, overrides=overrides)
        return resolve_first(found)

    return resolve_one


def test_defaults_are_written_out(resolved):
    found = resolved(system={"preset": "none"})
    assert found.options == {"width": 8, "dropout": 0.5, "memory": "fast"}
    assert found.recipe == Recipe().to_dict()
    assert found.task_options == {
        "feature_norm": "none",
        "sparse_features": True,
        "metric": None,
        "add_features": [],
        "feature_pca": None,
        "batch_size": None,
    }
    assert found.overridden == ()


def test_the_preset_of_the_data_set_beats_defaults_and_is_no_override(resolved):
    found = resolved()
    assert found.options["width"] == 16
    assert (found.recipe["lr"], found.recipe["epochs"]) == (0.5, 50)
    assert found.task_options["feature_norm"] == "row"
    assert found.overridden == ()


def test_a_set_without_a_preset_takes_the_default_preset(resolved):
    found = resolved(datasets=["debdeps"])
    assert (found.options["width"], found.recipe["epochs"]) == (32, 60)


def test_a_named_preset_is_used_for_every_set(resolved):
    assert resolved(system={"preset": "Small"}).options["width"] == 2
    assert resolved(system={"preset": "karate"}, datasets=["debdeps"]).options["width"] == 16


ORDER = [
    ("preset", {}, 50),
    ("suite", {"recipe": {"epochs": 51}}, 51),
    ("system", {"system": {"recipe": {"epochs": 52}}}, 52),
    (
        "on",
        {"system": {"recipe": {"epochs": 52}, "on": {"karate": {"recipe": {"epochs": 53}}}}},
        53,
    ),
    ("set", {"settings": {"recipe.epochs": 54}}, 54),
    ("set system", {"settings": {"system.net.recipe.epochs": 55, "recipe.epochs": 54}}, 55),
]


@pytest.mark.parametrize("last", range(len(ORDER)), ids=[name for name, _, _ in ORDER])
def test_each_place_beats_those_before_it(resolved, last):
    given: dict = {}
    for _, change, _ in ORDER[: last + 1]:
        given |= change
    found = resolved(**given)
    assert found.recipe["epochs"] == ORDER[last][2]
    assert found.overridden == (("recipe.epochs",) if last else ())
    assert found.recipe["lr"] == 0.5  # of the preset, whatever else is set


def test_all_three_layers_follow_the_order(resolved):
    on = {"options": {"width": 3}, "task_options": {"feature_norm": "none"}}
    found = resolved(
        task_options={"feature_norm": "row", "sparse_features": False},
        system={"options": {"width": 2, "dropout": 0}, "on": {"Karate": on}},
        settings={"options.memory": "low"},
    )
    assert found.options == {"width": 3, "dropout": 0.0, "memory": "low"}
    assert found.task_options["feature_norm"] == "none"
    assert found.task_options["sparse_features"] is False
    assert found.overridden == (
        "options.dropout",
        "options.memory",
        "options.width",
        "task_options.feature_norm",
        "task_options.sparse_features",
    )


def test_settings_on_another_set_do_not_reach_this_one(resolved):
    system = {"on": {"debdeps": {"options": {"width": 3}}}}
    assert resolved(datasets=["karate", "debdeps"], system=system).options["width"] == 16


def test_a_table_replaces_a_table(resolved):
    found = resolved(recipe={"lr": {"first": 0.1, "rest": 0.2}}, settings={"recipe.lr.first": 0.3})
    assert found.recipe["lr"] == {"first": 0.3}


def test_set_may_change_the_preset(resolved):
    assert resolved(settings={"system.net.preset": "none"}).options["width"] == 8


def test_an_own_graph_never_takes_the_preset_of_a_name_alike(file, tmp_path):
    graph = tmp_path / "karate"
    graph.mkdir()
    (graph / "edges.csv").write_text("0,1\n", encoding="utf-8")
    found = load_suite(None, overrides=Overrides(files=(file,), models=("net",), data=graph))
    assert found.parts[0].datasets[0].name == "karate"
    assert resolve_first(found).options["width"] == 32


def test_an_option_without_default_must_be_set(file):
    overrides = Overrides(files=(file,), models=("needy",), datasets=("karate",))
    with pytest.raises(ConfigError, match="needy needs width: set it under"):
        load_suite(None, overrides=overrides)
    given = Overrides(
        files=(file,),
        models=("needy",),
        datasets=("karate",),
        settings=(("options.width", 4),),
    )
    found = load_suite(None, overrides=given)
    assert resolve_first(found).options == {"width": 4}
