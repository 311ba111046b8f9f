"""Keys of orbit adjacency matrices as a person types them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from graphlab.bench.problems import printable
from graphlab.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Key = tuple[int, int, int]

__all__ = ["as_typed", "parse_keys"]

_KEY = re.compile(r"\(?\s*(\d{1,9})\s*[-,]\s*(\d{1,9})(?:\s*[-,]\s*(\d{1,9}))?\s*\)?", re.ASCII)


def parse_keys(texts: Sequence[str]) -> tuple[Key, ...]:
    """Return the keys (distance, orbit, orbit) that are meant by texts such as ``1-4-5``.

    Args:
        texts: ``1-4-5``, ``1,4,5`` or ``(1, 4, 5)``; without the distance where there is but one.

    Raises:
        ConfigError: Names every text that is no key, and the nearest key.

    Example:
        >>> parse_keys(["1-4-5", "(9,10)"])
        ((1, 4, 5), (2, 9, 10))
    """
    chosen, problems = [], []
    for text in texts:
        found = _fitting(text)
        if len(found) == 1:
            chosen.append(found[0])
        else:
            problems.append(f"--keys {printable(text)}: {_problem(text, found)}")
    if problems:
        raise ConfigError(problems)
    return tuple(chosen)


def as_typed(key: Sequence[int]) -> str:
    """Return a key as it is typed: ``1-4-5``."""
    return "-".join(map(str, key))


def _numbers(text: str) -> tuple[int, ...]:
    match = _KEY.fullmatch(text.strip())
    return tuple(int(part) for part in match.groups() if part is not None) if match else ()


def _fitting(text: str) -> list[Key]:
    from graphlab.graphlets import ORBIT_PAIRS

    numbers = _numbers(text)
    return [key for key in ORBIT_PAIRS if numbers and key[-len(numbers) :] == numbers]


def _problem(text: str, found: Sequence[Key]) -> str:
    from graphlab.graphlets import ORBIT_PAIRS

    numbers = _numbers(text)
    if not numbers:
        return "expected the distance and two orbits, such as 1-4-5."
    if found:
        choices = " or ".join(map(as_typed, found))
        return f"these orbits occur at several distances; choose {choices}."

    def unlike(key: Key) -> tuple[int, int]:
        pairs = list(zip(key[-len(numbers) :], numbers, strict=True))
        return sum(a != b for a, b in pairs), sum(abs(a - b) for a, b in pairs)

    near = min(ORBIT_PAIRS, key=unlike)
    return f"there is no such pair (distance, orbit, orbit). Did you mean {as_typed(near)}?"
