"""Finds decorated classes in a Python file by parsing it; nothing in the file is run."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphlab.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Decorated", "Option", "decorated_classes"]

_NO_DEFAULT = object()


@dataclass(frozen=True)
class Option:
    """One constructor argument.

    Args:
        name: Its name.
        annotation: Its type as written, such as ``"int | None"``.
        default: Its default, None when required.
        required: Whether it has no default.
    """

    name: str
    annotation: str
    default: Any
    required: bool


@dataclass(frozen=True)
class Decorated:
    """A class with a registering decorator.

    Args:
        name: First argument of the decorator.
        cls: Name of the class.
        arguments: Further arguments of the decorator.
        options: Arguments of the class's constructor.
        summary: First line of the class's docstring.
    """

    name: str
    cls: str
    arguments: dict[str, Any]
    options: dict[str, Option]
    summary: str


def decorated_classes(file: Path, decorator: str) -> Iterator[Decorated]:
    """Yield the classes of a file that carry ``@decorator("name", ...)``.

    Raises:
        ConfigError: The file is missing or no Python, or an argument is not a literal.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}.") from error
    if decorator not in text:
        return
    try:
        tree = ast.parse(text, filename=str(file))
    except SyntaxError as error:
        raise ConfigError(f"{file}:{error.lineno}: not valid Python: {error.msg}.") from error
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for call in node.decorator_list:
                if isinstance(call, ast.Call) and _name_of(call.func) == decorator:
                    yield _read(file, node, call)


def _read(file: Path, node: ast.ClassDef, call: ast.Call) -> Decorated:
    arguments = {k.arg: _literal(file, k.value) for k in call.keywords if k.arg is not None}
    name = _literal(file, call.args[0]) if call.args else arguments.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(f"{file}:{call.lineno}: the decorator of {node.name} needs a name.")
    summary = _plain((ast.get_docstring(node) or "").strip().partition("\n")[0])
    return Decorated(name, node.name, arguments, _constructor(node), summary)


def _plain(line: str) -> str:
    """Return a docstring's line without the marks of reStructuredText and citation keys."""
    without_keys = re.sub(r"\s*\[[\w-]+\]_", "", line)
    return re.sub(r":[\w:]+:`~?([^`]*)`", r"\1", without_keys).replace("`", "").replace("*", "")


def _constructor(node: ast.ClassDef) -> dict[str, Option]:
    for item in node.body:
        if isinstance(item, ast.FunctionDef) and item.name == "__init__":
            return {option.name: option for option in _options(item.args)}
    return {}


def _options(given: ast.arguments) -> Iterator[Option]:
    positional = [*given.posonlyargs, *given.args][1:]  # without self
    missing = len(positional) - len(given.defaults)
    defaults: list[ast.expr | None] = [None] * max(missing, 0)
    defaults += given.defaults[max(-missing, 0) :]
    pairs = [*zip(positional, defaults, strict=True)]
    pairs += [*zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    for argument, default in pairs:
        value = _value(default)
        annotation = "" if argument.annotation is None else ast.unparse(argument.annotation)
        required = value is _NO_DEFAULT
        yield Option(argument.arg, annotation, None if required else value, required)


def _value(default: ast.expr | None) -> Any:  # noqa: ANN401
    """Return a default's value; one that is no literal counts as its source text."""
    if default is None:
        return _NO_DEFAULT
    try:
        return ast.literal_eval(default)
    except ValueError:
        return ast.unparse(default)


def _literal(file: Path, node: ast.expr) -> Any:  # noqa: ANN401
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise ConfigError(
            f"{file}:{node.lineno}: {ast.unparse(node)[:60]!r} is not a literal; the arguments of "
            "the decorator are read without running the file."
        ) from error


def _name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
