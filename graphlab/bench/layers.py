"""Settings of one cell from all the places that may set them; later places win.

1. constructor defaults of the model, defaults of ``Recipe`` and of the task;
2. the model's preset for the data set (``preset = "auto"``), a named one, or none;
3. ``[recipe]`` and ``[task_options]`` of the suite, then those of its ``[[part]]``;
4. ``options``, ``recipe`` and ``task_options`` of the ``[[system]]`` table;
5. the same under ``[system.on.DATASET]``;
6. ``--set options.X``, ``recipe.X``, ``task_options.X``;
7. ``--set system.NAME.options.X`` and so on.

A value is replaced as a whole, tables such as learning rates by group too. ``overridden`` names
what a person set (3 to 7), as ``recipe.lr``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphlab.bench.option_types import OptionError, coerce
from graphlab.errors import ConfigError
from graphlab.registry import find_task, normalise_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphlab.bench.suite import Part, Settings, SuiteDataset, System
    from graphlab.registry import ModelCard, TaskCard

__all__ = ["Resolved", "resolve"]

_LAYERS = ("options", "recipe", "task_options")


@dataclass(frozen=True)
class Resolved:
    """Everything that decides a run besides data and seed, defaults written out.

    Attributes:
        options: Constructor arguments without those that the task fills in.
        recipe: All fields of ``Recipe``.
        task_options: All options of the task.
        overridden: Names that a person set, sorted.
    """

    options: dict[str, object]
    recipe: dict[str, object]
    task_options: dict[str, object]
    overridden: tuple[str, ...]


def resolve(part: Part, system: System, dataset: SuiteDataset) -> Resolved:
    """Merge all settings of one system on one data set.

    Raises:
        ConfigError: The merged recipe contradicts itself, or a required option is not set.
    """
    from graphlab.train.recipes import Recipe

    task = find_task(part.task)
    merged: dict[str, dict[str, object]] = {
        "options": dict(system.card.defaults),
        "recipe": {},
        "task_options": dict(task.defaults),
    }
    for layer, values in _preset(system, dataset).items():
        merged[layer].update(values)
    overridden: set[str] = set()
    for settings in _settings(part, system, dataset):
        for layer in _LAYERS:
            values = getattr(settings, layer)
            merged[layer].update(values)
            overridden.update(f"{layer}.{name}" for name in values)
    missing = sorted(set(system.card.options) - set(merged["options"]))
    if missing:
        raise ConfigError(
            f"{system.card.name} needs {', '.join(missing)}: set it under [system.options]."
        )
    return Resolved(
        options=_typed(merged["options"], _annotations(system.card)),
        recipe=Recipe.from_dict(merged["recipe"]).to_dict(),
        task_options=_typed(merged["task_options"], _annotations(task)),
        overridden=tuple(sorted(overridden)),
    )


def _settings(part: Part, system: System, dataset: SuiteDataset) -> Iterator[Settings]:
    yield part.settings
    yield system.settings
    if dataset.name in system.on:
        yield system.on[dataset.name]
    yield system.flags


def _preset(system: System, dataset: SuiteDataset) -> dict[str, dict[str, object]]:
    card, wanted = system.card, system.preset
    if wanted == "none":
        return {}
    if wanted == "auto":
        # a user's own graph may be called cora without being Cora
        wanted = "default" if dataset.data_path is not None else dataset.name
    preset = card.preset(normalise_name(wanted))
    return {"task_options" if part == "task" else part: values for part, values in preset.items()}


def _annotations(card: ModelCard | TaskCard) -> dict[str, str]:
    return {option.name: option.annotation for option in card.options.values()}


def _typed(values: Mapping[str, object], annotations: Mapping[str, str]) -> dict[str, object]:
    """Values as their annotations want them, so that 1 and 1.0 for a float hash equally."""
    typed = {}
    for name, value in values.items():
        try:
            typed[name] = coerce(annotations.get(name, "Any"), value)
        except OptionError:  # a default that its own annotation does not describe
            typed[name] = value
    return typed
