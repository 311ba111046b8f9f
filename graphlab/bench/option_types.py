"""Checks values of configuration files against the annotations of constructors, without torch.

A constructor is the schema of a model or task; its annotations are known as text (the registry
parses files, it does not import them), so a value is checked against the text.
"""

from __future__ import annotations

import ast
import math
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OptionError", "coerce", "describe", "misfit", "range_problem"]

LARGEST = 1_000_000
"""Largest integer an option may hold: every larger width, depth or size seen was a typing error."""

_AT_LEAST_ONE = ("_channels", "heads", "num_layers", "local_layers", "hidden", "num_blocks")
_SCALARS: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}
_LISTS = ("list", "tuple", "Sequence", "Iterable")
_MAPPINGS = ("dict", "Mapping")


class OptionError(ValueError):
    """A value does not fit its annotation; the text says what would.

    Args:
        expected: What the annotation accepts, in words.
        choices: The closed set of strings, if there is one.
    """

    def __init__(self, expected: str, choices: tuple[str, ...] = ()) -> None:
        super().__init__(expected)
        self.expected = expected
        self.choices = choices


def coerce(annotation: str, value: object) -> object:
    """Return a value as its annotation wants it, so that equal settings have equal hashes.

    An integer where ``float`` is expected becomes a float; the text ``"none"`` becomes ``None``
    where ``None`` is allowed and no other alternative takes it (TOML has no null).
    Names that are not known here, such as type aliases, accept everything.

    Args:
        annotation: Text of a constructor's annotation, e.g. ``"float | None"``.
        value: A value from TOML, a dictionary or a flag.

    Raises:
        OptionError: The value does not fit.

    Example:
        >>> coerce("float | None", 1), coerce("float | None", "none")
        (1.0, None)
    """
    alternatives = list(_alternatives(_parse(annotation)))
    for exact in (True, False):
        for node in alternatives:
            fits, result = _fit(node, value, exact=exact)
            if fits:
                return result
    if isinstance(value, str) and value.lower() == "none" and any(map(_is_none, alternatives)):
        return None
    raise OptionError(describe(annotation), _literals(alternatives))


def describe(annotation: str) -> str:
    """Say in words what an annotation accepts.

    Example:
        >>> describe("Literal['fast', 'low'] | None")
        "'fast' or 'low' or none"
    """
    return " or ".join(_words(node) for node in _alternatives(_parse(annotation)))


def misfit(annotation: str, value: object) -> tuple[object, OptionError | None]:
    """Return the first item of a list that its annotation refuses, and why.

    Returns:
        The item and its error; the value itself and ``None`` where no single item is to blame.

    Example:
        >>> misfit("list[Literal['a', 'b']]", ["a", "c"])[0]
        'c'
    """
    for node in _alternatives(_parse(annotation)):
        inner = [part for part in _arguments(node) if ast.unparse(part) != "..."]
        if _name(getattr(node, "value", node)) not in _LISTS or len(inner) != 1:
            continue
        for item in value if isinstance(value, list | tuple) else ():
            try:
                coerce(ast.unparse(inner[0]), item)
            except OptionError as error:
                return item, error
    return value, None


def range_problem(name: str, value: object) -> str | None:
    """Say what is wrong with the size of a value, or return ``None``.

    Names carry the range, as everywhere in the package: ``*dropout*`` is a probability,
    ``*_channels``, ``heads`` and ``num_layers`` are at least 1, no integer exceeds a million,
    no number is infinite or NaN.

    Example:
        >>> range_problem("dropout", 1.5)
        'must lie in [0, 1]'
    """
    if isinstance(value, list | tuple):
        return next(filter(None, (range_problem(name, item) for item in value)), None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    rules = {
        "must be a finite number": not math.isfinite(value),
        "must lie in [0, 1]": "dropout" in name and not 0 <= value <= 1,
        f"must be at most {LARGEST:,}": isinstance(value, int) and abs(value) > LARGEST,
        "must be at least 1": name.endswith(_AT_LEAST_ONE) and value < 1,
        "must be at least 0": name == "K" and value < 0,
    }
    return next((text for text, broken in rules.items() if broken), None)


@lru_cache(maxsize=512)
def _parse(annotation: str) -> ast.expr:
    try:
        return ast.parse(annotation.strip().strip("'\"") or "Any", mode="eval").body
    except SyntaxError:
        return ast.Name("Any")


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _alternatives(node.left)
        yield from _alternatives(node.right)
    elif isinstance(node, ast.Subscript) and _name(node.value) == "Optional":
        yield from _alternatives(node.slice)
        yield ast.Constant(None)
    elif isinstance(node, ast.Subscript) and _name(node.value) == "Union":
        for part in _arguments(node):
            yield from _alternatives(part)
    else:
        yield node


def _fit(node: ast.expr, value: object, *, exact: bool) -> tuple[bool, object]:
    """Test one alternative; ``exact`` refuses int for float, so that ``int | float`` keeps it."""
    name = _name(node.value if isinstance(node, ast.Subscript) else node)
    fits, result = value is not None or name in ("Any", "object"), value
    if _is_none(node):
        fits = value is None
    elif name == "Literal":
        allowed = [ast.literal_eval(part) for part in _arguments(node)]
        fits = any(value == item and type(value) is type(item) for item in allowed)
    elif name == "float" and type(value) is int and not exact:
        fits, result = True, float(value)
    elif name in _SCALARS:
        fits = type(value) is _SCALARS[name]
    elif name in _LISTS:
        fits, result = _fit_list(node, value)
    elif name in _MAPPINGS:
        fits, result = _fit_mapping(node, value)
    return fits, result


def _fit_list(node: ast.expr, value: object) -> tuple[bool, object]:
    if not isinstance(value, list | tuple):
        return False, value
    arguments = [ast.unparse(part) for part in _arguments(node)]
    if len(arguments) == 2 and arguments[1] == "...":
        arguments = arguments[:1]
    elif len(arguments) > 1 and len(arguments) != len(value):
        return False, value
    try:
        if len(arguments) > 1:
            return True, [coerce(a, v) for a, v in zip(arguments, value, strict=True)]
        return True, [coerce(arguments[0] if arguments else "Any", item) for item in value]
    except OptionError:
        return False, value


def _fit_mapping(node: ast.expr, value: object) -> tuple[bool, object]:
    if not isinstance(value, dict):
        return False, value
    arguments = [ast.unparse(part) for part in _arguments(node)]
    try:
        return True, {k: coerce(arguments[-1] if arguments else "Any", v) for k, v in value.items()}
    except OptionError:
        return False, value


def _arguments(node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, ast.Subscript):
        return []
    return list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _literals(alternatives: list[ast.expr]) -> tuple[str, ...]:
    return tuple(
        str(ast.literal_eval(part))
        for node in alternatives
        if isinstance(node, ast.Subscript) and _name(node.value) == "Literal"
        for part in _arguments(node)
    )


def _words(node: ast.expr) -> str:
    if _is_none(node):
        return "none"
    name = _name(node.value if isinstance(node, ast.Subscript) else node)
    if name == "Literal":
        return " or ".join(repr(ast.literal_eval(part)) for part in _arguments(node))
    words = {"int": "an integer", "float": "a number", "bool": "true or false", "str": "a text"}
    if name in words:
        return words[name]
    inner = [_words(part) for part in _arguments(node) if ast.unparse(part) != "..."]
    if name in _LISTS:
        return f"a list of {' and '.join(inner)}" if inner else "a list"
    if name in _MAPPINGS:
        return f"a table with {inner[-1]} for each name" if inner else "a table"
    return name
