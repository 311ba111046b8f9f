"""What ``graphlab-bench feasibility`` compares: data sets and files as collections of graphs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphlab.bench.orbit_input import read_input
from graphlab.errors import InputError, UnknownDataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphlab.collection import GraphCollection
    from graphlab.graph import Graph

__all__ = ["Egos", "GraphSet", "read_sets"]


@dataclass(frozen=True)
class Egos:
    """How one large graph becomes a collection; see :func:`graphlab.pretraining.ego_graphs`."""

    hops: int
    num: float
    max_nodes: int
    min_nodes: int


@dataclass(frozen=True)
class GraphSet:
    """One source, or the target.

    Attributes:
        name: As it was typed.
        graphs: The collection.
        kind: ``"ego-graphs"`` of one graph, or ``"graphs"`` of a collection.
    """

    name: str
    graphs: list[Graph] | GraphCollection
    kind: str

    def to_dict(self) -> dict[str, Any]:
        """Return name, kind and sizes."""
        if isinstance(self.graphs, list):
            nodes = sum(graph.num_nodes for graph in self.graphs)
            entries = sum(graph.num_edges for graph in self.graphs)
        else:
            nodes, entries = self.graphs.num_nodes, self.graphs.num_edges
        count = len(self.graphs)
        return {
            "name": self.name,
            "kind": self.kind,
            "graphs": count,
            "mean_nodes": nodes / count,
            "mean_degree": entries / nodes if nodes else 0.0,
        }


def read_sets(
    sources: Sequence[str], target: str, egos: Egos, *, seed: int, root: str | None
) -> tuple[list[GraphSet], GraphSet]:
    """Read all sets. Draws of ego-graphs differ between them, also where two are of one graph.

    Args:
        sources: Names of data sets, graph files, folders with edges, or collections that
            :meth:`GraphCollection.save` wrote.
        target: The same.
        egos: How one graph is cut.
        seed: Of the draws.
        root: Data root.

    Raises:
        InputError: A source given twice, nothing left of a set, or whatever is wrong in a file.
        DatasetNotFound: No such file and no such data set.
    """
    twice = [name for name in sources if sources.count(name) > 1]
    if twice:
        raise InputError(f"{twice[0]} is given twice, expected different sources.")
    from graphlab.seeding import derive_seed

    found = [_read(name, egos, derive_seed(seed, f"source-{name}"), root) for name in sources]
    return found, _read(target, egos, derive_seed(seed, "target"), root)


# -- private --------------------------------------------------------------------------------------


def _read(name: str, egos: Egos, seed: int, root: str | None) -> GraphSet:
    collection = _collection(name, root)
    if collection is not None:
        if not len(collection):
            raise InputError(f"{name} holds no graphs, expected at least one.")
        return GraphSet(name, collection, "graphs")
    from graphlab.pretraining import ego_graphs

    graph, _ = read_input(name, root=root)
    low, high = egos.min_nodes, egos.max_nodes
    graphs = ego_graphs(graph, egos.hops, egos.num, min_nodes=low, max_nodes=high, seed=seed)
    if not graphs:
        raise InputError(
            f"{name} gives no ego-graph of {low} to {high} nodes within "
            f"{egos.hops} hops. Change --hops, --min-nodes or --max-nodes, or draw more with --num."
        )
    return GraphSet(name, graphs, "ego-graphs")


def _collection(name: str, root: str | None) -> Any:  # noqa: ANN401  (a collection of any kind)
    """Return the graphs of a file or a data set that has many; None of one graph."""
    path = Path(name).expanduser()
    if path.is_file():
        return _saved(path)
    from graphlab.datasets import find_dataset, load

    try:
        card = find_dataset(name)
    except UnknownDataset:
        return None
    return None if card.num_graphs == 1 else load(card.name, root=root).graph


def _saved(path: Path) -> GraphCollection | None:
    """Read a file that :meth:`GraphCollection.save` wrote, told by the names of its arrays."""
    import zipfile

    from graphlab.collection import GraphCollection

    if path.suffix.lower() != ".npz" or not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as file:
        names = {Path(entry).stem for entry in file.namelist()}
    return GraphCollection.load(path) if {"node_ptr", "edge_ptr"} <= names else None
