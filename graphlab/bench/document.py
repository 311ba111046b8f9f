"""Reads a suite from a TOML file, a dictionary or flags; nothing is checked yet."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from graphlab.bench._parts import PartDocument, split
from graphlab.bench._toml_lines import KeyPath, key_lines
from graphlab.bench.problems import Where, path_text, printable, suggestion
from graphlab.errors import ConfigError
from graphlab.io import sha256_bytes
from graphlab.registry import find_task, model_cards, normalise_name
from graphlab.resources import resource_dir

if TYPE_CHECKING:
    from graphlab.bench.suite import Overrides

__all__ = [
    "DEFAULT_SUITE",
    "Document",
    "experiment_file",
    "folder_name",
    "parse_setting",
    "read_document",
    "suite_files",
    "toml_text",
]

DEFAULT_SUITE = "quick"
DEFAULT_DATASET = "debdeps"
_ADHOC = "adhoc"
_LARGEST_FILE = 1_000_000
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_WORD = re.compile(r"(?!(?:true|false|inf|nan)$)[A-Za-z][A-Za-z0-9_-]*")
_LAYERS = ("options", "recipe", "task_options", "features")


@dataclass
class Document:
    """A suite as written.

    Attributes:
        name: Folder name of the results.
        title: What is given as title.
        parts: Its parts, at least one unless there is a problem.
        where: Names the place of a key of the whole document.
        source: File name, ``"suite"`` or ``"command line"``.
        problems: What is wrong with the flags and the tables of the parts.
    """

    name: str
    title: object
    parts: list[PartDocument]
    where: Where
    source: str
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, name: str, raw: Mapping[str, object], where: Where, source: str) -> Document:
        """Split what was read into parts."""
        parts, problems = split(raw, where)
        return cls(name, raw.get("title", name), parts, where, source, problems)


def suite_files() -> dict[str, Path]:
    """Return the shipped suites by name.

    Example:
        >>> "quick" in suite_files()
        True
    """
    files = sorted(resource_dir("suites").glob("*.toml"))
    return {normalise_name(path.stem): path for path in files}


def experiment_file(source: object) -> Path | None:
    """Return the file of an experiment of its own kind, or None for a suite or what is neither.

    Such a file says ``experiment = KIND`` in place of systems and data sets.

    Args:
        source: What names a suite.

    Example:
        >>> experiment_file("pretrain-transfer").name, experiment_file("quick")
        ('pretrain-transfer.toml', None)
    """
    if not isinstance(source, str | Path):
        return None
    try:
        path = _find_file(source)
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ConfigError, OSError, ValueError):  # told by whoever reads it as a suite
        return None
    return path if "experiment" in raw else None


def read_document(
    source: str | Path | Mapping[str, object] | None, overrides: Overrides
) -> Document:
    """Read a suite and put the flags over it.

    Args:
        source: Name of a shipped suite, path of a TOML file, a dictionary of the same keys, or
            ``None``: a suite made from the flags, or the default suite without any.
        overrides: The flags.

    Raises:
        ConfigError: No such suite, an unreadable file, no TOML, a flag that is no setting.
    """
    if source is None and overrides.make_suite():
        document = _from_flags(overrides)
    elif isinstance(source, Mapping):
        raw = {key: value for key, value in source.items() if key != "name"}
        name = source.get("name", _ADHOC)
        if not isinstance(name, str) or not name:
            raise ConfigError(f"suite['name'] must be a text (got {printable(name, quote=True)}).")
        document = Document.of(folder_name(name), raw, Where("suite"), "suite")
    else:
        if experiment_file(source):
            raise ConfigError(
                f"{printable(str(source))} is an experiment of its own kind, without systems on "
                f"data sets. Run it: graphlab-bench run {source}."
            )
        document = _from_file(_find_file(source or DEFAULT_SUITE))
    _put_flags_over(document, overrides)
    return document


def parse_setting(text: str) -> tuple[str, object]:
    """Split the argument of ``--set``; the value is read as TOML, else as text.

    Raises:
        ConfigError: There is no ``=`` or no name.

    Example:
        >>> parse_setting("recipe.lr=0.01"), parse_setting("options.memory=low")
        (('recipe.lr', 0.01), ('options.memory', 'low'))
    """
    name, equals, value = text.partition("=")
    name = name.strip()
    if not equals or not name:
        raise ConfigError(
            f"--set {printable(text)}: expected NAME=VALUE, such as --set recipe.lr=0.01."
        )
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value.strip()


def toml_text(value: object) -> str:
    """Write a value so that ``--set`` reads the same one; null is the word none.

    Example:
        >>> toml_text({"first": 0.5, "rest": None}), toml_text(["low", "a b"])
        ('{"first" = 0.5, "rest" = none}', '["low", "a b"]')
        >>> toml_text("low"), toml_text("a b")
        ('low', '"a b"')
    """
    return value if isinstance(value, str) and _WORD.fullmatch(value) else _toml(value)


def folder_name(name: str) -> str:
    """Return a name that is safe as one folder: itself if plain, else cleaned, with a checksum.

    Example:
        >>> folder_name("quick"), folder_name("../x")
        ('quick', 'x-d6b96a97')
    """
    if _SAFE_NAME.fullmatch(name):
        return name
    cleaned = re.sub(r"[^A-Za-z0-9]+", "-", name)[:40].strip("-") or "suite"
    return f"{cleaned}-{sha256_bytes(name.encode('utf-8', 'surrogatepass'))[:8]}"


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_toml(key)} = {_toml(inner)}" for key, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # in halves, TOML takes no emoji
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return repr(value)


def _find_file(source: str | Path) -> Path:
    path = Path(source)
    shipped = suite_files()
    if isinstance(source, str) and normalise_name(source) in shipped and not path.suffix:
        return shipped[normalise_name(source)]
    if path.suffix.lower() == ".toml" or isinstance(source, Path) or path.exists():
        return path
    raise ConfigError(
        f"{printable(str(source))} is not a suite.{suggestion(source, shipped)} "
        "A suite of your own is named by its file, FILE.toml."
    )


def _from_file(path: Path) -> Document:
    label = _shown(path)
    try:
        if path.is_file() and path.stat().st_size > _LARGEST_FILE:
            raise ConfigError(f"{label}: too large for a suite ({path.stat().st_size:,} bytes).")
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        shipped = ", ".join(suite_files())
        raise ConfigError(f"{label}: no such file. Shipped suites: {shipped}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{label}: not UTF-8 text (byte {error.start}).") from None
    except OSError as error:
        raise ConfigError(f"{label}: cannot be read ({error.strerror}).") from None
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_problem(label, text, str(error))) from None
    return Document.of(folder_name(path.stem), raw, Where(label, key_lines(text)), label)


def _shown(path: Path) -> str:
    """Shortest readable form: relative inside the working folder, else as given."""
    try:
        return path_text(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return path_text(path)


def _syntax_problem(label: str, text: str, message: str) -> str:
    place = re.search(r"\(at line (\d+), column (\d+)\)", message)
    line = int(place.group(1)) if place else text.count("\n") + 1
    reason = message.partition(" (at ")[0]
    column = f" (column {place.group(2)})" if place else " (at the end of the file)"
    return f"{label}:{line}: TOML syntax error: {reason}{column}."


def _from_flags(overrides: Overrides) -> Document:
    """Make a suite of flags alone."""
    where = Where("command line")
    models = list(overrides.models)
    if not models:
        models = [
            card.name
            for file in overrides.files
            for card in model_cards([file]).values()
            if card.file == file.resolve()
        ]
    flag = "--model" if overrides.models else "--file"
    each = 1 if overrides.ssl is None else 2
    where.flags = {("system", i): flag for i in range(each * len(models))}
    where.flags |= {("system", 2 * i + 1, "recipe", "ssl"): "--ssl" for i in range(len(models))}
    where.flags |= {("system",): "--model", ("datasets",): "--dataset", ("task",): "--task"}
    raw: dict[str, object] = {
        "title": "Command line",
        "task": overrides.task or _task_of(models, overrides),
        "seeds": 3,
        "datasets": list(overrides.datasets) or [DEFAULT_DATASET],
        "system": [row for model in models for row in _rows(model, overrides.ssl)],
    }
    return Document.of(_ADHOC, raw, where, "command line")


def _rows(model: str, ssl: str | None) -> list[dict[str, object]]:
    """Return a system, and the same with a pretext task, if one is wanted, to be compared."""
    plain: dict[str, object] = {"model": model}
    if ssl is None:
        return [plain]
    return [plain, {"model": model, "name": f"{model} + {ssl}", "recipe": {"ssl": {"task": ssl}}}]


def _task_of(models: list[str], overrides: Overrides) -> str:
    cards = model_cards(overrides.files)
    tasks = [task for m in models if (card := cards.get(normalise_name(m))) for task in card.tasks]
    return tasks[0] if tasks else "node"


def _put_flags_over(document: Document, overrides: Overrides) -> None:
    """Replace values by flags, keeping the name of the flag as the value's place."""
    if overrides.data is not None and overrides.datasets:
        document.problems.append("--data replaces the data sets: leave --dataset out.")
    if overrides.ssl is not None and document.source != "command line":
        _put_setting(document, "recipe.ssl.task", overrides.ssl)
    for name, value in overrides.settings:
        _put_setting(document, name, value)
    if overrides.node_metrics:
        _ask_for_node_metrics(document)
    for part in document.parts:
        raw, flags = part.raw, part.where.flags
        if overrides.max_seconds is not None:
            _put_into(part, ["recipe", "max_seconds"], overrides.max_seconds, "--max-seconds")
        if overrides.seeds is not None:
            raw["seeds"] = overrides.seeds
            flags["seeds",] = "--seeds"
        if overrides.seed is not None:
            raw["seeds"] = [overrides.seed]
            flags["seeds",] = "--seed"
        if overrides.optional:
            raw["run_optional"] = True
            flags["run_optional",] = "--optional"


