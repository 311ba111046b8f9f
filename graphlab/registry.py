"""Cards of models and tasks, read from source files without importing them (so without torch)."""

from __future__ import annotations

import functools
import inspect
import logging
import sys
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from graphlab._cards import Decorated, Option, decorated_classes
from graphlab.errors import ConfigError, UnknownModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "FILLED_IN",
    "ModelCard",
    "Option",
    "TaskCard",
    "find_model",
    "find_task",
    "model_cards",
    "module_file",
    "nearest",
    "normalise_name",
    "register_model",
    "register_task",
    "task_cards",
]

C = TypeVar("C", bound=type)
_OF_SETS = ("level", "node_input", "edge_input", "edge_channels", "pe_dim", "pe_mode", "avg_nodes")
FILLED_IN = ("in_channels", "out_channels", "num_ids", *_OF_SETS)  # by the task, where a model has
_log = logging.getLogger("graphlab")
_PACKAGE = Path(__file__).resolve().parent
_TASK_ALIASES = {"linkpred": "link", "link-prediction": "link", "node-classification": "node"}


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model without importing it: the literal arguments of its decorator.

    Args:
        name: Name on the command line.
        cls: Class name.
        file: Source file.
        module: Importable module name, or None for a file outside any package.
        tasks: Tasks the model is made for.
        paper: Citation.
        summary: First line of the class's docstring.
        options: Constructor arguments, without those that a task fills in.
        search: Option -> range for ``sweep``.
        presets: Data set -> ``{"options", "recipe", "task"}``; ``"default"`` serves the others.
        sparse_input: Whether ``forward`` takes node features as a torch sparse CSR tensor.
    """

    name: str
    cls: str
    file: Path
    module: str | None
    tasks: tuple[str, ...]
    paper: str
    summary: str
    options: Mapping[str, Option] = field(default_factory=dict)
    search: Mapping[str, Any] = field(default_factory=dict)
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sparse_input: bool = False

    @property
    def defaults(self) -> dict[str, Any]:
        """Defaults of the constructor, options without one left out."""
        return {o.name: o.default for o in self.options.values() if not o.required}

    def preset(self, dataset: str) -> dict[str, dict[str, Any]]:
        """Return the preset of a data set, or the default preset, always with all three parts."""
        found = self.presets.get(normalise_name(dataset), self.presets.get("default", {}))
        return {part: dict(found.get(part, {})) for part in ("options", "recipe", "task")}

    def load(self) -> type:
        """Import the model's file and return the class."""
        module = _import(self.module, self.file)
        found: type = getattr(module, self.cls)
        return found


@dataclass(frozen=True)
class TaskCard:
    """What is known of a task without importing it.

    Args:
        name: Name on the command line.
        cls: Class name.
        module: Importable module name.
        protocols: Protocol ids that the task offers.
        summary: First line of the class's docstring.
        options: Constructor arguments besides ``protocol``.
        metrics: Protocol -> metrics it may report; ``""`` serves the others. Empty: the data set's.
    """

    name: str
    cls: str
    module: str
    protocols: tuple[str, ...]
    summary: str
    options: Mapping[str, Option] = field(default_factory=dict)
    metrics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, Any]:
        """Defaults of the constructor."""
        return {o.name: o.default for o in self.options.values() if not o.required}

    def load(self) -> type:
        """Import the task's module and return the class."""
        found: type = getattr(_import(self.module, None), self.cls)
        return found


