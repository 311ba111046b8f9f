"""Readers of the accepted descriptions of a graph; each ends in ``Entries`` of valid ids.

They differ from those of ``as_graph``: weights are looked at but not needed, and whether the
input tells directions apart (a matrix, a directed networkx graph) matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from graphlab._graph_input import check_count, check_square
from graphlab.errors import InputError, UnsupportedGraph
from graphlab.graph import Graph
from graphlab.graphlets._clean import Entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["read_entries"]

_EXPECTED = {
    "graph": "a networkx graph, an edge_index (2, m), a scipy, numpy or torch (n, n) matrix, a PyG "
    "Data, an OGB dictionary or a graphlab Graph",
    "edge_index": "integers (2, m); (2, 0) for a graph without edges",
    "edge_weight": "numbers (m,)",
}


def read_entries(
    graph: Any,  # noqa: ANN401  (accepting anything is the point)
    num_nodes: int | None = None,
    nodelist: Sequence[Any] | None = None,
    to_undirected: bool = False,
) -> Entries | Graph:
    """Read any accepted description; a graph that is simple already is returned as it is."""
    module = type(graph).__module__.partition(".")[0]
    if module == "networkx" or hasattr(graph, "is_multigraph"):
        return _from_networkx(graph, num_nodes, nodelist, to_undirected)
    if nodelist is not None:
        raise InputError(
            f"nodelist was given, but graph is a {type(graph).__name__}: only the nodes of a "
            "networkx graph have labels. Leave it out."
        )
    read: Callable[[Any, int | None], Entries | Graph] = _from_array
    if isinstance(graph, Graph):
        read = _from_graph
    elif module == "scipy":  # before mappings: its dictionary of keys is one
        read = _from_scipy
    elif isinstance(graph, Mapping):
        read = _from_mapping
    elif isinstance(graph, Tensor) and graph.layout != torch.strided:
        read = _from_torch_sparse
    elif hasattr(graph, "edge_index"):
        read = _from_data
    return read(graph, num_nodes)


def _from_graph(graph: Graph, num_nodes: int | None) -> Entries | Graph:
    if num_nodes is not None and num_nodes != graph.num_nodes:
        raise InputError(f"graph has {graph.num_nodes} nodes, but num_nodes is {num_nodes}.")
    if graph._simple:
        return graph.to("cpu")
    return _edge_list(graph.edge_index, graph.num_nodes, graph.edge_weight)


def _from_networkx(
    graph: Any,  # noqa: ANN401
    num_nodes: int | None,
    nodelist: Sequence[Any] | None,
    to_undirected: bool,
) -> Entries:
    if graph.is_directed() and not to_undirected:
        raise InputError(
            f"graph is directed, a networkx {type(graph).__name__}. Orbits are counted in "
            "undirected graphs; to_undirected=True takes every edge both ways."
        )
    labels = list(graph.nodes) if nodelist is None else _checked_labels(graph, nodelist)
    if num_nodes is not None and num_nodes != len(labels):
        raise InputError(f"graph has {len(labels)} nodes, but num_nodes is {num_nodes}.")
    number = {label: i for i, label in enumerate(labels)}
    edges = list(graph.edges(data="weight"))
    source, target = (
        np.fromiter((number[edge[side]] for edge in edges), np.int64, len(edges)) for side in (0, 1)
    )
    weighted = any(edge[2] is not None for edge in edges)
    weight = np.array([_number(edge) for edge in edges]) if weighted else None
    return Entries(source, target, len(labels), weight)


def _checked_labels(graph: Any, nodelist: Sequence[Any]) -> list[Any]:  # noqa: ANN401
    labels, seen = list(nodelist), set()
    for label in labels:
        if label not in graph:
            raise InputError(f"nodelist holds {label!r}, which is no node of the graph.")
        if label in seen:
            raise InputError(f"nodelist holds {label!r} more than once; give every node once.")
        seen.add(label)
    for label in graph.nodes:
        if label not in seen:
            raise InputError(f"nodelist lacks {label!r}; give every node of the graph once.")
    return labels


def _number(edge: tuple[Any, Any, Any]) -> float:
    a, b, weight = edge
    if weight is None:
        return 1.0
    if not isinstance(weight, Real):
        raise InputError(f"edge {(a, b)!r} has the weight {weight!r}, expected a number.")
    return float(weight)


def _from_scipy(graph: Any, num_nodes: int | None) -> Entries:  # noqa: ANN401
    check_square(graph.shape, num_nodes)
    coo = graph.tocoo()
    source, target = coo.coords
    return _matrix(source, target, coo.data, graph.shape[0])


def _from_torch_sparse(graph: Tensor, num_nodes: int | None) -> Entries:
    check_square(graph.shape, num_nodes)
    coo = graph.detach().cpu()
    if coo.layout != torch.sparse_coo:
        coo = coo.to_sparse(layout=torch.sparse_coo)
    source, target = _array("graph", coo._indices())
    return _matrix(source, target, _array("graph", coo._values()), graph.shape[0])


def _from_array(graph: Any, num_nodes: int | None) -> Entries:  # noqa: ANN401
    """Read an edge list (2, m) or (m, 2), or a dense matrix: tensor, numpy array, nested list."""
    array = _array("graph", graph)
    if array.ndim != 2:
        raise InputError(
            f"graph has shape {array.shape}, expected two dimensions: an edge_index (2, m) or an "
            "adjacency matrix (n, n)."
        )
    rows, columns = array.shape
    if rows == columns and not (rows == 2 and array.dtype.kind in "iu"):
        check_square(array.shape, num_nodes)
        source, target = array.nonzero()
        return _matrix(source, target, array[source, target], rows)
    if rows != 2 and columns != 2:
        raise InputError(
            f"graph has shape {array.shape}: neither an edge_index (2, m), nor edges (m, 2), nor a "
            "square adjacency matrix (n, n)."
        )
    return _edge_list(array if rows == 2 else array.T, num_nodes)


def _from_data(data: Any, num_nodes: int | None) -> Entries:  # noqa: ANN401
    """Read an object with ``.edge_index``, by attribute: PyG's ``Data`` and its like."""
    if num_nodes is None:
        num_nodes = _rows(getattr(data, "x", None))
    if num_nodes is None:
        num_nodes = getattr(data, "num_nodes", None)
    return _edge_list(data.edge_index, num_nodes, getattr(data, "edge_weight", None))


