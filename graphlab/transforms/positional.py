"""Positional encodings of nodes: Laplacian eigenvectors, return probabilities of random walks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from graphlab.collection import GraphCollection
from graphlab.errors import InputError
from graphlab.graph import as_graph
from graphlab.transforms._eigenvectors import dense_eigenvectors, sparse_eigenvectors

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["DropTrivial", "LaplacianPE", "RandomWalkSE", "flip_signs"]

DropTrivial = Literal["first", "all"]
T = TypeVar("T")

_DENSE_UP_TO = 2000  # nodes: above, sparse solvers take less time and far less memory
_BLOCK_BYTES = 1 << 27  # of one dense block of walk probabilities


class LaplacianPE:
    r"""Eigenvectors of the normalised Laplacian of the smallest eigenvalues [dwivedi2023]_.

    .. math:: \mathbf L = \mathbf I - \mathbf D^{-1/2} \mathbf A \mathbf D^{-1/2}

    Degrees are at least 1, so that an isolated node has the eigenvalue 1. Vectors come in
    ascending order of their eigenvalues; the trivial first one is dropped and the next ``k`` are
    kept; columns that do not exist are zero. The sign is fixed by the largest entry, which is
    positive; vectors of one eigenvalue are any orthonormal basis of its space. Graphs are made
    undirected, without loops.

    Flip signs in training only, with :func:`flip_signs`.

    Args:
        k: Number of columns.
        drop_trivial: ``"first"`` drops one vector, as the reference does; ``"all"`` drops one for
            each connected component that has edges (the eigenvalue 0).
        dense_up_to: Graphs of at most so many nodes are solved densely, larger ones by a sparse
            method.

    Raises:
        InputError: ``k`` < 1 or an unknown ``drop_trivial``.

    Cost: O(n³) dense, 0.5 ms for 41 nodes; sparse some hundred products with the
    matrix, or as many solutions with its factors as Lanczos steps need: seconds for 50,000 nodes.

    Example:
        >>> pe = LaplacianPE(2).encode([[0, 1, 1, 2], [1, 0, 2, 1]], num_nodes=3)
        >>> pe.shape, round(float(pe[0, 0]), 4), round(float(pe[1, 0].abs()), 4)
        (torch.Size([3, 2]), 0.7071, 0.0)
    """

    def __init__(
        self,
        k: int,
        *,
        drop_trivial: DropTrivial = "first",
        dense_up_to: int = _DENSE_UP_TO,
    ) -> None:
        self.k = _at_least_one("k", k)
        if drop_trivial not in ("first", "all"):
            raise InputError(f"drop_trivial is {drop_trivial!r}; expected 'first' or 'all'.")
        self.drop_trivial, self.dense_up_to = drop_trivial, dense_up_to

    def __call__(self, data: T) -> T:
        """Set ``data.pe`` (n, k) float32; a collection is returned with this field instead."""
        return _apply(self, data)

    def encode(self, graph: Any, num_nodes: int | None = None) -> Tensor:  # noqa: ANN401
        """Return the encoding (n, k) float32 of one graph, on the CPU.

        Args:
            graph: Anything :func:`graphlab.graph.as_graph` accepts.
            num_nodes: Needed where the graph does not say it.

        Raises:
            InputError: Not a graph.
        """
        matrix = as_graph(graph, num_nodes).simple().to_scipy()
        return torch.from_numpy(self._of_matrix(matrix))

    def _of_matrix(self, matrix: scipy.sparse.csr_array) -> np.ndarray[Any, Any]:
        solve = dense_eigenvectors if matrix.shape[0] <= self.dense_up_to else sparse_eigenvectors
        vectors = solve(matrix, self.k, drop_all=self.drop_trivial == "all")
        out = np.zeros((matrix.shape[0], self.k), np.float32)
        out[:, : vectors.shape[1]] = vectors
        return out

    def __repr__(self) -> str:
        return f"LaplacianPE(k={self.k}, drop_trivial={self.drop_trivial!r})"


class RandomWalkSE:
    r"""Probabilities that a random walk is back after 1 to ``k`` steps [dwivedi2022]_.

    Column t holds the diagonal of :math:`(\mathbf D^{-1} \mathbf A)^t`; isolated nodes have zeros.
    Graphs are made undirected, without loops, so the first column is zero.

    Args:
        k: Number of steps.

    Raises:
        InputError: ``k`` < 1.

    Cost: O(n² k) for dense powers in blocks of rows, of which half are needed: the others follow
    from the symmetry of the normalised matrix.

    Example:
        >>> RandomWalkSE(3).encode([[0, 1, 1, 2], [1, 0, 2, 1]], num_nodes=3).tolist()
        [[0.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 0.0]]
    """

    def __init__(self, k: int) -> None:
        self.k = _at_least_one("k", k)

    def __call__(self, data: T) -> T:
        """Set ``data.pe`` (n, k) float32; a collection is returned with this field instead."""
        return _apply(self, data)

    def encode(self, graph: Any, num_nodes: int | None = None) -> Tensor:  # noqa: ANN401
        """Return the encoding (n, k) float32 of one graph, on the CPU.

        Args:
            graph: Anything :func:`graphlab.graph.as_graph` accepts.
            num_nodes: Needed where the graph does not say it.

        Raises:
            InputError: Not a graph.
        """
        matrix = as_graph(graph, num_nodes).simple().to_scipy()
        return torch.from_numpy(self._of_matrix(matrix))

    def _of_matrix(self, matrix: scipy.sparse.csr_array) -> np.ndarray[Any, Any]:
        from graphlab.transforms._eigenvectors import normalised

        n = matrix.shape[0]
        out = np.zeros((n, self.k), np.float32)
        step = normalised(matrix)[0]
        block = max(1, _BLOCK_BYTES // (8 * max(n, 1)))
        for start in range(0, n, block):
            rows = slice(start, min(start + block, n))
            before = np.zeros((rows.stop - start, n))
            before[np.arange(rows.stop - start), np.arange(start, rows.stop)] = 1
            for power in range(1, self.k + 1, 2):
                # S symmetric: (S^2a)_ii = |row i of S^a|², (S^(2a+1))_ii = rows of S^a and S^(a+1)
                after = (step @ before.T).T
                out[rows, power - 1] = np.einsum("ij,ij->i", before, after)
                if power < self.k:
                    out[rows, power] = np.einsum("ij,ij->i", after, after)
                before = after
        return out

    def __repr__(self) -> str:
        return f"RandomWalkSE(k={self.k})"


def flip_signs(pe: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Multiply each column by a random sign, one for all nodes of the batch; a new tensor.

    For training batches only [dwivedi2023]_: evaluation and stored encodings keep their signs.

    Args:
        pe: Encodings (n, k).
        generator: Source of the signs; default: torch's own.

    Example:
        >>> flipped = flip_signs(torch.ones(3, 4), torch.Generator().manual_seed(0))
        >>> flipped.abs().eq(1).all().item(), flipped.std(0).sum().item()
        (True, 0.0)
    """
    device = pe.device if generator is None else generator.device
    draws = torch.randint(2, (pe.shape[-1],), generator=generator, device=device)
    return pe * (2 * draws - 1).to(pe)


