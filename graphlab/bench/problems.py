"""Collects every problem of a suite, each with its place and the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphlab.bench._toml_lines import KeyPath, nearest_line
from graphlab.bench.option_types import OptionError, coerce, misfit, range_problem
from graphlab.errors import ConfigError
from graphlab.registry import nearest, normalise_name

__all__ = ["Problems", "Where", "path_text", "printable", "suggestion"]

_LONGEST = 60
_MOST_NAMES = 12


class Where:
    """Names the place of a key: ``file:line``, ``suite['system'][0]`` or the flag that set it.

    Args:
        label: File name, or the word that stands for a dictionary.
        lines: Lines of the file's keys; ``None`` for a dictionary.
    """

    def __init__(self, label: str, lines: dict[KeyPath, int] | None = None) -> None:
        self.label = label
        self.lines = lines
        self.flags: dict[KeyPath, str] = {}

    def written(self, path: KeyPath) -> KeyPath:
        """Return the path under which a key stands in the document."""
        return path

    def __call__(self, path: KeyPath) -> str:
        """Return the place of a key path."""
        for size in range(len(path), 0, -1):
            if path[:size] in self.flags:
                return self.flags[path[:size]]
        for place, flag in self.flags.items():
            if path and place[: len(path)] == path:  # a table that exists through a flag alone
                return flag
        path = self.written(path)
        if self.lines is not None:
            return f"{self.label}:{nearest_line(self.lines, path)}"
        return self.label + "".join(f"[{part!r}]" for part in path)

    def order(self, path: KeyPath) -> int:
        """Sort key of a key path: its line; flags come last."""
        if self(path) in self.flags.values():
            return 1 << 30
        return nearest_line(self.lines, self.written(path)) if self.lines is not None else 0


class Problems:
    """The problems found so far.

    Args:
        where: Names the places.

    Example:
        >>> problems = Problems(Where("a.toml", {("seed",): 3}))
        >>> problems.unknown(("seed",), "seed", "a key of a suite", ["seeds", "task"])
        >>> problems.messages()
        ['a.toml:3: seed is not a key of a suite. Did you mean seeds?']
    """

    def __init__(self, where: Where) -> None:
        self.where = where
        self._found: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, path: KeyPath, message: str) -> None:
        """Note a problem at a place, once."""
        entry = (self.where.order(path), f"{self.where(path)}: {message}")
        if entry not in self._found:
            self._found.append(entry)

    def note(self, message: str) -> None:
        """Note a problem that names its place itself."""
        self._found.append((1 << 31, message))

    def join(self, others: Problems) -> None:
        """Take over the problems of another collector, those not noted here already."""
        self._found += [entry for entry in others._found if entry not in self._found]

    def unknown(self, path: KeyPath, name: object, what: str, choices: Iterable[str]) -> None:
        """Note that a name is not ``what``, with the nearest valid name."""
        self.add(path, f"{printable(name)} is not {what}.{suggestion(name, choices)}")

    def value(self, path: KeyPath, name: str, annotation: str, value: object) -> object:
        """Return the value as its annotation wants it; note a wrong type or range.

        Returns:
            The value, or ``None`` after a problem.
        """
        try:
            result = coerce(annotation, value)
        except OptionError as error:
            wrong, why = misfit(annotation, value)
            choices = error.choices if why is None else why.choices
            near = suggestion(wrong, choices, known=False) if choices else ""
            text = f"{name} must be {error.expected} (got {printable(wrong, quote=True)})."
            self.add(path, text + near)
            return None
        out = range_problem(name, result)
        if out is not None:
            self.add(path, f"{name} {out} (got {printable(value, quote=True)}).")
            return None
        return result

    def table(self, path: KeyPath, name: str, value: object) -> Mapping[str, object]:
        """Return a table, or an empty one after noting that it is none."""
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return value
        self.add(path, f"{name} must be a table (got {printable(value, quote=True)}).")
        return {}

    def messages(self) -> list[str]:
        """All problems in the order of their lines."""
        return [message for _, message in sorted(self._found, key=lambda entry: entry[0])]

    def raise_any(self) -> None:
        """Raise all problems at once.

        Raises:
            ConfigError: There is at least one.
        """
        if self._found:
            raise ConfigError(self.messages())


def path_text(path: object) -> str:
    """Return a path whole, safe on a terminal line."""
    text = str(path)
    return text if text.isprintable() else ascii(text)


def printable(value: object, *, quote: bool = False) -> str:
    r"""Return a short text of a value that is safe on a terminal line.

    Example:
        >>> printable("two\nlines"), printable("plain"), printable("plain", quote=True)
        ("'two\\nlines'", 'plain', "'plain'")
    """
    if isinstance(value, str) and not quote and value.isprintable() and 0 < len(value) <= _LONGEST:
        return value
    text = repr(value[: 2 * _LONGEST] if isinstance(value, str) else value)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def suggestion(name: object, choices: Iterable[str], *, known: bool = True) -> str:
    """Return the nearest valid name as a sentence; without a near one, the valid names.

    Args:
        name: What was written.
        choices: The valid names.
        known: List the valid names when none is near.

    Example:
        >>> suggestion("pubmd", ["cora", "pubmed"]), suggestion("x", ["cora", "pubmed"])
        (' Did you mean pubmed?', ' Known: cora, pubmed.')
    """
    names = sorted(choices)
    near = nearest(normalise_name(str(name)[: 4 * _LONGEST]), names, n=1) if names else []
    if near:
        return f" Did you mean {near[0]}?"
    if not names or not known:
        return ""
    listed = ", ".join(names[:_MOST_NAMES])
    return f" Known: {listed}{', ...' if len(names) > _MOST_NAMES else ''}."
