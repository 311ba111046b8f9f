"""What a collection accepts: its own parts, checked, and other libraries' graphs, packed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import Graph

if TYPE_CHECKING:
    from graphlab.collection.batch import FieldLevel, GraphBatch

__all__ = [
    "Parts",
    "check_field",
    "check_structure",
    "graph_numbers",
    "narrowest",
    "pack",
    "parts_of_mapping",
    "parts_of_object",
    "pyg_data",
]

Parts = tuple[Tensor, int, dict[str, Tensor]]  # entries, number of nodes, fields by name
_OF_NODES = ("x", "pos", "pe", "node_")
_OGB_NAMES = {"node_feat": "x", "edge_feat": "edge_attr"}
_STRUCTURE = ("edge_index", "num_nodes", "batch", "ptr", "edge_ptr")
_NARROW = (torch.uint8, torch.int16, torch.int32)
_CHUNK = 1 << 22  # entries looked through at once: bounds what the check needs on top


# --- checks of a collection's own parts


def check_structure(index: Tensor, node_ptr: Tensor, edge_ptr: Tensor, *, ids: bool) -> None:
    """Raise InputError unless offsets and entries belong together."""
    if index.dim() != 2 or index.shape[0] != 2 or index.dtype not in (*_NARROW, torch.int64):
        raise InputError(
            f"edge_index has shape {tuple(index.shape)} and type {index.dtype}, expected (2, m) of "
            "int64, int32, int16 or uint8."
        )
    for name, ptr in (("node_ptr", node_ptr), ("edge_ptr", edge_ptr)):
        if ptr.dim() != 1 or not ptr.numel() or int(ptr[0]) != 0 or bool((ptr.diff() < 0).any()):
            raise InputError(f"{name} must be offsets that start at 0 and never fall.")
    if node_ptr.shape != edge_ptr.shape:
        raise InputError(
            f"node_ptr has {node_ptr.numel()} offsets, but edge_ptr has {edge_ptr.numel()}; both "
            "have one more than graphs."
        )
    if int(edge_ptr[-1]) != index.shape[1]:
        raise InputError(
            f"edge_ptr ends at {int(edge_ptr[-1])}, but edge_index has {index.shape[1]} entries."
        )
    if ids:
        _check_ids(index, node_ptr, edge_ptr)


def _check_ids(index: Tensor, node_ptr: Tensor, edge_ptr: Tensor) -> None:
    sizes = node_ptr.diff()
    for start in range(0, index.shape[1], _CHUNK):
        part = index[:, start : start + _CHUNK]
        place = torch.arange(start, start + part.shape[1], device=index.device)
        graph = torch.searchsorted(edge_ptr, place, right=True) - 1
        wrong = (part < 0) | (part >= sizes[graph])
        if bool(wrong.any()):
            end, column = wrong.nonzero()[0].tolist()
            number = int(graph[column])
            raise InputError(
                f"edge_index of graph {number} holds node {int(part[end, column])}, but the graph "
                f"has {int(sizes[number])} nodes (ids start at 0 in every graph)."
            )


def narrowest(num_nodes: int) -> torch.dtype:
    """Return the smallest type that holds the ids of a graph of so many nodes."""
    fits = (kind for kind in _NARROW if num_nodes - 1 <= torch.iinfo(kind).max)
    return next(fits, torch.int64)


def check_field(
    name: str, values: Tensor, level: FieldLevel, rows: int, device: torch.device
) -> None:
    """Raise InputError unless a field has a usable name and as many rows as its level."""
    if level not in ("node", "edge", "graph"):
        raise InputError(f"The level of {name!r} is {level!r}; expected node, edge or graph.")
    if name in _STRUCTURE or name.startswith("_") or not name.isidentifier():
        raise InputError(f"{name!r} cannot be the name of a field.")
    if not isinstance(values, Tensor) or values.dim() == 0 or values.shape[0] != rows:
        found = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
        raise InputError(
            f"{name} is {found}, expected a tensor of {rows} rows, one for each {level}."
        )
    if values.device != device:
        raise InputError(f"{name} is on {values.device}, but edge_index on {device}.")


def graph_numbers(indices: Any, count: int, device: torch.device) -> Tensor:  # noqa: ANN401
    """Return chosen graphs as (B,) int64 within 0..count-1; negative ones count from the end."""
    try:
        if isinstance(indices, list | range) and all(type(number) is int for number in indices):
            indices = np.fromiter(indices, np.int64, len(indices))  # torch takes twice as long
        chosen = torch.as_tensor(indices, device=device)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InputError(f"indices is {indices!r:.60}, expected numbers of graphs.") from error
    if chosen.dtype == torch.bool and tuple(chosen.shape) == (count,):
        return chosen.nonzero()[:, 0]
    if chosen.dim() == 1 and not chosen.numel():
        return torch.zeros(0, dtype=torch.int64, device=device)
    if chosen.dim() != 1 or chosen.dtype.is_floating_point or chosen.dtype == torch.bool:
        raise InputError(
            f"indices has shape {tuple(chosen.shape)} and type {chosen.dtype}, expected numbers of "
            f"graphs (B,) or a mask ({count},)."
        )
    chosen = chosen.to(torch.int64)
    low, high = (int(end) for end in chosen.aminmax())
    if low < -count or high >= count:
        wrong = low if low < -count else high
        raise InputError(f"graph {wrong} was asked for, but there are {count} (0..{count - 1}).")
    return chosen if low >= 0 else chosen % count


# --- other libraries' graphs


def parts_of_object(graph: Any) -> Parts:  # noqa: ANN401  (by attribute)
    """Read an object with ``edge_index``: PyG's ``Data`` and its like, or our ``Graph``."""
    if isinstance(graph, Mapping) or not hasattr(graph, "edge_index"):
        raise InputError(
            f"A graph is a {type(graph).__name__}; expected an object with edge_index and "
            "num_nodes."
        )
    if isinstance(graph, Graph):
        found = {"x": graph.x, "edge_weight": graph.edge_weight, "y": graph.y}
    elif callable(getattr(graph, "keys", None)):
        found = {name: getattr(graph, name) for name in graph.keys()}  # noqa: SIM118 (no mapping)
    else:
        found = {name: getattr(graph, name, None) for name in ("x", "edge_attr", "pe", "y")}
        found |= {name: value for name, value in vars(graph).items() if name[0] != "_"}
    return _parts(graph.edge_index, getattr(graph, "num_nodes", None), found)


