"""What ``graphlab-bench orbits`` counts in: a file, a folder, or a data set by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from graphlab.errors import DatasetNotFound, InputError, UnknownDataset

if TYPE_CHECKING:
    from graphlab.graph import Graph

    Names = tuple[str, ...]

__all__ = ["check_directions", "read_input"]


def read_input(
    name: str, *, named: bool = False, num_nodes: int | None = None, root: str | None = None
) -> tuple[Graph, Names | None]:
    """Return a graph and the names of its nodes, where they have some.

    Args:
        name: Path of a graph file or of a folder with edges; else name of a data set.
        named: Numbers in an edge list are names.
        num_nodes: Number of nodes.
        root: Data root.

    Raises:
        DatasetNotFound: No such file and no such data set.
        InputError: A set of many graphs, or whatever is wrong in a file.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        from graphlab.datasets import load_local

        return _sized(name, load_local(path).graph, num_nodes), None
    if path.exists() or path.is_symlink() or _is_file_name(path):
        from graphlab.datasets import read_graph_file

        return read_graph_file(path, named=named, num_nodes=num_nodes)
    return _sized(name, _load(name, root), num_nodes), None


def check_directions(name: str, graph: Graph, names: Names | None) -> None:
    """Refuse a graph that has an entry without the reverse one.

    Raises:
        InputError: Names the edge, and the option that ignores directions.
    """
    if graph.is_undirected():
        return
    row, col = graph.edge_index.numpy()
    there, back = row * graph.num_nodes + col, col * graph.num_nodes + row
    import numpy as np

    alone = np.flatnonzero(~np.isin(there, back))
    if alone.size:
        ends = (int(row[alone[0]]), int(col[alone[0]]))
        source, target = (repr(names[i]) if names is not None else str(i) for i in ends)
        raise InputError(
            f"{name} is directed: it has an edge from {source} to {target} and none back; orbits "
            "are counted in undirected graphs. --undirected ignores the directions."
        )


def _is_file_name(path: Path) -> bool:
    from graphlab.datasets.graph_file import GRAPH_ENDINGS

    return len(path.parts) > 1 or path.name.lower().removesuffix(".gz").endswith(GRAPH_ENDINGS)


def _load(name: str, root: str | None) -> Graph:
    from graphlab.datasets import find_dataset, load

    try:
        card = find_dataset(name)
    except UnknownDataset as error:
        raise DatasetNotFound(f"{name}: no such file. As a data set: {error}") from error
    if card.num_graphs != 1:
        raise InputError(f"{card.name} is a set of {card.num_graphs} graphs, expected one graph.")
    graph: Graph = load(name, root=root).graph
    return graph


def _sized(name: str, graph: Graph, num_nodes: int | None) -> Graph:
    if num_nodes is not None and num_nodes != graph.num_nodes:
        raise InputError(f"{name} has {graph.num_nodes} nodes, but --num-nodes is {num_nodes}.")
    return graph
