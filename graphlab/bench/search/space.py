"""What a search varies: ranges and choices, from a model's card and from the user."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from graphlab.bench.problems import Problems, Where, printable
from graphlab.errors import ConfigError
from graphlab.registry import find_task
from graphlab.train.recipes import recipe_options, recipe_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphlab.bench._toml_lines import KeyPath
    from graphlab.bench.plan import RunSpec
    from graphlab.registry import ModelCard

__all__ = ["DEFAULT_RANGES", "Range", "parse_range", "read_space", "settings_of", "start_of"]

DEFAULT_RANGES: Final[Mapping[str, object]] = {
    "recipe.lr": (1e-4, 0.1, "log"),
    "recipe.weight_decay": (1e-6, 0.01, "log"),
}
"""Searched for every model, besides what its card names."""

_LAYERS: Final = ("options", "recipe", "task_options")
# The other options of a task change what is measured: their values cannot be compared.
_TRAINING_OPTIONS: Final = ("batch_size", "feature_norm", "negatives")
_NO_RESULT: Final = ("max_seconds", "checkpoint_seconds")
_GROUPED: Final = ("recipe.lr", "recipe.weight_decay")


@dataclass(frozen=True, kw_only=True)
class Range:
    """The values that one setting may take.

    Attributes:
        name: Such as ``"options.K"``, ``"recipe.lr"``, or ``"recipe.lr.encoder"`` of a rate per
            parameter group.
        low: Least value; ``None`` for choices.
        high: Largest value.
        log: Whether values are drawn evenly in their logarithm.
        integer: Whether values are whole numbers.
        choices: The values, where there is no range.

    Example:
        >>> print(Range(name="recipe.lr", low=0.001, high=0.1, log=True))
        recipe.lr=0.001:0.1:log
    """

    name: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    integer: bool = False
    choices: tuple[Any, ...] = ()  # scalars as the setting wants them

    def __str__(self) -> str:
        """Return it as ``--space`` takes it."""
        if self.choices:
            return f"{self.name}={','.join(map(_plain, self.choices))}"
        return f"{self.name}={self.low}:{self.high}{':log' * self.log}"

    def __contains__(self, value: object) -> bool:
        if self.choices:
            return any(value == one and type(value) is type(one) for one in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        assert self.low is not None and self.high is not None  # noqa: S101  (no choices)
        return self.low <= value <= self.high

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**dataclasses.asdict(self), "choices": list(self.choices)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Range:
        """Build the range of :meth:`to_json`."""
        return cls(**{**values, "choices": tuple(values["choices"])})


def parse_range(text: str) -> tuple[str, object]:
    """Split the argument of ``--space`` into a name and a range or a list of choices.

    Raises:
        ConfigError: It has another form.

    Example:
        >>> parse_range("recipe.lr=1e-4:0.1:log"), parse_range("options.memory=fast,low")
        (('recipe.lr', (0.0001, 0.1, 'log')), ('options.memory', ['fast', 'low']))
    """
    name, equals, value = text.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not name or not value:
        raise ConfigError(
            f"--space {printable(text)}: expected NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=A,B,C, "
            "such as --space recipe.lr=1e-4:0.1:log."
        )
    if ":" in value and "," not in value:
        return name, tuple(_value(part) for part in value.split(":"))
    return name, [_value(part) for part in value.split(",")]


def read_space(
    base: RunSpec,
    card: ModelCard,
    given: Mapping[str, object],
    fixed: frozenset[str] = frozenset(),
) -> tuple[Range, ...]:
    """Return what is searched: the card's ranges and the default ones, replaced by the given.

    Args:
        base: The run whose settings are varied.
        card: Its model.
        given: Name -> ``(low, high)``, ``(low, high, "log")`` or a list of choices. A name without
            a layer is an option of the model or else a field of the recipe.
        fixed: Names that the user has set to one value; they are not searched.

    Raises:
        ConfigError: Every problem at once: unknown names, values of a wrong type, ``low`` not
            below ``high``; or nothing is left to search.
    """
    return _SpaceReader(base, card).read(given, fixed)


def settings_of(base: RunSpec, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a trial's values come to, as ``--set`` takes them.

    Rates per parameter group are one setting, a table.

    Example:
        >>> class base: recipe = {"lr": {"encoder": 0.1, "predictor": 0.2}}
        >>> settings_of(base, {"options.K": 3, "recipe.lr.encoder": 0.5})
        {'options.K': 3, 'recipe.lr': {'encoder': 0.5, 'predictor': 0.2}}
    """
    settings: dict[str, Any] = {}
    for name, value in params.items():
        layer, field, *group = name.split(".")
        if not group:
            settings[name] = value
            continue
        before = settings.get(f"{layer}.{field}", base.recipe[field])
        settings[f"{layer}.{field}"] = {**before, group[0]: value}
    return settings


