"""``GraphBatch``: some graphs side by side, as one graph without edges between them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from graphlab.graph import Graph, as_graph

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FieldLevel", "GraphBatch"]

FieldLevel = Literal["node", "edge", "graph"]


class GraphBatch:
    """The disjoint union of some graphs; one graph alone is a batch of one.

    Fields of the collection are attributes: ``x``, ``edge_attr``, ``pe`` and ``y`` are None where
    the collection has none, any other name is an ``AttributeError``. Attributes can be set: a
    transform puts ``pe`` there. Set ones move with :meth:`to`.

    Args:
        edge_index: Entries (2, m) int64; node ids run through all graphs.
        ptr: First node of each graph, and the number of nodes at the end; (B + 1,) int64.
        edge_ptr: The same of entries.
        fields: Tensors by name.

    Shapes:
        - ``x``, ``pe``: (n, ...); ``edge_attr``: (m, ...); ``y``: (n, ...), (m, ...) or (B, ...)
        - ``batch``: (n,) int64, the graph of each node

    Example:
        >>> ring = torch.tensor([[0, 1, 2], [1, 2, 0]])
        >>> batch = GraphBatch(ring, torch.tensor([0, 1, 3]), torch.tensor([0, 0, 3]), {})
        >>> batch
        GraphBatch(num_graphs=2, num_nodes=3, num_edges=3)
        >>> batch.batch.tolist(), batch.x
        ([0, 1, 1], None)
    """

    x: Tensor | None = None
    edge_attr: Tensor | None = None
    pe: Tensor | None = None
    y: Tensor | None = None

    def __init__(
        self,
        edge_index: Tensor,
        ptr: Tensor,
        edge_ptr: Tensor,
        fields: Mapping[str, Tensor],
        *,
        num_nodes: int | None = None,
    ) -> None:
        self.edge_index, self.ptr, self.edge_ptr = edge_index, ptr, edge_ptr
        self.num_nodes = int(ptr[-1]) if num_nodes is None else num_nodes
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  (fields have names of their own)
        """Say which fields there are."""
        fields = ", ".join(n for n, v in self.__dict__.items() if isinstance(v, Tensor))
        raise AttributeError(f"the graphs have no field {name!r} (there are: {fields}).")

    @property
    def num_graphs(self) -> int:
        """Number of graphs B, those without nodes included."""
        return self.ptr.shape[0] - 1

    @property
    def num_edges(self) -> int:
        """Number of stored directed entries m of all graphs."""
        return self.edge_index.shape[1]

    @property
    def device(self) -> torch.device:
        """Device of the structure."""
        return self.edge_index.device

    @cached_property
    def batch(self) -> Tensor:
        """The graph of each node, (n,) int64; made on first use where nobody gave it."""
        graphs = torch.arange(self.num_graphs, device=self.device)
        return graphs.repeat_interleave(self.ptr.diff(), output_size=self.num_nodes)

    @cached_property
    def graph(self) -> Graph:
        """The union as a :class:`graphlab.graph.Graph`, entries sorted; made on first use."""
        return as_graph(self.edge_index, self.num_nodes)

    def to(self, device: str | torch.device) -> GraphBatch:
        """Return the batch on another device; the same object if it is there already."""
        device = torch.device(device)
        if self.device == device:
            return self
        moved = object.__new__(GraphBatch)
        moved.__dict__.update(
            {
                name: value.to(device) if isinstance(value, Tensor | Graph) else value
                for name, value in self.__dict__.items()
            }
        )
        return moved

    def __repr__(self) -> str:
        structure = {"edge_index", "ptr", "edge_ptr", "batch"}
        parts = [f"num_graphs={self.num_graphs}", f"num_nodes={self.num_nodes}"]
        parts.append(f"num_edges={self.num_edges}")
        parts += [
            f"{name}={tuple(value.shape)}"
            for name, value in self.__dict__.items()
            if isinstance(value, Tensor) and name not in structure
        ]
        return f"GraphBatch({', '.join(parts)})"
