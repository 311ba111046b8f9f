"""How a model is trained, as one plain value: optimiser, schedule, stopping, selection."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from graphlab.errors import ConfigError
from graphlab.registry import Option, nearest
from graphlab.ssl import catalogue as ssl
from graphlab.train._reweight_settings import EXPECTED, complete, setting_problem

__all__ = ["RESULT_VERSION", "Recipe", "dagnn", "plateau", "recipe_options", "recipe_problems"]

RESULT_VERSION = 1
"""Hashed into every run id; raised when a change of the training loop moves results."""

# what the run's result does not depend on: how often it is saved, how long it may take
_NOT_HASHED = ("max_seconds", "checkpoint_seconds")
# newer than the first records: where it is None, a run is the one it always was
_LATER = ("reweight", "ssl")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides a training besides model, task, data and seed.

    Args:
        optimizer: ``"sgd"`` uses ``momentum``; the others torch's default betas.
        lr: Learning rate, or one per parameter group of the model (``{"encoder": 1e-3, ...}``,
            names from the model's ``parameter_groups()``).
        weight_decay: L2 penalty (decoupled for ``"adamw"``), or one per parameter group.
        momentum: For ``"sgd"`` alone.
        epochs: Largest number of epochs.
        patience: Evaluations; its meaning depends on ``stop``.
        stop: ``"patience"`` ends after that many evaluations without improvement;
            ``"dagnn"`` ends in the second half of the epochs once the monitored value is worse
            than the mean of the ``patience`` values before it; ``"min_lr"`` ends when the
            plateau schedule has lowered a learning rate below ``schedule_min_lr``.
        monitor: Validation value that selects the epoch: ``"loss"``, a metric of the task, or
            ``"metric"`` for whichever metric the data set is measured by.
        select: Which state is tested: of the best epoch, or of the last one.
        ties: Of equally good epochs, keep the first or the last.
        schedule: ``"plateau"`` lowers the rate when the monitored value stalls; ``"cosine"``
            lowers it to ``schedule_min_lr`` over all epochs.
        schedule_factor: Plateau: factor of each reduction.
        schedule_patience: Plateau: evaluations without improvement that are tolerated.
        schedule_min_lr: Lowest rate (cosine), or the rate at which ``stop="min_lr"`` ends.
        warmup_epochs: Epochs of linear increase at the start, any schedule.
        clip_norm: Largest gradient norm, for each parameter group on its own.
        precision: Autocast type of the forward pass; ``"fp16"`` needs a GPU.
        eval_every: Epochs between evaluations; the last epoch is always evaluated.
        reweight: Settings of :class:`graphlab.train.EdgeReweighter`, which then takes part in the
            training: ``{"alpha": 2.0, "interval": 1, "warm_up": 1}``; those left out have its
            defaults. None trains without.
        ssl: Settings of :class:`graphlab.train.SelfSupervision`, a pretext task beside the
            classification of nodes: ``{"task": "distance2labeled", "lam": 10.0}``; those left out
            have its defaults. None trains without.
        max_seconds: The run ends with status ``"timeout"`` after this time. Decides no hash.
        checkpoint_seconds: Least time between two writes of ``last.ckpt``. Decides no hash.

    Raises:
        ConfigError: Holds one message for each wrong value.

    Example:
        >>> Recipe(lr=0.005, stop="patience", patience=20).epochs
        200
    """

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float | dict[str, float] = 0.01
    weight_decay: float | dict[str, float] = 0.0
    momentum: float = 0.0
    epochs: int = 200
    patience: int = 100
    stop: Literal["none", "patience", "dagnn", "min_lr"] = "none"
    monitor: str = "loss"
    select: Literal["best", "last"] = "best"
    ties: Literal["first", "last"] = "first"
    schedule: Literal["none", "plateau", "cosine"] = "none"
    schedule_factor: float = 0.5
    schedule_patience: int = 10
    schedule_min_lr: float = 0.0
    warmup_epochs: int = 0
    clip_norm: float | None = None
    precision: Literal["no", "bf16", "fp16"] = "no"
    eval_every: int = 1
    reweight: dict[str, object] | None = None
    ssl: dict[str, object] | None = None
    max_seconds: float | None = None
    checkpoint_seconds: float = 30.0

    def __post_init__(self) -> None:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        problems = recipe_problems(given)
        if problems:
            raise ConfigError(problems.values())
        for name, value in given.items():  # 1 and 1.0 are one recipe, and have one hash
            object.__setattr__(self, name, _as_float(name, value))
        if self.reweight is not None:
            object.__setattr__(self, "reweight", complete(self.reweight))
        if self.ssl is not None:
            object.__setattr__(self, "ssl", ssl.complete(self.ssl))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Build a recipe from a mapping, such as a table of a suite file.

        Raises:
            ConfigError: With every unknown name (and the nearest known one) and wrong value.

        Example:
            >>> Recipe.from_dict({"epochs": 0, "learning_rate": 1})
            Traceback (most recent call last):
            ...
            graphlab.errors.ConfigError: epochs is 0; expected an integer of at least 1.
            learning_rate is not a setting of a recipe.
        """
        problems = recipe_problems(values)
        if problems:
            raise ConfigError(problems.values())
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return all settings, JSON-able."""
        return asdict(self)

    def result_fields(self) -> dict[str, Any]:
        """Return the settings that decide the result: what goes into a run's hash."""
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in _NOT_HASHED and (name not in _LATER or value is not None)
        }


