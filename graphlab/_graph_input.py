"""Readers of the accepted descriptions of a graph; each ends in one validated ``EdgeList``."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from graphlab.errors import InputError, ResourceError

__all__ = [
    "EdgeList",
    "check_count",
    "check_rows",
    "check_square",
    "read_edges",
    "read_weight",
]

_SIGNED = (torch.int64, torch.int32, torch.int16, torch.int8)
_UNSIGNED = (torch.uint64, torch.uint32, torch.uint16, torch.uint8)
_INTEGER = (*_SIGNED, *_UNSIGNED)
_MAX_NODES = 2**31 - 1  # compiled kernels keep ids in 32 bits
_BYTES_A_NODE = 16  # row pointers, and the counts they are summed from
_Parts = tuple["EdgeList", Tensor | None, Tensor | None]


@dataclass(frozen=True)
class EdgeList:
    """Validated entries of a graph, not yet sorted.

    Shapes:
        - ``index``: (2, m) int64, ids in 0..num_nodes-1; ``weight``: (m,) float or None
    """

    index: Tensor
    num_nodes: int
    weight: Tensor | None
    borrowed: bool  # the tensors may belong to the caller


def read_edges(graph: Any, num_nodes: int | None, edge_weight: Any) -> _Parts:  # noqa: ANN401
    """Read any accepted description; see :func:`graphlab.graph.as_graph`."""
    module = type(graph).__module__.partition(".")[0]
    if module == "scipy":  # first: its dictionary of keys is a mapping too
        return _from_scipy(graph, num_nodes, edge_weight)
    if isinstance(graph, Mapping):
        return _from_mapping(graph, num_nodes, edge_weight)
    if isinstance(graph, Tensor) and graph.layout != torch.strided:
        return _from_torch_sparse(graph, num_nodes, edge_weight)
    if hasattr(graph, "edge_index"):
        return _from_data(graph, num_nodes, edge_weight)
    if module == "networkx" or hasattr(graph, "is_multigraph"):
        return _from_networkx(graph, num_nodes, edge_weight)
    return _from_array(graph, num_nodes, edge_weight)


def read_weight(value: Any, num_edges: int) -> Tensor:  # noqa: ANN401
    """Validate edge weights: floating, one an entry, finite, not negative."""
    weight = _tensor("edge_weight", value)
    if weight.dim() == 2 and weight.shape[1] == 1:
        weight = weight[:, 0]
    if weight.dim() != 1 or weight.shape[0] != num_edges:
        raise InputError(
            f"edge_weight has shape {tuple(weight.shape)}, expected ({num_edges},): "
            "one weight for each column of edge_index."
        )
    if weight.is_complex():
        raise InputError(f"edge_weight has type {weight.dtype}, expected real numbers.")
    if not weight.is_floating_point():
        weight = weight.to(torch.get_default_dtype())
    detached = weight.detach()
    if not bool(torch.isfinite(detached).all()):
        at = int((~torch.isfinite(detached)).nonzero()[0])
        raise InputError(
            f"edge_weight holds {float(detached[at])} at position {at}; weights must be finite."
        )
    if bool((detached < 0).any()):
        at = int((detached < 0).nonzero()[0])
        raise InputError(
            f"edge_weight holds {float(detached[at]):g} at position {at}; weights must be >= 0."
        )
    return weight


def check_rows(name: str, value: Tensor | None, num_nodes: int) -> Tensor | None:
    """Return features or labels that have one row a node, or None; InputError otherwise."""
    if value is None:
        return None
    if value.dim() == 0 or value.shape[0] != num_nodes:
        raise InputError(
            f"{name} has shape {tuple(value.shape)}, but the graph has {num_nodes} nodes: "
            f"{name} needs one row a node."
        )
    return value


def _edge_list(
    index: Tensor,
    num_nodes: int | None,
    edge_weight: Any,  # noqa: ANN401
    *,
    name: str = "edge_index",
) -> EdgeList:
    """Validate an edge list: shape, type and range of ids."""
    if index.dim() != 2 or index.shape[0] != 2:
        raise InputError(
            f"{name} has shape {tuple(index.shape)}, expected (2, m): row 0 sources, row 1 targets."
        )
    if index.numel() == 0:
        index = index.to(torch.int64)
    if index.dtype not in _INTEGER:
        raise InputError(f"{name} has type {index.dtype}, expected integers (torch.int64).")
    index = index.to(torch.int64)
    low, high = (int(v) for v in index.aminmax()) if index.numel() else (0, -1)
    if num_nodes is None:
        num_nodes = high + 1
    num_nodes = check_count(num_nodes)
    if low < 0 or high >= num_nodes:
        wrong = low if low < 0 else high
        raise InputError(
            f"{name} holds node {wrong}, but num_nodes is {num_nodes} "
            f"(ids must be 0..{num_nodes - 1})."
        )
    weight = None if edge_weight is None else read_weight(edge_weight, index.shape[1])
    return EdgeList(index, num_nodes, weight, borrowed=True)


def check_count(num_nodes: Any) -> int:  # noqa: ANN401
    """Validate the number of nodes; an array or tensor of one number is taken too."""
    try:
        value = num_nodes.item() if hasattr(num_nodes, "item") else num_nodes
    except (ValueError, RuntimeError):
        value = None
    whole = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not whole or int(value) != value or value < 0:
        raise InputError(f"num_nodes is {num_nodes!r}, expected an integer >= 0.")
    if value > _MAX_NODES:
        raise InputError(f"num_nodes is {value}; at most {_MAX_NODES} are supported.")
    needed, there = _BYTES_A_NODE * int(value), _physical_bytes()
    if there is not None and needed > there:
        raise ResourceError(
            f"num_nodes is {value}: the row pointers alone need {needed} bytes, the machine has "
            f"{there} bytes. Number the nodes without gaps."
        )
    return int(value)


def _physical_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def _from_array(graph: Any, num_nodes: int | None, edge_weight: Any) -> _Parts:  # noqa: ANN401
    """Read an ``edge_index`` or a dense square matrix: tensor, numpy array or nested list."""
    try:
        array = graph if isinstance(graph, Tensor) else torch.as_tensor(graph)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"graph is a {type(graph).__name__}, which is not a graph. Give a Graph, an edge_index "
            "(2, m), a PyG Data, a networkx graph, a scipy or torch (n, n) matrix."
        ) from error
    square = array.dim() == 2 and array.shape[0] == array.shape[1]
    pair = array.dim() == 2 and array.shape[0] == 2
    integer = array.dtype in _INTEGER
    if square and not (pair and integer):
        return _from_dense(array, num_nodes, edge_weight), None, None
    return _edge_list(array, num_nodes, edge_weight), None, None


def _from_dense(matrix: Tensor, num_nodes: int | None, edge_weight: Any) -> EdgeList:  # noqa: ANN401
    check_square(matrix.shape, num_nodes)
    _no_weight(edge_weight)
    index = matrix.nonzero().t()
    return _matrix_entries(index, matrix[index[0], index[1]], matrix.shape[0])


def _from_torch_sparse(graph: Tensor, num_nodes: int | None, edge_weight: Any) -> _Parts:  # noqa: ANN401
    check_square(graph.shape, num_nodes)
    _no_weight(edge_weight)
    coo = graph if graph.layout == torch.sparse_coo else graph.to_sparse(layout=torch.sparse_coo)
    return _matrix_entries(coo._indices(), coo._values(), graph.shape[0]), None, None


def _from_scipy(graph: Any, num_nodes: int | None, edge_weight: Any) -> _Parts:  # noqa: ANN401
    check_square(graph.shape, num_nodes)
    _no_weight(edge_weight)
    coo = graph.tocoo()
    index = torch.stack([torch.as_tensor(a).to(torch.int64) for a in coo.coords])
    return _matrix_entries(index, torch.as_tensor(coo.data.copy()), graph.shape[0]), None, None


def _matrix_entries(index: Tensor, values: Tensor, num_nodes: int) -> EdgeList:
    """Entries of a matrix; a matrix of ones (or truth values) is an unweighted graph."""
    plain = bool((values == 1).all())
    return _edge_list(index, num_nodes, None if plain else values, name="the matrix")


def _from_networkx(graph: Any, num_nodes: int | None, edge_weight: Any) -> _Parts:  # noqa: ANN401
    """Read a networkx graph; nodes are numbered in the order of ``graph.nodes``."""
    _no_weight(edge_weight)
    number = {node: i for i, node in enumerate(graph.nodes)}
    if num_nodes is not None and num_nodes != len(number):
        raise InputError(f"The networkx graph has {len(number)} nodes, expected {num_nodes}.")
    both = not graph.is_directed()
    pairs: list[tuple[int, int]] = []
    weights: list[float] = []
    weighted = False
    for a, b, data in graph.edges(data=True):
        weighted = weighted or "weight" in data
        u, v, weight = number[a], number[b], data.get("weight", 1.0)
        if not isinstance(weight, Real):
            raise InputError(f"edge {(a, b)!r} has the weight {weight!r}, expected a number.")
        pairs.append((u, v))
        weights.append(float(weight))
        if both and u != v:
            pairs.append((v, u))
            weights.append(float(weight))
    index = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).t()
    weight_or_none = torch.tensor(weights) if weighted else None
    return _edge_list(index, len(number), weight_or_none), None, None


def _from_data(data: Any, num_nodes: int | None, edge_weight: Any) -> _Parts:  # noqa: ANN401
    """Read an object with ``.edge_index``, by attribute: PyG's ``Data`` and its like."""
    x, y = (_optional(name, getattr(data, name, None)) for name in ("x", "y"))
    if num_nodes is None:
        rows = x.shape[0] if x is not None and x.dim() else None
        num_nodes = getattr(data, "num_nodes", None) if rows is None else rows
    if edge_weight is None:
        edge_weight = getattr(data, "edge_weight", None)
    edges = _edge_list(_tensor("edge_index", data.edge_index), num_nodes, edge_weight)
    return edges, x, _one_label_a_node(y, edges.num_nodes)


