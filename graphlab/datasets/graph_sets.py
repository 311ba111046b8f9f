"""Sets of graphs as packed collections, and the layout in which generators hand these over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from graphlab.collection import GraphCollection
from graphlab.errors import InputError

if TYPE_CHECKING:
    from graphlab.datasets.arrays import Arrays
    from graphlab.datasets.loaded import LoadedData

__all__ = [
    "collection_arrays",
    "collection_of",
    "fixed_split",
    "packed_collection",
]

_STAGES = ("train", "val", "test")


def collection_of(data: LoadedData) -> GraphCollection:
    """Return the graphs of a set as one packed collection.

    Fields: ``x`` as in the files, ``edge_attr`` and further columns where there are any, and ``y``:
    targets of the graphs (G,) or (G, T), or else the labels of their nodes.

    Raises:
        InputError: A single graph.

    Cost: one pass over the entries; features are copied once.
    """
    graphs = data.graph
    if isinstance(graphs, GraphCollection):
        return graphs
    if not isinstance(graphs, list):
        raise InputError(f"{data.name} is a single graph, not a set of graphs.")
    nodes = np.cumsum([0, *(g.num_nodes for g in graphs)])
    edges = np.cumsum([0, *(g.num_edges for g in graphs)])
    empty = torch.zeros((2, 0), dtype=torch.int64)
    of_nodes = {}
    if graphs and graphs[0].x is not None:
        of_nodes["x"] = torch.cat([g.x for g in graphs])
    of_edges, of_graphs = {}, {}
    if data.edge_attr is not None:
        of_edges["edge_attr"] = torch.cat(list(data.edge_attr))
    if data.targets is not None:
        of_graphs["y"] = data.targets
    elif graphs and graphs[0].y is not None:
        of_nodes["y"] = torch.cat([g.y for g in graphs])
    for name, column in data.attributes.items():
        (of_nodes if name.startswith("node_") else of_edges)[name] = column
    return GraphCollection(
        torch.cat([g.edge_index for g in graphs] or [empty], 1),
        torch.from_numpy(nodes),
        torch.from_numpy(edges),
        node=of_nodes,
        edge=of_edges,
        graph=of_graphs,
        check=False,
    ).narrowed()


def collection_arrays(graphs: GraphCollection) -> Arrays:
    """Return a generated collection in the layout of :mod:`graphlab.datasets.arrays`.

    Its entries stay packed, as ``packed_index`` with local ids, beside ``num_nodes``.
    """
    arrays: Arrays = {
        "packed_index": graphs.edge_index.numpy(),
        "num_nodes": np.array(graphs.num_nodes),
        "node_ptr": graphs.node_ptr.numpy(),
        "edge_ptr": graphs.edge_ptr.numpy(),
    }
    for name, level in graphs.levels.items():
        values = graphs.field(name)
        assert values is not None  # noqa: S101  (named by the collection itself)
        arrays[f"packed_{level}_{name}"] = values.numpy()
    return arrays


def packed_collection(arrays: Arrays) -> GraphCollection:
    """Undo :func:`collection_arrays`."""
    fields: dict[str, dict[str, Tensor]] = {"node": {}, "edge": {}, "graph": {}}
    for key, values in arrays.items():
        if key.startswith("packed_") and key != "packed_index":
            _, level, name = key.split("_", 2)
            fields[level][name] = torch.from_numpy(values)
    return GraphCollection(
        torch.from_numpy(arrays["packed_index"]),
        torch.from_numpy(arrays["node_ptr"]),
        torch.from_numpy(arrays["edge_ptr"]),
        node=fields["node"],
        edge=fields["edge"],
        graph=fields["graph"],
        check=False,
    )


def fixed_split(*sizes: int) -> Arrays:
    """Return the stored split in which parts of these sizes follow each other, as ids."""
    ends = np.cumsum(sizes)
    return {
        f"{stage}_graphs": np.arange(end - size, end)
        for stage, end, size in zip(_STAGES, ends, sizes, strict=True)
    }