def parts_of_mapping(graph: Any) -> Parts:  # noqa: ANN401  (a mapping, or a pair with labels)
    """Read OGB's dictionary, or a pair of it and its labels."""
    content, labels = graph if isinstance(graph, tuple) and len(graph) == 2 else (graph, None)
    if not isinstance(content, Mapping) or "edge_index" not in content:
        raise InputError(
            f"A graph is a {type(content).__name__}; expected a dictionary with edge_index and "
            "num_nodes, or a pair of it and its labels."
        )
    found = {_OGB_NAMES.get(name, str(name)): value for name, value in content.items()}
    if labels is not None:
        found["y"] = labels
    return _parts(found["edge_index"], found.get("num_nodes"), found)


def _parts(edge_index: Any, num_nodes: Any, found: Mapping[str, Any]) -> Parts:  # noqa: ANN401
    index = _tensor("edge_index", edge_index).to(torch.int64)
    fields = {
        name: _tensor(name, value)
        for name, value in found.items()
        if value is not None and name not in _STRUCTURE and not isinstance(value, str)
    }
    if num_nodes is None:
        if "x" not in fields:
            raise InputError("A graph has neither num_nodes nor x: how many nodes has it?")
        num_nodes = fields["x"].shape[0]
    return index.reshape(2, 0) if not index.numel() else index, int(num_nodes), fields


def _tensor(name: str, value: Any) -> Tensor:  # noqa: ANN401
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InputError(f"{name} is {value!r:.60}, expected numbers.") from error


