"""``GraphCollection``: many graphs in one array a field, with offsets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast, overload

import numpy as np
import torch
from torch import Tensor

from graphlab.collection import _files, _input
from graphlab.collection._gather import Backend, Chosen, use_kernels
from graphlab.collection.batch import FieldLevel, GraphBatch
from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from graphlab.graph import Graph

__all__ = ["GraphCollection"]

Indices: TypeAlias = "Tensor | np.ndarray[Any, Any] | Sequence[int] | range"


class GraphCollection:
    """Graphs behind each other: one array and offsets a field, instead of an object a graph.

    ``collection[i]`` is a :class:`GraphBatch` of one graph whose fields are views of the packed
    arrays, ``collection[a:b]`` a collection that shares them, ``collection[indices]`` one with
    copies. Node ids start at 0 in every graph. Immutable: methods return new collections.

    Args:
        edge_index: Entries (2, m) of all graphs, ids local to their graph; int64, or any narrower
            type that holds the ids of one graph: uint8 takes an eighth of the memory, and
            ``edge_index`` of a graph is then a widened copy instead of a view.
        node_ptr: First node of each graph, and the number of nodes at the end; (G + 1,).
        edge_ptr: The same of entries.
        node: Fields with a row for each node: ``x``, ``pe``, labels ``y`` of nodes ...
        edge: Fields with a row for each entry: ``edge_attr``, labels ``y`` of edges ...
        graph: Fields with a row for each graph: labels or targets ``y`` ...
        check: Look through all ids; False where the caller made them.

    Raises:
        InputError: Offsets that do not ascend from 0, ids outside their graph, a field of another
            length or given twice.

    Cost: O(m) for the check; nothing is copied.

    Example:
        >>> pairs = torch.tensor([[0, 1, 0, 1], [1, 0, 1, 2]])
        >>> graphs = GraphCollection(pairs, [0, 2, 5], [0, 2, 4], graph={"y": torch.tensor([0, 1])})
        >>> graphs
        GraphCollection(num_graphs=2, num_nodes=5, num_edges=4, y='graph')
        >>> graphs[1].edge_index.tolist(), graphs[1].y.tolist()
        ([[0, 1], [1, 2]], [1])
        >>> graphs.batch([1, 0]).edge_index.tolist()
        [[0, 1, 3, 4], [1, 2, 4, 3]]
    """

    def __init__(
        self,
        edge_index: Tensor,
        node_ptr: Tensor | Sequence[int],
        edge_ptr: Tensor | Sequence[int],
        *,
        node: Mapping[str, Tensor] | None = None,
        edge: Mapping[str, Tensor] | None = None,
        graph: Mapping[str, Tensor] | None = None,
        check: bool = True,
    ) -> None:
        device = edge_index.device
        self._node_ptr = torch.as_tensor(node_ptr, dtype=torch.int64, device=device).contiguous()
        self._edge_ptr = torch.as_tensor(edge_ptr, dtype=torch.int64, device=device).contiguous()
        self._index = edge_index
        given: dict[FieldLevel, Mapping[str, Tensor]] = {
            "node": node or {},
            "edge": edge or {},
            "graph": graph or {},
        }
        self._levels: dict[str, FieldLevel] = {}
        self._fields: dict[str, Tensor] = {}
        for level, fields in given.items():
            for name, values in fields.items():
                if name in self._levels:
                    raise InputError(
                        f"The field {name!r} is given both for {self._levels[name]} and {level}."
                    )
                self._levels[name], self._fields[name] = level, values
        _input.check_structure(edge_index, self._node_ptr, self._edge_ptr, ids=check)
        rows = {"node": self.num_nodes, "edge": self.num_edges, "graph": len(self)}
        for name, level in self._levels.items():
            _input.check_field(name, self._fields[name], level, rows[level], device)

    # --- making one

    @classmethod
    def from_pyg(
        cls, graphs: Iterable[Any], *, levels: Mapping[str, FieldLevel] | None = None
    ) -> GraphCollection:
        """Pack objects with ``edge_index`` and ``num_nodes``: PyG's ``Data``, our ``Graph`` ...

        Fields are read by attribute, torch_geometric is not imported. A field with one row for
        each node of every graph is a node field, with one for each entry an edge field, else it
        has one row for each graph (a number or a row). Ambiguous ones go by their name: ``x``,
        ``pos``, ``pe`` are of nodes, ``edge_...`` of entries, others of graphs. Ids are kept in
        the narrowest type.

        Args:
            graphs: The objects; all with the same fields.
            levels: Level by name, where the rule above would decide otherwise.

        Raises:
            InputError: Not such objects, fields that differ, or that fit no level.
        """
        return _packed(cls, [_input.parts_of_object(g) for g in graphs], levels)

    @classmethod
    def from_ogb(
        cls, graphs: Iterable[Any], *, levels: Mapping[str, FieldLevel] | None = None
    ) -> GraphCollection:
        """Pack OGB's dictionaries, alone or as pairs (dictionary, labels).

        ``node_feat`` becomes ``x``, ``edge_feat`` ``edge_attr``, the labels ``y`` of graphs.

        Args:
            graphs: Dictionaries with ``edge_index`` and ``num_nodes``, or pairs.
            levels: Level by name where :meth:`from_pyg` would decide otherwise.

        Raises:
            InputError: As :meth:`from_pyg`.
        """
        chosen: dict[str, FieldLevel] = {"y": "graph", **(levels or {})}
        return _packed(cls, [_input.parts_of_mapping(g) for g in graphs], chosen)

    @classmethod
    def load(cls, path: str | Path) -> GraphCollection:
        """Read what :meth:`save` wrote.

        Raises:
            CheckpointError: Not such a file, or damaged.
        """
        parts = _files.load(Path(path))
        node_ptr, edge_ptr = parts.pop("node_ptr"), parts.pop("edge_ptr")
        fields: dict[str, dict[str, Tensor]] = {"node": {}, "edge": {}, "graph": {}}
        index = parts.pop("edge_index")
        for name, values in parts.items():
            level, _, field = name.partition("/")
            fields[level][field] = values
        return cls(index, node_ptr, edge_ptr, **cast("Any", fields))

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` without pickles, by way of a temporary file.

        Raises:
            InputError: A field of a type that numpy does not have.
        """
        fields = {f"{self._levels[name]}/{name}": v for name, v in self._fields.items()}
        structure = {"edge_index": self._index, "node_ptr": self._node_ptr}
        _files.save(Path(path), {**structure, "edge_ptr": self._edge_ptr, **fields})

    # --- what it holds

    def __len__(self) -> int:
        return self._node_ptr.shape[0] - 1

    @property
    def num_graphs(self) -> int:
        """Number of graphs G."""
        return len(self)

    @property
    def num_nodes(self) -> int:
        """Number of nodes of all graphs."""
        return int(self._node_ptr[-1])

    @property
    def num_edges(self) -> int:
        """Number of directed entries of all graphs."""
        return self._index.shape[1]

    @property
    def node_ptr(self) -> Tensor:
        """First node of each graph, and the number of nodes; (G + 1,) int64."""
        return self._node_ptr

    @property
    def edge_ptr(self) -> Tensor:
        """First entry of each graph, and the number of entries; (G + 1,) int64."""
        return self._edge_ptr

    @property
    def edge_index(self) -> Tensor:
        """Entries of all graphs as stored, (2, m) of any integer type; ids local to their graph."""
        return self._index

    @property
    def levels(self) -> dict[str, FieldLevel]:
        """Whether a field is of nodes, edges or graphs, by name."""
        return dict(self._levels)

    @property
    def device(self) -> torch.device:
        """Device of all arrays."""
        return self._index.device

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        arrays = (self._index, self._node_ptr, self._edge_ptr, *self._fields.values())
        return sum(array.numel() * array.element_size() for array in arrays)

    def field(self, name: str) -> Tensor | None:
        """Return the packed rows of a field, or None if there is no such field."""
        return self._fields.get(name)

    @property
    def x(self) -> Tensor | None:
        """Node features of all graphs, or None."""
        return self.field("x")

    @property
    def y(self) -> Tensor | None:
        """Labels or targets of all nodes, entries or graphs, or None."""
        return self.field("y")

    @property
    def edge_attr(self) -> Tensor | None:
        """Features of all entries, or None."""
        return self.field("edge_attr")

    @property
    def pe(self) -> Tensor | None:
        """Positional encodings of all nodes, or None."""
        return self.field("pe")

    # --- parts of it

    @overload
    def __getitem__(self, index: int | np.integer[Any]) -> GraphBatch: ...
    @overload
    def __getitem__(self, index: slice | Indices) -> GraphCollection: ...
    def __getitem__(
        self, index: int | np.integer[Any] | slice | Indices
    ) -> GraphBatch | GraphCollection:
        """Return one graph, or a collection of some."""
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return self._range(start, max(start, stop))
            return self._select(range(start, stop, step))
        if isinstance(index, int | np.integer) or (
            isinstance(index, Tensor | np.ndarray) and index.ndim == 0 and index.dtype != bool
        ):
            return self._one(int(index))
        return self._select(index)

    def __iter__(self) -> Iterator[GraphBatch]:
        return (self._one(number) for number in range(len(self)))

    def _one(self, number: int) -> GraphBatch:
        count = len(self)
        if not -count <= number < count:
            raise IndexError(f"graph {number} was asked for; there are {count}.")
        number %= count
        first, end = self._node_ptr[number : number + 2].tolist()
        bounds = {"node": (first, end), "graph": (number, number + 1)}
        bounds["edge"] = low, high = tuple(self._edge_ptr[number : number + 2].tolist())
        fields = {
            name: values[slice(*bounds[self._levels[name]])]
            for name, values in self._fields.items()
        }
        index = self._index[:, low:high].to(torch.int64)
        ptr, edge_ptr = torch.tensor([[0, end - first], [0, high - low]], device=self.device)
        return GraphBatch(index, ptr, edge_ptr, fields, num_nodes=end - first)

    def _range(self, start: int, stop: int) -> GraphCollection:
        bounds = {"graph": slice(start, stop)}
        node_ptr, edge_ptr = self._node_ptr[start : stop + 1], self._edge_ptr[start : stop + 1]
        bounds["node"] = slice(int(node_ptr[0]), int(node_ptr[-1]))
        bounds["edge"] = slice(int(edge_ptr[0]), int(edge_ptr[-1]))
        fields = {n: v[bounds[self._levels[n]]] for n, v in self._fields.items()}
        index = self._index[:, bounds["edge"]]
        return self._like(index, node_ptr - node_ptr[0], edge_ptr - edge_ptr[0], fields)

    def _select(self, index: Indices) -> GraphCollection:
        chosen = _input.graph_numbers(index, len(self), self.device)
        compiled = use_kernels("auto", self.device)
        nodes = Chosen(self._node_ptr, chosen, compiled=compiled)
        edges = Chosen(self._edge_ptr, chosen, compiled=compiled)
        entries = edges.edges(self._index, nodes, local=True)
        return self._like(entries, nodes.ptr, edges.ptr, self._taken(chosen, nodes, edges))

    def batch(self, indices: Indices, *, backend: Backend = "auto") -> GraphBatch:
        """Return chosen graphs side by side, in the order given; repeats are allowed.

        Args:
            indices: Numbers of graphs (B,), or a bool mask (G,).
            backend: ``"compiled"`` copies each graph's rows in one kernel a field, ``"torch"``
                gathers row by row; ``"auto"`` compiles on the CPU.

        Raises:
            InputError: Numbers out of range or not whole, unknown backend.

        Cost: what is written, once, and no Python work for a graph.
        """
        chosen = _input.graph_numbers(indices, len(self), self.device)
        compiled = use_kernels(backend, self.device)
        nodes = Chosen(self._node_ptr, chosen, compiled=compiled, brief=True)
        edges = Chosen(self._edge_ptr, chosen, compiled=compiled, brief=True)
        fields = self._taken(chosen, nodes, edges)
        fields["batch"] = nodes.groups()
        # last: writing megabytes of entries drives all else out of the nearest caches
        index = edges.edges(self._index, nodes)
        return GraphBatch(index, nodes.ptr, edges.ptr, fields, num_nodes=nodes.total)

    def _taken(self, chosen: Tensor, nodes: Chosen, edges: Chosen) -> dict[str, Tensor]:
        takers = {"node": nodes.take, "edge": edges.take}
        return {
            name: values.index_select(0, chosen)
            if self._levels[name] == "graph"
            else takers[self._levels[name]](values)
            for name, values in self._fields.items()
        }

    # --- changed ones

    def with_field(self, name: str, values: Tensor, level: FieldLevel) -> GraphCollection:
        """Return a collection with one more field, or another one of this name.

        Args:
            name: Its name.
            values: Its rows, for all graphs.
            level: Whose rows they are.

        Raises:
            InputError: Another number of rows, or on another device.
        """
        rows = {"node": self.num_nodes, "edge": self.num_edges, "graph": len(self)}
        _input.check_field(name, values, level, rows[level], self.device)
        other = self._like(self._index, self._node_ptr, self._edge_ptr, self._fields)
        other._fields = {**self._fields, name: values}
        other._levels = {**self._levels, name: level}
        return other

    def narrowed(self) -> GraphCollection:
        """Return the same graphs with ids in the narrowest type that holds them."""
        kind = _input.narrowest(int(self._node_ptr.diff().max()) if len(self) else 0)
        return self._like(self._index.to(kind), self._node_ptr, self._edge_ptr, self._fields)

    def to(self, device: str | torch.device) -> GraphCollection:
        """Return the collection on another device; the same object if it is there already."""
        device = torch.device(device)
        if self.device == device:
            return self
        fields = {name: values.to(device) for name, values in self._fields.items()}
        parts = [a.to(device) for a in (self._index, self._node_ptr, self._edge_ptr)]
        return self._like(parts[0], parts[1], parts[2], fields)

    def to_graphs(self) -> list[Graph]:
        """Return the graphs with features, and labels where these are of nodes."""
        of_nodes = self._levels.get("y") == "node"
        return [g.graph.with_features(g.x).with_labels(g.y if of_nodes else None) for g in self]

    def to_pyg(self) -> list[Any]:
        """Return a list of ``torch_geometric.data.Data`` with views of the same fields."""
        return [_input.pyg_data(graph, self._levels) for graph in self]

    def _like(
        self, index: Tensor, node_ptr: Tensor, edge_ptr: Tensor, fields: dict[str, Tensor]
    ) -> GraphCollection:
        other = object.__new__(type(self))
        other._index, other._node_ptr, other._edge_ptr = index, node_ptr, edge_ptr
        other._fields, other._levels = fields, self._levels
        return other

    def __repr__(self) -> str:
        parts = [f"num_graphs={len(self)}", f"num_nodes={self.num_nodes}"]
        parts.append(f"num_edges={self.num_edges}")
        parts += [f"{name}={level!r}" for name, level in self._levels.items()]
        return f"GraphCollection({', '.join(parts)})"


def _packed(
    cls: type[GraphCollection],
    parts: list[_input.Parts],
    levels: Mapping[str, FieldLevel] | None,
) -> GraphCollection:
    index, node_ptr, edge_ptr, fields = _input.pack(parts, levels or {})
    return cls(index, node_ptr, edge_ptr, **cast("Any", fields))
