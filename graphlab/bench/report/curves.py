"""Learning curves of runs, read from ``events.jsonl``, and drawn with characters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from graphlab.bench.journal import read_history

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Curves", "read_curves", "text_curve"]

#: Quantity such as ``"val.loss"`` -> (epoch, value) in order of epochs.
Curves = dict[str, list[tuple[int, float]]]
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BRAILLE = 0x2800


def read_curves(run_dir: Path) -> Curves:
    """Read all quantities noted by epoch: ``train.loss``, ``val.loss``, ``val.acc``, ``lr`` ...

    Values that are not finite numbers are left out.
    """
    curves: Curves = {}
    for event in read_history(run_dir):
        epoch = event.pop("epoch")
        for name, value in _flat(event).items():
            quantity = "train.loss" if name == "loss" else name
            curves.setdefault(quantity, []).append((epoch, value))
    return curves


def text_curve(points: Sequence[tuple[int, float]], width: int = 60, height: int = 4) -> list[str]:
    """Draw a curve with braille characters, the largest value on top.

    Args:
        points: (epoch, value), at least one.
        width: Characters a line; each holds two columns of dots.
        height: Lines; each holds four rows of dots.

    Example:
        >>> print(*text_curve([(1, 0.0), (2, 1.0), (3, 2.0)], width=3, height=1), sep="")
        ⣀⡰⠊
    """
    columns, rows = 2 * width, 4 * height
    values = _resampled(points, columns)
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    grid = [[0] * width for _ in range(height)]
    previous = None
    for column, value in enumerate(values):
        row = rows - 1 - round((value - low) / span * (rows - 1))
        step = range(min(row, previous), max(row, previous) + 1) if previous is not None else ()
        for dot in {row, *(list(step)[1:-1])}:
            grid[dot // 4][column // 2] |= _DOTS[column % 2][dot % 4]
        previous = row
    return ["".join(chr(_BRAILLE + dots) for dots in line) for line in grid]


def _resampled(points: Sequence[tuple[int, float]], columns: int) -> list[float]:
    """Values at equally spaced epochs: the last value noted at or before each."""
    first, last = points[0][0], points[-1][0]
    values, index = [], 0
    for column in range(columns):
        epoch = first + (last - first) * column / max(columns - 1, 1)
        while index + 1 < len(points) and points[index + 1][0] <= epoch:
            index += 1
        values.append(points[index][1])
    return values


def _flat(event: Mapping[str, object], prefix: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for key, value in event.items():
        name = f"{prefix}{key}".replace("/", ".")
        for split in ("train", "val", "test"):
            if name.startswith(f"{split}_"):
                name = f"{split}.{name[len(split) + 1 :]}"
        if isinstance(value, Mapping):
            found.update(_flat(value, f"{name}."))
        elif (
            isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        ):
            found[name] = float(value)
    return found