def register_model(
    name: str,
    *,
    tasks: tuple[str, ...],
    paper: str,
    search: Mapping[str, Any] | None = None,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
    sparse_input: bool = False,
) -> Callable[[C], C]:
    """Make a class known to the harness. All arguments must be literals.

    The registry reads them by parsing the file; at run time the decorator only notes the
    constructor's arguments on each instance (``_graphlab_config``), so that a model can be saved
    and built again.

    Args:
        name: Name on the command line; case and ``-``/``_`` do not matter.
        tasks: Of ``"node"``, ``"link"``, ``"graph"``, ``"temporal"``.
        paper: Citation: authors, year, DOI or arXiv id.
        search: Option -> ``(low, high)``, ``(low, high, "log")`` or a list of choices.
        presets: Data set -> ``{"options": ..., "recipe": ..., "task": ...}``: the paper's recipe.
            One key may name several, ``"cora, citeseer"``; ``"default"`` serves all others.
        sparse_input: ``forward`` takes ``x`` as torch sparse CSR too.

    Example:
        >>> @register_model("mynet", tasks=("node",), paper="Author 2024")
        ... class MyNet:
        ...     def __init__(self, in_channels: int, width: int = 8) -> None: ...
        >>> MyNet(3)._graphlab_config
        {'in_channels': 3, 'width': 8}
    """
    del tasks, paper, search, presets  # read from the source, see graphlab._cards

    def decorate(cls: C) -> C:
        original = cls.__init__  # type: ignore[misc]  # wrapped for this very class
        signature = inspect.signature(original)
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        free = {name for name, p in signature.parameters.items() if p.kind in kinds}

        @functools.wraps(original)
        def init(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
            original(self, *args, **kwargs)
            if type(self) is cls:
                bound = signature.bind(self, *args, **kwargs)
                bound.apply_defaults()
                # a class without a constructor has nn.Module's: any arguments, used for nothing
                config = {k: v for k, v in list(bound.arguments.items())[1:] if k not in free}
                setattr(self, "_graphlab_config", config)  # noqa: B010  (any class may be registered)

        notes = {"__init__": init, "graphlab_name": normalise_name(name)}
        for key, value in {**notes, "sparse_input": sparse_input}.items():
            setattr(cls, key, value)
        return cls

    return decorate


def register_task(
    name: str, *, protocols: tuple[str, ...], metrics: Mapping[str, Any] | None = None
) -> Callable[[C], C]:
    """Make a task class known to the harness; arguments as in :class:`TaskCard`, all literals."""
    del protocols, metrics

    def decorate(cls: C) -> C:
        setattr(cls, "name", name)  # noqa: B010  (C need not declare it)
        return cls

    return decorate


def model_cards(files: Sequence[str | Path] = ()) -> dict[str, ModelCard]:
    """Return the cards of all models: ours, installed plug-ins, and those in ``files``.

    Args:
        files: Python files with decorated classes; they win over a card of the same name.

    Raises:
        ConfigError: A file cannot be parsed, or has decorator arguments that are not literal.

    Cost: parses each file once a process, a few milliseconds a file.
    """
    cards = dict(_own_models())
    for file in files:
        cards.update(_models_in(Path(file).resolve(), None))
    return cards


def find_model(name: str, files: Sequence[str | Path] = ()) -> ModelCard:
    """Return one model's card.

    Raises:
        UnknownModel: With the nearest names.
    """
    cards = model_cards(files)
    card = cards.get(normalise_name(name))
    if card is None:
        raise UnknownModel(f"{name!r} is not a model{_did_you_mean(name, cards)}")
    return card


def task_cards() -> dict[str, TaskCard]:
    """Return the cards of all tasks."""
    cards = {}
    for file in sorted((_PACKAGE / "tasks").glob("*.py")):
        for found in _parsed(file, "register_task"):
            name = normalise_name(found.name)
            options = {k: o for k, o in found.options.items() if k != "protocol"}
            cards[name] = TaskCard(
                name,
                found.cls,
                f"graphlab.tasks.{file.stem}",
                tuple(found.arguments.get("protocols", ())),
                found.summary,
                options,
                found.arguments.get("metrics") or {},
            )
    return cards


def find_task(name: str) -> TaskCard:
    """Return one task's card; knows the aliases of the method papers.

    Raises:
        ConfigError: With the nearest names.
    """
    cards = task_cards()
    key = normalise_name(name)
    card = cards.get(_TASK_ALIASES.get(key, key))
    if card is None:
        raise ConfigError(f"{name!r} is not a task{_did_you_mean(name, cards)}")
    return card


def module_file(module: str) -> Path | None:
    """Return the file of a module without importing it (but the package around it).

    Returns:
        None where there is no such module, or its package cannot be imported.

    Example:
        >>> module_file("graphlab.registry").name
        'registry.py'
    """
    try:
        spec = find_spec(module)
    except Exception:  # a package of others can raise anything
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def normalise_name(name: str) -> str:
    """Return the canonical spelling of a name.

    Example:
        >>> normalise_name("PyG_GAT")
        'pyg-gat'
    """
    return name.strip().lower().replace("_", "-")


def nearest(
    name: str, choices: Sequence[str] | Mapping[str, Any], n: int = 3, *, cutoff: float = 0.5
) -> list[str]:
    """Return the names most like ``name``, best first; empty when none is near.

    Args:
        name: What was asked for.
        choices: What there is.
        n: Most names to return.
        cutoff: Least likeness in [0, 1]; with 0 there are always ``n`` names.

    Example:
        >>> nearest("hidden_channel", ["hidden_channels", "dropout"])
        ['hidden_channels']
    """
    import difflib

    keys = {normalise_name(str(choice)): str(choice) for choice in choices}
    close = difflib.get_close_matches(normalise_name(name), list(keys), n=n, cutoff=cutoff)
    return [keys[key] for key in close]


def _did_you_mean(name: str, choices: Sequence[str] | Mapping[str, Any]) -> str:
    near = nearest(name, choices, n=1)
    known = ", ".join(sorted(map(str, choices)))
    return f". Did you mean {near[0]}?" if near else f". Known: {known}."


@functools.cache
def _own_models() -> dict[str, ModelCard]:
    cards: dict[str, ModelCard] = {}
    folder = _PACKAGE / "models"
    for file in sorted(folder.rglob("*.py")):
        module = ".".join(("graphlab", *file.relative_to(_PACKAGE).with_suffix("").parts))
        cards.update(_models_in(file, module))
    for entry in metadata.entry_points(group="graphlab.models"):
        for name, card in _plugin_models(entry).items():
            if name in cards:
                _log.warning("the plug-in model %s is ignored: the name is taken", name)
                continue
            cards[name] = card
    return cards


def _plugin_models(entry: metadata.EntryPoint) -> dict[str, ModelCard]:
    """Cards of an installed plug-in; a broken one is reported and left out."""
    file = module_file(entry.module)
    if file is None:
        _log.warning("the plug-in %s is ignored: no file of %s", entry.name, entry.module)
        return {}
    try:
        return _models_in(file, entry.module)
    except ConfigError as error:
        _log.warning("the plug-in %s is ignored: %s", entry.name, error)
        return {}


def _models_in(file: Path, module: str | None) -> dict[str, ModelCard]:
    cards = {}
    for found in _parsed(file, "register_model"):
        given = found.arguments
        given_presets = (given.get("presets") or {}).items()
        presets = {normalise_name(k): v for keys, v in given_presets for k in keys.split(",")}
        options = {k: o for k, o in found.options.items() if k not in FILLED_IN}
        card = ModelCard(
            name=normalise_name(found.name),
            cls=found.cls,
            file=file,
            module=module,
            tasks=tuple(given.get("tasks", ())),
            paper=str(given.get("paper", "")),
            summary=found.summary,
            options=options,
            search=given.get("search") or {},
            presets=presets,
            sparse_input=bool(given.get("sparse_input", False)),
        )
        cards[card.name] = card
    return cards


def _parsed(file: Path, decorator: str) -> tuple[Decorated, ...]:
    """Parse a file; again only after it has changed, as a notebook's user will do."""
    changed = file.stat().st_mtime_ns if file.is_file() else 0
    return _parsed_version(file, decorator, changed)


@functools.lru_cache(maxsize=256)
def _parsed_version(file: Path, decorator: str, changed: int) -> tuple[Decorated, ...]:
    del changed  # part of the key
    return tuple(decorated_classes(file, decorator))


def _import(module: str | None, file: Path | None) -> Any:  # noqa: ANN401
    """Import by name, or a lone file under a name made from its path."""
    import importlib

    if module is not None:
        return importlib.import_module(module)
    assert file is not None  # noqa: S101  (a card has one or the other)
    version = (str(file), file.stat().st_mtime_ns if file.is_file() else 0)
    name = f"graphlab_file_{file.stem}_{abs(hash(version)):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{file} cannot be imported as Python.")
    loaded = module_from_spec(spec)
    sys.modules[name] = loaded
    try:
        spec.loader.exec_module(loaded)
    except BaseException:
        del sys.modules[name]
        raise
    return loaded
