"""Pre-training graphs with the data set that each comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import InputError
from graphlab.pretraining._packed import Packed, pack
from graphlab.pretraining.features import topological_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = ["Sources", "read_sources"]


@dataclass(frozen=True)
class Sources:
    """Graphs of several data sets behind each other.

    Attributes:
        packed: All graphs.
        names: Names of the data sets; empty where the graphs came as one list.
        domain: Number of the data set of each graph, (G,).
    """

    packed: Packed
    names: tuple[str, ...]
    domain: Ints

    @cached_property
    def features(self) -> Floats:
        """Eight statistics of each graph, (G, 8)."""
        return topological_features(self.packed)

    def take(self, chosen: list[int]) -> Sources:
        """Return some of the data sets, in the order given; statistics are not computed again."""
        graphs = np.concatenate([np.flatnonzero(self.domain == k) for k in chosen])
        counts = [int((self.domain == k).sum()) for k in chosen]
        names = tuple(self.names[k] for k in chosen)
        found = Sources(
            self.packed.select(graphs), names, np.repeat(np.arange(len(chosen)), counts)
        )
        vars(found)["features"] = self.features[graphs]  # what cached_property would keep
        return found


def read_sources(graphs: Any, name: str, *, named: bool = False) -> Sources:  # noqa: ANN401
    """Read a list of graphs, or a mapping of names to lists.

    Args:
        graphs: The graphs.
        name: Argument's name for messages.
        named: Refuse a list.

    Raises:
        InputError: Nothing there, or something that is no graph: names list and number.
    """
    if not isinstance(graphs, Mapping):
        if named:
            raise InputError(
                f"{name} is {type(graphs).__name__}, expected lists of graphs by name (a mapping)."
            )
        packed = pack(graphs, name)
        return Sources(packed, (), np.zeros(len(packed), np.int64))
    if not graphs:
        raise InputError(f"{name} is empty, expected at least one list of graphs.")
    names = tuple(str(key) for key in graphs)
    if len(set(names)) < len(names):
        raise InputError(f"{name} has two lists of one name: {', '.join(names)}.")
    parts = [pack(value, f"{name}[{str(key)!r}]") for key, value in graphs.items()]
    domain = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return Sources(reduce(Packed.joined, parts), names, domain)
