"""Which function reads which format. Names only: a reader is imported when a set is loaded."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from graphlab.errors import DatasetError, MissingDependency

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphlab.datasets.arrays import Arrays
    from graphlab.datasets.card import DatasetCard

__all__ = ["OPTIONS", "READERS", "find_reader", "has_reader"]

READERS = {
    "ba_tiny": "synthetic:ba_tiny",
    "cluster_synth": "synthetic_blocks:read_cluster_synth",
    "csl": "csl:read_csl",
    "csl_generated": "synthetic:csl_generated",
    "cycles_synth": "synthetic_cycles:read_cycles_synth",
    "debdeps": "npz:read_debdeps",
    "gsm_task": "synthetic_gsm:read_gsm_task",
    "karate": "synthetic:karate",
    "npz": "npz:read_npz_set",
    "ogb": "ogb:read_ogb",
    "pattern_synth": "synthetic_blocks:read_pattern_synth",
    "planetoid": "planetoid:read_planetoid",
    "sbm_tiny": "synthetic:sbm_tiny",
    "tsp_synth": "synthetic_tsp:read_tsp_synth",
    "tu": "tu:read_tu",
    "webkb": "webkb:read_webkb",
}
OPTIONS = {"tu": ("use_node_attr",)}


def has_reader(card: DatasetCard) -> bool:
    """Return whether this version can read the set's format; nothing is imported.

    Example:
        >>> from graphlab.datasets.catalog import find_dataset
        >>> has_reader(find_dataset("cora")), has_reader(find_dataset("zinc"))
        (True, False)
    """
    return ":" in card.loader or card.loader in READERS


def find_reader(card: DatasetCard) -> Callable[..., Arrays]:
    """Import the reader of a set: ``reader(folder, card, **options) -> arrays``.

    Raises:
        DatasetError: This version has no reader for the set's format.
        MissingDependency: A plug-in's reader needs a package that is not installed.
    """
    if ":" in card.loader:
        return _plugin_reader(card)
    if not has_reader(card):
        raise DatasetError(
            f"This version of graphlab has no reader for the files of {card.name} (format "
            f"{card.loader}); the files themselves are complete."
        )
    module, function = READERS[card.loader].split(":")
    reader: Callable[..., Arrays] = getattr(import_module(f"graphlab.datasets.{module}"), function)
    return reader


def _plugin_reader(card: DatasetCard) -> Callable[..., Arrays]:
    module, function = card.loader.split(":")
    try:
        reader: Callable[..., Arrays] = getattr(import_module(module), function)
    except ImportError as error:
        raise MissingDependency(
            f"The reader of {card.name} needs the package {error.name or module}, which is not "
            f"installed. Run: pip install {(error.name or module).partition('.')[0]}"
        ) from error
    except AttributeError as error:
        raise DatasetError(f"The plug-in {module} of {card.name} has no {function}.") from error
    return reader