def _ask_for_node_metrics(document: Document) -> None:
    """Set the option in all parts whose task has it; of a suite of two tasks, the other stays."""
    having = [part for part in document.parts if _has_node_metrics(part.raw.get("task"))]
    if document.parts and not having:
        document.problems.append(
            "--node-metrics: no part of the suite has links to predict (--task link)."
        )
    for part in having:
        _put_into(part, ["task_options", "node_metrics"], True, "--node-metrics")


def _has_node_metrics(task: object) -> bool:
    try:
        return "node_metrics" in find_task(str(task)).options
    except ConfigError:
        return False


def _put_setting(document: Document, name: str, value: object) -> None:
    keys = _setting_parts(name)
    flag = f"--set {printable(name)}"
    if keys == ["title"]:
        document.title = value
        document.where.flags["title",] = flag
        return
    if keys[0] in {"system", "part"} and (len(keys) == 1 or keys[0] == "part"):
        document.problems.append(f"{flag}: name one value, system.NAME.options.X=VALUE.")
        return
    for part in document.parts:
        taken = _put_into(part, keys, value, flag)
        if taken is not None:
            document.problems.append(f"{flag}: {taken} already has a value.")
            return


def _put_into(part: PartDocument, keys: list[str], value: object, flag: str) -> str | None:
    """Set a value in a part; return the key in the way if one has a value that is no table."""
    if len(keys) == 1:
        part.raw[keys[0]] = value
        part.where.flags[keys[0],] = flag
        return None
    table = part.settings
    path: KeyPath = ("set",)
    for key in keys[:-1]:
        below = table.setdefault(key, {})
        path = (*path, key)
        if not isinstance(below, dict):
            return key
        table = below
    table[keys[-1]] = value
    part.where.flags[*path, keys[-1]] = flag
    return None


def _setting_parts(name: str) -> list[str]:
    """Split a dotted name; the name of a system may itself hold dots."""
    if not name.startswith("system."):
        return name.split(".")
    for layer in (*_LAYERS, "preset"):
        head, found, tail = name.rpartition(f".{layer}")
        if found and len(head) > len("system."):
            keys = tail.removeprefix(".").split(".") if tail.startswith(".") else []
            return ["system", head.removeprefix("system."), layer, *keys]
    return ["system", name.removeprefix("system.")]