def _at_least_one(name: str, value: Any) -> int:  # noqa: ANN401
    if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
        raise InputError(f"{name} is {value!r}; expected a whole number >= 1.")
    return int(value)


def _apply(transform: LaplacianPE | RandomWalkSE, data: T) -> T:
    """Encode a collection graph by graph, or whatever has ``edge_index``, in place."""
    if isinstance(data, GraphCollection):
        pe = _of_parts(
            transform, data.edge_index, data.node_ptr.tolist(), data.edge_ptr.tolist(), local=True
        )
        return cast("T", data.with_field("pe", pe.to(data.device), "node"))
    anything: Any = data
    ptr, edge_ptr = getattr(data, "ptr", None), getattr(data, "edge_ptr", None)
    if ptr is not None and edge_ptr is not None:  # a batch: each graph has its own vectors
        pe = _of_parts(transform, anything.edge_index, ptr.tolist(), edge_ptr.tolist(), local=False)
    elif getattr(data, "batch", None) is not None and hasattr(data, "edge_index"):
        pe = _of_batch(transform, anything)
    else:
        if not hasattr(data, "edge_index"):
            raise InputError(
                f"data is a {type(data).__name__}; expected an object with edge_index, whose pe "
                "can be set. For other graphs use encode()."
            )
        pe = transform.encode(data)
    try:
        anything.pe = pe.to(anything.edge_index.device)
    except AttributeError as error:
        raise InputError(
            f"pe of a {type(data).__name__} cannot be set; use encode() and keep the result."
        ) from error
    return data


def _of_batch(transform: LaplacianPE | RandomWalkSE, data: Any) -> Tensor:  # noqa: ANN401
    """Encode PyG's batches, whose entries are in the order of their graphs."""
    group = data.batch
    count = int(group.max()) + 1 if group.numel() else 0
    nodes = torch.bincount(group, minlength=count)
    of_edge = group[data.edge_index[0]]
    order = torch.argsort(of_edge, stable=True)
    edges = torch.bincount(of_edge, minlength=count)
    if bool((group.diff() < 0).any()):
        raise InputError("batch must be sorted: nodes of a graph stand together.")
    ptr, edge_ptr = ([0, *sizes.cumsum(0).tolist()] for sizes in (nodes, edges))
    return _of_parts(transform, data.edge_index[:, order], ptr, edge_ptr, local=False)


def _of_parts(
    transform: LaplacianPE | RandomWalkSE,
    index: Tensor,
    ptr: list[int],
    edge_ptr: list[int],
    *,
    local: bool,
) -> Tensor:
    import scipy.sparse

    entries = index.cpu().numpy()
    out = np.zeros((ptr[-1], transform.k), np.float32)
    for number in range(len(ptr) - 1):
        first, end = ptr[number], ptr[number + 1]
        n = end - first
        row, col = entries[:, edge_ptr[number] : edge_ptr[number + 1]].astype(np.int64)
        if not local:
            row, col = row - first, col - first
        keep = row != col
        row, col = row[keep], col[keep]
        if isinstance(transform, LaplacianPE) and n <= transform.dense_up_to:
            dense = np.zeros((n, n), bool)
            dense[row, col] = dense[col, row] = True
            matrix = dense
        else:
            both = (np.concatenate([row, col]), np.concatenate([col, row]))
            matrix = scipy.sparse.coo_array((np.ones(2 * row.size), both), shape=(n, n)).tocsr()
            matrix.data[:] = 1
        out[first:end] = transform._of_matrix(matrix)
    return torch.from_numpy(out)
