"""The catalogue: every data set graphlab knows, from cards that are read without torch or numpy."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path

from graphlab.datasets.card import DatasetCard, RawFile, read_card
from graphlab.datasets.files import (
    data_root,
    dataset_sha256,
    locate,
    mirrors,
    missing_files,
    status,
)
from graphlab.errors import DatasetError, UnknownDataset

__all__ = [
    "DatasetCard",
    "RawFile",
    "cards",
    "data_root",
    "dataset_sha256",
    "find_dataset",
    "locate",
    "mirrors",
    "missing_files",
    "status",
]

_GROUP = "graphlab.datasets"
_log = logging.getLogger("graphlab")


def cards() -> dict[str, DatasetCard]:
    """Return the card of every catalogued set by name, sorted.

    Shipped cards lie in ``datasets/<name>/card.toml``. An installed package adds a set through an
    entry point of the group ``graphlab.datasets``: its name is the set's name, its value
    ``module:function`` names the reader ``function(folder, card) -> dict of arrays`` (layout: see
    :mod:`graphlab.datasets.arrays`), and ``<name>.toml`` beside the module is its card. The module
    itself is imported when the set is loaded, not before.

    Example:
        >>> cards()["cora"].protocols["node"][0]
        'public'
    """
    return dict(_catalogue())


def find_dataset(name: str) -> DatasetCard:
    """Return the card of a set by name or alias; case and ``_`` or ``-`` do not matter.

    Raises:
        UnknownDataset: No such set; names the three nearest.

    Example:
        >>> find_dataset("Planetoid_Cora").name
        'cora'
    """
    from graphlab.registry import nearest, normalise_name

    wanted = normalise_name(name)
    known = _catalogue()
    if wanted in known:
        return known[wanted]
    aliases = {normalise_name(alias): card for card in known.values() for alias in card.aliases}
    if wanted in aliases:
        return aliases[wanted]
    close = ", ".join(nearest(wanted, [*known, *aliases], cutoff=0.0))
    raise UnknownDataset(
        f"{name!r} is not a known data set. Nearest names: {close}. "
        "All names: graphlab-bench data list"
    )


@cache
def _catalogue() -> dict[str, DatasetCard]:
    from graphlab.resources import resource_dir

    shipped = (read_card(path) for path in resource_dir("datasets").glob("*/card.toml"))
    found = {card.name: card for card in shipped}
    for card in _plugin_cards():
        if card.name in found:
            _log.warning("the plug-in set %s is ignored: the name is taken", card.name)
            continue
        found[card.name] = card
    return dict(sorted(found.items()))


def _plugin_cards() -> list[DatasetCard]:
    """Cards of installed plug-ins; a broken one is reported and left out."""
    import dataclasses
    from importlib import metadata

    from graphlab.registry import module_file

    found = []
    for entry in metadata.entry_points(group=_GROUP):
        file = module_file(entry.module) or Path(entry.module)
        path = file.parent / f"{entry.name}.toml"
        try:
            card = read_card(path)
        except (DatasetError, OSError) as error:
            _log.warning("the plug-in set %s is ignored: %s", entry.name, error)
            continue
        found.append(dataclasses.replace(card, name=entry.name, loader=entry.value, embedded=False))
    return found
