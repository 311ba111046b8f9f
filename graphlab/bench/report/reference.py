"""Published numbers, read from ``benchmarks/reference``: every row has a source."""

from __future__ import annotations

import csv
import functools
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path

from graphlab.errors import InputError
from graphlab.registry import normalise_name
from graphlab.resources import resource_dir

__all__ = ["Published", "References", "Source", "load_references"]

COLUMNS = ("system", "dataset", "protocol", "metric", "mean", "std", "runs", "source")
_ADAPTERS = ("pyg-",)


@dataclass(frozen=True)
class Source:
    """Where a published number stands.

    Args:
        key: Key of ``sources.toml``.
        text: Full citation with the table and the kind of numbers in it.
        short: The citation in a few words, for a terminal.
        url: Link for readers; never fetched.
    """

    key: str
    text: str
    short: str = ""
    url: str = ""


@dataclass(frozen=True)
class Published:
    """One published result, in the unit of the records (accuracy is a fraction).

    Args:
        system: Registry name of the model, without an adapter's prefix.
        dataset: Data set.
        protocol: Protocol id; numbers of another protocol are never shown beside ours.
        metric: Metric name.
        mean: Published mean.
        std: Published deviation, None where none is given.
        runs: Number of runs behind it, None where none is given.
        source: Where it stands.
    """

    system: str
    dataset: str
    protocol: str
    metric: str
    mean: float
    std: float | None
    runs: int | None
    source: Source


class References:
    """All published numbers, found by model, data set, protocol and metric.

    Args:
        rows: The numbers.

    Example:
        >>> found = load_references().find("dagnn", "cora", "public", "acc")
        >>> found.mean, found.std, found.source.key
        (0.844, 0.005, 'liu2020')
        >>> load_references().find("dagnn", "cora", "geom-gcn", "acc") is None
        True
    """

    def __init__(self, rows: tuple[Published, ...]) -> None:
        self.rows = rows
        self._found = {(r.system, r.dataset, r.protocol, r.metric): r for r in rows}

    def find(self, model: str, dataset: str, protocol: str, metric: str) -> Published | None:
        """Return the published number for a model, an adapter's model included, or None."""
        name = normalise_name(model)
        for prefix in _ADAPTERS:
            name = name.removeprefix(prefix)
        return self._found.get((name, normalise_name(dataset), protocol, metric))


def load_references(folder: str | Path | None = None) -> References:
    """Read every CSV file of a folder, by default the shipped one.

    Args:
        folder: Folder with ``*.csv`` and ``sources.toml``.

    Raises:
        InputError: A row is incomplete, not a number, repeated or without a known source; the
            message names file and line.
    """
    return _load(resource_dir("reference") if folder is None else Path(folder))


@functools.cache
def _load(folder: Path) -> References:
    listed = tomllib.loads((folder / "sources.toml").read_text(encoding="utf-8"))
    sources = {key: Source(key, **value) for key, value in listed.items()}
    rows: list[Published] = []
    for file in sorted(folder.glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as handle:
            reader = csv.DictReader(handle)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise InputError(f"{file}:1: the columns must be {', '.join(COLUMNS)}.")
            rows.extend(_row(line, f"{file}:{reader.line_num}", sources) for line in reader)
    keys = [(r.system, r.dataset, r.protocol, r.metric) for r in rows]
    repeated = {key for key in keys if keys.count(key) > 1}
    if repeated:
        raise InputError(f"{folder}: published twice: {sorted(repeated)}.")
    return References(tuple(rows))


def _row(line: dict[str, str], place: str, sources: dict[str, Source]) -> Published:
    missing = [c for c in COLUMNS if not line.get(c) and c not in {"std", "runs"}]
    if missing:
        raise InputError(f"{place}: {', '.join(missing)} is empty; a number needs its source.")
    source = sources.get(line["source"])
    if source is None:
        raise InputError(f"{place}: source {line['source']!r} is not in sources.toml.")
    try:
        mean = float(line["mean"])
        std = float(line["std"]) if line["std"] else None
        runs = int(line["runs"]) if line["runs"] else None
    except ValueError as error:
        raise InputError(f"{place}: {error}.") from None
    if not math.isfinite(mean) or (std is not None and not 0 <= std < math.inf):
        raise InputError(f"{place}: mean and std must be finite, std not negative.")
    return Published(
        normalise_name(line["system"]),
        normalise_name(line["dataset"]),
        line["protocol"],
        line["metric"],
        mean,
        std,
        runs,
        source,
    )
