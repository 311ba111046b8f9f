"""Sources to pre-train on and downstream tasks to be good at, drawn anew for each seed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from graphlab.bench.transfer.families import FAMILIES, densified, draw_family, thinned
from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph
from graphlab.pretraining import ego_graphs
from graphlab.seeding import numpy_generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    Random = np.random.Generator
    Ints = np.ndarray[Any, np.dtype[np.int64]]

__all__ = ["SOURCES", "TASKS", "DownstreamTask", "draw_source", "draw_task"]

SOURCE_SIZE = 150  # graphs
CLASS_SIZE = 120  # graphs of a class at most, 60 where there are more than two classes
_MOST_NODES = 250
_SHIFTED = ("ba-3", "ws-10", "sbm-4", "geometric-6")
_EGO_SETS = ("cora", "citeseer", "debdeps")
_GRAPH_SETS = ("tu-mutag", "tu-proteins")

SOURCES: tuple[str, ...] = (
    *("gnp-6", "gnp-12", "ba-3", "ws-10", "sbm-4", "geometric-6", "ba-tree", "plc-4"),
    *(f"{family} thinned" for family in _SHIFTED),
    *(f"{family} densified" for family in _SHIFTED),
    *(f"{name} egos" for name in _EGO_SETS),
    *_GRAPH_SETS,
)
"""Collections to pre-train on."""

_PAIRS: Mapping[str, tuple[str, str]] = {
    "ba-2 / plc-2": ("ba-2", "plc-2"),
    "ws-05 / ws-25": ("ws-05", "ws-25"),
    "sbm-2 / sbm-4": ("sbm-2", "sbm-4"),
    "geometric-6 / geometric-9": ("geometric-6", "geometric-9"),
    "ba-tree / uniform-tree": ("ba-tree", "uniform-tree"),
}
# Classes by size, so that no pair is picked by what came out: all, 1st and 2nd, 3rd and 4th
_EGO_CLASSES: Mapping[str, slice] = {
    "all classes": slice(None),
    "classes 1, 2": slice(0, 2),
    "classes 3, 4": slice(2, 4),
}
_EGO_TASKS: Mapping[str, tuple[str, slice]] = {
    f"{name} egos, {what}": (name, part)
    for name in ("cora", "citeseer")
    for what, part in _EGO_CLASSES.items()
} | {"debdeps egos, classes 1, 2": ("debdeps", slice(0, 2))}

TASKS: tuple[str, ...] = (*_PAIRS, *_EGO_TASKS, *_GRAPH_SETS)
"""Classifications of whole graphs, or of nodes by the graph within two hops."""


@dataclass(frozen=True)
class DownstreamTask:
    """Graphs of equally large classes.

    Attributes:
        name: One of :data:`TASKS`.
        graphs: All graphs.
        labels: Class of each, (G,) from 0.
    """

    name: str
    graphs: list[Graph]
    labels: Ints

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1


def draw_source(
    name: str, seed: int, *, count: int = SOURCE_SIZE, root: str | None = None
) -> list[Graph]:
    """Return graphs of a source; fewer where a set of graphs has no more.

    Args:
        name: One of :data:`SOURCES`.
        seed: Another seed draws other graphs.
        count: Number of graphs.
        root: Data root.

    Raises:
        InputError: No such source.
        DatasetError: The set it is cut from is not there.
    """
    rng = numpy_generator(seed, f"transfer-source {name}")
    family, _, change = name.partition(" ")
    if name not in SOURCES:
        raise InputError(f"{name!r} is no source. There are: {', '.join(SOURCES)}.")
    if family in FAMILIES:
        graphs = draw_family(family, count, rng)
        if change:
            shift = thinned if change == "thinned" else densified
            graphs = [shift(graph, rng) for graph in graphs]
        return graphs
    if change == "egos":
        network, _ = _network(family, root)
        return _egos(network, rng.permutation(network.num_nodes), count)
    graphs, _ = _graph_set(name, root)
    return [graphs[i] for i in rng.permutation(len(graphs))[:count]]


def draw_task(name: str, seed: int, *, root: str | None = None) -> DownstreamTask:
    """Return the graphs and classes of a downstream task; arguments as :func:`draw_source`."""
    rng = numpy_generator(seed, f"transfer-task {name}")
    if name in _PAIRS:
        groups = [draw_family(family, CLASS_SIZE, rng) for family in _PAIRS[name]]
    elif name in _EGO_TASKS:
        family, part = _EGO_TASKS[name]
        network, labels = _network(family, root)
        by_size = np.argsort(-np.bincount(labels), kind="stable")[part]
        most = CLASS_SIZE if len(by_size) == 2 else CLASS_SIZE // 2
        members = (rng.permutation(np.flatnonzero(labels == c)) for c in by_size)
        groups = [_egos(network, nodes, most) for nodes in members]
    elif name in _GRAPH_SETS:
        graphs, labels = _graph_set(name, root)
        members = (rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels))
        groups = [[graphs[i] for i in chosen[:CLASS_SIZE]] for chosen in members]
    else:
        raise InputError(f"{name!r} is no downstream task. There are: {', '.join(TASKS)}.")
    size = min(map(len, groups))
    graphs = [graph for group in groups for graph in group[:size]]
    return DownstreamTask(name, graphs, np.repeat(np.arange(len(groups)), size))


# -- private --------------------------------------------------------------------------------------


@cache
def _network(name: str, root: str | None) -> tuple[Graph, Ints]:
    """Return a graph and the class of each node."""
    from graphlab.datasets import load

    graph: Any = load(name, root=root).graph
    return as_graph(graph.edge_index, graph.num_nodes), graph.y.numpy()


@cache
def _graph_set(name: str, root: str | None) -> tuple[list[Graph], Ints]:
    """Return the structure of those graphs that are not too large, and their classes."""
    from graphlab.datasets import load

    collection = load(name, root=root).collection
    if collection.y is None:
        raise InputError(f"{name} has no labels of graphs.")
    small = [i for i, n in enumerate(collection.node_ptr.diff().tolist()) if n <= _MOST_NODES]
    found = (collection[i] for i in small)
    graphs = [as_graph(graph.edge_index, graph.num_nodes) for graph in found]
    return graphs, collection.y.numpy()[small].reshape(-1)


def _egos(graph: Graph, nodes: Ints, most: int) -> list[Graph]:
    """Return what lies within two hops of the first nodes for which it is neither 1 nor many."""
    found = ego_graphs(graph, 2, nodes=nodes[: 2 * most], min_nodes=2, max_nodes=_MOST_NODES)
    return found[:most]
