"""The normalised adjacency matrix of a graph, computed once and multiplied many times."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph
from graphlab.ops._autograd import eager, first_order
from graphlab.ops.csr import Csr, WeakCache
from graphlab.ops.spmm import Backend, choose_backend, reduce_rows

if TYPE_CHECKING:
    from collections.abc import Callable

V = TypeVar("V")

__all__ = ["SymmetricPropagator", "propagator"]


class SymmetricPropagator:
    r"""Symmetrically normalised adjacency matrix with self-loops [kipf2017]_.

    .. math:: \hat{\mathbf A} = \mathbf D^{-1/2} \tilde{\mathbf A} \mathbf D^{-1/2}, \qquad
        \hat A_{ij} = d_i^{-1/2}\, w_{j \to i}\, d_j^{-1/2}

    A node without a self-loop gets one of weight 1; one that has some keeps the weight of the
    last in the input, and the others are dropped. :math:`d_i` is the weight of all entries into
    i, its self-loop included; equal entries add up; :math:`0^{-1/2}` is taken as 0. For directed
    graphs both factors use in-degrees and the matrix is not symmetric; :attr:`T` is its transpose.

    Args:
        edge_index: Any graph that :func:`graphlab.graph.as_graph` accepts.
        num_nodes: Number of nodes; needed for isolated nodes behind the largest id.
        edge_weight: Weights of the entries, in the order of the input.
        add_self_loops: Add missing self-loops before normalising; without, existing ones are
            entries like any other.
        normalize: Multiply by the degree factors; without, the matrix holds the weights.
        dtype: Type of :attr:`values` and of :meth:`to_dense`. Products take the type of the
            dense factor.

    Shapes:
        - ``edge_index``: (2, m); ``edge_weight``: (m,)
        - ``propagator @ z``: (n, C) or (n,) to the same, differentiable once in ``z``

    Raises:
        InputError: As ``as_graph``; or ``edge_weight`` requires a gradient, which is not computed.

    Cost: O(m) after sorting; 4 bytes an entry without weights, 4 more with. ``@`` is O(m C).

    Example:
        >>> import torch
        >>> matrix = SymmetricPropagator(torch.tensor([[0, 1], [1, 0]]), num_nodes=3)
        >>> (matrix @ torch.tensor([[2.0], [4.0], [7.0]])).tolist()
        [[3.0], [3.0], [7.0]]
    """

    def __init__(
        self,
        edge_index: Any,  # noqa: ANN401  (whatever as_graph accepts)
        num_nodes: int | None = None,
        edge_weight: Tensor | None = None,
        *,
        add_self_loops: bool = True,
        normalize: bool = True,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        graph = as_graph(edge_index, num_nodes, edge_weight=edge_weight)
        weight = graph.edge_weight
        if weight is not None and weight.requires_grad and torch.is_grad_enabled():
            raise InputError(
                "edge_weight requires a gradient, but propagation gives none for edge weights: "
                "detach it, or use graphlab.ops.spmm, which is differentiable in them."
            )
        csr, weight = _incoming(graph)
        if add_self_loops:
            csr, weight = _remaining_self_loops(csr, weight)
        self.csr, self.weight, self.dtype = csr, weight, dtype
        self.normalize = normalize
        self.degree = _degrees(csr, weight)
        self._derived: dict[Any, Any] = {}

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return self.csr.num_rows

    @property
    def num_entries(self) -> int:
        """Stored entries, self-loops included."""
        return self.csr.num_entries

    @property
    def device(self) -> torch.device:
        """Device of the matrix."""
        return self.csr.device

    @property
    def symmetric(self) -> bool:
        """Whether the matrix equals its transpose."""
        return self.csr.symmetric

    @property
    def values(self) -> Tensor:
        """Entries of the normalised matrix in the order of ``csr``, of type ``dtype``."""
        return self.values_as(self.dtype)

    @property
    def T(self) -> SymmetricPropagator:  # noqa: N802  (as in torch)
        """The transposed matrix; this very object when it is symmetric."""
        if self.symmetric:
            return self

        def build() -> SymmetricPropagator:
            csr, position = self.csr.transposed()
            weight = self.weight
            if weight is not None and position is not None:
                weight = weight.index_select(0, position)
            return self._like(csr, weight)

        return self._once("T", build)

    def __matmul__(self, z: Tensor) -> Tensor:
        """Multiply a dense (n, C) or (n,) tensor from the left."""
        return self.multiply(z)

    @eager
    def multiply(self, z: Tensor, *, backend: Backend = "auto") -> Tensor:
        """Return the product with a dense (n, C) or (n,) tensor; ``@`` with a choice of backend."""
        if z.dim() not in (1, 2) or z.shape[0] != self.num_nodes:
            raise InputError(f"z has shape {tuple(z.shape)}, expected ({self.num_nodes}, C).")
        here = self.to(z.device)
        dense = z.unsqueeze(1) if z.dim() == 1 else z
        chosen = choose_backend(backend, z)
        if chosen == "compiled" and torch.is_grad_enabled() and z.requires_grad:
            out: Tensor = _Product.apply(dense, here)  # type: ignore[no-untyped-call]
        else:
            out = reduce_rows(here.csr, dense, here.values_as(z.dtype), "sum", chosen)
        return out.squeeze(1) if z.dim() == 1 else out

    def scales(self, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """Return :math:`d^{-1}, d^{-1/2}, d^{1/2}`; 0 where d is 0, ones without normalisation."""

        def build() -> tuple[Tensor, Tensor, Tensor]:
            degree = self.degree if self.normalize else torch.ones_like(self.degree)
            root = degree.sqrt()
            half = torch.where(root > 0, 1 / root, 0)
            return (half * half).to(dtype), half.to(dtype), root.to(dtype)

        return self._once(("scales", dtype), build)

    def weight_as(self, dtype: torch.dtype) -> Tensor | None:
        """Return the weights before normalisation, None when all are 1."""
        weight = self.weight
        if weight is None or weight.dtype == dtype:
            return weight
        return self._once(("weight", dtype), lambda: weight.to(dtype))

    def values_as(self, dtype: torch.dtype) -> Tensor:
        """Return :attr:`values` in another type."""

        def build() -> Tensor:
            half = self.scales(torch.float64)[1]
            values = half.index_select(0, self.csr.rows) * half.index_select(0, self.csr.indices)
            return (values if self.weight is None else values * self.weight).to(dtype)

        return self._once(("values", dtype), build)

    def to_dense(self) -> Tensor:
        """Return the (n, n) matrix, row target, column source; for looking at small graphs."""
        dense = torch.zeros((self.num_nodes,) * 2, dtype=self.dtype, device=self.device)
        index = (self.csr.rows, self.csr.indices.to(torch.int64))
        return dense.index_put_(index, self.values, accumulate=True)

    def to(self, device: torch.device | str) -> SymmetricPropagator:
        """Return the matrix on another device, kept for the next call."""
        device = torch.device(device)
        if device == self.device:
            return self

        def build() -> SymmetricPropagator:
            weight = None if self.weight is None else self.weight.to(device)
            return self._like(self.csr.to(device), weight)

        return self._once(("to", device), build)

    def _like(self, csr: Csr, weight: Tensor | None) -> SymmetricPropagator:
        other = object.__new__(SymmetricPropagator)
        other.csr, other.weight, other.dtype = csr, weight, self.dtype
        other.normalize, other.degree = self.normalize, self.degree.to(csr.device)
        other._derived = {}
        return other

    def _once(self, key: object, build: Callable[[], V]) -> V:
        if key not in self._derived:
            self._derived[key] = build()
        value: V = self._derived[key]
        return value

    def __deepcopy__(self, memo: dict[int, Any]) -> SymmetricPropagator:
        return self  # never changes

    def __repr__(self) -> str:
        kind = "symmetric" if self.symmetric else "directed"
        return f"SymmetricPropagator({self.num_nodes}, entries={self.num_entries}, {kind})"


def propagator(
    graph: Any,  # noqa: ANN401  (whatever as_graph accepts)
    num_nodes: int | None = None,
    *,
    edge_weight: Tensor | None = None,
    add_self_loops: bool = True,
    normalize: bool = True,
) -> SymmetricPropagator:
    """Return the propagator of a graph, made once for each graph and choice of options.

    It is kept as long as the :class:`~graphlab.graph.Graph` or the ``edge_index`` tensor lives.
    Tensors are known by identity and version counter, weights likewise, so a change of
    ``edge_index`` or ``edge_weight`` in place gives a new one. Arrays are read anew each time.

    Args:
        graph: Any graph, or a prepared propagator, which is returned as it is.
        num_nodes: Number of nodes.
        edge_weight: Weights of the entries, in the order of the input.
        add_self_loops: See :class:`SymmetricPropagator`; not read for a prepared one.
        normalize: Likewise.

    Raises:
        InputError: As ``as_graph``; a prepared propagator of another size, or with weights.

    Example:
        >>> import torch
        >>> edge_index = torch.tensor([[0, 1], [1, 0]])
        >>> propagator(edge_index, 2) is propagator(edge_index, 2)
        True
    """
    if isinstance(graph, SymmetricPropagator):
        _check_prepared(graph, num_nodes, edge_weight)
        return graph
    index = None if isinstance(graph, (Graph, Tensor)) else getattr(graph, "edge_index", None)
    if isinstance(index, Tensor):  # PyG's Data and its like: the tensor inside can be recognised
        edge_weight = getattr(graph, "edge_weight", None) if edge_weight is None else edge_weight
        num_nodes = getattr(graph, "num_nodes", None) if num_nodes is None else num_nodes
        graph = index
    make = partial(SymmetricPropagator, add_self_loops=add_self_loops, normalize=normalize)
    if isinstance(graph, Tensor):
        store: dict[Any, Any] = _STORES.get(graph, dict, extra=num_nodes)
        graph = graph.detach()  # a new object: the sorted copy in its Graph need not be kept
    else:
        graph = as_graph(graph, num_nodes)
        store = graph.cached("nn.propagators", dict)
    key = (add_self_loops, normalize)
    if edge_weight is None:
        if key not in store:
            store[key] = make(graph, num_nodes)
        made: SymmetricPropagator = store[key]
        return made
    last: _Weighted | None = store.get((*key, "weighted"))
    if last is not None and last.still_of(edge_weight):
        return last.matrix
    matrix = make(graph, num_nodes, edge_weight)
    if isinstance(edge_weight, Tensor) and not edge_weight.is_inference():
        # one set of weights at a time: the newest replaces the one before
        gone = weakref.ref(edge_weight)
        store[(*key, "weighted")] = _Weighted(gone, edge_weight._version, matrix)
    return matrix


_STORES = WeakCache()


@dataclass(frozen=True)
class _Weighted:
    """A propagator and the weights it was made from."""

    weight: weakref.ref[Tensor]
    version: int
    matrix: SymmetricPropagator

    def still_of(self, edge_weight: object) -> bool:
        """Whether it was made from these weights, and these were not changed since."""
        return (
            self.weight() is edge_weight
            and isinstance(edge_weight, Tensor)
            and edge_weight._version == self.version
            and not edge_weight.requires_grad
        )


class _Product(torch.autograd.Function):
    """Product whose gradient is the product with the transpose."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, matrix: SymmetricPropagator) -> Tensor:  # noqa: ANN401
        ctx.matrix = matrix
        return reduce_rows(matrix.csr, z, matrix.values_as(z.dtype), "sum", "compiled")

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        other = ctx.matrix.T
        return reduce_rows(other.csr, grad, other.values_as(grad.dtype), "sum", "compiled"), None