def _from_mapping(graph: Mapping[str, Any], num_nodes: int | None) -> Entries:
    """Read an OGB dictionary, or the same with PyG's keys."""
    if "edge_index" not in graph:
        raise UnsupportedGraph(
            f"graph is a dictionary with the keys {sorted(map(str, graph))}; it needs "
            "'edge_index' and 'num_nodes'."
        )
    if num_nodes is None:
        num_nodes = graph.get("num_nodes")
    if num_nodes is None:
        num_nodes = _rows(graph.get("node_feat", graph.get("x")))
    return _edge_list(graph["edge_index"], num_nodes, graph.get("edge_weight"))


def _rows(x: Any) -> int | None:  # noqa: ANN401
    return int(x.shape[0]) if getattr(x, "shape", ()) else None


def _matrix(
    source: NDArray[Any], target: NDArray[Any], values: NDArray[Any], num_nodes: int
) -> Entries:
    weight = _real("the matrix", values)
    return Entries(_ids(source), _ids(target), check_count(num_nodes), weight, matrix=True)


def _edge_list(index: Any, num_nodes: int | None, edge_weight: Any = None) -> Entries:  # noqa: ANN401
    array = _array("edge_index", index)
    if array.ndim != 2 or array.shape[0] != 2:
        raise InputError(
            f"edge_index has shape {array.shape}, expected (2, m): row 0 sources, row 1 targets."
        )
    if not array.size:
        array = array.astype(np.int64)
    if array.dtype.kind == "f":
        _refuse_fractions(array)
    elif array.dtype.kind not in "iu":
        raise InputError(f"edge_index has type {array.dtype}, expected integers (int64).")
    low, high = (int(array.min()), int(array.max())) if array.size else (0, -1)
    n = check_count(high + 1 if num_nodes is None else num_nodes)
    if low < 0 or high >= n:
        raise InputError(
            f"edge_index holds node {low if low < 0 else high}, but num_nodes is {n} "
            f"(ids must be 0..{n - 1})."
        )
    weight = None
    if edge_weight is not None:
        weight = _real("edge_weight", _array("edge_weight", edge_weight))
        if weight.shape not in ((array.shape[1],), (array.shape[1], 1)):
            raise InputError(
                f"edge_weight has shape {weight.shape}, expected ({array.shape[1]},): one weight "
                "for each column of edge_index."
            )
    return Entries(_ids(array[0]), _ids(array[1]), n, None if weight is None else weight.ravel())


def _refuse_fractions(array: NDArray[Any]) -> None:
    whole = np.isfinite(array) & (np.floor(array) == array)
    if not whole.all():
        wrong = float(array[~whole][0])
        raise InputError(f"edge_index holds {wrong}, expected whole numbers (int64).")


def _ids(array: NDArray[Any]) -> NDArray[np.int64]:
    """Return ids as the kernels take them; a new array unless it is one already."""
    ids: NDArray[np.int64] = np.ascontiguousarray(array, np.int64)
    return ids if ids.flags.writeable or not ids.size else np.asarray(_Alias(ids))


class _Alias:
    """The memory of an array that must not be written to, under the type of those that may be.

    For kernels the two are different types: they would be compiled again. None writes to ids.
    """

    def __init__(self, array: NDArray[np.int64]) -> None:
        self._array = array  # keeps the memory
        self.__array_interface__ = {
            **array.__array_interface__,
            "data": (array.ctypes.data, False),
        }


def _real(name: str, values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "biuf":
        raise InputError(f"{name} has values of type {values.dtype}, expected real numbers.")
    return values


def _array(name: str, value: Any) -> NDArray[Any]:  # noqa: ANN401
    """Return the numbers of a tensor, an array or nested lists; not a copy where there is one."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        array: NDArray[Any] = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
        return array
    if not isinstance(value, np.ndarray | list | tuple):
        kind = "None" if value is None else f"a {type(value).__name__}"
        raise UnsupportedGraph(f"{name} is {kind}, expected {_EXPECTED[name]}.")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{name} is {value!r:.60}, whose rows differ in length.") from error
    if array.dtype.kind not in "biufc":
        raise UnsupportedGraph(f"{name} holds {array.dtype} values, expected numbers.")
    return array
