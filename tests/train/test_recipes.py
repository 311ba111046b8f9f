"""Recipes: checked at once, equal when they mean the same, readable without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from graphlab.errors import ConfigError
from graphlab.io import canonical_json
from graphlab.train.recipes import Recipe, dagnn, plateau, recipe_options, recipe_problems


def test_all_mistakes_are_reported_at_once_with_the_nearest_name():
    wrong = {
        "epoch": 3,
        "lr": -1,
        "weight_decay": {"first": "a"},
        "optimizer": "adm",
        "patience": 0,
        "epochs": True,
        "clip_norm": float("inf"),
        "eval_every": 1.5,
        "schedule_factor": 1,
        "monitor": "",
    }
    with pytest.raises(ConfigError) as caught:
        Recipe.from_dict(wrong)
    assert len(caught.value.problems) == len(wrong)
    text = str(caught.value)
    assert "Did you mean epochs?" in text
    assert "optimizer is 'adm'; expected 'adam' or 'adamw' or 'sgd'." in text
    assert set(recipe_problems(wrong)) == set(wrong)


def test_the_constructor_checks_as_well():
    with pytest.raises(ConfigError, match="epochs is 0"):
        Recipe(epochs=0)
    with pytest.raises(ConfigError, match="plateau"):
        Recipe(stop="min_lr")


def test_integer_and_float_settings_give_one_hash():
    one, other = Recipe(lr=1, weight_decay={"a": 0}), Recipe(lr=1.0, weight_decay={"a": 0.0})
    assert one == other
    assert canonical_json(one.result_fields()) == canonical_json(other.result_fields())


def test_hash_leaves_out_time_and_keeps_everything_else():
    fields = Recipe(max_seconds=3, checkpoint_seconds=0).result_fields()
    assert fields == Recipe().result_fields()
    # without re-weighting and pretext tasks a recipe has the hash it had before there were any
    left = {"max_seconds", "checkpoint_seconds", "reweight", "ssl"}
    assert set(Recipe().to_dict()) - set(fields) == left
    assert set(fields) | {"reweight"} == set(Recipe(reweight={"alpha": 2}).result_fields())
    assert set(fields) | {"ssl"} == set(Recipe(ssl={"task": "edgemask"}).result_fields())
    for name, value in {"stop": "dagnn", "ties": "last", "monitor": "acc", "lr": 0.5}.items():
        assert Recipe(**{name: value}).result_fields() != fields


def test_round_trip_through_a_dictionary():
    recipe = Recipe(lr={"encoder": 0.1, "predictor": 0.2}, clip_norm=1.0, schedule="cosine")
    assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_options_are_those_of_the_dataclass():
    options = recipe_options()
    assert {name: option.default for name, option in options.items()} == Recipe().to_dict()
    assert options["lr"].annotation == "float | dict[str, float]"
    assert options["stop"].annotation.startswith("Literal[")


def test_named_recipes():
    assert (dagnn().stop, dagnn().epochs, dagnn().patience, dagnn().select) == (
        "dagnn",
        1000,
        100,
        "best",
    )
    assert (plateau().stop, plateau().schedule, plateau().select) == ("min_lr", "plateau", "last")


def test_recipes_and_package_fronts_need_no_torch():
    code = (
        "import sys; import graphlab.train, graphlab.tasks; from graphlab.train import Recipe; "
        "import graphlab.train.recipes, graphlab.tasks.base; Recipe(); "
        "assert 'RESULT_VERSION' in dir(graphlab.train) and 'Task' in dir(graphlab.tasks); "
        "print([m for m in ('torch', 'numpy', 'accelerate') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_every_public_name_can_be_imported():
    import graphlab.tasks
    import graphlab.train

    for package in (graphlab.train, graphlab.tasks):
        for name in package.__all__:
            assert getattr(package, name) is not None
        with pytest.raises(AttributeError, match="nothing"):
            package.nothing  # noqa: B018
