"""Checks the ``[[system]]`` tables of a suite, and every table of settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graphlab.bench.problems import Problems, path_text, printable
from graphlab.bench.suite import Settings, System
from graphlab.errors import ConfigError
from graphlab.registry import FILLED_IN, ModelCard, TaskCard, model_cards, normalise_name
from graphlab.train.recipes import recipe_options, recipe_problems

if TYPE_CHECKING:
    from pathlib import Path

    from graphlab.bench._toml_lines import KeyPath

__all__ = ["SystemReader"]

_LAYERS = ("options", "recipe", "task_options")
_SERVES = {"reweight": "link", "ssl": "node"}  # settings of a recipe that are for one task
_TABLES = (*_LAYERS, "features")  # what [features] adds is an option of the task
_ADDED = "add_features"
_SYSTEM_KEYS = ("model", "preset", "name", *_TABLES, "on")


@dataclass
class SystemReader:
    """Turns ``[[system]]`` tables and ``--set`` values into :class:`System` values.

    Attributes:
        problems: Where problems are noted.
        task: The suite's task; ``None`` when it is unknown, nothing depends on it then.
        datasets: Names that ``[system.on.NAME]`` may use.
        files: The user's model files.
    """

    problems: Problems
    task: TaskCard | None
    datasets: Sequence[str]
    files: Sequence[Path] = ()

    def __post_init__(self) -> None:
        self.cards: dict[str, ModelCard] = model_cards()
        self.own: list[str] = []  # models of the user's files
        self.places: dict[str, KeyPath] = {}
        self.known: set[str] = set()  # names that flags may use
        self.unmatched: dict[KeyPath, str] = {}  # those they use and that are not known
        for file in self.files:
            try:
                found = [c for c in model_cards([file]).values() if c.file == file.resolve()]
            except ConfigError as error:
                self.problems.add(("--file", str(file)), "; ".join(error.problems))
                continue
            if not found:
                text = f"{path_text(file)} registers no model (decorate it: @register_model)."
                self.problems.add(("--file", str(file)), text)
            self.own += [card.name for card in found]
            self.cards |= {card.name: card for card in found}

    def read(self, raw: object) -> list[System]:
        """Read all tables; those with a problem are left out."""
        if not isinstance(raw, list | tuple) or not raw:
            self.problems.add(("system",), "there is no system: add [[system]] with model = NAME.")
            return []
        systems: list[System] = []
        for index, entry in enumerate(raw):
            path: KeyPath = ("system", index)
            table = self.problems.table(path, "system", entry)
            system = self._system(path, table)
            self._unique((*path, "name"), table.get("name", table.get("model")))
            if system is not None:
                systems.append(system)
        return systems

    def place(self, system: System) -> KeyPath:
        """Return where a system was written."""
        return self.places.get(normalise_name(system.name), ("--file", str(system.card.file)))

    def choose(self, systems: list[System], wanted: Sequence[str]) -> list[System]:
        """Narrow to the models and systems named by ``--model``; add those of ``--file``."""
        own = [name for name in self.own if self.serves(name)]
        present = {system.card.name for system in systems}
        self.known = present | {system.name for system in systems} | set(own)
        if not wanted:
            return systems + [self._plain(name) for name in own if name not in present]
        chosen: list[System] = []
        for name in map(normalise_name, wanted):
            hits = [s for s in systems if name in (s.card.name, normalise_name(s.name))]
            if not hits and name in own:
                hits = [self._plain(name)]
            if not hits and name not in self.own:
                self.unmatched["--model", name] = name
            chosen += [system for system in hits if system not in chosen]
        return chosen

    def serves(self, name: str) -> bool:
        """Whether a model of the user's files is made for the task."""
        return self.task is None or self.task.name in self.cards[name].tasks

    def refuse(self, name: str) -> None:
        """Note that a model of the user's files is not made for the task."""
        self._card(("--file", str(self.cards[name].file)), name)

    def with_flags(self, systems: list[System], settings: Mapping[str, object]) -> list[System]:
        """Put the values of ``--set`` into the systems they concern."""
        allowed = (*_TABLES, "system")
        for key in set(settings) - set(allowed):
            self.problems.unknown(("set", key), key, "something --set can change", allowed)
        shared = {layer: settings[layer] for layer in _TABLES if layer in settings}
        named = self.problems.table(("set", "system"), "system", settings.get("system", {}))
        names = {normalise_name(system.name): system.name for system in systems}
        self.known |= set(names.values())
        for name in named:
            if normalise_name(name) not in names:
                self.unmatched["set", "system", name] = name
        self._shared_options(systems, shared.get("options", {}))
        known = {name for system in systems for name in system.card.options}
        return [self._with_flags(system, shared, named, known) for system in systems]

    def settings(self, path: KeyPath, table: Mapping[str, object], card: ModelCard) -> Settings:
        """Check ``options``, ``recipe`` and ``task_options`` inside one table."""
        return Settings(
            options=self._options(path, table, card),
            recipe=self.recipe(path, table),
            task_options=self.task_options(path, table),
        )

    def recipe(self, path: KeyPath, table: Mapping[str, object]) -> dict[str, object]:
        """Check the ``recipe`` table inside one table."""
        known = {option.name: option.annotation for option in recipe_options().values()}
        values = self._layer(path, table, "recipe", known, "a field of the recipe")
        for name in list(values):
            for problem in recipe_problems({name: values[name]}).values():
                if name != "stop":  # what stop needs may be set elsewhere; checked when merged
                    self.problems.add((*path, "recipe", name), problem)
                    del values[name]
        for name, task in _SERVES.items():
            if self.task is not None and self.task.name != task and values.get(name) is not None:
                text = f"{name} serves task {task}, not {self.task.name}: leave it out."
                self.problems.add((*path, "recipe", name), text)
        return values

    def task_options(self, path: KeyPath, table: Mapping[str, object]) -> dict[str, object]:
        """Check the ``task_options`` and ``features`` tables inside one table."""
        if self.task is None:
            return {}
        known = {option.name: option.annotation for option in self.task.options.values()}
        what = f"an option of task {self.task.name}"
        values = self._layer(path, table, "task_options", known, what)
        known = {"add": known[_ADDED]} if _ADDED in known else {}
        added = self._layer(path, table, "features", known, "a key of [features]")
        if added and _ADDED in values:
            text = f"{_ADDED} is set by [features] and by [task_options]: leave one out."
            self.problems.add((*path, "features", "add"), text)
        names = added.get("add", values.get(_ADDED))
        if not isinstance(names, list):
            return values
        return {**values, _ADDED: list(dict.fromkeys(names))}

    def _options(
        self, path: KeyPath, table: Mapping[str, object], card: ModelCard
    ) -> dict[str, object]:
        known = {option.name: option.annotation for option in card.options.values()}
        given = self.problems.table((*path, "options"), "options", table.get("options", {}))
        for name in FILLED_IN:
            if name in given and name not in known:
                text = f"{name} is filled in from the data set; leave it out."
                self.problems.add((*path, "options", name), text)
        kept = {key: value for key, value in given.items() if key not in FILLED_IN or key in known}
        return self._layer(path, {"options": kept}, "options", known, f"an option of {card.name}")

    def _layer(
        self,
        path: KeyPath,
        table: Mapping[str, object],
        layer: str,
        known: Mapping[str, str],
        what: str,
    ) -> dict[str, object]:
        values = {}
        given = self.problems.table((*path, layer), layer, table.get(layer, {}))
        for name, value in given.items():
            place = (*path, layer, name)
            if name not in known:
                self.problems.unknown(place, name, what, known)
                continue
            before = len(self.problems)
            result = self.problems.value(place, name, known[name], value)
            if len(self.problems) == before:
                values[name] = result
        return values

    def _system(self, path: KeyPath, table: Mapping[str, object]) -> System | None:
        before = len(self.problems)
        model = table.get("model")
        card = None
        if "model" not in table:
            self.problems.add(path, "this system names no model: add model = NAME.")
        elif not isinstance(model, str):
            text = f"model must be a text (got {printable(model, quote=True)})."
            self.problems.add((*path, "model"), text)
        else:
            card = self._card((*path, "model"), model)
        self._keys(path, table, card)
        if card is None:
            return None
        name = table.get("name", card.name)
        if not isinstance(name, str) or not name.strip():
            text = f"name must be a text (got {printable(name, quote=True)})."
            self.problems.add((*path, "name"), text)
        preset = self._preset((*path, "preset"), table.get("preset", "auto"), card)
        settings = self.settings(path, table, card)
        on = self._on((*path, "on"), table.get("on", {}), card)
        if len(self.problems) > before:
            return None
        return System(str(name), card, preset, settings, on)

    def _unique(self, path: KeyPath, name: object) -> None:
        """Note a name that an earlier system has."""
        if not isinstance(name, str):
            return
        key = normalise_name(name)
        if key in self.places:
            text = f"two systems are named {printable(name)}"
            first = self.problems.where(self.places[key])
            self.problems.add(path, f"{text} (the other: {first}). Give one another name.")
        self.places.setdefault(key, path)

    def _card(self, path: KeyPath, model: str) -> ModelCard | None:
        card = self.cards.get(normalise_name(model))
        task = None if self.task is None else self.task.name
        fitting = [c.name for c in self.cards.values() if task is None or task in c.tasks]
        if card is None:
            self.problems.unknown(path, model, "a model", fitting or self.cards)
        elif self.task is not None and self.task.name not in card.tasks:
            self.problems.add(
                path,
                f"{card.name} is not made for task {self.task.name} (it serves "
                f"{', '.join(card.tasks)}). Models for {self.task.name}: {', '.join(fitting)}.",
            )
        return card

    def _keys(self, path: KeyPath, table: Mapping[str, object], card: ModelCard | None) -> None:
        for key in table:
            if key in _SYSTEM_KEYS:
                continue
            for layer, known in self._homes(card):
                if key in known:
                    text = f"{key} belongs in [system.{layer}], not in [[system]]."
                    self.problems.add((*path, key), text)
                    break
            else:
                self.problems.unknown((*path, key), key, "a key of [[system]]", _SYSTEM_KEYS)

    def _homes(self, card: ModelCard | None) -> list[tuple[str, Mapping[str, object]]]:
        options = {} if card is None else card.options
        task = {} if self.task is None else self.task.options
        return [("options", options), ("recipe", recipe_options()), ("task_options", task)]

    def _preset(self, path: KeyPath, preset: object, card: ModelCard) -> str:
        if not isinstance(preset, str):
            text = f"preset must be a text (got {printable(preset, quote=True)})."
            self.problems.add(path, text)
            return "auto"
        known = {"auto", "none", *card.presets}
        if normalise_name(preset) not in known:
            self.problems.unknown(path, preset, f"a preset of {card.name}", known)
        return normalise_name(preset)

    def _on(self, path: KeyPath, raw: object, card: ModelCard) -> dict[str, Settings]:
        result = {}
        for name, value in self.problems.table(path, "on", raw).items():
            place = (*path, name)
            if normalise_name(name) not in self.datasets:
                self.problems.unknown(place, name, "a data set of this suite", self.datasets)
            table = self.problems.table(place, f"on.{printable(name)}", value)
            for key in table:
                if key not in _TABLES:
                    self.problems.unknown((*place, key), key, "a key of [system.on.NAME]", _TABLES)
            result[normalise_name(name)] = self.settings(place, table, card)
        return result

    def _plain(self, name: str) -> System:
        card = self.cards[name]
        return System(card.name, card)

    def _shared_options(self, systems: list[System], given: object) -> None:
        """An option set for all systems must be an option of all systems."""
        if not isinstance(given, Mapping):
            return
        for name in given:
            having = [system.name for system in systems if name in system.card.options]
            lacking = [system.name for system in systems if name not in system.card.options]
            if having and lacking:
                self.problems.add(
                    ("set", "options", name),
                    f"{printable(name)} is not an option of {', '.join(map(printable, lacking))}. "
                    f"Set it for one system: --set system.{printable(having[0])}.options.{name}=..."
                    ", or narrow with --model.",
                )

    def _with_flags(
        self,
        system: System,
        shared: Mapping[str, object],
        named: Mapping[str, object],
        known: set[str],
    ) -> System:
        card = system.card
        first = dict(shared)
        options = first.get("options")
        if isinstance(options, Mapping):  # those of other systems are reported once, above
            others = known - set(card.options)
            first["options"] = {k: v for k, v in options.items() if k not in others}
        flags = self.settings(("set",), first, card)
        preset = system.preset
        for name, value in named.items():
            if normalise_name(name) != normalise_name(system.name):
                continue
            path: KeyPath = ("set", "system", name)
            table = self.problems.table(path, "system", value)
            for key in set(table) - {*_TABLES, "preset"}:
                what = "a part of a system that --set can change"
                self.problems.unknown((*path, key), key, what, (*_TABLES, "preset"))
            if "preset" in table:
                preset = self._preset((*path, "preset"), table["preset"], card)
            flags = _merged(flags, self.settings(path, table, card))
        return replace(system, preset=preset, flags=flags)


def _merged(weak: Settings, strong: Settings) -> Settings:
    return Settings(
        *({**getattr(weak, layer), **getattr(strong, layer)} for layer in _LAYERS),
    )
