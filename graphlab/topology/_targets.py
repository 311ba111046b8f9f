"""Links over which a value is averaged: one set, or several under names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    from graphlab.topology._rows import Edges, Reading, Rows

__all__ = ["Targets", "splits_of", "targets_of"]

_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Targets:
    """Sets of links, each as rows; None stands for the training edges themselves.

    Args:
        train: Rows of the training edges.
        sets: Each name with its rows.
        single: One set without a name was given.
    """

    train: Rows
    sets: dict[str, Rows]
    single: bool

    def joined(self, names: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the rows of some sets one behind the other, (sets * n + 1,) and (pairs,)."""
        if len(names) == 1:
            return self.sets[names[0]].indptr, self.sets[names[0]].columns
        parts = [np.zeros(1, np.int64), *(self.sets[name].degree for name in names)]
        columns = [self.sets[name].columns for name in names]
        return np.cumsum(np.concatenate(parts)), np.concatenate(columns)

    def result(self, values: Callable[[str], Tensor]) -> Any:  # noqa: ANN401  (as was given)
        """Return a value for each name, or the only one."""
        found = {name: values(name) for name in self.sets}
        return found[""] if self.single else found


def targets_of(train_edges: Edges, target: Any, reading: Reading) -> Targets:  # noqa: ANN401
    """Read training edges and the ``target`` argument: edges, None, or a mapping of these."""
    train = reading.rows(train_edges, "train_edges")
    reading = replace(reading, num_nodes=train.num_nodes)
    single = not isinstance(target, Mapping) or "edge_index" in target
    named = {"": target} if single else dict(target)
    sets = {}
    for name, edges in named.items():
        label = "target" if single else f"target[{name!r}]"
        sets[name] = train if edges is None else reading.rows(edges, label)
    return Targets(train, sets, single)


def splits_of(split_edge: Mapping[str, Any]) -> dict[str, Any]:
    """Return the edges of each split; OGB's key ``valid`` becomes ``val``.

    Raises:
        InputError: A split is missing or unknown, or its dictionary has no ``edge``.
    """
    if not isinstance(split_edge, Mapping):
        raise InputError(
            f"split_edge is a {type(split_edge).__name__}, expected a mapping with the keys train, "
            "val (or valid) and test."
        )
    found = {"val" if key == "valid" else key: value for key, value in split_edge.items()}
    if set(found) != set(_SPLITS) or len(found) != len(split_edge):
        raise InputError(
            f"split_edge has the keys {', '.join(map(str, split_edge))}, expected train, val (or "
            "valid) and test, each once."
        )
    edges = {}
    for name in _SPLITS:
        value = found[name]
        if isinstance(value, Mapping):
            if "edge" not in value:
                raise InputError(
                    f"split_edge[{name!r}] has the keys {', '.join(map(str, value))}, expected "
                    "edge, node ids (E, 2)."
                )
            value = value["edge"]
        edges[name] = value
    return edges