def dagnn(
    *, epochs: int = 1000, patience: int = 100, lr: float = 0.01, weight_decay: float = 0.005
) -> Recipe:
    """Return the recipe of DAGNN: Adam, selection and stopping by validation loss.

    Defaults are those of the authors' code for Cora.
    """
    return Recipe(epochs=epochs, patience=patience, lr=lr, weight_decay=weight_decay, stop="dagnn")


def plateau(
    *,
    epochs: int = 1000,
    lr: float = 1e-3,
    factor: float = 0.5,
    patience: int = 10,
    min_lr: float = 1e-5,
    max_seconds: float | None = None,
) -> Recipe:
    """Return the recipe of *Benchmarking Graph Neural Networks*: halve the rate on a plateau.

    Training ends when the rate falls below ``min_lr``; the last state is the one reported.
    """
    return Recipe(
        lr=lr,
        epochs=epochs,
        schedule="plateau",
        schedule_factor=factor,
        schedule_patience=patience,
        schedule_min_lr=min_lr,
        stop="min_lr",
        select="last",
        max_seconds=max_seconds,
    )


def recipe_options() -> dict[str, Option]:
    """Return name, annotation and default of every setting, as the registry does for models.

    Example:
        >>> recipe_options()["epochs"].default
        200
    """
    return {f.name: Option(f.name, str(f.type), f.default, required=False) for f in fields(Recipe)}


def recipe_problems(values: Mapping[str, Any]) -> dict[str, str]:
    """Check settings without building a recipe; return setting -> message for each wrong one.

    Example:
        >>> recipe_problems({"epoch": 3})
        {'epoch': 'epoch is not a setting of a recipe. Did you mean epochs?'}
    """
    problems = {}
    for name, value in values.items():
        if name not in _RULES:
            near = nearest(name, list(_RULES), n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            problems[name] = f"{name} is not a setting of a recipe.{hint}"
        else:
            fits, expected = _RULES[name]
            if name == "ssl" and isinstance(value, Mapping) and not fits(value):
                problems[name] = f"ssl: {ssl.setting_problem(value)}"  # names the one that is wrong
            elif not fits(value):
                problems[name] = f"{name} is {value!r}; expected {expected}."
    if not problems and values.get("stop") == "min_lr" and values.get("schedule") != "plateau":
        problems["stop"] = "stop is 'min_lr'; it needs schedule = 'plateau'."
    return problems


Rule = tuple[Callable[[Any], bool], str]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _one_of(*names: str) -> Rule:
    return lambda value: isinstance(value, str) and value in names, " or ".join(map(repr, names))


def _integer(least: int) -> Rule:
    text = f"an integer of at least {least}"
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= least, text


def _number(test: Callable[[float], bool], text: str) -> Rule:
    return lambda value: _is_number(value) and test(value), text


def _or_none(rule: Rule) -> Rule:
    return lambda value: value is None or rule[0](value), f"{rule[1]}, or none"


def _per_group(rule: Rule) -> Rule:
    def fits(value: object) -> bool:
        if isinstance(value, Mapping):
            return len(value) > 0 and all(isinstance(k, str) and rule[0](value[k]) for k in value)
        return rule[0](value)

    return fits, f"{rule[1]}, or a table of one for each parameter group"


_POSITIVE = _number(lambda v: v > 0, "a number above 0")
_NOT_NEGATIVE = _number(lambda v: v >= 0, "a number of at least 0")
_RULES: dict[str, Rule] = {
    "optimizer": _one_of("adam", "adamw", "sgd"),
    "lr": _per_group(_POSITIVE),
    "weight_decay": _per_group(_NOT_NEGATIVE),
    "momentum": _number(lambda v: 0 <= v < 1, "a number in [0, 1)"),
    "epochs": _integer(1),
    "patience": _integer(1),
    "stop": _one_of("none", "patience", "dagnn", "min_lr"),
    "monitor": (lambda v: isinstance(v, str) and v != "", "the name of a validation value"),
    "select": _one_of("best", "last"),
    "ties": _one_of("first", "last"),
    "schedule": _one_of("none", "plateau", "cosine"),
    "schedule_factor": _number(lambda v: 0 < v < 1, "a number between 0 and 1"),
    "schedule_patience": _integer(0),
    "schedule_min_lr": _NOT_NEGATIVE,
    "warmup_epochs": _integer(0),
    "clip_norm": _or_none(_POSITIVE),
    "precision": _one_of("no", "bf16", "fp16"),
    "eval_every": _integer(1),
    "reweight": _or_none((lambda v: setting_problem(v) is None, EXPECTED)),
    "ssl": _or_none((lambda v: ssl.setting_problem(v) is None, ssl.EXPECTED)),
    "max_seconds": _or_none(_POSITIVE),
    "checkpoint_seconds": _NOT_NEGATIVE,
}
_FLOATS = {f.name for f in fields(Recipe) if "float" in str(f.type)}


def _as_float(name: str, value: Any) -> Any:  # noqa: ANN401  (a value of any setting)
    if name not in _FLOATS or value is None:
        return value
    return {k: float(v) for k, v in value.items()} if isinstance(value, Mapping) else float(value)
