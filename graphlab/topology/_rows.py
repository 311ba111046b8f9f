"""Edges as this package wants them: checked, and as sorted rows of a symmetric matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor

from graphlab._graph_input import check_count
from graphlab.errors import InputError
from graphlab.graph import Graph, as_graph
from graphlab.ops.csr import Csr
from graphlab.topology._row_kernels import build_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Edges", "Layout", "Reading", "Rows"]

# A tensor, an array, a nested list, or any graph that as_graph accepts.
Edges: TypeAlias = Any
Layout = Literal["(E, 2)", "(2, E)"]
_LOOPS = ("remove", "keep")
_DIRECTED = ("symmetrize", "error")
_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


@dataclass(frozen=True)
class Rows:
    """Neighbours of each node, each once and ascending; a loop stands once in its row.

    Shapes:
        - ``indptr``: (n + 1,) int64; ``columns``: (m,) int32
    """

    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    device: torch.device

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return self.indptr.size - 1

    @cached_property
    def degree(self) -> NDArray[np.int64]:
        """Number of neighbours of each node."""
        return np.diff(self.indptr)

    def csr(self) -> Csr:
        """Return the rows as tensors on the device of the edges."""
        indptr, columns = torch.from_numpy(self.indptr), torch.from_numpy(self.columns)
        return Csr(indptr, columns, self.num_nodes, symmetric=True).to(self.device)

    def result(self, values: NDArray[np.float64]) -> Tensor:
        """Return values as a tensor on the device of the edges."""
        return torch.from_numpy(values).to(self.device)


@dataclass(frozen=True)
class Reading:
    """How edges are read; the same for all edges of one call.

    Args:
        num_nodes: Number of nodes, or None where the edges say it themselves.
        layout: See :func:`graphlab.topology.topological_concentration`; the others too.
        self_loops: See there.
        directed: See there.
    """

    num_nodes: int | None
    layout: str | None = None
    self_loops: str = "remove"
    directed: str = "symmetrize"

    def __post_init__(self) -> None:
        if self.layout not in (None, "(E, 2)", "(2, E)"):
            raise InputError(f"layout is {self.layout!r}, expected None, '(E, 2)' or '(2, E)'.")
        if self.self_loops not in _LOOPS:
            raise InputError(f"self_loops is {self.self_loops!r}, expected 'remove' or 'keep'.")
        if self.directed not in _DIRECTED:
            raise InputError(f"directed is {self.directed!r}, expected 'symmetrize' or 'error'.")

    def rows(self, edges: Edges, name: str) -> Rows:
        """Read edges; InputError names ``name`` and what is wrong."""
        if isinstance(edges, Rows):
            return edges
        if isinstance(edges, np.ndarray | list | tuple) or _is_dense(edges):
            return self._from_array(edges, name)
        graph = as_graph(edges, self.num_nodes)
        if self.directed == "error" and not graph.is_undirected():
            raise _directed_error(name)
        return graph.cached(f"topology.rows.{self.self_loops}", lambda: self._from_graph(graph))

    def _from_graph(self, graph: Graph) -> Rows:
        ends = graph.edge_index.cpu().contiguous().numpy()
        rows = self._build(ends.reshape(-1), graph.num_nodes, 1, graph.device)
        assert rows is not None, "a Graph has no ids out of range"  # noqa: S101
        return rows

    def _from_array(self, edges: Any, name: str) -> Rows:  # noqa: ANN401
        try:
            given = torch.as_tensor(edges)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{name} is a {type(edges).__name__}, expected node ids (E, 2) or (2, E)."
            ) from error
        if given.numel() == 0:
            given = given.to(torch.int64).reshape(0, 2)
        if given.dtype not in _INTEGERS:
            raise InputError(f"{name} has type {given.dtype}, expected integer node ids.")
        if self.num_nodes is None:
            raise InputError(
                f"num_nodes is None, but {name} is a list of edges, which does not say how many "
                "nodes there are; isolated ones count."
            )
        n = check_count(self.num_nodes)
        step = self._step(tuple(given.shape), name)
        ends = given.to("cpu", torch.int64).contiguous().numpy().reshape(-1)
        rows = self._build(ends, n, step, given.device)
        if rows is None:
            raise InputError(
                f"{name} holds nodes {int(ends.min())} to {int(ends.max())}, but num_nodes is {n} "
                f"(ids must be 0..{n - 1})."
            )
        if self.directed == "error":
            _check_undirected(ends.reshape(-1, 2) if step == 2 else ends.reshape(2, -1).T, n, name)
        return rows

    def _step(self, shape: tuple[int, ...], name: str) -> int:
        """Return the distance of first ends: 2 for (E, 2), 1 for (2, E)."""
        fits = [size == 2 for size in shape]
        if len(shape) != 2 or not any(fits):
            raise InputError(f"{name} has shape {shape}, expected (E, 2) or (2, E).")
        if all(fits) and self.layout is None:
            raise InputError(
                f"{name} has shape (2, 2), which may be (E, 2) or (2, E); say which by layout=."
            )
        pairs = fits[1] if not all(fits) else self.layout == "(E, 2)"
        if self.layout is not None and (self.layout == "(E, 2)") != pairs and shape[0] != 0:
            raise InputError(f"{name} has shape {shape}, but layout is {self.layout!r}.")
        return 2 if pairs else 1

    def _build(
        self, ends: NDArray[np.int64], n: int, step: int, device: torch.device
    ) -> Rows | None:
        """Return the rows, or None where an id is out of range."""
        indptr, cursor = np.zeros(n + 1, np.int64), np.empty(n, np.int64)
        scratch, columns = np.empty(ends.size, np.int32), np.empty(ends.size, np.int32)
        other = 1 if step == 2 else ends.size // 2
        keep = int(self.self_loops == "keep")
        build_rows(ends, step, other, keep, indptr, cursor, scratch, columns)
        if indptr[0] < 0:
            return None
        columns.resize(int(indptr[-1]), refcheck=False)  # gives back what was not used
        return Rows(indptr, columns, device)


def _is_dense(edges: object) -> bool:
    return isinstance(edges, Tensor) and edges.layout == torch.strided


def _check_undirected(pairs: NDArray[np.int64], n: int, name: str) -> None:
    """Refuse links of which some have both directions and others one."""
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    there = np.unique(pairs[:, 0] * n + pairs[:, 1])
    both = np.isin(there % n * n + there // n, there)
    if bool(both.any()) and not bool(both.all()):
        raise _directed_error(name)


def _directed_error(name: str) -> InputError:
    return InputError(
        f"{name} has links in one direction beside links in both, so it is directed. Give each "
        "link once or twice, or directed='symmetrize'."
    )