def pack(
    parts: list[Parts], levels: Mapping[str, FieldLevel]
) -> tuple[Tensor, Tensor, Tensor, dict[str, dict[str, Tensor]]]:
    """Put graphs behind each other; return entries, both offsets, and fields by level."""
    names = sorted(parts[0][2]) if parts else []
    for number, (_, _, fields) in enumerate(parts):
        if set(fields) != set(names):
            odd = sorted(set(fields) ^ set(names))
            raise InputError(
                f"Graph {number} and graph 0 differ in the fields {', '.join(odd)}; all graphs of "
                "a collection have the same."
            )
    nodes = torch.tensor([0, *(n for _, n, _ in parts)])
    edges = torch.tensor([0, *(index.shape[1] for index, _, _ in parts)])
    kind = narrowest(max((n for _, n, _ in parts), default=0))
    for number, (found, n, _) in enumerate(parts):  # before ids wrap around
        if found.dim() != 2 or found.shape[0] != 2:
            raise InputError(
                f"edge_index of graph {number} has shape {tuple(found.shape)}, expected (2, m)."
            )
        if found.numel() and (int(found.min()) < 0 or int(found.max()) >= n):
            wrong = int(found.min()) if int(found.min()) < 0 else int(found.max())
            raise InputError(
                f"edge_index of graph {number} holds node {wrong}, but the graph has {n} nodes."
            )
    indices = [index.to(kind) for index, _, _ in parts]
    index = torch.cat(indices, 1) if parts else torch.zeros((2, 0), dtype=torch.int64)
    packed: dict[str, dict[str, Tensor]] = {"node": {}, "edge": {}, "graph": {}}
    for name in names:
        columns = [fields[name] for _, _, fields in parts]
        level = levels.get(name) or _level(name, columns, nodes[1:], edges[1:])
        packed[level][name] = _joined(name, columns, of_graphs=level == "graph")
    device = index.device
    return index, nodes.cumsum(0).to(device), edges.cumsum(0).to(device), packed


def _level(name: str, columns: list[Tensor], nodes: Tensor, edges: Tensor) -> FieldLevel:
    """Return the level that the numbers of rows, and if several fit the name, speak for."""
    rows = torch.tensor([c.shape[0] if c.dim() else -1 for c in columns])
    fits: list[FieldLevel] = []
    if torch.equal(rows, nodes):
        fits.append("node")
    if torch.equal(rows, edges):
        fits.append("edge")
    if bool((rows.abs() == 1).all()):
        fits.append("graph")
    by_name: FieldLevel = "graph"
    if name.startswith(_OF_NODES):
        by_name = "node"
    elif name.startswith("edge_"):
        by_name = "edge"
    if not fits and len({tuple(c.shape) for c in columns}) == 1 and by_name == "graph":
        return "graph"  # a vector for each graph, as OGB's labels
    if not fits:
        raise InputError(
            f"{name} has {rows[0]} rows in a graph of {nodes[0]} nodes and {edges[0]} entries: it "
            "belongs neither to nodes nor to entries nor to the graph."
        )
    if by_name in fits:
        return by_name
    return fits[0]


def _joined(name: str, columns: list[Tensor], *, of_graphs: bool) -> Tensor:
    if of_graphs:  # a number, one row, or a vector each
        columns = [
            c.reshape(1, -1) if c.dim() and c.numel() != 1 else c.reshape(1) for c in columns
        ]
    try:
        return torch.cat(columns)
    except (RuntimeError, TypeError) as error:
        shapes = sorted({tuple(c.shape[1:]) for c in columns})
        raise InputError(f"{name} differs in shape between graphs: rows of {shapes}.") from error


def pyg_data(graph: GraphBatch, levels: Mapping[str, FieldLevel]) -> Any:  # noqa: ANN401
    """Return one graph as ``torch_geometric.data.Data``, made by the one place that imports it."""
    empty = graph.edge_index[:, :0]
    pointers = torch.zeros(graph.num_nodes + 1, dtype=torch.int64, device=graph.device)
    data = Graph.from_sorted(empty, pointers).to_pyg()
    data.edge_index = graph.edge_index
    for name in levels:
        setattr(data, name, getattr(graph, name))
    return data