def _check_prepared(
    matrix: SymmetricPropagator, num_nodes: int | None, edge_weight: object
) -> None:
    if num_nodes is not None and num_nodes != matrix.num_nodes:
        raise InputError(
            f"graph is a propagator of {matrix.num_nodes} nodes, but {num_nodes} were expected "
            "(rows of x)."
        )
    if edge_weight is not None:
        raise InputError(
            "edge_weight was given beside a prepared propagator, which holds its own weights; "
            "give it to SymmetricPropagator instead."
        )


def _incoming(graph: Graph) -> tuple[Csr, Tensor | None]:
    """Return incoming entries as rows with their weights; marked when they are symmetric."""
    n, weight = graph.num_nodes, graph.edge_weight
    outgoing = Csr(graph.indptr, graph.indices, n)
    incoming, position = outgoing.transposed()
    turned = weight
    if weight is not None and position is not None:
        turned = weight.index_select(0, position)
    same = torch.equal(outgoing.indptr, incoming.indptr) and torch.equal(
        outgoing.indices, incoming.indices
    )
    if same and (weight is None or turned is None or torch.equal(weight, turned)):
        return Csr(graph.indptr, graph.indices, n, symmetric=True), weight
    return incoming, turned


def _remaining_self_loops(csr: Csr, weight: Tensor | None) -> tuple[Csr, Tensor | None]:
    """Give each row one diagonal entry, its first: weight 1, or that of the row's last one."""
    n, device = csr.num_rows, csr.device
    node = torch.arange(n, device=device)
    loop = csr.indices == csr.rows
    keep = (~loop).nonzero().squeeze(1)
    row = csr.rows.index_select(0, keep)
    indptr = torch.zeros(n + 1, dtype=torch.int64, device=device)
    torch.cumsum(torch.bincount(row, minlength=n) + 1, 0, out=indptr[1:])
    # row i has i + 1 diagonal entries before its other ones
    target = torch.arange(keep.numel(), device=device) + row + 1
    indices = torch.empty(n + keep.numel(), dtype=csr.indices.dtype, device=device)
    indices[target] = csr.indices.index_select(0, keep)
    indices[indptr[:-1]] = node.to(indices.dtype)
    result = Csr(indptr, indices, n, symmetric=csr.symmetric)
    if weight is None:
        return result, None
    weights = torch.empty(indices.numel(), dtype=weight.dtype, device=device)
    weights[target] = weight.index_select(0, keep)
    diagonal = torch.ones(n, dtype=weight.dtype, device=device)
    found = loop.nonzero().squeeze(1)
    last = torch.full((n,), -1, device=device).scatter_reduce(
        0, csr.rows.index_select(0, found), found, "amax"
    )
    has = last >= 0
    diagonal[has] = weight.index_select(0, last[has])
    weights[indptr[:-1]] = diagonal
    return result, weights


def _degrees(csr: Csr, weight: Tensor | None) -> Tensor:
    """Return the sum of each row in double precision."""
    if weight is None:
        return csr.indptr.diff().to(torch.float64)
    zero = torch.zeros(csr.num_rows, dtype=torch.float64, device=csr.device)
    return zero.index_add_(0, csr.rows, weight.to(torch.float64))
