"""The one entrance for graphs: any accepted input becomes a validated, sorted CSR ``Graph``."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from graphlab._graph_input import EdgeList, check_rows, read_edges, read_weight
from graphlab.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse

__all__ = ["Graph", "as_graph"]

T = TypeVar("T")


class Graph:
    r"""A graph with :math:`n` nodes and :math:`m` stored directed entries, in sorted CSR form.

    Immutable: methods return new graphs, and what is derived once is kept (see :meth:`cached`).
    Entries are sorted by (source, target); equal entries keep their order in the input, so
    multiplicity and direction survive. Messages flow from source to target.

    Build it with :func:`as_graph`.

    Args:
        edges: Validated entries, see :func:`as_graph`.
        x: Node features (n, F), dense or torch sparse CSR.
        y: Node labels (n,) or targets (n, T).

    Shapes:
        - ``edge_index``: (2, m) int64; row 0 source, row 1 target
        - ``indptr``: (n + 1,) int64; ``indices``: (m,) int64
        - ``edge_weight``: (m,) float, or None
        - ``perm``: (m,) int64; position of each stored entry in the input

    Example:
        >>> graph = as_graph(torch.tensor([[2, 0], [0, 1]]), num_nodes=4)
        >>> graph
        Graph(num_nodes=4, num_edges=2)
        >>> graph.edge_index.tolist()
        [[0, 2], [1, 0]]
    """

    def __init__(
        self, edges: EdgeList, *, x: Tensor | None = None, y: Tensor | None = None
    ) -> None:
        n = edges.num_nodes
        index, weight, perm = edges.index, edges.weight, None
        key = index[0] * max(n, 1) + index[1]
        if key.numel() > 1 and bool((key[1:] < key[:-1]).any()):
            perm = torch.argsort(key, stable=True)
            index = index[:, perm]
            weight = weight[perm] if weight is not None else None
        elif edges.borrowed:
            # the input stays the caller's: a later change in place must not reach this graph
            index = index.clone()
            weight = weight.clone() if weight is not None else None
        self._index: Tensor | None = index.contiguous()  # None: made of the rows on first use
        self._weight, self._perm = weight, perm
        self._indptr = torch.zeros(n + 1, dtype=torch.int64, device=index.device)
        torch.cumsum(torch.bincount(index[0], minlength=n), 0, out=self._indptr[1:])
        self._columns, self._simple = self._index[1], False
        self._num_nodes = n
        self._features, self._y = check_rows("x", x, n), check_rows("y", y, n)
        self._cache: dict[str, Any] = {}

    @classmethod
    def from_sorted(
        cls,
        index: Tensor,
        indptr: Tensor,
        *,
        weight: Tensor | None = None,
        perm: Tensor | None = None,
        x: Tensor | None = None,
        y: Tensor | None = None,
    ) -> Graph:
        """Build from entries that are sorted and in range already; nothing is checked or copied.

        For code that made the parts itself: ``index`` (2, m) int64, sorted by (source, target),
        and its row pointers ``indptr`` (n + 1,) int64; the rest are a graph's attributes, ``perm``
        None keeps the order. Everything else goes through :func:`as_graph`.
        """
        graph = object.__new__(cls)
        graph._index, graph._indptr, graph._weight, graph._perm = index, indptr, weight, perm
        graph._columns, graph._simple = index[1], False
        graph._num_nodes, graph._features, graph._y = indptr.shape[0] - 1, x, y
        graph._cache = {}
        return graph

    @classmethod
    def from_simple_rows(
        cls, indptr: Tensor, columns: Tensor, *, x: Tensor | None = None, y: Tensor | None = None
    ) -> Graph:
        """Build a graph that is known to be simple (see :meth:`simple`); nothing is checked.

        For code that made the rows itself. ``edge_index`` is made on first use.

        Args:
            indptr: Row pointers (n + 1,) int64.
            columns: Targets (m,) int64 or int32, ascending in each row.
            x: Node features.
            y: Node labels.

        Cost: O(1).
        """
        graph = object.__new__(cls)
        graph._index, graph._indptr, graph._weight, graph._perm = None, indptr, None, None
        graph._columns, graph._simple = columns, True
        graph._num_nodes, graph._features, graph._y = indptr.shape[0] - 1, x, y
        graph._cache = {}
        return graph

    @property
    def num_nodes(self) -> int:
        """Number of nodes, isolated ones included."""
        return self._num_nodes

    @property
    def num_edges(self) -> int:
        """Number of stored directed entries; an undirected edge counts twice."""
        return self._columns.shape[0]

    @property
    def edge_index(self) -> Tensor:
        """Entries as (2, m) int64, sorted by (source, target). Do not change in place."""
        if self._index is None:
            row = torch.arange(self._num_nodes, device=self.device)
            row = row.repeat_interleave(self.degree(), output_size=self.num_edges)
            self._index = torch.stack([row, self._columns.to(torch.int64)])
        return self._index

    @property
    def edge_weight(self) -> Tensor | None:
        """Weights (m,) in the order of :attr:`edge_index`, or None."""
        return self._weight

    @property
    def indptr(self) -> Tensor:
        """CSR row pointers over sources, (n + 1,) int64."""
        return self._indptr

    @property
    def indices(self) -> Tensor:
        """CSR columns (targets), (m,) int64."""
        return self._columns if self._columns.dtype == torch.int64 else self.edge_index[1]

    @property
    def columns(self) -> Tensor:
        """The same as they are stored, int64 or int32."""
        return self._columns

    @property
    def perm(self) -> Tensor:
        """Position in the input of each stored entry, (m,) int64."""
        if self._perm is None:
            self._perm = torch.arange(self.num_edges, device=self.device)
        return self._perm

    @property
    def features(self) -> Tensor | None:
        """Node features as stored: dense, torch sparse CSR, or None."""
        return self._features

    @property
    def x(self) -> Tensor | None:
        """Node features as a dense (n, F) tensor; made from sparse features on first use."""
        if self._features is None or self._features.layout == torch.strided:
            return self._features
        return self.cached("dense_x", self._features.to_dense)

    @property
    def y(self) -> Tensor | None:
        """Labels (n,) or targets (n, T), or None."""
        return self._y

    @property
    def device(self) -> torch.device:
        """Device of the structure."""
        return self._indptr.device

    def cached(self, key: str, build: Callable[[], T]) -> T:
        """Return ``build()``, computed once per graph and key.

        Graphs never change, so what is derived from one never goes stale.
        """
        if key not in self._cache:
            grad = torch.is_grad_enabled()
            with torch.inference_mode(False), torch.set_grad_enabled(grad):  # to serve training too
                self._cache[key] = build()
        value: T = self._cache[key]
        return value

    def degree(self) -> Tensor:
        """Stored entries per source node, (n,) int64."""
        return self._indptr[1:] - self._indptr[:-1]

    def has_self_loops(self) -> bool:
        """Whether any entry joins a node with itself."""
        if self._simple:
            return False
        row, col = self.edge_index
        return self.cached("loops", lambda: bool((row == col).any()))

    def is_undirected(self) -> bool:
        """Whether the entries, with multiplicity and weights, are symmetric. Cost O(m log m)."""

        def symmetric() -> bool:
            other = self.reverse()
            if not torch.equal(self.edge_index, other.edge_index):
                return False
            if self._weight is None or other._weight is None:
                return True
            return torch.equal(self._weight, other._weight)

        return self._simple or self.cached("undirected", symmetric)

    def reverse(self) -> Graph:
        """Return the graph with every entry turned around (the transposed matrix)."""

        def build() -> Graph:
            edges = EdgeList(self.edge_index.flip(0), self._num_nodes, self._weight, borrowed=False)
            return Graph(edges, x=self._features, y=self._y)

        return self.cached("reverse", build)

    def simple(self) -> Graph:
        """Return the simple graph: undirected, each edge once a direction, no loops, no weights.

        Cost: O(m log m) once; later calls return the same object.
        """

        def build() -> Graph:
            row, col = self.edge_index
            keep = row != col
            row, col = row[keep], col[keep]
            n = max(self._num_nodes, 1)
            key = torch.unique(torch.cat([row * n + col, col * n + row]))
            index = torch.stack([key // n, key % n])
            edges = EdgeList(index, self._num_nodes, None, borrowed=False)
            graph = Graph(edges, x=self._features, y=self._y)
            graph._simple = True
            return graph

        return self if self._simple else self.cached("simple", build)

    def with_features(self, x: Tensor | None) -> Graph:
        """Return a graph of the same structure with other node features."""
        return self._copy(x=x, y=self._y)

    def with_labels(self, y: Tensor | None) -> Graph:
        """Return a graph of the same structure with other labels."""
        return self._copy(x=self._features, y=y)

    def to(self, device: str | torch.device) -> Graph:
        """Return the graph on another device (the same object if it is there already)."""
        device = torch.device(device)
        if self.device == device and (self._features is None or self._features.device == device):
            return self
        moved = self._copy(
            x=None if self._features is None else self._features.to(device),
            y=None if self._y is None else self._y.to(device),
        )
        for name in ("_columns", "_index", "_indptr", "_weight", "_perm"):
            value = getattr(self, name)
            setattr(moved, name, None if value is None else value.to(device))
        if moved._index is not None:
            moved._columns = moved._index[1]
        return moved

    def to_scipy(self) -> scipy.sparse.csr_array:
        """Return the (n, n) matrix as a scipy CSR array of its own; equal entries stay separate."""
        import numpy as np
        import scipy.sparse

        weight = self._weight
        data = np.ones(self.num_edges, np.float32)
        if weight is not None:
            data = weight.detach().cpu().numpy()
        parts = (data, self.indices.cpu().numpy(), self._indptr.cpu().numpy())
        return scipy.sparse.csr_array(parts, shape=(self._num_nodes, self._num_nodes), copy=True)

    def to_pyg(self) -> Any:  # noqa: ANN401  (torch_geometric is not imported for its type)
        """Return a ``torch_geometric.data.Data`` with the same tensors."""
        from torch_geometric.data import Data

        data = Data(x=self.x, edge_index=self.edge_index, y=self._y)
        data.num_nodes = self._num_nodes
        if self._weight is not None:
            data.edge_weight = self._weight
        return data

    def _copy(self, *, x: Tensor | None, y: Tensor | None) -> Graph:
        other = object.__new__(Graph)
        other.__dict__.update(self.__dict__)
        other._features = check_rows("x", x, self._num_nodes)
        other._y = check_rows("y", y, self._num_nodes)
        other._cache = {}
        return other

    def __repr__(self) -> str:
        parts = [f"num_nodes={self.num_nodes}", f"num_edges={self.num_edges}"]
        if self._features is not None:
            parts.append(f"x={tuple(self._features.shape)}")
        if self._weight is not None:
            parts.append("weighted")
        return f"Graph({', '.join(parts)})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cache": {}}

    def __deepcopy__(self, memo: dict[int, Any]) -> Graph:
        return self


# id of an edge_index -> (the tensor, its version, its graph): an edge list that is given again,
# unchanged, is not sorted again. Entries leave with their tensor.
_KNOWN: dict[int, tuple[weakref.ref[Tensor], int, Graph]] = {}


def as_graph(
    graph: Any,  # noqa: ANN401  (accepting anything is the point)
    num_nodes: int | None = None,
    *,
    edge_weight: Any = None,  # noqa: ANN401
) -> Graph:
    """Turn any accepted description of a graph into a :class:`Graph`. The input is not changed.

    Accepted: a :class:`Graph`; an ``edge_index`` (2, m) of integers (tensor, numpy array, nested
    list); an object with ``.edge_index`` such as PyG's ``Data``; a networkx graph; a scipy sparse
    matrix or array; a torch sparse or dense square matrix; an OGB dictionary with ``edge_index``
    and ``num_nodes``. An integer array of shape (2, 2) is read as an ``edge_index``.

    Multiplicity, direction and the order of equal entries are kept; :meth:`Graph.simple` gives
    the undirected, loop-free set of edges. A one-direction ``edge_index`` stays so. networkx
    graphs that are undirected give both directions.

    Args:
        graph: The description.
        num_nodes: Number of nodes; needed for isolated nodes behind the largest id of an
            edge list. Default: what the input says, else the largest id plus one.
        edge_weight: Weights (m,) in the order of the input's entries; finite, not negative.

    Raises:
        InputError: Not a graph, ids out of range or not integer, weights of another length,
            negative or not finite; names the argument, the value and the allowed range.
        ResourceError: The number of nodes alone passes the machine's memory.

    Cost: O(m log m), O(m) when the entries are sorted already. A torch ``edge_index`` that is
    given again unchanged (same object and version counter) with ``num_nodes`` costs nothing;
    arrays that carry no version are read anew each time.

    Example:
        >>> as_graph([[0, 1], [1, 2]], num_nodes=5).num_nodes
        5
    """
    if isinstance(graph, Graph):
        return _again(graph, num_nodes, edge_weight)
    tensor = None
    # without num_nodes the graph is built for the largest id alone: neither kept nor looked up;
    # an inference tensor has no version counter, so a change in place would go unseen
    if num_nodes is not None and edge_weight is None and isinstance(graph, Tensor):
        tensor = None if graph.is_inference() else graph
    if tensor is not None:
        known = _KNOWN.get(id(tensor))
        if known is not None and known[0]() is tensor and known[1] == tensor._version:
            found = known[2]
            if num_nodes == found.num_nodes:
                return found
    edges, x, y = read_edges(graph, num_nodes, edge_weight)
    result = Graph(edges, x=x, y=y)
    if tensor is not None:
        key = id(tensor)
        gone = weakref.ref(tensor, lambda _: _KNOWN.pop(key, None))
        _KNOWN[key] = (gone, tensor._version, result)
    return result


def _again(graph: Graph, num_nodes: int | None, edge_weight: Any) -> Graph:  # noqa: ANN401
    """Check a given Graph against ``num_nodes``; attach weights given in its input's order."""
    if num_nodes is not None and num_nodes != graph.num_nodes:
        raise InputError(
            f"graph has {graph.num_nodes} nodes, but {num_nodes} were expected (rows of x)."
        )
    if edge_weight is None:
        return graph
    weight = read_weight(edge_weight, graph.num_edges)
    result = graph.with_features(graph.features)
    result._simple = False
    result._weight = weight[graph.perm] if graph._perm is not None else weight.clone()
    return result