def _from_mapping(graph: Mapping[str, Any], num_nodes: int | None, edge_weight: Any) -> _Parts:  # noqa: ANN401
    """Read an OGB dictionary, or the same with PyG's keys."""
    if "edge_index" not in graph:
        raise InputError(
            f"graph is a dictionary with keys {sorted(map(str, graph))}; it needs 'edge_index' "
            "and 'num_nodes'."
        )
    x = _optional("x", graph.get("node_feat", graph.get("x")))
    y = _optional("y", graph.get("y", graph.get("node_label")))
    if num_nodes is None:
        num_nodes = graph.get("num_nodes")
    if num_nodes is None and x is not None:
        num_nodes = x.shape[0]
    if edge_weight is None:
        edge_weight = graph.get("edge_weight")
    edges = _edge_list(_tensor("edge_index", graph["edge_index"]), num_nodes, edge_weight)
    return edges, x, _one_label_a_node(y, edges.num_nodes)


def _one_label_a_node(y: Tensor | None, num_nodes: int) -> Tensor | None:
    """Graph-level labels (one row for the whole graph) are not node labels."""
    if y is None or y.dim() == 0 or y.shape[0] != num_nodes:
        return None
    return y[:, 0] if y.dim() == 2 and y.shape[1] == 1 else y


def _tensor(name: str, value: Any) -> Tensor:  # noqa: ANN401
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        kind = getattr(value, "dtype", None)
        what = f"is {value!r:.60}" if kind is None else f"has type {kind}"
        raise InputError(f"{name} {what}, expected numbers: a tensor or an array.") from error


def _optional(name: str, value: Any) -> Tensor | None:  # noqa: ANN401
    return None if value is None else _tensor(name, value)


def check_square(shape: Any, num_nodes: int | None) -> None:  # noqa: ANN401
    """Raise InputError unless a shape is (n, n), with the expected n if there is one."""
    if len(shape) != 2 or shape[0] != shape[1]:
        raise InputError(f"The matrix has shape {tuple(shape)}, expected (n, n).")
    if num_nodes is not None and num_nodes != shape[0]:
        raise InputError(f"The matrix has {shape[0]} rows, but {num_nodes} nodes were expected.")


def _no_weight(edge_weight: Any) -> None:  # noqa: ANN401
    if edge_weight is not None:
        raise InputError(
            "edge_weight was given beside a matrix or networkx graph, which holds its own weights; "
            "leave it out."
        )
