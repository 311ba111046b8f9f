"""An encoder of whole graphs that reads features, or the structure alone, and its embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from graphlab.collection import GraphCollection
from graphlab.errors import InputError
from graphlab.models._inputs import positive
from graphlab.models.benchmark.gin import GINLayer
from graphlab.models.benchmark.readout import pool_graphs
from graphlab.ops.incoming import incoming_edges
from graphlab.pretraining._packed import pack

if TYPE_CHECKING:
    from graphlab.collection import GraphBatch

__all__ = ["GraphEncoder", "as_collection", "embed_graphs"]

_STRUCTURE = 3  # columns of what the structure alone tells of a node


class GraphEncoder(nn.Module):
    r"""GIN layers whose mean-pooled outputs stand side by side, after [you2020]_ and [xu2019]_.

    .. math:: \mathbf z_G = \bigl[\, \tfrac 1 n \sum_i \mathbf h_i^{(1)} \;\|\; \dots \;\|\;
        \tfrac 1 n \sum_i \mathbf h_i^{(L)} \,\bigr]

    Each layer is a :class:`graphlab.models.benchmark.GINLayer` without residual. Without
    ``in_channels`` features are not read, and a node of degree d has the input
    :math:`(1, \ln(1 + d), d / 10)`: graphs of any origin then share one encoder. The authors add
    the nodes up; the mean, ours, keeps the size of a graph out of its embedding.

    Args:
        in_channels: Width of the features ``x``; None: degrees of the graph at hand.
        hidden_channels: Width of each layer.
        num_layers: Layers L.

    Shapes:
        - ``batch``: a :class:`graphlab.collection.GraphBatch` of B graphs
        - returns: (B, ``out_channels``), ``out_channels`` = L times ``hidden_channels``

    Raises:
        InputError: A size below 1, features of another width.

    Cost: O(L (m d + n d^2)).

    Example:
        >>> from graphlab.collection import GraphBatch
        >>> ring = torch.tensor([[0, 1, 2, 1, 2, 0], [1, 2, 0, 0, 1, 2]])
        >>> batch = GraphBatch(ring, torch.tensor([0, 3]), torch.tensor([0, 6]), {})
        >>> GraphEncoder(hidden_channels=8)(batch).shape
        torch.Size([1, 24])
    """

    def __init__(
        self, in_channels: int | None = None, hidden_channels: int = 32, num_layers: int = 3
    ) -> None:
        super().__init__()
        self.in_channels = None if in_channels is None else positive("in_channels", in_channels)
        width = positive("hidden_channels", hidden_channels)
        first = _STRUCTURE if in_channels is None else in_channels
        self.layers = nn.ModuleList(
            GINLayer(first if k == 0 else width, width, residual=False)
            for k in range(positive("num_layers", num_layers))
        )
        self.out_channels = width * num_layers

    def forward(self, batch: GraphBatch) -> Tensor:
        """Return (B, out_channels); a graph without nodes has zeros."""
        edges = incoming_edges(batch.edge_index, batch.num_nodes)
        h = self._inputs(batch)
        found = []
        for layer in self.layers:
            h = layer(h, edges)
            found.append(pool_graphs(h, batch.batch, batch.num_graphs, "mean"))
        return torch.cat(found, 1)

    def _inputs(self, batch: GraphBatch) -> Tensor:
        if self.in_channels is None:
            dtype = next(self.parameters()).dtype
            degree = torch.bincount(batch.edge_index[1], minlength=batch.num_nodes).to(dtype)
            return torch.stack([torch.ones_like(degree), torch.log1p(degree), degree / 10], 1)
        if batch.x is None or batch.x.shape[1:] != (self.in_channels,):
            found = "no x" if batch.x is None else f"x of shape {tuple(batch.x.shape)}"
            raise InputError(
                f"The graphs have {found}, but the encoder reads (n, {self.in_channels}). "
                "GraphEncoder(in_channels=None) reads degrees instead."
            )
        return batch.x


def embed_graphs(encoder: nn.Module, graphs: Any, *, batch_size: int = 256) -> Tensor:  # noqa: ANN401
    """Return the embeddings of graphs by an encoder in evaluation mode, without gradients.

    Args:
        encoder: Module from a ``GraphBatch`` to (B, d); its mode is as before afterwards.
        graphs: As for :func:`pretrain_contrastive`; a single one in a list is enough.
        batch_size: Graphs at a time; the result does not depend on it.

    Shapes:
        - returns: (G, d) on the encoder's device

    Raises:
        InputError: No graphs, one that cannot be read, a batch size below 1.

    Example:
        >>> embed_graphs(GraphEncoder(), [torch.tensor([[0, 1], [1, 2]])]).shape
        torch.Size([1, 96])
    """
    positive("batch_size", batch_size)
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    collection = as_collection(graphs).to(device)
    training = encoder.training
    encoder.eval()
    try:
        with torch.no_grad():
            starts = range(0, len(collection), batch_size)
            ends = (min(start + batch_size, len(collection)) for start in starts)
            chosen = (range(a, b) for a, b in zip(starts, ends, strict=True))
            return torch.cat([encoder(collection.batch(part)) for part in chosen])
    finally:
        encoder.train(training)


def as_collection(graphs: Any) -> GraphCollection:  # noqa: ANN401  (any collection of graphs)
    """Pack graphs: both directions of each edge once, no loops; features where all have them."""
    packed = pack(graphs)
    if isinstance(graphs, GraphCollection):
        x = graphs.x
    else:
        rows = [getattr(graph, "x", None) for graph in graphs] if isinstance(graphs, list) else []
        given = [torch.as_tensor(row) for row in rows if row is not None]
        x = torch.cat(given) if given and len(given) == len(rows) else None
    local = np.stack([packed.row, packed.col]) - packed.ptr[packed.graph_of[packed.row]]
    return GraphCollection(
        torch.from_numpy(local),
        torch.from_numpy(packed.ptr),
        torch.from_numpy(packed.indptr[packed.ptr]),
        node={} if x is None else {"x": x.cpu()},
        check=False,
    )