def start_of(base: RunSpec, space: tuple[Range, ...]) -> dict[str, Any]:
    """Return the values that the base run has itself, as far as they lie in the space."""
    found = ((r.name, _base_value(base, r.name)) for r in space)
    ranges = {r.name: r for r in space}
    return {name: value for name, value in found if value in ranges[name]}


class _SpaceReader:
    """Reads ranges and collects what is wrong with them."""

    def __init__(self, base: RunSpec, card: ModelCard) -> None:
        self.base, self.card = base, card
        self.where = Where("space")
        self.problems = Problems(self.where)
        task = find_task(base.task)
        self.known: dict[str, str] = {  # full name -> annotation
            **{f"options.{o.name}": o.annotation for o in card.options.values()},
            **{
                f"recipe.{o.name}": o.annotation
                for o in recipe_options().values()
                if o.name not in _NO_RESULT
            },
            **{
                f"task_options.{name}": option.annotation
                for name, option in task.options.items()
                if name in _TRAINING_OPTIONS
            },
        }
        self.known |= dict.fromkeys(_GROUPED, "float")
        for name in _GROUPED:
            groups = base.recipe[name.partition(".")[2]]
            if isinstance(groups, Mapping):
                self.known |= {f"{name}.{group}": "float" for group in groups}

    def read(self, given: Mapping[str, object], fixed: frozenset[str]) -> tuple[Range, ...]:
        wanted: dict[str, tuple[str, object]] = {}
        for name, value in self._defaults():
            wanted[name] = (f"search of {self.card.name}", value)
        fixed = frozenset(self._full(name) for name in fixed)
        for name, value in given.items():
            full = self._full(name)
            for other in [o for o in wanted if o == full or o.startswith(f"{full}.")]:
                del wanted[other]
            wanted[full] = (f"--space {printable(name)}", value)
            if any(full == f or full.startswith(f"{f}.") for f in fixed):
                text = f"{printable(full)} is set to one value by --set too: leave one out."
                self._add(f"--space {printable(name)}", full, text)
        ranges = []
        for name, (place, value) in wanted.items():
            if any(name == f or name.startswith(f"{f}.") for f in fixed):
                continue
            found = self._range(place, name, value)
            if found is not None:
                ranges.append(found)
        self.problems.raise_any()
        if not ranges:
            raise ConfigError(
                "There is nothing to search: every setting has one value. Add --space "
                "NAME=LOW:HIGH."
            )
        return tuple(ranges)

    def _defaults(self) -> Iterator[tuple[str, object]]:
        for name, value in self.card.search.items():
            yield f"options.{name}", value
        for name, value in DEFAULT_RANGES.items():
            groups = [other for other in self.known if other.startswith(f"{name}.")]
            for one in groups or [name]:
                yield one, value

    def _full(self, name: str) -> str:
        """Return a name with its layer; ``system.NAME.options.K`` of ``--set`` loses its system."""
        if name.startswith("system."):
            for layer in _LAYERS:
                head, found, tail = name.rpartition(f".{layer}.")
                if found and head:
                    return f"{layer}.{tail}"
        if name.partition(".")[0] in _LAYERS:
            return name
        return next((f"{x}.{name}" for x in _LAYERS if f"{x}.{name}" in self.known), name)

    def _range(self, place: str, name: str, value: object) -> Range | None:
        before = len(self.problems)
        path = self._path(place, name)
        if name not in self.known:
            self._unknown(path, name)
            return None
        if isinstance(value, list):
            return self._choices(path, name, value)
        if (
            not isinstance(value, tuple)
            or len(value) not in (2, 3)
            or value[2:] not in ((), ("log",))
        ):
            text = "expected LOW:HIGH, LOW:HIGH:log or choices A,B,C"
            self.problems.add(path, f"{name}: {text} (got {printable(value, quote=True)}).")
            return None
        low, high = (self._number(path, name, end) for end in value[:2])
        log = len(value) == 3
        if len(self.problems) > before or low is None or high is None:
            return None
        if low >= high:
            self.problems.add(path, f"{name}: the low end {low} must be below the high end {high}.")
        if log and low <= 0:
            text = f"{name}: a logarithmic range begins above 0 (got {low})."
            self.problems.add(path, text)
        if len(self.problems) > before:
            return None
        return Range(name=name, low=low, high=high, log=log, integer=isinstance(low, int))

    def _choices(self, path: KeyPath, name: str, values: list[object]) -> Range | None:
        before = len(self.problems)
        found = []
        for value in values:
            if value is not None and not isinstance(value, bool | int | float | str):
                text = f"{name}: a choice is one number, text or truth value"
                self.problems.add(path, f"{text} (got {printable(value, quote=True)}).")
                continue
            typed = self._checked(path, name, value)
            if typed not in found:
                found.append(typed)
        if len(self.problems) > before:
            return None
        if len(found) < 2:
            text = f"{name}: one choice is no search; fix it by --set {name}={_plain(values[0])}."
            self.problems.add(path, text)
            return None
        return Range(name=name, choices=tuple(found))

    def _number(self, path: KeyPath, name: str, end: object) -> float | None:
        """Return one end of a range as the setting wants it."""
        if isinstance(end, bool) or not isinstance(end, int | float):
            text = f"{name}: the ends of a range are numbers (got {printable(end, quote=True)})."
            self.problems.add(path, text)
            return None
        typed = self._checked(path, name, end)
        if isinstance(typed, int | float) and not isinstance(typed, bool):
            return typed
        return None

    def _checked(self, path: KeyPath, name: str, value: object) -> Any:  # noqa: ANN401  (typed)
        """Return a value as its annotation wants it; note a wrong type or size."""
        layer, field, *_ = name.split(".")
        annotation = self.known[name]
        before = len(self.problems)
        typed = self.problems.value(path, name, annotation, value)
        if layer == "recipe" and len(self.problems) == before:
            for key, problem in recipe_problems({field: typed}).items():
                if key != "stop":  # what stop needs may be set elsewhere
                    self.problems.add(path, problem)
        return typed

    def _unknown(self, path: KeyPath, name: str) -> None:
        layer, _, field = name.partition(".")
        task = find_task(self.base.task)
        if layer == "recipe" and field in _NO_RESULT:
            text = f"{name} decides no result and cannot be searched."
            self.problems.add(path, text)
        elif layer == "task_options" and field in task.options:
            text = f"{name} changes what is measured, so its values cannot be compared."
            self.problems.add(path, f"{text} Fix it by --set.")
        else:
            what = f"a setting of {self.card.name} that can be searched"
            bare = {known.partition(".")[2]: known for known in self.known}
            names = list(self.known) if layer in _LAYERS else [*self.known, *bare]
            self.problems.unknown(path, name, what, names)

    def _path(self, place: str, name: str) -> KeyPath:
        path: KeyPath = ("space", place, name)
        self.where.flags[path] = place
        return path

    def _add(self, place: str, name: str, text: str) -> None:
        self.problems.add(self._path(place, name), text)


def _base_value(base: RunSpec, name: str) -> object:
    layer, field, *group = name.split(".")
    value = getattr(base, layer).get(field)
    if group:
        return value.get(group[0]) if isinstance(value, Mapping) else None
    return value


def _value(text: str) -> object:
    """Read a value as TOML has it, else as text; ``log`` stays a text."""
    text = text.strip()
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _plain(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
